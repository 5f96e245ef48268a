"""One value as people, CSV cells and JSON write it -> the typed value, or what is wrong with it.

Nothing in here knows a Field: limits come as arguments. `schema.Field.parse` says which reader and which limits. Dates
and times are those of RFC 3339.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

Source = Literal["text", "json"]  # what people type and what stands in cells; or JSON, where 5 and "5" differ

INTEGER = re.compile(r"[+-]?[0-9]{1,400}", re.ASCII)
NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
YES = frozenset({"true", "yes", "1"})
NO = frozenset({"false", "no", "0"})
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
WEEK = re.compile(r"[0-9]{4}-W[0-9]{2}", re.ASCII)
TIME = re.compile(r"([0-9]{2}:[0-9]{2})(:[0-9]{2})?(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)


class InvalidValue(ValueError):
    """The value does not fit the field. The message is a sentence that says what to do.

    `cells` are the wrong ones of a table, each by the places of its row and its column, counted from 0.
    """

    def __init__(self, message: str, cells: Iterable[tuple[int, int]] = ()) -> None:
        super().__init__(message)
        self.cells = list(cells)


# Texts


def read_text(value: Any, shortest: int = 0, longest: int | None = None) -> str:
    """The text with plain line breaks. Lengths are in code points."""
    if not isinstance(value, str):
        raise InvalidValue("Send this as text, in quotes.")
    if "\x00" in value:
        raise InvalidValue("This holds a NUL character, which cannot be sent.")
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) < shortest:
        raise InvalidValue(f"Use at least {shortest:,} characters; this is {len(text):,}.")
    if longest is not None and len(text) > longest:
        raise InvalidValue(f"Use at most {longest:,} characters; this is {len(text):,}.")
    return text


# Numbers


def read_integer(value: Any, source: Source) -> int:
    if source == "text":
        if not INTEGER.fullmatch(value.strip()):
            raise InvalidValue("Enter a whole number, digits only, such as 12.")
    elif isinstance(value, float | Decimal) and -1e308 < value < 1e308 and value == int(value):
        pass  # JSON Schema: a number without a fraction is an integer
    elif isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValue("Send a whole number, without quotes.")
    return int(value)


def read_number(value: Any, source: Source) -> Decimal:
    """The number as it was written, digit by digit."""
    if source == "json" and (isinstance(value, bool) or not isinstance(value, int | float | Decimal)):
        raise InvalidValue("Send a number, without quotes.")
    written = value.strip() if source == "text" else str(value)
    if DECIMAL_COMMA.fullmatch(written):
        raise InvalidValue(f"Write the decimal point as a point: {written.replace(',', '.')}.")
    if not NUMBER.fullmatch(written):
        raise InvalidValue("Enter a number, such as 2.5.")
    if math.isinf(float(written)):
        raise InvalidValue("This number is too large.")
    return Decimal(written)


def check_range(
    number: Decimal | int,
    minimum: Decimal | None,
    maximum: Decimal | None,
    above: Decimal | None = None,
    below: Decimal | None = None,
    multiple_of: Decimal | None = None,
) -> None:
    """Raises InvalidValue; `above` and `below` are themselves too small and too large."""
    if minimum is not None and number < minimum:
        raise InvalidValue(f"Use {digits(minimum)} or more.")
    if maximum is not None and number > maximum:
        raise InvalidValue(f"Use {digits(maximum)} or less.")
    if above is not None and number <= above:
        raise InvalidValue(f"Use more than {digits(above)}.")
    if below is not None and number >= below:
        raise InvalidValue(f"Use less than {digits(below)}.")
    if multiple_of and Fraction(number) % Fraction(multiple_of):
        raise InvalidValue(f"Use a multiple of {digits(multiple_of)}.")


def digits(number: Decimal | float) -> str:
    """As people write it: 1000 and not 1E+3."""
    is_short = isinstance(number, Decimal) and -10 < number.adjusted() < 20
    return f"{number:f}" if is_short else str(number)


def bound(value: Any) -> Decimal | None:
    """A limit as JSON gives it; None for what is no number, or none that a double holds."""
    return Decimal(str(value)) if is_number(value) and -1e308 < value < 1e308 else None


def is_number(value: Any) -> bool:
    """A number of JSON; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


# Yes or no, and whatever else is one value


def read_boolean(value: Any, source: Source) -> bool:
    if source == "json":
        if not isinstance(value, bool):
            raise InvalidValue("Send true or false, without quotes.")
        return value
    word = value.strip().lower()
    if word not in YES | NO:
        raise InvalidValue("Choose yes or no.")
    return word in YES


def shown(value: Any) -> str:
    """A choice, or a value of a sample, as text that is read as the same again."""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def scalar(value: Any) -> str | int | float | None:
    """The value itself where it is one value, else None."""
    return value if isinstance(value, str | int | float) else None


# Dates and times


def read_date(value: Any) -> str:
    word = value.strip() if isinstance(value, str) else ""
    try:
        if not DATE.fullmatch(word):
            raise ValueError
        return date.fromisoformat(word).isoformat()
    except ValueError:
        raise InvalidValue("Write the date as year-month-day, such as 2024-02-29.") from None


def read_month(value: Any) -> str:
    """As HTML's month inputs write it."""
    word = value.strip() if isinstance(value, str) else ""
    try:
        return read_date(f"{word}-01")[:7]
    except InvalidValue:
        raise InvalidValue("Write the month as year-month, such as 2024-02.") from None


