"""The engine of background jobs, over SQLite and over PostgreSQL: taken in durably, run in turn, kept once."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from soak.parts import Endpoint

from FlaskAppAML import endpoint as endpoint_module
from FlaskAppAML import jobs as jobs_module
from FlaskAppAML import store as store_module
from FlaskAppAML.errors import JobGone, JobsUnavailable, QueueFull, SettingError
from FlaskAppAML.jobs import Jobs
from FlaskAppAML.packing import pack, unpack
from FlaskAppAML.prediction import Question
from FlaskAppAML.redact import Redactor
from FlaskAppAML.schema import Field, Schema, Upload
from FlaskAppAML.settings import Settings

Make = Callable[..., Jobs]


@pytest.fixture
def make(model: Endpoint, tmp_path: Path, database_url: str) -> Make:
    """An engine without threads of its own; `run_next` runs what waits."""

    def made(**changes: Any) -> Jobs:
        base: dict[str, Any] = {"job_workers": 0, "database_url": database_url}
        settings = Settings(**model.settings(tmp_path, **{**base, **changes}))
        one = endpoint_module.Endpoint(settings)
        return Jobs(settings, {"model": one}.get, Redactor(settings.secrets()))

    return made


def nothing(_: str) -> None:
    """No model is found."""


def asked(name: str = "Ada", **more: Any) -> Question:
    schema = Schema((Field("name"),), dialect="openapi")
    return Question(schema, [{"name": name, **more}], {"name": name})


def put(jobs: Jobs, name: str = "Ada", question: Question | None = None) -> str:
    key = secrets.token_hex(16)
    jobs.accept(key, "model", question or asked(name), "r" * 32)
    return key


def test_a_job_is_taken_in_run_and_answered(make: Make, model: Endpoint) -> None:
    jobs = make()
    key = put(jobs)
    assert (jobs.look(key).state, jobs.look(key).place, jobs.answer(key)) == ("queued", 1, None)
    assert jobs.run_next()
    assert not jobs.run_next()
    document = jobs.answer(key)
    assert document is not None
    assert document["prediction"]["raw"] == {"answer": "Ada"}
    assert document["prediction"]["id"] == key
    assert document["prediction"]["meta"]["request_id"] == "r" * 32
    assert document["typed"] == {"name": "Ada"}
    assert 86_000 < document["until"] - time.time() <= 86_400
    assert model.calls == {"Ada": 1}


def test_it_outlives_the_process(make: Make) -> None:
    key = put(make())
    other = make()
    assert other.run_next()
    assert make().look(key).state == "succeeded"


def test_first_come_first_served(make: Make, model: Endpoint) -> None:
    jobs = make()
    ids = [put(jobs, f"n{number}") for number in range(5)]
    assert [jobs.look(key).place for key in ids] == [1, 2, 3, 4, 5]
    while jobs.run_next():
        pass
    assert model.names == [f"n{number}" for number in range(5)]


def test_the_same_id_is_the_same_job(make: Make, model: Endpoint) -> None:
    jobs = make()
    for _ in range(3):
        jobs.accept("a" * 32, "model", asked(), "r")
    jobs.run_next()
    jobs.accept("a" * 32, "model", asked(), "r")
    assert not jobs.run_next()
    assert model.calls == {"Ada": 1}


def test_no_job_is_taken_twice(make: Make, model: Endpoint) -> None:
    jobs = [make() for _ in range(3)]
    ids = [put(jobs[0], f"n{number}") for number in range(40)]

    def run(one: Jobs) -> None:
        while one.run_next():
            pass

    threads = [threading.Thread(target=run, args=(jobs[number % 3],)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {jobs[0].look(key).state for key in ids} == {"succeeded"}
    assert set(model.calls.values()) == {1}


def test_a_dead_runners_job_is_taken_again(make: Make) -> None:
    jobs = make()
    key = put(jobs)
    assert jobs._store.take("dead") is not None
    assert not jobs.run_next()
    with jobs._store._engine.begin() as c:
        c.execute(store_module.JOBS.update().values(lease=time.time() - 1))
    assert jobs.run_next()
    assert jobs.look(key).state == "succeeded"


def test_a_live_runners_lease_is_renewed(make: Make, model: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "LEASE_SECONDS", 1.5)
    monkeypatch.setattr(jobs_module, "RENEW_SECONDS", 0.2)
    model.seconds = 2.0
    jobs, other = make(), make()
    put(jobs)
    thread = threading.Thread(target=jobs.run_next)
    thread.start()
    taken = False
    while not model.calls:
        time.sleep(0.02)
    while thread.is_alive():
        taken = taken or other.run_next()
        time.sleep(0.1)
    thread.join()
    assert not taken
    assert model.calls == {"Ada": 1}


def test_of_two_results_the_first_is_kept(make: Make) -> None:
    jobs = make()
    key = put(jobs)
    first = jobs._store.take("first")
    assert first is not None
    assert jobs._store.succeed(key, b'{"n": 1}')
    assert not jobs._store.succeed(key, b'{"n": 2}')
    assert not jobs._store.fail(first, b"{}")
    assert jobs._store.read(key, "result") == b'{"n": 1}'


def test_a_job_that_kills_whoever_runs_it_is_given_up(
    make: Make, model: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = make()
    key = put(jobs)
    monkeypatch.setattr(store_module, "LEASE_SECONDS", -1.0)
    for number in range(jobs_module.MOST_RUNS):
        assert jobs._store.take(f"dead-{number}") is not None
    monkeypatch.setattr(store_module, "LEASE_SECONDS", 30.0)
    assert jobs.run_next()
    assert jobs.look(key).state == "failed"
    assert f"{jobs_module.MOST_RUNS} times" in jobs.failure(key).detail
    assert not model.calls


def test_a_full_queue_says_so(make: Make) -> None:
    jobs = make(queue_max=2)
    put(jobs)
    put(jobs)
    with pytest.raises(QueueFull) as found:
        put(jobs)
    assert found.value.retry_after
    jobs.run_next()
    put(jobs)


def test_what_waits_can_be_cancelled_and_run_after_all(make: Make, model: Endpoint) -> None:
    jobs = make()
    key = put(jobs)
    jobs.cancel(key)
    assert not jobs.run_next()
    assert (jobs.look(key).state, jobs.look(key).can_retry) == ("cancelled", True)
    jobs.retry(key)
    assert jobs.run_next()
    assert jobs.look(key).state == "succeeded"
    jobs.cancel(key)
    jobs.retry(key)
    assert jobs.look(key).state == "succeeded"
    assert model.calls == {"Ada": 1}


def test_what_was_cancelled_while_it_ran_is_dropped(make: Make, model: Endpoint) -> None:
    model.seconds = 0.5
    jobs = make()
    key = put(jobs)
    thread = threading.Thread(target=jobs.run_next)
    thread.start()
    while jobs.look(key).state != "running":
        time.sleep(0.02)
    jobs.cancel(key)
    thread.join()
    assert (jobs.look(key).state, jobs.answer(key)) == ("cancelled", None)


def test_a_failure_is_told_and_can_be_tried_again(make: Make, model: Endpoint) -> None:
    model.status = 500
    jobs = make(retries=0)
    key = put(jobs)
    jobs.run_next()
    assert jobs.look(key).state == "failed"
    assert jobs.failure(key).kind == "model_error"
    model.status = 200
    jobs.retry(key)
    jobs.run_next()
    assert jobs.answer(key) is not None


def test_an_endpoint_that_is_away_costs_no_job(make: Make, model: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a queue of a thousand would be burnt in the seconds of a restart."""
    monkeypatch.setattr(jobs_module, "FIRST_PAUSE", 60.0)
    model.status = 503
    jobs = make(retries=0)
    ids = [put(jobs, f"n{number}") for number in range(8)]
    for _ in ids:
        assert jobs.run_next()
    assert {jobs.look(key).state for key in ids} == {"queued"}
    assert not jobs.run_next()  # they rest


