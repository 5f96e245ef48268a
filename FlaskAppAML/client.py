"""The way to the endpoint and back: adds the key, holds every limit, tries again where that is safe.

`Client.send` and, where the answer may come in pieces, `Client.streaming` are the only functions that send a request
to an endpoint.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import random
import re
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from urllib3.exceptions import HTTPError as Urllib3Error

from . import __version__, events, faults
from .connection import EndpointAdapter, Try, begin
from .errors import (
    BadResponse,
    ConnectionLost,
    EndpointError,
    InputRefused,
    InputTooLarge,
    KeyRefused,
    Overloaded,
    Redirected,
    TimedOut,
    TooManyCalls,
)
from .settings import Settings
from .wire import Reply, Request

LONGEST_WAIT = 5.0  # seconds that an endpoint's Retry-After is obeyed; a longer one is told to the person
FIRST_WAIT = 0.25
FAILURES_BEFORE_PAUSE = 5
PAUSE_SECONDS = 10.0
ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip"})
PIECE = 64 * 1024
LOOK_SECONDS = 1.0  # between two pieces of an answer, until whoever reads is told that there is silence


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: where a key may go."""
    parts = urlsplit(url)
    default = 443 if parts.scheme == "https" else 80
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default


class Client:
    """Calls one endpoint. Safe to share between threads; make one per process and endpoint."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._adapter = EndpointAdapter(settings.url, settings.max_calls)
        own = {name.title(): value for name, value in settings.headers.items()}  # as all others are spelled
        self._common = _common_headers()
        self._headers = own | _key_header(settings)
        self._slots = Slots(settings.max_calls)
        self._pause = Pause()
        self._origin = origin(settings.url)

    def send(self, request: Request, until: float | None = None) -> Reply:
        """A good reply, or an EndpointError. At most `TIMEOUT` seconds in all; or `until` then (monotonic seconds)."""
        self._pause.check()
        deadline = time.monotonic() + self._settings.timeout if until is None else until
        try:
            reply = self._send(request, deadline)
        except EndpointError as error:
            self._pause.note(error)
            raise
        self._pause.note(None)
        return reply

    @property
    def is_paused(self) -> bool:
        return self._pause.left > 0

    @contextlib.contextmanager
    def streaming(self, request: Request) -> Iterator[tuple[Reply, Iterator[bytes]]]:
        """A good reply, and where its body is still coming (`text/event-stream`) the pieces of it, unpacked; b"" stands
        for a second of silence. Leaving ends the call. Raises EndpointError, also while the pieces are read.

        The answer begins within `TIMEOUT` seconds, all tries included, and goes on within so many after each piece; it
        ends within `STREAM_TIMEOUT`.
        """
        self._pause.check()
        held: list[Held] = []
        until = time.monotonic() + self._settings.stream_timeout
        deadline = min(until, time.monotonic() + self._settings.timeout)
        try:
            with self._slots.taken(deadline):
                reply = self._send(request, deadline, held)
                try:
                    yield reply, self._pieces(held[0], until) if held else iter(())
                finally:
                    for one in held:
                        one.connection.close()
        except EndpointError as error:
            self._pause.note(error)
            raise
        self._pause.note(None)

    def _pieces(self, held: Held, until: float) -> Iterator[bytes]:
        """What comes, in the thread that asks for it."""
        attempt, settings = held.attempt, self._settings
        encoding = held.headers.get("content-encoding", "")
        coming = _body(_as_it_comes(held, settings.timeout, until), held.response, encoding, attempt,
                       settings.max_response_bytes)  # fmt: skip
        try:
            yield from coming
        except (http.client.HTTPException, OSError) as error:
            if time.monotonic() >= until:
                raise TimedOut(f"The answer had not ended after {settings.stream_timeout:g} seconds.") from error
            if time.monotonic() >= attempt.deadline:
                raise TimedOut(f"Nothing more of the answer came for {settings.timeout:g} seconds.") from error
            raise _explained(error, attempt, head_read=True) from error

    def fetch(self, url: str, seconds: float, most_bytes: int) -> Reply:
        """A GET for a description, never for a score: one try. The key goes along to its own origin only."""
        attempt = Try(time.monotonic() + seconds, min(seconds, self._settings.connect_timeout), seconds)
        at_home = origin(url) == self._origin
        adapter = self._adapter if at_home else EndpointAdapter(url, 1)
        question = Request(url, method="GET", headers={})
        signed = self._signed(question) if at_home else replace(question, headers=_common_headers())
        try:
            reply = _once(adapter, signed, attempt, most_bytes)
        finally:
            if not at_home:
                adapter.close()
        _refuse_redirect(reply, url)
        faults.check(reply)
        return reply

    def reach(self, seconds: float) -> None:
        """Opens a connection as a call would, TLS included, and closes it: no request is sent. Through a proxy, an
        endpoint without TLS is reached as far as that proxy. Raises EndpointError."""
        attempt = Try(time.monotonic() + seconds, seconds, seconds)
        begin(attempt)
        try:
            self._adapter.connection(new=True).close()
        except (Urllib3Error, http.client.HTTPException, OSError) as error:
            raise _explained(error, attempt, head_read=False) from error

    def _send(self, request: Request, deadline: float, held: list[Held] | None = None) -> Reply:
        """The tries. Each error says where it is raised whether another one is allowed. `held` as in `_once`."""
        tries, lost = 0, False
        while True:
            tries += 1
            try:
                reply = self._try(request, deadline, held, fresh=lost)
                reply = replace(reply, tries=tries) if tries > 1 else reply
                if not held:
                    faults.check(reply)
                return reply
            except EndpointError as error:
                error.tries = tries
                wait = _wait(error, tries)
                if tries > self._settings.retries or wait is None or (lost and isinstance(error, ConnectionLost)):
                    raise
                if time.monotonic() + wait >= deadline:
                    raise
                lost = isinstance(error, ConnectionLost)
            time.sleep(wait)

    def _try(self, request: Request, deadline: float, held: list[Held] | None, *, fresh: bool) -> Reply:
        """One try, with at most one redirect inside the same origin. Whoever holds the answer has a slot already."""
        attempt = Try(deadline, self._settings.connect_timeout, self._settings.timeout, fresh=fresh)
        with self._slots.taken(deadline) if held is None else contextlib.nullcontext():
            self._pause.check()  # it may have begun while this call waited
            reply = _once(self._adapter, self._signed(request), attempt, self._settings.max_response_bytes, held)
            target = _same_origin_target(reply, request.url)
            if target:
                signed = self._signed(replace(request, url=target))
                reply = _once(self._adapter, signed, attempt, self._settings.max_response_bytes, held)
        _refuse_redirect(reply, request.url)
        return reply

    def _signed(self, request: Request) -> Request:
        """With the key, and whatever else goes along with every call. The owner's headers win.

        Raises BadResponse for an address at another origin, whoever made it: the key stays at home.
        """
        if origin(request.url) != self._origin:
            raise BadResponse("Its description names another host; the key goes to the one of URL alone.")
        headers = {**self._common, **request.headers, **self._headers}
        return Request(self._with_key(request.url), request.body, request.method, headers)

    def _with_key(self, url: str) -> str:
        style, _, parameter = self._settings.auth.partition(":")
        if style != "query":
            return url
        return f"{url}{'&' if '?' in url else '?'}{parameter}={quote(self._settings.api_key, safe='')}"


def _common_headers() -> dict[str, str]:
    return {
        "User-Agent": f"FlaskAppAML/{__version__}",
        "Accept": "application/json, */*;q=0.5",
        "Accept-Encoding": "gzip",
    }


def _key_header(settings: Settings) -> dict[str, str]:
    style, _, name = settings.auth.partition(":")
    if style == "bearer":
        return {"Authorization": f"Bearer {settings.api_key}"}
    if style == "basic":
        return {"Authorization": "Basic " + base64.b64encode(settings.api_key.encode()).decode()}
    return {name.title(): settings.api_key} if style == "header" else {}


# One try


@dataclass(frozen=True)
class Held:
    """An answer whose body is still coming. Whoever holds it reads it and closes the connection."""

    connection: Any
    response: http.client.HTTPResponse
    headers: dict[str, str]
    attempt: Try


def _once(
    adapter: EndpointAdapter, request: Request, attempt: Try, most_bytes: int, held: list[Held] | None = None
) -> Reply:
    """With a list `held`, a good answer that comes in pieces is put into it unread, and its reply has no body."""
    started = time.monotonic()
    begin(attempt)
    connection = response = None
    try:
        head = adapter.head(request.method, request.url, request.headers, len(request.body))
        connection = adapter.connection()
        response = connection.ask(request.method, head, request.body)
        headers: dict[str, str] = response.headers
        if held is not None and 200 <= response.status < 300 and events.are_events(headers):
            held.append(Held(connection, response, headers, attempt))
            return Reply(response.status, headers, b"", time.monotonic() - started)
        body = _read(response, headers.get("content-encoding", ""), attempt, most_bytes)
        if response.will_close:
            connection.close()
        adapter.put_back(connection)
    except (Urllib3Error, http.client.HTTPException, OSError) as error:
        _close(connection)
        raise _explained(error, attempt, head_read=response is not None) from error
    except BaseException:
        _close(connection)  # what is left of its answer must not be read by the next call
        raise
    return Reply(response.status, headers, body, time.monotonic() - started)


def _close(connection: Any) -> None:
    if connection is not None:
        connection.close()


def _read(response: http.client.HTTPResponse, encoding: str, attempt: Try, most_bytes: int) -> bytes:
    """The whole body, unpacked."""
    return b"".join(_body(iter(partial(response.read, PIECE), b""), response, encoding, attempt, most_bytes))


def _as_it_comes(held: Held, pause: float, until: float) -> Iterator[bytes]:
    """The body as it is sent, b"" for silence. Raises OSError after a pause of so many seconds, and at the end of the
    time (monotonic seconds)."""
    while held.response.length != 0:
        held.attempt.deadline = min(time.monotonic() + pause, until)
        begin(held.attempt)
        while held.connection.is_silent(LOOK_SECONDS):
            yield b""
            begin(held.attempt)  # this thread may have made another call
        piece = held.response.read1(PIECE)
        if not piece:
            return
        yield piece


def _body(
    pieces: Iterable[bytes], response: http.client.HTTPResponse, encoding: str, attempt: Try, most_bytes: int
) -> Iterator[bytes]:
    """The body, unpacked, counted while it comes: neither a long nor a tightly packed one may fill the memory."""
    encoding = encoding.strip().lower()
    failed = response.status >= 400  # then the status says more than an unreadable body
    if encoding not in ENCODINGS and not failed:
        raise BadResponse("The answer is packed in a way that was not asked for.")
    unpack = Gunzip(strict=not failed) if "gzip" in encoding else None
    length = 0
    for piece in pieces:
        for part in unpack(piece) if unpack and piece else (piece,):
            length += len(part)
            if length > most_bytes or attempt.received > most_bytes + PIECE:
                raise BadResponse(f"The answer is larger than {most_bytes:,} bytes, the most that this app reads.")
            yield part
    if response.length:  # reading piece by piece, http.client takes an early end for the end
        raise http.client.IncompleteRead(b"", response.length)
    if unpack and not unpack.whole and not failed:
        raise BadResponse("The answer was cut short inside its packing.")


class Gunzip:
    """Unpacks gzip piece by piece. urllib3's own unpacking takes a stream without its end for a whole one."""

    def __init__(self, *, strict: bool) -> None:
        self._inner = zlib.decompressobj(31)
        self._strict = strict

    @property
    def whole(self) -> bool:
        return self._inner.eof

    def __call__(self, packed: bytes) -> Iterator[bytes]:
        try:
            while packed:
                if self._inner.eof:  # a stream may have several members (RFC 1952, 2.2)
                    self._inner = zlib.decompressobj(31)
                yield self._inner.decompress(packed, PIECE)
                packed = self._inner.unconsumed_tail or self._inner.unused_data
        except zlib.error:
            if self._strict:
                raise BadResponse("The answer could not be unpacked.") from None


