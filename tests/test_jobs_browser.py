"""The page of a background job in headless Chromium: it follows its job by itself, with the script and without."""

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
from conftest import MakeApp
from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright
from soak.parts import KEY, SAMPLE, Endpoint
from waitress import create_server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CI"), reason="LOUD: no Chromium, so no job’s page was looked at"
    ),
]
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SHOTS = os.environ.get("SHOTS")  # a folder for pictures of what was looked at


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None, "CI needs Chromium"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def model() -> Iterator[Endpoint]:
    with Endpoint(0.0) as made:
        yield made


@pytest.fixture
def serve(make_app: MakeApp, model: Endpoint) -> Iterator[Callable[..., tuple[str, Flask]]]:
    """`serve(**settings)`: where an app in front of the slow endpoint listens, and the app."""
    servers = []

    def made(**changes: Any) -> tuple[str, Flask]:
        given = {"url": model.url, "api_key": KEY, "schema": SAMPLE, "background": True}
        app = make_app(**{**given, **changes})
        server = create_server(app, map={}, asyncore_use_poll=True, host="127.0.0.1", port=0, threads=8)
        threading.Thread(target=server.run, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.effective_port}/", app

    yield made
    for server in servers:
        server.close()


def ask(page: Page, url: str, name: str = "Ada") -> None:
    page.goto(url)
    page.get_by_label("name").fill(name)
    page.get_by_role("button", name="Ask the model").click()
    page.wait_for_url("**/jobs/*")


def test_the_page_follows_its_job_to_the_answer(
    browser: Browser, serve: Callable[..., tuple[str, Flask]], model: Endpoint
) -> None:
    model.seconds = 3.0
    url, _ = serve(job_workers=1)
    with browser.new_context() as context:
        page = context.new_page()
        wrong: list[str] = []
        page.on("console", lambda said: wrong.append(said.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        ask(page, url)
        expect(page.locator(".said")).to_have_text("The model is at work on it.")
        expect(page.locator("[data-clock]")).to_have_text("2 s")
        page.wait_for_url("**/answers/*", timeout=15_000)
        expect(page.locator(".said")).to_contain_text("Ada")
        assert wrong == []


def test_the_place_in_the_line_changes_and_the_focus_stays(
    browser: Browser, serve: Callable[..., tuple[str, Flask]]
) -> None:
    url, app = serve(job_workers=0)
    with browser.new_context() as context:
        first, second = context.new_page(), context.new_page()
        ask(first, url, "Ada")
        ask(second, url, "Eve")
        expect(second.locator(".said")).to_have_text("Your question is second in line.")
        cancel = second.get_by_role("button", name="Cancel the job")
        cancel.focus()
        app.extensions["jobs"].run_next()
        expect(second.locator(".said")).to_have_text("Your question is next in line.")
        expect(cancel).to_be_focused()
        expect(second.locator(".aloud[role=status]").last).to_have_text("Your question is next in line.")
        cancel.click()
        expect(second.locator(".said")).to_have_text("This job was cancelled.")


def test_an_app_that_is_away_is_said_and_waited_for(browser: Browser, serve: Callable[..., tuple[str, Flask]]) -> None:
    url, app = serve(job_workers=0)
    with browser.new_context() as context:
        page = context.new_page()
        ask(page, url)
        page.route("**/jobs/*", lambda route: route.abort())
        expect(page.locator("[data-lost]")).to_be_visible()
        page.unroute("**/jobs/*")
        expect(page.locator("[data-lost]")).to_be_hidden(timeout=10_000)
        app.extensions["jobs"].run_next()
        page.wait_for_url("**/answers/*", timeout=10_000)


def test_without_a_script_it_comes_to_the_answer_by_itself(
    browser: Browser, serve: Callable[..., tuple[str, Flask]], model: Endpoint
) -> None:
    model.seconds = 2.0
    url, _ = serve(job_workers=1)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        ask(page, url)
        expect(page.get_by_role("link", name="Check again")).to_be_visible()
        page.wait_for_url("**/answers/*", timeout=20_000)
        expect(page.locator(".said")).to_contain_text("Ada")


def test_it_needs_no_script(browser: Browser, serve: Callable[..., tuple[str, Flask]]) -> None:
    url, app = serve(job_workers=0)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        ask(page, url)
        page.get_by_role("button", name="Cancel the job").click()
        expect(page.locator(".said")).to_have_text("This job was cancelled.")
        page.get_by_role("button", name="Run it again").click()
        expect(page.locator(".said")).to_have_text("Your question is next in line.")
        app.extensions["jobs"].run_next()
        page.get_by_role("link", name="Check again").click()
        page.wait_for_url("**/answers/*")
        expect(page.locator(".said")).to_contain_text("Ada")


def test_a_time_out_goes_on_in_the_background(
    browser: Browser, serve: Callable[..., tuple[str, Flask]], model: Endpoint
) -> None:
    model.seconds = 1.0
    url, _ = serve(background=False, timeout=0.3)
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        page.get_by_label("name").fill("Ada")
        page.get_by_role("button", name="Ask the model").click()
        expect(page.locator(".said")).to_contain_text("took too long")
        look_at(page, "timeout")
        page.get_by_role("button", name="Run it in the background").click()
        page.wait_for_url("**/answers/*", timeout=15_000)
        expect(page.locator(".said")).to_contain_text("Ada")


def test_where_answers_come_in_pieces_the_button_gives_a_ticket_too(
    browser: Browser, serve: Callable[..., tuple[str, Flask]], model: Endpoint
) -> None:
    model.seconds = 1.0
    url, _ = serve(background=False, timeout=0.3, retries=0, schema="", dialect="openai", job_workers=0)
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        assert page.locator("[data-stream]").count() == 1
        for box in page.locator("form textarea:visible, form input[required]:visible").all():
            box.fill("Ada")
        page.get_by_role("button", name="Ask the model").click()
        expect(page.locator(".said").first).to_contain_text("took too long", timeout=15_000)
        page.get_by_role("button", name="Run it in the background").click()
        page.wait_for_url("**/jobs/*")


def look_at(page: Page, name: str) -> None:
    """axe, and no sideways scroll; in both schemes, wide and narrow."""
    for scheme, width in product(SCHEMES, (1280, 360, 320)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{name}-{scheme}-{width}.png", full_page=True)
        found = Axe().run(page, options=RULES)
        assert not found.response["violations"], found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("state", ["queued", "running", "failed", "cancelled"])
def test_every_state_is_fit_to_be_seen(
    browser: Browser, serve: Callable[..., tuple[str, Flask]], model: Endpoint, state: str
) -> None:
    url, app = serve(job_workers=0, retries=0)
    jobs = app.extensions["jobs"]
    with browser.new_context() as context:
        page = context.new_page()
        ask(page, url)
        if state == "running":
            jobs._store.take("somebody")
        if state == "failed":
            model.status = 500
            jobs.run_next()
        if state == "cancelled":
            page.get_by_role("button", name="Cancel the job").click()
        page.reload()
        expect(page.locator(f"[data-live={state}]")).to_be_visible()
        look_at(page, state)
