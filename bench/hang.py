"""`python -m bench.hang`: an endpoint takes every call and never answers. How long do the other pages take meanwhile?

gunicorn as it is started in production, one process, and `--people` that ask without end; what is refused is asked
again after a second. It prints the times of the form, of /about and of /health, and ends with 1 where the p99 of one of
them is above 200 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

from soak.parts import wait_until_it_serves

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("/", "/about", "/health")
MOST_P99 = 0.2  # seconds
EVERY = 0.02  # seconds between two looks at each page


async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The endpoint: reads, and says nothing until whoever asked has gone."""
    with suppress(OSError):
        while await reader.read(65536):
            pass
    writer.close()


async def exchange(port: int, request: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.encode())
        return await reader.read(-1)
    finally:
        writer.close()


async def ask(port: int, number: int, ends: Counter[str]) -> None:
    """One of the people."""
    count = 0
    while True:
        count += 1
        body = urlencode({"name": f"{number}-{count}"})
        head = f"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
        kind = "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        with suppress(OSError):
            answer = await exchange(port, head + kind + body)
            ends[answer[9:12].decode("latin-1")] += 1
        await asyncio.sleep(1)


async def look(port: int, page: str, times: list[float]) -> None:
    """A visitor who only looks. What had not come by the end counts with the time that it was waited for."""
    while True:
        began = time.perf_counter()
        try:
            answer = await exchange(port, f"GET {page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        finally:
            times.append(time.perf_counter() - began)
        if answer[9:12] != b"200":
            raise RuntimeError(f"{page}: {answer[:100]!r}")
        await asyncio.sleep(EVERY)


async def measure(people: int, seconds: float) -> tuple[dict[str, list[float]], Counter[str]]:
    endpoint = await asyncio.start_server(swallow, "127.0.0.1", 0, backlog=1024)
    url = f"http://127.0.0.1:{endpoint.sockets[0].getsockname()[1]}/score"
    times: dict[str, list[float]] = {page: [] for page in PAGES}
    ends: Counter[str] = Counter()
    probe = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = probe.sockets[0].getsockname()[1]
    probe.close()
    with tempfile.TemporaryDirectory(prefix="hang-") as folder:
        given = {"URL": url, "API_KEY": "key-of-nobody", "SCHEMA": '{"name": "x"}', "DATA_DIR": folder}
        env = {**os.environ, **given, "ENV_FILE": os.devnull, "RATE_LIMIT": "off", "PORT": str(port)}
        command = [sys.executable, "-m", "gunicorn", "FlaskAppAML:app", "--workers=1", f"--bind=127.0.0.1:{port}"]
        server = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL)  # noqa: S603
        try:
            await asyncio.to_thread(wait_until_it_serves, port)
            working = [asyncio.create_task(ask(port, number, ends)) for number in range(people)]
            await asyncio.sleep(1)  # by then every call that may be under way is
            working += [asyncio.create_task(look(port, page, times[page])) for page in PAGES]
            done, _ = await asyncio.wait(working, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            for task in done:
                task.result()
        finally:
            server.terminate()
            await asyncio.to_thread(server.wait)
            endpoint.close()
    return times, ends


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench.hang", description=__doc__)
    arguments.add_argument("--people", type=int, default=200)
    arguments.add_argument("--seconds", type=float, default=40.0)
    given = arguments.parse_args()
    times, ends = asyncio.run(measure(given.people, given.seconds))
    is_met = True
    for page, took in times.items():
        p99 = sorted(took)[int(0.99 * len(took))]
        is_met = is_met and p99 <= MOST_P99
        shown = (statistics.median(took), p99, max(took))
        print(f"{page:<8} {len(took):>6} times, p50 {shown[0] * 1000:.0f} ms, p99 {shown[1] * 1000:.0f} ms, "
              f"longest {shown[2] * 1000:.0f} ms")  # fmt: skip
    print(f"{given.people} people were told: {', '.join(f'{count} × {status}' for status, count in ends.items())}.")
    print(f"p99 at most {MOST_P99 * 1000:.0f} ms: {'yes' if is_met else 'no'}")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
