"""Rows and columns out of JSON: lists of rows, records, columns beside each other, pandas' orients, one record.

Ragged rows are filled up, names are cut, and what would need far more cells than it holds values stays JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from . import Column, Json, Table

LONGEST_NAME = 200  # of a column or an output; a longer one would fill the page
LONGEST_SPREAD = 16  # values in a list of a cell that become columns of their own
MOST_CELLS = 1_000_000  # with the empty ones of ragged rows
DEEPEST = 6  # objects in each other whose values become columns of one row
NAMELESS = "prediction"


def grid(name: str, rows: list[list[Any]], names: list[Any] | None = None) -> Table | Json:
    """Ragged rows are filled up on the right."""
    width = max([len(row) for row in rows] + [len(names or [])], default=0)
    if width * len(rows) > MOST_CELLS:
        return Json(rows, name)
    own = name or NAMELESS
    given = [str(n)[:LONGEST_NAME] for n in names or []]
    headed = [*given, *(own if width == 1 else f"{own}[{i}]" for i in range(len(given), width))]
    if any(len(row) < width for row in rows):
        rows = [[*row, *[None] * (width - len(row))] for row in rows]
    cells = list(zip(*rows, strict=True)) if rows else [()] * width
    return _spread(Table(name, [Column(n, _type(c)) for n, c in zip(headed, cells, strict=True)], rows))


def _type(cells: Iterable[Any]) -> str:
    types = {type(cell) for cell in cells} - {type(None)}
    if types == {bool}:
        return "boolean"
    if types == {int}:
        return "integer"
    return "number" if types and types <= {int, float} else "string"


def _spread(table: Table) -> Table:
    """A column whose cells are lists of equally few scalars becomes as many columns."""
    widths = [
        _list_width(row[i] for row in table.rows) if c.type == "string" else 0 for i, c in enumerate(table.columns)
    ]
    if not any(widths):
        return table
    columns: list[Column] = []
    for i, (column, width) in enumerate(zip(table.columns, widths, strict=True)):
        cells = ([row[i][j] for row in table.rows] for j in range(width))
        names = [column.name] if width == 1 else [f"{column.name}[{j}]" for j in range(width)]
        columns += [Column(n, _type(c)) for n, c in zip(names, cells, strict=True)] if width else [column]
    rows = [[x for cell, w in zip(row, widths, strict=True) for x in (cell if w else [cell])] for row in table.rows]
    return Table(table.name, columns, rows)


def _list_width(cells: Iterable[Any]) -> int:
    width = 0
    for cell in cells:
        if not isinstance(cell, list) or not 0 < len(cell) <= LONGEST_SPREAD or (width and len(cell) != width):
            return 0
        if any(isinstance(item, list | dict) for item in cell):
            return 0
        width = len(cell)
    return width


def of_records(name: str, records: list[Any]) -> Table | Json:
    keys = list(dict.fromkeys(key for record in records if isinstance(record, dict) for key in record))
    if len(keys) * len(records) > MOST_CELLS:
        return Json(records, name)
    if len(records) == 1:
        return _one_row(name, records[0])
    rows = [[record.get(key) if isinstance(record, dict) else None for key in keys] for record in records]
    return grid(name, rows, keys)


def of_columns(name: str, record: Mapping[str, Any], n_rows: int) -> Table | Json:
    if is_split(record):
        rows = [row if isinstance(row, list) else [row] for row in record["data"]]
        return grid(name, rows, record["columns"])
    if length := column_length(record, n_rows):
        columns = [list(c.values()) if isinstance(c, dict) else c for c in record.values()]
        return grid(name, [[column[i] for column in columns] for i in range(length)], list(record))
    return _one_row(name, record)


def is_split(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("columns"), list) and isinstance(record.get("data"), list)


def column_length(record: Mapping[str, Any], n_rows: int) -> int:
    """How many rows an object of columns has: lists of one length, or objects with the same keys (as pandas writes
    them); 0 for no such object. For one row asked about, columns of several cells are lists of this one row."""
    columns = list(record.values())
    first = columns[0] if columns else None
    if not isinstance(first, list | dict) or not first or (n_rows == 1 and len(first) > 1):
        return 0
    if isinstance(first, dict):
        is_numbered = all(key.isdecimal() for key in first)
        same = is_numbered and all(isinstance(c, dict) and c.keys() == first.keys() for c in columns)
    else:
        lists = [c for c in columns if isinstance(c, list) and not any(isinstance(cell, dict) for cell in c)]
        same = len(lists) == len(columns) and all(len(a) == len(b) for a, b in pairwise(lists))
    return len(first) if same else 0


def _one_row(name: str, record: Mapping[str, Any]) -> Table | Json:
    """Objects inside by their names with points between."""
    cells = dict(_leaves(record, "", 0))
    return grid(name, [list(cells.values())], list(cells)) if cells else Json(record, name)


def _leaves(record: Mapping[str, Any], before: str, depth: int) -> Iterable[tuple[str, Any]]:
    for key, value in record.items():
        path = f"{before}{key[:LONGEST_NAME]}"
        if isinstance(value, dict) and value and depth < DEEPEST:
            yield from _leaves(value, f"{path}.", depth + 1)
        else:
            yield path, value
