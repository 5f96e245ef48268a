"""The pictures in a row of typed values: checked before anything is sent, and made into numbers for tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import WrongInput
from ..schema import Field, Row, Schema, Upload
from ..schema.values import InvalidValue
from .headers import is_picture
from .pixels import Picture, read
from .tensors import numbers

ONLY = {"image/png": "image/png", "image/jpeg": "image/jpeg", "image/jpg": "image/jpeg"}


def checked(f: Field, value: Any, max_side: int) -> Any:
    """The value with every picture written anew by us; whatever else a field takes stays as it is. What was checked
    already costs nothing. Raises InvalidValue."""
    if isinstance(value, list) and f.items is not None:
        return [checked(f.items, one, max_side) for one in value]
    if not isinstance(value, Upload) or not f.takes_pictures:
        return value
    only = ONLY.get(f.accept.strip().lower(), "")
    if isinstance(value, Picture) and max(value.width, value.height) <= max_side and only in ("", value.content_type):
        return value
    if not f.takes_only_pictures and not is_picture(value.data):
        return value
    return read(value, max_side, only).upload(value.name)


def checked_row(schema: Schema, row: Row, max_side: int) -> Row:
    """Raises WrongInput that names every field whose picture cannot be read."""
    return _changed(schema, row, lambda f, value: checked(f, value, max_side))


def sent_row(schema: Schema, row: Row) -> Row:
    """The row as it is sent: the pictures of tensors as their numbers. Raises WrongInput."""
    return _changed(
        schema,
        row,
        lambda f, value: numbers(f, value) if isinstance(value, Picture) and f.kind != "file" else value,
    )


def _changed(schema: Schema, row: Row, change: Callable[[Field, Any], Any]) -> Row:
    made, wrong = {}, {}
    for f in schema.pictures:
        try:
            made[f.name] = change(f, row.get(f.name))
        except InvalidValue as error:
            wrong[f.name] = str(error)
    if wrong:
        raise WrongInput(fields=wrong)
    return {**row, **made} if made else row
