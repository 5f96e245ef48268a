"""The way to SQLite or PostgreSQL: transactions, tables that are brought up to date, room on the disk. `store.py` says
what stands there."""

from __future__ import annotations

import contextlib
import os
import shutil
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Double,
    Engine,
    Integer,
    MetaData,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from .errors import DiskFull, JobsUnavailable
from .outage import Outage

BUSY_SECONDS = 10.0
WAL_BYTES = 16 * 1024**2  # that SQLite's log keeps of the disk when it is done
PAGES_AT_ONCE = 4096  # of 4 kB, given back to the disk
# Of SQLite's disk, for what brings jobs to their end and deletes them; whatever makes more of them leaves it free.
RESERVE_BYTES = 2 * WAL_BYTES
# How long PostgreSQL's driver waits for a host that is gone: seconds, and the last one in milliseconds.
NOT_FOR_EVER = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "tcp_user_timeout": 20_000}
THE_LOCK = 0x466C61736B  # of PostgreSQL: any number that is always the same

VERSIONS = Table("versions", MetaData(), Column("number", Integer, primary_key=True))


class now(FunctionElement[float]):
    """The database's clock."""

    type = Double()
    inherit_cache = True


compiles(now, "sqlite")(lambda *_, **__: "((julianday('now') - 2440587.5) * 86400.0)")
compiles(now, "postgresql")(lambda *_, **__: "extract(epoch from clock_timestamp())::float8")


class Database:
    """Opened when it is first used, which must not be before a fork. Raises JobsUnavailable."""

    def __init__(self, url: str, path: Path, tables: MetaData, changes: Sequence[Sequence[str]]) -> None:
        """`url` as `DATABASE_URL` has it; where it is empty, SQLite's file is `path`. `changes` are what each version
        does to the tables of the one before, as SQL that both databases know; new tables need none of it."""
        address = make_url(url) if url else URL.create("sqlite", database=str(path))
        self.engine = _engine(address)
        self.is_file = address.get_backend_name() == "sqlite"
        self._folder = Path(address.database or "").parent
        self._outage = Outage(f"the database of jobs, {address.database}," if self.is_file else "the database of jobs")
        weakref.finalize(self, self.engine.dispose).atexit = False  # a thread may still write then
        self._tables, self._changes = tables, changes
        self._is_ready = False

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Each statement sees what is committed then."""
        with self._explained("reading"):
            self._make_ready()
            with self.engine.connect() as c:
                yield c
        self._outage.ends("reading")

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """On the disk when this ends without an error."""
        with self._explained("writing"):
            self._make_ready()
            with _transaction(self.engine) as c:
                yield c
        self._outage.ends("reading", "writing")

    def check_disk(self, more: int = 0) -> None:
        """Whether so many bytes more leave room for everything that ends and deletes jobs. Raises DiskFull."""
        if not self.is_file:
            return
        free = shutil.disk_usage(self._folder).free
        if free < more + RESERVE_BYTES:
            self._outage.begins(f"{free / 1024**2:,.0f} MB are free, and {more + RESERVE_BYTES:,} bytes needed", "room")
            raise DiskFull
        self._outage.ends("room")

    def give_back(self) -> None:
        """To the disk, what SQLite has no use for; some at a time, so that nobody waits for long."""
        if not self.is_file:
            return
        with self.reading() as c:
            before, free = None, _free_pages(c)
            while free and free != before:
                c.connection.cursor().executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")  # a page each step
                before, free = free, _free_pages(c)

    @contextlib.contextmanager
    def _explained(self, way: str) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except (SQLAlchemyError, OSError) as error:
            self._outage.begins(getattr(error, "orig", None) or error, way)  # `orig` is without the statement
            raise JobsUnavailable from error

    def _make_ready(self) -> None:
        """Makes the tables, or brings those of an older version up to date; once, whoever comes first."""
        if self._is_ready:
            return
        with _transaction(self.engine) as c:
            if not self.is_file:
                c.execute(select(func.pg_advisory_xact_lock(THE_LOCK)))
            is_new = not inspect(c).has_table(VERSIONS.name)
            if is_new:
                VERSIONS.create(c)
                self._tables.create_all(c)
            done = len(self._changes) if is_new else c.scalar(select(func.max(VERSIONS.c.number))) or 0
            for statement in (one for change in self._changes[done:] for one in change):
                c.execute(text(statement))
            if is_new or done < len(self._changes):
                c.execute(delete(VERSIONS))
                c.execute(insert(VERSIONS).values(number=len(self._changes)))
        self._is_ready = True


@contextlib.contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    """SQLite's lock is taken at the beginning: one taken halfway can fail for good where two do so."""
    with engine.connect() as c, c.begin():
        if engine.dialect.name == "sqlite":
            c.exec_driver_sql("BEGIN IMMEDIATE")
        yield c


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(
            url, hide_parameters=True, pool_timeout=BUSY_SECONDS, pool_pre_ping=True, connect_args=NOT_FOR_EVER
        )
    path = url.database or ""
    engine = create_engine(
        url,
        hide_parameters=True,
        max_overflow=20,
        pool_timeout=BUSY_SECONDS,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},  # transactions begin where we say so
    )

    @event.listens_for(engine, "do_connect")
    def make_private(*_: Any) -> None:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))  # nobody else may read it

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        """On the disk at each commit, and overwritten when deleted."""
        pragmas = ("auto_vacuum = INCREMENTAL", "journal_mode = WAL", "synchronous = FULL", "secure_delete = ON")
        for pragma in (*pragmas, f"journal_size_limit = {WAL_BYTES}"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _free_pages(c: Connection) -> int:
    return c.exec_driver_sql("PRAGMA freelist_count").scalar() or 0
