"""One line per request, without secrets. `LOG_FORMAT=json` makes each line an object."""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time
from typing import Any

from flask import Flask, Response, g, request

from ..redact import Redactor
from ..settings import Settings
from .rate_limits import client_address

LONGEST_LINE = 4000
ROOT_LOGGER = "FlaskAppAML"

log = logging.getLogger(f"{ROOT_LOGGER}.requests")


class LineFormatter(logging.Formatter):
    """A line is one line whatever an endpoint wrote, and holds no secret."""

    def __init__(self, as_json: bool, redact: Redactor) -> None:
        super().__init__()
        self._as_json = as_json
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z"
        facts: dict[str, Any] = getattr(record, "facts", {})
        message = self._redact(record.getMessage())
        if record.exc_info:
            message += "\n" + self._redact(self.formatException(record.exc_info))
        if self._as_json:
            document = {"at": at, "level": record.levelname.lower(), "message": message, **facts}
            return self._redact(json.dumps(document, default=str))
        pairs = " ".join(f"{key}={_one_word(value)}" for key, value in facts.items())
        line = f"{at} {record.levelname.lower()} {message} {pairs}".strip()
        shown = self._redact(line)
        if record.exc_info:
            return shown
        shown = shown[:LONGEST_LINE]
        return shown if shown.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in shown)


def _one_word(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(c in text for c in ' "=') else text


class _ToStderr(logging.Handler):
    """To what `sys.stderr` is at that moment: servers replace it after the start."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")
        sys.stderr.flush()


def configure(settings: Settings, redact: Redactor) -> None:
    """Our own loggers only: a host's logging stays as it is."""
    logger = logging.getLogger(ROOT_LOGGER)
    logger.setLevel(settings.log_level.upper())
    logger.propagate = False
    for old in list(logger.handlers):
        logger.removeHandler(old)
    handler = _ToStderr()
    handler.setFormatter(LineFormatter(settings.log_format == "json", redact))
    logger.addHandler(handler)


def install(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        g.request_id = secrets.token_hex(16)
        g.started = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        request_id = getattr(g, "request_id", "")
        response.headers["X-Request-ID"] = request_id
        if log.isEnabledFor(logging.INFO) and not request.path.startswith("/static/"):
            log.info("%s %s", request.method, _one_word(request.path), extra={"facts": _facts(response, request_id)})
        return response


def _facts(response: Response, request_id: str) -> dict[str, Any]:
    took = time.perf_counter() - getattr(g, "started", time.perf_counter())
    facts = {
        "status": response.status_code,
        "ms": round(took * 1000, 1),
        "client": client_address(),
        "id": request_id,
    }
    return facts | getattr(g, "facts", {})
