"""`make soak`: 50 kills of the web, 20 of web, workers and Redis mixed, and 10 in the middle of a file of rows."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from .files import killed
from .kills import embedded, mixed
from .parts import HAS_POSTGRES, HAS_REDIS


def main() -> int:
    runs = [("Threads of the web and SQLite", embedded, 50)]
    if HAS_POSTGRES and HAS_REDIS:
        runs.append(("Workers with PostgreSQL, Redis and RQ", mixed, 20))
    else:
        print("!! PostgreSQL or Redis is not installed, so workers were not killed.", file=sys.stderr)
    are_right = len(runs) == 2
    for title, run, kills in runs:
        with tempfile.TemporaryDirectory(prefix="soak-") as folder:
            books = run(Path(folder), kills)
            print(f"{title}: {'right' if books.are_right() else 'WRONG'}\n  {books}", flush=True)
            are_right = are_right and books.are_right()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        file = killed(Path(folder), 10, 100_000)
        print(f"A file of 100,000 rows: {'right' if file.are_right() else 'WRONG'}\n  {file}", flush=True)
    return 0 if are_right and file.are_right() else 1


if __name__ == "__main__":
    sys.exit(main())
