"""`flask batch IN OUT`: scores a file of rows from the command line, the way that files of the page go."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, get_args

import click
from flask import current_app
from flask.cli import with_appcontext

from . import batch, sheets
from .batch import Done, Plan
from .endpoint import Endpoint
from .errors import AppError
from .redact import Redactor
from .schema import Schema

SAID_EVERY = 1.0  # seconds, in a terminal
SAID_SELDOM = 10.0  # in a log
PIECE = 1024**2
SOME_FAILED, NOTHING = 1, 2  # exit codes


@click.command("batch")
@click.argument("source", metavar="IN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--model", "name", default="", help="One of several models, by its name in MODELS.")
@with_appcontext
def command(source: Path, target: Path, name: str) -> None:
    """Score each row of IN (CSV, TSV, XLSX or JSON Lines) and write the rows with their answers to OUT.

    Rows without an answer are written to OUT.failed.csv too, with the reason. Ends with 0 when each row has its answer,
    1 when some have none or it was stopped, 2 when it could not be done.
    """
    site = current_app.extensions["site"]
    if target.exists() and target.samefile(source):
        _end("OUT is IN. Name another file: what is not scored would be lost.")
    try:
        with source.open("rb") as file:
            endpoint = _endpoint(site.models, name)
            plan = _plan(file, source.name, endpoint.schema)
            _check_room(plan, target)
            done, failed = _Run(endpoint, plan, site.redact).to(file, target)
    except AppError as error:
        _end(site.redact(_words(error)))
    except OSError as error:
        _end(f"{target} cannot be written: {error.strerror}.")
    _say(f"{done - failed:,} of {done:,} rows have an answer: {target}")
    if failed:
        _say(f"{failed:,} have none: {_beside(target)}")
    if left := plan.sheet.count - done:
        _say(f"{left:,} were not asked about.")
    if failed or left:
        sys.exit(SOME_FAILED)


def _endpoint(models: dict[str, Endpoint], name: str) -> Endpoint:
    """With the time limit of jobs."""
    if not models:
        _end("No endpoint is set: URL and API_KEY. `flask check` says more.")
    if name and name not in models:
        _end(f"There is no model {name}. There are: {', '.join(models)}.")
    found = models[name] if name else next(iter(models.values()))
    return Endpoint(replace(found.settings, timeout=found.settings.job_timeout))


def _plan(file: BinaryIO, name: str, schema: Schema) -> Plan:
    """Says what was found. Raises InvalidSheet."""
    if not batch.takes_rows(schema):
        _end("This model takes files or secrets, which rows cannot hold.")
    fields = batch.fields_of(schema)
    sheet = sheets.look(file, name, batch.known_names(fields))
    found = sheets.match(sheet, fields)
    _say(f"{name}: {sheet.said}")
    for warning in sheet.warnings:
        _say(warning)
    for field, column in found.columns.items():
        _say(f"  {column} -> {schema[field].shown_label}")
    if found.extra:
        _say(f"  not sent: {', '.join(found.extra)}")
    if missing := [f for f in batch.needed(schema) if f.name in found.missing]:
        _end(f"There is no column for {', '.join(f.shown_label for f in missing)}. Name one so.")
    return Plan(sheet, found.columns)


def _check_room(plan: Plan, target: Path) -> None:
    """Before anything is paid for."""
    if _kind(target) == "xlsx" and plan.sheet.count > sheets.MOST_XLSX_ROWS:
        _end(f"An Excel sheet has {sheets.MOST_XLSX_ROWS:,} rows at most under its header. Write to a .csv file.")


def _kind(target: Path) -> sheets.Kind:
    ending: Any = target.suffix.lower().lstrip(".")
    return ending if ending in get_args(sheets.Kind) else "csv"


class _Run:
    """One file. Rows that are done go to a file without a name until all columns of the answers are known."""

    def __init__(self, endpoint: Endpoint, plan: Plan, redact: Redactor) -> None:
        self._endpoint, self._plan, self._redact = endpoint, plan, redact
        self._names: list[str] = []
        self._done = self._failed = 0

    def to(self, file: BinaryIO, target: Path) -> tuple[int, int]:
        """How many rows are done, and how many of them failed. What is done when it ends early is written too.

        Raises EndpointError, InvalidSheet."""
        with tempfile.TemporaryFile(dir=target.parent) as kept:
            try:
                self._score(file, kept)
            except KeyboardInterrupt:
                _say("\nStopped; what is done is written.")
            finally:
                if self._done:
                    self._write(kept, target)
        return self._done, self._failed

    def _score(self, file: BinaryIO, kept: BinaryIO) -> None:
        pace = batch.Pace(batch.calls_at_once(self._endpoint))
        rows, told = sheets.rows(file, self._plan.sheet), _Told(self._plan.sheet.count)
        coming = batch.run(self._endpoint, self._endpoint.schema, self._plan, rows, pace)
        with closing(coming):
            for done in coming:
                self._names = batch.with_names(self._names, done)
                kept.write(batch.packed(done, self._redact.document))
                self._done += len(done)
                self._failed += sum(bool(row.error) for row in done)
                told(self._done)

    def _write(self, kept: BinaryIO, target: Path) -> None:
        plan, names = self._plan, self._names
        _write(target, plan, batch.heads(plan, names), batch.written(plan, names, _rows(kept)))
        if self._failed:
            failed = (row for row in _rows(kept) if row.error)
            _write(_beside(target), plan, batch.heads(plan, ()), batch.written(plan, (), failed))


def _write(target: Path, plan: Plan, heads: list[str], rows: Iterator[list[Any]]) -> None:
    """Whole or not at all."""
    part = target.with_name(f"{target.name}.part")
    decimal = "," if plan.sheet.decimal_commas else "."
    with part.open("wb") as file:
        warnings = sheets.write(file, _kind(target), heads, rows, delimiter=plan.sheet.delimiter, decimal=decimal)
    os.replace(part, target)
    for warning in warnings:
        _say(warning)


def _rows(kept: BinaryIO) -> Iterator[Done]:
    kept.seek(0)
    return batch.unpacked(iter(partial(kept.read, PIECE), b""))


def _beside(target: Path) -> Path:
    return target.with_name(f"{target.name}.failed.csv")


class _Told:
    """Says how far it is, now and then."""

    def __init__(self, total: int) -> None:
        self._total, self._started = total, time.monotonic()
        self._is_terminal = sys.stderr.isatty()
        self._every = SAID_EVERY if self._is_terminal else SAID_SELDOM
        self._next = self._started + self._every

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now < self._next and not (self._is_terminal and done == self._total):
            return
        self._next = now + self._every
        rate = done / max(now - self._started, 0.001)
        left = max(0, self._total - done) / rate
        said = f"{done:,} of {self._total:,} rows, {rate:,.0f} rows/s, {left:,.0f} s left"
        click.echo(f"\r{said}\x1b[K" if self._is_terminal else said, err=True, nl=not self._is_terminal)
        if self._is_terminal and done == self._total:
            click.echo(err=True)


def _words(error: AppError) -> str:
    said = f"{error.said[:1].upper()}{error.said[1:]}"
    return f"{said} {error.detail}".strip()


def _say(line: str) -> None:
    click.echo(line, err=True)


def _end(why: str) -> None:
    _say(why)
    sys.exit(NOTHING)
