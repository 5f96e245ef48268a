"""Files before their start: what is tried, what is said of the rows that are not, and what becomes of a draft."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import MakeApp
from flask.testing import FlaskClient
from house import check
from soak.rows import RowsEndpoint, csv_rows

from demo.server import Demo
from FlaskAppAML import jobs as jobs_module
from FlaskAppAML.errors import DraftsFull
from FlaskAppAML.settings import Settings

API = "/api/v1/models/model/batches"


@pytest.fixture
def client(make_app: MakeApp, rows_model: RowsEndpoint, tmp_path: Path) -> FlaskClient:
    return make_app(**rows_model.settings(tmp_path), job_workers=0, queue_max=1).test_client()


def taken(client: FlaskClient, data: bytes) -> str:
    """The address of its draft."""
    sent = client.post("/batch", data={"rows": (io.BytesIO(data), "rows.csv")})
    assert sent.status_code == 303, sent.text
    return sent.location


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, ""),
        (5, ""),
        (6, "Only these have been checked so far. The other one is checked before it is sent."),
        (1234, "Only these have been checked so far. The other 1,229 are checked when their turn comes"),
    ],
)
def test_how_many_rows_were_checked_is_said(client: FlaskClient, count: int, said: str) -> None:
    shown = client.get(taken(client, b"".join(csv_rows(count)))).text
    check(shown)
    assert ("been checked so far" in shown) == bool(said)
    assert said in shown


def test_a_start_with_other_columns_asks_about_no_row_twice(client: FlaskClient, rows_model: RowsEndpoint) -> None:
    at = taken(client, b"number,name,other\n1,a,7\n2,b,8\n")
    assert rows_model.calls == 1
    begun = client.post(at, data={"do": "start", "column-0": "2", "column-1": "1"})
    assert begun.status_code == 303
    assert rows_model.calls == 1  # its answer would have been seen by nobody


def test_a_file_of_a_program_for_which_there_is_no_room_leaves_nothing_behind(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "MOST_DRAFTS", 2)
    data = b"".join(csv_rows(3))
    assert client.post(API, data=data, content_type="text/csv").status_code == 202
    for _ in range(3):
        refused = client.post(API, data=data, content_type="text/csv")
        assert (refused.status_code, refused.json["detail"]) == (503, "At most 1 jobs may wait.")  # type: ignore[index]


def test_a_form_without_the_file_says_which_part_is_missing(client: FlaskClient) -> None:
    refused = client.post(API, data={"row": (io.BytesIO(b"number,name\n"), "rows.csv")})
    assert (refused.status_code, refused.json["fields"]) == (  # type: ignore[index]
        422,
        {"rows": "Send the file as this part of the form."},
    )


def test_a_file_may_be_the_first_that_a_process_hears_of_its_model(make_app: MakeApp, demo: Demo) -> None:
    """What the endpoint asks for is not known then, and the page that was filled in may have come from elsewhere."""
    data = b"title,category,text\nContoso,Banking,takes money\n"
    page, program = make_app(url=demo.url).test_client(), make_app(url=demo.url).test_client()
    taken(page, data)
    sent = program.post("/api/v1/models/model/batches", data=data, content_type="text/csv")
    assert sent.status_code == 202, sent.text


def test_the_page_of_a_file_leads_to_the_next_one_whatever_its_process_knows(make_app: MakeApp, demo: Demo) -> None:
    app = make_app(url=demo.url)
    at = app.test_client().post("/batch", data={"table": "title\tcategory\ttext\nContoso\tBanking\tmoney"}).location
    begun = app.test_client().post(at, data={"do": "start", "column-0": "0", "column-1": "1", "column-2": "2"})
    job = re.sub(r".*(?=/jobs/)", "", begun.location)
    other = make_app(url=demo.url).test_client()
    other.post(f"{job}/cancel")
    assert 'href="/batch">Another file</a>' in other.get(job).text
    assert other.post(f"{job}/delete").location.endswith("/batch")


def test_files_that_wait_for_their_start_have_so_much_room_together(
    make_app: MakeApp, rows_model: RowsEndpoint, tmp_path: Path
) -> None:
    app = make_app(**rows_model.settings(tmp_path), job_workers=0, max_batch_bytes=2**18)
    client, store = app.test_client(), app.extensions["jobs"]._store
    data = b"number,name\n" + b"1,%s\n" % (b"x" * 240_000)
    drafts = [taken(client, data) for _ in range(4)]
    page = client.post("/batch", data={"rows": (io.BytesIO(data), "rows.csv")})
    assert page.status_code == 503
    assert check(page.text).texts["h1"] == ["Too many files are waiting for their start."]
    assert "Together they may have 1 MB" in page.text
    program = client.post(API, data=data, content_type="text/csv")
    assert (program.status_code, program.content_type) == (503, "application/problem+json")
    assert int(program.headers["Retry-After"]) > 0
    taken(client, b"".join(csv_rows(3)))  # for which there is room
    assert client.delete(f"/api/v1/jobs/{drafts[0].rpartition('/')[2]}").status_code == 204
    assert client.post(API, data=data, content_type="text/csv").status_code == 202
    with store._engine.connect() as c:
        assert c.exec_driver_sql("SELECT count(*) FROM jobs").scalar() == 5


def test_files_that_come_at_the_same_time_have_no_more_room(make_app: MakeApp, tmp_path: Path) -> None:
    """What was written of one that finds the room taken on its way is gone."""
    store = make_app(data_dir=str(tmp_path)).extensions["jobs"]._store
    piece, most = b"x" * 2**20, 40 * 2**20

    def slow(other: str) -> Iterator[bytes]:
        yield from [piece] * 16
        if other:
            store.draft(other, "model", [piece] * 16, 16 * 2**20, 9, most)
        yield from [piece] * 16

    with pytest.raises(DraftsFull):
        store.draft("a" * 32, "model", slow("b" * 32), 32 * 2**20, 9, most)
    assert [store.look(key) is not None for key in ("a" * 32, "b" * 32)] == [False, True]
    assert not list(store.pieces("a" * 32, "file"))


def test_a_draft_says_that_its_model_is_gone(make_app: MakeApp, rows_model: RowsEndpoint, tmp_path: Path) -> None:
    first, second = (
        make_app(
            **rows_model.settings(tmp_path),
            models=(name,),
            each=(Settings(**rows_model.settings(tmp_path), name=name),),
        )
        for name in ("old", "new")
    )
    at = taken(first.test_client(), b"".join(csv_rows(3)))
    client = second.test_client()
    for answer in (client.get(at), client.post(at, data={"do": "start"}), client.post(at, data={"do": "look"})):
        assert answer.status_code == 404
        assert check(answer.text).texts["h1"] == ["The model that this file is for is no longer here."]
    assert first.test_client().get(at).status_code == 200
