"""Workers as processes: how many are how fast, how they end, and the short form of `make soak`."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from soak.kills import embedded, mixed
from soak.parts import HAS_POSTGRES, HAS_REDIS, Endpoint, Part, environment, free_port, postgres, redis_command, worker

from FlaskAppAML.endpoint import Endpoint as OurEndpoint
from FlaskAppAML.jobs import Jobs
from FlaskAppAML.prediction import Question
from FlaskAppAML.redact import Redactor
from FlaskAppAML.settings import Settings

LEASE = "2"
needs_servers = pytest.mark.skipif(
    not (HAS_POSTGRES and HAS_REDIS) and not os.environ.get("CI"),
    reason="LOUD: no PostgreSQL or no Redis, so no worker ran with them",
)


@pytest.fixture
def model() -> Iterator[Endpoint]:
    with Endpoint(0.4) as made:
        yield made


class Desk:
    """Takes jobs in and looks at them, as a web process does, and has workers beside it."""

    def __init__(self, model: Endpoint, folder: Path, stack: ExitStack, **addresses: str) -> None:
        read = Settings.read(addresses)
        stores = {"database_url": read.database_url, "redis_url": read.redis_url}
        settings = Settings(**model.settings(folder, job_workers=0, **stores))
        self._endpoint = OurEndpoint(settings)
        self.jobs = Jobs(settings, {"model": self._endpoint}.get, Redactor(()))
        self._env = environment(folder, URL=model.url, **addresses)
        self._folder, self._stack = folder, stack

    def worker(self) -> Part:
        """One that has begun to work."""
        made = worker(self._env, self._folder / f"{secrets.token_hex(4)}.log", LEASE)
        self._stack.callback(made.kill)
        made.start()
        return made

    def put(self, count: int) -> list[str]:
        ids = [secrets.token_hex(16) for _ in range(count)]
        for key in ids:
            question = Question(self._endpoint.schema, [{"name": key}], {})
            self.jobs.accept(key, "model", question, "r")
        return ids

    def wait(self, ids: list[str], seconds: float = 60.0) -> float:
        """How long it takes until all are done."""
        started = time.monotonic()
        while (states := {self.jobs.look(key).state for key in ids}) != {"succeeded"}:
            assert time.monotonic() - started < seconds, states
            time.sleep(0.02)
        return time.monotonic() - started


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=[pytest.mark.slow, needs_servers])])
def desk(request: pytest.FixtureRequest, model: Endpoint, tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield Desk(model, tmp_path, stack)
            return
        url, port = stack.enter_context(postgres()), free_port()
        redis = Part("redis", redis_command(port), dict(os.environ), tmp_path / "redis.log", port)
        stack.callback(redis.kill)
        redis.start()
        yield Desk(model, tmp_path, stack, DATABASE_URL=url, REDIS_URL=f"redis://127.0.0.1:{port}/0")


@pytest.mark.slow
def test_two_workers_do_twice_as_much(desk: Desk, model: Endpoint) -> None:
    desk.worker()
    desk.wait(desk.put(1))
    alone = desk.wait(desk.put(8))
    assert model.most_at_once == 1
    desk.worker()
    while model.most_at_once == 1:  # until the second one has begun
        desk.wait(desk.put(2))
    together = desk.wait(desk.put(8))
    assert model.most_at_once == 2
    assert together < 0.7 * alone


def test_a_worker_killed_in_mid_job_delays_nobody_else(desk: Desk, model: Endpoint) -> None:
    victim = desk.worker()
    desk.wait(desk.put(1))
    model.seconds = 5.0
    (stuck,) = desk.put(1)
    while not model.calls[stuck]:
        time.sleep(0.02)
    victim.kill()
    model.seconds = 0.2
    desk.worker()
    others = desk.put(3)
    desk.wait(others)
    desk.wait([stuck])
    assert [model.calls[key] for key in others] == [1, 1, 1]
    assert model.calls[stuck] == 2


def test_a_worker_that_is_asked_to_end_ends_its_job_first(desk: Desk, model: Endpoint) -> None:
    one = desk.worker()
    desk.wait(desk.put(1))
    model.seconds = 1.0
    first, second = desk.put(2)
    while not model.calls[first]:
        time.sleep(0.02)
    assert one.ask_to_end(10) == 0
    assert (desk.jobs.look(first).state, desk.jobs.look(second).state) == ("succeeded", "queued")


@pytest.mark.slow
def test_web_is_killed_while_jobs_come_in(tmp_path: Path) -> None:
    books = embedded(tmp_path, 3, LEASE)
    assert books.are_right(), books


@pytest.mark.slow
@needs_servers
def test_web_workers_and_redis_are_killed_while_jobs_come_in(tmp_path: Path) -> None:
    books = mixed(tmp_path, 3, LEASE)
    assert books.are_right(), books
