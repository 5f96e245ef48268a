"""Tensors as fields, and rows as tensors. Not a dialect: what TensorFlow's protocol and the Open Inference Protocol
share. A shape's first size is the number of rows where it is -1 (any number) or 1 (one at a time).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ..errors import WrongInput
from ..images.tensors import widget_for, words
from ..schema import Field, Kind

MOST_DIMENSIONS = 8
MOST_TENSORS = 1001  # one more than a schema may have fields, so that too many are noticed and not cut
LARGEST_SIZE = 2**40
# What the values of a datatype are in JSON, by what its name holds: DT_FLOAT, FP32, DT_STRING, ...
TYPES: dict[str, Any] = {
    "BOOL": bool,
    "STRING": str,
    "BYTES": str,
    **dict.fromkeys(("INT", "FP", "FLOAT", "DOUBLE", "HALF"), (int, float, Decimal)),
}


def whole(bits: int, *, signed: bool) -> tuple[Decimal, Decimal]:
    """The least and the greatest whole number of so many bits."""
    return (Decimal(-(2 ** (bits - 1))), Decimal(2 ** (bits - 1) - 1)) if signed else (Decimal(0), Decimal(2**bits - 1))


def sizes(listed: Any) -> tuple[int, ...] | None:
    """A shape from whole numbers, in text too; None for what is none. Every size below 0 means any."""
    if not isinstance(listed, list) or len(listed) > MOST_DIMENSIONS:
        return None
    found: list[int] = []
    for size in listed:
        is_text = isinstance(size, str) and len(size) < 20 and size.removeprefix("-").isdecimal() and size.isascii()
        if not is_text and (isinstance(size, bool) or not isinstance(size, int)):
            return None
        found.append(max(-1, min(int(size), LARGEST_SIZE)))
    return tuple(found)


def has_rows(shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether the first size of every shape is the number of rows."""
    return bool(shapes) and all(shape and shape[0] in (-1, 1) for shape in shapes)


def one_at_a_time(shapes: Sequence[tuple[int, ...]]) -> dict[str, Any]:
    """The option that holds where a service takes no more rows than one."""
    return {} if has_rows(shapes) and all(shape[0] == -1 for shape in shapes) else {"max_rows": 1}


def field_of(name: str, kind: Kind, row: tuple[int, ...], shape: tuple[int, ...], **about: Any) -> Field:
    """The field for one row of a tensor: one value, a list of them, or JSON from two dimensions on, which people give
    as a picture where it surely is one."""
    column = Field(name, kind, name, shape=shape, **about)
    if row in ((), (1,)):
        return column
    if len(row) == 1 and kind not in ("json", "file"):
        item = Field("item", kind, minimum=column.minimum, maximum=column.maximum)
        count = row[0] if row[0] >= 0 else None
        return replace(
            column, kind="list", items=item, min_items=count or 0, max_items=count, minimum=None, maximum=None
        )
    if widget := widget_for(shape, row, column.datatype) if kind in ("integer", "number") else "":
        return replace(column, kind="json", widget=widget, help=words(shape), minimum=None, maximum=None)
    shown = " × ".join("any" if size < 0 else str(size) for size in row)
    help_ = f"Lists in lists: {shown}." if len(row) > 1 else f"A list of {shown}."
    return replace(column, kind="json", send="", help=help_, minimum=None, maximum=None)


def measured(f: Field, value: Any) -> tuple[tuple[int, ...], list[Any]]:
    """The shape of nested lists, and their values in a row. Raises WrongInput for lists that are not all as long as
    their neighbours, for objects, and for values that are not of the tensor's kind."""
    shape: list[int] = []
    level = [value]
    while isinstance(level[0], list) and level[0] and len(shape) < MOST_DIMENSIONS:
        width = len(level[0])
        if not all(isinstance(item, list) and len(item) == width for item in level):
            raise WrongInput(fields={f.name: "Give lists that are all equally long, like the rows of a table."})
        shape.append(width)
        level = [inner for item in level for inner in item]
    if any(isinstance(item, list | dict) or item is None for item in level):
        raise WrongInput(
            fields={f.name: "Give lists that are all equally long, of plain values and none of them empty."}
        )
    wanted = next((types for word, types in TYPES.items() if word in f.datatype), None)
    if wanted and not all(isinstance(item, wanted) and isinstance(item, bool) == (wanted is bool) for item in level):
        words = "true or false" if wanted is bool else "text, in quotes" if wanted is str else "numbers, without quotes"
        raise WrongInput(fields={f.name: f"Give {words}, and nothing else."})
    return tuple(shape), level


def fitted(f: Field, row: tuple[int, ...], value: Any) -> tuple[tuple[int, ...], list[Any]]:
    """The shape and the values of one row of a tensor. One value stands for a list of one; a list that is as long as
    the whole row is cut to its shape. Raises WrongInput."""
    found, flat = measured(f, value)
    sized = math.prod(row)
    if len(found) == len(row) and all(want in (-1, got) for want, got in zip(row, found, strict=True)):
        return found, flat
    if -1 not in row and len(found) < 2 and len(flat) == sized:
        return row, flat
    if not found and row == (-1,):
        return (1,), flat
    words = " × ".join("any" if size < 0 else str(size) for size in row) or "one value"
    raise WrongInput(fields={f.name: f"This must have the shape {words}."})


def nested(flat: list[Any], shape: Sequence[int]) -> list[Any] | None:
    """`flat` cut by `shape`, row-major; None where the two do not fit."""
    if not shape or any(size < 1 for size in shape) or math.prod(shape) != len(flat):
        return None
    found = flat
    for size in reversed(shape[1:]):
        found = [found[i : i + size] for i in range(0, len(found), size)]
    return found
