"""A file -> how it is to be read, and its rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import BinaryIO

from .sheet import Row, Sheet


def look(file: BinaryIO, name: str, names: Collection[str] = (), *, header: bool | None = None) -> Sheet:
    """How `file` is to be read: by its content, and by its `name` where that leaves a choice. It is read once, whole.

    `file` can be sought in. `names` are those of columns that are expected: a first line with one of them is a header
    whatever it looks like. `header` says whether there is one, and overrules the guess. A table pasted as text is a
    file too: `look(io.BytesIO(text.encode("utf-8", "replace")), "pasted.tsv")`.

    Raises InvalidSheet, with a sentence that says what to do.
    """
    raise NotImplementedError


def rows(file: BinaryIO, sheet: Sheet, start: int = 0) -> Iterator[Row]:
    """The rows from number `start` on, in order, the same ones each time. `file` is not closed.

    A row that cannot be read has an `error`, and the rest goes on. Raises InvalidSheet where nothing can go on, for
    files that `look` did not see.
    """
    raise NotImplementedError
