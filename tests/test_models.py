"""Several models in one app: each with its own address, key, form and answers; and how the owner changes a form."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import COMPANY, KEY, MakeApp
from flask import Flask
from flask.testing import FlaskClient
from house import check

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML.endpoint import Endpoint
from FlaskAppAML.errors import SettingError
from FlaskAppAML.settings import Settings

FLOWER = {"sepal length (cm)": "5.1", "sepal width (cm)": "3.5", "petal length (cm)": "1.4", "petal width (cm)": "0.2"}
OTHER_KEY = "another-key-of-8"


def environ(demo: Demo, folder: Path, **more: str) -> dict[str, str]:
    return {
        "MODELS": "companies,iris-v2,reviews",
        "API_KEY": KEY,
        "COMPANIES_URL": demo.url,
        "IRIS_V2_URL": demo.urls["iris_v2"],
        "IRIS_V2_TITLE": "Irises",
        "REVIEWS_URL": demo.urls["reviews"],
        "RATE_LIMIT": "off",
        "DATA_DIR": str(folder),
        **more,
    }


@pytest.fixture
def several(demo: Demo, tmp_path: Path) -> FlaskClient:
    return FlaskAppAML.create_app(Settings.read(environ(demo, tmp_path))).test_client()


def test_many_models_stand_in_a_list_that_opens(demo: Demo, tmp_path: Path) -> None:
    names = [f"m{number}" for number in range(1, 10)]
    given = environ(demo, tmp_path, MODELS=",".join(names), **{f"{name.upper()}_URL": demo.url for name in names})
    page = FlaskAppAML.create_app(Settings.read(given)).test_client().get("/models/m3").text
    listed = re.search(r"<nav.*?<details.*?</details>", page, re.DOTALL)
    assert listed
    assert re.findall(r'href="/models/(\w+)"', listed[0]) == names
    assert re.findall(r'href="/models/(\w+)" aria-current', listed[0]) == ["m3"]
    assert "/static/models-" in " ".join(link["href"] for link in check(page).all("link"))


def test_each_model_has_its_own_form_and_the_pages_lead_to_all(several: FlaskClient) -> None:
    first = several.get("/")
    assert "title" in check(first.text).values()
    assert re.findall(r'href="(/models/[^"]+)"[^>]*>([^<]+)<', first.text) == [
        ("/models/companies", "companies"),
        ("/models/iris-v2", "Irises"),
        ("/models/reviews", "reviews"),
        ("/models/companies/batch", "File"),
        ("/models/companies", "Clear"),
    ]
    flowers = several.get("/models/iris-v2")
    assert set(FLOWER) <= set(check(flowers.text).values())
    assert '<a href="/models/iris-v2" aria-current="page">Irises</a>' in flowers.text
    assert 'action="/models/iris-v2#answer"' in flowers.text
    assert several.get("/models/nobody").status_code == 404


def test_each_model_answers_for_itself_and_its_answers_stay_its_own(several: FlaskClient) -> None:
    flower = several.post("/models/iris-v2", data=FLOWER)
    assert flower.status_code == 200
    assert "setosa" in flower.text
    company = several.post("/models/companies", data=COMPANY)
    assert "Contoso Bank is closest to" in company.text
    review = several.post("/models/reviews", data={"inputs": "What a wonderful film, I loved every minute of it."})
    assert review.status_code == 200
    for answer, model, field in ((flower, "iris-v2", "petal width (cm)"), (company, "companies", "title")):
        link = re.search(r'href="(/answers/[0-9a-f]{32})"', answer.text)
        assert link
        again = several.get(link[1])
        assert field in check(again.text).values()
        assert several.get(f"{link[1]}.json").json["model"] == model  # type: ignore[index]


def test_the_same_form_id_and_input_are_two_calls_at_two_models(demo: Demo, tmp_path: Path) -> None:
    nobody = demo.urls["reviews"].replace("reviews", "nobody")
    given = environ(demo, tmp_path, MODELS="one,two", ONE_URL=demo.urls["reviews"], TWO_URL=nobody)
    browser = FlaskAppAML.create_app(Settings.read(given)).test_client()
    typed = {"inputs": "A wonderful film.", "_once": "c" * 32}
    assert browser.post("/models/one", data=typed).status_code == 200
    assert browser.post("/models/two", data=typed).status_code == 502, "not the first model's answer"


def test_a_wrong_value_is_told_at_its_field_and_nothing_is_sent(several: FlaskClient) -> None:
    answer = several.post("/models/iris-v2", data={**FLOWER, "petal width (cm)": "wide"})
    assert answer.status_code == 422
    assert "Enter a number" in answer.text


# Settings of each


def test_what_holds_for_all_stands_behind_what_one_model_says() -> None:
    read = Settings.read(
        {
            "MODELS": "a,b",
            "API_KEY": KEY,
            "TIMEOUT": "9",
            "A_TIMEOUT": "3",
            "A_URL": "http://h/a",
            "B_URL": "http://h/b",
        }
    )
    assert [(one.name, one.timeout, one.api_key) for one in read.each] == [("a", 3.0, KEY), ("b", 9.0, KEY)]
    assert read.missing() == []


def test_a_key_for_all_does_not_go_to_another_host() -> None:
    given = {"MODELS": "a,b,c", "URL": "http://home/x", "API_KEY": KEY, "A_URL": "http://home/a"}
    given |= {"B_URL": "http://elsewhere/b", "C_URL": "http://elsewhere/c", "C_API_KEY": OTHER_KEY}
    read = Settings.read(given)
    assert [one.api_key for one in read.each] == [KEY, "", OTHER_KEY]
    assert read.missing() == ["B_API_KEY"]
    assert {KEY, OTHER_KEY} <= set(read.secrets())


def test_a_key_of_one_model_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(OTHER_KEY)
    given = {"MODELS": "a", "API_KEY": KEY, "A_URL": "http://h/a", "A_API_KEY_FILE": str(tmp_path / "key")}
    assert Settings.read(given).each[0].api_key == OTHER_KEY


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"MODELS": "a", "A_URL": "ftp://h"}, "A_URL must be a full address"),
        ({"MODELS": "A B"}, "MODELS must be made of small letters"),
        ({"MODELS": "a-b,a_b"}, "MODELS must be different"),
    ],
)
def test_what_is_wrong_is_named_as_it_was_given(given: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        Settings.read(given)


def test_every_wrong_model_is_named() -> None:
    with pytest.raises(SettingError) as caught:
        Settings.read({"MODELS": "a,b", "A_URL": "nope", "B_TIMEOUT": "x"})
    assert [line.split()[0] for line in caught.value.detail.split("\n")] == ["A_URL", "B_TIMEOUT"]


def test_a_form_for_other_fields_is_said_and_no_traceback(demo: Demo, make_app: MakeApp, tmp_path: Path) -> None:
    (tmp_path / "form.json").write_text('{"fields": {"nobody": {"label": "x"}}}')
    app = make_app(url=demo.urls["iris_v2"], form=str(tmp_path / "form.json"))
    checked = app.test_cli_runner().invoke(args=["check"])
    assert checked.exit_code == 1
    assert "FORM changes fields that do not exist: nobody" in checked.output
    assert checked.exception is None or isinstance(checked.exception, SystemExit)


def test_a_model_without_an_address_is_named(demo: Demo, tmp_path: Path) -> None:
    given = environ(demo, tmp_path)
    del given["REVIEWS_URL"]
    app = FlaskAppAML.create_app(Settings.read(given))
    browser = app.test_client()
    answer = browser.get("/models/reviews")
    assert answer.status_code == 503
    assert "REVIEWS_URL" in answer.text
    assert browser.get("/models/iris-v2").status_code == 200, "the others serve"
    checked = app.test_cli_runner().invoke(args=["check"])
    assert (checked.exit_code, "REVIEWS_URL missing" in checked.output) == (1, True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dialect": "klingon"}, "DIALECT must be one of raw, aml_classic"),
        ({"task": "mind-reading"}, "TASK must be one of"),
        (
            {"url": "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/e/invocations"},
            "SageMaker takes no fixed",
        ),
    ],
)
def test_what_cannot_work_stops_the_start(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=said):
        Endpoint(Settings(**{"url": "http://h/x", "api_key": KEY, "data_dir": str(tmp_path), **changes}))


def test_the_task_decides_where_the_protocol_cannot(demo: Demo, make_app: MakeApp) -> None:
    page = make_app(url=demo.urls["reviews"], task="question-answering").test_client().get("/").text
    assert "question" in check(page).values()
    assert 'name="context"' in page


# The owner


def local_app(demo: Demo, make_app: MakeApp) -> Flask:
    return make_app(url=demo.urls["iris_v2"], local=True)


def test_the_owner_has_the_form_read_again(demo: Demo, make_app: MakeApp) -> None:
    browser = local_app(demo, make_app).test_client()
    page = browser.get("/").text
    check(page)
    assert "Read it again" in page
    done = browser.post("/models/model/schema")
    assert (done.status_code, done.headers["Location"]) == (303, "/")


def test_nobody_else_may(demo: Demo, make_app: MakeApp) -> None:
    browser = local_app(demo, make_app).test_client()
    away = {"X-Forwarded-For": "203.0.113.9"}
    assert "Read it again" not in browser.get("/", headers=away).text
    assert browser.post("/models/model/schema", headers=away).status_code == 404
    assert make_app(url=demo.url).test_client().post("/models/model/schema").status_code == 404


def test_check_prints_a_form_file_that_changes_nothing_yet(demo: Demo, make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(url=demo.urls["iris_v2"])
    printed = app.test_cli_runner().invoke(args=["check", "--form"]).output
    assert list(json.loads(printed)["fields"]) == list(FLOWER)
    path = tmp_path / "form.json"
    path.write_text(printed)
    changed = make_app(url=demo.urls["iris_v2"], form=str(path)).extensions["site"].models["model"].schema
    assert [f.shown_label for f in changed.fields] == list(FLOWER)


def test_check_speaks_of_every_model(demo: Demo, tmp_path: Path) -> None:
    app = FlaskAppAML.create_app(Settings.read(environ(demo, tmp_path)))
    said = app.test_cli_runner().invoke(args=["check", "--score"]).output
    for word in ("Model     companies", "Model     iris-v2", "open_inference", "huggingface", "aml_classic"):
        assert word in said
    assert KEY not in said
