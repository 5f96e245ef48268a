"""Schema -> WTForms form. The rules are `schema.Field.parse`; WTForms binds, keeps what was typed, and draws.

Forms are `wtforms.form.BaseForm` with the schema's own names, which may be anything (`data`, `validate`,
`Sepal length (cm)`): as attributes of a declared form such names would break it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

from wtforms import Field as WTField
from wtforms import RadioField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.fields.core import UnboundField
from wtforms.form import BaseForm

from . import company
from .schema import Field, InvalidValue, Row, Schema

TEXTAREA_FROM = 140
RADIO_UP_TO = 5
LONG_TEXT = re.compile(r"text|body|comment|description|message|prompt|review", re.IGNORECASE)


class _Checked(WTField):
    """A WTForms field that asks `spec.parse`. `data` is what was typed, `parsed` the typed value."""

    parsed: Any = None

    def __init__(self, *args: Any, spec: Field, **options: Any) -> None:
        self.spec = spec
        super().__init__(*args, **options)

    def process_data(self, value: Any) -> None:
        self.data = "" if value is None else str(value)

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist[0] if valuelist else ""
        self.parsed = self.spec.parse(self.data)

    def described_by(self) -> str:
        """The ids of its hint and its error, where there are any."""
        ids = [f"{self.id}-unit"] * bool(
            self.spec.unit and self.spec.kind in ("integer", "number") and not self.spec.choices
        )
        ids += [f"{self.id}-hint"] * bool(self.description) + [f"{self.id}-error"] * bool(self.errors)
        return " ".join(ids)

    @property
    def length(self) -> int:
        """In code points, a line break counting as one, as `spec.parse` counts."""
        return len(str(self.data or "").replace("\r\n", "\n"))

    @property
    def is_counted(self) -> bool:
        """A counter helps with long texts; for a name it is noise."""
        return (self.spec.max_length or 0) > TEXTAREA_FROM


class TextField(_Checked, StringField):
    pass


class LongTextField(_Checked, TextAreaField):
    pass


class _Choice(_Checked):
    """Submits the position of a choice, so that 1 and "1" keep their JSON type."""

    def process_data(self, value: Any) -> None:
        choices = _choices(self.spec)
        self.data = next((str(i) for i, (known, _) in enumerate(choices) if known == value and value is not None), "")

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist[0] if valuelist else ""
        choices = _choices(self.spec)
        if self.data and self.data not in [str(number) for number in range(len(choices))]:
            raise InvalidValue("Choose one of the list.")
        value = choices[int(self.data)][0] if self.data else None
        self.parsed = self.spec.parse(value, "json")


class ListField(_Choice, SelectField):
    pass


class ButtonsField(_Choice, RadioField):
    pass


def _choices(spec: Field) -> list[tuple[Any, str]]:
    if spec.kind == "boolean" and not spec.choices:
        return [(True, "Yes"), (False, "No")]
    return [(choice, str(choice)) for choice in spec.choices]


class SchemaForm(BaseForm):
    """The form of one schema: `SubmissionForm(request.form)`, then `validate()` and `row()`."""

    schema: ClassVar[Schema]
    unbound: ClassVar[Mapping[str, UnboundField]]

    def __init__(self, formdata: Any = None, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(self.unbound)
        self.process(formdata, data=dict(values or {}))

    def row(self) -> Row:
        """The typed values, by field name, hidden and fixed ones included."""
        shown = {name: field.parsed for name, field in self._fields.items()}
        unseen = {f.name: f.parse(f.default, "json") for f in self.schema.fields if f.name not in shown}
        return {f.name: shown.get(f.name, unseen.get(f.name)) for f in self.schema.fields}

    def wrong(self) -> dict[str, str]:
        """The first message for each wrong field."""
        return {name: str(messages[0]) for name, messages in self.errors.items() if messages}

    def mark(self, messages: Mapping[str, str]) -> None:
        """Puts messages beside their fields."""
        for name, message in messages.items():
            if name in self._fields and not self._fields[name].errors:
                self._fields[name].errors = [message]


@lru_cache(maxsize=16)
def form_class(schema: Schema) -> type[SchemaForm]:
    """The form for `schema`, built once."""
    unbound = {spec.name: _field(spec, number) for number, spec in enumerate(schema.visible())}
    return type("SubmissionForm", (SchemaForm,), {"schema": schema, "unbound": unbound})


def _field(spec: Field, number: int) -> UnboundField:
    is_plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", spec.name)
    options: dict[str, Any] = {
        "label": spec.shown_label,
        "description": spec.hint(),
        "id": f"in-{spec.name if is_plain else number}",
        "default": spec.default,
        "spec": spec,
    }
    choices = [SelectChoice(str(i), label) for i, (_, label) in enumerate(_choices(spec))]
    if not choices:
        made: UnboundField = (LongTextField if _is_long(spec) else TextField)(**options)
        return made
    options["validate_choice"] = False
    if len(choices) <= RADIO_UP_TO and spec.required and spec.widget != "select":
        made = ButtonsField(choices=choices, **options)
    else:
        made = ListField(choices=[SelectChoice("", "Choose …" if spec.required else "not set"), *choices], **options)
    return made


def _is_long(spec: Field) -> bool:
    if spec.widget or spec.kind != "text":
        return spec.widget == "textarea"
    if spec.max_length is not None:
        return spec.max_length > TEXTAREA_FROM
    return bool(LONG_TEXT.search(spec.wire_name))


SubmissionForm = form_class(company.SCHEMA)
