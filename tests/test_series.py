"""Forecasts: found in rows of dates, drawn as lines, and said in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from FlaskAppAML.results import Line, Result, Series, Table, read_outputs
from FlaskAppAML.results.presentation import present
from FlaskAppAML.results.shapes import generic
from FlaskAppAML.web.view import Answer

DAYS = ["2026-01-30", "2026-01-31", "2026-02-01"]


def shown(raw: Any, outputs: dict[str, Any] | None = None) -> Result:
    return present(Result(generic(raw, "", 1), raw), read_outputs({"outputs": outputs or {}}), "")


@pytest.mark.parametrize(
    "raw",
    [
        [{"ds": day, "yhat": i} for i, day in enumerate(DAYS)],
        {"forecast": [{"ds": day, "yhat": i} for i, day in enumerate(DAYS)]},
        {"ds": DAYS, "yhat": [0, 1, 2]},
        {"result": {"ds": DAYS, "yhat": [0, 1, 2]}},
        {"columns": ["ds", "yhat"], "data": [[day, i] for i, day in enumerate(DAYS)]},
    ],
)
def test_a_forecast_is_a_line_with_its_table_behind(raw: Any) -> None:
    result = shown(raw)
    lines, table = result.parts
    assert isinstance(lines, Series)
    assert (lines.places, lines.lines, lines.of_table) == (DAYS, [Line("yhat", [0, 1, 2])], True)
    assert isinstance(table, Table)
    assert str(result.said) == "The endpoint answered with 3 values, 2026-01-30 to 2026-02-01."


@pytest.mark.parametrize(
    "raw",
    [
        [{"ds": day, "yhat": i} for i, day in enumerate(DAYS[:2])],
        [{"ds": day, "yhat": i} for i, day in enumerate(reversed(DAYS))],
        [{"ds": day, "yhat": i, "of": "x"} for i, day in enumerate(DAYS)],
        [{"ds": f"day {i}", "yhat": i} for i in range(3)],
        [{"ds": day, "due": day} for day in DAYS],
        {"ds": DAYS, "yhat": [0, 1]},
        [{"ds": day, **{f"n{i}": i for i in range(9)}} for day in DAYS],
    ],
)
def test_other_rows_are_no_forecast(raw: Any) -> None:
    assert not any(isinstance(part, Series) for part in shown(raw).parts)


def test_lines_have_the_words_of_the_owner_and_can_be_a_table() -> None:
    raw = [{"ds": day, "yhat": i, "low": i} for i, day in enumerate(DAYS)]
    lines = shown(raw, {"yhat": {"label": "Sales"}}).parts[0]
    assert isinstance(lines, Series)
    assert [line.label for line in lines.lines] == ["Sales", "low"]
    assert [part.kind for part in shown({"f": raw}, {"f": {"view": "table"}}).parts] == ["table"]


@pytest.mark.parametrize(
    "values", [[None, None], [1.0, None, 1e308, -1e308], [5.0], list(range(5000)), [None, 2.0, 1.0]]
)
def test_lines_stay_in_their_field(values: list[Any]) -> None:
    (line,) = Answer.lines(Series(["2026-01"] * len(values), [Line("a", values)]))
    points = [tuple(map(float, point.split(","))) for point in line[1].split()]
    assert len(points) <= 200
    assert all(0 <= x <= 600 and 0 <= y <= 100 for x, y in points)


def test_lines_are_told_apart_without_colour() -> None:
    lines = Answer.lines(Series(DAYS, [Line(name, [1.0, 2.0, 3.0]) for name in "abcd"]))
    assert len({dashes for _, _, dashes, _, _ in lines}) == 4
    assert lines[0][3:] == ("1", "3")
