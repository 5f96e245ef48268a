"""The API as programs use it: over a socket, with requests and with a client made from its own document."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from conftest import COMPANY, KEY, MakeApp
from flask.testing import FlaskClient
from misbehaving import Misbehaving
from serving import served

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML.settings import Settings

PREDICTIONS = "/api/v1/models/companies/predictions"


@pytest.fixture(scope="module")
def settings(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = str(tmp_path_factory.mktemp("api"))
    own = Settings(name="companies", url=demo.url, api_key=KEY, data_dir=folder, rate_limit="off")
    reviews = replace(own, name="reviews", url=demo.urls["reviews"])
    digits = replace(own, name="digits", url=demo.urls["digits"])
    return replace(own, models=("companies", "reviews", "digits"), each=(own, reviews, digits))


@pytest.fixture(scope="module")
def address(settings: Settings) -> Iterator[str]:
    with served(FlaskAppAML.create_app(settings)) as found:
        yield found


def post(address: str, **given: Any) -> requests.Response:
    return requests.post(f"{address}{PREDICTIONS}", timeout=30, **given)


def test_a_prediction_and_the_same_again(address: str) -> None:
    answer = post(address, json={"inputs": COMPANY})
    assert answer.status_code == 200
    found = answer.json()
    assert found["model"] == "companies"
    assert found["status"] == "succeeded"
    assert {"scores", "table"} == {part["kind"] for part in found["outputs"]}
    assert found["meta"]["total_ms"] >= found["meta"]["endpoint_ms"] > 0
    assert requests.get(f"{address}/api/v1/predictions/{found['id']}", timeout=30).json() == found
    page = requests.get(f"{address}/answers/{found['id']}", timeout=30)
    assert "Contoso Bank" in page.text, "it can be opened as a page, with the form filled in"


def test_several_rows_in_one_call(address: str) -> None:
    rows = [COMPANY, {**COMPANY, "text": "drills for oil and gas"}]
    found = post(address, json={"rows": rows}).json()
    tables = [part for part in found["outputs"] if part["kind"] == "table"]
    assert sum(len(table["rows"]) for table in tables) == 2
    assert post(address, json={"inputs": rows[1]}).json()["outputs"][-1]["rows"][0] == tables[0]["rows"][1]


def test_forms_as_the_page_sends_them(address: str) -> None:
    expected = post(address, json={"inputs": COMPANY}).json()["outputs"]
    assert post(address, data=COMPANY).json()["outputs"] == expected
    multipart = {name: (None, value) for name, value in COMPANY.items()}
    assert post(address, files=multipart).json()["outputs"] == expected


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"inputs"}),
        ({"inputs": COMPANY, "rows": [COMPANY]}, {"inputs"}),
        ({"input": COMPANY}, {"input", "inputs"}),
        ({"inputs": {}}, {"title", "text"}),
        ({"inputs": {**COMPANY, "title": 5}}, {"title"}),
        ({"inputs": {**COMPANY, "colour": "red"}}, {"colour"}),
        ({"inputs": []}, {"inputs"}),
        ({"inputs": COMPANY, "parameters": {"top": 1}}, {"top"}),
        ({"inputs": COMPANY, "parameters": None}, {"parameters"}),
        ({"rows": []}, {"rows"}),
        ({"rows": {}}, {"rows"}),
        ({"rows": [COMPANY, {"title": "x"}, 3]}, {"rows[1].title", "rows[1].text", "rows[2]"}),
        ({"rows": [COMPANY] * 1001}, {"rows"}),
    ],
)
def test_what_is_wrong_is_named(address: str, body: Any, wrong: set[str]) -> None:
    answer = post(address, json=body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["kind"] == "bad_input"
    assert set(problem["fields"]) == wrong


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"inputs": {"title": NaN}}', "application/json", 400),
        (b'{"inputs": {}, "inputs": {}}', "application/json", 400),
        (b"\xff\xfe{", "application/json", 400),
        (b"<a/>", "application/xml", 415),
        (b"title=x", "", 415),
        (b"title=x&colour=red", "application/x-www-form-urlencoded", 422),
    ],
)
def test_bodies_that_cannot_be_read(address: str, data: bytes, content_type: str, status: int) -> None:
    answer = post(address, data=data, headers={"Content-Type": content_type} if content_type else {})
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/models/nobody", 404),
        ("POST", "/api/v1/models/nobody/predictions", 404),
        ("GET", "/api/v1/predictions/" + "0" * 32, 404),
        ("GET", PREDICTIONS, 405),
        ("DELETE", "/api/v1/models", 405),
    ],
)
def test_addresses_that_are_none(address: str, method: str, path: str, status: int) -> None:
    answer = requests.request(method, address + path, timeout=30)
    assert answer.status_code == status
    assert answer.json()["status"] == status
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_parameters_of_the_call_stand_apart(address: str) -> None:
    about = requests.get(f"{address}/api/v1/models/reviews", timeout=30).json()
    assert set(about["inputs"]["properties"]) == {"inputs"}
    assert "top_k" in about["parameters"]["properties"]
    body = {"inputs": {"inputs": "A lovely film."}, "parameters": {"top_k": 1}}
    answer = requests.post(f"{address}/api/v1/models/reviews/predictions", json=body, timeout=30)
    assert len(answer.json()["outputs"][0]["scores"]) == 1
    rows = requests.post(f"{address}/api/v1/models/reviews/predictions", json={"rows": [{"inputs": "x"}]}, timeout=30)
    assert rows.json()["fields"] == {"rows": "This model takes one row at a time. Send it as inputs."}


def test_the_models_are_listed_with_what_they_ask_for(address: str) -> None:
    models = requests.get(f"{address}/api/v1/models", timeout=30).json()["models"]
    assert [model["name"] for model in models] == ["companies", "reviews", "digits"]
    assert models[0]["dialect"] == "aml_classic"
    assert models[0]["inputs"]["required"] == ["title", "text"]
    assert models[0]["inputs"]["properties"]["title"]["maxLength"] == 30
    assert requests.get(f"{address}/api/v1/models/companies", timeout=30).json() == models[0]


def test_a_failure_of_the_model_is_a_problem_document(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    client = make_app(url=misbehaving.url("500-aml"), dialect="aml_classic").test_client()
    answer = client.post("/api/v1/models/model/predictions", json={"inputs": COMPANY})
    assert answer.status_code == 502
    assert answer.json is not None
    assert answer.json["kind"] == "model_error"
    assert answer.json["model_status"] == 500
    assert KEY not in answer.text


@pytest.mark.slow
def test_a_client_made_from_the_document_scores(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = str(Path(sys.executable).with_name("openapi-python-client"))
    where = ["--url", f"{address}/api/v1/openapi.json", "--output-path", str(tmp_path / "made")]
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    command = [program, "generate", *where, "--meta", "none"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    of_files = "Unsupported content"  # files of rows go as multipart from there; it knows no type such as text/csv
    assert done.stdout.count("WARNING") == done.stdout.count(of_files), done.stdout
    monkeypatch.syspath_prepend(str(tmp_path))
    made = importlib.import_module("made")
    models = importlib.import_module("made.models")
    predict = importlib.import_module("made.api.default.predict_companies")
    inputs = models.CompaniesInputs(**COMPANY)
    with made.Client(base_url=address) as client:
        found = predict.sync(client=client, body=models.CompaniesRequest(inputs=inputs))
    assert isinstance(found, models.Prediction)
    assert {type(part).__name__ for part in found.outputs} == {"ScoresOutput", "TableOutput"}
    score_file = importlib.import_module("made.api.default.score_file_companies")
    rows = io.BytesIO(b"title,category,text\nContoso,Banks,money\n")
    table = importlib.import_module("made.types").File(rows, "rows.csv")
    with made.Client(base_url=address) as client:
        job = score_file.sync(client=client, body=models.ScoreFileCompaniesFilesBody(rows=table))
    assert isinstance(job, models.Job)
    assert job.rows.total == 1


# Who may ask


@pytest.fixture
def locked(make_app: MakeApp, demo: Demo) -> FlaskClient:
    friends = ("https://intranet.example.com",)
    return make_app(url=demo.url, password="open sesame", cors_origins=friends).test_client()


def test_the_password_as_bearer(locked: FlaskClient) -> None:
    refused = locked.get("/api/v1/models")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert locked.get("/api/v1/models", headers={"Authorization": "Bearer nonsense"}).status_code == 401
    assert locked.get("/api/v1/models", headers={"Authorization": "Bearer open sesame"}).status_code == 200
    assert locked.get("/api/v1/models", auth=("anybody", "open sesame")).status_code == 200
    described = locked.get("/api/v1/openapi.json", auth=("anybody", "open sesame")).json
    assert described is not None
    assert described["security"] == [{"password": []}]


@pytest.mark.parametrize(
    ("origin", "is_let_in"),
    [("https://intranet.example.com", True), ("https://evil.example.com", False), ("null", False)],
)
def test_pages_of_other_sites(locked: FlaskClient, origin: str, is_let_in: bool) -> None:
    """The browser asks first, without the password; then it sends it."""
    asks = {"Origin": origin, "Access-Control-Request-Method": "POST", "Sec-Fetch-Site": "cross-site"}
    asked = locked.options("/api/v1/models/model/predictions", headers=asks)
    assert (asked.headers.get("Access-Control-Allow-Origin") == origin) is is_let_in
    sent = {"Origin": origin, "Sec-Fetch-Site": "cross-site", "Authorization": "Bearer open sesame"}
    answer = locked.post("/api/v1/models/model/predictions", json={"inputs": COMPANY}, headers=sent)
    assert answer.status_code == (200 if is_let_in else 403)
    assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is is_let_in
    page = locked.post("/", data=COMPANY, headers=sent)
    assert page.status_code == 403, "the pages are for nobody else"


def test_a_page_of_another_site_does_not_get_in_by_a_cookie_of_ours(locked: FlaskClient) -> None:
    locked.post("/sign-in", data={"password": "open sesame"})
    assert locked.get("/api/v1/models").status_code == 200
    sent = {"Origin": "https://intranet.example.com", "Sec-Fetch-Site": "cross-site"}
    assert locked.get("/api/v1/models", headers=sent).status_code == 401
    assert locked.post("/api/v1/models/model/predictions", json={}, headers=sent).status_code == 401


def test_what_is_left_of_the_rate_limit_is_said(make_app: MakeApp, demo: Demo) -> None:
    client = make_app(url=demo.url, rate_limit="2/minute").test_client()
    said = [client.post("/api/v1/models/model/predictions", json={"inputs": COMPANY}) for _ in range(3)]
    assert [answer.status_code for answer in said] == [200, 200, 429]
    assert said[0].headers["RateLimit-Policy"] == '"submissions";q=2;w=60'
    assert said[0].headers["RateLimit"].startswith('"submissions";r=1;t=')
    assert said[2].headers["RateLimit"].startswith('"submissions";r=0;t=')
    assert int(said[2].headers["Retry-After"]) > 0


def test_it_can_be_switched_off(make_app: MakeApp, demo: Demo) -> None:
    client = make_app(url=demo.url, api=False).test_client()
    assert client.get("/api/v1/models").status_code == 404
    assert client.get("/api").status_code == 404


def test_the_owners_words_stand_in_the_document(make_app: MakeApp, demo: Demo, tmp_path: Path) -> None:
    form = tmp_path / "form.json"
    form.write_text(json.dumps({"fields": {"title": {"label": "Name"}}}))
    client = make_app(url=demo.url, form=str(form)).test_client()
    described = client.get("/api/v1/models/model").json
    assert described is not None
    assert described["inputs"]["properties"]["title"]["title"] == "Name"
