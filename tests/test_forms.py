"""The form of a schema: drawn, filled in again, and never broken by the names of its fields."""

from __future__ import annotations

import io
import json
import re
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from house import Page, check
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from werkzeug.datastructures import FileStorage, MultiDict

import FlaskAppAML
from FlaskAppAML.dialects import aml_classic
from FlaskAppAML.errors import WrongInput
from FlaskAppAML.forms import SchemaForm, SubmissionForm, form_class, prefill
from FlaskAppAML.forms.html import groups
from FlaskAppAML.forms.looks import slider_step
from FlaskAppAML.schema import Field, Schema, Upload

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
    started = time.thread_time()
    form = kind(typed)
    assert form.validate()
    assert time.thread_time() - started < 1.0
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
        (Field("y", hidden=True, required=False), None),
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


# How a field looks


def of(number: Any) -> Decimal:
    return Decimal(str(number))


ITEM = Field("item", "number")


@pytest.mark.parametrize(
    ("field", "look"),
    [
        (Field("x"), "line"),
        (Field("x", max_length=500), "long"),
        (Field("x", secret=True, max_length=500), "secret"),
        (Field("x", "integer"), "number"),
        (Field("x", "integer", minimum=of(0), maximum=of(200)), "slider"),
        (Field("x", "integer", minimum=of(0), maximum=of(201)), "number"),
        (Field("x", "integer", minimum=of(0), maximum=of(9), widget="text"), "number"),
        (Field("x", "number", above=of(0), below=of(1)), "slider"),
        (Field("x", "number", minimum=of(0), maximum=of(10), multiple_of=of("0.01")), "number"),
        (Field("x", "boolean"), "radio"),
        (Field("x", "boolean", required=False), "select"),
        (Field("x", "boolean", required=False, default=True), "radio"),
        (Field("x", choices=tuple("abcde")), "radio"),
        (Field("x", choices=tuple("abcdef")), "select"),
        (Field("x", choices=tuple("abcdef"), widget="radio"), "radio"),
        (Field("x", choices=tuple(range(50))), "select"),
        (Field("x", choices=tuple(range(51))), "datalist"),
        (Field("x", "date"), "date"),
        (Field("x", "time"), "time"),
        (Field("x", "datetime"), "datetime"),
        (Field("x", "file"), "file"),
        (Field("x", "list"), "lines"),
        (Field("x", "list", items=Field("item", choices=("a", "b"))), "ticks"),
        (Field("x", "list", items=Field("item", choices=tuple(range(51)))), "lines"),
        (Field("x", "list", items=ITEM, min_items=32, max_items=32), "boxes"),
        (Field("x", "list", items=ITEM, min_items=33, max_items=33), "lines"),
        (Field("x", "list", items=ITEM, min_items=3, max_items=4), "lines"),
        (Field("x", "rows", fields=(Field("a"),)), "rows"),
        (Field("x", "json"), "code"),
    ],
)
def test_every_kind_has_its_control(field: Field, look: str) -> None:
    assert form_class(Schema((field,)))()["x"].look == look


@pytest.mark.parametrize(
    ("least", "most", "multiple", "step"),
    [
        (0, 1, None, "0.01"), (-90, 90, None, "2"), (0, 5, None, "0.05"), (0, 100, None, "1"),
        (0, "0.001", None, "0.00001"),
        (0, 1, "0.25", "0.25"), (1, 1, None, ""), (2, 1, None, ""), (0, "1e30", None, "1E+28"), (0, 1, "0.001", ""),
    ],
)  # fmt: skip
def test_a_slider_has_round_steps(least: Any, most: Any, multiple: Any, step: str) -> None:
    field = Field("x", "number", minimum=of(least), maximum=of(most), multiple_of=of(multiple) if multiple else None)
    assert Decimal(slider_step(field) or 0) == Decimal(step or 0)


# Drawing

TEMPLATES = Path(FlaskAppAML.__file__).parent / "templates"


def environment(finalize: Any = None) -> Environment:
    options: dict[str, Any] = {"autoescape": True, "undefined": StrictUndefined, "finalize": finalize}
    return Environment(loader=FileSystemLoader(TEMPLATES), trim_blocks=True, lstrip_blocks=True, **options)


