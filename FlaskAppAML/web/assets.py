"""The stylesheet (with the owner's accent), the script, the icon and the logo, under names that change with them."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, request

from ..errors import PageNotFound, SettingError
from ..settings import Settings
from .accent import accent_css

STATIC = Path(__file__).resolve().parent.parent / "static"
LOGO_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
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
    """Made once at start. Raises SettingError for a logo that is no picture."""

    def __init__(self, settings: Settings) -> None:
        sheet = (STATIC / "app.css").read_text("utf-8")
        if settings.accent:
            sheet += accent_css(settings.accent)
        self.css = Asset.make("app", ".css", sheet.encode(), "text/css; charset=utf-8")
        self.js = Asset.make("app", ".js", (STATIC / "app.js").read_bytes(), "text/javascript; charset=utf-8")
        script = (STATIC / "connect.js").read_bytes()
        self.connect_js = Asset.make("connect", ".js", script, "text/javascript; charset=utf-8")
        self.icon = Asset.make("icon", ".svg", (STATIC / "icon.svg").read_bytes(), "image/svg+xml")
        self.logo = _logo(settings.logo)
        served = [asset for asset in (self.css, self.js, self.connect_js, self.icon, self.logo) if asset]
        self.by_name = {asset.name: asset for asset in served}


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
        return Response(
            assets.icon.body, content_type=assets.icon.content_type, headers={"Cache-Control": "public, max-age=86400"}
        )
