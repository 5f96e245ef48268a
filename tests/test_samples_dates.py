"""What the values of a sample body tell of their kind: dates are dates, and a number is any number."""

from __future__ import annotations

from typing import Any

import pytest

from FlaskAppAML.reading.samples import field_from_value


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("2024-02-29", "date"),
        ("2024-02-29T09:30:00Z", "datetime"),
        ("2024-02-29t09:30:00.5+02:00", "datetime"),
        ("2024-02-29T09:30:00", "text"),  # what is sent would have a zone
        ("2024-02-30", "text"),
        ("20240229", "text"),
        ("2024-02-29 or so", "text"),
        ("2024-02-29" * 1000, "text"),
        (21.5, "number"),
        (3, "number"),
    ],
)
def test_every_value_has_its_kind(value: Any, kind: str) -> None:
    f = field_from_value("temperature", value)
    assert f.kind == kind
    assert (f.choices, f.minimum, f.maximum, f.default) == ((), None, None, None)
    assert kind == "text" or f.parse(f.example, "json") is not None


def test_a_column_of_dates_is_one() -> None:
    f = field_from_value("rows", [{"day": "2024-02-29", "n": 1}])
    assert [(c.name, c.kind) for c in f.fields] == [("day", "date"), ("n", "number")]
