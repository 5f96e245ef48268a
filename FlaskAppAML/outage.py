"""What this app needs is away for a while: said in the log once when it begins, and once when it is over."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger(__name__)


class Outage:
    """Of one thing, by the name that the log has for it. It may be away in several ways, a disk that is full only for
    those that write; over is over when each of them was seen to work again."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = threading.Lock()
        self._ways: set[str] = set()

    def begins(self, why: object, way: str = "") -> None:
        """`why` is put into one line."""
        with self._lock:
            is_new = not self._ways
            self._ways.add(way)
        if is_new:
            log.warning("%s is away: %s", self._what, " ".join(str(why).split()))

    def ends(self, *ways: str) -> None:
        if not self._ways:
            return
        with self._lock:
            was_away = bool(self._ways)
            self._ways.difference_update(ways or ("",))
            is_over = was_away and not self._ways
        if is_over:
            log.warning("%s is back", self._what)
