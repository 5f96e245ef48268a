"""The fields of a form, for WTForms. The rules are `schema.Field.parse`; WTForms binds and keeps what was typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

from wtforms import Field as WTField
from wtforms import RadioField, SelectChoice, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.core import UnboundField
from wtforms.utils import unset_value

from ..media import content_type_of
from ..schema import Field, Upload, meant
from ..schema.hints import hint, said_hint, unsaid_pattern
from ..schema.values import InvalidValue, shown
from ..wire import dumps
from .looks import (
    TEXTAREA_FROM,
    choice_at,
    choices_of,
    example_of,
    heading,
    look_of,
    position_of,
    script_kind,
    slider_step,
    written,
)

AS_JSON = "_json"  # the box that takes the whole row
# In place of a file: the picture that we kept under this id, or that of an example, by its number.
KEPT = re.compile(r"kept:[0-9a-f]{32}|example:[1-9][0-9]{0,3}", re.ASCII)


class Control(WTField):
    """A WTForms field that asks `spec.parse`. `data` is what was typed, `parsed` the typed value."""

    data: Any
    parsed: Any = None
    process_errors: list[str]
    look = "line"
    wrong_cells = ""  # of a table, as JSON: the places of row and column of each

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
            self._refuse(error)

    def _refuse(self, error: InvalidValue) -> None:
        self.process_errors.append(str(error))
        self.wrong_cells = dumps(error.cells) if error.cells else ""

    def process_json(self, values: Mapping[str, Any]) -> None:
        """Its value out of a whole row in JSON."""
        self.process_errors = []
        value = values.get(self.spec.name, self.default)
        self.process_data(value)
        try:
            self.parsed = self.spec.parse(value, "json")
        except InvalidValue as error:
            self._refuse(error)

    def process_data(self, value: Any) -> None:
        self.data = written(self.spec, value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = first(valuelist)
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
    def path(self) -> str:
        """Its label behind the objects that it stands in."""
        return " › ".join([*map(heading, self.spec.place), str(self.label.text)])

    def whole(self) -> list[Control]:
        """Itself, and the controls inside it."""
        return [self]

    def copied(self) -> Self:
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        return copy

    @property
    def is_private(self) -> bool:
        """Whether it stays in a box of its own when the rest is JSON."""
        return self.look in ("file", "secret")

    @property
    def is_said_inside(self) -> bool:
        """Whether what is wrong stands beside a control inside it."""
        return False

    @property
    def kept(self) -> dict[str, Any]:
        """What may be kept of what was typed, to fill the form in again, by its names there."""
        return {self.name: self.data}

    # For the templates, once per schema

    @property
    def kind(self) -> str:
        """How the script reads and writes it as JSON."""
        return script_kind(self.spec, self.look)

    @property
    def hint(self) -> tuple[str, str, str]:
        """Its words; a pattern that words cannot say; an example."""
        return said_hint(self.spec), unsaid_pattern(self.spec), example_of(self.spec)

    @property
    def step(self) -> str:
        return slider_step(self.spec)

    def choices_as_json(self) -> str:
        """For the script: words and JSON of each choice, the JSON as text, so that no number passes through its own."""
        item = self.spec.items if self.look == "ticks" and self.spec.items else self.spec
        return dumps([[label, dumps(choice)] for choice, label in choices_of(item)])

    def columns_as_json(self) -> str:
        """For the script: name, kind and choices of each column of rows."""
        found: list[list[Any]] = []
        for column in self.spec.shown_fields():
            values = [dumps(choice) for choice, _ in choices_of(column)]
            kind = "listed" if values else script_kind(column, look_of(column))
            found.append([column.name, kind, list(zip(self.words_of(column), values, strict=True))])
        return dumps(found)

    @staticmethod
    def words_of(column: Field) -> list[str]:
        """The choices of a column as its cells hold them."""
        return [written(column, choice) for choice, _ in choices_of(column)]


class _Text(Control):
    """A tick beside the box sends the empty text, where that is not the same as none."""

    is_sent_empty = False

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        self.is_sent_empty = bool(formdata and formdata.get(f"{self.name}:empty") and self.spec.is_other_when_empty)
        super().process(formdata, data)

    def process_data(self, value: Any) -> None:
        super().process_data(value)
        self.is_sent_empty = value == "" and self.spec.is_other_when_empty

    def process_formdata(self, valuelist: list[Any]) -> None:
        super().process_formdata(valuelist)
        if self.is_sent_empty and self.parsed is None:
            self.parsed = ""

    @property
    def kept(self) -> dict[str, Any]:
        return {self.name: self.data, **({f"{self.name}:empty": "1"} if self.is_sent_empty else {})}


class TextField(_Text, StringField):
    pass


class LongTextField(_Text, TextAreaField):
    pass


class SecretField(Control, StringField):
    """Is never shown again, also after an error, and never kept."""

    def process_data(self, value: Any) -> None:
        self.data = ""

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = ""
        self.parsed = self.spec.parse(first(valuelist))


class FileField(SecretField):
    """Takes what WTForms gets for an uploaded file: an object with `filename`, `mimetype` and `read()`.

    `again` is what stands for its picture in a further submission, KEPT or a data URL, and `address` where it is seen.
    """

    again: str = ""
    address: str = ""

    @property
    def accept(self) -> str:
        return self.spec.accept or ("image/*" if self.spec.takes_only_pictures else "")

    @property
    def ink(self) -> str:
        """Of a drawing: models of numbers mostly learned white on black. "" where nothing is drawn."""
        if self.spec.widget != "draw":
            return ""
        return "black" if self.spec.kind == "file" else "white"

    def take(self, again: str, file: Upload) -> None:
        """A file that we kept."""
        self.process_errors = []
        self.data, self.again, self.parsed = "", again, file

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = ""
        given = next((value for value in valuelist if hasattr(value, "read") and value.filename), None)
        if given is None:
            typed = first(valuelist)  # of a program, in base64
            if KEPT.fullmatch(typed):
                raise InvalidValue("This picture is not kept here any longer. Choose it again.")
            self.parsed = self.spec.parse(typed)
            return
        name = re.split(r"[/\\]", given.filename)[-1][-200:]
        self.parsed = self.spec.parse(Upload(given.read(), name, content_type_of(name, given.mimetype or "")))


class BoxesField(Control, StringField):
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


class _Choice(Control):
    """Submits the position of a choice, so that 1 and "1" keep their JSON type."""

    def process_data(self, value: Any) -> None:
        self.data = position_of(self.spec, value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = first(valuelist)
        value = choice_at(self.spec, self.data) if self.data else None
        self.parsed = self.spec.parse(value, "json")


class ListField(_Choice, SelectField):
    pass


class ButtonsField(_Choice, RadioField):
    pass


class TicksField(Control, SelectMultipleField):
    """A list out of a list of choices. `data` is the list of their positions."""

    def process_data(self, value: Any) -> None:
        listed = value if isinstance(value, list) else []
        self.data = [position_of(self._item, one) for one in listed]

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = [value for value in valuelist if isinstance(value, str)]
        self.parsed = self.spec.parse([choice_at(self._item, one) for one in self.data] or None, "json")

    @property
    def _item(self) -> Field:
        return self.spec.items or self.spec


class AlternativesField(Control, RadioField):
    """Buttons for the alternatives, and the fields of each. `data` is the position of the one that was chosen; in its
    place a program may send JSON."""

    inner: list[list[Control]]

    def __init__(self, *args: Any, _form: Any = None, **options: Any) -> None:
        super().__init__(*args, _form=_form, **options)
        self.inner = [
            [
                control(spec, number, f"{self.id}-{place}").bind(form=_form, name=f"{self.name}:{place}:{spec.name}")
                for number, spec in enumerate(one.shown_fields())
            ]
            for place, one in enumerate(self.spec.alternatives)
        ]

    def copied(self) -> Self:
        copy = super().copied()
        copy.inner = [[one.copied() for one in controls] for controls in self.inner]
        return copy

    def whole(self) -> list[Control]:
        return [self, *(one for controls in self.inner for one in controls)]

    @property
    def is_said_inside(self) -> bool:
        return any(one.errors for one in self._chosen)

    @property
    def anchor(self) -> str:
        return next((one.anchor for one in self._chosen if one.errors), f"{self.id}-0")

    @property
    def _chosen(self) -> list[Control]:
        return self.inner[int(self.data)] if self.data else []

    def process_data(self, value: Any) -> None:
        """Nothing stands for the empty text and the empty list where it may be left out: a chosen box that is empty is
        one that was forgotten."""
        is_nothing = value in ("", []) and self.spec.may_be_left_out
        place = None if is_nothing else meant(self.spec.alternatives, value)
        self.data = "" if place is None else str(place)
        for number, controls in enumerate(self.inner):
            given = self._members(place, value) if number == place else {}
            for one in controls:
                one.process(None, given.get(one.spec.name) if number == place else unset_value)

    def process_json(self, values: Mapping[str, Any]) -> None:
        super().process_json(values)
        if self.process_errors and self.data:
            members = self._members(int(self.data), values.get(self.spec.name))
            for one in self._chosen:
                one.process_json(members)
                one.errors = one.process_errors

    def _members(self, place: int, value: Any) -> Mapping[str, Any]:
        one = self.spec.alternatives[place]
        if not one.is_object:
            return {one.fields[0].name: value}
        return value if isinstance(value, dict) else {}

    def process_formdata(self, valuelist: list[Any]) -> None:
        typed = first(valuelist)
        if typed and typed not in map(str, range(len(self.inner))):
            self.data = ""
            self.parsed = self.spec.parse(typed)
            self.process_data(self.parsed)
        else:
            self.data = typed
            self.parsed = None

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        super().process(formdata, data)
        if formdata is None or self.parsed is not None:
            return
        for one in self.whole()[1:]:
            one.process(formdata)
        for one in self._chosen:
            one.errors = one.process_errors
        wrong = [f"{one.label.text}: {one.errors[0]}" for one in self._chosen if one.errors]
        try:
            if wrong:
                raise InvalidValue(" ".join(wrong))
            if self.data:
                row = {one.spec.name: one.parsed for one in self._chosen}
                self.parsed = self.spec.alternatives[int(self.data)].made_of(row)
            elif not self.process_errors:
                self.parsed = self.spec.parse(None)
        except InvalidValue as error:
            self.process_errors.append(str(error))

    def choices_as_json(self) -> str:
        """For the script: of each alternative its JSON type, the names of its fields, and the JSON of what is fixed."""
        types = {"list": "array", "rows": "array", "integer": "number", "boolean": "boolean", "number": "number"}
        found = []
        for one in self.spec.alternatives:
            fixed = {f.wire_name: f.fixed for f in one.fields if f.fixed is not None}
            only = one.fields[0] if one.fields and not one.is_object else None
            kind = "object" if only is None or only.kind == "json" else types.get(only.kind, "string")
            names = [f.name for f in one.shown_fields()]
            always = dumps(only.fixed if only is not None and only.fixed is not None else fixed)
            found.append([kind, names if one.is_object else None, always])
        return dumps(found)


def first(valuelist: list[Any]) -> str:
    return valuelist[0] if valuelist and isinstance(valuelist[0], str) else ""


def control(spec: Field, number: int, within: str = "") -> UnboundField:
    """`within` is the id of the control that it stands in."""
    is_plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", spec.name)  # - is for its hint and its error
    look = look_of(spec)
    options: dict[str, Any] = {
        "label": spec.shown_label,
        "description": " ".join(filter(None, [hint(spec), example_of(spec)])),
        "id": f"{within}-{number}" if within else f"in-{spec.name if is_plain else number}",
        "default": spec.default,
        "spec": spec,
        "look": look,
    }
    if look in ("radio", "select", "ticks"):
        item = spec.items if look == "ticks" and spec.items else spec
        listed = [SelectChoice(str(i), label) for i, (_, label) in enumerate(choices_of(item))]
        if look == "select":
            listed.insert(0, SelectChoice("", "not set" if spec.may_be_left_out else "Choose …"))
        options |= {"choices": listed, "validate_choice": False}
    if look == "either":
        listed = [SelectChoice(str(place), one.label) for place, one in enumerate(spec.alternatives)]
        if spec.may_be_left_out:
            listed.insert(0, SelectChoice("", "not set"))
        options |= {"choices": listed, "validate_choice": False}
    made: UnboundField = _CLASSES.get(look, TextField)(**options)
    return made


_CLASSES: dict[str, type[Control]] = {
    "long": LongTextField,
    "lines": LongTextField,
    "code": LongTextField,
    "rows": LongTextField,
    "radio": ButtonsField,
    "select": ListField,
    "ticks": TicksField,
    "either": AlternativesField,
    "boxes": BoxesField,
    "secret": SecretField,
    "file": FileField,
}
