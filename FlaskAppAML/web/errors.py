"""The one map from errors to pages and problem documents. Views raise; nothing else answers with an error."""

from __future__ import annotations

import contextlib
import logging
import math
import sys
from typing import Any

from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from ..errors import (
    AppError,
    EndpointError,
    Forbidden,
    InternalError,
    MalformedRequest,
    MethodNotAllowed,
    NotConfigured,
    PageNotFound,
    RequestTooLarge,
    SettingError,
    SignInNeeded,
    UnsupportedMedia,
    WrongInput,
)
from ..wire import dumps
from . import model_page, pictures, view
from .security import is_owner
from .site import site

LOGGED_BODY = 2000
MOST_SEARCHED = 100_000
LONGEST_TEXT = 600
LONGEST_CODE = 80
SPARE_BYTES = 1024**2  # by which a proxy lets more through than the app takes
PIECE_BYTES = 64 * 1024
DEFAULT_RETRY = 10.0  # seconds, told with 503 where the endpoint itself names none

FROM_WERKZEUG: dict[int, type[AppError]] = {
    403: Forbidden,
    404: PageNotFound,
    405: MethodNotAllowed,
    413: RequestTooLarge,
    415: UnsupportedMedia,
}

log = logging.getLogger(__name__)


def install(app: Flask) -> None:
    app.register_error_handler(AppError, answer)
    app.register_error_handler(HTTPException, _from_werkzeug)
    app.register_error_handler(Exception, _unexpected)


def answer(error: AppError) -> Response:
    """The error as a page, or as a problem document for programs, with the same status and the same words."""
    if wants_json():
        response = Response(dumps(problem(error)), error.status, content_type="application/problem+json")
    else:
        response = Response(page(error), error.status)
    _hear_out()
    return told(error, response)


def told(error: AppError, response: Response) -> Response:
    """The response with what every error has: its line in the log, when to try again, and that no copy is kept."""
    _note(error)
    if error.status in (429, 503):
        response.headers["Retry-After"] = str(math.ceil(error.retry_after or DEFAULT_RETRY))
    response.headers["Cache-Control"] = "no-store"
    return response


def _hear_out() -> None:
    """Reads what is left of the request and throws it away, behind a proxy: a server that closes while the body still
    comes makes the proxy say 502 in place of this answer. Proxies hold slow clients off; without one nobody may make
    us listen."""
    settings = site().settings
    if not settings.proxy_hops:
        return
    request.max_content_length = sys.maxsize  # else there is no stream of what is too large
    left = settings.max_request_bytes + SPARE_BYTES
    with contextlib.suppress(HTTPException, OSError, ValueError):  # it broke off
        while left > 0 and (piece := request.stream.read(min(left, PIECE_BYTES))):
            left -= len(piece)


def wants_json() -> bool:
    if request.path.startswith("/api/"):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json", "application/problem+json"])
    return best not in (None, "text/html") and "text/html" not in str(request.accept_mimetypes)


def problem(error: AppError) -> dict[str, Any]:
    """RFC 9457, with the members that programs need besides."""
    document: dict[str, Any] = {
        "type": f"about:blank#{error.kind}",
        "title": _sentence(error.said),
        "status": error.status,
        "detail": " ".join(part for part in (error.detail or error.lead, endpoint_words(error)) if part)
        or _sentence(error.said),
        "kind": error.kind,
        "fields": error.fields,
        "request_id": g.get("request_id", ""),
    }
    if error.retry_after is not None:
        document["retry_after"] = math.ceil(error.retry_after)
    if isinstance(error, EndpointError) and error.upstream_status:
        document["model_status"] = error.upstream_status
    redacted: dict[str, Any] = site().redact.document(document)
    return redacted


def endpoint_words(error: AppError) -> str:
    """What of the endpoint's own text may be read: visitors see what is about their input, the owner sees all."""
    if not isinstance(error, EndpointError):
        return ""
    return short(error.endpoint_text, LONGEST_TEXT) if error.says_why or is_owner() else ""


def short(text: str, most: int) -> str:
    """Secrets are removed before the cut: of a secret across it, nearly all would stay."""
    clean = site().redact(text)
    return clean if len(clean) <= most else f"{clean[:most]}…"


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:]


def page(error: AppError) -> str:
    """The form's own page with the failure in the answer's place when there is a form, else a page of its own."""
    form = g.get("form")
    words = words_of(error)
    if form is not None:
        pictures.offer(form)
        if isinstance(error, WrongInput):
            form.mark({**form.lost(), **error.fields})
            return model_page.form_page(form, problems=form.wrong() or error.fields)
        form.mark({**form.lost(), **form.schema.by_wire_name(error.fields)})
        return model_page.form_page(form, **words)
    if isinstance(error, NotConfigured):
        return render_template("setup.html", missing=site().settings.missing(), settings=site().settings)
    if isinstance(error, SignInNeeded):
        return render_template("sign_in.html", wrong=error.detail, next=_next())
    return render_template("error.html", **words)


def words_of(error: AppError) -> dict[str, Any]:
    """For `facts.html`, which says what is known of a failure."""
    code = short(error.code, LONGEST_CODE) if isinstance(error, EndpointError) else ""
    return {"failure": error, "words": endpoint_words(error), "code": code, "retry": _when(error)}


def _when(error: AppError) -> str:
    """In words, where the endpoint or our own limit named a time."""
    if error.retry_after is None:
        return ""
    return f"In {view.span(error.retry_after)}, with the button of the form."


def _next() -> str:
    if request.endpoint == "sign_in":
        return request.form.get("next", "/") if request.method == "POST" else "/"
    return request.path if request.method == "GET" else "/"


def known(error: Exception) -> AppError:
    """The error of ours that any other stands for. What nobody foresaw goes into the log whole."""
    if isinstance(error, AppError):
        return error
    if isinstance(error, HTTPException):
        code = error.code or 500
        detail = f"It takes up to {(request.max_content_length or 0) / 1024**2:.3g} MB." if code == 413 else ""
        return FROM_WERKZEUG.get(code, MalformedRequest if code < 500 else InternalError)(detail)
    log.error("unexpected error, id=%s", g.get("request_id", ""), exc_info=error)
    return InternalError()


def _from_werkzeug(error: HTTPException) -> Any:
    if error.code is not None and error.code < 400:
        return error
    answered = answer(known(error))
    if error.code == 405:
        for name, value in error.get_headers():
            if name == "Allow":
                answered.headers["Allow"] = value
    return answered


def _unexpected(error: Exception) -> Response:
    return answer(known(error))


def _note(error: AppError) -> None:
    """Facts for the request's log line; the raw body of an endpoint's failure goes there and nowhere else."""
    facts: dict[str, Any] = {"kind": error.kind}
    if isinstance(error, EndpointError):
        code = short(error.code, LONGEST_CODE)
        facts |= {"upstream": error.upstream_status, "tries": error.tries, "detail": error.detail, "code": code}
        if error.body:
            body = short(error.body[:MOST_SEARCHED].decode("utf-8", "replace"), LOGGED_BODY)
            log.warning("the endpoint said: %s", body, extra={"facts": {"id": g.get("request_id", "")}})
    if isinstance(error, SettingError):
        facts["detail"] = error.detail or str(error)
    g.facts = g.get("facts", {}) | {key: value for key, value in facts.items() if value not in (None, "")}
