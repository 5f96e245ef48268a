"""What is refused behind a proxy is heard out first: a server that closes while the body still comes makes nginx say
502 in place of the answer."""

from __future__ import annotations

import io

import pytest
from conftest import MakeApp

from FlaskAppAML.web import errors

MOST = 100_000
SPARE = 2**20


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [("/", MOST + 1000, 413), ("/nowhere", MOST - 1000, 404), ("/api/v1/models/model/predictions", MOST + 1000, 413)],
)
@pytest.mark.parametrize("hops", [0, 1])
def test_the_rest_of_a_body_is_read_before_it_is_refused(
    make_app: MakeApp, path: str, size: int, status: int, hops: int
) -> None:
    client = make_app(url="http://127.0.0.1:9/score", max_request_bytes=MOST, proxy_hops=hops).test_client()
    body = io.BytesIO(b"x" * size)
    answer = client.post(path, input_stream=body, content_length=size, content_type="application/json")
    assert answer.status_code == status
    assert body.tell() == (size if hops else 0), "without a proxy nobody may make us listen"


@pytest.mark.parametrize("path", ["/batch", "/api/v1/models/model/batches"])
def test_the_rest_of_a_file_is_read_after_the_answer(make_app: MakeApp, path: str) -> None:
    """By then the proxy has the answer, and mostly hangs up; nobody waits for the rest of half a gigabyte."""
    limits = {"max_request_bytes": MOST, "max_batch_bytes": MOST}
    client = make_app(url="http://127.0.0.1:9/score", proxy_hops=1, **limits).test_client()
    body = io.BytesIO(b"x" * 5 * SPARE)
    answer = client.post(path, input_stream=body, content_length=5 * SPARE, content_type="text/csv")
    assert (answer.status_code, body.tell()) == (413, MOST + SPARE)
    answer.close()
    assert body.tell() == 5 * SPARE


def test_there_is_an_end_to_it(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "LISTEN_SECONDS", -1.0)
    client = make_app(url="http://127.0.0.1:9/score", max_request_bytes=MOST, proxy_hops=1).test_client()
    body = io.BytesIO(b"x" * 3 * SPARE)
    answer = client.post("/", input_stream=body, content_length=3 * SPARE, content_type="application/json")
    answer.close()
    assert (answer.status_code, body.tell()) == (413, 0)


def test_a_body_that_breaks_off_is_refused_all_the_same(make_app: MakeApp) -> None:
    client = make_app(url="http://127.0.0.1:9/score", max_request_bytes=MOST, proxy_hops=1).test_client()
    broken_off = {"input_stream": io.BytesIO(b"x"), "environ_overrides": {"CONTENT_LENGTH": str(2 * MOST)}}
    assert client.post("/", content_type="application/json", **broken_off).status_code == 413
