"""What Prometheus reads, with its own library as reader."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import COMPANY, MakeApp
from misbehaving import Misbehaving
from prometheus_client.parser import text_string_to_metric_families

from demo.server import Demo

Found = dict[tuple[str, ...], float]


def read(text: str) -> Found:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_calls_and_their_times_are_counted(make_app: MakeApp, demo: Demo) -> None:
    client = make_app(url=demo.url).test_client()
    for _ in range(3):
        assert client.post("/", data=COMPANY).status_code == 200
    client.get("/nowhere")
    found = read(client.get("/metrics").text)
    assert found["flaskappaml_requests_total", "submit", "200"] == 3
    assert found["flaskappaml_requests_total", "none", "404"] == 1
    assert found["flaskappaml_endpoint_seconds_count", "model"] == 3
    assert found["flaskappaml_request_seconds_count", "submit"] == 3
    assert found["flaskappaml_errors_total", "not_found"] == 1
    assert found["flaskappaml_paused", "model"] == 0


def test_retries_failures_and_pauses(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    misbehaving.reset("503-once-then-ok")
    client = make_app(url=misbehaving.url("503-once-then-ok"), dialect="aml_classic", timeout=10.0).test_client()
    assert client.post("/", data=COMPANY).status_code == 200
    assert read(client.get("/metrics").text)["flaskappaml_retries_total", "model"] == 1
    broken = make_app(url=misbehaving.url("500-aml"), dialect="aml_classic").test_client()
    for number in range(6):
        broken.post("/", data={**COMPANY, "title": f"Company {number}"})
    found = read(broken.get("/metrics").text)
    assert found["flaskappaml_errors_total", "model_error"] == 5
    assert found["flaskappaml_paused", "model"] == 1


def test_it_wants_the_password(make_app: MakeApp, demo: Demo) -> None:
    client = make_app(url=demo.url, password="open sesame").test_client()
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer open sesame"}).status_code == 200


def test_processes_are_added_up(demo: Demo, tmp_path: Path) -> None:
    """Each answers one request; the second, which shares the folder of the first, tells of both."""
    script = (
        "import FlaskAppAML, sys; from FlaskAppAML.settings import Settings\n"
        "client = FlaskAppAML.create_app(Settings(url=sys.argv[1], api_key='key-of-nobody')).test_client()\n"
        "client.get('/health'); print(client.get('/metrics').text)"
    )
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "DATA_DIR": str(tmp_path / "data")}
    root = Path(__file__).parents[1]
    said = ""
    for _ in range(2):
        command = [sys.executable, "-c", script, demo.url]
        said = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=True).stdout
    assert read(said)["flaskappaml_requests_total", "health", "200"] == 2


def test_without_its_library_there_is_no_such_page(
    make_app: MakeApp, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("FlaskAppAML.web.metrics.find_spec", lambda name: None)
    assert make_app(url=demo.url).test_client().get("/metrics").status_code == 404
