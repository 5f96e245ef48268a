"""How fast workers are: one against two, and what others wait for when one of them is killed at its work."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from FlaskAppAML.endpoint import Endpoint as OurEndpoint
from FlaskAppAML.jobs import Jobs
from FlaskAppAML.prediction import Question
from FlaskAppAML.redact import Redactor
from FlaskAppAML.settings import Settings

from .parts import Endpoint, Part, environment, free_port, postgres, redis_command, worker

JOBS = 16
MOST_SHARE = 0.7  # of the time that one worker needs


class Desk:
    """Takes jobs in and looks at them, as a web process does, and has workers beside it."""

    def __init__(self, model: Endpoint, folder: Path, stack: ExitStack, lease: str = "", **addresses: str) -> None:
        read = Settings.read(addresses)
        stores = {"database_url": read.database_url, "redis_url": read.redis_url}
        settings = Settings(**model.settings(folder, job_workers=0, **stores))
        self._endpoint = OurEndpoint(settings)
        self.jobs = Jobs(settings, {"model": self._endpoint}.get, Redactor(()))
        self._env = environment(folder, URL=model.url, **addresses)
        self._folder, self._stack, self._lease = folder, stack, lease

    def worker(self) -> Part:
        """One that has begun to work."""
        made = worker(self._env, self._folder / f"{secrets.token_hex(4)}.log", self._lease)
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

    def second(self, model: Endpoint) -> Part:
        """Another worker, when it works beside the first one."""
        made, model.most_at_once = self.worker(), 0
        while model.most_at_once < 2:
            self.wait(self.put(2))
        return made


@contextmanager
def opened(model: Endpoint, folder: Path, lease: str = "", *, with_redis: bool) -> Iterator[Desk]:
    """With SQLite, or with PostgreSQL and Redis."""
    with ExitStack() as stack:
        if not with_redis:
            yield Desk(model, folder, stack, lease)
            return
        url, port = stack.enter_context(postgres()), free_port()
        redis = Part("redis", redis_command(port), dict(os.environ), folder / "redis.log", port)
        stack.callback(redis.kill)
        redis.start()
        yield Desk(model, folder, stack, lease, DATABASE_URL=url, REDIS_URL=f"redis://127.0.0.1:{port}/0")


@dataclass(frozen=True)
class Speed:
    """Seconds for so many jobs by one worker and by two; then one of the two is killed at its work, and there are
    seconds for as many others beside what it did, and until that one job is done too."""

    alone: float
    together: float
    others: float
    stuck: float

    def are_right(self) -> bool:
        return self.together < MOST_SHARE * self.alone

    def __str__(self) -> str:
        share = self.together / self.alone
        return (
            f"{JOBS} jobs: {self.alone:.1f} s by one worker, {self.together:.1f} s by two, {share:.2f} of that. "
            f"One of two killed at its work: {JOBS} others done {self.others:.1f} s later, its own {self.stuck:.1f} s."
        )


def timed(folder: Path, lease: str = "", *, with_redis: bool) -> Speed:
    """On a model that takes 0.4 s."""
    with Endpoint(0.4) as model, opened(model, folder, lease, with_redis=with_redis) as desk:
        victim = desk.worker()
        desk.wait(desk.put(1))
        alone = desk.wait(desk.put(JOBS))
        desk.second(model)
        together = desk.wait(desk.put(JOBS))
        return Speed(alone, together, *_killed(desk, model, victim))


def _killed(desk: Desk, model: Endpoint, victim: Part) -> tuple[float, float]:
    """Each worker has one long call; the first one is killed in the middle of it."""
    model.seconds = 1.0
    both = desk.put(2)
    while not all(model.calls[key] for key in both):
        time.sleep(0.02)
    model.seconds = 0.4
    others = desk.put(JOBS)
    victim.kill()
    started = time.monotonic()
    desk.wait(others)
    took = time.monotonic() - started
    desk.wait(both)
    return took, time.monotonic() - started