ENVIRONMENT = environment()


def whole(form: SchemaForm, environment: Environment = ENVIRONMENT) -> str:
    return form.html(environment) + form.json_html(environment)


def drawn(form: SchemaForm) -> Page:
    """The form in a page, held to the house rules."""
    html = whole(form)
    return check(f'<!doctype html><html lang="en"><title>x</title><h1>x</h1><form>{html}</form></html>')


def control(page: Page, name: str) -> dict[str, str]:
    return next(a for _, a in page.elements if a.get("name") == name)


EVERY = Schema(
    (
        Field("name", label="Name <b>", help="As in the & passport.", min_length=2, max_length=30),
        Field("review", max_length=1000),
        Field("token", secret=True, help="Your own."),
        Field("age", "integer", unit="years", minimum=of(0), maximum=of(130)),
        Field("member", "boolean"),
        Field("colour", choices=("r", "g", "b"), choice_labels=("Red", "Green", "Blue"), required=False),
        Field("country", choices=tuple(f"Country {i}" for i in range(60)), required=False),
        Field("born", "date", required=False),
        Field("seen", "datetime", required=False),
        Field("picture", "file", accept="image/*", required=False),
        Field("tags", "list", items=Field("item"), required=False),
        Field("extras", "list", items=Field("item", choices=("Roof", "Radio", "Bar")), required=False),
        Field("features", "list", items=ITEM, min_items=3, max_items=3, required=False),
        Field(
            "people",
            "rows",
            fields=(Field("who"), Field("years", "integer"), Field("vip", "boolean", required=False)),
            required=False,
        ),
        Field("street", place=("in", "address"), required=False),
        Field("meta", "json", required=False),
        Field("old", deprecated=True, required=False),
    )
)
GOOD: dict[str, Any] = {
    "name": "Ada", "review": "Fine.", "token": "hush-hush", "age": "36", "member": "0", "colour": "1",
    "country": "Country 7", "born": "2024-02-29", "seen": "2024-02-29T09:30", "tags": "a\nb", "extras": ["0", "2"],
    "features": ["1", "2.5", "3"], "people": "Grace\t85\tyes", "street": "Main", "meta": '{"a": 1}', "old": "o",
}  # fmt: skip
ROW: dict[str, Any] = {
    "name": "Ada", "review": "Fine.", "token": "hush-hush", "age": 36, "member": True, "colour": "g",
    "country": "Country 7", "born": "2024-02-29", "seen": "2024-02-29T09:30:00Z", "picture": None, "tags": ["a", "b"],
    "extras": ["Roof", "Bar"], "features": [of(1), of("2.5"), of(3)],
    "people": [{"who": "Grace", "years": 85, "vip": True}], "street": "Main", "meta": {"a": 1}, "old": "o",
}  # fmt: skip


def test_every_kind_is_read_and_stands_in_the_page_again() -> None:
    form = form_class(EVERY)(MultiDict(GOOD))
    assert form.validate(), form.wrong()
    assert form.row() == ROW
    page = drawn(form)
    assert control(page, "name")["value"] == "Ada"
    assert control(page, "age")["value"] == "36"
    assert control(page, "seen") | {"value": "2024-02-29T09:30", "type": "datetime-local"} == control(page, "seen")
    assert control(page, "picture")["accept"] == "image/*"
    assert [a["value"] for a in page.all("input") if a.get("name") == "features"] == ["1", "2.5", "3"]
    taken = {a["name"] + a["value"] for a in page.all("input") if "checked" in a}
    assert taken == {"member0", "extras0", "extras2"}
    assert [a["value"] for a in page.all("option") if "selected" in a] == ["1"]
    assert "Grace\t85\tyes" in "".join(page.texts["textarea"])
    assert "5 of 1,000" in page.texts["span"]


