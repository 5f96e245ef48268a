"""Boxes over the picture of an answer: their places, what is hidden, and the picture with its boxes to take along."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from browsers import framed
from conftest import MakeApp
from detector import ASTRONAUT, FOUND, SCHEMA, Detector, records
from flask.testing import FlaskClient
from house import Page, check
from PIL import Image

from FlaskAppAML.images import colours_of
from FlaskAppAML.results import Box, Boxes
from FlaskAppAML.web.boxes import LONGEST_TAG, least_score, marks, overlay

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def detector() -> Iterator[Detector]:
    with Detector(records(*FOUND)) as made:
        yield made


@pytest.fixture
def client(make_app: MakeApp, detector: Detector) -> FlaskClient:
    return make_app(url=detector.url, schema=SCHEMA).test_client()


def asked(client: FlaskClient) -> Page:
    reply = client.post("/", data={"picture": (io.BytesIO(ASTRONAUT), "astronaut.jpg")})
    assert reply.status_code == 200, reply.text
    return check(reply.text)


def link(page: Page, end: str) -> str:
    return next(a["href"] for a in page.all("a") if a["href"].partition("?")[0].endswith(end))


def places(page: Page) -> list[tuple[float, ...]]:
    """Of the boxes, in pixels of the picture of 384 × 384, in the order in which they are drawn."""
    drawn = [rect for rect in page.all("rect") if "stroke" in rect]
    listed = [[float(rect[name].rstrip("%")) * 3.84 for name in ("x", "y", "width", "height")] for rect in drawn]
    return [tuple(round(side) for side in (x, y, x + wide, y + high)) for x, y, wide, high in listed]


def test_boxes_stand_over_the_picture_and_in_the_table(client: FlaskClient) -> None:
    page = asked(client)
    assert places(page) == [FOUND[2][2:], FOUND[1][2:], FOUND[0][2:]]  # the surest on top
    groups = [g for g in page.all("g") if "data-group" in g]
    assert [("hidden" in g, g["id"]) for g in groups] == [(True, "box-3"), (False, "box-2"), (False, "box-1")]
    assert page.texts["text"] == ["3 badge", "2 face", "1 person"]
    links = [a["href"] for a in page.all("a")]
    assert {"#box-1", "#box-2", "#box-3"} <= set(links)
    picture = next(image for image in page.all("img") if "asked about" in image["alt"])
    assert client.get(picture["src"]).content_type == "image/jpeg"
    assert (picture["width"], picture["height"]) == ("384", "384")
    assert "1 weaker box is hidden." in [text.strip() for text in page.texts["span"]]


@pytest.mark.parametrize(
    "found",
    [
        [{"label": "a", "score": 0.9, "box": {"xmin": 96, "ymin": 48, "xmax": 192, "ymax": 144}}],
        [{"category_id": 1, "score": 0.9, "bbox": [96, 48, 96, 96]}],
        {
            "boxes": [
                {"box": {"topX": 0.25, "topY": 0.125, "bottomX": 0.5, "bottomY": 0.375}, "label": "a", "score": 0.9}
            ]
        },
        {"predictions": [{"x": 144, "y": 96, "width": 96, "height": 96, "class": "a", "confidence": 0.9}]},
        {"detection_boxes": [[0.125, 0.25, 0.375, 0.5]], "detection_scores": [0.9], "detection_classes": [1]},
    ],
    ids=["corners", "sizes", "fractions", "centre", "lists"],
)
def test_every_convention_lands_on_the_same_place(client: FlaskClient, detector: Detector, found: Any) -> None:
    detector.found = found
    assert places(asked(client)) == [(96, 48, 192, 144)]


def test_the_threshold_works_without_script(client: FlaskClient) -> None:
    page = asked(client)
    form = next(form for form in page.all("form") if "data-threshold" in form)
    address = form["action"].partition("#")[0]
    shown = check(client.get(f"{address}?least=0.95").text)
    assert [("hidden" in g) for g in shown.all("g") if "data-group" in g] == [True, True, False]
    assert shown.values()["least"] == "0.95"
    assert link(shown, ".png").endswith("?least=0.95")
    for odd in ("nan", "x", "", "1e999", "-1"):
        check(client.get(f"{address}?least={odd}").text)


def test_the_picture_comes_with_its_boxes(client: FlaskClient) -> None:
    address = link(asked(client), ".png")
    reply = client.get(address)
    assert reply.content_type == "image/png"
    assert reply.headers["Content-Disposition"].startswith("attachment; filename=")
    assert reply.headers["Cache-Control"] == "no-store"
    drawn = Image.open(io.BytesIO(reply.data))
    assert drawn.size == (384, 384)
    colours = colours_of(Boxes("", [Box(label, None, 0, 0, 1, 1) for label, *_ in FOUND]))
    assert [framed(drawn, place, colours[label], 1) for label, _, *place in FOUND] == [True, True, False]
    everything = Image.open(io.BytesIO(client.get(f"{address}?least=0").data))
    assert all(framed(everything, place, colours[label], 1) for label, _, *place in FOUND)
    one = Image.open(io.BytesIO(client.get(f"{address}?least=0.95").data))
    assert [framed(one, place, colours[label], 1) for label, _, *place in FOUND] == [True, False, False]


def test_without_boxes_there_is_no_picture_to_take_along(client: FlaskClient, detector: Detector) -> None:
    detector.found = [{"label": "cat", "score": 0.9}]
    page = asked(client)
    assert not [a for a in page.all("a") if ".png" in a["href"]]
    assert client.get(link(page, ".json").replace(".json", ".png")).status_code == 404
    assert client.get(f"/answers/{'0' * 32}.png").status_code == 404


def test_where_nothing_is_kept_the_picture_is_in_the_page(make_app: MakeApp, detector: Detector) -> None:
    page = asked(make_app(url=detector.url, schema=SCHEMA, answer_minutes=0).test_client())
    picture = next(image for image in page.all("img") if "asked about" in image["alt"])
    assert picture["src"].startswith("data:image/jpeg;base64,")
    assert len(places(page)) == 3
    assert not [a for a in page.all("a") if ".png" in a["href"]]


def test_without_a_picture_boxes_stand_in_their_table(make_app: MakeApp, detector: Detector) -> None:
    schema = json.dumps({"dialect": "raw", "fields": [{"name": "address", "type": "text"}]})
    reply = make_app(url=detector.url, schema=schema).test_client().post("/", data={"address": "x"})
    page = check(reply.text)
    assert not page.all("svg")
    assert "badge" in reply.text


def test_labels_of_an_endpoint_are_text(client: FlaskClient, detector: Detector) -> None:
    detector.found = records(
        (EVIL, 0.9, 0, 0, 90, 90), ("\u202eabc" * 80, 2e300, -5e9, 0, 9e9, 90), ("", 0.1, 0, 0, 9, 9)
    )
    page = asked(client)
    assert all(script["src"].startswith("/static/") for script in page.all("script"))
    assert EVIL[:19] in "".join(page.texts["text"])
    assert client.get(link(page, ".png")).status_code == 200


def test_many_boxes_make_a_bounded_page(client: FlaskClient, detector: Detector) -> None:
    detector.found = records(*[(f"thing {i}", 0.9, i % 300, i % 300, 350, 350) for i in range(3000)])
    page = asked(client)
    assert len(places(page)) == 200
    assert len([tick for tick in page.all("input") if "data-shown" in tick]) == 50


# Places in percent


@pytest.mark.parametrize(
    "found",
    [
        Boxes("", [Box("a", 0.9, 50, 25, 150, 75)]),
        Boxes("", [Box("a", 0.9, 0.25, 0.25, 0.75, 0.75)], "fraction"),
        Boxes("", [Box("a", 0.9, 500, 250, 1500, 750)], width=2000, height=1000),
    ],
)
def test_a_box_stands_in_percent_of_the_picture(found: Boxes) -> None:
    (mark,) = marks(found, 200, 100)
    assert (mark.x, mark.y, mark.width, mark.height) == (25, 25, 50, 50)
    assert mark.tag == "1 a"


def test_boxes_keep_the_numbers_of_their_rows() -> None:
    whole = (0, 0, 10, 10)
    outside = Box("x", 0.9, 300, 300, 400, 400)
    found = Boxes("", [Box("a", 0.9, *whole), outside, Box("a", 0.2, *whole), Box("b" * 99, None, *whole)])
    drawn = marks(found, 200, 100)
    assert [mark.number for mark in drawn] == [4, 3, 1]
    assert drawn[2].colour == drawn[1].colour != drawn[0].colour
    assert [mark.group for mark in drawn] == [2, 0, 0]
    assert len(drawn[0].tag) == LONGEST_TAG + 2
    assert overlay(found, 200, 100).numbers == {1, 3, 4}


@pytest.mark.parametrize(
    ("scores", "least"),
    [([0.9, 0.2], 0.5), ([0.3, 0.2], 0.0), ([None], None), ([], None), ([97.0, 3.0], None), ([-0.5, 0.9], None)],
)
def test_below_one_half_boxes_are_hidden_where_that_leaves_any(scores: list[float | None], least: float | None) -> None:
    assert least_score(Boxes("", [Box("a", score, 0, 0, 1, 1) for score in scores])) == least
