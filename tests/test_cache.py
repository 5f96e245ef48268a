"""`CACHE_SECONDS`: an equal question is answered from memory, says so, and can always be asked anew."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from conftest import MakeApp
from flask import Flask
from flask.testing import FlaskClient
from misbehaving import Misbehaving
from soak.parts import Endpoint
from streaming import Streaming, said
from test_stream import ROW, endpoint_of, text_of
from werkzeug.test import TestResponse

from FlaskAppAML import cache, jobs
from FlaskAppAML.cache import Cache, key_of
from FlaskAppAML.dialects.bodies import multipart
from FlaskAppAML.schema import Field, Upload
from FlaskAppAML.score import score
from FlaskAppAML.wire import Reply, Request

WITH_A_TOKEN = json.dumps(
    {
        "type": "object",
        "properties": {"name": {"type": "string"}, "token": {"type": "string", "format": "password"}},
        "required": ["name"],
    }
)
MARK = "from the cache"


@pytest.fixture
def make(in_front: MakeApp) -> MakeApp:
    return partial(in_front, cache_seconds=60)


def ask(client: FlaskClient, name: str = "Ada", headers: dict[str, str] | None = None, **more: str) -> TestResponse:
    answer = client.post("/", data={"name": name, **more}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert name in answer.text
    return answer


def test_an_equal_question_is_not_sent_again_and_says_so(make: Callable[..., Flask], model: Endpoint) -> None:
    client = make().test_client()
    first, second = ask(client), ask(client)
    assert model.calls == {"Ada": 1}
    assert MARK not in first.text
    assert MARK in second.text
    ask(client, "Grace")
    assert model.calls == {"Ada": 1, "Grace": 1}


def test_programs_read_it_in_meta(make: Callable[..., Flask]) -> None:
    client = make().test_client()
    ask(client)
    path = ask(client, _once="1" * 32).text.split('href="/answers/')[1].split(".")[0]
    meta = client.get(f"/answers/{path}.json").get_json()["meta"]
    assert (meta["cached"], meta["endpoint_ms"]) == (True, 0)


def test_by_default_nothing_is_remembered(make: Callable[..., Flask], model: Endpoint) -> None:
    client = make(cache_seconds=0).test_client()
    assert MARK not in ask(client).text + ask(client).text
    assert model.calls["Ada"] == 2


def test_its_time_ends(make: Callable[..., Flask], model: Endpoint) -> None:
    client = make(cache_seconds=1).test_client()
    ask(client)
    time.sleep(1.05)
    assert MARK not in ask(client).text
    assert model.calls["Ada"] == 2


@pytest.mark.parametrize("way", [{"_fresh": "1"}, {"headers": {"Cache-Control": "no-cache"}}])
def test_the_model_can_be_asked_all_the_same(make: Callable[..., Flask], model: Endpoint, way: dict[str, str]) -> None:
    client = make().test_client()
    ask(client)
    page = ask(client)
    assert '<button class="small" form="question" name="_fresh" value="1">' in page.text
    fresh = ask(client, **way)  # type: ignore[arg-type]
    assert model.calls["Ada"] == 2
    assert MARK not in fresh.text
    assert "_fresh" not in fresh.text


def test_a_fresh_answer_replaces_the_old_one() -> None:
    """Or the next equal question would get what was too old for this one."""
    kept = Cache(60)
    for body, only_instead in ((b"new, but not kept", True), (b"old", False), (b"new", True)):
        kept.put(b"key", Reply(200, {}, body), only_instead=only_instead)
        found = kept.get(b"key")
        assert (found.body if found else None) == (None if body.endswith(b"kept") else body)


def test_a_failure_is_never_remembered(make: Callable[..., Flask], model: Endpoint) -> None:
    client = make().test_client()
    model.status = 422
    for _ in range(2):
        assert client.post("/", data={"name": "Ada"}).status_code == 422
    model.status = 200
    assert MARK not in ask(client).text
    assert model.calls["Ada"] == 3


def test_an_answer_that_cannot_be_read_is_a_failure_too(make: Callable[..., Flask], misbehaving: Misbehaving) -> None:
    misbehaving.reset("html-200")
    client = make(url=misbehaving.url("html-200")).test_client()
    for _ in range(2):
        assert client.post("/", data={"name": "Ada"}).status_code == 502
    assert len(misbehaving.calls("html-200")) == 2


def test_an_answer_to_a_secret_is_for_nobody_else(make: Callable[..., Flask], model: Endpoint) -> None:
    client = make(schema=WITH_A_TOKEN).test_client()
    for _ in range(2):
        ask(client, token="a-token-of-mine")
    assert model.calls["Ada"] == 2
    assert MARK in ask(client).text + ask(client).text  # without one it is a question like all others
    assert model.calls["Ada"] == 3


def test_what_would_come_in_pieces_is_asked_each_time(make_app: MakeApp) -> None:
    with Streaming() as server:
        endpoint = endpoint_of(make_app(url=server.url, cache_seconds=60))
        for answer in ("Four.", "Five."):
            server.reset(*said(answer))
            assert text_of(score(endpoint, endpoint.schema, [ROW])) == answer


def test_each_endpoint_remembers_for_itself(make: Callable[..., Flask], model: Endpoint) -> None:
    for headers in ({"azureml-model-deployment": "blue"}, {"azureml-model-deployment": "green"}):
        assert MARK not in ask(make(headers=headers).test_client()).text
    assert model.calls["Ada"] == 2


def test_the_owner_who_reads_the_form_again_empties_it(make: Callable[..., Flask], model: Endpoint) -> None:
    app = make()
    ask(app.test_client())
    app.extensions["site"].models["model"].read_again()
    assert MARK not in ask(app.test_client()).text


def test_a_job_calls_the_model(make: Callable[..., Flask], model: Endpoint) -> None:
    app = make()
    client = app.test_client()
    ask(client)
    ticket = client.post("/", data={"name": "Ada", "_background": "1", "_once": "2" * 32}).location
    until = time.monotonic() + 10
    while client.get(ticket).status_code == 200 and time.monotonic() < until:
        time.sleep(jobs.LOOK_SECONDS / 20)
    assert model.calls["Ada"] == 2


# What is kept


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 3)
    kept = Cache(60)
    for key in (b"a", b"b", b"c"):
        kept.put(key, Reply(200, {}, key))
    assert kept.get(b"a")
    kept.put(b"d", Reply(200, {}, b"d"))
    assert [key for key in (b"a", b"b", b"c", b"d") if kept.get(key)] == [b"a", b"c", b"d"]
    monkeypatch.setattr(cache, "MOST_BYTES", 2 * cache.OVERHEAD + 500)
    kept.put(b"e", Reply(200, {}, b"e" * 400))
    assert [key for key in (b"a", b"c", b"d", b"e") if kept.get(key)] == [b"d", b"e"]
    kept.put(b"f", Reply(200, {}, b"f" * 10_000))
    assert [key for key in (b"d", b"e", b"f") if kept.get(key)] == [b"d", b"e"]
    kept.clear()
    assert not kept.get(b"d")


def test_what_one_reader_does_to_it_is_not_seen_by_the_next() -> None:
    kept = Cache(60)
    kept.put(b"k", Reply(200, {}, b'{"a": [1]}'))
    for _ in range(2):
        found = kept.get(b"k")
        assert found
        assert found.json() == {"a": [1]}
        found.json()["a"].append(2)


def test_equal_files_are_equal_though_the_boundary_differs() -> None:
    fields = (Field("file", kind="file", send="part"), Field("note"))

    def posted(data: bytes, note: str) -> Request:
        body, kind = multipart(fields, {"file": Upload(data, "a.bin", "application/octet-stream"), "note": note})
        return Request("http://model.example/score", body, headers={"Content-Type": kind})

    one, same, other = posted(b"abc", "x"), posted(b"abc", "x"), posted(b"abd", "x")
    assert one.body != same.body
    assert key_of(one) == key_of(same) != key_of(other)


def test_no_input_can_be_made_to_look_like_two() -> None:
    """With the boundary taken out and nothing put in its place these two would be one."""

    def posted(boundary: str, *parts: str) -> Request:
        body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
        kind = f"multipart/form-data; boundary={boundary}"
        return Request("http://model.example/score", body.encode(), headers={"Content-Type": kind})

    assert key_of(posted("b1", "one", "two")) != key_of(posted("b2", "one\r\n--\r\ntwo"))


@pytest.mark.parametrize("change", [{"method": "PUT"}, {"url": "http://model.example/v2"}, {"body": b"{ }"},
                                    {"headers": {"Content-Type": "text/json"}}])  # fmt: skip
def test_whatever_differs_in_the_request_counts(change: dict[str, object]) -> None:
    request = Request("http://model.example/score", b"{}")
    assert key_of(request) == key_of(replace(request))
    assert key_of(request) != key_of(replace(request, **change))  # type: ignore[arg-type]
