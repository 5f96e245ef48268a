"""The page /camera in headless Chromium with a made-up camera: before it stands the demo's picture of an astronaut, and
the demo's face detector looks at it."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from browsers import Watched, framed, launched, looked_at, until
from conftest import KEY
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, Route, expect
from serving import serving

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML.images import steady_colours
from FlaskAppAML.results import Box, Boxes
from FlaskAppAML.settings import Settings

pytestmark = pytest.mark.skipif(
    find_spec("cv2") is None and not os.environ.get("CI"),
    reason="LOUD: no OpenCV, so no camera was looked through",
)
ASTRONAUT = Path(__file__).parent.parent / "demo/pictures/astronaut.jpg"
WIDE, HIGH = 640, 480
LEFT, TOP = 128, 48  # where the picture stands in the frame
RED = steady_colours(Boxes("", [Box("face", 0.9, 0, 0, 1, 1)]))["face"]
FACE = (131, 49, 205, 122)  # of the picture, in pixels, as the detector finds it
SCHEMA = {"dialect": "raw", "fields": [{"name": "picture", "type": "image", "send": "body"}]}
FAKE = "--use-fake-device-for-media-stream"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of one frame, as Chromium takes it for a camera."""
    scene, out = Image.new("RGB", (WIDE, HIGH), (90, 110, 90)), BytesIO()
    with Image.open(ASTRONAUT) as picture:
        scene.paste(picture, (LEFT, TOP))
    scene.save(out, "JPEG", quality=90)
    path = tmp_path_factory.mktemp("film") / "astronaut.mjpeg"
    path.write_bytes(out.getvalue() * 10)
    return path


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, film: Path) -> Iterator[Browser]:
    """One with a camera, before which the film goes on for ever."""
    fake = (FAKE, "--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={film}")
    with launched(playwright, *fake) as browser:
        yield browser


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory, demo: Demo) -> Iterator[Callable[..., str]]:
    """`at(camera=...)`: where an app in front of the detector listens."""

    def made(**changes: Any) -> str:
        given = {
            "url": demo.urls["faces"],
            "api_key": KEY,
            "rate_limit": "off",
            "schema": json.dumps(SCHEMA),
            **changes,
        }
        return serve(FlaskAppAML.create_app(Settings(**given, data_dir=str(tmp_path_factory.mktemp("data")))))

    with serving() as serve:
        yield made


@pytest.fixture(scope="module")
def faces(at: Callable[..., str]) -> str:
    return at(title="Faces")


def started(page: Page, address: str) -> None:
    page.goto(f"{address}/camera")
    page.click("text=Start the camera")
    page.wait_for_selector("[data-piece=marks] rect, [data-piece=said] .said", state="attached")


@pytest.mark.parametrize("width", [1280, pytest.param(360, marks=pytest.mark.slow)])
def test_the_box_sits_on_the_face_in_the_live_picture(chromium: Browser, faces: str, width: int) -> None:
    with Watched(chromium, viewport={"width": width, "height": 900}) as page:
        started(page, faces)
        page.wait_for_selector(".marks rect")
        page.click("text=Pause")
        shot = Image.open(BytesIO(page.locator(".pic").screenshot()))
        share = shot.width / WIDE
        assert abs(shot.height - HIGH * share) <= 2
        place = [(side + start) * share for side, start in zip(FACE, (LEFT, TOP) * 2, strict=True)]
        assert framed(shot, tuple(place), RED, 5)
        assert not framed(shot, tuple(side + 20 for side in place), RED, 5)
        words = page.locator(".marks text")
        assert str(words.text_content()).startswith("face 0.")
        box, pic = words.bounding_box(), page.locator(".pic").bounding_box()
        assert box is not None
        assert pic is not None
        assert box["height"] >= 14
        assert pic["x"] <= box["x"] < box["x"] + box["width"] <= pic["x"] + pic["width"]
        assert pic["y"] <= box["y"] < box["y"] + box["height"] <= pic["y"] + pic["height"]
        assert page.inner_text("[data-piece=said]").startswith("One box: face")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_next_frame_waits_for_the_answer(chromium: Browser, faces: str) -> None:
    """An endpoint that is slow: never more than one frame is under way, and none is caught up with."""
    now, most, times = [0], [0], [0.0]

    def slowly(route: Route) -> None:
        now[0] += 1
        most[0] = max(most[0], now[0])
        times.append(time.monotonic())
        page.wait_for_timeout(200)
        now[0] -= 1
        route.continue_()

    with Watched(chromium) as page:
        page.route("**/camera?model=*&*", slowly)
        started(page, faces)
        while len(times) < 4:
            page.wait_for_timeout(50)
        assert most[0] == 1
        assert all(later - earlier >= 0.2 for earlier, later in pairwise(times[1:]))
        page.click("text=Pause")
        page.unroute_all(behavior="ignoreErrors")


