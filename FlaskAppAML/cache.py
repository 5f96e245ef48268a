"""Replies kept in memory for `CACHE_SECONDS`, so that an equal question to the same endpoint is not paid for twice."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import replace

from .wire import Reply, Request, dumps

MOST_ENTRIES = 1000
MOST_BYTES = 32 * 1024**2
OVERHEAD = 1024  # bytes that an entry takes besides its body, about


def key_of(request: Request) -> bytes:
    """Equal for requests that ask the same. The boundary of a multipart body is drawn anew for each: what stands
    between its places counts, piece by piece, so that no input can be made to look like two."""
    boundary = request.headers.get("Content-Type", "").partition("boundary=")[2]
    head = dumps([request.method, request.url, sorted(request.headers.items())])
    pieces = request.body.split(boundary.encode()) if boundary else [request.body]
    digest = hashlib.sha256()
    for piece in (head.replace(boundary, "").encode(), *pieces):
        digest.update(b"%d:" % len(piece))
        digest.update(piece)
    return digest.digest()


class Cache:
    """Of one endpoint, in this process. Bounded: who was not asked for the longest goes first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: OrderedDict[bytes, tuple[float, Reply]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: bytes) -> Reply | None:
        """The reply as one that took the endpoint neither time nor a try."""
        with self._lock:
            until, reply = self._kept.get(key, (0.0, None))
            if reply is None:
                return None
            if time.monotonic() >= until:
                self._drop(key)
                return None
            self._kept.move_to_end(key)
        return replace(reply, seconds=0.0, tries=0)  # an object of its own: what is read of it is not shared

    def put(self, key: bytes, reply: Reply, *, only_instead: bool = False) -> None:
        """`only_instead` of an older one."""
        with self._lock:
            if only_instead and key not in self._kept:
                return
            self._drop(key)
            if _size(reply) > MOST_BYTES:
                return
            self._kept[key] = time.monotonic() + self._seconds, replace(reply)  # without what was read of it
            self._bytes += _size(reply)
            while len(self._kept) > MOST_ENTRIES or self._bytes > MOST_BYTES:
                self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _drop(self, key: bytes) -> None:
        if key in self._kept:
            self._bytes -= _size(self._kept.pop(key)[1])


def _size(reply: Reply) -> int:
    return len(reply.body) + OVERHEAD
