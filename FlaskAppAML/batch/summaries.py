"""A look at the answers of a file: what the pictures of its result are drawn from."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..results import as_number
from .table import Done

MOST_LOOKED_AT = 12  # columns of answers, in the pictures of a result
MOST_LABELS = 1000
FEW_LABELS = 12
FEW_NUMBERS = 6  # different ones: so few are labels rather than a measure
LONGEST_LABEL = 60
MOST_NUMBERS = 100_000
BINS = 20


@dataclass
class _Seen:
    """What stands in a column: how often each value, or numbers that lie evenly between all."""

    counts: Counter[str] | None = field(default_factory=Counter)
    numbers: array[float] | None = field(default_factory=lambda: array("d"))
    every: int = 1
    met: int = 0

    def add(self, value: Any) -> None:
        if value is None:
            return
        if self.counts is not None:
            self.counts[str(value)[:LONGEST_LABEL]] += 1
            if len(self.counts) > MOST_LABELS:
                self.counts = None
        if self.numbers is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float) or (number := as_number(value)) is None:
            self.numbers = None
            return
        if self.met % self.every == 0:
            self.numbers.append(number)
            if len(self.numbers) > MOST_NUMBERS:
                self.numbers, self.every = self.numbers[::2], self.every * 2
        self.met += 1


def summary(names: list[str], rows: Iterable[Done]) -> list[dict[str, Any]]:
    """For each of the first columns of answers what a picture of it needs: `counts` of labels, most first, or `bins`
    of numbers from `low` to `high`; nothing where neither says much."""
    seen = {name: _Seen() for name in names[:MOST_LOOKED_AT]}
    for row in rows:
        for name, one in seen.items():
            one.add(row.answer.get(name))
    return [found for name, one in seen.items() if (found := _picture(name, one))]


def _picture(name: str, seen: _Seen) -> dict[str, Any] | None:
    few = seen.counts if seen.counts and len(seen.counts) <= FEW_LABELS else None
    if seen.numbers and (few is None or len(few) > FEW_NUMBERS or any(not one.is_integer() for one in seen.numbers)):
        if len(seen.numbers) < BINS:
            return None  # too few to lie in any shape
        low, high = min(seen.numbers), max(seen.numbers)
        width = (high - low) / BINS
        if not math.isfinite(width) or width <= 0:
            return None
        counted = Counter(min(BINS - 1, int((number - low) / width)) for number in seen.numbers)
        return {"name": name, "low": low, "high": high, "bins": [counted[i] * seen.every for i in range(BINS)]}
    listed = (seen.counts or Counter()).most_common()
    if not listed or listed[0][1] == 1:
        return None
    rest = sum(number for _, number in listed[FEW_LABELS:])
    return {"name": name, "counts": listed[:FEW_LABELS], "rest": rest}
