"""Cog: `POST /predictions` with `{"input": {...}}`, answered by `{"status": "succeeded", "output": ...}`.

Source: Cog's HTTP API documentation, and what Cog 0.16 (Python) and 0.23 (coglet) answer. `/openapi.json` describes
the input in `components.schemas.Input`, its order in `x-order`. A file is a text of the format `uri`. It is sent as a
data URL that is made here of an upload, never an address that somebody types: the model server would fetch it, from
its own disk too. A prediction that failed answers 200; `faults.check` reads that. A model that opted in answers a
request for `text/event-stream` with the events `output` (`chunk`, `index`) and, as the last, `completed` with the whole
prediction; all others answer 406, and nothing has run then. Its description says so in `x-cog-streaming`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ..errors import BadResponse
from ..events import Event
from ..reading.documents import fields_of_object
from ..reading.references import merged, resolve
from ..reading.samples import fields_of_values
from ..results import Result, Text
from ..results.shapes import generic
from ..schema import Field, Row, Schema, record, unique_names
from ..wire import Reply, Request, dumps
from .pieces import said, text_of, wanting_events

MAX_ROWS = 1
PATH = "/predictions"
# What a request may hold beside its input.
BESIDE = frozenset(
    {"input", "id", "created_at", "context", "output_file_prefix", "webhook", "webhook_events_filter", "stream"}
)
ACCEPT = {
    "image/*": ("image", "img", "photo", "picture", "mask", "face"),
    "audio/*": ("audio", "sound", "speech", "song", "voice"),
    "video/*": ("video",),
}

DEFAULT_SCHEMA = Schema(
    (Field("input", kind="json", label="Input", help="The input of the model, as an object."),),
    envelope="value",
    dialect="cog",
    source="nothing; the endpoint does not describe itself",
)


def claims(url: SplitResult) -> float:
    """TorchServe's paths begin with `/predictions/` too, Cog's end there."""
    return 0.4 if url.path.rstrip("/").endswith(PATH) else 0.0


def schema_urls(url: str) -> list[str]:
    """`/openapi.json`, beside the predictions."""
    parts = urlsplit(url)
    return [urlunsplit((parts.scheme, parts.netloc, f"{_base(parts)}/openapi.json", "", ""))]


def _base(parts: SplitResult) -> str:
    path = parts.path.rstrip("/")
    for ending in (PATH, "/openapi.json"):
        path = path.removesuffix(ending)
    return path


# What the endpoint says about itself


def read_schema(url: str, document: Any, headers: Mapping[str, str]) -> Schema | None:
    """A Schema from Cog's `openapi.json` or from one sample request; None from anything else.

    Raises BadResponse for a description too large to be read.
    """
    if not isinstance(document, dict):
        return None
    if isinstance(document.get("input"), dict) and document.keys() <= BESIDE:
        fields = unique_names(map(_with_file, fields_of_values(document["input"])))
        return _schema(url, fields, "a sample request") if fields else None
    schemas = resolve(resolve(document.get("components"), document).get("schemas"), document)
    paths = document.get("paths")
    if not isinstance(paths, dict) or PATH not in paths or not isinstance(schemas.get("Input"), dict):
        return None
    fields = unique_names(map(_with_file, fields_of_object(schemas["Input"], document)))
    about = merged(schemas.get("Output"), document)
    is_joined = about.get("x-cog-array-display") == "concatenate"
    schema = _schema(url, fields, "the endpoint’s openapi.json", {"join": True} if is_joined else {})
    predictions = resolve(paths[PATH], document)
    opted_in = [resolve(predictions.get("post"), document), predictions]
    streams = any(one.get("x-cog-streaming") is True for one in opted_in) or _is_text_iterator(about, document)
    info = resolve(document.get("info"), document)
    title, description = info.get("title"), info.get("description")
    return replace(
        schema,
        title=title[:200] if isinstance(title, str) and title != "Cog" else "",
        description=description[:2000] if isinstance(description, str) else "",
        streams=streams,
    )


def _is_text_iterator(output: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    items = merged(output.get("items"), document)
    return output.get("x-cog-array-type") == "iterator" and items.get("type") == "string" and "format" not in items


def _schema(url: str, fields: tuple[Field, ...], source: str, options: Mapping[str, Any] | None = None) -> Schema:
    parts = urlsplit(url)
    is_whole = parts.path.rstrip("/").endswith(PATH)
    address = "" if is_whole else urlunsplit((parts.scheme, parts.netloc, _base(parts) + PATH, parts.query, ""))
    return Schema(fields, "input", dialect="cog", source=source, url=address, options=options or {})


def _with_file(f: Field) -> Field:
    """A text of the format `uri` is a file, alone and in lists."""
    if f.items is not None:
        item = _with_file(f.items)
        return replace(f, items=item, accept=item.accept) if item.kind == "file" else f
    if f.fields:
        return replace(f, fields=tuple(_with_file(inner) for inner in f.fields))
    if f.help == "An enumeration.":  # what Cog's generator says of all choices
        f = replace(f, help="")
    if f.kind == "file":
        return replace(f, send="data_url", help="" if f.help.startswith("The file is sent as ") else f.help)
    if f.kind != "text" or f.format != "uri":
        return f
    name = f.wire_name.lower()
    accept = next((accept for accept, words in ACCEPT.items() if any(word in name for word in words)), "")
    return replace(f, kind="file", send="data_url", format="", accept=accept, default=None, example=None)


# Request


def encode(schema: Schema, url: str, rows: Iterable[Row]) -> Request:
    """One prediction; what was left out takes Cog's own default."""
    row = next(iter(rows), {})
    if schema.envelope == "value":
        given: Any = row.get(schema.fields[0].name)
    else:
        given = record(schema.fields, row)
    body = dumps({"input": given if given is not None else {}})
    return Request(schema.url or url, body.encode("utf-8", "replace"))


# Answer


def decode(schema: Schema, reply: Reply, n_rows: int) -> Result:
    """The output by its shape; pieces of a text in one where the model says that they are. Raises BadResponse."""
    raw = reply.json()
    if not isinstance(raw, dict) or "output" not in raw:
        if isinstance(raw, dict) and raw.get("status") == "succeeded":
            return Result(generic(None), raw)
        raise BadResponse("The answer holds no output.")
    if raw.get("status") in ("starting", "processing"):
        raise BadResponse("The service will answer later, and only by calling back, which this app cannot take.")
    output = raw["output"]
    if schema.options.get("join") and isinstance(output, list) and all(isinstance(piece, str) for piece in output):
        return Result([Text("".join(output))], raw)
    return Result(generic(output), raw)


# Answer in pieces


def in_pieces(request: Request) -> Request:
    return wanting_events(request)


def chunks(schema: Schema, event: Event) -> str:
    """The text that the model gave since. Raises the error that an event stands for."""
    found = said(event)
    return text_of(found) if event.name == "output" else ""


def whole(schema: Schema, events: list[Event]) -> Any:
    """The prediction of the last event. Raises BadResponse where it is missing."""
    last = next((said(event) for event in reversed(events) if event.name == "completed"), None)
    if isinstance(last, dict):
        return last
    if any(event.name == "done" for event in events):  # as Replicate's own streams end
        return {"status": "succeeded", "output": [chunks(schema, event) for event in events if event.name == "output"]}
    raise BadResponse("The answer was cut short.")
