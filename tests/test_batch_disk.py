"""A disk that is full, before, while and after files of rows are scored: what was taken in is not lost, nobody pays for
an answer that cannot be kept, and what is over can be deleted in little room."""

from __future__ import annotations

import io
import os
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeApp
from soak.rows import RowsEndpoint, csv_rows
from test_batch import put

from FlaskAppAML import database
from FlaskAppAML import endpoint as endpoint_module
from FlaskAppAML.database import WAL_BYTES
from FlaskAppAML.errors import DiskFull, JobGone
from FlaskAppAML.jobs import Jobs
from FlaskAppAML.prediction import Question
from FlaskAppAML.redact import Redactor
from FlaskAppAML.runs import LONGEST_PAUSE
from FlaskAppAML.settings import Settings
from FlaskAppAML.store import PIECE_BYTES, Store

MORE_THAN_THERE_IS = 2**60
A, B = "a" * 32, "b" * 32
FULL = partial(open, "/dev/full", "r+b", buffering=0)


@pytest.fixture
def jobs(rows_model: RowsEndpoint, tmp_path: Path) -> Jobs:
    settings = Settings(**rows_model.settings(tmp_path, job_workers=0, retries=0, max_rows=10))
    one = endpoint_module.Endpoint(settings)
    return Jobs(settings, {"model": one}.get, Redactor(settings.secrets()))


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Until its `undo`."""
    monkeypatch.setattr(database, "RESERVE_BYTES", MORE_THAN_THERE_IS)
    return monkeypatch


def test_nothing_is_taken_in(jobs: Jobs, no_room: pytest.MonkeyPatch) -> None:
    schema = jobs._find("model").schema  # type: ignore[union-attr]
    question = Question(schema, [schema.parse({"number": 1, "name": "x"}, "json")], {})
    with pytest.raises(DiskFull):
        jobs.draft(A, "model", io.BytesIO(b"x"))
    with pytest.raises(DiskFull):
        jobs.accept(B, "model", question, "")
    for key in (A, B):
        with pytest.raises(JobGone):
            jobs.look(key)
    no_room.undo()
    jobs.accept(B, "model", question, "")
    assert jobs.look(B).state == "queued"


def test_a_file_needs_room_for_its_result_too(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 3 * PIECE_BYTES
    usage = type("usage", (), {"free": free + database.RESERVE_BYTES})
    monkeypatch.setattr(database.shutil, "disk_usage", lambda _: usage)  # type: ignore[attr-defined]
    jobs.draft(A, "model", io.BytesIO(b"x" * (free // 2)))
    with pytest.raises(DiskFull):
        jobs.draft(B, "model", io.BytesIO(b"x" * (free // 2 + 1)))


def test_the_model_is_not_asked_for_what_cannot_be_kept(
    jobs: Jobs, rows_model: RowsEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = put(jobs, b"".join(csv_rows(20)))
    with monkeypatch.context() as full:
        full.setattr(database, "RESERVE_BYTES", MORE_THAN_THERE_IS)
        with pytest.raises(DiskFull):
            jobs.run_next()
        assert (rows_model.calls, jobs.look(key).state) == (0, "queued")
    assert jobs.run_next()
    assert jobs.look(key).state == "succeeded"


def test_a_file_under_way_waits_and_goes_on_when_there_is_room(
    jobs: Jobs, rows_model: RowsEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows_model.seconds = 0.05
    key = put(jobs, b"".join(csv_rows(500)))
    runner = threading.Thread(target=jobs.run_next)
    runner.start()
    _wait_until(lambda: jobs.progress(key).done > 0)  # type: ignore[union-attr]
    with monkeypatch.context() as full:
        full.setattr(database, "RESERVE_BYTES", MORE_THAN_THERE_IS)
        time.sleep(0.5)
        before = jobs.progress(key).done  # type: ignore[union-attr]
        time.sleep(0.5)
        assert jobs.progress(key).done == before < 500  # type: ignore[union-attr]
    runner.join(30)
    assert [row.answer["prediction"] for row in jobs.rows(key)] == [2 * i for i in range(500)]
    assert sorted(rows_model.rows) == list(range(500)), "a row was asked twice"


def _wait_until(done: Any) -> None:
    until = time.monotonic() + 20
    while not done() and time.monotonic() < until:
        time.sleep(0.02)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_folder_of_temporary_files_costs_no_job(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    key = put(jobs, b"".join(csv_rows(20)))
    paused = []
    monkeypatch.setattr(jobs._store, "put_back", lambda _, seconds: paused.append(seconds))
    with monkeypatch.context() as full:
        full.setattr(tempfile, "TemporaryFile", FULL)
        assert jobs.run_next()
    assert paused == [LONGEST_PAUSE]
    assert jobs.look(key).state == "running", "it failed"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_an_upload_for_which_there_is_no_room_is_told_so(
    make_app: MakeApp, rows_model: RowsEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_app(**{**rows_model.settings(tmp_path / "data"), "job_workers": 0}).test_client()
    monkeypatch.setattr(tempfile, "TemporaryFile", FULL)
    answer = client.post("/api/v1/models/model/batches", data=b"".join(csv_rows(20)), content_type="text/csv")
    assert (answer.status_code, answer.json["title"]) == (503, "The disk of this app is full.")  # type: ignore[index]
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize("end", ["succeeded", "forgotten"])
def test_a_large_file_goes_without_taking_its_size_of_the_disk_again(tmp_path: Path, end: str) -> None:
    path = tmp_path / "jobs.sqlite3"
    store = Store("", path, 60)
    count = 3 * WAL_BYTES // PIECE_BYTES
    store.draft(A, "model", (os.urandom(PIECE_BYTES) for _ in range(count)), count * PIECE_BYTES, 5, 2**40)
    if end == "succeeded":
        store.note(A, b"{}")
        store.begin(A, 1, 5)
        store.take("runner")
        assert store.succeed(A, b"{}")
    else:
        store.forget(A)
        assert store.look(A) is None
    assert list(store.pieces(A, "file")) == []
    assert path.with_name(f"{path.name}-wal").stat().st_size < 1.2 * WAL_BYTES
    assert path.stat().st_size > 2 * WAL_BYTES
    store.sweep()
    store.sweep()
    assert path.stat().st_size < WAL_BYTES, "what is free goes back to the disk"


def test_who_died_while_deleting_leaves_it_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store("", tmp_path / "jobs.sqlite3", 60)
    store.draft(A, "model", (b"x" for _ in range(3)), 3, 5, 2**40)
    with monkeypatch.context() as dies:
        dies.setattr(Store, "_remove_pieces", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.forget(A)
    assert not store.begin(A, 1, 5)
    assert not store.retry(A, 5)
    store.sweep()
    assert store.look(A) is None
    assert list(store.pieces(A, "file")) == []
