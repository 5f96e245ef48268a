"""`oneOf` and `anyOf` of several real forms: a form that asks for one of them, and one rule for form and JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_forms import ENVIRONMENT, drawn
from werkzeug.datastructures import MultiDict

from FlaskAppAML.forms import SchemaForm, form_class
from FlaskAppAML.reading.documents import fields_of_object
from FlaskAppAML.schema import Field, Schema
from FlaskAppAML.schema.values import InvalidValue
from FlaskAppAML.wire import dumps

SIDE = {"type": "number", "exclusiveMinimum": 0}
DOCUMENT: dict[str, Any] = {
    "components": {
        "schemas": {
            "Circle": {
                "type": "object",
                "title": "A circle",
                "properties": {"kind": {"const": "circle"}, "radius": SIDE},
                "required": ["kind", "radius"],
            },
            "Square": {
                "type": "object",
                "properties": {"kind": {"const": "square"}, "side": SIDE, "round": {"type": "boolean"}},
                "required": ["kind", "side"],
            },
            "Cat": {"type": "object", "properties": {"pet": {"type": "string"}, "lives": {"type": "integer"}}},
            "Dog": {"type": "object", "properties": {"pet": {"type": "string"}, "tricks": {"type": "integer"}}},
            "Node": {"type": "object", "properties": {"next": {"oneOf": [{"$ref": "#/components/schemas/Node"}, {}]}}},
        }
    }
}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


SHAPE = {"oneOf": [ref("Circle"), ref("Square")], "discriminator": {"propertyName": "kind"}}
STOP = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]}
CHOICE = {"anyOf": [{"const": "auto"}, {"const": 1}, ref("Circle")]}
PET = {
    "oneOf": [ref("Cat"), ref("Dog")],
    "discriminator": {"propertyName": "pet", "mapping": {"meow": "#/components/schemas/Cat"}},
}


def field(node: Any, required: bool = True) -> Field:
    body = {"type": "object", "properties": {"x": node}, "required": ["x"] if required else []}
    (found,) = fields_of_object(body, DOCUMENT)
    return found


def names(f: Field) -> list[tuple[str, list[str]]]:
    return [(one.label, [inner.name for inner in one.shown_fields()]) for one in f.alternatives]


def filled(f: Field, **typed: str | list[str]) -> SchemaForm:
    """`typed` by what stands behind the name of the field: `_0_radius` for `x:0:radius`."""
    pairs = {f"x{name.replace('_', ':')}": value for name, value in typed.items()}
    return form_class(Schema((f,)))(MultiDict(pairs))


def test_each_alternative_has_its_fields_and_what_is_always_the_same_is_not_asked_for() -> None:
    assert names(field(SHAPE)) == [("A circle", ["radius"]), ("Square", ["side", "round"])]
    assert names(field(STOP)) == [("Text", ["x"]), ("List of texts", ["x"])]
    assert names(field(CHOICE)) == [("auto", []), ("1", []), ("A circle", ["radius"])]
    assert field(STOP).nullable
    for kind in ("boolean", "number"):
        assert field({"anyOf": [{"type": ["string", "null"]}, {"type": kind}]}).nullable
    assert names(field({"oneOf": [{"type": "integer"}, {"type": "boolean"}]})) == [
        ("Whole number", ["x"]),
        ("Yes or no", ["x"]),
    ]


def test_what_stands_beside_the_alternatives_belongs_to_each() -> None:
    f = field({"properties": {"id": {"type": "integer"}}, "required": ["id"], "oneOf": [ref("Circle"), ref("Square")]})
    assert names(f) == [("A circle", ["id", "radius"]), ("Square", ["id", "side", "round"])]


@pytest.mark.parametrize(
    "node",
    [
        {"oneOf": [{"type": "object"}, {"type": "array"}]},
        {"oneOf": [{"type": kind} for kind in ("string", "integer", "boolean")] + [ref("Circle")] * 4},
        {"oneOf": [{"type": "string", "format": "binary"}, {"type": "integer"}]},
        {"oneOf": [{"type": "object", "properties": {"key": {"type": "string", "format": "password"}}}, ref("Circle")]},
    ],
)
def test_what_json_says_better_stays_json(node: Any) -> None:
    f = field(node)
    assert (f.kind, f.alternatives) == ("json", ())


def test_alternatives_in_alternatives_are_json_and_recursion_ends() -> None:
    f = field({"oneOf": [ref("Node"), ref("Circle")]})
    assert names(f) == [("Node", ["next"]), ("A circle", ["radius"])]
    assert (f.alternatives[0].fields[0].kind, f.alternatives[0].fields[0].alternatives) == ("json", ())
    assert field({"type": "array", "items": SHAPE}).kind == "json"


REFUSED = object()
CIRCLE = {"kind": "circle", "radius": 2}
SQUARE = {"kind": "square", "side": 1}
TABLE: list[tuple[Any, dict[str, str | list[str]], Any, Any]] = [
    # schema, what is typed, the same as JSON, what is sent
    (SHAPE, {"": "0", "_0_radius": "2"}, CIRCLE, CIRCLE),
    (SHAPE, {"": "0", "_0_radius": "2"}, {"radius": 2}, CIRCLE),
    (SHAPE, {"": "0", "_0_radius": "2", "_1_side": "x"}, CIRCLE, CIRCLE),
    (SHAPE, {"": "1", "_1_side": "0.10"}, {"kind": "square", "side": 0.10}, {"kind": "square", "side": 0.10}),
    (SHAPE, {"": "1", "_1_side": "1", "_1_round": "1"}, {"side": 1, "round": False}, {**SQUARE, "round": False}),
    (SHAPE, {"": "0", "_0_radius": "0"}, {"kind": "circle", "radius": 0}, REFUSED),
    (SHAPE, {"": "0", "_0_radius": ""}, {"kind": "circle"}, REFUSED),
    (SHAPE, {"": "2"}, {"kind": "triangle", "radius": 2}, REFUSED),
    (SHAPE, {"": "", "_0_radius": "2"}, None, REFUSED),
    (SHAPE, {"": json.dumps(CIRCLE)}, CIRCLE, CIRCLE),
    (SHAPE, {"": '{"kind": "circle", "radius": "2"}'}, {"kind": "circle", "radius": "2"}, REFUSED),
    (SHAPE, {"": "{"}, [], REFUSED),
    (SHAPE, {"": '{"kind": "circle", "side": 2}'}, {"kind": "circle", "side": 2}, REFUSED),
    (STOP, {"": "0", "_0_x": "end"}, "end", "end"),
    (STOP, {"": "1", "_1_x": "a\nb"}, ["a", "b"], ["a", "b"]),
    (STOP, {"": ""}, None, None),
    (STOP, {"": "1"}, 5, REFUSED),
    (CHOICE, {"": "0"}, "auto", "auto"),
    (CHOICE, {"": "1"}, 1, 1),
    (CHOICE, {"": "true"}, True, REFUSED),
    (CHOICE, {"": "2", "_2_radius": "1"}, {"kind": "circle", "radius": 1}, {"kind": "circle", "radius": 1}),
    (PET, {"": "0", "_0_lives": "9"}, {"pet": "meow", "lives": 9}, {"pet": "meow", "lives": 9}),
    (PET, {"": "1", "_1_tricks": "2"}, {"pet": "Dog", "tricks": 2}, {"pet": "Dog", "tricks": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("node", "typed", "sent", "outcome"), TABLE)
def test_form_and_json_have_the_same_outcome(node: Any, typed: Any, sent: Any, outcome: Any) -> None:
    f = field(node)
    by_form = filled(f, **typed)
    by_box = form_class(Schema((f,)))(MultiDict({"_json": json.dumps({"x": sent})}))
    assert by_form.validate() == by_box.validate() == (outcome is not REFUSED), (by_form.wrong(), by_box.wrong())
    if outcome is REFUSED:
        with pytest.raises(InvalidValue):
            f.parse(sent, "json")
        return
    expected = dumps(outcome)
    assert dumps(by_form.row()["x"]) == dumps(by_box.row()["x"]) == dumps(f.parse(sent, "json")) == expected
    for form in (by_form, by_box):
        again = form_class(Schema((f,)))(MultiDict(json.loads(json.dumps(form.data))))
        assert dumps(again.row()["x"]) == expected
        assert dumps(form_class(Schema((f,)))(values=form.row()).data) is not None


@pytest.mark.parametrize(
    ("node", "sent", "said"),
    [
        (SHAPE, {"kind": "circle", "radius": 0}, "radius: Use more than 0."),
        (SHAPE, {"kind": "circle", "side": 2}, "There is no side in A circle."),
        (
            SHAPE,
            {"kind": "ring"},
            "This fits none of the alternatives. A circle – kind: send circle. Square – kind: send square.",
        ),
        (
            STOP,
            5,
            "This fits none of the alternatives. Text – Send this as text, in quotes. "
            "List of texts – Send a list, in square brackets.",
        ),
    ],
)
def test_a_refusal_says_what_the_alternative_that_was_meant_finds_wrong(node: Any, sent: Any, said: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        field(node).parse(sent, "json")
    assert str(refused.value) == said


def test_a_default_chooses_its_alternative_and_fills_it() -> None:
    f = field({**SHAPE, "default": {"kind": "square", "side": 3}}, required=False)
    boxes = drawn(form_class(Schema((f,)))()).all("input")
    assert [box["value"] for box in boxes if box["name"] == "x" and "checked" in box] == ["1"]
    assert next(box["value"] for box in boxes if box["name"] == "x:1:side") == "3"


@pytest.mark.parametrize("default", ["", [], None])
def test_an_empty_default_that_nobody_touches_is_left_out(default: Any) -> None:
    """As the servers of language models describe `stop`."""
    made = form_class(Schema((field({**STOP, "default": default}, required=False),)))
    shown = made()
    assert shown["x"].data == ""
    form = made(MultiDict(shown.data))
    assert form.validate(), form.wrong()
    assert form.row() == {"x": None}


def test_lists_are_told_apart_by_what_is_in_them_and_only_twins_are_counted() -> None:
    """As OpenAI describes the `input` of embeddings."""
    kinds: list[Any] = [{"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]
    lists = [{"type": "array", "items": kind} for kind in kinds]
    f = field({"anyOf": [{"type": "string"}, *lists]})
    assert [name for name, _ in names(f)] == ["Text", "List of texts", "List of whole numbers", "List of lists"]
    twins = field({"anyOf": [ref("Circle"), ref("Circle"), {"type": "integer"}]})
    assert [name for name, _ in names(twins)] == ["A circle (1)", "A circle (2)", "Whole number"]


@pytest.mark.parametrize("by", ["form", "box"])
def test_what_is_wrong_stands_at_the_field_inside(by: str) -> None:
    f = field(SHAPE)
    made = form_class(Schema((f,)))
    sent = {"x": "0", "x:0:radius": "-1"} if by == "form" else {"_json": '{"x": {"kind": "circle", "radius": -1}}'}
    form = made(MultiDict(sent))
    assert not form.validate()
    assert form.wrong() == {"x": "radius: Use more than 0."}
    assert form["x"].anchor == "in-x-0-0"
    html = form.html(ENVIRONMENT)
    assert html.count('class="error"') == 1
    assert 'id="in-x-0-0-error"' in html
    empty = made(MultiDict({}))
    assert not empty.validate()
    assert empty.wrong() == {"x": "Choose one."}
