"""What an endpoint, a visitor or an accident tried, and must not get: each was once possible."""

from __future__ import annotations

import base64
import json
import os
import platform
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from conftest import COMPANY, KEY, MakeApp
from flask.testing import FlaskClient
from house import check

from FlaskAppAML import answers as answers_module
from FlaskAppAML import client as client_module
from FlaskAppAML.answers import Answers
from FlaskAppAML.errors import SettingError
from FlaskAppAML.redact import Redactor
from FlaskAppAML.settings import Settings

Answer = tuple[int, dict[str, str], bytes]
ONCE = "cd" * 16
PLAIN_KEY = "abcdefghij-klmnopqrst-0123456789"


def table(*cells: Any, columns: list[str] | None = None) -> Answer:
    names = columns or [f"c{i}" for i in range(len(cells))]
    value = {"ColumnNames": names, "Values": [list(cells)]}
    return results({"output1": {"type": "table", "value": value}})


def results(made: dict[str, Any]) -> Answer:
    return 200, {}, json.dumps({"Results": made}).encode()


class Endpoint:
    """An endpoint that answers whatever `answer` makes of a body."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], Answer] = lambda body: table("fine")
        self.description: bytes = b""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.bodies.append(body)
                self._send(*outer.answer(body))

            def do_GET(self) -> None:
                self._send(200 if outer.description else 404, {}, outer.description)

            def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/workspaces/a/services/b/execute"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


# One visitor's answer must not reach another


def test_an_interim_answer_is_not_the_answer(make_app: MakeApp) -> None:
    """103 Early Hints: taken for the answer, it would leave the real one on the connection for whoever asks next."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_hint_first, args=(server,), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/workspaces/a/services/b/execute"
        schema = '{"Inputs": {"input1": {"ColumnNames": ["title"], "Values": [["x"]]}}}'
        browser = make_app(url=url, schema=schema).test_client()
        for name in ("Alice", "Bob", "Carol"):
            assert f"<bdi>for {name}</bdi>" in browser.post("/", data={"title": name}).text


