"""MLflow's scoring server, and Databricks Model Serving, which speaks the same.

Sources: MLflow documentation, "Deploy MLflow Model as a Local Inference Server" (the four keys, `params`); the replies
of MLflow 3.17; Databricks REST reference, "Query a serving endpoint" and "Get the schema for a serving endpoint". A
body is a JSON object with exactly one of `dataframe_split`, `dataframe_records`, `instances` and `inputs`, and maybe
`params`; an answer is `{"predictions": ...}`. The server's own `/openapi.json` says nothing about a body.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ..errors import BadResponse, WrongInput
from ..reading.documents import fields_of_object, new_budget
from ..reading.references import resolve
from ..results import Result
from ..results.shapes import generic
from ..schema import Field, Kind, Row, Schema, record, unique_names
from ..wire import Reply, Request, dumps
from . import frames
from .frames import Frame

ENVELOPES = ("dataframe_split", "dataframe_records", "instances", "inputs")
SERVING_ENDPOINT = re.compile(r"/serving-endpoints/([^/]+)(?:/served-models/[^/]+)?/invocations/?", re.IGNORECASE)
MAX_ROWS = 1000
LONGEST_MESSAGE = 200_000  # characters of an error that are searched for a signature

DOUBT = "The service does not say which columns it takes."
BODY = Field(
    "body",
    "json",
    label="Request",
    help=(
        'One row as JSON, such as {"age": 36, "town": "Bern"}, or a whole request with dataframe_split, '
        "dataframe_records, instances or inputs. The service does not say which columns it takes: "
        "with one sample request in SCHEMA this becomes a form."
    ),
)
DEFAULT_SCHEMA = Schema((BODY,), envelope="body", dialect="mlflow", options={"max_rows": 1, "doubt": DOUBT})


def claims(url: SplitResult) -> float:
    """Amazon SageMaker's own addresses end alike, but want a signature and may mean any protocol."""
    if SERVING_ENDPOINT.fullmatch(url.path):
        return 1.0
    if re.search(r"/endpoints/[^/]+/invocations/?$", url.path):
        return 0.2
    return 0.8 if url.path.rstrip("/").endswith("/invocations") else 0.0


def schema_urls(url: str) -> list[str]:
    """Databricks describes an endpoint's columns; MLflow itself only that it is MLflow."""
    parts = urlsplit(url)
    endpoint = SERVING_ENDPOINT.fullmatch(parts.path)
    path = parts.path.rstrip("/").removesuffix("/invocations") + "/openapi.json"
    if endpoint:
        path = f"/api/2.0/serving-endpoints/{endpoint[1]}/openapi"
    return [urlunsplit((parts.scheme, parts.netloc, path, "", ""))]


# What the endpoint says about itself


def read_schema(url: str, document: Any, headers: Mapping[str, str]) -> Schema | None:
    """A Schema from an OpenAPI document or from one sample request body; None from anything else.

    MLflow's own document makes the form of one JSON field: it says that this is MLflow, and nothing about columns.
    """
    if not isinstance(document, dict):
        return None
    if "paths" in document:
        return _read_openapi(url, document)
    given = [key for key in ENVELOPES if key in document]
    is_ours = claims(urlsplit(url)) >= 0.5
    if len(given) != 1 or (not is_ours and (set(document) - {*given, "params"} or _is_of_others(document))):
        return None
    return _read_sample(given[0], document)


def _is_of_others(sample: Mapping[str, Any]) -> bool:
    """`inputs` is also the word of the Open Inference Protocol (a list of tensors) and of Hugging Face (a text)."""
    inputs = sample.get("inputs")
    is_tensors = isinstance(inputs, list) and any(isinstance(i, dict) and "datatype" in i for i in inputs[:10])
    return is_tensors or isinstance(inputs, str)


def _read_sample(envelope: str, sample: Mapping[str, Any]) -> Schema | None:
    value = sample[envelope]
    singular = envelope.removesuffix("s") if envelope in ("instances", "inputs") else "row"
    found = frames.read(value, (envelope,), singular)
    if found is None and envelope == "inputs" and isinstance(value, str):
        # One text alone is the usual body of a language model; the server takes a list of one for the same.
        found = frames.read([value], (envelope,), singular)
    if found is None:
        return None
    frame, columns = found
    fields = unique_names([*columns, *frames.as_parameters(sample.get("params"))])
    return Schema(fields, envelope, source="a sample request", dialect="mlflow", options={"frame": frame})


