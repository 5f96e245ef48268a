"""Numbers as they are written where the decimal point is a comma: 1,5 and 1.234,5."""

from __future__ import annotations

import re
from collections.abc import Iterable

COMMA_NUMBER = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+)(?:,[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+", re.ASCII)


def kinds(values: Iterable[str]) -> tuple[bool, bool]:
    """Whether all of these can be numbers with decimal commas, one at least having one, and whether each of those could
    as well be one with commas between thousands."""
    filled = [word for value in values if (word := value.strip())]
    with_comma = [word for word in filled if "," in word]
    are_decimal = bool(with_comma) and all(COMMA_NUMBER.fullmatch(word) for word in filled)
    are_thousands = bool(with_comma) and all(THOUSANDS.fullmatch(word) for word in with_comma)
    return are_decimal, are_thousands


def with_point(value: str) -> str:
    """A number of such a column with a point; points in it stood between thousands. All else as it is."""
    word = value.strip()
    return word.replace(".", "").replace(",", ".") if COMMA_NUMBER.fullmatch(word) else value
