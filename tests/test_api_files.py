"""Files of rows for programs: each reply of the API is held against what its own document says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY, MakeApp
from flask.testing import FlaskClient
from jsonschema_rs import Draft202012Validator
from soak.rows import RowsEndpoint, csv_rows
from werkzeug.test import TestResponse

from FlaskAppAML.jobs import Jobs
from FlaskAppAML.web.openapi import SHEETS

API = "/api/v1/models/model/batches"
JOB, RESULT = "/api/v1/jobs/{id}", "/api/v1/jobs/{id}/result"
PHOTO = '{"dialect": "raw", "fields": [{"name": "photo", "type": "image"}]}'


@pytest.fixture
def client(make_app: MakeApp, rows_model: RowsEndpoint, tmp_path: Path) -> FlaskClient:
    """Whose jobs run when they are told to."""
    return make_app(**rows_model.settings(tmp_path), job_workers=0, queue_max=2).test_client()


def document_of(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/v1/openapi.json").json or {}
    return found


def jobs_of(client: FlaskClient) -> Jobs:
    made: Jobs = client.application.extensions["jobs"]
    return made


def held(client: FlaskClient, reply: TestResponse, path: str, method: str = "get") -> TestResponse:
    """The reply, which the document describes: its status, type, headers and, where it is JSON, every member."""
    document = document_of(client)
    described = document["paths"][path][method]["responses"][str(reply.status_code)]
    assert all(name in reply.headers for name in described.get("headers", {}))
    if reply.status_code != 204:
        schema = described["content"][reply.mimetype]["schema"]
        if str(reply.mimetype).endswith("json"):
            Draft202012Validator({**schema, "components": document["components"]}).validate(reply.json)
    return reply


def sent(client: FlaskClient, data: bytes, kind: str = "text/csv") -> TestResponse:
    return held(client, client.post(API, data=data, content_type=kind), API, "post")


def csv(count: int) -> bytes:
    return b"".join(csv_rows(count))


def test_a_file_from_its_beginning_to_its_end(client: FlaskClient) -> None:
    about = sent(client, csv(3) + b"x,none,\n").json
    assert about is not None
    assert (about["status"], about["rows"]) == ("queued", {"total": 4, "done": 0, "failed": 0})
    at = f"/api/v1/jobs/{about['id']}"
    held(client, client.get(at), JOB)
    assert held(client, client.get(f"{at}/result.csv"), f"{RESULT}.csv").status_code == 202
    assert jobs_of(client).run_next()
    done = held(client, client.get(at), JOB).json
    assert done is not None
    assert (done["status"], done["rows"]["failed"]) == ("succeeded", 1)
    for kind in ("", ".json", ".csv", ".xlsx"):
        assert held(client, client.get(f"{at}/result{kind}"), f"{RESULT}{kind}").status_code == 200
    held(client, client.delete(at), JOB, "delete")
    assert held(client, client.get(at), JOB).status_code == 404


@pytest.mark.parametrize("kind", [*SHEETS, "multipart/form-data"])
def test_every_type_that_the_document_names_is_taken(client: FlaskClient, kind: str) -> None:
    assert set(document_of(client)["paths"][API]["post"]["requestBody"]["content"]) == {*SHEETS, "multipart/form-data"}
    if kind == "multipart/form-data":
        reply = client.post(API, data={"rows": (io.BytesIO(csv(2)), "rows.csv")}, content_type=kind)
        held(client, reply, API, "post")
    elif SHEETS[kind] == "xlsx":
        key = (sent(client, csv(2)).json or {})["id"]
        assert jobs_of(client).run_next()
        reply = sent(client, client.get(f"/api/v1/jobs/{key}/result.xlsx").data, kind)
    else:
        data = {"csv": csv(2), "tsv": csv(2).replace(b",", b"\t"), "jsonl": b'{"number": 1, "name": "x"}\n' * 2}
        reply = sent(client, data[SHEETS[kind]], kind)
    assert (reply.status_code, (reply.json or {})["rows"]["total"]) == (202, 2)


def test_the_table_that_the_document_shows_is_taken(
    make_app: MakeApp, rows_model: RowsEndpoint, tmp_path: Path
) -> None:
    examples = tmp_path / "examples.json"
    examples.write_text(json.dumps([{"name": "One", "inputs": {"number": 1, "name": 'a; b, "c"'}}]))
    client = make_app(**rows_model.settings(tmp_path), job_workers=0, examples=str(examples)).test_client()
    content = document_of(client)["paths"][API]["post"]["requestBody"]["content"]["text/csv"]
    (shown,) = (example["value"] for example in content["examples"].values())
    key = (sent(client, shown.encode()).json or {})["id"]
    assert jobs_of(client).run_next()
    assert client.get(f"/api/v1/jobs/{key}").json["rows"] == {"total": 1, "done": 1, "failed": 0}  # type: ignore[index]


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"", "text/csv", 422),
        (b"a,b\n1,2\n", "text/csv", 422),
        (b"PK\x03\x04 and no more", "text/csv", 422),
        (b"\x00" * 100, "application/octet-stream", 422),
        (b"row=1", "application/x-www-form-urlencoded", 422),
        (b"--x", "multipart/form-data; boundary=y", 422),
        (b"number,name\n" + b"1,x\n" * 2**19, "text/csv", 413),
    ],
)
def test_what_is_wrong_with_a_file_is_described_too(
    make_app: MakeApp, rows_model: RowsEndpoint, tmp_path: Path, data: bytes, kind: str, status: int
) -> None:
    client = make_app(**rows_model.settings(tmp_path), job_workers=0, max_batch_bytes=2**20).test_client()
    assert sent(client, data, kind).status_code == status


def test_a_full_line_and_a_draft_and_a_failed_file_are_described(client: FlaskClient, rows_model: RowsEndpoint) -> None:
    first = (sent(client, csv(1)).json or {})["id"]
    sent(client, csv(1))
    assert sent(client, csv(1)).status_code == 503
    draft = client.post("/batch", data={"rows": (io.BytesIO(csv(1)), "rows.csv")}).location.rpartition("/")[2]
    assert (held(client, client.get(f"/api/v1/jobs/{draft}"), JOB).json or {})["status"] == "draft"
    assert held(client, client.get(f"/api/v1/jobs/{draft}/result"), RESULT).status_code == 202
    assert held(client, client.delete(f"/api/v1/jobs/{draft}"), JOB, "delete").status_code == 204
    rows_model.refuse_from = 1
    assert jobs_of(client).run_next()
    failed = held(client, client.get(f"/api/v1/jobs/{first}"), JOB).json or {}
    assert (failed["status"], failed["error"]["kind"]) == ("failed", "auth")
    assert held(client, client.get(f"/api/v1/jobs/{first}/result.csv"), f"{RESULT}.csv").status_code == 502
    assert KEY not in str(failed)


@pytest.mark.parametrize("changes", [{"schema": PHOTO, "dialect": "raw"}, {"answer_minutes": 0}])
def test_where_no_file_is_taken_none_is_described(
    make_app: MakeApp, rows_model: RowsEndpoint, tmp_path: Path, changes: dict[str, Any]
) -> None:
    client = make_app(**{**rows_model.settings(tmp_path), **changes}).test_client()
    assert API not in document_of(client)["paths"]
    assert client.post(API, data=csv(1), content_type="text/csv").status_code == 404