def _read_openapi(url: str, document: Mapping[str, Any]) -> Schema | None:
    paths = document.get("paths")
    listed = [str(path) for path in paths] if isinstance(paths, dict) else []
    path = next((path for path in listed if path.rstrip("/").endswith("/invocations")), "")
    if not path or any(other.startswith("/v2/") for other in listed):
        return None  # MLServer answers /invocations too, but describes more under /v2
    columns = _columns_of_operation(resolve(resolve(paths, document).get(path), document), document)
    is_mlflow = bool({"/ping", "/health"} & set(listed)) or claims(urlsplit(url)) >= 0.5
    if not columns and not is_mlflow:
        return None
    is_nested = any(f.place for f in columns)
    frame = Frame("records", ("dataframe_records",)) if is_nested else Frame("split", ("dataframe_split",))
    options: Mapping[str, Any] = {"frame": frame} if columns else DEFAULT_SCHEMA.options
    return Schema(
        unique_names(columns) or (BODY,),
        frame.path[0] if columns else "body",
        source="the endpoint’s OpenAPI description",
        dialect="mlflow",
        url="" if urlsplit(url).path.strip("/") else _at(url, path),
        options=options,
    )


def _at(url: str, path: str) -> str:
    """For an address without a path, the one that the description names."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _columns_of_operation(path: Mapping[str, Any], document: Mapping[str, Any]) -> list[Field]:
    """The columns of `dataframe_records`, wherever among the alternatives of a body it is described."""
    content = resolve(
        resolve(resolve(path.get("post"), document).get("requestBody"), document).get("content"), document
    )
    body = resolve(resolve(content.get("application/json"), document).get("schema"), document)
    budget = new_budget()
    several = [body[word] for word in ("oneOf", "anyOf") if isinstance(body.get(word), list)]
    for alternative in [body, *[node for nodes in several for node in nodes[:20]]]:
        properties = resolve(resolve(alternative, document).get("properties"), document)
        records = resolve(properties.get("dataframe_records"), document)
        columns = fields_of_object(resolve(records.get("items"), document), document, budget=budget)
        if columns:
            return columns
    return []


# Request


def max_rows(schema: Schema) -> int:
    """How many rows one body takes."""
    return int(schema.options.get("max_rows", MAX_ROWS))


def encode(schema: Schema, url: str, rows: Iterable[Row]) -> Request:
    """`rows` by field name, in the sample's envelope. Raises WrongInput for several whole bodies at once."""
    listed = list(rows)
    frame = schema.options.get("frame")
    body: Any = {}
    if frame is None:
        body = _whole_body(schema, listed)
    else:
        fields = [f for f in schema.fields if not f.parameter]
        frames.put(body, frame, frames.write(frame, fields, listed))
        parameters = record((f for f in schema.fields if f.parameter), listed[0] if listed else {})
        if parameters:
            body["params"] = parameters
    return Request(url=schema.url or url, body=dumps(body).encode("utf-8", "replace"))


def _whole_body(schema: Schema, rows: list[Row]) -> Any:
    """What was pasted; records alone get their envelope."""
    if len(rows) > 1:
        raise WrongInput("This service does not say which columns it takes, so it is asked about one row at a time.")
    field = schema.fields[0]
    value = rows[0].get(field.name) if rows else None
    if isinstance(value, dict) and not any(key in value for key in ENVELOPES):
        return {"dataframe_records": [value]}
    if isinstance(value, list):
        is_records = bool(value) and all(isinstance(row, dict) for row in value)
        return {"dataframe_records" if is_records else "instances": value}
    return value


# Answer


def decode(schema: Schema, reply: Reply, n_rows: int) -> Result:
    """What stands under `predictions`, or the whole answer where nothing does. Raises BadResponse."""
    raw = reply.json()
    inside = raw["predictions"] if isinstance(raw, dict) and "predictions" in raw else raw
    return Result(generic(inside, "prediction", n_rows), raw)


# The signature in an error

