"""An answer in pieces in headless Chromium: it grows, it can be stopped, it ends as the page that reload shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import OpenPage, looked_at
from conftest import KEY
from playwright.sync_api import Page, expect
from serving import serving
from streaming import Streaming, event, said

import FlaskAppAML
from FlaskAppAML.settings import Settings

TEXT = ("Iris setosa grows", " on wet meadows.\n\n", "It has <b>three</b> petals", ", and blooms in June.")

At = Callable[..., str]


@pytest.fixture(scope="module")
def server() -> Iterator[Streaming]:
    with Streaming() as running:
        yield running


@pytest.fixture
def at(server: Streaming, tmp_path: Path) -> Iterator[At]:
    """`at(answer_minutes=...)`: where an app in front of the model listens."""
    given: Any = {"url": server.url, "api_key": KEY, "data_dir": str(tmp_path), "rate_limit": "off", "max_calls": 1}
    with serving() as serve:
        yield lambda **more: serve(FlaskAppAML.create_app(Settings(**{**given, **more})))


@pytest.fixture
def open_form(open_page: OpenPage) -> OpenPage:
    """`open_form(address, ...)`: the form, filled in."""

    def made(address: str, **options: Any) -> Page:
        page = open_page(**options)
        page.goto(address)
        page.fill("[name=message]", "Which flower?")
        page.fill("[name=model]", "iris")
        return page

    return made


def test_the_text_grows_and_becomes_the_answer(server: Streaming, at: At, open_form: OpenPage) -> None:
    server.reset(*said(*TEXT[:3], finish=None), "open", *said(TEXT[3]))
    page = open_form(at())
    page.click("button.go")
    expect(page.locator(".coming")).to_have_text("".join(TEXT[:3]), use_inner_text=True)
    assert page.locator("section.say").get_attribute("aria-busy") == "true"
    assert page.is_visible("[data-end]")
    looked_at(page, "stream-coming")
    server.go_on.set()
    expect(page.locator(".foot")).to_contain_text("Request id")
    assert "three</b> petals, and blooms in June." in page.inner_text("section.say"), "markup stays text"
    assert page.title().startswith("Answer: ")
    assert "/answers/" in page.url
    assert page.evaluate("document.activeElement.id") == "answer"
    looked_at(page, "stream-answer")
    page.reload()
    expect(page.locator("section.say")).to_contain_text("blooms in June.")
    assert page.input_value("[name=message]") == "Which flower?"
    assert len(server.requests) == 1


@pytest.mark.parametrize("minutes", [15, 0])
def test_asking_again_asks_again_and_a_double_click_does_not(
    server: Streaming, at: At, open_form: OpenPage, minutes: int
) -> None:
    page = open_form(at(answer_minutes=minutes))
    for calls in (1, 2):
        server.reset(*said("Iris", finish=None), 0.2, *said(f" number {calls}."))
        page.dblclick("button.go")
        expect(page.locator("#answer")).to_contain_text(f"number {calls}.")
        expect(page.locator(".foot")).to_be_visible()
        assert len(server.requests) == 1
    assert ("/answers/" in page.url) == bool(minutes)


def test_stop_ends_the_call(server: Streaming, at: At, open_form: OpenPage) -> None:
    page = open_form(at())
    server.reset(*said("Iris", finish=None), "open")
    page.click("button.go")
    expect(page.locator(".coming")).to_have_text("Iris")
    page.click("[data-end]")
    expect(page.locator("#answer")).to_have_text("Stopped.")
    assert page.inner_text(".coming") == "Iris"
    assert server.cut_off.wait(5), "also while the model is silent"
    looked_at(page, "stream-stopped")
    server.reset(*said("Iris setosa."))
    page.click("button.go")  # there is one slot, which is free again
    expect(page.locator("#answer")).to_contain_text("Iris setosa.")


@pytest.mark.slow
def test_leaving_the_page_ends_the_call(server: Streaming, at: At, open_form: OpenPage) -> None:
    page = open_form(at())
    server.reset(*said("Iris", finish=None), "open")
    page.click("button.go")
    expect(page.locator(".coming")).to_have_text("Iris")
    page.goto("about:blank")
    assert server.cut_off.wait(5)


def test_an_error_at_the_end_keeps_what_came(server: Streaming, at: At, open_form: OpenPage) -> None:
    page = open_form(at())
    server.reset(*said("Iris seems", finish=None), event({"error": {"message": "out of memory"}}))
    page.click("button.go")
    expect(page.locator("#answer")).to_contain_text("the model failed while working on this")
    assert page.inner_text(".coming") == "Iris seems"
    assert page.is_visible("[data-note=before]")
    assert page.input_value("[name=message]") == "Which flower?"
    looked_at(page, "stream-failed")


def test_what_is_wrong_is_said_beside_the_field(server: Streaming, at: At, open_form: OpenPage) -> None:
    page = open_form(at())
    server.reset()
    page.fill("[name=message]", "")
    page.click("button.go")
    expect(page.locator(".field .error")).to_be_visible()
    assert not server.requests
    page.fill("[name=message]", "Which flower?")
    server.reset(*said("Iris setosa."))
    page.click("button.go")
    expect(page.locator("#answer")).to_contain_text("Iris setosa.")


def test_a_key_across_pieces_is_never_on_the_page(server: Streaming, at: At, open_form: OpenPage) -> None:
    page = open_form(at())
    server.reset(*said("The key: ", *KEY, "!", finish=None), "open", *said("."))
    page.click("button.go")
    expect(page.locator(".coming")).to_have_text("The key: [secret removed]!")
    assert KEY[:8] not in page.content()
    server.go_on.set()
    expect(page.locator("#answer")).to_contain_text("[secret removed]")


def test_without_script_the_whole_answer_comes_at_once(server: Streaming, at: At, open_form: OpenPage) -> None:
    page = open_form(at(), java_script_enabled=False)
    server.reset(b'{"choices": [{"message": {"content": "Iris setosa."}}]}', kind="application/json")
    page.click("button.go")
    assert "Iris setosa." in page.inner_text("#answer")
    assert "stream" not in server.requests[0][0]
