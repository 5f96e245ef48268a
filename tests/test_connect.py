"""`/connect`: who sees it, what it asks, what it says of failures, what it writes, and that the key stays nowhere."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
import yaml
from conftest import COMPANY, KEY, MakeApp
from dotenv import dotenv_values
from flask import Flask
from flask.testing import FlaskClient
from house import Page, check
from misbehaving import Misbehaving
from soak.parts import free_port
from test_server import environment, running

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML import connect, dialects, env_file
from FlaskAppAML.errors import EndpointError, SettingError
from FlaskAppAML.parsers import ROOT
from FlaskAppAML.redact import MARK, Redactor, forms
from FlaskAppAML.settings import Settings, read_environment

HERE = {"base_url": "http://localhost"}
SWAGGER = {
    "openapi": "3.1.0",
    "info": {"title": "Flats", "version": "1"},
    "paths": {
        "/score": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["area"],
                                "properties": {"area": {"type": "number", "minimum": 1}, "city": {"type": "string"}},
                            }
                        }
                    }
                }
            }
        }
    },
}
PAGE = b"<!doctype html><html><title>Sign in</title></html>"


class Service:
    """A service of a few fixed answers by path; `seen` has method, path and the key of every request."""

    def __init__(self) -> None:
        service = self
        self.seen: list[tuple[str, str, str]] = []
        self.answers: dict[str, tuple[int, str, bytes]] = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service.seen.append((self.command, self.path, self.headers.get("Authorization", "")))
                status, kind, body = service.answers.get(
                    self.path, (404, "application/json", b'{"detail": "Not Found"}')
                )
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", kind)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.root = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def tell(self, path: str, body: Any, status: int = 200, kind: str = "application/json") -> None:
        self.answers[path] = (status, kind, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    made.tell("/openapi.json", SWAGGER)
    made.tell("/score", {"rent": 950.5})
    yield made
    made.close()


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `.env` that the app writes, in an environment without settings of a developer's own."""
    for name in [*Settings.__dataclass_fields__, "api_key_file", "headers_file"]:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ENV_FILE", str(tmp_path / ".env"))
    return tmp_path / ".env"


@pytest.fixture
def app(make_app: MakeApp, misbehaving: Misbehaving, env: Path) -> Flask:
    """In use: an endpoint that nobody asks here."""
    return make_app(url=misbehaving.url("ok"), local=True, api_key="the-former-key")


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def press(browser: FlaskClient, button: str, fields: Any = None, **typed: Any) -> Page:
    """The page that one of the buttons leads to, which holds every rule of the house."""
    data = {f"connect-{name}": value for name, value in typed.items()} | (fields or {})
    answer = browser.post("/connect", data={"do": button, **data}, **HERE)
    assert answer.status_code == 200
    return check(answer.text)


def said(page: Page) -> str:
    words = [*page.texts["h2"], *page.texts.get("li", []), *page.texts["dd"], *page.texts["p"]]
    return " ".join(" ".join(words).split())


# Who sees it


def test_only_the_owner_on_this_computer_sees_it(make_app: MakeApp, demo: Demo, env: Path) -> None:
    local = make_app(url=demo.url, local=True).test_client()
    assert local.get("/connect", **HERE).status_code == 200
    assert 'href="/connect"' in local.get("/", **HERE).text
    unknown = local.get("/nope").status_code
    for headers in ({"Host": "app.example"}, {"Host": "localhost", "X-Forwarded-For": "10.0.0.1"}):
        assert local.get("/connect", headers=headers).status_code == unknown == 404
        assert local.post("/connect", headers=headers).status_code == 404
        assert 'href="/connect"' not in local.get("/", headers=headers).text
    hosted = make_app(url=demo.url).test_client()
    switched_off = make_app(url=demo.url, local=True, connect_page="off").test_client()
    for other in (hosted, switched_off):
        for method in ("GET", "POST", "PUT"):
            assert other.open("/connect", method=method, base_url=HERE["base_url"]).status_code == 404
        assert 'href="/connect"' not in other.get("/", **HERE).text


def test_another_site_may_not_post_to_it(browser: FlaskClient) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        answer = browser.post("/connect", data={"do": "use"}, headers={"Host": "localhost", **headers})
        assert answer.status_code == 403


