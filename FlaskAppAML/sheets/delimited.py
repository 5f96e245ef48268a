"""CSV and TSV -> lines of cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, TextIO

from ..errors import InvalidSheet
from .sheet import DELIMITERS, LONGEST_CELL, LONGEST_ROW, Line
from .texts import opened

EXCELS_OWN = re.compile(r"sep=([\t;|,])\r?\n?")  # a first line for Excel that names the delimiter
MOST_SAMPLED = 100  # rows
SAMPLE = 1 << 16  # characters
END = "\x00"  # a line after the last one; no text has it

csv.field_size_limit(LONGEST_CELL)


def delimiter_of(file: BinaryIO, encoding: str) -> str:
    """The one that makes the same number of cells in nearly every row, quotes respected; a comma where none does."""
    with opened(file, encoding) as text:
        sample = text.read(SAMPLE)
    if named := EXCELS_OWN.match(sample):
        return named[1]
    lines = sample.splitlines(keepends=True)
    lines = lines[:-1] if len(sample) == SAMPLE and len(lines) > 1 else lines
    even = {one: _evenness(lines, one) for one in DELIMITERS}
    best = max(even.values())
    return next(one for one in DELIMITERS if even[one] >= min(best, 0.9)) if best else ","


def _evenness(lines: list[str], delimiter: str) -> float:
    """The share of rows that have as many cells as the first; 0 where that is a single one."""
    try:
        widths = [len(row) for row in islice(csv.reader(lines, delimiter=delimiter), MOST_SAMPLED) if row]
    except csv.Error:
        return 0.0
    return widths.count(widths[0]) / len(widths) if widths and widths[0] > 1 else 0.0


def lines(file: BinaryIO, encoding: str, delimiter: str) -> Iterator[Line]:
    """Those that are not empty. Raises InvalidSheet."""
    with opened(file, encoding) as text:
        source = _Lines(text)
        reader = csv.reader(source, delimiter=delimiter)
        while True:
            number = source.number + 1
            try:
                cells = next(reader)
            except csv.Error:
                raise InvalidSheet(_too_long(number)) from None
            if source.has_ended:
                if cells[-1] != END:
                    raise InvalidSheet(f"A quote that opens in line {number:,} is never closed. Close or remove it.")
                return
            source.used = 0
            if "".join(cells).strip() and not (number == 1 and EXCELS_OWN.fullmatch(delimiter.join(cells))):
                yield Line(number, cells)


class _Lines:
    """The lines of a text, and `END`. `number` is that of the line that was read last, `used` what the row has of
    characters so far: one row can go over many lines."""

    def __init__(self, text: TextIO) -> None:
        self.read = text.readline
        self.number = self.used = 0
        self.has_ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.has_ended:
            raise StopIteration
        line = self.read(LONGEST_ROW + 1)
        if not line:
            self.has_ended = True
            return END
        self.used += len(line)
        if self.used > LONGEST_ROW:
            raise InvalidSheet(_too_long(self.number + 1))
        self.number += 1
        return line


def _too_long(line: int) -> str:
    return (
        f"The row in line {line:,} is too long: a row has at most {LONGEST_ROW:,} characters, a cell {LONGEST_CELL:,}. "
        "Check whether a quote is not closed there."
    )
