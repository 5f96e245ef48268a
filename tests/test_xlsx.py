"""XLSX that a spreadsheet reads and that runs nothing, read back from the file itself."""

from __future__ import annotations

import io
import zipfile
from typing import Any
from xml.etree import ElementTree

import pytest
from conftest import COMPANY, KEY, MakeApp
from flask.testing import FlaskClient
from house import check

from demo.server import Demo
from FlaskAppAML.results import Column, Json, Number, Part, Score, Scores, Table, Text
from FlaskAppAML.results.downloads import csv_text, xlsx_bytes

SPACES = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def read_back(data: bytes) -> dict[str, list[list[Any]]]:
    """The cells of each sheet: text, numbers and truths, and None where there is nothing."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        assert not [name for name in book.namelist() if "calc" in name.lower()]
        sheets = ElementTree.fromstring(book.read("xl/workbook.xml")).findall("m:sheets/m:sheet", SPACES)
        found = {}
        for number, sheet in enumerate(sheets, start=1):
            root = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
            assert root.find(".//m:f", SPACES) is None, "a formula"
            found[sheet.attrib["name"]] = [_row(row) for row in root.findall("m:sheetData/m:row", SPACES)]
    return found


def _row(row: ElementTree.Element) -> list[Any]:
    cells: list[Any] = []
    for cell in row.findall("m:c", SPACES):
        letters = cell.attrib["r"].rstrip("0123456789")
        place = 0
        for letter in letters:
            place = place * 26 + ord(letter) - 64
        cells += [None] * (place - 1 - len(cells))
        value = cell.findtext("m:v", None, SPACES)
        kind = cell.attrib.get("t")
        text = "".join(part.text or "" for part in cell.iterfind(".//m:t", SPACES))
        cells.append(text if kind == "inlineStr" else value == "1" if kind == "b" else float(value or "nan"))
    return cells


def cell(value: Any) -> Any:
    (rows,) = read_back(xlsx_bytes([Table("t", [Column("c")], [[value]])])).values()
    return rows[1][0]


@pytest.mark.parametrize(
    "formula", ["=1+1", "=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)", "{=1}", "http://x.example"]
)
def test_what_looks_like_a_formula_is_text(formula: str) -> None:
    assert cell(formula) == formula


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.1, 0.1),
        (-7, -7.0),
        (2**53, float(2**53)),
        (2**53 + 1, "9007199254740993"),
        (-(2**64), "-18446744073709551616"),
        (True, True),
        ("007", "007"),
        ("1.5", "1.5"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        ({"a": [1, "é"]}, '{"a": [1, "é"]}'),
        ("Grüße 😀 שלום", "Grüße 😀 שלום"),
        ("\ud800", "?"),
        ("x" * 40_000, "x" * 32_766 + "…"),
        ("😀" * 20_000, "😀" * 16_383 + "…"),
    ],
)
def test_a_value_is_read_back_as_it_was(value: Any, written: Any) -> None:
    assert cell(value) == written


def test_nothing_is_an_empty_cell() -> None:
    (rows,) = read_back(xlsx_bytes([Table("t", [Column("a"), Column("b")], [[None, 1]])])).values()
    assert rows == [["a", "b"], [None, 1.0]]


def test_each_table_has_a_sheet_with_a_name_that_excel_allows() -> None:
    names = ["one", "ONE", "a/b:c", "'", "x" * 50, "x" * 60, "History", "", "😀", "\ud800"]
    sheets = read_back(xlsx_bytes([Table(name, [Column("a")], [[1]]) for name in names]))
    assert list(sheets)[:4] == ["one", "ONE 2", "a b c", "answer"]
    assert len({name.lower() for name in sheets}) == len(names)
    assert all(0 < len(name) <= 31 and name.lower() != "history" for name in sheets)


def test_a_table_that_is_too_wide_lies_on_its_side() -> None:
    columns = [Column(f"c{i}") for i in range(16_385)]
    (rows,) = read_back(xlsx_bytes([Table("t", columns, [list(range(16_385))])])).values()
    assert len(rows) == 16_385
    assert rows[-1] == ["c16384", 16384.0]


@pytest.mark.parametrize(
    ("parts", "rows"),
    [
        ([Scores([Score("=x", 0.5), Score("y", None)])], [["Label", "Score"], ["=x", 0.5], ["y"]]),
        ([Number(1.5, "price", "Price", "EUR")], [["Price (EUR)"], [1.5]]),
        ([Text("=x", "n")], [["answer"], ["=x"]]),
        ([Json({"a": 1}, "n")], [["answer"], ['{"kind": "json", "value": {"a": 1}, "name": "n"}']]),
        ([], [["answer"]]),
    ],
)
def test_every_answer_has_a_sheet(parts: list[Part], rows: list[list[Any]]) -> None:
    assert list(read_back(xlsx_bytes(parts)).values()) == [rows]


def test_both_sheets_have_the_words_of_the_owner() -> None:
    decision = Column("Scored Labels", label="Decision", values={"1": "approve"})
    columns = [decision, Column("Limit", "number", unit="EUR")]
    table = Table("out", columns, [["1", 0.1 + 0.2], ["0", None]])
    assert csv_text([table]).splitlines()[1:] == ["approve,0.30000000000000004", "0,"]
    assert csv_text([table]).splitlines()[0] == "\ufeffDecision,Limit (EUR)"
    (rows,) = read_back(xlsx_bytes([table])).values()
    assert rows == [["Decision", "Limit (EUR)"], ["approve", pytest.approx(0.3)], ["0"]]


def test_a_kept_answer_is_downloaded(client: FlaskClient) -> None:
    page = check(client.post("/", data=COMPANY).text)
    (link,) = (a["href"] for a in page.all("a") if a["href"].endswith(".xlsx"))
    got = client.get(link)
    assert got.mimetype == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert got.headers["Content-Disposition"].startswith('attachment; filename="answer-')
    assert got.headers["Content-Disposition"].endswith('.xlsx"')
    assert got.headers["Cache-Control"] == "no-store"
    (rows,) = read_back(got.data).values()
    assert rows[1][:3] == ["Contoso Bank", "Banking", "takes deposits and lends money."]
    assert isinstance(rows[1][4], float)
    assert client.get(f"/answers/{'0' * 32}.xlsx").status_code == 404


def test_no_key_gets_into_a_sheet(make_app: MakeApp, demo: Demo) -> None:
    browser = make_app(url=demo.url).test_client()
    page = check(browser.post("/", data={**COMPANY, "text": f"Lends money {KEY.lower()} {KEY}"}).text)
    (link,) = (a["href"] for a in page.all("a") if a["href"].endswith(".xlsx"))
    with zipfile.ZipFile(io.BytesIO(browser.get(link).data)) as book:
        assert all(KEY.encode() not in book.read(name) for name in book.namelist())
