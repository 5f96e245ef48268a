"""Files of rows on the engine of jobs: in order, whole, each row once, and slower rather than failing."""

from __future__ import annotations

import io
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from soak.rows import RowsEndpoint, csv_rows

from FlaskAppAML import batch, sheets
from FlaskAppAML import endpoint as endpoint_module
from FlaskAppAML import store as store_module
from FlaskAppAML.batch import Done, Plan
from FlaskAppAML.errors import EndpointError, JobGone, KeyRefused, QueueFull
from FlaskAppAML.jobs import Jobs
from FlaskAppAML.redact import Redactor
from FlaskAppAML.results import Column, Json, Number, Result, Score, Scores, Table, Text
from FlaskAppAML.settings import Settings

Score_ = Callable[..., list[Done]]
Make = Callable[..., Jobs]


@pytest.fixture
def make(rows_model: RowsEndpoint, tmp_path: Path, database_url: str) -> Make:
    """An engine without threads of its own; `run_next` runs what waits."""

    def made(**changes: Any) -> Jobs:
        own = {"job_workers": 0, "retries": 0, "database_url": database_url, **changes}
        settings = Settings(**rows_model.settings(tmp_path, **own))
        one = endpoint_module.Endpoint(settings)
        return Jobs(settings, {"model": one}.get, Redactor(settings.secrets()))

    return made


def plan_of(data: bytes, endpoint: endpoint_module.Endpoint, name: str = "rows.csv") -> Plan:
    fields = batch.fields_of(endpoint.schema)
    sheet = sheets.look(io.BytesIO(data), name, batch.known_names(fields))
    return Plan(sheet, sheets.match(sheet, fields).columns)


def put(jobs: Jobs, data: bytes) -> str:
    key, endpoint = secrets.token_hex(16), jobs._find("model")
    assert endpoint is not None
    plan = plan_of(data, endpoint)
    jobs.draft(key, "model", io.BytesIO(data))
    jobs.note(key, {**plan.document(), "dialect": "mlflow", "name": "rows.csv"})
    jobs.begin(key, plan.sheet.count)
    return key


@pytest.fixture
def scored(rows_model: RowsEndpoint, tmp_path: Path) -> Score_:
    """All rows of a CSV file, past the engine."""

    def run(data: bytes, **changes: Any) -> list[Done]:
        settings = Settings(**rows_model.settings(tmp_path, **{"retries": 0, **changes}))
        one = endpoint_module.Endpoint(settings)
        plan = plan_of(data, one)
        pace = batch.Pace(batch.calls_at_once(one))
        pieces = batch.run(one, one.schema, plan, sheets.rows(io.BytesIO(data), plan.sheet), pace)
        return [row for piece in pieces for row in piece]

    return run


def csv(count: int, **which: frozenset[int]) -> bytes:
    return b"".join(csv_rows(count, **which))


def test_all_rows_in_order_in_bodies(scored: Score_, rows_model: RowsEndpoint) -> None:
    rows_model.seconds = 0.05
    done = scored(csv(1203), max_rows=100, max_calls=8)
    assert [row.answer for row in done] == [{"prediction": 2 * i} for i in range(1203)]
    assert [row.cells for row in done[:2]] == [["0", "n0", "kept 0"], ["1", "n1", "kept 1"]]
    assert done[0].line == 2
    assert (rows_model.calls, rows_model.most_rows, rows_model.most_at_once) == (13, 100, 4)  # half of MAX_CALLS


def test_a_row_that_is_wrong_never_goes_out(scored: Score_, rows_model: RowsEndpoint) -> None:
    done = scored(csv(30, wrong=frozenset({7, 8})), max_rows=10)
    assert [i for i, row in enumerate(done) if row.error] == [7, 8]
    assert done[7].error.startswith("number: ")
    assert sorted(rows_model.rows) == [i for i in range(30) if i not in (7, 8)]
    assert rows_model.calls == 3


@pytest.mark.parametrize("bad", [{0}, {499}, {250, 251}, {3, 400}])
def test_a_refused_body_is_split_until_the_row_is_found(
    scored: Score_, rows_model: RowsEndpoint, bad: set[int]
) -> None:
    done = scored(csv(500, refused=frozenset(bad)))
    assert {i for i, row in enumerate(done) if row.error} == bad
    assert "This name is not taken." in done[min(bad)].error
    assert rows_model.calls - 1 <= 2 * 9 + 20


def test_a_body_full_of_refused_rows_ends_within_its_calls(scored: Score_, rows_model: RowsEndpoint) -> None:
    done = scored(csv(500, refused=frozenset(range(0, 500, 3))))
    assert rows_model.calls - 1 <= 2 * 9 + 20
    assert all(row.error for row in done[::3])
    assert "together with" in done[0].error


