"""XLSX in and out: what spreadsheets write is read as it is meant, and no workbook takes more memory than it may."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import xlsxwriter

from FlaskAppAML.errors import InvalidSheet
from FlaskAppAML.schema import Field
from FlaskAppAML.sheets import Row, Sheet, look, look_with_rows, pieces, rows, workbooks, write
from FlaskAppAML.sheets.sheet import MOST_FIRST
from FlaskAppAML.sheets.workbooks import MOST_CELLS, MOST_ROWS, MOST_UNPACKED


def workbook(fill: Callable[[Any], Any], **options: Any) -> bytes:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, options) as book:
        fill(book)
    return made.getvalue()


def table(*lines: list[Any]) -> bytes:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        for number, line in enumerate(lines):
            sheet.write_row(number, 0, line)

    return workbook(fill)


def read(data: bytes, name: str = "rows.xlsx", **how: Any) -> tuple[Sheet, list[Row]]:
    file = io.BytesIO(data)
    sheet, first = look_with_rows(file, name, **how)
    found = list(rows(file, sheet))
    assert first == found[:MOST_FIRST]
    assert not file.closed
    assert sheet.count == len(found)
    return sheet, found


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidSheet) as found:
        read(data)
    assert found.value.detail.endswith(".")
    return found.value.detail


def with_part(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one part changed."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, change(old.read(part)) if part == name else old.read(part))
    return made.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def test_each_kind_of_cell_is_read_as_it_is_meant() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("Data")
        day, moment = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        clock, hours = book.add_format({"num_format": "hh:mm"}), book.add_format({"num_format": "[h]:mm"})
        heads = ["text", "int", "large", "float", "yes", "day", "moment", "clock", "hours", "sum", "error", "empty"]
        sheet.write_row(1, 1, heads)
        sheet.write_row(2, 1, ["a\nb", 5, 2**53, 0.1, True])
        sheet.write_datetime(2, 6, datetime(2024, 2, 29), day)
        sheet.write_datetime(2, 7, datetime(2024, 2, 29, 9, 30), moment)
        sheet.write_number(2, 8, 9.5 / 24, clock)
        sheet.write_number(2, 9, 1.5, hours)
        sheet.write_formula(2, 10, "=1+1", None, 2)
        sheet.write_formula(2, 11, "=NA()", None, "#N/A")
        sheet.write_string(4, 1, "=last")

    sheet, found = read(workbook(fill))
    assert list(found[0].cells.values()) == [
        "a\nb", "5", "9007199254740992", "0.1", "true", "2024-02-29", "2024-02-29T09:30:00", "09:30:00", "36:00:00",
        "2", "", "",
    ]  # fmt: skip
    assert [(row.number, row.line) for row in found] == [(0, 3), (1, 5)]
    assert found[1].cells["text"] == "=last"
    assert sheet.source == "text"
    assert sheet.said == "2 rows, 12 columns, Excel, sheet “Data”"
    assert sheet.warnings == ("1 cell of this workbook holds an error such as #N/A, which is read as empty.",)
    assert Field("x", kind="integer").parse(found[0].values["int"], sheet.source) == 5
    assert Field("x", kind="boolean").parse(found[0].values["yes"], sheet.source) is True


def test_the_first_visible_sheet_with_something_in_it() -> None:
    def fill(book: Any) -> None:
        book.add_worksheet("Nothing").activate()
        hidden = book.add_worksheet("Hidden")
        hidden.write("A1", "x")
        hidden.hide()
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=Rows!$A$2"})
        book.add_chartsheet("Chart").set_chart(chart)
        for name in ("Rows", "More"):
            book.add_worksheet(name).write_column("A1", ["name", "Contoso"])

    sheet, found = read(workbook(fill))
    assert sheet.worksheet == "Rows"
    assert found[0].cells == {"name": "Contoso"}
    assert sheet.warnings == ("There are 3 sheets; “Rows” is the first with something in it.",)


def test_text_with_decimal_commas_and_a_long_row() -> None:
    _, found = read(table(["name", "price"], ["a", "1,5"], ["b", "2,25", "x"], ["c"]))
    assert [row.values["price"] for row in found] == ["1.5", "2,25", ""]
    assert [row.error for row in found] == ["", "Line 3 has 3 cells; there are 2 columns.", ""]


@pytest.mark.parametrize("constant_memory", [False, True])
def test_formatted_cells_without_a_value_do_not_count(constant_memory: bool) -> None:
    def fill(book: Any) -> None:
        sheet, bold = book.add_worksheet(), book.add_format({"bold": True})
        sheet.write_row(0, 0, ["name", "price"])
        sheet.write_row(1, 0, ["x", 1])
        sheet.write_blank(1_048_575, 16_383, None, bold)

    assert [row.cells for row in read(workbook(fill, constant_memory=constant_memory))[1]] == [
        {"name": "x", "price": "1"}
    ]


def test_rows_go_on_from_any_number() -> None:
    file = io.BytesIO(table(["n"], *([f"a{i}"] for i in range(50))))
    sheet = look(file, "x.xlsx")
    everything = list(rows(file, sheet))
    for start in (0, 1, 49, 50):
        assert list(rows(file, sheet, start)) == everything[start:]


# Refused


def test_nothing_in_it() -> None:
    assert "There is nothing in this Excel file" in refusal(workbook(lambda book: book.add_worksheet()))
    assert "a header and no row" in refusal(table(["name", "price"]))


def test_two_cells_far_apart_are_refused_before_a_place_is_made_for_those_between() -> None:
    """python-calamine would ask for 500 GB, and end the process."""

    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write("A1", "a")
        sheet.write("XFD1048576", "b")

    assert f"more than {MOST_CELLS:,} cells" in refusal(workbook(fill))


@pytest.mark.parametrize(
    "cell",
    [
        b"<c r='XFD1048576' t='n'><v>1</v></c>",
        b'<c r="&#88;FD1048576"><v>1</v></c>',
        b'<c r="xfd1048576"><is><t>1</t></is></c>',
        b'<x:c xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" r="XFD1048576"><x:v>1</x:v></x:c>',
    ],
)
def test_a_far_cell_in_whatever_notation(cell: bytes) -> None:
    data = with_part(table(["a"], ["b"]), SHEET, lambda xml: xml.replace(b"</sheetData>", cell + b"</sheetData>"))
    assert f"more than {MOST_CELLS:,} cells" in refusal(data)


def test_far_rows_without_references() -> None:
    row = b"<row r='1048576'><c><v>1</v></c>" + b"<c/>" * 16_000 + b"<c><v>1</v></c></row>"
    data = with_part(table(["a"], ["b"]), SHEET, lambda xml: xml.replace(b"</sheetData>", row + b"</sheetData>"))
    assert f"more than {MOST_CELLS:,} cells" in refusal(data)


def test_rows_in_the_wrong_order() -> None:
    late = b'<row r="9"><c r="A9"><v>1</v></c><c r="C9"><v>1</v></c></row><row r="2"><c r="B2"><v>1</v></c></row>'
    data = with_part(table(["a"]), SHEET, lambda xml: xml.replace(b"</sheetData>", late + b"</sheetData>"))
    sheet, _ = read(data)
    assert sheet.columns[0] == "a"
    far = late.replace(b"9", b"1048576")
    data = with_part(table(["a"]), SHEET, lambda xml: xml.replace(b"<sheetData>", b"<sheetData>" + far))
    assert f"more than {MOST_CELLS:,} cells" in refusal(data)


def test_a_worksheet_under_another_name_is_looked_at_too() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write("A1", "a")
        sheet.write("XFD1048576", "b")

    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook(fill))) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            content = old.read(part).replace(b"worksheets/sheet1.xml", b"media/image1.png")
            new.writestr(part.replace("worksheets/sheet1.xml", "media/image1.png"), content)
    assert f"more than {MOST_CELLS:,} cells" in refusal(made.getvalue())


def test_a_zip_bomb_is_refused_by_its_directory() -> None:
    made = io.BytesIO(table(["a"], ["b"]))
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media/x.bin", "w") as part:
        for _ in range(MOST_UNPACKED >> 24):
            part.write(bytes(1 << 24))
    assert len(made.getvalue()) < 1 << 20
    began = time.thread_time()
    assert "unpacks to more than 256 MB" in refusal(made.getvalue())
    assert time.thread_time() - began < 5


def test_a_directory_that_lies_about_sizes() -> None:
    data = bytearray(with_part(table(["a"], ["b"]), SHEET, lambda xml: xml + b" " * 50_000_000))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.getinfo(SHEET).file_size.to_bytes(4, "little")
    assert data.count(size) >= 1
    assert "damaged" in refusal(bytes(data).replace(size, (1000).to_bytes(4, "little")))


@pytest.mark.parametrize(
    "change",
    [
        lambda xml: xml[: len(xml) // 2],
        lambda xml: b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]>" + xml.partition(b"?>")[2],
        lambda xml: xml.replace(b"<c ", b"<c <"),
        lambda xml: b"junk" + xml,
    ],
)
def test_a_damaged_worksheet(change: Callable[[bytes], bytes]) -> None:
    assert "damaged" in refusal(with_part(table(["a"], ["b"]), SHEET, change))


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml", "xl/styles.xml"]
)
def test_other_parts_that_are_junk(part: str) -> None:
    data = with_part(table(["a"], ["b"]), part, lambda xml: b"<a><b>")
    assert "Excel file" in refusal(data) or part.endswith("styles.xml")


def test_other_files_of_office() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("content.xml", "<office/>")
    assert refusal(made.getvalue()).startswith("This is not an Excel file (.xlsx).")


@pytest.mark.slow
def test_too_many_rows() -> None:
    assert f"{MOST_ROWS:,} rows" in refusal(table(["a"], *([i] for i in range(MOST_ROWS + 1))))


# Writing

LINES = [
    ["Müller; “x”", 1.5, 2**53 + 1, True, None],
    ["=1+1", Decimal("-2.50"), -5, False, "a\nb"],
    ["-1,5", 1e300, 0, None, '"'],
]
HEADS = ["name", "=price", "id", "ok", "note"]


def written(kind: Any, **how: Any) -> bytes:
    made = io.BytesIO()
    write(made, kind, HEADS, LINES, **how)
    return made.getvalue()


def test_csv_as_the_downloads_write_it() -> None:
    assert written("csv").decode() == (
        "\ufeffname,'=price,id,ok,note\r\n"
        "Müller; “x”,1.5,9007199254740993,True,\r\n"
        '\'=1+1,-2.50,-5,False,"a\nb"\r\n'
        '"-1,5",1e+300,0,,""""\r\n'
    )


