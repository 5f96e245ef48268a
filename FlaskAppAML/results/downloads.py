"""Answers as files. A sheet (CSV, XLSX) is for people: its columns and values have the owner's words, as the page has
them, and its numbers are not rounded. JSON is for programs: the endpoint's own names and values."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

from ..wire import dumps
from . import Column, Part, Table, Text
from .figures import EXACT

# What a spreadsheet would take for a formula. A number may begin with a minus or a plus.
FORMULA = re.compile(r"[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?[0-9.,]+([eE][+-]?[0-9]+)?")

# XLSX, as Excel reads it: its specifications and limits.
MOST_COLUMNS = 16_384
LARGEST = 1.7e308  # finite
LONGEST_TEXT = 32_767
LONGEST_SHEET_NAME = 31
MOST_SHEETS = 100
NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f\U00010000-\U0010ffff]")


def csv_text(parts: Iterable[Part]) -> str:
    """All rows of the tables, and of what else has rows, with a byte order mark so that Excel reads it as UTF-8.

    Several outputs make several blocks, each under a line with its name and apart by an empty line. Parts of several
    rows that were asked about make one block, its first column the row's number, counted from 1.
    """
    blocks = _blocks(list(parts))
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    for number, table in enumerate(blocks):
        if len(blocks) > 1:
            writer.writerows([*[[]] * (number > 0), [csv_cell(table.label or table.name)]])
        writer.writerow([csv_cell(_head(column)) for column in table.columns])
        writer.writerows([csv_cell(value) for value in row] for row in _rows(table))
    return "\ufeff" + sheet.getvalue()


def xlsx_bytes(parts: Iterable[Part]) -> bytes:
    """The same tables, each on a sheet of its own. Text is written as text, whatever it looks like, and so are integers
    that a spreadsheet would round; a table that is too wide for a sheet lies on its side."""
    import xlsxwriter  # for this download alone

    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, {"constant_memory": True})
    bold = book.add_format({"bold": True})
    names: set[str] = set()
    for table in _blocks(list(parts))[:MOST_SHEETS]:
        sheet = book.add_worksheet(_sheet_name(table.label or table.name or "answer", names))
        heads = [_head(column) for column in table.columns]
        is_wide = len(heads) > MOST_COLUMNS
        for i, head in enumerate(heads if not is_wide else []):
            sheet.write_string(0, i, sheet_text(head), bold)
        lines = zip(heads, *_rows(table), strict=True) if is_wide else _rows(table)
        for i, line in enumerate(lines, start=0 if is_wide else 1):
            for j, value in enumerate(line):
                write_cell(sheet, i, j, value)
        if not is_wide:
            sheet.freeze_panes(1, 0)
    book.close()
    return written.getvalue()


def write_cell(sheet: Any, row: int, column: int, value: Any) -> None:
    """Into a worksheet of XlsxWriter."""
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float) and abs(value) <= (EXACT if isinstance(value, int) else LARGEST):
        sheet.write_number(row, column, value)
    elif value is not None:  # NaN and infinities too
        sheet.write_string(row, column, sheet_text(_text(value)))


def sheet_text(text: str) -> str:
    """As much of it as a cell of XLSX has room for."""
    units = text.encode("utf-16-le", "replace")  # which Excel counts
    is_long = len(units) > 2 * LONGEST_TEXT
    return f"{units[: 2 * LONGEST_TEXT - 2].decode('utf-16-le', 'ignore')}…" if is_long else units.decode("utf-16-le")


def _sheet_name(name: str, taken: set[str]) -> str:
    """As Excel allows it, and no name twice, in whatever case."""
    plain = NOT_IN_SHEET_NAMES.sub(" ", sheet_text(name)).strip("' ") or "answer"
    for number in range(1, len(taken) + 2):
        ending = f" {number}" if number > 1 else ""
        found = plain[: LONGEST_SHEET_NAME - len(ending)].rstrip("' ") + ending
        if found.lower() not in taken and found.lower() != "history":
            break
    taken.add(found.lower())
    return found


# What both have


def _blocks(parts: list[Part]) -> list[Table]:
    """The tables; without any, one of what there is instead."""
    blocks = _joined(_tables(parts))
    if blocks:
        return blocks
    texts = [part.text if isinstance(part, Text) else dumps(part.document()) for part in parts]
    return [Table("", [Column("answer")], [[text] for text in texts])]


def _head(column: Column) -> str:
    named = column.label or column.name
    return f"{named} ({column.unit})" if column.unit else named


def _rows(table: Table) -> Iterable[list[Any]]:
    """With the owner's names for values."""
    if not any(column.values for column in table.columns):
        return table.rows
    return ([c.named(cell) for c, cell in zip(table.columns, row, strict=False)] for row in table.rows)


def _tables(parts: list[Part]) -> list[Table]:
    """What is only a view of a table is left out."""
    return [table for part in parts if not part.of_table and (table := part.table())]


def _joined(tables: list[Table]) -> list[Table]:
    joined: dict[tuple[str, ...], Table] = {}
    for number, table in enumerate(tables):
        if table.row is None:
            joined[str(number),] = table
            continue
        key = ("row", table.name, *(column.name for column in table.columns))
        whole = joined.setdefault(key, Table(table.name, [Column("row", "integer"), *table.columns], [], table.label))
        whole.rows.extend([table.row + 1, *row] for row in table.rows)
    return list(joined.values())


def _text(value: Any) -> str:
    return dumps(value) if isinstance(value, dict | list) else str(value)


def csv_cell(value: Any) -> str:
    """As text; formula-looking text gets an apostrophe in front, which spreadsheets do not run."""
    if value is None:
        return ""
    harmless = _text(value).replace("\x00", "\ufffd")
    return f"'{harmless}" if FORMULA.match(harmless) and not NUMBER.fullmatch(harmless) else harmless