def _explained(error: Exception, attempt: Try, *, head_read: bool) -> EndpointError:
    """What a failure of the libraries means for this try."""
    if time.monotonic() >= attempt.deadline:
        return TimedOut(f"There was no whole answer within {attempt.allowed:g} seconds.")
    cause = _root(error)
    if attempt.received == 0:
        was_reset = attempt.reset or (
            isinstance(cause, OSError) and not isinstance(cause, http.client.RemoteDisconnected)
        )
        return ConnectionLost("It was closed before any answer.", another_try=attempt.reused or was_reset)
    if head_read:
        return BadResponse("The answer was cut short.")
    if isinstance(cause, http.client.BadStatusLine) and not isinstance(cause, http.client.RemoteDisconnected):
        return _strange_start(str(cause))
    if isinstance(cause, OSError):
        return ConnectionLost("It was cut in the middle of the answer’s headers.")
    return BadResponse("The answer’s headers are malformed.")


def _strange_start(line: str) -> EndpointError:
    """HTTP cut short, a TLS alert (record type 21, RFC 8446, 5.1) to our plain request, or no HTTP at all."""
    if line.strip("'\"").startswith(("\x15\x03", "\\x15\\x03")):
        return ConnectionLost("The endpoint speaks TLS; its address probably begins with https.")
    if re.match(r"['\"]?HTTP/", line):
        return ConnectionLost("It was cut in the middle of the first line of the answer.")
    return BadResponse("What came back is not HTTP.")


