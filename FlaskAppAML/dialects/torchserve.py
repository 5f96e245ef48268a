"""TorchServe's inference API.

Source: pytorch/serve, `docs/inference_api.md` and its OpenAPI document: `POST /predictions/{model}[/{version}]` takes
any bytes as its body, and the model's handler decides what they are. Its description is the answer to OPTIONS, says no
more than that, and is not asked for: the form is that of the task, or of a sample request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..errors import BadResponse
from ..reading.samples import fields_of_values
from ..results import Result, Text
from ..results.shapes import generic
from ..schema import Field, Row, Schema, Upload, record, unique_names
from ..wire import Reply, Request, dumps
from .bodies import is_media, of_media

MAX_ROWS = 1
PATH = re.compile(r"/predictions/[^/]+(?:/[^/]+)?/?")

_ANY = Field("file", "file", label="File", help="Sent as it is.", send="body")
_IMAGE = Field("image", "file", label="Image", accept="image/*", send="body")
_AUDIO = Field("audio", "file", label="Audio", accept="audio/*", send="body")
_TEXT = Field("text", label="Text", widget="textarea", send="body")
_JSON = Field("body", "json", label="Body", help="Sent as JSON.", send="body")

TASKS = {
    "image-classification": _IMAGE,
    "image-segmentation": _IMAGE,
    "object-detection": _IMAGE,
    "image-to-text": _IMAGE,
    "audio-classification": _AUDIO,
    "automatic-speech-recognition": _AUDIO,
    "text-classification": _TEXT,
    "token-classification": _TEXT,
    "summarization": _TEXT,
    "translation": _TEXT,
    "text-generation": _TEXT,
    "text-to-image": _TEXT,
    "fill-mask": _TEXT,
    "feature-extraction": _TEXT,
    "tabular-classification": _JSON,
    "tabular-regression": _JSON,
    "question-answering": _JSON,
}


def schema_of_task(task: str) -> Schema | None:
    """The form of a task, named as Hugging Face names it; None for one that is not known here."""
    field = TASKS.get(task)
    return None if field is None else Schema((field,), "raw", dialect="torchserve", source=f"the task {task}")


DEFAULT_SCHEMA = Schema(
    (_ANY,),
    "raw",
    dialect="torchserve",
    source="the protocol, which takes any file, because the endpoint describes nothing",
)


def claims(url: SplitResult) -> float:
    """Cog's `/predictions` has no model behind it."""
    return 0.8 if PATH.fullmatch(url.path) else 0.0


def schema_urls(url: str) -> list[str]:
    """None; see above."""
    return []


def read_schema(url: str, document: Any, headers: Mapping[str, str]) -> Schema | None:
    """A Schema from one sample body at an address of this protocol; any JSON object is one."""
    if claims(urlsplit(url)) < 0.5 or not isinstance(document, dict):
        return None
    if {"openapi", "swagger", "paths"} & document.keys():
        return None
    fields = unique_names(fields_of_values(document))
    return Schema(fields, "record", dialect="torchserve", source="a sample request") if fields else None


def encode(schema: Schema, url: str, rows: Iterable[Row]) -> Request:
    """The one value as the whole body, or the JSON object of the row. Only the first row is sent."""
    row = next(iter(rows), {})
    if schema.envelope == "record":
        return Request(url, _json(record(schema.fields, row)))
    value = next((row[f.name] for f in schema.fields if row.get(f.name) is not None), None)
    if isinstance(value, Upload):
        return Request(url, value.data, headers={"Content-Type": value.content_type})
    if isinstance(value, str) and schema.fields[0].kind == "text":
        return Request(url, value.encode("utf-8", "replace"), headers={"Content-Type": "text/plain; charset=utf-8"})
    return Request(url, _json(value))


def _json(value: Any) -> bytes:
    return dumps(value).encode("utf-8", "replace")


def decode(schema: Schema, reply: Reply, n_rows: int) -> Result:
    """Whatever the handler returns: mostly labels with scores, but also text or a picture. Raises BadResponse."""
    if is_media(reply):
        return of_media(reply)
    try:
        raw = reply.json()
    except BadResponse:
        text = _plain_text(reply)
        if not text:
            raise
        return Result([Text(text)], text)
    return Result(generic(raw, "", n_rows), raw)


def _plain_text(reply: Reply) -> str:
    """A handler that returns a string answers with it bare; "" for what says it is something else."""
    kind = reply.headers.get("content-type", "text/plain").lower().partition(";")[0].strip()
    if kind not in ("", "text/plain"):
        return ""
    try:
        text = reply.body.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "" if text.lstrip().startswith(("<", "{", "[")) else text.strip()
