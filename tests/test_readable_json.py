"""JSON for people: what fits stands in a line, and nothing of it is another value than the endpoint sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from FlaskAppAML.wire import LINE, beginning

NESTED = {
    "outputs": [{"label": "a\n“b”", "score": 0.25}, {"label": "c", "score": 1e-30}],
    "rows": [[1, 2], [True, None]],
}


@pytest.mark.parametrize(
    "value", [NESTED, [1, [2], "x", {}], [], {}, "text", 2**70, -0.0, [[[]]], {"a": ["x" * 90] * 3}, ["1"] * 500]
)
def test_it_is_the_same_value(value: Any) -> None:
    assert json.loads(beginning(value, 10**6)) == value


def test_what_is_no_number_in_json_is_text() -> None:
    assert beginning([float("nan"), float("-inf"), 1.0], 1000) == '["NaN", "-Infinity", 1.0]'


def test_what_fits_stands_in_a_line() -> None:
    assert beginning({"a": [1, 2], "b": {"c": "d"}}, 1000) == '{\n  "a": [1, 2],\n  "b": {"c": "d"}\n}'
    assert beginning(["x" * (LINE - 4)], 1000).count("\n") == 0
    assert beginning(["x" * (LINE - 3)], 1000).count("\n") == 2


def test_longer_lists_are_wrapped_and_longer_objects_have_a_line_for_each() -> None:
    lines = beginning(list(range(100, 200)), 10_000).splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("[", "]", 7)
    assert max(map(len, lines)) <= LINE + len("  ,")
    assert len(beginning({f"name {i}": "x" * 20 for i in range(9)}, 10_000).splitlines()) == 11


@pytest.mark.parametrize(
    "make", [lambda: [0.5] * 300_000, lambda: [[1, 2]] * 300_000, lambda: {str(i): {"a": i} for i in range(100_000)}]
)
def test_no_more_is_written_than_is_shown(make: Callable[[], Any]) -> None:
    value = make()
    written = beginning(value, 1000)
    assert 1000 <= len(written) < 6000
    assert written.startswith(beginning(value, 10**9)[:1000])
