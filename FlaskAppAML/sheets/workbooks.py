"""XLSX -> lines of cells, by python-calamine.

It holds a worksheet in memory whole, with a place for every cell between the first and the last one, and two cells far
enough apart end the process. So a workbook is looked at before: what its parts unpack to, and where its cells stand.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any, BinaryIO
from xml.parsers import expat

from ..errors import InvalidSheet
from ..results.figures import EXACT
from .sheet import Line

MOST_BYTES = 64 << 20  # packed
MOST_UNPACKED = 256 << 20
MOST_PARTS = 10_000
MOST_ROWS = 100_000
MOST_CELLS = 2_000_000
PIECE = 1 << 18
SAMPLE = 1_000  # rows
VALUES = frozenset({"v", "is", "f"})  # a cell without one of these is only formatted
CELLS = b"sheetData"  # the element around them, which a part without cells does not name
LETTERS = re.compile(r"[A-Za-z]{1,3}", re.ASCII)
SAVE_AS_XLSX = "Open it in a spreadsheet and save it as .xlsx or CSV."
# A wrong archive, a part that is not packed as it says, one with a password, one that is not XML.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, expat.ExpatError)
AS_CSV = "Save it as CSV, which has no such limit."
DAMAGED = f"This Excel file is damaged. {SAVE_AS_XLSX}"
LOCKED = f"This file is protected by a password. {SAVE_AS_XLSX[:-1]}, without the password."


def check(file: BinaryIO) -> int:
    """How many cells hold errors such as #N/A, which are read as empty. Raises InvalidSheet for what is no workbook, or
    too large a one."""
    file.seek(0, 2)
    if file.tell() > MOST_BYTES:
        raise InvalidSheet(f"An Excel file may have {MOST_BYTES >> 20} MB at most. {AS_CSV}")
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            names = {part.filename for part in parts}
            if "xl/workbook.bin" in names or "xl/workbook.xml" not in names:
                raise InvalidSheet(f"This is not an Excel file (.xlsx). {SAVE_AS_XLSX}")
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
                raise InvalidSheet(f"This Excel file unpacks to more than {MOST_UNPACKED >> 20} MB. {AS_CSV}")
            # Reading a part to its end also shows whether it has the size that the directory says.
            return sum(_errors_in(archive, part) for part in parts if _has_cells(archive, part))
    except UNREADABLE:
        raise InvalidSheet(DAMAGED) from None


def _has_cells(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    found, tail = False, b""
    with archive.open(part) as opened:
        while piece := opened.read(PIECE):
            found = found or CELLS in tail + piece
            tail = piece[-len(CELLS) :]
    return found


def _errors_in(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> int:
    """Cells with errors in one worksheet. Raises InvalidSheet where its cells are too far apart."""
    extent = _Extent()
    parser = expat.ParserCreate()
    parser.StartElementHandler = extent.begin
    parser.StartDoctypeDeclHandler = extent.refuse
    with archive.open(part) as opened:
        while piece := opened.read(PIECE):
            parser.Parse(piece)
    parser.Parse(b"", True)
    return extent.errors


class _Extent:
    """Between which rows and columns the cells of a worksheet stand. A row or cell without a reference is the next."""

    def __init__(self) -> None:
        self.row = self.column = self.errors = 0
        self.first_row = self.first_column = 1 << 30
        self.last_row = self.last_column = self.taken_row = 0
        self.columns: dict[str, int] = {}  # by their letters

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        """Called for every element, so some million times."""
        if ":" in name:
            name = name.rpartition(":")[2]
        if name == "c":
            self.column += 1
            if "r" in attributes:
                place = attributes["r"]
                letters = place.rstrip("0123456789")
                self.row = int(place[len(letters) :])
                self.column = self.columns.get(letters) or self._column_of(letters)
            if "t" in attributes and attributes["t"] == "e":
                self.errors += 1
        elif name in VALUES:
            if self.row != self.taken_row or not self.first_column <= self.column <= self.last_column:
                self._take_in()
        elif name == "row":
            self.row = int(attributes["r"]) if "r" in attributes else self.row + 1
            self.column = 0

    def _column_of(self, letters: str) -> int:
        """A is 1. Raises ValueError."""
        if not LETTERS.fullmatch(letters):
            raise ValueError
        number = 0
        for letter in letters.upper():
            number = 26 * number + ord(letter) - 64
        self.columns[letters] = number
        return number

    def _take_in(self) -> None:
        self.taken_row = self.row
        self.first_row, self.last_row = min(self.first_row, self.row), max(self.last_row, self.row)
        self.first_column, self.last_column = min(self.first_column, self.column), max(self.last_column, self.column)
        rows = self.last_row - self.first_row + 1
        if rows * (self.last_column - self.first_column + 1) > MOST_CELLS:
            raise InvalidSheet(
                f"This Excel file has more than {MOST_CELLS:,} cells, empty ones between them included. {AS_CSV}"
            )

    def refuse(self, *_: Any) -> None:
        raise InvalidSheet(DAMAGED)


def first_worksheet(file: BinaryIO) -> tuple[str, int, Iterator[Line]]:
    """The first visible worksheet that has something in it: its name, how many are visible, and its lines.

    Raises InvalidSheet.
    """
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    book = _book(file)
    names = [
        one.name
        for one in book.sheets_metadata
        if one.typ == SheetTypeEnum.WorkSheet and one.visible == SheetVisibleEnum.Visible
    ]
    for name in names:
        if (sheet := _read(book, name)).start is not None:
            return name, len(names), _lines_of(sheet)
    raise InvalidSheet("There is nothing in this Excel file. Fill in a header and a row.")


def lines(file: BinaryIO, worksheet: str) -> Iterator[Line]:
    """Those that are not empty, their cells as texts. Raises InvalidSheet."""
    return _lines_of(_read(_book(file), worksheet))


def _lines_of(sheet: Any) -> Iterator[Line]:
    """LibreOffice writes dates before 1900 as negative numbers, which python-calamine reads as midnight."""
    dated = {place for row in islice(sheet.iter_rows(), SAMPLE) for place, cell in enumerate(row) if _is_date(cell)}
    for number, cells in enumerate(sheet.iter_rows(), 1):
        texts = [_text(cell) for cell in cells]
        if "".join(texts).strip():
            is_early = any(isinstance(cells[place], time) for place in dated)
            yield Line(number, texts, f"Line {number:,} has a date before 1900. Write it as text." if is_early else "")


def _is_date(cell: Any) -> bool:
    return isinstance(cell, date)  # a datetime is one too


def _book(file: BinaryIO) -> Any:
    from python_calamine import CalamineWorkbook, PasswordError

    file.seek(0)
    try:
        return CalamineWorkbook.from_filelike(file)
    except PasswordError:
        raise InvalidSheet(LOCKED) from None
    except BaseException as error:
        raise _refusal(error) from None


def _read(book: Any, worksheet: str) -> Any:
    try:
        return book.get_sheet_by_name(worksheet)
    except BaseException as error:
        raise _refusal(error) from None


def _refusal(error: BaseException) -> BaseException:
    """A panic in Rust is a BaseException, and its class has no name that can be imported."""
    if isinstance(error, Exception) or type(error).__name__ == "PanicException":
        return InvalidSheet(DAMAGED)
    return error


def _text(value: Any) -> str:
    """As `Field.parse` reads texts. Excel has floats only, and writes whole ones without a point."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if abs(value) <= EXACT and value.is_integer() else repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(value)
