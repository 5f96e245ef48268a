"""Rows -> a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

from ..errors import InvalidSheet
from ..results.downloads import LONGEST_TEXT, csv_cell, sheet_text, write_cell
from ..results.downloads import MOST_COLUMNS as MOST_XLSX_COLUMNS
from ..results.figures import EXACT
from ..wire import dumps
from .sheet import Kind

PIECE = 1 << 16  # characters
MOST_XLSX_ROWS = 1_048_575  # under the header


def pieces(
    kind: Kind, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, delimiter: str = "", decimal: str = "."
) -> Iterator[bytes]:
    """A text file (CSV, TSV or JSON Lines), piece by piece, in UTF-8; XLSX needs a file, see `write`.

    CSV begins with a byte order mark, as the downloads of answers do, and formula-looking text is made harmless there.
    `delimiter` and `decimal` are those of a file that it goes beside; `decimal` is put into floats and Decimals only.
    JSON Lines keep every value as it is.
    """
    if kind == "jsonl":
        yield from _joined(dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows)
        return
    yield "\ufeff".encode()
    made = io.StringIO()
    writer = csv.writer(made, delimiter=delimiter or ("\t" if kind == "tsv" else ","), lineterminator="\r\n")
    writer.writerow([csv_cell(column) for column in columns])
    for row in rows:
        writer.writerow([_number(value, decimal) or csv_cell(value) for value in row])
        if made.tell() > PIECE:
            yield made.getvalue().encode("utf-8", "replace")
            made.seek(0)
            made.truncate()
    yield made.getvalue().encode("utf-8", "replace")


def _number(value: Any, decimal: str) -> str:
    """A number with digits behind the point, which is no formula whatever it begins with; "" for all else."""
    is_number = decimal != "." and isinstance(value, float | Decimal)
    return str(value).replace(".", decimal) if is_number else ""


def _joined(lines: Iterable[str]) -> Iterator[bytes]:
    held, size = list[str](), 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size > PIECE:
            yield "".join(held).encode("utf-8", "replace")
            held, size = [], 0
    yield "".join(held).encode("utf-8", "replace")


def write(
    file: BinaryIO,
    kind: Kind,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    delimiter: str = "",
    decimal: str = ".",
) -> list[str]:
    """The file, row by row, in flat memory. Returns warnings in sentences, such as of integers that XLSX would round.

    In XLSX text stays text: a number that shall be one there is given as one. Raises InvalidSheet for more rows or
    columns than XLSX has room for.
    """
    if kind == "xlsx":
        return _write_workbook(file, columns, rows)
    for piece in pieces(kind, columns, rows, delimiter=delimiter, decimal=decimal):
        file.write(piece)
    return []


def _write_workbook(file: BinaryIO, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    import xlsxwriter

    if len(columns) > MOST_XLSX_COLUMNS:
        raise InvalidSheet(f"An Excel sheet has {MOST_XLSX_COLUMNS:,} columns at most. Take CSV.")
    large = long = 0
    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    for place, column in enumerate(columns):
        sheet.write_string(0, place, sheet_text(column), bold)
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(rows, 1):
        if number > MOST_XLSX_ROWS:
            raise InvalidSheet(f"An Excel sheet has {MOST_XLSX_ROWS:,} rows at most under its header. Take CSV.")
        for place, value in enumerate(row):
            write_cell(sheet, number, place, _plain(value))
            large += isinstance(value, int) and abs(value) > EXACT
            long += isinstance(value, str) and len(value) > LONGEST_TEXT
    book.close()
    return [
        *_about(large, "whole number is", "whole numbers are", "text, because Excel would round them"),
        *_about(long, "text is", "texts are", f"cut: a cell of Excel has room for {LONGEST_TEXT:,} characters"),
    ]


def _about(count: int, one: str, several: str, what: str) -> list[str]:
    return [f"{count:,} {one if count == 1 else several} {what}."] if count else []


def _plain(value: Any) -> Any:
    """Excel has floats only; a Decimal that is none stays text, digit by digit."""
    return float(value) if isinstance(value, Decimal) and Decimal(repr(float(value))) == value else value
