"""Field and Schema: what an endpoint asks for, and the one set of rules for input.

`Field.parse` is the rule for the page, for programs and for files alike: it gives the typed value or says what is
wrong. A Schema is a tuple of fields with what the dialect must know to write them into a request body.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from mimetypes import MimeTypes
from typing import Any, Literal, get_args

from .errors import SettingError, WrongInput

Kind = Literal[
    "text", "integer", "number", "boolean", "date", "time", "datetime", "file", "list", "rows", "json"
]  # fmt: skip
Source = Literal["text", "json"]
Send = Literal["", "base64", "data_url", "part", "body", "query"]
Row = dict[str, Any]

INTEGER = re.compile(r"[+-]?[0-9]{1,400}", re.ASCII)
NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,399})(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
YES = frozenset({"true", "yes", "1"})
NO = frozenset({"false", "no", "0"})
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
TIME = re.compile(r"([0-9]{2}:[0-9]{2})(:[0-9]{2})?(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)
MOST_VALUES = 100_000  # in a list
MOST_ROWS = 10_000  # in one field; more is a file of its own
DEEPEST = 100  # of JSON that people type
LONGEST_PATTERN = 500
LONGEST_MATCHED = 10_000  # characters; a longer text is left to the endpoint's own check
MOST_STEPS = 10**7  # of one search; a tenth of a second at the worst


class InvalidValue(ValueError):
    """The value does not fit the field. The message is a sentence that says what to do."""


@dataclass(frozen=True)
class Field:
    """One value that the endpoint asks for.

    `name` is its name in forms and programs, `column` its name at the endpoint, `input` the input that it belongs to
    (Azure ML has several) and `parameter` marks one that belongs to the call as a whole. Lengths are in Unicode code
    points, a line break counting as one.
    """

    name: str
    kind: Kind = "text"
    column: str = ""
    input: str = ""
    parameter: bool = False
    label: str = ""
    help: str = ""
    unit: str = ""
    required: bool = True
    default: Any = None
    example: Any = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    min_length: int = 0
    max_length: int | None = None
    choices: tuple[Any, ...] = ()
    lower: bool = False
    widget: str = ""
    order: int | None = None
    hidden: bool = False
    fixed: Any = None
    place: tuple[str, ...] = ()
    send: Send = ""
    nullable: bool = False
    above: Decimal | None = None  # exclusive
    below: Decimal | None = None  # exclusive
    multiple_of: Decimal | None = None
    pattern: str = ""
    format: str = ""  # of JSON Schema: email, uri, uuid, ...; a hint for the widget
    choice_labels: tuple[str, ...] = ()
    items: Field | None = None
    fields: tuple[Field, ...] = ()
    min_items: int = 0
    max_items: int | None = None
    unique: bool = False
    secret: bool = False
    accept: str = ""  # of a file: image/*, audio/*, or "" for any
    deprecated: bool = False
    group: str = ""
    datatype: str = ""
    shape: tuple[int, ...] = ()

    def parse(self, value: Any, source: Source = "text") -> Any:
        """The typed value: str, int, Decimal, bool, Upload, a list of these, a list of rows, or any JSON; dates and
        times as RFC 3339 writes them. None for an optional one that was left out.

        `source` "text" is what people type and what stands in CSV cells; in "json" 5 and "5" differ. A file is an
        Upload already, or its base64 or data URL. Raises InvalidValue.
        """
        if self.fixed is not None:
            return self.fixed
        if value is None or (source == "text" and isinstance(value, str) and not value.strip()):
            return self._absent()
        if self.choices:
            return self._chosen(value, source)
        if source == "text" and not isinstance(value, str) and self.kind not in ("file", "list"):
            raise InvalidValue("Send this as text.")
        return _READERS[self.kind](self, value, source)

    def _absent(self) -> Any:
        if not self.may_be_left_out:
            if self.kind == "file":
                raise InvalidValue("Choose a file.")
            if self.kind == "list" and self.items is not None and self.items.choices:
                raise InvalidValue("Choose at least one.")
            raise InvalidValue("Choose one." if self.choices or self.kind == "boolean" else "Fill this in.")
        # A table has a cell for every column, and the cell of a text is the empty text.
        is_cell = self.kind == "text" and self.input and not self.choices and not self.nullable
        return "" if is_cell else None

    def _chosen(self, value: Any, source: Source) -> Any:
        """The choice itself, so that it keeps its type; in JSON 1 and "1" are two. Text is a choice or its label."""
        word = value.strip() if source == "text" and isinstance(value, str) else None
        for choice in self.choices:
            if (type(value) is type(choice) and value == choice) or (word is not None and word == shown(choice)):
                return _exact(choice)
        if word is not None and word in self.choice_labels[: len(self.choices)]:
            return _exact(self.choices[self.choice_labels.index(word)])
        listed = [label for _, label in self.labelled_choices()]
        if len(listed) > 20:
            raise InvalidValue("Choose one of the list.")
        raise InvalidValue(f"Choose one of: {', '.join(listed)}.")

    def labelled_choices(self) -> list[tuple[Any, str]]:
        """Each choice with the words for it."""
        labels = self.choice_labels
        return [(choice, labels[i] if i < len(labels) else shown(choice)) for i, choice in enumerate(self.choices)]

    @property
    def may_be_left_out(self) -> bool:
        """A required one that may be null is sent as null when nothing was filled in."""
        return not self.required or self.nullable

    @property
    def is_vector(self) -> bool:
        """Whether it is a fixed number of numbers."""
        item = self.items
        is_numeric = item is not None and item.kind in ("integer", "number") and not item.choices
        return self.kind == "list" and is_numeric and self.min_items == self.max_items and self.min_items > 0

    def shown_fields(self) -> list[Field]:
        """The columns of rows that people fill in."""
        return [f for f in self.fields if not f.hidden and f.fixed is None]

    @property
    def wire_name(self) -> str:
        return self.column or self.name

    @property
    def shown_label(self) -> str:
        return self.label or self.name

    def hint(self) -> str:
        """The owner's help and, in words, every limit that `parse` holds."""
        parts = [self.help, _limits(self), "Sent in lower case." if self.lower else ""]
        return " ".join(part for part in parts if part)


