"""A scoring endpoint that costs next to nothing: the same classic answer to every POST, after a settable time.

`python -m bench.stub --port 9000 --latency 50` waits 50 ms before each answer. `GET /calls` says how many POSTs came,
and any other GET brings a `swagger.json`. It reads HTTP as its callers here write it, with a Content-Length, and only
as much of it as it needs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import cast

import uvloop

PATH = "/workspaces/bench/services/companies/execute?api-version=2.0&details=true"
CLUSTERS = 10
# Stands in the answer and nowhere else, so that a page which holds it is a real answer.
WORD = "0.9731288541"

COLUMNS = ("Title", "Category", "Text")
ROW = ("Contoso Bank", "Banking", "takes deposits and lends money to people and small companies")


def answer() -> bytes:
    """As the service answers with `details=true`: names, types, and every value as a string."""
    distances = {f"DistancesToClusterCenter no.{n}": f"{0.9731288541 + 0.0174 * n:.10f}" for n in range(CLUSTERS)}
    value = {
        "ColumnNames": [*COLUMNS, "Assignments", *distances],
        "ColumnTypes": ["String"] * len(COLUMNS) + ["Int32"] + ["Double"] * CLUSTERS,
        "Values": [[*ROW, "0", *distances.values()]],
    }
    return json.dumps({"Results": {"output1": {"type": "table", "value": value}}}).encode()


def swagger() -> bytes:
    """What the service says of itself, as far as a form needs it."""
    item = {"type": "object", "properties": {column: {"type": "string"} for column in COLUMNS}}
    rows = {"type": "array", "items": {"$ref": "#/definitions/ExecutionInputsItem"}}
    inputs = {"type": "object", "properties": {"input1": rows}}
    return json.dumps(
        {"swagger": "2.0", "definitions": {"ExecutionInputs": inputs, "ExecutionInputsItem": item}}
    ).encode()


def http(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


ANSWER = http(answer())
SWAGGER = http(swagger())


class Calls:
    """How many POSTs came."""

    count = 0


class Endpoint(asyncio.Protocol):
    """One connection. With `idle` it is closed that many seconds after its last answer."""

    def __init__(self, calls: Calls, latency: float, idle: float) -> None:
        self._calls = calls
        self._latency = latency
        self._idle = idle
        self._unread = b""
        self._closing: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    def data_received(self, data: bytes) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._unread = self._unread + data if self._unread else data
        while (size := request_size(self._unread)) is not None and len(self._unread) >= size:
            is_post = self._unread.startswith(b"POST")
            asks_calls = self._unread.startswith(b"GET /calls")
            self._unread = self._unread[size:]
            self._reply(is_post, asks_calls)

    def _reply(self, is_post: bool, asks_calls: bool) -> None:
        if not is_post:
            self._send(http(str(self._calls.count).encode()) if asks_calls else SWAGGER)
            return
        self._calls.count += 1
        if self._latency:
            self._loop.call_later(self._latency, self._send, ANSWER)
        else:
            self._send(ANSWER)

    def _send(self, reply: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(reply)
        if self._idle:
            self._closing = self._loop.call_later(self._idle, self._transport.close)


def request_size(data: bytes) -> int | None:
    """The length of the request at the start of `data`, its body included; None while its head is not whole."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = data[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        return end + 4
    return end + 4 + int(head[at + 17 :].split(b"\r\n", 1)[0])


async def serve(port: int, make: Callable[[], asyncio.Protocol]) -> None:
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--latency", type=float, default=0.0, help="milliseconds before each answer")
    arguments.add_argument("--idle", type=float, default=0.0, help="seconds until an idle connection is closed")
    given = arguments.parse_args()

    async def run() -> None:
        await serve(given.port, partial(Endpoint, Calls(), given.latency / 1000, given.idle))

    uvloop.run(run())


if __name__ == "__main__":
    main()
