"""`make soak`: 50 kills of the web, 20 of web, workers and Redis mixed, and 10 in the middle of a file of rows for each
way of running it; and how fast two workers are beside one."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from .desk import timed
from .files import killed
from .kills import embedded, mixed
from .parts import HAS_POSTGRES, HAS_REDIS
from .setups import WAYS

ROWS = 100_000
ROUNDS = 3


def runs() -> Iterator[tuple[str, Callable[[Path], Any]]]:
    """What each is about, and what does it."""
    yield f"Jobs, {WAYS['web']}", lambda folder: embedded(folder, 50)
    yield f"A file of {ROWS:,} rows, {WAYS['web']}", lambda folder: killed(folder, 10, ROWS, "web")
    yield from _of_speed("worker")
    if HAS_POSTGRES and HAS_REDIS:
        yield "Jobs, three workers, PostgreSQL, Redis and RQ", lambda folder: mixed(folder, 20)
        yield f"A file of {ROWS:,} rows, {WAYS['redis']}", lambda folder: killed(folder, 10, ROWS, "redis")
        yield from _of_speed("redis")


def _of_speed(way: str) -> Iterator[tuple[str, Callable[[Path], Any]]]:
    for number in range(ROUNDS):
        stores = WAYS[way].split(", ", 1)[1]
        yield f"Two workers, {stores}, round {number + 1}", partial(timed, with_redis=way == "redis")


def main() -> int:
    """The words on the command line choose runs: those whose titles hold all of them."""
    are_right = HAS_POSTGRES and HAS_REDIS
    if not are_right:
        print("!! PostgreSQL or Redis is not installed, so nothing was done with them.", file=sys.stderr)
    for title, run in runs():
        if all(word in title for word in sys.argv[1:]):
            with tempfile.TemporaryDirectory(prefix="soak-") as folder:
                found = run(Path(folder))
            print(f"{title}: {'right' if found.are_right() else 'WRONG'}\n  {found}", flush=True)
            are_right = are_right and found.are_right()
    return 0 if are_right else 1


if __name__ == "__main__":
    sys.exit(main())
