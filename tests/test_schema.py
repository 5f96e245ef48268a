"""One table of values and outcomes, through every door that a value can come in by: text, JSON and the form."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from doors import ELSEWHERE, REFUSED, SENT, TYPED, Door, by_json, by_text, check, through
from werkzeug.datastructures import MultiDict

from FlaskAppAML.errors import SettingError, WrongInput
from FlaskAppAML.forms import form_class
from FlaskAppAML.schema import Field, Schema
from FlaskAppAML.schema.changes import customised
from FlaskAppAML.schema.hints import hint
from FlaskAppAML.schema.values import InvalidValue

NUMBER, INTEGER, TEXT = Field("x", kind="number"), Field("x", kind="integer"), Field("x")
BOOLEAN = Field("x", kind="boolean")
SHORT = replace(TEXT, min_length=2, max_length=3)
LOWER = replace(TEXT, lower=True)
UNIT = replace(NUMBER, minimum=Decimal(0), maximum=Decimal(1))
DIGIT = replace(INTEGER, minimum=Decimal(-9), maximum=Decimal(9))
WORDS = replace(TEXT, choices=("1", "a b", "É"))
WHOLE = replace(INTEGER, choices=(1, 2, 2**64))
EXACT, INEXACT = replace(NUMBER, choices=(0.25, 2)), replace(NUMBER, choices=(0.1, 0.2))
FIXED = replace(INTEGER, fixed=7)


def optional(field: Field) -> Field:
    return replace(field, required=False)


# field, typed, sent as JSON, outcome
TABLE: list[tuple[Field, Any, Any, Any]] = [
    (NUMBER, "2.5", 2.5, Decimal("2.5")),
    (NUMBER, "0.1", 0.1, Decimal("0.1")),
    (NUMBER, " \t2.5 ", ELSEWHERE, Decimal("2.5")),
    (NUMBER, "-7", -7, Decimal(-7)),
    (NUMBER, "+3", ELSEWHERE, Decimal(3)),
    (NUMBER, ".5", 0.5, Decimal("0.5")),
    (NUMBER, "5.", 5.0, Decimal(5)),
    (NUMBER, "1E3", 1e3, Decimal(1000)),
    (NUMBER, "1e-400", ELSEWHERE, Decimal("1e-400")),
    (NUMBER, "9007199254740993", 9007199254740993, Decimal(9007199254740993)),
    (NUMBER, "18446744073709551616", 2**64, Decimal(2**64)),
    (NUMBER, "0.12345678901234567890123", ELSEWHERE, Decimal("0.12345678901234567890123")),
    (NUMBER, "2,5", "2,5", REFUSED),
    (NUMBER, "1,234.5", ELSEWHERE, REFUSED),
    (NUMBER, "NaN", math.nan, REFUSED),
    (NUMBER, "inf", math.inf, REFUSED),
    (NUMBER, "-Infinity", -math.inf, REFUSED),
    (NUMBER, "1_000", "1_000", REFUSED),
    (NUMBER, "1 000", ELSEWHERE, REFUSED),
    (NUMBER, "١٢", "١٢", REFUSED),
    (NUMBER, "0x10", "0x10", REFUSED),
    (NUMBER, "--1", ELSEWHERE, REFUSED),
    (NUMBER, ".", ELSEWHERE, REFUSED),
    (NUMBER, "1e400", "1e400", REFUSED),
    (NUMBER, "-1e400", ELSEWHERE, REFUSED),
    (NUMBER, "9" * 310, int("9" * 310), REFUSED),
    (NUMBER, "9" * 100_000, ELSEWHERE, REFUSED),
    (NUMBER, ELSEWHERE, True, REFUSED),
    (NUMBER, ELSEWHERE, "2.5", REFUSED),
    (NUMBER, ELSEWHERE, [2.5], REFUSED),
    (NUMBER, "", None, REFUSED),
    (NUMBER, " \n ", ELSEWHERE, REFUSED),
    (optional(NUMBER), "", None, None),
    (optional(NUMBER), "  ", ELSEWHERE, None),
    (optional(NUMBER), "x", "x", REFUSED),
    (UNIT, "0", 0, Decimal(0)),
    (UNIT, "1.0", 1.0, Decimal(1)),
    (UNIT, "-0.001", -0.001, REFUSED),
    (UNIT, "1.0000000000000000000000000000001", ELSEWHERE, REFUSED),
    (INTEGER, "5", 5, 5),
    (INTEGER, " 12\n", ELSEWHERE, 12),
    (INTEGER, "-0", ELSEWHERE, 0),
    (INTEGER, "007", ELSEWHERE, 7),
    (INTEGER, "9007199254740993", 9007199254740993, 9007199254740993),
    (INTEGER, "18446744073709551616", 2**64, 2**64),
    (INTEGER, "5.0", "5.0", REFUSED),
    (INTEGER, ELSEWHERE, 5.0, 5),  # JSON Schema: a number without a fraction is an integer
    (INTEGER, "5.5", 5.5, REFUSED),
    (INTEGER, "1e3", "1e3", REFUSED),
    (INTEGER, "1_000", "1_000", REFUSED),
    (INTEGER, "١٢", "١٢", REFUSED),
    (INTEGER, "²", ELSEWHERE, REFUSED),
    (INTEGER, "9" * 100_000, ELSEWHERE, REFUSED),
    (INTEGER, "nan", math.nan, REFUSED),
    (INTEGER, "inf", math.inf, REFUSED),
    (INTEGER, ELSEWHERE, True, REFUSED),
    (INTEGER, ELSEWHERE, "5", REFUSED),
    (INTEGER, "", None, REFUSED),
    (optional(INTEGER), " ", None, None),
    (DIGIT, "-9", -9, -9),
    (DIGIT, "9", 9, 9),
    (DIGIT, "10", 10, REFUSED),
    (DIGIT, "-10", -10, REFUSED),
    (BOOLEAN, "yes", True, True),
    (BOOLEAN, "no", False, False),
    (BOOLEAN, "", None, REFUSED),
    (BOOLEAN, "maybe", "true", REFUSED),
    (BOOLEAN, ELSEWHERE, 1, REFUSED),
    (optional(BOOLEAN), "no", False, False),
    (optional(BOOLEAN), "", None, None),
    (TEXT, "two words ", "two words ", "two words "),
    (TEXT, "<b>&'\"{{ 7*7 }}", "<b>&'\"{{ 7*7 }}", "<b>&'\"{{ 7*7 }}"),
    (TEXT, "a\r\nb\rc\nd", "a\r\nb\rc\nd", "a\nb\nc\nd"),
    (TEXT, "", None, REFUSED),
    (TEXT, " \r\n", ELSEWHERE, REFUSED),
    (TEXT, "a\x00b", "a\x00b", REFUSED),
    (TEXT, ELSEWHERE, 5, REFUSED),
    (TEXT, ELSEWHERE, True, REFUSED),
    (TEXT, ELSEWHERE, ["a"], REFUSED),
    (TEXT, ELSEWHERE, {"a": 1}, REFUSED),
    (optional(TEXT), "", None, None),
    (optional(TEXT), "   ", ELSEWHERE, None),
    (optional(TEXT), ELSEWHERE, "", ""),
    (optional(replace(TEXT, input="input1")), "", None, ""),  # a table has a cell for every column
    (SHORT, "a", "a", REFUSED),
    (SHORT, "ab", "ab", "ab"),
    (SHORT, "abc", "abc", "abc"),
    (SHORT, "abcd", "abcd", REFUSED),
    (SHORT, "a\r\nb", "a\r\nb", "a\nb"),
    (SHORT, "\U0001f600" * 3, "\U0001f600" * 3, "\U0001f600" * 3),
    (SHORT, "e\u0301e\u0301", "e\u0301e\u0301", REFUSED),
    (LOWER, "ÀB c", "ÀB c", "àb c"),
    (WORDS, "1", "1", "1"),
    (WORDS, "É", "É", "É"),
    (WORDS, "2", "2", REFUSED),
    (WORDS, "", None, REFUSED),
    (WORDS, ELSEWHERE, 1, REFUSED),
    (optional(WORDS), "", None, None),
    (WHOLE, "1", 1, 1),
    (WHOLE, "18446744073709551616", 2**64, 2**64),
    (WHOLE, "3", 3, REFUSED),
    (WHOLE, ELSEWHERE, "1", REFUSED),
    (WHOLE, ELSEWHERE, True, REFUSED),
    (EXACT, "0.25", 0.25, Decimal("0.25")),
    (EXACT, "2", 2, 2),
    (EXACT, "0.5", 0.5, REFUSED),
    (INEXACT, "0.1", 0.1, Decimal("0.1")),
    (FIXED, "9", "anything", 7),
    (FIXED, "", None, 7),
]


def by_form(field: Field, typed: Any) -> Any:
    """As a browser sends it: where there is a list, the value of the choice with that text on it."""
    kind = form_class(Schema((field,)))
    sent = typed
    if typed and (field.kind == "boolean" or field.choices):
        offered = {choice.label.lower(): choice.value for choice in kind()["x"].iter_choices()}
        sent = offered.get(typed.lower(), str(len(offered)))
    form = kind(MultiDict({"x": sent}))
    if not form.validate():
        assert list(form.wrong()) == ["x"]
        raise InvalidValue(form.wrong()["x"])
    return form.row()["x"]


DOORS = {"text": (by_text, TYPED), "json": (by_json, SENT), "form": (by_form, TYPED)}


@pytest.mark.parametrize(("door", "field", "value", "outcome"), through(DOORS, TABLE))
def test_a_value_has_the_same_outcome_by_every_door(door: Door, field: Field, value: Any, outcome: Any) -> None:
    check(door, field, value, outcome)


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        (NUMBER, "2,5", "Write the decimal point as a point: 2.5."),
        (NUMBER, "1e400", "too large"),
        (NUMBER, "x", "Enter a number"),
        (INTEGER, "5.0", "whole number"),
        (TEXT, "", "Fill this in."),
        (BOOLEAN, "", "Choose one."),
        (WORDS, "2", "Choose one of: 1, a b, É."),
        (replace(TEXT, max_length=1000), "x" * 1001, "Use at most 1,000 characters; this is 1,001."),
        (replace(TEXT, min_length=3), "ab", "Use at least 3 characters; this is 2."),
        (UNIT, "2", "Use 1 or less."),
        (UNIT, "-1", "Use 0 or more."),
        (TEXT, "\x00", "NUL"),
    ],
)
def test_a_refusal_says_what_to_do(field: Field, typed: str, words: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        field.parse(typed)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (replace(TEXT, help="A name.", min_length=2, max_length=30, lower=True), "A name. 2 to 30 characters. Sent in"),
        (replace(TEXT, max_length=1000), "Up to 1,000 characters."),
        (replace(TEXT, min_length=5), "At least 5 characters."),
        (UNIT, "A number from 0 to 1."),
        (replace(INTEGER, minimum=Decimal(0)), "A whole number, 0 or more."),
        (replace(INTEGER, maximum=Decimal(5)), "A whole number, 5 or less."),
    ],
)
def test_the_hint_says_every_limit(field: Field, said: str) -> None:
    assert hint(field).startswith(said)


def test_a_row_names_every_wrong_field_and_keeps_the_order_of_the_schema() -> None:
    schema = Schema((Field("b"), Field("a", kind="integer"), Field("c", required=False)))
    assert schema.parse({"a": "1", "b": "x", "other": "y"}, "text") == {"b": "x", "a": 1, "c": None}
    with pytest.raises(WrongInput) as caught:
        schema.parse({"a": "x"}, "text")
    assert list(caught.value.fields) == ["b", "a"]


@pytest.mark.parametrize(
    ("field", "source"),
    [
        (replace(TEXT, default="d"), "text"),
        (replace(TEXT, default="d"), "json"),
        (replace(INTEGER, default=5), "json"),
        pytest.param(replace(INTEGER, default=5), "text"),
        pytest.param(replace(BOOLEAN, default=False), "text"),
    ],
)
def test_a_value_left_out_takes_the_default(field: Field, source: Any) -> None:
    assert Schema((field,)).parse({}, source) == {"x": field.default}


# The owner's changes


def test_the_owner_changes_fields_their_order_and_the_subject() -> None:
    schema = Schema((Field("a"), Field("b"), Field("c", kind="number")))
    changes = {
        "fields": {
            "a": {"label": "Alpha", "max_length": 3, "choices": ["x", "y"]},
            "b": {"order": 0, "hidden": True, "default": "d"},
            "c": {"minimum": 0.1, "order": 1},
        },
        "subject": "a",
    }
    changed = customised(schema, changes)
    assert sorted(f.name for f in changed.fields) == ["a", "b", "c"]
    assert [f.name for f in changed.visible()] == ["a", "c"]
    assert changed["c"].minimum == Decimal("0.1")
    assert changed["a"].shown_label == "Alpha"
    assert changed.subject == "a"
    assert schema["a"].label == "", "the schema itself stays as it was"


@pytest.mark.parametrize(
    ("orders", "names"),
    [
        ({}, "abc"),
        ({"c": 0, "a": 1, "b": 2}, "cab"),
        ({"c": -1}, "cab"),
        ({"a": 9}, "bca"),
    ],
)
def test_fields_without_an_order_keep_their_places(orders: dict[str, int], names: str) -> None:
    schema = Schema(tuple(Field(name) for name in "abc"))
    changed = customised(schema, {"fields": {name: {"order": order} for name, order in orders.items()}})
    assert [f.name for f in changed.fields] == list(names)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"fields": {"nope": {}}}, "nope"),
        ({"fields": {"a": {"colour": "red"}}}, "colour"),
        ({"fields": {"a": {"column": "b"}}}, "column"),
        ({"fields": {"a": {"pattern": "(a+)+"}}}, "pattern"),
        ({"fields": {"a": {"pattern": "("}}}, "pattern"),
        ({"fields": {"a": {"above": 0}}}, "above"),
        ({"fields": {"a": {"multiple_of": True}}}, "multiple_of"),
        ({"fields": {"a": {"choices": ["x"], "choice_labels": [1]}}}, "choice_labels"),
        ({"fields": {"a": {"kind": "tensor"}}}, "rows, json"),
        ({"fields": {"a": {"default": {"x": 1}}}}, "default"),
        ({"fields": {"a": {"fixed": ["x"]}}}, "fixed"),
        ({"fields": {"a": {"widget": "slider"}}}, "radio"),
        pytest.param({"fields": ["a"]}, "FORM"),
        pytest.param({"fields": {"a": None}}, "FORM"),
        pytest.param({"fields": {"a": {"minimum": "low"}}}, "minimum"),
        pytest.param({"fields": {"a": {"max_length": "30"}}}, "max_length"),
        pytest.param({"fields": {"a": {"choices": 5}}}, "choices"),
        pytest.param({"fields": {"a": {"choices": [["x"]]}}}, "choices"),
        pytest.param({"fields": {"a": {"default": ["x"]}}}, "default"),
        pytest.param({"fields": {"a": {"order": "first"}}}, "order"),
        pytest.param({"fields": {"a": {"hidden": "no"}}}, "hidden"),
        pytest.param({"subject": ["a"]}, "subject"),
        pytest.param({"subject": "nope"}, "nope"),
    ],
)
def test_changes_that_cannot_be_understood_are_named(changes: dict[str, Any], named: str) -> None:
    schema = Schema((Field("a"), Field("b")))
    with pytest.raises(SettingError, match=named):
        customised(schema, changes)


def test_the_owner_says_more_of_every_kind() -> None:
    schema = Schema(
        (Field("n", "number"), Field("l", "list"), Field("t"), Field("c", choices=("a",), choice_labels=("A",)))
    )
    changes = {
        "n": {"above": 0, "below": 0.5, "multiple_of": 0.25, "group": "Numbers", "nullable": True},
        "l": {"choices": ["r", "g"], "choice_labels": ["Red", "Green"], "min_items": 1, "default": ["r"]},
        "t": {"kind": "json", "default": {"a": [1]}, "deprecated": True},
        "c": {"choices": [1, 2], "kind": "integer"},
    }
    changed = customised(schema, {"fields": changes})
    assert changed["n"].parse("0.25") == Decimal("0.25")
    assert changed["n"].parse("") is None
    with pytest.raises(InvalidValue):
        changed["n"].parse("0.5")
    assert changed["l"].parse("r\nGreen") == ["r", "g"]
    assert changed["l"].choices == ()
    assert changed["c"].labelled_choices() == [(1, "1"), (2, "2")], "labels of other choices are dropped"
    assert changed.parse({"n": 0.25, "c": 1}, "json") == {"n": Decimal("0.25"), "l": ["r"], "t": {"a": [1]}, "c": 1}
