"""What the API's document and its guide say of a field is what `Field.parse` takes."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from conftest import MakeApp
from jsonschema_rs import Draft202012Validator
from test_alternatives import CHOICE, CIRCLE, PET, SHAPE, SQUARE, STOP, field

from FlaskAppAML.schema import Field, Kind
from FlaskAppAML.schema.json_schema import of_field
from FlaskAppAML.schema.strict_json import read_strict
from FlaskAppAML.schema.values import InvalidValue

GIVEN: list[Any] = [
    None, "", "auto", "end", "2", 1, 1.0, 2, 2.0, 0.5, True, [], ["a"], [1], {}, CIRCLE, SQUARE, {"radius": 2},
    {**CIRCLE, "kind": "square"}, {**CIRCLE, "more": 1}, {"pet": "meow", "lives": 9}, {"pet": "woof"},
    "2024-02", "2024-13", "2024-W09", "2024-W54", "2024-02-29",
]  # fmt: skip
FIELDS = {
    **{f"alternatives {n}": field(node) for n, node in enumerate((SHAPE, STOP, CHOICE, PET))},
    "left out": field(SHAPE, required=False),
    "choices": Field("x", "number", choices=(1, 0.5, 2.0, "a")),
    "any JSON": Field("x", "json"),
    "any JSON or none": Field("x", "json", required=False),
    "month": Field("x", "month"),
    "week": Field("x", "week", required=False),
}


@pytest.mark.parametrize("name", FIELDS)
def test_the_document_takes_what_the_field_takes(name: str) -> None:
    f = FIELDS[name]
    validator = Draft202012Validator(json.loads(json.dumps(of_field(f))))
    for value in GIVEN:
        try:
            f.parse(value, "json")
            fits = True
        except InvalidValue:
            fits = False
        assert validator.is_valid(value) == fits, value


@pytest.mark.parametrize("written", ["2", "2.0", "2.00", "2e0"])
@pytest.mark.parametrize("source", ["text", "json"])
def test_a_number_is_a_choice_in_each_of_its_writings(written: str, source: Any) -> None:
    """JavaScript writes 2.0 as 2, and so does a spreadsheet."""
    f = Field("x", "number", choices=(1, 2.0))
    assert f.parse(written if source == "text" else read_strict(written), source) == 2
    both = Field("x", "number", choices=(2.0, 2))
    assert type(both.parse(2, "json")) is int


def test_every_kind_is_described(make_app: MakeApp) -> None:
    formats = {"date": "date", "month": "month", "week": "week", "time": "time", "datetime": "date-time"}
    types = {"integer": "integer", "number": "number", "boolean": "boolean", "json": "object"}
    properties: dict[str, Any] = {kind: {"type": type_} for kind, type_ in types.items()}
    properties |= {kind: {"type": "string", "format": word} for kind, word in formats.items()}
    properties |= {
        "text": {"type": "string"},
        "file": {"type": "string", "format": "byte"},
        "list": {"type": "array", "items": {"type": "string"}},
        "rows": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
    }
    schema = json.dumps({"type": "object", "properties": properties, "required": list(properties)})
    app = make_app(url="http://127.0.0.1:9/score", schema=schema)
    fields = app.extensions["site"].models["model"].schema.fields
    assert {f.kind for f in fields} == set(get_args(Kind))
    for path in ("/api", "/api/v1/openapi.json", "/"):
        assert app.test_client().get(path).status_code == 200, path
