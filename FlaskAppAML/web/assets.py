"""Stylesheets (the first with the owner's accent), scripts, the icon and the logo, under names that change with them.

Every page has `app.css` and `app.js`; what few pages need stands in files of its own, which those pages name in their
block `extras`.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, request
from markupsafe import Markup

from ..errors import PageNotFound, SettingError
from ..settings import Settings
from .accent import accent_css

STATIC = Path(__file__).resolve().parent.parent / "static"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
LOGO_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
COMMENTS = {".css": re.compile(rb"/\*.*?\*/", re.DOTALL), ".js": re.compile(rb"^ *//.*\n", re.MULTILINE)}
SCRIPT, SHEET = Markup('<script src="{}" defer></script>'), Markup('<link rel="stylesheet" href="{}">')
A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """`name` holds a digest of the content, so a browser may keep it for good."""

    name: str
    content_type: str
    body: bytes
    packed: bytes

    @staticmethod
    def make(stem: str, suffix: str, body: bytes, content_type: str) -> Asset:
        digest = hashlib.sha256(body).hexdigest()[:10]
        return Asset(f"{stem}-{digest}{suffix}", content_type, body, gzip.compress(body, 9, mtime=0))


class Assets:
    """Made once at start: every file of `static/`, and the owner's logo. Raises SettingError for a logo that is no
    picture."""

    def __init__(self, settings: Settings) -> None:
        accent = accent_css(settings.accent) if settings.accent else ""
        self._files = {path.name: _made(path, accent) for path in sorted(STATIC.iterdir()) if path.suffix in TYPES}
        self.logo = _logo(settings.logo)
        self.by_name = {asset.name: asset for asset in (*self._files.values(), self.logo) if asset}

    def path(self, file: str) -> str:
        """Where a page finds a file of `static/`: `path("app.css")`."""
        return f"/static/{self._files[file].name}"

    def linked(self, files: Iterable[str], root: str) -> Markup:
        """What loads them into a page of an app that is mounted under `root`."""
        return Markup("\n  ").join(
            (SHEET if file.endswith(".css") else SCRIPT).format(f"{root}{self.path(file)}") for file in files
        )

    def __getitem__(self, file: str) -> Asset:
        return self._files[file]


def _made(path: Path, accent: str) -> Asset:
    """Without its comments, which are a tenth of its weight on the wire."""
    comments = COMMENTS.get(path.suffix)
    body = comments.sub(b"", path.read_bytes()) if comments else path.read_bytes()
    body += accent.encode() if path.name == "app.css" else b""
    return Asset.make(path.stem, path.suffix, body, TYPES[path.suffix])


def _logo(path: str) -> Asset | None:
    if not path:
        return None
    content_type = LOGO_TYPES.get(Path(path).suffix.lower())
    if content_type is None:
        guessed = mimetypes.guess_type(path)[0] or "no picture"
        raise SettingError(f"LOGO must be an SVG, PNG, JPEG or WebP file; {path} is {guessed}.")
    return Asset.make("logo", Path(path).suffix.lower(), Path(path).read_bytes(), content_type)


def install(app: Flask) -> None:
    assets: Assets = app.extensions["site"].assets
    icon = assets["icon.svg"]

    @app.get("/static/<name>")
    def asset(name: str) -> Response:
        found = assets.by_name.get(name)
        if found is None:
            raise PageNotFound
        response = Response(found.body, content_type=found.content_type)
        if request.accept_encodings.quality("gzip") > 0:
            response.set_data(found.packed)
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = A_YEAR
        return response

    @app.get("/favicon.ico")
    def favicon() -> Response:
        return Response(icon.body, content_type=icon.content_type, headers={"Cache-Control": "public, max-age=86400"})