def test_csv_beside_a_file_with_semicolons_and_decimal_commas() -> None:
    assert written("csv", delimiter=";", decimal=",").decode().splitlines()[1:3] == [
        '"Müller; “x”";1,5;9007199254740993;True;',
        "'=1+1;-2,50;-5;False;\"a",
    ]


def test_json_lines_keep_values() -> None:
    lines = written("jsonl").decode().splitlines()
    assert lines[0] == '{"name": "Müller; “x”", "=price": 1.5, "id": 9007199254740993, "ok": true, "note": null}'
    assert '"=price": -2.5' in lines[1]


def test_xlsx_keeps_text_as_text_and_warns_of_integers_that_it_would_round() -> None:
    made = io.BytesIO()
    said = write(made, "xlsx", HEADS, LINES)
    assert said == ["1 whole number is text, because Excel would round them."]
    _, found = read(made.getvalue())
    assert [list(row.cells.values()) for row in found] == [
        ["Müller; “x”", "1.5", "9007199254740993", "true", ""],
        ["=1+1", "-2.5", "-5", "false", "a\nb"],
        ["-1,5", "1e+300", "0", "", '"'],
    ]


def test_texts_that_are_too_long_for_a_cell_are_cut_with_a_warning() -> None:
    made = io.BytesIO()
    assert write(made, "xlsx", ["a"], [["x" * 40_000], ["y\ud800"]]) == [
        "1 text is cut: a cell of Excel has room for 32,767 characters."
    ]


