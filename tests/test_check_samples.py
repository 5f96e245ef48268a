"""What `flask check --score` sends where neither owner nor schema gives an example: a value that each field takes."""

from __future__ import annotations

from typing import Any

import pytest

from FlaskAppAML.cli import example_row
from FlaskAppAML.reading.documents import fields_of_object
from FlaskAppAML.schema import Field, Schema

CIRCLE = {
    "title": "Circle",
    "type": "object",
    "required": ["kind", "radius"],
    "properties": {"kind": {"const": "circle"}, "radius": {"type": "number", "minimum": 2}, "name": {"type": "string"}},
}


@pytest.mark.parametrize(
    "kind", ["text", "integer", "number", "boolean", "date", "month", "week", "time", "datetime", "json"]
)
def test_each_kind_has_a_sample_that_it_takes_itself(kind: Any) -> None:
    assert example_row(Schema((Field("x", kind),)), {})["x"] is not None


@pytest.mark.parametrize(
    ("listed", "sample"),
    [
        ([{"type": "string"}, {"type": "array", "items": {"type": "string"}}], "example"),
        ([{"type": "boolean"}, CIRCLE], False),
        ([CIRCLE, {"type": "string"}], {"kind": "circle", "radius": 2}),
    ],
    ids=["text", "boolean", "object"],
)
def test_of_alternatives_the_first_is_sent(listed: list[Any], sample: Any) -> None:
    document = {"type": "object", "required": ["x"], "properties": {"x": {"anyOf": listed}}}
    fields = tuple(fields_of_object(document, document))
    assert fields[0].alternatives
    assert example_row(Schema(fields), {}) == {"x": sample}


def test_what_may_be_a_text_a_list_or_null_may_be_null() -> None:
    """As FastAPI describes `stop: str | list[str] | None`."""
    listed = [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]
    document = {"type": "object", "required": ["stop"], "properties": {"stop": {"anyOf": listed, "title": "Stop"}}}
    (stop,) = fields_of_object(document, document)
    assert stop.nullable
    assert [one.label for one in stop.alternatives] == ["Text", "List of texts"]
    assert stop.parse(None, "json") is None
