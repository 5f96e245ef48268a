"""Each way to run it on somebody else's machine, run for real as far as this one can: see docs/deploy/README.md.

What a platform would start is taken from the file that the platform reads, not written down here again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
import yaml
from conftest import COMPANY, KEY
from misbehaving import packed, table
from soak.parts import free_port
from test_server import environment, get, running

import ptvs_virtualenv_proxy as proxy
from demo.server import Demo

ROOT = Path(__file__).resolve().parent.parent
# Without our packages, as the Python that IIS knows.
BASE_PYTHON = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")


def submit(port: int, session: requests.Session | None = None) -> requests.Response:
    return (session or requests).post(f"http://127.0.0.1:{port}/", data=COMPANY, timeout=20)


def packed_files() -> list[str]:
    """What azure.yml puts into the package."""
    steps = yaml.safe_load((ROOT / ".github/workflows/azure.yml").read_text("utf-8"))["jobs"]["test"]["steps"]
    command = next(step["run"] for step in steps if "git archive" in step.get("run", ""))
    names: list[str] = command.partition(" HEAD ")[2].split()
    return names


def unpack(folder: Path) -> Path:
    """The package in a clean folder."""
    folder.mkdir()
    for name in packed_files():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, folder / name)
    return folder


# App Service on Linux


@pytest.mark.slow
def test_app_service_on_linux(tmp_path: Path, demo: Demo) -> None:
    """What Oryx does: a clean folder, a new virtual environment, requirements.txt, and gunicorn from there."""
    site = unpack(tmp_path / "wwwroot")
    venv.create(tmp_path / "antenv", with_pip=False, symlinks=True)
    python = str(tmp_path / "antenv/bin/python")
    install = ["-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([sys.executable, *install, "-r", "requirements.txt"], cwd=site, check=True, timeout=120)
    plain = {
        "PATH": f"{tmp_path}/antenv/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "DATA_DIR": str(tmp_path / "data"),
        "WEBSITE_SITE_NAME": "flaskappaml",
        "URL": demo.url,
        "API_KEY": KEY,
        "PROXY_HOPS": "1",
    }
    template = json.loads((ROOT / "azuredeploy.json").read_text("utf-8"))
    ours = template["resources"][1]["properties"]["siteConfig"]["appCommandLine"]
    bind = f"--bind=127.0.0.1:{(port := free_port())}"
    for command, args in (
        (f"gunicorn {bind} --timeout 600 app:app", ""),  # as its documentation says
        (
            "gunicorn app:app",
            f"--timeout 600 --access-logfile '-' --error-logfile '-' {bind} --chdir={site}",
        ),  # its source
        (ours, bind),
    ):
        with running(["sh", "-c", f"exec {command}"], port, {**plain, "GUNICORN_CMD_ARGS": args}, cwd=site):
            health = get(port, "/health", allow_redirects=False)
            assert (health.status_code, health.json()) == (200, {"status": "ok"}), command
            assert "closest to" in submit(port).text, command
            assert get(port, "/connect").status_code == 404  # for owners at their own computer only


def test_the_package_leaves_out_what_is_for_windows_and_for_us() -> None:
    """App Service on Linux obeys `.deployment` too, and would look for deploy.cmd."""
    assert {"app.py", "FlaskAppAML", "gunicorn.conf.py", "requirements.txt", "runtime.txt"} <= set(packed_files())
    assert not {".deployment", "deploy.cmd", "web.config", "tests", "."} & set(packed_files())


# IIS with httpPlatformHandler


def http_platform(port: int) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of web.config, as the module fills them in."""
    element = next(ElementTree.parse(ROOT / "web.config").iter("httpPlatform"))
    assert element.attrib["processPath"] == r".\env\Scripts\python.exe"

    def filled(text: str) -> str:
        return text.replace("%HTTP_PLATFORM_PORT%", str(port))

    given = {each.attrib["name"]: filled(each.attrib["value"]) for each in element.iter("environmentVariable")}
    return [sys.executable, *filled(element.attrib["arguments"]).split()], {**given, "HTTP_PLATFORM_PORT": str(port)}


def test_iis_starts_it_by_http_platform_handler(tmp_path: Path, demo: Demo) -> None:
    command, given = http_platform(port := free_port())
    with running(command, port, environment(tmp_path, URL=demo.url, API_KEY=KEY, **given)):
        assert get(port, "/health").json() == {"status": "ok"}
        assert "closest to" in submit(port).text


