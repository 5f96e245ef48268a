"""The doors that a value can come in by, and tables of what comes in by each: rows of field, typed, sent as JSON, and
the outcome. Cases are drawn from a table for each door; a name of each says what is tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from FlaskAppAML.schema import Field
from FlaskAppAML.schema.values import InvalidValue

REFUSED = object()  # the outcome: InvalidValue, or a message beside the form's field
ELSEWHERE = object()  # no such value comes in by this door
TYPED, SENT = 1, 2  # the columns of a table

Door = Callable[[Field, Any], Any]


def by_text(field: Field, typed: Any) -> Any:
    return field.parse(typed, "text")


def by_json(field: Field, sent: Any) -> Any:
    return field.parse(sent, "json")


def through(doors: Mapping[str, tuple[Door, int]], table: Sequence[tuple[Field, Any, Any, Any]]) -> list[Any]:
    """For `parametrize`: door, field, value, outcome. What a form sends as several values is no text."""
    return [
        pytest.param(door, row[0], row[column], row[3], id=f"{name}-{row[0].kind}-{row[column]!r:.30}")
        for row in table
        for name, (door, column) in doors.items()
        if row[column] is not ELSEWHERE and not (name == "text" and isinstance(row[column], list))
    ]


def check(door: Door, field: Field, value: Any, outcome: Any) -> None:
    if outcome is REFUSED:
        with pytest.raises(InvalidValue):
            door(field, value)
        return
    got = door(field, value)
    assert got == outcome
    assert type(got) is type(outcome)
