"""Field and Schema: what an endpoint asks for, and the one set of rules for input.

`Field.parse` is the rule for the page, for programs and for files alike: it gives the typed value or says what is
wrong. A Schema is a tuple of fields with what the dialect must know to write them into a request body.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
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
YES = frozenset({"true", "yes", "1"})
NO = frozenset({"false", "no", "0"})


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
        """The typed value: str, int, Decimal or bool, and None for an optional one that was left out.

        `source` "text" is what people type and what stands in CSV cells; in "json" 5 and "5" differ.
        Raises InvalidValue.
        """
        if self.fixed is not None:
            return self.fixed
        if value is None or (source == "text" and value.strip() == ""):
            return self._absent()
        if self.choices:
            return self._chosen(value, source)
        typed: Any = _READERS[self.kind](value, source)
        if isinstance(typed, str):
            return self._checked_text(typed)
        if not isinstance(typed, bool):
            self._check_range(typed)
        return typed

    def _absent(self) -> Any:
        if self.required:
            raise InvalidValue("Choose one." if self.choices or self.kind == "boolean" else "Fill this in.")
        return "" if self.kind == "text" and not self.choices else None

    def _chosen(self, value: Any, source: Source) -> Any:
        """The choice itself, so that it keeps its type; in JSON 1 and "1" are two."""
        for choice in self.choices:
            is_meant = type(value) is type(choice) and value == choice
            if is_meant or (source == "text" and value.strip() == _shown(choice)):
                return Decimal(str(choice)) if isinstance(choice, float) else choice
        raise InvalidValue(f"Choose one of: {', '.join(_shown(choice) for choice in self.choices)}.")

    def _checked_text(self, value: str) -> str:
        if len(value) < self.min_length:
            raise InvalidValue(f"Use at least {self.min_length:,} characters; this is {len(value):,}.")
        if self.max_length is not None and len(value) > self.max_length:
            raise InvalidValue(f"Use at most {self.max_length:,} characters; this is {len(value):,}.")
        return value.lower() if self.lower else value

    def _check_range(self, value: Decimal | int) -> None:
        if self.minimum is not None and value < self.minimum:
            raise InvalidValue(f"Use {self.minimum} or more.")
        if self.maximum is not None and value > self.maximum:
            raise InvalidValue(f"Use {self.maximum} or less.")

    @property
    def wire_name(self) -> str:
        return self.column or self.name

    @property
    def shown_label(self) -> str:
        return self.label or self.name

    def hint(self) -> str:
        """The owner's help and, in words, every limit that `parse` holds."""
        parts = [self.help, self._length_hint(), self._range_hint()]
        parts.append("Sent in lower case." if self.lower else "")
        return " ".join(part for part in parts if part)

    def _length_hint(self) -> str:
        if self.kind != "text" or self.choices:
            return ""
        if self.min_length > 1 and self.max_length is not None:
            return f"{self.min_length:,} to {self.max_length:,} characters."
        if self.max_length is not None:
            return f"Up to {self.max_length:,} characters."
        return f"At least {self.min_length:,} characters." if self.min_length > 1 else ""

    def _range_hint(self) -> str:
        whole = "A whole number" if self.kind == "integer" else "A number"
        if self.choices or self.kind not in ("integer", "number"):
            return ""
        if self.minimum is not None and self.maximum is not None:
            return f"{whole} from {self.minimum} to {self.maximum}."
        if self.minimum is not None:
            return f"{whole}, {self.minimum} or more."
        return f"{whole}, {self.maximum} or less." if self.maximum is not None else f"{whole}."


def _read_text(value: Any, source: Source) -> str:
    if not isinstance(value, str):
        raise InvalidValue("Send this as text, in quotes.")
    if "\x00" in value:
        raise InvalidValue("This holds a NUL character, which cannot be sent.")
    return value.replace("\r\n", "\n").replace("\r", "\n")


