"""Azure ML Studio (classic) Request-Response service.

Source: Azure Machine Learning Studio (classic) documentation, "Consume a web service". A body is
`{"Inputs": {"input1": ...}, "GlobalParameters": {}}`, where each input is a table `{"ColumnNames", "Values"}` or, with
`format=swagger` in the address, a list of records. Every value travels as a string, both ways. An answer is
`{"Results": {"output1": {"type": "table", "value": {...}}}}`; `ColumnNames` and `ColumnTypes` come with `details=true`
only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit, urlunsplit

from .. import company
from ..media import sniff
from ..reading.documents import MOST_FIELDS, field_from_property
from ..reading.references import resolve
from ..reading.samples import field_from_value
from ..results import Column, Image, Images, Json, Part, Result, Table, Text
from ..schema import Field, Row, Schema, unique_names
from ..wire import Reply, Request, dumps

MAX_ROWS = 1000  # in one body
LONGEST_NAME = 200  # of a column or an output; a longer one would fill the page
SERVICE_PATH = re.compile(r"/workspaces/[^/]+/services/[^/]+", re.IGNORECASE)

DEFAULT_SCHEMA = company.SCHEMA


def claims(url: SplitResult) -> float:
    host = url.hostname or ""
    if host.endswith("services.azureml.net"):
        return 1.0
    return 0.9 if SERVICE_PATH.search(url.path) and url.path.rstrip("/").endswith("/execute") else 0.0


def schema_urls(url: str) -> list[str]:
    """`.../services/{id}/swagger.json?api-version=2.0`, which needs no key."""
    parts = urlsplit(url)
    service = SERVICE_PATH.search(parts.path)
    base = parts.path[: service.end()] if service else parts.path.rpartition("/")[0]
    return [urlunsplit((parts.scheme, parts.netloc, f"{base}/swagger.json", "api-version=2.0", ""))]


# What the endpoint says about itself


def read_schema(url: str, document: Any, headers: Mapping[str, str]) -> Schema | None:
    """A Schema from a classic `swagger.json` or from one sample request body; None from anything else."""
    if not isinstance(document, dict):
        return None
    if "Inputs" in document:
        found, source = _fields_of_sample(document), "a sample request"
    else:
        found, source = _fields_of_swagger(document), "the endpoint’s swagger.json"
    fields = unique_names(found)
    if not fields:
        return None
    if [f.column for f in fields] == [f.column for f in DEFAULT_SCHEMA.fields]:
        # The company service describes columns without lengths; its form has always known more.
        fields = tuple(
            Field(**{**vars(known), "input": f.input, "parameter": f.parameter, "example": f.example})
            for known, f in zip(DEFAULT_SCHEMA.fields, fields, strict=True)
        )
        return Schema(fields, envelope=_envelope(url), subject=DEFAULT_SCHEMA.subject, source=source)
    info = document.get("info")
    title = str(info.get("title") or "") if isinstance(info, dict) else ""
    description = str(info.get("description") or "") if isinstance(info, dict) else ""
    return Schema(fields, envelope=_envelope(url), title=title, description=description, source=source)


def _envelope(url: str) -> str:
    style = parse_qs(urlsplit(url).query).get("format", [""])[0]
    return "records" if style.lower() == "swagger" else "table"


def _fields_of_swagger(document: Mapping[str, Any]) -> list[Field]:
    definitions = resolve(document.get("definitions"), document)
    example = resolve(definitions.get("ExecutionRequest"), document).get("example")
    given = {(f.input, f.column): f.example for f in _fields_of_sample(example)} if isinstance(example, dict) else {}
    found: list[Field] = []
    for name, node in _properties(definitions.get("ExecutionInputs"), document).items():
        items = resolve(resolve(node, document).get("items"), document)
        found += _fields_of_object(items, document, input=name)
    request = _properties(definitions.get("ExecutionRequest"), document)
    parameters = resolve(request.get("GlobalParameters"), document)
    found += _fields_of_object(parameters, document, parameter=True)
    return [f if f.example is not None else replace(f, example=given.get((f.input, f.column))) for f in found]


def _properties(node: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    return resolve(resolve(node, document).get("properties"), document)


def _fields_of_object(node: Mapping[str, Any], document: Mapping[str, Any], **place: Any) -> list[Field]:
    properties = resolve(node.get("properties"), document)
    listed = node.get("required")
    required = listed if isinstance(listed, list) else list(properties)
    return [
        field_from_property(column, resolve(about, document), required=column in required, **place)
        for column, about in islice(properties.items(), MOST_FIELDS)
    ]


def _fields_of_sample(sample: Mapping[str, Any]) -> list[Field]:
    found: list[Field] = []
    listed = sample.get("Inputs")
    inputs = listed if isinstance(listed, dict) else {}
    for name, value in inputs.items():
        columns, rows = _columns_and_rows(value)
        values = rows[0] if rows and isinstance(rows[0], list) else []
        padded = [*values, *[""] * (len(columns) - len(values))]
        found += [field_from_value(str(c), v, input=name) for c, v in zip(columns, padded, strict=False)]
    parameters = sample.get("GlobalParameters")
    pairs = parameters.items() if isinstance(parameters, dict) else []
    return found + [field_from_value(name, value, parameter=True) for name, value in pairs]


def _columns_and_rows(value: Any) -> tuple[list[Any], list[Any]]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return list(value[0]), [list(value[0].values())]
    if isinstance(value, dict):
        columns, rows = value.get("ColumnNames"), value.get("Values")
        if isinstance(columns, list):
            return columns, rows if isinstance(rows, list) else []
        return list(value), [list(value.values())]
    return [], []


# Request


def encode(schema: Schema, url: str, rows: Iterable[Row]) -> Request:
    """`rows` by field name. Values become strings; what was left out becomes null in a row, and is left out of
    `GlobalParameters`, which must be an object even when it is empty."""
    listed = list(rows)
    inputs: dict[str, Any] = {}
    for name in dict.fromkeys(f.input for f in schema.fields if not f.parameter):
        fields = [f for f in schema.fields if f.input == name and not f.parameter]
        inputs[name or "input1"] = _input(schema.envelope, fields, listed)
    parameters = {
        f.wire_name: _string(listed[0].get(f.name))
        for f in schema.fields
        if f.parameter and listed and listed[0].get(f.name) is not None
    }
    body = dumps({"Inputs": inputs, "GlobalParameters": parameters})
    return Request(url=url, body=body.encode("utf-8", "replace"))


def _input(envelope: str, fields: list[Field], rows: list[Row]) -> Any:
    if envelope == "records":
        return [{f.wire_name: _string(row.get(f.name)) for f in fields} for row in rows]
    values = [[_string(row.get(f.name)) for f in fields] for row in rows]
    return {"ColumnNames": [f.wire_name for f in fields], "Values": values}


def _string(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


# Answer


def decode(schema: Schema, reply: Reply, n_rows: int) -> Result:
    """Every output as a table, or as what it holds: a plot, a log. Anything else is shown as the JSON it is."""
    raw = reply.json()
    results = raw.get("Results") if isinstance(raw, dict) else None
    if not isinstance(results, dict) or not results:
        return Result([Json(raw)], raw)
    parts = [part for name, output in results.items() for part in _output(name[:LONGEST_NAME], output)]
    return Result(parts, raw)


def _output(name: str, output: Any) -> list[Part]:
    value = output.get("value", output) if isinstance(output, dict) else output
    if isinstance(value, list):
        return [_table_of_records(name, value)] if value else [Table(name, [], [])]
    if not isinstance(value, dict) or not isinstance(value.get("Values"), list):
        return [Json(value, name)]
    rows = [row if isinstance(row, list) else [row] for row in value["Values"]]
    return _plots(name, rows) or _log(name, rows) or [_table(name, value, rows)]


def _table_of_records(name: str, records: list[Any]) -> Table:
    keys = list(dict.fromkeys(key for record in records if isinstance(record, dict) for key in record))
    if not keys:
        return Table(name, [Column(f"{name}[0]")], [[record] for record in records])
    rows = [[record.get(key) if isinstance(record, dict) else None for key in keys] for record in records]
    return Table(name, [Column(str(key)[:LONGEST_NAME]) for key in keys], rows)


def _table(name: str, value: Mapping[str, Any], rows: list[list[Any]]) -> Table:
    """Ragged rows are filled up on the right, so that no value moves to another column."""
    names = value.get("ColumnNames")
    types = value.get("ColumnTypes")
    width = max([len(row) for row in rows] + [len(names) if isinstance(names, list) else 0])
    columns = [
        _column(
            str(names[i])[:LONGEST_NAME] if isinstance(names, list) and i < len(names) else f"{name}[{i}]",
            str(types[i])[:LONGEST_NAME] if isinstance(types, list) and i < len(types) else "string",
        )
        for i in range(width)
    ]
    readers = [_READERS.get(column.type) for column in columns]
    if any(readers):
        rows = [[_cell(cell, reader) for cell, reader in zip(row, readers, strict=False)] for row in rows]
    return Table(name, columns, [[*row, *[None] * (width - len(row))] for row in rows])


@lru_cache(maxsize=1024)
def _column(name: str, declared: str) -> Column:
    """An endpoint answers with the same columns each time."""
    word = declared.lower()
    if re.fullmatch(r"u?int(8|16|32|64)?|s?byte", word):
        return Column(name, "integer")
    if word in ("double", "single", "float", "decimal", "numeric"):
        return Column(name, "number")
    return Column(name, "boolean" if word in ("boolean", "bool") else "string")


def _number(text: str) -> float | str:
    number = float(text)
    return number if abs(number) != float("inf") or "inf" in text.lower() else text


_READERS = {"integer": int, "number": _number, "boolean": lambda text: {"true": True, "false": False}[text.lower()]}


def _cell(cell: Any, reader: Any) -> Any:
    """The typed value where the string is one; what does not fit its column's type stays as it came."""
    if reader is None or not isinstance(cell, str) or "_" in cell:
        return cell
    try:
        return reader(cell)
    except (ValueError, KeyError):
        return cell


def _plots(name: str, rows: list[list[Any]]) -> list[Part]:
    """The device output of an R or Python module: a JSON string in a cell, with its plots in base64."""
    if len(rows) != 1 or len(rows[0]) != 1 or not isinstance(rows[0][0], str) or not rows[0][0].startswith("{"):
        return []
    try:
        device = json.loads(rows[0][0])
    except (ValueError, RecursionError):
        return []
    pictures = device.get("Graphics Device") if isinstance(device, dict) else None
    if not isinstance(pictures, list):
        return []
    images = [Image(kind, data) for data in pictures if isinstance(data, str) and (kind := sniff(data))]
    log = "\n".join(str(device[key]) for key in ("Standard Output", "Standard Error") if device.get(key))
    return [*([Images(images, name)] if images else []), *([Text(log, name)] if log else [])]


def _log(name: str, rows: list[list[Any]]) -> list[Part]:
    """The second output of a script module is its log, as `data:text/plain,...` cells."""
    cells = [cell for row in rows for cell in row if cell is not None]
    if not cells or not all(isinstance(cell, str) and cell.startswith("data:text/plain,") for cell in cells):
        return []
    return [Text("\n".join(cell.partition(",")[2].strip() for cell in cells), name)]
