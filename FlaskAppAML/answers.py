"""Recent answers: kept for a while, so that they can be downloaded and opened again without calling the model again,
and so that a double click or a reload sends once.

An answer is kept under an id made of the form's random id and the input, in one SQLite file that all processes of this
machine share. Whoever inserts the row first does the work, in whatever process it is; whoever comes second waits for
its document. One file per answer was ten times slower: a disk looks long for a place for a new file.

Pictures that belong to an answer stand beside it, under its id, and go when it goes. One that was given with a form in
which something else is wrong has an id of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import platform
import re
import secrets
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

from .images import Picture
from .redact import Redactor
from .wire import dumps

Document = dict[str, Any]
InPieces = Generator[str, None, Document]  # what there is so far, and at the end the document

DOUBLE_CLICK_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.05
LONGEST_SILENCE = 1.0
GRACE_SECONDS = 5.0  # beyond the longest call, before its row counts as left behind
BUSY_SECONDS = 5.0
MOST_BYTES = 1024**3  # of the whole file; the oldest answers go first
SWEPT_AT_ONCE = 100  # rows; others may write in between
FILE_NAMES = ("answers.sqlite3", "answers.sqlite3-wal", "answers.sqlite3-shm")

# `over` is when a row counts no longer: the end of its time, or of the longest call while its document is being made.
TABLES = (
    "CREATE TABLE IF NOT EXISTS answers (id TEXT PRIMARY KEY, maker TEXT, over REAL, document TEXT)",
    """
    CREATE TABLE IF NOT EXISTS pictures (
        id TEXT, field TEXT, over REAL, name TEXT, content_type TEXT, width INTEGER, height INTEGER, data BLOB,
        PRIMARY KEY (id, field)
    )
    """,
    """
    CREATE TRIGGER IF NOT EXISTS gone AFTER DELETE ON answers BEGIN DELETE FROM pictures WHERE id = OLD.id; END
    """,
)
CLAIM = """
    INSERT INTO answers VALUES (:id, :maker, :over, NULL) ON CONFLICT (id)
    DO UPDATE SET maker = :maker, over = :over, document = NULL WHERE over < :now
"""
FILL = "UPDATE answers SET document = ?, over = ? WHERE id = ?"
READ = "SELECT maker, document FROM answers WHERE id = ? AND over >= ?"
DELETE = "DELETE FROM answers WHERE id = ?"
FORGET = "DELETE FROM answers WHERE document IS NOT NULL"
ABANDON = "UPDATE answers SET over = 0 WHERE id = ? AND maker = ? AND document IS NULL"
SWEEPS = tuple(
    f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} ORDER BY rowid LIMIT ?) AND over < ?"  # noqa: S608
    for table in ("answers", "pictures")
)
KEEP_PICTURE = "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
READ_PICTURE = """
    SELECT data, name, content_type, width, height FROM pictures
    WHERE id = :id AND (field = :field OR :field = '') AND over >= :now ORDER BY rowid
