"""`make soak`: 50 kills of the web, and 20 of web, workers and Redis mixed."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

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
    return 0 if are_right else 1


if __name__ == "__main__":
    sys.exit(main())