# Limits in words


def _limits(f: Field) -> str:
    if f.choices or f.kind == "boolean":
        return ""
    if f.kind in ("integer", "number"):
        return _range_words(f)
    if f.kind == "text":
        return " ".join(filter(None, [_FORMATS.get(f.format, ""), _length_words(f), _pattern_words(f)]))
    if f.kind in ("list", "rows"):
        return " ".join(filter(None, [_separators(f), _count_words(f)]))
    if f.kind == "datetime":
        return "The time is meant in UTC."
    return {"json": "JSON.", "file": _file_words(f.accept)}.get(f.kind, "")


_FORMATS = {"email": "An e-mail address.", "uri": "A full address, such as https://example.org/."}


def _length_words(f: Field) -> str:
    if f.min_length > 1 and f.max_length is not None:
        return f"{f.min_length:,} to {f.max_length:,} characters."
    if f.max_length is not None:
        return f"Up to {f.max_length:,} characters."
    return f"At least {f.min_length:,} characters." if f.min_length > 1 else ""


def _pattern_words(f: Field) -> str:
    is_said = f.pattern and len(f.pattern) <= 80 and compiled(f.pattern)
    return f"It must match the pattern {f.pattern}" if is_said else ""


def _range_words(f: Field) -> str:
    whole = "A whole number" if f.kind == "integer" else "A number"
    step = f", a multiple of {digits(f.multiple_of)}" if f.multiple_of else ""
    if f.minimum is not None and f.maximum is not None:
        return f"{whole} from {digits(f.minimum)} to {digits(f.maximum)}{step}."
    least = f"{digits(f.minimum)} or more" if f.minimum is not None else ""
    least = f"more than {digits(f.above)}" if f.above is not None else least
    most = f"{digits(f.maximum)} or less" if f.maximum is not None else ""
    most = f"less than {digits(f.below)}" if f.below is not None else most
    limits = " and ".join(filter(None, [least, most]))
    return f"{whole}{', ' if limits else ''}{limits}{step}."


