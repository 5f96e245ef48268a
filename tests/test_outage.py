"""A database of jobs that is away: said once, and asked ever more seldom, until it is back."""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from soak.parts import Endpoint, free_port

from FlaskAppAML import database
from FlaskAppAML import endpoint as endpoint_module
from FlaskAppAML import jobs as jobs_module
from FlaskAppAML.errors import JobsUnavailable
from FlaskAppAML.jobs import FILE_NAME, Jobs
from FlaskAppAML.outage import Outage
from FlaskAppAML.prediction import Question
from FlaskAppAML.redact import Redactor
from FlaskAppAML.schema import Field, Schema
from FlaskAppAML.settings import Settings


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What the log says of outages."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    listener, logger = Listener(), logging.getLogger("FlaskAppAML.outage")
    logger.addHandler(listener)
    yield lines
    logger.removeHandler(listener)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    with Endpoint(0.0) as model:
        settings = Settings(**model.settings(tmp_path, job_workers=0))
        one = endpoint_module.Endpoint(settings)
        yield Jobs(settings, {"model": one}.get, Redactor(()))


def nothing(_: str) -> None:
    """No model is found."""


def put(jobs: Jobs) -> str:
    key, schema = secrets.token_hex(16), Schema((Field("name"),), dialect="openapi")
    jobs.accept(key, "model", Question(schema, [{"name": "Ada"}], {}), "r" * 32)
    return key


def test_a_file_that_is_no_database_is_said_once_and_so_is_its_end(jobs: Jobs, tmp_path: Path, said: list[str]) -> None:
    file = tmp_path / FILE_NAME
    file.write_bytes(b"no database, whatever its name " * 100)
    for _ in range(3):
        with pytest.raises(JobsUnavailable):
            jobs.run_next()
        with pytest.raises(JobsUnavailable):
            put(jobs)
    assert said == [f"the database of jobs, {file}, is away: file is not a database"]
    file.unlink()
    put(jobs)
    assert jobs.run_next()
    assert said[1:] == [f"the database of jobs, {file}, is back"]


def test_one_that_can_be_read_and_not_written_is_away_until_it_can(
    jobs: Jobs, tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    put(jobs)
    with sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            assert jobs.line()[0] == 1
            with pytest.raises(JobsUnavailable):
                jobs.run_next()
        assert [line.rpartition(": ")[2] for line in said] == ["database is locked"]
        other.execute("ROLLBACK")
    assert jobs.run_next()
    assert len(said) == 2


def test_a_server_that_is_gone_is_one_plain_line(tmp_path: Path, said: list[str]) -> None:
    url = f"postgresql+psycopg://nobody:in-secret@127.0.0.1:{free_port()}/none"
    jobs = Jobs(Settings(data_dir=str(tmp_path), database_url=url), nothing, Redactor(()))
    with pytest.raises(JobsUnavailable):
        jobs.run_next()
    (line,) = said
    assert line.startswith("the database of jobs is away: connection failed")
    assert not [word for word in ("SELECT", "sqlalche.me", "in-secret", "\n") if word in line]


@pytest.mark.parametrize("fault", [JobsUnavailable(), ValueError("unforeseen")])
def test_a_runner_asks_ever_more_seldom(jobs: Jobs, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    rests = list[float]()

    def fail(_: object) -> bool:
        raise fault

    def rest(seconds: float, until: threading.Event) -> None:
        rests.append(seconds)
        if len(rests) == 6:
            until.set()

    monkeypatch.setattr(jobs, "run_next", fail)  # the fault alone counts here, and how often it comes
    monkeypatch.setattr(jobs_module, "_rest", rest)
    jobs.work()
    assert rests == [1, 2, 4, 8, 15, 15]


def test_who_rests_ends_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "LOOK_SECONDS", 0.01)
    stop = threading.Event()
    resting = threading.Thread(target=jobs_module._rest, args=(60.0, stop), daemon=True)
    resting.start()
    stop.set()
    resting.join(5)
    assert not resting.is_alive()


def test_an_end_that_nobody_waited_for_is_not_said(said: list[str]) -> None:
    away = Outage("It")
    away.ends()
    away.begins("gone,\n  for now")
    away.begins("gone still")
    away.ends()
    away.ends()
    assert said == ["It is away: gone, for now", "It is back"]


def test_a_folder_that_nobody_may_look_into_has_no_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mock, as whoever runs the tests may look everywhere."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    jobs = Jobs(Settings(data_dir=str(tmp_path)), nothing, Redactor(()))
    monkeypatch.setattr("os.stat", refuse)
    assert jobs.line() == (0, 0.0)