def test_a_kept_form_is_filled_in_again_without_secrets_and_files() -> None:
    kept = json.loads(json.dumps(form_class(EVERY)(MultiDict(GOOD)).data))
    assert kept["token"] == kept["picture"] == ""
    again = form_class(EVERY)(MultiDict(kept))
    assert {**again.data} == kept
    assert control(drawn(again), "name")["value"] == "Ada"


def test_typed_values_fill_the_form_as_what_was_typed_does() -> None:
    """An example's values, or defaults, and a program's JSON lead to the same page."""
    values = json.loads(json.dumps({**ROW, "features": [1, 2.5, 3], "token": ""}))
    page, typed = drawn(form_class(EVERY)(values=values)), drawn(form_class(EVERY)(MultiDict(GOOD)))
    assert [a for _, a in page.elements if "checked" in a or "selected" in a] == [
        a for _, a in typed.elements if "checked" in a or "selected" in a
    ]
    assert control(page, "seen")["value"] == "2024-02-29T09:30:00"
    assert [a["value"] for a in page.all("input") if a.get("name") == "features"] == ["1", "2.5", "3"]


def test_every_kind_says_what_is_wrong_beside_its_control() -> None:
    wrong = dict.fromkeys(GOOD, "?") | {"extras": ["9"], "token": "", "name": "?", "meta": "{", "review": ""}
    form = form_class(replace(EVERY, fields=tuple(replace(f, min_length=2) for f in EVERY.fields)))(MultiDict(wrong))
    assert not form.validate()
    named = set(form.wrong())
    assert named == set(GOOD) - {"tags"}
    page = drawn(form)
    assert len([p for p in page.all("p") if p.get("class") == "error" and "hidden" not in p]) == len(named)
    for name in named - {"member", "extras", "features"}:
        about = control(page, name)
        assert about["aria-invalid"] == "true"
        assert f"in-{name}-error" in about["aria-describedby"].split()
    assert "open" in next(a for a in page.all("details") if "data-as-json" not in a), "an old option needs a change"


def test_secrets_never_come_back() -> None:
    for typed in ({**GOOD, "name": ""}, GOOD, {"_json": json.dumps({"token": "hush-hush", "name": ""})}):
        form = form_class(EVERY)(MultiDict(typed))
        form.validate()
        assert "hush" not in whole(form)
        assert "hush" not in json.dumps(form.data)
        assert form["token"].parsed == "hush-hush"
        assert form.schema.secrets({"token": "hush-hush", "name": "x"}) == ["hush-hush"]
    assert "hush" not in form_class(EVERY)(values={"token": "hush-hush"}).html(ENVIRONMENT)
    assert control(drawn(form_class(EVERY)()), "token")["type"] == "password"


def test_every_value_is_cleaned_and_escaped_and_no_label_can_open_a_slot() -> None:
    evil = "<script>\ue000value:\ue001{{ 7*7 }}</textarea>"
    fields = (Field("a", label=evil, help=evil), Field("b", "json", label=evil), Field(evil, choices=(evil, "x")))
    form = form_class(Schema(fields))(MultiDict({"a": evil, "b": evil, "_json": ""}))
    form.validate()
    html = whole(form, environment(lambda value: value.replace("script", "SHOWN") if type(value) is str else value))
    assert "<script>" not in html
    assert "<SHOWN>" not in html
    assert "script" not in html.replace("noscript", "")
    assert "</textarea>" in html
    assert html.count("</textarea>") == 2
    assert form.json_html(ENVIRONMENT, lambda _: "cleaned").count("cleaned") == 2
    assert form.html(ENVIRONMENT, lambda _: "cleaned").count("cleaned") == 4  # two values and two errors
    drawn(form)


@pytest.mark.parametrize("name", AWKWARD)
def test_a_field_of_any_name_is_drawn(name: str) -> None:
    for spec in (Field(name), Field(name, "boolean"), Field(name, "list", items=ITEM, min_items=2, max_items=2)):
        drawn(form_class(Schema((spec, Field("other"))))(MultiDict({"other": "x"})))


