"""A scoring endpoint that misbehaves, for tests which drive the real app against it.

Every way in which an endpoint is known to fail is one *case*: a short function under a
``@case(...)`` line. That line says what our app must make of the fault (the status and the kind
of its answer, whether it may try again, which strings must not come through), and the function
acts the fault out. So this file reads as a table, and adding a fault means adding one function::

    with Misbehaving() as server:
        app.config["URL"] = server.url("429-day")
        ...
        assert len(server.calls("429-day")) == 1

It is made of bare sockets on purpose: a web server library would mend what is to be broken.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import html
import itertools
import json
import random
import selectors
import socket
import ssl
import struct
import tempfile
import threading
import urllib.parse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeVar

import trustme

Json = dict[str, object]
Tries = Literal["no", "yes", "once", "fresh"]
Reads = Literal["request", "head", "nothing"]
Certificate = Literal["", "good", "self-signed", "expired"]
Result = TypeVar("Result")

LOOPBACK = "127.0.0.1"
UNKNOWN_NAME = "name-server-hangs.invalid"
"""The host in the URL of `dns-hang`: a test makes the look-up of this name hang."""

MODEL_TEXT = "KeyError: 'Age' in /home/model/score.py, line 42"
"""The text of the failed model in `500-aml`: for the owner, not for visitors."""

COOKIE = "upstream-affinity-5c1f7a"
REALM = "upstream-realm-7d20e4"
INJECTED = "X-Injected"
CREDENTIAL = "upstream-credential-90ab3e"
SCRIPT = "<script>alert(1)</script>"
HEADING = "<h1>Upstream page</h1>"
SIGN_IN = '<form action="/upstream/sign-in">'

PLAIN_TEXT = "Content-Type: text/plain"
HTML = "Content-Type: text/html; charset=utf-8"
CHUNKED = "Transfer-Encoding: chunked"
CLOSE = "Connection: close"

REASONS = {status.value: status.phrase for status in HTTPStatus}
REASONS |= {413: "Payload Too Large", 599: "Network Connect Timeout"}
MEGABYTE = 1 << 20


# What a case is ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One fault, and what our app must make of it."""

    name: str
    status: int
    """The status of our app's own answer."""
    kind: str
    """Either "ok", "json" (shown as JSON, for want of a table), or the kind of the error."""
    tries: Tries = "no"
    """May the app call again: never, a few times, once, or once on a fresh connection."""
    secrets: tuple[str, ...] = ()
    """What must not come through, beside the key; strings with "<" are markup to be escaped."""
    scheme: Literal["http", "https"] = "http"
    serve: Handler | None = None
    """Acts the fault out; None if no server takes part."""
    reads: Reads = "request"
    """How much is read before the case acts ("nothing" needs a door of its own)."""
    own_door: bool = False
    """Listens at a port of its own, because no path can be read before it fails."""
    certificate: Certificate = ""
    """With which certificate its own door speaks TLS, if it does."""


CASES: dict[str, Case] = {}


def case(
    name: str,
    status: int,
    kind: str,
    tries: Tries = "no",
    *,
    secrets: tuple[str, ...] = (),
    scheme: Literal["http", "https"] = "http",
    reads: Reads = "request",
    own_door: bool = False,
    certificate: Certificate = "",
) -> Callable[[Handler], Handler]:
    """Enter the function below as what the case `name` does."""

    def enter(serve: Handler) -> Handler:
        CASES[name] = Case(name, status, kind, tries, secrets, scheme, serve, reads, own_door, certificate)
        return serve

    return enter


@dataclass(frozen=True)
class Seen:
    """A request as it was received."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    """Numbers the connections of one server, from 1: two calls with one number shared one."""

    @property
    def key(self) -> str:
        """The bearer key that came with the request, or ""."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


# What the cases are made of ------------------------------------------------------------------


def head(status: int, *headers: str, reason: str | None = None, version: str = "1.1") -> bytes:
    """The status line and the headers, to the empty line that ends them."""
    phrase = REASONS[status] if reason is None else reason
    lines = (f"HTTP/{version} {status} {phrase}", *headers, "", "")
    return "\r\n".join(lines).encode("latin-1", "replace")


def sized(body: bytes) -> str:
    """The header that announces the body."""
    return f"Content-Length: {len(body)}"


def chunk(data: bytes, extension: str = "") -> bytes:
    """One chunk of a chunked body; without data it is the last one."""
    return b"%x%b\r\n%b\r\n" % (len(data), extension.encode(), data)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """The data, cut into pieces of that size."""
    return (data[start : start + size] for start in range(0, len(data), size))


def table(
    *rows: object,
    columns: object = (
        "Assignments",
        "DistancesToClusterCenter no.0",
        "DistancesToClusterCenter no.1",
    ),
    types: object = ("Int32", "Double", "Double"),
    output: str = "output1",
) -> Json:
    """A result as the classic Azure ML service writes it; cells are mostly strings there."""
    value = {"ColumnNames": columns, "ColumnTypes": types, "Values": rows}
    return {"Results": {output: {"type": "table", "value": value}}}


