"""Boxes over the picture of an answer in headless Chromium: on the face at every width, hidden by script, and the same
in the picture to take along."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from browsers import WIDTHS, OpenPage, Watched, framed, looked_at, stays
from conftest import KEY, some
from detector import FOUND, SCHEMA, Detector, records
from PIL import Image
from playwright.sync_api import Browser, Page
from serving import serving

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML.images import COLOURS
from FlaskAppAML.settings import Settings

ASTRONAUT = Path(__file__).parent.parent / "demo/pictures/astronaut.jpg"
SIDE = 384  # pixels
FACE = (131, 49, 205, 122)  # as the demo's detector finds it


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """`at(url)`: where an app in front of this model listens."""
    given: Any = {"api_key": KEY, "schema": SCHEMA, "data_dir": str(tmp_path_factory.mktemp("data"))}
    with serving() as serve:
        yield lambda url: serve(FlaskAppAML.create_app(Settings(url=url, rate_limit="off", **given)))


@pytest.fixture(scope="module")
def things(at: Callable[[str], str]) -> Iterator[str]:
    with Detector(records(*FOUND)) as detector:
        yield at(detector.url)


def ask(page: Page, address: str) -> None:
    page.goto(address)
    page.set_input_files("[name=picture]", ASTRONAUT)
    page.click("text=Ask the model")
    page.wait_for_selector("#answer")


def downloaded(page: Page) -> Image.Image:
    with page.expect_download() as waiting:
        page.click("[data-png]")
    return Image.open(waiting.value.path())


def seen(page: Page) -> list[str]:
    return sorted(page.evaluate("[...document.querySelectorAll('.marks g:not([hidden])')].map((one) => one.id)"))


@pytest.mark.parametrize("width", some(WIDTHS, 1280))
def test_the_box_sits_on_the_face(chromium: Browser, at: Callable[[str], str], demo: Demo, width: int) -> None:
    if find_spec("cv2") is None:
        why = "OpenCV is missing: pip install -r demo/requirements.txt"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    with Watched(chromium, viewport={"width": width, "height": 900}) as page:
        ask(page, at(demo.urls["faces"]))
        picture = page.locator(".pic")
        shot = Image.open(BytesIO(picture.screenshot()))
        share = shot.width / SIDE
        assert abs(shot.height - shot.width) <= 1
        place = [side * share for side in FACE]
        assert framed(shot, place, COLOURS[0], 3)
        assert not framed(shot, [side + 12 for side in place], COLOURS[0], 3)
        drawn = downloaded(page)
        assert drawn.size == (SIDE, SIDE)
        assert framed(drawn, FACE, COLOURS[0], 2)
        assert not framed(drawn, [side + 12 for side in FACE], COLOURS[0], 2)
        assert page.evaluate("document.querySelector('.say').scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", some(WIDTHS, 360))
def test_tags_can_be_read_and_stay_in_the_picture(chromium: Browser, things: str, width: int) -> None:
    with Watched(chromium, viewport={"width": width, "height": 900}) as page:
        ask(page, things)
        picture: Any = page.locator(".pic").bounding_box()
        tags = page.locator(".marks text:not([hidden])").all()
        assert len(tags) == 2
        for tag in tags:
            place: Any = tag.bounding_box()
            assert place["height"] >= 14
            assert picture["x"] <= place["x"]
            assert place["x"] + place["width"] <= picture["x"] + picture["width"]
            assert picture["y"] <= place["y"]
            assert place["y"] + place["height"] <= picture["y"] + picture["height"]


def test_the_threshold_hides_boxes_at_once_here_and_in_the_download(chromium: Browser, things: str) -> None:
    with Watched(chromium) as page:
        ask(page, things)
        assert seen(page) == ["box-1", "box-2"]
        assert not page.is_visible("text=Apply")
        page.fill("#least", "0.95")
        assert seen(page) == ["box-1"]
        assert page.inner_text("[data-weaker]") == "2 weaker boxes are hidden."
        assert page.input_value("#least-range") == "0.95"
        drawn = downloaded(page)
        assert framed(drawn, FOUND[0][2:], COLOURS[0], 1)
        assert not framed(drawn, FOUND[1][2:], COLOURS[1], 1)
        page.fill("#least-range", "0")
        assert seen(page) == ["box-1", "box-2", "box-3"]
        assert page.inner_text("[data-weaker]") == ""
        page.press("#least", "Enter")
        stays(page)
        assert "/answers/" not in page.url


def test_a_label_is_hidden_by_its_tick(chromium: Browser, things: str) -> None:
    with Watched(chromium) as page:
        ask(page, things)
        page.uncheck("[data-shown='0']")
        assert seen(page) == ["box-2"]
        assert page.inner_text("[data-weaker]") == "1 weaker box is hidden."
        page.check("[data-shown='0']")
        assert seen(page) == ["box-1", "box-2"]


def test_without_script_the_threshold_is_a_form(chromium: Browser, things: str) -> None:
    with Watched(chromium, java_script_enabled=False) as page:
        ask(page, things)
        assert seen_by_eye(page) == 2
        page.fill("#least", "0.1")
        page.click("text=Apply")
        page.wait_for_url("**/answers/*least=0.1*")
        assert seen_by_eye(page) == 3
        assert not page.is_visible("#least-range")


def seen_by_eye(page: Page) -> int:
    return sum(box.is_visible() for box in page.locator(".marks g").all())


def test_a_number_in_the_table_lights_its_box(chromium: Browser, things: str) -> None:
    with Watched(chromium) as page:
        ask(page, things)
        page.click("td >> nth=0 >> xpath=../th/a")
        assert page.url.endswith("#box-1")
        width = "getComputedStyle(document.querySelector('#box-1 rect:not(.halo)')).strokeWidth"
        assert page.evaluate(width) == "6px"


def test_axe_finds_nothing(open_page: OpenPage, things: str) -> None:
    page = open_page()
    ask(page, things)
    looked_at(page, "boxes")
