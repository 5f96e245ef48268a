"""Answers in pieces, from a real server on a socket to the lines that the browser gets."""

from __future__ import annotations

import json
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import requests
import trustme
from conftest import KEY, MakeApp
from flask import Flask
from soak.parts import free_port
from streaming import Streaming, event, packed, said
from test_server import environment, running

from FlaskAppAML import answers
from FlaskAppAML.endpoint import Endpoint
from FlaskAppAML.errors import EndpointError
from FlaskAppAML.score import Scored, score, stream

ROW = {"message": "Which flower?", "model": "iris"}


@pytest.fixture(scope="module")
def server() -> Iterator[Streaming]:
    with Streaming() as running:
        yield running


@pytest.fixture
def app(make_app: MakeApp, server: Streaming) -> Flask:
    return make_app(url=server.url, timeout=2.0)


def endpoint_of(app: Flask) -> Endpoint:
    return cast(Endpoint, app.extensions["site"].models["model"])


def streamed(endpoint: Endpoint, row: dict[str, Any] | None = None, **more: Any) -> tuple[list[str], Scored]:
    """The texts, without silence, and what came at the end."""
    texts: list[str] = []
    coming = stream(endpoint, endpoint.schema, [ROW if row is None else row], **more)
    while True:
        try:
            texts.append(next(coming))
        except StopIteration as end:
            return [text for text in texts if text], end.value


def text_of(scored: Scored) -> str:
    return "\n".join(str(part.document().get("text")) for part in scored.result.parts)


def lines_of(app: Flask, form: dict[str, str], path: str = "/models/model/stream") -> Iterator[dict[str, Any]]:
    """The objects of the reply, as they come."""
    reply = app.test_client().post(path, data=form, buffered=False)
    assert reply.status_code == 200, reply.get_data(as_text=True)
    assert reply.headers["X-Accel-Buffering"] == "no"
    rest = b""
    try:
        for piece in reply.response:
            *whole, rest = (rest + cast(bytes, piece)).split(b"\n")
            yield from (json.loads(line) for line in whole if line)
    finally:
        reply.close()


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


# The call


def test_the_texts_come_before_the_answer_has_ended(app: Flask, server: Streaming) -> None:
    server.reset(*said("Iris", " setosa", finish=None), "open", *said("."))
    coming = stream(endpoint_of(app), endpoint_of(app).schema, [ROW])
    assert [next(coming), next(coming)] == ["Iris", " setosa"]
    assert not server.go_on.is_set()
    server.go_on.set()
    rest = list(coming)
    assert "".join(rest) == "."
    assert server.requests[0][0]["stream"] is True


def test_at_its_end_it_is_the_answer_that_would_have_come_in_one(app: Flask, server: Streaming) -> None:
    server.reset(*said("Iris", " setosa."))
    texts, scored = streamed(endpoint_of(app))
    assert "".join(texts) == text_of(scored) == "Iris setosa."
    assert scored.result.raw["choices"][0]["finish_reason"] == "stop"
    assert "stream" not in json.loads(json.dumps(scored.result.raw))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_pieces_of_any_size_make_the_same_text(app: Flask, server: Streaming, size: int) -> None:
    """Letters, line ends and events are cut anywhere; there are comments, and data in several lines."""
    body = b"\xef\xbb\xbf: ping\r\n\r\n" + b"".join(said("Grüße 👋", "\n漢字", finish=None)).replace(b"\n", b"\r\n")
    body += b'data: {"choices": [\ndata: {"delta": {"content": "!"}}]}\n\n' + b"".join(said(""))
    server.reset(*(body[i : i + size] for i in range(0, len(body), size)))
    texts, scored = streamed(endpoint_of(app))
    assert "".join(texts) == text_of(scored) == "Grüße 👋\n漢字!"


def test_a_packed_answer_is_unpacked_as_it_comes(app: Flask, server: Streaming) -> None:
    first, *rest = packed([b"".join(said("Iris", finish=None)), b"".join(said(" setosa"))])
    server.reset(first, "open", *rest, more="Content-Encoding: gzip\r\n")
    coming = stream(endpoint_of(app), endpoint_of(app).schema, [ROW])
    assert next(coming) == "Iris"
    server.go_on.set()
    assert "".join(coming) == " setosa"


def test_a_server_that_answers_in_one_piece_is_understood(app: Flask, server: Streaming) -> None:
    server.reset(b'{"choices": [{"message": {"content": "Iris."}}]}', kind="application/json")
    texts, scored = streamed(endpoint_of(app))
    assert (texts, text_of(scored)) == ([], "Iris.")


