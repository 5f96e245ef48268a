"""How large a request `runserver.py` reads: its server takes bodies whole before the app is asked, large ones for files
of rows alone."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest
import requests
from conftest import KEY
from test_server import environment, free_port, running

from demo.server import Demo

MEGABYTE = 1024**2
ROW = b"Contoso,Banking,%s\n" % (b"money " * 1000)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, demo: Demo) -> Iterator[int]:
    """At most 100 kB, and 3 MB in a file; the server reads a megabyte more, so that the app can say no itself."""
    found = free_port()
    limits = {"MAX_REQUEST_BYTES": "100kB", "MAX_BATCH_BYTES": "3MiB", "URL": demo.url, "API_KEY": KEY}
    env = environment(tmp_path_factory.mktemp("data"), **limits)
    with running([sys.executable, "runserver.py", "--port", str(found)], found, env):
        yield found


def answer_to_the_head(port: int, path: str, size: int) -> bytes:
    """What is answered before anything of such a body has come; nothing where it is waited for."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (path.encode(), size))
        connection.settimeout(0.5)
        try:
            return connection.recv(1000)
        except TimeoutError:
            return b""


@pytest.mark.parametrize("path", ["/", "/models/model?x=/batch", "/batch/", "/api/v1/models/model/predictions"])
def test_only_a_file_may_be_large(port: int, path: str) -> None:
    assert b" 413 " in answer_to_the_head(port, path, 2 * MEGABYTE)
    assert answer_to_the_head(port, path, 90_000) == b""


@pytest.mark.parametrize("path", ["/batch", "/batch?x=1", "/models/model/batch", "/api/v1/models/model/batches"])
def test_a_file_may_not_be_any_size_either(port: int, path: str) -> None:
    assert answer_to_the_head(port, path, 3 * MEGABYTE) == b""
    assert b" 413 " in answer_to_the_head(port, path, 5 * MEGABYTE)


def test_who_is_turned_away_at_the_door_is_told_what_to_do(port: int) -> None:
    """The app's own page would need the body read to its end."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (2 * MEGABYTE))
        with connection.makefile("rb") as said:
            assert b"Go back, and send less." in said.read()


def test_a_large_file_is_taken(port: int) -> None:
    data = b"title,category,text\n" + ROW * 400
    assert len(data) > 2 * MEGABYTE
    reply = requests.post(f"http://127.0.0.1:{port}/batch", files={"rows": ("rows.csv", data)}, timeout=30)
    assert (reply.status_code, "400 rows" in reply.text) == (200, True)