def test_as_web_config_starts_it_there_is_no_such_page(tmp_path: Path, demo: Demo) -> None:
    """`web.config` gives the port in `HTTP_PLATFORM_PORT` and names runserver.py."""
    port = free_port()
    settings = {"URL": demo.url, "API_KEY": KEY, "HTTP_PLATFORM_PORT": str(port)}
    with running([sys.executable, "runserver.py"], port, environment(tmp_path, **settings)):
        assert requests.get(f"http://localhost:{port}/connect", timeout=10).status_code == 404
        assert "connect" not in requests.get(f"http://localhost:{port}/", timeout=10).text.lower().replace(
            "connection", ""
        )


def test_runserver_offers_every_model_of_the_demo_and_using_one_writes_nothing(tmp_path: Path) -> None:
    port, env_file_of_it = free_port(), tmp_path / ".env"
    with running(
        [sys.executable, "runserver.py", "--port", str(port)],
        port,
        environment(tmp_path, ENV_FILE=str(env_file_of_it)),
    ):
        at = f"http://localhost:{port}"
        page = check(requests.get(f"{at}/connect", timeout=10).text)
        links = [a["href"] for a in page.all("a") if "?demo=" in a["href"]]
        assert len(links) == (7 if find_spec("cv2") else 5)
        for link in links:
            found = check(requests.get(f"{at}{link}", timeout=10).text)
            assert found.texts["h2"][0].startswith("Found: ")
        url = check(requests.get(f"{at}/connect?demo=reviews", timeout=10).text).values()["connect-url"]
        tried = requests.post(f"{at}/connect", {"connect-url": url, "do": "try", "inputs": "wonderful"}, timeout=10)
        assert any("Most likely positive" in words for words in check(tried.text).texts["h2"])
        used = requests.post(f"{at}/connect", {"connect-url": url, "do": "use"}, timeout=10)
        assert "In use now" in used.text
        assert not env_file_of_it.exists()
        assert "Reviews by Hugging Face" in requests.get(at, timeout=10).text


# Inspecting


def test_it_begins_with_what_to_do(browser: FlaskClient, misbehaving: Misbehaving) -> None:
    page = check(browser.get("/connect", **HERE).text)
    assert "press Inspect" in said(page)
    filled = check(browser.get("/connect?model=model", **HERE).text)
    assert filled.values()["connect-url"] == misbehaving.url("ok")
    assert filled.values()["connect-api_key"] == ""


def test_inspecting_reads_descriptions_only(browser: FlaskClient, service: Service, tmp_path: Path) -> None:
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    page = press(browser, "inspect", url=f"{service.root}/score", api_key=KEY)
    assert page.texts["h2"][0] == "Found: OpenAPI, two fields."
    assert "OpenAPI, by its description" in said(page)
    assert re.search(r"the endpoint’s OpenAPI description, in [\d.]+ m?s\b", said(page))
    assert "Not refused for the description." in said(page)
    assert all(method == "GET" and path.endswith(".json") for method, path, _ in service.seen)
    assert service.seen[0][2] == f"Bearer {KEY}"
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before
    assert {"area", "city"} <= {a["name"] for a in page.all("input")}


def test_the_demos_protocols_are_found(browser: FlaskClient, demo: Demo) -> None:
    first = {name: press(browser, "inspect", url=url, api_key=KEY).texts["h2"][0] for name, url in demo.urls.items()}
    assert first == {
        "companies": "Found: Azure ML Studio (classic), three fields.",
        "iris_v2": "Found: Open Inference, four fields.",
        "iris_mlflow": "It does not describe itself: this form is a guess.",
        "reviews": "Found: Hugging Face, two fields.",
        "digits": "Found: Hugging Face, two fields.",
        "faces": "It does not describe itself: this form is a guess.",
        "expressions": "It does not describe itself: this form is a guess.",
    }


def test_a_sample_or_a_description_alone_shows_the_form(browser: FlaskClient) -> None:
    page = press(browser, "inspect", schema='{"dataframe_split": {"columns": ["a b"],\n "data": [[1]]}}')
    assert page.texts["h2"] == ["Found: MLflow, one field.", "The form it gives"]
    assert "MLflow, by what you pasted or named a sample request" in said(page)
    assert "give its scoring URL too" in said(page)
    assert [b.get("value") for b in page.all("button") if b.get("name") == "do"] == ["inspect"]
    page = press(browser, "inspect", schema="openapi: 3.1.0\n" + yaml.safe_dump(SWAGGER))
    assert page.texts["h2"][0] == "Found: OpenAPI, two fields."