def test_without_a_stream_timeout_nothing_is_asked_in_pieces(make_app: MakeApp, server: Streaming) -> None:
    server.reset(b'{"choices": [{"message": {"content": "Iris."}}]}', kind="application/json")
    app = make_app(url=server.url, stream_timeout=0)
    texts, scored = streamed(endpoint_of(app))
    assert (texts, text_of(scored)) == ([], "Iris.")
    assert "stream" not in server.requests[0][0]
    assert "stream.js" not in app.test_client().get("/").get_data(as_text=True)


# Limits


def failure(endpoint: Endpoint) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        streamed(endpoint)
    return caught.value


def test_a_pause_has_its_limit(make_app: MakeApp, server: Streaming) -> None:
    server.reset(*said("Iris", finish=None), "open")
    error = failure(endpoint_of(make_app(url=server.url, timeout=0.5)))
    assert (error.kind, error.detail) == ("timeout", "Nothing more of the answer came for 0.5 seconds.")
    assert server.cut_off.wait(5)


def test_the_whole_has_its_limit_however_lively_it_is(make_app: MakeApp, server: Streaming) -> None:
    server.reset(*cast(list[bytes | float], [b": still here\n\n", 0.1] * 40))
    error = failure(endpoint_of(make_app(url=server.url, timeout=0.9, stream_timeout=1)))
    assert (error.kind, error.detail) == ("timeout", "The answer had not ended after 1 seconds.")


def test_more_time_than_a_pause_may_last_is_fine(make_app: MakeApp, server: Streaming) -> None:
    slow = [piece for text in "abcdef" for piece in (*said(text, finish=None), 0.15)]
    server.reset(*cast(list[bytes | float], slow), *said(""))
    texts, _ = streamed(endpoint_of(make_app(url=server.url, timeout=0.6)))
    assert "".join(texts) == "abcdef"


def test_size_has_its_limit_packed_too(make_app: MakeApp, server: Streaming) -> None:
    endpoint = endpoint_of(make_app(url=server.url, max_response_bytes=200_000))
    server.reset(*said("x" * 150_000, "y" * 150_000))
    assert failure(endpoint).kind == "bad_response"
    server.reset(*packed(said("x" * 1_000_000)), more="Content-Encoding: gzip\r\n")
    assert "larger than 200,000 bytes" in failure(endpoint).detail


@pytest.mark.parametrize(
    ("pieces", "ends", "kind"),
    [
        (said("Iris", finish=None), True, "bad_response"),  # the end is missing
        (said("Iris", finish=None), False, "bad_response"),  # the connection broke
        ([*said("Iris", finish=None), b'data: {"choices"\n\n'], True, "bad_response"),
        ([*said("Iris", finish=None), event({"error": {"message": "CUDA out of memory"}})], True, "model_error"),
        ([*said("Iris", finish=None), event("no more", "error")], True, "model_error"),
        ([event({"error": {"message": "too many", "code": "invalid_value"}})], True, "bad_input"),
    ],
)
def test_what_goes_wrong_on_the_way_is_an_error(
    app: Flask, server: Streaming, pieces: list[bytes], ends: bool, kind: str
) -> None:
    server.reset(*pieces, ends=ends)
    assert failure(endpoint_of(app)).kind == kind


def test_a_refusal_is_told_as_ever(app: Flask, server: Streaming) -> None:
    server.reset(b'{"error": {"message": "bad key"}}', kind="application/json")
    server.status = "401 Unauthorized"
    assert failure(endpoint_of(app)).kind == "auth"


# Secrets


@pytest.mark.parametrize("size", [1, 3, 10])
def test_a_key_across_pieces_is_removed(app: Flask, server: Streaming, size: int) -> None:
    text = f"The key is {KEY}, and {KEY[:9]} is its beginning."
    server.reset(*said(*(text[i : i + size] for i in range(0, len(text), size))))
    texts, scored = streamed(endpoint_of(app))
    assert "".join(texts) == text_of(scored) == f"The key is [secret removed], and {KEY[:9]} is its beginning."


def test_only_what_may_be_a_secret_is_held_back(app: Flask, server: Streaming) -> None:
    server.reset(*said("It is ", KEY[:5], finish=None), "open", *said(" and so on"))
    coming = stream(endpoint_of(app), endpoint_of(app).schema, [ROW])
    assert next(coming) == "It is "
    server.go_on.set()
    assert "".join(coming) == f"{KEY[:5]} and so on"


