"""OpenAI's protocol, which many servers of language models speak: chat completions, completions, embeddings.

Source: OpenAI, "API reference" (chat, completions, embeddings, models; chat streaming); Azure OpenAI has the model in
the address and the same bodies. `GET .../models` lists the models that may be asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ..errors import BadResponse
from ..events import Event
from ..results import Json, Part, Result, Table, Text, Vector
from ..results.shapes import are_numbers, generic, table
from ..schema import Field, Row, Schema, Upload, record
from ..schema.values import InvalidValue
from ..wire import Reply, Request, dumps
from .pieces import said

MAX_ROWS = 1
MOST_MODELS = 200
MOST_CHOICES = 100
MOST_COUNTS = 20
LONGEST_NAME = 200
USE = re.compile(r"/(chat/completions|completions|embeddings)/?$")
ENVELOPES = {"chat/completions": "messages", "completions": "prompt", "embeddings": "input"}
INSTRUCTIONS = ("system", "developer")
NEVER_SENT = frozenset({"stream", "stream_options"})  # an answer in pieces is for whoever asks for it

_MODEL = Field("model", label="Model", help="Its name at the service.", parameter=True)
_TEMPERATURE = Field(
    "temperature",
    "number",
    label="Temperature",
    help="0 for the likeliest words, more for surprising ones.",
    required=False,
    parameter=True,
    minimum=Decimal(0),
    maximum=Decimal(2),
)
_MAX_TOKENS = Field(
    "max_tokens", "integer", label="Length at most", unit="tokens", required=False, parameter=True, minimum=Decimal(1)
)
_MESSAGE = Field("message", label="Message", widget="textarea")
_SYSTEM = Field("system", label="Instructions", help="What holds for the whole answer.", required=False)
_PROMPT = Field("prompt", label="Prompt", widget="textarea")
_INPUT = Field("input", label="Text", widget="textarea")
_IMAGE = Field("image", "file", label="Image", accept="image/*", send="data_url", required=False)

FIELDS: dict[str, tuple[Field, ...]] = {
    "messages": (_MESSAGE, _SYSTEM, _TEMPERATURE, _MAX_TOKENS, _MODEL),
    "prompt": (_PROMPT, _TEMPERATURE, _MAX_TOKENS, _MODEL),
    "input": (_INPUT, _MODEL),
}
WRITTEN_APART = frozenset({"message", "system", "image", "input"})


def _schema(envelope: str, fields: Iterable[Field], source: str, **options: Any) -> Schema:
    streams = envelope in ("messages", "prompt")
    return Schema(tuple(fields), envelope, dialect="openai", source=source, options=options, streams=streams)


DEFAULT_SCHEMA = _schema("messages", FIELDS["messages"], "the protocol of chat completions")


# The address


def claims(url: SplitResult) -> float:
    found = USE.search(url.path)
    if not found:
        return 0.0
    if found[1] == "chat/completions":
        return 1.0
    return 0.9 if "/v1/" in url.path or "/deployments/" in url.path else 0.6


def schema_urls(url: str) -> list[str]:
    """`.../models` beside the path; nothing where the address itself names the model, as Azure's does."""
    parts = urlsplit(url)
    found = USE.search(parts.path)
    if not found or "/deployments/" in parts.path:
        return []
    return [urlunsplit((parts.scheme, parts.netloc, f"{parts.path[: found.start()]}/models", "", ""))]


def default_schema(url: str) -> Schema:
    """The form of what the path is for, where the models are not listed."""
    envelope = _envelope_of(url) or "messages"
    return _schema(envelope, _for_address(url, FIELDS[envelope]), "the path of the endpoint’s address")


def _envelope_of(url: str) -> str:
    found = USE.search(urlsplit(url).path)
    return ENVELOPES[found[1]] if found else ""


def _for_address(url: str, fields: Iterable[Field]) -> list[Field]:
    """Without the model where the address names it."""
    is_named = "/deployments/" in urlsplit(url).path
    return [f for f in fields if not (is_named and f.name == "model")]


# What the endpoint says, or a sample


def read_schema(url: str, document: Any, headers: Mapping[str, str]) -> Schema | None:
    """A Schema from the list of models or from one sample body; None from anything else."""
    if not isinstance(document, dict):
        return None
    models = _models(document)
    envelope = _envelope_of(url)
    if models is not None and envelope:
        fields = [_model_field(models) if f.name == "model" else f for f in FIELDS[envelope]]
        return _schema(envelope, _for_address(url, fields), "the endpoint’s list of models")
    envelope = _envelope_of_sample(document, envelope)
    return _schema_of_sample(envelope, document) if envelope else None


def _models(document: Mapping[str, Any]) -> list[str] | None:
    """The names in `{"object": "list", "data": [{"id", "object": "model"}]}`; None for anything else."""
    listed = document.get("data")
    if document.get("object") != "list" or not isinstance(listed, list):
        return None
    found = [item.get("id") if isinstance(item, dict) else None for item in listed]
    names = [name for name in found if isinstance(name, str) and 0 < len(name) <= LONGEST_NAME]
    return list(dict.fromkeys(names)) if len(names) == len(listed) else None


