"""What spreadsheets, pandas and R write into cells where a field asks for something else: the same value, where nothing
but that can be meant.

Only what `Field.parse` refuses comes here, and only from files: people at a form and programs are told, and can mend it
at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ..schema import Field
from ..schema.values import DATE, NUMBER, InvalidValue, Source
from ..sheets import MISSING
from ..sheets.commas import GAPS, without_gaps

MIDNIGHT = re.compile(r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ]00:00(:00(\.0{1,9})?)?", re.ASCII)
GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+\.[0-9]+|(?:,[0-9]{3}){2,})", re.ASCII)
SPACED = re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:[{GAPS}][0-9]{{3}})+(?:[.,][0-9]+)?", re.ASCII)
EITHER = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}", re.ASCII)
SHORTENED = re.compile(r"[+-]?[0-9]\.[0-9]{5,}[eE]\+?[0-9]+", re.ASCII)  # 4.00638E+12: six digits are shown at most
WITH_MARKS = re.compile(r"(?P<before>[^\w.,+()-]{0,3}|[A-Z]{3})\s*[+-]?[0-9][0-9.,]*\s*(?P<after>[^\d.,()]{0,8})")
WORDS = {"1.0": "true", "t": "true", "y": "true", "0.0": "false", "f": "false", "n": "false"}
LONGEST_NUMBER = 400  # digits


def read_cell(f: Field, value: Any, source: Source) -> Any:
    """As `Field.parse`, and raises InvalidValue as that does."""
    try:
        return f.parse(value, source)
    except InvalidValue:
        meant = _meant(f, value.strip(), source) if isinstance(value, str) else value
        if meant == value:
            raise
        return f.parse(meant, source)


def _meant(f: Field, word: str, source: Source) -> str | None:
    """None for a value that is missing. Raises InvalidValue where another sentence than the field's says what to do."""
    if source == "text" and word.lower() in MISSING and (f.choices or f.kind != "text"):
        return None
    reader = _READERS.get(f.kind)
    of_json = f.kind in ("date", "datetime")  # which are texts there too
    return reader(word) if reader and not f.choices and (source == "text" or of_json) else word


def _number(word: str) -> str:
    if SPACED.fullmatch(word):
        return without_gaps(word).replace(",", ".")
    if EITHER.fullmatch(word):
        plain = word.replace(",", "")
        raise InvalidValue(f"{word} may be {word.replace(',', '.')} or {plain}; write it in one of these ways.")
    if found := WITH_MARKS.fullmatch(word):
        marks = " and ".join(filter(None, (found["before"].strip(), found["after"].strip())))
        if "%" in marks:
            raise InvalidValue("Write the number alone, without %: 5% as 5 or as 0.05, whichever the model expects.")
        if marks:
            raise InvalidValue(f"Write the number alone, without {marks}.")
    return word.replace(",", "") if GROUPED.fullmatch(word) else word


def _integer(word: str) -> str:
    if SHORTENED.fullmatch(word):
        raise InvalidValue(
            "A spreadsheet has shortened this number, and digits are lost. Write all of them: there, format the column "
            "as a number without decimals."
        )
    word = _number(word)
    number = Decimal(word) if NUMBER.fullmatch(word) else None
    is_whole = number is not None and number.adjusted() < LONGEST_NUMBER and number == number.to_integral_value()
    return f"{number:.0f}" if is_whole else word


def _boolean(word: str) -> str:
    return WORDS.get(word.lower(), word)


def _date(word: str) -> str:
    """Excel and pandas have no dates apart from times."""
    found = MIDNIGHT.fullmatch(word)
    return found["day"] if found else word


def _datetime(word: str) -> str:
    """Of a midnight they leave the time out."""
    return f"{word}T00:00" if DATE.fullmatch(word) else word


_READERS: dict[str, Callable[[str], str]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
}
