"""Tickets for programs: `Prefer: respond-async` and what a job says of itself, over a socket, against the demo."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from conftest import COMPANY, KEY, MakeApp
from misbehaving import Misbehaving
from serving import served

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML.settings import Settings

GALLERY = str(Path(__file__).parents[1] / "demo" / "pictures" / "digits.json")
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def address(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = str(tmp_path_factory.mktemp("jobs"))
    own = Settings(name="companies", url=demo.url, api_key=KEY, data_dir=folder, rate_limit="off")
    digits = replace(own, name="digits", url=demo.urls["digits"], task="image-classification", examples=GALLERY)
    with served(FlaskAppAML.create_app(replace(own, models=("companies", "digits"), each=(own, digits)))) as found:
        yield found


def post(address: str, body: Any, **headers: str) -> requests.Response:
    path = "/api/v1/models/companies/predictions"
    return requests.post(address + path, json=body, headers={**ASYNC, **headers}, timeout=30)


def ended(url: str, word: str = "status", seconds: float = 20.0) -> dict[str, Any]:
    """The job when it is open no longer."""
    until = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = requests.get(url, timeout=30).json()
        if found[word] not in ("queued", "running", "started"):
            return found
        assert time.monotonic() < until, found
        time.sleep(0.05)


def test_a_ticket_and_its_result(address: str) -> None:
    taken = post(address, {"inputs": COMPANY})
    assert taken.status_code == 202
    assert taken.headers["Preference-Applied"] == "respond-async"
    ticket = taken.json()
    assert taken.headers["Location"] == f"/api/v1/jobs/{ticket['id']}"
    found = ended(address + taken.headers["Location"])
    assert (found["status"], found["model"], found["error"]) == ("succeeded", "companies", None)
    result = requests.get(address + found["result"], timeout=30).json()
    direct = requests.post(
        f"{address}/api/v1/models/companies/predictions", json={"inputs": COMPANY}, timeout=30
    ).json()
    assert result["outputs"] == direct["outputs"]
    assert result["id"] == ticket["id"]
    for kind, begins in (("json", b"{"), ("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK")):
        assert requests.get(f"{address}{found['result']}.{kind}", timeout=30).content.startswith(begins)


def test_several_rows_are_one_job(address: str) -> None:
    taken = post(address, {"rows": [COMPANY, COMPANY]}).json()
    ended(f"{address}/api/v1/jobs/{taken['id']}")
    result = requests.get(f"{address}/api/v1/jobs/{taken['id']}/result", timeout=30).json()
    assert len(result["outputs"][-1]["rows"]) == 2


def test_the_same_key_with_the_same_input_is_the_same_job(address: str) -> None:
    key = {"Idempotency-Key": "order 5"}
    first = post(address, {"inputs": COMPANY}, **key).json()["id"]
    assert post(address, {"inputs": COMPANY}, **key).json()["id"] == first
    other = {**COMPANY, "title": "Fabrikam"}
    assert post(address, {"inputs": other}, **key).json()["id"] != first
    assert post(address, {"inputs": COMPANY}).json()["id"] != post(address, {"inputs": COMPANY}).json()["id"]


def test_what_is_wrong_gets_no_ticket(address: str) -> None:
    assert post(address, {"inputs": {}}).status_code == 422


def test_a_job_is_deleted_with_all_that_is_kept_of_it(address: str) -> None:
    taken = post(address, {"inputs": COMPANY}).json()
    url = f"{address}/api/v1/jobs/{taken['id']}"
    ended(url)
    assert requests.delete(url, timeout=30).status_code == 204
    for path in (url, f"{url}/result", f"{address}/api/v1/predictions/{taken['id']}"):
        assert requests.get(path, timeout=30).status_code == 404
    assert requests.delete(url, timeout=30).status_code == 404


def test_a_job_that_waits_and_one_that_fails(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    slow = {"url": misbehaving.url("drip-headers"), "dialect": "aml_classic", "job_timeout": 2.0, "job_workers": 1}
    client = make_app(**slow).test_client()
    path = "/api/v1/models/model/predictions"
    first, second = (client.post(path, json={"inputs": COMPANY}, headers=ASYNC).json for _ in range(2))
    assert first is not None
    assert second is not None
    open_job = client.get(f"/api/v1/jobs/{second['id']}/result")
    assert open_job.status_code == 202
    assert open_job.headers["Retry-After"] == "1"
    assert client.delete(f"/api/v1/jobs/{second['id']}").status_code == 204, "cancelled and gone"
    until = time.monotonic() + 20
    while (found := client.get(f"/api/v1/jobs/{first['id']}").json or {})["status"] != "failed":
        assert time.monotonic() < until
        time.sleep(0.1)
    assert found["error"]["kind"] == "timeout"
    failed = client.get(f"/api/v1/jobs/{first['id']}/result")
    assert (failed.status_code, failed.content_type) == (504, "application/problem+json")


def test_without_anything_kept_there_are_no_jobs(make_app: MakeApp, demo: Demo) -> None:
    client = make_app(url=demo.url, answer_minutes=0).test_client()
    answer = client.post("/api/v1/models/model/predictions", json={"inputs": COMPANY}, headers=ASYNC)
    assert answer.status_code == 400


def test_a_picture_stands_beside_its_answer_as_on_the_page(address: str) -> None:
    sent = (Path(GALLERY).parent / "digit-7.png").read_bytes()
    path = f"{address}/api/v1/models/digits/predictions"
    as_json = {"inputs": {"image": base64.b64encode(sent).decode()}}
    now = requests.post(path, json=as_json, timeout=30).json()["id"]
    as_form = requests.post(path, files={"image": ("seven.png", sent)}, timeout=30).json()["id"]
    later = requests.post(path, json=as_json, headers=ASYNC, timeout=30).json()["id"]
    assert ended(f"{address}/api/v1/jobs/{later}")["status"] == "succeeded"
    for made in (now, as_form, later):
        picture = requests.get(f"{address}/answers/{made}/picture", timeout=30)
        assert picture.headers["Content-Type"] == "image/png"
        assert f"/answers/{made}/picture" in requests.get(f"{address}/answers/{made}", timeout=30).text


# The original service with job tickets


def test_a_client_of_the_ticket_service(address: str) -> None:
    """As its client was: choose among what `/info` lists, post the form, ask until the task is finished."""
    info = requests.get(f"{address}/info", timeout=30).json()
    assert "digits" in info["models"]
    assert "digit-7.png" in info["images"]
    chosen = {"model": "digits", "image": "digit-7.png"}
    ticket = requests.post(
        f"{address}/classifications", data=chosen, headers={"Accept": "application/json"}, timeout=30
    )
    assert ticket.status_code == 202
    found = ended(address + ticket.headers["Location"], "task_status")
    assert found["task_status"] == "finished"
    assert len(found["data"]) == 5
    label, percent = found["data"][0]
    assert label == "7"
    assert 50 < percent <= 100


def test_a_browser_gets_the_page_of_the_job(address: str) -> None:
    page = requests.get(f"{address}/classifications", timeout=30)
    assert 'value="digit-7.png"' in page.text
    chosen = {"model": "digits", "image": "digit-3.png"}
    answer = requests.post(f"{address}/classifications", data=chosen, timeout=30, allow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/jobs/")
    ticket = answer.headers["Location"].rpartition("/")[2]
    ended(f"{address}/classifications/{ticket}", "task_status")
    shown = requests.get(f"{address}/jobs/{ticket}", timeout=30)
    assert "/answers/" in shown.url
    picture = requests.get(f"{address}/answers/{ticket}/picture", timeout=30)
    assert picture.headers["Content-Type"].startswith("image/"), "the picture came along with the answer"
    assert "/picture" in shown.text


@pytest.mark.parametrize(
    "chosen", [{}, {"model": "digits"}, {"model": "nobody", "image": "digit-1.png"}, {"model": "digits", "image": "x"}]
)
def test_what_the_ticket_service_does_not_have(address: str, chosen: dict[str, str]) -> None:
    answer = requests.post(f"{address}/classifications", json=chosen, timeout=30)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("Choose ")


def test_a_model_without_pictures_says_so(address: str) -> None:
    chosen = {"model": "companies", "image": "digit-1.png"}
    answer = requests.post(f"{address}/classifications", json=chosen, timeout=30)
    assert (answer.status_code, answer.json()) == (404, {"error": "This model takes no picture."})
    assert requests.get(f"{address}/classifications/{'0' * 32}", timeout=30).status_code == 404
