"""How much one client may ask for: so many in a time, so many at once."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from ipaddress import IPv6Address
from typing import Any

from flask import current_app, request
from limits import parse
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from ..errors import RateLimited
from ..outage import Outage

REDIS_SECONDS = 0.5  # that a submission waits for the limits in Redis
REDIS_PAUSE = 10.0  # seconds in which a Redis that was away is not asked


class Limiter:
    """So many per client and `subject`. With `REDIS_URL` all processes count together; without it, and while Redis is
    away, each for itself in memory."""

    def __init__(self, rate: str, subject: str, redis_url: str) -> None:
        self._rule = None if rate == "off" else parse(rate)
        self._subject = subject
        self._redis_url = redis_url
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._away_until = 0.0
        self._outage = Outage("Redis")

    def count(self) -> None:
        """Takes one from this client's share. Raises RateLimited when it is used up."""
        if self._rule is not None and not self._ask("hit"):
            raise self._refusal()

    def check(self) -> None:
        """Raises RateLimited when nothing is left, and takes nothing."""
        if self._rule is not None and not self._ask("test"):
            raise self._refusal()

    def told(self) -> dict[str, str]:
        """What is left of this client's share, by draft-ietf-httpapi-ratelimit-headers-10."""
        if self._rule is None:
            return {}
        free_at, left = self._ask("get_window_stats")
        seconds = max(1, math.ceil(free_at - time.time()))
        return {
            "RateLimit-Policy": f'"{self._subject}";q={self._rule.amount};w={self._rule.get_expiry()}',
            "RateLimit": f'"{self._subject}";r={left};t={seconds}',
        }

    def _refusal(self) -> RateLimited:
        free_at = self._ask("get_window_stats").reset_time
        return RateLimited(f"The limit is {self._rule}.", retry_after=max(1.0, free_at - time.time()))

    def _ask(self, what: str) -> Any:
        """One of the methods of `limits`, about this client. A Redis that is away is left alone for a while."""
        if self._redis_url and time.monotonic() >= self._away_until:
            try:
                found = getattr(self._shared, what)(self._rule, self._subject, counted_address())
            except StorageError as error:
                self._away_until = time.monotonic() + REDIS_PAUSE
                self._outage.begins(f"{error}; each process counts {self._subject} for itself")
            else:
                self._outage.ends()
                return found
        return getattr(self._own, what)(self._rule, self._subject, counted_address())

    @cached_property
    def _shared(self) -> SlidingWindowCounterRateLimiter:
        from limits.storage import RedisStorage
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        options: dict[str, Any] = {
            "socket_timeout": REDIS_SECONDS,
            "socket_connect_timeout": REDIS_SECONDS,
            "retry": Retry(NoBackoff(), 1),  # a kept connection may have been closed meanwhile
        }
        storage = RedisStorage(self._redis_url, key_prefix="flaskappaml", wrap_exceptions=True, **options)
        return SlidingWindowCounterRateLimiter(storage)


class AtOnce:
    """So many at a time per client, as `Limiter` counts clients."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Raises RateLimited when as many are under way."""
        client = counted_address()
        with self._lock:
            if self._under_way[client] >= self._most:
                raise RateLimited(f"The limit is {self._most} at a time.", retry_after=1.0)
            self._under_way[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way[client] -= 1
                self._under_way += Counter()  # without those that are at 0


def client_address() -> str:
    """Without a port: Azure's front end puts one behind the address in `X-Forwarded-For`, and it differs each time."""
    address = request.remote_addr or "unknown"
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


def counted_address() -> str:
    """What limits count by: of an IPv6 address the first half, for whoever has one has all that begin so."""
    address = client_address()
    try:
        found = IPv6Address(address)
    except ValueError:
        return address
    return address if found.ipv4_mapped else found.exploded[:19]


def count_submission() -> None:
    """Raises RateLimited when this client has sent too many."""
    current_app.extensions["submissions"].count()


def count_drawing() -> None:
    """The same for pictures drawn for a download: they ask no model, but hold the processor for as long."""
    current_app.extensions["drawings"].count()
