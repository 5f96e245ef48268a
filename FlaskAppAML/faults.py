"""The one reader of failures, for every dialect. It runs before any answer is decoded, also on status 200:
some services fail with 200 and say so only in the body.

Sources, besides what servers of each kind were seen to answer: Azure Machine Learning's documentation of online
endpoints (424 and `ms-azureml-model-error-statuscode`), SageMaker's InvokeEndpoint (`OriginalStatusCode`), FastAPI's
validation errors (`detail[].loc`), Cog's HTTP API (`status`), MLflow's scoring server (`error_code`, `stack_trace`),
TorchServe's management of errors (`type`), Hugging Face's inference API (`estimated_time`).
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
BLAMES_INPUT = re.compile(
    r"failed to (parse|process|read|decode|load) (the )?(\w+ )?(json|image|picture|file|audio|input)"
    r"|(invalid|unsupported|malformed) (json|image|input|file|format)",
    re.I,
)
ABOUT_LENGTH = re.compile(r"context_length|string_above_max|too_(large|long)", re.I)
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
    501: Unsupported,
    503: Overloaded,
    504: TimedOut,
}
WORTH_ANOTHER_TRY = frozenset({408, 429, 502, 503, 504})
ANSWERS = ("Results", "results", "predictions", "prediction", "outputs", "output", "result", "data", "choices")
FAILED = frozenset({"failed", "canceled", "cancelled", "aborted"})
CRASHED = "InternalServerException"  # TorchServe's 503 for a model that failed
ERROR_IN_200 = "The endpoint answered 200, but with an error."
MOST_FIELDS = 100
LONGEST_PLACE = 1000  # characters
MOST_READ = 100_000  # bytes of a failure
LONGEST_PLAIN = 20_000  # bytes of a failure in plain text
MISSING = re.compile(r"[Mm]issing inputs \[([^\]]{1,2000})\]")
QUOTED = re.compile(r"'([^']{1,200})'|\"([^\"]{1,200})\"")
RAISED = re.compile(r"^[\w.]*(?:Error|Exception|Warning): (?!Traceback )(.+)$", re.M)


def check(reply: Reply) -> None:
    """Raises the EndpointError that this reply stands for; returns when it may hold an answer."""
    if reply.status >= 400 or reply.status < 200:
        raise _by_status(reply)
    if reply.status in (204, 205) or not reply.body.strip():
        raise _failure(BadResponse, reply, "The answer was empty.", {})
    _check_body(reply)


def _by_status(reply: Reply) -> EndpointError:
    said = _read(reply)
    status = _model_status(reply, said) if reply.status == 424 else reply.status
    error = BY_STATUS.get(status)
    if error is None:
        error = Unsupported if 400 <= status < 500 and status != 424 else ModelFailed
    if reply.status == 424 and error not in (InputRefused, InputTooLarge, TimedOut):
        error = ModelFailed
    if error is InputRefused and ABOUT_LENGTH.search(_code(said, reply.status)):
        error = InputTooLarge
    if error is InputRefused and _has_trace(said):
        error = ModelFailed  # the model itself broke, on input that its own checks had let through
    if error is Overloaded and _is_loading(said):
        error = Loading
    crashed = error is Overloaded and isinstance(said, dict) and said.get("type") == CRASHED
    if crashed:
        error = ModelFailed
    detail = f"The model’s own status was {status}." if status != reply.status else ""
    return _failure(error, reply, detail, said, another_try=reply.status in WORTH_ANOTHER_TRY and not crashed)


def _model_status(reply: Reply, said: Any) -> int:
    """What the model answered to its gateway, which itself only says that the model failed."""
    given = reply.headers.get("ms-azureml-model-error-statuscode", "").strip()
    if re.fullmatch("[45][0-9][0-9]", given):
        return int(given)
    original = said.get("OriginalStatusCode") if isinstance(said, dict) else None
    return original if type(original) is int and 400 <= original <= 599 else reply.status


def _has_trace(said: Any) -> bool:
    return isinstance(said, dict) and isinstance(said.get("stack_trace"), str)


def _check_body(reply: Reply) -> None:
    """A body whose only news is an error is a failure, whatever its status says."""
    try:
        said = reply.json()
    except BadResponse:
        return  # no JSON: what else it may be, its dialect knows
    if not isinstance(said, dict):
        return
    error = said.get("error")
    is_error = bool(error) and isinstance(error, str | dict | list)
    has_answer = any(_is_answer(said.get(key)) for key in ANSWERS)
    if _is_failed_job(said) and (is_error or not has_answer):
        raise _failure(ModelFailed, reply, ERROR_IN_200, said)
    if not is_error or has_answer or "Results" in said:
        return
    if _is_loading(said):
        raise _failure(Loading, reply, "", said, another_try=True)
    is_about_input = ABOUT_INPUT.search(_code(said, reply.status)) or BLAMES_INPUT.search(_text(said)[:2000])
    kind = InputRefused if is_about_input and not _has_trace(said) else ModelFailed
    raise _failure(kind, reply, ERROR_IN_200, said)


def _is_answer(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, list | dict) and bool(value))


def _is_failed_job(said: dict[str, Any]) -> bool:
    state = said.get("status")
    return isinstance(state, str) and state in FAILED and ("error" in said or "output" in said)


def _failure(
    error: type[EndpointError], reply: Reply, detail: str, said: Any, *, another_try: bool = False
) -> EndpointError:
    failure = error(
        detail,
        upstream_status=reply.status,
        retry_after=_retry_after(reply, said),
        another_try=another_try,
        code=_code(said, reply.status),
        endpoint_text=_text(said),
        body=reply.body,
        seconds=reply.seconds,
        tries=reply.tries,
    )
    failure.fields = _fields(said)
    return failure


def _read(reply: Reply) -> Any:
    """The body as JSON; as text where it is plain text, whatever it is declared to be; {} for a page of a proxy."""
    body = reply.body[:MOST_READ]
    content_type = reply.headers.get("content-type", "")
    try:
        said = read_json(body, content_type)
        return said[0] if isinstance(said, list) and len(said) == 1 else said  # BentoML puts its errors in a list
    except BadResponse:
        text = body.decode("utf-8", "replace").strip()
    is_page = text.startswith("<") or "html" in content_type
    return {} if is_page or len(body) > LONGEST_PLAIN or "\ufffd" in text or "\x00" in text else text


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


def _code(said: Any, status: int) -> str:
    """The service's own word for it. The HTTP status once more is none."""
    codes = [_own_code(item, status) for item in _errors(said)]
    return next((code for code in reversed(codes) if code), "")