def test_a_sample_helps_where_nothing_is_described(browser: FlaskClient, demo: Demo) -> None:
    sample = json.dumps({"dataframe_split": {"columns": ["x", "y"], "data": [[1, 2]]}})
    page = press(browser, "inspect", url=demo.urls["iris_mlflow"], api_key=KEY, schema=sample)
    assert page.texts["h2"][0] == "Found: MLflow, two fields."


def test_the_dialect_and_the_task_can_be_chosen(browser: FlaskClient, service: Service) -> None:
    page = press(
        browser, "inspect", url=f"{service.root}/x", api_key=KEY, dialect="huggingface", task="question-answering"
    )
    assert "Hugging Face, as you chose" in said(page)
    assert {"context", "question"} <= {a.get("name") for a in [*page.all("input"), *page.all("textarea")]}


@pytest.mark.parametrize("auth", ["basic", "header", "query", "none"])
def test_the_key_goes_as_chosen(auth: str, browser: FlaskClient, service: Service) -> None:
    service.tell("/openapi.json?k=a-key-of-mine", SWAGGER)
    typed = {} if auth == "none" else {"api_key": "a-key-of-mine"}
    name = {"header": "x-api-key", "query": "k"}.get(auth, "")
    page = press(browser, "inspect", url=f"{service.root}/score", auth=auth, auth_name=name, **typed)
    assert page.texts["h2"][0] == "Found: OpenAPI, two fields."
    basic = "Basic " + base64.b64encode(b"a-key-of-mine").decode()
    assert service.seen[0][2] == (basic if auth == "basic" else "")
    assert ("?k=" in service.seen[0][1]) == (auth == "query")
    assert "a-key-of-mine" not in str(page.elements)


