"""The pages of files: taken in, looked at, started, followed and downloaded, without a script."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from conftest import MakeApp
from flask.testing import FlaskClient
from house import check
from soak.rows import RowsEndpoint, csv_rows
from werkzeug.test import TestResponse

from FlaskAppAML.jobs import Jobs

Visit = Callable[..., tuple[FlaskClient, Jobs]]


@pytest.fixture
def visit(make_app: MakeApp, rows_model: RowsEndpoint, tmp_path: Any) -> Visit:
    """A browser without a script, and the engine, whose jobs run when they are told to."""

    def made(**changes: Any) -> tuple[FlaskClient, Jobs]:
        settings = {**rows_model.settings(tmp_path / "data"), "job_workers": 0, "retries": 0, **changes}
        app = make_app(**settings)
        return app.test_client(), app.extensions["jobs"]

    return made


def send(client: FlaskClient, data: bytes, name: str = "rows.csv", path: str = "/batch") -> TestResponse:
    return client.post(path, data={"rows": (io.BytesIO(data), name)}, content_type="multipart/form-data")


def csv(count: int, **which: frozenset[int]) -> bytes:
    return b"".join(csv_rows(count, **which))


def started(client: FlaskClient, data: bytes) -> str:
    """The id of its job."""
    taken = send(client, data)
    assert taken.status_code == 303, taken.text
    columns = {"column-0": "0", "column-1": "1"}
    begun = client.post(taken.location, data={"do": "start", **columns})
    assert begun.status_code == 303, begun.text
    return str(begun.location.rpartition("/")[2])


def test_the_form_links_to_the_page_for_files(visit: Visit) -> None:
    client, _ = visit()
    assert 'href="/batch">File' in client.get("/").text
    page = check(client.get("/batch").text)
    assert page.texts["h1"] == ["Score a file"]


@pytest.mark.parametrize("path", ["/api", "/about", "/batch", "/nothing-here"])
def test_every_page_of_one_model_links_there_whether_or_not_its_form_is_known(visit: Visit, path: str) -> None:
    client, _ = visit()
    for _ in range(2):
        assert 'href="/batch"' in client.get(path).text
        client.get("/")


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": '{"dialect": "raw", "fields": [{"name": "photo", "type": "image"}]}', "dialect": "raw"},
        {"answer_minutes": 0},
    ],
)
def test_a_model_without_rows_or_jobs_has_no_such_page(visit: Visit, changes: dict[str, Any]) -> None:
    client, _ = visit(**changes)
    assert ">File</a>" not in client.get("/").text
    assert client.get("/batch").status_code == 404
    assert send(client, csv(1)).status_code == 404


def test_what_was_found_stands_on_the_page_with_the_first_rows_answered(visit: Visit, rows_model: RowsEndpoint) -> None:
    client, _ = visit()
    shown = client.get(send(client, csv(1234, wrong=frozenset({2}))).location)
    page = check(shown.text)
    assert "1,234 rows" in shown.text
    assert "Not sent, but kept in the result: comment" in shown.text
    assert [a["value"] for a in page.all("option") if "selected" in a] == ["0", "1"]
    assert "<b>3 calls</b>" in shown.text
    assert (rows_model.calls, sorted(rows_model.rows)) == (1, [0, 1, 3, 4])
    assert "number: " in shown.text  # what is wrong with the third row
    client.get(send(client, csv(3)).location)
    assert rows_model.calls == 2  # looking costs nothing


def test_other_columns_can_be_chosen(visit: Visit, rows_model: RowsEndpoint) -> None:
    client, jobs = visit()
    taken = send(client, b"n,who,other\n1,a,7\n2,b,8\n")
    shown = client.get(taken.location).text
    assert shown.count("No column was found for it.") == 2
    assert rows_model.calls == 0
    refused = client.post(taken.location, data={"do": "start", "column-0": "0", "column-1": ""})
    assert (refused.status_code, "Choose a column for name." in refused.text) == (422, True)
    check(refused.text)
    again = client.post(taken.location, data={"do": "look", "column-0": "2", "column-1": "1"})
    assert ">14<" in client.get(again.location).text
    begun = client.post(taken.location, data={"do": "start", "column-0": "2", "column-1": "1"})
    jobs.run_next()
    key = begun.location.rpartition("/")[2]
    assert [row.answer for row in jobs.rows(key)] == [{"prediction": 14}, {"prediction": 16}]


def test_the_whole_way(visit: Visit, rows_model: RowsEndpoint) -> None:
    client, jobs = visit()
    key = started(client, csv(1200, wrong=frozenset({7}), refused=frozenset({11})))
    waiting = check(client.get(f"/jobs/{key}").text)
    assert waiting.texts["h1"] == ["Your file is next in line."]
    assert jobs.run_next()
    shown = client.get(f"/jobs/{key}").text
    assert check(shown).texts["h1"] == ["1,198 of 1,200 rows have their answer."]
    assert "histogram" in shown
    lines = client.get(f"/jobs/{key}/rows.csv").data.decode("utf-8-sig").splitlines()
    assert lines[:2] == ["number,name,comment,prediction,error", "0,n0,kept 0,0,"]
    assert len(lines) == 1201
    failed = client.get(f"/jobs/{key}/failed.csv").data.decode("utf-8-sig").splitlines()
    assert [line.split(",")[2] for line in failed[1:]] == ["kept 7", "kept 11"]
    rows = [json.loads(line) for line in client.get(f"/jobs/{key}/rows.jsonl").text.splitlines()]
    assert rows[3]["prediction"] == 6
    assert client.get(f"/jobs/{key}/rows.xlsx").data[:2] == b"PK"
    assert client.get(f"/jobs/{key}/rows.exe").status_code == 404
    assert client.get(f"/answers/{key}").status_code == 404
    gone = client.post(f"/jobs/{key}/delete")
    assert (gone.status_code, gone.location) == (303, "/batch")
    assert client.get(f"/jobs/{key}").status_code == 404
    assert client.get(f"/jobs/{key}/rows.csv").status_code == 404


def test_a_file_that_was_cancelled_can_be_gone_on_with(visit: Visit) -> None:
    client, jobs = visit()
    key = started(client, csv(50))
    client.post(f"/jobs/{key}/cancel")
    shown = client.get(f"/jobs/{key}").text
    assert check(shown).texts["h1"] == ["Cancelled after 0 of 50 rows."]
    assert client.post(f"/jobs/{key}/retry").status_code == 303
    jobs.run_next()
    assert "50 of 50" in re.sub("<[^>]*>", "", client.get(f"/jobs/{key}").text)


def test_an_endpoint_that_refuses_the_key_is_said_on_both_pages(visit: Visit, rows_model: RowsEndpoint) -> None:
    client, jobs = visit()
    rows_model.status = 401
    taken = send(client, csv(5))
    assert "refused this app’s key" in client.get(taken.location).text
    begun = client.post(taken.location, data={"do": "start", "column-0": "0", "column-1": "1"})
    jobs.run_next()
    shown = client.get(begun.location).text
    assert check(shown).texts["h1"][0].startswith("Stopped after 0 of 5 rows")
    assert "Go on with the other rows" in shown


def test_a_pasted_table_is_a_file_too(visit: Visit, rows_model: RowsEndpoint) -> None:
    client, _ = visit()
    taken = client.post("/batch", data={"table": "number\tname\n5\ta\n"})
    assert taken.status_code == 303
    assert ">10<" in client.get(taken.location).text


def test_nothing_at_all_is_told(visit: Visit) -> None:
    client, _ = visit()
    refused = client.post("/batch", data={"table": " "})
    assert (refused.status_code, "Choose a file, or paste a table." in refused.text) == (422, True)
    check(refused.text)


def test_only_files_may_be_larger_than_other_requests(visit: Visit) -> None:
    client, _ = visit(max_request_bytes=10_000, max_batch_bytes=60_000)
    assert send(client, csv(2000)).status_code == 303
    assert send(client, csv(20_000)).status_code == 413
    assert send(client, csv(3000), path="/").status_code == 413


def test_what_an_endpoint_says_is_no_markup_and_the_key_stays_secret(visit: Visit, rows_model: RowsEndpoint) -> None:
    client, jobs = visit()
    key = started(client, b"number,name,<b>&\n1,<script>x</script>,=1+1\n")
    jobs.run_next()
    shown = client.get(f"/jobs/{key}").text
    assert "<script>x" not in shown
    assert "<b>&" not in shown
    assert "key-of-the-slow-endpoint" not in shown


def test_a_program_sends_a_file_and_fetches_the_result(visit: Visit, rows_model: RowsEndpoint) -> None:
    client, jobs = visit()
    taken = client.post("/api/v1/models/model/batches", data=csv(30), content_type="text/csv")
    assert taken.status_code == 202, taken.text
    assert (taken.json["rows"], rows_model.calls) == ({"total": 30, "done": 0, "failed": 0}, 0)  # type: ignore[index]
    jobs.run_next()
    assert client.get(taken.location).json["rows"]["done"] == 30  # type: ignore[index]
    lines = client.get(f"{taken.location}/result.csv").text.splitlines()
    assert lines[2] == "1,n1,kept 1,2,"
    refused = client.post("/api/v1/models/model/batches", data=b"number\n1\n", content_type="text/csv")
    assert (refused.status_code, list(refused.json["fields"])) == (422, ["name"])  # type: ignore[index]
    empty = client.post("/api/v1/models/model/batches", data=b"", content_type="text/csv")
    assert (empty.status_code, empty.content_type) == (422, "application/problem+json")
