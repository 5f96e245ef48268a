"""The first line of a table: whether it names the columns, and the names, no two alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from ..errors import InvalidSheet
from .sheet import MOST_COLUMNS

VALUE = re.compile(r"[+-]?[0-9][0-9.,:/ TZ+-]*(?:[eE][+-]?[0-9]+)?|true|false", re.ASCII | re.IGNORECASE)
NUMBERED = "Column {}"


def is_header(cells: Sequence[str], names: Collection[str]) -> bool:
    """Numbers and dates are no names, unless these are the names that are expected."""
    words = {cell.strip() for cell in cells}
    return not words.isdisjoint(names) or not any(VALUE.fullmatch(word) for word in words)


def without_tail(cells: Sequence[str]) -> list[str]:
    """Without the empty cells at the end, of which spreadsheets write many."""
    last = max((place for place, cell in enumerate(cells, 1) if cell.strip()), default=0)
    return list(cells[:last])


def numbered(width: int) -> tuple[str, ...]:
    return tuple(NUMBERED.format(place) for place in range(1, width + 1))


def named(cells: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """A name for each cell, and what is to be said of those that were given one."""
    check_width(len(cells))
    heads = [cell.strip() for cell in cells]
    taken, columns, said = set(heads), [], []
    seen: Counter[str] = Counter()
    for place, head in enumerate(heads, 1):
        seen[head] += 1
        is_other = not head or seen[head] > 1
        name = _free(head or NUMBERED.format(place), taken, fresh=not head) if is_other else head
        if is_other:
            what = f"The name {head[:40]} stands there again" if head else "There is no name"
            said.append(f"{what} at column {place:,}; it is called {name[:60]} here.")
        taken.add(name)
        columns.append(name)
    return tuple(columns), said if len(said) <= 3 else [*said[:3], f"So it is with {len(said) - 3:,} more columns."]


def _free(name: str, taken: Collection[str], *, fresh: bool) -> str:
    number = 1
    found = name
    while found in taken or (not fresh and number == 1):
        number += 1
        found = f"{name} ({number})"
    return found


def check_width(width: int) -> None:
    """Raises InvalidSheet."""
    if width > MOST_COLUMNS:
        raise InvalidSheet(
            f"This file has {width:,} columns; at most {MOST_COLUMNS:,} are read. Keep those that the model needs."
        )