def _hint_first(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as stream:
        while line := stream.readline():
            length = 0
            while line.strip():
                length = int(line.split(b":")[1]) if line.lower().startswith(b"content-length") else length
                line = stream.readline()
            name = json.loads(stream.read(length))["Inputs"]["input1"]["Values"][0][0]
            body = table(f"for {name}")[2]
            connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
            time.sleep(0.1)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


# Secrets


@pytest.mark.parametrize(
    "answer",
    [
        lambda text: (400, {}, json.dumps({"error": {"code": "BadArgument", "message": text}}).encode()),
        lambda text: (400, {}, json.dumps({"error": {"code": text, "message": "no"}}).encode()),
        lambda text: (500, {}, text.encode()),
        lambda text: table(text),
        lambda text: table(text, "other"),
        lambda text: table([text], "other"),
        lambda text: (200, {}, json.dumps({"said": text}).encode()),
    ],
    ids=["text", "code", "log", "sentence", "cell", "nested cell", "JSON"],
)
def test_no_cut_goes_through_a_secret(
    answer: Callable[[str], Answer],
    make_app: MakeApp,
    endpoint: Endpoint,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A key that lies across the place where a text is cut must go whole, not all but its last letter."""
    monkeypatch.setattr(client_module, "FAILURES_BEFORE_PAUSE", 100)
    browser = make_app(url=endpoint.url, api_key=PLAIN_KEY).test_client()
    for cut, offset in product((80, 300, 600, 2000, 20_000), (2, 8, len(PLAIN_KEY) - 2)):
        endpoint.answer = lambda body, at=cut - offset: answer("x" * at + PLAIN_KEY + "y" * 50)  # type: ignore[misc]
        page = browser.post("/", data=COMPANY).text
        assert PLAIN_KEY[:6] not in page, (cut, offset)
        assert PLAIN_KEY[:6] not in capfd.readouterr().err, (cut, offset)
    assert len(endpoint.bodies) == 15


def test_the_parts_of_a_header_are_secret_too(make_app: MakeApp, endpoint: Endpoint) -> None:
    headers = {"Authorization": "Bearer tok-98765-abcdef", "x-functions-code": "fun-4711-xyz"}
    endpoint.answer = lambda body: table("tok-98765-abcdef", "fun-4711-xyz")
    page = make_app(url=endpoint.url, auth="none", api_key="", headers=headers).test_client().post("/", data=COMPANY)
    assert page.status_code == 200
    assert "tok-98765" not in page.text
    assert "fun-4711" not in page.text


def test_a_description_cannot_give_the_key_away(make_app: MakeApp, endpoint: Endpoint, tmp_path: Path) -> None:
    fields = {"ExecutionInputs": {"properties": {"in": {"items": {"properties": {"a": {"default": PLAIN_KEY}}}}}}}
    endpoint.description = json.dumps({"definitions": fields}).encode()
    page = make_app(url=endpoint.url, api_key=PLAIN_KEY).test_client().get("/").text
    kept = "".join(path.read_text() for path in (tmp_path / "data").glob("*.json"))
    assert 'name="a"' in page
    assert PLAIN_KEY not in page + kept


@pytest.mark.parametrize("parameter", ["code", "sig", "key", "api-key", "subscription-key", "access_token"])
def test_a_key_in_the_url_is_refused(parameter: str) -> None:
    with pytest.raises(SettingError, match="AUTH=query:NAME"):
        Settings.read({"URL": f"https://h.example/score?{parameter}=s3cr3t", "API_KEY": KEY})


@pytest.mark.parametrize("style", ["bearer", "basic", "header:X-Key", "query:key"])
def test_the_key_comes_back_from_no_style_of_sending_it(style: str, make_app: MakeApp, endpoint: Endpoint) -> None:
    key = "user:" + PLAIN_KEY if style == "basic" else PLAIN_KEY
    coded = base64.b64encode(key.encode()).decode()
    endpoint.answer = lambda body: table(key, f"Basic {coded}", f"?key={PLAIN_KEY}")
    page = make_app(url=endpoint.url, auth=style, api_key=key).test_client().post("/", data=COMPANY).text
    assert PLAIN_KEY not in page
    assert coded[8:] not in page


# One click is one call


def test_a_row_is_sent_by_the_schema_that_checked_it(make_app: MakeApp, endpoint: Endpoint) -> None:
    """Another process may read a newer description between the check and the call."""
    app = make_app(url=endpoint.url)
    site = app.extensions["site"]
    model = site.models["model"]
    described = model._description

    def swap(body: dict[str, Any]) -> Answer:
        return table("fine")

    endpoint.answer = swap
    form_class = model.form_class

    def form_then_new_schema() -> Any:
        found = form_class()
        described._schema = None
        described._next_look = 0.0
        fields = {"properties": {"in": {"items": {"properties": {"new": {"type": "string"}}}}}}
        endpoint.description = json.dumps({"definitions": {"ExecutionInputs": fields}}).encode()
        return found

    object.__setattr__(model, "form_class", form_then_new_schema)
    assert app.test_client().post("/", data=COMPANY).status_code == 200
    assert endpoint.bodies[0]["Inputs"]["input1"]["ColumnNames"] == ["Title", "Category", "Text"]


def test_what_a_dead_process_left_is_taken_over_at_once_and_by_one_alone(tmp_path: Path) -> None:
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    calls: list[int] = []

    def make() -> dict[str, Any]:
        calls.append(1)
        time.sleep(0.05)
        return {"raw": 1}

    keeper = Answers(tmp_path, 15, 25.0, Redactor([]))
    for round_ in range(10):
        key = f"{round_:032x}"
        row = {"id": key, "maker": f"{platform.node()}:{gone}", "over": time.time() + 25, "now": time.time()}
        assert keeper._file.write(answers_module.CLAIM, row) == 1
        started = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _, key=key: keeper.once(key, make)["raw"], range(8)))
        assert found == [1] * 8
        assert time.monotonic() - started < 5
        assert len(calls) == round_ + 1


def test_old_answers_go_at_the_start(make_app: MakeApp, endpoint: Endpoint, tmp_path: Path) -> None:
    for minutes, left in ((1, 0), (0, None)):
        made = make_app(url=endpoint.url, answer_minutes=1)
        made.test_client().post("/", data={**COMPANY, "_once": ONCE})
        path = tmp_path / "data" / answers_module.FILE_NAMES[0]
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE answers SET over = 1")
        connection.close()
        make_app(url=endpoint.url, answer_minutes=minutes)
        if left is None:
            assert not path.exists()
        else:
            with sqlite3.connect(path) as connection:
                assert connection.execute("SELECT count(*) FROM answers").fetchone() == (left,)
            connection.close()


def test_the_pause_holds_those_who_wait_too(make_app: MakeApp, endpoint: Endpoint) -> None:
    def fail(body: dict[str, Any]) -> Answer:
        time.sleep(0.05)
        return 500, {}, b"broken"

    endpoint.answer = fail
    app = make_app(url=endpoint.url, max_calls=2)
    with ThreadPoolExecutor(18) as pool:
        statuses = list(pool.map(lambda _: app.test_client().post("/", data=COMPANY).status_code, range(18)))
    assert set(statuses) == {502, 503}
    assert len(endpoint.bodies) <= 8


def test_a_full_memory_of_double_clicks_counts_from_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "DOUBLE_CLICK_SECONDS", 0.1)
    keeper, calls, go_on = answers_module.Forgetful(), [], threading.Event()

    def slow() -> dict[str, Any]:
        calls.append(1)
        go_on.wait(20)
        return {"raw": 1}

    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(keeper.once, ONCE, slow)]
        for _ in range(2):
            time.sleep(0.12)
            jobs.append(pool.submit(keeper.once, ONCE, slow))
        time.sleep(0.05)
        go_on.set()
        assert [job.result()["raw"] for job in jobs] == [1, 1, 1]
    assert len(calls) == 1


# Size and time


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(lambda: b"[" + b"[]," * 1_000_000 + b"[]]", id="many lists"),
        pytest.param(
            lambda: json.dumps({f"k{i}": i for i in range(600_000)}).encode(), id="many keys", marks=pytest.mark.slow
        ),
    ],
)
def test_more_values_than_memory_is_refused_at_once(
    body: Callable[[], bytes], make_app: MakeApp, endpoint: Endpoint
) -> None:
    made = body()
    endpoint.answer = lambda _: (200, {}, made)
    started = time.thread_time()
    answer = make_app(url=endpoint.url).test_client().post("/", data=COMPANY)
    assert answer.status_code == 502
    assert "values, the most that this app reads" in answer.text
    assert time.thread_time() - started < 5


def test_a_deep_answer_is_not_indented_further_than_it_is_shown(make_app: MakeApp, endpoint: Endpoint) -> None:
    deep: Any = [{"a": 1}] * 50_000
    for _ in range(90):
        deep = [deep]
    endpoint.answer = lambda _: (200, {}, json.dumps(deep).encode())
    started = time.thread_time()
    answer = make_app(url=endpoint.url).test_client().post("/", data=COMPANY)
    assert answer.status_code == 200
    assert len(answer.text) < 100_000
    assert time.thread_time() - started < 10


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda: table("x", columns=["n" * 5_000_000]), id="long column"),
        pytest.param(lambda: results({f"o{i}": [{"a": 1}] for i in range(5000)}), id="many outputs"),
        pytest.param(lambda: results({"o" * 1_000_000: [{"a": 1}]}), id="long output"),
        pytest.param(
            lambda: results({"o": [{f"c{c}": "x" * 2000 for c in range(50)}] * 150}),
            id="long cells",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_no_answer_makes_a_huge_page(answer: Callable[[], Answer], make_app: MakeApp, endpoint: Endpoint) -> None:
    made = answer()
    endpoint.answer = lambda _: made
    page = make_app(url=endpoint.url).test_client().post("/", data=COMPANY)
    assert page.status_code == 200
    check(page.text)
    assert len(page.text) < 1_500_000


def test_a_description_of_too_many_fields_is_not_drawn(make_app: MakeApp, endpoint: Endpoint) -> None:
    many = {f"c{i}": {"type": "string"} for i in range(20_000)}
    fields = {"ExecutionInputs": {"properties": {"in": {"items": {"properties": many}}}}}
    endpoint.description = json.dumps({"definitions": fields}).encode()
    assert 'name="title"' in make_app(url=endpoint.url).test_client().get("/").text


# Odd words on the wire


@pytest.mark.parametrize("location", ["http://[", "//[x", "http://h:port/", "\\\\evil", ""])
@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_that_cannot_be_read_is_a_redirect(
    location: str, status: int, make_app: MakeApp, endpoint: Endpoint
) -> None:
    endpoint.answer = lambda _: (status, {"Location": location}, b"")
    browser = make_app(url=endpoint.url).test_client()
    answer = browser.post("/", data=COMPANY, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.get_json()["kind"]) == (502, "redirect")


@pytest.mark.parametrize(
    ("status", "encoding", "kind"),
    [(401, "gzip", "auth"), (401, "br", "auth"), (413, "gzip", "too_large"), (503, "deflate", "overload")],
)
def test_a_status_counts_also_when_the_body_cannot_be_unpacked(
    status: int, encoding: str, kind: str, make_app: MakeApp, endpoint: Endpoint
) -> None:
    endpoint.answer = lambda _: (status, {"Content-Encoding": encoding}, b"")
    browser = make_app(url=endpoint.url, retries=0).test_client()
    assert browser.post("/", data=COMPANY, headers={"Accept": "application/json"}).get_json()["kind"] == kind


def test_a_dead_address_leaves_time_for_the_next(make_app: MakeApp, endpoint: Endpoint) -> None:
    """A mock of the look-up alone: the first address drops what comes (TEST-NET-1), the second is the endpoint."""
    from FlaskAppAML import connection

    port = int(endpoint.url.split(":")[2].split("/")[0])
    kinds = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        blocked = [socket.create_connection(full.getsockname()) for _ in range(1)]
        addresses = [(*kinds, full.getsockname()), (*kinds, ("127.0.0.1", port))]
        waiting = []
        for _ in range(4):  # a queue that is full makes connecting hang
            extra = socket.socket()
            extra.setblocking(False)
            extra.connect_ex(full.getsockname())
            waiting.append(extra)
        monkey = pytest.MonkeyPatch()
        monkey.setattr(connection, "look_up", lambda *_: addresses)
        try:
            answer = make_app(url=endpoint.url, connect_timeout=1.0).test_client().post("/", data=COMPANY)
        finally:
            monkey.undo()
            for item in (*blocked, *waiting):
                item.close()
    assert answer.status_code == 200


# Visitors


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "http://localhost:port", "%%%"])
def test_an_origin_that_is_none_is_another_site(client: FlaskClient, origin: str) -> None:
    assert client.post("/", data=COMPANY, headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("host", ["x" * 300, "a b", "a\\b", "<script>", "a/b", "a@b"])
def test_a_host_that_is_none_is_refused(client: FlaskClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(("prefix", "shown"), [("/ml", "/ml"), ("//evil.example", ""), ("/a b", ""), ("evil", "")])
def test_only_a_path_prefix_is_taken_from_a_proxy(
    make_app: MakeApp, endpoint: Endpoint, prefix: str, shown: str
) -> None:
    browser = make_app(url=endpoint.url, proxy_hops=1).test_client()
    page = check(browser.get("/", headers={"X-Forwarded-Prefix": prefix}).text)
    assert page.all("form")[0]["action"] == f"{shown}/#answer"


@pytest.mark.parametrize("name", ["X-Forwarded-Port", "X-Forwarded-Server", "Via", "Forwarded", "X-Real-IP"])
def test_whoever_comes_through_a_proxy_is_no_owner(make_app: MakeApp, endpoint: Endpoint, name: str) -> None:
    endpoint.answer = lambda _: (500, {}, b'{"error": {"message": "in score.py, line 42"}}')
    browser = make_app(url=endpoint.url, local=True).test_client()
    assert "line 42" in browser.post("/", data=COMPANY).text
    assert "line 42" not in browser.post("/", data=COMPANY, headers={name: "x"}).text


def test_a_password_is_asked_before_a_body_is_read(make_app: MakeApp, endpoint: Endpoint) -> None:
    app = make_app(url=endpoint.url, password="correct horse", max_request_bytes=1000)
    assert app.test_client().post("/", data={"text": "x" * 5000}).status_code == 401


@pytest.mark.parametrize("content", ["", "short"])
def test_an_empty_signing_key_signs_nothing(
    make_app: MakeApp, endpoint: Endpoint, tmp_path: Path, content: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret-key").write_text(content)
    with pytest.raises(SettingError, match="holds no key"):
        make_app(url=endpoint.url, password="correct horse")
