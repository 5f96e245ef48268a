"""Servers as processes of their own, each on the core that it is given, and what they use."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil
from soak.memory import megabytes

from bench import stub

ROOT = Path(__file__).resolve().parent.parent
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]
TASKSET = shutil.which("taskset") or "taskset"
# A disk, as in a deployment. Where many files were deleted within the last minutes, as by tests in /tmp or by the last
# run of this, making one costs ext4 ten times as much; BENCH_FILES=/dev/shm leaves the disk out.
FILES = os.environ.get("BENCH_FILES") or "/var/tmp"  # noqa: S108
PATIENCE = 30.0  # seconds for a server to answer for the first time
LOOP = "sum(range(3_000_000))"
TIMED_LOOP = f"import timeit; print(min(timeit.repeat({LOOP!r}, number=1, repeat=9)))"


def loop_seconds(*, busy: bool) -> float:
    """A loop on the server's core, with the load's core busy or not: two cores can be threads of one."""
    on_load_core = [TASKSET, "-c", str(LOAD_CORE), sys.executable, "-c", f"while True: {LOOP}"]
    on_server_core = [TASKSET, "-c", str(SERVER_CORE), sys.executable, "-c", TIMED_LOOP]
    other = subprocess.Popen(on_load_core) if busy else None  # noqa: S603
    try:
        return float(subprocess.run(on_server_core, capture_output=True, text=True, check=True).stdout)  # noqa: S603
    finally:
        if other:
            other.kill()
            other.wait()


class Server:
    """A running server: `port`, and the processor time and memory of all its processes."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, errors: IO[bytes]) -> None:
        self.port = port
        self._process = process
        self._errors = errors
        self._root = psutil.Process(process.pid)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self, path: str = "/") -> float:
        """Seconds from the call to the first good answer. Raises RuntimeError when none comes."""
        began = time.perf_counter()
        while time.perf_counter() - began < PATIENCE and self._process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:  # noqa: S310
                answer.read()
                return time.perf_counter() - began
            time.sleep(0.005)
        self._errors.seek(0)
        said = self._errors.read()[-2000:].decode("utf-8", "replace")
        raise RuntimeError(f"no answer from {self._process.args!r}, status {self._process.poll()}: {said}")

    def cpu_seconds(self) -> float:
        """User and system time, the children's that ended included."""
        used = 0.0
        for process in self._tree():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used += times.user + times.system
        return used

    def megabytes(self) -> float:
        """Resident memory of all processes; pages that they share count in each."""
        used = 0
        for process in self._tree():
            with suppress(psutil.NoSuchProcess):
                used += process.memory_info().rss
        return used / 1e6

    def peak_megabytes(self) -> float:
        """The same at most, since the start."""
        return megabytes(self._process.pid, "VmHWM")

    def stop(self) -> None:
        """Ends the processes by their ids."""
        tree = self._tree()
        for process in reversed(tree):
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        self._reap(3)
        for process in tree:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._reap(10)

    def _reap(self, seconds: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def _tree(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


@contextmanager
def files() -> Iterator[str]:
    """A folder for DATA_DIR, in `FILES`."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=FILES) as folder:
        yield folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def started(command: list[str], port: int, core: int, environ: Mapping[str, str] | None = None) -> Iterator[Server]:
    """`command` on `core`, ended at the end of the block. It need not answer yet."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603
            [TASKSET, "-c", str(core), *command],
            cwd=ROOT,
            env={**clean_environ(), **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        server = Server(process, port, errors)
        try:
            yield server
        finally:
            server.stop()


def clean_environ() -> dict[str, str]:
    """Without what a shell or a `.env` may say of URL, PASSWORD and the like."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "ENV_FILE": os.devnull, "PYTHONDONTWRITEBYTECODE": "", "NO_PROXY": "*"}


@contextmanager
def started_stub(latency: float = 0.0, idle: float = 0.0, core: int = LOAD_CORE) -> Iterator[Server]:
    """The scoring stub, ready. `latency` in milliseconds, `idle` in seconds."""
    port = free_port()
    command = [sys.executable, "-m", "bench.stub", f"--port={port}", f"--latency={latency}", f"--idle={idle}"]
    with started(command, port, core) as server:
        server.wait("/calls")
        yield server


def scoring_url(endpoint: Server) -> str:
    return endpoint.url + stub.PATH
