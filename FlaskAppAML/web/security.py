"""Who may come in, and what browsers may do with our pages."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, Response, redirect, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.sansio.utils import host_is_trusted

from ..errors import Forbidden, MalformedRequest, SettingError, SignInNeeded
from ..settings import Settings
from .rate_limits import Limiter
from .site import site

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOOPBACK = ("localhost", "127.0.0.1", "::1")
FORWARDED = re.compile(r"forwarded$|x-forwarded-|x-real-ip$|via$", re.IGNORECASE)
HOST = re.compile(r"[\w.:\[\]-]{0,255}", re.ASCII)
PREFIX = re.compile(r"(/[\w.~-]+)*", re.ASCII)
PROBES = ("health", "ready")
OPEN_TO_ALL = ("asset", "favicon", "sign_in", *PROBES)
WRONG_GUESSES = "20/minute"  # of the password, per client; also with RATE_LIMIT=off
KEY_LENGTH = 64
COOKIE = "signed-in"
COOKIE_SECONDS = 12 * 3600
READING = ("GET", "HEAD", "OPTIONS")
NO_DEVICES = ", ".join(
    f"{feature}=()" for feature in ("camera", "microphone", "geolocation", "payment", "usb", "display-capture")
)
CAMERA_ALONE = NO_DEVICES.replace("camera=()", "camera=(self)")


def headers(settings: Settings) -> dict[str, str]:
    """No page needs inline script or style, another host, or a device; /camera alone needs a camera. The referrer
    policy must let browsers send `Origin` with our own forms: with `no-referrer` they send `null`, which looks like
    another site."""
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; media-src data:; "
        "connect-src 'self'; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors {settings.frame_ancestors}"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": NO_DEVICES,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def is_owner() -> bool:
    """A request from this very computer to a server that listens for it alone."""
    if not site().local:
        return False
    host = urlsplit(f"//{request.host}").hostname or ""
    return host in LOOPBACK and not any(FORWARDED.match(name) for name, _ in request.headers)


def from_another_site() -> bool:
    """Only what a browser says counts; programs that say nothing pass. `Sec-Fetch-Site` comes with https and
    localhost only, so `Origin` is asked too."""
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        return fetch_site not in ("same-origin", "none")
    sender = request.headers.get("Origin")
    try:
        return sender is not None and urlsplit(sender).netloc.lower() != request.host.lower()
    except ValueError:
        return True


def is_welcome() -> bool:
    """Whether the page of another site that asks is one of `CORS_ORIGINS`, and asks the API: the only way in that
    needs no cookie of ours, so that nobody can be made to ask who would not."""
    allowed = site().settings.cors_origins
    if not allowed or not request.path.startswith("/api/"):
        return False
    return "*" in allowed or request.headers.get("Origin", "").lower() in allowed


def install(app: Flask) -> None:
    settings: Settings = app.extensions["site"].settings
    door = Door(settings)
    for subject in ("submissions", "drawings"):
        app.extensions[subject] = Limiter(settings.rate_limit, subject, settings.redis_url)

    @app.before_request
    def admit() -> None:
        is_probe = request.endpoint in PROBES  # comes by address, not by name
        if settings.trusted_hosts and not is_probe and not host_is_trusted(request.host, settings.trusted_hosts):
            raise MalformedRequest("This app does not answer to that host name.")
        if request.method not in READING and from_another_site() and not is_welcome():
            raise Forbidden
        is_asked_first = request.method == "OPTIONS" and is_welcome()  # browsers ask without the password
        if settings.password and request.endpoint not in OPEN_TO_ALL and not is_asked_first and not door.is_open():
            raise SignInNeeded

    if settings.password:

        @app.post("/sign-in")
        def sign_in() -> Response:
            if not door.fits(request.form.get("password", "")):
                raise SignInNeeded("That is not the password.")
            response = redirect(_own_path(request.form.get("next", "")), 303)
            door.give_key(response)
            return response  # type: ignore[return-value]


def _own_path(path: str) -> str:
    """Where to go after signing in: inside this app only."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path and path.isprintable()
    return request.script_root + path if is_ours else f"{request.script_root}/"


def guard(inner: WSGIApplication, settings: Settings) -> WSGIApplication:
    """Around all of Flask: puts our headers on every answer that does not set them itself, refuses a `Host` that is
    none before Flask trips over it, and forgets a path prefix that is none."""
    no_copies = "no-store" if settings.password else "no-cache"
    fixed = list({**headers(settings), "Cache-Control": no_copies}.items())

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, own: list[tuple[str, str]], error: Any = None) -> Callable[[bytes], object]:
            says = {name for name, _ in own}
            return start_response(status, [*own, *(one for one in fixed if one[0] not in says)], error)

        if not HOST.fullmatch(environ.get("HTTP_HOST", "")):
            start("400 Bad Request", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"The Host header names no host."]
        if not PREFIX.fullmatch(environ.get("SCRIPT_NAME", "")):
            environ["SCRIPT_NAME"] = ""
        return inner(environ, start)

    return application


class Door:
    """The shared `PASSWORD`: a signed cookie for browsers; HTTP Basic, or the password as bearer, for programs."""

    def __init__(self, settings: Settings) -> None:
        self._password = settings.password
        self._guesses = Limiter(WRONG_GUESSES, "guesses", settings.redis_url)
        # A new password makes all cookies worthless, since it is part of the salt.
        salt = hashlib.sha256(settings.password.encode()).hexdigest()
        self._signer = URLSafeTimedSerializer(_signing_key(settings), salt=salt) if settings.password else None

    def fits(self, given: str) -> bool:
        """Raises RateLimited after too many wrong guesses, whatever is given then."""
        self._guesses.check()
        right = hmac.compare_digest(given.encode("utf-8", "replace"), self._password.encode())
        if not right:
            self._guesses.count()
        return right

    def is_open(self) -> bool:
        sent = request.authorization
        if sent is not None and sent.type == "basic" and sent.password is not None:
            return self.fits(sent.password)
        if sent is not None and sent.type == "bearer" and sent.token:
            return self.fits(sent.token)
        if is_welcome() and from_another_site():
            return False  # another site's page does not get in by a cookie of ours
        assert self._signer is not None  # noqa: S101 - a door without a password is never asked
        try:
            return bool(self._signer.loads(request.cookies.get(COOKIE, ""), max_age=COOKIE_SECONDS))
        except BadSignature:
            return False

    def give_key(self, response: object) -> None:
        assert self._signer is not None  # noqa: S101
        response.set_cookie(  # type: ignore[attr-defined]
            COOKIE,
            self._signer.dumps("in"),
            max_age=COOKIE_SECONDS,
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
            path=request.script_root or "/",
        )


def _signing_key(settings: Settings) -> str:
    """`SECRET_KEY`, or a random one that all processes of this machine share by a file."""
    if settings.secret_key:
        return settings.secret_key
    path = Path(settings.data_dir) / "secret-key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError), open(_new_file(path), "w") as file:
            file.write(secrets.token_hex(KEY_LENGTH // 2))
        key = _read_key(path)
    except (OSError, UnicodeError):
        raise SettingError("PASSWORD needs a SECRET_KEY, or a DATA_DIR that can be written.") from None
    if len(key) < KEY_LENGTH:
        raise SettingError(f"{path} holds no key; delete it, and a new one is made.")
    return key


def _new_file(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _read_key(path: Path) -> str:
    """Another process may have made the file this moment and be about to write it."""
    for _ in range(20):
        key = path.read_text("ascii").strip()
        if len(key) >= KEY_LENGTH:
            break
        time.sleep(0.05)
    return key
