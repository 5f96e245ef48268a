"""What services say about themselves, read into fields: every spelling of JSON Schema that they were seen to use."""

from __future__ import annotations

import contextlib
import json
import random
import time
from decimal import Decimal
from typing import Any

import pytest
from vectors_of import vectors_of

from FlaskAppAML.errors import AppError, BadResponse
from FlaskAppAML.reading.documents import field_from_property, fields_of_object
from FlaskAppAML.reading.json_or_yaml import read_text
from FlaskAppAML.reading.references import at_pointer, merged, resolve
from FlaskAppAML.reading.samples import field_from_value, fields_of_values
from FlaskAppAML.schema import Field, Upload, record, unique_names
from FlaskAppAML.schema.hints import hint

DOCUMENT: dict[str, Any] = {
    "components": {
        "schemas": {
            "Mode": {"type": "string", "enum": ["label", "proba"], "title": "Mode"},
            "Address": {
                "type": "object",
                "title": "Home",
                "properties": {"street": {"type": "string"}, "flat": {"type": "integer"}},
                "required": ["street"],
            },
            "Node": {
                "type": "object",
                "properties": {"value": {"type": "number"}, "next": {"$ref": "#/components/schemas/Node"}},
            },
        }
    }
}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def fields(required: bool = True, **properties: Any) -> dict[str, Field]:
    node = {"type": "object", "properties": properties, "required": list(properties) if required else []}
    return {f.name: f for f in fields_of_object(node, DOCUMENT)}


def field(node: Any, name: str = "x", *, required: bool = True) -> Field:
    return fields(required, **{name: node})[name]


# Kinds


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        ({"type": "string"}, "text"),
        ({"type": "integer"}, "integer"),
        ({"type": "number"}, "number"),
        ({"type": ["integer", "number"]}, "number"),
        ({"type": "boolean"}, "boolean"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string", "format": "month"}, "month"),
        ({"type": "string", "format": "week"}, "week"),
        ({"type": "string", "format": "time"}, "time"),
        ({"type": "string", "format": "date-time"}, "datetime"),
        ({"type": "string", "format": "binary"}, "file"),
        ({"type": "string", "format": "byte"}, "file"),
        ({"type": "string", "contentEncoding": "base64"}, "file"),
        ({"type": "string", "contentMediaType": "application/octet-stream"}, "file"),
        ({"type": "string", "contentMediaType": "application/json"}, "text"),
        ({"type": "file"}, "file"),
        ({"type": "array", "items": {"type": "number"}}, "list"),
        ({"type": "array", "items": {"type": "array", "items": {"type": "number"}}}, "list"),
        ({"type": "array", "items": ref("Address")}, "rows"),
        ({"type": "array"}, "json"),
        ({"type": "array", "items": {}}, "json"),
        ({"type": "array", "items": {"type": "object"}}, "json"),
        ({"type": "array", "prefixItems": [{"type": "number"}, {"type": "integer"}]}, "list"),
        ({"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}]}, "json"),
        ({"type": "object"}, "json"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "json"),
        ({"type": "tensor", "format": "numpy-array"}, "json"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "json"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "number"),
        ({"anyOf": [{"type": "number"}, {"type": "string"}]}, "number"),
        ({"oneOf": [ref("Address"), ref("Node")]}, "json"),
        ({}, "json"),
        ({"default": 3.5}, "number"),
        ({"default": "a"}, "text"),
        ({"enum": [1, 2]}, "integer"),
        ({"type": "no such type"}, "text"),
        (True, "json"),
        (None, "json"),
    ],
)
def test_every_kind(node: Any, kind: str) -> None:
    assert field(node).kind == kind


@pytest.mark.parametrize(
    "node",
    [
        {"type": ["string", "null"]},
        {"type": "string", "nullable": True},
        {"type": "string", "x-nullable": True},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"oneOf": [{"type": "null"}, {"type": "string"}]},
        {"anyOf": [{"$ref": "#/components/schemas/Mode"}, {"type": "null"}]},
    ],
)
def test_null_is_allowed_in_every_spelling(node: dict[str, Any]) -> None:
    f = field(node)
    assert f.kind == "text"
    assert f.nullable
    assert f.parse(None) is None


def test_an_enum_may_name_null() -> None:
    f = field({"type": "string", "enum": ["a", None, "b"], "nullable": True})
    assert (f.choices, f.nullable) == (("a", "b"), True)


# References and combinations


