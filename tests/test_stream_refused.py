"""A service that takes no `stream: true` is asked once more without it; one that took the call never is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from conftest import MakeApp
from test_stream import endpoint_of, streamed

from FlaskAppAML.errors import EndpointError

ANSWER = {"choices": [{"message": {"role": "assistant", "content": "An iris."}, "finish_reason": "stop"}]}
BROKEN_OFF = 'data: {"error": {"message": "cannot stream this", "type": "bad_request"}}\n\n'


class Plain:
    """Answers in one piece. What it says to `stream: true` is `status`, `refusal` and its type."""

    def __init__(self) -> None:
        self.status, self.refusal, self.kind = 400, "", "application/json"
        self.bodies: list[Any] = []
        whole = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                whole.bodies.append(body)
                said = (whole.status, whole.refusal, whole.kind)
                self.answer(*(said if "stream" in body else (200, json.dumps(ANSWER), "application/json")))

            def do_GET(self) -> None:
                self.answer(404, "{}", "application/json")

            def answer(self, status: int, text: str, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/chat/completions"


@pytest.fixture
def plain() -> Iterator[Plain]:
    made = Plain()
    thread = Thread(target=made.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream"], "msg": "Not permitted"}]}),
        (400, {"error": {"message": "Streaming is not supported.", "param": "stream", "code": "unsupported_value"}}),
        (400, {"message": "Unrecognized request argument supplied: stream"}),
        (406, {"error": "Only whole answers here."}),
    ],
)
def test_a_refusal_of_pieces_is_followed_by_the_same_question_without_them(
    plain: Plain, make_app: MakeApp, status: int, refusal: Any
) -> None:
    plain.status, plain.refusal = status, json.dumps(refusal)
    _, scored = streamed(endpoint_of(make_app(url=plain.url)))
    assert str(scored.result.said) == "An iris."
    first, second = plain.bodies
    assert first == {**second, "stream": True}


def test_who_refused_pieces_is_not_asked_for_them_again_for_a_while(plain: Plain, make_app: MakeApp) -> None:
    plain.status, plain.refusal = 406, "{}"
    endpoint = endpoint_of(make_app(url=plain.url))
    for _ in range(3):
        assert str(streamed(endpoint)[1].result.said) == "An iris."
    assert ["stream" in body for body in plain.bodies] == [True, False, False, False]
    endpoint.whole_until[endpoint.schema] = time.monotonic()
    streamed(endpoint)
    assert ["stream" in body for body in plain.bodies[4:]] == [True, False]


@pytest.mark.parametrize(
    ("status", "refusal", "kind"),
    [
        (400, '{"error": {"message": "There is no such model."}}', "application/json"),
        (400, '{"error": {"message": "The upstream is a mainstream one."}}', "application/json"),
        (500, '{"error": {"message": "The stream broke."}}', "application/json"),
        (200, BROKEN_OFF, "text/event-stream"),
    ],
)
def test_every_other_failure_is_told(plain: Plain, make_app: MakeApp, status: int, refusal: str, kind: str) -> None:
    plain.status, plain.refusal, plain.kind = status, refusal, kind
    with pytest.raises(EndpointError):
        streamed(endpoint_of(make_app(url=plain.url)))
    assert len(plain.bodies) == 1
