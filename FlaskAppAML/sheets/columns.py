"""Which column fills which field: a guess that people can change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..schema import Field
from .sheet import Sheet


class Match(NamedTuple):
    """`columns` by the names of fields; `missing` are names of fields without a column, `extra` columns without a field."""

    columns: dict[str, str]
    missing: tuple[str, ...]
    extra: tuple[str, ...]


def match(sheet: Sheet, fields: Sequence[Field]) -> Match:
    """By the field's name, its name at the endpoint or its label: first exactly, then whatever the case, spaces and
    punctuation. Without a header, by their order where there are as many columns as fields."""
    raise NotImplementedError
