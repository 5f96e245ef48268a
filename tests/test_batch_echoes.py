"""Columns of answers that repeat the question, and numbers that are too few for a picture."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from FlaskAppAML.batch import BINS, Done, _without_echoes, summary
from FlaskAppAML.schema import Field, Schema

SCHEMA = Schema((Field("title", column="Title"), Field("age", kind="integer"), Field("note", required=False)))
ROW = {"title": "Contoso", "age": 36, "note": None}


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ({"Title": "Contoso", "age": 36, "note": "", "label": "bank"}, {"label"}),
        ({"Title": "Contoso", "age": "36.0", "label": "bank"}, {"label"}),
        ({"Title": "Fabrikam", "age": 36, "label": "bank"}, {"Title", "label"}),
        ({"age": 36}, {"age"}),  # an answer that happens to be the same, and all there is
    ],
)
def test_what_repeats_the_question_is_left_out(answer: dict[str, Any], left: set[str]) -> None:
    (found,) = _without_echoes(SCHEMA, [ROW], [answer])
    assert set(found) == left


def test_a_column_that_differs_in_one_row_is_no_echo() -> None:
    rows = [{**ROW, "age": Decimal(age)} for age in (1, 2)]
    answers: list[dict[str, Any] | str] = [{"age": 1, "label": "a"}, {"age": 3, "label": "b"}, "no answer"]
    assert _without_echoes(SCHEMA, [*rows, ROW], answers) == [
        {"age": 1, "label": "a"},
        {"age": 3, "label": "b"},
        "no answer",
    ]


def test_fractions_are_drawn_by_where_they_lie_and_only_if_there_are_enough() -> None:
    few = [Done(line, [], {"score": 0.5}) for line in range(3)]
    assert summary(["score"], few) == []
    many = [Done(line, [], {"score": line / 7}) for line in range(BINS)]
    assert "bins" in summary(["score"], many)[0]
    labels = [Done(line, [], {"label": f"{line % 2}"}) for line in range(4)]
    assert summary(["label"], labels)[0]["counts"] == [("0", 2), ("1", 2)]
