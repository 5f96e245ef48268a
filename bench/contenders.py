"""Who is compared: how each is started, and how a submission reaches it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from soak.rows import SAMPLE

from bench import load, stub
from bench.load import Run
from bench.peers import API_KEY
from bench.servers import ROOT, SERVER_CORE, Server, free_port, started

Command = Callable[[int, str, Path], list[str]]


@dataclass(frozen=True)
class Contender:
    """`command(port, url, folder)` starts it in front of the endpoint at `url`; `folder` is its own, for files."""

    name: str
    command: Command
    kind: str = "form"
    environ: dict[str, str] = field(default_factory=dict)
    ready: str = "/"

    @contextmanager
    def serving(self, url: str, folder: Path) -> Iterator[Server]:
        """Running and ready, on the server's core."""
        port, own = free_port(), folder / self.name.replace(" ", "-").replace("/", "-")
        own.mkdir(parents=True, exist_ok=True)
        settings = {"URL": url, "API_KEY": API_KEY, "DATA_DIR": str(own), "PORT": str(port)}
        with started(self.command(port, url, own), port, SERVER_CORE, {**settings, **self.environ}) as server:
            server.wait(self.ready)
            yield server

    def measure(self, server: Server, at_once: int, seconds: int) -> Run:
        """Submissions for a while, with the server's processor time."""
        before = server.cpu_seconds()
        if self.kind == "gradio":
            run = load.steady(load.submit_gradio, server.port, at_once, seconds)
        else:
            path = stub.PATH if self.kind == "json" else "/"
            run = load.wrk(server.url + path, at_once, seconds, self.kind)
        return Run(run.good, run.bad, run.seconds, run.p50, run.p99, server.cpu_seconds() - before)


@contextmanager
def all_serving(contenders: list[Contender], url: str, folder: Path) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        yield [stack.enter_context(contender.serving(url, folder)) for contender in contenders]


# Ours

QUIET = {"RATE_LIMIT": "off", "LOG_LEVEL": "warning", "WEB_CONCURRENCY": "1"}


def gunicorn(*options: str, config: str = "gunicorn.conf.py", app: str = "FlaskAppAML:app") -> Command:
    """With the project's gunicorn.conf.py, on loopback."""

    def command(port: int, url: str, folder: Path) -> list[str]:
        bind = f"--bind=127.0.0.1:{port}"
        return [sys.executable, "-m", "gunicorn", f"--config={config}", bind, *options, app]

    return command


def granian(app: str = "FlaskAppAML:app") -> Command:
    options = ["--interface=wsgi", "--workers=1", "--blocking-threads=64", "--no-ws", "--host=127.0.0.1"]
    program = "from granian.cli import entrypoint; entrypoint()"

    def command(port: int, url: str, folder: Path) -> list[str]:
        return [sys.executable, "-c", program, *options, f"--port={port}", app]

    return command


OURS = Contender("ours, gthread", gunicorn(), environ=QUIET)
LOGGING = Contender("ours, gthread, LOG_LEVEL=info", gunicorn(), environ={**QUIET, "LOG_LEVEL": "info"})
NOTHING_KEPT = Contender(
    "ours, gthread, nothing kept", gunicorn(), environ={**QUIET, "ANSWER_MINUTES": "0", "SHOW_RAW": "false"}
)
GRANIAN = Contender("ours, granian", granian(), environ=QUIET)
FILES = Contender("ours, files", gunicorn(), environ={**QUIET, "SCHEMA": SAMPLE, "DIALECT": "mlflow"})
MANY = {**QUIET, "MAX_CALLS": "1000"}
GEVENT = Contender(
    "ours, gevent",
    gunicorn("--worker-class=gevent", "--worker-connections=2000", "--backlog=2048"),
    environ=MANY,
)
THREADS = Contender("ours, 1000 threads", gunicorn("--threads=1000", "--backlog=2048"), environ=MANY)


# Peers


def peer(name: str, *options: str) -> Command:
    def command(port: int, url: str, folder: Path) -> list[str]:
        return [sys.executable, "-m", f"bench.peers.{name}", str(port), url, *options]

    return command


LEAST_APP = "bench.peers.least:app"
THREADED = ("--worker-class=gthread", "--threads=96", "--keep-alive=75")
LEAST = Contender(
    "the least, gthread", gunicorn(*THREADED, config=os.devnull, app=LEAST_APP), environ={"WEB_CONCURRENCY": "1"}
)
LEAST_GRANIAN = Contender("the least, granian", granian(LEAST_APP))
ORIGINAL = Contender("original app, dev server", peer("original"))
FASTAPI = Contender("FastAPI + httpx", peer("with_fastapi"))
NO_ANALYTICS = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
GRADIO = Contender("Gradio as it comes", peer("with_gradio"), "gradio", NO_ANALYTICS)
GRADIO_UNLIMITED = Contender("Gradio, no limits", peer("with_gradio", "unlimited"), "gradio", NO_ANALYTICS)


def nginx(port: int, url: str, folder: Path) -> list[str]:
    """One worker that passes everything through over kept connections."""
    host = url.split("/")[2]
    config = folder / "nginx.conf"
    config.write_text(
        dedent(f"""\
        daemon off;
        worker_processes 1;
        pid {folder}/nginx.pid;
        error_log /dev/null crit;
        events {{ worker_connections 4096; }}
        http {{
            access_log off;
            client_body_temp_path {folder};
            proxy_temp_path {folder};
            fastcgi_temp_path {folder};
            uwsgi_temp_path {folder};
            scgi_temp_path {folder};
            keepalive_requests 1000000;
            upstream endpoint {{ server {host}; keepalive 256; keepalive_requests 1000000; }}
            server {{
                listen 127.0.0.1:{port} backlog=4096;
                location / {{
                    proxy_pass http://endpoint;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    proxy_set_header Authorization "Bearer {API_KEY}";
                }}
            }}
        }}
        """)
    )
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    return [program, "-c", str(config), "-p", str(folder), "-e", "/dev/null"]


NGINX = Contender("nginx passing through", nginx, "json", ready=stub.PATH)


def demo(port: int, url: str, folder: Path) -> list[str]:
    """What a newcomer starts: runserver.py with nothing set, which brings its own endpoint."""
    return [sys.executable, str(ROOT / "runserver.py"), "--host=127.0.0.1", f"--port={port}"]


DEMO = Contender("ours, the demo", demo, environ={"URL": "", "API_KEY": ""})
