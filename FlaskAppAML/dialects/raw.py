"""Services with a protocol of their own, described by a template: where each field goes, where the answer stands, and
how to ask for an answer that comes later. `docs/raw.md` explains it.

A template is the owner's, so what is wrong with it is a SettingError that names it. Paths in JSON are JSON Pointers
(RFC 6901).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, get_args
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from ..errors import BadResponse, ModelFailed, SettingError
from ..events import Event
from ..reading.references import at_pointer, pointer_steps
from ..results import Result
from ..results.shapes import generic
from ..schema import Field, Kind, Row, Schema, plain, unique_names
from ..schema.changes import CHANGES, customised
from ..wire import Reply, Request
from . import pieces
from .bodies import as_json, bare, multipart, result_of, urlencoded, with_parameters

MAX_ROWS = 1
METHODS = ("POST", "PUT", "PATCH", "GET")
KEYS = frozenset(
    {"dialect", "method", "url", "headers", "fields", "answer", "poll", "stream", "title", "description", "subject"}
)
POLL_KEYS = frozenset({"url", "status", "done", "failed", "answer"})
OWN_KEYS = frozenset({"name", "type", "send", "encoding", "items", "fields"})
# Words for kinds, with what a file of that word accepts.
TYPES: dict[str, tuple[Kind, str]] = {
    **{kind: (kind, "") for kind in get_args(Kind)},
    "string": ("text", ""),
    "image": ("file", "image/*"),
    "audio": ("file", "audio/*"),
    "video": ("file", "video/*"),
}
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
NOT_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "authorization", "cookie"})
POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
PLACEHOLDER = re.compile(r"\{(/[^{}]*)\}")
LONGEST_ID = 2_000
DEEPEST = 50  # steps of a pointer

DEFAULT_SCHEMA = Schema(
    (Field("body", kind="json", label="Body", help="The whole body of the request."),),
    envelope="json",
    dialect="raw",
    source="nothing; SCHEMA gives no template",
    options={"pointers": {"body": ""}},
)


def claims(url: SplitResult) -> float:
    """Nothing: a template says that it is one."""
    return 0.0


def schema_urls(url: str) -> list[str]:
    """None: what these services expect is known to their owner alone."""
    return []


# The template


def read_schema(url: str, document: Any, headers: Mapping[str, str]) -> Schema | None:
    """A Schema from a template (`"dialect": "raw"`); None from anything else. Raises SettingError."""
    if not isinstance(document, dict) or document.get("dialect") != "raw":
        return None
    _check_keys("the template", document, KEYS)
    method = document.get("method", "POST")
    if method not in METHODS:
        raise _wrong(f"the method must be one of {', '.join(METHODS)}")
    listed = document.get("fields")
    if not isinstance(listed, list) or not listed:
        raise _wrong("fields must be a list with at least one field")
    read = [_field(about, number) for number, about in enumerate(listed, 1)]
    fields = tuple(f for f, _, _ in read)
    if len({f.name for f in fields}) < len(fields):
        raise _wrong("two fields have the same name")
    ways = {way for _, way, _ in read} - {"query"}
    envelope = _envelope(method, ways, [way for _, way, _ in read].count("body"))
    pointers = {f.name: target for f, way, target in read if way == "json"}
    _check_places(pointers.values())
    headers = _headers(document.get("headers", {}), envelope)
    words = {key: _a_text(key, document.get(key, "")) for key in ("title", "description", "subject")}
    if words["subject"] and words["subject"] not in {f.name for f in fields}:
        raise _wrong(f"the subject {words['subject']} is no field")
    return Schema(
        fields,
        envelope,
        source="a raw template",
        dialect="raw",
        url=_address(url, document.get("url", "")),
        options={"method": method, "headers": headers, "pointers": pointers, **_of_answer(document)},
        streams=document.get("stream", False),
        **words,
    )


def _of_answer(document: Mapping[str, Any]) -> dict[str, Any]:
    """The options that say how the answer comes, and where it stands. Raises SettingError."""
    poll = _poll(document["poll"]) if document.get("poll") is not None else None
    answer = _pointer("answer", document.get("answer", ""))
    if not isinstance(document.get("stream", False), bool):
        raise _wrong("stream must be true or false")
    if poll and document.get("stream"):
        raise _wrong("an answer comes by poll or by stream, not by both")
    return {"answer": answer or (poll["answer"] if poll else ""), "poll": poll}


def _wrong(what: str) -> SettingError:
    return SettingError(f"SCHEMA is a raw template that is not understood: {what}.")


def _check_keys(what: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    unknown = [str(key)[:60] for key in given if key not in known]
    if unknown:
        raise _wrong(f"{what} says {', '.join(unknown)}; what can be said is {', '.join(sorted(known))}")


def _a_text(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(f"{what} must be a text")
    return value


def _pointer(what: str, value: Any) -> str:
    pointer = _a_text(what, value)
    if not POINTER.fullmatch(pointer) or pointer.count("/") > DEEPEST:
        raise _wrong(f'{what} must be a JSON Pointer such as "/data/0", or "" for the whole')
    return pointer


def _address(url: str, given: Any) -> str:
    """Where to send it, as a whole address on the origin of the setting URL."""
    try:
        address = urljoin(url, _a_text("url", given))
        is_home = _origin(address) == _origin(url)
    except ValueError:
        is_home = False
    if not is_home:
        raise _wrong("url must be on the same server as the setting URL")
    return address


def _origin(url: str) -> tuple[str, str, int | None]:
    """Raises ValueError."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _headers(given: Any, envelope: str) -> dict[str, str]:
    if not isinstance(given, dict):
        raise _wrong("headers must be an object")
    for name, value in given.items():
        is_text = isinstance(value, str) and value.isprintable() and value.isascii()
        if not HEADER_NAME.fullmatch(name) or not is_text:
            raise _wrong(f"the header {name[:60]!r} has a name or value that HTTP does not allow")
        if name.lower() in NOT_OURS:
            raise _wrong(f"the header {name} is not for a template; keys belong into API_KEY and AUTH")
        if name.lower() == "content-type" and envelope != "body":
            raise _wrong("Content-Type can be said only where one field is sent as the body")
    return {name.title(): value for name, value in given.items()}