def test_overload_slows_it_down_and_loses_nothing(scored: Score_, rows_model: RowsEndpoint, monkeypatch: Any) -> None:
    monkeypatch.setattr(batch, "FIRST_PAUSE", 0.01)
    rows_model.seconds, rows_model.most = 0.01, 2
    done = scored(csv(400), max_rows=5, max_calls=32)
    assert [row.answer["prediction"] for row in done] == [2 * i for i in range(400)]


def test_a_key_that_is_refused_ends_it(scored: Score_, rows_model: RowsEndpoint) -> None:
    rows_model.status = 401
    with pytest.raises(KeyRefused):
        scored(csv(10))


def test_a_model_that_fails_on_everything_is_not_asked_for_ever(scored: Score_, rows_model: RowsEndpoint) -> None:
    rows_model.status = 404
    with pytest.raises(EndpointError):
        scored(csv(2000), max_rows=1)
    assert rows_model.calls < 100


# On the engine


def test_a_file_is_scored_by_the_engine(make: Make) -> None:
    jobs = make(max_rows=10)
    key = put(jobs, csv(95, wrong=frozenset({4})))
    assert jobs.run_next()
    found = jobs.look(key)
    assert found.state == "succeeded"
    assert [row.answer for row in jobs.rows(key)] == [{"prediction": 2 * i} if i != 4 else {} for i in range(95)]
    about, at = jobs.about(key), jobs.progress(key)
    assert at is not None
    assert (about["done"], about["failed"], about["names"]) == (95, 1, ["prediction"])
    assert (at.total, at.done, at.failed) == (95, 95, 1)
    assert about["seen"][0]["name"] == "prediction"
    assert sum(about["seen"][0]["bins"]) == 94
    assert jobs.answer(key) is None


def test_it_goes_on_where_it_was(make: Make, rows_model: RowsEndpoint) -> None:
    jobs = make(max_rows=10, max_calls=2)
    rows_model.seconds = 0.01
    key = put(jobs, csv(200))
    runner = threading.Thread(target=jobs.run_next)
    runner.start()
    while (at := jobs.progress(key)) is None or at.done < 50:
        time.sleep(0.01)
    rows_model.seconds = 0.3  # else it may be done before it hears of the end
    jobs.ending.set()
    runner.join(10)
    rows_model.seconds = 0.0
    assert jobs.look(key).state == "queued"
    other = make(max_rows=10, max_calls=2)
    assert other.run_next()
    assert [row.answer["prediction"] for row in other.rows(key)] == [2 * i for i in range(200)]
    assert sum(rows_model.rows.values()) <= 200 + 20  # the body under way was asked about twice


def test_it_stops_with_its_process_and_others_need_not_wait(make: Make, rows_model: RowsEndpoint) -> None:
    jobs = make(max_rows=10, max_calls=2, job_workers=2)
    rows_model.seconds = 0.02
    key = put(jobs, csv(200))
    jobs.resume()
    while (at := jobs.progress(key)) is None or at.done < 50:
        time.sleep(0.01)
    rows_model.seconds = 0.3
    jobs.end(10)
    assert jobs.look(key).state == "queued"
    assert not [thread for thread in jobs._runners if thread.is_alive()]


def test_cancel_ends_it_and_keeps_what_is_done(make: Make, rows_model: RowsEndpoint) -> None:
    jobs = make(max_rows=10, max_calls=2)
    rows_model.seconds = 0.02
    key = put(jobs, csv(200))
    runner = threading.Thread(target=jobs.run_next)
    runner.start()
    while (at := jobs.progress(key)) is None or at.done < 50:
        time.sleep(0.01)
    rows_model.seconds = 0.3
    jobs.cancel(key)
    runner.join(10)
    rows_model.seconds = 0.0
    assert not runner.is_alive()
    assert jobs.look(key).state == "cancelled"
    kept = list(jobs.rows(key))
    assert 50 <= len(kept) < 200
    jobs.retry(key)
    assert jobs.run_next()
    assert len(list(jobs.rows(key))) == 200


def test_a_failed_file_can_go_on(make: Make, rows_model: RowsEndpoint) -> None:
    jobs = make(max_rows=10, max_calls=2)
    rows_model.status = 401
    key = put(jobs, csv(50))
    jobs.run_next()
    assert jobs.look(key).state == "failed"
    assert isinstance(jobs.failure(key), KeyRefused)
    rows_model.status = 0
    assert jobs.look(key).can_retry
    jobs.retry(key)
    jobs.run_next()
    assert jobs.look(key).state == "succeeded"


def later(jobs: Jobs, key: str, seconds: float) -> None:
    """So much time goes by."""
    times = {store_module.JOBS: ("ready", "started", "lease"), store_module.BATCHES: ("troubled",)}
    with jobs._store._engine.begin() as c:
        for table, names in times.items():
            which = table.c.id if "id" in table.c else table.c.job
            c.execute(table.update().where(which == key).values({name: table.c[name] - seconds for name in names}))