def _read_integer(value: Any, source: Source) -> int:
    if source == "text":
        if not INTEGER.fullmatch(value.strip()):
            raise InvalidValue("Enter a whole number, digits only, such as 12.")
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValue("Send a whole number, without quotes.")
    return value


def _read_number(value: Any, source: Source) -> Decimal:
    if source == "json" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise InvalidValue("Send a number, without quotes.")
    digits = value.strip() if source == "text" else repr(value)
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", digits):
        raise InvalidValue(f"Write the decimal point as a point: {digits.replace(',', '.')}.")
    if not NUMBER.fullmatch(digits):
        raise InvalidValue("Enter a number, such as 2.5.")
    if float(digits) in (float("inf"), float("-inf")):
        raise InvalidValue("This number is too large.")
    return Decimal(digits)


def _read_boolean(value: Any, source: Source) -> bool:
    if source == "json":
        if not isinstance(value, bool):
            raise InvalidValue("Send true or false, without quotes.")
        return value
    word = value.strip().lower()
    if word not in YES | NO:
        raise InvalidValue("Choose yes or no.")
    return word in YES


_READERS = {"text": _read_text, "integer": _read_integer, "number": _read_number, "boolean": _read_boolean}


def _shown(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Upload:
    """A file that somebody gave. `content_type` is what we found out about it, never what the sender claims."""

    data: bytes = field(repr=False)
    name: str = "file"
    content_type: str = "application/octet-stream"

    def base64(self) -> str:
        return base64.b64encode(self.data).decode("ascii")

    def data_url(self) -> str:
        return f"data:{self.content_type};base64,{self.base64()}"


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
        row, wrong = {}, {}
        for f in self.fields:
            try:
                row[f.name] = f.parse(values[f.name], source) if f.name in values else f.parse(f.default, "json")
            except InvalidValue as error:
                wrong[f.name] = str(error)
        if wrong:
            raise WrongInput(fields=wrong)
        return row

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
        changed = [_changed(f, by_name.get(f.name, {})) for f in self.fields]
        placed = sorted(enumerate(changed), key=lambda pair: pair[0] if pair[1].order is None else pair[1].order)
        subject = changes.get("subject", self.subject)
        if subject and (not isinstance(subject, str) or subject not in self._by_name):
            raise SettingError(f"FORM names a subject that is no field: {subject}.")
        return replace(self, fields=tuple(f for _, f in placed), subject=subject)


# What `FORM` may say of a field, and the types that it may say it in.
SCALAR = (str, int, float, bool)
WIDGETS = ("textarea", "select")
CHANGES: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "label": (str,),
    "help": (str,),
    "unit": (str,),
    "required": (bool,),
    "default": SCALAR,
    "example": SCALAR,
    "minimum": (int, float),
    "maximum": (int, float),
    "min_length": (int,),
    "max_length": (int,),
    "choices": (list,),
    "lower": (bool,),
    "widget": (str,),
    "order": (int,),
    "hidden": (bool,),
    "fixed": SCALAR,
}


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
    for limit in ("minimum", "maximum"):
        if limit in typed:
            if typed.get("kind", old.kind) == "text":
                raise SettingError(f'FORM gives {old.name} a {limit}, but it is text; say "kind": "number" too.')
            typed[limit] = bound(typed[limit])
    if "choices" in typed:
        if any(scalar(choice) is None for choice in typed["choices"]):
            raise SettingError(f"FORM gives the field {old.name} choices that are not texts, numbers, true or false.")
        typed["choices"] = tuple(typed["choices"])
    new = replace(old, **typed)
    if new.hidden and new.required and new.default is None and new.fixed is None:
        raise SettingError(f"FORM hides the field {old.name}, which is required, and gives no default to send.")
    return new


def bound(value: Any) -> Decimal | None:
    """A limit as JSON gives it; None for what is no finite number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Decimal(str(value)) if is_number and math.isfinite(value) else None


def scalar(value: Any) -> str | int | float | None:
    """The value itself where it is one value, else None."""
    return value if isinstance(value, str | int | float) else None
