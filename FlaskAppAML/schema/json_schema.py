"""Fields -> JSON Schema (draft 2020-12), as the API's own document says them: exactly what `Field.parse` takes as JSON.

Whatever one of the two refuses the other must refuse as well; tests/test_api_schemathesis.py compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from . import MOST_ROWS, MOST_VALUES, Alternative, Field, Upload
from .patterns import compiled
from .values import is_number

Document = dict[str, Any]

NO_NUL = "^[^\\u0000]*$"
MONTH = "^\\s*[0-9]{4}-(0[1-9]|1[0-2])\\s*$"
WEEK = "^\\s*[0-9]{4}-W(0[1-9]|[1-4][0-9]|5[0-3])\\s*$"
FILE = "^\\s*(data:[^,]*;base64,)?[A-Za-z0-9+/\\s]+={0,2}\\s*$"


def of_fields(fields: Iterable[Field], *, closed: bool = True) -> Document:
    """An object of these fields by name. `closed`: no other names."""
    shown = [f for f in fields if not f.hidden and f.fixed is None]
    made: Document = {"type": "object", "properties": {f.name: of_field(f) for f in shown}}
    required = [f.name for f in shown if not f.may_be_left_out and f.default is None]
    if required:
        made["required"] = required
    if closed:
        made["additionalProperties"] = False
    return made


def of_field(f: Field) -> Document:
    made: Document = {"title": f.shown_label} if f.shown_label != f.name else {}
    said = " ".join(filter(None, [f.help, f"In {f.unit}." if f.unit else ""]))
    if said:
        made["description"] = said
    made |= {"enum": list(f.choices)} if f.choices else _OF_KIND[f.kind](f)
    if f.may_be_left_out:
        made = _or_null(made)
    for word, value in (("default", f.default), ("examples", None if f.example is None else [f.example])):
        if value is not None and not f.secret and not isinstance(value, Upload):
            made[word] = value
    flags = {"deprecated": f.deprecated, "writeOnly": f.secret}
    return made | {word: True for word, is_set in flags.items() if is_set}


def _or_null(made: Document) -> Document:
    if "enum" in made:
        return made if None in made["enum"] else {**made, "enum": [*made["enum"], None]}
    if "anyOf" in made:
        return {**made, "anyOf": [*made["anyOf"], {"type": "null"}]}
    return {**made, "type": [made["type"], "null"]} if "type" in made else made


def _text(f: Field) -> Document:
    made: Document = {"type": "string", **_limits("Length", f.min_length or None, f.max_length), "pattern": NO_NUL}
    if f.pattern and compiled(f.pattern):
        made["allOf"] = [{"pattern": f.pattern}]
    return made | ({"format": f.format} if f.format else {})


def _number(f: Field) -> Document:
    limits = {
        "minimum": f.minimum,
        "maximum": f.maximum,
        "exclusiveMinimum": f.above,
        "exclusiveMaximum": f.below,
        "multipleOf": f.multiple_of,
    }
    return {"type": f.kind, **{word: _plain(value) for word, value in limits.items() if value is not None}}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _file(f: Field) -> Document:
    """In a multipart body the same name holds the file itself."""
    kind = {"contentMediaType": f.accept} if f.accept and not f.accept.endswith("/*") else {}
    return {"type": "string", "contentEncoding": "base64", **kind, "minLength": 1, "pattern": FILE}


def _list(f: Field) -> Document:
    made: Document = {"type": "array", **_limits("Items", f.min_items or None, _most(f.max_items, MOST_VALUES))}
    if f.items is not None:
        made["items"] = of_field(f.items)
    return made | ({"uniqueItems": True} if f.unique else {})


def _rows(f: Field) -> Document:
    items = of_fields(f.fields, closed=False)
    return {"type": "array", **_limits("Items", f.min_items or None, _most(f.max_items, MOST_ROWS)), "items": items}


def _json(f: Field) -> Document:
    if f.alternatives:
        return {"anyOf": [_alternative(one) for one in f.alternatives]}
    return {} if f.may_be_left_out else {"type": ["object", "array", "string", "number", "boolean"]}


def _alternative(one: Alternative) -> Document:
    made = of_fields(one.fields) if one.is_object else of_field(one.fields[0])
    fixed = {f.name: {"const": f.fixed} for f in one.fields if f.fixed is not None}
    if one.is_object:
        return made | {"title": one.label, "properties": made["properties"] | fixed}
    return {"title": one.label, **fixed[one.fields[0].name]} if fixed else made


def _limits(of: str, least: int | None, most: int | None) -> Document:
    return {f"{word}{of}": value for word, value in (("min", least), ("max", most)) if is_number(value)}


def _most(given: int | None, most: int) -> int:
    return most if given is None else min(given, most)


_OF_KIND: dict[str, Callable[[Field], Document]] = {
    "text": _text,
    "integer": _number,
    "number": _number,
    "boolean": lambda f: {"type": "boolean"},
    "date": lambda f: {"type": "string", "format": "date"},
    "month": lambda f: {"type": "string", "pattern": MONTH},
    "week": lambda f: {"type": "string", "pattern": WEEK},
    "time": lambda f: {"type": "string", "format": "time"},
    "datetime": lambda f: {"type": "string", "format": "date-time"},
    "file": _file,
    "list": _list,
    "rows": _rows,
    "json": _json,
}
