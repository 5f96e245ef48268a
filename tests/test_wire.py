"""JSON as endpoints send it, and as we send it: read generously, written strictly."""

from __future__ import annotations

import codecs
import json
import math
import time
from decimal import Decimal
from typing import Any

import pytest

from FlaskAppAML.errors import BadResponse
from FlaskAppAML.wire import Reply, dumps, read_json

TEXT = '{"é": "😀"}'
VALUE = {"é": "😀"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (TEXT.encode(), ""),
        (TEXT.encode(), "application/json"),
        (TEXT.encode(), "text/plain; charset=UTF-8"),
        (TEXT.encode(), 'application/json; Charset="utf-8"; x=y'),
        (codecs.BOM_UTF8 + TEXT.encode(), ""),
        (codecs.BOM_UTF8 + TEXT.encode(), "application/json; charset=utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "application/json; charset=utf-8-sig"),
        (TEXT.encode("utf-16"), ""),
        (TEXT.encode("utf-16"), "application/json; charset=utf-16"),
        (TEXT.encode("utf-16-le"), ""),
        (TEXT.encode("utf-16-be"), "application/json; charset=utf-16be"),
        (TEXT.encode("utf-32"), ""),
        (TEXT.encode(), "application/json; charset=no-such-charset"),
        (TEXT.encode(), "application/json; charset="),
        (TEXT.encode(), "application/json; charset=\x00"),
        (TEXT.encode(), "application/json; charset=zlib"),
        (TEXT.encode(), "application/json; charset=rot13"),
        (TEXT.encode(), "application/json; charset=punycode"),
        (TEXT.encode(), "application/json; charset=idna"),
        (TEXT.encode(), "application/json; charset=utf-7"),
        (TEXT.encode(), "application/json; charset=undefined"),
        pytest.param(TEXT.encode(), "application/json; charset=unicode_escape"),
        pytest.param(TEXT.encode(), "application/json; charset=raw-unicode-escape"),
        (b"\r\n\t " + TEXT.encode() + b"\n", ""),
    ],
)
def test_the_charset_is_found(body: bytes, content_type: str) -> None:
    assert read_json(body, content_type) == VALUE
    assert Reply(200, {"content-type": content_type}, body).json() == VALUE


def test_a_declared_charset_that_is_none_of_unicode_is_used() -> None:
    assert read_json('"é"'.encode("latin-1"), "application/json; charset=iso-8859-1") == "é"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", ""),
        (b" \r\n", ""),
        (b"<html>", "application/json"),
        (b"{", ""),
        (b'{"a": 1} x', ""),
        (b"{'a': 1}", ""),
        (b"\xff\xfe\xfd", ""),
        (b'"\xe9"', "application/json; charset=utf-8"),
        (b'"a\x00b"', ""),
        (b'"a\nb"', ""),
        (b"9" * 5000, ""),
        (b"[" * 10_000 + b"]" * 10_000, ""),
        (b"[" * 101 + b"]" * 101, ""),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, ""),
        (("[" * 200 + "]" * 200).encode("utf-16"), ""),
    ],
)
def test_what_is_no_json_is_a_bad_response(body: bytes, content_type: str) -> None:
    with pytest.raises(BadResponse) as caught:
        read_json(body, content_type)
    assert caught.value.detail.startswith("The answer ")


def test_wide_answers_are_not_deep_ones() -> None:
    assert len(read_json(json.dumps([{"a": [i]} for i in range(1000)]).encode())) == 1000
    assert read_json(b"[" * 90 + b"]" * 90)


def test_a_deep_answer_is_refused_in_a_moment() -> None:
    started = time.thread_time()
    with pytest.raises(BadResponse):
        read_json(b"[" * 500_000)
    assert time.thread_time() - started < 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740993", 9007199254740993),
        ("9223372036854775808", 2**63),
        ("-123456789012345678901234567890", -123456789012345678901234567890),
        ("0.1", 0.1),
        ("1e400", "1e400"),
        ("-1E+400", "-1E+400"),
        ("1e-400", 0.0),
        ("NaN", math.nan),
        ("Infinity", math.inf),
        ("-Infinity", -math.inf),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('"\\ud800"', "\ud800"),
        ('"\\u0000\\u001b"', "\x00\x1b"),
    ],
)
def test_awkward_values_are_read(text: str, value: Any) -> None:
    got = read_json(text.encode())
    assert repr(got) == repr(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, '"NaN"'),
        ([math.inf, (-math.inf, {"a": math.nan})], '["Infinity", ["-Infinity", {"a": "NaN"}]]'),
        (Decimal("2.5"), "2.5"),
        (Decimal("1E+2"), "100"),
        (Decimal("-0.0"), "0"),
        (Decimal(9007199254740993), "9007199254740993"),
        ([Decimal("0.1"), math.nan], '[0.1, "NaN"]'),
        (2**70, str(2**70)),
        ({"é": "😀<>&"}, '{"é": "😀<>&"}'),
        ("\u2028\x00", '"\u2028\\u0000"'),
        (None, "null"),
        pytest.param(
            Decimal(2**64 + 1),
            "18446744073709551617",
        ),
        pytest.param(Decimal("NaN"), '"NaN"'),
        pytest.param(Decimal("Infinity"), '"Infinity"'),
    ],
)
def test_what_is_written_is_valid_json(value: Any, text: str) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    assert dumps(value) == text
    json.loads(dumps(value, indent=1), parse_constant=refuse)


def test_lone_surrogates_survive_until_they_are_encoded() -> None:
    assert dumps(read_json(b'"\\ud800"')).encode("utf-8", "replace") == b'"?"'


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object()])
def test_what_is_no_json_is_not_written(value: Any) -> None:
    with pytest.raises(TypeError):
        dumps({"a": value})
