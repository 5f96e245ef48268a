"""Recent answers: kept for a while, so that they can be downloaded and opened again without calling the model again,
and so that a double click or a reload sends once.

An answer is kept under an id made of the form's random id and the input. Whoever creates the file `<id>.json` first
does the work, in whatever process it is; whoever comes second waits for the file to be whole.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import platform
import re
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from .redact import Redactor
from .wire import dumps

Document = dict[str, Any]

DOUBLE_CLICK_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.05
GRACE_SECONDS = 5.0  # beyond the longest call, before its file counts as left behind
LOCK_SECONDS = 5.0  # a lock is held for microseconds; an older one was left by a crash
MOST_BYTES = 1024**3  # of the whole folder; the oldest answers go first
END = b"\n"  # the last byte of a whole file

log = logging.getLogger(__name__)


def answer_id(once: str, inputs: Any) -> str:
    """128 bits that nobody can guess: `once` is the random id in the form. Without one, each call has its own."""
    if not re.fullmatch(r"[0-9a-f]{32}", once):
        return secrets.token_hex(16)
    return hashlib.sha256(f"{once}\n{dumps(inputs)}".encode("utf-8", "replace")).hexdigest()[:32]


class Answers:
    """Answers as files in `folder`, for `minutes`. `redact` removes secrets from what is written.

    `patience` is how long a call may take at the most: an unfinished file older than that was left by a crash.
    """

    def __init__(self, folder: Path, minutes: int, patience: float, redact: Redactor) -> None:
        self._folder = folder
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
        path = self._folder / f"{id}.json"
        give_up = time.monotonic() + self._patience + 2 * GRACE_SECONDS
        while True:
            try:
                handle = self._create(path)
            except FileExistsError as error:
                kept = self._wait_for(path, give_up)
                if kept is not None:
                    return kept
                if time.monotonic() > give_up:  # neither to be read nor to be taken away
                    return self._without_a_file(id, make, error)
            except OSError as error:
                return self._without_a_file(id, make, error)
            else:
                return self._fill(path, handle, make)

    def _without_a_file(self, id: str, make: Callable[[], Document], error: OSError) -> Document:
        log.warning("answers cannot be kept in DATA_DIR: %s", error)
        return self._clean(self._memory.once(id, make))[0]

    def get(self, id: str) -> Document | None:
        """The whole, unexpired document under `id`."""
        if not re.fullmatch(r"[0-9a-f]{32}", id):
            return None
        try:
            kept = self._current((self._folder / f"{id}.json").read_bytes())
        except OSError:
            return None
        return kept if kept is not None and "error" not in kept else None

    def _create(self, path: Path) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            return os.open(path, flags, 0o600)
        except FileNotFoundError:
            try:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except FileExistsError as error:  # a file or a broken link in its place, not an answer that exists
                raise NotADirectoryError(str(error)) from None
            return os.open(path, flags, 0o600)

    def _fill(self, path: Path, handle: int, make: Callable[[], Document]) -> Document:
        maker = _maker()
        try:
            os.write(handle, maker)
            now = time.time()
            document, text = self._clean({"at": now, "until": now + self._seconds} | make())
        except BaseException:
            os.close(handle)  # first: Windows deletes no open file
            _delete(path)
            raise
        if not _write(handle, text.encode("utf-8", "replace").ljust(len(maker)) + END):
            document["until"] = None
            _delete(path)
        self._sweep_later()
        return document

    def _clean(self, document: Document) -> tuple[Document, str]:
        """Without secrets, before anything is cut from it, shown or written; and as JSON."""
        text = dumps(document)
        if self._redact.stands_in(text):
            document = self._redact.document(document)
            text = dumps(document)
        return document, text

    def _wait_for(self, path: Path, give_up: float) -> Document | None:
        """What another thread or process is making under this name; None when it is gone and can be made anew, or
        when it is time to give up."""
        while time.monotonic() <= give_up:
            try:
                age, text = time.time() - path.stat().st_mtime, path.read_bytes()
            except FileNotFoundError:
                return None
            except OSError:
                age, text = 0.0, b""
            kept = self._current(text)
            if kept is not None:
                return kept
            is_leftover = text.endswith(END) or age > self._patience + GRACE_SECONDS or _is_gone(text)
            if is_leftover and _take_away(path, text):
                return None
            time.sleep(LOOK_AGAIN_SECONDS)
        return None

    @staticmethod
    def _current(text: bytes) -> Document | None:
        """The document, when it is whole and its time is not over."""
        try:
            document: Document = json.loads(text) if text.endswith(END) else {}
            over = document["at"] + DOUBLE_CLICK_SECONDS if "error" in document else document["until"]
            return document if time.time() < over else None
        except (ValueError, KeyError, TypeError):
            return None

    def _sweep_later(self) -> None:
        with self._lock:
            if self._sweeper is None:
                self._sweeper = threading.Timer(min(60.0, self._seconds) + 1, self.sweep)
                self._sweeper.daemon = True
                self._sweeper.start()

    def sweep(self) -> None:
        """Deletes what is past its time and, beyond `MOST_BYTES`, the oldest."""
        try:
            left = self._sweep()
        finally:
            with self._lock:
                self._sweeper = None
        if left:
            self._sweep_later()

    def _sweep(self) -> int:
        """How many files stay."""
        left = total = 0
        for path, modified, size in sorted(_files(self._folder), key=lambda found: -found[1]):
            total += size
            if time.time() - modified <= self._seconds and total <= MOST_BYTES:
                left += 1
            else:
                _delete(path)
        return left


def forget(folder: Path) -> None:
    """Deletes every kept answer: `ANSWER_MINUTES` is 0 now."""
    for path, _, _ in _files(folder):
        _delete(path)


def _files(folder: Path) -> list[tuple[Path, float, int]]:
    found = []
    for path in folder.glob("*.json"):
        with contextlib.suppress(OSError):
            stat = path.stat()
            found.append((path, stat.st_mtime, stat.st_size))
    return found


def _write(handle: int, content: bytes) -> bool:
    """Over what the file holds, and closes it. False when it cannot be kept; a full disk writes a part."""
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        if os.write(handle, content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        log.warning("an answer could not be kept in DATA_DIR: %s", error)
        return False
    finally:
        os.close(handle)
    return True


def _delete(path: Path) -> None:
    with contextlib.suppress(OSError):  # another process was first, or reads it just now
        path.unlink()


def _maker() -> bytes:
    """Who makes an answer, as its file says until it is whole."""
    return f"{platform.node()}:{os.getpid()}".encode()


def _is_gone(text: bytes) -> bool:
    """Whether the process that was making this answer died, as far as this machine can tell."""
    host, _, process = text.decode("utf-8", "replace").rpartition(":")
    if os.name == "nt" or host != platform.node() or not process.isdecimal() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _take_away(path: Path, seen: bytes) -> bool:
    """Deletes a leftover that still holds what was seen of it. Of several who find one, one at a time may: else a
    slow one would delete what a quick one has begun anew."""
    lock = path.with_suffix(".lock")
    try:
        os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        with contextlib.suppress(OSError):
            if time.time() - lock.stat().st_mtime > LOCK_SECONDS:
                _delete(lock)
        return False
    try:
        if path.read_bytes() == seen:
            _delete(path)
    except OSError:
        pass
    finally:
        _delete(lock)
    return True


class Forgetful:
    """With `ANSWER_MINUTES=0`, or without a folder: nothing on disk, no downloads. A double click is served from
    memory, in this process, for a minute after its answer."""

    def __init__(self) -> None:
        self._known: dict[str, Future[Document]] = {}
        self._over: dict[str, float] = {}
        self._lock = threading.Lock()

    def once(self, id: str, make: Callable[[], Document]) -> Document:
        with self._lock:
            self._forget()
            known = self._known.get(id)
            mine = self._known[id] = Future() if known is None else known
        if known is not None:
            return known.result()
        try:
            mine.set_result({"at": time.time()} | make() | {"until": None})
        except BaseException as error:
            with self._lock:
                del self._known[id]
            mine.set_exception(error)
            raise
        with self._lock:
            self._over[id] = time.monotonic() + DOUBLE_CLICK_SECONDS
        return mine.result()

    def _forget(self) -> None:
        for old in [known for known, over in self._over.items() if time.monotonic() > over]:
            del self._known[old], self._over[old]

    def get(self, id: str) -> Document | None:
        return None
