"""Hugging Face: Inference Providers, Inference Endpoints, and whatever else answers to their task bodies.

Sources: huggingface.js, `packages/tasks` (input and output of each task) and `packages/inference`
(`providers/hf-inference.ts`: addresses, older answers); Hugging Face, "Inference Providers", pages of the tasks. A body
is `{"inputs": ..., "parameters": {...}}`; a file travels as the raw body when there are no parameters, else in base64.
No service says which task its model does, so the owner does (`TASK`), or one sample request.

`x-wait-for-model` is not sent: a model that is still loading answers 503 with the seconds it needs, which people are
told; with that header the call would hang until our own deadline instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..reading.samples import fields_of_values
from ..results import Part, Result, Vector
from ..results.shapes import are_numbers, generic, scores
from ..schema import Field, Kind, Row, Schema, Upload, record, unique_names
from ..schema.values import NUMBER, InvalidValue, bound
from ..wire import Reply, Request, dumps
from .bodies import is_media, of_media

MAX_ROWS = 1
ROUTER, OLD_HOST, ENDPOINTS = "router.huggingface.co", "api-inference.huggingface.co", ".endpoints.huggingface.cloud"
MODEL_PATH = re.compile(r"/(?:hf-inference/)?models(?:/[^/:]+){1,2}?(?:/pipeline/(?P<task>[a-z-]+))?/?")
OTHERS_PATH = re.compile(r"/(?:predict|infer|invocations|score|classify|generate|versions|ready|metadata)(?:/|$)")
SERVER_PATH = re.compile(
    r"/(?:generate|embed|predict|rerank)/?"
)  # text-generation-inference, text-embeddings-inference
BESIDE_INPUTS = frozenset({"parameters", "options", "stream", "normalize", "truncate", "prompt_name"})

DEFAULT_TASK = "text-classification"


# The tasks


def _text(label: str = "Text", help: str = "") -> Field:
    return Field("inputs", label=label, help=help, widget="textarea")


def _file(name: str, accept: str) -> Field:
    return Field(name, kind="file", column="inputs", label=name.capitalize(), accept=accept, send="body")


def _part(name: str, label: str, **about: Any) -> Field:
    """One of several inputs."""
    return Field(name, label=label, place=("inputs",), **about)


def _parameter(name: str, kind: Kind, label: str, **about: Any) -> Field:
    return Field(name, kind, label=label, place=("parameters",), parameter=True, **{"required": False, **about})


_IMAGE, _AUDIO = _file("image", "image/*"), _file("audio", "audio/*")
_TOP_K = _parameter("top_k", "integer", "How many at most", minimum=Decimal(1))
_THRESHOLD = _parameter("threshold", "number", "Least score", minimum=Decimal(0), maximum=Decimal(1))
_TABLE = _part("data", "Table", kind="json", help='Columns with their values: {"height": ["1.5"], "width": ["2"]}')
_STRATEGIES = ("none", "simple", "first", "average", "max")
_ONE = Field("item", label="One")

TASKS: dict[str, tuple[Field, ...]] = {
    DEFAULT_TASK: (_text(), _TOP_K),
    "zero-shot-classification": (
        _text(),
        _parameter("candidate_labels", "list", "Possible labels", required=True, min_items=1, items=_ONE),
        _parameter("multi_label", "boolean", "Several labels may be true"),
        _parameter("hypothesis_template", "text", "Sentence around the label", help="Such as: This is about {}."),
    ),
    "token-classification": (
        _text(),
        _parameter("aggregation_strategy", "text", "How tokens are joined", choices=_STRATEGIES),
    ),
    "question-answering": (_part("question", "Question"), _part("context", "Text", widget="textarea"), _TOP_K),
    "summarization": (_text(),),
    "translation": (
        _text(),
        _parameter("src_lang", "text", "From language", help="As the model names it."),
        _parameter("tgt_lang", "text", "To language", help="As the model names it."),
    ),
    "text-generation": (
        _text("Prompt"),
        _parameter("max_new_tokens", "integer", "Length at most", unit="tokens", minimum=Decimal(1)),
        _parameter("temperature", "number", "Temperature", above=Decimal(0)),
        _parameter("top_p", "number", "Top p", above=Decimal(0), below=Decimal(1)),
        _parameter("return_full_text", "boolean", "Repeat the prompt in the answer"),
    ),
    "fill-mask": (
        _text(help="Write [MASK], or <mask>, where a word is missing; which of them, the model says."),
        _TOP_K,
    ),
    "feature-extraction": (_text(),),
    "sentence-similarity": (
        _part("source_sentence", "Sentence"),
        _part("sentences", "Compared with", kind="list", min_items=1, items=_ONE),
    ),
    "image-classification": (_IMAGE, _TOP_K),
    "object-detection": (_IMAGE, _THRESHOLD),
    "image-segmentation": (_IMAGE, _THRESHOLD),
    "image-to-text": (_IMAGE,),
    "automatic-speech-recognition": (_AUDIO, _parameter("return_timestamps", "boolean", "With times")),
    "audio-classification": (_AUDIO, _TOP_K),
    "tabular-classification": (_TABLE,),
    "tabular-regression": (_TABLE,),
    "text-to-image": (
        _text("What to draw"),
        _parameter("negative_prompt", "text", "What not to draw"),
        _parameter("width", "integer", "Width", unit="pixels", minimum=Decimal(1)),
        _parameter("height", "integer", "Height", unit="pixels", minimum=Decimal(1)),
        _parameter("num_inference_steps", "integer", "Steps", minimum=Decimal(1)),
        _parameter("guidance_scale", "number", "Guidance"),
        _parameter("seed", "integer", "Seed"),
    ),
}


def schema_of_task(task: str) -> Schema | None:
    """The form of a task as Hugging Face names it; None for one that is not known here."""
    fields = TASKS.get(task)
    if fields is None:
        return None
    return Schema(fields, dialect="huggingface", source=f"the task {task}", options={"task": task})


DEFAULT_SCHEMA = Schema(
    TASKS[DEFAULT_TASK],
    dialect="huggingface",
    source=f"the task {DEFAULT_TASK}, because the endpoint describes nothing",
    options={"task": DEFAULT_TASK},
)


# The address


def claims(url: SplitResult) -> float:
    """Hugging Face's hosts, and its path anywhere. Under /v1/ the same hosts speak OpenAI's protocol."""
    host = (url.hostname or "").lower()
    if host in (ROUTER, OLD_HOST) or host.endswith(ENDPOINTS):
        return 0.3 if "/v1/" in url.path else 1.0
    if MODEL_PATH.fullmatch(url.path) and not OTHERS_PATH.search(url.path):
        return 0.6
    return 0.2 if SERVER_PATH.fullmatch(url.path) else 0.0


def schema_urls(url: str) -> list[str]:
    """None: no address tells what a model wants."""
    return []


def default_schema(url: str) -> Schema:
    """The form where nothing is said; `.../pipeline/{task}` in an address says the task."""
    found = MODEL_PATH.fullmatch(urlsplit(url).path)
    return schema_of_task((found["task"] if found else "") or "") or DEFAULT_SCHEMA


# A sample request


def read_schema(url: str, document: Any, headers: Mapping[str, str]) -> Schema | None:
    """A Schema from one sample body; None from anything else.

    At an address of Hugging Face's any object will do, for custom handlers take what they like.
    """
    if not isinstance(document, dict) or not document or {"openapi", "swagger", "paths"} & document.keys():
        return None
    if claims(urlsplit(url)) < 0.5 and not _is_typical(document):
        return None
    table = _table_of(document)
    fields = _fields_of_table(table)
    task = "" if table else _task_of(document)
    parameters = [f for fields in TASKS.values() for f in fields if f.parameter]
    known = {(f.place, f.wire_name): f for f in [*parameters, *TASKS.get(task, (_text(),))]}
    asked = _without_table(document) if table else document
    fields += [_field_of_sample(f, known.get((f.place, f.wire_name))) for f in fields_of_values(asked)]
    if not fields:
        return None
    envelope = "columns" if table else ""
    options = {"task": "tabular-classification" if table else task}
    return Schema(unique_names(fields), envelope, dialect="huggingface", source="a sample request", options=options)


def _is_typical(document: Mapping[str, Any]) -> bool:
    """TensorFlow Serving and MLflow have `inputs` too, but never one text, nor with `parameters` beside it."""
    if document.keys() - {"inputs"} - BESIDE_INPUTS:
        return False
    inputs = document.get("inputs")
    if isinstance(inputs, dict):
        return {"question", "context"} <= inputs.keys() or {"source_sentence", "sentences"} <= inputs.keys()
    is_texts = isinstance(inputs, list) and bool(inputs) and all(isinstance(text, str) for text in inputs)
    return isinstance(inputs, str) or (is_texts and "parameters" in document)


def _task_of(document: Mapping[str, Any]) -> str:
    """What only one task has in its body; "" where nothing tells."""
    inputs, parameters = document.get("inputs"), document.get("parameters")
    named = {str(key) for node in (inputs, parameters) if isinstance(node, dict) for key in node}
    signs = {
        "candidate_labels": "zero-shot-classification",
        "aggregation_strategy": "token-classification",
        "context": "question-answering",
        "source_sentence": "sentence-similarity",
        "max_new_tokens": "text-generation",
        "tgt_lang": "translation",
        "num_inference_steps": "text-to-image",
    }
    return next((task for sign, task in signs.items() if sign in named), "")


def _field_of_sample(found: Field, known: Field | None) -> Field:
    """The sample's field with the words of its task; a parameter goes on as the sample sends it."""
    if found.kind == "file" and (found.place, found.wire_name) == ((), "inputs"):
        return replace(_AUDIO if found.accept.startswith("audio/") else _IMAGE, accept=found.accept, send=found.send)
    field = known if known is not None and _fits(known, found.example) else found
    field = replace(field, name=found.wire_name, example=found.example)
    return replace(field, parameter=True, default=found.example) if found.place[:1] == ("parameters",) else field


