"""Workers as processes: how many are how fast, how they end, and the short form of `make soak`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from soak.desk import JOBS, MOST_SHARE, Desk, opened
from soak.kills import embedded, mixed
from soak.parts import HAS_POSTGRES, HAS_REDIS, Endpoint

LEASE = "2"
needs_servers = pytest.mark.skipif(
    not (HAS_POSTGRES and HAS_REDIS) and not os.environ.get("CI"),
    reason="LOUD: no PostgreSQL or no Redis, so no worker ran with them",
)


@pytest.fixture
def model() -> Iterator[Endpoint]:
    with Endpoint(0.4) as made:
        yield made


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=[pytest.mark.slow, needs_servers])])
def desk(request: pytest.FixtureRequest, model: Endpoint, tmp_path: Path) -> Iterator[Desk]:
    with opened(model, tmp_path, LEASE, with_redis=request.param == "redis") as made:
        yield made


@pytest.mark.slow
def test_two_workers_do_twice_as_much(desk: Desk, model: Endpoint) -> None:
    desk.worker()
    desk.wait(desk.put(1))
    alone = desk.wait(desk.put(JOBS))
    assert model.most_at_once == 1
    desk.second(model)
    together = desk.wait(desk.put(JOBS))
    assert model.most_at_once == 2
    assert together < MOST_SHARE * alone


@pytest.mark.slow
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
    model.seconds = 0.5
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