def test_what_a_visitor_keeps_secret_is_removed_too(app: Flask, server: Streaming) -> None:
    server.reset(*said("Your tok", "en is hunt", "er2!!"))
    texts, _ = streamed(endpoint_of(app), secrets=["hunter2!!"])
    assert "".join(texts) == "Your token is [secret removed]"


# Other protocols

COG = {
    "paths": {"/predictions": {"post": {"x-cog-streaming": True}}},
    "components": {"schemas": {"Input": {"type": "object", "properties": {"prompt": {"type": "string"}}}}},
}


def test_cog(make_app: MakeApp, server: Streaming) -> None:
    last = {"status": "succeeded", "output": ["On", "ions"], "metrics": {"predict_time": 0.4}}
    server.reset(
        event({"id": "a", "status": "processing"}, "start"),
        event({"chunk": "On", "index": 0}, "output"),
        event({"source": "stdout", "data": "thinking"}, "log"),
        event({"chunk": "ions", "index": 1}, "output"),
        event(last, "completed"),
    )
    app = make_app(url=server.at("/predictions"), schema=json.dumps(COG))
    texts, scored = streamed(endpoint_of(app), {"prompt": "a haiku"})
    assert texts == ["On", "ions"]
    assert scored.result.raw == last
    assert server.requests[0][1]["accept"] == "text/event-stream"


def test_cog_that_failed(make_app: MakeApp, server: Streaming) -> None:
    server.reset(event({"chunk": "On"}, "output"), event({"status": "failed", "error": "no GPU"}, "completed"))
    endpoint = endpoint_of(make_app(url=server.at("/predictions"), schema=json.dumps(COG)))
    with pytest.raises(EndpointError) as caught:
        streamed(endpoint, {"prompt": "a haiku"})
    assert (caught.value.kind, caught.value.endpoint_text) == ("model_error", "no GPU")


def test_cog_that_does_not_stream_is_asked_once_more(make_app: MakeApp, server: Streaming) -> None:
    """406 says that nothing has run."""
    app = make_app(url=server.at("/predictions"), schema=json.dumps(COG))
    server.reset(b'{"error": "This model does not support streaming responses."}', kind="application/json")
    server.status = "406 Not Acceptable"
    with pytest.raises(EndpointError):
        streamed(endpoint_of(app), {"prompt": "a haiku"})
    assert [headers["accept"][:16] for _, headers in server.requests] == ["text/event-strea", "application/json"]


def described(kind: str) -> str:
    body = {"application/json": {"schema": {"type": "object", "properties": {"q": {"type": "string"}}}}}
    operation = {"requestBody": {"content": body}, "responses": {"200": {"content": {kind: {}}}}}
    return json.dumps({"openapi": "3.1.0", "paths": {"/ask": {"post": operation}}})


@pytest.mark.parametrize(
    ("pieces", "texts"),
    [
        ([event("Iris"), event(" setosa "), event("5"), event("[DONE]")], ["Iris", " setosa ", "5"]),
        (
            [event({"token": {"text": "Iris"}}), event({"token": {"text": "."}, "generated_text": "Iris."})],
            ["Iris", "."],
        ),
        ([event({"response": "Iris", "done": False}), event({"response": "", "done": True})], ["Iris"]),
        (
            [
                event({"type": "message_start", "message": {"content": []}}, "message_start"),
                event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Iris"}}),
                event({"type": "message_stop"}, "message_stop"),
            ],
            ["Iris"],
        ),
        ([*said("Iris", ".")], ["Iris", "."]),
    ],
)
def test_any_service_that_describes_a_stream(
    make_app: MakeApp, server: Streaming, pieces: list[bytes], texts: list[str]
) -> None:
    endpoint = endpoint_of(make_app(url=server.at("/ask"), schema=described("text/event-stream")))
    server.reset(*pieces)
    found, scored = streamed(endpoint, {"q": "?"})
    assert found == texts
    assert text_of(scored) == "".join(texts)
    assert text_of(score(endpoint, endpoint.schema, [{"q": "?"}])) == "".join(texts), "in one piece it is the same"


def test_events_without_text_are_shown_as_they_are(make_app: MakeApp, server: Streaming) -> None:
    endpoint = endpoint_of(make_app(url=server.at("/ask"), schema=described("text/event-stream")))
    server.reset(event({"label": "setosa", "score": 0.9}))
    assert streamed(endpoint, {"q": "?"})[1].result.raw == {"label": "setosa", "score": 0.9}


def test_a_description_without_a_stream_asks_for_none(make_app: MakeApp, server: Streaming) -> None:
    assert not endpoint_of(make_app(url=server.at("/ask"), schema=described("application/json"))).schema.streams


