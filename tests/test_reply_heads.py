"""The head of an answer: what servers send, read as RFC 9112 has it."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from io import BytesIO

import pytest

from FlaskAppAML import connection
from FlaskAppAML.connection import MOST_HEADERS, read_headers


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def read(wire: tuple[socket.socket, socket.socket], sent: bytes) -> connection._Response:
    """The answer of which this is what was sent."""
    ours, theirs = wire
    ours.settimeout(5)
    theirs.sendall(sent)
    connection.begin(connection.Try(time.monotonic() + 5, 5))
    response = connection._Response(ours, method="POST")
    response.begin()
    return response


def headers(*lines: str) -> dict[str, str]:
    return read_headers(BytesIO("".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")))


def test_names_are_in_lower_case_and_values_without_what_stands_around_them() -> None:
    assert headers("Content-TYPE:  text/plain \t", "ETag:x", "Empty:") == {
        "content-type": "text/plain",
        "etag": "x",
        "empty": "",
    }


def test_what_stands_twice_is_joined() -> None:
    assert headers("Vary: Origin", "X: 1", "vary: Accept") == {"vary": "Origin, Accept", "x": "1"}


def test_a_folded_line_belongs_to_the_one_before() -> None:
    assert headers("X-Long: one", "\t two", "Y: 1") == {"x-long": "one two", "y": "1"}


def test_a_line_that_is_no_header_hides_none_behind_it() -> None:
    assert headers("nonsense", "Content-Length: 5") == {"content-length": "5"}


def test_a_lone_cr_ends_no_line() -> None:
    assert headers("X-Note: a\rSet-Cookie: b") == {"x-note": "a\rSet-Cookie: b"}


@pytest.mark.parametrize("lines", [["X: 1"] * (MOST_HEADERS + 1), ["X: " + "a" * 70_000]])
def test_a_head_without_bounds_is_refused(lines: list[str]) -> None:
    with pytest.raises(http.client.HTTPException):
        headers(*lines)


@pytest.mark.parametrize(
    ("head", "length", "chunked", "will_close"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5", 5, False, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: Close", 5, False, True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5", 5, False, True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive", 5, False, False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 5", None, True, False),
        (b"HTTP/1.1 200 OK", None, False, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5", None, False, True),
        (b"HTTP/1.1 200\r\nContent-Length: 0", 0, False, False),
        (b"HTTP/1.1 204 No Content", 0, False, False),
    ],
)
def test_the_head_says_where_the_body_ends(
    wire: tuple[socket.socket, socket.socket], head: bytes, length: int | None, chunked: bool, will_close: bool
) -> None:
    found = read(wire, head + b"\r\n\r\n")
    assert (found.length, found.chunked, found.will_close) == (length, chunked, will_close)


def test_the_body_comes_after_the_head(wire: tuple[socket.socket, socket.socket]) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    chunks = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    found = read(wire, early + early + chunks)
    assert (found.status, found.reason, dict(found.headers)) == (201, "Created", {"transfer-encoding": "chunked"})
    assert found.read() == b"abc"


@pytest.mark.parametrize("line", [b"SSH-2.0-OpenSSH", b"HTTP/2.0 200 OK", b"HTTP/1.1 20", b""])
def test_what_is_no_http_is_refused(wire: tuple[socket.socket, socket.socket], line: bytes) -> None:
    with pytest.raises(http.client.HTTPException):
        read(wire, line + b"\r\n\r\n")
