"""Schema -> WTForms form. The rules are `schema.Field.parse`; WTForms binds and keeps what was typed.

Forms are `wtforms.form.BaseForm` with the schema's own names, which may be anything (`data`, `validate`,
`Sepal length (cm)`): as attributes of a declared form such names would break it.

The HTML of a form is `templates/fields.html`, drawn once per schema with marks where values, choices and errors go;
`SchemaForm.html` puts these in.
"""

from __future__ import annotations

import csv
import io
import math
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar

from jinja2 import Environment, Template, pass_environment
from markupsafe import Markup, escape
from wtforms import Field as WTField
from wtforms import RadioField, SelectChoice, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.core import UnboundField
from wtforms.form import BaseForm
from wtforms.utils import unset_value

from . import company
from .errors import WrongInput
from .schema import (
    Field,
    InvalidValue,
    Row,
    Schema,
    Upload,
    content_type_of,
    digits,
    in_utc,
    parse_row,
    quoted,
    read_strict,
    shown,
)
from .wire import dumps

TEXTAREA_FROM = 140
RADIO_UP_TO = 5
SELECT_UP_TO = 50
BOXES_UP_TO = 32
MOST_STEPS = 200  # of a slider
LONGEST_PREFILL = 10_000  # characters of one value in an address
AS_JSON = "_json"  # the box that takes the whole row
LONG_TEXT = re.compile(r"text|body|comment|description|message|prompt|review", re.IGNORECASE)

Clean = Callable[[str], str]


# Fields


