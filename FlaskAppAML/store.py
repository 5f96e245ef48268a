"""The tables of background jobs: each function here is one transaction of `database.py`, or a few.

Only `jobs.py` uses it, and imports it when the first job comes: SQLAlchemy takes its time. A row is the truth about its
job. Who sets it to `running` runs it, for as long as the lease is renewed; the clock is the database's own, so the
clocks of several machines need not agree. What is read and written besides lies in pieces, so that the rows that
everybody looks at stay small.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    Text,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from .database import WAL_BYTES, Database, now
from .errors import DraftsFull, JobsUnavailable, QueueFull

LEASE_SECONDS = 30.0
DRAFT_SECONDS = 3600.0
PIECE_BYTES = 1024**2
PIECES_AT_ONCE = WAL_BYTES // PIECE_BYTES  # in one transaction
SWEPT_AT_ONCE = 200

TABLES = MetaData()
JOBS = Table(
    "jobs",
    TABLES,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("model", String(40), nullable=False),
    Column("state", String(10), nullable=False),  # draft, queued, running, succeeded, failed, cancelled
    Column("private", Boolean, nullable=False),  # somebody typed a secret: the input goes as soon as it can
    Column("made", Double, nullable=False),  # this and all other times: seconds since 1970
    Column("ready", Double, nullable=False),  # before that nobody takes it
    Column("runs", Integer, nullable=False, default=0),  # how often taken without having come to an end
    Column("runner", String(32)),
    Column("lease", Double),
    Column("started", Double),
    Column("ended", Double),
    Column("until", Double),
    Index("jobs_by_state", "state", "number"),
    sqlite_autoincrement=True,
)
PIECES = Table(
    "pieces",
    TABLES,
    Column("job", String(32), primary_key=True),
    Column("what", String(6), primary_key=True),  # input or result; of a file of rows also file and rows
    Column("number", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
BATCHES = Table(  # what a job has besides that scores a whole file
    "batches",
    TABLES,
    Column("job", String(32), primary_key=True),
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("pieces", Integer, nullable=False),  # of its rows
    Column("names", Text, nullable=False),  # of the columns of the answers so far, as JSON
    Column("before", Integer, nullable=False),  # done before it was last begun
    Column("troubled", Double),  # since when it could not even begin again; NULL while it can
)

# What each version does to the tables of the one before, as SQL that both databases know. A new database is made as it
# stands above, with all of that done.
CHANGES: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE batches (job VARCHAR(32) NOT NULL PRIMARY KEY, total INTEGER NOT NULL, done INTEGER NOT NULL, "
        "failed INTEGER NOT NULL, pieces INTEGER NOT NULL, names TEXT NOT NULL, before INTEGER NOT NULL)",
    ),
    ("ALTER TABLE batches ADD COLUMN troubled DOUBLE PRECISION",),
)

WAITS = and_(JOBS.c.state == "queued", JOBS.c.ready <= now())
IS_LEFT = and_(JOBS.c.state == "running", JOBS.c.lease < now())  # its runner is gone
IS_QUEUED = JOBS.c.state == "queued"
IS_DRAFT = JOBS.c.state == "draft"
IS_BATCH = JOBS.c.id.in_(select(BATCHES.c.job))
IS_OPEN = JOBS.c.state.in_(("queued", "running"))


@dataclass(frozen=True)
class Taken:
    """A job that is ours until its lease ends. `seconds` since it was first begun; of a file of rows, which may take
    hours, since it was first put back without a row more."""

    id: str
    model: str
    runner: str
    runs: int
    seconds: float


@dataclass(frozen=True)
class Job:
    """A job as people see it. `place` in the line from 1, 0 when it waits no longer; times in seconds since 1970."""

    id: str
    model: str
    state: str
    place: int
    made: float
    started: float | None
    ended: float | None
    until: float | None
    can_retry: bool
    now: float


@dataclass(frozen=True)
class Progress:
    """How far a file of rows is. `names` of the columns of its answers so far, as JSON; `before` is what was done
    before it was last begun."""

    total: int
    done: int
    failed: int
    pieces: int
    names: str
    before: int


class Store:
    """One database, which keeps jobs for so long after their end. Opened when it is first used, which must not be
    before a fork. Raises JobsUnavailable."""

    def __init__(self, url: str, path: Path, kept_seconds: float) -> None:
        """`url` as `DATABASE_URL` has it; where it is empty, SQLite's file is `path`."""
        self._db = Database(url, path, TABLES, CHANGES)
        self._kept = kept_seconds

    # What comes in

    def add(self, id: str, model: str, data: bytes, *, private: bool, most: int) -> None:
        """Kept for good when this returns; the same id again changes nothing. Raises QueueFull, DiskFull."""
        with contextlib.suppress(IntegrityError), self._db.writing() as c:
            if c.scalar(select(exists().where(JOBS.c.id == id))):
                return
            _check_room(c, most)
            self._db.check_disk(len(data))
            row = {"id": id, "model": model, "state": "queued", "private": private, "made": now(), "ready": now()}
            c.execute(insert(JOBS).values(row))
            _put(c, id, "input", data)

    def draft(self, id: str, model: str, pieces: Iterable[bytes], size: int, most: int, most_bytes: int) -> None:
        """A file of `size` bytes that nobody has asked to be scored yet; it goes after a while. Raises DraftsFull, and
        DiskFull where there is no room for it and a result of its size."""
        with self._db.writing() as c:
            self._db.check_disk(2 * size)
            if (c.scalar(select(func.count()).select_from(JOBS).where(IS_DRAFT)) or 0) >= most:
                raise DraftsFull(f"At most {most:,} files may wait for their start.", retry_after=DRAFT_SECONDS)
            _check_drafts(c, size, most_bytes)
            row = {"id": id, "model": model, "state": "draft", "private": False, "made": now(), "ready": now()}
            c.execute(insert(JOBS).values(**row, until=now() + DRAFT_SECONDS))
        numbered = enumerate(pieces)
        try:
            while some := list(islice(numbered, PIECES_AT_ONCE)):
                with self._db.writing() as c:
                    _check_drafts(c, sum(len(data) for _, data in some), most_bytes)
                    for number, data in some:
                        c.execute(insert(PIECES).values(job=id, what="file", number=number, data=data))
        except (DraftsFull, JobsUnavailable):  # others came in the meantime
            with contextlib.suppress(JobsUnavailable):
                self.forget(id)
            raise

    def note(self, id: str, data: bytes) -> None:
        """What is known of a draft, in place of what was."""
        with self._db.writing() as c:
            if c.scalar(select(exists().where(JOBS.c.id == id, JOBS.c.state == "draft"))):
                c.execute(delete(PIECES).where(PIECES.c.job == id, PIECES.c.what == "input"))
                _put(c, id, "input", data)

    def begin(self, id: str, total: int, most: int) -> bool:
        """A draft takes its place in the line; whether it was one. Raises QueueFull."""
        with self._db.writing() as c:
            _check_room(c, most)
            waiting = {"state": "queued", "made": now(), "ready": now(), "until": None}
            if not c.execute(update(JOBS).where(JOBS.c.id == id, JOBS.c.state == "draft").values(waiting)).rowcount:
                return False
            c.execute(insert(BATCHES).values(job=id, total=total, done=0, failed=0, pieces=0, names="[]", before=0))
            return True

    def cancel(self, id: str) -> bool:
        """Whether it still waited or ran. What runs cannot be stopped, but its result will not count."""
        with self._db.writing() as c:
            is_over = _end(c, id, "cancelled", self._kept, IS_OPEN)
        self._wipe(id)
        return is_over

    def forget(self, id: str) -> None:
        """Deletes what has come to an end."""
        self._remove(select(JOBS.c.id).where(JOBS.c.id == id, not_(IS_OPEN)).with_for_update())

    def retry(self, id: str, most: int) -> bool:
        """Whether it waits once more. Raises QueueFull."""
        again = {"state": "queued", "ready": now(), "runs": 0, "started": None, "ended": None, "until": None}
        with self._db.writing() as c:
            _check_room(c, most)
            at_rest = JOBS.c.state.in_(("failed", "cancelled"))
            changed = c.execute(update(JOBS).where(JOBS.c.id == id, at_rest, _has_input()).values(again))
            if changed.rowcount:
                c.execute(delete(PIECES).where(PIECES.c.job == id, PIECES.c.what == "result"))
                again_from_here = {"before": BATCHES.c.done, "troubled": None}
                c.execute(update(BATCHES).where(BATCHES.c.job == id).values(again_from_here))
            return bool(changed.rowcount)

    # What is looked at

    def look(self, id: str) -> Job | None:
        other = JOBS.alias()
        before = select(func.count()).where(other.c.state == "queued", other.c.number <= JOBS.c.number)
        place = before.scalar_subquery()
        columns = [JOBS.c[name] for name in ("id", "model", "state", "made", "started", "ended", "until")]
        with self._db.reading() as c:
            found = c.execute(select(*columns, place, _has_input(), now()).where(JOBS.c.id == id)).first()
        if found is None:
            return None
        *_, place_now, has_input, clock = found
        can_retry = bool(has_input) and found.state in ("failed", "cancelled")
        place_now = place_now if found.state == "queued" else 0
        return Job(found.id, found.model, found.state, place_now, *found[3:7], can_retry, clock)

    def read(self, id: str, what: str) -> bytes | None:
        """Its `input` or its `result`; None when there is none, or none any more."""
        chosen = select(PIECES.c.data).where(PIECES.c.job == id, PIECES.c.what == what).order_by(PIECES.c.number)
        with self._db.reading() as c:
            found = [piece for (piece,) in c.execute(chosen)]
        return b"".join(found) if found else None

    def pieces(self, id: str, what: str) -> Iterator[bytes]:
        """Its `file`, or the `rows` that are done, piece by piece: there may be more than fits into memory."""
        for number in count():
            chosen = select(PIECES.c.data).where(PIECES.c.job == id, PIECES.c.what == what, PIECES.c.number == number)
            with self._db.reading() as c:
                data = c.scalar(chosen)
            if data is None:
                return
            yield data

    def progress(self, id: str) -> Progress | None:
        """None where it is no file of rows that was begun."""
        columns = [BATCHES.c[name] for name in ("total", "done", "failed", "pieces", "names", "before")]
        with self._db.reading() as c:
            found = c.execute(select(*columns).where(BATCHES.c.job == id)).first()
        return Progress(*found) if found else None

    def waiting(self, *conditions: Any) -> int:
        """How many could be taken now."""
        with self._db.reading() as c:
            return c.scalar(select(func.count()).select_from(JOBS).where(or_(WAITS, IS_LEFT), *conditions)) or 0

    def line(self) -> tuple[int, float]:
        """How many jobs wait, and for how many seconds the oldest of them has; those of a dead runner too."""
        with self._db.reading() as c:
            chosen = select(func.count(), func.coalesce(now() - func.min(JOBS.c.made), 0.0))
            count, age = c.execute(chosen.where(or_(IS_QUEUED, IS_LEFT))).one()
        return int(count), max(0.0, float(age))

    # What is run

    def take(self, runner: str, files: bool | None = None) -> Taken | None:
        """The oldest that waits, or whose runner is gone; only `files` of rows, or none of them. Exactly one caller
        gets it. Raises DiskFull where its answer, which is paid for, could perhaps not be kept."""
        conditions = [] if files is None else [IS_BATCH if files else not_(IS_BATCH)]
        if not self.waiting(*conditions):
            return None  # nothing to lock for
        self._db.check_disk()
        oldest = select(JOBS.c.number).where(or_(WAITS, IS_LEFT), *conditions).order_by(JOBS.c.number).limit(1)
        chosen = oldest.with_for_update(skip_locked=True).scalar_subquery()
        ours = {
            "state": "running",
            "runner": runner,
            "lease": now() + LEASE_SECONDS,
            "runs": JOBS.c.runs + 1,
            "started": func.coalesce(JOBS.c.started, now()),
        }
        taking = update(JOBS).where(JOBS.c.number == chosen).values(ours)
        in_vain = select(func.coalesce(now() - BATCHES.c.troubled, 0.0)).where(BATCHES.c.job == JOBS.c.id)
        seconds = func.coalesce(in_vain.scalar_subquery(), now() - JOBS.c.started)
        with self._db.writing() as c:
            found = c.execute(taking.returning(JOBS.c.id, JOBS.c.model, JOBS.c.runs, seconds)).first()
        return Taken(found.id, found.model, runner, found.runs, found[3]) if found else None

    def renew(self, runners: list[str]) -> None:
        """Another `LEASE_SECONDS` for what these run."""
        with self._db.writing() as c:
            ours = and_(JOBS.c.state == "running", JOBS.c.runner.in_(runners))
            c.execute(update(JOBS).where(ours).values(lease=now() + LEASE_SECONDS))

    def is_ours(self, job: Taken) -> bool:
        with self._db.reading() as c:
            return bool(c.scalar(select(exists().where(_runs(job)))))

    def advance(self, job: Taken, data: bytes, to: Progress) -> bool:
        """Keeps the rows with which it comes `to` there, `data` being its last pieces; whether the job is still
        ours. The same again changes nothing. It has come further, so whoever dies now was not stopped by the same
        row. Raises DiskFull."""
        with self._db.writing() as c:
            self._db.check_disk(len(data))
            if not c.execute(update(JOBS).where(_runs(job)).values(runs=0)).rowcount:
                return False
            if c.scalar(select(BATCHES.c.done).where(BATCHES.c.job == job.id)) != to.done:
                _put(c, job.id, "rows", data, to.pieces - pieces_of(data))
                c.execute(update(BATCHES).where(BATCHES.c.job == job.id).values(**vars(to), troubled=None))
            return True

    def succeed(self, id: str, result: bytes) -> bool:
        """Whether this result is the one that is kept: the first, whoever brings it. The input goes."""
        with self._db.writing() as c:
            if not _end(c, id, "succeeded", self._kept, IS_OPEN):
                return False
            c.execute(delete(PIECES).where(PIECES.c.job == id, PIECES.c.what == "input"))
            _put(c, id, "result", result)
        self._wipe(id)
        self._remove_pieces([id], PIECES.c.what == "file")
        return True

    def fail(self, job: Taken, result: bytes) -> bool:
        """Only by who runs it now: another one may be about to succeed."""
        with self._db.writing() as c:
            if not _end(c, job.id, "failed", self._kept, JOBS.c.runner == job.runner):
                return False
            _put(c, job.id, "result", result)
        self._wipe(job.id)
        return True

    def put_back(self, job: Taken, seconds: float) -> None:
        """Into its old place in the line, to be taken in so many seconds at the earliest. With a pause there was
        trouble, without one somebody else is to go on."""
        waiting = {"state": "queued", "ready": now() + seconds, "runs": 0, "runner": None, "lease": None}
        with self._db.writing() as c:
            was_ours = c.execute(update(JOBS).where(_runs(job)).values(waiting)).rowcount
            if was_ours and seconds:
                since = func.coalesce(BATCHES.c.troubled, now())
                c.execute(update(BATCHES).where(BATCHES.c.job == job.id).values(troubled=since))

    def _wipe(self, id: str) -> None:
        """A secret that was deleted would stand in SQLite's log until much else has been written."""
        if not self._db.is_file:
            return
        with contextlib.suppress(JobsUnavailable), self._db.reading() as c:
            if c.scalar(select(JOBS.c.private).where(JOBS.c.id == id)):
                c.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def sweep(self) -> None:
        """Deletes what is past its time."""
        old = select(JOBS.c.id).where(JOBS.c.until < now()).limit(SWEPT_AT_ONCE)
        self._remove(old.with_for_update(skip_locked=True))  # one may be begun again this moment
        self._db.give_back()

    def _remove(self, chosen: Select[Any]) -> None:
        """The chosen jobs, which cannot be begun again from then on. Who dies halfway leaves the rest to `sweep`."""
        with self._db.writing() as c:
            ids: list[str] = [one for (one,) in c.execute(chosen)]
            if not ids:
                return
            c.execute(update(JOBS).where(JOBS.c.id.in_(ids)).values(state="cancelled", until=0.0))
            c.execute(delete(PIECES).where(PIECES.c.job.in_(ids), PIECES.c.what == "input"))
        self._remove_pieces(ids)
        with self._db.writing() as c:
            c.execute(delete(BATCHES).where(BATCHES.c.job.in_(ids)))
            c.execute(delete(JOBS).where(JOBS.c.id.in_(ids)))

    def _remove_pieces(self, ids: list[str], *conditions: Any) -> None:
        """A few at a time: what SQLite overwrites stands in its log at first, which takes as much of the disk again."""
        key = tuple_(*PIECES.primary_key)
        some = select(*PIECES.primary_key).where(PIECES.c.job.in_(ids), *conditions).limit(PIECES_AT_ONCE)
        is_left = True
        while is_left:
            with self._db.writing() as c:
                is_left = c.execute(delete(PIECES).where(key.in_(some))).rowcount == PIECES_AT_ONCE


