"""Kill -9 of the worker in the middle of a file; then its result is read row by row, and what the model was asked."""

from __future__ import annotations

import io
import random
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from FlaskAppAML import batch, sheets
from FlaskAppAML.endpoint import Endpoint
from FlaskAppAML.jobs import Jobs
from FlaskAppAML.redact import Redactor
from FlaskAppAML.settings import Settings

from .parts import environment, worker
from .rows import SAMPLE, RowsEndpoint, csv_rows

DONE_WITHIN = 600.0
ROWS_AT_ONCE = 100
MAX_CALLS = 8  # of which a file takes half


@dataclass
class FileBooks:
    """What a run came to."""

    rows: int
    kills: int = 0
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
            f"kill -9: {self.kills} of the worker. {self.done:,} of {self.rows:,} rows done, {self.state}; "
            f"{self.wrong} wrong or out of order, {self.never_asked} never asked, {self.asked_again:,} asked again "
            f"(at most {self.most_again:,} were under way); {self.seconds:.1f} s."
        )


def put(jobs: Jobs, endpoint: Endpoint, data: bytes) -> str:
    """A file as the page takes it in."""
    key, fields = secrets.token_hex(16), batch.fields_of(endpoint.schema)
    sheet = sheets.look(io.BytesIO(data), "rows.csv", batch.known_names(fields))
    plan = batch.Plan(sheet, sheets.match(sheet, fields).columns)
    jobs.draft(key, "model", io.BytesIO(data))
    jobs.note(key, {**plan.document(), "dialect": endpoint.schema.dialect, "name": "rows.csv"})
    jobs.begin(key, sheet.count)
    return key


def killed(folder: Path, kills: int, rows: int, lease: str = "", seconds: float = 0.05) -> FileBooks:
    """The worker is killed each time after it has come a little further."""
    books, started = FileBooks(rows), time.monotonic()
    with RowsEndpoint(seconds) as model:
        settings = Settings(**model.settings(folder, job_workers=0))
        endpoint = Endpoint(settings)
        jobs = Jobs(settings, {"model": endpoint}.get, Redactor(()))
        limits = {"MAX_ROWS": str(ROWS_AT_ONCE), "MAX_CALLS": str(MAX_CALLS)}
        env = environment(folder, URL=model.url, SCHEMA=SAMPLE, DIALECT="mlflow", **limits)
        key = put(jobs, endpoint, b"".join(csv_rows(rows)))
        part = worker(env, folder / "worker.log", lease)
        part.start()
        try:
            for number in range(kills):
                _wait(jobs, key, (number + random.random()) / (kills + 1), started)
                part.kill()
                books.kills += 1
                part.start()
            _wait(jobs, key, 2.0, started)
        finally:
            part.kill()
        books.state = jobs.look(key).state
        for place, row in enumerate(jobs.rows(key)):
            books.done += 1
            books.wrong += (row.cells[0], row.answer) != (str(place), {"prediction": 2 * place})
        books.never_asked = rows - len(model.rows)
        books.asked_again = sum(model.rows.values()) - len(model.rows)
    books.seconds = time.monotonic() - started
    return books


def _wait(jobs: Jobs, key: str, share: float, started: float) -> None:
    """Until so much of the file is done, or the job is at its end."""
    while jobs.look(key).state in ("queued", "running") and time.monotonic() - started < DONE_WITHIN:
        at = jobs.progress(key)
        if at is not None and at.done >= share * at.total:
            return
        time.sleep(0.02)
