"""What visitors and endpoints tried at pictures, the camera, jobs, streams and the originals' routes: each of the first
was once possible."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
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
from FlaskAppAML.web import originals

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


# What was typed in secret


@pytest.mark.parametrize("word", [WORD, "q7z"])
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
    assert word.encode() not in written(tmp_path / "data")


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
    until = time.monotonic() + 5
    while WORD.encode() in written(tmp_path / "data") and time.monotonic() < until:
        time.sleep(0.05)
    assert WORD.encode() not in written(tmp_path / "data")


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
