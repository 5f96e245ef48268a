"""Nothing, null and the empty text are three: what leaves each, by form and by JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_forms import ENVIRONMENT
from werkzeug.datastructures import MultiDict

from FlaskAppAML.forms import form_class
from FlaskAppAML.schema import Field, Schema, record

PLAIN = Field("x", required=False)
DEFAULTED = Field("x", required=False, default="blurry")
OR_NULL = Field("x", nullable=True)
SEED = Field("x", "integer", required=False, nullable=True, default=42)
MAYBE = Field("x", "integer", required=False, nullable=True)


@pytest.mark.parametrize(
    ("field", "typed", "as_json", "sent"),
    [
        (PLAIN, {"x": ""}, {}, {}),
        (PLAIN, {"x": "", "x:empty": "1"}, {"x": None}, {}),  # no such tick
        (DEFAULTED, {"x": ""}, {"x": None}, {}),
        (DEFAULTED, {"x": "", "x:empty": "1"}, {"x": ""}, {"x": ""}),
        (DEFAULTED, {"x": "a", "x:empty": "1"}, {"x": "a"}, {"x": "a"}),
        (DEFAULTED, {"x": "blurry"}, {}, {"x": "blurry"}),
        (OR_NULL, {"x": ""}, {"x": None}, {"x": None}),
        (OR_NULL, {"x": "", "x:empty": "1"}, {"x": ""}, {"x": ""}),
        (SEED, {"x": ""}, {"x": None}, {"x": None}),
        (SEED, {"x": "42"}, {}, {"x": 42}),
        (MAYBE, {"x": ""}, {"x": None}, {}),
        (MAYBE, {"x": ""}, {}, {}),
    ],
)
def test_what_is_left_out_and_what_is_sent(field: Field, typed: Any, as_json: Any, sent: Any) -> None:
    made = form_class(Schema((field,)))
    for given in (typed, {"_json": json.dumps(as_json)} if as_json else None):
        form = made(MultiDict(given)) if given else None
        row = form.row() if form else Schema((field,)).parse(as_json, "json")
        assert record([field], row) == sent
        if form:
            again = made(MultiDict(json.loads(json.dumps(form.data))))
            assert record([field], again.row()) == sent


def test_the_tick_stands_only_where_it_means_something_and_stays_ticked() -> None:
    ticks = [form_class(Schema((f,)))().html(ENVIRONMENT).count("x:empty") for f in (PLAIN, DEFAULTED, OR_NULL, SEED)]
    assert ticks == [0, 1, 1, 0]
    made = form_class(Schema((DEFAULTED,)))
    ticked = made(MultiDict({"x": "", "x:empty": "1"})).html(ENVIRONMENT)
    assert "data-empty checked" in ticked
    assert "data-empty checked" not in made(MultiDict({"x": ""})).html(ENVIRONMENT)
    assert "data-empty checked" in made(values={"x": ""}).html(ENVIRONMENT)
