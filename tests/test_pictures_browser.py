"""Pictures in headless Chromium: chosen, dropped, pasted, drawn, taken from the gallery and used again; each is
answered rightly by the demo endpoint's reader of digits."""

from __future__ import annotations

import base64
import gzip
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import OpenPage, looked_at
from conftest import KEY, some
from playwright.sync_api import Page, Request, expect
from serving import serving

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML.settings import Settings

DEMO = Path(__file__).resolve().parent.parent / "demo"
FORM = {"form": str(DEMO / "digits_form.json"), "examples": str(DEMO / "pictures" / "digits.json")}
# What a hand does on a pad of 100 × 100.
STROKES = {"1": [[(38, 30), (54, 14), (54, 86)]], "7": [[(25, 18), (75, 18), (45, 86)]], "0": []}
STROKES["0"] = [[(50, 14), (30, 30), (26, 50), (32, 72), (50, 86), (68, 72), (74, 50), (70, 30), (50, 14)]]
# A file as the clipboard or the mouse brings it.
BRING = """([kind, selector, data, name, type]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const taken = new DataTransfer();
  taken.items.add(new File([bytes], name, { type }));
  const about = { bubbles: true, cancelable: true };
  const event = kind === "paste" ? new ClipboardEvent(kind, { ...about, clipboardData: taken })
    : new DragEvent(kind, { ...about, dataTransfer: taken });
  document.querySelector(selector).dispatchEvent(event);
  return event.defaultPrevented;
}"""

At = Callable[..., str]


