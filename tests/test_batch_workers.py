"""Files scored by `flask worker` over Redis: the database alone brings them there, and a worker without it says so."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from soak.parts import HAS_POSTGRES, HAS_REDIS, Part, address, environment, free_port, redis_command, web, worker
from soak.rows import SAMPLE, RowsEndpoint, csv_rows
from soak.setups import running, wait

pytestmark = pytest.mark.skipif(
    not (HAS_POSTGRES and HAS_REDIS) and not os.environ.get("CI"),
    reason="LOUD: no PostgreSQL or no Redis, so no worker scored a file",
)


@pytest.fixture
def model() -> Iterator[RowsEndpoint]:
    with RowsEndpoint() as made:
        yield made


@pytest.mark.slow
def test_a_file_reaches_workers_that_have_no_folder_in_common_with_the_web(model: RowsEndpoint, tmp_path: Path) -> None:
    with running("redis", tmp_path, model) as setup:
        key = setup.send(io.BytesIO(b"".join(csv_rows(2_000, wrong=frozenset({7})))))
        wait(setup.jobs, key, 2.0, time.monotonic() + 60)
        url = f"{address(setup.front)}/api/v1/jobs/{key}"
        told = requests.get(url, timeout=10).json()
        assert (told["status"], told["rows"]) == ("succeeded", {"total": 2000, "done": 2000, "failed": 1})
        lines = requests.get(f"{url}/result.csv", timeout=10).text.splitlines()
    assert lines[2000] == "1999,n1999,kept 1999,3998,"
    assert lines[8].startswith('x,n7,kept 7,,"number: ')
    assert not list(tmp_path.glob("*/jobs.sqlite3"))


@pytest.mark.slow
def test_a_worker_that_has_another_database_says_so(model: RowsEndpoint, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "worker.log"
    given = {"URL": model.url, "SCHEMA": SAMPLE, "DIALECT": "mlflow", "REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    here, there = (environment(tmp_path / name, **given) for name in ("here", "there"))
    parts = [Part("redis", redis_command(port), here, tmp_path / "redis.log", port), web(here, tmp_path / "web.log")]
    parts.append(worker(there, log))
    try:
        for part in parts:
            part.start()
        url = f"{address(parts[1])}/api/v1/models/model/batches"
        told = requests.post(url, b"".join(csv_rows(5)), headers={"Content-Type": "text/csv"}, timeout=10).json()
        until = time.monotonic() + 30
        while "is not in the database of this worker" not in log.read_text("utf-8") and time.monotonic() < until:
            time.sleep(0.05)
        assert f"job {told['id']} is not in the database of this worker" in log.read_text("utf-8")
        assert requests.get(f"{address(parts[1])}/api/v1/jobs/{told['id']}", timeout=10).json()["status"] == "queued"
    finally:
        for part in parts:
            part.kill()
