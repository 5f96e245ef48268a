"""Who may come in, what browsers may do with the pages, and what the owner alone sees."""

from __future__ import annotations

import base64
import html
import json
import re

import pytest
from conftest import COMPANY, KEY, MakeApp
from flask.testing import FlaskClient
from house import check
from misbehaving import MODEL_TEXT, Misbehaving

from demo.server import Demo
from FlaskAppAML.web.rate_limits import client_address

PASSWORD = "correct horse battery"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://LOCALHOST"}, 200),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_form_is_taken_from_our_own_pages_and_from_programs(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/", data=COMPANY, headers=headers)
    assert answer.status_code == status
    check(answer.text)


@pytest.mark.parametrize("path", ["/", "/about", "/nope", "/health", "/answers/" + "0" * 32])
def test_every_answer_carries_the_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Set-Cookie" not in headers
    assert re.fullmatch("[0-9a-f]{32}", headers["X-Request-ID"])


def test_frame_ancestors_are_a_setting(make_app: MakeApp, demo: Demo) -> None:
    app = make_app(url=demo.url, frame_ancestors="https://intranet.example")
    assert "frame-ancestors https://intranet.example" in app.test_client().get("/").headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nope", 404, "not_found"),
        ("PUT", "/", 405, "unsupported"),
        ("DELETE", "/about", 405, "unsupported"),
        ("GET", "/static/../settings.py", 404, "not_found"),
        ("GET", "/static/app.css", 404, "not_found"),
    ],
)
def test_errors_of_ours_are_pages_and_problems(
    client: FlaskClient, method: str, path: str, status: int, kind: str
) -> None:
    page = client.open(path, method=method)
    assert page.status_code == status
    check(page.text)
    problem = client.open(path, method=method, headers={"Accept": "application/json"})
    assert problem.content_type == "application/problem+json"
    assert problem.get_json()["kind"] == kind
    assert (status == 405) == ("Allow" in page.headers)


def test_a_request_may_not_be_too_large(make_app: MakeApp, demo: Demo) -> None:
    browser = make_app(url=demo.url, max_request_bytes=2000).test_client()
    answer = browser.post("/", data={**COMPANY, "text": "x" * 3000})
    assert answer.status_code == 413
    check(answer.text)


def test_a_text_longer_than_flasks_own_limit_reaches_our_rules(client: FlaskClient) -> None:
    answer = client.post("/", data={**COMPANY, "text": "x" * 600_000})
    assert answer.status_code == 422
    assert "Use at most 1,000 characters; this is 600,000." in answer.text


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"title=%ff%fe&text=%00", "application/x-www-form-urlencoded"),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b"not a multipart body", "multipart/form-data; boundary=x"),
        (b"{}", "application/json"),
        (b"", "text/plain"),
        (b"&" * 5000, "application/x-www-form-urlencoded"),
    ],
)
def test_malformed_bodies_get_a_message(client: FlaskClient, data: bytes, content_type: str) -> None:
    answer = client.post("/", data=data, content_type=content_type)
    assert answer.status_code in (400, 422)
    check(answer.text)