def _fits(known: Field, example: Any) -> bool:
    """Whether the sample's value is one that the task's own field would take."""
    try:
        return example is None or known.parse(example, "json") is not None
    except InvalidValue:
        return False


def _table_of(document: Mapping[str, Any]) -> dict[str, list[Any]]:
    """`inputs.data` of the tabular tasks; {} where it is none."""
    inputs = document.get("inputs")
    data = inputs.get("data") if isinstance(inputs, dict) else None
    if not isinstance(data, dict) or not all(isinstance(values, list) for values in data.values()):
        return {}
    return data


def _without_table(document: Mapping[str, Any]) -> dict[str, Any]:
    inputs = {key: value for key, value in document["inputs"].items() if key != "data"}
    return {**document, "inputs": inputs} if inputs else {k: v for k, v in document.items() if k != "inputs"}


def _fields_of_table(table: Mapping[str, list[Any]]) -> list[Field]:
    """The values of the documented bodies are texts even where they are numbers; so are ours then."""
    return [_field_of_column(column, values[0] if values else "") for column, values in table.items()]


def _field_of_column(column: str, value: Any) -> Field:
    place = ("inputs", "data")
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return Field(column, "number", column, place=place, example=value, datatype="string")
    is_number = bound(value) is not None
    shown = value if is_number or (isinstance(value, str) and value) else None
    return Field(column, "number" if is_number else "text", column, place=place, example=shown)