def read_week(value: Any) -> str:
    """ISO 8601, as HTML's week inputs write it."""
    word = value.strip() if isinstance(value, str) else ""
    try:
        if not WEEK.fullmatch(word):
            raise ValueError
        date.fromisoformat(word)
        return word
    except ValueError:
        raise InvalidValue("Write the week as year-Wweek, such as 2024-W09.") from None


def read_time(value: Any) -> str:
    """RFC 3339 partial-time, or full-time where an offset was given: what a plain time is local to is not known."""
    try:
        return _clock(value.strip() if isinstance(value, str) else "")
    except ValueError:
        raise InvalidValue("Write the time as hours:minutes, such as 09:30.") from None


def read_datetime(value: Any) -> str:
    """RFC 3339 date-time. Browsers send no offset, and the hint says that UTC is meant then."""
    word = value.strip() if isinstance(value, str) else ""
    try:
        if not DATE.fullmatch(word[:10]) or word[10:11] not in ("T", "t", " "):
            raise ValueError
        day, clock = date.fromisoformat(word[:10]).isoformat(), _clock(word[11:].replace(" ", ""))
    except ValueError:
        raise InvalidValue("Write date and time such as 2024-02-29T09:30, in UTC, or with its zone: +02:00.") from None
    return f"{day}T{clock}" if clock.endswith("Z") or clock[-6] in "+-" else f"{day}T{clock}Z"


def _clock(word: str) -> str:
    """With its seconds. Raises ValueError."""
    found = TIME.fullmatch(word)
    if found is None:
        raise ValueError
    minutes, seconds, fraction, zone = found.groups("")
    zone = zone.upper()
    time.fromisoformat(f"{minutes}{seconds}{zone.replace('Z', '+00:00')}")
    return f"{minutes}{seconds or ':00'}{fraction}{zone}"


def in_utc(written: str) -> str:
    """An RFC 3339 date-time as `datetime-local` inputs want it: in UTC, without saying so. Else as it is."""
    try:
        moment = datetime.fromisoformat(written.strip().upper().replace("Z", "+00:00"))
    except ValueError:
        return written
    offset = moment.utcoffset()
    try:
        return (moment.replace(tzinfo=None) - offset).isoformat() if offset is not None else written
    except OverflowError:
        return written


# Several values in one text


def split(text: str, *, numbers: bool) -> list[str]:
    """The values of a list: one a line, numbers also between commas, semicolons and spaces."""
    lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
    if not numbers:
        return lines
    words = text.split()
    if len(words) > 1 and all(DECIMAL_COMMA.fullmatch(word) for word in words):
        raise InvalidValue(
            "Separate the numbers by spaces or by commas, not by both, and write decimal points as points."
        )
    separator = "[;\\s]+" if ";" in text or "\t" in text else "[,\\s]+"
    return [word for word in re.split(separator, text) if word]


def split_rows(text: str, columns: Iterable[str], known: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """A piece of a spreadsheet: the cells of each line, by column.

    A first line of the columns' names says their order; `known` maps every name that they go by to the column, and
    small letters are as good as capitals. Raises InvalidValue, for a column of another name too.
    """
    ordered = list(columns)
    by_word = dict(known)
    for word, column in known.items():
        by_word.setdefault(word.casefold(), column)
    separator = _separator(text.strip().partition("\n")[0], len(ordered))
    lines = csv.reader(io.StringIO(text.strip("\r\n"), newline=None), delimiter=separator)
    try:
        for number, cells in enumerate(lines, 1):
            if number == 1 and (names := _heads(cells, by_word)):
                ordered = names
            elif any(cell.strip() for cell in cells):
                if len(cells) > len(ordered):
                    raise InvalidValue(f"Line {number:,} has {len(cells):,} columns; there are {len(ordered):,}.")
                yield dict(zip(ordered, cells, strict=False))
    except csv.Error:
        raise InvalidValue("This table cannot be read; check its quotes.") from None


def _heads(cells: list[str], known: Mapping[str, str]) -> list[str]:
    """The columns that a first line names; [] for a line of values. All must be known, or two and most of them."""
    words = [cell.strip().strip("\ufeff") for cell in cells]
    found = [known.get(word) or known.get(word.casefold(), "") for word in words]
    if all(found):
        return found
    if sum(map(bool, found)) < max(2, len(found) // 2 + 1):
        return []
    unknown = [word[:40] or "(no name)" for word, column in zip(words, found, strict=True) if not column]
    said = "column" if len(unknown) == 1 else "columns"
    names = ", ".join(dict.fromkeys(known.values()))
    raise InvalidValue(f"There is no {said} {', '.join(unknown)}. There are: {names}.")


def _separator(line: str, columns: int) -> str:
    """The one that makes as many cells as there are columns; else the one that stands there at all."""
    for separator in "\t;,":
        if line.count(separator) == columns - 1 > 0:
            return separator
    return next((separator for separator in "\t;," if separator in line and columns > 1), "\t")


def check_count(count: int, least: int, most: int, what: str) -> None:
    """Raises InvalidValue. `what` is one of those that are counted: a value, a row."""
    if count < least:
        raise InvalidValue(f"Use at least {least:,} {what}{'s' * (least != 1)}; this is {count:,}.")
    if count > most:
        raise InvalidValue(f"Use at most {most:,} {what}{'s' * (most != 1)}; this is {count:,}.")