def test_behind_iis_there_is_no_demo(tmp_path: Path) -> None:
    command, given = http_platform(port := free_port())
    with running(command, port, environment(tmp_path, **given)):
        assert get(port).status_code == 503
        assert get(port, "/connect").status_code == 404


# IIS with FastCGI. A server of the standard library stands for IIS and wfastcgi; the rest is as on Windows.

SERVER = """
import os, sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass

sys.path[:0] = os.environ["PYTHONPATH"].split(os.pathsep)
module, name = os.environ["WSGI_HANDLER"].removesuffix("()").split(".")
handler = getattr(__import__(module), name)()
make_server("127.0.0.1", int(sys.argv[1]), handler, handler_class=Quiet).serve_forever()
"""


@pytest.fixture(scope="module")
def virtual_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real one; what pip would install there, its `.pth` file takes from ours."""
    folder = tmp_path_factory.mktemp("site") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    packages = next((folder / "lib").glob("python3.*/site-packages"))
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (folder / "bin/activate_this.py").write_text(f"import site\nsite.addsitedir({str(packages)!r})\n")
    return folder


@contextmanager
def fastcgi(folder: Path, port: int, **settings: str) -> Iterator[None]:
    (folder / "server.py").write_text(SERVER)
    given = {
        "WSGI_HANDLER": "ptvs_virtualenv_proxy.get_venv_handler()",
        "PYTHONPATH": str(ROOT),
        "WSGI_LOG": str(folder / "wfastcgi.log"),
    }
    env = environment(folder / "data", **{**given, **settings})
    with running([BASE_PYTHON, "-I", str(folder / "server.py"), str(port)], port, env):
        yield


@pytest.mark.parametrize(
    ("handler", "application", "activated_by"),
    [
        ("get_venv_handler", "FlaskAppAML.app", "python"),
        ("get_virtualenv_handler", "FlaskAppAML.create_app()", "activate_this.py"),
    ],
)
def test_iis_starts_it_by_fastcgi(
    tmp_path: Path, demo: Demo, virtual_environment: Path, handler: str, application: str, activated_by: str
) -> None:
    settings = {
        "WSGI_HANDLER": f"ptvs_virtualenv_proxy.{handler}()",
        "WSGI_ALT_VIRTUALENV_HANDLER": application,
        "WSGI_ALT_VIRTUALENV_ACTIVATE_THIS": str(virtual_environment / "bin" / activated_by),
    }
    with fastcgi(tmp_path, port := free_port(), URL=demo.url, API_KEY=KEY, **settings):
        assert "closest to" in submit(port).text
        assert get(port, "/health").json() == {"status": "ok"}
    assert not (tmp_path / "wfastcgi.log").exists()


def test_a_failure_behind_fastcgi_goes_to_the_log_and_not_to_the_page(
    tmp_path: Path, demo: Demo, virtual_environment: Path
) -> None:
    """And when the cause is gone, the next request is answered."""
    settings = {
        "WSGI_ALT_VIRTUALENV_HANDLER": "FlaskAppAML.app",
        "WSGI_ALT_VIRTUALENV_ACTIVATE_THIS": str(virtual_environment / "bin/python"),
        "API_KEY_FILE": str(tmp_path / "key"),
    }
    with fastcgi(tmp_path, port := free_port(), URL=demo.url, **settings):
        answer = get(port)
        assert (answer.status_code, answer.content) == (500, proxy.SORRY)
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert "API_KEY cannot be read" in (tmp_path / "wfastcgi.log").read_text("utf-8")
        (tmp_path / "key").write_text(KEY)
        assert "closest to" in submit(port).text
    assert KEY not in (tmp_path / "wfastcgi.log").read_text("utf-8")


@pytest.mark.parametrize("name", ["FlaskAppAML.missing", "missing.app", "app", "", "FlaskAppAML.__version__"])
def test_a_name_that_is_no_application_is_answered_with_500(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("WSGI_ALT_VIRTUALENV_HANDLER", name)
    monkeypatch.delenv("WSGI_ALT_VIRTUALENV_ACTIVATE_THIS", raising=False)
    monkeypatch.setenv("WSGI_LOG", str(tmp_path / "log"))
    said: list[Any] = []
    assert proxy.get_venv_handler()({}, lambda *given: said.append(given)) == [proxy.SORRY]
    assert said[0][0] == "500 Internal Server Error"
    assert "The application could not start." in (tmp_path / "log").read_text("utf-8")


def test_an_application_that_fails_is_answered_with_500(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without a log that can be written, the failure goes to standard error."""
    (tmp_path / "failing.py").write_text("def app(environ, start_response):\n    raise OSError('the reason')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("WSGI_ALT_VIRTUALENV_HANDLER", "failing.app")
    monkeypatch.delenv("WSGI_ALT_VIRTUALENV_ACTIVATE_THIS", raising=False)
    monkeypatch.setenv("WSGI_LOG", str(tmp_path))
    assert proxy.get_venv_handler()({}, lambda *given: None) == [proxy.SORRY]
    assert "the reason" in capsys.readouterr().err


def test_a_virtual_environment_that_does_not_fit_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="WSGI_ALT_VIRTUALENV_ACTIVATE_THIS names a file that is not there"):
        proxy.activate(str(tmp_path / "Scripts/python.exe"))
    (tmp_path / "pyvenv.cfg").write_text("home = C:\\Python34\nversion = 3.4.4\n")
    (tmp_path / "Scripts").mkdir()
    (tmp_path / "Scripts/python.exe").touch()
    with pytest.raises(RuntimeError, match=r"was made with Python 3\.4, but IIS runs 3\.\d+"):
        proxy.activate(str(tmp_path / "Scripts/python.exe"))


