"""Azure Machine Learning online endpoints (v2), and the designer's and AutoML's services of the same family.

Sources: Azure Machine Learning documentation, "Deploy MLflow models to online endpoints" (`input_data`), "Consume a
web service" (`Inputs`, `GlobalParameters`), "Author scoring scripts" (`@rawhttp`), and the descriptions and replies of
azureml-inference-server-http 1.5. A body is a JSON object with one key per argument of the service's `run` function;
its `swagger.json` (2.0; 3.x with `?version=3`) calls it `ServiceInput` and the operation `RunMLService`. The formats
`pandas.DataFrame:records`, `pandas.DataFrame:split` and `numpy.ndarray` say how an argument that holds rows is
written. An answer is whatever `run` returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ..errors import BadResponse, WrongInput
from ..reading.documents import field_from_property, fields_of_object, with_examples
from ..reading.references import resolve
from ..reading.samples import fields_of_values
from ..results import Result
from ..results.shapes import generic
from ..schema import Field, Row, Schema, Upload, record, unique_names
from ..wire import Reply, Request, dumps
from . import frames
from .bodies import media_in
from .frames import Frame

HOST = ".inference.ml.azure.com"
OPERATION = "RunMLService"
HOLDERS = ("Inputs", "inputs")  # whose keys are inputs themselves
PARAMETERS = "GlobalParameters"
ROWS = ("input_data", "data", "dataframe_split", "dataframe_records")  # keys under which samples hold rows
MAX_ROWS = 1000
UNDESCRIBED = "The service does not say what it takes: with one sample request in SCHEMA this becomes a form."

# `run` without decorators and `@rawhttp` describe themselves alike, and may want JSON as well as a picture's bytes.
# So the form offers both, and what is given goes as it is.
DEFAULT_SCHEMA = Schema(
    (
        Field("body", "json", label="Request", required=False, help=f"The whole request as JSON. {UNDESCRIBED}"),
        Field("file", "file", label="Or a file", required=False, send="body", help="Sent as it is, such as a picture."),
    ),
    envelope="body",
    dialect="azureml",
    options={"max_rows": 1, "doubt": "The service does not say what it takes."},
)


def claims(url: SplitResult) -> float:
    if (url.hostname or "").endswith(HOST):
        return 1.0
    return 0.3 if url.path.rstrip("/").endswith("/score") else 0.0


def schema_urls(url: str) -> list[str]:
    """`swagger.json` beside `/score`; it wants the key too."""
    return [_beside(url, "swagger.json")]


def _beside(url: str, name: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/').removesuffix('/score')}/{name}", "", ""))


# What the endpoint says about itself


@dataclass
class Body:
    """What a body is made of: columns in their frames, whatever else it holds, and the objects that it holds even when
    they are empty."""

    columns: list[tuple[Frame, list[Field]]] = field(default_factory=list)
    others: list[Field] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)


def read_schema(url: str, document: Any, headers: Mapping[str, str]) -> Schema | None:
    """A Schema from `swagger.json` in any version or from one sample request body; None from anything else."""
    if not isinstance(document, dict):
        return None
    if "paths" in document:
        found = _operation(document)
        return _read_operation(url, *found, document) if found else None
    if not _is_sample(url, document):
        return None
    return _schema(_body_of_sample(document), source="a sample request")


def _schema(body: Body, **about: Any) -> Schema | None:
    """Where there are rows, what is no column belongs to the call; where there are none, the body is one row."""
    several = len(body.columns) > 1
    found = [replace(frame, input=frame.path[-1] if several else "") for frame, _ in body.columns]
    columns = [
        replace(f, input=frame.input) for frame, (_, listed) in zip(found, body.columns, strict=True) for f in listed
    ]
    others = [replace(f, parameter=bool(found)) for f in body.others]
    options = {"frames": tuple(found), "objects": tuple(body.objects), **({} if found else {"max_rows": 1})}
    fields = unique_names([*columns, *others])
    return Schema(fields, "object", dialect="azureml", options=options, **about) if fields else None


def _operation(document: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The path of the scoring operation and the schema of its body."""
    for path, about in resolve(document.get("paths"), document).items():
        operation = resolve(resolve(about, document).get("post"), document)
        if operation.get("operationId") != OPERATION:
            continue
        content = resolve(resolve(operation.get("requestBody"), document).get("content"), document)
        body = resolve(resolve(content.get("application/json"), document).get("schema"), document)
        listed = operation.get("parameters")
        for parameter in listed if isinstance(listed, list) else []:
            described = resolve(parameter, document)
            if described.get("in") == "body":
                body = resolve(described.get("schema"), document)
        return str(path), body
    return None


def _read_operation(url: str, path: str, body: Mapping[str, Any], document: Mapping[str, Any]) -> Schema:
    about: dict[str, Any] = {
        "source": "the endpoint’s swagger.json",
        "url": "" if urlsplit(url).path.strip("/") else _beside(url, path.strip("/")),
        **_own_words(resolve(document.get("info"), document)),
    }
    schema = _schema(_body_of_schema(body, document), **about)
    return replace(DEFAULT_SCHEMA, **about) if schema is None else schema


def _own_words(info: Mapping[str, Any]) -> dict[str, str]:
    """Title and description, unless they are the server's own, which say nothing."""
    title, description = info.get("title"), info.get("description")
    return {
        "title": title if isinstance(title, str) and title != "ML service" else "",
        "description": description
        if isinstance(description, str) and not description.startswith("API specification for the Azure M")
        else "",
    }