@pytest.mark.parametrize(
    ("typed", "beside", "sentence"),
    [
        ({}, "url", "Is missing."),
        ({"url": "x"}, "url", "Must be a full address"),
        ({"url": "http://h/x?code=abc12345"}, "url", "Must not hold a key"),
        ({"url": "http://h/x", "api_key": "short"}, "api_key", "Must have at least 8 characters"),
        ({"url": "http://h/x", "api_key": "Bearer abcdefgh"}, "api_key", "Must be the key alone"),
        ({"url": "http://h/x", "auth": "header"}, "auth", "Needs a name"),
        ({"url": "http://h/x", "auth": "nonsense", "api_key": KEY}, "auth", "Must be bearer"),
        ({"url": "http://h/x", "headers": "a: b"}, "headers", "Must be a JSON object"),
        ({"url": "http://h/x", "schema": "{"}, "schema", "neither JSON nor YAML"),
        ({"url": "http://h/x", "schema": "{\n"}, "schema", "neither JSON nor YAML"),
        ({"url": "http://h/x", "schema": "no/such/file.json"}, "schema", "cannot be read"),
        ({"url": "http://h/x", "dialect": "nonsense"}, "dialect", "Must be one of"),
        ({"url": "http://h/x", "task": "nonsense"}, "task", "Must be one of"),
        ({"url": "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/x/invocations"}, "url", "no fixed key"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    typed: dict[str, str], beside: str, sentence: str, browser: FlaskClient
) -> None:
    page = press(browser, "inspect", **typed)
    assert page.texts["h2"][0] == "That does not work yet"
    errors = [a["id"] for a in page.all("p") if a.get("class") == "error" and "id" in a]
    assert errors == [f"connect-{beside}-error"]
    assert sentence in said(page)
    assert "abc12345" not in str(page.elements)


def test_trying_and_using_need_the_key_again(browser: FlaskClient, service: Service, env: Path) -> None:
    for button in ("try", "use"):
        page = press(browser, button, {"area": "70"}, url=f"{service.root}/score")
        assert "Type it again" in said(page)
        assert page.values()["area"] == "70"
    assert all(method == "GET" for method, *_ in service.seen)
    assert not env.exists()


# Trying


def test_trying_calls_once_and_shows_the_answer(browser: FlaskClient, service: Service) -> None:
    fields = {"area": "70", "city": "Graz", "_once": "0" * 32}
    for _ in range(2):  # the second time is a reload
        page = press(browser, "try", fields, url=f"{service.root}/score", api_key=KEY)
        assert any("950.5" in text for text in page.texts["h2"])
        assert page.values()["area"] == "70"
        assert page.values()["connect-url"] == f"{service.root}/score"
    assert [seen for seen in service.seen if seen[0] == "POST"] == [("POST", "/score", f"Bearer {KEY}")]


def test_what_does_not_fit_is_not_sent(browser: FlaskClient, service: Service) -> None:
    page = press(browser, "try", {"area": "0"}, url=f"{service.root}/score", api_key=KEY)
    assert "One field needs a change" in page.texts["h2"]
    assert not [seen for seen in service.seen if seen[0] == "POST"]


def test_tries_are_counted(make_app: MakeApp, service: Service, env: Path) -> None:
    browser = make_app(url=service.root, local=True, rate_limit="1/hour").test_client()
    data = {"do": "try", "area": "7", "connect-url": f"{service.root}/score", "connect-api_key": KEY}
    assert [browser.post("/connect", data=data, **HERE).status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(
    ("fault", "sentence", "help_"),
    [
        ("401", "refused this key", "Check that it is whole"),
        ("403", "refused this key", "lacks the right"),
        ("405", "does not take this kind of request", "Copy the address that takes the POST"),
        ("html-200", "could not be read", "A web page came back"),
        ("redirect-307-other-host", "points to another address", "It points to"),
        ("500-aml", "the model failed", "KeyError: 'Age'"),
        ("400-aml", "did not accept this input", "In its words"),
        ("429-day", "overloaded", "Yes, after a pause"),
    ],
)
def test_a_failed_try_says_what_to_do(
    fault: str, sentence: str, help_: str, browser: FlaskClient, misbehaving: Misbehaving
) -> None:
    misbehaving.reset(fault)
    page = press(browser, "try", COMPANY, url=misbehaving.url(fault), api_key=KEY)
    assert sentence in page.texts["h2"][-3 if page.texts["h2"][-1].startswith("Or copy") else -1]
    assert help_ in said(page) + " ".join(page.texts["dt"])
    assert page.values()["title"] == COMPANY["title"]


# Failures of the inspection


def diagnosis(browser: FlaskClient, url: str, **typed: str) -> str:
    return said(press(browser, "inspect", url=url, **{"api_key": KEY, **typed}))


def test_no_such_name(browser: FlaskClient) -> None:
    found = diagnosis(browser, "http://no-such-host.invalid/score")
    assert "Not read: the endpoint cannot be reached." in found
    assert "Check the spelling of no-such-host.invalid." in found


def test_nothing_listens(browser: FlaskClient) -> None:
    port = free_port()
    assert f"Nothing listens at 127.0.0.1:{port}." in diagnosis(browser, f"http://127.0.0.1:{port}/score")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("tls-self-signed", "name the file with that authority’s certificate in REQUESTS_CA_BUNDLE"),
        ("tls-to-plain", "Let the address begin with http://"),
        ("plain-to-tls", "let the address begin with https://."),
    ],
)
def test_tls(fault: str, words: str, browser: FlaskClient, misbehaving: Misbehaving) -> None:
    assert words in diagnosis(browser, misbehaving.url(fault))


@pytest.mark.parametrize(
    ("status", "typed", "words"),
    [
        (401, {}, "The key was sent as Authorization: Bearer."),
        (401, {"auth": "header", "auth_name": "x-key"}, "The key was sent header:x-key."),
        (401, {"api_key": ""}, "No key was sent."),
        (403, {}, "it lacks the right"),
        (401, {"api_key": "hf_" + "a" * 34}, "It looks like a key of Hugging Face."),
    ],
)
def test_a_refused_key(status: int, typed: dict[str, str], words: str, browser: FlaskClient, service: Service) -> None:
    service.tell("/openapi.json", {"error": "no"}, status)
    found = diagnosis(browser, f"{service.root}/score", **typed)
    assert "Not read: the endpoint refused this key." in found
    assert words in found


def test_a_page_a_loading_model_and_another_host(browser: FlaskClient, service: Service) -> None:
    service.tell("/openapi.json", PAGE, kind="text/html")
    found = diagnosis(browser, f"{service.root}/score")
    assert "this form is a guess" in found
    assert "The answer is a web page, not JSON." in found
    assert "A web page came back" in found
    service.tell("/openapi.json", {"error": "Model x is currently loading", "estimated_time": 20}, 503)
    assert "Nothing is wrong with the settings." in diagnosis(browser, f"{service.root}/score")
    service.tell("/openapi.json", b"{}", 307, "http://other.example/openapi.json")
    assert "It points to other.example." in diagnosis(browser, f"{service.root}/score")


def test_nothing_at_the_address(browser: FlaskClient, service: Service) -> None:
    service.answers.clear()
    found = diagnosis(browser, f"{service.root}/wrong")
    assert "this form is a guess" in found
    assert "none where its protocol has one (404 Not Found)" in found
    assert "Make sure that the address is the one that takes the POST" in found
    assert all(method == "GET" and path != "/wrong" for method, path, _ in service.seen)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://europe.services.azureml.net/workspaces/a/services/b/execute", "switched off on 31 August 2024"),
        ("https://ml.azure.com/endpoints/x", "tab Consume"),
        ("https://huggingface.co/org/model", "https://router.huggingface.co/hf-inference/models/org/model"),
        ("https://api-inference.huggingface.co/models/a/b", "https://router.huggingface.co/hf-inference/models/a/b."),
        ("https://x.example/openapi.json", "address of a description"),
        ("https://x.example/v2", "https://x.example/v2/models/name/infer"),
        ("https://x.example/a/v2/models/", "https://x.example/a/v2/models/name/infer"),
        ("https://x.example/score", ""),
        ("https://azureml.net.evil.example/score", ""),
    ],
)
def test_some_addresses_tell_by_themselves(url: str, words: str) -> None:
    found = connect.about_address(url)
    assert words in found
    assert bool(words) == bool(found)


