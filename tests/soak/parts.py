"""What jobs need around them: a slow endpoint, and as processes that can be killed PostgreSQL, Redis, web, workers."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Self

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "key-of-the-slow-endpoint"
SAMPLE = '{"name": "example"}'
OURS = ("URL", "API_KEY", "SERVER_PORT", "SERVER_HOST", "HTTP_PLATFORM_PORT", "PORT", "WEBSITE_SITE_NAME", "PROXY_HOPS")
POSTGRES = shutil.which("initdb") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), "")
HAS_POSTGRES = bool(POSTGRES)
HAS_REDIS = shutil.which("redis-server") is not None


def free_port() -> int:
    """Below those that the system hands out by itself, else a call of another test may have it before it is bound."""
    while True:
        port = random.randrange(15_000, 32_000)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def wait_for(port: int, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 0.5).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def wait_until_it_serves(port: int, seconds: float = 60.0) -> None:
    """gunicorn listens before its processes are there."""
    until = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=seconds).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


class Model:
    """A model server. `answer` says the status and the JSON of each answer; it runs in a thread for each call."""

    path = "/score"
    about: ClassVar[dict[str, str]] = {"schema": SAMPLE}  # the settings of who asks

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.at_once = self.most_at_once = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # an answer in one packet

            def do_POST(self) -> None:
                status, answer = outer.answer(self.rfile.read(int(self.headers["Content-Length"])))
                said = json.dumps(answer).encode()
                with suppress(OSError):  # who asked may be dead
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{self.path}"

    def answer(self, body: bytes) -> tuple[int, Any]:
        raise NotImplementedError

    def begins(self) -> None:
        """Under the lock."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def settings(self, data_dir: Path, **more: Any) -> dict[str, Any]:
        """For `Settings(**...)`."""
        given = {"url": self.url, "api_key": KEY, "data_dir": str(data_dir), "rate_limit": "off"}
        return {**given, **self.about, **more}


class Endpoint(Model):
    """A model that needs `seconds` for each answer, `{"answer": name}`, and counts how often it was asked for each."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.status = 200
        self.calls: Counter[str] = Counter()
        self.names: list[str] = []  # in the order in which they came

    def answer(self, body: bytes) -> tuple[int, Any]:
        name = json.loads(body).get("name", "")
        self.calls[name] += 1
        self.names.append(name)
        with self.lock:
            self.begins()
        time.sleep(self.seconds)
        with self.lock:
            self.at_once -= 1
        return self.status, {"answer": name}


@contextmanager
def postgres() -> Iterator[str]:
    """A cluster of its own: the address of its database. Trusts everybody on this computer, and has no other port."""
    folder, port = Path(tempfile.mkdtemp(prefix="jobs-pg-")), free_port()
    as_root = hasattr(os, "getuid") and os.getuid() == 0
    who: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if as_root else {}
    if as_root:  # as whom it refuses to run
        shutil.chown(folder, "postgres")
    programs = Path(POSTGRES).resolve().parent
    make = [str(programs / "initdb"), "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "--no-sync"]
    subprocess.run(make, check=True, capture_output=True, cwd=folder, **who)
    options = ["-D", str(folder / "data"), "-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
    process = subprocess.Popen(
        [str(programs / "postgres"), *options], cwd=folder, stderr=subprocess.DEVNULL, start_new_session=True, **who
    )
    try:
        wait_for(port)
        ready = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        while subprocess.run(ready, check=False).returncode:
            time.sleep(0.05)
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)  # ends at once, without waiting for who is connected
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def redis_command(port: int) -> list[str]:
    """One that forgets everything when it ends."""
    return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name not in OURS}
    ours = {"DATA_DIR": str(data_dir), "ENV_FILE": os.devnull, "PYTHONUNBUFFERED": "1", "RATE_LIMIT": "off"}
    path = f"{ROOT / 'tests'}{os.pathsep}{plain.get('PYTHONPATH', '')}"
    return {**plain, **ours, "SCHEMA": SAMPLE, "API_KEY": KEY, "PYTHONPATH": path, **settings}


class Part:
    """A process that is killed, with whatever it started, and started again. It listens at `port`, or nowhere at 0."""

    def __init__(self, name: str, command: list[str], env: dict[str, str], log: Path, port: int = 0) -> None:
        self.name = name
        self._command, self._env, self.log, self._port = command, env, log, port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._env, stdout=out, stderr=out, start_new_session=True
            )
        if self._port:
            wait_for(self._port)
        if self.name == "web":
            wait_until_it_serves(self._port)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def ask_to_end(self, seconds: float) -> int:
        """SIGTERM: the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(seconds)


def web(env: dict[str, str], log: Path, processes: int = 1, lease: str = "") -> Part:
    """gunicorn, as in production. `lease`: seconds of a shorter one."""
    port = free_port()
    run = [sys.executable, "-m", "soak.hasty", "web"]
    bind = ["--bind", f"127.0.0.1:{port}", "--workers", str(processes), "FlaskAppAML:app"]
    return Part("web", [*run, *bind], {**env, "HASTY": lease}, log, port)


def address(part: Part) -> str:
    return f"http://127.0.0.1:{part._port}"


def worker(env: dict[str, str], log: Path, lease: str = "") -> Part:
    return Part("worker", [sys.executable, "-m", "soak.hasty", "worker"], {**env, "HASTY": lease}, log)
