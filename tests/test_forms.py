"""The form of a schema: drawn, filled in again, and never broken by the names of its fields."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from FlaskAppAML.dialects import aml_classic
from FlaskAppAML.forms import SchemaForm, SubmissionForm, form_class
from FlaskAppAML.schema import Field, Schema

AWKWARD = [
    "data", "validate", "errors", "meta", "process", "populate_obj", "_fields", "_prefix", "__class__", "__init__",
    "row", "wrong", "mark", "schema", "unbound", "form", "formdata", "values", "obj", "csrf_token", "once",
    "Sepal length (cm)", "a.b", "", " ", "1", "ключ", '"><script>', "x\ny", "input1.Title",
]  # fmt: skip


def filled(*fields: Field, **typed: str) -> SchemaForm:
    return form_class(Schema(fields))(MultiDict(typed))


def positions(form: SchemaForm, name: str) -> dict[str, str]:
    """What the form submits for each text of a list."""
    return {choice.label: choice.value for choice in form[name].iter_choices()}


@pytest.mark.parametrize("name", AWKWARD)
def test_a_field_may_have_any_name(name: str) -> None:
    kind = form_class(Schema((Field(name, kind="integer"), Field("other"))))
    good, bad = kind(MultiDict({name: "5", "other": "x"})), kind(MultiDict({name: "five", "other": "x"}))
    assert good.validate()
    assert good.row() == {name: 5, "other": "x"}
    assert not bad.validate()
    assert list(bad.wrong()) == [name]
    assert bad[name].data == "five"
    assert 'value="five"' in bad[name]()
    assert kind(values={name: 7, "other": "x"})[name].data == "7"


def test_all_awkward_names_fit_into_one_form_with_ids_of_their_own() -> None:
    form = form_class(Schema(tuple(Field(name) for name in AWKWARD)))(MultiDict(dict.fromkeys(AWKWARD, "x")))
    assert form.validate()
    assert form.row() == dict.fromkeys(AWKWARD, "x")
    ids = [form[name].id for name in AWKWARD]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9_-]*", one) for one in ids)


def test_three_hundred_fields_are_read_in_a_moment() -> None:
    schema = Schema(tuple(Field(f"f{i}", kind="number") for i in range(300)))
    kind = form_class(schema)
    typed = MultiDict({f"f{i}": f"{i}.5" for i in range(300)})
    started = time.perf_counter()
    form = kind(typed)
    assert form.validate()
    assert time.perf_counter() - started < 1.0
    assert float(form.row()["f299"]) == 299.5


def test_a_form_is_built_once_per_schema() -> None:
    one, other = Schema((Field("a"),)), Schema((Field("a"),))
    assert form_class(one) is form_class(one)
    assert form_class(one) is not form_class(other)


def test_two_forms_of_one_schema_share_no_values() -> None:
    first, second = filled(Field("a"), a="one"), filled(Field("a"), a="two")
    assert (first.row(), second.row()) == ({"a": "one"}, {"a": "two"})


def test_columns_of_two_inputs_with_the_same_name_keep_apart() -> None:
    sample = {"Inputs": {name: {"ColumnNames": ["Title", name]} for name in ("input1", "input2")}}
    schema = aml_classic.read_schema("https://x/execute", sample, {})
    assert schema is not None
    names = ["input1.Title", "input1", "input2.Title", "input2"]
    assert [f.name for f in schema.fields] == names
    form = form_class(schema)(MultiDict({name: f"for {name}" for name in names}))
    assert form.validate()
    assert form.row() == {name: f"for {name}" for name in names}


# Lists

CHOICES = Field("x", choices=("1", "2", "three"))


@pytest.mark.parametrize(
    ("field", "label", "value"),
    [
        (CHOICES, "1", "1"),
        (replace(CHOICES, kind="integer", choices=(1, 2)), "1", 1),
        (Field("x", kind="boolean"), "No", False),
        pytest.param(
            replace(CHOICES, choices=(1, "1")),
            "1",
            "1",
            id="enum without type, text",
        ),
        pytest.param(
            replace(CHOICES, choices=(1, 2)),
            "2",
            2,
            id="enum without type, number",
        ),
    ],
)
def test_a_choice_keeps_its_json_type(field: Field, label: str, value: Any) -> None:
    form = filled(field, x=positions(filled(field), "x")[label])
    assert form.validate(), form.wrong()
    assert form.row()["x"] == value
    assert type(form.row()["x"]) is type(value)


@pytest.mark.parametrize(
    "position",
    [
        "3", "99", "-1", "1.0", "three", "١", "²", " 1", "1" * 5000,
        pytest.param(
            "0000000003",
        ),
    ],
)  # fmt: skip
def test_a_position_that_is_not_in_the_list_is_refused(position: str) -> None:
    form = filled(CHOICES, x=position)
    assert not form.validate()
    assert form.wrong()["x"] == "Choose one of the list."


@pytest.mark.parametrize("count", [2, 5, 6, 50])
def test_a_required_list_never_chooses_by_itself(count: int) -> None:
    field = Field("x", choices=tuple(str(i) for i in range(count)))
    form = form_class(Schema((field,)))()
    html = form["x"]()
    assert "checked" not in html
    assert "selected" not in html or 'selected value=""' in html
    assert not filled(field, x="").validate()


@pytest.mark.parametrize(
    ("default", "preset"), [(None, ""), (True, "Yes"), (False, "No")], ids=["none", "true", "false"]
)
def test_a_required_boolean_is_preset_by_its_default_alone(default: Any, preset: str) -> None:
    form = form_class(Schema((Field("x", kind="boolean", default=default),)))()
    chosen = [label for label, value in positions(form, "x").items() if value == form["x"].data]
    assert chosen == ([preset] if preset else [])
    assert ("checked" in form["x"]()) is bool(preset)


def test_an_optional_boolean_can_be_left_out() -> None:
    form = filled(Field("x", kind="boolean", required=False), x="")
    assert "not set" in positions(form, "x")
    assert form.validate()
    assert form.row() == {"x": None}


# What is seen and what is not


def test_what_was_typed_is_shown_again_as_it_was_typed() -> None:
    form = filled(Field("x", lower=True), x=" Größe <b>\r\n2 ")
    assert form.validate()
    assert form["x"].data == " Größe <b>\r\n2 "
    assert form.row() == {"x": " größe <b>\n2 "}
    assert "<b>" not in form["x"]()
    assert form["x"].length == len(" Größe <b>\n2 ")


def test_defaults_are_prefilled_and_examples_are_not() -> None:
    form = form_class(Schema((Field("a", kind="integer", default=0), Field("b", example="e"))))()
    assert (form["a"].data, form["b"].data) == ("0", "")


@pytest.mark.parametrize(
    ("unseen", "value"),
    [
        (Field("y", fixed=7), 7),
        (Field("y", fixed=False, kind="boolean"), False),
        (Field("y", hidden=True, default="d"), "d"),
        (Field("y", hidden=True, required=False), ""),
        pytest.param(
            Field("y", kind="integer", hidden=True, default=5),
            5,
        ),
    ],
    ids=["fixed", "fixed false", "hidden", "hidden and empty", "hidden integer"],
)
def test_hidden_and_fixed_fields_are_sent_and_cannot_be_typed_over(unseen: Field, value: Any) -> None:
    form = filled(Field("x"), unseen, x="a", y="tampered")
    assert "y" not in form
    assert form.validate()
    assert form.row() == {"x": "a", "y": value}


def test_messages_from_elsewhere_stand_beside_their_fields() -> None:
    form = filled(Field("x"), Field("y", kind="integer"), x="a", y="b")
    form.validate()
    own = form.wrong()["y"]
    form.mark({"x": "From the endpoint.", "y": "From the endpoint.", "nobody": "."})
    assert form.wrong() == {"x": "From the endpoint.", "y": own}


@pytest.mark.parametrize(
    ("field", "is_long"),
    [
        (Field("x"), False),
        (Field("x", column="Review body"), True),
        (Field("x", column="Text", max_length=140), False),
        (Field("x", max_length=141), True),
        (Field("x", widget="textarea"), True),
        (Field("comment", kind="number"), False),
    ],
)
def test_long_texts_have_a_large_box(field: Field, is_long: bool) -> None:
    form = form_class(Schema((field,)))()
    assert form[field.name]().startswith("<textarea") is is_long


# The company form


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({}, []),
        ({"category": ""}, []),
        ({"title": "T"}, ["title"]),
        ({"title": "Tt"}, []),
        ({"title": "T" * 30}, []),
        ({"title": "T" * 31}, ["title"]),
        ({"title": ""}, ["title"]),
        ({"category": "C" * 30}, []),
        ({"category": "C" * 31}, ["category"]),
        ({"text": ""}, ["text"]),
        ({"text": " \r\n"}, ["text"]),
        ({"text": "x"}, []),
        ({"text": "\r\n" * 499 + "xx"}, []),
        ({"text": "x" * 1000}, []),
        ({"text": "x" * 1001}, ["text"]),
        ({"title": "", "category": "C" * 31, "text": ""}, ["title", "category", "text"]),
    ],
)
def test_the_submission_form_holds_the_limits_of_the_company_form(changed: dict[str, str], wrong: list[str]) -> None:
    form = SubmissionForm(MultiDict({"title": "Contoso", "category": "Banking", "text": "Lends."} | changed))
    assert form.validate() is not bool(wrong)
    assert list(form.wrong()) == wrong


def test_the_submission_form_sends_the_text_alone_in_lower_case() -> None:
    form = SubmissionForm(MultiDict({"title": "Contoso", "category": "IT", "text": "Makes SOFTWARE"}))
    assert form.validate()
    assert form.row() == {"title": "Contoso", "category": "IT", "text": "makes software"}


def test_an_empty_submission_is_wrong_in_every_required_field() -> None:
    form = SubmissionForm(MultiDict())
    assert not form.validate()
    assert list(form.wrong()) == ["title", "text"]
