"""The pages for people, against the demo endpoint over real HTTP."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path

import pytest
from conftest import COMPANY, KEY, MakeApp
from flask import Flask
from flask.testing import FlaskClient
from house import Page, check
from misbehaving import Misbehaving

from demo.server import Demo

ONCE = "ab" * 16
ROOT = Path(__file__).resolve().parent.parent
SHOWN_AS_DEMO = {"form": str(ROOT / "demo/form.json"), "examples": str(ROOT / "demo/examples.json")}


def links(page: Page) -> dict[str, str]:
    return {a["href"].rpartition(".")[2]: a["href"] for a in page.all("a") if a["href"].startswith("/answers/")}


@pytest.mark.parametrize("path", ["/", "/home"])
def test_the_form_asks_for_what_the_model_needs(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    page = check(answer.text)
    assert answer.status_code == 200
    assert {"title", "category", "_once"} <= set(page.values())
    assert [a["name"] for a in page.all("textarea")] == ["text", "_json"]
    assert "2 to 30 characters." in answer.text


@pytest.mark.parametrize("path", ["/about", "/contact"])
def test_further_pages(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    check(answer.text)


@pytest.mark.parametrize("path", ["/", "/home"])
def test_a_company_is_scored(client: FlaskClient, path: str) -> None:
    """As the original service's clients post it: `title`, `category`, `text`, no random id, no browser."""
    answer = client.post(path, data=COMPANY)
    page = check(answer.text)
    assert answer.status_code == 200
    assert re.search(r"Contoso Bank is closest to <b><bdi>Cluster \d</bdi></b>", answer.text)
    assert page.values()["title"] == "Contoso Bank"
    assert "Takes deposits and lends money." in page.texts["textarea"][0]
    assert len(page.all("rect")) == 10
    assert "DistancesToClusterCenter no.9" in answer.text


def test_the_text_is_sent_in_lower_case_and_shown_as_typed(client: FlaskClient) -> None:
    page = check(client.post("/", data=COMPANY).text)
    sent = next(text for text in page.texts["pre"] if text.startswith("POST"))
    body = json.loads(sent.partition("\n\n")[2])
    assert body["Inputs"]["input1"]["Values"] == [["Contoso Bank", "Banking", "takes deposits and lends money."]]


def test_names_for_clusters_come_from_the_form_file(make_app: MakeApp, demo: Demo) -> None:
    app = make_app(url=demo.url, **SHOWN_AS_DEMO)
    page = check(app.test_client().post("/", data=COMPANY).text)
    assert "Contoso Bank is closest to Banks and insurers." in page.texts["h2"]
    bars = [float(rect["width"].rstrip("%")) for rect in page.all("rect")]
    assert bars == sorted(bars)
    assert bars[-1] == 100


def test_examples_fill_the_form(make_app: MakeApp, demo: Demo) -> None:
    browser = make_app(url=demo.url, **SHOWN_AS_DEMO).test_client()
    page = check(browser.get("/").text)
    examples = [a["href"] for a in page.all("a") if "example=" in a["href"]]
    assert len(examples) == 4
    assert check(browser.get(examples[1]).text).values()["title"] == "Fabrikam Air"


@pytest.mark.parametrize("number", ["0", "99", "-1", "x", "²", "1" * 50])
def test_an_example_that_is_not_there_is_the_empty_form(client: FlaskClient, number: str) -> None:
    answer = client.get("/", query_string={"example": number})
    assert answer.status_code == 200
    assert check(answer.text).values()["title"] == ""


