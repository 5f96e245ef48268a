"""What visitors and endpoints tried at pictures, the camera, jobs, streams and the originals' routes: each of the first
was once possible."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeApp
from flask.testing import FlaskClient
from PIL import Image
from streaming import Streaming, event, said
from test_attacks_any_endpoint import SECRET, description
from test_connect import Service
from test_images import corners, saved
from werkzeug.test import TestResponse

from FlaskAppAML import images
from FlaskAppAML.errors import EndpointError
from FlaskAppAML.results import Box, Boxes, Score, Scores
from FlaskAppAML.score import stream
from FlaskAppAML.web import camera, originals, predictions, security

WORD = "tok-of-another-service"
PICTURE = {"type": "string", "format": "base64", "contentMediaType": "image/png"}


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    made.tell("/openapi.json", description({"a": {"type": "string"}, "token": SECRET}))
    made.tell("/score", {"said": "fine"})
    yield made
    made.close()


def done(client: FlaskClient, path: str) -> TestResponse:
    """What the job's page says at its end."""
    until = time.monotonic() + 10
    while (page := client.get(path)).status_code == 200 and "data-clock" in page.text and time.monotonic() < until:
        time.sleep(0.05)
    return page


def written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def is_left(word: str, folder: Path) -> bool:
    """In the files of `folder`, a moment after a job's end, which is told before they are wiped."""
    until = time.monotonic() + 5
    while word.encode() in written(folder):
        if time.monotonic() > until:
            return True
        time.sleep(0.05)
    return False


# What was typed in secret


@pytest.mark.parametrize("word", [WORD, "q~z"])
@pytest.mark.parametrize("more", [{}, {"_background": "1"}], ids=["at once", "job"])
@pytest.mark.parametrize("status", [422, 500])
def test_a_failure_that_names_a_typed_secret_is_kept_and_logged_without_it(
    make_app: MakeApp,
    service: Service,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    status: int,
    more: dict[str, str],
    word: str,
) -> None:
    wrong = [{"loc": ["body", "token"], "msg": f"{word} is not known"}]
    service.tell("/score", {"detail": wrong, "message": f"token {word}"}, status=status)
    client = make_app(url=f"{service.root}/score").test_client()
    page = client.post("/", data={"a": "x", "token": word, **more})
    page = done(client, page.location) if more else page
    assert [path for method, path, _ in service.seen if method == "POST"] == ["/score"]
    assert word not in page.text
    assert word not in capfd.readouterr().err
    assert not is_left(word, tmp_path / "data")


def test_a_stream_that_fails_tells_nothing_typed_in_secret(make_app: MakeApp) -> None:
    with Streaming() as server:
        server.reset(*said("Iris", finish=None), event({"error": {"message": f"not with {WORD}", "code": WORD}}))
        endpoint = make_app(url=server.url).extensions["site"].models["model"]
        fields = tuple(replace(f, secret=f.name == "message") for f in endpoint.schema.fields)
        schema = replace(endpoint.schema, fields=fields)
        with pytest.raises(EndpointError) as caught:
            list(stream(endpoint, schema, [{"message": WORD, "model": "iris"}]))
    assert "not with [secret removed]" in caught.value.endpoint_text
    assert WORD not in json.dumps(caught.value.record())
    assert WORD.encode() not in caught.value.body


@pytest.mark.parametrize("end", ["succeeded", "cancelled"])
def test_nothing_of_a_typed_secret_is_left_in_the_files_of_jobs(
    make_app: MakeApp, service: Service, tmp_path: Path, end: str
) -> None:
    """SQLite's log holds what was deleted until it is written over."""
    client = make_app(url=f"{service.root}/score", job_workers=1 if end == "succeeded" else 0).test_client()
    ticket = client.post("/", data={"a": "x", "token": WORD, "_background": "1"}).location
    if end == "cancelled":
        assert WORD.encode() in written(tmp_path / "data")
        client.post(f"{ticket}/cancel")
    done(client, ticket)
    assert not is_left(WORD, tmp_path / "data")


# Memory


def test_example_pictures_that_are_none_are_not_remembered(make_app: MakeApp, service: Service, tmp_path: Path) -> None:
    service.tell("/openapi.json", description({"p": PICTURE}))
    folder = tmp_path / "examples"
    folder.mkdir()
    (folder / "a.png").write_bytes(saved(corners()))
    app = make_app(url=f"{service.root}/score", examples=str(folder))
    client = app.test_client()
    assert client.get("/examples/1").status_code == client.get("/examples/1?field=p").status_code == 200
    known = app.extensions["site"].models["model"]._example_pictures
    before = len(known)
    for i in range(20):
        assert client.get(f"/examples/1?field=x{i}").status_code == 404
        assert client.get(f"/examples/{i + 2}").status_code == 404
    assert len(known) == before


