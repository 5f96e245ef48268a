"""The container: the Dockerfile is linted, its steps are carried out in a folder, and it is built and run for real.

"For real" is Docker where it answers. Else root builds and runs with Debian's podman; as its base image may not be
within reach, Debian itself stands in for it, made by debootstrap and kept in /var/cache. It says so when it does.
"""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import pytest
import requests
from conftest import COMPANY, KEY
from soak.parts import free_port
from test_server import get, running

from demo.server import Demo
from FlaskAppAML import __version__
from FlaskAppAML.settings import rows

ROOT = Path(__file__).resolve().parent.parent
LISTS = ("requirements.txt", "requirements-scale.txt")
COPIED = ("LICENSE", "app.py", "gunicorn.conf.py", *LISTS)
MARK = "planted-where-no-image-may-have-it"
PLANTED = (
    ".env", ".env.local", ".git/config", "env/pyvenv.cfg", "instance/secret-key", "tests/test_x.py", "demo/server.py",
    "docs/x.md", "Dockerfile.bak", "FlaskAppAML/.env", "FlaskAppAML/old.pyc", "FlaskAppAML/web/__pycache__/old.pyc",
)  # fmt: skip
CACHE = Path("/var/cache/flaskappaml-tests")
BASE = "docker.io/library/python:3.12-slim"
DEBIAN = "python3-venv,python3-pip,python-is-python3,ca-certificates"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def missing(what: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{what}; with CI=true that is a failure")
    pytest.skip(f"LOUD: {what}, so no container was looked at")


def instructions() -> list[tuple[str, str]]:
    lines = [line for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    return [(word, rest) for word, rest in pairs]


def only(word: str) -> str:
    """What the one instruction of this name says."""
    [rest] = [rest for name, rest in instructions() if name == word]
    return rest


def pairs(word: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for name, rest in instructions() if name == word for pair in shlex.split(rest))


def exec_form(text: str) -> list[str]:
    """A command that no shell stands before: a signal reaches it."""
    command = json.loads(text[text.index("[") :])
    assert all(isinstance(part, str) for part in command)
    return list(command)


def sent(path: str) -> bool:
    """Whether .dockerignore lets it into the build: the last line that fits decides."""
    decision = True
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.lstrip("!").rstrip("/")
        if not pattern or line.startswith("#"):
            continue
        regex = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        regex = regex.replace(r"\[", "[").replace(r"\]", "]")
        if re.fullmatch(f"{regex}(?:/.*)?", path):
            decision = line.startswith("!")
    return decision


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as a build gets it, with a secret in every place where people leave one."""
    folder = tmp_path_factory.mktemp("build") / "context"
    shutil.copytree(ROOT / "FlaskAppAML", folder / "FlaskAppAML", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (*COPIED, "Dockerfile", ".dockerignore"):
        shutil.copy(ROOT / name, folder / name)
    for name in PLANTED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"API_KEY={MARK}\n")
    (folder / "app.py").chmod(0o600)  # as under a strict umask
    return folder


def wanted(context: Path) -> set[str]:
    """What the image's /app is made of, bytecode aside."""
    listed = {name for name in files(context) if name.startswith("FlaskAppAML/") and name not in PLANTED}
    return listed | set(COPIED) - set(LISTS)


# What can be read from it


def test_the_linter_finds_nothing() -> None:
    command = [str(Path(sys.executable).parent / "hadolint"), "--failure-threshold", "style", str(ROOT / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_the_python_and_the_version_that_the_rest_speaks_of() -> None:
    version = (ROOT / "runtime.txt").read_text("utf-8").removeprefix("python-")
    assert [rest for word, rest in instructions() if word == "FROM"] == [
        f"python:{version}-slim AS build",
        f"python:{version}-slim",
    ]
    assert BASE == pairs("LABEL")["org.opencontainers.image.base.name"] == f"docker.io/library/python:{version}-slim"
    assert pairs("LABEL")["org.opencontainers.image.version"] == __version__
    assert pairs("ENV")["PORT"] == only("EXPOSE")


def test_no_secret_can_come_into_a_layer() -> None:
    words = [word for word, _ in instructions()]
    assert only("ARG") == "REQUIREMENTS=requirements.txt"  # the one that a build may be given
    assert "ADD" not in words
    assert not {row["name"] for row in rows() if row["secret"]} & {name.removesuffix("_FILE") for name in pairs("ENV")}


def test_only_what_is_copied_is_sent_to_the_build(context: Path) -> None:
    assert {name for name in files(context) if sent(name)} == wanted(context) | set(LISTS)


# Its steps in a folder, without an engine: no other user, and what is read-only is looked at afterwards


@dataclass
class Steps:
    """The Dockerfile's instructions carried out under `root`, both stages in one place."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    folder: str = "/"

    def here(self, text: str) -> str:
        return re.sub(r"(?<![\w.-])/(opt|app|data)\b", rf"{self.root}/\1", text)

    def path(self, name: str) -> Path:
        return self.root / self.folder.strip("/") / name if not name.startswith("/") else self.root / name[1:]

    def carry_out(self, context: Path, plain: dict[str, str]) -> None:
        for word, rest in instructions():
            if word == "FROM":
                self.env, self.folder = dict(plain), "/"
            elif word == "WORKDIR":
                self.folder = rest
                self.path(rest).mkdir(exist_ok=True)
            elif word == "ENV":
                for name, value in (pair.split("=", 1) for pair in shlex.split(rest)):
                    self.env[name] = self.here(value).replace("$PATH", self.env["PATH"])
            elif word == "ARG":
                self.env |= dict([rest.split("=", 1)])
            elif word == "COPY":
                self.copy(context, *rest.split())
            elif word == "RUN":
                command = ["/bin/sh", "-c", self.here(rest)]
                cwd = self.path(self.folder)
                done = subprocess.run(command, cwd=cwd, env=self.env, capture_output=True, text=True, timeout=120)
                if "NewConnectionError" in done.stderr or "NameResolutionError" in done.stderr:
                    missing("PyPI cannot be reached")
                assert done.returncode == 0, done.stdout + done.stderr
            else:
                assert word in ("LABEL", "VOLUME", "USER", "EXPOSE", "HEALTHCHECK", "CMD"), word

    def copy(self, context: Path, *arguments: str) -> None:
        if arguments[0] == "--from=build":
            assert arguments[1] == arguments[2]  # a virtual environment cannot be moved
            return
        *sources, target = arguments
        for name in sorted(filter(sent, files(context))):
            for source in sources:
                inside = name.removeprefix(source) if source.endswith("/") else Path(name).name
                if name == source or (source.endswith("/") and name.startswith(source)):
                    to = self.path(target) / inside
                    to.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(context / name, to)


def score(port: int) -> None:
    answer = requests.post(f"http://127.0.0.1:{port}/", data=COMPANY, timeout=10)
    assert answer.status_code == 200
    assert "Cluster" in answer.text


@pytest.mark.slow
def test_its_steps_make_an_app_that_scores_and_writes_only_into_its_data(
    context: Path, tmp_path: Path, demo: Demo
) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ours = {row["name"] for row in rows()}
    kept = {k: v for k, v in os.environ.items() if k not in ours and not k.startswith(("PYTHON", "GUNICORN"))}
    steps = Steps(tmp_path / "root")
    steps.carry_out(context, {**kept, "PATH": path})
    app = tmp_path / "root" / "app"
    before = files(tmp_path / "root")

    sources = {name for name in files(app) if not name.endswith(".pyc")}
    assert sources == wanted(context)
    assert len([name for name in files(app) if name.endswith(".pyc")]) == sum(n.endswith(".py") for n in sources)
    for compiled in app.rglob("*.pyc"):
        assert compiled.read_bytes()[4] == 0b11, "goes by the source's time, not by its content"

    port = free_port()
    args = f"--bind 127.0.0.1:{port}"
    env = {**steps.env, "URL": demo.url, "API_KEY": KEY, "PORT": str(port), "GUNICORN_CMD_ARGS": args}
    command, health = exec_form(only("CMD")), exec_form(only("HEALTHCHECK"))
    command[0] = str(tmp_path / "root/opt/env/bin" / command[0])
    with running(command, port, env, cwd=app):
        score(port)
        assert subprocess.run(health, env=env, timeout=5).returncode == 0
    assert subprocess.run(health, env=env, timeout=5, stderr=subprocess.DEVNULL).returncode == 1
    written = files(tmp_path / "root") - before
    assert written
    assert all(name.startswith("data/") for name in written)


# Built and run


@dataclass(frozen=True)
class Engine:
    command: tuple[str, ...]
    build_flags: tuple[str, ...] = ()
    run_flags: tuple[str, ...] = ()

    def __call__(self, *arguments: str, env: dict[str, str] | None = None, timeout: float = 300) -> str:
        command = [*self.command, *arguments]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout)
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    @contextmanager
    def running(self, image: str, port: int, *flags: str, env: dict[str, str]) -> Iterator[str]:
        """A container as docs/deploy/container.md starts it, but on loopback; it must end itself, in 5 s."""
        name = f"flaskappaml-{uuid4().hex}"
        args = f"--bind 127.0.0.1:{port}"
        env = {**os.environ, **env, "PORT": str(port), "GUNICORN_CMD_ARGS": args}
        passed = [f"--env={key}" for key in ("URL", "PORT", "GUNICORN_CMD_ARGS")]
        try:
            self(
                *("run", "--detach", "--name", name, "--network=host", "--read-only", "--tmpfs=/tmp"),
                *(*self.run_flags, *passed, *flags, image),
                env=env,
            )
            for _ in range(100):
                try:
                    assert get(port, "/health").status_code == 200
                    break
                except requests.ConnectionError:
                    time.sleep(0.1)
            else:
                pytest.fail(f"it did not listen within 10 s: {self('logs', name)}")
            yield name
            began = time.monotonic()
            self("stop", "-t", "10", name)
            assert time.monotonic() - began < 5
            assert self("inspect", "--format={{.State.ExitCode}}", name) == "0"
        finally:
            self("rm", "--force", "--volumes", name)


@pytest.fixture(scope="module")
def engine() -> Engine:
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "info"], capture_output=True, timeout=60).returncode == 0:
        return Engine((docker,))
    if os.getuid() != 0:
        missing("Docker does not answer, and without it only root can build the image")
    lacking = [tool for tool in ("podman", "runc", "debootstrap") if not shutil.which(tool)]
    if lacking:
        missing(f"neither Docker nor {', '.join(lacking)} is installed")
    podman = Engine(
        ("podman", f"--root={CACHE}/store", f"--runroot={CACHE}/run", "--runtime=runc", "--cgroup-manager=cgroupfs"),
        # `docker` as format: OCI's own has no health check.
        ("--pull=never", "--isolation=chroot", "--format=docker", "--layers=false"),
        # As Docker does by itself: no further tmpfs; no timer of systemd for the health check; limits that may be set.
        ("--read-only-tmpfs=false", "--no-healthcheck", "--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096"),
    )
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if BASE not in podman("images", "--format={{.Repository}}:{{.Tag}}").splitlines():
            _debian_instead_of_the_base(podman)
    return podman


def _debian_instead_of_the_base(podman: Engine) -> None:
    root, archive = CACHE / "debian", CACHE / "debian.tar"
    shutil.rmtree(root, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", f"--include={DEBIAN}", "bookworm", str(root)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        if done.returncode:
            missing(f"debootstrap could not make a Debian: {done.stdout[-500:]}{done.stderr[-500:]}")
        for compiled in (root / "usr" / "lib").glob("python3*/**/*.pyc"):
            compiled.unlink()  # the base image has none either
        if CERTIFICATES.exists():  # a proxy that is trusted outside is trusted inside
            shutil.copyfile(CERTIFICATES, root / str(CERTIFICATES)[1:])
        subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True, timeout=300)
        podman("import", "--change=ENV LANG=C.UTF-8", str(archive), BASE)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        archive.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def image(engine: Engine, context: Path) -> Iterator[str]:
    name = f"localhost/flaskappaml-test:{uuid4().hex}"
    settings = {**os.environ, "URL": f"http://{MARK}/", "API_KEY": MARK}
    engine("build", *engine.build_flags, "--network=host", f"--tag={name}", str(context), env=settings)
    yield name
    engine("rmi", "--force", name)


INSIDE = """
import json, os
def refused(path):
    try:
        open(path, "w").close()
    except OSError as error:
        return error.errno == 30  # EROFS
print(json.dumps({
    "one": open("/proc/1/cmdline").read().split("\\0")[1:3],
    "user": [os.getuid(), os.getgid()],
    "read_only": [refused("/app/x"), refused("/x"), refused("/opt/env/x")],
    "python": os.sys.version,
}))
"""


def names_and_whether_marked(archive: Path) -> tuple[set[str], bool]:
    """Every file in every layer of a saved image, and whether the planted secret stands anywhere in it."""
    found, marked = set(), False
    with tarfile.open(archive) as outer:
        for member in outer:
            stream = outer.extractfile(member)
            content = stream.read() if stream else b""
            content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
            marked = marked or MARK.encode() in content
            if content[257:262] == b"ustar":
                with subprocess.Popen(["tar", "-t"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as listing:
                    found |= set(listing.communicate(content)[0].decode().splitlines())
    return found, marked


@pytest.mark.slow
def test_the_image_holds_no_secret_and_nothing_that_it_does_not_need(
    engine: Engine, image: str, context: Path, tmp_path: Path
) -> None:
    engine("save", f"--output={tmp_path / 'image.tar'}", image)
    names, marked = names_and_whether_marked(tmp_path / "image.tar")
    assert not marked
    inside = {name.removeprefix("./") for name in names}
    app = {name.removeprefix("app/") for name in inside if re.match(r"app/.*[^/]$", name)}
    assert {name for name in app if "__pycache__" not in name} == wanted(context)
    assert {name for name in inside if re.fullmatch("(opt|data)/[^/]+/?", name)} == {"opt/env/"}
    assert MARK not in engine("image", "inspect", image) + engine("history", "--no-trunc", image)
    library = r"usr/(local/)?lib/python3[^/]*/http/__pycache__/client\.[^/]*pyc"
    assert [name for name in inside if re.fullmatch(library, name)]  # bytecode of what it imports


@pytest.mark.slow
def test_it_is_as_large_as_its_page_says(engine: Engine, image: str) -> None:
    if not engine.build_flags:
        engine("pull", BASE)  # Docker builds without keeping it under its name
    ours, base = (int(engine("image", "inspect", "--format={{.Size}}", one)) / 1e6 for one in (image, BASE))
    page = (ROOT / "docs" / "deploy" / "container.md").read_text("utf-8")
    said = re.search(r"^\| size \| (\d+) MB on top of", page, re.MULTILINE)
    print(f"{ours - base:.0f} MB on top of {base:.0f}")
    assert said
    assert int(said[1]) == pytest.approx(ours - base, rel=0.2)


@pytest.mark.slow
def test_the_container_scores_and_ends_within_5_s(engine: Engine, image: str, tmp_path: Path, demo: Demo) -> None:
    settings = {"URL": demo.url, "API_KEY": KEY}
    port = free_port()
    with engine.running(image, port, "--env=API_KEY", env=settings) as name:
        score(port)
        again = requests.post(f"http://127.0.0.1:{port}/", data=COMPANY, timeout=10)
        kept = re.search(r"/answers/[0-9a-f]{32}", again.text)
        assert kept
        assert get(port, kept[0]).status_code == 200  # written to /data
        engine("exec", name, *exec_form(only("HEALTHCHECK")))
        inside = json.loads(engine("exec", name, "python", "-c", INSIDE))
        print(f"ran in the container: Python {inside['python']}")
        assert inside["one"] == ["/opt/env/bin/gunicorn", "FlaskAppAML:app"]
        assert f"{inside['user'][0]}:{inside['user'][1]}" == only("USER")
        assert inside["read_only"] == [True, True, True]
        assert KEY not in engine("logs", name)

    # A key in a file, /data in memory, and a browser's connection that has asked nothing yet when SIGTERM comes.
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "key").chmod(0o444)
    secret = [f"--volume={tmp_path / 'key'}:/run/secrets/api_key:ro", "--env=API_KEY_FILE=/run/secrets/api_key"]
    with socket.socket() as silent, engine.running(image, port, *secret, "--tmpfs=/data", env=settings):
        silent.connect(("127.0.0.1", port))
        score(port)
        time.sleep(6)  # after 5 s gunicorn takes it for one that may stay


@pytest.mark.slow
def test_a_container_that_cannot_start_says_why(engine: Engine, image: str) -> None:
    env = {**os.environ, "URL": "not an address"}
    name = f"flaskappaml-{uuid4().hex}"
    command = [*engine.command, "run", "--rm", "--name", name, *engine.run_flags, "--network=host", "--env=URL", image]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert "URL must be a full address" in done.stderr