def _model_field(models: list[str]) -> Field:
    """A choice, or a name to type where there are too many to choose from."""
    if not 0 < len(models) <= MOST_MODELS:
        return _MODEL
    default = models[0] if len(models) == 1 else None
    return Field("model", label="Model", parameter=True, choices=tuple(models), default=default)


def _envelope_of_sample(document: Mapping[str, Any], expected: str) -> str:
    """Which body it is; `expected` is what the address is for, "" where that does not say."""
    messages = document.get("messages")
    if isinstance(messages, list) and messages and all(isinstance(m, dict) and "role" in m for m in messages):
        return "messages"
    for name in ("prompt", "input"):
        is_text = isinstance(document.get(name), str) or _are_texts(document.get(name))
        if is_text and (expected == name or isinstance(document.get("model"), str)):
            return name
    return ""


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _schema_of_sample(envelope: str, sample: Mapping[str, Any]) -> Schema:
    """The sample's model and settings hold; what this form has no field for is sent as the sample has it."""
    fields: list[Field] = []
    options: dict[str, Any] = {}
    if envelope == "messages":
        options["before"], system, question = _conversation(sample["messages"])
        fields = [_with(_MESSAGE, example=_text_of(question) or None), _with(_SYSTEM, default=system or None)]
        fields += [_IMAGE] if _has_picture(question) else []
    else:
        given = sample[envelope]
        fields = [_with(FIELDS[envelope][0], example=given if isinstance(given, str) else given[0])]
    limit = "max_completion_tokens" if "max_completion_tokens" in sample else "max_tokens"
    if envelope != "input":
        settings = (_TEMPERATURE, _with(_MAX_TOKENS, column=limit))
        fields += [_with(f, default=sample.get(f.wire_name)) for f in settings if _takes(f, sample.get(f.wire_name))]
    if isinstance(sample.get("model"), str):
        fields.append(_with(_MODEL, fixed=sample["model"]))
    known = {f.wire_name for f in fields} | NEVER_SENT | {envelope}
    options["extra"] = {name: value for name, value in sample.items() if name not in known}
    return _schema(envelope, fields, "a sample request", **options)


def _with(field: Field, **changes: Any) -> Field:
    return replace(field, **changes)


def _takes(field: Field, value: Any) -> bool:
    """Whether the field would take the sample's own value; some services know wider limits."""
    try:
        field.parse(value, "json")
    except InvalidValue:
        return False
    return True


def _conversation(messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str, Any]:
    """What stands before the question, the instructions at its beginning, and the question's content."""
    has_system = messages[0].get("role") in INSTRUCTIONS and isinstance(messages[0].get("content"), str)
    system = messages[0]["content"] if has_system else ""
    rest = messages[1:] if has_system else messages
    if rest and rest[-1].get("role") == "user":
        return rest[:-1], system, rest[-1].get("content")
    return rest, system, None


