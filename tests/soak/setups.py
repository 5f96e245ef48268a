"""The ways in which files of rows are scored, as processes: what the soak kills, and whose memory is measured."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import requests

from FlaskAppAML.endpoint import Endpoint
from FlaskAppAML.jobs import Jobs
from FlaskAppAML.redact import Redactor
from FlaskAppAML.settings import Settings

from .parts import Part, address, environment, free_port, postgres, redis_command, web, worker
from .rows import SAMPLE, RowsEndpoint

WAYS = {
    "web": "threads of the web, SQLite",
    "worker": "a worker beside the web, SQLite",
    "redis": "two workers, PostgreSQL, Redis and RQ",
}
PATIENCE = 300.0  # seconds for the answer to a file


@dataclass
class Setup:
    """`front` takes files in; `parts` are all that may be killed, in the order in which they are started. `jobs` looks
    into the database, and runs nothing."""

    front: Part
    parts: list[Part]
    jobs: Jobs

    def send(self, file: BinaryIO) -> str:
        """A CSV file, as a script sends it: the id of its job."""
        url, kind = f"{address(self.front)}/api/v1/models/model/batches", {"Content-Type": "text/csv"}
        reply = requests.post(url, file, headers=kind, timeout=PATIENCE)
        assert reply.status_code == 202, reply.text
        return str(reply.json()["id"])


@contextmanager
def running(way: str, folder: Path, model: RowsEndpoint, lease: str = "", **limits: str) -> Iterator[Setup]:
    """One of `WAYS`, with these settings besides. Only the SQLite of the first two lies where all can read it: web and
    workers with PostgreSQL have no folder in common."""
    with ExitStack() as stack:
        stores, keeps = {}, [folder / "data"] * 3
        parts: list[Part] = []
        if way == "redis":
            port = free_port()
            stores = {"DATABASE_URL": stack.enter_context(postgres()), "REDIS_URL": f"redis://127.0.0.1:{port}/0"}
            keeps = [folder / name for name in ("of-the-web", "of-a-worker", "of-another")]
            parts.append(Part("redis", redis_command(port), environment(folder), folder / "redis.log", port))
        given = {"URL": model.url, "SCHEMA": SAMPLE, "DIALECT": "mlflow", **stores, **limits}
        envs = [environment(keep, **given) for keep in keeps]
        front = web({**envs[0], "JOB_WORKERS": "2" if way == "web" else "0"}, folder / "web.log", 1, lease)
        parts.append(front)
        many = {"web": 0, "worker": 1, "redis": 2}[way]
        parts += [worker(envs[i], folder / f"worker-{i}.log", lease) for i in range(1, many + 1)]
        for part in parts:
            stack.callback(part.kill)
            part.start()
        read = Settings.read(stores)
        keep = {"database_url": read.database_url, "redis_url": read.redis_url}
        settings = Settings(**model.settings(keeps[0], job_workers=0, **keep))
        yield Setup(front, parts, Jobs(settings, {"model": Endpoint(settings)}.get, Redactor(())))


def wait(jobs: Jobs, key: str, share: float, until: float) -> None:
    """Until so much of the file is done, its job is at its end, or it is `until` (monotonic seconds)."""
    while jobs.look(key).state in ("queued", "running") and time.monotonic() < until:
        at = jobs.progress(key)
        if at is not None and at.done >= share * at.total:
            return
        time.sleep(0.02)
