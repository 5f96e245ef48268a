"""Text files of rows, in every encoding and notation -> the right rows, or a sentence that says what to do."""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from FlaskAppAML.errors import InvalidSheet
from FlaskAppAML.schema import Field
from FlaskAppAML.sheets import Row, Sheet, look, look_with_rows, match, rows
from FlaskAppAML.sheets.sheet import MOST_FIRST

ROOT = Path(__file__).resolve().parent.parent
PLAIN = "name,sector,price\r\nContoso,Banking,1.5\r\nFabrikam,Airlines,2\r\n"
TWO = [
    {"name": "Contoso", "sector": "Banking", "price": "1.5"},
    {"name": "Fabrikam", "sector": "Airlines", "price": "2"},
]


def read(data: str | bytes, name: str = "rows.csv", **how: Any) -> tuple[Sheet, list[Row]]:
    file = io.BytesIO(data.encode() if isinstance(data, str) else data)
    sheet, first = look_with_rows(file, name, **how)
    found = list(rows(file, sheet))
    assert first == found[:MOST_FIRST]
    assert not file.closed
    assert sheet.count == len(found)
    assert Sheet.revive(json.loads(json.dumps(sheet.document()))) == sheet
    return sheet, found


def cells(data: str | bytes, name: str = "rows.csv", **how: Any) -> list[dict[str, Any]]:
    return [row.cells for row in read(data, name, **how)[1]]


def refusal(data: str | bytes, name: str = "rows.csv") -> str:
    with pytest.raises(InvalidSheet) as found:
        read(data, name)
    assert found.value.detail.endswith(".")
    return found.value.detail


# Encodings


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("cp1252", "Windows-1252"),
    ],
)
def test_encodings_are_told_apart(encoding: str, said: str) -> None:
    sheet, found = read("name,price\nCafé Müller,3\nÅngström,4\n".encode(encoding))
    assert [row.cells["name"] for row in found] == ["Café Müller", "Ångström"]
    assert sheet.columns == ("name", "price")
    assert sheet.said == f"2 rows, 2 columns, {said}, comma"
    assert bool(sheet.warnings) == (encoding == "cp1252")


def test_utf_16_with_the_mark_of_the_other_end() -> None:
    assert cells(b"\xfe\xff" + PLAIN.encode("utf-16-be")) == TWO


def test_windows_letters_and_latin_ones() -> None:
    assert cells("a;b\n“é”;€\n".encode("cp1252")) == [{"a": "“é”", "b": "€"}]
    sheet, found = read(b"a;b\n\xe9;\x81\n")
    assert (sheet.encoding, found[0].cells["a"]) == ("latin-1", "é")


def test_utf_8_with_one_broken_letter_is_refused_and_not_read_as_another_encoding() -> None:
    said = refusal("a,b\nMüller,1\nMü".encode() + b"\xff\n")
    assert said == "Line 3 has bytes that are no UTF-8. Save it again as “CSV UTF-8”."


@pytest.mark.parametrize("data", [bytes(range(256)) * 9, b"\x7fELF" + bytes(5000), random.Random(1).randbytes(90_000)])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    assert "no text" in refusal(data) or "NUL" in refusal(data)


def test_a_nul_character_is_named_with_its_line() -> None:
    assert refusal("a,b\n" + "x,1\n" * 50_000 + "y\x00,2\n").startswith("Line 50,002 holds a NUL")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "This file is empty"),
        (b"\xef\xbb\xbf", "This file is empty"),
        (b"\r\n \r\n", "This file is empty"),
        (b",,\r\n,,\r\n", "empty"),
        (b"name,sector\r\n", "There is a header and no row"),
        (b"%PDF-1.7\n", "This is PDF"),
        (b"\x1f\x8b\x08" + bytes(20), "This is gzip"),
        (b"<html><table><tr><td>1", "This is a web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "This is an old Excel file"),
        (b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        (b"PK\x03\x04" + bytes(60), "This Excel file is damaged"),
        (b'a,b\n1,"x\n2,y\n', "A quote that opens in line 2 is never closed"),
        (b'a,b\n1,"' + b"x" * 1_100_000, "The row in line 2 is too long"),
        (b'a,b\n1,"' + b"x,2\n" * 900_000 + b'"', "The row in line 2 is too long"),
        (b"a,b\n" + b'"\n",' * 900_000, "is too long"),
        (b"a," * 1_000_000, "This file has 1,000,000 columns; at most 2,000"),
        (b"a," * 5_000 + b"a\n1,2\n", "This file has 5,001 columns; at most 2,000"),
        (b"1," * 5_000 + b"1\n1,2\n", "columns; at most 2,000"),
    ],
)
def test_a_clear_message(data: bytes, said: str) -> None:
    assert said in refusal(data)


