"""Request and Reply: what goes to an endpoint and what comes back. Dialects and the client both know only these."""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, cached_property
from io import StringIO
from itertools import islice
from json.encoder import encode_basestring
from typing import Any

from .errors import BadResponse

DEEPEST = 100
LINE = 100  # characters, without the margin
MOST_VALUES = 500_000  # what stands apart in a body; Python needs some 100 bytes for each
# Codecs that are no text, or whose decoding is slow enough to be an attack.
REFUSED_CODECS = frozenset({"punycode", "idna", "utf-7", "unicode-escape", "raw-unicode-escape", "undefined"})
PLAIN_CODECS = frozenset({"ascii", "utf-8", "iso8859-1", "cp1252"})


@dataclass(frozen=True)
class Request:
    """A request before the client adds the key. `body` is bytes ready to be sent."""

    url: str
    body: bytes = b""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


@dataclass(frozen=True)
class Reply:
    """A whole answer: header names in lower case, the body unpacked, `seconds` for the last try alone."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0
    tries: int = 1

    def json(self) -> Any:
        """The body as JSON, whatever its content type says; read once. Raises BadResponse."""
        return self._json

    @cached_property
    def _json(self) -> Any:
        return read_json(self.body, self.headers.get("content-type", ""))


def read_json(body: bytes, content_type: str = "") -> Any:
    """JSON as endpoints really send it: with or without BOM, in the declared charset, NaN and Infinity included.

    Integers are exact; a float beyond the range of a double stays its text. Raises BadResponse.
    """
    if not body.strip():
        raise BadResponse("The answer was empty.")
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MOST_VALUES:
        raise BadResponse(f"The answer holds more than {MOST_VALUES:,} values, the most that this app reads.")
    try:
        text = body.decode(_charset(body, content_type)).removeprefix("\ufeff")
        value = _READER.decode(text)
    except UnicodeDecodeError:
        raise BadResponse("The answer holds bytes that are not text in its declared encoding.") from None
    except RecursionError:
        raise BadResponse("The answer is nested too deeply.") from None
    except ValueError:
        is_page = "<html" in text[:1000].lower()
        raise BadResponse(f"The answer is {'a web page, ' if is_page else ''}not JSON.") from None
    if body.count(b"[") + body.count(b"{") > DEEPEST and _too_deep(value):
        raise BadResponse("The answer is nested too deeply.")
    return value


def is_plain_ascii(body: bytes, content_type: str = "") -> bool:
    """Whether the body is ASCII that stands for itself: neither UTF-16 nor an encoding with shifts, such as HZ."""
    return body.isascii() and _charset(body, content_type) in PLAIN_CODECS


def _charset(body: bytes, content_type: str) -> str:
    declared = content_type.lower().partition("charset=")[2].split(";")[0].strip(" \"'")
    try:
        name = codecs.lookup(declared).name.replace("_", "-")
        "".encode(name)  # a codec such as zlib is known, but not one of text
        return json.detect_encoding(body) if name in REFUSED_CODECS else name
    except (LookupError, ValueError):
        return json.detect_encoding(body)


def _float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


_READER = json.JSONDecoder(parse_float=_float)


def levels(value: Any) -> Iterator[list[Any]]:
    """The value, then whatever stands in it, then whatever stands in that, down to one more than `DEEPEST`."""
    level = [value]
    for _ in range(DEEPEST + 1):
        yield level
        holders = [node for node in level if isinstance(node, dict | list)]
        level = [child for node in holders for child in (node.values() if isinstance(node, dict) else node)]
        if not level:
            break


def _too_deep(value: Any) -> bool:
    return sum(1 for _ in levels(value)) > DEEPEST


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Valid JSON in every case: NaN and Infinity become text, Decimal a number; other letters than ASCII stay."""
    try:
        return _writer(indent).encode(value)
    except ValueError:
        return _writer(indent).encode(_finite(value))


@cache
def _writer(indent: int | None) -> json.JSONEncoder:
    return json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=indent, default=_plain)


def beginning(value: Any, most: int) -> str:
    """The first characters of `value` as JSON for people, at least `most` of them where there are so many.

    What fits into a line stands in one; longer lists of values are wrapped. Written only as far as it is shown:
    indenting all of a deep answer can take longer than the model did.
    """
    written = StringIO()
    _lay_out(value, "\n", written, most)
    return written.getvalue()


def _lay_out(value: Any, margin: str, written: StringIO, most: int) -> None:
    """`margin` begins with the line break."""
    if not isinstance(value, dict | list) or not value:
        written.write(_text(value))
        return
    is_object, deeper = isinstance(value, dict), f"{margin}  "
    start, end = "{}" if is_object else "[]"
    if _CONTAINERS.isdisjoint(map(type, value.values() if isinstance(value, dict) else value)):
        texts = _texts(value, most)
        if sum(map(len, texts)) + 2 * len(texts) <= LINE:
            written.write(f"{start}{', '.join(texts)}{end}")
        else:
            lines = f",{deeper}".join(texts if is_object else _wrapped(texts))
            written.write(f"{start}{deeper}{lines}{margin}{end}")
        return
    written.write(start)
    comma = ""
    for key in value if is_object else range(len(value)):
        written.write(f"{comma}{deeper}{_text(key)}: " if is_object else f"{comma}{deeper}")
        _lay_out(value[key], deeper, written, most)
        comma = ","
        if written.tell() > most:
            break
    written.write(f"{margin}{end}")


def _texts(value: dict[str, Any] | list[Any], most: int) -> list[str]:
    """What stands in it, each a character at least, so `most` are enough."""
    if isinstance(value, dict):
        return [f"{_text(key)}: {_text(item)}" for key, item in islice(value.items(), most)]
    return [_text(item) for item in islice(value, most)]


def _wrapped(texts: list[str]) -> list[str]:
    """As many to a line as fit."""
    lines: list[str] = []
    room = 0
    for text in texts:
        room -= len(text) + 2
        if room >= 0:
            lines[-1] += f", {text}"
        else:
            lines.append(text)
            room = LINE - len(text)
    return lines


_CONTAINERS = frozenset((dict, list))


def _text(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    is_number = kind is int or (kind is float and math.isfinite(value))
    return repr(value) if is_number else dumps(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        is_whole = value.is_finite() and value.adjusted() < 400 and value == value.to_integral_value()
        return int(value) if is_whole else _finite(float(value))
    raise TypeError(f"{type(value).__name__} is not JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