def test_hosts_can_be_limited(make_app: MakeApp, demo: Demo) -> None:
    browser = make_app(url=demo.url, trusted_hosts=("ours.example",)).test_client()
    assert browser.get("/", headers={"Host": "ours.example"}).status_code == 200
    assert browser.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_submissions_are_limited_per_client(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    misbehaving.reset("ok")
    browser = make_app(url=misbehaving.url("ok"), rate_limit="3/minute").test_client()
    answers = [browser.post("/", data=COMPANY) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert 'value="Contoso Bank"' in answers[-1].text, "the form stays filled in"
    assert len(misbehaving.calls("ok")) == 3
    assert browser.get("/").status_code == 200
    elsewhere = browser.post("/", data=COMPANY, environ_base={"REMOTE_ADDR": "10.0.0.9"})
    assert elsewhere.status_code == 200


# The shared password


def test_nothing_but_health_is_open_without_the_password(make_app: MakeApp, demo: Demo) -> None:
    browser = make_app(url=demo.url, password=PASSWORD).test_client()
    for path in ("/", "/about", "/nope", "/answers/" + "0" * 32):
        answer = browser.get(path)
        assert answer.status_code == 401
        assert "WWW-Authenticate" not in answer.headers
        check(answer.text)
    assert browser.post("/", data=COMPANY).status_code == 401
    assert browser.get("/health").status_code == 200


def test_signing_in_opens_the_app(make_app: MakeApp, demo: Demo) -> None:
    app = make_app(url=demo.url, password=PASSWORD)
    browser = app.test_client()
    assert browser.post("/sign-in", data={"password": "wrong"}).status_code == 401
    answer = browser.post("/sign-in", data={"password": PASSWORD, "next": "/about"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/about")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert browser.post("/", data=COMPANY).status_code == 200
    assert app.test_client().get("/").status_code == 401


def test_a_new_password_makes_old_cookies_worthless(make_app: MakeApp, demo: Demo) -> None:
    old, new = (make_app(url=demo.url, password=word) for word in (PASSWORD, PASSWORD + "!"))
    sent = old.test_client().post("/sign-in", data={"password": PASSWORD}).headers["Set-Cookie"]
    for app, status in ((old, 200), (new, 401)):
        browser = app.test_client()
        browser.set_cookie("signed-in", sent.partition("=")[2].partition(";")[0])
        assert browser.get("/").status_code == status


@pytest.mark.parametrize("cookie", ["", "in", "ImluIg.x.y", "%ff", "ü"])
def test_a_forged_cookie_opens_nothing(make_app: MakeApp, demo: Demo, cookie: str) -> None:
    browser = make_app(url=demo.url, password=PASSWORD).test_client()
    browser.set_cookie("signed-in", cookie)
    assert browser.get("/").status_code == 401


def test_programs_sign_in_with_each_request(make_app: MakeApp, demo: Demo) -> None:
    browser = make_app(url=demo.url, password=PASSWORD).test_client()
    for word, status in ((PASSWORD, 200), ("wrong", 401), ("", 401)):
        credentials = base64.b64encode(f"anyone:{word}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}"}
        assert browser.post("/", data=COMPANY, headers=headers).status_code == status


def test_passwords_cannot_be_tried_for_ever(make_app: MakeApp, demo: Demo) -> None:
    browser = make_app(url=demo.url, password=PASSWORD, rate_limit="off").test_client()
    statuses = [browser.post("/sign-in", data={"password": "guess"}).status_code for _ in range(22)]
    assert statuses == [401] * 20 + [429] * 2
    credentials = base64.b64encode(f"x:{PASSWORD}".encode()).decode()
    assert browser.get("/", headers={"Authorization": f"Basic {credentials}"}).status_code == 429
    assert browser.post("/sign-in", data={"password": PASSWORD}).status_code == 429


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "/a\r\nX: y"])
def test_signing_in_leads_to_our_own_pages_only(make_app: MakeApp, demo: Demo, target: str) -> None:
    browser = make_app(url=demo.url, password=PASSWORD).test_client()
    answer = browser.post("/sign-in", data={"password": PASSWORD, "next": target})
    assert answer.headers["Location"] == "/"


# The owner


@pytest.mark.parametrize(
    ("local", "headers", "sees"),
    [
        (True, {}, True),
        (True, {"Host": "127.0.0.1:5555"}, True),
        (True, {"Host": "[::1]:5555"}, True),
        (True, {"Host": "evil.example"}, False),
        (True, {"X-Forwarded-For": "127.0.0.1"}, False),
        (True, {"Forwarded": "for=127.0.0.1"}, False),
        (False, {}, False),
    ],
)
def test_the_owner_alone_reads_why_a_model_failed(
    make_app: MakeApp, misbehaving: Misbehaving, local: bool, headers: dict[str, str], sees: bool
) -> None:
    browser = make_app(url=misbehaving.url("500-aml"), local=local).test_client()
    page = browser.post("/", data=COMPANY, headers=headers)
    assert (MODEL_TEXT in html.unescape(page.text)) == sees
    assert page.status_code == 502


def test_a_visitor_reads_what_is_about_their_input(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    answer = make_app(url=misbehaving.url("400-aml")).test_client().post("/", data=COMPANY)
    assert answer.status_code == 422
    assert "In its words" in answer.text
    check(answer.text)


# The log


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_one_line_per_request_with_its_id_and_without_secrets(
    make_app: MakeApp, misbehaving: Misbehaving, log_format: str, capfd: pytest.CaptureFixture[str]
) -> None:
    url = misbehaving.url("echo-key-500-html")
    browser = make_app(url=url, log_format=log_format).test_client()
    browser.get("/")
    capfd.readouterr()
    answer = browser.post("/", data=COMPANY)
    lines = [line for line in capfd.readouterr().err.splitlines() if line]
    request_id = answer.headers["X-Request-ID"]
    assert len(lines) == 2, "what the endpoint said, and the request"
    assert all(request_id in line and KEY not in line for line in lines)
    assert request_id in answer.text
    if log_format == "json":
        document = json.loads(lines[1])
        assert (document["status"], document["kind"], document["upstream"]) == (502, "model_error", 500)


def test_strange_paths_cannot_forge_log_lines(client: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    client.get("/x%0a2026-01-01T00:00:00.000Z info GET / status=200%1b[31m")
    assert len(capfd.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("203.0.113.5:41000", "203.0.113.5"),
        ("203.0.113.5", "203.0.113.5"),
        ("[2001:db8::1]:41000", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_a_client_is_counted_without_its_port(forwarded: str, client: str, make_app: MakeApp, demo: Demo) -> None:
    """Azure's front end sends the port along, and each connection has another."""
    browser = make_app(url=demo.url, proxy_hops=1, rate_limit="1/minute").test_client()
    statuses = [
        browser.post("/", data=COMPANY, headers={"X-Forwarded-For": forwarded.replace("41000", port)}).status_code
        for port in ("41000", "41001")
    ]
    assert statuses == [200, 429]
    with browser.application.test_request_context(environ_base={"REMOTE_ADDR": forwarded}):
        assert client_address() == client