# Request


def encode(schema: Schema, url: str, rows: Iterable[Row]) -> Request:
    """One row by field name; only a table takes several. What was left out is left out of the body."""
    listed = [{name: value for name, value in row.items() if value is not None and value != ""} for row in rows]
    first = listed[0] if listed else {}
    given = list(first.values())
    if len(given) == 1 and isinstance(given[0], Upload) and _sends_raw(schema, first):
        return Request(url, given[0].data, headers={"Content-Type": given[0].content_type})
    columns = [f for f in schema.fields if f.place == ("inputs", "data")] if schema.envelope == "columns" else []
    body = record([f for f in schema.fields if f not in columns], first)
    if columns:
        body.setdefault("inputs", {})["data"] = {
            f.wire_name: [_cell(f, row.get(f.name)) for row in listed] for f in columns
        }
    headers = {"Content-Type": "application/json"}
    if schema.options.get("task") == "text-to-image":
        headers["Accept"] = "image/png"  # an endpoint of one's own would answer with JSON otherwise
    return Request(url, dumps(body).encode("utf-8", "replace"), headers=headers)


def _sends_raw(schema: Schema, row: Row) -> bool:
    return all(f.send == "body" for f in schema.fields if f.name in row)


def _cell(f: Field, value: Any) -> Any:
    return str(value) if f.datatype == "string" and value is not None else value


# Answer


def decode(schema: Schema, reply: Reply, n_rows: int) -> Result:
    """The parts by their shape; the task tells only where numbers alone do not say what they are."""
    if is_media(reply):
        return of_media(reply)
    raw = reply.json()
    reader = _READERS.get(str(schema.options.get("task")))
    parts = reader(raw) if reader else []
    return Result(parts or generic(raw, "", n_rows), raw)


def _embedding(raw: Any) -> list[Part]:
    """One vector, however many lists of one item stand around it."""
    while isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], list):
        raw = raw[0]
    return [Vector(raw, "embedding")] if are_numbers(raw) else []


def _similarities(raw: Any) -> list[Part]:
    """A number for each sentence that was compared."""
    if not are_numbers(raw):
        return []
    pairs = ((f"Sentence {number}", value) for number, value in enumerate(raw, 1))
    return [scores(pairs, label="Sentence", measure="Similarity")]


_READERS = {"feature-extraction": _embedding, "sentence-similarity": _similarities}
