"""The page /camera over HTTP: which models have it, what a frame gets, what it costs, and who may use the device."""

from __future__ import annotations

import gzip
import io
import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY, MakeApp
from flask.testing import FlaskClient
from house import check
from misbehaving import Misbehaving

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML.settings import Settings

ASTRONAUT = (Path(__file__).parent.parent / "demo/pictures/astronaut.jpg").read_bytes()
FACES = json.dumps({"dialect": "raw", "fields": [{"name": "picture", "type": "image", "send": "body"}]})
TAGS = {"dialect": "raw", "fields": [{"name": "token", "type": "text"}, {"name": "image", "type": "image"}]}
JSON = {"Accept": "application/json"}


@pytest.fixture
def faces(make_app: MakeApp, demo: Demo) -> FlaskClient:
    if find_spec("cv2") is None:
        why = "OpenCV is missing: pip install -r demo/requirements.txt"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    return make_app(url=demo.urls["faces"], schema=FACES, camera="3/hour").test_client()


def frame(client: FlaskClient, path: str = "/camera?width=384&height=384", **fields: Any) -> Any:

    files = {"picture": (io.BytesIO(ASTRONAUT), "frame.jpg"), **fields}
    return client.post(path, data=files, headers=JSON)


def test_a_frame_gets_its_boxes_and_its_sentence(faces: FlaskClient) -> None:
    reply = frame(faces)
    assert reply.status_code == 200, reply.text
    assert reply.headers["Cache-Control"] == "no-store"
    html = reply.json["html"]
    assert reply.json["endpoint_ms"] > 0
    page = check(f'<!doctype html><html lang="en"><title>t</title><h1>t</h1>{html}</html>')
    _, rect = page.all("rect")
    assert rect["stroke"] == "#4477aa", "by its label, whatever else is in the frame"
    left, top, wide, high = (float(rect[name].rstrip("%")) / 100 * 384 for name in ("x", "y", "width", "height"))
    assert 120 < left < 145
    assert 35 < top < 60
    assert 60 < wide < 90
    assert 60 < high < 90
    assert page.texts["text"][0].startswith("face 0.")
    assert "One box: face." in page.texts["p"][0]


def test_nothing_of_a_frame_is_kept(faces: FlaskClient) -> None:
    frame(faces)
    file = faces.application.extensions["site"].answers._file
    tables = [name for (name,) in file._open().execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert "answers" in tables
    assert all(file.read(f"SELECT count(*) FROM {table}", ()) == (0,) for table in tables)


def test_frames_have_a_limit_of_their_own(faces: FlaskClient) -> None:
    replies = [frame(faces) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    assert replies[-1].json["retry_after"] > 0
    assert replies[-1].json["kind"] == "rate_limited"


def test_the_page_alone_may_use_the_camera(faces: FlaskClient) -> None:
    page = faces.get("/camera")
    policy = page.headers.getlist("Permissions-Policy")
    assert len(policy) == 1
    assert "camera=(self)" in policy[0]
    assert "microphone=()" in policy[0]
    check(page.text)
    form = faces.get("/")
    assert "camera=()" in form.headers["Permissions-Policy"]
    assert "/camera?model=model" in [a["href"] for a in check(form.text).all("a")]
    assert "camera=()" in frame(faces).headers["Permissions-Policy"]


def test_the_page_is_small(faces: FlaskClient) -> None:
    """15 kB, compressed, with its sheets and scripts."""
    page = faces.get("/camera")
    found = check(page.text)
    needed = [a["href"] for a in found.all("link") if a["rel"] == "stylesheet"]
    needed += [a["src"] for a in found.all("script")]
    packed = [faces.get(path, headers={"Accept-Encoding": "gzip"}).data for path in needed]
    assert sum(map(len, packed)) + len(gzip.compress(page.data)) < 15_000


def test_without_script_the_page_is_the_form(faces: FlaskClient) -> None:
    page = check(faces.get("/camera").text)
    form = next(a for a in page.all("form") if a.get("id") == "shot")
    assert (form["method"], form["action"], form["enctype"]) == ("post", "/#answer", "multipart/form-data")
    assert "picture" in page.values()
    assert "Live pictures need JavaScript" in page.texts["noscript"][0]


def test_what_is_wrong_with_a_frame_is_told_to_the_script(faces: FlaskClient) -> None:
    reply = faces.post("/camera", data={}, headers=JSON)
    assert reply.status_code == 422
    assert list(json.loads(reply.text)["fields"]) == ["picture"]


def test_a_model_without_a_picture_has_no_camera(client: FlaskClient) -> None:
    assert client.get("/camera").status_code == 404
    assert client.get("/camera?model=model").status_code == 404
    assert client.get("/camera?model=other").status_code == 404
    assert client.post("/camera", data={}, headers=JSON).status_code == 404
    assert "/camera" not in client.get("/").text


def test_the_owner_can_do_without(make_app: MakeApp, demo: Demo) -> None:
    client = make_app(url=demo.urls["faces"], schema=FACES, camera="off").test_client()
    assert client.get("/camera").status_code == 404
    assert "/camera" not in client.get("/").text


def test_the_first_model_that_takes_a_picture_has_it(demo: Demo, tmp_path: Path) -> None:
    given = {
        "MODELS": "companies,faces,tags",
        "API_KEY": KEY,
        "DATA_DIR": str(tmp_path),
        "COMPANIES_URL": demo.url,
        "FACES_URL": demo.urls["faces"],
        "FACES_SCHEMA": FACES,
        "TAGS_URL": demo.urls["expressions"],
        "TAGS_SCHEMA": json.dumps(TAGS),
    }
    client = FlaskAppAML.create_app(Settings.read(given)).test_client()
    assert 'data-camera="/camera?model=faces"' in client.get("/camera").text
    page = check(client.get("/camera?model=tags").text)
    assert {"token", "image"} <= set(page.values())
    assert client.get("/camera?model=companies").status_code == 404


def test_a_failure_of_the_endpoint_is_told_in_words(make_app: MakeApp, demo: Demo) -> None:
    client = make_app(url=demo.urls["faces"], schema=FACES, api_key="another-key-42").test_client()
    reply = frame(client)
    assert reply.status_code == 502, reply.text
    assert reply.json["title"]
    assert "another-key-42" not in reply.text


def test_the_key_is_not_in_the_answer(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    reply = frame(make_app(url=misbehaving.url("echo-key-200"), schema=FACES).test_client())
    assert reply.status_code == 200
    assert KEY not in reply.text
    assert "secret" not in reply.text.replace("[secret removed]", "")
