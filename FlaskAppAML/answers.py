"""Recent answers: kept for a while, so that they can be downloaded and opened again without calling the model again,
and so that a double click or a reload sends once.

An answer is kept under an id made of the form's random id and the input. Whoever creates the file `<id>.json` first
does the work, in whatever process it is; whoever comes second waits for the file to be whole.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .redact import Redactor
from .wire import dumps

Document = dict[str, Any]

DOUBLE_CLICK_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.05
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

    def once(self, id: str, make: Callable[[], Document]) -> Document:
        """The document kept under `id`, or the one that `make` makes now. A failure's document holds `error` and
        is kept for a minute. When nothing can be written the answer is given all the same, with `until` None."""
        path = self._folder / f"{id}.json"
        while True:
            try:
                handle = self._create(path)
            except FileExistsError:
                kept = self._wait_for(path)
                if kept is not None:
                    return kept
            except OSError as error:
                log.warning("answers cannot be kept in DATA_DIR: %s", error)
                return {"at": time.time()} | make() | {"until": None}
            else:
                return self._fill(path, handle, make)

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
        try:
            now = time.time()
            document: Document = {"at": now, "until": now + self._seconds} | make()
        except BaseException:
            os.close(handle)
            path.unlink(missing_ok=True)
            raise
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self._clean_text(document).encode("utf-8", "replace") + END)
        except OSError as error:
            log.warning("an answer could not be kept in DATA_DIR: %s", error)
            path.unlink(missing_ok=True)
            document["until"] = None
        self._sweep_later()
        return document

    def _clean_text(self, document: Document) -> str:
        text = dumps(document)
        return dumps(self._redact.document(document)) if self._redact.stands_in(text) else text

    def _wait_for(self, path: Path) -> Document | None:
        """What another thread or process is making under this name; None when it is gone and can be made anew."""
        while True:
            try:
                age, text = time.time() - path.stat().st_mtime, path.read_bytes()
            except OSError:
                return None
            kept = self._current(text)
            if kept is not None:
                return kept
            patience = DOUBLE_CLICK_SECONDS if text else self._patience + 5
            if text.endswith(END) or age > patience:  # past its time, or left behind by a crash
                path.unlink(missing_ok=True)
                return None
            time.sleep(LOOK_AGAIN_SECONDS)

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
        found = []
        for path in self._folder.glob("*.json"):
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append((stat.st_mtime, stat.st_size, path))
        total = 0
        for modified, size, path in sorted(found, reverse=True):
            total += size
            if time.time() - modified > self._seconds or total > MOST_BYTES:
                path.unlink(missing_ok=True)
        with self._lock:
            self._sweeper = None
        if total:
            self._sweep_later()


class Forgetful:
    """With `ANSWER_MINUTES=0`: nothing on disk, no downloads. A double click is served from memory for a minute."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, threading.Event, list[Document]]] = {}
        self._lock = threading.Lock()

    def once(self, id: str, make: Callable[[], Document]) -> Document:
        with self._lock:
            now = time.monotonic()
            self._known = {k: v for k, v in self._known.items() if now - v[0] < DOUBLE_CLICK_SECONDS}
            first = id not in self._known
            _, done, kept = self._known.setdefault(id, (now, threading.Event(), []))
        if not first and done.wait(DOUBLE_CLICK_SECONDS) and kept:
            return kept[0]
        try:
            kept.append({"at": time.time(), "until": None} | make())
        finally:
            done.set()
        return kept[0]

    def get(self, id: str) -> Document | None:
        return None
