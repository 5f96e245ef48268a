"""The one reader of failures, for every dialect. It runs before any answer is decoded, also on status 200:
some services fail with 200 and say so only in the body.
"""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Iterator
from typing import Any

from .errors import (
    BadResponse,
    EndpointError,
    InputRefused,
    InputTooLarge,
    KeyRefused,
    Loading,
    ModelFailed,
    NoSuchEndpoint,
    Overloaded,
    TimedOut,
    Unsupported,
)
from .wire import Reply, read_json

ABOUT_INPUT = re.compile(r"bad.?(argument|request|parameter|input)|invalid|validation|missing.?(input|column)", re.I)
IS_LOADING = re.compile(r"(currently|still|being) load|is loading|not finished|starting up|warming up", re.I)

BY_STATUS: dict[int, type[EndpointError]] = {
    400: InputRefused,
    401: KeyRefused,
    403: KeyRefused,
    404: NoSuchEndpoint,
    408: TimedOut,
    409: Overloaded,
    410: NoSuchEndpoint,
    413: InputTooLarge,
    422: InputRefused,
    429: Overloaded,
    503: Overloaded,
    504: TimedOut,
}
WORTH_ANOTHER_TRY = frozenset({408, 429, 502, 503, 504})


def check(reply: Reply) -> None:
    """Raises the EndpointError that this reply stands for; returns when it may hold an answer."""
    if reply.status >= 400 or reply.status < 200:
        raise _by_status(reply)
    if reply.status in (204, 205) or not reply.body.strip():
        raise _failure(BadResponse, reply, "The answer was empty.", {})
    _check_body(reply)


def _by_status(reply: Reply) -> EndpointError:
    said = _json_or_nothing(reply)
    error = BY_STATUS.get(reply.status)
    if error is None:
        error = Unsupported if 400 <= reply.status < 500 and reply.status != 424 else ModelFailed
    if error is Overloaded and _is_loading(said):
        error = Loading
    return _failure(error, reply, "", said, another_try=reply.status in WORTH_ANOTHER_TRY)


def _check_body(reply: Reply) -> None:
    """A body whose only news is an error is a failure, whatever its status says."""
    try:
        said = reply.json()
    except BadResponse:
        return  # no JSON: what else it may be, its dialect knows
    error = said.get("error") if isinstance(said, dict) else None
    if not error or not isinstance(error, str | dict | list) or "Results" in said:
        return
    if _is_loading(said):
        raise _failure(Loading, reply, "", said, another_try=True)
    kind = InputRefused if ABOUT_INPUT.search(_code(said)) else ModelFailed
    raise _failure(kind, reply, "The endpoint answered 200, but with an error.", said)


def _failure(
    error: type[EndpointError], reply: Reply, detail: str, said: Any, *, another_try: bool = False
) -> EndpointError:
    return error(
        detail,
        upstream_status=reply.status,
        retry_after=_retry_after(reply, said),
        another_try=another_try,
        code=_code(said),
        endpoint_text=_text(said),
        body=reply.body,
        seconds=reply.seconds,
        tries=reply.tries,
    )


def _json_or_nothing(reply: Reply) -> Any:
    try:
        return read_json(reply.body[:100_000], reply.headers.get("content-type", ""))
    except BadResponse:
        return {}


def _errors(said: Any) -> Iterator[dict[str, Any]]:
    """The error objects of a body, from the general to the particular (Azure nests the cause in `details`)."""
    if not isinstance(said, dict):
        return
    error = said.get("error")
    outer = error if isinstance(error, dict) else said
    yield outer
    details = outer.get("details") or outer.get("detail")
    if isinstance(details, list):
        yield from (item for item in details[:20] if isinstance(item, dict))


def _code(said: Any) -> str:
    codes = [_one_line(item.get("code") or item.get("error_code") or item.get("type")) for item in _errors(said)]
    return next((code for code in reversed(codes) if code), "")


def _text(body: Any) -> str:
    """What the endpoint wrote about it: every message once. It is cut only after secrets were removed from it."""
    texts: list[str] = []
    for item in _errors(body):
        said = [item.get(key) for key in ("message", "msg", "error", "detail")]
        texts += [_one_line(text) for text in said if isinstance(text, str)]
    return " ".join(dict.fromkeys(text for text in texts if text))


def _one_line(value: Any) -> str:
    return " ".join(str(value).split()) if isinstance(value, str | int) else ""


def _is_loading(said: Any) -> bool:
    return isinstance(said, dict) and ("estimated_time" in said or bool(IS_LOADING.search(_text(said))))


def _retry_after(reply: Reply, said: Any) -> float | None:
    """Seconds, from the header (a number or a date, RFC 9110, 10.2.3) or from Hugging Face's `estimated_time`."""
    header = reply.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", header):
        return float(header)
    if header:
        try:
            return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
        except (ValueError, OverflowError):
            return None
    estimate = said.get("estimated_time") if isinstance(said, dict) else None
    if not isinstance(estimate, int | float) or isinstance(estimate, bool):
        return None
    return float(estimate) if 0 <= estimate < 1e6 else None
