"""Rows -> a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from .sheet import Kind


def pieces(
    kind: Kind, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, delimiter: str = "", decimal: str = "."
) -> Iterator[bytes]:
    """A text file (CSV, TSV or JSON Lines), piece by piece, in UTF-8; XLSX needs a file, see `write`.

    CSV begins with a byte order mark, as the downloads of answers do, and formula-looking text is made harmless there.
    `delimiter` and `decimal` are those of a file that it goes beside; `decimal` is put into floats and Decimals only.
    JSON Lines leave out what is None, and keep every value as it is.
    """
    raise NotImplementedError


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

    Raises InvalidSheet for more rows or columns than XLSX has room for.
    """
    raise NotImplementedError
