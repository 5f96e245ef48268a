"""An answer in pieces in headless Chromium: it grows, it can be stopped, it ends as the page that reload shows."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import KEY
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from streaming import Streaming, event, said
from waitress import create_server

import FlaskAppAML
from FlaskAppAML.settings import Settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CI"), reason="LOUD: no Chromium, so no stream was looked at"
    ),
]
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TEXT = ("Iris setosa grows", " on wet meadows.\n\n", "It has <b>three</b> petals", ", and blooms in June.")

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def server() -> Iterator[Streaming]:
    with Streaming() as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    assert CHROMIUM is not None, "CI needs Chromium"
    with sync_playwright() as playwright:
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield browser
        browser.close()


@pytest.fixture
def served(server: Streaming, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """`served(minutes)`: the address of the app in front of the model, on waitress."""
    running: list[Any] = []

    def serve(**more: Any) -> str:
        given = {"url": server.url, "api_key": KEY, "data_dir": str(tmp_path), "rate_limit": "off", "max_calls": 1}
        waitress = create_server(
            FlaskAppAML.create_app(Settings(**{**given, **more})),
            map={},
            asyncore_use_poll=True,
            host="127.0.0.1",
            port=0,
        )
        threading.Thread(target=waitress.run, daemon=True).start()
        running.append(waitress)
        return f"http://localhost:{waitress.effective_port}/"

    yield serve
    for one in running:
        one.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """The test fails when the page complains."""
    contexts: list[BrowserContext] = []
    trouble: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            trouble.append(message.text)

    def make(address: str, **options: Any) -> Page:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(address)
        page.fill("[name=message]", "Which flower?")
        page.fill("[name=model]", "iris")
        return page

    yield make
    for context in contexts:
        context.close()
    assert trouble == []


def check(page: Page) -> None:
    violations = Axe().run(page, options=RULES).response["violations"]
    assert violations == [], [(v["id"], [n["html"] for n in v["nodes"]]) for v in violations]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "the page is wider than the window"


def picture(page: Page, name: str) -> None:
    """For looking at, where a folder for it is named."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.parametrize(("width", "scheme"), list(product((1280, 360), SCHEMES)))
def test_the_text_grows_and_becomes_the_answer(
    server: Streaming, served: Callable[..., str], open_page: OpenPage, width: int, scheme: Literal["light", "dark"]
) -> None:
    server.reset(*said(*TEXT[:3], finish=None), "open", *said(TEXT[3]))
    page = open_page(served(), viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.click("button.go")
    expect(page.locator(".coming")).to_have_text("".join(TEXT[:3]), use_inner_text=True)
    assert page.locator("section.say").get_attribute("aria-busy") == "true"
    assert page.is_visible("[data-end]")
    check(page)
    picture(page, f"coming-{width}-{scheme}")
    server.go_on.set()
    expect(page.locator(".foot")).to_contain_text("Request id")
    assert "three</b> petals, and blooms in June." in page.inner_text("section.say"), "markup stays text"
    assert page.title().startswith("Answer: ")
    assert "/answers/" in page.url
    assert page.evaluate("document.activeElement.id") == "answer"
    check(page)
    picture(page, f"answer-{width}-{scheme}")
    page.reload()
    expect(page.locator("section.say")).to_contain_text("blooms in June.")
    assert page.input_value("[name=message]") == "Which flower?"
    assert len(server.requests) == 1


@pytest.mark.parametrize("minutes", [15, 0])
def test_asking_again_asks_again_and_a_double_click_does_not(
    server: Streaming, served: Callable[..., str], open_page: OpenPage, minutes: int
) -> None:
    page = open_page(served(answer_minutes=minutes))
    for calls in (1, 2):
        server.reset(*said("Iris", finish=None), 0.2, *said(f" number {calls}."))
        page.dblclick("button.go")
        expect(page.locator("#answer")).to_contain_text(f"number {calls}.")
        expect(page.locator(".foot")).to_be_visible()
        assert len(server.requests) == 1
    assert ("/answers/" in page.url) == bool(minutes)


def test_stop_ends_the_call(server: Streaming, served: Callable[..., str], open_page: OpenPage) -> None:
    page = open_page(served())
    server.reset(*said("Iris", finish=None), "open")
    page.click("button.go")
    expect(page.locator(".coming")).to_have_text("Iris")
    page.click("[data-end]")
    expect(page.locator("#answer")).to_have_text("Stopped.")
    assert page.inner_text(".coming") == "Iris"
    assert server.cut_off.wait(5), "also while the model is silent"
    check(page)
    picture(page, "stopped")
    server.reset(*said("Iris setosa."))
    page.click("button.go")  # there is one slot, which is free again
    expect(page.locator("#answer")).to_contain_text("Iris setosa.")


def test_leaving_the_page_ends_the_call(server: Streaming, served: Callable[..., str], open_page: OpenPage) -> None:
    page = open_page(served())
    server.reset(*said("Iris", finish=None), "open")
    page.click("button.go")
    expect(page.locator(".coming")).to_have_text("Iris")
    page.goto("about:blank")
    assert server.cut_off.wait(5)


def test_an_error_at_the_end_keeps_what_came(
    server: Streaming, served: Callable[..., str], open_page: OpenPage
) -> None:
    page = open_page(served())
    server.reset(*said("Iris seems", finish=None), event({"error": {"message": "out of memory"}}))
    page.click("button.go")
    expect(page.locator("#answer")).to_contain_text("the model failed while working on this")
    assert page.inner_text(".coming") == "Iris seems"
    assert page.is_visible("[data-note=before]")
    assert page.input_value("[name=message]") == "Which flower?"
    check(page)
    picture(page, "failed")


def test_what_is_wrong_is_said_beside_the_field(
    server: Streaming, served: Callable[..., str], open_page: OpenPage
) -> None:
    page = open_page(served())
    server.reset()
    page.fill("[name=message]", "")
    page.click("button.go")
    expect(page.locator(".field .error")).to_be_visible()
    assert not server.requests
    page.fill("[name=message]", "Which flower?")
    server.reset(*said("Iris setosa."))
    page.click("button.go")
    expect(page.locator("#answer")).to_contain_text("Iris setosa.")


def test_a_key_across_pieces_is_never_on_the_page(
    server: Streaming, served: Callable[..., str], open_page: OpenPage
) -> None:
    page = open_page(served())
    server.reset(*said("The key: ", *KEY, "!", finish=None), "open", *said("."))
    page.click("button.go")
    expect(page.locator(".coming")).to_have_text("The key: [secret removed]!")
    assert KEY[:8] not in page.content()
    server.go_on.set()
    expect(page.locator("#answer")).to_contain_text("[secret removed]")


def test_without_script_the_whole_answer_comes_at_once(
    server: Streaming, served: Callable[..., str], open_page: OpenPage
) -> None:
    page = open_page(served(), java_script_enabled=False)
    server.reset(b'{"choices": [{"message": {"content": "Iris setosa."}}]}', kind="application/json")
    page.click("button.go")
    assert "Iris setosa." in page.inner_text("#answer")
    assert "stream" not in server.requests[0][0]
