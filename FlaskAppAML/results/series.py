"""Numbers over time, such as a forecast: found in a table by its one column of dates in order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from . import Line, Series, Table, as_number

DATE = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?", re.ASCII)
FEWEST, MOST = 3, 100_000  # points
MOST_LINES = 4


def series(table: Table) -> Series | None:
    """The lines of a table whose rows are dates in order with numbers beside them; None for any other."""
    if not FEWEST <= len(table.rows) <= MOST or not 2 <= len(table.columns) <= MOST_LINES + 1:
        return None
    dated = [i for i in range(len(table.columns)) if _are_dates([row[i] for row in table.rows])]
    lines = [
        Line(column.label or column.name, [as_number(row[i]) for row in table.rows])
        for i, column in enumerate(table.columns)
        if column.is_number
    ]
    if len(dated) != 1 or len(lines) != len(table.columns) - 1:
        return None
    return Series([row[dated[0]] for row in table.rows], lines, table.name, row=table.row)


def is_dated(record: Mapping[str, Any]) -> bool:
    """Whether it is dates in a list with lists of as many numbers beside it, and nothing else."""
    columns = list(record.values())
    if not 2 <= len(columns) <= MOST_LINES + 1 or not all(isinstance(column, list) for column in columns):
        return False
    is_even = len({len(column) for column in columns}) == 1 and len(columns[0]) >= FEWEST
    return is_even and sum(_are_dates(column) for column in columns) == 1


def _are_dates(cells: list[Any]) -> bool:
    if not all(isinstance(cell, str) and len(cell) <= 40 and DATE.fullmatch(cell) for cell in cells):
        return False
    return all(one < other for one, other in pairwise(cells))