SIGNATURE = ("with schema '[", "]'")
COLUMN = re.compile(
    r"""(?:(?P<q>['"])(?P<name>(?:\\.|(?!(?P=q))[^\\]){0,1000})(?P=q):[ ])?
        (?:(?P<tensor>Tensor\([^()]{0,100}(?:\([^()]{0,200}\))?\))(?:[ ]\((?:required|optional)\))?
        |(?P<type>[A-Za-z][^\n]{0,2000}?)[ ]\((?P<need>required|optional)\))(?:,[ ]|$)""",
    re.VERBOSE,
)
WITHOUT_COLUMNS: Mapping[str, Any] = {"dataframe_split": {"columns": [], "data": []}}
MOST_NUMBERS = 1000  # of a tensor in a form
PROPERTIES: Mapping[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "text": {"type": "string"},
    "datetime": {"type": "string", "format": "date-time"},
    "file": {"type": "string", "contentEncoding": "base64"},
    "list": {"type": "array"},
    "json": {},
}
SAMPLES: Mapping[str, Any] = {"boolean": False, "integer": 0, "number": 0.5}
WHOLE = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
KINDS: Mapping[str, Kind] = {
    "boolean": "boolean",
    "integer": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "string": "text",
    "datetime": "datetime",
    "binary": "file",
}


def columns_of_error(text: str) -> list[Field]:
    """The fields of a model's signature, from the message with which MLflow refuses a frame without columns.

    `... with schema '['name': double (required), ...]'. Error: Model is missing inputs ...` (MLflow 3.17). [] where
    the message holds no signature. The question that leads to it is `WITHOUT_COLUMNS`;
    a model without a signature is run by it, so only an owner may ask.
    """
    signature = text[:LONGEST_MESSAGE].partition(SIGNATURE[0])[2]
    end = signature.find(f"{SIGNATURE[1]}. ")
    signature = signature[:end] if end >= 0 else signature.partition(SIGNATURE[1])[0]
    found: list[Field] = []
    position = 0
    while position < len(signature) and len(found) < frames.MOST_COLUMNS:
        column = COLUMN.match(signature, position)
        if column is None:
            return []
        found.append(_field_of_signature(column, len(found)))
        position = column.end()
    return list(unique_names(found))


def _field_of_signature(column: re.Match[str], position: int) -> Field:
    name = re.sub(r"\\(.)", r"\1", column["name"] or "") or f"input {position + 1}"
    word = column["type"] or ""
    array = re.fullmatch(r"Array\((\w+)\)", word)
    kind = KINDS.get(word, "list" if array and array[1] in KINDS else "json")
    low, high = WHOLE.get(word, (None, None))
    return Field(
        name,
        kind,
        name if column["name"] else "",
        required=column["need"] != "optional",
        minimum=None if low is None else Decimal(low),
        maximum=None if high is None else Decimal(high),
        items=Field("item", KINDS[array[1]]) if kind == "list" and array else None,
        send="base64" if kind == "file" else "",
        datatype=word or column["tensor"] or "",
    )


def description_of_columns(columns: Iterable[Field]) -> Any:
    """What `read_schema` reads back: an OpenAPI document for columns with names, else one sample request. Raises
    BadResponse for one large tensor."""
    fields = list(columns)
    if all(f.column for f in fields):
        row = {
            "type": "object",
            "properties": {f.column: _property(f) for f in fields},
            "required": [f.column for f in fields if f.required],
        }
        body = {"properties": {"dataframe_records": {"type": "array", "items": row}}}
        operation = {"requestBody": {"content": {"application/json": {"schema": body}}}}
        return {"openapi": "3.1.0", "paths": {"/invocations": {"post": operation}}}
    if fields[0].datatype.startswith("Tensor"):
        return {"inputs": _tensor(fields[0].datatype)}
    row_of_samples = [SAMPLES.get(f.kind, "text") for f in fields]
    return {"dataframe_split": {"columns": list(range(len(fields))), "data": [row_of_samples]}}


def _property(f: Field) -> dict[str, Any]:
    limits = {"minimum": f.minimum, "maximum": f.maximum}
    about = {**PROPERTIES[f.kind], **{name: int(value) for name, value in limits.items() if value is not None}}
    return {**about, "items": _property(f.items)} if f.items is not None else about


def _tensor(datatype: str) -> Any:
    """A sample of `Tensor('float64', (-1, 4))`, any length being 1. Raises BadResponse."""
    lengths = [abs(int(n)) for n in re.findall(r"-?\d{1,9}", datatype.partition("(")[2].partition("(")[2])]
    if not lengths or math.prod(lengths) > MOST_NUMBERS:
        raise BadResponse(f"It takes one {datatype}: too much for a form. Paste one request that works.")
    made: Any = 0 if "int" in datatype else 0.5
    for length in reversed(lengths):
        made = [made] * length
    return made