def test_drawing_and_cutting_wait_for_room_as_reading_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each holds the pixels of a picture several times, and nothing counts who downloads."""
    picture = images.read(saved(corners((300, 200))))
    box = Box("a", 0.5, 1, 1, 90, 90)
    none_left = threading.Semaphore(0)
    monkeypatch.setattr("FlaskAppAML.images.boxes.ROOM", none_left)
    for work in (lambda: images.draw_boxes(picture, Boxes("", [box])), lambda: images.crop(picture, box)):
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        none_left.release()
        thread.join(10)
        assert not thread.is_alive()
        assert none_left.acquire(timeout=1)


def test_many_large_faces_make_no_huge_answer() -> None:
    picture = images.read(saved(Image.new("RGB", (2000, 2000), "white"), "JPEG"))
    boxes = [Box(f"mood {i}", 0.9, i, i, 2000, 2000) for i in range(50)]
    assert len(originals.Asked(picture, [Boxes("", boxes)]).faces()) == 5
    small = [Box(f"mood {i}", 0.9, i, i, i + 300, i + 300) for i in range(50)]
    assert len(originals.Asked(picture, [Boxes("", small)]).faces()) == 50
    rows: list[Any] = [Scores(scores=[Score("happy", 0.9)], row=i) for i in range(50)]
    assert len(originals.Asked(picture, rows).faces()) == 5


# One client before all others


def test_frames_of_one_client_leave_room_at_a_model_that_hangs(
    make_app: MakeApp, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.tell("/openapi.json", description({"p": PICTURE}))
    app = make_app(url=f"{service.root}/score", camera="600/minute")
    go_on, begun = threading.Event(), threading.Semaphore(0)

    def hangs(*given: Any, **options: Any) -> Any:
        begun.release()
        go_on.wait(10)
        return scored_document(*given, **options)

    scored_document = predictions.scored_document
    monkeypatch.setattr(camera, "scored_document", hangs)

    def frame(address: str = "192.0.2.1") -> int:
        files = {"p": (io.BytesIO(saved(corners())), "frame.png")}
        return app.test_client().post("/camera", data=files, environ_base={"REMOTE_ADDR": address}).status_code

    with ThreadPoolExecutor(camera.MOST_AT_ONCE + 1) as pool:
        held = [pool.submit(frame) for _ in range(camera.MOST_AT_ONCE)]
        assert all(begun.acquire(timeout=10) for _ in held)
        assert frame() == 429
        other = pool.submit(frame, "192.0.2.2")
        assert begun.acquire(timeout=10)
        go_on.set()
        assert {one.result() for one in [*held, other]} == {200}
    assert frame() == 200
    assert not app.extensions["frames_at_once"]._under_way


def test_all_addresses_of_one_network_count_as_one(make_app: MakeApp, service: Service) -> None:
    """With IPv6 one computer has more of them than it could ever use up."""
    client = make_app(url=f"{service.root}/score", rate_limit="2/minute").test_client()

    def ask(address: str) -> int:
        return client.post("/", data={"a": "x"}, environ_base={"REMOTE_ADDR": address}).status_code

    assert [ask(f"2001:db8::{i}") for i in range(1, 5)] == [200, 200, 429, 429]
    assert [ask("2001:db8:0:1::1"), ask("::ffff:192.0.2.1"), ask("::ffff:192.0.2.2"), ask("192.0.2.3")] == [200] * 4


# What is named by those who ask


@pytest.mark.parametrize(
    "id", ["a" * 31, "..%2f" + "a" * 29, "' OR 1=1 --", "A" * 32, "a" * 32 + "%0a", "١" * 32, "%00"]
)
def test_an_id_is_an_id_or_nothing(make_app: MakeApp, service: Service, id: str) -> None:
    client = make_app(url=f"{service.root}/score").test_client()
    client.post("/", data={"a": "x", "_background": "1"})
    for ending in ("", ".png", ".xlsx", "/picture", "/picture?field=' OR ''='"):
        assert client.get(f"/answers/{id}{ending}").status_code == 404
    assert client.get(f"/jobs/{id}").status_code == 404
    assert client.post(f"/jobs/{id}/cancel").status_code == client.post(f"/jobs/{id}/retry").status_code == 404


def test_every_way_in_asks_for_the_password_and_every_post_for_its_origin(make_app: MakeApp, service: Service) -> None:
    url = f"{service.root}/score"
    app = make_app(url=url)
    client, locked = app.test_client(), make_app(url=url, password="a password").test_client()
    for rule in app.url_map.iter_rules():
        if rule.endpoint in security.OPEN_TO_ALL:
            continue
        path = re.sub("<[^>]*>", "x", rule.rule.replace("<int:number>", "1").replace("<id>", "a" * 32))
        for method in rule.methods or ():
            answer = locked.open(path, method=method)
            assert (answer.status_code, answer.headers["Cache-Control"]) == (401, "no-store"), (method, path)
            if method not in security.READING:
                said = client.open(path, method=method, headers={"Origin": "https://elsewhere.example"})
                assert said.status_code == 403, (method, path)


# Files that are no database any more


def test_broken_databases_are_told_and_answers_come_all_the_same(
    make_app: MakeApp, service: Service, tmp_path: Path
) -> None:
    client = make_app(url=f"{service.root}/score").test_client()
    ticket = client.post("/", data={"a": "x", "_background": "1"}).location
    done(client, ticket)
    for file in (tmp_path / "data").glob("*.sqlite3*"):
        file.write_bytes(b"garbage " * 1000)
    for path in (ticket, "/answers/" + "a" * 32, "/answers/" + "a" * 32 + ".png"):
        assert client.get(path).status_code in (404, 503)
    for path in (f"{ticket}/cancel", f"{ticket}/retry"):
        assert client.post(path).status_code == 503
    assert client.post("/", data={"a": "y", "_background": "1"}).status_code == 503
    assert "fine" in client.post("/", data={"a": "y"}).text
