"""CSV that Excel reads as UTF-8 and that runs nothing."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from FlaskAppAML.results import Box, Boxes, Column, Json, Number, Score, Scores, Span, Spans, Table, Text, Vector
from FlaskAppAML.results.downloads import csv_text


def read_back(text: str) -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def cell(value: Any) -> str:
    ((_,), (written,)) = read_back(csv_text([Table("t", [Column("c")], [[value]])]))
    return written


@pytest.mark.parametrize(
    "formula",
    [
        "=1+1", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-", "+", "--1", "-1.5 x", "-e5",
        "-1\n=2", "+3e5e5", "-1e", "=", "-١",
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_has_an_apostrophe(formula: str) -> None:
    assert cell(formula) == f"'{formula}"


@pytest.mark.parametrize("number", ["-1.5", "+3e5", "-1E-10", "-.5", "+7", "1e5"])
def test_numbers_keep_their_sign(number: str) -> None:
    assert cell(number) == number
    assert cell(float(number)) == str(float(number))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        ("", ""),
        (0, "0"),
        (-7, "-7"),
        (2**63, "9223372036854775808"),
        (0.1, "0.1"),
        ('say "hi", then; go', 'say "hi", then; go'),
        ("two\r\nlines\nmore", "two\r\nlines\nmore"),
        ("Grüße 😀 שלום", "Grüße 😀 שלום"),
        ("a\x00b", "a\ufffdb"),
        ({"a": [1, "é"]}, '{"a": [1, "é"]}'),
        ([1.5, float("nan")], '[1.5, "NaN"]'),
        ("a=b", "a=b"),
        (" =1", " =1"),
    ],
)
def test_a_value_is_read_back_as_it_was(value: Any, written: str) -> None:
    assert cell(value) == written


def test_all_rows_of_a_table_are_written() -> None:
    """A view in front of the table does not hide it."""
    table = Table("t", [Column("a"), Column("=b")], [[i, None] for i in range(1000)])
    parts = [Scores([Score("x", 1.0)], "t", of_table=True), table]
    rows = read_back(csv_text(parts))
    assert rows[0] == ["a", "'=b"]
    assert rows[1:] == [[str(i), ""] for i in range(1000)]
    assert csv_text(parts).count("\r\n") == 1001


def test_several_outputs_make_several_blocks() -> None:
    tables = [Table("one", [Column("a")], [[1]]), Table("=two", [Column("b")], [[2]])]
    assert read_back(csv_text(tables)) == [["one"], ["a"], ["1"], [], ["'=two"], ["b"], ["2"]]


@pytest.mark.parametrize(
    ("parts", "rows"),
    [
        (
            [Scores([Score("=x", 0.5), Score("y", None)], label="Cluster", measure="Distance")],
            [["Cluster", "Distance"], ["'=x", "0.5"], ["y", ""]],
        ),
        ([Table("t", [Column("a")], [])], [["a"]]),
        ([Json({"a": 1}, "n")], [["answer"], ['{"kind": "json", "value": {"a": 1}, "name": "n"}']]),
        ([Text("-x", "n")], [["answer"], ["'-x"]]),
        ([Text("log"), Table("t", [Column("a")], [[1]])], [["a"], ["1"]]),
        ([Number(1.5, "price"), Text("log")], [["price"], ["1.5"]]),
        ([Vector([1.0, -2.0])], [["value"], ["1.0"], ["-2.0"]]),
        (
            [Boxes("b", [Box("=cat", None, 0, 1, 2.5, 3)])],
            [["label", "score", "x0", "y0", "x1", "y1"], ["'=cat", "", "0", "1", "2.5", "3"]],
        ),
        (
            [Spans("", [Span(0, 1, "PER", 0.5, "A")])],
            [["start", "end", "label", "score", "text"], ["0", "1", "PER", "0.5", "A"]],
        ),
        (
            [Scores([Score("a", 1.0)], row=0), Scores([Score("b", 0.5), Score("c", 0.1)], row=1)],
            [["row", "Label", "Score"], ["1", "a", "1.0"], ["2", "b", "0.5"], ["2", "c", "0.1"]],
        ),
        (
            [Scores([Score("a", 1.0)], "tags"), Table("", [Column("took")], [[5]])],
            [["tags"], ["Label", "Score"], ["a", "1.0"], [], [""], ["took"], ["5"]],
        ),
        ([], [["answer"]]),
        (
            [Scores([Score("a", 0.9)]), Table("", [Column("version")], [["3"]])],
            [[""], ["Label", "Score"], ["a", "0.9"], [], [""], ["version"], ["3"]],
        ),
    ],
)
def test_an_answer_without_a_table_can_be_downloaded_too(parts: list[Any], rows: list[list[str]]) -> None:
    assert read_back(csv_text(parts)) == rows
