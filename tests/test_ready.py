"""`/ready`: it reaches what an answer needs, in time, and never sends a request; real sockets on the other side."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from conftest import KEY, MakeApp
from flask.testing import FlaskClient
from soak.parts import HAS_POSTGRES, HAS_REDIS, SAMPLE, Endpoint, Part, free_port, postgres, redis_command

from FlaskAppAML.settings import Settings
from FlaskAppAML.web import health

NOTHING_HEARD = b""


class Listener:
    """Takes connections and notes what is said to it: one entry for each."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.heard: list[bytes] = []
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def __enter__(self) -> Listener:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                door, _ = self._socket.accept()
            except OSError:
                return
            try:
                door.settimeout(5)
                door = self._context.wrap_socket(door, server_side=True) if self._context else door
                self.heard.append(door.recv(1000))
            except OSError as error:
                self.heard.append(type(error).__name__.encode())
            door.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as made:
        yield made


def settled(listener: Listener, count: int) -> list[bytes]:
    """What was heard, once so many connections came to their end."""
    for _ in range(200):
        if len(listener.heard) >= count:
            break
        time.sleep(0.02)
    return listener.heard


def ask(browser: FlaskClient, status: int) -> str:
    """The status word, or what the problem says."""
    answer = browser.get("/ready")
    assert answer.status_code == status, answer.text
    assert KEY not in answer.text
    document = answer.get_json(force=True)
    if status == 200:
        return str(document["status"])
    assert answer.content_type == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1
    return str(document["detail"])


def test_it_connects_and_says_nothing(make_app: MakeApp, listener: Listener) -> None:
    browser = make_app(url=f"http://127.0.0.1:{listener.port}/score").test_client()
    assert ask(browser, 200) == "ready"
    assert settled(listener, 1) == [NOTHING_HEARD]


def test_the_handshake_belongs_to_it(make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    for authority, status in ((ours, 200), (theirs, 503)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        with Listener(context) as listener:
            said = ask(make_app(url=f"https://127.0.0.1:{listener.port}/score").test_client(), status)
            settled(listener, 1)
        assert said == "ready" or "certificate is not trusted" in said
        assert (listener.heard == [NOTHING_HEARD]) == (status == 200)


def test_an_endpoint_that_is_away_is_told_as_a_problem(make_app: MakeApp) -> None:
    browser = make_app(url=f"http://127.0.0.1:{free_port()}/score").test_client()
    assert ask(browser, 503) == "The endpoint cannot be reached. It does not accept connections at this address."
    assert browser.get("/health").status_code == 200


def test_a_handshake_that_hangs_ends_in_time(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "REACH_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        said = ask(make_app(url=f"https://127.0.0.1:{silent.getsockname()[1]}/score").test_client(), 503)
        assert time.monotonic() - started < 10
    assert said.startswith("The endpoint cannot be reached.")


def test_what_was_found_is_known_for_a_while(
    make_app: MakeApp, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(url=f"http://127.0.0.1:{listener.port}/score")
    askers = [threading.Thread(target=lambda: ask(app.test_client(), 200)) for _ in range(8)]
    for one in askers:
        one.start()
    for one in askers:
        one.join()
    assert len(settled(listener, 1)) == 1
    monkeypatch.setattr(health, "KNOWN_SECONDS", 0.0)
    later = make_app(url=f"http://127.0.0.1:{listener.port}/score").test_client()
    for _ in range(2):
        ask(later, 200)
    assert len(settled(listener, 3)) == 3


def test_a_connection_that_is_kept_proves_nothing(make_app: MakeApp) -> None:
    with Endpoint(0.0) as model:
        browser = make_app(url=model.url, schema=SAMPLE).test_client()
        assert browser.post("/", data={"name": "Ada"}).status_code == 200
    assert ask(browser, 503).startswith("The endpoint cannot be reached.")


def test_each_of_several_models_counts(make_app: MakeApp, listener: Listener) -> None:
    here, nowhere = (f"http://127.0.0.1:{port}/score" for port in (listener.port, free_port()))
    both = (Settings(name="one", url=here, api_key=KEY), Settings(name="two", url=nowhere, api_key=KEY))
    said = ask(make_app(models=("one", "two"), each=both).test_client(), 503)
    assert said.startswith("The endpoint of two cannot be reached.")
    assert "one" not in said


def test_what_is_not_configured_is_not_ready(make_app: MakeApp) -> None:
    assert ask(make_app(url="").test_client(), 503) == "Missing: URL."
    half = (Settings(name="one", url="http://127.0.0.1:9/x", api_key=KEY), Settings(name="two"))
    assert ask(make_app(models=("one", "two"), each=half).test_client(), 503) == "Missing: TWO_URL, TWO_API_KEY."


def test_probes_need_neither_the_password_nor_the_name(make_app: MakeApp, listener: Listener) -> None:
    url = f"http://127.0.0.1:{listener.port}/score"
    browser = make_app(url=url, password="correct horse battery", trusted_hosts=("app.example",)).test_client()
    assert ask(browser, 200) == "ready"


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    port = free_port()
    part = Part("redis", redis_command(port), dict(os.environ), folder / "redis.log", port)
    part.start()
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        part.kill()


@pytest.mark.skipif(
    not ((HAS_POSTGRES and HAS_REDIS) or os.environ.get("CI")),
    reason="LOUD: no PostgreSQL or no Redis, so neither was looked for",
)
def test_database_and_redis_belong_to_it(
    make_app: MakeApp, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "KNOWN_SECONDS", 0.1)
    with postgres() as address:
        database = Settings.read({"DATABASE_URL": address}).database_url
        with redis(tmp_path) as url:
            stores = {"database_url": database, "redis_url": url}
            browser = make_app(url=f"http://127.0.0.1:{listener.port}/score", **stores).test_client()
            assert ask(browser, 200) == "ready"
        time.sleep(0.2)
        assert ask(browser, 503).startswith("Redis cannot be reached.")
    time.sleep(0.2)
    assert ask(browser, 503).startswith("The database cannot be reached. Redis cannot be reached.")
