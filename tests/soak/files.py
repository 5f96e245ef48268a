"""Kill -9 of all that works at a file, in the middle of it; then its result is read row by row, and what the model was
asked."""

from __future__ import annotations

import io
import random
import time
from dataclasses import dataclass
from pathlib import Path

from .rows import RowsEndpoint, csv_rows
from .setups import running, wait

DONE_WITHIN = 900.0
ROWS_AT_ONCE = 100
MAX_CALLS = 8  # of which a file takes half


@dataclass
class FileBooks:
    """What a run came to."""

    rows: int
    kills: int = 0
    killed: str = ""
    done: int = 0
    wrong: int = 0
    never_asked: int = 0
    asked_again: int = 0
    state: str = ""
    seconds: float = 0.0

    @property
    def most_again(self) -> int:
        """Rows of the bodies under way at each kill."""
        return self.kills * ROWS_AT_ONCE * MAX_CALLS // 2

    def are_right(self) -> bool:
        is_whole = self.state == "succeeded" and self.done == self.rows and not (self.wrong or self.never_asked)
        return is_whole and self.asked_again <= self.most_again

    def __str__(self) -> str:
        return (
            f"kill -9: {self.kills} of {self.killed}. {self.done:,} of {self.rows:,} rows done, {self.state}; "
            f"{self.wrong} wrong or out of order, {self.never_asked} never asked, {self.asked_again:,} asked again "
            f"(at most {self.most_again:,} were under way); {self.seconds:.1f} s."
        )


def killed(folder: Path, kills: int, rows: int, way: str, lease: str = "", seconds: float = 0.05) -> FileBooks:
    """All parts of this way (of `WAYS`) are killed at once, each time after the file has come a little further."""
    started = time.monotonic()
    limits = {"MAX_ROWS": str(ROWS_AT_ONCE), "MAX_CALLS": str(MAX_CALLS)}
    with RowsEndpoint(seconds) as model, running(way, folder, model, lease, **limits) as setup:
        books = FileBooks(rows, killed=", ".join(part.name for part in setup.parts))
        key = setup.send(io.BytesIO(b"".join(csv_rows(rows))))
        for number in range(kills):
            wait(setup.jobs, key, (number + random.random()) / (kills + 1), started + DONE_WITHIN)
            for part in setup.parts:
                part.kill()
            books.kills += 1
            for part in setup.parts:
                part.start()
        wait(setup.jobs, key, 2.0, started + DONE_WITHIN)
        books.state = setup.jobs.look(key).state
        for place, row in enumerate(setup.jobs.rows(key)):
            books.done += 1
            books.wrong += (row.cells[0], row.answer) != (str(place), {"prediction": 2 * place})
        books.never_asked = rows - len(model.rows)
        books.asked_again = sum(model.rows.values()) - len(model.rows)
    books.seconds = time.monotonic() - started
    return books