def test_a_raw_template(make_app: MakeApp, server: Streaming) -> None:
    template = {"dialect": "raw", "fields": [{"name": "q"}], "answer": "/out/0", "stream": True}
    server.reset(event({"out": ["Ir"]}), event({"note": "thinking"}), event({"out": ["is"]}))
    texts, scored = streamed(endpoint_of(make_app(url=server.at("/x"), schema=json.dumps(template))), {"q": "?"})
    assert (texts, text_of(scored)) == (["Ir", "is"], "Iris")


# The page

FORM = {"message": "Which flower?", "model": "iris", "_once": "0" * 32}


def test_the_lines_of_a_reply(app: Flask, server: Streaming) -> None:
    server.reset(*said("Iris", " setosa."))
    *texts, last = lines_of(app, FORM)
    assert [line["text"] for line in texts] == ["Iris", " setosa."]
    assert (last["status"], "Iris setosa." in last["page"]) == (200, True)
    assert "Iris setosa." in app.test_client().get(last["at"]).get_data(as_text=True)


def test_without_script_the_whole_answer_comes_at_the_end(app: Flask, server: Streaming) -> None:
    server.reset(b'{"choices": [{"message": {"content": "Iris."}}]}', kind="application/json")
    page = app.test_client().post("/", data=FORM).get_data(as_text=True)
    assert "Iris." in page
    assert "stream" not in server.requests[0][0]


@pytest.mark.parametrize("minutes", [15, 0])
def test_one_click_is_one_call(make_app: MakeApp, server: Streaming, minutes: int) -> None:
    """Whoever comes second, in pieces or not, waits for the first one's answer."""
    app = make_app(url=server.url, answer_minutes=minutes)
    server.reset(*said("Iris", finish=None), "open", *said("."))
    first = lines_of(app, FORM)
    assert next(first) == {"text": "Iris"}
    found: list[list[dict[str, Any]]] = []
    second = threading.Thread(target=lambda: found.append(list(lines_of(app, FORM))))
    second.start()
    time.sleep(0.2)
    server.go_on.set()
    *_, last = first
    second.join()
    assert [line["status"] for line in found[0]] == [200]
    assert last["status"] == app.test_client().post("/", data=FORM).status_code == 200
    assert len(server.requests) == 1


@pytest.mark.parametrize("minutes", [15, 0])
def test_who_goes_away_ends_the_call_and_leaves_nothing_behind(
    make_app: MakeApp, server: Streaming, minutes: int
) -> None:
    app = make_app(url=server.url, answer_minutes=minutes, max_calls=1)
    for _ in range(3):
        server.reset(*said("Iris", finish=None), "open")
        lines = cast(Any, lines_of(app, FORM))
        assert next(lines) == {"text": "Iris"}
        lines.close()
        assert server.cut_off.wait(5)
    server.reset(*said("Iris."))
    assert list(lines_of(app, FORM))[-1]["status"] == 200, "the slot is free, and the same click may ask again"


def test_who_waits_for_one_that_went_away_asks_itself(make_app: MakeApp, server: Streaming) -> None:
    for minutes in (15, 0):
        app = make_app(url=server.url, answer_minutes=minutes)
        server.reset(*said("Iris", finish=None), "open", *said("."))
        first = cast(Any, lines_of(app, FORM))
        next(first)
        found: list[dict[str, Any]] = []
        second = threading.Thread(target=lambda app=app, found=found: found.extend(lines_of(app, FORM)))
        second.start()
        time.sleep(0.2)
        first.close()
        server.go_on.set()
        second.join()
        assert found[-1]["status"] == 200
        assert len(server.requests) == 2


def test_an_error_is_the_last_line_in_words(app: Flask, server: Streaming) -> None:
    server.reset(*said("Iris", finish=None), event({"error": {"message": f"CUDA failed for {KEY}"}}))
    first, last = lines_of(app, FORM)
    assert first == {"text": "Iris"}
    assert last["status"] == 502
    assert "the model failed while working on this" in last["page"]
    assert "CUDA" not in last["page"], "what is the owner’s stays in the log"
    assert KEY not in json.dumps(last)
    assert "Which flower?" in last["page"], "the form is still filled in"


def test_wrong_input_is_answered_before_the_model_is_asked(app: Flask, server: Streaming) -> None:
    server.reset()
    (line,) = lines_of(app, {**FORM, "message": ""})
    assert (line["status"], "Fill this in." in line["page"]) == (422, True)
    assert not server.requests