def test_patience_with_a_file_begins_with_the_trouble(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it was worked at before, by whoever is dead now."""
    jobs, elsewhere = make(job_timeout=120.0), make(job_timeout=120.0)
    monkeypatch.setattr(elsewhere, "_find", lambda _: None)
    key = put(jobs, csv(30))
    assert jobs._store.take("dead")
    later(jobs, key, 3600)
    assert elsewhere.run_next()
    assert jobs.look(key).state == "queued"
    later(jobs, key, 70)
    assert elsewhere.run_next()
    assert jobs.look(key).state == "failed", "the next try would be too late"
    jobs.retry(key)
    assert elsewhere.run_next()
    assert jobs.look(key).state == "queued"


def test_trouble_is_over_when_rows_come(make: Make) -> None:
    jobs = make()
    store, key = jobs._store, put(jobs, csv(30))
    first = store.take("one")
    assert first is not None
    assert first.seconds == 0
    store.put_back(first, 1.0)
    later(jobs, key, 70)
    again = store.take("two")
    assert again is not None
    assert 70 <= again.seconds < 100
    assert store.advance(again, b"rows", store_module.Progress(30, 10, 0, 1, "[]", 0))
    store.put_back(again, 0.0)
    last = store.take("three")
    assert last is not None
    assert last.seconds == 0


def test_a_file_of_an_older_database_is_gone_on_with(make: Make) -> None:
    jobs = make()
    key = put(jobs, csv(5))
    with jobs._store._engine.begin() as c:
        c.exec_driver_sql("ALTER TABLE batches DROP COLUMN troubled")
        c.exec_driver_sql("UPDATE versions SET number = 1")
    other = make()
    assert other.run_next()
    assert other.look(key).state == "succeeded"


def test_a_file_waits_for_an_endpoint_that_is_away_once_and_not_twice(
    make: Make, rows_model: RowsEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from FlaskAppAML import jobs as jobs_module

    for module in (jobs_module, batch):
        monkeypatch.setattr(module, "FIRST_PAUSE", 0.05)
    jobs = make(job_timeout=0.3)
    rows_model.status = 503
    key = put(jobs, csv(5))
    assert jobs.run_next()
    assert jobs.look(key).state == "failed"


def test_questions_do_not_wait_behind_files(make: Make) -> None:
    jobs = make()
    put(jobs, csv(5))
    assert not jobs.run_next(files=False)
    assert jobs.run_next(files=True)


def test_drafts_go_and_are_few(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from FlaskAppAML import jobs as jobs_module

    jobs = make()
    monkeypatch.setattr(jobs_module, "MOST_DRAFTS", 2)
    for _ in range(2):
        jobs.draft(secrets.token_hex(16), "model", io.BytesIO(b"x" * 3_000_000))
    with pytest.raises(QueueFull):
        jobs.draft(secrets.token_hex(16), "model", io.BytesIO(b"x"))
    assert not jobs.run_next()


def test_what_is_deleted_is_gone(make: Make) -> None:
    jobs = make()
    key = put(jobs, csv(5))
    jobs.run_next()
    jobs.forget(key)
    with pytest.raises(JobGone):
        jobs.look(key)
    assert list(jobs.rows(key)) == []


# Answers by row


def test_the_rows_of_a_table_are_the_answers() -> None:
    columns = [Column("Assignments", label="Cluster", values={"1": "Banks"}), Column("d", "number", unit="km")]
    found = batch.by_row(Result([Table("o", columns, [["1", 2.5], ["2", 3.5]])], None), 2)
    assert found == [{"Cluster": "Banks", "d (km)": 2.5}, {"Cluster": "2", "d (km)": 3.5}]


def test_other_parts_are_the_answer_of_their_row() -> None:
    scores = Scores([Score("joy", 0.9, top=True), Score("fear", 0.1)], row=1)
    found = batch.by_row(Result([Text("one", "text", row=0), scores], None), 2)
    assert found == [{"text": "one"}, {"Label": "joy", "Score": 0.9, "fear": 0.1, "joy": 0.9}]
    assert batch.by_row(Result([Number(3, "n"), Json({"a": 1}, "j")], None), 1) == [{"n": 3, "j": {"a": 1}}]


def test_what_is_kept_reads_as_it_was_wherever_it_was_cut() -> None:
    rows = [Done(i, [f"é{i}", None], {"n": 2**70 + i}, "") for i in range(50)]
    data = batch.packed(rows[:20], lambda one: one) + batch.packed(rows[20:], lambda one: one)
    for size in (1, 7, 1000, len(data)):
        assert list(batch.unpacked(data[i : i + size] for i in range(0, len(data), size))) == rows
