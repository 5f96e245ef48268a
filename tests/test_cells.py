"""What Excel, LibreOffice, pandas and R write into files of rows: taken there where only one thing can be meant, and
refused in words that say what to do where not. The form and programs stay strict: see test_values.py."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from doors import REFUSED, by_json, by_text

from FlaskAppAML import sheets
from FlaskAppAML.batch import Plan
from FlaskAppAML.batch.cells import read_cell
from FlaskAppAML.batch.plan import read
from FlaskAppAML.schema import Field, Schema
from FlaskAppAML.schema.values import InvalidValue

SHEETS = Path(__file__).resolve().parent / "sheets"
DAY, MOMENT, WHOLE, NUMBER = (Field("x", kind) for kind in ("date", "datetime", "integer", "number"))
SWITCH, TEXT = Field("x", "boolean"), Field("x")
COUNTRY = Field("x", choices=("NA", "DE"))
SIZE = Field("x", choices=("S", "M"), required=False)
FEW = Field("x", "integer", maximum=Decimal(10))


def optional(field: Field) -> Field:
    return replace(field, required=False)


# field, cell, outcome: each is refused by the form
TAKEN: list[tuple[Field, str, Any]] = [
    (DAY, "2024-01-31 00:00:00", "2024-01-31"),  # pandas and spreadsheets
    (DAY, "2024-01-31T00:00:00.000", "2024-01-31"),  # pandas
    (DAY, "2024-01-31 00:00", "2024-01-31"),
    (DAY, " 2024-01-31T00:00:00 ", "2024-01-31"),
    (MOMENT, "2024-01-31", "2024-01-31T00:00:00Z"),  # Excel and pandas leave out the time of a midnight
    (WHOLE, "5.0", 5),  # pandas, where another value is missing
    (WHOLE, "-5.", -5),
    (WHOLE, "1e5", 100_000),
    (WHOLE, "1e+05", 100_000),  # R
    (WHOLE, "1.5E+10", 15_000_000_000),
    (WHOLE, "1e+16", 10**16),  # what Excel holds
    (WHOLE, "1,234,567", 1_234_567),
    (WHOLE, "1,234.0", 1234),
    (WHOLE, "1 234", 1234),
    (NUMBER, "1,234.5", Decimal("1234.5")),
    (NUMBER, "-12,345,678", Decimal(-12_345_678)),
    (NUMBER, "1\u202f234,50", Decimal("1234.50")),  # French
    (NUMBER, "12\u00a0345.5", Decimal("12345.5")),
    (NUMBER, "1'234.5", Decimal("1234.5")),  # Swiss
    (SWITCH, "1.0", True),  # pandas, where another value is missing
    (SWITCH, "0.0", False),
    (SWITCH, "t", True),  # PostgreSQL
    (SWITCH, "F", False),
    (SWITCH, "Y", True),
    (optional(NUMBER), "NA", None),  # R
    (optional(WHOLE), "<NA>", None),
    (optional(NUMBER), "NaN", None),
    (optional(NUMBER), "nan", None),
    (optional(SWITCH), "NULL", None),
    (optional(DAY), "NaT", None),
    (optional(NUMBER), "#N/A", None),
    (SIZE, "N/A", None),
    (replace(NUMBER, nullable=True), "NA", None),
]


@pytest.mark.parametrize(("field", "cell", "outcome"), TAKEN)
def test_what_programs_write_is_taken_in_files_and_there_alone(field: Field, cell: str, outcome: Any) -> None:
    got = read_cell(field, cell, "text")
    assert (got, type(got)) == (outcome, type(outcome))
    for door in (by_text, by_json):
        with pytest.raises(InvalidValue):
            door(field, cell)


@pytest.mark.parametrize(
    ("field", "cell", "outcome"),
    [
        (SWITCH, "TRUE", True),
        (SWITCH, "False", False),
        (WHOLE, "5", 5),
        (NUMBER, "5.0", Decimal("5.0")),
        (NUMBER, "1e5", Decimal("1e5")),
        (TEXT, "NA", "NA"),  # may be Namibia
        (TEXT, "1,234.5", "1,234.5"),
        (COUNTRY, "NA", "NA"),
        (MOMENT, "2024-01-31 00:00:00", "2024-01-31T00:00:00Z"),
        (DAY, "2024-01-31 12:00:00", REFUSED),
        (DAY, "2024-01-31 00:00:00+00:00", REFUSED),  # which day that is depends on where one is
        (DAY, "2024-02-30 00:00:00", REFUSED),
        (DAY, "31.01.2024", REFUSED),
        (WHOLE, "5.5", REFUSED),
        (WHOLE, "5,0", REFUSED),
        (FEW, "1e5", REFUSED),
        (WHOLE, "1e9999", REFUSED),
        (WHOLE, "1,23,456", REFUSED),
        (NUMBER, "1,2345.5", REFUSED),
        (NUMBER, "Inf", REFUSED),
        (SWITCH, "2.0", REFUSED),
    ],
)
def test_the_rest_is_as_everywhere(field: Field, cell: str, outcome: Any) -> None:
    if outcome is REFUSED:
        with pytest.raises(InvalidValue):
            read_cell(field, cell, "text")
    else:
        assert read_cell(field, cell, "text") == outcome


@pytest.mark.parametrize(
    ("field", "cell", "words"),
    [
        (NUMBER, "1,234", "1,234 may be 1.234 or 1234; write it in one of these ways."),
        (WHOLE, "12,000", "12,000 may be 12.000 or 12000; write it in one of these ways."),
        (NUMBER, "1,5", "Write the decimal point as a point: 1.5."),
        (NUMBER, "5%", "Write the number alone, without %: 5% as 5 or as 0.05, whichever the model expects."),
        (NUMBER, "5,5 %", "Write the number alone, without %: 5% as 5 or as 0.05, whichever the model expects."),
        (NUMBER, "$1,234.50", "Write the number alone, without $."),
        (NUMBER, "1.234,50 €", "Write the number alone, without €."),
        (WHOLE, "EUR 12", "Write the number alone, without EUR."),
        (WHOLE, "12 kg", "Write the number alone, without kg."),
        (NUMBER, "(1,234.50)", "Enter a number, such as 2.5."),
        (NUMBER, "#DIV/0!", "Enter a number, such as 2.5."),
        (NUMBER, "NA", "Fill this in."),
        (SWITCH, "NA", "Choose one."),
        (SWITCH, "WAHR", "Choose yes or no."),
        (WHOLE, "4.00638E+12", "A spreadsheet has shortened this number, and digits are lost."),
        (WHOLE, "1.2345678901234568e+17", "A spreadsheet has shortened this number, and digits are lost."),
        (DAY, "31/01/2024", "Write the date as year-month-day, such as 2024-02-29."),
        (FEW, "11.0", "Use 10 or less."),
    ],
)
def test_a_refusal_says_what_to_do(field: Field, cell: str, words: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_cell(field, cell, "text")
    assert str(caught.value).startswith(words)


def test_json_lines_have_types_and_dates_alone_are_texts_there() -> None:
    assert read_cell(DAY, "2024-01-31T00:00:00.000", "json") == "2024-01-31"
    for field, value in ((WHOLE, "5.0"), (optional(NUMBER), "NA"), (SWITCH, "TRUE"), (DAY, 1706659200000)):
        with pytest.raises(InvalidValue):
            read_cell(field, value, "json")


def rows_of(data: bytes, name: str, fields: list[Field]) -> list[tuple[dict[str, Any], str]]:
    file = io.BytesIO(data)
    sheet = sheets.look(file, name)
    plan = Plan(sheet, sheets.match(sheet, fields).columns)
    return [read(Schema(tuple(fields)), plan, row) for row in sheets.rows(file, sheet)]


@pytest.mark.parametrize(
    "name", ["pandas.csv", "pandas.jsonl", "pandas-decimal-commas.csv", "pandas-xlsxwriter.xlsx", "libreoffice.csv"]
)
def test_files_of_pandas_and_libreoffice_are_read_whole(name: str) -> None:
    fields = [
        Field("number", "number", required=False),
        Field("since", "date", required=False),
        Field("listed", "boolean"),
    ]
    found = rows_of((SHEETS / name).read_bytes(), name, fields)
    assert [why for _, why in found] == [""] * len(found)
    assert [row["since"] for row, _ in found[:3]] == ["1999-12-31", "2024-02-29", None]


def test_a_file_of_r_in_europe() -> None:
    """`write.csv2`: semicolons, decimal commas, NA."""
    data = b'"price";"ok";"count"\n1,5;TRUE;1e+05\nNA;FALSE;NA\n1.234,5;NA;3\n'
    fields = [optional(Field("price", "number")), optional(Field("ok", "boolean")), optional(Field("count", "integer"))]
    found = rows_of(data, "r.csv", fields)
    assert [why for _, why in found] == ["", "", ""]
    assert json.dumps([list(row.values()) for row, _ in found], default=str) == json.dumps(
        [["1.5", True, 100000], [None, False, None], ["1234.5", None, 3]]
    )


def test_a_file_of_a_french_spreadsheet() -> None:
    data = "prix;n\n950,00;1\n1\u202f234,50;2\n12 345;3\n".encode()
    found = rows_of(data, "f.csv", [Field("prix", "number"), Field("n", "integer")])
    assert [row["prix"] for row, _ in found] == [Decimal("950.00"), Decimal("1234.50"), Decimal(12345)]
