"""What somebody saw who walked every page: a picture for each part with boxes, colours that stay with their labels,
a file that is lost said so at its field, and no picture of a former model."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from browsers import framed
from conftest import MakeApp
from detector import ASTRONAUT, FOUND, SCHEMA, Detector, records
from flask.testing import FlaskClient
from house import check
from misbehaving import Misbehaving
from PIL import Image
from test_boxes import asked, link, places

from demo.server import Demo
from FlaskAppAML.images import COLOURS, steady_colours
from FlaskAppAML.results import Box, Boxes

SOUND = b"RIFF\x24\0\0\0WAVEfmt " + bytes(24)
SAYS = {"dialect": "raw", "fields": [{"name": "sound", "type": "audio"}, {"name": "note", "min_length": 3}]}


@pytest.fixture
def detector() -> Iterator[Detector]:
    with Detector({"people": records(FOUND[0]), "faces": records(*FOUND[1:])}) as made:
        yield made


@pytest.fixture
def client(make_app: MakeApp, detector: Detector) -> FlaskClient:
    return make_app(url=detector.url, schema=SCHEMA).test_client()


def test_each_part_with_boxes_stands_over_the_picture(client: FlaskClient) -> None:
    page = asked(client)  # no id twice
    assert len([image for image in page.all("img") if "asked about" in image["alt"]]) == 2
    assert places(page) == [FOUND[0][2:], FOUND[2][2:], FOUND[1][2:]]
    assert {"#box-1", "#box-2-1", "#box-2-2"} <= {a["href"] for a in page.all("a")}
    assert [a["download"] is not None for a in page.all("a") if ".png" in a["href"]] == [True, True]


def test_each_part_has_a_picture_to_take_along(client: FlaskClient) -> None:
    address = link(asked(client), ".png").partition("?")[0]
    of_people, of_faces = (Image.open(io.BytesIO(client.get(f"{address}?part={n}&least=0").data)) for n in (1, 2))
    assert [framed(of_people, place, COLOURS[0], 1) for _, _, *place in FOUND[:2]] == [True, False]
    assert [framed(of_faces, place, COLOURS[0], 1) for _, _, *place in FOUND[:2]] == [False, True]
    for wrong in ("0", "3", "x", "-1", "1e9"):
        assert client.get(f"{address}?part={wrong}").status_code == 404


def of(*labels: str) -> dict[str, str]:
    return steady_colours(Boxes("", [Box(label, 0.9, 0, 0, 1, 1) for label in labels]))


def test_from_frame_to_frame_a_label_keeps_its_colour() -> None:
    assert of("face")["face"] == of("person", "face")["face"] == of("face", "person")["face"]
    assert len(set(of(*map(str, range(len(COLOURS)))).values())) == len(COLOURS), "no two alike while there are enough"
    assert len(of(*map(str, range(50)))) == 50


def test_a_sound_beside_a_wrong_field_is_to_be_chosen_again(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    client = make_app(url=misbehaving.url("ok"), schema=json.dumps(SAYS)).test_client()
    reply = client.post("/", data={"sound": (io.BytesIO(SOUND), "a.wav"), "note": "x"})
    assert reply.status_code == 422
    assert "Two fields need a change" in reply.text
    assert reply.text.count("hoose the file again") == 2, "at the field, and where all is listed"


def test_after_a_failure_too(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    client = make_app(url=misbehaving.url("500-aml"), schema=json.dumps(SAYS)).test_client()
    reply = client.post("/", data={"sound": (io.BytesIO(SOUND), "a.wav"), "note": "long enough"})
    assert "No answer" in reply.text
    assert "Choose the file again" in reply.text
    assert "all but the file" in reply.text


def test_a_picture_is_kept_and_not_asked_for_again(client: FlaskClient, make_app: MakeApp, detector: Detector) -> None:
    schema = {"dialect": "raw", "fields": [{"name": "picture", "type": "image"}, {"name": "note", "min_length": 3}]}
    client = make_app(url=detector.url, schema=json.dumps(schema)).test_client()
    reply = client.post("/", data={"picture": (io.BytesIO(ASTRONAUT), "a.jpg"), "note": "x"})
    assert "One field needs a change" in reply.text


def test_an_abbreviation_stays_as_it_is_in_the_list_of_what_is_wrong(client: FlaskClient) -> None:
    svg = io.BytesIO(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    reply = client.post("/", data={"picture": (svg, "a.svg")})
    assert "SVG is not taken" in reply.text
    assert "sVG" not in reply.text
    check(reply.text)


def test_a_browser_asks_whether_an_example_is_still_this_one(make_app: MakeApp, demo: Demo) -> None:
    from runserver import OTHER_DEMOS

    client = make_app(url=demo.urls["digits"], **OTHER_DEMOS["digits"]).test_client()
    first = client.get("/examples/1")
    assert first.status_code == 200, first.text
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = client.get("/examples/1", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