def _root(error: BaseException) -> BaseException:
    """The innermost reason: libraries wrap it as an argument, as `reason` or as the cause."""
    for _ in range(8):
        inner = getattr(error, "reason", None) or next(
            (arg for arg in reversed(error.args) if isinstance(arg, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            return error
        error = inner
    return error


# Redirects


def _target(reply: Reply, url: str) -> str:
    """The whole address that a redirect names; "" when it names none that can be read."""
    location = reply.headers.get("location", "").strip()
    try:
        target = urljoin(url, location) if location else ""
        origin(target)
    except ValueError:
        return ""
    return target


def _same_origin_target(reply: Reply, url: str) -> str:
    """Where a 307 or 308 leads, when that is inside the origin (a missing slash, as FastAPI has it); else ""."""
    target = _target(reply, url) if reply.status in (307, 308) else ""
    return target if target and origin(target) == origin(url) else ""


def _refuse_redirect(reply: Reply, url: str) -> None:
    if not 300 <= reply.status < 400:
        return
    host = urlsplit(_target(reply, url)).netloc.rpartition("@")[2]
    named = re.sub(r"[^\w.:\[\]-]", "", host, flags=re.ASCII)[:100]
    detail = f"It points to {named}." if named else "It does not say where to."
    raise Redirected(detail, upstream_status=reply.status, seconds=reply.seconds, body=reply.body)


# Trying again


def _wait(error: EndpointError, tries: int) -> float | None:
    """Seconds before the next try, or None when there should be none."""
    if not error.another_try:
        return None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_WAIT else None
    if isinstance(error, ConnectionLost):
        return 0.0
    return FIRST_WAIT * 2.0 ** (tries - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, not a secret


class Slots:
    """At most `most` calls at once. A few more wait; the rest are told at once, so that pages keep their threads."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._waiting = threading.BoundedSemaphore(max(16, most // 4))

    def taken(self, deadline: float) -> Slots:
        if self._free.acquire(blocking=False):
            return self
        if not self._waiting.acquire(blocking=False):
            raise TooManyCalls("As many calls as allowed are under way, and more are waiting.", retry_after=5)
        try:
            if not self._free.acquire(timeout=max(0.0, deadline - time.monotonic())):
                raise TooManyCalls("As many calls as allowed were under way for too long.", retry_after=5)
        finally:
            self._waiting.release()
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._free.release()


class Pause:
    """After several failures in a row, calls fail at once for a while: an endpoint that is down gets time, and
    people need not wait for what will not come."""

    OTHERS_FAULT = (InputRefused, InputTooLarge, KeyRefused)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._until = 0.0

    @property
    def left(self) -> float:
        """Seconds, 0 or less when there is no pause."""
        return self._until - time.monotonic()

    def check(self) -> None:
        left = self.left
        if left > 0:
            raise TooManyCalls(
                f"The last {FAILURES_BEFORE_PAUSE} calls failed, so no more are made for {left:.0f} seconds.",
                retry_after=max(1.0, left),
            )

    def note(self, error: EndpointError | None) -> None:
        counts = isinstance(error, Overloaded | TimedOut | ConnectionLost) or (error is not None and _is_down(error))
        with self._lock:
            if error is None or isinstance(error, self.OTHERS_FAULT):
                self._failures = 0  # the endpoint is there and answers
            elif counts and not isinstance(error, TooManyCalls):
                self._failures += 1
                if self._failures >= FAILURES_BEFORE_PAUSE:
                    self._until = time.monotonic() + PAUSE_SECONDS


def _is_down(error: EndpointError) -> bool:
    return error.kind in ("unreachable", "loading") or (error.upstream_status or 0) >= 500