def _text_of(content: Any) -> str:
    """The text of a message, whose content may be a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _has_picture(content: Any) -> bool:
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, dict) and part.get("type") == "image_url" for part in parts)


# Request


def encode(schema: Schema, url: str, rows: Iterable[Row]) -> Request:
    """Only embeddings take several rows."""
    listed = [{name: value for name, value in row.items() if value is not None and value != ""} for row in rows]
    first = listed[0] if listed else {}
    body = {**schema.options.get("extra", {})}
    body |= record([f for f in schema.fields if f.name not in WRITTEN_APART], first)
    if schema.envelope == "messages":
        body["messages"] = _messages(schema, first)
    elif schema.envelope == "input":
        body["input"] = [row.get("input", "") for row in listed]
    return Request(url, dumps(body).encode("utf-8", "replace"))


def _messages(schema: Schema, row: Row) -> list[dict[str, Any]]:
    content: Any = row.get("message", "")
    if isinstance(row.get("image"), Upload):
        picture = {"type": "image_url", "image_url": {"url": row["image"].data_url()}}
        content = [{"type": "text", "text": content}, picture]
    system = [{"role": "system", "content": row["system"]}] if "system" in row else []
    return [*system, *schema.options.get("before", []), {"role": "user", "content": content}]


# Answer


def decode(schema: Schema, reply: Reply, n_rows: int) -> Result:
    """The text of each choice, or each embedding. What has neither is shown by its shape."""
    raw = reply.json()
    if not isinstance(raw, dict):
        return Result(generic(raw, "", n_rows), raw)
    parts = _choices(raw.get("choices")) or _embeddings(raw.get("data"))
    if not parts:
        return Result(generic(raw, "", n_rows), raw)
    return Result([*parts, *_usage(raw.get("usage"))], raw)


def _choices(choices: Any) -> list[Part]:
    listed = choices[:MOST_CHOICES] if isinstance(choices, list) else []
    return [part for choice in listed if isinstance(choice, dict) for part in _choice(choice)]


def _choice(choice: Mapping[str, Any]) -> list[Part]:
    """`content` is null where the model refuses, or wants a function to be called."""
    message = choice.get("message")
    if not isinstance(message, dict):
        return [Text(choice["text"])] if isinstance(choice.get("text"), str) else []
    parts: list[Part] = [Text(text)] if (text := _text_of(message.get("content"))) else []
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        parts.append(Text(message["refusal"], "refusal"))
    parts += [Json(message[name], name) for name in ("tool_calls", "function_call") if message.get(name)]
    if choice.get("finish_reason") == "length":
        parts.append(Text("The answer is cut: it reached the most tokens that were allowed.", "finish_reason"))
    return parts


def _embeddings(data: Any) -> list[Part]:
    listed = data if isinstance(data, list) else []
    found: list[Any] = [item.get("embedding") if isinstance(item, dict) else None for item in listed]
    if not found or not all(are_numbers(values) for values in found):
        return []
    places = [item.get("index") for item in listed]
    if sorted(place for place in places if type(place) is int) == list(range(len(found))):
        found = [values for _, values in sorted(zip(places, found, strict=True), key=lambda pair: pair[0])]
    rows: list[int | None] = [None] if len(found) == 1 else [*range(len(found))]
    return [Vector(values, "embedding", row=row) for values, row in zip(found, rows, strict=True)]


def _usage(usage: Any) -> list[Part]:
    """The tokens that were counted; servers that do not count say 0."""
    counts = islice(usage.items(), MOST_COUNTS) if isinstance(usage, dict) else []
    counted = {name: count for name, count in counts if type(count) is int and count > 0}
    return [part for part in table("usage", counted, 1) if isinstance(part, Table)] if counted else []


# Answer in pieces


def in_pieces(request: Request) -> Request:
    """The request of `encode`, which wants its answer in pieces. What was counted is told there only when asked for,
    by an option that not every server takes."""
    others = request.body[1:-1]
    return replace(request, body=b'{"stream": true' + (b", " if others else b"") + others + b"}")


def chunks(schema: Schema, event: Event) -> str:
    """The text that one event adds to the first choice. Raises the error that it stands for, BadResponse for one
    that is broken."""
    choice = _first_choice(_read(event))
    delta = choice.get("delta")
    return _text_of(delta.get("content")) if isinstance(delta, dict) else _text_of(choice.get("text"))


def whole(schema: Schema, events: list[Event]) -> Any:
    """The answer as it would have come in one. Raises BadResponse where its end is missing."""
    read = [_read(event) for event in events]
    listed = [one for one in read if isinstance(one, dict)]
    choices = [_first_choice(one) for one in listed]
    finished = next((c["finish_reason"] for c in reversed(choices) if isinstance(c.get("finish_reason"), str)), None)
    if finished is None and None not in read:
        raise BadResponse("The answer was cut short.")
    text = "".join(chunks(schema, event) for event in events)
    deltas = [choice["delta"] for choice in choices if isinstance(choice.get("delta"), dict)]
    choice = {"index": 0, "finish_reason": finished}
    choice |= {"message": _message(text, deltas)} if deltas else {"text": text}
    last = {name: one[name] for one in listed for name in ("id", "created", "model", "usage") if one.get(name)}
    return {**last, "choices": [choice]}


def _read(event: Event) -> Any:
    found = said(event)
    if isinstance(found, str) and event.data.lstrip().startswith("{"):
        raise BadResponse("A piece of the answer is not JSON.")
    return found


def _first_choice(found: Any) -> Mapping[str, Any]:
    listed = found.get("choices") if isinstance(found, dict) else None
    first = listed[0] if isinstance(listed, list) and listed else None
    return first if isinstance(first, dict) and first.get("index", 0) == 0 else {}


def _message(text: str, deltas: list[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    refusal = "".join(delta["refusal"] for delta in deltas if isinstance(delta.get("refusal"), str))
    calls = _calls(deltas)
    return {**message, **({"refusal": refusal} if refusal else {}), **({"tool_calls": calls} if calls else {})}


def _calls(deltas: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The functions that the model wants to be called: a name, then its arguments piece by piece."""
    found: dict[Any, dict[str, list[str]]] = {}
    for delta in deltas:
        listed = delta.get("tool_calls")
        for call in listed[:MOST_CHOICES] if isinstance(listed, list) else []:
            about = call.get("function") if isinstance(call, dict) else None
            if isinstance(about, dict) and isinstance(call.get("index", 0), int):
                kept = found.setdefault(call.get("index", 0), {"name": [], "arguments": []})
                for name, pieces in kept.items():
                    pieces += [about[name]] if isinstance(about.get(name), str) else []
    return [{"function": {name: "".join(pieces) for name, pieces in kept.items()}} for kept in found.values()]
