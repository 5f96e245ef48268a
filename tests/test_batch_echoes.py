"""Columns of answers that repeat the question, and numbers that are too few for a picture."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from soak.rows import RowsEndpoint

from FlaskAppAML import batch, sheets
from FlaskAppAML.batch import BINS, Done, Plan, packed, summary, unpacked, with_names
from FlaskAppAML.endpoint import Endpoint
from FlaskAppAML.schema import Field, Schema
from FlaskAppAML.settings import Settings

SCHEMA = Schema((Field("title", column="Title"), Field("age", kind="integer"), Field("note", required=False)))
ROW = {"title": "Contoso", "age": 36, "note": None}
SPELLED = b"number,name\n1,Pariss\n2,Berlin\n3,Rome\n"


class Speller(RowsEndpoint):
    """Says each name again, without what is wrong with it, and its number."""

    def _answer(self, body: bytes) -> tuple[int, Any]:
        data = json.loads(body)["dataframe_split"]["data"]
        self.most_rows = max(self.most_rows, len(data))
        return 200, {"predictions": [{"number": row[0], "name": row[1].replace("ss", "s"), "sure": 1} for row in data]}


class Doubling(RowsEndpoint):
    def _answer(self, body: bytes) -> tuple[int, Any]:
        return 200, {"predictions": [2 * row[0] for row in json.loads(body)["dataframe_split"]["data"]]}


@pytest.fixture
def speller(tmp_path: Path) -> Iterator[Endpoint]:
    with Speller() as model:
        yield Endpoint(Settings(**model.settings(tmp_path)))


def table(endpoint: Endpoint, done: list[Done], plan: Plan) -> list[list[Any]]:
    names = with_names([], done)
    return [batch.heads(plan, names), *batch.written(plan, names, done)]


def plan_of(endpoint: Endpoint) -> Plan:
    sheet = sheets.look(io.BytesIO(SPELLED), "rows.csv")
    return Plan(sheet, sheets.match(sheet, batch.fields_of(endpoint.schema)).columns)


@pytest.mark.parametrize("max_rows", [1, 2, 500])
def test_an_answer_that_is_now_and_then_the_same_as_the_question_stands_in_each_row(
    speller: Endpoint, max_rows: int
) -> None:
    plan, settings = plan_of(speller), Settings(**{**vars(speller.settings), "max_rows": max_rows})
    one = Endpoint(settings)
    coming = batch.run(one, one.schema, plan, sheets.rows(io.BytesIO(SPELLED), plan.sheet), batch.Pace(2))
    done = list(unpacked([packed([row for some in coming for row in some], lambda document: document)]))
    assert table(one, done, plan) == [
        ["number", "name", "name (2)", "sure", "error"],
        ["1", "Pariss", "Paris", 1, None],
        ["2", "Berlin", "Berlin", 1, None],
        ["3", "Rome", "Rome", 1, None],
    ]


def test_the_first_rows_are_tried_as_all_rows_will_be(speller: Endpoint) -> None:
    plan = plan_of(speller)
    tried = batch.trial(speller, speller.schema, plan, list(sheets.rows(io.BytesIO(SPELLED), plan.sheet)))
    assert table(speller, tried, plan)[0] == ["number", "name", "name (2)", "sure", "error"]


def test_a_trial_asks_only_about_rows_that_a_body_can_hold_together(tmp_path: Path) -> None:
    """A body has its parameters once, so an answer to another row would be an answer to something else."""
    data = b"number,name\n1,a\n2,b\n3,a\n"
    sheet = sheets.look(io.BytesIO(data), "rows.csv")
    plan = Plan(sheet, {"number": "number", "name": "name"})
    with Doubling() as model:
        endpoint = Endpoint(Settings(**model.settings(tmp_path)))
        number, name = endpoint.schema.fields
        schema = replace(endpoint.schema, fields=(number, replace(name, parameter=True)))
        tried = batch.trial(endpoint, schema, plan, list(sheets.rows(io.BytesIO(data), sheet)))
        assert [row.answer for row in tried] == [{"prediction": 2}, {}, {"prediction": 6}]
        assert model.calls == 1


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ({"Title": "Contoso", "age": 36, "note": "", "label": "bank"}, ["label"]),
        ({"Title": "Contoso", "age": "36.0", "label": "bank"}, ["label"]),
        ({"Title": "Fabrikam", "age": 36, "label": "bank"}, ["Title", "label"]),
        ({"age": 36}, ["age"]),  # an answer that happens to be the same, and all there is
        ({"age": Decimal(36), "note": ""}, ["age", "note"]),
    ],
)
def test_what_repeats_the_question_has_no_column(answer: dict[str, Any], left: list[str]) -> None:
    row = Done(2, [], answer, echoes=batch.echoes(SCHEMA, ROW, answer))
    assert with_names([], [row]) == left


def test_fractions_are_drawn_by_where_they_lie_and_only_if_there_are_enough() -> None:
    few = [Done(line, [], {"score": 0.5}) for line in range(3)]
    assert summary(["score"], few) == []
    many = [Done(line, [], {"score": line / 7}) for line in range(BINS)]
    assert "bins" in summary(["score"], many)[0]
    labels = [Done(line, [], {"label": f"{line % 2}"}) for line in range(4)]
    assert summary(["label"], labels)[0]["counts"] == [("0", 2), ("1", 2)]