def _separators(f: Field) -> str:
    if f.kind == "rows":
        columns = [c.shown_label for c in f.shown_fields()]
        return f"Rows of {', '.join(columns)}, as in a spreadsheet." if len(columns) <= 12 else "Rows of a spreadsheet."
    item = f.items
    if item is not None and item.choices:
        return ""
    if item is not None and item.kind in ("list", "rows", "json"):
        return "JSON." if item.kind != "list" or _is_nested(item) else "One row a line."
    if item is None or item.kind not in ("integer", "number"):
        return "One a line."
    words = _range_words(item).rstrip(".").replace("A whole number", "Whole numbers").replace("A number", "Numbers")
    if f.is_vector:
        return f"{f.min_items:,} {words[0].lower()}{words[1:]}."
    return f"{words}, separated by spaces, commas or lines."


def _is_nested(f: Field) -> bool:
    return f.items is not None and f.items.kind in ("list", "rows", "json")


def _count_words(f: Field) -> str:
    what = "rows" if f.kind == "rows" else "values"
    least, most = f.min_items, f.max_items
    said = "No value twice." if f.unique else ""
    if f.is_vector:
        return said
    if least > 1 and most is not None:
        said = f"{least:,} {what}. {said}" if least == most else f"{least:,} to {most:,} {what}. {said}"
    elif most is not None:
        said = f"Up to {most:,} {what}. {said}"
    elif least > 1:
        said = f"At least {least:,} {what}. {said}"
    return said.strip()


def _file_words(accept: str) -> str:
    known = {"image/*": "A picture.", "audio/*": "A sound.", "video/*": "A film.", "": "A file."}
    return known.get(accept, f"A file of the type {accept}.")


def digits(number: Decimal | float) -> str:
    """As people write it: 1000 and not 1E+3."""
    is_short = isinstance(number, Decimal) and -10 < number.adjusted() < 20
    return f"{number:f}" if is_short else str(number)


def shown(value: Any) -> str:
    """A choice, or a value of a sample, as text that is read as the same again."""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _exact(choice: Any) -> Any:
    return Decimal(str(choice)) if isinstance(choice, float) else choice


# One value


def _read_text(f: Field, value: Any, source: Source) -> str:
    if not isinstance(value, str):
        raise InvalidValue("Send this as text, in quotes.")
    if "\x00" in value:
        raise InvalidValue("This holds a NUL character, which cannot be sent.")
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) < f.min_length:
        raise InvalidValue(f"Use at least {f.min_length:,} characters; this is {len(text):,}.")
    if f.max_length is not None and len(text) > f.max_length:
        raise InvalidValue(f"Use at most {f.max_length:,} characters; this is {len(text):,}.")
    if f.pattern and not matches(f.pattern, text):
        raise InvalidValue(f"This does not match the pattern {f.pattern}")
    return text.lower() if f.lower else text


def _read_integer(f: Field, value: Any, source: Source) -> int:
    if source == "text":
        if not INTEGER.fullmatch(value.strip()):
            raise InvalidValue("Enter a whole number, digits only, such as 12.")
    elif isinstance(value, float | Decimal) and -1e308 < value < 1e308 and value == int(value):
        pass  # JSON Schema: a number without a fraction is an integer
    elif isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValue("Send a whole number, without quotes.")
    number = int(value)
    _check_range(f, number)
    return number


def _read_number(f: Field, value: Any, source: Source) -> Decimal:
    if source == "json" and (isinstance(value, bool) or not isinstance(value, int | float | Decimal)):
        raise InvalidValue("Send a number, without quotes.")
    written = value.strip() if source == "text" else str(value)
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", written):
        raise InvalidValue(f"Write the decimal point as a point: {written.replace(',', '.')}.")
    if not NUMBER.fullmatch(written):
        raise InvalidValue("Enter a number, such as 2.5.")
    if math.isinf(float(written)):
        raise InvalidValue("This number is too large.")
    number = Decimal(written)
    _check_range(f, number)
    return number


def _check_range(f: Field, value: Decimal | int) -> None:
    if f.minimum is not None and value < f.minimum:
        raise InvalidValue(f"Use {digits(f.minimum)} or more.")
    if f.maximum is not None and value > f.maximum:
        raise InvalidValue(f"Use {digits(f.maximum)} or less.")
    if f.above is not None and value <= f.above:
        raise InvalidValue(f"Use more than {digits(f.above)}.")
    if f.below is not None and value >= f.below:
        raise InvalidValue(f"Use less than {digits(f.below)}.")
    if f.multiple_of and Fraction(value) % Fraction(f.multiple_of):
        raise InvalidValue(f"Use a multiple of {digits(f.multiple_of)}.")


