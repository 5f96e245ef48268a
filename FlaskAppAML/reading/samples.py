"""A sample body -> Fields: the members of an object, objects and lists inside it, files in base64."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from ..media import data_url
from ..schema import Field, Send, unique_names
from ..schema.values import scalar
from .clues import accept_of, date_kind_of, is_binary_text, kind_of, media_of, with_unit
from .documents import DEEPEST, MOST_LEAVES, Place, is_nested, placed, sound

MOST_SAMPLED = 100  # rows of a sample that are looked at for their columns


def fields_of_values(sample: Mapping[str, Any], **place: Any) -> list[Field]:
    """The members of a sample object, objects inside it as fields of their own: `address.street`."""
    nested = list(islice(_sampled(sample, (), DEEPEST, place), MOST_LEAVES + 1))
    return nested if len(nested) <= MOST_LEAVES else list(_sampled(sample, (), 0, place))


def _sampled(sample: Mapping[str, Any], path: tuple[str, ...], deepest: int, place: Place) -> Iterator[Field]:
    for name, value in sample.items():
        if isinstance(value, dict) and value and len(path) < deepest:
            yield from _sampled(value, (*path, str(name)), deepest, place)
        elif name:
            yield placed(field_from_value(str(name), value, **place), path)


def field_from_value(column: str, value: Any, **place: Any) -> Field:
    """A Field from one value of a sample body. 1 may stand where 1.5 is meant, so both are numbers."""
    f = Field(name=column, column=column, **place)
    if isinstance(value, dict):
        return replace(f, kind="json", example=value or None)
    if isinstance(value, list):
        return _list_from_value(f, value)
    if isinstance(value, str) and is_binary_text(value):
        send: Send = "data_url" if data_url(value) else "base64"
        return replace(f, kind="file", send=send, accept=media_of(value) or accept_of(f, ""))
    found = date_kind_of(value) or kind_of([value])
    f = replace(f, kind="number" if found == "integer" else found, example=None if value == "" else scalar(value))
    return with_unit(f) if f.kind == "number" else f


def _list_from_value(f: Field, values: list[Any]) -> Field:
    looked_at = values[:MOST_SAMPLED]
    shown = values if len(values) <= MOST_SAMPLED else None
    if values and all(isinstance(value, dict) and value for value in looked_at):
        columns = {str(key): value for row in reversed(looked_at) for key, value in row.items() if key}
        ordered = {str(key): columns[str(key)] for row in looked_at for key in row if key}
        fields = fields_of_values(ordered)
        named = unique_names(replace(c, kind="json", fields=()) if c.kind == "rows" else c for c in fields)
        return sound(replace(f, kind="rows", fields=named, example=shown))
    items = [field_from_value(f.column, value) for value in looked_at]
    kinds = {item.kind for item in items}
    is_flat = len(kinds) == 1 and not kinds & {"json", "rows"} and not any(is_nested(item) for item in items)
    if not is_flat:
        return replace(f, kind="json", example=shown)
    return sound(replace(f, kind="list", items=replace(items[0], example=None), example=shown))
