"""Files that LibreOffice 7.4 saved of one table, in `tests/sheets/`: as they are, so that no office is needed to test.

`soffice --headless --convert-to xlsx`, and for CSV with the filters `59,34,76,1,,0,false,true,false` (semicolons,
UTF-8) and `9,34,65535,1` (tabs, UTF-16).
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from FlaskAppAML.errors import InvalidSheet
from FlaskAppAML.sheets import look, rows

FILES = Path(__file__).resolve().parent / "sheets"
COLUMNS = ("name", "price", "founded", "listed", "twice", "wrong")


@pytest.mark.parametrize(
    ("name", "said", "error"),
    [
        ("firms.xlsx", "2 rows, 6 columns, Excel, sheet “Firms”", ""),
        ("firms.csv", "2 rows, 6 columns, UTF-8, semicolon", "#DIV/0!"),
        ("firms-utf16.csv", "2 rows, 6 columns, UTF-16, tab", "#DIV/0!"),
    ],
)
def test_a_table_that_libreoffice_saved(name: str, said: str, error: str) -> None:
    with (FILES / name).open("rb") as file:
        sheet = look(file, name)
        listed = list(rows(file, sheet))
    found = [list(row.cells.values()) for row in listed]
    assert (sheet.columns, sheet.said) == (COLUMNS, said)
    # Excel has no dates before 1900; LibreOffice writes a negative number.
    is_early = name == "firms.xlsx"
    assert listed[0].error == ("Line 2 has a date before 1900. Write it as text." if is_early else "")
    assert found == [
        ["Müller; “Söhne”,\nKöln", "1.5", found[0][2] if is_early else "1871-03-09", "1", "3", error],
        ["=Contoso", "12345678", "2024-02-29", "0", "24691356", ""],
    ]


@pytest.mark.parametrize("name", ["firms.xls", "firms.ods"])
def test_other_formats_are_asked_for_as_xlsx(name: str) -> None:
    with pytest.raises(InvalidSheet, match=r"save it as \.xlsx or CSV"):
        look(io.BytesIO((FILES / name).read_bytes()), name)