"""
FORGET_PICTURES = "DELETE FROM pictures WHERE id NOT IN (SELECT id FROM answers)"

log = logging.getLogger(__name__)


def answer_id(once: str, inputs: Any) -> str:
    """128 bits that nobody can guess: `once` is the random id in the form. Without one, each call has its own."""
    if not re.fullmatch(r"[0-9a-f]{32}", once):
        return secrets.token_hex(16)
    return hashlib.sha256(f"{once}\n{dumps(inputs)}".encode("utf-8", "replace")).hexdigest()[:32]


class Answers:
    """Answers in a file of `folder`, for `minutes`. `redact` removes secrets from what is written.

    `patience` is how long a call may take at the most: a row without its document is left behind after that.
    """

    def __init__(self, folder: Path, minutes: int, patience: float, redact: Redactor) -> None:
        self._file = File(folder)
        self._seconds = minutes * 60.0
        self._patience = patience
        self._redact = redact
        self._sweeper: threading.Timer | None = None
        self._lock = threading.Lock()
        self._memory = Forgetful()
        self.sweep()

    def once(self, id: str, make: Callable[[], Document]) -> Document:
        """The document kept under `id`, or the one that `make` makes now. A failure's document holds `error` and
        is kept for a minute. When nothing can be written the answer is given all the same, with `until` None."""
        return _ended(self.once_in_pieces(id, lambda: _at_once(make), self._patience))

    def once_in_pieces(self, id: str, make: Callable[[], InPieces], patience: float) -> InPieces:
        """The same where `make` gives pieces first; whoever comes second gets none, and "" while waiting. Closing it
        leaves nothing behind. `patience` is how long it may take at the most."""
        give_up = time.monotonic() + patience + 2 * GRACE_SECONDS
        while True:
            try:
                if self._claim(id, patience):
                    break
                kept = yield from self._wait_for(id, give_up)
                if kept is not None:
                    return kept
                if time.monotonic() > give_up:
                    raise sqlite3.OperationalError("another process holds this answer for too long")
            except sqlite3.Error as error:
                log.warning("answers cannot be kept in DATA_DIR: %s", error)
                return self._clean((yield from self._memory.once_in_pieces(id, make)))[0]
        return (yield from self._fill(id, make))

    def get(self, id: str) -> Document | None:
        """The whole, unexpired document under `id`."""
        if not re.fullmatch(r"[0-9a-f]{32}", id):
            return None
        try:
            found = self._file.read(READ, (id, time.time()))
        except sqlite3.Error:
            return None
        kept: Document | None = json.loads(found[1]) if found and found[1] else None
        return kept if kept is not None and "error" not in kept else None

    def keep_picture(self, id: str, field: str, picture: Picture) -> bool:
        """Keeps the picture of one field of a submission as long as an answer. `id` is that of its answer, or of none.
        Whether it could be written."""
        about = (picture.name, picture.content_type, picture.width, picture.height, picture.data)
        try:
            self._file.write(KEEP_PICTURE, (id, field, time.time() + self._seconds, *about))
        except (sqlite3.Error, UnicodeError) as error:
            log.warning("a picture could not be kept in DATA_DIR: %s", error)
            return False
        self._sweep_later()
        return True

    def get_picture(self, id: str, field: str = "") -> Picture | None:
        """The unexpired picture of this field, or the first one, that was kept under `id`."""
        if not re.fullmatch(r"[0-9a-f]{32}", id):
            return None
        try:
            found = self._file.read(READ_PICTURE, {"id": id, "field": field, "now": time.time()})
        except (sqlite3.Error, UnicodeError):
            return None
        return Picture(*found) if found else None

    def forget(self) -> None:
        """Every answer: another model answers from now on. What is being made goes to those who wait for it."""
        try:
            self._file.write(FORGET, ())
            self._file.write(FORGET_PICTURES, ())
        except sqlite3.Error as error:
            log.warning("answers in DATA_DIR could not be deleted: %s", error)

    def _claim(self, id: str, patience: float) -> bool:
        now = time.time()
        over = now + patience + GRACE_SECONDS
        return self._file.write(CLAIM, {"id": id, "maker": _maker(), "over": over, "now": now}) == 1

    def _fill(self, id: str, make: Callable[[], InPieces]) -> InPieces:
        try:
            made = yield from make()
            now = time.time()
            document, text = self._clean({"at": now, "until": now + self._seconds} | made)
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._file.write(DELETE, (id,))
            raise
        over = now + DOUBLE_CLICK_SECONDS if "error" in document else document["until"]
        try:
            self._file.write(FILL, (text.encode("utf-8", "replace").decode(), over, id))
        except sqlite3.Error as error:
            log.warning("an answer could not be kept in DATA_DIR: %s", error)
            document["until"] = None
        self._sweep_later()
        return document

    def _clean(self, document: Document) -> tuple[Document, str]:
        """Without secrets, before anything is cut from it, shown or written; and as JSON."""
        text = dumps(document)
        if self._redact.stands_in(text):
            document = self._redact.document(document)
            text = dumps(document)
        return document, text

    def _wait_for(self, id: str, give_up: float) -> Generator[str, None, Document | None]:
        """What another thread or process is making under this id; None when it is gone and can be made anew, or when
        it is time to give up."""
        while time.monotonic() <= give_up:
            found = self._file.read(READ, (id, time.time()))
            if found is None:
                return None
            maker, document = found
            if document is not None:
                kept: Document = json.loads(document)
                return kept
            if _is_gone(maker):
                self._file.write(ABANDON, (id, maker))
                return None
            time.sleep(LOOK_AGAIN_SECONDS)
            yield ""
        return None

    def _sweep_later(self) -> None:
        if self._sweeper is not None:
            return
        with self._lock:
            if self._sweeper is None:
                self._sweeper = threading.Timer(min(60.0, self._seconds) + 1, _sweep, [weakref.ref(self)])
                self._sweeper.daemon = True
                self._sweeper.start()

    def sweep(self) -> None:
        """Deletes what is past its time and, beyond `MOST_BYTES`, the oldest."""
        left = False
        try:
            left = self._file.sweep()
        except sqlite3.Error as error:
            log.warning("answers cannot be kept in DATA_DIR: %s", error)
        finally:
            with self._lock:
                self._sweeper = None
        if left:
            self._sweep_later()


def _sweep(of: weakref.ref[Answers]) -> None:
    """An app that nobody has any more is not kept for it."""
    answers = of()
    if answers is not None:
        answers.sweep()


class File:
    """The one SQLite file, opened when it is first needed, anew after a fork. Raises sqlite3.Error."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAMES[0]
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._lock = threading.Lock()

    def write(self, statement: str, values: Any) -> int:
        """How many rows it changed."""
        with self._lock:
            return self._open().execute(statement, values).rowcount

    def read(self, statement: str, values: Any) -> Any:
        """The first row, or None."""
        with self._lock:
            return self._open().execute(statement, values).fetchone()

    def sweep(self) -> bool:
        """Whether anything is left. Rows stand in the order of their making, so the oldest are looked at only."""
        if not self._path.exists():
            return False
        while self._sweep(SWEPT_AT_ONCE, time.time()):
            pass
        while self._bytes() > MOST_BYTES and self._sweep(SWEPT_AT_ONCE, float("inf")):
            pass
        self.read("PRAGMA incremental_vacuum", ())
        return self.read("SELECT 1 FROM answers UNION ALL SELECT 1 FROM pictures", ()) is not None

    def _sweep(self, most: int, now: float) -> int:
        return sum([self.write(statement, (most, now)) for statement in SWEEPS])

    def _bytes(self) -> int:
        pages = [self.read(f"PRAGMA {count}", ())[0] for count in ("page_count", "freelist_count", "page_size")]
        return int((pages[0] - pages[1]) * pages[2])

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._process != os.getpid():
            try:
                self._connection = self._opened()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                forget(self._path.parent)  # a file that is no database; recent answers can be spared
                self._connection = self._opened()
            self._process = os.getpid()
            weakref.finalize(self, self._connection.close).atexit = False  # a thread may still write then
        return self._connection

    def _opened(self) -> sqlite3.Connection:
        """Nothing is waited for to reach the disk: a crash of the machine may cost the last answers."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600))  # nobody else may read it
        except OSError as error:
            raise sqlite3.OperationalError(str(error)) from None
        made = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("auto_vacuum = INCREMENTAL", "journal_mode = WAL", "synchronous = OFF"):
                made.execute(f"PRAGMA {pragma}")
            for statement in TABLES:
                made.execute(statement)
        except BaseException:
            made.close()
            raise
        return made


def _at_once(make: Callable[[], Document]) -> InPieces:
    """An answer of no pieces."""
    yield from ()
    return make()


def _ended(coming: InPieces) -> Document:
    """The document, whatever comes before it."""
    while True:
        try:
            next(coming)
        except StopIteration as end:
            document: Document = end.value
            return document


def forget(folder: Path) -> None:
    """Deletes every kept answer: `ANSWER_MINUTES` is 0 now."""
    for name in FILE_NAMES:
        with contextlib.suppress(OSError):
            (folder / name).unlink()


def _maker() -> str:
    """Who makes an answer, as its row says."""
    return f"{platform.node()}:{os.getpid()}"


def _is_gone(maker: str) -> bool:
    """Whether the process that was making this answer died, as far as this machine can tell."""
    host, _, process = maker.rpartition(":")
    if os.name == "nt" or host != platform.node() or not process.isdecimal() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


class Forgetful:
    """With `ANSWER_MINUTES=0`, or without a folder: nothing on disk, no downloads. A double click is served from
    memory, in this process, for a minute after its answer."""

    def __init__(self) -> None:
        self._known: dict[str, Future[Document]] = {}
        self._over: dict[str, float] = {}
        self._lock = threading.Lock()

    def once(self, id: str, make: Callable[[], Document]) -> Document:
        return _ended(self.once_in_pieces(id, lambda: _at_once(make)))

    def once_in_pieces(self, id: str, make: Callable[[], InPieces], patience: float = 0.0) -> InPieces:
        """As `Answers.once_in_pieces`; a call in this process always ends, so patience is no question."""
        while True:
            with self._lock:
                self._forget()
                known = self._known.get(id)
                mine = self._known[id] = Future() if known is None else known
            if known is None:
                break
            while not wait([known], LONGEST_SILENCE).done:
                yield ""
            if not isinstance(known.exception(), GeneratorExit):  # whoever made it went away
                return known.result()
        try:
            made = yield from make()
            mine.set_result({"at": time.time()} | made | {"until": None})
        except BaseException as error:
            with self._lock:
                del self._known[id]
            mine.set_exception(error)
            raise
        with self._lock:
            self._over[id] = time.monotonic() + DOUBLE_CLICK_SECONDS
        return mine.result()

    def forget(self) -> None:
        """Nothing: what it knows is found by the random id of one form alone."""

    def _forget(self) -> None:
        """They stand in the order of their end: looking at all of them would cost each click more than the last."""
        while self._over and time.monotonic() > next(iter(self._over.values())):
            old = next(iter(self._over))
            del self._known[old], self._over[old]

    def get(self, id: str) -> Document | None:
        return None

    def keep_picture(self, id: str, field: str, picture: Picture) -> bool:
        return False

    def get_picture(self, id: str, field: str = "") -> Picture | None:
        return None