# Swap and rotate


class Slow(ThreadingHTTPServer):
    """An endpoint that takes a while, and remembers with which key it was called."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SlowAnswers)
        self.keys: list[str] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/workspaces/w/services/s/execute?api-version=2.0&details=true"


class SlowAnswers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Slow

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.keys.append(self.headers["Authorization"].removeprefix("Bearer "))
        time.sleep(0.3)
        body = packed(table(["1", "0.5", "0.6"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Load:
    """Threads that submit one form after the other until told to stop. Half of them keep their connection."""

    def __init__(self, port: int, threads: int = 8) -> None:
        self.outcomes: list[str] = []
        self._over = threading.Event()
        self._port = port
        self._threads = [threading.Thread(target=self._run, args=(n % 2 == 0,)) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, keep: bool) -> None:
        with requests.Session() as session:
            while not self._over.is_set():
                try:
                    answer = submit(self._port, session if keep else None)
                    self.outcomes.append(str(answer.status_code))
                except requests.RequestException as error:
                    self.outcomes.append(repr(error))

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def until(reached: Any) -> None:
    for _ in range(300):
        if reached():
            return
        time.sleep(0.05)
    pytest.fail("it did not get there within 15 s")


@pytest.mark.slow
def test_a_reload_under_load_swaps_the_endpoint_and_the_key_and_loses_no_submission(tmp_path: Path) -> None:
    site, key = unpack(tmp_path / "site"), tmp_path / "key"
    old, new = Slow(), Slow()

    def point_at(endpoint: Slow, secret: str) -> None:
        key.write_text(secret)
        (site / ".env").write_text(f"URL={endpoint.url}\nAPI_KEY_FILE={key}\nRATE_LIMIT=off\n")

    point_at(old, "the-old-key")
    env = environment(tmp_path / "data", WEB_CONCURRENCY="2", ENV_FILE=str(site / ".env"))
    del env["URL"], env["API_KEY"]  # else they would win over .env
    command = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{(port := free_port())}", "FlaskAppAML:app"]
    with old, new, running(command, port, env, cwd=site) as gunicorn:
        load = Load(port)
        try:
            until(lambda: len(old.keys) > 16)
            point_at(new, "the-new-key")
            os.kill(gunicorn.pid, signal.SIGHUP)
            until(lambda: len(new.keys) > 16)
        finally:
            load.stop()
            old.shutdown()
            new.shutdown()
    assert set(load.outcomes) == {"200"}
    assert len(load.outcomes) == len(old.keys) + len(new.keys)  # each submission called the model once
    assert set(old.keys) == {"the-old-key"}
    assert set(new.keys) == {"the-new-key"}


def test_the_pages_name_only_tests_that_exist() -> None:
    """The table in docs/deploy/README.md says which test ran what."""
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    for page in (ROOT / "docs/deploy").glob("*.md"):
        for name in re.findall(r"`(test_\w+)`", page.read_text("utf-8")):
            assert f"def {name}(" in tests or (ROOT / "tests" / f"{name}.py").exists(), f"{page.name}: {name}"