def _envelope(method: str, ways: set[str], bodies: int) -> str:
    if method == "GET" and ways:
        raise _wrong("with GET every field is sent in the query")
    if bodies > 1:
        raise _wrong("only one field can be the body")
    if len(ways) > 1:
        raise _wrong(f"fields cannot be sent as {' and '.join(sorted(ways))} in one request")
    return {"part": "multipart"}.get(way := next(iter(ways), "none"), way)


# Its fields


def _field(about: Any, number: int) -> tuple[Field, str, str]:
    """The field, the way it is sent (json, part, form, query, body) and its place there."""
    f = _plain_field(about, f"field {number}", OWN_KEYS | CHANGES.keys())
    way, _, target = _a_text(f"send of {f.name}", about.get("send", f"json:/{_escaped(f.name)}")).partition(":")
    if way not in ("json", "part", "form", "query", "body") or (way == "body" and target):
        known = "json:/path, part:name, form:name, query:name or body"
        raise _wrong(f"{f.name} is sent as {about['send'][:60]!r}; it can be {known}")
    if way == "json":
        return f, way, _pointer(f"send of {f.name}", target)
    send: Any = {"part": "part", "query": "query", "body": "body"}.get(way, f.send)
    is_file = f.kind == "file" or (f.items is not None and f.items.kind == "file")
    if is_file and way in ("query", "form"):
        raise _wrong(f"{f.name} is a file, which is not sent in a {way}")
    return replace(f, column=target or f.name, send=send, parameter=way == "query"), way, target


def _check_places(pointers: Iterable[str]) -> None:
    """No field where another is, or inside it."""
    listed = list(pointers)
    outer = {pointer[:i] for pointer in listed for i, letter in enumerate(pointer) if letter == "/"}
    twice = next((pointer for pointer in listed if pointer in outer or listed.count(pointer) > 1), None)
    if twice is not None:
        raise _wrong(f"two fields are sent to the same place, json:{twice}")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _plain_field(about: Any, what: str, known: Iterable[str]) -> Field:
    if not isinstance(about, dict):
        raise _wrong(f"{what} must be an object")
    name = about.get("name")
    if not isinstance(name, str) or not name.strip():
        raise _wrong(f"{what} has no name")
    _check_keys(f"the field {name}", about, known)
    kind, accept = _type(f"the type of {name}", about.get("type", "text"))
    encoding = about.get("encoding", "base64")
    if encoding not in ("base64", "data_url"):
        raise _wrong(f"the encoding of {name} must be base64 or data_url")
    f = Field(name, kind=kind, column=name, accept=accept, send=encoding if kind == "file" else "")
    if kind == "list":
        item, accept = _type(f"the items of {name}", about.get("items", "text"))
        if item in ("list", "rows"):
            raise _wrong(f"the items of {name} must be single values or json")
        f = replace(f, items=Field(name, kind=item, accept=accept, send=encoding if item == "file" else ""))
    if kind == "rows":
        f = replace(f, fields=_columns(name, about.get("fields")))
    return _with_limits(f, {key: value for key, value in about.items() if key in CHANGES})


