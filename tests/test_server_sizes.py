"""How large a request `runserver.py` reads: its server takes bodies whole before the app is asked, large ones for files
of rows alone."""

from __future__ import annotations

import select
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest
import requests
from conftest import KEY
from soak.parts import free_port
from test_server import environment, running

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


def refused(port: int, paths: Sequence[str], size: int) -> list[str]:
    """Where 413 is answered before anything of a body of this size has come. Half a second after each was asked, what
    says nothing waits for the body."""
    with ExitStack() as open_ones:
        asked = {}
        for path in paths:
            one = open_ones.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            one.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (path.encode(), size))
            asked[one] = path
        found = []
        while ready := select.select(list(asked), [], [], 0.5)[0]:
            for one in ready:
                assert b" 413 " in one.recv(1000)
                found.append(asked.pop(one))
        return sorted(found)


def test_only_a_file_may_be_large(port: int) -> None:
    paths = ["/", "/api/v1/models/model/predictions", "/batch/", "/models/model?x=/batch"]
    assert refused(port, paths, 2 * MEGABYTE) == paths
    assert refused(port, paths, 90_000) == []


def test_a_file_may_not_be_any_size_either(port: int) -> None:
    paths = ["/api/v1/models/model/batches", "/batch", "/batch?x=1", "/models/model/batch"]
    assert refused(port, paths, 3 * MEGABYTE) == []
    assert refused(port, paths, 5 * MEGABYTE) == paths


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