class _Checked(WTField):
    """A WTForms field that asks `spec.parse`. `data` is what was typed, `parsed` the typed value."""

    data: Any
    parsed: Any = None
    look = "line"

    def __init__(self, *args: Any, spec: Field, look: str = "line", **options: Any) -> None:
        self.spec = spec
        self.look = look
        super().__init__(*args, **options)

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """As WTForms does it, without filters."""
        self.process_errors = []
        if formdata is None:
            self.process_data(self.default if data is unset_value else data)
            return
        self.raw_data = formdata.getlist(self.name)
        try:
            self.process_formdata(self.raw_data)
        except InvalidValue as error:
            self.process_errors.append(str(error))

    def process_json(self, values: Mapping[str, Any]) -> None:
        """Its value out of a whole row in JSON."""
        self.process_errors = []
        value = values.get(self.spec.name, self.default)
        self.process_data(value)
        try:
            self.parsed = self.spec.parse(value, "json")
        except InvalidValue as error:
            self.process_errors.append(str(error))

    def process_data(self, value: Any) -> None:
        self.data = written(self.spec, value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = _first(valuelist)
        self.parsed = self.spec.parse(self.data)

    def described_by(self, wrong: bool | None = None) -> str:
        """The ids of its unit, its hint and its error, where there are any."""
        is_wrong = bool(self.errors) if wrong is None else wrong
        ids = [f"{self.id}-unit"] * bool(self.spec.unit and self.look in ("number", "slider"))
        ids += [f"{self.id}-hint"] * bool(self.description) + [f"{self.id}-error"] * is_wrong
        return " ".join(ids)

    @property
    def length(self) -> int:
        """In code points, a line break counting as one, as `spec.parse` counts."""
        return len(str(self.data or "").replace("\r\n", "\n"))

    @property
    def is_counted(self) -> bool:
        """A counter helps with long texts; for a name it is noise."""
        return self.spec.kind == "text" and (self.spec.max_length or 0) > TEXTAREA_FROM

    @property
    def anchor(self) -> str:
        """The id of its first control."""
        return f"{self.id}-0" if self.look in ("radio", "ticks", "boxes") else str(self.id)

    @property
    def kept(self) -> Any:
        """What may be kept of what was typed, to fill the form in again."""
        return self.data

    # For the templates, once per schema

    @property
    def kind(self) -> str:
        """How the script reads and writes it as JSON."""
        return _kind(self.spec, self.look)

    @property
    def step(self) -> str:
        return slider_step(self.spec)

    def choices_as_json(self) -> str:
        """For the script: words and JSON of each choice, the JSON as text, so that no number passes through its own."""
        item = self.spec.items if self.look == "ticks" and self.spec.items else self.spec
        return dumps([[label, dumps(choice)] for choice, label in _choices(item)])

    def columns_as_json(self) -> str:
        """For the script: name, kind and choices of each column of rows."""
        found: list[list[Any]] = []
        for column in self.spec.shown_fields():
            values = [dumps(choice) for choice, _ in _choices(column)]
            kind = "listed" if values else _kind(column, _look(column))
            found.append([column.name, kind, list(zip(self.words_of(column), values, strict=True))])
        return dumps(found)

    @staticmethod
    def words_of(column: Field) -> list[str]:
        """The choices of a column as its cells hold them."""
        return [written(column, choice) for choice, _ in _choices(column)]


class TextField(_Checked, StringField):
    pass


class LongTextField(_Checked, TextAreaField):
    pass


class SecretField(_Checked, StringField):
    """Is never shown again, also after an error, and never kept."""

    def process_data(self, value: Any) -> None:
        self.data = ""

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = ""
        self.parsed = self.spec.parse(_first(valuelist))


class FileField(SecretField):
    """Takes what WTForms gets for an uploaded file: an object with `filename`, `mimetype` and `read()`."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = ""
        given = next((value for value in valuelist if hasattr(value, "read") and value.filename), None)
        if given is None:
            typed = _first(valuelist)  # of a program, in base64
            self.parsed = self.spec.parse(typed)
            return
        name = re.split(r"[/\\]", given.filename)[-1][-200:]
        self.parsed = self.spec.parse(Upload(given.read(), name, content_type_of(name, given.mimetype or "")))


class BoxesField(_Checked, StringField):
    """Numbers, a box each. `data` is a list of texts. One box may hold them all, pasted without the script."""

    def process_data(self, value: Any) -> None:
        listed = value if isinstance(value, list) else written(self.spec, value).replace(",", " ").split()
        self.data = self._filled([shown(one) for one in listed])

    def process_formdata(self, valuelist: list[Any]) -> None:
        typed = [value for value in valuelist if isinstance(value, str)]
        given = [value for value in typed if value.strip()]
        self.data = self._filled(typed)
        self.parsed = self.spec.parse(given[0] if len(given) == 1 else typed if given else "")

    def _filled(self, texts: list[str]) -> list[str]:
        return [*texts, *[""] * self.spec.min_items][: self.spec.min_items]


class _Choice(_Checked):
    """Submits the position of a choice, so that 1 and "1" keep their JSON type."""

    def process_data(self, value: Any) -> None:
        self.data = _position(self.spec, value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = _first(valuelist)
        value = _at(self.spec, self.data) if self.data else None
        self.parsed = self.spec.parse(value, "json")


class ListField(_Choice, SelectField):
    pass


class ButtonsField(_Choice, RadioField):
    pass


class TicksField(_Checked, SelectMultipleField):
    """A list out of a list of choices. `data` is the list of their positions."""

    def process_data(self, value: Any) -> None:
        listed = value if isinstance(value, list) else []
        self.data = [_position(self._item, one) for one in listed]

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = [value for value in valuelist if isinstance(value, str)]
        self.parsed = self.spec.parse([_at(self._item, one) for one in self.data] or None, "json")

    @property
    def _item(self) -> Field:
        return self.spec.items or self.spec


def _first(valuelist: list[Any]) -> str:
    return valuelist[0] if valuelist and isinstance(valuelist[0], str) else ""


def _choices(spec: Field) -> list[tuple[Any, str]]:
    if spec.kind == "boolean" and not spec.choices:
        return [(True, "Yes"), (False, "No")]
    return spec.labelled_choices()


def _position(spec: Field, value: Any) -> str:
    """Of a choice in its list; 1, 1.0 and true are three. "" for what is not there."""
    choices = _choices(spec)
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    for i, (choice, _) in enumerate(choices):
        if choice == value and (type(choice) is type(value) or (is_number and not isinstance(choice, bool))):
            return str(i)
    return ""


def _at(spec: Field, position: str) -> Any:
    choices = _choices(spec)
    is_position = re.fullmatch(r"0|[1-9][0-9]{0,5}", position, re.ASCII)
    if not is_position or int(position) >= len(choices):
        raise InvalidValue("Choose one of the list.")
    return choices[int(position)][0]


def written(spec: Field, value: Any) -> str:
    """A value as it stands in the field's box, such that `spec.parse` reads it as the same again."""
    if value is None or isinstance(value, Upload):
        return ""
    if isinstance(value, str) and spec.kind != "json":
        return in_utc(value) if spec.kind == "datetime" else value
    if spec.kind == "list" and isinstance(value, list):
        return _written_list(spec, value)
    if spec.kind == "rows" and isinstance(value, list):
        return _written_rows(spec, value)
    if spec.kind == "json" or isinstance(value, list | dict):
        return dumps(value, indent=2)
    if spec.choices:
        position = _position(spec, value)
        return spec.labelled_choices()[int(position)][1] if position else shown(value)
    return digits(value) if isinstance(value, Decimal) else shown(value)


def _written_list(spec: Field, value: list[Any]) -> str:
    item = spec.items or Field(spec.name)
    if item.kind in ("rows", "json") or any(isinstance(one, dict) for one in value):
        return dumps(value, indent=2)
    between = ", " if item.kind in ("integer", "number") else "\n"
    return between.join(written(item, one) for one in value)


def _written_rows(spec: Field, value: list[Any]) -> str:
    """For a spreadsheet: tabs, and a first line with the names of the columns."""
    columns = spec.shown_fields()
    if not all(isinstance(row, dict) for row in value):
        return dumps(value, indent=2)
    sheet = io.StringIO()
    writer = csv.writer(sheet, delimiter="\t", lineterminator="\n")
    writer.writerow([c.name for c in columns])
    writer.writerows([written(c, row.get(c.name)) for c in columns] for row in value)
    return sheet.getvalue()


# The form


class SchemaForm(BaseForm):
    """The form of one schema: `form_class(schema)(request.form, files=request.files)`, then `validate()`, `row()`.

    `values` are typed values by field name that stand in the form at first: an example's, or those of `prefill`.
    A whole row can come as JSON in the box `_json`, which wins over the fields.
    """

    schema: ClassVar[Schema]
    specimens: ClassVar[Mapping[str, _Checked]]  # bound once; every form has copies of its own
    takes_json: ClassVar[bool]
    has_files: ClassVar[bool]
    json_text: str = ""
    json_error: str = ""

    def __init__(self, formdata: Any = None, values: Mapping[str, Any] | None = None, files: Any = None) -> None:
        super().__init__(())
        # Binding costs far more than copying what was bound once.
        self._fields = {name: _copied(bound) for name, bound in self.specimens.items()}
        self._files = files
        self.process(formdata, data=values)

    def process(self, formdata: Any = None, obj: Any = None, data: Any = None, **_: Any) -> None:
        given = dict(data or {})
        text = _first(formdata.getlist(AS_JSON)) if formdata is not None and self.takes_json else ""
        if text.strip():
            self._process_json(text, formdata)
            return
        for name, bound in self._fields.items():
            bound.process(self._source(bound, formdata), given.get(name, unset_value))

    def _source(self, bound: _Checked, formdata: Any) -> Any:
        has_file = bound.look == "file" and self._files is not None and self._files.getlist(bound.name)
        return self._files if has_file and formdata is not None else formdata

    def _process_json(self, text: str, formdata: Any) -> None:
        """Files and secrets may stand in their own fields, for the script takes them along in none."""
        values: Any = {}
        self.json_text = text
        try:
            values = read_strict(text)
            self._check_names(values)
        except InvalidValue as error:
            self.json_error = str(error)
        private = [name for name, bound in self._fields.items() if bound.look in ("file", "secret")]
        if self.json_error or any(name in values for name in private):
            rest = {k: v for k, v in values.items() if k not in private} if isinstance(values, dict) else {}
            self.json_text = (dumps(rest, indent=2) if rest else "") if private else text
        for name, bound in self._fields.items():
            if name in private and not (isinstance(values, dict) and name in values):
                bound.process(self._source(bound, formdata))
            elif self.json_error:
                bound.process(formdata)
                bound.process_errors = []
            else:
                bound.process_json(values)

    def _check_names(self, values: Any) -> None:
        if not isinstance(values, dict):
            raise InvalidValue("Send an object, in curly brackets, by the names of the fields.")
        unknown = next((name for name in values if name not in self._fields), None)
        if unknown is not None:
            known = ", ".join(list(self._fields)[:20])
            raise InvalidValue(f"There is no field {quoted(unknown)}. There are: {known}.")

    def validate(self, extra_validators: Any = None) -> bool:
        """Whether every field fits. What is wrong was found while binding."""
        is_right = not self.json_error
        for bound in self._fields.values():
            bound.errors = bound.process_errors
            is_right = is_right and not bound.errors
        return is_right

    def row(self) -> Row:
        """The typed values, by field name, hidden and fixed ones included. Raises WrongInput."""
        shown_values = {name: bound.parsed for name, bound in self._fields.items()}
        if len(shown_values) == len(self.schema.fields):
            return shown_values
        unseen, wrong = parse_row([f for f in self.schema.fields if f.name not in shown_values], {}, "json")
        if wrong:
            raise WrongInput(fields=wrong)
        return {f.name: shown_values.get(f.name, unseen.get(f.name)) for f in self.schema.fields}

    @property
    def data(self) -> dict[str, Any]:
        """What was typed, to fill the form in again; without secrets and files."""
        typed = {name: bound.kept for name, bound in self._fields.items()}
        return {**typed, AS_JSON: self.json_text} if self.json_text else typed

    def wrong(self) -> dict[str, str]:
        """The first message for each wrong field."""
        found = {name: str(bound.errors[0]) for name, bound in self._fields.items() if bound.errors}
        return {**found, AS_JSON: self.json_error} if self.json_error else found

    def mark(self, messages: Mapping[str, str]) -> None:
        """Puts messages beside their fields."""
        for name, message in messages.items():
            if name in self._fields and not self._fields[name].errors:
                self._fields[name].errors = [message]

    @pass_environment
    def html(self, environment: Environment, clean: Clean | None = None) -> Markup:
        """Every field with what was typed and what is wrong. In a template: `form.html()`.

        `clean` is what values pass before they are escaped: by default what the environment does with every value.
        """
        drawn = drawing(self.schema, environment.get_template("fields.html"))
        return _joined(drawn.of_form(drawn.whole, self, clean or environment.finalize or str))

    @pass_environment
    def json_html(self, environment: Environment, clean: Clean | None = None) -> Markup:
        """The fold with the box that takes the whole row as JSON; it belongs into the same `<form>`."""
        if not self.takes_json:
            return Markup()
        drawn = drawing(self.schema, environment.get_template("fields.html"))
        return _joined(drawn.of_form(drawn.as_json, self, clean or environment.finalize or str))


def _joined(pieces: Iterable[str]) -> Markup:
    return Markup("".join(pieces))  # noqa: S704 - what comes from outside was escaped as it was put in


def _copied(bound: _Checked) -> _Checked:
    copy = object.__new__(type(bound))
    copy.__dict__.update(bound.__dict__)
    return copy


@lru_cache(maxsize=16)
def form_class(schema: Schema) -> type[SchemaForm]:
    """The form for `schema`, built once."""
    visible = schema.visible()
    about = {
        "schema": schema,
        "takes_json": all(spec.name != AS_JSON for spec in visible),
        "has_files": any(spec.kind == "file" for spec in visible),
    }
    made: type[SchemaForm] = type("SubmissionForm", (SchemaForm,), about)
    bare = BaseForm(())
    made.specimens = {spec.name: _field(spec, n).bind(form=bare, name=spec.name) for n, spec in enumerate(visible)}
    return made


def prefill(schema: Schema, args: Mapping[str, Any]) -> dict[str, Any]:
    """Values for the form out of an address: `?field=value`. Never secrets or files; what is no choice is left out."""
    values: dict[str, Any] = {}
    for spec in schema.visible():
        text = args.get(spec.name)
        if not isinstance(text, str) or spec.secret or spec.kind == "file" or len(text) > LONGEST_PREFILL:
            continue
        is_kept_as_typed = not (spec.choices or spec.kind in ("boolean", "json") or _is_ticked(spec))
        try:
            values[spec.name] = text if is_kept_as_typed else spec.parse(text, "text")
        except InvalidValue:
            continue
    return values


# How a field looks


def _field(spec: Field, number: int) -> UnboundField:
    is_plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", spec.name) and spec.name != AS_JSON
    look = _look(spec)
    options: dict[str, Any] = {
        "label": spec.shown_label,
        "description": " ".join(filter(None, [spec.hint(), _example(spec)])),
        "id": f"in-{spec.name if is_plain else number}",
        "default": spec.default,
        "spec": spec,
        "look": look,
    }
    if look in ("radio", "select", "ticks"):
        item = spec.items if look == "ticks" and spec.items else spec
        listed = [SelectChoice(str(i), label) for i, (_, label) in enumerate(_choices(item))]
        if look == "select":
            listed.insert(0, SelectChoice("", "not set" if spec.may_be_left_out else "Choose …"))
        options |= {"choices": listed, "validate_choice": False}
    made: UnboundField = _CLASSES.get(look, TextField)(**options)
    return made


_CLASSES: dict[str, type[_Checked]] = {
    "long": LongTextField,
    "lines": LongTextField,
    "code": LongTextField,
    "rows": LongTextField,
    "radio": ButtonsField,
    "select": ListField,
    "ticks": TicksField,
    "boxes": BoxesField,
    "secret": SecretField,
    "file": FileField,
}


def _look(spec: Field) -> str:
    """The word by which `fields.html` draws it."""
    if spec.kind == "file":
        return "file"
    if spec.secret:
        return "secret"
    if spec.choices or spec.kind == "boolean":
        return _look_of_choices(spec)
    if spec.kind == "list":
        if _is_ticked(spec):
            return "ticks"
        return "boxes" if spec.is_vector and spec.min_items <= BOXES_UP_TO and spec.widget != "textarea" else "lines"
    if spec.kind in ("integer", "number"):
        return "slider" if slider_step(spec) else "number"
    if spec.kind == "text":
        return "long" if _is_long(spec) else "line"
    return {"json": "code", "rows": "rows"}.get(spec.kind, spec.kind)


def _look_of_choices(spec: Field) -> str:
    """A yes or no with a default is a pair of buttons too: an empty tick box and one left out look the same in what a
    browser sends, and where the default is yes they must not."""
    count = len(_choices(spec))
    if spec.widget == "radio":
        return "radio"
    if count > SELECT_UP_TO and spec.widget != "select":
        return "datalist"
    is_answered = not spec.may_be_left_out or spec.default is not None
    return "radio" if count <= RADIO_UP_TO and is_answered and spec.widget != "select" else "select"


def _is_ticked(spec: Field) -> bool:
    choices = spec.items.choices if spec.kind == "list" and spec.items else ()
    return 0 < len(choices) <= SELECT_UP_TO


def _is_long(spec: Field) -> bool:
    if spec.widget:
        return spec.widget == "textarea"
    if spec.format or spec.pattern:
        return (spec.max_length or 0) > TEXTAREA_FROM
    if spec.max_length is not None:
        return spec.max_length > TEXTAREA_FROM
    return bool(LONG_TEXT.search(spec.wire_name))


def _kind(spec: Field, look: str) -> str:
    kinds = {"radio": "choice", "select": "choice", "ticks": "choices", "datalist": "listed", "code": "json"}
    kinds |= {
        "boxes": "numbers",
        "slider": "number",
        "number": "number",
        "file": "own",
        "secret": "own",
        "rows": "rows",
    }
    if look != "lines":
        return kinds.get(look, "text")
    item = spec.items.kind if spec.items else "text"
    if item == "list":
        return "matrix"
    return {"integer": "numbers", "number": "numbers", "rows": "json", "json": "json"}.get(item, "texts")


def _example(spec: Field) -> str:
    """In words, where it is short and nothing stands in the box already."""
    is_said = spec.example not in (None, "") and spec.default is None and not spec.choices and not spec.secret
    if not is_said or spec.kind in ("boolean", "file", "rows"):
        return ""
    said = written(spec, spec.example)
    return f"For example: {said}" if len(said) <= 60 and "\n" not in said else ""


def slider_step(spec: Field) -> str:
    """The step of the slider beside a number's box; "" where the range is open, or too wide to be hit."""
    least = spec.minimum if spec.minimum is not None else spec.above
    most = spec.maximum if spec.maximum is not None else spec.below
    if least is None or most is None or least >= most or spec.widget == "text":
        return ""
    span = most - least
    step = spec.multiple_of or Decimal(1)
    if spec.kind == "number" and not spec.multiple_of:
        size = math.floor(span.log10()) - 2
        step = next(nice for nice in (Decimal(n).scaleb(size) for n in (1, 2, 5, 10)) if span / nice <= MOST_STEPS / 2)
    return digits(step) if step > 0 and 1 < span / step <= MOST_STEPS else ""


# Drawing


@dataclass(frozen=True)
class Group:
    """Fields under one legend; "" stands for none."""

    legend: str
    fields: list[_Checked] = field(default_factory=list)


def groups(fields: Iterable[_Checked]) -> list[Group]:
    """Fields that belong together, in the order of their first; those of one nested object under its name.

    Those that belong to none come first, or they would seem to belong to the group before them.
    """
    listed = list(fields)
    places = [bound.spec.place for bound in listed if not bound.spec.group]
    shared = len(_common_start(places))
    inputs = {bound.spec.input for bound in listed if not bound.spec.parameter}
    has_both = len({bound.spec.parameter for bound in listed}) > 1
    by_legend: dict[str, list[_Checked]] = {"": []}
    for bound in listed:
        spec = bound.spec
        legend = spec.group or " › ".join(spec.place[shared:])
        if not legend and spec.parameter and has_both:
            legend = "Parameters"
        elif not legend and len(inputs) > 1:
            legend = spec.input
        by_legend.setdefault(legend, []).append(bound)
    return [Group(legend, found) for legend, found in by_legend.items() if found]


def _common_start(places: list[tuple[str, ...]]) -> tuple[str, ...]:
    if not places:
        return ()
    least, most = min(places), max(places)
    same = [a == b for a, b in zip(least, most, strict=False)]
    return least[: same.index(False) if False in same else len(same)]


Slot = tuple[str, str]  # what goes there, and of which choice, box or field
Pieces = tuple[str | Slot, ...]


@dataclass(frozen=True)
class Drawing:
    """The HTML of one form: for each field right and wrong, the whole with a slot for each, and the box for JSON."""

    whole: Pieces
    as_json: Pieces
    right: Mapping[str, Pieces]
    wrong: Mapping[str, Pieces]

    def of_field(self, bound: _Checked, clean: Clean) -> Iterable[str]:
        pieces = (self.wrong if bound.errors else self.right)[bound.name]
        return [piece if type(piece) is str else _SLOTS[piece[0]](bound, piece[1], clean) for piece in pieces]

    def of_form(self, pieces: Pieces, form: SchemaForm, clean: Clean) -> Iterable[str]:
        written: list[str] = []
        for piece in pieces:
            if type(piece) is str:
                written.append(piece)
            elif piece[0] == "field":
                written += self.of_field(form[piece[1]], clean)
            else:
                written.append(_FORM_SLOTS[piece[0]](form, clean))
        return written


_SLOTS: dict[str, Callable[[Any, str, Clean], str]] = {
    "value": lambda bound, _, clean: escape(clean(bound.data)),
    "box": lambda bound, i, clean: escape(clean(bound.data[int(i)])),
    "checked": lambda bound, position, _: " checked" if bound.data == position else "",
    "ticked": lambda bound, position, _: " checked" if position in bound.data else "",
    "selected": lambda bound, position, _: " selected" if bound.data == position else "",
    "error": lambda bound, _, clean: escape(clean(str(bound.errors[0]))),
    "length": lambda bound, *_: f"{bound.length:,}",
    "over": lambda bound, *_: " over" if bound.length > bound.spec.max_length else "",
    "unused": lambda bound, *_: "" if bound.data else " js",
}
_FORM_SLOTS: dict[str, Callable[[SchemaForm, Clean], str]] = {
    "json": lambda form, clean: escape(clean(form.json_text)),
    "json-error": lambda form, clean: escape(clean(form.json_error)),
    "json-open": lambda form, _: " open" if form.json_text or form.json_error else "",
    "json-wrong": lambda form, _: "" if form.json_error else " hidden",
    "older-open": lambda form, _: " open" if any(b.errors for b in form if b.spec.deprecated) else "",
}


@lru_cache(maxsize=64)
def drawing(schema: Schema, template: Template) -> Drawing:
    """`fields.html` drawn for one schema, cut at its slots."""
    form = form_class(schema)
    # A mark that no label of an endpoint can hold, since it is made here and now.
    mark = f"\ue000{secrets.token_hex(8)}"

    def slot(what: str, which: str = "") -> Markup:
        return Markup(f"{mark}{what}:{which}\ue001")  # noqa: S704 - constant, or the number of a choice

    names = list(form.specimens)
    numbers = {name: str(number) for number, name in enumerate(names)}

    def place(bound: _Checked) -> Markup:
        return slot("field", numbers[bound.name])

    cut = re.compile(f"{mark}([a-z-]+):([0-9]*)\ue001")

    def pieces(html: str) -> Pieces:
        parts = cut.split(html)
        found: list[str | Slot] = []
        for text, what, which in zip(parts[::3], [*parts[1::3], ""], [*parts[2::3], ""], strict=True):
            found += [text] * bool(text)
            if what:
                found.append((what, names[int(which)] if what == "field" else which))
        return tuple(found)

    macros = template.module
    current = [bound for bound in form.specimens.values() if not bound.spec.deprecated]
    older = [bound for bound in form.specimens.values() if bound.spec.deprecated]
    whole = macros.whole(groups(current), older, place, slot)  # type: ignore[attr-defined]
    drawn: list[dict[str, Pieces]] = [
        {name: pieces(macros.control(bound, wrong, slot)) for name, bound in form.specimens.items()}  # type: ignore[attr-defined]
        for wrong in (False, True)
    ]
    return Drawing(pieces(whole), pieces(macros.as_json(slot)), *drawn)  # type: ignore[attr-defined]


SubmissionForm = form_class(company.SCHEMA)