def token(left: float) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part({'exp': time.time() + left})}.c2ln"


HF, AZURE32, AZURE84, CLASSIC = "hf_" + "a" * 34, "A1" * 16, "A1" * 42, "A/" * 43 + "=="
AT_HF, AT_AZURE = "https://router.huggingface.co/hf-inference/models/x", "https://x.eu.inference.ml.azure.com/score"
AT_OPENAI, AT_HOME, AT_BRICKS = (
    "https://api.openai.com/v1/x",
    "http://localhost:1/x",
    "https://adb-1.azuredatabricks.net/x",
)


@pytest.mark.parametrize(
    ("key", "url", "dialect", "words"),
    [
        (HF, AT_HF, "huggingface", ""),
        (HF, AT_AZURE, "azureml", "looks like a key of Hugging Face, and the address is one of Azure Machine Learning"),
        (HF, AT_HOME, "openapi", "looks like a key of Hugging Face."),
        (AZURE32, AT_AZURE, "azureml", ""),
        (AZURE84, AT_AZURE, "azureml", ""),
        (AZURE84, AT_HF, "huggingface", "looks like a key of Azure Machine Learning"),
        (AZURE32, AT_HOME, "openapi", ""),
        (CLASSIC, AT_HF, "huggingface", "looks like a key of Azure ML Studio (classic)"),
        (CLASSIC, "https://a.services.azureml.net/x", "aml_classic", ""),
        ("sk-" + "a" * 40, AT_OPENAI, "openai", ""),
        ("sk-" + "a" * 40, "https://llm.example/v1/chat/completions", "openai", ""),
        ("sk-" + "a" * 40, AT_HF, "huggingface", "looks like a key of OpenAI"),
        ("sk-ant-" + "a" * 40, AT_OPENAI, "openai", "looks like a key of Anthropic"),
        ("dapi" + "0a" * 16, AT_BRICKS, "mlflow", ""),
        ("dapi" + "0a" * 16 + "-2", AT_AZURE, "azureml", "looks like a key of Databricks"),
        ("AIza" + "a" * 35, AT_AZURE, "azureml", "looks like a key of Google"),
        ("something-else", AT_HF, "huggingface", "Keys of Hugging Face begin with hf_, and this one does not."),
        ("something-else", AT_HOME, "openapi", ""),
        ("eyJh.e30.c2ln", AT_AZURE, "azureml", ""),
        ("eyJh." + "W" * 6000 + ".c2ln", AT_AZURE, "azureml", ""),
        ("", AT_HF, "huggingface", ""),
    ],
)
def test_keys_are_judged_by_their_looks(key: str, url: str, dialect: str, words: str) -> None:
    found = connect.about_key(key, url, dialect)
    assert words in found
    assert bool(words) == bool(found)


def test_a_token_says_when_it_runs_out() -> None:
    assert "its time is over" in connect.about_key(token(-60), AT_AZURE, "azureml")
    assert "runs out in 30 minutes" in connect.about_key(token(1800), AT_BRICKS, "mlflow")
    assert connect.about_key(token(1e6), AT_AZURE, "azureml") == ""


def test_every_dialect_has_a_name_for_people() -> None:
    assert set(connect.PROTOCOLS) == set(dialects.BY_NAME)


# Using it


