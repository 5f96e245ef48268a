"""The short form of `make soak` for whole files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from soak.files import killed
from soak.parts import HAS_POSTGRES, HAS_REDIS

needs_servers = pytest.mark.skipif(
    not (HAS_POSTGRES and HAS_REDIS) and not os.environ.get("CI"),
    reason="LOUD: no PostgreSQL or no Redis, so no file was scored with them",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "way",
    [
        "worker",
        "web",
        pytest.param("redis", marks=needs_servers),
    ],
)
def test_a_file_is_whole_after_all_that_worked_at_it_was_killed(way: str, tmp_path: Path) -> None:
    books = killed(tmp_path, 2, 10_000, way, "2")
    assert books.kills == 2
    assert books.are_right(), books