def _type(what: str, word: Any) -> tuple[Kind, str]:
    if not isinstance(word, str) or word not in TYPES:
        raise _wrong(f"{what} must be one of {', '.join(TYPES)}")
    return TYPES[word]


def _columns(name: str, listed: Any) -> tuple[Field, ...]:
    if not isinstance(listed, list) or not listed:
        raise _wrong(f"the rows of {name} need fields, a list")
    known = (OWN_KEYS | CHANGES.keys()) - {"send", "fields"}
    columns = [_plain_field(about, f"field {number} of {name}", known) for number, about in enumerate(listed, 1)]
    if any(c.kind == "rows" for c in columns):
        raise _wrong(f"the rows of {name} cannot hold rows")
    return unique_names(columns)


def _with_limits(f: Field, changes: Mapping[str, Any]) -> Field:
    """With the owner's words and limits: the same, and checked in the same way, as in `FORM`."""
    try:
        (changed,) = customised(Schema((f,)), {"fields": {f.name: changes}}).fields
    except SettingError as error:
        raise SettingError(str(error).replace("FORM", "SCHEMA", 1)) from None
    return changed


# Its answer, when it comes later


def _poll(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _wrong("poll must be an object")
    _check_keys("poll", given, POLL_KEYS)
    if not isinstance(given.get("url"), str) or not given["url"]:
        raise _wrong('poll needs a url such as "/jobs/{/id}"')
    places = PLACEHOLDER.findall(given["url"])
    if not places or re.search(r"[{}\s]", PLACEHOLDER.sub("", given["url"])):
        raise _wrong('the url of poll needs a place of the ticket in braces, such as "/jobs/{/id}"')
    for place in places:
        _pointer("the url of poll", place)
    words = {key: given.get(key, standard) for key, standard in (("done", ["finished"]), ("failed", ["failed"]))}
    for key, listed in words.items():
        if not isinstance(listed, list) or not all(isinstance(word, str) for word in listed):
            raise _wrong(f"{key} of poll must be a list of texts")
    return {
        "url": given["url"],
        "status": _pointer("status of poll", given.get("status", "/status")),
        "answer": _pointer("answer of poll", given.get("answer", "")),
        **{key: frozenset(word.lower() for word in listed) for key, listed in words.items()},
    }


def poll(schema: Schema, reply: Reply, asked: Request | None = None) -> Request | None:
    """The next GET for a reply that is a ticket; None where it is the answer already.

    `asked` is the request that `reply` answers: what a job says of itself later on often lacks its id, and then the
    same is asked again. Raises ModelFailed for a job that failed, BadResponse for a ticket that leads nowhere or to
    another server.
    """
    about = schema.options.get("poll")
    if about is None:
        return None
    try:
        said = reply.json()
    except BadResponse:
        return None  # a picture, say; `decode` knows
    status = at_pointer(said, about["status"])
    word = str(status).lower() if isinstance(status, str | int) else ""
    if word in about["failed"]:
        raise ModelFailed(
            "The job failed.", upstream_status=reply.status, body=reply.body, seconds=reply.seconds, tries=reply.tries
        )
    if word in about["done"] or (not word and about["answer"] and at_pointer(said, about["answer"]) is not None):
        return None
    address = _ticket_address(schema, about["url"], said)
    if address:
        return Request(address, method="GET", headers=dict(schema.options["headers"]))
    if asked is not None and asked.method == "GET":
        return asked
    raise BadResponse("The ticket does not say where its answer will be.")


def _ticket_address(schema: Schema, template: str, said: Any) -> str:
    """The address of a ticket; "" where the ticket lacks what it needs. Raises BadResponse."""
    found = {place: at_pointer(said, place) for place in PLACEHOLDER.findall(template)}
    if not all(_is_id(value) for value in found.values()):
        return ""
    is_whole = PLACEHOLDER.fullmatch(template)
    path = PLACEHOLDER.sub(lambda place: _in_path(found[place[1]], bool(is_whole)), template)
    try:
        address = urljoin(schema.url, path)
        is_home = _origin(address) == _origin(schema.url) and address.isprintable()
    except ValueError:
        is_home = False
    if not is_home:
        raise BadResponse("The ticket points to another server, and the key must not follow.")
    return address


def _is_id(value: Any) -> bool:
    is_text = isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value not in (".", "..")
    return is_text or (type(value) is int and 0 <= value < 2**63)


def _in_path(value: str | int, is_whole: bool) -> str:
    """A template that is a place and nothing else stands for a whole address, such as `{/urls/get}`."""
    return str(value) if is_whole else quote(str(value), safe="")


# Request


def encode(schema: Schema, url: str, rows: Iterable[Row]) -> Request:
    """The request of the template for one row."""
    row = next(iter(rows), {})
    options = schema.options
    apart = [f for f in schema.fields if f.send == "query"]
    fields = [f for f in schema.fields if f.send != "query"]
    body, content_type = _body(schema, fields, row)
    headers = {"Content-Type": content_type} if content_type else {}
    return Request(
        with_parameters(schema.url or url, apart, row),
        body,
        options.get("method", "POST"),
        {**headers, **options.get("headers", {})},
    )


def _body(schema: Schema, fields: list[Field], row: Row) -> tuple[bytes, str]:
    if schema.envelope == "multipart":
        return multipart(fields, row)
    if schema.envelope == "form":
        return urlencoded(fields, row)
    if schema.envelope == "body":
        return bare(row.get(fields[0].name), "text/plain; charset=utf-8")
    if schema.envelope == "json":
        pointers = schema.options["pointers"]
        return as_json(_filled((pointers[f.name], plain(f, row[f.name])) for f in fields if _is_sent(f, row)))
    return b"", ""


def _is_sent(f: Field, row: Row) -> bool:
    return row.get(f.name) is not None or (f.required and f.nullable)


def _filled(placed: Iterable[tuple[str, Any]]) -> Any:
    """A body with each value at its pointer; steps that are 0, 1, 2, ... make a list."""
    tree: dict[str, Any] = {}
    for pointer, value in placed:
        steps = ["", *pointer_steps(pointer)]
        node = tree
        for step in steps[:-1]:
            inner = node.setdefault(step, {})
            node = inner if isinstance(inner, dict) else {}
        node[steps[-1]] = (value,)  # in a tuple, so that no object of the row is taken for a step
    return _built(tree[""]) if "" in tree else {}


def _built(node: Any) -> Any:
    if isinstance(node, tuple):
        return node[0]
    if node and list(node) == [str(number) for number in range(len(node))]:
        return [_built(inner) for inner in node.values()]
    return {key: _built(inner) for key, inner in node.items()}


# Answer


def decode(schema: Schema, reply: Reply, n_rows: int) -> Result:
    """What stands where the template says, by its shape; a picture as it is. Raises BadResponse."""
    pointer = schema.options.get("answer", "")
    if not pointer:
        return result_of(reply)
    raw = reply.json()
    inside = at_pointer(raw, pointer)
    if inside is None:
        raise BadResponse(f"The answer holds nothing at {pointer[:200]}.")
    return Result(generic(inside, pointer_steps(pointer)[-1]), raw)


# Answer in pieces


def in_pieces(request: Request) -> Request:
    return pieces.wanting_events(request)


def chunks(schema: Schema, event: Event) -> str:
    """The text that one event adds, where the template says, else where such services have it. Raises the error that
    the event stands for."""
    pointer = schema.options.get("answer", "")
    if not pointer:
        return pieces.chunk(event)
    text = at_pointer(pieces.said(event), pointer)
    return text if isinstance(text, str) else ""


def whole(schema: Schema, events: list[Event]) -> Any:
    """The text of all events, where the template looks for it; without any, the last event that has something there."""
    pointer = schema.options.get("answer", "")
    if not pointer:
        return pieces.whole(events)
    text = "".join(chunks(schema, event) for event in events)
    if text:
        return _filled([(pointer, text)])
    found = [one for one in map(pieces.said, events) if at_pointer(one, pointer) is not None]
    return found[-1] if found else None