def _own_code(item: dict[str, Any], status: int) -> str:
    given = [item.get(key) for key in ("code", "error_code", "ErrorCode", "type", "error_type")]
    state = item.get("status")  # Google's APIs name the failure here, others the state of a job
    given.append(state if isinstance(state, str) and re.fullmatch("[A-Z][A-Z_]{1,60}", state) else None)
    codes = (_one_line(code) for code in given if code != status)
    return next((code for code in codes if code), "")


def _text(body: Any) -> str:
    """What the endpoint wrote about it: every message once. It is cut only after secrets were removed from it."""
    if isinstance(body, str):
        return _plain_text(body)
    texts: list[str] = []
    for item in _errors(body):
        said = [item.get(key) for key in ("message", "msg", "error", "detail", "Message")]
        texts += [_plain_text(text) for text in said if isinstance(text, str)]
    return " ".join(dict.fromkeys(text for text in texts if text))


def _plain_text(text: str) -> str:
    """Of a traceback, what was raised first: the rest are the server's own files and lines."""
    if "Traceback (most recent call last)" not in text:
        return _one_line(text)
    raised = RAISED.search(text)
    return _one_line(raised[1]) if raised else ""


# Fields


def _fields(said: Any) -> dict[str, str]:
    """What is said of single fields, by their names at the endpoint (`address.street`, `inputs[0].datatype`)."""
    found: dict[str, str] = {}
    details = said.get("detail") if isinstance(said, dict) else None
    for item in details[:MOST_FIELDS] if isinstance(details, list) else []:
        name = _place(item.get("loc")) if isinstance(item, dict) else ""
        message = _one_line(item.get("msg")) if name else ""
        if message:
            found.setdefault(name, message)
    missing = MISSING.search(_text(said))
    for quoted in list(QUOTED.finditer(missing[1] if missing else ""))[:MOST_FIELDS]:
        found.setdefault(quoted[1] or quoted[2], "Missing.")
    return found


def _place(loc: Any) -> str:
    """The field that a validation error is about. Where it starts, in the body or in a row of it, is the protocol's."""
    steps = list(loc[:20]) if isinstance(loc, list) else []
    if steps and steps[0] in ("body", "query", "form", "path", "header"):
        steps = steps[1:]
    while steps and type(steps[0]) is int:
        steps = steps[1:]
    if len(steps) > 1 and steps[0] == "input":
        steps = steps[1:]  # Cog holds its inputs in an object of this name
    name = ""
    for step in steps:
        if type(step) is int:
            name += f"[{step}]"
        elif isinstance(step, str):
            name += f".{step}" if name else step
    return name if len(name) <= LONGEST_PLACE else ""  # a cut could go through a secret


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
