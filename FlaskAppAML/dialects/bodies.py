"""Bodies in other forms than a protocol's own JSON: bare bytes, forms, multipart; pictures, sound and plain text.

Not a dialect: what several share. Sources: RFC 7578 (multipart/form-data), OpenAPI 3.0.4 ("Encoding Object": objects in
a part are JSON), WHATWG URL (`application/x-www-form-urlencoded`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from urllib3.filepost import encode_multipart_formdata

from ..errors import BadResponse, WrongInput
from ..results import Result, Text
from ..results.shapes import binary, generic
from ..schema import Field, Upload, plain
from ..wire import Reply, dumps

# Requests


def as_json(value: Any) -> tuple[bytes, str]:
    """A body and its type."""
    return dumps(value).encode("utf-8", "replace"), "application/json"


def bare(value: Any, content_type: str) -> tuple[bytes, str]:
    """One value as the whole body: a file with its own type, a text in UTF-8."""
    if isinstance(value, Upload):
        return value.data, value.content_type
    if value is None:
        return b"", content_type
    return _word(value).encode("utf-8", "replace"), content_type


def multipart(fields: Iterable[Field], row: Mapping[str, Any]) -> tuple[bytes, str]:
    """A multipart body and its type (RFC 7578): files as they are, lists as a part for each value, the rest as text;
    objects as JSON, as OpenAPI 3 says."""
    parts: list[tuple[str, Any]] = []
    for f in fields:
        for value in _each(f, row.get(f.name)):
            if isinstance(value, Upload):
                parts.append((f.wire_name, (value.name, value.data, value.content_type)))
            else:
                parts.append((f.wire_name, _word(value).encode("utf-8", "replace")))
    body, content_type = encode_multipart_formdata(parts)
    return body, content_type


def urlencoded(fields: Iterable[Field], row: Mapping[str, Any]) -> tuple[bytes, str]:
    """A form's body and its type."""
    return urlencode(list(_pairs(fields, row))).encode("ascii"), "application/x-www-form-urlencoded"


def _pairs(fields: Iterable[Field], row: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Names and values for an address or a form, lists as a pair for each value."""
    for f in fields:
        for value in _each(f, row.get(f.name)):
            coded = value.base64() if isinstance(value, Upload) else _word(value)
            yield f.wire_name, coded.encode("utf-8", "replace")


def _each(f: Field, value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) and f.kind == "list" else [plain(f, value) if f.kind == "rows" else value]


def _word(value: Any) -> str:
    """One value where there is no JSON: text as it is, everything else as JSON writes it."""
    return value if isinstance(value, str) else dumps(value)


def with_parameters(url: str, fields: Iterable[Field], row: Mapping[str, Any]) -> str:
    """The address with its parameters: in the path where it has a place for them, else in the query.

    Raises WrongInput for one that would lead to another address.
    """
    parts = urlsplit(url)
    path, asked = parts.path, []
    for f in fields:
        place, value = f"{{{f.wire_name}}}", row.get(f.name)
        if place not in path or value is None:
            asked.append(f)
        elif _word(value) in (".", ".."):
            raise WrongInput(fields={f.name: "Use another value."})
        else:
            path = path.replace(place, quote(_word(value), safe=""))
    query = "&".join(filter(None, [parts.query, urlencode(list(_pairs(asked, row)))]))
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


# Answers


def result_of(reply: Reply, n_rows: int = 0) -> Result:
    """JSON by its shape, the bytes of a picture or a sound, or a plain text. Raises BadResponse for anything else."""
    kind = _media_type(reply)
    if is_media(reply) or kind == "application/octet-stream":
        return of_media(reply)
    try:
        raw = reply.json()
    except BadResponse:
        if kind == "text/plain":
            return _of_plain_text(reply)
        if kind not in ("", "binary/octet-stream"):
            raise
        return of_media(reply)
    return Result(generic(raw, "", n_rows), raw)


def is_media(reply: Reply) -> bool:
    """Whether the body says of itself that it is a picture, sound or video."""
    return _media_type(reply).startswith(("image/", "audio/", "video/"))


def of_media(reply: Reply) -> Result:
    """A body that is a picture, sound or video. Raises BadResponse when it is none of ours."""
    found = media_in(reply)
    if found is None:
        raise BadResponse("The answer is neither JSON nor a picture, sound or video of a kind that this app shows.")
    return found


def media_in(reply: Reply) -> Result | None:
    """By its first bytes, whatever its content type says."""
    part = binary(base64.b64encode(reply.body).decode("ascii"))
    about = {"content_type": _media_type(reply)[:100], "bytes": len(reply.body)}
    return None if part is None else Result([part], about)


def _media_type(reply: Reply) -> str:
    return reply.headers.get("content-type", "").lower().partition(";")[0].strip()


def _of_plain_text(reply: Reply) -> Result:
    try:
        text = reply.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadResponse("The answer holds bytes that are not text in its declared encoding.") from None
    if "\x00" in text:
        raise BadResponse("The answer is not text.")
    return Result([Text(text)], text)
