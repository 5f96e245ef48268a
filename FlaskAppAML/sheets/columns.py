"""Which column fills which field: a guess that people can change."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..schema import Field
from .sheet import Sheet

NO_LETTERS = re.compile(r"[\W_]+")


class Match(NamedTuple):
    """`columns` by the names of fields; `missing` are fields without a column, `extra` columns without a field."""

    columns: dict[str, str]
    missing: tuple[str, ...]
    extra: tuple[str, ...]


def match(sheet: Sheet, fields: Sequence[Field]) -> Match:
    """By the field's name, its name at the endpoint or its label: first exactly, then whatever the case, spaces and
    punctuation. Without a header, by their order where there are as many columns as fields."""
    if not sheet.has_header and len(sheet.columns) == len(fields):
        found = {field.name: column for field, column in zip(fields, sheet.columns, strict=True)}
    else:
        found = {}
        for plain in (str, _letters):
            _add(found, sheet.columns, fields, plain)
    ordered = {field.name: found[field.name] for field in fields if field.name in found}
    missing = tuple(field.name for field in fields if field.name not in found)
    return Match(ordered, missing, tuple(column for column in sheet.columns if column not in found.values()))


def _add(found: dict[str, str], columns: Sequence[str], fields: Sequence[Field], plain: Callable[[str], str]) -> None:
    """What is not found yet, each column for one field."""
    free: dict[str, str] = {}
    for column in columns:
        if column not in found.values():
            free.setdefault(plain(column), column)
    free.pop("", None)
    for field in fields:
        words = [plain(word) for word in (field.name, field.wire_name, field.shown_label)]
        word = next((word for word in words if word in free), None)
        if word is not None and field.name not in found:
            found[field.name] = free.pop(word)


def _letters(word: str) -> str:
    return NO_LETTERS.sub("", word.casefold())
