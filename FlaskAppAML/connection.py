"""One try over one connection, under one deadline.

`requests` is the library: a subclass of its `HTTPAdapter` knows proxies and certificates and keeps connections in
urllib3's pool. A request goes over such a connection in one piece, and http.client reads the answer: the layers between
cost more than all the rest of a call. What they all lack is put in below: a look-up of names that ends, one limit on
connecting that covers the TLS handshake, and sockets that recompute their time-out before every read and write, so that
an endpoint which drips a byte now and then cannot hold a call longer than its deadline.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import certifi
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import parse_url
from urllib3.util.ssl_ import create_urllib3_context

from .errors import SettingError, TimedOut, TlsFailed, Unreachable

SMALL_BODY = 64 * 1024
MOST_HEADERS = 100
LONGEST_HEADER = 64 * 1024
LOOKUP_TIMED_OUT = "The name of the endpoint’s host could not be looked up in time."


@dataclass
class Try:
    """What is known of the try that this thread is making: its limits (monotonic seconds) and how far it came."""

    deadline: float
    connect_seconds: float
    allowed: float = 0.0  # seconds for the whole call, as they are told to people
    connect_deadline: float = 0.0
    fresh: bool = False  # refuse kept connections
    reused: bool = False
    reset: bool = False
    connecting: bool = False
    received: int = 0  # bytes, still packed
    look_seconds: float = 0.0  # while only looking whether more comes: for so long
    was_silent: bool = False

    def left(self) -> float:
        """Seconds to the deadline. Raises TimeoutError when there are none."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("deadline")
        return seconds

    def begin_connecting(self) -> None:
        self.connecting = True
        self.connect_deadline = min(self.deadline, time.monotonic() + self.connect_seconds)

    def begin_asking(self) -> None:
        """Connected; what a proxy or the handshake sent is no answer."""
        self.connecting = self.reset = False
        self.received = 0

    def connect_left(self) -> float:
        return max(0.001, self.connect_deadline - time.monotonic())


_thread = threading.local()


def begin(attempt: Try) -> None:
    """Makes `attempt` the one that this thread's sockets obey."""
    _thread.attempt = attempt


class _UnderDeadline:
    """Put before a socket class: every read and write gets the time that is left, and what happens is noted."""

    def recv_into(self, *args: Any) -> int:
        attempt: Try = _thread.attempt
        left = attempt.connect_left() if attempt.connecting else attempt.left()
        if attempt.look_seconds:
            return self._look(attempt, left, *args)
        self.settimeout(left)  # type: ignore[attr-defined]
        count: int = super().recv_into(*args)  # type: ignore[misc]
        attempt.received += count
        return count

    def _look(self, attempt: Try, left: float, *args: Any) -> int:
        """Silence is told as by a socket that never waits, after which a file of it can be read on."""
        self.settimeout(min(left, attempt.look_seconds))  # type: ignore[attr-defined]
        try:
            count: int = super().recv_into(*args)  # type: ignore[misc]
        except TimeoutError:
            attempt.was_silent = True
            raise BlockingIOError(errno.EAGAIN, "silence") from None
        attempt.received += count
        return count

    def sendall(self, *args: Any) -> None:
        attempt: Try = _thread.attempt
        self.settimeout(attempt.left())  # type: ignore[attr-defined]
        try:
            super().sendall(*args)  # type: ignore[misc]
        except (ConnectionResetError, BrokenPipeError):
            # The answer is read all the same, since one may wait; a later read no longer tells that it was a reset.
            attempt.reset = True
            raise

    def send(self, *args: Any, **options: Any) -> int:
        """`options`: gevent's own `sendall` comes by here with some."""
        self.settimeout(_thread.attempt.left())  # type: ignore[attr-defined]
        count: int = super().send(*args, **options)  # type: ignore[misc]
        return count


class _Socket(_UnderDeadline, socket.socket):
    pass


class _TlsSocket(_UnderDeadline, ssl.SSLSocket):
    pass


# Names

_lookups: dict[tuple[str, int], Future[list[Any]]] = {}
_lookups_lock = threading.Lock()


def look_up(host: str, port: int, seconds: float) -> list[Any]:
    """`getaddrinfo` with a limit, which the system's resolver does not know.

    It runs in a thread of its own; calls that wait for the same name share one. Raises TimeoutError, OSError.
    """
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass
    with _lookups_lock:
        future = _lookups.get((host, port))
        if future is None:
            future = _lookups[host, port] = Future()
            threading.Thread(target=_look_up, args=(host, port, future), daemon=True, name="look-up").start()
    return future.result(seconds)