def test_a_fault_of_ours_is_the_last_line_too(app: Flask, server: Streaming, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("FlaskAppAML.dialects.openai.whole", lambda schema, events: 1 / 0)
    server.reset(*said("Iris"))
    assert list(lines_of(app, FORM))[-1]["status"] == 500
    assert list(lines_of(app, {**FORM, "_once": "1" * 32}))[-1]["status"] == 500, "and nothing stays claimed"


def test_silence_shows_that_somebody_is_there(app: Flask, server: Streaming, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("FlaskAppAML.client.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("FlaskAppAML.web.stream.SIGN_OF_LIFE_SECONDS", 0.0)
    server.reset(0.5, *said("Iris"))
    reply = app.test_client().post("/models/model/stream", data=FORM, buffered=False)
    pieces = list(reply.response)
    assert pieces.count(b"\n") >= 3
    assert all(one != b"\n" or other for one, other in pairwise(pieces))


def test_many_slow_answers_leave_no_slots_and_no_threads(make_app: MakeApp, server: Streaming) -> None:
    """Each in a thread of its own, as servers do it; every second one is left."""
    app = make_app(url=server.url, max_calls=20, timeout=10)
    counted: list[int] = []
    begun = threading.Barrier(21, action=lambda: counted.append(server.under_way))

    def ask(number: int, stays: bool) -> int:
        lines = lines_of(app, {**FORM, "_once": f"{number:032x}"})
        assert next(lines) == {"text": "Iris"}
        begun.wait(10)
        last = list(lines)[-1]["status"] if stays else 0
        cast(Any, lines).close()
        return int(last)

    with ThreadPoolExecutor(20) as pool:
        for some in (range(20), range(20, 40)):
            server.reset(*said("Iris", finish=None), "open", *said("."))
            asked = [pool.submit(ask, number, bool(number % 2)) for number in some]
            begun.wait(10)
            server.go_on.set()
            assert [one.result(10) for one in asked] == [0, 200] * 10
            wait_until(lambda: server.under_way == 0)
    assert counted == [20, 20]
    assert endpoint_of(app).client._slots._free._value == 20


def test_a_kept_answer_is_redacted_whole(app: Flask, server: Streaming) -> None:
    server.reset(*said(KEY[:7], KEY[7:]))
    *_, last = lines_of(app, FORM)
    kept = app.test_client().get(f"{last['at']}.json").get_data(as_text=True)
    assert "[secret removed]" in kept
    assert KEY not in kept


def test_patience_is_that_of_a_stream(app: Flask, server: Streaming, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process must not take a long answer for one that was left behind."""
    monkeypatch.setattr(answers, "GRACE_SECONDS", 0.0)
    seen: list[float] = []
    claim = answers.Answers._claim

    def noted(kept: answers.Answers, key: str, patience: float) -> bool:
        seen.append(patience)
        return claim(kept, key, patience)

    monkeypatch.setattr(answers.Answers, "_claim", noted)
    server.reset(*said("Iris."))
    list(lines_of(app, FORM))
    assert seen == [300.0]


def test_silence_over_tls(make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that finds nothing must leave what is packed in TLS readable."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    monkeypatch.setattr("FlaskAppAML.client.LOOK_SECONDS", 0.05)
    with Streaming(context) as server:
        server.reset(*cast(list[bytes | float], [p for t in "Iris" for p in (*said(t, finish=None), 0.2)]), *said("."))
        endpoint = endpoint_of(make_app(url=server.url))
        texts = list(stream(endpoint, endpoint.schema, [ROW]))
    assert "".join(texts) == "Iris."
    assert texts.count("") >= 4


SERVERS = {"waitress": ["runserver.py", "--port"], "gunicorn": ["-m", "gunicorn", "FlaskAppAML:app", "--bind"]}


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_the_servers_pass_it_on_at_once_and_notice_who_leaves(name: str, tmp_path: Path, server: Streaming) -> None:
    port = free_port()
    command = [sys.executable, *SERVERS[name], f"127.0.0.1:{port}" if name == "gunicorn" else str(port)]
    env = environment(tmp_path, URL=server.url, API_KEY=KEY, MAX_CALLS="1", WEB_CONCURRENCY="1")
    with running(command, port, env):
        for _ in range(2):
            server.reset(*said("Iris", finish=None), "open")
            url = f"http://127.0.0.1:{port}/models/model/stream"
            with requests.post(url, data=FORM, stream=True, timeout=10) as reply:
                assert next(line for line in reply.iter_lines(chunk_size=1) if line) == b'{"text": "Iris"}'
            assert server.cut_off.wait(8), "the one slot is held by nobody"
