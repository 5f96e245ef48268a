"""compose.yaml: checked by its schema, and run as processes with the commands and the environment that stand in it.

Containers have names of their own; here every service has an address of loopback, and nginx asks a name server of this
test. Everything else is what the file says.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from soak.parts import HAS_POSTGRES, HAS_REDIS, SAMPLE, Endpoint, Part, free_port, postgres
from sqlalchemy import create_engine, text
from streaming import Streaming, said
from test_container import exec_form, only

from FlaskAppAML.settings import Settings, rows

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
API_KEY = "key-that-was-typed-in"
WEB = ("127.0.0.2", "127.0.0.3")  # where the containers of `--scale web=2` would be
SECRETS = "/run/secrets/"


# What can be read from it


def test_it_is_what_the_specification_wants() -> None:
    command = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(ROOT / "compose.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_it_names_is_there() -> None:
    for kind in ("secrets", "configs", "volumes", "networks"):
        used = {one["source"] if isinstance(one, dict) else one.partition(":")[0]
                for service in SERVICES.values() for one in service.get(kind, ())}  # fmt: skip
        assert used | {"default"} == set(COMPOSE[kind]) | {"default"}, kind
    for name, service in SERVICES.items():
        known = {f"{SECRETS}{secret}" for secret in service.get("secrets", ())}
        asked = {value for value in service.get("environment", {}).values() if value.startswith(SECRETS)}
        assert asked == known, name
    for config in COMPOSE["configs"].values():
        assert (ROOT / config["file"]).is_file()
    assert COMPOSE["x-app"]["build"]["args"]["REQUIREMENTS"] == "requirements-scale.txt"


def test_its_settings_exist_and_no_secret_stands_in_it() -> None:
    ours = {row["name"]: row for row in rows()}
    servers = {"PORT", "GUNICORN_CMD_ARGS", "PROMETHEUS_MULTIPROC_DIR", "TMPDIR"}
    for name in ("web", "worker"):
        given = {key.removesuffix("_FILE") for key in SERVICES[name]["environment"]}
        assert given - servers <= set(ours)
        assert not {key for key in SERVICES[name]["environment"] if key in ours and ours[key]["secret"]} - {"REDIS_URL"}
    assert "secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_every_service_is_looked_after() -> None:
    for name, service in SERVICES.items():
        assert service["restart"] == "unless-stopped", name
        assert "healthcheck" in service, name
    assert SERVICES["worker"]["healthcheck"] == {"disable": True}, "the image’s own asks a port that it has not"
    for name in ("nginx", "web", "worker"):
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]


def test_nginx_lets_through_what_the_app_takes() -> None:
    allowed = re.findall(r"client_max_body_size (\d+)m;", (ROOT / "deploy/nginx.conf").read_text("utf-8"))
    taken = (Settings().max_request_bytes, Settings().max_batch_bytes)
    assert [int(megabytes) * 1024**2 - most for megabytes, most in zip(allowed, taken, strict=True)] == [1024**2] * 2


# Run


class Names:
    """A name server: every question for `web` is answered with the addresses of now."""

    def __init__(self) -> None:
        self.addresses = list(WEB)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                asked, sender = self._socket.recvfrom(512)
                end = asked.index(b"\0", 12) + 5
                is_known = asked[12:end] == b"\3web\0\0\1\0\1"
                found = self.addresses if is_known else []
                head = asked[:2] + struct.pack(">5H", 0x8180 | (not is_known) * 3, 1, len(found), 0, 0)
                answers = [b"\xc0\x0c" + struct.pack(">2HIH", 1, 1, 1, 4) + socket.inet_aton(one) for one in found]
                self._socket.sendto(head + asked[12:end] + b"".join(answers), sender)

    def close(self) -> None:
        self._socket.close()


@dataclass
class Stack:
    """All services, as `docker compose up --scale web=2 --scale worker=2` would have them."""

    folder: Path
    web_port: int
    url: str
    parts: dict[str, Part] = field(default_factory=dict)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=30, **more)

    def post(self, path: str, **more: Any) -> requests.Response:
        return requests.post(f"{self.url}{path}", timeout=60, **more)


def made_secrets(folder: Path) -> Path:
    """By the lines of docs/deploy/compose.md."""
    page = (ROOT / "docs/deploy/compose.md").read_text("utf-8")
    for script in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        subprocess.run(["bash", "-euc", script], cwd=folder, input=f"{API_KEY}\n", text=True, check=True)
    return folder / "secrets"


def in_place(value: str, places: dict[str, str]) -> str:
    return re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], value)


def environment_of(name: str, env_file: dict[str, str], places: dict[str, str]) -> dict[str, str]:
    """`.env`, and over it what compose.yaml says."""
    ours = {row["name"] for row in rows()}
    plain = {key: value for key, value in os.environ.items() if key not in ours and not key.startswith("PROMETHEUS")}
    given = {key: in_place(value, places) for key, value in SERVICES[name]["environment"].items()}
    return {**plain, "ENV_FILE": os.devnull, "PYTHONUNBUFFERED": "1", **env_file, **given}


def program(command: list[str]) -> list[str]:
    """The program of the environment that the tests run in."""
    own = BIN / command[0]
    return [str(own) if own.exists() else command[0], *command[1:]]


def nginx_of(folder: Path, names: Names, port: int, web_port: int) -> list[str]:
    file = next(one["source"] for one in SERVICES["nginx"]["configs"])
    config = (ROOT / COMPOSE["configs"][file]["file"]).read_text("utf-8")
    places = {
        "resolver 127.0.0.11 ": f"resolver 127.0.0.1:{names.port} ",
        "valid=5s": "valid=1s",
        "web:8000": f"web:{web_port}",
        "listen 8080": f"listen 127.0.0.1:{port}",
        "/tmp/": f"{folder}/",
    }
    assert all(text in config for text in places)
    as_root = "user root;\n" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(as_root + in_place(config, places))
    assert NGINX
    return [NGINX, "-c", str(folder / "nginx.conf"), "-g", "daemon off;", "-e", "stderr"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if not (HAS_POSTGRES and HAS_REDIS and NGINX):
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL, Redis and nginx are needed; with CI=true that is a failure")
        pytest.skip("LOUD: no PostgreSQL, no Redis or no nginx, so compose.yaml was not run")
    folder = tmp_path_factory.mktemp("compose")
    redis_port, web_port, port = free_port(), free_port(), free_port()
    made = Stack(folder, web_port, f"http://127.0.0.1:{port}")
    with ExitStack() as ends:
        model, chat = ends.enter_context(Endpoint(0.05)), ends.enter_context(Streaming())
        chat.reset(*said("One", finish=None), 1.5, *said(" two."))
        secrets = made_secrets(folder)
        superuser = ends.enter_context(postgres())
        database = SERVICES["postgres"]["environment"]
        _prepare(superuser, database, (secrets / "database_password").read_text())
        url = (secrets / "database_url").read_text()
        (secrets / "database_url").write_text(url.replace("@postgres/", f"@{superuser.split('@')[1].split('/')[0]}/"))

        (folder / "metrics").mkdir()
        places = {
            SECRETS: f"{secrets}/",
            "redis:6379": f"127.0.0.1:{redis_port}",
            "/run/metrics": str(folder / "metrics"),
            "/data": str(folder / "data"),
        }
        env_file = {
            "MODELS": "slow,chat", "SLOW_URL": model.url, "SLOW_SCHEMA": SAMPLE, "CHAT_URL": chat.url,
            "RATE_LIMIT": "1000/hour",
        }  # fmt: skip

        def run(name: str, command: list[str], env: dict[str, str]) -> None:
            part = made.parts[name] = Part(name, command, env, folder / f"{name}.log")
            ends.callback(part.kill)
            part.start()

        redis = [*SERVICES["redis"]["command"], "--port", str(redis_port), "--dir", str(folder)]
        run("redis", redis, dict(os.environ))
        for number, address in enumerate(WEB):
            env = environment_of("web", env_file, places)
            env["GUNICORN_CMD_ARGS"] += f" --bind {address}:{web_port}"
            run(f"web-{number}", program(exec_form(only("CMD"))), env)
        for number in range(2):
            run(f"worker-{number}", program(SERVICES["worker"]["command"]), environment_of("worker", env_file, places))
        names = Names()
        ends.callback(names.close)
        run("nginx", nginx_of(folder, names, port, web_port), dict(os.environ))
        _wait_for(made)
        yield made


def _prepare(superuser: str, database: dict[str, str], password: str) -> None:
    """What the image of PostgreSQL does at its first start."""
    engine = create_engine(Settings.read({"DATABASE_URL": superuser}).database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as c:
        c.execute(text(f"CREATE ROLE {database['POSTGRES_USER']} LOGIN PASSWORD '{password}'"))
        c.execute(text(f"CREATE DATABASE {database['POSTGRES_DB']} OWNER {database['POSTGRES_USER']}"))
    engine.dispose()


def _wait_for(stack: Stack) -> None:
    until = time.monotonic() + 30
    for url in (*(f"http://{address}:{stack.web_port}" for address in WEB), stack.url):
        while True:
            try:
                if requests.get(f"{url}/health", timeout=5).status_code == 200:
                    break
            except requests.RequestException:
                pass
            if time.monotonic() > until:
                pytest.fail("\n".join(stack.log(name) for name in stack.parts))
            time.sleep(0.1)


def _is_gone(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 1).close()
    except OSError:
        return True
    return False


@pytest.mark.slow
def test_it_is_ready(stack: Stack) -> None:
    until = time.monotonic() + 30  # on a busy machine what is imported first may take longer than /ready waits
    while (answer := stack.get("/ready")).status_code != 200 and time.monotonic() < until:
        time.sleep(1)
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


@pytest.mark.slow
def test_a_form_is_scored_and_both_web_services_take_their_turn(stack: Stack) -> None:
    for number in range(12):
        answer = stack.post("/models/slow", data={"name": f"Ada {number}"})
        assert answer.status_code == 200, answer.text
        assert f"Ada {number}" in answer.text
    for number in range(2):
        assert "POST /models/slow" in stack.log(f"web-{number}")


@pytest.mark.slow
def test_a_link_to_an_answer_opens_from_both(stack: Stack) -> None:
    page = stack.post("/models/slow", data={"name": "Grace"}).text
    (path,) = re.findall(r'href="(/answers/[0-9a-f]{32}\.json)"', page)
    assert [stack.get(path).json()["raw"] for _ in range(6)] == [{"answer": "Grace"}] * 6


@pytest.mark.slow
def test_a_job_is_run_by_a_worker(stack: Stack) -> None:
    for number in range(6):
        once = f"{number:032x}"
        ticket = stack.post(
            "/models/slow", data={"name": f"job {number}", "_background": "1", "_once": once}, allow_redirects=False
        )
        assert ticket.status_code == 303, ticket.text
        path = re.sub(r"^https?://[^/]*", "", ticket.headers["Location"])
        until = time.monotonic() + 30
        while "/answers/" not in (page := stack.get(path)).url and time.monotonic() < until:
            time.sleep(0.1)
        assert f"job {number}" in page.text
    ran = stack.log("worker-0") + stack.log("worker-1")
    assert ran.count("job succeeded") == 6
    assert "job succeeded" not in stack.log("web-0") + stack.log("web-1")


@pytest.mark.slow
def test_an_answer_in_pieces_is_not_held_back(stack: Stack) -> None:
    form = stack.get("/models/chat").text
    data = {name: "Hello" for name in re.findall(r'<textarea[^>]* name="([^"]+)"', form) if not name.startswith("_")}
    data |= {name: "m" for name in re.findall(r'<input[^>]* name="([^"_][^"]*)"', form) if name == "model"}
    at: dict[str, float] = {}
    with stack.post("/models/chat/stream", data=data, stream=True) as reply:
        assert reply.status_code == 200
        for line in filter(None, reply.iter_lines(chunk_size=1)):
            at |= {name: time.monotonic() for name in json.loads(line) if name in ("text", "page") and name not in at}
    assert at["page"] - at["text"] > 1


@pytest.mark.slow
def test_too_large_a_request_is_refused_in_the_app_s_own_words(stack: Stack) -> None:
    most = Settings().max_request_bytes
    answer = stack.post("/models/slow", data=b"x" * (most + 1000), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 413
    assert "more than this app takes at once" in answer.text


@pytest.mark.slow
def test_what_nginx_refuses_by_itself_is_said_in_the_same_words(stack: Stack) -> None:
    body = b"x" * (Settings().max_request_bytes + 2 * 1024**2)
    page, problem = (stack.post(path, data=body) for path in ("/models/slow", "/api/v1/models/slow/predictions"))
    assert (page.status_code, page.headers["Content-Type"]) == (413, "text/html")
    assert "more than this app takes at once" in page.text
    assert (problem.status_code, problem.headers["Content-Type"]) == (413, "application/problem+json")
    just_too_large = body[: Settings().max_request_bytes + 1000]
    kind = {"Content-Type": "application/json"}
    own = stack.post("/api/v1/models/slow/predictions", data=just_too_large, headers=kind).json()
    assert problem.json() == {**own, "detail": own["title"], "request_id": ""}, "nginx does not know how much goes"


@pytest.mark.slow
def test_a_file_of_rows_may_be_larger_than_other_requests_and_lies_in_no_memory(stack: Stack) -> None:
    data = b"name\n" + (b"x" * 900_000 + b"\n") * 30
    kind = {"Content-Type": "text/csv"}
    taken = stack.post("/api/v1/models/slow/batches", data=data, headers=kind)
    assert taken.status_code == 202, taken.text
    page = stack.post("/models/slow/batch", files={"rows": ("rows.csv", data)}, allow_redirects=False)
    assert page.status_code == 303, page.text
    assert requests.delete(f"{stack.url}/api/v1/jobs/{taken.json()['id']}", timeout=10).status_code == 204
    for name in ("web", "worker"):
        assert SERVICES[name]["environment"]["TMPDIR"] not in SERVICES[name]["tmpfs"]


@pytest.mark.slow
def test_what_a_client_says_of_itself_is_not_believed(stack: Stack) -> None:
    lies = {"For": "203.0.113.9", "Host": "evil.example", "Proto": "https", "Prefix": "/evil", "Port": "666"}
    page = stack.get("/", headers={f"X-Forwarded-{name}": value for name, value in lies.items()})
    assert page.status_code == 200
    assert "evil" not in page.text
    logs = stack.log("web-0") + stack.log("web-1")
    assert "203.0.113.9" not in logs
    assert "client=127.0.0.1" in logs
    form = stack.post("/models/slow", data={"name": "x"}, headers={"Origin": stack.url})
    assert form.status_code == 200, "the host and the port are those that the browser asked"


@pytest.mark.slow
def test_metrics_are_for_those_inside(stack: Stack) -> None:
    assert stack.get("/metrics").status_code == 404


@pytest.mark.slow
def test_limits_are_counted_in_redis_and_the_key_is_in_no_log(stack: Stack) -> None:
    reply = stack.post("/api/v1/models/slow/predictions", json={"inputs": {"name": "counted"}})
    assert reply.status_code == 200, reply.text
    left = [
        int(re.search(r"r=(\d+)", stack.post("/api/v1/models/slow/predictions", json={"inputs": {"name": "x"}})
                      .headers["RateLimit"])[1])  # type: ignore[index]
        for _ in range(6)
    ]  # fmt: skip
    assert left == list(range(left[0], left[0] - 6, -1))
    for name in stack.parts:
        assert API_KEY not in stack.log(name)
        assert "Traceback" not in stack.log(name)


@pytest.mark.slow
def test_one_web_service_may_die(stack: Stack) -> None:
    """The last test here, as it stays dead."""
    stack.parts["web-0"].kill()
    while not _is_gone(WEB[0], stack.web_port):  # what it takes before its end is lost
        time.sleep(0.05)
    for number in range(8):
        assert f"left {number}" in stack.post("/models/slow", data={"name": f"left {number}"}).text