def _body_of_schema(body: Mapping[str, Any], document: Mapping[str, Any]) -> Body:
    found = Body()
    given = body.get("example")
    example = given if isinstance(given, dict) else {}
    for name, node in resolve(body.get("properties"), document).items():
        about, shown = resolve(node, document), example.get(name)
        if name == PARAMETERS:
            found.objects.append(name)
            found.others += with_examples(fields_of_object(about, document, place=(name,)), shown, (name,))
        elif name in HOLDERS and isinstance(about.get("properties"), dict):
            inner = shown if isinstance(shown, dict) else {}
            for key, inside in about["properties"].items():
                _add_schema(found, (name, key), about, resolve(inside, document), inner.get(key), document)
        else:
            _add_schema(found, (name,), body, about, shown, document)
    return found


def _add_schema(
    found: Body,
    path: tuple[str, ...],
    holder: Mapping[str, Any],
    node: Mapping[str, Any],
    example: Any,
    document: Mapping[str, Any],
) -> None:
    form = str(node.get("format") or "")
    holds_rows = form.startswith(("pandas.", "numpy.")) or path[0] in (*ROWS, *HOLDERS)
    columns = _columns_of_schema(path, node, example, document) if holds_rows else None
    if columns is not None:
        found.columns.append(columns)
        return
    name = path[-1]
    alone = {"type": "object", "properties": {name: node}, "required": holder.get("required")}
    found.others += with_examples(fields_of_object(alone, document, place=path[:-1]), {name: example}, path[:-1])


def _columns_of_schema(
    path: tuple[str, ...], node: Mapping[str, Any], example: Any, document: Mapping[str, Any]
) -> tuple[Frame, list[Field]] | None:
    """The names of a split frame's columns, and how many numbers a row of an array has, stand in the example only."""
    items = resolve(node.get("items"), document)
    if isinstance(items.get("properties"), dict):
        first = example[0] if isinstance(example, list) and example else None
        return Frame("records", path), with_examples(fields_of_object(items, document), first)
    shown = frames.read(example, path, path[-1])
    if shown or node.get("type") != "array":
        return shown
    if "items" in items:
        inner = resolve(items["items"], document)
        item = field_from_property("item", inner, required=True, document=document)
        is_nested = "items" in inner or "properties" in inner
        row = Field(path[-1], "json", path[-1]) if is_nested else Field(path[-1], "list", path[-1], items=item)
        return Frame("values", path), [row]
    return Frame("values", path), [field_from_property(path[-1], items, required=True, document=document)]


def _is_sample(url: str, document: Mapping[str, Any]) -> bool:
    """On Azure's own hosts any object is a request; elsewhere one that only this family writes so."""
    if not document or {"openapi", "swagger", "definitions", "$schema"} & document.keys():
        return False
    inputs = document.get("Inputs")
    if isinstance(inputs, dict) and any(isinstance(v, dict) and "ColumnNames" in v for v in inputs.values()):
        return False  # the classic service's table
    claim = claims(urlsplit(url))
    return claim == 1.0 or "Inputs" in document or "input_data" in document or (claim > 0 and "data" in document)


def _body_of_sample(sample: Mapping[str, Any]) -> Body:
    found = Body()
    for name, value in sample.items():
        if name == PARAMETERS:
            found.objects.append(name)
            found.others += frames.as_parameters(value, name)
        elif name in HOLDERS and isinstance(value, dict):
            for key, inside in value.items():
                _add_sample(found, (name, key), inside)
        else:
            _add_sample(found, (name,), value)
    return found


def _add_sample(found: Body, path: tuple[str, ...], value: Any) -> None:
    columns = frames.read(value, path, path[-1]) if path[0] in (*ROWS, *HOLDERS) else None
    if columns:
        found.columns.append(columns)
    else:
        found.others += fields_of_values({path[-1]: value}, place=path[:-1])


# Request


def max_rows(schema: Schema) -> int:
    """How many rows one body takes."""
    return int(schema.options.get("max_rows", MAX_ROWS))


def encode(schema: Schema, url: str, rows: Iterable[Row]) -> Request:
    """`rows` by field name, typed as they are; parameters are those of the first row. A file goes as the body itself.

    Raises WrongInput for several rows where the body holds one only, and where neither JSON nor a file was given.
    """
    listed = list(rows)
    to = schema.url or url
    if schema.envelope == "body":
        return _whole_body(to, _the_one(listed))
    holds_rows = bool(schema.options["frames"])
    others = [f for f in schema.fields if f.parameter or not holds_rows]
    first = (listed[0] if listed else {}) if holds_rows else _the_one(listed)
    body: dict[str, Any] = {name: {} for name in schema.options["objects"]}
    body.update(record(others, first))
    for frame in schema.options["frames"]:
        fields = [f for f in schema.fields if not f.parameter and f.input == frame.input]
        value = frames.write(frame, fields, listed)
        if frame.form.startswith("split"):
            value["index"] = list(range(len(listed)))
        frames.put(body, frame, value)
    return Request(url=to, body=dumps(body).encode("utf-8", "replace"))


def _the_one(rows: list[Row]) -> Row:
    if len(rows) > 1:
        raise WrongInput("This service takes one row at a time.")
    return rows[0] if rows else {}


def _whole_body(url: str, row: Row) -> Request:
    upload, value = row.get("file"), row.get("body")
    if isinstance(upload, Upload):
        return Request(url=url, body=upload.data, headers={"Content-Type": upload.content_type})
    if value is None:
        raise WrongInput(fields={"body": "Fill this in, or choose a file."})
    return Request(url=url, body=dumps(value).encode("utf-8", "replace"))


# Answer


def decode(schema: Schema, reply: Reply, n_rows: int) -> Result:
    """Whatever `run` returned: lists, objects, `Results`, JSON in a string, or a picture. Raises BadResponse."""
    try:
        raw = reply.json()
    except BadResponse:
        found = media_in(reply)
        if found is None:
            raise
        return found
    return Result(generic(raw, "", n_rows), raw)
