"""What the services beside the classic one have in common: how an answer looks before it is sent, and reading JSON."""

import json
from http import HTTPStatus
from typing import Any, NamedTuple

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """`body` is sent as JSON when `kind` is JSON; otherwise it is text."""

    status: HTTPStatus
    body: Any
    kind: str = JSON

    def data(self) -> bytes:
        """The body as it is sent."""
        return (json.dumps(self.body) if self.kind == JSON else str(self.body)).encode()


def ok(body: Any, kind: str = JSON) -> Answer:
    """200."""
    return Answer(HTTPStatus.OK, body, kind)


def read_json(body: bytes) -> Any:
    """The JSON in a body. Raises ValueError, also for NaN, and for what is nested too deeply."""
    try:
        return json.loads(body, parse_constant=no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def no_constant(name: str) -> None:
    """NaN and Infinity, which Python reads and JSON does not know. Raises ValueError."""
    raise ValueError(f"{name} is not JSON")


def number(value: object) -> float:
    """A JSON number as a float. Raises ValueError for anything else, and for one that no float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{json.dumps(value)[:50]} is no number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("the number is too large") from None
