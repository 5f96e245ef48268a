"""Every kind of field: one table of values and outcomes, through every door that a value can come in by.

The doors are text (a cell of CSV), JSON, the form as a browser sends it, and the box of the form that takes the whole
row as JSON. Plain texts, numbers and choices stand in test_schema.py.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import math
import time
from dataclasses import replace
from decimal import Decimal
from typing import Any, get_args

import pytest
from doors import ELSEWHERE, REFUSED, SENT, TYPED, Door, by_json, by_text, check, through
from werkzeug.datastructures import MultiDict

from FlaskAppAML.forms import form_class
from FlaskAppAML.forms.looks import written
from FlaskAppAML.media import content_type_of
from FlaskAppAML.schema import Field, Kind, Schema, Upload, plain, record, without_files
from FlaskAppAML.schema.hints import hint
from FlaskAppAML.schema.patterns import compiled, matches, pattern_words
from FlaskAppAML.schema.strict_json import read_strict
from FlaskAppAML.schema.values import InvalidValue


def number(text: Any) -> Decimal:
    return Decimal(str(text))


OPEN = Field("x", "number", above=number(0), below=number(1))
HALVES = Field("x", "number", multiple_of=number("0.5"))
CENTS = Field("x", "number", multiple_of=number("0.01"))
TENS = Field("x", "integer", multiple_of=number(10), minimum=number(-20))
CODE = Field("x", pattern="^[A-Z]{2}[0-9]+$")
PART = Field("x", pattern="[0-9]")
NULL = Field("x", nullable=True)
DAY, CLOCK, MOMENT = Field("x", "date"), Field("x", "time"), Field("x", "datetime")
MONTH, WEEK = Field("x", "month"), Field("x", "week")
FREE = Field("x", "json")
NUMBERS = Field("x", "list", items=Field("item", "number"))
WHOLES = Field("x", "list", items=Field("item", "integer", minimum=number(0)), min_items=2, max_items=3)
VECTOR = Field("x", "list", items=Field("item", "number"), min_items=3, max_items=3)
LONG_VECTOR = replace(VECTOR, min_items=40, max_items=40)
WORDS = Field("x", "list", items=Field("item", max_length=5), unique=True)
PLAIN_LIST = Field("x", "list")
PICKED = Field("x", "list", items=Field("item", choices=("a", 1, "1")))
MATRIX = Field("x", "list", items=NUMBERS)
PEOPLE = Field(
    "x",
    "rows",
    fields=(
        Field("who", label="Who is it"),
        Field("age", "integer", column="Age", minimum=number(0)),
        Field("vip", "boolean", required=False),
        Field("kind", fixed="person"),
    ),
)
ADA = {"who": "Ada", "age": 36, "vip": None, "kind": "person"}
BOB = {"who": "Bob, Jr", "age": 7, "vip": True, "kind": "person"}
LABELLED = Field("x", choices=(1, 2, 0.5), choice_labels=("One", "Two", "Half"))
MANY = Field("x", choices=tuple(range(100)))
PREFILLED = Field("x", "boolean", default=True)


def optional(field: Field) -> Field:
    return replace(field, required=False)


# field, typed, sent as JSON, outcome. A list that is typed is what several controls of one name send.
TABLE: list[tuple[Field, Any, Any, Any]] = [
    (OPEN, "0.5", 0.5, number("0.5")),
    (OPEN, "0", 0, REFUSED),
    (OPEN, "1", 1, REFUSED),
    (OPEN, "1e-300", 1e-300, number("1e-300")),
    (HALVES, "2.5", 2.5, number("2.5")),
    (HALVES, "-1", -1, number(-1)),
    (HALVES, "0.3", 0.3, REFUSED),
    (HALVES, "1e300", 1e300, number("1e300")),
    (CENTS, "0.07", 0.07, number("0.07")),
    (CENTS, "123456789012345678901234567890.01", ELSEWHERE, number("123456789012345678901234567890.01")),
    (CENTS, "0.001", 0.001, REFUSED),
    (TENS, "-20", -20, -20),
    (TENS, "-30", -30, REFUSED),
    (TENS, "15", 15, REFUSED),
    (CODE, "AB12", "AB12", "AB12"),
    (CODE, "xAB12", "xAB12", REFUSED),
    (CODE, "AB12\n", "AB12\n", REFUSED),
    (CODE, "AB١", "AB١", REFUSED),
    (PART, "room 5", "room 5", "room 5"),
    (PART, "room", "room", REFUSED),
    (NULL, "", None, None),
    (NULL, ELSEWHERE, "", ""),
    (DAY, "2024-02-29", "2024-02-29", "2024-02-29"),
    (DAY, "2023-02-29", "2023-02-29", REFUSED),
    (DAY, "20240229", "20240229", REFUSED),
    (DAY, "29.02.2024", "29.02.2024", REFUSED),
    (DAY, "2024-W09-4", 20240229, REFUSED),
    (DAY, "", None, REFUSED),
    (optional(DAY), "", None, None),
    (MONTH, "2024-02", "2024-02", "2024-02"),
    (MONTH, "2024-13", "2024-13", REFUSED),
    (MONTH, "2024-2", 202402, REFUSED),
    (WEEK, "2020-W53", "2020-W53", "2020-W53"),
    (WEEK, "2024-W53", "2024-W53", REFUSED),
    (WEEK, "2024-W09-4", "2024W09", REFUSED),
    (WEEK, "", None, REFUSED),
    (CLOCK, "09:30", "09:30", "09:30:00"),
    (CLOCK, "09:30:15.25", "09:30:15.25", "09:30:15.25"),
    (CLOCK, "09:30+02:00", "09:30+02:00", "09:30:00+02:00"),
    (CLOCK, "24:00", "24:00", REFUSED),
    (CLOCK, "9:30", 930, REFUSED),
    (MOMENT, "2024-02-29T09:30", "2024-02-29T09:30", "2024-02-29T09:30:00Z"),
    (MOMENT, "2024-02-29 09:30:15", "2024-02-29 09:30:15", "2024-02-29T09:30:15Z"),
    (MOMENT, "2024-02-29T09:30:15.5+05:30", "2024-02-29t09:30:15.5+05:30", "2024-02-29T09:30:15.5+05:30"),
    (MOMENT, "2024-02-29T09:30z", "2024-02-29T09:30Z", "2024-02-29T09:30:00Z"),
    (MOMENT, "2024-02-30T09:30", "2024-02-30T09:30", REFUSED),
    (MOMENT, "2024-02-29", "2024-02-29", REFUSED),
    (MOMENT, "2024-02-29T09:30+25:00", "2024-02-29T09:30+25:00", REFUSED),
    (FREE, '{"a": [1, 2.5, null, "x"]}', {"a": [1, 2.5, None, "x"]}, {"a": [1, 2.5, None, "x"]}),
    (FREE, "18446744073709551617", 2**64 + 1, 2**64 + 1),
    (FREE, '{"a": 1,}', ELSEWHERE, REFUSED),
    (FREE, '{"a": 1, "a": 2}', ELSEWHERE, REFUSED),
    (FREE, "NaN", math.nan, REFUSED),
    (FREE, "[1e999]", [math.inf], REFUSED),
    (FREE, "9" * 5000, ELSEWHERE, REFUSED),
    (FREE, "[" * 200 + "]" * 200, json.loads("[" * 200 + "]" * 200), REFUSED),
    (FREE, "[" * 100_000, ELSEWHERE, REFUSED),
    (FREE, "", None, REFUSED),
    (NUMBERS, "1, 2.5\n-3 4;5", ELSEWHERE, REFUSED),
    (NUMBERS, "1, 2.5\n-3 4", [1, 2.5, -3, 4], [number(1), number("2.5"), number(-3), number(4)]),
    (NUMBERS, "1.5\t2.5", [1.5, 2.5], [number("1.5"), number("2.5")]),
    (NUMBERS, "[1, 9007199254740993]", [1, 9007199254740993], [number(1), number(9007199254740993)]),
    (NUMBERS, "1,5;2,5", ["1,5", "2,5"], REFUSED),
    (NUMBERS, "1,5 2,5", ELSEWHERE, REFUSED),
    (NUMBERS, "1 x", [1, "x"], REFUSED),
    (NUMBERS, "1 NaN", [1, math.nan], REFUSED),
    (NUMBERS, ELSEWHERE, 5, REFUSED),
    (NUMBERS, ELSEWHERE, {"0": 1}, REFUSED),
    (NUMBERS, ELSEWHERE, [], []),
    (NUMBERS, "", None, REFUSED),
    (optional(NUMBERS), "", None, None),
    (WHOLES, "1 2", [1, 2], [1, 2]),
    (WHOLES, "1", [1], REFUSED),
    (WHOLES, "1 2 3 4", [1, 2, 3, 4], REFUSED),
    (WHOLES, "1 -2", [1, -2], REFUSED),
    (VECTOR, "1 2 3", [1, 2, 3], [number(1), number(2), number(3)]),
    (VECTOR, ["1", "2", " 3"], [1, 2, 3], [number(1), number(2), number(3)]),
    (VECTOR, ["1 2 3", "", ""], ELSEWHERE, [number(1), number(2), number(3)]),
    (VECTOR, ["1", "", "3"], [1, None, 3], REFUSED),
    (VECTOR, ["1", "2"], [1, 2], REFUSED),
    (VECTOR, ["", "", ""], None, REFUSED),
    (LONG_VECTOR, "0 " * 40, [0] * 40, [number(0)] * 40),
    (LONG_VECTOR, "0 " * 39, [0] * 39, REFUSED),
    (WORDS, "one\r\n\r\ntwo, 2", ["one", "two, 2"], REFUSED),
    (WORDS, "one\r\n\r\n t,2", ["one", " t,2"], ["one", " t,2"]),
    (WORDS, "one\none", ["one", "one"], REFUSED),
    (WORDS, "[1]", ["[1]"], ["[1]"]),
    (WORDS, ELSEWHERE, [1], REFUSED),
    (PLAIN_LIST, "a\nb", ["a", "b"], ["a", "b"]),
    (PLAIN_LIST, ELSEWHERE, [1, {"a": None}], [1, {"a": None}]),
    (PICKED, ["0", "2"], ["a", "1"], ["a", "1"]),
    (PICKED, ["1"], [1], [1]),
    (PICKED, [], None, REFUSED),
    (PICKED, ["3"], ["b"], REFUSED),
    (PICKED, ["x"], "a", REFUSED),
    (optional(PICKED), [], None, None),
    (MATRIX, "1 2\n3 4", [[1, 2], [3, 4]], [[number(1), number(2)], [number(3), number(4)]]),
    (MATRIX, "[[1, 2], [3]]", [[1, 2], [3]], [[number(1), number(2)], [number(3)]]),
    (MATRIX, "1 2\n3 x", [[1, 2], [3, "x"]], REFUSED),
    (PEOPLE, 'Ada\t36\t\n"Bob, Jr"\t7\tyes', [{"who": "Ada", "age": 36}, {**BOB, "kind": "tampered"}], [ADA, BOB]),
    (PEOPLE, 'Age,who,vip\n36,Ada,\n7,"Bob, Jr",yes', ELSEWHERE, [ADA, BOB]),
    (PEOPLE, "Ada;36;", ELSEWHERE, [ADA]),
    (PEOPLE, "Who is it\tAge\tvip\r\nAda\t36\t\r\n", ELSEWHERE, [ADA]),
    (PEOPLE, "AGE\tWHO IS IT\n36\tAda", ELSEWHERE, [ADA]),
    (PEOPLE, "\ufeffwho\tage\nAda\t36", ELSEWHERE, [ADA]),
    (PEOPLE, "who\tage\tsalary\nAda\t36\t9", ELSEWHERE, REFUSED),
    (PEOPLE, '[{"who": "Ada", "age": 36}]', [{"who": "Ada", "age": 36}], [ADA]),
    (PEOPLE, "Ada\tx\t", [{"who": "Ada", "age": "36"}], REFUSED),
    (PEOPLE, "Ada\t-1\t", [{"who": "Ada", "age": -1}], REFUSED),
    (PEOPLE, "Ada\t1\tyes\tmore", ["Ada"], REFUSED),
    (PEOPLE, "Ada", [{"who": "Ada"}], REFUSED),
    (PEOPLE, '"Ada', {"who": "Ada"}, REFUSED),
    (PEOPLE, "", None, REFUSED),
    (LABELLED, ["0"], 1, 1),
    (LABELLED, ["2"], 0.5, number("0.5")),
    (LABELLED, ELSEWHERE, "One", REFUSED),
    (LABELLED, ELSEWHERE, True, REFUSED),
    (MANY, "99", 99, 99),
    (MANY, "100", 100, REFUSED),
    (PREFILLED, ["1"], False, False),
]


def by_form(field: Field, typed: Any) -> Any:
    return _through(field, MultiDict({"x": typed} if typed != [] else {}))


def by_box(field: Field, sent: Any) -> Any:
    return _through(field, MultiDict({"_json": json.dumps({"x": sent})}))


def _through(field: Field, sent: MultiDict[str, Any]) -> Any:
    form = form_class(Schema((field,)))(sent)
    if not form.validate():
        raise InvalidValue(str(form.wrong()))
    return form.row()["x"]


DOORS = {"text": (by_text, TYPED), "form": (by_form, TYPED), "json": (by_json, SENT), "box": (by_box, SENT)}


@pytest.mark.parametrize(("door", "field", "value", "outcome"), through(DOORS, TABLE))
def test_a_value_has_the_same_outcome_by_every_door(door: Door, field: Field, value: Any, outcome: Any) -> None:
    check(door, field, value, outcome)


@pytest.mark.parametrize(
    ("field", "value"),
    [(row[0], row[3]) for row in TABLE if row[3] is not REFUSED and row[3] is not None and row[0] is not PREFILLED],
)
def test_what_stands_in_the_box_is_read_as_the_same_again(field: Field, value: Any) -> None:
    """An answer opened again, an example and a round through JSON all write values into boxes."""
    if field is PICKED or value in ("", []) or value == [1, {"a": None}]:
        return  # ticks; what only JSON can say
    again = field.parse(written(field, value), "text")
    assert again == value or written(field, again) == written(field, value)


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        (OPEN, "0", "Use more than 0."),
        (OPEN, "1", "Use less than 1."),
        (HALVES, "0.3", "Use a multiple of 0.5."),
        (CODE, "ab", "Use 2 capital letters, then digits."),
        (DAY, "1.2.2024", "such as 2024-02-29"),
        (FREE, '{"a": 1,\n"b" 2}', "line 2, column 5"),
        (FREE, '{"a": NaN}', "JSON has no NaN."),
        (FREE, '{"a": 1, "a": 1}', "names a twice"),
        (FREE, "[" * 101 + "]" * 101, "nested too deeply"),
        (NUMBERS, "1 2 x", "Value 3: Enter a number"),
        (NUMBERS, "1,5 2,5", "by spaces or by commas"),
        (NUMBERS, "1;2,5", "Value 2: Write the decimal point as a point: 2.5."),
        (WHOLES, "1", "Use at least 2 values; this is 1."),
        (WORDS, "a\na", "Use no value twice."),
        (PEOPLE, "Ada\t36\t\nBob\tx\t", "Row 2, age: enter a whole number"),
        (PEOPLE, "a\t1\t\t5", "Line 1 has 4 columns; there are 3."),
        (MANY, "100", "Choose one of the list."),
        (Field("x", "file"), "", "Choose a file."),
        (Field("x", "file"), "not base64!", "in base64"),
    ],
)
def test_a_refusal_says_what_to_do(field: Field, typed: str, words: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        field.parse(typed)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (OPEN, "A number, more than 0 and less than 1."),
        (HALVES, "A number, a multiple of 0.5."),
        (TENS, "A whole number, -20 or more, a multiple of 10."),
        (replace(TENS, maximum=number("1E+2")), "A whole number from -20 to 100, a multiple of 10."),
        (CODE, "2 capital letters, then digits."),
        (MOMENT, "The time is meant in UTC."),
        (FREE, "JSON."),
        (NUMBERS, "Numbers, separated by spaces, commas or lines."),
        (WHOLES, "Whole numbers, 0 or more, separated by spaces, commas or lines. 2 to 3 values."),
        (VECTOR, "3 numbers."),
        (WORDS, "One a line. No value twice."),
        (MATRIX, "One row a line."),
        (PEOPLE, "Rows of Who is it, age, vip, as in a spreadsheet."),
        (Field("x", "file", accept="image/*"), "A picture."),
        (Field("x", format="email", max_length=9), "An e-mail address. Up to 9 characters."),
    ],
)
def test_the_hint_says_every_limit(field: Field, said: str) -> None:
    assert hint(field) == said


# Files

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("given", "content_type"),
    [
        (Upload(PNG, "a.png", "image/png"), "image/png"),
        (base64.b64encode(PNG).decode(), "application/octet-stream"),
        ("data:image/png;base64," + base64.b64encode(PNG).decode(), "image/png"),
        ("data:image/png;charset=x;base64," + base64.b64encode(PNG).decode(), "image/png"),
        ("data:<b>;base64," + base64.b64encode(PNG).decode(), "application/octet-stream"),
    ],
)
def test_a_file_comes_as_an_upload_in_base64_or_as_a_data_url(given: Any, content_type: str) -> None:
    for source in ("text", "json"):
        found = Field("x", "file", accept="image/*").parse(given, source)
        assert (found.data, found.content_type) == (PNG, content_type)


@pytest.mark.parametrize("given", ["x", "data:,x", "data:image/png,x", "data:image/png;base64,%%", 5, ["x"], True, {}])
def test_what_is_no_file_is_refused(given: Any) -> None:
    with pytest.raises(InvalidValue):
        Field("x", "file").parse(given, "json")


def test_a_file_of_another_type_or_without_content_is_refused() -> None:
    """Of pictures the content tells, not the name: see test_pictures.py."""
    for upload in (Upload(b"x", "a.txt", "text/plain"), Upload(b"", "a.wav", "audio/wav")):
        with pytest.raises(InvalidValue):
            Field("x", "file", accept="audio/*").parse(upload)


@pytest.mark.parametrize(
    ("name", "claimed", "meant"),
    [
        ("a.PNG", "text/html", "image/png"),
        ("a.webp", "", "image/webp"),
        ("noname", "audio/wav; rate=5", "audio/wav"),
        ("noname", "<script>", "application/octet-stream"),
        ("x" * 10_000 + ".jpg", "", "image/jpeg"),
        ("", "", "application/octet-stream"),
    ],
)
def test_the_name_says_the_type_and_failing_that_the_sender(name: str, claimed: str, meant: str) -> None:
    assert content_type_of(name, claimed) == meant


def test_rows_and_files_become_plain_json() -> None:
    inner = Field("street", column="Street", place=("address",))
    fields = (replace(PEOPLE, name="people", column="People"), Field("file", "file", send="data_url"), inner)
    row: dict[str, Any] = {"people": [ADA], "file": Upload(PNG, "a.png", "image/png"), "street": "Main"}
    people = [{"who": "Ada", "Age": 36, "kind": "person"}]
    assert plain(fields[0], [ADA]) == people
    made = record(fields, row)
    assert made == {"People": people, "file": row["file"].data_url(), "address": {"Street": "Main"}}
    assert without_files(row)["file"].startswith("sha256:")
    assert json.dumps(without_files(row)) == json.dumps(without_files({**row, "file": Upload(PNG, "b.png")}))


# Patterns

SLOW = [
    "^(a+)+$", "(a*)*b", "(a|a)*b", "(a|ab)*c", "^(\\w+\\s?)*$", "(x+x+)+y", "((a{1,5}){1,5}){1,5}", "(a?){30}a{30}",
    "(?:a+){2,}", "(a{0,9}){9}", "a?" * 40 + "a" * 40, "(?=(a+)+b)", "a*" * 20 + "b", ".*.*.*.*x", "(a|b|ab)" * 30,
    "\\s*\\s*\\s*\\s*$", "[ab]+[ab]+[ab]+c", "(((((a+)+)+)+)+)+",
]  # fmt: skip


@pytest.mark.parametrize("pattern", SLOW)
def test_no_pattern_takes_for_ever(pattern: str) -> None:
    started = time.thread_time()
    for length in (5, 30, 300, 3000, 10_000, 100_000):
        for text in ("a" * length, "x" * length + "!", " " * length + "\x00", "ab" * (length // 2) + "d"):
            matches(pattern, text)
    assert time.thread_time() - started < 5


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("^[A-Z]{2}$", "DE", "DEU"),
        ("^[A-Z]{2}$", "DE", "DE\n"),
        ("b", "abc", "xyz"),
        ("^(red|green)$", "red", "redd"),
        ("^(?:[0-9]{3}-)?[0-9]{4}$", "123-4567", "12-4567"),
        ("^(\\d{3}-){2}\\d{4}$", "123-456-7890", "123-4567"),
        ("^[[a]$", "[", "b"),
        ("^(?<year>[0-9]{4})$", "2024", "24"),
        ("^\\S+@\\S+\\.\\S+$", "a@b.de", "a.de"),
        ("^[\\w.&&-]+$", "a-b", "a b"),
        ("^\\/\\$$", "/$", "/"),
        ("^a{0,3}$", "aa", "aaaa"),
    ],
)
def test_patterns_mean_what_they_mean_in_json_schema(pattern: str, good: str, bad: str) -> None:
    assert matches(pattern, good)
    assert not matches(pattern, bad)


@pytest.mark.parametrize(
    "pattern", ["(", "[", "\\p{L}+", "a" * 501, "a{99999999999}", "a++", "[^]", "[a--b]", ")", "(" * 400]
)
def test_a_pattern_that_is_not_understood_holds_nobody_up(pattern: str) -> None:
    assert compiled(pattern) is None
    assert matches(pattern, "anything")


# Whatever comes

JUNK: list[Any] = [
    None, True, False, 0, -1, 2**70, 1.5, math.nan, math.inf, Decimal("1e9999"), "", " ", "x", "1", "\x00", "\ud800",
    "[", "{}", "[[]]", "9" * 5000, "data:;base64,", "1,2;3", "a\tb\nc", '"', [], [[]], [None], [1, "x"], ["x"] * 3,
    [{"a": 1}], {}, {"a": {}}, {"x": None}, Upload(b"x"), "\u2028", "2024-01-01T00:00:00+99:99",
    "0001-01-01T00:00+23:00",
]  # fmt: skip


@pytest.mark.parametrize("kind", get_args(Kind))
def test_whatever_comes_is_read_or_refused(kind: Kind) -> None:
    fields = [
        Field("x", kind),
        Field("x", kind, required=False, nullable=True, minimum=number(0), above=number(0), multiple_of=number("0.3")),
        Field("x", kind, choices=("1", 1, True, 2.5), choice_labels=("One",)),
        Field("x", kind, items=Field("i", "integer"), min_items=2, max_items=2, unique=True, pattern="(a+)+"),
        Field(
            "x", kind, items=Field("i", choices=("x", 1)), fields=(Field("a"), Field("b", "list"), Field("c", "rows"))
        ),
        Field("x", kind, secret=True, deprecated=True, accept="image/*"),
    ]
    for field, value in itertools.product(fields, JUNK):
        for source in ("text", "json"):
            if source == "text" and not isinstance(value, str | Upload | None):
                continue
            with contextlib.suppress(InvalidValue):
                field.parse(value, source)
        form = form_class(Schema((field,)))
        typed = value if isinstance(value, str) else str(value)
        for given in ([("x", typed)], [("x", typed), ("x", typed)], [("_json", typed)]):
            bound = form(MultiDict(given))
            if bound.validate():
                bound.row()
        assert form(values={"x": value}).data is not None


def test_a_long_list_is_read_in_a_moment() -> None:
    started = time.thread_time()
    assert len(NUMBERS.parse("1.5 " * 100_000)) == 100_000
    assert len(PEOPLE.parse("Ada\t36\t\n" * 10_000)) == 10_000
    for field, text in ((NUMBERS, "1 " * 100_001), (PEOPLE, "Ada\t36\t\n" * 10_001)):
        with pytest.raises(InvalidValue, match="Use at most"):
            field.parse(text)
    assert time.thread_time() - started < 5


def test_strict_json_keeps_numbers_exact() -> None:
    exact = "0.12345678901234567890123"
    assert read_strict(f"[1, 0.1, {exact}]") == [1, 0.1, Decimal(exact)]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"^\d{5}$", "5 digits"),
        ("^[A-Z]{2}[0-9]{4}$", "2 capital letters, then 4 digits"),
        (r"^[A-Z]{3}-\d+$", "3 capital letters, then “-”, then digits"),
        (r"^v\.[0-9]{1,3}$", "“v.”, then 1 to 3 digits"),
        ("^[a-z]{2,}$", "at least 2 small letters"),
        ("^[0-9]{1}$", "1 digit"),
        ("[0-9]{5}", ""),
        (r"^\d{5}(-\d{4})?$", ""),
        (r"^\d*$", ""),
        ("^a.c$", ""),
        ("^x{3}$", ""),
        ("^a|b$", ""),
        ("^$", ""),
        (r"^(a+)+\d$", ""),
    ],
)
def test_the_usual_patterns_are_said_in_words(pattern: str, words: str) -> None:
    assert pattern_words(pattern) == words


def test_a_table_names_its_wrong_cells() -> None:
    with pytest.raises(InvalidValue) as refused:
        PEOPLE.parse("\n".join(["Ada\t1\t", "Ada\t-1\tperhaps", *["\t1\t"] * 100]))
    assert refused.value.cells[:3] == [(1, 1), (1, 2), (2, 0)]
    assert len(refused.value.cells) == 50
    assert str(refused.value) == (
        "Row 2, age: use 0 or more. Row 2, vip: choose yes or no. Row 3, Who is it: fill this in. And many more cells."
    )
    with pytest.raises(InvalidValue, match=r"There is no column salary\. There are: who, age, vip\."):
        PEOPLE.parse("who\tage\tsalary\nAda\t36\t9")


def test_a_help_text_ends_before_the_limits_begin() -> None:
    said = [hint(Field("x", help=help_, max_length=9)) for help_ in ("As in the passport", "Really?", "In (cm)", "")]
    assert said == [
        "As in the passport. Up to 9 characters.",
        "Really? Up to 9 characters.",
        "In (cm). Up to 9 characters.",
        "Up to 9 characters.",
    ]
