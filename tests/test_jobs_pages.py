"""Background jobs in the browser: the ticket, its page, and what a time-out offers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from conftest import MakeApp
from flask import Flask
from flask.testing import FlaskClient
from soak.parts import Endpoint
from werkzeug.test import TestResponse

from FlaskAppAML.errors import SettingError
from FlaskAppAML.settings import Settings

ONCE = "0" * 32


@pytest.fixture
def make(in_front: MakeApp) -> MakeApp:
    return partial(in_front, background=True)


def ask(client: FlaskClient, once: str = ONCE, **more: str) -> TestResponse:
    return client.post("/", data={"name": "Ada", "_once": once, **more})


def said(page: TestResponse) -> str:
    found = re.search(r'<h[12] class="said"[^>]*>(.*?)</h[12]>', page.text, re.DOTALL)
    assert found, page.text
    return " ".join(re.sub(r"<[^>]+>", "", found[1]).split())


def done(client: FlaskClient, path: str) -> TestResponse:
    """What the job's page leads to."""
    until = time.monotonic() + 10
    while (page := client.get(path)).status_code == 200 and "data-clock" in page.text and time.monotonic() < until:
        time.sleep(0.05)
    return page


def test_the_form_gives_a_ticket_and_the_ticket_an_answer(make: Callable[..., Flask], model: Endpoint) -> None:
    client = make().test_client()
    ticket = ask(client)
    assert ticket.status_code == 303
    assert re.fullmatch(r"/jobs/[0-9a-f]{32}", ticket.location)
    end = done(client, ticket.location)
    assert end.status_code == 303
    assert end.location.startswith("/answers/")
    path = end.location.partition("#")[0]
    answer = client.get(path)
    assert "Ada" in said(answer)
    assert 'value="Ada"' in answer.text or ">Ada<" in answer.text  # the form is filled in again
    assert client.get(f"{path}.json").json["raw"] == {"answer": "Ada"}  # type: ignore[index]
    assert "Ada" in client.get(f"{path}.csv").text
    assert model.calls == {"Ada": 1}


def test_a_double_click_gets_the_same_ticket(make: Callable[..., Flask], model: Endpoint) -> None:
    client = make().test_client()
    tickets = {ask(client).location for _ in range(3)}
    assert len(tickets) == 1
    assert ask(client, "1" * 32).location not in tickets
    done(client, tickets.pop())
    assert model.calls["Ada"] <= 2


def test_what_waits_shows_its_place(make: Callable[..., Flask]) -> None:
    client = make(job_workers=0).test_client()
    tickets = [ask(client, f"{number:032x}").location for number in range(12)]
    assert said(client.get(tickets[0])) == "Your question is next in line."
    assert said(client.get(tickets[2])) == "Your question is third in line."
    assert said(client.get(tickets[11])) == "Your question is number 12 in line."


def test_the_page_comes_anew_without_a_script(make: Callable[..., Flask]) -> None:
    client = make(job_workers=0).test_client()
    ticket = ask(client).location
    assert f'<noscript><meta http-equiv="refresh" content="5; url={ticket}"></noscript>' in client.get(ticket).text
    assert "http-equiv" not in client.get(f"{ticket}?still").text
    assert client.get(ticket).headers["Cache-Control"] == "no-store"


def test_cancel_and_run_again(make: Callable[..., Flask], model: Endpoint) -> None:
    client = make(job_workers=0).test_client()
    ticket = ask(client).location
    assert client.post(f"{ticket}/cancel").location == ticket
    page = client.get(ticket)
    assert said(page) == "This job was cancelled."
    assert "The model was not asked." in page.text
    assert "http-equiv" not in page.text
    assert client.post(f"{ticket}/retry").location == ticket
    assert said(client.get(ticket)) == "Your question is next in line."
    assert client.post(f"{ticket}/retry").status_code == 400
    assert not model.calls


def test_a_failure_is_said_as_ever(make: Callable[..., Flask], model: Endpoint) -> None:
    model.status = 500
    client = make(retries=0).test_client()
    page = done(client, ask(client).location)
    assert said(page) == "No answer: the model failed while working on this."
    assert "Run it again" in page.text
    assert "500 Internal Server Error" in page.text


