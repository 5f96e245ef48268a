"""A Field, and the one set of rules for input.

`Field.parse` is the rule for the page, for programs and for files alike: it gives the typed value or says what is
wrong. It chooses a reader of this module, which hands the field's limits to `values.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..media import file_words
from .patterns import matches, pattern_words
from .strict_json import check_plain, read_strict
from .uploads import Upload, unpacked
from .values import (
    InvalidValue,
    Source,
    check_count,
    check_range,
    is_number,
    read_boolean,
    read_date,
    read_datetime,
    read_integer,
    read_month,
    read_number,
    read_text,
    read_time,
    read_week,
    shown,
    split,
    split_rows,
)

if TYPE_CHECKING:
    from .alternatives import Alternative

Kind = Literal[
    "text", "integer", "number", "boolean", "date", "month", "week", "time", "datetime", "file", "list", "rows", "json"
]  # fmt: skip
Send = Literal["", "base64", "data_url", "part", "body", "query"]
Row = dict[str, Any]

MOST_VALUES = 100_000  # in a list
MOST_ROWS = 10_000  # in one field; more is a file of its own
MOST_REFUSED = 50  # cells of one table that are named as wrong
MOST_SAID = 3  # of them in words
LONGEST_REFUSAL = 200  # characters, of one alternative of several
PICTURE_WIDGETS = ("picture", "draw")
PICTURE_ENDINGS = (".bmp", ".gif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


class ChoiceIndex(NamedTuple):
    """The place of each choice in their list, the first where there are several: by type and value, by the words that
    it is read as, by its label, and of a number by its value alone."""

    typed: dict[tuple[type, Any], int]
    words: dict[str, int]
    labels: dict[str, int]
    numbers: dict[Any, int]

    @staticmethod
    def of(choices: tuple[Any, ...], labels: tuple[str, ...]) -> ChoiceIndex:
        placed = list(enumerate(choices))[::-1]
        return ChoiceIndex(
            {(type(choice), choice): place for place, choice in placed},
            {shown(choice): place for place, choice in placed},
            {label: place for place, label in list(enumerate(labels[: len(choices)]))[::-1]},
            {choice: place for place, choice in placed if is_number(choice)},
        )


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
    alternatives: tuple[Alternative, ...] = ()  # of JSON: the forms that it may have
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
        if self.kind != "file" and self.is_upload and _is_file(value):
            return _file(self, value, source)
        if source == "text" and not isinstance(value, str) and self.kind not in ("file", "list"):
            raise InvalidValue("Send this as text.")
        return _READERS[self.kind](self, value, source)

    def _absent(self) -> Any:
        if not self.may_be_left_out:
            if self.is_upload:
                raise InvalidValue("Choose a picture." if self.takes_only_pictures else "Choose a file.")
            if self.kind == "list" and self.items is not None and self.items.choices:
                raise InvalidValue("Choose at least one.")
            is_choice = self.choices or self.alternatives or self.kind == "boolean"
            raise InvalidValue("Choose one." if is_choice else "Fill this in.")
        # A table has a cell for every column, and the cell of a text is the empty text.
        is_cell = self.kind == "text" and self.input and not self.choices and not self.nullable
        return "" if is_cell else None

    def _chosen(self, value: Any, source: Source) -> Any:
        """The choice itself, so that it keeps its type; in JSON 1 and "1" are two. Text is a choice or its label.

        2 stands for 2.0 where there is no 2: what JavaScript and spreadsheets write knows no difference.
        """
        index = self.choice_index
        found = [index.typed.get((type(value), value))] if isinstance(value, str | int | float) else []
        if source == "text" and isinstance(value, str):
            found.append(index.words.get(value.strip()))
        places = [place for place in found if place is not None]
        if not places and source == "text" and isinstance(value, str):
            places = [place for place in [index.labels.get(value.strip())] if place is not None]
        if not places and index.numbers and (number := _number_in(value, source)) is not None:
            places = [place for place in [index.numbers.get(number)] if place is not None]
        if places:
            return _exact(self.choices[min(places)])
        listed = [label for _, label in self.labelled_choices()]
        if len(listed) > 20:
            raise InvalidValue("Choose one of the list.")
        raise InvalidValue(f"Choose one of: {', '.join(listed)}.")

    @cached_property
    def choice_index(self) -> ChoiceIndex:
        """Built once: a list of 100,000 values out of 5,000 choices would be looked for for minutes."""
        return ChoiceIndex.of(self.choices, self.choice_labels)

    def labelled_choices(self) -> list[tuple[Any, str]]:
        """Each choice with the words for it."""
        return [(choice, self.label_of(place)) for place, choice in enumerate(self.choices)]

    def label_of(self, place: int) -> str:
        """The words for the choice at this place."""
        return self.choice_labels[place] if place < len(self.choice_labels) else shown(self.choices[place])

    @property
    def may_be_left_out(self) -> bool:
        """A required one that may be null is sent as null when nothing was filled in."""
        return not self.required or self.nullable

    @property
    def is_other_when_empty(self) -> bool:
        """Whether the empty text is not the same as none: the endpoint would put its default there, or null is sent."""
        is_free = self.kind == "text" and not (self.choices or self.min_length or self.pattern or self.format)
        has_other = bool(self.default) if not self.required else self.nullable
        return is_free and has_other and not self.secret and not self.input

    @property
    def is_upload(self) -> bool:
        """Whether people give a file: also for the numbers of a picture."""
        return self.kind == "file" or self.widget in PICTURE_WIDGETS

    @property
    def takes_pictures(self) -> bool:
        """Whether a file may be a picture that we know how to read; SVG is none."""
        if self.widget in PICTURE_WIDGETS:
            return True
        return self.kind == "file" and any(_is_picture_type(word) for word in self.accept.split(","))

    @property
    def takes_only_pictures(self) -> bool:
        return self.takes_pictures and (not self.accept or all(map(_is_picture_type, self.accept.split(","))))

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
        """Of a field in an object its last name alone: the legend around it says the rest."""
        return self.label or (self.wire_name if self.place else self.name)


def _is_picture_type(word: str) -> bool:
    plain = word.strip().lower()
    return (plain.startswith("image/") and not plain.startswith("image/svg")) or plain in PICTURE_ENDINGS


def _is_file(value: Any) -> bool:
    return isinstance(value, Upload) or (isinstance(value, str) and value[:5].lower() == "data:")


def _number_in(value: Any, source: Source) -> Decimal | None:
    try:
        return read_number(value, source) if source == "json" or isinstance(value, str) else None
    except InvalidValue:
        return None


def _exact(choice: Any) -> Any:
    return Decimal(str(choice)) if isinstance(choice, float) else choice


# A reader for each kind


def _text(f: Field, value: Any, source: Source) -> str:
    text = read_text(value, f.min_length, f.max_length)
    if f.pattern and not matches(f.pattern, text):
        words = pattern_words(f.pattern)
        raise InvalidValue(f"Use {words}." if words else f"This does not match the pattern {f.pattern}")
    return text.lower() if f.lower else text


def _integer(f: Field, value: Any, source: Source) -> int:
    number = read_integer(value, source)
    check_range(number, f.minimum, f.maximum, f.above, f.below, f.multiple_of)
    return number


def _number(f: Field, value: Any, source: Source) -> Decimal:
    number = read_number(value, source)
    check_range(number, f.minimum, f.maximum, f.above, f.below, f.multiple_of)
    return number


def _json(f: Field, value: Any, source: Source) -> Any:
    given = read_strict(value) if source == "text" else value
    check_plain(given)
    is_said = given is not None or not f.may_be_left_out
    return _alternative(f, given) if f.alternatives and is_said else given


def _alternative(f: Field, value: Any) -> Any:
    """By the first alternative that it fits. One that bears the name of a single alternative is told what that one
    finds wrong."""
    refusals = []
    for one in f.alternatives:
        try:
            return one.read(value)
        except InvalidValue as error:
            refusals.append(str(error))
    named = [place for place, one in enumerate(f.alternatives) if one.is_named_in(value)]
    if len(named) == 1:
        raise InvalidValue(refusals[named[0]])
    said = [f"{one.label} – {refusal[:LONGEST_REFUSAL]}" for one, refusal in zip(f.alternatives, refusals, strict=True)]
    raise InvalidValue(f"This fits none of the alternatives. {' '.join(said)}")


def _file(f: Field, value: Any, source: Source) -> Upload:
    upload = value if isinstance(value, Upload) else unpacked(value)
    if not upload.data:
        raise InvalidValue("This file is empty.")
    wanted, found = f.accept.partition("/")[0], upload.content_type.partition("/")[0]
    if not f.takes_pictures and f.accept.endswith("/*") and found not in (wanted, "application"):
        raise InvalidValue(f"Choose another file. {file_words(f.accept)}")
    return upload


def _list(f: Field, value: Any, source: Source) -> list[Any]:
    """`source` "text": one a line, numbers also between commas, semicolons and spaces; a list of texts item by item."""
    item = f.items if f.items is not None else Field(f.name, kind="text" if source == "text" else "json")
    if isinstance(value, str) and source == "text":
        is_written_as_json = value.lstrip().startswith("[") and item.kind in ("integer", "number", "boolean", "list")
        if is_written_as_json or item.kind in ("rows", "json"):
            value, source = read_strict(value), "json"
    if isinstance(value, str) and source == "text":
        value = split(value, numbers=item.kind in ("integer", "number"))
    if not isinstance(value, list):
        raise InvalidValue("Send a list, in square brackets.")
    check_count(len(value), f.min_items, _most(f, MOST_VALUES), "value")
    typed = []
    for number, one in enumerate(value, 1):
        try:
            typed.append(item.parse(one, source))
        except InvalidValue as error:
            raise InvalidValue(f"Value {number:,}: {error}") from None
    if f.unique and len({repr(one) for one in typed}) < len(typed):
        raise InvalidValue("Use no value twice.")
    return typed


def _rows(f: Field, value: Any, source: Source) -> list[Row]:
    """Records by the names of `f.fields`. `source` "text" is a piece of a spreadsheet, or JSON."""
    if source == "text" and value.lstrip().startswith("["):
        value, source = read_strict(value), "json"
    elif source == "text":
        columns = f.shown_fields()
        known = {word: c.name for c in columns for word in (c.name, c.wire_name, c.shown_label)}
        value = list(split_rows(value, [c.name for c in columns], known))
    if not isinstance(value, list):
        raise InvalidValue("Send a list of rows, in square brackets.")
    check_count(len(value), f.min_items, _most(f, MOST_ROWS), "row")
    rows, refused = [], []
    for place, one in enumerate(value):
        if not isinstance(one, dict):
            raise InvalidValue(f"Row {place + 1:,}: send an object, by the names of the columns.")
        row, wrong = parse_row(f.fields, one, source)
        rows.append(row)
        refused += [(place, name, message) for name, message in wrong.items()]
        if len(refused) >= MOST_REFUSED:
            break
    if refused:
        raise _refused_cells(f, refused)
    return rows


def _refused_cells(f: Field, refused: list[tuple[int, str, str]]) -> InvalidValue:
    labels = {c.name: c.shown_label for c in f.fields}
    said = [f"Row {place + 1:,}, {labels[name]}: {text[0].lower()}{text[1:]}" for place, name, text in refused]
    more = len(refused) - MOST_SAID
    count = "many" if len(refused) >= MOST_REFUSED else str(more)
    rest = [f"And {count} more cell{'s' * (more > 1)}."] if more > 0 else []
    columns = [c.name for c in f.shown_fields()]
    cells = [(place, columns.index(name)) for place, name, _ in refused if name in columns]
    return InvalidValue(" ".join([*said[:MOST_SAID], *rest]), cells)


def _most(f: Field, most: int) -> int:
    return min(most, f.max_items) if f.max_items is not None else most


_READERS: dict[str, Callable[[Field, Any, Source], Any]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": lambda f, value, source: read_boolean(value, source),
    "date": lambda f, value, source: read_date(value),
    "month": lambda f, value, source: read_month(value),
    "week": lambda f, value, source: read_week(value),
    "time": lambda f, value, source: read_time(value),
    "datetime": lambda f, value, source: read_datetime(value),
    "file": _file,
    "list": _list,
    "rows": _rows,
    "json": _json,
}


# Rows


def parse_row(
    fields: Iterable[Field],
    values: Mapping[str, Any],
    source: Source,
    parse: Callable[[Field, Any, Source], Any] = Field.parse,
) -> tuple[Row, dict[str, str]]:
    """The typed row by name, and what is wrong by name. What was not given takes its default."""
    row, wrong = {}, {}
    for f in fields:
        try:
            row[f.name] = parse(f, values[f.name], source) if f.name in values else f.parse(f.default, "json")
        except InvalidValue as error:
            wrong[f.name] = str(error)
    return row, wrong


def record(fields: Iterable[Field], row: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object of `row` as a service wants it: by wire names, nested by `place`, files as text.

    An optional value that was not given is left out. Null, where it may be sent, is sent for a required one, and for
    one whose default was taken away: without it the endpoint would put its default back.
    """
    body: dict[str, Any] = {}
    for f in fields:
        value = row.get(f.name)
        if value is None and not (f.nullable and (f.required or f.default is not None)):
            continue
        node = body
        for name in f.place:
            node = node.setdefault(name, {})
        node[f.wire_name] = plain(f, value)
    return body


def plain(f: Field, value: Any) -> Any:
    """One typed value as JSON: a file as base64 or data URL, whatever `Field.parse` gave otherwise as it is."""
    if isinstance(value, Upload):
        return value.data_url() if f.send == "data_url" else value.base64()
    if isinstance(value, list) and f.items is not None:
        return [plain(f.items, item) for item in value]
    if isinstance(value, list) and f.fields:
        return [record(f.fields, row) for row in value]
    return value
