"""Data URLs, read in one place for what people send, what samples hold and what models answer."""

from __future__ import annotations

import time

import pytest

from FlaskAppAML.media import data_url
from FlaskAppAML.results.shapes import are_numbers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("data:image/png;base64,iVBO", ("image/png", "iVBO")),
        ("DATA:Image/PNG;Base64,iVBO", ("image/png", "iVBO")),
        ("data:;base64,aGk=", ("", "aGk=")),
        ("data:text/plain;charset=utf-8;base64,aGk=", ("text/plain", "aGk=")),
        ("data:image/png;name=a b.png;base64,", ("image/png", "")),
        ("data:image/png,iVBO", None),
        ("data:image/png;base64;iVBO", None),
        (" data:image/png;base64,iVBO", None),
        ("iVBO", None),
        ("", None),
    ],
)
def test_a_data_url_says_its_type_and_its_base64(text: str, found: tuple[str, str] | None) -> None:
    assert data_url(text) == found


@pytest.mark.parametrize(
    "text", ["data:" + ";" * 10**6, "data:" + "a" * 10**6, "data:a" + ";b" * 10**6, "data:" * 10**6]
)
def test_what_is_no_data_url_is_left_soon(text: str) -> None:
    started = time.thread_time()
    assert data_url(text) is None
    assert time.thread_time() - started < 0.1


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ([1, 2.5], True),
        ([], False),
        ([True], False),
        (["1"], False),
        ([float("nan")], False),
        (None, False),
        (1, False),
    ],
)
def test_a_list_of_finite_numbers_is_told(value: object, outcome: bool) -> None:
    assert are_numbers(value) is outcome
