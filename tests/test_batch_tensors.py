"""Rows that only the protocol finds wrong, when it writes the body: they cost themselves and no others."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeApp
from soak.rows import RowsEndpoint

from FlaskAppAML import batch, sheets
from FlaskAppAML.batch import Done, Plan
from FlaskAppAML.endpoint import Endpoint
from FlaskAppAML.prediction import Question

SCHEMA = {
    "dialect": "open_inference",
    "name": "m",
    "versions": ["1"],
    "platform": "",
    "inputs": [{"name": "points", "datatype": "FP32", "shape": [-1, -1]}],
    "outputs": [{"name": "sum", "datatype": "FP32", "shape": [-1, 1]}],
}
SQUARES = {**SCHEMA, "inputs": [{"name": "points", "datatype": "FP32", "shape": [-1, 2, 2]}]}


class Summing(RowsEndpoint):
    """The sum of each row's points, by the Open Inference Protocol."""

    def _answer(self, body: bytes) -> tuple[int, Any]:
        first = json.loads(body)["inputs"][0]
        count, data = first["shape"][0], first["data"]
        with self.lock:
            self.rows[count] += 1
        width = len(data) // count
        sums = [sum(data[i * width : (i + 1) * width]) for i in range(count)]
        return 200, {"outputs": [{"name": "sum", "datatype": "FP32", "shape": [count, 1], "data": sums}]}

    def settings(self, data_dir: Path, **more: Any) -> dict[str, Any]:
        given = super().settings(data_dir, schema=json.dumps(SCHEMA), dialect="open_inference", retries=0)
        return {**given, "url": self.url.replace("invocations", "v2/models/m/infer"), **more}


@pytest.fixture
def model() -> Iterator[Summing]:
    made = Summing()
    with made:
        yield made


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def scored(make_app: MakeApp, model: Summing, folder: Path, points: list[Any], **changes: Any) -> list[Done]:
    one = make_app(**model.settings(folder, **changes)).extensions["site"].models["model"]
    file, plan = sent(one, points)
    done = batch.run(one, one.schema, plan, sheets.rows(file, plan.sheet), batch.Pace(4))
    return [row for piece in done for row in piece]


def sent(one: Endpoint, points: list[Any]) -> tuple[io.BytesIO, Plan]:
    file = io.BytesIO("".join(json.dumps({"points": some}) + "\n" for some in points).encode())
    sheet = sheets.look(file, "rows.jsonl")
    return file, Plan(sheet, sheets.match(sheet, batch.fields_of(one.schema)).columns)


def sums(done: list[Done]) -> list[Any]:
    return [next(iter(row.answer.values()), "none") for row in done]


def test_rows_of_different_lengths_go_out_in_bodies_of_their_own(
    make_app: MakeApp, model: Summing, tmp_path: Path
) -> None:
    points = [[1.0] * (1 + i % 3) for i in range(60)]
    assert sums(scored(make_app, model, tmp_path, points)) == [1 + i % 3 for i in range(60)]
    assert model.rows == {20: 3}


def test_a_row_of_another_shape_costs_itself(make_app: MakeApp, model: Summing, tmp_path: Path) -> None:
    square, wrong = [[1, 2], [3, 4]], [[1, 2], [3, "x"]]
    points: list[Any] = [square] * 40
    points[7] = wrong
    done = scored(make_app, model, tmp_path, points, schema=json.dumps(SQUARES))
    assert sums(done) == [10] * 7 + ["none"] + [10] * 32
    assert done[7].error == "points: Give numbers, without quotes, and nothing else."
    assert sum(count * calls for count, calls in model.rows.items()) == 39


def test_a_body_full_of_them_calls_nobody(make_app: MakeApp, model: Summing, tmp_path: Path) -> None:
    done = scored(make_app, model, tmp_path, [[[1, 2], [3, "x"]]] * 100, schema=json.dumps(SQUARES))
    assert {row.error for row in done} == {"points: Give numbers, without quotes, and nothing else."}
    assert not model.calls


def test_the_page_of_a_file_shows_its_first_rows_all_the_same(
    make_app: MakeApp, model: Summing, tmp_path: Path
) -> None:
    client = make_app(**model.settings(tmp_path), job_workers=0).test_client()

    def look(points: list[Any]) -> str:
        rows = "".join(json.dumps({"points": some}) + "\n" for some in points).encode()
        taken = client.post("/batch", data={"rows": (io.BytesIO(rows), "rows.jsonl")})
        return client.get(taken.location).text

    shown = look([[1, 2], [3], [4, 5]])
    assert ">3<" in shown
    assert ">9<" in shown
    assert model.calls == 1


def test_what_is_wrong_with_the_first_row_is_said_on_its_page(
    make_app: MakeApp, model: Summing, tmp_path: Path
) -> None:
    settings = model.settings(tmp_path, schema=json.dumps(SQUARES))
    client = make_app(**settings, job_workers=0).test_client()
    rows = b'{"points": [[1, 2], [3, "x"]]}\n'
    taken = client.post("/batch", data={"rows": (io.BytesIO(rows), "rows.jsonl")})
    assert "The first row cannot be sent: points: Give numbers" in client.get(taken.location).text


def test_a_question_that_cannot_be_written_is_no_fault_of_ours(
    make_app: MakeApp, model: Summing, tmp_path: Path
) -> None:
    app = make_app(**model.settings(tmp_path, schema=json.dumps(SQUARES)), job_workers=0)
    jobs, one = app.extensions["jobs"], app.extensions["site"].models["model"]
    jobs.accept("a" * 32, "model", Question(one.schema, [{"points": [[1, 2], [3, "x"]]}], {}), "r" * 32)
    assert jobs.run_next()
    failure = jobs.failure("a" * 32)
    assert (failure.kind, failure.detail) == ("bad_input", "points: Give numbers, without quotes, and nothing else.")
    assert failure.detail in app.test_client().get(f"/jobs/{'a' * 32}").text.replace("&#39;", "'")
