"""Rows that are done: how they are kept, and the table that is made of them.

They are kept as members of gzip, one behind the other, which read as one.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..wire import dumps
from .by_row import free_name
from .plan import Plan

ERROR = "error"  # the column that says why a row has no answer


@dataclass(frozen=True)
class Done:
    """A row that came to its end: its cells in the order of the sheet's columns, and its answer by columns or, where it
    has none, the reason in a sentence. `line` is where it stands in the file; `echoes` are columns of the answer that
    only repeat what was asked."""

    line: int
    cells: list[Any]
    answer: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    echoes: list[str] = field(default_factory=list)


def packed(rows: Iterable[Done], clean: Callable[[Any], Any]) -> bytes:
    """`clean` removes secrets from a document."""
    lines = (dumps(clean([row.line, row.cells, row.answer, row.error, row.echoes])) for row in rows)
    return gzip.compress("\n".join([*lines, ""]).encode("utf-8", "replace"), 1, mtime=0)


def unpacked(pieces: Iterable[bytes]) -> Iterator[Done]:
    """Cut wherever they are."""
    inner, rest = zlib.decompressobj(31), b""
    for piece in pieces:
        while piece:
            lines = (rest + inner.decompress(piece)).split(b"\n")
            rest = lines.pop()
            yield from (Done(*json.loads(line)) for line in lines)
            piece = inner.unused_data
            if inner.eof:
                inner = zlib.decompressobj(31)


def with_names(names: list[str], rows: Iterable[Done]) -> list[str]:
    """The columns of the answers so far, in the order in which they came; without what was an echo in each row."""
    found = dict.fromkeys(names)
    for row in rows:
        if not row.answer.keys() <= found.keys():
            found.update(dict.fromkeys(name for name in row.answer if name not in row.echoes))
    return list(found)


def heads(plan: Plan, names: Iterable[str]) -> list[str]:
    """The columns of the result: those of the file, of the answers, and the reason where there is none. Without `names`
    it is a file of failed rows, to be mended and sent again."""
    found = [plan.sheet.columns[place] for place in _kept(plan)]
    for name in [*names, ERROR]:
        found.append(free_name(name, found))
    return found


def written(plan: Plan, names: Iterable[str], rows: Iterable[Done]) -> Iterator[list[Any]]:
    """Their cells in the order of `heads`."""
    kept, names = _kept(plan), list(names)
    for row in rows:
        yield [*(row.cells[place] for place in kept), *map(row.answer.get, names), row.error or None]


def _kept(plan: Plan) -> list[int]:
    """All columns but the reasons of a former run, in a file of failed rows that was mended and comes again."""
    used = set(plan.columns.values())
    return [place for place, column in enumerate(plan.sheet.columns) if column != ERROR or column in used]
