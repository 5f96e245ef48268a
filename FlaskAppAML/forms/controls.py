"""The fields of a form, for WTForms. The rules are `schema.Field.parse`; WTForms binds and keeps what was typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wtforms import Field as WTField
from wtforms import RadioField, SelectChoice, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.core import UnboundField
from wtforms.utils import unset_value

from ..media import content_type_of
from ..schema import Field, Upload
from ..schema.hints import hint
from ..schema.values import InvalidValue, shown
from ..wire import dumps
from .looks import (
    TEXTAREA_FROM,
    choice_at,
    choices_of,
    example_of,
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
    def kept(self) -> Any:
        """What may be kept of what was typed, to fill the form in again."""
        return self.data

    # For the templates, once per schema

    @property
    def kind(self) -> str:
        """How the script reads and writes it as JSON."""
        return script_kind(self.spec, self.look)

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


class TextField(Control, StringField):
    pass


class LongTextField(Control, TextAreaField):
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


def first(valuelist: list[Any]) -> str:
    return valuelist[0] if valuelist and isinstance(valuelist[0], str) else ""


def control(spec: Field, number: int) -> UnboundField:
    is_plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", spec.name)  # - is for its hint and its error
    look = look_of(spec)
    options: dict[str, Any] = {
        "label": spec.shown_label,
        "description": " ".join(filter(None, [hint(spec), example_of(spec)])),
        "id": f"in-{spec.name if is_plain else number}",
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
    "boxes": BoxesField,
    "secret": SecretField,
    "file": FileField,
}
