"""A file -> how it is to be read, and its rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import PurePath
from typing import BinaryIO

from ..errors import InvalidSheet
from ..schema.values import InvalidValue
from . import commas, delimited, heads, json_lines, texts, workbooks
from .sheet import MOST_COLUMNS, MOST_FIRST, Kind, Line, Row, Sheet, name_of

SAMPLE = 1_000  # rows
MOST_NAMED = 5  # rows or columns, in a warning
PACKED, OLD_OFFICE = (b"PK\x03\x04", b"PK\x05\x06"), b"\xd0\xcf\x11\xe0"
LOCKED = "EncryptedPackage".encode("utf-16-le")  # the stream of a workbook with a password
OTHERS = {b"\x1f\x8b": "gzip", b"%PDF": "PDF", b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"BZh": "bzip2"}
JSON_NAMES = (".jsonl", ".ndjson", ".json")
EMPTY = "This file is empty. Send a header and at least one row."


def look(file: BinaryIO, name: str, names: Collection[str] = (), *, header: bool | None = None) -> Sheet:
    """How `file` is to be read: by its content, and by its `name` where that leaves a choice. It is read once, whole.

    `file` can be sought in. `names` are those of columns that are expected: a first line with one of them is a header
    whatever it looks like. `header` says whether there is one, and overrules the guess. A table pasted as text is a
    file too: `look(io.BytesIO(text.encode("utf-8", "replace")), "pasted.tsv")`.

    Raises InvalidSheet, with a sentence that says what to do.
    """
    return look_with_rows(file, name, names, header=header)[0]


def look_with_rows(
    file: BinaryIO, name: str, names: Collection[str] = (), *, header: bool | None = None
) -> tuple[Sheet, list[Row]]:
    """The same with its first rows, for which an .xlsx would otherwise be read whole once more."""
    file.seek(0)
    head = file.read(texts.PIECE)
    if head.startswith(PACKED):
        return _look_at_workbook(file, names, header)
    _check_beginning(file, head)
    encoding = texts.encoding_of(file)
    said = [_assumed(encoding)] if encoding in ("cp1252", "latin-1") else []
    ending = PurePath(name).suffix.lower()
    begins = _first_text(file, encoding)
    if ending in JSON_NAMES and begins.startswith("["):
        raise InvalidSheet("This is one JSON array. Write one object a line, without brackets and commas around them.")
    if ending in JSON_NAMES or begins.startswith("{"):
        return _look_at_json(file, encoding, said)
    if begins.startswith("<"):
        raise InvalidSheet(f"This is a web page or XML, whatever its name. {workbooks.SAVE_AS_XLSX}")
    delimiter = delimited.delimiter_of(file, encoding)
    kind: Kind = "tsv" if delimiter == "\t" else "csv"
    found = Sheet(kind, (), 0, encoding, delimiter)
    return _look_at_table(_lines(file, found), found, names, header, said)


def rows(file: BinaryIO, sheet: Sheet, start: int = 0) -> Iterator[Row]:
    """The rows from number `start` on, in order, the same ones each time. `file` is not closed.

    A row that cannot be read has an `error`, and the rest goes on. Raises InvalidSheet where nothing can go on, for
    files that `look` did not see.
    """
    if sheet.kind == "jsonl":
        numbered = islice(json_lines.lines(file, sheet.encoding), start, None)
        yield from (_json_row(number, *line) for number, line in enumerate(numbered, start))
        return
    lines = islice(_lines(file, sheet), start + sheet.has_header, None)
    yield from (_row(sheet, number, line) for number, line in enumerate(lines, start))


class Counted:
    """Lines that something is wrong with: how many, and the first of them."""

    def __init__(self) -> None:
        self.count, self.first = 0, list[int]()

    def add(self, line: int) -> None:
        self.count += 1
        if self.count <= MOST_NAMED:
            self.first.append(line)

    def said(self, what: str, *, has: bool = False) -> list[str]:
        one = self.count == 1
        have = ("has " if one else "have ") if has else ""
        listed = ", ".join(f"{line:,}" for line in self.first) + ", …" * (self.count > MOST_NAMED)
        sentence = f"{self.count:,} row{'s' * (not one)} {have}{what}: line{'s' * (not one)} {listed}."
        return [sentence] if self.count else []


# One look at each kind


def _look_at_workbook(file: BinaryIO, names: Collection[str], header: bool | None) -> tuple[Sheet, list[Row]]:
    errors = workbooks.check(file)
    worksheet, count, lines = workbooks.first_worksheet(file)
    said = []
    if count > 1:
        said.append(f"There are {count:,} sheets; “{worksheet}” is the first with something in it.")
    if errors:
        cells = "1 cell of this workbook holds" if errors == 1 else f"{errors:,} cells of this workbook hold"
        said.append(f"{cells} an error such as #N/A, which is read as empty.")
    sheet, first = _look_at_table(lines, Sheet("xlsx", (), 0, worksheet=worksheet), names, header, said)
    if sheet.count > workbooks.MOST_ROWS:
        raise InvalidSheet(f"An Excel file may have {workbooks.MOST_ROWS:,} rows. {workbooks.AS_CSV}")
    return sheet, first


def _look_at_json(file: BinaryIO, encoding: str, said: list[str]) -> tuple[Sheet, list[Row]]:
    lines = json_lines.lines(file, encoding)
    sample = [_json_row(number, *line) for number, line in enumerate(islice(lines, SAMPLE))]
    if not sample:
        raise InvalidSheet("This file is empty. Write one object a line.")
    columns = tuple(dict.fromkeys(name for row in sample for name in row.cells))
    if not columns:
        raise InvalidSheet(sample[0].error or "The objects in this file are empty.")
    heads.check_width(len(columns))
    wrong = Counted()
    for row in sample:
        if row.error:
            wrong.add(row.line)
    said += wrong.said("cannot be read")
    sheet = Sheet("jsonl", columns, len(sample) + sum(1 for _ in lines), encoding, warnings=tuple(said))
    return sheet, sample[:MOST_FIRST]


def _look_at_table(
    lines: Iterator[Line], found: Sheet, names: Collection[str], header: bool | None, said: list[str]
) -> tuple[Sheet, list[Row]]:
    """`found` is what is known so far: how the lines were got at."""
    sample = list(islice(lines, SAMPLE))
    if not sample:
        raise InvalidSheet(EMPTY)
    has_header = heads.is_header(sample[0].cells, names) if header is None else header
    body = sample[has_header:]
    if has_header:
        columns, renamed = heads.named(heads.without_tail(sample[0].cells))
        said += renamed
    else:
        columns = heads.numbered(max(len(heads.without_tail(line.cells[: MOST_COLUMNS + 1])) for line in body))
        heads.check_width(len(columns))
        if header is None:
            said.append("The first line looks like values, so the columns are numbered: it is taken for a row.")
    if not body:
        raise InvalidSheet("There is a header and no row under it. Add at least one row.")
    decimal_commas, unsure = _decimal_commas(columns, body)
    said += _about_commas(decimal_commas, unsure)
    count, long, wrong = 0, Counted(), Counted()
    for line in chain(body, lines):
        count += 1
        if _has_more(line, len(columns)):
            long.add(line.number)
        if line.error:
            wrong.add(line.number)
    said += long.said("more cells than there are columns", has=True) + wrong.said("cannot be read")
    sheet = replace(
        found,
        columns=columns,
        count=count,
        has_header=has_header,
        decimal_commas=decimal_commas,
        warnings=tuple(said),
    )
    return sheet, [_row(sheet, number, line) for number, line in enumerate(body[:MOST_FIRST])]


def _lines(file: BinaryIO, sheet: Sheet) -> Iterator[Line]:
    if sheet.kind == "xlsx":
        return workbooks.lines(file, sheet.worksheet)
    return delimited.lines(file, sheet.encoding, sheet.delimiter)


# One row


def _row(sheet: Sheet, number: int, line: Line) -> Row:
    width = len(sheet.columns)
    short = [""] * (width - len(line.cells))
    cells = dict(zip(sheet.columns, chain(line.cells, short), strict=False))
    if _has_more(line, width):
        error = f"Line {line.number:,} has {len(line.cells):,} cells; there are {width:,} columns."
        return Row(number, line.number, cells, cells, error)
    values = cells
    if sheet.decimal_commas:
        values = {**cells, **{column: commas.with_point(cells[column]) for column in sheet.decimal_commas}}
    return Row(number, line.number, cells, values, line.error)


def _has_more(line: Line, width: int) -> bool:
    return len(line.cells) > width and any(cell.strip() for cell in line.cells[width:])


def _json_row(number: int, line: int, text: str) -> Row:
    try:
        cells = json_lines.read(text)
    except InvalidValue as error:
        return Row(number, line, {}, {}, f"Line {line:,}: {error}")
    return Row(number, line, cells, cells)


# What is found


def _check_beginning(file: BinaryIO, head: bytes) -> None:
    if not head:
        raise InvalidSheet(EMPTY)
    if head.startswith(OLD_OFFICE):
        is_locked = LOCKED in head or LOCKED in _end_of(file)
        raise InvalidSheet(workbooks.LOCKED if is_locked else f"This is an old Excel file. {workbooks.SAVE_AS_XLSX}")
    for mark, name in OTHERS.items():
        if head.startswith(mark):
            raise InvalidSheet(f"This is {name}. Send CSV, TSV, Excel (.xlsx) or JSON Lines.")


def _end_of(file: BinaryIO) -> bytes:
    file.seek(0, 2)
    file.seek(max(0, file.tell() - texts.PIECE))
    return file.read(texts.PIECE)


def _first_text(file: BinaryIO, encoding: str) -> str:
    with texts.opened(file, encoding) as text:
        return text.read(1000).lstrip()


def _decimal_commas(columns: tuple[str, ...], body: list[Line]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns with decimal commas, and those where 1,234 might be either and no other column says which."""
    decimal, unsure = list[str](), list[str]()
    for place, column in enumerate(columns):
        are_decimal, are_thousands = commas.kinds(line.cells[place] for line in body if place < len(line.cells))
        if are_decimal:
            (unsure if are_thousands else decimal).append(column)
    return (tuple(c for c in columns if c in {*decimal, *unsure}), ()) if decimal else ((), tuple(unsure))


def _about_commas(decimal: tuple[str, ...], unsure: tuple[str, ...]) -> list[str]:
    said = []
    if decimal:
        said.append(f"1,5 is read as 1.5 in {_listed(decimal)}; points stand between thousands there.")
    if unsure:
        said.append(f"1,234 may be 1.234 or 1234 in {_listed(unsure)}; write it in one of these ways.")
    return said


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more columns" if len(names) > MOST_NAMED else ""
    return ", ".join(name[:40] for name in names[:MOST_NAMED]) + more


def _assumed(encoding: str) -> str:
    return (
        f"The file is not UTF-8, so it is read as {name_of(encoding)} (Western Europe). "
        f"If letters look wrong: {texts.SAVE_AS_UTF8}"
    )