def test_another_site_can_neither_cancel_nor_run_again(make: Callable[..., Flask]) -> None:
    client = make(job_workers=0).test_client()
    ticket = ask(client).location
    for what in ("cancel", "retry"):
        assert client.post(f"{ticket}/{what}", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_there_is_no_page_for_what_is_no_job(make: Callable[..., Flask]) -> None:
    client = make(job_workers=0).test_client()
    for path in ("/jobs/x", f"/jobs/{'a' * 32}"):
        assert client.get(path).status_code == 404
        assert client.post(f"{path}/cancel").status_code == 404
    ask(client)
    assert client.get(f"/jobs/{'a' * 32}").status_code == 404


def test_a_full_queue_says_when_to_come_again(make: Callable[..., Flask]) -> None:
    client = make(job_workers=0, queue_max=1).test_client()
    ask(client)
    full = ask(client, "1" * 32)
    assert (full.status_code, full.headers["Retry-After"]) == (503, "30")
    assert said(full) == "No answer: too many jobs are waiting already."


def test_a_time_out_offers_the_background(make: Callable[..., Flask], model: Endpoint) -> None:
    model.seconds = 0.6
    client = make(background=False, timeout=0.2).test_client()
    page = ask(client)
    assert page.status_code == 504
    assert "This calls the model again" in page.text
    button = re.search(r'<button form="(\w+)" name="_background" value="1">', page.text)
    assert button
    assert f'<form id="{button[1]}"' in page.text
    ticket = ask(client, "1" * 32, _background="1")
    assert ticket.status_code == 303
    end = done(client, ticket.location)
    assert "Ada" in said(client.get(end.location.partition("#")[0]))


def test_where_nothing_is_kept_nothing_is_offered(make: Callable[..., Flask], model: Endpoint) -> None:
    model.seconds = 0.6
    client = make(background=False, timeout=0.2, answer_minutes=0).test_client()
    page = ask(client)
    assert page.status_code == 504
    assert "_background" not in page.text
    assert ask(client, "1" * 32, _background="1").status_code == 504


def test_other_failures_offer_nothing(make: Callable[..., Flask], model: Endpoint) -> None:
    model.status = 500
    assert "_background" not in ask(make(background=False, retries=0).test_client()).text


def test_wrong_input_is_said_before_there_is_a_ticket(make: Callable[..., Flask]) -> None:
    assert make().test_client().post("/", data={"name": ""}).status_code == 422


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"ASYNC": "true"}, True),
        ({"MODEL_ASYNC": "true"}, True),
        ({"NAME": "plants", "PLANTS_ASYNC": "on"}, True),
        ({"NAME": "plants", "MODEL_ASYNC": "on"}, False),
        ({}, False),
    ],
)
def test_async_of_one_model(given: dict[str, str], wanted: bool) -> None:
    assert Settings.read(given).background is wanted


def test_async_of_several_models() -> None:
    read = Settings.read({"MODELS": "fast,slow", "SLOW_ASYNC": "true"})
    assert {one.name: one.background for one in read.each} == {"fast": False, "slow": True}
    with pytest.raises(SettingError, match=r"^SLOW_ASYNC must be true or false"):
        Settings.read({"MODELS": "fast,slow", "SLOW_ASYNC": "perhaps"})


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("DATABASE_URL", "postgres://me:p%40ssword-9@db.example/jobs", "p@ssword-9"),
        ("REDIS_URL", "rediss://:long-password@cache.example:6380/0", "long-password"),
    ],
)
def test_passwords_of_the_stores_are_secrets(name: str, value: str, secret: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(value)
    for given in ({name: value}, {f"{name}_FILE": str(file)}):
        read = Settings.read(given)
        assert secret in read.secrets()
        assert secret not in repr(read)


@pytest.mark.parametrize(("name", "value"), [("DATABASE_URL", "mysql://x/y"), ("REDIS_URL", "http://x")])
def test_stores_that_are_none_stop_the_start(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name} must be such as"):
        Settings.read({name: value})