def test_a_form_is_drawn_once_and_filled_in_a_moment() -> None:
    schema = Schema(tuple(Field(f"f{i}", kind="number", help="Some help.") for i in range(300)))
    kind = form_class(schema)
    kind().html(ENVIRONMENT)
    started = time.thread_time()
    form = kind(MultiDict({f"f{i}": f"{i}.5" for i in range(300)}))
    assert form.validate()
    assert form.html(ENVIRONMENT).count("<input") == 300
    assert time.thread_time() - started < 0.2


def test_a_form_of_300_columns_opens_at_once() -> None:
    """The very first time, when its fields are made and drawn: people wait for that page."""
    kinds = [
        Field("text", max_length=500, help="Some help."),
        Field("number", "number", minimum=Decimal(0), maximum=Decimal(100), unit="cm"),
        Field("choice", choices=("a", "b", "c", "d", "e", "f"), required=False),
        Field("yes", "boolean"),
        Field("day", "date"),
        Field("list", "list", items=ITEM, min_items=8, max_items=8),
    ]
    schema = Schema(tuple(replace(kinds[i % len(kinds)], name=f"f{i}") for i in range(300)))
    ENVIRONMENT.get_template("fields.html")
    started = time.thread_time()
    html = form_class(schema)().html(ENVIRONMENT)
    assert time.thread_time() - started < 0.3
    assert html.count('class="field"') == 300


def test_two_hundred_drawings_share_nothing() -> None:
    kind = form_class(Schema((Field("a", min_length=5),)))
    for i in range(200):
        form = kind(MultiDict({"a": str(i)}))
        form.validate()
        html = form.html(ENVIRONMENT)
        assert f'value="{i}"' in html
        assert f"this is {len(str(i))}" in html
    assert "in-a-error" not in kind().html(ENVIRONMENT)


def test_nested_objects_and_groups_stand_under_their_names() -> None:
    fields = (
        Field("street", place=("input", "address")),
        Field("name", place=("input",)),
        Field("town", place=("input", "address")),
        Field("lat", place=("input", "address", "geo")),
        Field("own", place=("input",), group="Ours"),
        Field("limit", parameter=True, place=("input",)),
        Field("old", deprecated=True, place=("input",)),
    )
    html = whole(form_class(Schema(fields))())
    order = re.findall(r'<legend dir="auto">(.*?)</legend>|name="(\w+)"|<summary>(.*?)</summary>', html)
    assert ["".join(found) for found in order] == [
        "name", "Address", "street", "town", "Address › Geo", "lat", "Ours", "own", "Parameters", "limit",
        "Older options", "old", "Send as JSON instead", "_json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [("parameters", "Parameters"), ("generation_config", "Generation config"), ("geoPoint", "geoPoint"), ("_", "_")],
)
def test_an_object_heads_its_fields_in_words(name: str, said: str) -> None:
    form = form_class(Schema((Field("note"), Field(f"{name}.n", "integer", column="n", place=(name,)))))(MultiDict())
    assert form[f"{name}.n"].path == f"{said} › n"
    assert f'<legend dir="auto">{said}</legend>' in whole(form)


# The whole row as JSON


def test_the_row_as_json_wins_and_its_messages_stand_at_their_fields() -> None:
    schema = Schema((Field("name", min_length=2), Field("age", "integer"), Field("tags", "list", required=False)))
    good = {"name": "Ada", "age": 9007199254740993}
    form = form_class(schema)(MultiDict({"name": "Grace", "age": "x", "_json": json.dumps(good)}))
    assert form.validate()
    assert form.row() == {**good, "tags": None}
    assert control(drawn(form), "name")["value"] == "Ada"
    assert json.dumps(good) in "".join(drawn(form).texts["textarea"])
    assert form_class(schema)(MultiDict(form.data)).row() == form.row()
    wrong = form_class(schema)(MultiDict({"_json": '{"name": "A", "age": "36", "tags": "x"}'}))
    assert not wrong.validate()
    assert set(wrong.wrong()) == {"name", "age", "tags"}
    assert control(drawn(wrong), "age")["value"] == "36"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "an object"),
        ("5", "an object"),
        ('{"nmae": "x"}', "no field nmae. There are: name, hidden"),
        ('{"unseen": 1}', "no field unseen"),
        (r'{"\ud800": 1}', "no field ?"),
        ('{"name": NaN}', "NaN"),
        ("[" * 100_000, "deep"),
    ],
)
def test_json_that_is_no_row_is_said_beside_its_box(text: str, words: str) -> None:
    schema = Schema((Field("name"), Field("hidden_not"), Field("unseen", hidden=True, default="d")))
    form = form_class(schema)(MultiDict({"name": "typed", "_json": text}))
    assert not form.validate()
    assert list(form.wrong()) == ["_json"]
    assert words in form.wrong()["_json"]
    page = drawn(form)
    assert control(page, "name")["value"] == "typed"
    assert text in "".join(page.texts["textarea"])
    assert "open" in next(a for a in page.all("details"))


