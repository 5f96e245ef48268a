"""The ways to start it, each as a process of its own: runserver, gunicorn, `python -m demo`, `flask check`."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from conftest import COMPANY, KEY, some
from house import check
from soak.parts import free_port

from demo.server import Demo

ROOT = Path(__file__).resolve().parent.parent
OURS = ("URL", "API_KEY", "SERVER_PORT", "SERVER_HOST", "HTTP_PLATFORM_PORT", "PORT", "WEBSITE_SITE_NAME", "PROXY_HOPS")


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """Ours with these settings, whatever a developer's own `.env` says."""
    plain = {name: value for name, value in os.environ.items() if name not in OURS}
    return {
        **plain,
        "URL": "",
        "API_KEY": "",
        "DATA_DIR": str(data_dir),
        "ENV_FILE": os.devnull,
        "PYTHONUNBUFFERED": "1",
        **settings,
    }


@contextmanager
def running(
    command: list[str], port: int, env: dict[str, str], cwd: Path = ROOT, said: list[str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """The process, once it listens; ended by SIGTERM, which must work within 5 s. `said` gets what it printed."""
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        _wait_for(port, process)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            output = process.communicate(timeout=5)[0]
            if said is not None:
                said.append(output)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            pytest.fail("it did not end within 5 s of SIGTERM")


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            pytest.fail(f"it ended at once: {process.communicate()[0]}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("it did not listen within 10 s")


def get(port: int, path: str = "/", **options: object) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{port}{path}", timeout=10, **options)  # type: ignore[arg-type]


def test_runserver_alone_starts_the_demo_and_answers(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "runserver.py", "--port", str(port)]
    with running(command, port, environment(tmp_path)):
        page = check(get(port).text)
        assert page.texts["h1"] == ["Company clusters"]
        assert any("this computer" in text for text in page.texts["p"])
        answer = requests.post(f"http://127.0.0.1:{port}/", data=COMPANY, timeout=10)
        assert "Banks and insurers" in answer.text


def test_runserver_says_what_it_does(tmp_path: Path) -> None:
    port = free_port()
    said: list[str] = []
    with running([sys.executable, "runserver.py"], port, environment(tmp_path, SERVER_PORT=str(port)), said=said):
        assert get(port, "/health").status_code == 200  # it speaks before it serves
    assert f"http://localhost:{port}" in said[0]
    assert "answers come from the demo endpoint" in said[0]


@pytest.mark.parametrize("port_name", some(["SERVER_PORT", "HTTP_PLATFORM_PORT", "PORT"], "PORT"))
def test_the_port_comes_from_the_host(tmp_path: Path, demo: Demo, port_name: str) -> None:
    port = free_port()
    settings = {"URL": demo.url, "API_KEY": KEY, port_name: str(port)}
    with running([sys.executable, "runserver.py"], port, environment(tmp_path, **settings)):
        assert get(port, "/health").json() == {"status": "ok"}


@pytest.mark.parametrize(
    "hosted", some(["HTTP_PLATFORM_PORT", "WEBSITE_SITE_NAME", "PROXY_HOPS"], "HTTP_PLATFORM_PORT")
)
def test_a_host_gets_no_demo(tmp_path: Path, hosted: str) -> None:
    """As `web.config` starts it: without URL there is a page that says so, and no demo."""
    port = free_port()
    settings = {"WEBSITE_SITE_NAME": "x"} if hosted == "WEBSITE_SITE_NAME" else {hosted: str(port)}
    if hosted == "PROXY_HOPS":
        settings = {"PROXY_HOPS": "1"}
    command = [sys.executable, "runserver.py", "--port", str(port)]
    with running(command, port, environment(tmp_path, **settings)):
        answer = get(port)
        assert answer.status_code == 503
        assert check(answer.text).texts["h1"] == ["Two settings are missing before this app can answer"]
        assert get(port, "/health").status_code == 200


def test_a_wrong_setting_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    env = environment(tmp_path, URL="not an address", TIMEOUT="soon")
    for command in (["runserver.py"], ["-m", "flask", "check"], ["-m", "gunicorn", "app:app"]):
        done = subprocess.run([sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=30)
        assert done.returncode != 0
        assert "URL must be a full address" in done.stderr
        assert "TIMEOUT must be a number of seconds" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_taken_port_is_explained(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "runserver.py", "--port", port]
        done = subprocess.run(command, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "Use another port" in done.stderr


@pytest.mark.parametrize("application", ["app:app", pytest.param("FlaskAppAML:app", marks=pytest.mark.slow)])
def test_gunicorn_serves_with_our_settings(tmp_path: Path, demo: Demo, application: str) -> None:
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", application]
    with running(command, port, environment(tmp_path, URL=demo.url, API_KEY=KEY)):
        answer = requests.post(f"http://127.0.0.1:{port}/", data=COMPANY, timeout=10)
        assert answer.status_code == 200
        again = re.search(r"/answers/[0-9a-f]{32}", answer.text)
        assert again
        assert {get(port, again[0]).status_code for _ in range(6)} == {200}  # from whichever worker


def test_a_secret_can_come_from_a_file_and_the_check_hides_it(tmp_path: Path, demo: Demo) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    env = environment(tmp_path, URL=demo.url, API_KEY_FILE=str(tmp_path / "key"))
    command = [sys.executable, "-m", "flask", "check", "--score"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "aml_classic" in done.stdout
    assert "closest to Cluster" in done.stdout
    assert KEY not in done.stdout + done.stderr


def test_the_check_never_scores_by_itself(tmp_path: Path) -> None:
    env = environment(tmp_path, URL="http://127.0.0.1:9/workspaces/a/services/b/execute", API_KEY=KEY)
    done = subprocess.run(
        [sys.executable, "-m", "flask", "check"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert "could not be read" in done.stdout
    assert "Score" not in done.stdout


def test_the_demo_runs_alone() -> None:
    port = free_port()
    command = [sys.executable, "-m", "demo", "--port", str(port), "--key", KEY]
    with running(command, port, dict(os.environ)):
        assert "demo" in get(port).text.lower()
