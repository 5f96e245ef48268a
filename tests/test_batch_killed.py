"""The short form of `make soak` for whole files."""

from __future__ import annotations

from pathlib import Path

import pytest
from soak.files import killed


@pytest.mark.slow
def test_a_file_is_whole_after_its_worker_was_killed(tmp_path: Path) -> None:
    books = killed(tmp_path, 2, 10_000, "2")
    assert books.kills == 2
    assert books.are_right(), books
