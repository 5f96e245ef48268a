"""Rate limits over a real Redis: processes count together, and a Redis that is away costs no page."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from conftest import COMPANY, MakeApp
from flask import Flask
from soak.parts import HAS_REDIS, Endpoint, Part, address, environment, free_port, redis_command, web

from demo.server import Demo
from FlaskAppAML.web import rate_limits

pytestmark = pytest.mark.skipif(
    not (HAS_REDIS or os.environ.get("CI")), reason="LOUD: no Redis, so limits were not counted there"
)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Part]:
    port = free_port()
    part = Part("redis", redis_command(port), dict(os.environ), tmp_path / "redis.log", port)
    part.start()
    yield part
    part.kill()


class Clock:
    """In place of the module `time`: some seconds ahead of it."""

    time = staticmethod(time.time)
    ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def url_of(redis: Part) -> str:
    return address(redis).replace("http", "redis") + "/0"


def statuses(app: Flask, path: str = "/", count: int = 3, client: str = "10.0.0.1") -> list[int]:
    browser = app.test_client()
    asked = [browser.post(path, data=COMPANY, environ_base={"REMOTE_ADDR": client}) for _ in range(count)]
    return [answer.status_code for answer in asked]


@pytest.mark.slow
def test_two_servers_of_two_processes_count_together(redis: Part, model: Endpoint, tmp_path: Path) -> None:
    """Twelve are allowed; asked of both at the same time, neither lets through what the other has counted."""
    env = environment(tmp_path, URL=model.url, RATE_LIMIT="12/hour", REDIS_URL=url_of(redis))
    found: list[int] = []
    with ExitStack() as stack:
        servers = [web(env, tmp_path / f"web{number}.log", 2) for number in range(2)]
        for server in servers:
            stack.callback(server.kill)
            server.start()

        def ask(server: Part) -> None:
            for number in range(15):
                answer = requests.post(address(server), data={"name": f"n{number}"}, timeout=20)
                found.append(answer.status_code)

        askers = [threading.Thread(target=ask, args=(server,)) for server in servers]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
    assert Counter(found) == {200: 12, 429: 18}
    assert sum(model.calls.values()) == 12


def test_each_subject_and_each_client_has_a_share_of_its_own(make_app: MakeApp, demo: Demo, redis: Part) -> None:
    given = {"url": demo.url, "redis_url": url_of(redis), "rate_limit": "2/hour", "password": "correct horse battery"}
    one, two = make_app(**given), make_app(**given)
    signed_in = {"password": "correct horse battery"}
    wrong = [one.test_client().post("/sign-in", data={"password": "wrong one"}).status_code for _ in range(10)]
    wrong += [two.test_client().post("/sign-in", data={"password": "wrong one"}).status_code for _ in range(12)]
    assert Counter(wrong) == {401: 20, 429: 2}
    for client, expected in (("10.0.0.1", [200, 200, 429]), ("10.0.0.2", [200, 200, 429])):
        found = []
        for app in (one, two, one):
            browser = app.test_client()
            browser.post("/sign-in", data=signed_in, environ_base={"REMOTE_ADDR": client})
            found.append(browser.post("/", data=COMPANY, environ_base={"REMOTE_ADDR": client}).status_code)
        assert found == expected


def test_frames_are_counted_together_too(make_app: MakeApp, redis: Part) -> None:
    given = {"url": "http://127.0.0.1:9/score", "redis_url": url_of(redis), "camera": "2/hour"}
    schema = '{"type": "object", "properties": {"image": {"type": "string", "contentMediaType": "image/png"}}}'
    apps = [make_app(**given, schema=schema) for _ in range(2)]
    found = [statuses(app, "/camera", 1)[0] for app in (*apps, apps[0])]
    assert 429 not in found[:2]
    assert found[2] == 429


def test_without_redis_each_process_counts_for_itself_and_says_so(
    make_app: MakeApp, demo: Demo, redis: Part, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(rate_limits, "time", clock)
    app = make_app(url=demo.url, redis_url=url_of(redis), rate_limit="2/hour")
    assert statuses(app) == [200, 200, 429]
    redis.kill()
    assert statuses(app) == [200, 200, 429], "its own memory begins anew"
    assert capfd.readouterr().err.count("each process counts submissions for itself") == 1
    redis.start()
    clock.ahead = rate_limits.REDIS_PAUSE
    assert statuses(app) == [200, 200, 429], "Redis had forgotten too"
    assert "each process counts" not in capfd.readouterr().err


def test_a_redis_that_hangs_costs_a_moment_and_not_each_time(make_app: MakeApp, demo: Demo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        app = make_app(url=demo.url, redis_url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0", rate_limit="9/hour")
        statuses(app, count=1)
        started = time.monotonic()
        assert statuses(app, count=4) == [200] * 4
        assert time.monotonic() - started < 4 * rate_limits.REDIS_SECONDS
