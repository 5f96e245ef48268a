"""An answer in pieces: the same submission as that of `pages.py`, whose text is sent as it comes.

`static/stream.js` asks for it. The reply is a JSON object to a line: `{"text": ...}` for each piece, then once
`{"page": ..., "status": ..., "at": ...}`: the page that a form without script would have got, and the path where it
stands again. Empty lines mean that the model is silent; they also find out whether anybody still listens.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from flask import Flask, Response, current_app, g, request, stream_with_context

from ..answers import InPieces
from ..errors import AppError, EndpointError
from ..forms import SchemaForm
from ..prediction import Question
from ..score import stream
from ..wire import dumps
from .pages import answered, submitted
from .predictions import document_of, failed_document, with_pictures
from .site import site

CONTENT_TYPE = "application/x-ndjson"
SIGN_OF_LIFE_SECONDS = 1.0

log = logging.getLogger(__name__)


def install(app: Flask) -> None:
    app.add_url_rule("/models/<model>/stream", "submit_stream", submit_stream, methods=["POST"])


def submit_stream(model: str) -> Response:
    """What is wrong before the model is asked is told in the same way; of a 422 to a script browsers would complain."""
    try:
        lines: Iterator[bytes] = stream_with_context(_lines(*submitted(model)))
    except AppError as error:
        lines = iter([_line(_page(current_app.handle_user_exception(error)))])
    # nginx, and what behaves like it, would collect the lines
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store, no-transform"}
    return Response(lines, content_type=f"{CONTENT_TYPE}; charset=utf-8", headers=headers)


def _lines(key: str, form: SchemaForm, question: Question) -> Iterator[bytes]:
    """Closed early, it closes the call too."""
    at = time.monotonic()
    how = "left"
    settings = site().model.settings
    patience = float(max(settings.stream_timeout, settings.timeout))
    try:
        yield b"\n"  # the head of the reply is on its way at once
        with closing(site().answers.once_in_pieces(key, lambda: _document(key, question), patience)) as coming:
            while True:
                try:
                    text = next(coming)
                except StopIteration as end:
                    last = _last(end.value, form)
                    break
                except Exception as error:
                    last = _page(current_app.handle_user_exception(error))
                    break
                if text or time.monotonic() - at >= SIGN_OF_LIFE_SECONDS:
                    at = time.monotonic()
                    yield _line({"text": text}) if text else b"\n"
        how = str(last["status"])
        yield _line(last)
    finally:
        took = round((time.perf_counter() - g.started) * 1000, 1)
        facts = {"ended": how, "ms": took, "id": g.request_id} | g.get("facts", {})
        log.info("stream %s", request.path, extra={"facts": facts})


def _document(key: str, question: Question) -> InPieces:
    started = time.perf_counter()
    secrets = [*site().settings.secrets(), *question.secrets]
    try:
        scored = yield from stream(site().model, question.schema, question.rows, secrets)
    except EndpointError as error:
        return failed_document(error)
    return with_pictures(document_of(key, question, scored, time.perf_counter() - started), key, question)


def _last(document: dict[str, Any], form: SchemaForm) -> dict[str, Any]:
    try:
        page = _page(answered(document, form))
    except EndpointError as error:
        return _page(current_app.handle_user_exception(error))
    is_kept = document["until"] is not None
    return page | {"at": f"{request.script_root}/answers/{document['prediction']['id']}" if is_kept else ""}


def _page(response: Any) -> dict[str, Any]:
    made = current_app.make_response(response)
    return {"page": made.get_data(as_text=True), "status": made.status_code, "at": ""}


def _line(value: dict[str, Any]) -> bytes:
    return dumps(value).encode("utf-8", "replace") + b"\n"