def test_wrong_fields_are_named_and_nothing_is_sent(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    misbehaving.reset("ok")
    browser = make_app(url=misbehaving.url("ok")).test_client()
    answer = browser.post("/", data={"title": "C", "category": "x" * 31, "text": "y" * 1037})
    page = check(answer.text)
    assert answer.status_code == 422
    assert not misbehaving.calls("ok")
    assert len([a for _, a in page.elements if a.get("aria-invalid") == "true"]) == 3
    alert = next(a for a in page.all("div") if a.get("role") == "alert")
    assert alert["tabindex"] == "-1"
    assert "autofocus" in alert
    assert "Title: use at least 2 characters; this is 1." in answer.text
    assert "1,037 of 1,000" in answer.text
    assert page.values()["title"] == "C"


def test_a_program_gets_wrong_fields_as_a_problem(client: FlaskClient) -> None:
    answer = client.post("/", data={"title": "C"}, headers={"Accept": "application/json"})
    assert answer.status_code == 422
    problem = answer.get_json()
    assert problem["fields"] == {"title": "Use at least 2 characters; this is 1.", "text": "Fill this in."}


# Once


def test_a_reload_does_not_call_the_model_again(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    misbehaving.reset("ok")
    browser = make_app(url=misbehaving.url("ok")).test_client()
    form = {**COMPANY, "_once": ONCE}
    first, second = (browser.post("/", data=form) for _ in range(2))
    assert len(misbehaving.calls("ok")) == 1
    assert links(check(first.text)) == links(check(second.text))
    browser.post("/", data={**form, "title": "Fabrikam"})  # the same form, another question
    assert len(misbehaving.calls("ok")) == 2


@pytest.mark.parametrize("minutes", [15, 0])
def test_a_double_click_sends_once(make_app: MakeApp, misbehaving: Misbehaving, minutes: int) -> None:
    """Both clicks get the answer, also while the first is still waiting for it."""
    misbehaving.reset("429-once-then-ok")
    app = make_app(url=misbehaving.url("429-once-then-ok"), answer_minutes=minutes)
    statuses: list[int] = []

    def click() -> None:
        statuses.append(app.test_client().post("/", data={**COMPANY, "_once": ONCE}).status_code)

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for thread in clicks:
        thread.start()
        time.sleep(0.05)
    for thread in clicks:
        thread.join()
    assert statuses == [200] * 4
    assert len(misbehaving.calls("429-once-then-ok")) == 2  # the refused try and the good one


def test_a_reload_of_a_failure_does_not_call_the_model_again(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    misbehaving.reset("500-aml")
    browser = make_app(url=misbehaving.url("500-aml")).test_client()
    answers = [browser.post("/", data={**COMPANY, "_once": ONCE}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [502, 502]
    assert len(misbehaving.calls("500-aml")) == 1
    fresh = check(answers[1].text).values()["_once"]
    browser.post("/", data={**COMPANY, "_once": fresh})  # the button, pressed again on purpose
    assert len(misbehaving.calls("500-aml")) == 2


# Kept answers


def test_a_kept_answer_can_be_opened_and_downloaded(client: FlaskClient) -> None:
    page = check(client.post("/", data=COMPANY).text)
    found = links(page)
    document = client.get(found["json"])
    assert document.mimetype == "application/json"
    assert "attachment" in document.headers["Content-Disposition"]
    prediction = document.get_json()
    assert [part["kind"] for part in prediction["outputs"]] == ["scores", "table"]
    assert prediction["raw"]["Results"]["output1"]["type"] == "table"
    assert set(prediction["meta"]) == {"endpoint_ms", "total_ms", "request_id", "model_version", "cached"}
    sheet = client.get(found["csv"]).data.decode("utf-8-sig").splitlines()
    assert sheet[0].startswith("Title,Category,Text,Assignments,DistancesToClusterCenter no.0")
    assert sheet[1].startswith("Contoso Bank,Banking,takes deposits")
    again = check(client.get(f"/answers/{prediction['id']}").text)
    assert again.values()["title"] == "Contoso Bank"
    assert again.texts["h2"] == page.texts["h2"]


@pytest.mark.parametrize("id", ["0" * 32, "nope", "../secret-key", "0" * 31 + "A", "%00"])
def test_an_answer_that_is_not_kept_says_so(client: FlaskClient, id: str) -> None:
    for end in ("", ".json", ".csv", ".xlsx"):
        answer = client.get(f"/answers/{id}{end}")
        assert answer.status_code == 404
        check(answer.text)


def test_nothing_is_kept_with_answer_minutes_0(make_app: MakeApp, demo: Demo, tmp_path: Path) -> None:
    page = check(make_app(url=demo.url, answer_minutes=0).test_client().post("/", data=COMPANY).text)
    assert not links(page)
    assert "not kept" in " ".join(page.texts["dd"])
    assert not list((tmp_path / "data").glob("answers*"))


def test_the_raw_answer_can_be_hidden(make_app: MakeApp, demo: Demo) -> None:
    browser = make_app(url=demo.url, show_raw=False).test_client()
    page = check(browser.post("/", data=COMPANY).text)
    assert "Response" not in page.texts["summary"]
    assert browser.get(links(page)["json"]).get_json()["raw"] is None


# Other endpoints

SAMPLE = {
    "Inputs": {
        "passengers": {"ColumnNames": ["Name", "Age"], "Values": [["Ada", 36]]},
        "ships": {"ColumnNames": ["Name"], "Values": [["Titanic"]]},
    },
    "GlobalParameters": {"threshold": 0.5},
}


def test_a_pasted_sample_gives_the_endpoints_own_form(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    misbehaving.reset("ok")
    browser = make_app(url=misbehaving.url("ok"), schema=json.dumps(SAMPLE)).test_client()
    names = set(check(browser.get("/").text).values()) - {"_once"}
    assert names == {"passengers.Name", "Age", "ships.Name", "threshold"}
    form = {"passengers.Name": "Grace", "Age": "37.5", "ships.Name": "Olympic", "threshold": "0.25"}
    assert browser.post("/", data=form).status_code == 200
    sent = json.loads(misbehaving.calls("ok")[0].body)
    assert sent["Inputs"]["passengers"]["Values"] == [["Grace", "37.5"]]
    assert sent["Inputs"]["ships"] == {"ColumnNames": ["Name"], "Values": [["Olympic"]]}
    assert sent["GlobalParameters"] == {"threshold": "0.25"}


def test_an_endpoint_that_describes_nothing_gets_the_company_form(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    page = check(make_app(url=misbehaving.url("ok")).test_client().get("/").text)
    assert "title" in page.values()
    assert any("does not say what it expects" in text for text in page.texts["p"])


def test_an_endpoint_that_is_down_does_not_stop_the_start(make_app: MakeApp) -> None:
    browser = make_app(url="http://127.0.0.1:9/execute").test_client()
    assert browser.get("/health").status_code == 200
    page = check(browser.get("/").text)
    assert any("could not be asked" in text for text in page.texts["p"])


@pytest.mark.parametrize("missing", [{"api_key": ""}, {"url": "", "api_key": ""}])
def test_without_settings_a_page_names_the_missing_ones(make_app: MakeApp, missing: dict[str, str]) -> None:
    browser = make_app(**{"url": "http://127.0.0.1:9/score", **missing}).test_client()
    for answer in (browser.get("/"), browser.post("/", data=COMPANY)):
        assert answer.status_code == 503
        page = check(answer.text)
        assert sum(text == "missing" for text in page.texts["td"]) == len([v for v in missing.values() if not v])
    assert browser.get("/health").status_code == 200


def test_a_form_file_that_does_not_fit_is_explained(make_app: MakeApp, demo: Demo, tmp_path: Path) -> None:
    path = tmp_path / "form.json"
    path.write_text('{"fields": {"colour": {"label": "Colour"}}}')
    answer = make_app(url=demo.url, form=str(path)).test_client().get("/", headers={"Accept": "application/json"})
    assert answer.status_code == 503
    assert "colour" in answer.get_json()["detail"]


def test_a_template_of_the_owner_comes_first(make_app: MakeApp, demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "contact.html").write_text('{% extends "layout.html" %}{% block main %}<h1>Ask Ada</h1>{% endblock %}')
    answer = make_app(url=demo.url, templates_dir=str(tmp_path)).test_client().get("/contact")
    assert check(answer.text).texts["h1"] == ["Ask Ada"]


def test_title_logo_accent_and_footer_are_the_owners(make_app: MakeApp, demo: Demo, tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"\x89PNG\r\n\x1a\n")
    app = make_app(url=demo.url, title="Ours <1>", logo=str(logo), accent="#7a1f5c", footer="Written by Ada.")
    browser = app.test_client()
    page = check(browser.get("/").text)
    assert page.texts["h1"] == ["Ours <1>"]
    assert "Written by Ada." in page.texts["span"]
    assert browser.get(page.all("img")[0]["src"]).mimetype == "image/png"
    sheet = next(a["href"] for a in page.all("link") if a["rel"] == "stylesheet")
    assert "#7a1f5c" in browser.get(sheet).text


def test_the_first_page_is_small(make_app: MakeApp, demo: Demo) -> None:
    """15 kB and 3 requests on the wire, favicon and logo apart."""
    browser = make_app(url=demo.url, **SHOWN_AS_DEMO).test_client()
    answer = browser.get("/")
    page = check(answer.text)
    needed = [a["href"] for a in page.all("link") if a["rel"] == "stylesheet"] + [a["src"] for a in page.all("script")]
    got = [answer, *(browser.get(path, headers={"Accept-Encoding": "gzip, br"}) for path in needed)]
    assert len(got) == 3
    assert sum(len(item.data) + len(str(item.headers)) for item in got) < 15_000
    assert all("immutable" in item.headers["Cache-Control"] for item in got[1:])


def test_the_key_is_in_nothing_that_the_app_gives_out(app: Flask) -> None:
    browser = app.test_client()
    page = browser.post("/", data=COMPANY).text
    paths = {a["href"] for a in check(page).all("a")} | {"/about", "/contact", "/health", "/nope", "/?example=1"}
    for text in (page, *(browser.get(path).data.decode("utf-8", "replace") for path in paths)):
        assert KEY not in text
        assert "secret" not in text.replace("SECRET", "")