# Delimiters, quotes, rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
def test_delimiters_are_found_respecting_quotes(delimiter: str, quoting: Any) -> None:
    made = io.StringIO()
    table = [["name", "a text"], ["x,y;z|w\tv", 'He said "no",\r\nand; went'], ["", "2"], ["’", "1;2;3;4"]]
    csv.writer(made, delimiter=delimiter, quoting=quoting).writerows(table)
    sheet, found = read(made.getvalue())
    assert sheet.delimiter == delimiter
    assert [list(row.cells.values()) for row in found] == table[1:]
    assert [row.line for row in found] == [2, 4, 5]


def test_a_line_for_excel_that_names_the_delimiter() -> None:
    assert cells("sep=;\r\na,b;c\r\n1,5;2\r\n") == [{"a,b": "1,5", "c": "2"}]


def test_one_column_has_no_delimiter() -> None:
    assert cells("text\nOne; two\nThree, and four?\n", header=True)[0] == {"text": "One; two"}


def test_commas_within_semicolons_are_decimal_ones() -> None:
    sheet, found = read("1,5;2,5;3,5\n4,5;5,5;6,5\n")
    assert (sheet.delimiter, sheet.has_header, len(sheet.columns)) == (";", False, 3)
    assert list(found[0].values.values()) == ["1.5", "2.5", "3.5"]


def test_a_table_pasted_from_a_spreadsheet() -> None:
    assert cells(PLAIN.replace(",", "\t"), "pasted") == TWO


def test_a_name_that_zip_files_begin_with_too() -> None:
    assert cells("PK,a\nx,y\n") == [{"PK": "x", "a": "y"}]


def test_ragged_rows() -> None:
    sheet, found = read("a,b,c\n1,2\n1,2,3,,\n1,2,3,4\n\n,,\n5,6,7\n")
    assert [row.cells for row in found[:2]] == [{"a": "1", "b": "2", "c": ""}, {"a": "1", "b": "2", "c": "3"}]
    assert [row.error for row in found] == ["", "", "Line 4 has 4 cells; there are 3 columns.", ""]
    assert [(row.number, row.line) for row in found] == [(0, 2), (1, 3), (2, 4), (3, 7)]
    assert sheet.warnings == ("1 row has more cells than there are columns: line 4.",)


def test_rows_go_on_from_any_number() -> None:
    file = io.BytesIO(("a,b\n" + "".join(f'{i},"x\n{i}"\n' for i in range(300))).encode())
    sheet = look(file, "x.csv")
    everything = list(rows(file, sheet))
    for start in (0, 1, 150, 299, 300, 400):
        assert list(rows(file, sheet, start)) == everything[start:]


# Names


def test_columns_without_a_name_or_with_one_twice() -> None:
    sheet, _ = read("name,,name,name (2),,Column 2,,\n1,2,3,4,5,6\n")
    assert sheet.columns == ("name", "Column 2 (2)", "name (3)", "name (2)", "Column 5", "Column 2")
    assert sheet.warnings[0] == "There is no name at column 2; it is called Column 2 (2) here."
    assert sheet.warnings[1] == "The name name stands there again at column 3; it is called name (3) here."


def test_a_file_without_a_header() -> None:
    sheet, found = read("Contoso,1.5\nFabrikam,2\n")
    assert (sheet.has_header, sheet.columns, len(found)) == (False, ("Column 1", "Column 2"), 2)
    assert "looks like values" in sheet.warnings[0]
    assert sheet.said == "2 rows, 2 columns, UTF-8, comma, no header"


def test_years_are_a_header_where_they_are_expected_or_people_say_so() -> None:
    assert read("2019,2020\n1,2\n", names=["2020"])[0].columns == ("2019", "2020")
    assert read("2019,2020\n1,2\n", header=True)[0].columns == ("2019", "2020")
    assert read("a,b\nc,d\n", header=False)[0].columns == ("Column 1", "Column 2")


def test_columns_are_matched_by_name_and_then_by_letters() -> None:
    fields = [
        Field("title", label="Company name"),
        Field("category", column="Sector_ID"),
        Field("text"),
        Field("Text"),
        Field("size"),
    ]
    sheet, _ = read("Text,company-NAME,sector id,text,country\na,b,c,d,e\n")
    found = match(sheet, fields)
    assert found.columns == {"title": "company-NAME", "category": "sector id", "text": "text", "Text": "Text"}
    assert (found.missing, found.extra) == (("size",), ("country",))


