"""Every fault of the table in `misbehaving.py`, through the whole app: status, kind, tries, and nothing leaked."""

from __future__ import annotations

import gc
import re
import socket
import threading
import time
import tracemalloc
from base64 import b64encode
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from conftest import COMPANY, KEY, MakeApp, some
from flask import Flask
from misbehaving import CASES, MODEL_TEXT, UNKNOWN_NAME, Case, Misbehaving

from FlaskAppAML import client as client_module
from FlaskAppAML.redact import forms

TIMEOUT = 3.0  # seconds
HANGS = 0.6  # seconds that are left to what never ends; the drips come four times as often
CAP = 2 * 1024**2


@pytest.fixture
def faulty(
    make_app: MakeApp, misbehaving: Misbehaving, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Flask:
    """The app in front of the case that the test is about, with a visitor's rights."""
    case: Case = request.getfixturevalue("case")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", misbehaving.ca_pem)
    misbehaving.reset(case.name)
    misbehaving.elsewhere.clear()
    monkeypatch.setattr(client_module, "FIRST_WAIT", 0.02)
    hangs = case.kind == "timeout" and case.tries == "no"
    timeout, connect_timeout = (HANGS, HANGS / 2) if hangs else (TIMEOUT, 1.0)
    most = 32 * 1024**2 if case.kind in ("ok", "json") else CAP
    url = misbehaving.url(case.name)
    return make_app(url=url, timeout=timeout, connect_timeout=connect_timeout, max_response_bytes=most)


EVERY = [case for name, case in CASES.items() if name != "dns-hang"]
ONE_OF_EACH = {(case.kind, case.status): case for case in EVERY}.values()


def name_of(case: Case) -> str:
    return case.name


def tries(server: Misbehaving, case: Case) -> int:
    return len(server.calls(case.name))


def assert_nothing_leaked(text: str, case: Case, *, html: bool) -> None:
    for form in {*forms(KEY), KEY[:12], KEY[-12:], quote(KEY)[:16], b64encode(KEY.encode()).decode()[:12]}:
        assert form not in text, f"the key leaked as {form!r}"
    for secret in case.secrets:
        if html or "<" not in secret:
            assert secret not in text
    if html:
        assert MODEL_TEXT not in unescape(text)
    assert "Traceback" not in text


@pytest.mark.parametrize("case", EVERY, ids=name_of)
def test_page(case: Case, faulty: Flask, misbehaving: Misbehaving, capfd: pytest.CaptureFixture[str]) -> None:
    """A person's submission: the right status, the form still filled in, nothing leaked, in time."""
    browser = faulty.test_client()
    if case.tries == "fresh":
        assert browser.post("/", data=COMPANY).status_code == 200  # leaves a connection behind
        time.sleep(0.5 if case.name == "ok-stale-pool" else 0)
    before = tries(misbehaving, case)
    started = time.monotonic()
    answer = browser.post("/", data=COMPANY)
    took = time.monotonic() - started
    page = answer.text

    assert answer.status_code == case.status
    assert took < TIMEOUT + 1 or case.kind == "ok", "what only has much to draw may take longer on a busy computer"
    assert_nothing_leaked(page, case, html=True)
    for name, value in answer.headers.items():
        assert_nothing_leaked(f"{name}: {value}", case, html=True)
    assert_nothing_leaked(capfd.readouterr().err, case, html=False)
    assert not misbehaving.elsewhere, "the call went to another host"
    if case.name != "empty-url":
        assert 'value="Contoso Bank"' in page, "the form must stay filled in"
        assert ("No answer:" in page) == (case.status != 200)
    assert len(page) < 400_000
    assert_tries(case, tries(misbehaving, case) - before, misbehaving)


def assert_tries(case: Case, made: int, server: Misbehaving) -> None:
    if case.serve is None:
        return
    if case.scheme == "https" or case.name == "plain-to-tls":
        assert server.connections(case.name) == 2 - (case.name == "tls-ok")  # for the description, and for the call
        assert made == (case.name == "tls-ok")
        return
    if case.name == "redirect-loop":
        assert made == 2  # the call, and the one redirect inside its own origin
    elif case.tries == "no":
        assert made == 1
    elif case.tries == "once":
        # what is reset unread was sent, but is not counted as a call
        assert made == (0 if case.reads == "nothing" else 2)
        assert server.connections(case.name) == 2
    elif case.tries == "yes":
        assert 2 <= made <= 3
    else:
        assert 1 <= made <= 2


@pytest.mark.parametrize("case", some(EVERY, *ONE_OF_EACH), ids=name_of)
def test_problem_document(case: Case, faulty: Flask) -> None:
    """The same for a program: a problem document with the kind."""
    answer = faulty.test_client().post("/", data=COMPANY, headers={"Accept": "application/json"})
    if case.status == 200:
        assert answer.status_code == 200
        return
    assert answer.status_code == case.status
    assert answer.content_type == "application/problem+json"
    document = answer.get_json()
    assert document["kind"] == case.kind
    assert document["status"] == case.status
    assert re.fullmatch("[0-9a-f]{32}", document["request_id"])
    assert document["detail"]
    assert_nothing_leaked(answer.text, case, html=False)
    if case.status == 503:
        assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("case", [pytest.param(CASES["dns-hang"], id="dns-hang")])
def test_a_name_server_that_never_answers(case: Case, faulty: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mock: the system's resolver cannot be pointed at a silent name server from inside a test."""
    real, over = socket.getaddrinfo, threading.Event()

    def hang(host: str, *args: Any, **options: Any) -> Any:
        if host == UNKNOWN_NAME and not options.get("flags"):
            over.wait(20)
        return real(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    started = time.monotonic()
    answer = faulty.test_client().post("/", data=COMPANY, headers={"Accept": "application/json"})
    over.set()
    assert answer.status_code == 504
    assert answer.get_json()["kind"] == "timeout"
    assert time.monotonic() - started < HANGS + 1


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(CASES["huge-undeclared"], id="huge-undeclared", marks=pytest.mark.slow),
        pytest.param(CASES["endless-chunks"], id="endless-chunks"),
    ],
)
def test_memory_stays_bounded(case: Case, faulty: Flask) -> None:
    gc.collect()
    tracemalloc.start()
    try:
        assert faulty.test_client().post("/", data=COMPANY).status_code == 502
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024**2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("case", [pytest.param(CASES["echo-key-200"], id="echo-key-200")])
def test_the_key_is_in_no_download(case: Case, faulty: Flask, tmp_path: Any) -> None:
    """Not in the page, the kept file, the JSON, the CSV, nor in the problem document."""
    browser = faulty.test_client()
    page = browser.post("/", data={**COMPANY, "_once": "0" * 32}).text
    link = re.search(r"/answers/([0-9a-f]{32})\.json", page)
    assert link
    texts = [page, *(browser.get(f"/answers/{link[1]}{end}").text for end in ("", ".json", ".csv"))]
    texts += [path.read_bytes().decode("latin-1") for path in (tmp_path / "data").glob("answers.*")]
    assert len(texts) >= 5
    for text in texts:
        assert_nothing_leaked(text, case, html=False)


@pytest.mark.parametrize("case", [pytest.param(CASES["500-aml"], id="500-aml")])
def test_five_failures_in_a_row_make_a_pause(
    case: Case, faulty: Flask, misbehaving: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PAUSE_SECONDS", 0.4)
    browser = faulty.test_client()
    statuses = [browser.post("/", data=COMPANY).status_code for _ in range(7)]
    assert statuses == [502] * 5 + [503] * 2
    assert tries(misbehaving, case) == 5
    time.sleep(0.5)
    assert browser.post("/", data=COMPANY).status_code == 502


@pytest.mark.parametrize("case", [pytest.param(CASES["401"], id="401")])
def test_a_refused_key_makes_no_pause(case: Case, faulty: Flask) -> None:
    browser = faulty.test_client()
    assert [browser.post("/", data=COMPANY).status_code for _ in range(7)] == [502] * 7
