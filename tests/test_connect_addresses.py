"""`/connect`, `flask check` and the form for an address that is not quite right, and for what people paste there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY, MakeApp
from flask.testing import FlaskClient
from house import Page, check
from test_connect import HERE, Service, press, said

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML import connect, curl
from FlaskAppAML.cli import misspelled
from FlaskAppAML.dialects import operations
from FlaskAppAML.settings import Settings

BODY = {"type": "object", "required": ["area"], "properties": {"area": {"type": "number"}}}


def operation(summary: str = "", **more: Any) -> dict[str, Any]:
    return {"post": {"summary": summary, "requestBody": {"content": {"application/json": {"schema": BODY}}}, **more}}


FLATS = {
    "openapi": "3.1.0",
    "info": {"title": "Flats", "description": "Everything about flats."},
    "paths": {
        "/rent": operation("The rent of a flat"),
        "/price": operation("Its price <b>in euros</b>"),
        "/login": operation(),
        "/health": {"get": {}},
    },
}


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    made.tell("/openapi.json", FLATS)
    made.tell("/rent", {"rent": 950.5})
    yield made
    made.close()


@pytest.fixture
def browser(make_app: MakeApp, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ENV_FILE", str(tmp_path / ".env"))
    return make_app(url=f"{service.root}/rent", local=True, api_key="the-former-key").test_client()


def inspect(browser: FlaskClient, url: str, **typed: str) -> Page:
    return press(browser, "inspect", url=url, **{"api_key": KEY, **typed})


def offered(page: Page) -> list[str]:
    return [button["value"] for button in page.all("button") if button.get("name") == "connect-at"]


# Which address


def test_a_wrong_path_is_answered_with_those_that_there_are(browser: FlaskClient, service: Service) -> None:
    page = inspect(browser, f"{service.root}/scoore")
    assert page.texts["h2"][0] == "There is nothing at /scoore. What there is:"
    assert offered(page) == ["/rent", "/price"]
    assert "POST /rentThe rent of a flat" in said(page)
    assert "Its price <b>in euros</b>" in said(page), "as text"
    assert {(method, path) for method, path, _ in service.seen} == {("GET", "/openapi.json"), ("GET", "/docs.json")} | {
        ("GET", "/swagger.json")
    }


def test_choosing_one_puts_its_address_in_and_looks_at_it(browser: FlaskClient, service: Service) -> None:
    data = {"connect-url": f"{service.root}/scoore?v=2", "connect-api_key": KEY, "connect-at": "/rent"}
    page = check(browser.post("/connect", data=data, **HERE).text)
    assert page.values()["connect-url"] == f"{service.root}/rent?v=2"
    assert page.texts["h2"][0] == "Found: OpenAPI, one field."
    assert all(method == "GET" for method, *_ in service.seen)


@pytest.mark.parametrize("at", ["//elsewhere.example/x", "https://elsewhere.example/x", "@elsewhere.example/", "x"])
def test_a_choice_never_leads_to_another_host(at: str, browser: FlaskClient, service: Service) -> None:
    data = {"connect-url": f"{service.root}/scoore", "connect-api_key": KEY, "connect-at": at}
    page = check(browser.post("/connect", data=data, **HERE).text)
    assert page.values()["connect-url"].startswith(f"{service.root}/")


def test_a_field_of_the_model_cannot_move_the_address(browser: FlaskClient, service: Service) -> None:
    page = press(browser, "try", {"connect-at": "/price", "area": "7"}, url=f"{service.root}/rent", api_key=KEY)
    assert page.values()["connect-url"] == f"{service.root}/rent"


@pytest.mark.parametrize("path", ["", "/", "/docs", "/openapi.json"])
def test_the_address_of_a_whole_service_lists_its_operations(path: str, browser: FlaskClient, service: Service) -> None:
    page = inspect(browser, service.root + path)
    assert page.texts["h2"] == ["The service describes two operations: which one is meant?"]
    assert offered(page) == ["/rent", "/price"]
    assert all(method == "GET" for method, *_ in service.seen)


def test_one_sensible_operation_is_taken_and_said(browser: FlaskClient, service: Service) -> None:
    service.tell("/openapi.json", {**FLATS, "paths": {"/rent": operation(), "/login": operation()}})
    page = inspect(browser, f"{service.root}/docs")
    assert page.texts["h2"][0] == "Found: OpenAPI, one field."
    assert f"{service.root}/rent" in page.texts["dd"]
    assert "Put it under Sample" not in said(page), "nothing is to be done"


def test_a_gateway_stands_before_every_path(browser: FlaskClient, service: Service) -> None:
    service.tell("/openapi.json", {"detail": "Not Found"}, 404)
    service.tell("/flats/v1/openapi.json", FLATS)
    assert offered(inspect(browser, f"{service.root}/flats/v1/scoore")) == ["/flats/v1/rent", "/flats/v1/price"]


def test_what_could_stand_in_no_address_is_not_offered() -> None:
    paths = {path: operation() for path in ("/a b", "/" + "x" * 400, "/ü", "/\n", "/good")}
    assert [one.path for one in operations.elsewhere("http://h/x", {"paths": paths})] == ["/good"]
    nothings: list[Any] = [None, [], {}, {"paths": 1}, {"paths": {"/x": operation()}}]
    for nothing in nothings:
        assert operations.elsewhere("http://h/x", nothing) == ()
    many = {f"/p{number}": operation() for number in range(9)}
    assert operations.said_of(operations.elsewhere("http://h/x", {"paths": many})) == "/p0, /p1, /p2 and 6 more"


def test_the_form_and_the_check_say_it_too(make_app: MakeApp, service: Service) -> None:
    app = make_app(url=f"{service.root}/scoore")
    words = "The service describes itself, and has no /scoore: it has /rent and /price. So this form is a guess."
    assert words in said(check(app.test_client().get("/").text))
    checked = app.test_cli_runner().invoke(args=["check"])
    assert checked.exit_code == 1
    assert "  POST /rent  The rent of a flat\n" in checked.output
    assert "Put the path of the one that is meant into URL." in checked.output
    whole = make_app(url=service.root).test_cli_runner().invoke(args=["check"])
    assert whole.exit_code == 1
    assert whole.output.count("several operations") == 1
    assert "  POST /price" in whole.output
    assert all(method == "GET" for method, *_ in service.seen)


def test_the_check_says_which_operation_was_taken(make_app: MakeApp, service: Service) -> None:
    service.tell("/openapi.json", {**FLATS, "paths": {"/rent": operation()}})
    checked = make_app(url=service.root).test_cli_runner().invoke(args=["check"])
    assert f"Sends to  {service.root}/rent\n" in checked.output
    assert checked.exit_code == 0


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"summary": "Rent of a flat", "description": "By area."}, "By area."),
        ({"summary": "Rent of a flat"}, "Rent of a flat"),
        ({"summary": "Rent", "operationId": "rent_rent_post"}, "Everything about flats."),
        ({}, "Everything about flats."),
    ],
)
def test_the_operation_speaks_for_itself(
    about: dict[str, str], expected: str, make_app: MakeApp, service: Service
) -> None:
    service.tell("/openapi.json", {**FLATS, "paths": {"/rent": operation(**about)}})
    assert make_app(url=f"{service.root}/rent").extensions["site"].models["model"].description == expected


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("models.example/score", "https://models.example/score"),
        ("models.example:8443/a?b=c", "https://models.example:8443/a?b=c"),
        ("localhost:8000/predict", "http://localhost:8000/predict"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("10.1.2.3/score", "http://10.1.2.3/score"),
        ("8.8.8.8/score", "https://8.8.8.8/score"),
        ("[::1]:5/x", "http://[::1]:5/x"),
        ("model.internal/x", "http://model.internal/x"),
        ("https://h.example/x", ""),
        ("nothing", ""),
        ("a b.example", ""),
        ("ftp://h.example", ""),
        ("user:password@h.example/x", ""),
        ("", ""),
    ],
)
def test_an_address_without_its_beginning_is_completed(typed: str, whole: str) -> None:
    assert connect.completed(typed) == whole


def test_the_completed_address_is_offered_and_not_asked(browser: FlaskClient, service: Service) -> None:
    page = inspect(browser, service.root.removeprefix("http://") + "/rent")
    assert page.values()["connect-url"] == f"{service.root}/rent"
    assert "Must begin with https:// or http://. Now it does" in said(page)
    assert service.seen == []


# What people paste


def test_a_curl_command_fills_the_fields_but_for_its_key(browser: FlaskClient, service: Service) -> None:
    command = (
        f"curl -sX POST '{service.root}/rent' \\\n  -H 'Content-Type: application/json' \\\n"
        """  -H "x-api-key: s3cret-of-mine" -H 'x-team: blue' -d '{"area": 70, "rooms": 3}'"""
    )
    answer = browser.post("/connect", data={"do": "inspect", "connect-schema": command}, **HERE)
    page = check(answer.text)
    assert "paste it here, and press Inspect. Further headers in it: x-team." in said(page)
    values = page.values()
    assert values["connect-url"] == f"{service.root}/rent"
    assert json.loads(page.texts["textarea"][0]) == {"area": 70, "rooms": 3}
    assert '<option value="header" selected>' in answer.text
    assert (values["connect-auth_name"], values["connect-api_key"]) == ("x-api-key", "")
    assert "s3cret-of-mine" not in answer.text
    assert service.seen == []
    with_key = press(browser, "inspect", schema=command, api_key=KEY)
    assert with_key.texts["h2"][0] == "Found: OpenAPI, two fields."
    assert "the curl command that was pasted" in said(with_key)


@pytest.mark.parametrize(
    ("words", "url", "body", "auth"),
    [
        ("http://h/x -d '{}'", "http://h/x", "{}", ""),
        ("--url http://h/x --json '[1]' -k --compressed --unknown", "http://h/x", "[1]", ""),
        ("-H 'Authorization: Bearer abcdefgh' http://h/x", "http://h/x", "", "bearer"),
        ("-H'Authorization: Basic abcdefgh' http://h/x", "http://h/x", "", "basic"),
        ("-H 'Authorization: Key abcdefgh' http://h/x", "http://h/x", "", "header:Authorization"),
        ("-u me:abcdefgh http://h/x", "http://h/x", "", "basic"),
        ("--oauth2-bearer abcdefgh http://h/x", "http://h/x", "", "bearer"),
        ("'http://h/x?code=abcdefgh&v=2'", "http://h/x?v=2", "", "query:code"),
        ("-X POST -o out.json h.example/x", "h.example/x", "", ""),
    ],
)
def test_curl_commands(words: str, url: str, body: str, auth: str) -> None:
    found = curl.read(f"$ curl {words}")
    assert (found.url, found.body, found.auth, found.lacks) == (url, body, auth, "")
    assert any("abcdefgh" in secret for secret in found.secrets) == bool(auth)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("curl http://h/x -H 'x-key: s3cret-of-mine", "cannot be read: a quote is open"),
        ("curl http://h/x -H 'x-key: s3cret-of-mine' -d", "cannot be read: an option is not whole"),
        ("curl http://h/x -H 'x-key: s3cret-of-mine' -d @body.json", "the body stands in a file"),
        ("curl http://h/x -H 'x-key: s3cret-of-mine' -F a=@b.png", "the body is a form with parts"),
        ("curl http://[h/x -H 'x-key: s3cret-of-mine'", "paste it here"),
    ],
)
def test_a_curl_command_that_cannot_be_read_is_not_shown_either(
    command: str, sentence: str, browser: FlaskClient
) -> None:
    page = press(browser, "inspect", schema=command)
    assert sentence in said(page)
    assert "s3cret" not in str(page.elements) + str(page.texts)


def test_a_sample_of_two_protocols_leaves_the_choice(browser: FlaskClient, service: Service) -> None:
    sample = '{"instances": [{"a": 1}]}'
    page = press(browser, "inspect", schema=sample)
    assert "fits MLflow and TensorFlow Serving alike" in said(page)
    chosen = press(browser, "inspect", schema=sample, dialect="tensorflow")
    assert chosen.texts["h2"][0] == "Found: TensorFlow Serving, one field."
    assert "alike" not in said(chosen)


# What the page says


def test_settings_for_elsewhere_say_that_this_computer_is_out_of_reach(browser: FlaskClient, service: Service) -> None:
    words = said(inspect(browser, f"{service.root}/rent"))
    assert words.count("host.docker.internal") == 2 * 2
    assert "the cloud cannot reach it" in words
    for place in ("Azure CLI", "Docker", ".env"):
        assert connect.note_for(place, "https://models.example/score") == ""
    assert connect.note_for(".env", "http://localhost/x") == ""


def test_a_key_that_the_model_refuses(browser: FlaskClient, service: Service) -> None:
    service.tell("/rent", {"detail": "no"}, 401)
    words = said(press(browser, "try", {"area": "70"}, url=f"{service.root}/rent", api_key=KEY))
    assert "No answer: the endpoint refused this key." in words
    assert "Refused by the model." in words
    assert "Yours: check the key, and how it is sent." in words
    assert "nothing wrong with what you typed" not in words
    assert "owner of this app" not in words


def test_there_is_a_way_back_to_the_demo(
    make_app: MakeApp, service: Service, demo: Demo, tmp_path: Path, browser: FlaskClient
) -> None:
    given = Settings(url=demo.url, api_key=KEY, title="Companies", data_dir=str(tmp_path / "data"), rate_limit="off")
    app = FlaskAppAML.create_app(given, local=True, demo=True, demos={"companies": given})
    beside = app.test_client()
    used = press(beside, "use", url=f"{service.root}/rent", api_key=KEY)
    assert "the demo still runs: Companies, then Use this endpoint." in said(used)
    page = check(beside.get("/connect", **HERE).text)
    assert "the demo still runs: Companies, then Use this endpoint" in said(page)
    back = press(beside, "use", url=demo.url)
    assert f"In use now: {demo.url.split('/')[2]}" in back.texts["h2"]
    assert "Demo: answers come from" in said(check(beside.get("/", **HERE).text))
    assert "the demo still runs" not in said(check(browser.get("/connect", **HERE).text)), "no demo, no way back"


def test_the_owner_is_not_told_two_things_of_an_endpoint_that_is_down(make_app: MakeApp) -> None:
    app = make_app(url="http://127.0.0.1:9/score", local=True)
    words = said(check(app.test_client().get("/", **HERE).text))
    assert "could not be asked what it expects" in words
    assert "this form is not the endpoint’s own." in words
    assert "does not describe itself" not in words


# Names of settings


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("APIKEY", "APIKEY is not read. Is API_KEY meant?"),
        ("URLS", "URLS is not read. Is URL meant?"),
        ("api_key", "api_key is not read. Is API_KEY meant?"),
        ("TITEL", "TITEL is not read. Is TITLE meant?"),
        ("API_KEYFILE", "API_KEYFILE is not read. Is API_KEY_FILE meant?"),
        ("MODEL_URL", "MODEL_URL is not read: MODELS names no model model. Is URL meant, or MODELS=model?"),
        ("FLATS_APIKEY", "FLATS_APIKEY is not read. Is FLATS_API_KEY meant?"),
        ("FLATS_API_KEY", ""),
        ("API_KEY_FILE", ""),
        ("SERVER_PORT", ""),
        ("HTTPS_PROXY", ""),
        ("SOMETHING_ELSE", ""),
    ],
)
def test_names_that_are_nearly_settings(name: str, warning: str) -> None:
    assert misspelled([name], [], ["flats"]) == [warning] * bool(warning)


def test_of_the_environment_only_names_of_a_model_count() -> None:
    environment = ["APIKEY", "MODEL_URL", "FLATS_TITEL", "PATH"]
    assert misspelled([], environment, ["flats"]) == ["FLATS_TITEL is not read. Is FLATS_TITLE meant?"]


def test_the_check_warns_of_them(make_app: MakeApp, service: Service, tmp_path: Path) -> None:
    (tmp_path / "other.env").write_text("APIKEY=tell-nobody\nFORM=\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENV_FILE", str(tmp_path / "other.env"))
        checked = make_app(url=f"{service.root}/rent").test_cli_runner().invoke(args=["check"])
    assert "warning: APIKEY is not read. Is API_KEY meant?" in checked.output
    assert "tell-nobody" not in checked.output
