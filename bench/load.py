"""Load: wrk for forms, and an asyncio client for what wrk cannot do. Both run on the load's core."""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlencode

from bench import servers, stub

SCRIPT = Path(__file__).with_name("form.lua")
TYPED = dict(zip(("title", "category", "text"), stub.ROW, strict=True))


@dataclass(frozen=True)
class Run:
    """One measured stretch. Only answers with status 200 and the endpoint's word in them are `good`."""

    good: int
    bad: int
    seconds: float
    p50: float = 0.0  # milliseconds
    p99: float = 0.0
    cpu: float = 0.0  # seconds of the server's processor time
    why: str = ""  # what came instead of good answers

    @property
    def rate(self) -> float:
        return self.good / self.seconds

    @property
    def micros(self) -> float:
        return self.cpu / self.good * 1e6 if self.good else float("nan")


def wrk(url: str, at_once: int, seconds: int, kind: str = "form") -> Run:
    """Posts as fast as answers come, `at_once` at a time."""
    command = [
        servers.TASKSET,
        "-c",
        str(servers.LOAD_CORE),
        "wrk",
        "-t1",
        f"-c{at_once}",
        f"-d{seconds}s",
        "--timeout=30s",
    ]
    done = subprocess.run(  # noqa: S603
        [*command, "-s", str(SCRIPT), url, "--", kind, stub.WORD], capture_output=True, text=True, check=True
    )
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", done.stdout)
    if not found:
        raise RuntimeError(f"wrk said nothing of use: {done.stdout[-500:]} {done.stderr[-500:]}")
    good, bad, micros, p50, p99 = map(int, found.groups())
    return Run(good, bad, micros / 1e6, p50 / 1000, p99 / 1000)


# What wrk cannot do

Submit = Callable[[int], Awaitable[bool]]


async def exchange(port: int, request: bytes) -> bytes:
    """One request over a connection of its own; everything that comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await reader.read(-1)
    finally:
        writer.close()


def http(method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAccept: */*\r\n"
    if body:
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def is_good(answer: bytes) -> bool:
    return answer[9:12] == b"200" and stub.WORD.encode() in answer


async def submit_form(port: int) -> bool:
    return is_good(await answer_to_form(port))


async def answer_to_form(port: int) -> bytes:
    body = urlencode({"_once": token_hex(16), **TYPED}).encode()
    return await exchange(port, http("POST", "/", body, "application/x-www-form-urlencoded"))


async def submit_gradio(port: int) -> bool:
    """As Gradio's API has it: a POST brings an id, a GET with it the answer when it is there."""
    body = b'{"data":["Contoso Bank","Banking","takes deposits and lends money to people and small companies"]}'
    first = await exchange(port, http("POST", "/gradio_api/call/predict", body))
    found = re.search(rb'"event_id":\s*"(\w+)"', first)
    if not found:
        return False
    return is_good(await exchange(port, http("GET", f"/gradio_api/call/predict/{found[1].decode()}")))


def steady(submit: Submit, port: int, at_once: int, seconds: float) -> Run:
    """As `wrk`, in Python: for servers that are far slower than this client."""

    async def one(until: float, took: list[float]) -> int:
        bad = 0
        while (began := time.perf_counter()) < until:
            if await submit(port):
                took.append(time.perf_counter() - began)
            else:
                bad += 1
        return bad

    async def run() -> Run:
        began, took = time.perf_counter(), list[float]()
        bad = sum(await asyncio.gather(*(one(began + seconds, took) for _ in range(at_once))))
        whole = time.perf_counter() - began
        return Run(len(took), bad, whole, statistics.median(took) * 1000 if took else 0.0)

    return on_load_core(run)


def crowd(port: int, many: int, patience: float, watch: Callable[[], None] = lambda: None) -> Run:
    """`many` submissions at the same moment, each over its own connection; `watch` is called every 0.1 s."""

    async def one() -> str:
        """ "good", a status, or the kind of failure."""
        try:
            async with asyncio.timeout(patience):
                answer = await answer_to_form(port)
        except (OSError, TimeoutError) as error:
            return type(error).__name__
        return "good" if is_good(answer) else answer[9:12].decode("latin-1") or "closed"

    async def look() -> None:
        while True:
            watch()
            await asyncio.sleep(0.1)

    async def run() -> Run:
        looking = asyncio.create_task(look())
        began = time.perf_counter()
        ends = Counter(await asyncio.gather(*(one() for _ in range(many))))
        seconds = time.perf_counter() - began
        looking.cancel()
        good = ends.pop("good", 0)
        return Run(good, many - good, seconds, why=", ".join(f"{count} × {end}" for end, count in ends.items()))

    return on_load_core(run)


def on_load_core(work: Callable[[], Awaitable[Run]]) -> Run:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {servers.LOAD_CORE})
    try:
        return asyncio.run(_awaited(work))
    finally:
        os.sched_setaffinity(0, before)


async def _awaited(work: Callable[[], Awaitable[Run]]) -> Run:
    return await work()
