"""Answers as files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

from ..wire import dumps
from . import Column, Part, Scores, Table, Text, as_table

# What a spreadsheet would take for a formula. A number may begin with a minus or a plus.
FORMULA = re.compile(r"[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?")


def csv_text(parts: Iterable[Part]) -> str:
    """All rows of the tables, and of what else has rows, with a byte order mark so that Excel reads it as UTF-8.

    Several outputs make several blocks, each under a line with its name and apart by an empty line. Parts of several
    rows that were asked about make one block, its first column the row's number, counted from 1.
    """
    listed = list(parts)
    blocks = _joined(_tables(listed))
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    for number, table in enumerate(blocks):
        if len(blocks) > 1:
            writer.writerows([*[[]] * (number > 0), [_cell(table.name)]])
        _write_table(writer, table)
    if not blocks:
        writer.writerow(["answer"])
        writer.writerows([_cell(part.text if isinstance(part, Text) else dumps(part.document()))] for part in listed)
    return "\ufeff" + sheet.getvalue()


def _tables(parts: list[Part]) -> list[Table]:
    """Scores that are only the view of a table are left out: it holds their numbers."""
    behind = {part.name for part in parts if isinstance(part, Table)}
    shown = (part for part in parts if not (isinstance(part, Scores) and part.name in behind))
    return [table for part in shown if (table := as_table(part))]


def _joined(tables: list[Table]) -> list[Table]:
    joined: dict[tuple[str, ...], Table] = {}
    for number, table in enumerate(tables):
        if table.row is None:
            joined[str(number),] = table
            continue
        key = ("row", table.name, *(column.name for column in table.columns))
        whole = joined.setdefault(key, Table(table.name, [Column("row", "integer"), *table.columns], []))
        whole.rows.extend([table.row + 1, *row] for row in table.rows)
    return list(joined.values())


def _write_table(writer: Any, table: Table) -> None:
    writer.writerow([_cell(column.name) for column in table.columns])
    writer.writerows([_cell(value) for value in row] for row in table.rows)


def _cell(value: Any) -> str:
    """As text; formula-looking text gets an apostrophe in front, which spreadsheets do not run."""
    if value is None:
        return ""
    text = dumps(value) if isinstance(value, dict | list) else str(value)
    harmless = text.replace("\x00", "\ufffd")
    return f"'{harmless}" if FORMULA.match(harmless) and not NUMBER.fullmatch(harmless) else harmless