def test_it_gives_up_after_job_timeout(make: Make, model: Endpoint) -> None:
    model.status = 503
    jobs = make(retries=0, job_timeout=1.0)
    key = put(jobs)
    jobs.run_next()
    assert jobs.look(key).state == "failed"
    assert jobs.failure(key).kind == "overload"


def test_job_timeout_stands_in_place_of_timeout(make: Make, model: Endpoint) -> None:
    model.seconds = 0.8
    jobs = make(timeout=0.2, job_timeout=5.0)
    key = put(jobs)
    jobs.run_next()
    assert jobs.look(key).state == "succeeded"
    jobs = make(timeout=5.0, job_timeout=0.2)
    key = put(jobs)
    jobs.run_next()
    assert jobs.failure(key).kind == "timeout"


def test_a_form_that_changed_meanwhile_is_asked_again(make: Make, model: Endpoint) -> None:
    jobs = make()
    right, wrong = put(jobs, "Ada", asked("Ada", gone=Decimal(1))), put(jobs, "Eve", asked())
    assert jobs.run_next()
    assert jobs.look(right).state == "succeeded"
    other = make(schema='{"name": "x", "age": 3}')
    assert other.run_next()
    assert "age" in other.failure(wrong).detail
    assert model.calls == {"Ada": 1}