def test_a_field_called_like_the_box_takes_its_place() -> None:
    form = form_class(Schema((Field("_json"),)))(MultiDict({"_json": '{"a": 1}'}))
    assert form.validate()
    assert form.row() == {"_json": '{"a": 1}'}
    drawn(form)


# Files


def test_a_file_is_an_upload_with_a_type_by_its_name() -> None:
    schema = Schema((Field("picture", "file", accept="image/*"), Field("name")))
    kind = form_class(schema)
    assert kind.has_files
    assert not SubmissionForm.has_files
    given = FileStorage(io.BytesIO(b"PNG"), filename="C:\\fakepath\\a.png", content_type="text/html")
    for typed in ({"name": "x"}, {"_json": '{"name": "x"}'}):
        given.stream.seek(0)
        form = kind(MultiDict(typed), files=MultiDict({"picture": given}))
        assert form.validate(), form.wrong()
        assert form.row()["picture"] == Upload(b"PNG", "a.png", "image/png")
        assert "PNG" not in json.dumps(form.data)
    in_json = kind(MultiDict({"_json": '{"name": "x", "picture": "UE5H"}'}))
    assert in_json.validate()
    assert in_json.row()["picture"].data == b"PNG"
    assert "UE5H" not in whole(in_json)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "Choose a picture."),
        ({"picture": FileStorage(io.BytesIO(b""), filename="")}, "Choose a picture."),
        ({"picture": FileStorage(io.BytesIO(b""), filename="a.png")}, "This file is empty."),
    ],
)
def test_a_file_that_does_not_do_is_said(files: dict[str, Any], message: str) -> None:
    form = form_class(Schema((Field("picture", "file", accept="image/*"),)))(MultiDict(), files=MultiDict(files))
    assert not form.validate()
    assert form.wrong() == {"picture": message}
    drawn(form)


# Prefilling


def test_an_address_fills_the_form_but_no_secrets() -> None:
    args = {
        "name": "Ada & Co", "token": "x", "picture": "x", "member": "yes", "colour": "Green", "country": "nowhere",
        "age": "not a number", "extras": "Radio", "meta": '{"b": [1]}', "nobody": "x", "example": "1",
        "review": "x" * 10_001,
    }  # fmt: skip
    values = prefill(EVERY, MultiDict(args))
    assert values == {
        "name": "Ada & Co", "member": True, "colour": "g", "age": "not a number", "extras": ["Radio"],
        "meta": {"b": [1]},
    }  # fmt: skip
    page = drawn(form_class(EVERY)(values=values))
    assert control(page, "name")["value"] == "Ada & Co"
    assert control(page, "age")["value"] == "not a number"


def test_hidden_fields_whose_default_does_not_fit_are_named() -> None:
    form = form_class(Schema((Field("a"), Field("b", "integer", hidden=True, default="x"))))(MultiDict({"a": "x"}))
    assert form.validate()
    with pytest.raises(WrongInput) as caught:
        form.row()
    assert list(caught.value.fields) == ["b"]


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


def test_two_objects_of_one_class_stand_apart() -> None:
    fields = [Field(f"{a}.{b}", place=tuple(a.split("."))) for a in ("mid.inner", "mid.other") for b in ("a", "b")]
    bound = list(form_class(Schema((Field("note"), *fields)))())
    assert [group.legend for group in groups(bound)] == ["", "Mid › Inner", "Mid › Other"]
