"""The short form of `python -m bench.rows`: the memory of web and workers does not grow with a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from soak.memory import measure
from soak.parts import HAS_POSTGRES, HAS_REDIS

MOST_MORE = 80.0  # MB above idle; with the rows of this file held in memory it is far more
needs_servers = pytest.mark.skipif(
    not (HAS_POSTGRES and HAS_REDIS) and not os.environ.get("CI"),
    reason="LOUD: no PostgreSQL or no Redis, so no worker's memory was measured",
)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is asked for in /proc")
@pytest.mark.parametrize("way", ["web", pytest.param("redis", marks=needs_servers)])
def test_web_and_workers_have_flat_memory(way: str, tmp_path: Path) -> None:
    found = measure(way, tmp_path, 150_000)
    print(found)
    assert found.web.more < MOST_MORE
    assert found.worker is None or found.worker.more < MOST_MORE