def test_using_it_writes_the_file_and_swaps_at_once(
    app: Flask, browser: FlaskClient, service: Service, env: Path, misbehaving: Misbehaving
) -> None:
    env.write_text("# mine\nTITLE='Rents'\nURL=http://old.example/\nAPI_KEY=old-secret # note\nFORM=old.json\n")
    former = browser.post("/", data=COMPANY, **HERE)
    link = re.search(r"/answers/[0-9a-f]{32}", former.text)
    assert link
    assert browser.get(link[0]).status_code == 200
    page = press(browser, "use", url=f"{service.root}/score", api_key=KEY)
    host = service.root.removeprefix("http://")
    assert page.texts["h2"] == [f"In use now: {host}"], said(page)
    assert f"URL, API_KEY to {env}" in said(page)
    assert "would undo" not in said(page)
    assert page.values()["connect-url"] == ""
    assert env.read_text() == (
        f"# mine\nTITLE='Rents'\nURL={service.root}/score\nAPI_KEY='{KEY.replace(chr(39), chr(92) + chr(39))}'\n"
        "# FORM=old.json\n"
    )
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert read_environment().api_key == KEY
    form = check(browser.get("/", **HERE).text)
    assert form.texts["h1"] == ["Rents"]
    assert host in " ".join(form.texts["p"])
    assert "area" in form.values()
    assert browser.get(link[0]).status_code == 404, "it would seem to come from the new endpoint"
    answer = browser.post("/", data={"area": "70"}, **HERE)
    assert "950.5" in answer.text
    assert service.seen[-1] == ("POST", "/score", f"Bearer {KEY}")
    site = app.extensions["site"]
    assert site.redact(f"x {KEY} the-former-key") == f"x {MARK} {MARK}", "the new secret and the former one"


def test_an_endpoint_without_a_key_can_be_used(browser: FlaskClient, service: Service, env: Path) -> None:
    press(browser, "use", url=f"{service.root}/score", auth="none")
    assert env.read_text() == f"URL={service.root}/score\nAUTH=none\n"
    assert browser.post("/", data={"area": "70"}, **HERE).status_code == 200
    assert service.seen[-1][2] == ""


def test_every_setting_is_written_and_read_again(browser: FlaskClient, service: Service, env: Path) -> None:
    sample = '{\n  "area": 70,\n  "note": "it\'s \\"x\\" # $HOME \\\\"\n}'
    typed = {
        "url": f"{service.root}/score?a=b&c=%20",
        "api_key": KEY,
        "auth": "header",
        "auth_name": "x-api-key",
        "headers": '{"x-team": "blue # green", "x-secret": "tell-nobody"}',
        "schema": sample,
        "dialect": "openapi",
    }
    page = press(browser, "use", **typed)
    assert "In use now" in page.texts["h2"][0], said(page)
    after = read_environment()
    assert (after.url, after.api_key, after.auth, after.dialect) == (typed["url"], KEY, "header:x-api-key", "openapi")
    assert after.headers == json.loads(typed["headers"])
    assert json.loads(after.schema) == json.loads(sample)
    assert "tell-nobody" not in str(page.elements) + said(page)