def _check_room(c: Connection, most: int) -> None:
    waiting = c.scalar(select(func.count()).select_from(JOBS).where(IS_QUEUED)) or 0
    if waiting >= most:
        raise QueueFull(f"At most {most:,} jobs may wait.", retry_after=LEASE_SECONDS)


def _check_drafts(c: Connection, more: int, most: int) -> None:
    """Whether so many bytes more may be kept for files without a start."""
    drafts = PIECES.c.job.in_(select(JOBS.c.id).where(IS_DRAFT))
    kept = c.scalar(select(func.sum(func.length(PIECES.c.data))).where(drafts, PIECES.c.what == "file")) or 0
    if kept + more > most:
        said = f"Together they may have {most / 1024**2:,.0f} MB, and this one would be more."
        raise DraftsFull(said, retry_after=DRAFT_SECONDS)


def pieces_of(data: bytes) -> int:
    """How many are made of it."""
    return max(1, -(-len(data) // PIECE_BYTES))


def _put(c: Connection, id: str, what: str, data: bytes, first: int = 0) -> None:
    """In pieces that both databases take at once, and that cannot be there twice, numbered from `first`."""
    for number in range(pieces_of(data)):
        piece = data[number * PIECE_BYTES : (number + 1) * PIECE_BYTES]
        c.execute(insert(PIECES).values(job=id, what=what, number=first + number, data=piece))


def _runs(job: Taken) -> Any:
    return and_(JOBS.c.id == job.id, JOBS.c.state == "running", JOBS.c.runner == job.runner)


def _end(c: Connection, id: str, state: str, kept_seconds: float, *conditions: Any) -> bool:
    """Whether it came to this end now. Of what holds a secret the input goes at every end."""
    ended = {"state": state, "runner": None, "lease": None, "ended": now(), "until": now() + kept_seconds}
    if not c.execute(update(JOBS).where(JOBS.c.id == id, *conditions).values(ended)).rowcount:
        return False
    is_private = exists().where(JOBS.c.id == id, JOBS.c.private)
    c.execute(delete(PIECES).where(PIECES.c.job == id, PIECES.c.what == "input", is_private))
    return True


def _has_input() -> Any:
    return exists(literal(1)).where(PIECES.c.job == JOBS.c.id, PIECES.c.what == "input").correlate(JOBS)