def _read_boolean(f: Field, value: Any, source: Source) -> bool:
    if source == "json":
        if not isinstance(value, bool):
            raise InvalidValue("Send true or false, without quotes.")
        return value
    word = value.strip().lower()
    if word not in YES | NO:
        raise InvalidValue("Choose yes or no.")
    return word in YES


def _read_date(f: Field, value: Any, source: Source) -> str:
    word = value.strip() if isinstance(value, str) else ""
    try:
        if not DATE.fullmatch(word):
            raise ValueError
        return date.fromisoformat(word).isoformat()
    except ValueError:
        raise InvalidValue("Write the date as year-month-day, such as 2024-02-29.") from None


def _read_time(f: Field, value: Any, source: Source) -> str:
    """RFC 3339 partial-time, or full-time where an offset was given: what a plain time is local to is not known."""
    try:
        return _clock(value.strip() if isinstance(value, str) else "")
    except ValueError:
        raise InvalidValue("Write the time as hours:minutes, such as 09:30.") from None


def _read_datetime(f: Field, value: Any, source: Source) -> str:
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


def _read_file(f: Field, value: Any, source: Source) -> Upload:
    """An Upload as it is; base64 (RFC 4648, 4) or a data URL (RFC 2397) unpacked."""
    upload = value if isinstance(value, Upload) else _unpacked(value)
    if not upload.data:
        raise InvalidValue("This file is empty.")
    wanted, found = f.accept.partition("/")[0], upload.content_type.partition("/")[0]
    if f.accept.endswith("/*") and found not in (wanted, "application"):
        raise InvalidValue(f"Choose another file. {_file_words(f.accept)}")
    return upload


def _unpacked(value: Any) -> Upload:
    if not isinstance(value, str):
        raise InvalidValue("Send the file in base64 or as a data URL.")
    text = value.strip()
    content_type = ""
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise InvalidValue("Send a data URL in base64.")
        content_type = head[5:].partition(";")[0]
    try:
        return Upload(base64.b64decode("".join(text.split()), validate=True), "file", content_type_of("", content_type))
    except (binascii.Error, ValueError):
        raise InvalidValue("Send the file in base64 or as a data URL.") from None


def _read_json(f: Field, value: Any, source: Source) -> Any:
    if source == "text":
        return read_strict(value)
    _check_plain(value)
    return value


# Several values


def _read_list(f: Field, value: Any, source: Source) -> list[Any]:
    """`source` "text": one a line, numbers also between commas, semicolons and spaces; a list of texts item by item."""
    item = f.items if f.items is not None else Field(f.name, kind="text" if source == "text" else "json")
    if isinstance(value, str) and source == "text":
        is_written_as_json = value.lstrip().startswith("[") and item.kind in ("integer", "number", "boolean", "list")
        if is_written_as_json or item.kind in ("rows", "json"):
            value, source = read_strict(value), "json"
    listed = _split(item, value) if isinstance(value, str) and source == "text" else value
    if not isinstance(listed, list):
        raise InvalidValue("Send a list, in square brackets.")
    _check_count(f, len(listed), "value")
    typed = []
    for number, one in enumerate(listed, 1):
        try:
            typed.append(item.parse(one, source))
        except InvalidValue as error:
            raise InvalidValue(f"Value {number:,}: {error}") from None
    if f.unique and len({repr(one) for one in typed}) < len(typed):
        raise InvalidValue("Use no value twice.")
    return typed


def _split(item: Field, text: str) -> list[str]:
    lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
    if item.kind not in ("integer", "number"):
        return lines
    words = text.split()
    if len(words) > 1 and all(re.fullmatch(r"[+-]?[0-9]+,[0-9]+", word) for word in words):
        raise InvalidValue(
            "Separate the numbers by spaces or by commas, not by both, and write decimal points as points."
        )
    separator = "[;\\s]+" if ";" in text or "\t" in text else "[,\\s]+"
    return [word for word in re.split(separator, text) if word]