def test_columns_without_names_are_matched_by_order() -> None:
    sheet, _ = read("1,2\n3,4\n")
    assert match(sheet, [Field("a"), Field("b")]).columns == {"a": "Column 1", "b": "Column 2"}
    assert match(sheet, [Field("a")]).missing == ("a",)


# Decimal commas


def test_decimal_commas_are_points_for_the_rules_and_stay_in_the_file() -> None:
    sheet, found = read("name;price;note\na;1,5;1,5\nb;-1.234,25;no\nc;7;1,2\nd;;\n")
    assert sheet.decimal_commas == ("price",)
    assert [row.values["price"] for row in found] == ["1.5", "-1234.25", "7", ""]
    assert [row.cells["price"] for row in found] == ["1,5", "-1.234,25", "7", ""]
    assert [row.values["note"] for row in found] == ["1,5", "no", "1,2", ""]
    assert Field("price", kind="number").parse(found[1].values["price"], sheet.source) == pytest.approx(-1234.25)
    assert sheet.warnings == ("1,5 is read as 1.5 in price; points stand between thousands there.",)


def test_thousands_are_not_taken_for_decimals() -> None:
    sheet, found = read("a;b\n1,234;x\n22,500;y\n")
    assert sheet.decimal_commas == ()
    assert found[0].values["a"] == "1,234"
    assert "1,234 may be" in sheet.warnings[0]
    sheet, found = read("a;b\n1,234;1,5\n22,500;2,5\n")
    assert sheet.decimal_commas == ("a", "b")
    assert found[0].values["a"] == "1.234"


# JSON Lines


def test_json_lines_keep_their_types() -> None:
    text = '{"a": 5, "b": "5"}\n\n{"a": 12345678901234567890, "c": [1, {"d": null}]}\r\n'
    sheet, found = read(text, "x.jsonl")
    assert (sheet.kind, sheet.source, sheet.columns) == ("jsonl", "json", ("a", "b", "c"))
    assert [row.cells for row in found] == [{"a": 5, "b": "5"}, {"a": 12345678901234567890, "c": [1, {"d": None}]}]
    assert [row.line for row in found] == [1, 3]
    assert cells(text, "no ending") == [row.cells for row in found]


def test_a_bad_line_of_json_is_named_and_the_rest_goes_on() -> None:
    sheet, found = read('{"a": 1}\n{"a": \n[1]\n{"a": NaN}\n{"a": 1, "a": 2}\n{"a": 2}\n', "x.jsonl")
    assert [bool(row.error) for row in found] == [False, True, True, True, True, False]
    assert found[1].error.startswith("Line 2: This is not JSON: ")
    assert found[2].error.startswith("Line 3: This line is no object.")
    assert sheet.warnings == ("4 rows cannot be read: lines 2, 3, 4, 5.",)


def test_json_that_is_not_in_lines() -> None:
    assert "one JSON array" in refusal('[{"a": 1},\n{"a": 2}]', "x.json")
    assert refusal('{\n "a": 1\n}\n', "x.json").startswith("Line 1: This is not JSON")
    assert "too long" in refusal('{"a": "' + "x" * 2_100_000 + '"}', "x.jsonl")


# Memory


@pytest.mark.skipif(sys.platform == "win32", reason="the memory of a process is asked for by getrusage")
@pytest.mark.slow
def test_a_million_cells_are_read_in_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("name,sector,text,price\n")
        file.writelines(f'Company {i},Sector {i % 7},"A text, of {i}",{i}.5\n' for i in range(300_000))
    code = (
        "import resource, sys; from FlaskAppAML.sheets import look, rows, pieces;"
        "most = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == 'darwin' else 10);"
        "file = open(sys.argv[1], 'rb'); before = most(); sheet = look(file, 'many.csv');"
        "made = pieces('csv', sheet.columns, (list(row.cells.values()) for row in rows(file, sheet)));"
        "print(sheet.count, sum(map(len, made)), most() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True, check=True)
    count, size, megabytes = map(int, done.stdout.split())
    assert count == 300_000
    # A byte order mark, a carriage return in each line, and no change besides.
    assert size == path.stat().st_size + 3 + 300_001
    assert megabytes < 16


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_nothing_that_is_not_needed_is_imported(kind: str) -> None:
    code = (
        "import sys, io; from FlaskAppAML.sheets import look, rows;"
        "f = io.BytesIO(b'{\"a\": 1}' if sys.argv[1] == 'jsonl' else b'a,b\\n1,2');"
        "list(rows(f, look(f, '')));"
        "print([n for n in ('xlsxwriter', 'python_calamine', 'flask') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, kind], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
