"""How gunicorn's processes are set for as many threads as they have."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


class Jobs:
    is_resumed = False

    def resume(self) -> None:
        self.is_resumed = True


@pytest.mark.parametrize(("threads", "milliseconds"), [(1, 5), (96, 5), (1000, 50)])
def test_threads_that_wait_leave_the_one_that_runs_its_time(threads: int, milliseconds: int) -> None:
    jobs = Jobs()
    worker: Any = SimpleNamespace(cfg=SimpleNamespace(threads=threads), wsgi=SimpleNamespace(extensions={"jobs": jobs}))
    sys.setswitchinterval(0.005)
    runpy.run_path(str(ROOT / "gunicorn.conf.py"))["post_worker_init"](worker)
    assert sys.getswitchinterval() == pytest.approx(milliseconds / 1000)
    assert jobs.is_resumed
