"""Schema -> form. The rules are `schema.Field.parse`; WTForms binds and keeps what was typed.

Forms are `wtforms.form.BaseForm` with the schema's own names, which may be anything (`data`, `validate`,
`Sepal length (cm)`): as attributes of a declared form such names would break it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar

from jinja2 import Environment, Template, pass_environment
from markupsafe import Markup
from wtforms.form import BaseForm
from wtforms.utils import unset_value

from .. import company, images
from ..errors import WrongInput
from ..schema import Field, Row, Schema, Upload, parse_row
from ..schema.strict_json import quoted, read_strict
from ..schema.values import InvalidValue
from ..wire import dumps
from .controls import AS_JSON, KEPT, Control, FileField, control, first
from .html import Clean, Drawing, drawing
from .looks import SCRIPTS, is_ticked

MOST_SAID = 10  # messages in the box for JSON
LONGEST_START = 500  # characters of a default or an example there
FILE_LOST = "Choose the file again: the browser does not send it twice by itself."
LONGEST_PREFILL = 10_000  # characters of one value in an address


class SchemaForm(BaseForm):
    """The form of one schema: `form_class(schema)(request.form, files=request.files)`, then `validate()`, `row()`.

    `values` are typed values by field name that stand in the form at first: an example's, or those of `prefill`.
    A whole row can come as JSON in the box `_json`, which wins over the fields. `kept` finds a picture that was kept,
    by what stands for it (KEPT) and the name of the field.
    """

    schema: ClassVar[Schema]
    specimens: ClassVar[Mapping[str, Control]]  # bound once; every form has copies of its own
    takes_json: ClassVar[bool]
    has_files: ClassVar[bool]
    scripts: ClassVar[list[str]]  # files of static/ that its page names besides app.js
    json_text: str = ""
    json_error: str = ""

    @classmethod
    def controls(cls) -> list[Control]:
        """Of every field, and of those inside others."""
        return [one for bound in cls.specimens.values() for one in bound.whole()]

    def __init__(
        self,
        formdata: Any = None,
        values: Mapping[str, Any] | None = None,
        files: Any = None,
        kept: Callable[[str, str], Upload | None] | None = None,
    ) -> None:
        super().__init__(())
        # Binding costs far more than copying what was bound once.
        self._fields = {name: bound.copied() for name, bound in self.specimens.items()}
        self._files = files
        self._kept = kept
        self.process(formdata, data=values)

    def process(self, formdata: Any = None, obj: Any = None, data: Any = None, **_: Any) -> None:
        given = dict(data or {})
        text = first(formdata.getlist(AS_JSON)) if formdata is not None and self.takes_json else ""
        if text.strip():
            self._process_json(text, formdata)
            return
        for name, bound in self._fields.items():
            self._bind(bound, formdata, given.get(name, unset_value))

    def _bind(self, bound: Control, formdata: Any, value: Any = unset_value) -> None:
        """A new file wins over one that was kept."""
        if formdata is None or not isinstance(bound, FileField):
            bound.process(formdata, value)
            return
        listed = self._files.getlist(bound.name) if self._files is not None else []
        typed = first(formdata.getlist(bound.name))
        if any(file.filename for file in listed):
            bound.process(self._files)
        elif self._kept and KEPT.fullmatch(typed) and (file := self._kept(typed, bound.name)):
            bound.take(typed, file)
        else:
            bound.process(formdata)

    def read_pictures(self, max_side: int) -> None:
        """Every picture as it will be sent, no longer or higher than `max_side` pixels; what is wrong stands beside
        its field."""
        for f in self.schema.pictures:
            bound = self._fields.get(f.name)
            if bound is None or bound.process_errors:
                continue
            try:
                bound.parsed = images.checked(f, bound.parsed, max_side)
            except InvalidValue as error:
                bound.process_errors.append(str(error))

    def offer(self, name: str, again: str, address: str) -> None:
        """Offers a picture that was kept to be used again, where this field still takes one."""
        bound = self._fields.get(name)
        if isinstance(bound, FileField):
            bound.again, bound.address = again, address

    def pictures(self) -> dict[str, tuple[FileField, images.Picture]]:
        """What was read of them, by field name; without secrets."""
        listed = ((name, bound, bound.parsed) for name, bound in self._fields.items() if not bound.spec.secret)
        return {
            name: (bound, found)
            for name, bound, found in listed
            if isinstance(bound, FileField) and isinstance(found, images.Picture)
        }

    def lost(self) -> dict[str, str]:
        """What to say at fields whose file is not kept, and cannot be put into the form again, by name."""
        listed = ((name, bound) for name, bound in self._fields.items() if isinstance(bound, FileField))
        return {name: FILE_LOST for name, bound in listed if isinstance(bound.parsed, Upload) and not bound.again}

    def _process_json(self, text: str, formdata: Any) -> None:
        """Files and secrets may stand in their own fields, for the script takes them along in none."""
        values: Any = {}
        self.json_text = text
        try:
            values = read_strict(text)
            self._check_names(values)
        except InvalidValue as error:
            self.json_error = str(error)
        private = [name for name, bound in self._fields.items() if bound.is_private]
        if self.json_error or any(name in values for name in private):
            rest = {k: v for k, v in values.items() if k not in private} if isinstance(values, dict) else {}
            self.json_text = (dumps(rest, indent=2) if rest else "") if private else text
        for name, bound in self._fields.items():
            if name in private and not (isinstance(values, dict) and name in values):
                self._bind(bound, formdata)
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
        typed: dict[str, Any] = {}
        for bound in self._fields.values():
            for one in bound.whole():
                typed |= one.kept
        return {**typed, AS_JSON: self.json_text} if self.json_text else typed

    def wrong(self) -> dict[str, str]:
        """The first message for each wrong field."""
        found = {name: str(bound.errors[0]) for name, bound in self._fields.items() if bound.errors}
        return {**found, AS_JSON: self.json_error} if self.json_error else found

    @property
    def json_said(self) -> str:
        """What is wrong in the box for JSON, by the names of the fields."""
        if self.json_error or not self.json_text:
            return self.json_error
        wrong = {name: bound.errors[0] for name, bound in self._fields.items() if bound.errors and not bound.is_private}
        said = [f"{quoted(name)}: {message[0].lower()}{message[1:]}" for name, message in wrong.items()]
        return " ".join(said[:MOST_SAID] + ["And more."] * (len(said) > MOST_SAID))

    def anchor_of(self, name: str) -> str:
        """The id of the control that a message leads to: what came as JSON is mended there."""
        bound = self._fields[name]
        return f"in-{AS_JSON}" if self.json_text and not bound.is_private else bound.anchor

    @classmethod
    def starts(cls) -> tuple[str, str]:
        """What the box for JSON begins with: every name with its default or null, and examples where something must
        be filled in."""
        visible = [bound.spec for bound in cls.specimens.values() if not bound.is_private]
        defaults = {spec.name: _short(spec.default) for spec in visible}
        wanted = {spec.name: _short(_example(spec)) for spec in visible if spec.required and spec.default is None}
        return dumps(defaults), dumps({name: value for name, value in wanted.items() if value is not None})

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
        drawn = _drawing(self.schema, environment.get_template("fields.html"))
        return drawn.of_form(drawn.whole, self, clean or environment.finalize or str)

    @pass_environment
    def json_html(self, environment: Environment, clean: Clean | None = None) -> Markup:
        """The fold with the box that takes the whole row as JSON; it belongs into the same `<form>`."""
        if not self.takes_json:
            return Markup()
        drawn = _drawing(self.schema, environment.get_template("fields.html"))
        return drawn.of_form(drawn.as_json, self, clean or environment.finalize or str)


def _example(spec: Field) -> Any:
    is_outlined = spec.example is None and spec.alternatives
    return spec.alternatives[0].outline() if is_outlined else spec.example


def _short(value: Any) -> Any:
    return value if len(dumps(value)) <= LONGEST_START else None


@lru_cache(maxsize=64)
def form_class(schema: Schema) -> type[SchemaForm]:
    """The form for `schema`, built once."""
    visible = schema.visible()
    about = {
        "schema": schema,
        "takes_json": all(spec.name != AS_JSON for spec in visible),
        "has_files": any(spec.is_upload for spec in visible),
    }
    made: type[SchemaForm] = type("SubmissionForm", (SchemaForm,), about)
    bare = BaseForm(())
    made.specimens = {spec.name: control(spec, n).bind(form=bare, name=spec.name) for n, spec in enumerate(visible)}
    made.scripts = sorted({SCRIPTS[one.kind] for one in made.controls() if one.kind in SCRIPTS})
    return made


@lru_cache(maxsize=64)
def _drawing(schema: Schema, template: Template) -> Drawing:
    made = form_class(schema)
    return drawing(made.specimens.values(), template, made.starts())


def prefill(schema: Schema, args: Mapping[str, Any]) -> dict[str, Any]:
    """Values for the form out of an address: `?field=value`. Never secrets or files; what is no choice is left out."""
    values: dict[str, Any] = {}
    for spec in schema.visible():
        text = args.get(spec.name)
        if not isinstance(text, str) or spec.secret or spec.is_upload or len(text) > LONGEST_PREFILL:
            continue
        is_kept_as_typed = not (spec.choices or spec.kind in ("boolean", "json") or is_ticked(spec))
        try:
            values[spec.name] = text if is_kept_as_typed else spec.parse(text, "text")
        except InvalidValue:
            continue
    return values


SubmissionForm = form_class(company.SCHEMA)
