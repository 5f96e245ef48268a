"""Numbers for people. The sentence, the bars and the tables round alike; the downloads do not round."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

DECIMALS = 4
TINY = 10**-DECIMALS
EXACT = 2**53  # integers up to here are floats too
LONGEST_INTEGER = 80  # digits


def figure(number: float) -> str:
    """Four decimals at most, four digits of a very small or large number. An integer is not rounded."""
    if isinstance(number, int):
        return str(number) if abs(number) < 10**LONGEST_INTEGER else f"{str(number)[: LONGEST_INTEGER - 1]}…"
    if not _is_plain(number):
        return f"{number:.{DECIMALS}g}"
    return f"{number:.{DECIMALS}f}".rstrip("0").rstrip(".")


def spelled(count: int) -> str:
    """Small numbers as words, as a sentence begins with them."""
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
    return words[count] if 0 <= count < len(words) else f"{count:,}"


def is_tiny(number: float | None, most: float) -> bool:
    """Whether a share rounds to nothing beside the largest, where all are shares of one."""
    return number is not None and 0 < number < TINY <= most <= 1


def figures(numbers: Sequence[Any], missing: str = "–") -> list[str]:
    """Those of one column: as `figure`, with equal decimals. What is no number keeps its text."""
    decimals = _most_decimals(numbers)
    return [_with(decimals, number, missing) for number in numbers]


def _most_decimals(numbers: Iterable[Any]) -> int:
    most = 0
    for number in numbers:
        if isinstance(number, float) and _is_plain(number):
            most = max(most, len(figure(number).partition(".")[2]))
            if most == DECIMALS:
                break
    return most


def _with(decimals: int, number: Any, missing: str) -> str:
    if number is None:
        return missing
    if isinstance(number, bool) or not isinstance(number, int | float):
        return str(number)
    is_equal = _is_plain(number) if isinstance(number, float) else decimals and abs(number) < EXACT
    return f"{number:.{decimals}f}" if is_equal else figure(number)


def _is_plain(number: float) -> bool:
    return number == 0 or (math.isfinite(number) and 1e-4 <= abs(number) < 1e12)