def _check_count(f: Field, count: int, what: str) -> None:
    least, most = f.min_items, MOST_ROWS if what == "row" else MOST_VALUES
    most = min(most, f.max_items) if f.max_items is not None else most
    if count < least:
        raise InvalidValue(f"Use at least {least:,} {what}{'s' * (least != 1)}; this is {count:,}.")
    if count > most:
        raise InvalidValue(f"Use at most {most:,} {what}{'s' * (most != 1)}; this is {count:,}.")


def _read_rows(f: Field, value: Any, source: Source) -> list[Row]:
    """Records by the names of `f.fields`. `source` "text" is a piece of a spreadsheet, or JSON."""
    if source == "text" and value.lstrip().startswith("["):
        value, source = read_strict(value), "json"
    listed = list(_records(f, value)) if source == "text" else value
    if not isinstance(listed, list):
        raise InvalidValue("Send a list of rows, in square brackets.")
    _check_count(f, len(listed), "row")
    rows = []
    for number, one in enumerate(listed, 1):
        if not isinstance(one, dict):
            raise InvalidValue(f"Row {number:,}: send an object, by the names of the columns.")
        row, wrong = parse_row(f.fields, one, source)
        if wrong:
            name, message = next(iter(wrong.items()))
            label = next(c.shown_label for c in f.fields if c.name == name)
            raise InvalidValue(f"Row {number:,}, {label}: {message[0].lower()}{message[1:]}")
        rows.append(row)
    return rows


def _records(f: Field, text: str) -> Iterator[dict[str, str]]:
    """The cells of each line by column. A first line of the columns' names says their order."""
    columns = [c.name for c in f.shown_fields()]
    known = {word: c.name for c in f.shown_fields() for word in (c.name, c.wire_name, c.shown_label)}
    separator = _separator(text.strip().partition("\n")[0], len(columns))
    lines = csv.reader(io.StringIO(text.strip("\r\n"), newline=None), delimiter=separator)
    try:
        for number, cells in enumerate(lines, 1):
            if number == 1 and all(cell.strip() in known for cell in cells):
                columns = [known[cell.strip()] for cell in cells]
            elif any(cell.strip() for cell in cells):
                if len(cells) > len(columns):
                    raise InvalidValue(f"Line {number:,} has {len(cells):,} columns; there are {len(columns):,}.")
                yield dict(zip(columns, cells, strict=False))
    except csv.Error:
        raise InvalidValue("This table cannot be read; check its quotes.") from None


def _separator(line: str, columns: int) -> str:
    """The one that makes as many cells as there are columns; else the one that stands there at all."""
    for separator in "\t;,":
        if line.count(separator) == columns - 1 > 0:
            return separator
    return next((separator for separator in "\t;," if separator in line and columns > 1), "\t")


def parse_row(fields: Iterable[Field], values: Mapping[str, Any], source: Source) -> tuple[Row, dict[str, str]]:
    """The typed row by name, and what is wrong by name. What was not given takes its default."""
    row, wrong = {}, {}
    for f in fields:
        try:
            row[f.name] = f.parse(values[f.name], source) if f.name in values else f.parse(f.default, "json")
        except InvalidValue as error:
            wrong[f.name] = str(error)
    return row, wrong


_READERS: dict[str, Callable[[Field, Any, Source], Any]] = {
    "text": _read_text,
    "integer": _read_integer,
    "number": _read_number,
    "boolean": _read_boolean,
    "date": _read_date,
    "time": _read_time,
    "datetime": _read_datetime,
    "file": _read_file,
    "list": _read_list,
    "rows": _read_rows,
    "json": _read_json,
}


# JSON that people type