def test_too_wide_for_excel() -> None:
    with pytest.raises(InvalidSheet, match="Take CSV"):
        write(io.BytesIO(), "xlsx", ["a"] * 16_385, [])


def test_pieces_are_small_and_lose_nothing() -> None:
    lines = [[f"text {i}", i] for i in range(20_000)]
    for kind in ("csv", "tsv", "jsonl"):
        made = list(pieces(kind, ["a", "b"], lines))
        assert len(made) > 3
        assert max(map(len, made)) < 80_000
        file = io.BytesIO(b"".join(made))
        found = list(rows(file, look(file, f"x.{kind}")))
        assert [[str(one) for one in row.cells.values()] for row in found] == [[a, str(b)] for a, b in lines]


def test_what_is_written_is_read_again() -> None:
    for kind in ("csv", "tsv", "xlsx", "jsonl"):
        made = io.BytesIO()
        write(made, kind, ["name", "n"], [["x\ty,z", "00123"], ["é\r\n“", "5"]])
        sheet = look(made, f"x.{kind}")
        assert sheet.kind == kind
        assert [row.cells["n"] for row in rows(made, sheet)] == ["00123", "5"]


def test_a_workbook_is_read_once_for_all_that_is_shown_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large one takes seconds."""
    opened: list[str] = []

    def counted(book: Any, worksheet: str) -> Any:
        opened.append(worksheet)
        return read_worksheet(book, worksheet)

    read_worksheet = workbooks._read
    monkeypatch.setattr(workbooks, "_read", counted)  # the real one, counted
    sheet, first = look_with_rows(io.BytesIO(table(["name", "age"], *[["Ada", n] for n in range(9)])), "x.xlsx")
    assert (sheet.count, [row.cells["age"] for row in first]) == (9, ["0", "1", "2", "3", "4"])
    assert opened == ["Sheet1"]