@pytest.fixture(scope="module")
def at(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[At]:
    """`at(answer_minutes=0)`: where an app in front of the digits listens."""

    def made(**about: Any) -> str:
        given = {"url": demo.urls["digits"], "task": "image-classification", **FORM, **about}
        data_dir = str(tmp_path_factory.mktemp("data"))
        return serve(FlaskAppAML.create_app(Settings(api_key=KEY, data_dir=data_dir, rate_limit="off", **given)))

    with serving() as serve:
        yield made


@pytest.fixture(scope="module")
def digits(at: At) -> str:
    return at()


@pytest.fixture
def page(open_page: OpenPage, digits: str) -> Page:
    page = open_page()
    page.goto(digits)
    return page


def picture(number: int) -> Path:
    return DEMO / "pictures" / f"digit-{number}.png"


def bring(page: Page, kind: str, selector: str, number: int) -> bool:
    data = base64.b64encode(picture(number).read_bytes()).decode()
    return bool(page.evaluate(BRING, [kind, selector, data, f"{kind}.png", "image/png"]))


def draw(page: Page, strokes: list[list[tuple[int, int]]]) -> None:
    box = page.locator("canvas").bounding_box()
    assert box is not None
    for stroke in strokes:
        for i, (x, y) in enumerate(stroke):
            page.mouse.move(box["x"] + x * box["width"] / 100, box["y"] + y * box["height"] / 100, steps=8 if i else 1)
            if not i:
                page.mouse.down()
        page.mouse.up()


def answered(page: Page, number: int | str) -> None:
    page.click("button.go")
    expect(page.locator("#answer b")).to_have_text(str(number))


def shown(page: Page) -> None:
    """The preview is there, and is a picture."""
    expect(page.locator(".drop img:visible")).to_have_js_property("naturalWidth", 280)
    expect(page.locator("canvas")).to_be_hidden()


def test_a_file_is_chosen_seen_and_removed(page: Page) -> None:
    page.set_input_files("[type=file]", picture(4))
    shown(page)
    expect(page.locator(".chosen")).to_have_text("digit-4.png, 4 kB")
    page.click("text=Remove")
    expect(page.locator("canvas")).to_be_visible()
    expect(page.locator(".drop img")).to_have_count(0)
    expect(page.locator("[type=file]")).to_have_value("")
    page.set_input_files("[type=file]", picture(4))
    answered(page, 4)


@pytest.mark.parametrize(
    ("kind", "where"), [("paste", "body"), pytest.param("drop", ".drop", marks=pytest.mark.slow), ("drop", "h1")]
)
def test_a_file_is_pasted_or_dropped(page: Page, kind: str, where: str) -> None:
    assert bring(page, kind, where, 5), "the page must not make way for the file"
    shown(page)
    expect(page.locator(".chosen")).to_contain_text(f"{kind}.png")
    answered(page, 5)


def test_text_is_pasted_as_ever(page: Page) -> None:
    page.evaluate("document.querySelector('[data-as-json]').open = true")
    prevented = page.evaluate(
        """() => {
        const taken = new DataTransfer();
        taken.setData("text/plain", "words");
        const event = new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: taken });
        document.getElementById("in-_json").dispatchEvent(event);
        return event.defaultPrevented;
    }"""
    )
    assert prevented is False


@pytest.mark.parametrize("number", some(STROKES, "7"))
def test_a_digit_is_drawn(page: Page, number: str) -> None:
    draw(page, STROKES[number])
    answered(page, number)


def test_a_drawing_can_be_wiped(page: Page) -> None:
    draw(page, STROKES["0"])
    page.click("text=Remove")
    draw(page, STROKES["1"])
    answered(page, 1)


@pytest.mark.parametrize("script", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_gallery_gives_an_example(open_page: OpenPage, digits: str, script: bool) -> None:
    page = open_page(java_script_enabled=script)
    page.goto(digits)
    expect(page.locator(".gallery img")).to_have_count(10)
    for image in page.locator(".gallery img").all():
        expect(image).to_have_js_property("naturalWidth", 280)
    page.click(".gallery a >> text=6")
    expect(page.locator(".drop img")).to_have_js_property("naturalWidth", 280)
    answered(page, 6)


@pytest.mark.parametrize(
    ("minutes", "script"),
    [(15, True), (0, False), *(pytest.param(*one, marks=pytest.mark.slow) for one in ((15, False), (0, True)))],
)
def test_the_same_picture_is_used_again(open_page: OpenPage, at: At, script: bool, minutes: int) -> None:
    page = open_page(java_script_enabled=script)
    page.goto(at(answer_minutes=minutes))
    page.set_input_files("[type=file]", picture(8))
    answered(page, 8)
    page.fill("[name$=top_k]", "0")  # a mistake in another field
    page.click("button.go")
    expect(page.locator("#problems")).to_be_visible()
    expect(page.locator(".drop img")).to_have_js_property("naturalWidth", 280)
    page.fill("[name$=top_k]", "2")
    answered(page, 8)
    if script:
        page.click("text=Remove")
    else:
        page.uncheck(".again input")
    page.click("button.go")
    expect(page.locator(".error").first).to_have_text("Choose a picture.")


def test_another_picture_replaces_the_one_before(page: Page) -> None:
    page.set_input_files("[type=file]", picture(2))
    answered(page, 2)
    bring(page, "paste", "body", 3)
    expect(page.locator(".drop img:visible")).to_have_count(1)
    answered(page, 3)
    page.go_back()
    expect(page.locator("#answer b")).to_have_text("2")


def test_a_sound_can_be_heard_before_it_is_sent(open_page: OpenPage, at: At, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16_000))
    schema = '{"dialect": "raw", "fields": [{"name": "sound", "type": "audio"}]}'
    page = open_page()
    page.goto(at(task="", form="", examples="", schema=schema))
    expect(page.locator("[data-camera], canvas")).to_have_count(0)
    page.set_input_files("[type=file]", tmp_path / "a.wav")
    expect(page.locator("audio")).to_be_visible()
    page.wait_for_function("document.querySelector('audio').duration === 1")


@pytest.mark.parametrize("what", some(["form", "example", "answer", "wrong"], "answer"))
def test_axe_finds_nothing_and_nothing_is_too_wide(open_page: OpenPage, digits: str, what: str) -> None:
    page = open_page()
    page.goto(f"{digits}/?example=4" if what in ("example", "answer") else digits)
    if what in ("answer", "wrong"):
        page.click("button.go")
        expect(page.locator("#answer" if what == "answer" else "#problems")).to_be_visible()
    looked_at(page, f"pictures-{what}")


def test_on_a_phone_a_photo_can_be_taken(open_page: OpenPage, digits: str) -> None:
    page = open_page(has_touch=True, is_mobile=True, viewport={"width": 360, "height": 700})
    page.goto(digits)
    with page.expect_file_chooser() as chooser:
        page.click("text=Take a photo")
    assert chooser.value.element.get_attribute("capture") is None, "the box itself chooses files as before"
    chooser.value.set_files(picture(9))
    shown(page)
    answered(page, 9)


def test_the_page_is_small(open_page: OpenPage, digits: str) -> None:
    """15 kB, compressed, besides the pictures."""
    page = open_page()
    sizes = {}
    page.on(
        "requestfinished", lambda done: sizes.update({done.url: 0 if "/examples/" in done.url else _compressed(done)})
    )
    page.goto(digits)
    page.wait_for_load_state("networkidle")
    assert all(any(part in url for url in sizes) for part in ("/static/app", "/static/pictures", "/examples/"))
    assert sum(sizes.values()) < 15_000


def _compressed(done: Request) -> int:
    """On the wire; of the page itself what a server in front makes of it."""
    answer = done.response()
    assert answer is not None
    is_page = answer.headers["content-type"].startswith("text/html")
    return len(gzip.compress(answer.body())) if is_page else done.sizes()["responseBodySize"]