def read_strict(text: str) -> Any:
    """JSON by RFC 8259 alone: no NaN, no name twice, not deeper than 100. Numbers stay exact, as int, float or Decimal.

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
        _check_plain(value)
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


def _check_plain(value: Any) -> None:
    """Raises InvalidValue for what is deeper than 100, or no number of JSON."""
    level = [value]
    for _ in range(DEEPEST):
        if any(isinstance(node, float) and not math.isfinite(node) for node in level):
            raise InvalidValue("JSON has no NaN and no Infinity.")
        inner = [node for node in level if isinstance(node, dict | list)]
        level = [child for node in inner for child in (node.values() if isinstance(node, dict) else node)]
        if not level:
            return
    raise InvalidValue("This is nested too deeply.")


# Patterns


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` is found in `text`, as JSON Schema means it. What cannot be checked in time passes: the
    endpoint checks it anyway."""
    found = compiled(pattern)
    if found is None:
        return True
    expression, loops, ways = found
    if len(text) > LONGEST_MATCHED or len(text) ** loops * ways > MOST_STEPS:
        return True
    return expression.search(text) is not None


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> tuple[re.Pattern[str], int, int] | None:
    """A pattern of ECMA-262 as Python's, with the number of its loops and of ways through its branches.

    None where it cannot be read, or could take for ever: a loop around something whose length varies can take time
    that grows exponentially.
    """
    if len(pattern) > LONGEST_PATTERN:
        return None
    pieces = _PIECE.findall(pattern)
    cost = _cost(pieces)
    if cost is None:
        return None
    try:
        return re.compile("".join(map(_python, pieces)), re.ASCII), *cost
    except (re.error, OverflowError, RecursionError, ValueError):
        return None


_QUANTIFIER = re.compile(r"[*+?]|\{\d*,?\d*\}")
_PIECE = re.compile(
    rf"\\.|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|<[A-Za-z]\w*>))?|{_QUANTIFIER.pattern}|.", re.DOTALL
)


def _cost(pieces: list[str]) -> tuple[int, int] | None:
    loops, ways = int(not pieces or pieces[0] != "^"), 1  # a search tries every place
    varies = [False]  # for each open group, whether its length does
    repeats = False  # whether that of the thing before does
    was_quantifier = False
    for piece in pieces:
        is_quantifier = _QUANTIFIER.fullmatch(piece) is not None
        if is_quantifier and was_quantifier:
            if piece != "?":
                return None
        elif is_quantifier:
            count = re.fullmatch(r"\{(\d+)\}", piece)
            if repeats or (count and int(count[1]) > 1000):
                return None
            varies[-1] |= not count
            loops, ways = loops + (not count and piece != "?"), ways * (2 if piece == "?" else 1)
        elif piece[0] == "(":
            varies.append(False)
        elif piece == ")" and len(varies) > 1:
            repeats = varies.pop()
            varies[-1] |= repeats
        elif piece == "|":
            varies[-1], ways = True, ways * 2
        else:
            repeats = False
        was_quantifier = is_quantifier
    return loops, ways


def _python(piece: str) -> str:
    """`$` is the very end there, and Python sees operators in sets where there are none."""
    if piece == "$":
        return r"\Z"
    if len(piece) > 1 and piece[0] == "[":
        if piece in ("[]", "[^]") or "--" in piece:
            raise ValueError
        return "[" + re.sub(
            r"\\.|[\[&~|]", lambda found: found[0] if found[0][0] == "\\" else f"\\{found[0]}", piece[1:]
        )
    return f"(?P{piece[2:]}" if re.match(r"\(\?<[A-Za-z]", piece) else piece


@dataclass(frozen=True)
class Upload:
    """A file that somebody gave. `content_type` is what its name says, or failing that what its sender says: good
    enough to pass on, not to trust."""

    data: bytes = field(repr=False)
    name: str = "file"
    content_type: str = "application/octet-stream"

    def base64(self) -> str:
        return base64.b64encode(self.data).decode("ascii")

    def data_url(self) -> str:
        return f"data:{self.content_type};base64,{self.base64()}"


# Without the tables of the machine, so that a name means the same everywhere.
_TYPES = MimeTypes(filenames=())
for _ending, _type in {
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".m4a": "audio/mp4",
}.items():
    _TYPES.add_type(_type, _ending)


def content_type_of(name: str, claimed: str = "") -> str:
    """By the ending of the name; failing that what the sender claims, where it has the form of one."""
    known = _TYPES.guess_type(f"x{name[-20:]}", strict=False)[0]
    claimed = claimed.partition(";")[0].strip().lower()
    is_type = re.fullmatch(r"[a-z]+/[a-z0-9.+-]{1,100}", claimed)
    return known or (claimed if is_type else "application/octet-stream")


