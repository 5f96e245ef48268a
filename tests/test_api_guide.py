"""The guide and the snippets: what is shown is run, as somebody would who copied it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
import requests
from conftest import COMPANY, KEY, MakeApp
from house import check
from serving import served

import FlaskAppAML
import runserver
from demo.server import Demo
from FlaskAppAML.schema import Field, Schema, Upload
from FlaskAppAML.settings import Settings
from FlaskAppAML.web.snippets import of_call, of_endpoint

PASSWORD = 'o\'pen $(sesame) "now"'


@pytest.fixture(scope="module", params=["", PASSWORD], ids=["open", "locked"])
def settings(request: pytest.FixtureRequest, demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = str(tmp_path_factory.mktemp("api"))
    own = Settings(name="companies", url=demo.url, api_key=KEY, data_dir=folder, password=request.param)
    own = replace(own, rate_limit="off", examples=runserver.DEMO["examples"])
    digits = replace(own, name="digits", url=demo.urls["digits"], examples="", task="image-classification")
    iris = replace(own, name="iris", url=demo.urls["iris_v2"], examples="")
    return replace(own, models=("companies", "digits", "iris"), each=(own, digits, iris))


@pytest.fixture(scope="module")
def address(settings: Settings) -> Iterator[str]:
    with served(FlaskAppAML.create_app(settings, local=True)) as found:
        yield found


def page(address: str, path: str, settings: Settings) -> str:
    answer = requests.get(address + path, auth=("anybody", settings.password), timeout=30)
    assert answer.status_code == 200
    return answer.text


def shown(html: str, id: str) -> dict[str, str]:
    """The snippets of one list, by language."""
    return {
        language: unescape(text)
        for language, text in re.findall(
            rf'<pre id="{id}-\d"[^>]*aria-label="With (\w+)[^"]*">(.*?)</pre>', html, re.DOTALL
        )
    }


def run(language: str, text: str, folder: Path, **variables: str) -> str:
    command = {"curl": ["bash", "-c", text], "Python": [sys.executable, "-c", text]}[language]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("language", ["curl", "Python"])
@pytest.mark.parametrize("model", ["companies", "iris"])
def test_the_snippets_of_the_guide_score(
    address: str, settings: Settings, model: str, language: str, tmp_path: Path
) -> None:
    found = shown(page(address, f"/api?model={model}", settings), "one")
    assert set(found) == {"curl", "Python", "JavaScript"}
    said = run(language, found[language], tmp_path, TOKEN=settings.password)
    assert '"status": "succeeded"' in said
    assert KEY not in "".join(found.values())


@pytest.mark.parametrize("language", ["curl", "Python"])
def test_a_picture_goes_as_a_file(address: str, settings: Settings, language: str, tmp_path: Path) -> None:
    picture = next((Path(__file__).parents[1] / "demo" / "pictures").rglob("*digit*.png"))
    (tmp_path / "picture.jpg").write_bytes(picture.read_bytes())
    found = shown(page(address, "/api?model=digits", settings), "one")
    said = run(language, found[language], tmp_path, TOKEN=settings.password)
    assert '"kind": "scores"' in said


@pytest.mark.parametrize("language", ["curl", "Python"])
def test_the_call_for_a_file_takes_it_in(address: str, settings: Settings, language: str, tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("title,category,text\nContoso,Banking,takes money\n")
    html = page(address, "/api?model=companies", settings)
    assert 'href="#file"' in html
    named = re.findall(r'aria-label="(With [^"]*)"', html)
    assert len(named) == len(set(named)) == 6
    found = shown(html, "rows")
    assert set(found) == {"curl", "Python", "JavaScript"}
    said = run(language, found[language], tmp_path, TOKEN=settings.password)
    assert '"rows": {"total": 1, ' in said
    assert not shown(page(address, "/api?model=digits", settings), "rows"), "a picture stands in no table"


@pytest.mark.parametrize("language", ["curl", "Python"])
def test_the_code_of_an_answer_gives_the_same_answer(
    address: str, settings: Settings, language: str, tmp_path: Path
) -> None:
    asked = {**COMPANY, "title": 'L\'Été "& Söhne" $(id) `id`'}
    answer = requests.post(
        f"{address}/api/v1/models/companies/predictions",
        json={"inputs": asked},
        auth=("anybody", settings.password),
        timeout=30,
    ).json()
    html = page(address, f"/answers/{answer['id']}/code", settings)
    said = run(language, shown(html, "call")[language], tmp_path, TOKEN=settings.password)
    again = json.loads(said[said.index("{") :])
    assert again["outputs"] == answer["outputs"]
    own = shown(html, "own")[language]
    assert KEY not in own
    assert json.loads((text := run(language, own, tmp_path, API_KEY=KEY))[text.index("{") :]) == answer["raw"]


def test_visitors_do_not_see_the_call_of_the_endpoint(make_app: MakeApp, demo: Demo) -> None:
    client = make_app(url=demo.url).test_client()
    answer = client.post("/api/v1/models/model/predictions", json={"inputs": COMPANY}).json
    assert answer is not None
    html = client.get(f"/answers/{answer['id']}/code").text
    assert shown(html, "call")
    assert not shown(html, "own")
    assert demo.url not in html


def test_every_answer_leads_to_its_code(make_app: MakeApp, demo: Demo) -> None:
    client = make_app(url=demo.url).test_client()
    found = check(client.post("/", data=COMPANY).text)
    link = next(a["href"] for a in found.all("a") if a["href"].endswith("/code"))
    assert "Contoso Bank" in client.get(link).text
    assert "/api" in {a["href"] for a in found.all("a")}


@pytest.mark.parametrize(
    ("auth", "curl", "python"),
    [
        ("bearer", "-H 'Authorization: Bearer '\"$API_KEY\"", "'Authorization': 'Bearer ' + os.environ[\"API_KEY\"]"),
        ("header:x-key", "-H 'x-key: '\"$API_KEY\"", "'x-key': os.environ[\"API_KEY\"]"),
        (
            "query:key",
            "curl 'https://m.example/score?key='\"$API_KEY\"",
            "'https://m.example/score?key=' + os.environ[",
        ),
        ("basic", '-u "$API_KEY"', 'auth=tuple(os.environ["API_KEY"].split(":", 1))'),
    ],
)
def test_the_key_is_a_variable_in_every_style(auth: str, curl: str, python: str) -> None:
    settings = Settings(url="https://m.example/score", api_key=KEY, auth=auth, headers={"x-team": "secret blue"})
    found = of_endpoint(settings, {"method": "POST", "target": "/score", "body": '{"a": 1}'})
    assert curl in found["curl"]
    assert python in found["Python"]
    assert '"$X_TEAM"' in found["curl"]
    assert "secret blue" not in str(found)


def test_secrets_and_files_are_not_in_a_snippet() -> None:
    schema = Schema((Field("token", secret=True), Field("n", kind="boolean"), Field("f", kind="file")))
    found = of_call("http://x/", schema, {"token": "hush", "n": True, "f": None}, is_locked=False)
    assert "hush" not in str(found)
    assert "'n': True" in found["Python"], "true is no word of Python"
    with_file = of_call("http://x/", schema, {"n": True, "f": Upload(b"content", "a b.png")}, is_locked=True)
    assert "content" not in str(with_file)
    assert "-F 'f=@a b.png'" in with_file["curl"]
    assert "--form-string n=true" in with_file["curl"]