def test_pause_stops_the_frames_and_go_on_starts_them_again(chromium: Browser, faces: str) -> None:
    with Watched(chromium) as page:
        frames: list[str] = []
        page.on("request", lambda r: frames.append(r.url) if r.method == "POST" else None)
        started(page, faces)
        expect(page.locator("[data-rate]")).to_have_text(re.compile(r"\d\.\d"))
        assert int(page.inner_text("[data-latency]")) >= int(page.inner_text("[data-endpoint]")) > 0
        page.click("text=Pause")
        assert page.inner_text("[data-state]") == "Paused; nothing is sent."
        sent = len(frames)
        page.wait_for_timeout(500)
        assert len(frames) == sent
        with page.expect_request(lambda request: request.method == "POST"):
            page.click("text=Go on")
        assert all("width=640&height=480" in url for url in frames)


def test_a_snapshot_is_asked_about_on_the_normal_page(chromium: Browser, faces: str) -> None:
    with Watched(chromium) as page:
        started(page, faces)
        page.click("text=Take a snapshot")
        page.wait_for_selector("#answer")
        assert page.url == f"{faces}/#answer"
        assert page.inner_text("#answer") == "One box: face."
        assert "jpeg" in page.inner_text("pre >> nth=0").lower() or page.locator("details").count()


def test_two_cameras_are_taken_in_turn(playwright: Playwright, faces: str) -> None:
    fake = (f"{FAKE}=device-count=2", "--use-fake-ui-for-media-stream")
    with launched(playwright, *fake) as browser, Watched(browser) as page:
        started(page, faces)
        used = "document.querySelector('video').srcObject?.getVideoTracks()[0].getSettings().deviceId"
        first = page.evaluate(used)
        page.click("text=Other camera")
        until(page, f"{used} && {used} !== {json.dumps(first)}")
        page.wait_for_selector("text=Pause")


def test_one_camera_has_no_switch(chromium: Browser, faces: str) -> None:
    with Watched(chromium) as page:
        started(page, faces)
        assert not page.is_visible("text=Other camera")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([FAKE, "--deny-permission-prompts"], "The camera may not be used here."),
        pytest.param(["--use-fake-ui-for-media-stream"], "No camera was found.", marks=pytest.mark.slow),
    ],
)
def test_without_a_camera_plain_words(playwright: Playwright, faces: str, arguments: list[str], words: str) -> None:
    with launched(playwright, *arguments) as browser, Watched(browser) as page:
        page.goto(f"{faces}/camera")
        page.click("text=Start the camera")
        page.wait_for_selector(f"text={words}")
        assert "Choose a picture in the form instead." in page.inner_text("[data-state]")
        page.set_input_files("[name=picture]", ASTRONAUT)
        page.click("text=Ask the model")
        page.wait_for_selector("#answer")


def test_without_https_the_reason_is_told(chromium: Browser, faces: str) -> None:
    with Watched(chromium) as page:
        page.add_init_script(
            "Object.defineProperty(navigator, 'mediaDevices', {value: undefined});"
            "Object.defineProperty(window, 'isSecureContext', {value: false})"
        )
        page.goto(f"{faces}/camera")
        page.click("text=Start the camera")
        assert "with https only" in page.inner_text("[data-state]")


def test_without_script_the_form_takes_the_picture(chromium: Browser, faces: str) -> None:
    with Watched(chromium, java_script_enabled=False) as page:
        page.goto(f"{faces}/camera")
        assert not page.is_visible("text=Start the camera")
        page.set_input_files("[name=picture]", ASTRONAUT)
        page.click("text=Ask the model")
        page.wait_for_selector("#answer")


def test_at_the_limit_the_page_waits(chromium: Browser, at: Callable[..., str]) -> None:
    with Watched(chromium) as page:
        address = at(camera="2/2 second")
        page.goto(f"{address}/camera")
        page.evaluate("document.querySelector('[data-camera]').dataset.every = 0")
        page.click("text=Start the camera")
        page.wait_for_selector("text=On again in")
        page.wait_for_selector("text=Live.")
        assert page.inner_text("[data-run]") == "Pause"


def test_what_the_endpoint_refuses_stops_the_frames(chromium: Browser, at: Callable[..., str]) -> None:
    with Watched(chromium) as page:
        page.goto(f"{at(api_key='another-key-42')}/camera")
        page.click("text=Start the camera")
        page.wait_for_selector(".error[data-state]")
        assert page.inner_text("[data-run]") == "Go on"


def test_another_field_goes_along(chromium: Browser, at: Callable[..., str], demo: Demo) -> None:
    fields = [{"name": "image", "type": "image"}, {"name": "note", "type": "text"}]
    schema = json.dumps({"dialect": "raw", "fields": fields})
    with Watched(chromium) as page:
        page.goto(f"{at(url=demo.urls['expressions'], schema=schema)}/camera")
        page.click("text=Start the camera")
        page.wait_for_selector(".error[data-state]")
        assert page.inner_text("[data-state]").startswith("note: ")
        page.fill("[name=note]", "astronaut")
        page.click("text=Go on")
        page.wait_for_selector("[data-piece=said] .said")


def test_axe_finds_nothing(chromium: Browser, faces: str) -> None:
    with Watched(chromium) as page:
        page.goto(f"{faces}/camera")
        looked_at(page, "camera")
        page.set_viewport_size({"width": 1280, "height": 900})
        started(page, faces)
        page.click("text=Pause")
        looked_at(page, "camera-paused")