def _look_up(host: str, port: int, future: Future[list[Any]]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except BaseException as error:  # whatever it was belongs to those who wait
        outcome: tuple[list[Any], BaseException | None] = ([], error)
    else:
        outcome = (found, None)
    with _lookups_lock:
        _lookups.pop((host, port), None)
    if outcome[1] is not None:
        future.set_exception(outcome[1])
    else:
        future.set_result(outcome[0])


# Connections


class _Connecting:
    """Put before urllib3's connection classes: connects under the try's limits and says in our words what failed."""

    host: str
    port: int
    sock: Any
    _used = False
    _response: http.client.HTTPResponse | None = None

    def _new_conn(self) -> socket.socket:
        attempt: Try = _thread.attempt
        try:
            addresses = look_up(self.host.strip("[]"), self.port, attempt.connect_left())
        except TimeoutError:
            raise TimedOut(LOOKUP_TIMED_OUT) from None
        except (OSError, UnicodeError) as error:
            for_now = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
            raise Unreachable("There is no host of that name.", another_try=for_now) from error
        return _connect(addresses, attempt)

    def connect(self) -> None:
        attempt: Try = _thread.attempt
        attempt.begin_connecting()
        try:
            super().connect()  # type: ignore[misc]
        except ssl.SSLCertVerificationError as error:
            raise TlsFailed(f"Its certificate is not trusted: {error.verify_message}.") from error
        except TimeoutError as error:
            raise TimedOut("It accepted the connection, but did not complete the TLS handshake.") from error
        except ssl.SSLError as error:
            raise TlsFailed("It does not seem to speak TLS at this address.") from error
        except OSError as error:
            if str(error).startswith("Tunnel connection failed"):  # http.client's words
                raise Unreachable("The proxy on the way to it refused to connect.") from error
            raise Unreachable("The connection broke while it was being opened.", another_try=True) from error
        attempt.begin_asking()
        self.sock.settimeout(attempt.left())

    def ask(self, method: str, head: bytes, body: bytes) -> http.client.HTTPResponse:
        """Sends, and returns as soon as the head of the answer is there. A small body goes in one packet with the head.

        Raises OSError, http.client.HTTPException.
        """
        attempt: Try = _thread.attempt
        attempt.begin_asking()
        attempt.reused, self._used = self._used, True
        try:
            if len(body) <= SMALL_BODY:
                self.sock.sendall(head + body)
            else:
                self.sock.sendall(head)
                self.sock.sendall(body)
        except (ConnectionResetError, BrokenPipeError):
            pass  # an answer may wait all the same, such as "too large"; reading says if there is none
        self._response = _Response(self.sock, method=method)
        self._response.begin()
        return self._response

    def is_silent(self, seconds: float) -> bool:
        """Whether nothing more of the answer comes for so long, or until the deadline. Raises TimeoutError there,
        OSError."""
        attempt, response = _thread.attempt, self._response
        if response is None or response.fp is None:
            return False
        if response.chunk_left == 0:  # http.client leaves the end of a chunk lying, which would pass for news
            response.fp.read(2)
            response.chunk_left = None
        attempt.look_seconds, attempt.was_silent = seconds, False
        try:
            return not response.fp.peek(1) and attempt.was_silent
        finally:
            attempt.look_seconds = 0.0

    def close(self) -> None:
        """With what is left of an answer: a socket stays open while its file is read."""
        self._used = False
        if self._response is not None:
            self._response.close()
        super().close()  # type: ignore[misc]


def _connect(addresses: list[Any], attempt: Try) -> socket.socket:
    """The first address that answers; each gets its share of the time, so that a dead one leaves some for the next."""
    last: OSError = OSError("no address")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = _Socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(attempt.connect_left() / (len(addresses) - tried))
            sock.connect(address)
            sock.settimeout(attempt.connect_left())  # what is left of it is for the handshake
        except OSError as error:
            sock.close()
            last = error
        else:
            return sock
    if isinstance(last, TimeoutError):
        raise Unreachable("It did not accept a connection in time.", another_try=True) from last
    raise Unreachable("It does not accept connections at this address.", another_try=True) from last


class _Response(http.client.HTTPResponse):
    """Reads the head of an answer by itself, for http.client leaves that to the parser of e-mails: it costs as much as
    the rest of a call, and takes a lone CR for the end of a line. `headers` are by name in lower case."""

    def begin(self) -> None:
        """Passes over every interim answer (RFC 9110, 15.2). http.client knows 100 only, and would take a 103 for the
        answer, so that the real one, still to come on a kept connection, would go to whoever asks next."""
        status = 100
        while 100 <= status < 200 and status != 101:
            version, status, reason = self._read_status()  # type: ignore[attr-defined]
            if not version.startswith(("HTTP/1.", "HTTP/0.9")):
                raise http.client.UnknownProtocol(version)
            headers = read_headers(self.fp)
        self.code = self.status = status
        self.reason = reason.strip()
        self.version = 11 if version not in ("HTTP/1.0", "HTTP/0.9") else 10
        self.headers = self.msg = headers  # type: ignore[assignment]
        self._expect_body()

    def _expect_body(self) -> None:
        """How the end of the body is told (RFC 9112, 6.3)."""
        length = self.headers.get("content-length", "").partition(",")[0].strip()
        self.chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = int(length) if not self.chunked and length.isascii() and length.isdigit() else None
        if self.status in (101, 204, 304):
            self.length = 0
        is_told = self.chunked or self.length is not None
        self.will_close = not is_told or self._check_close()  # type: ignore[attr-defined]


def read_headers(file: Any) -> dict[str, str]:
    """By names in lower case; one that stands twice is joined (RFC 9110, 5.3), and one that was folded is whole again
    (RFC 9112, 5.2). Raises HTTPException for too many, or too long a one."""
    headers: dict[str, str] = {}
    name = ""
    for _ in range(MOST_HEADERS + 1):
        line: bytes = file.readline(LONGEST_HEADER + 1)
        if len(line) > LONGEST_HEADER:
            raise http.client.LineTooLong("header line")
        if line in (b"\r\n", b"\n", b""):
            return headers
        text = line.decode("latin-1")
        if text[0] in " \t":
            headers[name] = f"{headers.get(name, '')} {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        if colon:
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    raise http.client.HTTPException(f"more than {MOST_HEADERS} headers")


class _HttpConnection(_Connecting, HTTPConnection):
    pass


class _HttpsConnection(_Connecting, HTTPSConnection):
    pass


class _Fresh:
    """Put before urllib3's pools: a second try after a lost connection must not meet another dead one."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        if _thread.attempt.fresh:
            connection.close()
        return connection


class _HttpPool(_Fresh, HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(_Fresh, HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class EndpointAdapter(HTTPAdapter):
    """requests' adapter over one pool for one origin. Proxy and CA are read from the environment once, here.

    `pool_size` must reach the number of calls at once, or connections are thrown away. netrc is never read.
    """

    def __init__(self, url: str, pool_size: int) -> None:
        super().__init__(max_retries=0)
        self._host = places(url)[0]
        self._pool: Any = self._manager(url, pool_size).connection_from_url(url)

    def _manager(self, url: str, pool_size: int) -> PoolManager:
        options: dict[str, Any] = {"num_pools": 1, "maxsize": pool_size}
        proxy = select_proxy(url, get_environ_proxies(url))
        if url.startswith("https:") or (proxy or "").startswith("https:"):
            options["ssl_context"] = tls_context()
        if proxy and not re.match(r"(https?://)?[\w.\[\]:@%~-]+/?$", proxy):
            raise SettingError("HTTP_PROXY or HTTPS_PROXY names a proxy that is not spoken to: give http://host:port.")
        if proxy:
            proxy = str(prepend_scheme_if_needed(proxy, "http"))  # type: ignore[no-untyped-call]
            manager: PoolManager = ProxyManager(proxy, proxy_headers=self.proxy_headers(proxy), **options)
        else:
            manager = PoolManager(**options)
        manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
        return manager

    def connection(self, *, new: bool = False) -> Any:
        """A connection that is open, kept unless it has to be `new`; `put_back` or `close` it."""
        connection = self._pool._new_conn() if new else self._pool._get_conn()
        try:
            if connection.is_closed and self._pool.proxy is not None and self._pool.scheme == "https":
                self._pool._prepare_proxy(connection)
            elif connection.is_closed:
                connection.connect()
        except BaseException:
            connection.close()
            raise
        return connection

    def put_back(self, connection: Any) -> None:
        self._pool._put_conn(connection)

    def head(self, method: str, url: str, headers: Mapping[str, str], length: int) -> bytes:
        """The head of a request, always to the adapter's own origin: parsers differ over which host a strange address
        names (`http://one\\@other/`). Raises ValueError for a line break in it."""
        target = places(url)[1]
        if self._pool.proxy is not None and self._pool.scheme == "http":
            target, headers = f"http://{self._host}{target}", {**headers, **self._pool.proxy_headers}
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self._host}", *map(": ".join, headers.items())]
        if method != "GET":
            lines.append(f"Content-Length: {length}")
        if any("\n" in line or "\r" in line for line in lines):
            raise ValueError("a line break in a header")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def close(self) -> None:
        self._pool.close()
        super().close()


@lru_cache(maxsize=64)
def places(url: str) -> tuple[str, str]:
    """The `Host` header for `url` and its request target (RFC 9112, 3.2)."""
    parts = parse_url(url)._replace(auth=None, fragment=None)
    default = {"http": 80, "https": 443}.get(parts.scheme or "")
    host = (parts.host or "") if parts.port in (None, default) else parts.netloc or ""
    return host, parts.request_uri


def tls_context() -> ssl.SSLContext:
    """A verifying context with the CA bundle that requests would use."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()
    context = create_urllib3_context()
    try:
        context.load_verify_locations(**{"capath" if os.path.isdir(bundle) else "cafile": bundle})
    except OSError:
        raise SettingError(f"REQUESTS_CA_BUNDLE names no readable file of certificates: {bundle}") from None
    context.sslsocket_class = _TlsSocket
    return context
