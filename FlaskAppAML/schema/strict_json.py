"""JSON that people type, by RFC 8259 alone: whatever could be meant in two ways is refused with a sentence."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from decimal import Decimal
from typing import Any

from ..wire import DEEPEST, levels
from .values import InvalidValue

JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,399})(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)


def read_strict(text: str) -> Any:
    """No NaN, no name twice, not deeper than 100. Numbers stay exact, as int, float or Decimal.

    Raises InvalidValue that says where.
    """
    try:
        value = json.loads(
            text, parse_float=_float, parse_int=_int, parse_constant=_constant, object_pairs_hook=_no_name_twice
        )
    except json.JSONDecodeError as error:
        said = error.msg[:1].lower() + error.msg[1:]
        raise InvalidValue(f"This is not JSON: {said} in line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise InvalidValue("This is nested too deeply.") from None
    if text.count("[") + text.count("{") > DEEPEST:
        check_plain(value)
    return value


def _float(written: str) -> float | Decimal:
    if not JSON_NUMBER.fullmatch(written) or math.isinf(float(written)):
        raise InvalidValue(f"This number is too large: {written[:40]}.")
    number = float(written)
    return number if Decimal(repr(number)) == Decimal(written) else Decimal(written)


def _int(written: str) -> int:
    if len(written) > 400:
        raise InvalidValue(f"This number is too large: {written[:40]} ….")
    return int(written)


def _constant(word: str) -> Any:
    raise InvalidValue(f"JSON has no {word}.")


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise InvalidValue(f"This names {quoted(twice)} twice.")
    return made


def quoted(name: str) -> str:
    """A name from outside, fit for a sentence: short, and without halves of characters, which JSON allows."""
    return name[:40].encode("utf-8", "replace").decode()


def check_plain(value: Any) -> None:
    """Raises InvalidValue for what is deeper than 100, or no number of JSON."""
    for depth, level in enumerate(levels(value)):
        if depth == DEEPEST:
            raise InvalidValue("This is nested too deeply.")
        if any(isinstance(node, float) and not math.isfinite(node) for node in level):
            raise InvalidValue("JSON has no NaN and no Infinity.")
