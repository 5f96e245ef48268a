"""Numbers as they are written where the decimal point is a comma: 1,5 and 1.234,5."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .sheet import MISSING

GAPS = " \u00a0\u202f'\u2019"  # between thousands, as French and Swiss spreadsheets write them
COMMA_NUMBER = re.compile(
    rf"[+-]?(?:[0-9]+|[0-9]{{1,3}}(?:[.{GAPS}][0-9]{{3}})+)(?:,[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII
)
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+", re.ASCII)


def kinds(values: Iterable[str]) -> tuple[bool, bool]:
    """Whether all of these can be numbers with decimal commas, one at least having one, and whether each of those could
    as well be one with commas between thousands."""
    filled = [word for value in values if (word := value.strip()) and word.lower() not in MISSING]
    with_comma = [word for word in filled if "," in word]
    are_decimal = bool(with_comma) and all(COMMA_NUMBER.fullmatch(word) for word in filled)
    are_thousands = bool(with_comma) and all(THOUSANDS.fullmatch(word) for word in with_comma)
    return are_decimal, are_thousands


def with_point(value: str) -> str:
    """A number of such a column with a point; points and gaps in it stood between thousands. All else as it is."""
    word = value.strip()
    return without_gaps(word).replace(".", "").replace(",", ".") if COMMA_NUMBER.fullmatch(word) else value


def without_gaps(word: str) -> str:
    return word.translate(dict.fromkeys(map(ord, GAPS)))
