"""Files that other programs wrote, and people by hand, all the way through: each comes back with the right answers, or
is refused in words that say what to do.

Those in `tests/sheets/` hold one table: pandas 3.1 wrote it (`to_csv`, also with semicolons and decimal commas in
UTF-16, `to_json` in lines, `to_excel` by openpyxl and by XlsxWriter), and LibreOffice 7.4 (`soffice --convert-to`).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeApp
from flask.testing import FlaskClient
from soak.rows import RowsEndpoint
from werkzeug.test import TestResponse

FILES = Path(__file__).resolve().parent / "sheets"
SAMPLE = {"columns": ["number", "name", "since", "listed"], "data": [[1.5, "x", "2020-01-31", True]]}
TABLE = [[1.5, "Müller; “Söhne”", "1999-12-31", True], [2, 'He said "no", and went', "2024-02-29", False],
         [1234567.25, "naïve", "2026-11-21", False]]  # fmt: skip


class Model(RowsEndpoint):
    """Keeps the rows that it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[Any]] = []

    def _answer(self, body: bytes) -> tuple[int, Any]:
        self.asked += json.loads(body)["dataframe_split"]["data"]
        return super()._answer(body)


@pytest.fixture
def model() -> Iterator[Model]:
    with Model() as made:
        yield made


@pytest.fixture
def client(make_app: MakeApp, model: Model, tmp_path: Path) -> FlaskClient:
    sample = json.dumps({"dataframe_split": SAMPLE})
    return make_app(**{**model.settings(tmp_path / "data"), "schema": sample, "job_workers": 0}).test_client()


def send(client: FlaskClient, data: bytes, name: str) -> TestResponse:
    form = {"rows": (io.BytesIO(data), name)}
    return client.post("/api/v1/models/model/batches", data=form, content_type="multipart/form-data")


def results(client: FlaskClient, taken: TestResponse) -> list[dict[str, str]]:
    assert taken.status_code == 202, taken.text
    assert client.application.extensions["jobs"].run_next()
    text = client.get(f"{taken.location}/result.csv").data.decode("utf-8-sig")
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def answers(found: list[dict[str, str]]) -> list[str]:
    """What each row came to: its answer, or why it has none."""
    return [row["prediction"] or row["error"] for row in found]


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("pandas.csv", "2469134.5"),
        ("pandas.jsonl", "2469134.5"),
        ("pandas-decimal-commas.csv", "2469134,5"),
        ("pandas-openpyxl.xlsx", "2469134.5"),
        ("pandas-xlsxwriter.xlsx", "2469134.5"),
        ("libreoffice.csv", "2469134.5"),
        ("libreoffice.xlsx", "2469134.5"),
    ],
)
def test_a_table_that_a_program_wrote(client: FlaskClient, model: Model, name: str, last: str) -> None:
    found = results(client, send(client, (FILES / name).read_bytes(), name))
    assert model.asked == TABLE
    first, second, none, fourth = answers(found)
    assert (float(first.replace(",", ".")), float(second.replace(",", ".")), fourth) == (3, 4, last)
    assert none.startswith("number: Fill this in. since: Fill this in.")
    assert [row["name"] for row in found] == [TABLE[0][1], TABLE[1][1], "without a number", TABLE[2][1]]
    assert found[0]["comment"] == "two\nlines"


HEAD = "number;name;since;listed\n"


@pytest.mark.parametrize(
    ("text", "asked", "come"),
    [
        pytest.param(
            HEAD + "1,5;a;2020-01-31;yes\n-1.234,25;b;2020-01-31;no\n",
            [[1.5, "a", "2020-01-31", True], [-1234.25, "b", "2020-01-31", False]],
            ["3,0", "-2468,5"],
            id="semicolons and decimal commas",
        ),
        pytest.param(
            'number,name,since,listed\r\n1,"a ""b"", c",2020-01-31,true\r\n"2","d;e",2020-01-31,false\r\n',
            [[1, 'a "b", c', "2020-01-31", True], [2, "d;e", "2020-01-31", False]],
            ["2", "4"],
            id="quotes",
        ),
        pytest.param(
            'number,name,since,listed\n1,"one\ntwo\r\nthree",2020-01-31,1\n',
            [[1, "one\ntwo\nthree", "2020-01-31", True]],
            ["2"],
            id="line breaks in a cell",
        ),
        pytest.param(
            "number,name,since,listed\n1,a\n2,b,2020-01-31,1,,\n3,c,2020-01-31,1,more\n4,d,2020-01-31,0",
            [[2, "b", "2020-01-31", True], [4, "d", "2020-01-31", False]],
            ["since: Fill this in.", "4", "Line 4 has 5 cells; there are 4 columns.", "8"],
            id="ragged rows",
        ),
    ],
)
def test_a_table_written_by_hand(
    client: FlaskClient, model: Model, text: str, asked: list[list[Any]], come: list[str]
) -> None:
    found = answers(results(client, send(client, text.encode(), "rows.csv")))
    assert model.asked == asked
    assert [one[: len(said)] for one, said in zip(found, come, strict=True)] == come


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "This file is empty."),
        (HEAD.encode(), "There is a header and no row under it."),
        (b"a," * 199_999 + b"a\n1,2\n", "This file has 200,000 columns; at most 2,000 are read."),
        (b"%PDF-1.7 and more", "This is PDF."),
        ((FILES / "firms.ods").read_bytes(), "save it as .xlsx or CSV"),
    ],
    ids=["empty", "a header only", "too many columns", "PDF", "ODS"],
)
def test_what_is_no_table_is_refused_by_the_page_and_the_api(
    client: FlaskClient, model: Model, data: bytes, said: str
) -> None:
    refused = send(client, data, "rows.csv")
    assert (refused.status_code, refused.content_type) == (422, "application/problem+json")
    assert said in refused.json["detail"]  # type: ignore[index]
    page = client.post("/batch", data={"rows": (io.BytesIO(data), "rows.csv")}, content_type="multipart/form-data")
    assert (page.status_code, said in page.text) == (422, True)
    assert model.calls == 0