def packed(value: object) -> bytes:
    """The value as JSON in UTF-8, all but ASCII escaped."""
    return json.dumps(value).encode()


def written(*cells: str) -> bytes:
    """A table whose one row is written exactly so, for what `json.dumps` would not write."""
    return packed(table(["@"])).replace(b'"@"', ", ".join(cells).encode())


def error(code: str, message: str, detail_code: str = "", detail: str = "") -> Json:
    """An error as the classic Azure ML service writes it."""
    details = [{"code": detail_code, "message": detail}] if detail_code else []
    return {"error": {"code": code, "message": message, "details": details}}


def page(title: str, content: str = "") -> bytes:
    """The HTML that a proxy sends in place of an answer."""
    return f"<html><head><title>{title}</title></head><body>{HEADING}{content}</body></html>".encode()


def escaped(text: str) -> str:
    """The text with every character written as a JSON escape."""
    return "".join(f"\\u{ord(character):04x}" for character in text)


GOOD = table(["1", "0.91", "0.42"])
GOOD_BYTES = packed(GOOD)
BUSY = error("TooManyRequests", "The service is busy.")
DOWN = page("503 Service Unavailable")


class Tls:
    """TLS on a socket which stays a plain one, to be reset, shut down or closed at will."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def shake_hands(self) -> None:
        self._exchange(self._tls.do_handshake)

    def recv(self, size: int) -> bytes:
        return self._exchange(lambda: self._tls.read(size))

    def sendall(self, data: bytes) -> None:
        self._exchange(lambda: self._tls.write(data))

    def _exchange(self, step: Callable[[], Result]) -> Result:
        """Take the step, as soon as the client has sent what is needed for it."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                pass
            finally:
                self._sock.sendall(self._outgoing.read())
            received = self._sock.recv(65536)
            if not received:
                raise ConnectionAbortedError
            self._incoming.write(received)