def test_a_reference_is_followed_inside_its_document_only() -> None:
    assert resolve(ref("Mode"), DOCUMENT)["title"] == "Mode"
    assert resolve({"$ref": "https://example.org/schema.json#/Mode"}, DOCUMENT) == {}
    assert resolve({"$ref": "#/components/schemas/Nobody"}, DOCUMENT) == {}
    assert resolve({"$ref": "#/a%20b/0"}, {"a b": [{"type": "string"}]}) == {"type": "string"}
    assert at_pointer({"a/b": {"~": 1}}, "/a~1b/~0") == 1
    assert at_pointer([1, 2], "/1") == 2
    assert at_pointer([1, 2], "/-1") is None
    assert at_pointer({"a": 1}, "a") is None


def test_what_stands_beside_a_reference_goes_before_it() -> None:
    """Cog writes `allOf: [{$ref}]` with the default and the description beside it."""
    f = field({"allOf": [ref("Mode")], "default": "proba", "description": "What to return"}, required=False)
    assert (f.choices, f.default, f.help, f.label) == (("label", "proba"), "proba", "What to return", "Mode")


def test_all_of_is_merged_and_the_narrower_limit_counts() -> None:
    parts = [
        {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
        {"properties": {"b": {"type": "string"}}, "required": ["b"]},
    ]
    found = fields_of_object({"allOf": parts, "properties": {"c": {"type": "number"}}}, {})
    assert {f.name: f.required for f in found} == {"a": True, "b": True, "c": False}
    assert merged({"allOf": [{"minimum": 1, "maximum": 9}, {"minimum": 3, "maximum": 5}]}, {}) == {
        "minimum": 3,
        "maximum": 5,
    }


def test_objects_inside_become_fields_with_their_place() -> None:
    found = fields(person={"type": "object", "properties": {"home": ref("Address")}, "required": ["home"]})
    assert list(found) == ["person.home.street", "person.home.flat"]
    street = found["person.home.street"]
    assert (street.place, street.column, street.group, street.required) == (("person", "home"), "street", "", True)
    assert record(found.values(), {"person.home.street": "High St"}) == {"person": {"home": {"street": "High St"}}}


def test_nothing_makes_an_object_that_may_be_left_out_be_sent() -> None:
    options = {"properties": {"size": {"type": "integer", "default": 3}, "seed": {"type": "integer"}}}
    found = fields(False, options={"type": "object", **options, "required": ["seed"]})
    assert [f.required for f in found.values()] == [False, False]
    assert (found["options.size"].default, found["options.size"].example) == (None, 3)


def test_a_place_outside_goes_into_every_field() -> None:
    found = fields_of_object({"properties": {"home": ref("Address")}}, DOCUMENT, place=("data",), parameter=True)
    assert {f.place for f in found} == {("data", "home")}
    assert all(f.parameter for f in found)


def test_recursion_ends_as_json() -> None:
    found = fields_of_object(ref("Node"), DOCUMENT)
    assert [f.name for f in found][:2] == ["value", "next.value"]
    assert (found[-1].name, found[-1].kind) == ("next.next.next.next.next.next", "json")


def test_read_only_is_left_out() -> None:
    assert list(fields(a={"type": "string"}, id={"type": "integer", "readOnly": True})) == ["a"]


@pytest.mark.parametrize("mark", [{"writeOnly": True}, {"format": "password"}, {"x-cog-secret": True}])
def test_secrets_are_known(mark: dict[str, Any]) -> None:
    f = field({"type": "string", **mark})
    assert (f.kind, f.secret) == ("text", True)


@pytest.mark.parametrize("key", ["x-order", "propertyOrder"])
def test_the_order_is_the_services_own(key: str) -> None:
    found = fields(b={"type": "string", key: 1}, z={"type": "string"}, a={"type": "string", key: 0})
    assert list(found) == ["a", "b", "z"]


# Limits, choices, words


def test_exclusive_limits_in_both_spellings() -> None:
    old = field({"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1, "exclusiveMaximum": True})
    new = field({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1.0})
    for f in (old, new):
        assert (f.above, f.below, f.minimum, f.maximum) == (Decimal(0), Decimal(1), None, None)


def test_other_limits() -> None:
    number = field({"type": "integer", "multipleOf": 5, "minimum": 5.0})
    assert (number.multiple_of, str(number.minimum)) == (Decimal(5), "5")
    text = field({"type": "string", "minLength": 2, "maxLength": 9.0, "pattern": "^[a-z]+$", "format": "email"})
    assert (text.min_length, text.max_length, text.pattern, text.format) == (2, 9, "^[a-z]+$", "email")
    listed = field({"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 4, "maxItems": 4})
    assert listed.is_vector
    assert listed.items is not None
    assert listed.items.minimum == 0
    choices = field({"type": "array", "items": ref("Mode"), "uniqueItems": True})
    assert choices.items is not None
    assert (choices.unique, choices.items.choices) == (True, ("label", "proba"))


def test_choices_keep_their_types_and_titles() -> None:
    f = field({"oneOf": [{"const": 1, "title": "one"}, {"const": 2, "title": "two"}]})
    assert (f.kind, f.choices, f.choice_labels) == ("integer", (1, 2), ("one", "two"))
    assert f.parse("two") == 2
    assert field({"type": "boolean", "enum": [True, False]}).choices == ()


def test_a_constant_is_not_asked_for_unless_it_may_be_left_out() -> None:
    assert field({"const": "v1"}).fixed == "v1"
    assert field({"type": "string", "enum": ["v1"]}).fixed == "v1"
    optional = field({"const": "v1"}, required=False)
    assert (optional.fixed, optional.choices) == (None, ("v1",))


@pytest.mark.parametrize(
    ("name", "node", "unit", "label"),
    [
        ("sepal length (cm)", {}, "cm", "sepal length"),
        ("Rent [EUR]", {}, "EUR", "Rent"),
        ("length", {"description": "Sepal length in cm"}, "cm", "length"),
        ("length", {"description": "centimetres"}, "cm", "length"),
        ("age", {"title": "Age", "description": "Age (years), rounded"}, "years", "Age"),
        ("share", {"description": "Share in %."}, "%", "share"),
        ("class", {"description": "In a class of their own"}, "", "class"),
        ("n", {"description": "How many (optional)"}, "", "n"),
        ("n (max)", {}, "", "n (max)"),
    ],
)
def test_units_are_found(name: str, node: dict[str, Any], unit: str, label: str) -> None:
    f = field({"type": "number", **node}, name)
    assert (f.unit, f.shown_label, f.wire_name) == (unit, label, name)


def test_examples_in_every_spelling() -> None:
    assert field({"type": "number", "example": 1.5}).example == 1.5
    assert field({"type": "number", "examples": [2, 3]}).example == 2
    assert field({"type": "number", "x-example": 4}).example == 4
    found = fields_of_object(
        {"properties": {"a": {"type": "integer"}, "home": ref("Address")}, "example": {"a": 5, "home": {"flat": 6}}},
        DOCUMENT,
    )
    assert {f.name: f.example for f in found} == {"a": 5, "home.street": None, "home.flat": 6}


def test_a_default_that_its_own_field_would_refuse_is_dropped() -> None:
    assert field({"type": "integer", "default": "many"}).default is None
    assert field({"type": "string", "enum": ["a", "b"], "default": "c"}).default is None
    assert field({"type": "array", "items": {"type": "number"}, "default": [1, 2]}).default == [1, 2]
    assert field({"type": "object", "default": {"a": 1}}).default == {"a": 1}


# Files


@pytest.mark.parametrize(
    ("name", "node", "send", "accept"),
    [
        ("image", {}, "base64", "image/*"),
        ("image_base64", {}, "base64", "image/*"),
        ("photo", {"description": "A photo of the plant"}, "base64", "image/*"),
        ("img", {"description": "The picture as a data URL"}, "data_url", "image/*"),
        ("audio", {}, "base64", "audio/*"),
        ("file", {}, "base64", ""),
        ("data", {"description": "Base64-encoded PNG"}, "base64", ""),
        ("x", {"format": "data-url"}, "data_url", ""),
        ("x", {"contentMediaType": "image/png", "contentEncoding": "base64"}, "base64", "image/png"),
    ],
)
def test_texts_that_are_files(name: str, node: dict[str, Any], send: str, accept: str) -> None:
    f = field({"type": "string", **node}, name)
    assert (f.kind, f.send, f.accept) == ("file", send, accept)


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("image_url", {}),
        ("file_name", {}),
        ("image", {"format": "uri"}),
        ("image", {"description": "URL of the picture"}),
        ("image", {"maxLength": 60}),
        ("image", {"enum": ["cat", "dog"]}),
        ("image", {"example": "cat.png"}),
        ("picture", {"description": "Describe the picture that you want"}),
    ],
)
def test_texts_that_only_speak_of_files(name: str, node: dict[str, Any]) -> None:
    assert field({"type": "string", **node}, name).kind == "text"


def test_a_file_that_was_only_guessed_says_so() -> None:
    assert field({"type": "string"}, "image").help == "The file is sent as base64."
    assert field({"type": "string", "format": "byte"}, "image").help == ""
    files = field({"type": "array", "items": {"type": "string", "format": "binary"}})
    assert files.items is not None
    assert (files.kind, files.items.kind) == ("list", "file")
    assert record([files], {"x": [Upload(b"a")]}) == {"x": ["YQ=="]}


# Rows


def test_rows_have_columns_with_places() -> None:
    f = field({"type": "array", "items": {"properties": {"n": {"type": "integer"}, "home": ref("Address")}}})
    assert [(c.name, c.place) for c in f.fields] == [("n", ()), ("home.street", ("home",)), ("home.flat", ("home",))]
    typed = f.parse([{"n": 1, "home.street": "A"}], "json")
    assert record([f], {"x": typed}) == {"x": [{"n": 1, "home": {"street": "A"}}]}


# Samples


def test_a_sample_body_makes_fields() -> None:
    sample = {
        "age": 36,
        "name": "Ada",
        "ok": True,
        "home": {"street": "A", "flat": 2},
        "v": [1, 2.5],
        "rows": [{"a": 1}],
    }
    found = {f.name: f for f in fields_of_values(sample)}
    kinds = {
        "age": "number",
        "name": "text",
        "ok": "boolean",
        "home.street": "text",
        "home.flat": "number",
        "v": "list",
    }
    assert {name: f.kind for name, f in found.items()} == {**kinds, "rows": "rows"}
    assert found["home.flat"].place == ("home",)
    assert found["v"].example == [1, 2.5]
    assert [c.name for c in found["rows"].fields] == ["a"]
    row = {f.name: f.parse(f.example, "json") for f in found.values()}
    assert json.loads(json.dumps(record(found.values(), row), default=float)) == sample


@pytest.mark.parametrize(
    ("value", "kind", "send"),
    [
        ("iVBORw0KGgo=", "file", "base64"),
        ("data:audio/wav;base64,UklGRg==", "file", "data_url"),
        ("a" * 300, "text", ""),
        ("x9" * 300, "file", "base64"),
        ([[1, 2], [3, 4]], "list", ""),
        ([[[1]]], "json", ""),
        ([1, "a"], "json", ""),
        ([], "json", ""),
        ({}, "json", ""),
        (None, "text", ""),
    ],
)
def test_values_of_a_sample(value: Any, kind: str, send: str) -> None:
    f = field_from_value("x", value)
    assert (f.kind, f.send) == (kind, send)


# Names


def test_names_are_unique_whatever_they_are() -> None:
    given = [
        Field("a", input="i1"),
        Field("a", input="i1"),
        Field("a", input="i2"),
        Field("b"),
        Field("b"),
        Field("b (2)"),
    ]
    names = [f.name for f in unique_names(given)]
    assert names == ["i1.a", "i1.a (2)", "i2.a", "b", "b (3)", "b (2)"]


# Real descriptions


def test_cogs_description_is_read_whole() -> None:
    document = vectors_of("cog")["cog_ok"]["schema_document"]
    found = {f.name: f for f in fields_of_object(document["components"]["schemas"]["Input"], document)}
    assert list(found) == ["sepal_length", "sepal_width", "petal_length", "petal_width", "mode", "note", "top_k",
                           "verbose", "image"]  # fmt: skip
    assert [name for name, f in found.items() if f.required] == ["sepal_width", "petal_length", "petal_width"]
    assert found["sepal_length"].unit == "cm"
    assert (found["mode"].choices, found["mode"].default) == (("label", "proba"), "label")
    assert (found["image"].nullable, found["image"].format) == (True, "uri")


def test_fastapis_description_is_read_whole() -> None:
    document = vectors_of("openapi")["openapi_fastapi_ok"]["schema_document"]
    found = {f.name: f for f in fields_of_object(document["components"]["schemas"]["Flower"], document)}
    assert (found["petal_width"].above, found["petal_width"].below) == (Decimal(0), Decimal(10))
    assert (found["note"].kind, found["note"].nullable, found["note"].max_length) == ("text", True, 20)
    assert (found["mode"].choices, found["mode"].default) == (("label", "proba"), "label")


# Hostile descriptions


def _wide(inner: Any, count: int = 100) -> dict[str, Any]:
    return {"type": "object", "properties": {str(i): inner for i in range(count)}}


HOSTILE: dict[str, tuple[dict[str, Any], Any]] = {
    "objects of itself": ({"a": _wide({"$ref": "#/a"})}, {"$ref": "#/a"}),
    "rows of itself": ({"a": _wide({"type": "array", "items": {"$ref": "#/a"}})}, {"$ref": "#/a"}),
    "one thing in all": (
        {"a": {"allOf": [{"$ref": "#/b"}] * 99}, "b": {"allOf": [{"$ref": "#/a"}] * 99}},
        {"$ref": "#/a"},
    ),
    "a long enum everywhere": ({"e": {"enum": [str(i) for i in range(5000)]}}, _wide({"$ref": "#/e"}, 5000)),
    "alternatives of themselves": ({"a": {"anyOf": [{"$ref": "#/a"}, {"$ref": "#/a"}]}}, _wide({"$ref": "#/a"})),
    "a circle": ({"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}}, {"$ref": "#/a"}),
    "lists in lists": ({"a": {"type": "array", "items": {"$ref": "#/a"}}}, _wide({"$ref": "#/a"})),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_description_ends_soon(name: str) -> None:
    document, node = HOSTILE[name]
    started = time.thread_time()
    with contextlib.suppress(BadResponse):
        assert len(fields_of_object(node, document)) <= 1001
    assert time.thread_time() - started < 3


WORDS = ["type", "properties", "items", "enum", "anyOf", "oneOf", "allOf", "$ref", "required", "default", "minimum",
         "exclusiveMinimum", "format", "const", "nullable", "title", "description", "example", "examples", "x-order",
         "prefixItems", "minItems", "maxLength", "pattern", "a", "b", "contentMediaType", "multipleOf"]  # fmt: skip
VALUES: list[Any] = [None, True, False, 0, -1, 1.5, 1e308, "", "string", "object", "array", "number", "null", "binary",
                     "#/a", "#", "#/properties/a", "date", [], {}, "\ud800", "(cm)", 10**30]  # fmt: skip


def anything(dice: random.Random, depth: int = 0) -> Any:
    """JSON of any shape, of the words of JSON Schema."""
    roll = dice.random()
    if depth > 5 or roll < 0.3:
        return dice.choice(VALUES)
    if roll < 0.45:
        return [anything(dice, depth + 1) for _ in range(dice.randint(0, 3))]
    return {dice.choice(WORDS): anything(dice, depth + 1) for _ in range(dice.randint(0, 6))}


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 10))])
def test_any_json_makes_fields_or_one_of_our_errors(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(200):
        document = {"properties": anything(dice), "a": anything(dice), "type": "object", "example": anything(dice)}
        try:
            for f in fields_of_object(document, document):
                assert isinstance(hint(f), str)
            field_from_property("x", document, required=True)
            fields_of_values(document)
        except AppError:
            pass


# Text


def test_json_and_yaml_are_read_the_same() -> None:
    text = """
    openapi: 3.0.3
    info: {title: Iris, version: "1.0"}
    paths:
      /predict:
        post:
          responses:
            200: {description: OK}
    day: 2024-01-01
    country: no
    "on": off
    at: 12:30:00
    code: 007
    numbers: [1, -2, 1.5, 1e3, .inf, 1e999, 0x1F]
    nothing: [~, null, ]
    truth: [true, False, "true"]
    long: |
      two
      lines
    """
    read = read_text(text)
    assert read["openapi"] == "3.0.3"
    assert read["paths"]["/predict"]["post"]["responses"] == {"200": {"description": "OK"}}
    assert (read["day"], read["country"], read["on"], read["at"], read["code"]) == (
        "2024-01-01",
        "no",
        "off",
        "12:30:00",
        "007",
    )
    assert read["numbers"] == [1, -2, 1.5, 1000.0, ".inf", "1e999", "0x1F"]
    assert read["nothing"] == [None, None]
    assert read["truth"] == [True, False, "true"]
    assert read["long"] == "two\nlines\n"
    assert read_text(json.dumps(read)) == read
    assert read_text("\ufeff" + json.dumps(read)) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "<html></html>",
        "{broken",
        "a: &x [1]\nb: *x",
        "a: !!python/object/apply:os.system [x]",
        "a: !!binary aGk=",
        "? [a]\n: b",
        "- " * 500,
        "[" * 100_000,
        "{a: " * 3_000,
        "a: b: c",
        "a: b\n---\nc: d",
        '"' + "a" * 100_000,
        "a: 1\n" * 500_000,
    ],
    ids=range(15),
)
def test_what_is_no_description_is_refused_soon(text: str) -> None:
    started = time.thread_time()
    with pytest.raises(BadResponse):
        read_text(text)
    assert time.thread_time() - started < 3