def test_what_the_environment_overrides_is_said(
    browser: FlaskClient, service: Service, env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URL", "http://from-the-environment.example/")
    page = press(browser, "use", url=f"{service.root}/score", api_key=KEY)
    assert "would undo this: URL in the environment of this app wins over .env." in said(page)
    assert "area" in browser.get("/", **HERE).text


def test_nothing_is_written_when_a_restart_would_fail(
    browser: FlaskClient, service: Service, env: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("another-key")
    monkeypatch.setenv("API_KEY_FILE", str(tmp_path / "key"))
    page = press(browser, "use", url=f"{service.root}/score", api_key=KEY)
    assert "After a restart the app would not start; nothing was written." in said(page)
    assert not env.exists()
    assert "area" not in check(browser.get("/", **HERE).text).values()


def test_one_of_several_models_can_be_moved(
    service: Service, demo: Demo, env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env.write_text(
        f"MODELS=flats,firms\nDATA_DIR={tmp_path / 'data'}\nRATE_LIMIT=off\nFLATS_URL=http://old.example/\n"
        f"FIRMS_URL={demo.url}\nFLATS_API_KEY=former-key\nFIRMS_API_KEY='{KEY.replace(chr(39), chr(92) + chr(39))}'\n"
    )
    app = FlaskAppAML.create_app(local=True)
    browser = app.test_client()
    firms = app.extensions["site"].models["firms"]
    page = press(browser, "use", url=f"{service.root}/score", api_key="a-new-key", model="flats")
    assert "FLATS_URL, FLATS_API_KEY" in said(page)
    assert "area" in browser.get("/models/flats", **HERE).text
    assert app.extensions["site"].models["firms"] is firms
    assert list(app.extensions["site"].models) == ["flats", "firms"]
    after = {one.name: (one.url, one.api_key) for one in read_environment().each}
    assert after == {"flats": (f"{service.root}/score", "a-new-key"), "firms": (demo.url, KEY)}


# The key


class Lines(logging.Handler):
    def __init__(self, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


ECHOES: dict[str, Callable[[str], bytes]] = {
    "/openapi.json": lambda key: json.dumps(
        {**SWAGGER, "info": {"title": key, "version": key, "description": key}}
    ).encode(),
    "/score": lambda key: json.dumps({"error": {"message": f"the key {key} is odd", "code": key}}).encode(),
}


@pytest.mark.parametrize("button", ["inspect", "try", "use"])
@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_the_key_is_seen_nowhere(
    button: str, status: int, app: Flask, browser: FlaskClient, service: Service, tmp_path: Path
) -> None:
    key = "s3cret/of+mine=42&x"
    for path, write in ECHOES.items():
        service.tell(path, write(key), status)
    lines = Lines(logging.getLogger("FlaskAppAML").handlers[0].formatter)
    logging.getLogger("FlaskAppAML").addHandler(lines)
    data = {"do": button, "area": "7", "body": "{}", "connect-url": f"{service.root}/score", "connect-api_key": key}
    answer = browser.post("/connect", data=data, **HERE)
    logging.getLogger("FlaskAppAML").removeHandler(lines)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()).decode("latin-1")
    for form in forms(key):
        assert form not in answer.text
        assert form not in str(answer.headers)
        assert form not in "".join(lines.lines)
        assert form not in kept
    assert check(answer.text).values()["connect-api_key"] == ""
    assert lines.lines
    redact = app.extensions["site"].redact
    assert redact.stands_in(key) == (button == "use"), "known no longer than the request, unless it is used"


def test_a_key_that_is_wrong_is_not_shown_either(browser: FlaskClient) -> None:
    page = press(browser, "inspect", url="http://h.example/x", api_key="ключ-от-двери", headers='{"x-key": "ключ-2"')
    assert "ключ" not in str(page.elements) + str(page.texts)


def test_a_redactor_forgets_what_it_learned_as_often() -> None:
    redact = Redactor(["first-secret"])
    redact.learn(["other-secret"])
    redact.learn(["other-secret"])
    redact.forget(["other-secret"])
    assert redact("first-secret other-secret") == f"{MARK} {MARK}"
    redact.forget(["other-secret"])
    assert redact("first-secret other-secret") == f"{MARK} other-secret"


# `.env`

NASTY = [
    "plain",
    "",
    "a b",
    " padded ",
    "it's",
    'say "hi"',
    "both ' and \"",
    "back\\slash",
    "end\\",
    "\\'",
    "# no comment",
    "a #b",
    "$HOME ${HOME} `id` $(id)",
    "tab\tbed",
    "ünï-😀",
    "='",
    KEY,
    '{"a": "b\'c\\n"}',
]


@pytest.mark.parametrize("value", NASTY)
def test_a_value_comes_back_word_for_word(value: str, tmp_path: Path) -> None:
    before = "# top\nexport OTHER='it''s'\nB=\"two\nlines\"\n\nX=1 # one\n\n# end"
    after = env_file.changed(before, {"X": value, "NEW": value})
    path = tmp_path / ".env"
    env_file.write(path, after)
    found = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    assert (found["X"], found["NEW"], found["B"]) == (value, value, "two\nlines")
    assert after.startswith("# top\nexport OTHER='it''s'\nB=\"two\nlines\"\n\nX=")
    assert "\n\n# end\nNEW=" in after


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_that_are_not_meant_stay(end: str) -> None:
    before = end.join(["A=1", "", "# c", "X=old", "nonsense line", "X=older", "FORM=a.json", "Y=gone", "Z=3", ""])
    after = env_file.changed(before, {"X": "new", "Y": None}, ("FORM",))
    assert after == end.join(["A=1", "", "# c", "nonsense line", "X=new", "# FORM=a.json", "Z=3", ""])


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\x00b", "a\u2028b", "\ud800", "x" * 40_000])
def test_what_cannot_stand_in_a_line_is_refused(value: str) -> None:
    with pytest.raises(SettingError):
        env_file.changed("", {"X": value})


def test_the_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "real.env"
    target.write_text("A=1\n")
    target.chmod(0o644)
    link = tmp_path / ".env"
    link.symlink_to(target)
    env_file.write(link, "A=2\n")
    assert link.is_symlink()
    assert target.read_text() == "A=2\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with pytest.raises(SettingError, match="no file that could be written"):
        env_file.write(Path(os.devnull), "A=3\n")
    assert not Path(os.devnull).is_file()
    with pytest.raises(SettingError, match="Copy the settings instead"):
        env_file.write(tmp_path / "no" / "folder" / ".env", "A=3\n")
    with pytest.raises(SettingError):
        env_file.write(target / "x", "A=3\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "real.env"]
    (tmp_path / "latin.env").write_bytes(b"A=\xff\n")
    with pytest.raises(SettingError, match="UTF-8"):
        env_file.read(tmp_path / "latin.env")


# Copying


def run(line: str, program: str) -> list[str]:
    """The words that a shell would give to the program."""
    script = f"{program}() {{ printf '%s\\n' \"$@\"; }}\n{line}"
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()


def test_copied_settings_hold_no_secret_and_mean_what_they_say(tmp_path: Path) -> None:
    settings = Settings(
        url="https://h.example/score?a=b&c='d'",
        api_key=KEY,
        auth="header:x-key",
        headers={"x-team": "blue $HOME", "x-api-key": "tell-nobody"},
        schema='{"a": "it\'s \\"$x\\" `id` é"}',
    )
    values = connect.public_settings(settings)
    assert list(values) == ["URL", "API_KEY", "AUTH", "HEADERS", "SCHEMA"]
    assert json.loads(values["HEADERS"]) == {"x-team": "blue $HOME", "x-api-key": "the-secret"}
    blocks = dict(env_file.blocks(values))
    assert not any(KEY in text or "tell-nobody" in text for text in blocks.values())
    (tmp_path / ".env").write_text(blocks[".env"])
    assert dotenv_values(tmp_path / ".env", interpolate=False) == values
    pairs = [f"{name}={value}" for name, value in values.items()]
    assert run(blocks["Azure CLI"], "az")[:5] == ["webapp", "config", "appsettings", "set", "--resource-group"]
    assert run(blocks["Azure CLI"], "az")[-len(pairs) :] == pairs
    given = [word for pair in pairs for word in ("-e", pair)]
    assert run(blocks["Docker"], "docker") == ["run", "-p", "8000:8000", *given, "flaskappaml"]
    compose = yaml.safe_load(blocks["Docker Compose"])["services"]["app"]["environment"]
    assert {name: value.replace("$$", "$") for name, value in compose.items()} == values
    assert connect.public_settings(Settings(url="http://h/x", auth="none")) == {"URL": "http://h/x", "AUTH": "none"}


# What anybody may send


@pytest.mark.parametrize("button", ["inspect", "try", "use", "nonsense", ""])
@pytest.mark.parametrize(
    "typed",
    [
        {"schema": "[" * 5000},
        {"schema": "\x00"},
        {"schema": "x" * 100_000},
        {"schema": "https://h h/"},
        {"url": "http://[::1/x"},
        {"url": "http://h/\ud800"},
        {"headers": "[" * 5000, "url": "http://h/x"},
        {"model": "nope", "auth": "\n", "auth_name": "a b", "url": "http://h/x"},
        {"surprise": "1"},
    ],
)
def test_nothing_that_is_typed_breaks_the_page(typed: dict[str, str], button: str, browser: FlaskClient) -> None:
    encoded = {name: value.encode("utf-8", "replace").decode() for name, value in typed.items()}
    assert press(browser, button, **encoded).texts["h2"]


def test_advice_is_a_sentence_for_every_failure() -> None:
    from FlaskAppAML.errors import ENDPOINT_ERRORS

    settings = Settings(url="http://h.example/x", api_key=KEY)
    for kind in ENDPOINT_ERRORS.values():
        error: EndpointError = kind("Its certificate is not trusted: self-signed certificate.", upstream_status=401)
        found = connect.advice(error, settings)
        assert found == "" or found.endswith((".", "?"))


def test_the_page_is_documented() -> None:
    assert "/connect" in (ROOT / "docs" / "connect.md").read_text("utf-8")
