"""The weight of a page on the wire, besides pictures: HTML, sheets and scripts, packed as they come, 15 kB at most."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path

import pytest
from conftest import KEY, MakeApp
from detector import ASTRONAUT, SCHEMA
from flask.testing import FlaskClient
from house import check
from werkzeug.test import TestResponse

from demo.server import Demo
from FlaskAppAML.web.assets import STATIC

MOST = 15_000
DIGIT = (Path(__file__).parent.parent / "demo/pictures/digit-3.png").read_bytes()


def weight(client: FlaskClient, page: TestResponse, before: str = "") -> int:
    """Pictures that stand in the page as data count nothing, nor do files that the page `before` had named already."""
    listed = check(page.text)
    named = [a["href"] for a in listed.all("link") if a["rel"] == "stylesheet"] + [
        a["src"] for a in listed.all("script")
    ]
    files = [client.get(path, headers={"Accept-Encoding": "gzip, br"}).data for path in named if path not in before]
    text = page.text
    for picture in listed.all("img"):
        text = text.replace(picture["src"], "")
    return len(gzip.compress(text.encode())) + sum(map(len, files))


@pytest.fixture
def client(make_app: MakeApp, demo: Demo) -> FlaskClient:
    return make_app(url=demo.urls["digits"], task="image-classification", local=True).test_client()


def test_a_form_with_a_picture_and_its_answer(client: FlaskClient) -> None:
    assert weight(client, client.get("/")) < MOST
    answer = client.post("/", data={"image": (io.BytesIO(DIGIT), "digit.png")})
    assert answer.status_code == 200
    assert weight(client, answer) < MOST


def test_boxes_over_the_picture(make_app: MakeApp, demo: Demo) -> None:
    client = make_app(url=demo.urls["faces"], schema=SCHEMA).test_client()
    answer = client.post("/", data={"picture": (io.BytesIO(ASTRONAUT), "a.jpg")})
    assert answer.status_code == 200
    assert weight(client, answer) < MOST


@pytest.mark.parametrize("path", ["/about", "/contact", "/nothing", "/connect", "/camera?model=model"])
def test_every_other_page(client: FlaskClient, path: str) -> None:
    assert weight(client, client.get(path)) < MOST


def test_connect_with_the_form_of_a_picture_and_its_answer(client: FlaskClient, demo: Demo) -> None:
    typed = {"connect-url": demo.urls["faces"], "connect-api_key": KEY, "connect-schema": SCHEMA}
    found = client.post("/connect", data={**typed, "do": "inspect"})
    assert weight(client, found) < MOST
    tried = client.post("/connect", data={**typed, "do": "try", "picture": (io.BytesIO(ASTRONAUT), "a.jpg")})
    assert "data-boxes" in tried.text
    assert weight(client, tried, before=found.text) < MOST
    assert weight(client, tried) < 16_000  # which nobody meets: the button stands on a page that named all but two


@pytest.mark.parametrize("name", ["app.js", "app.css"])
def test_comments_are_for_readers_of_the_source(client: FlaskClient, name: str) -> None:
    comment = re.compile(r"^ *//.*" if name.endswith("js") else r"/\*[^*]*\*/", re.MULTILINE)
    source, sent = (STATIC / name).read_text(), client.application.extensions["site"].assets[name].body.decode()
    assert comment.search(source)
    assert not comment.search(sent)
    assert sent.split() == comment.sub("", source).split()
