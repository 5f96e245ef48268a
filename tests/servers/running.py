"""Starts the model servers, each on a free port of this machine, and stops them with all that they started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from servers import environments
from servers.gate import Gate

HERE = Path(__file__).resolve().parent
SECONDS_TO_START = 120.0
SECONDS_TO_STOP = 10.0
QUIET = {"BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True)
class Place:
    """Where one server runs: the programs of its environment, its folder, its port."""

    programs: Path
    folder: Path
    port: int

    def program(self, name: str) -> str:
        return str(self.programs / name)


@dataclass(frozen=True)
class Server:
    """How a server is started. `package` is the one whose version is told, `environment` "" for the tests' own;
    `checks_key` says that it asks for the key itself. `ready` answers as soon as the model is there."""

    package: str
    environment: str
    command: Callable[[Place], list[str]]
    ready: str
    checks_key: bool = False
    prepare: Callable[[Place], list[list[str]]] = lambda _: []
    variables: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Running:
    """A server that is up: `gate` is where the app asks, `direct` the server's own address."""

    server: Server
    gate: Gate
    direct: str
    key: str

    @property
    def version(self) -> str:
        programs = _programs(self.server)
        code = f"from importlib.metadata import version; print(version({self.server.package!r}))"
        return subprocess.run(
            [programs / "python", "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()


def _programs(server: Server) -> Path:
    return environments.folder(server.environment) / "bin" if server.environment else Path(sys.executable).parent


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def running(server: Server, key: str) -> Iterator[Running]:
    """The server with its gate in front. Raises RuntimeError, with the server's own words, when it does not start."""
    with tempfile.TemporaryDirectory() as home:
        place = Place(_programs(server), Path(home), _free_port())
        path = f"{place.programs}{os.pathsep}{os.environ.get('PATH', '')}"  # some start others by their bare names
        variables = {**os.environ, **QUIET, "PATH": path, "PYTHONPATH": str(HERE.parent), "KEY": key}
        variables |= {"PORT": str(place.port), **(server.variables or {})}
        for step in server.prepare(place):
            subprocess.run(step, cwd=home, env=variables, check=True, capture_output=True)
        with (place.folder / "log").open("wb") as log:
            process = subprocess.Popen(
                server.command(place), cwd=home, env=variables, stdout=log, stderr=log, start_new_session=True
            )
        direct = f"http://127.0.0.1:{place.port}"
        try:
            _wait(process, direct + server.ready, key, place.folder / "log")
            with Gate(place.port, "" if server.checks_key else key) as gate:
                yield Running(server, gate, direct, key)
        finally:
            _stop(process)


def _wait(process: subprocess.Popen[bytes], url: str, key: str, log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(requests.RequestException):
            reply = requests.get(url, headers={"Authorization": f"Bearer {key}"}, timeout=5)
            if reply.ok and b"STARTING" not in reply.content:  # Cog answers at once, and says so
                return
        time.sleep(0.1)
    raise RuntimeError(f"The server is not up:\n{log.read_text('utf-8', 'replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The server, which ends its own in order where it can (Triton's do). And what is left of the group:
    LitServe's children outlive it and keep its port."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(SECONDS_TO_STOP)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


# The servers


def _fastapi(place: Place) -> list[str]:
    return [place.program("uvicorn"), "servers.fastapi_app:app", "--host", "127.0.0.1", "--port", str(place.port)]


def _cog(predictor: str, inputs: str) -> Server:
    return Server(
        "cog",
        "",
        lambda place: [place.program("python"), "-m", "cog.server.http", "--host", "127.0.0.1"],
        "/health-check",
        prepare=lambda place: [[place.program("python"), str(HERE / "cog_schema.py"), inputs]],
        variables={"COG_PREDICT_TYPE_STUB": f"{HERE / 'cog_predict.py'}:{predictor}"},
    )


def _azureml(place: Place) -> list[str]:
    app = "azureml_inference_server_http.server.entry:app"  # its own command listens on all addresses
    return [place.program("gunicorn"), "-b", f"127.0.0.1:{place.port}", "-w", "1", app]


def _mlflow_model(kind: str) -> Callable[[Place], list[list[str]]]:
    return lambda place: [[place.program("python"), str(HERE / "mlflow_models.py"), "model", kind]]


def _mlflow(place: Place) -> list[str]:
    where = ["-m", "model", "-h", "127.0.0.1", "-p", str(place.port)]
    return [place.program("mlflow"), "models", "serve", *where, "--env-manager", "local"]


def _mlserver_models(place: Place) -> list[list[str]]:
    ports = [str(place.port), str(_free_port()), str(_free_port())]
    return [[place.program("python"), str(HERE / "mlserver_models.py"), str(place.folder), *ports]]


def _mlserver(place: Place) -> list[str]:
    return [place.program("mlserver"), "start", "."]


def _bentoml(place: Place) -> list[str]:
    where = ["--host", "127.0.0.1", "--port", str(place.port)]
    return [place.program("bentoml"), "serve", "servers.bento_service:Iris", *where]


def _litserve(place: Place) -> list[str]:
    return [place.program("python"), str(HERE / "lit_server.py"), str(place.port)]


def _kserve(place: Place) -> list[str]:
    return [place.program("python"), str(HERE / "kserve_models.py"), str(place.port)]


def _triton(place: Place) -> list[str]:
    return [place.program("python"), str(HERE / "triton_server.py"), str(place.folder), str(place.port)]


SERVERS = {
    "FastAPI": Server("fastapi", "", _fastapi, "/openapi.json", checks_key=True),
    "Cog": _cog("OneFlower", "ONE_FLOWER"),
    "Cog for files": _cog("AFile", "A_FILE"),
    "Azure ML": Server(
        "azureml-inference-server-http",
        "azureml",
        _azureml,
        "/",
        variables={"AML_APP_ROOT": str(HERE), "AZUREML_ENTRY_SCRIPT": "azure_score.py"},
    ),
    "MLflow": Server("mlflow", "mlserver", _mlflow, "/ping", prepare=_mlflow_model("signed")),
    "MLflow without a signature": Server("mlflow", "mlserver", _mlflow, "/ping", prepare=_mlflow_model("unsigned")),
    "MLServer": Server("mlserver", "mlserver", _mlserver, "/v2/health/ready", prepare=_mlserver_models),
    "BentoML": Server("bentoml", "bentoml", _bentoml, "/readyz", checks_key=True),
    "LitServe": Server("litserve", "litserve", _litserve, "/health", checks_key=True),
    "KServe": Server("kserve", "kserve", _kserve, "/v2/health/ready"),
    "Triton": Server("nvidia-pytriton", "triton", _triton, "/v2/models/columns/ready"),
}