def record(fields: Iterable[Field], row: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object of `row` as a service wants it: by wire names, nested by `place`, files as text.

    An optional value that was not given is left out; a required one that may be null becomes null.
    """
    body: dict[str, Any] = {}
    for f in fields:
        value = row.get(f.name)
        if value is None and not (f.required and f.nullable):
            continue
        node = body
        for name in f.place:
            node = node.setdefault(name, {})
        node[f.wire_name] = plain(f, value)
    return body


def without_files(value: Any) -> Any:
    """A row with the digest of each file in its place: what makes two submissions the same."""
    if isinstance(value, Upload):
        return f"sha256:{hashlib.sha256(value.data).hexdigest()}"
    if isinstance(value, dict):
        return {name: without_files(one) for name, one in value.items()}
    return [without_files(one) for one in value] if isinstance(value, list) else value


def plain(f: Field, value: Any) -> Any:
    """One typed value as JSON: a file as base64 or data URL, whatever `Field.parse` gave otherwise as it is."""
    if isinstance(value, Upload):
        return value.data_url() if f.send == "data_url" else value.base64()
    if isinstance(value, list) and f.items is not None:
        return [plain(f.items, item) for item in value]
    if isinstance(value, list) and f.fields:
        return [record(f.fields, row) for row in value]
    return value


@dataclass(frozen=True, eq=False)
class Schema:
    """What one endpoint asks for.

    `dialect` names the protocol, `envelope` is that dialect's word for the body's form, `url` is where to send it when
    that is not the address that was given, and `options` holds what the dialect alone understands. `subject` is the
    name of the field that the answer speaks of ("Contoso Bank is closest to ..."), `source` says in words where all
    this was read. Two schemas are the same only when they are one object: a form is built once for each.
    """

    fields: tuple[Field, ...]
    envelope: str = ""
    title: str = ""
    description: str = ""
    subject: str = ""
    source: str = ""
    dialect: str = ""
    url: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    _by_name: dict[str, Field] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._by_name.update({f.name: f for f in self.fields})

    def __getitem__(self, name: str) -> Field:
        return self._by_name[name]

    def visible(self) -> list[Field]:
        return [f for f in self.fields if not f.hidden and f.fixed is None]

    def parse(self, values: Mapping[str, Any], source: Source) -> Row:
        """A whole row, by name. Raises WrongInput that names every wrong field."""
        row, wrong = parse_row(self.fields, values, source)
        if wrong:
            raise WrongInput(fields=wrong)
        return row

    def by_wire_name(self, messages: Mapping[str, str]) -> dict[str, str]:
        """What a service says of its fields, by the names that they have here."""
        return {f.name: messages[f.wire_name] for f in self.fields if f.wire_name in messages}

    def secrets(self, row: Mapping[str, Any]) -> list[str]:
        """The secret values of a row: what must not be shown, kept or logged."""
        return [str(row[f.name]) for f in self.fields if f.secret and row.get(f.name) not in (None, "")]

    def customised(self, changes: Mapping[str, Any]) -> Schema:
        """This schema with the owner's changes (`FORM`): `fields` by name, and `subject`.

        Raises SettingError that names what is not understood.
        """
        check_form(changes)
        by_name = changes.get("fields", {})
        unknown = [name for name in by_name if name not in self._by_name]
        if unknown:
            known = ", ".join(self._by_name)
            raise SettingError(f"FORM changes fields that do not exist: {', '.join(unknown)}. There are: {known}.")
        changed = [_changed(f, by_name[f.name]) if f.name in by_name else f for f in self.fields]
        placed = sorted(enumerate(changed), key=lambda pair: pair[0] if pair[1].order is None else pair[1].order)
        subject = changes.get("subject", self.subject)
        if subject and (not isinstance(subject, str) or subject not in self._by_name):
            raise SettingError(f"FORM names a subject that is no field: {subject}.")
        return replace(self, fields=tuple(f for _, f in placed), subject=subject)


# What `FORM` may say of a field, and the types that it may say it in.
SCALAR = (str, int, float, bool)
WIDGETS = ("text", "textarea", "select", "radio")
CHANGES: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "label": (str,),
    "help": (str,),
    "unit": (str,),
    "group": (str,),
    "required": (bool,),
    "nullable": (bool,),
    "default": (*SCALAR, list, dict),
    "example": (*SCALAR, list, dict),
    "minimum": (int, float),
    "maximum": (int, float),
    "above": (int, float),
    "below": (int, float),
    "multiple_of": (int, float),
    "min_length": (int,),
    "max_length": (int,),
    "min_items": (int,),
    "max_items": (int,),
    "unique": (bool,),
    "pattern": (str,),
    "choices": (list,),
    "choice_labels": (list,),
    "accept": (str,),
    "lower": (bool,),
    "secret": (bool,),
    "widget": (str,),
    "order": (int,),
    "deprecated": (bool,),
    "hidden": (bool,),
    "fixed": (*SCALAR, list, dict),
}
LIMITS = ("minimum", "maximum", "above", "below", "multiple_of")


def check_changes(what: str, given: Any, allowed: Mapping[str, tuple[type, ...]]) -> None:
    """Raises SettingError for a change of the owner's that is not understood. A bool is no number here."""
    if not isinstance(given, dict):
        raise SettingError(f"FORM must say what it says of {what} in a JSON object.")
    for key, value in given.items():
        if key not in allowed:
            raise SettingError(f"FORM says {key} of {what}; what can be said is: {', '.join(sorted(allowed))}.")
        fits = isinstance(value, allowed[key]) and (not isinstance(value, bool) or bool in allowed[key])
        if not fits and value is not None:
            words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
            words |= {list: "a list", dict: "an object"}
            wanted = " or ".join(words[kind] for kind in allowed[key])
            raise SettingError(f"FORM gives {what} a wrong {key}: it must be {wanted}.")


def check_form(changes: Mapping[str, Any]) -> None:
    """Whatever of a `FORM` file can be checked without the endpoint's description. Raises SettingError."""
    by_name = changes.get("fields", {})
    if not isinstance(by_name, dict):
        raise SettingError("FORM must give its fields as a JSON object, by name.")
    for name, about in by_name.items():
        check_changes(f"the field {name}", about, CHANGES)


def _changed(old: Field, changes: Mapping[str, Any]) -> Field:
    typed = {key: value for key, value in changes.items() if value is not None}
    for key, allowed in (("kind", get_args(Kind)), ("widget", WIDGETS)):
        if key in typed and typed[key] not in allowed:
            raise SettingError(f"FORM gives the field {old.name} a wrong {key}: there is {', '.join(allowed)}.")
    kind = typed.get("kind", old.kind)
    for limit in LIMITS:
        if limit in typed:
            if kind == "text":
                raise SettingError(f'FORM gives {old.name} a {limit}, but it is text; say "kind": "number" too.')
            typed[limit] = bound(typed[limit])
    for key in ("default", "example", "fixed"):
        if kind not in ("list", "rows", "json") and isinstance(typed.get(key), list | dict):
            raise SettingError(f"FORM gives the field {old.name} a wrong {key}: {kind} is one value.")
    if "pattern" in typed and typed["pattern"] and compiled(typed["pattern"]) is None:
        raise SettingError(f"FORM gives the field {old.name} a pattern that is not understood or too slow to check.")
    new = replace(old, **{**typed, **_changed_choices(old, kind, typed)})
    if new.hidden and not new.may_be_left_out and new.default is None and new.fixed is None:
        raise SettingError(f"FORM hides the field {old.name}, which is required, and gives no default to send.")
    return new


def _changed_choices(old: Field, kind: Kind, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a list are choices of its items."""
    given: dict[str, Any] = {key: tuple(typed[key]) for key in ("choices", "choice_labels") if key in typed}
    if any(scalar(choice) is None for choice in given.get("choices", ())):
        raise SettingError(f"FORM gives the field {old.name} choices that are not texts, numbers, true or false.")
    if any(not isinstance(label, str) for label in given.get("choice_labels", ())):
        raise SettingError(f"FORM gives the field {old.name} choice_labels that are not texts.")
    if "choices" in given:
        given.setdefault("choice_labels", ())
    if not given or kind != "list":
        return given
    item = replace(old.items or Field(old.name), **given)
    return {"choices": (), "choice_labels": (), "items": item}


def bound(value: Any) -> Decimal | None:
    """A limit as JSON gives it; None for what is no finite number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Decimal(str(value)) if is_number and math.isfinite(value) else None


def scalar(value: Any) -> str | int | float | None:
    """The value itself where it is one value, else None."""
    return value if isinstance(value, str | int | float) else None