def test_an_endpoint_that_says_nothing_of_itself_for_now_is_waited_for(
    make: Make, model: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = make(schema="", dialect="")
    key = put(jobs)
    assert jobs.run_next()
    assert jobs.look(key).state == "queued"
    assert not model.calls


def test_a_worker_that_does_not_know_the_model_leaves_the_job(model: Endpoint, make: Make) -> None:
    jobs = make()
    jobs.accept("b" * 32, "other", asked(), "r")
    assert jobs.run_next()
    assert jobs.look("b" * 32).state == "queued"


@pytest.mark.parametrize("link", ["", "x", "A" * 32, "a" * 31, "a\0" * 16, "a" * 32 + "\n"])
def test_what_is_no_link_is_not_looked_for(make: Make, link: str) -> None:
    jobs = make()
    put(jobs)
    with pytest.raises(JobGone):
        jobs.look(link)
    assert jobs.answer(link) is None


def test_a_secret_goes_with_the_end_of_its_job(make: Make, tmp_path: Path, database_url: str) -> None:
    secret = "token-of-somebody-else"
    schema = Schema((Field("name"), Field("token", secret=True)), dialect="raw")
    question = Question(schema, [{"name": "Ada", "token": secret}], {"name": "Ada"})
    jobs = make()
    done, cancelled = put(jobs, question=question), put(jobs, question=question)
    assert secret.encode() in (jobs._store.read(done, "input") or b"")
    jobs.run_next()
    jobs.cancel(cancelled)
    for key in (done, cancelled):
        assert jobs._store.read(key, "input") is None
        assert secret.encode() not in (jobs._store.read(key, "result") or b"")
        assert not jobs.look(key).can_retry
    if not database_url:
        jobs._store._engine.dispose()
        with sqlite3.connect(tmp_path / jobs_module.FILE_NAME) as c:
            c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert secret.encode() not in (tmp_path / jobs_module.FILE_NAME).read_bytes()


def test_the_key_is_not_kept(make: Make, model: Endpoint) -> None:
    jobs = make()
    key = put(jobs, "key-of-the-slow-endpoint")
    jobs.run_next()
    assert b"key-of-the-slow-endpoint" not in (jobs._store.read(key, "result") or b"")


def test_what_is_past_its_time_goes(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = make()
    jobs._store._kept = -1.0
    gone, there = put(jobs), put(jobs)
    jobs.run_next()
    jobs._store.sweep()
    with pytest.raises(JobGone):
        jobs.look(gone)
    assert jobs._store.read(gone, "result") is None
    assert jobs.look(there).state == "queued"


def test_large_inputs_and_results_come_back_whole(make: Make) -> None:
    jobs = make()
    data = os.urandom(3 * 1024**2 + 7)
    schema = Schema((Field("name"), Field("file", "file")), dialect="raw")
    key = put(jobs, question=Question(schema, [{"name": "Ada", "file": Upload(data, "a.bin")}], {}))
    assert unpack(jobs._store.read(key, "input") or b"")["rows"][0]["file"].data == data
    jobs._store.take("me")
    jobs._store.succeed(key, data)
    assert jobs._store.read(key, "result") == data


@pytest.mark.parametrize(
    "value",
    [
        {"a": Decimal("1.50"), "b": Decimal("1E+400"), "c": 2**80, "d": None, "e": True, "f": 0.1},
        {"text": "\ud800 \x00 ’", "list": [Decimal(1), [1, "1"]], "rows": [{"x": Decimal("0.1")}]},
        {"file": Upload(b"\x00\xff", "ünï.png", "image/png")},
        {"json": {"$number": "5"}, "other": {"$file": {"$object": []}}, "$object": 1},
        {"$number": Decimal(1)},
        {},
    ],
)
def test_typed_values_survive(value: Any) -> None:
    again = unpack(pack(value))
    assert again == value
    assert repr(again) == repr(value)


def test_an_old_database_gets_what_changed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    key = put(make())
    change = ("CREATE TABLE later (number INTEGER)", "INSERT INTO later VALUES (7)")
    before = store_module.CHANGES
    monkeypatch.setattr(store_module, "CHANGES", (*before, change))
    jobs = make()
    try:
        assert jobs.look(key).state == "queued"
        make().look(key)  # not done twice
        with jobs._store._engine.connect() as c:
            assert [tuple(row) for row in c.exec_driver_sql("SELECT number FROM later")] == [(7,)]
    finally:
        with jobs._store._engine.begin() as c:
            c.exec_driver_sql("DROP TABLE later")
            c.exec_driver_sql(f"UPDATE versions SET number = {len(before)}")


def test_a_database_that_is_away_is_told(make: Make) -> None:
    jobs = make(database_url="postgresql+psycopg://nobody@127.0.0.1:9/none")
    with pytest.raises(JobsUnavailable):
        put(jobs)
    with pytest.raises(JobsUnavailable):
        jobs.look("a" * 32)


def test_a_wrong_link_makes_no_database(model: Endpoint, tmp_path: Path) -> None:
    settings = Settings(**model.settings(tmp_path))
    jobs = Jobs(settings, nothing, Redactor(()))
    jobs.resume()
    with pytest.raises(JobGone):
        jobs.look("a" * 32)
    assert jobs.answer("a" * 32) is None
    assert not list(tmp_path.iterdir())


def test_only_its_owner_can_read_the_file(model: Endpoint, tmp_path: Path) -> None:
    settings = Settings(**model.settings(tmp_path, job_workers=0))
    put(Jobs(settings, nothing, Redactor(())))
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes


def test_async_needs_a_place_to_keep_answers(model: Endpoint, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="ANSWER_MINUTES"):
        Jobs(Settings(**model.settings(tmp_path, background=True, answer_minutes=0)), nothing, Redactor(()))


def test_threads_of_the_process_go_on_with_what_was_left(model: Endpoint, tmp_path: Path) -> None:
    settings = Settings(**model.settings(tmp_path, job_workers=0))
    one = endpoint_module.Endpoint(settings)
    key = put(Jobs(settings, {"model": one}.get, Redactor(())))
    jobs = Jobs(Settings(**model.settings(tmp_path)), {"model": one}.get, Redactor(()))
    jobs.resume()
    until = time.monotonic() + 10
    while jobs.look(key).state != "succeeded" and time.monotonic() < until:
        time.sleep(0.05)
    assert jobs.look(key).state == "succeeded"
    assert model.calls == {"Ada": 1}