class Connection:
    """One client's connection, with the request on it that a case is to answer."""

    seen: Seen
    """The request in hand."""
    attempt: int
    """How often the case was called since the last reset, this call included."""

    def __init__(
        self,
        server: Misbehaving,
        number: int,
        sock: socket.socket,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.server = server
        self.number = number
        self.sock = sock
        self.turn = 0
        """How often a case was called on this connection."""
        self.idle: float | None = None
        """After how many seconds without a next request the connection is closed."""
        self.keep = True
        """Whether it stays open after the answer; only whole answers keep it so."""
        self._received = bytearray()
        self._tls = Tls(sock, context) if context else None
        self._stream = self._tls or sock

    # -- what a case may do

    def respond(self, status: int, body: bytes | Json = b"", *headers: str) -> None:
        """Send a whole and proper answer, as JSON unless the headers say otherwise."""
        data = body if isinstance(body, bytes) else packed(body)
        names = {line.partition(":")[0].lower() for line in headers}
        if "content-type" not in names:
            headers = ("Content-Type: application/json; charset=utf-8", *headers)
        self.send(head(status, sized(data), *headers), data)
        self.keep = CLOSE not in headers

    def recovered(self, after: int) -> bool:
        """Give the good answer if the case has failed often enough, and say whether it did."""
        if self.attempt > after:
            self.respond(200, GOOD)
        return self.attempt > after

    def send(self, *parts: bytes) -> None:
        """Send these bytes and no others; the connection is closed afterwards."""
        self._stream.sendall(b"".join(parts))

    def reset(self) -> None:
        """End with RST and not with FIN, as a crashed server or an idle firewall does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def pause(self, seconds: float) -> None:
        """Wait; but fail at once when the client has gone or the server closes."""
        self.sock.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            self.drain(1)
            raise ConnectionAbortedError
        self.sock.settimeout(None)

    def drain(self, size: int = MEGABYTE) -> None:
        """Read and forget what the client sends until it has gone."""
        while self.sock.recv(size):
            pass

    # -- what happens before

    def shake_hands(self) -> bool:
        """Begin TLS, or else part with a FIN: a plain close may send RST, which invites a retry."""
        try:
            if self._tls:
                self._tls.shake_hands()
        except ssl.SSLError:
            self.sock.shutdown(socket.SHUT_WR)
            self.drain()
            return False
        return True

    def read_head(self) -> bool:
        """Read a request up to its body, and say whether there was one."""
        while b"\r\n\r\n" not in self._received:
            received = self._stream.recv(65536)
            self._received += received
            if not received:
                return False
            if not self._received[:1].isalpha():
                self.respond(400, page("400 Bad Request"), HTML, CLOSE)
                return False
        start, _, rest = bytes(self._received).partition(b"\r\n\r\n")
        self._received = bytearray(rest)
        request_line, *lines = start.decode("latin-1").split("\r\n")
        method, target, _ = request_line.split(" ", 2)
        fields = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        self.seen = Seen(method, target, headers, b"", self.number)
        return True

    def read_body(self) -> None:
        """Read the body that was announced."""
        length = int(self.seen.headers.get("content-length", "0"))
        while len(self._received) < length:
            received = self._stream.recv(65536)
            if not received:
                raise ConnectionAbortedError
            self._received += received
        body = bytes(self._received[:length])
        del self._received[:length]
        self.seen = replace(self.seen, body=body)


Handler = Callable[[Connection], None]


# The table: good answers, in all the ways that HTTP and JSON allow ---------------------------


@case("ok", 200, "ok")
def _(c: Connection) -> None:
    c.respond(200, GOOD)


@case("ok-http10", 200, "ok")
def _(c: Connection) -> None:
    """Old gateways still speak HTTP/1.0: only the close tells where the body ends."""
    c.send(head(200, "Content-Type: application/json", version="1.0"), GOOD_BYTES)


@case("ok-chunked", 200, "ok")
def _(c: Connection) -> None:
    """Chunk extensions and trailers are rare, but legal."""
    chunks = [chunk(piece, ";note=seven") for piece in pieces(GOOD_BYTES, 7)]
    c.send(head(200, CHUNKED), *chunks, b"0\r\nX-Checksum: none\r\n\r\n")
    c.keep = True


@case("ok-gzip", 200, "ok")
def _(c: Connection) -> None:
    if "gzip" in c.seen.headers.get("accept-encoding", ""):
        c.respond(200, gzip.compress(GOOD_BYTES), "Content-Encoding: gzip")
    else:
        c.respond(200, GOOD)


@case("ok-bom", 200, "ok")
def _(c: Connection) -> None:
    """.NET writes a byte order mark unless it is told not to."""
    c.respond(200, b"\xef\xbb\xbf" + GOOD_BYTES)


@case("ok-utf16", 200, "ok")
def _(c: Connection) -> None:
    body = json.dumps(GOOD).encode("utf-16")
    c.respond(200, body, "Content-Type: application/json; charset=utf-16")


@case("ok-text-plain", 200, "ok")
def _(c: Connection) -> None:
    """Hand-written scoring scripts often leave the type at their framework's default."""
    c.respond(200, GOOD, PLAIN_TEXT)


@case("ok-100", 200, "ok")
def _(c: Connection) -> None:
    """Some proxies send it whether or not it was asked for."""
    c.send(head(100))
    c.respond(200, GOOD)


@case("ok-unicode", 200, "ok")
def _(c: Connection) -> None:
    """Right-to-left letters and override, joined emoji, combining, zero-width, astral."""
    right_to_left = "\u05e9\u05dc\u05d5\u05dd \u202etxt.exe\u202c"
    family = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
    others = "e\u0301 a\u200bb \U0001d4b3"
    body = json.dumps(table([right_to_left, family, others]), ensure_ascii=False)
    c.respond(200, body.encode())


@case("ok-two-digit-label", 200, "ok")
def _(c: Connection) -> None:
    """A label picked out of the text by its position would be cut to one digit."""
    c.respond(200, table(["10", "0.91", "0.42"]))


@case("ok-wide-5000", 200, "ok")
def _(c: Connection) -> None:
    names = [f"feature {number}" for number in range(5000)]
    row = [str(number) for number in range(5000)]
    c.respond(200, table(row, columns=names, types=["Int32"] * 5000))


@case("ok-rows-20000", 200, "ok")
def _(c: Connection) -> None:
    c.respond(200, table(*([str(number), "0.91", "0.42"] for number in range(20_000))))


@case("ok-set-cookie", 200, "ok", secrets=(COOKIE,))
def _(c: Connection) -> None:
    """Load balancers mark their clients so; ours are many people behind one client."""
    c.respond(200, GOOD, f"Set-Cookie: Affinity={COOKIE}; Path=/; HttpOnly")


@case("ok-stale-pool", 200, "ok", "fresh")
def _(c: Connection) -> None:
    """Every server drops idle connections some day; a pooled one may be dead already."""
    c.respond(200, GOOD)
    c.idle = c.server.stale


@case("ok-stale-race", 200, "ok", "fresh")
def _(c: Connection) -> None:
    """The request and the close for idleness cross on their way."""
    if c.turn == 1:
        c.respond(200, GOOD)


# The table: statuses -------------------------------------------------------------------------


@case("400-aml", 422, "bad_input", secrets=("<b>Age</b>",))
def _(c: Connection) -> None:
    """The message quotes the input, so it may hold markup."""
    detail = "Parsing of the input vector failed: <b>Age</b> is not a number."
    c.respond(400, error("BadArgument", "Invalid argument provided.", "InputParseError", detail))


@case("400-html", 422, "bad_input", secrets=(HEADING,))
def _(c: Connection) -> None:
    c.respond(400, page("400 Bad Request"), HTML)


@case("401", 502, "auth")
def _(c: Connection) -> None:
    detail = "Invalid credentials provided."
    body = error("Unauthorized", "Request is unauthorized.", "ScoreRequestUnauthorized", detail)
    c.respond(401, body)


@case("401-basic", 502, "auth", secrets=(REALM,))
def _(c: Connection) -> None:
    """Passed on, this header would make the visitor's browser ask for a password."""
    c.respond(401, page("401"), HTML, f'WWW-Authenticate: Basic realm="{REALM}"')


@case("403", 502, "auth")
def _(c: Connection) -> None:
    c.respond(403, error("Forbidden", "The key has no access to this service."))


@case("405", 502, "unsupported")
def _(c: Connection) -> None:
    """The usual sign that the URL is that of a page about the service, not the service."""
    c.respond(405, error("MethodNotAllowed", "POST is not allowed here."), "Allow: GET")


@case("408", 504, "timeout", "yes")
def _(c: Connection) -> None:
    c.respond(408, error("RequestTimeout", "The request took too long."), CLOSE)


@case("413", 413, "too_large")
def _(c: Connection) -> None:
    c.respond(413, error("PayloadTooLarge", "The request is too large."))


@case("422", 422, "bad_input")
def _(c: Connection) -> None:
    """The shape in which FastAPI refuses an input."""
    fault = {"loc": ["body", "Inputs", "Age"], "msg": "not a valid number", "type": "float"}
    c.respond(422, {"detail": [fault]})


@case("429-seconds", 503, "overload", "yes")
def _(c: Connection) -> None:
    c.respond(429, BUSY, "Retry-After: 1")


@case("429-day", 503, "overload")
def _(c: Connection) -> None:
    """A used-up daily quota: a client that obeys sleeps until tomorrow."""
    c.respond(429, BUSY, "Retry-After: 86400")


@case("429-none", 503, "overload", "yes")
def _(c: Connection) -> None:
    c.respond(429, BUSY)


@case("500-aml", 502, "model_error")
def _(c: Connection) -> None:
    body = error("InternalError", "The model failed.", "ModuleExecutionError", MODEL_TEXT)
    c.respond(500, body)


@case("502-html", 502, "model_error", "yes", secrets=(HEADING,))
def _(c: Connection) -> None:
    c.respond(502, page("502 Bad Gateway"), HTML)


@case("503-html", 503, "overload", "yes", secrets=(HEADING,))
def _(c: Connection) -> None:
    c.respond(503, DOWN, HTML)


@case("204", 502, "bad_response")
def _(c: Connection) -> None:
    """By the book this one has no body and announces none."""
    c.send(head(204))
    c.keep = True


@case("599", 502, "model_error")
def _(c: Connection) -> None:
    """In no standard; some load balancers send it all the same."""
    c.respond(599, page("599 Network Connect Timeout"), HTML)


@case("503-once-then-ok", 200, "ok", "yes")
def _(c: Connection) -> None:
    if not c.recovered(after=1):
        c.respond(503, DOWN, HTML)


@case("503-twice-then-ok", 200, "ok", "yes")
def _(c: Connection) -> None:
    if not c.recovered(after=2):
        c.respond(503, DOWN, HTML)


@case("429-once-then-ok", 200, "ok", "yes")
def _(c: Connection) -> None:
    if not c.recovered(after=1):
        c.respond(429, BUSY, "Retry-After: 1")


# The table: connections that break, and answers that never end -------------------------------


@case("reset-once-then-ok", 200, "ok", "yes")
def _(c: Connection) -> None:
    if not c.recovered(after=1):
        c.reset()


@case("reset-before-headers", 502, "network", "once")
def _(c: Connection) -> None:
    """The worker was killed while it computed (out of memory, or a new deployment)."""
    c.reset()


@case("reset-unread", 502, "network", "once", reads="head")
def _(c: Connection) -> None:
    """A firewall or a size limit: the client may still be sending when it happens."""
    c.reset()


@case("cut-in-status-line", 502, "network")
def _(c: Connection) -> None:
    c.send(b"HTTP/1.1 20")


@case("cut-in-headers", 502, "network")
def _(c: Connection) -> None:
    c.send(b"HTTP/1.1 200 OK\r\nContent-Type: applica")
    c.reset()


@case("cut-body-length", 502, "bad_response")
def _(c: Connection) -> None:
    """What arrives would parse; only the count shows that something is missing."""
    c.send(head(200, f"Content-Length: {len(GOOD_BYTES) + 500}"), GOOD_BYTES)


@case("cut-body-reset", 502, "bad_response")
def _(c: Connection) -> None:
    c.send(head(200, sized(GOOD_BYTES)), GOOD_BYTES[: len(GOOD_BYTES) // 2])
    c.reset()


@case("cut-chunked", 502, "bad_response")
def _(c: Connection) -> None:
    """As above: the JSON is whole, the last chunk is not there."""
    c.send(head(200, CHUNKED), chunk(GOOD_BYTES))


@case("bad-chunk-size", 502, "bad_response")
def _(c: Connection) -> None:
    c.send(head(200, CHUNKED), b"zz\r\n", GOOD_BYTES, b"\r\n", chunk(b""))


@case("not-http", 502, "bad_response")
def _(c: Connection) -> None:
    """The URL has the port of another service."""
    c.send(b"SSH-2.0-OpenSSH_9.6\r\n")


@case("drip-headers", 504, "timeout")
def _(c: Connection) -> None:
    """Each byte restarts a timeout that counts from the last read."""
    c.send(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while True:
        c.send(b"a")
        c.pause(c.server.drip)


@case("drip-chunks", 504, "timeout")
def _(c: Connection) -> None:
    """A proxy's keep-alive trick: white space until the model is done, which it never is."""
    c.send(head(200, CHUNKED))
    while True:
        c.send(chunk(b" "))
        c.pause(c.server.drip)


@case("endless-100", 504, "timeout")
def _(c: Connection) -> None:
    """Clients skip these in a loop of their library, out of the caller's sight."""
    while True:
        c.send(head(100))
        c.pause(c.server.drip / 50)


@case("many-headers", 502, "bad_response")
def _(c: Connection) -> None:
    c.respond(200, GOOD, *(f"X-Filler-{number}: {'a' * 20}" for number in range(5000)))


@case("split-header", 200, "ok", secrets=(INJECTED,))
def _(c: Connection) -> None:
    """Text from users in a header; lenient parsers take the bare CR for the end of a line."""
    c.respond(200, GOOD, f"X-Note: a\r{INJECTED}: 1", f"X-More: b%0d%0a{INJECTED}: 2")


@case("two-lengths", 502, "bad_response")
def _(c: Connection) -> None:
    """Two proxies each added one. Whoever believes the first gets a part."""
    c.send(head(200, "Content-Length: 20", sized(GOOD_BYTES)), GOOD_BYTES)


# The table: redirects ------------------------------------------------------------------------


@case("redirect-307-other-host", 502, "redirect")
def _(c: Connection) -> None:
    """A 307 repeats the whole POST over there, with what the client does not strip."""
    c.respond(307, b"", f"Location: {c.server.elsewhere_url()}{c.seen.target}")


@case("redirect-302-other-host", 502, "redirect")
def _(c: Connection) -> None:
    """After a 302 clients mostly go on with a GET, the key still on it."""
    c.respond(302, b"", f"Location: {c.server.elsewhere_url('localhost')}/sign-in")


@case("redirect-loop", 502, "redirect")
def _(c: Connection) -> None:
    c.respond(307, b"", f"Location: {c.seen.target}")


@case("redirect-metadata", 502, "redirect", secrets=(CREDENTIAL,))
def _(c: Connection) -> None:
    """A cloud's metadata address hands credentials to whoever asks from inside."""
    c.respond(302, b"", f"Location: {c.server.elsewhere_url()}/latest/meta-data/credentials")


@case("redirect-no-location", 502, "redirect")
def _(c: Connection) -> None:
    c.respond(302, b"", "Location: ")


# The table: bodies that cannot be read, or nearly so -----------------------------------------


@case("html-200", 502, "bad_response", secrets=(HEADING, SIGN_IN))
def _(c: Connection) -> None:
    """A company's proxy wants a sign-in first, and says so with status 200."""
    c.respond(200, page("Sign in", f'{SIGN_IN}<input type="password"></form>'), HTML)


@case("empty-200", 502, "bad_response")
def _(c: Connection) -> None:
    c.respond(200)


@case("truncated-json", 502, "bad_response")
def _(c: Connection) -> None:
    """A proxy cut the body and counted it anew, so the lengths agree."""
    c.respond(200, GOOD_BYTES[:-25])


@case("trailing-garbage", 502, "bad_response")
def _(c: Connection) -> None:
    """A debug print of the scoring script that went into the answer."""
    c.respond(200, GOOD_BYTES + b"\nscored in 0.4 s")


@case("json-nan", 200, "ok")
def _(c: Connection) -> None:
    """Python writes NaN by default, though JSON has none, and browsers refuse it."""
    c.respond(200, written('"1"', "NaN", '"0.42"'))


@case("json-infinity", 200, "ok")
def _(c: Connection) -> None:
    c.respond(200, written('"1"', "-Infinity", '"0.42"'))


@case("duplicate-keys", 200, "ok")
def _(c: Connection) -> None:
    c.respond(200, b'{"Results": {"output1": null}, ' + GOOD_BYTES[1:])


@case("deep-nesting", 502, "bad_response")
def _(c: Connection) -> None:
    """Beyond the depth to which Python's parser can recurse."""
    c.respond(200, b"[" * 10_000 + b"]" * 10_000)


@case("deep-objects", 502, "bad_response")
def _(c: Connection) -> None:
    c.respond(200, b'{"a":' * 50_000 + b"1" + b"}" * 50_000)


@case("invalid-utf8", 502, "bad_response")
def _(c: Connection) -> None:
    c.respond(200, GOOD_BYTES.replace(b"0.91", b"\xc3\x28\xfe\xff"))


@case("wrong-charset", 502, "bad_response")
def _(c: Connection) -> None:
    body = GOOD_BYTES.replace(b"0.91", "caf\u00e9".encode("latin-1"))
    c.respond(200, body, "Content-Type: application/json; charset=utf-8")


@case("unknown-charset", 200, "ok")
def _(c: Connection) -> None:
    c.respond(200, GOOD, "Content-Type: application/json; charset=no-such-charset")


@case("gzip-truncated", 502, "bad_response")
def _(c: Connection) -> None:
    """The JSON unpacks whole; only the checksum after it is cut."""
    c.respond(200, gzip.compress(GOOD_BYTES)[:-6], "Content-Encoding: gzip")


@case("unknown-encoding", 502, "bad_response")
def _(c: Connection) -> None:
    c.respond(200, GOOD, "Content-Encoding: zz")


# The table: JSON that is not the usual table -------------------------------------------------


@case("json-scalar", 200, "json")
def _(c: Connection) -> None:
    c.respond(200, b"3")


@case("json-null", 200, "json")
def _(c: Connection) -> None:
    c.respond(200, b"null")


@case("json-string", 200, "json")
def _(c: Connection) -> None:
    """Scripts that call `json.dumps` themselves get their answer packed twice, or like this."""
    c.respond(200, b'"setosa"')


@case("error-in-200", 502, "model_error")
def _(c: Connection) -> None:
    c.respond(200, error("ModelExecutionError", "The model could not be run."))


@case("values-null", 200, "json")
def _(c: Connection) -> None:
    c.respond(200, packed(table()).replace(b"[]", b"null"))


@case("values-ragged", 200, "ok")
def _(c: Connection) -> None:
    c.respond(200, table(["1"], ["2", "0.91", "0.42", "a fourth"], []))


@case("columns-not-list", 200, "ok")
def _(c: Connection) -> None:
    c.respond(200, table(["1", "0.91", "0.42"], columns=3))


@case("values-scalars", 200, "ok")
def _(c: Connection) -> None:
    c.respond(200, table(1, "two", {"three": 3}, None))


@case("other-output-name", 200, "ok")
def _(c: Connection) -> None:
    """The name is free in the designer; "output1" is only what it proposes."""
    c.respond(200, table(["1", "0.91", "0.42"], output="scored clusters"))


@case("big-numbers", 200, "ok")
def _(c: Connection) -> None:
    """2**63 overflows a 64-bit integer, 1e400 a double, 19 digits the numbers of a browser."""
    c.respond(200, written("9223372036854775808", "1e400", "1234567890123456789"))


@case("control-chars", 200, "ok")
def _(c: Connection) -> None:
    """Escaped as they should be: the danger is in logs and terminals behind us."""
    c.respond(200, table(["nul\0", "bel\a", "esc\x1b[31mred\r\nforged log line"]))


@case("raw-control-chars", 502, "bad_response")
def _(c: Connection) -> None:
    c.respond(200, written('"nul\0"', '"new\nline"', '"0.42"'))


@case("lone-surrogate", 200, "ok")
def _(c: Connection) -> None:
    """Half an emoji: some script cut a string by its UTF-16 units."""
    c.respond(200, table(["\ud83d", "a\udc00b", "\udc00\ud800"]))


@case("xss-value", 200, "ok", secrets=(SCRIPT, "<img src=x"))
def _(c: Connection) -> None:
    """Cells often repeat what somebody else typed."""
    c.respond(200, table([SCRIPT, "<img src=x onerror=alert(1)>", "\" onmouseover='alert(1)'"]))


@case("xss-in-script", 200, "ok", secrets=(f"</script>{SCRIPT}", "<!--<script>"))
def _(c: Connection) -> None:
    """JSON does not escape "<", so a value can close the script block that it stands in."""
    c.respond(200, table([f"</script>{SCRIPT}", "<!--<script>", "\u2028';alert(1)//"]))


@case("template-injection", 200, "ok", secrets=("1787569",))
def _(c: Connection) -> None:
    """The secret is the product: whoever shows it has evaluated a cell."""
    c.respond(200, table(["{{1337*1337}}", "${1337*1337} {% if", "%(key)s {0.__class__} %n"]))


@case("js-url", 200, "ok", secrets=('href="javascript:', "href='javascript:"))
def _(c: Connection) -> None:
    c.respond(200, table(["javascript:alert(1)", " JaVaScRiPt:alert(1)", "data:text/html,x"]))


@case("binary-200", 502, "bad_response")
def _(c: Connection) -> None:
    noise = random.Random(1).randbytes(50_000)
    c.respond(200, b"\x89PNG\r\n\x1a\n" + noise, "Content-Type: image/png")


@case("huge-undeclared", 502, "bad_response")
def _(c: Connection) -> None:
    """A model that returns its whole training set, or a mistaken download link."""
    c.send(head(200, CLOSE), b'{"Results": "')
    block = b"a" * MEGABYTE
    for _ in range(200):
        c.send(block)


@case("endless-chunks", 502, "bad_response")
def _(c: Connection) -> None:
    """Never announces a length that a client could refuse beforehand."""
    c.send(head(200, CHUNKED), chunk(b'{"Results": "'))
    block = chunk(b"a" * 65536)
    for _ in range(1024 * MEGABYTE // 65536):
        c.send(block)


# The table: the key comes back ---------------------------------------------------------------


@case("echo-key-500-html", 502, "model_error", secrets=(HEADING,))
def _(c: Connection) -> None:
    """Debug pages list the request, also in forms in which a plain search misses the key."""
    key = c.seen.key
    forms = [
        *(f"{name}: {value}" for name, value in c.seen.headers.items()),
        f"quoted: {urllib.parse.quote(key, safe='')}",
        f"base64: {base64.b64encode(key.encode()).decode()}",
        f"escaped: {escaped(key)}",
    ]
    text = html.escape("\n".join(forms))
    c.respond(500, page("Server error", f"<pre>{text}\n{key}</pre>"), HTML)


@case("echo-key-200", 200, "ok")
def _(c: Connection) -> None:
    """Plain, escaped on the wire only, and still escaped after the answer was parsed."""
    key = c.seen.key
    c.respond(200, written(json.dumps(key), f'"{escaped(key)}"', json.dumps(escaped(key))))


@case("echo-key-reason", 502, "auth")
def _(c: Connection) -> None:
    """The reason phrase is often put into an exception's text, and so into the log."""
    c.send(head(401, sized(b""), reason=f"Key {c.seen.key} is not known"))
    c.keep = True


# The table: settings, TLS and names ----------------------------------------------------------

CASES["empty-url"] = Case("empty-url", 503, "not_configured")


@case("tls-self-signed", 502, "tls", scheme="https", own_door=True, certificate="self-signed")
def _(c: Connection) -> None:
    """Whoever gets this far has sent the key to a stranger."""
    c.respond(200, GOOD)


@case("tls-expired", 502, "tls", scheme="https", own_door=True, certificate="expired")
def _(c: Connection) -> None:
    c.respond(200, GOOD)


@case("tls-to-plain", 502, "tls", scheme="https", own_door=True)
def _(c: Connection) -> None:
    """TLS's greeting is no request, so it gets a 400 in plain. A call came without TLS."""
    c.respond(200, GOOD)


@case("tls-handshake-hang", 504, "timeout", scheme="https", own_door=True, reads="nothing")
def _(c: Connection) -> None:
    """A load balancer whose servers are all gone: connecting works, and then nothing does."""
    c.drain()


@case("plain-to-tls", 502, "network", own_door=True, certificate="good")
def _(c: Connection) -> None:
    """An "s" is missing in the URL; nothing that can be read ever arrives here."""
    c.respond(200, GOOD)


CASES["dns-hang"] = Case("dns-hang", 504, "timeout")


# Beyond the table: the proof that the trusted certificates do work ---------------------------


@case("tls-ok", 200, "ok", scheme="https", own_door=True, certificate="good")
def _(c: Connection) -> None:
    c.respond(200, GOOD)


# The server ----------------------------------------------------------------------------------


def contexts(folder: Path) -> dict[Certificate, ssl.SSLContext]:
    """Make the certificates; that of the CA to be trusted is left in the folder."""
    trusted, stranger = trustme.CA(), trustme.CA()
    trusted.cert_pem.write_to_path(str(folder / "ca.pem"))
    own = folder / "self-signed.pem"
    own.write_bytes(stranger.private_key_pem.bytes() + stranger.cert_pem.bytes())
    names = (LOOPBACK, "localhost")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)

    made: dict[Certificate, ssl.SSLContext] = {}
    for kind in ("good", "self-signed", "expired"):
        made[kind] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trusted.issue_cert(*names).configure_cert(made["good"])
    trusted.issue_cert(*names, not_after=long_ago).configure_cert(made["expired"])
    made["self-signed"].load_cert_chain(own)
    return made


@dataclass(frozen=True)
class Door:
    """A port at which the server listens."""

    name: str
    """The case to which it belongs, "plain" for all the others, or "elsewhere"."""
    listener: socket.socket
    context: ssl.SSLContext | None = None

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])


@dataclass
class Misbehaving:
    """The server: enter it to start it, leave it to end all of its threads."""

    drip: float = 0.15
    """Seconds between the drops of the drip cases."""
    stale: float = 0.3
    """Seconds after which `ok-stale-pool` closes an idle connection."""
    elsewhere: list[Seen] = field(default_factory=list)
    """What the other host got, to which the redirects lead."""
    lookups: list[Seen] = field(default_factory=list)
    """The GET requests (for a swagger.json): answered with 404, and not counted as calls."""
    ca_pem: str = ""
    """The file with the certificate of the CA that the app is to trust, while it runs."""

    _calls: defaultdict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    _arrivals: Counter[str] = field(default_factory=Counter)
    _doors: dict[str, Door] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: dict[int, tuple[socket.socket, threading.Thread]] = field(default_factory=dict)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    # -- for the tests

    def url(self, name: str) -> str:
        """The URL of a case's scoring endpoint, as one would paste it into the settings."""
        if name == "empty-url":
            return ""
        port = self._doors[name if CASES[name].own_door else "plain"].port
        place = UNKNOWN_NAME if name == "dns-hang" else f"{LOOPBACK}:{port}"
        path = f"workspaces/{'a1' * 16}/services/{'b2' * 16}/execute"
        return f"{CASES[name].scheme}://{place}/{name}/{path}?api-version=2.0&details=true"

    def elsewhere_url(self, host: str = LOOPBACK) -> str:
        """The origin of the other host."""
        return f"http://{host}:{self._doors['elsewhere'].port}"

    def calls(self, name: str) -> list[Seen]:
        """The scoring requests of a case since its last reset; over TLS, the decrypted ones."""
        with self._lock:
            return list(self._calls[name])

    def connections(self, name: str) -> int:
        """How many connections they took; at a door of its own, also those without a request."""
        if CASES[name].own_door:
            return self._arrivals[name]
        return len({seen.connection for seen in self.calls(name)})

    def reset(self, name: str) -> None:
        """Forget what happened to a case, so that "once" and "twice" begin anew."""
        with self._lock:
            self._calls[name].clear()
            self._arrivals[name] = 0

    def __enter__(self) -> Misbehaving:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            self.ca_pem = str(folder / "ca.pem")
            certificates = contexts(folder)
            self._open_door(stack, "plain")
            self._open_door(stack, "elsewhere")
            for each in CASES.values():
                if each.own_door:
                    self._open_door(stack, each.name, certificates.get(each.certificate))
            stack.callback(self._hang_up)
            self._start_accepting(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    # -- opening and closing

    def _open_door(self, stack: contextlib.ExitStack, name: str, context: ssl.SSLContext | None = None) -> None:
        listener = stack.enter_context(socket.create_server((LOOPBACK, 0), backlog=128))
        listener.setblocking(False)
        self._doors[name] = Door(name, listener, context)

    def _start_accepting(self, stack: contextlib.ExitStack) -> None:
        selector = stack.enter_context(selectors.DefaultSelector())
        bell, rope = (stack.enter_context(end) for end in socket.socketpair())
        selector.register(bell, selectors.EVENT_READ)
        for door in self._doors.values():
            selector.register(door.listener, selectors.EVENT_READ, door)
        porter = threading.Thread(target=self._accept, args=(selector,), daemon=True)
        porter.start()
        stack.callback(porter.join)
        stack.callback(rope.send, b"!")

    def _accept(self, selector: selectors.BaseSelector) -> None:
        """Let clients in at all doors, until the bell rings (the entry without a door)."""
        while True:
            for entry, _ in selector.select():
                if entry.data is None:
                    return
                with contextlib.suppress(OSError):
                    self._let_in(entry.data)

    def _let_in(self, door: Door) -> None:
        sock, _ = door.listener.accept()
        sock.setblocking(True)
        number = next(self._numbers)
        connection = Connection(self, number, sock, door.context)
        thread = threading.Thread(target=self._talk, args=(door, connection), daemon=True)
        with self._lock:
            self._arrivals[door.name] += 1
            self._open[number] = sock, thread
        thread.start()

    def _hang_up(self) -> None:
        """Wake every thread out of its socket, and wait for its end."""
        with self._lock:
            threads = [thread for _, thread in self._open.values()]
            for sock, _ in self._open.values():
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()

    # -- one connection

    def _talk(self, door: Door, connection: Connection) -> None:
        try:
            with contextlib.suppress(OSError):  # the client has gone, which is its right
                self._converse(door, connection)
        finally:
            with self._lock:
                del self._open[connection.number]
                connection.sock.close()

    def _converse(self, door: Door, c: Connection) -> None:
        own = CASES.get(door.name)
        if own and own.serve and own.reads == "nothing":
            own.serve(c)
            return
        c.keep = c.shake_hands()
        while c.keep:
            c.sock.settimeout(c.idle)
            if not c.read_head():
                break
            c.sock.settimeout(None)
            c.keep = False
            self._answer(door, c)
            c.keep = c.keep and c.seen.headers.get("connection", "").lower() != "close"

    def _answer(self, door: Door, c: Connection) -> None:
        called = CASES.get(c.seen.target.lstrip("/").partition("/")[0])
        if called is None or called.reads == "request":
            c.read_body()
        if "transfer-encoding" in c.seen.headers:  # bodies in chunks are not read here
            c.respond(411, error("LengthRequired", "Announce a length."), CLOSE)
        elif door.name == "elsewhere":
            self.elsewhere.append(c.seen)
            c.respond(200, GOOD | {"AccessKey": CREDENTIAL})
        elif c.seen.method == "GET" or called is None or called.serve is None:
            self.lookups.append(c.seen)
            c.respond(404, error("NotFound", "There is nothing here."))
        else:
            with self._lock:
                self._calls[called.name].append(c.seen)
                c.attempt = len(self._calls[called.name])
            c.turn += 1
            called.serve(c)
