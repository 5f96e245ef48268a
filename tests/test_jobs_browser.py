"""The page of a background job in headless Chromium: it follows its job by itself, with the script and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsers import OpenPage, looked_at
from conftest import MakeApp, some
from flask import Flask
from playwright.sync_api import Page, expect
from serving import serving
from soak.parts import Endpoint

from FlaskAppAML.web import jobs

At = Callable[..., tuple[str, Flask]]


@pytest.fixture
def at(in_front: MakeApp) -> Iterator[At]:
    """`at(**settings)`: where an app in front of the slow endpoint listens, and the app."""

    def made(**changes: Any) -> tuple[str, Flask]:
        app = in_front(**{"background": True, **changes})
        return f"{serve(app)}/", app

    with serving() as serve:
        yield made


# Timers go off five times as early, for what the page does every second or later.
HASTY = "const timer = setTimeout; window.setTimeout = (work, after, ...more) => timer(work, after / 5, ...more);"


def ask(page: Page, url: str, name: str = "Ada") -> None:
    page.add_init_script(HASTY)
    page.goto(url)
    page.get_by_label("name").fill(name)
    page.get_by_role("button", name="Ask the model").click()
    page.wait_for_url("**/jobs/*")


def test_the_page_follows_its_job_to_the_answer(open_page: OpenPage, at: At, model: Endpoint) -> None:
    model.seconds = 2.0
    url, _ = at(job_workers=1)
    page = open_page()
    ask(page, url)
    expect(page.locator(".said")).to_have_text("The model is at work on it.")
    expect(page.locator("[data-clock]")).to_have_text("1 s")
    page.wait_for_url("**/answers/*", timeout=15_000)
    expect(page.locator(".said")).to_contain_text("Ada")


def test_the_place_in_the_line_changes_and_the_focus_stays(open_page: OpenPage, at: At) -> None:
    url, app = at(job_workers=0)
    first, second = open_page(), open_page()
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


def test_an_app_that_is_away_is_said_and_waited_for(open_page: OpenPage, at: At) -> None:
    url, app = at(job_workers=0)
    page = open_page()
    ask(page, url)
    page.route("**/jobs/*", lambda route: route.abort())
    expect(page.locator("[data-lost]")).to_be_visible()
    page.unroute("**/jobs/*")
    expect(page.locator("[data-lost]")).to_be_hidden(timeout=10_000)
    app.extensions["jobs"].run_next()
    page.wait_for_url("**/answers/*", timeout=10_000)


def test_without_a_script_it_comes_to_the_answer_by_itself(
    open_page: OpenPage, at: At, model: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "REFRESH_SECONDS", 1)
    model.seconds = 1.0
    url, _ = at(job_workers=1)
    page = open_page(java_script_enabled=False)
    ask(page, url)
    expect(page.get_by_role("link", name="Check again")).to_be_visible()
    page.wait_for_url("**/answers/*", timeout=20_000)
    expect(page.locator(".said")).to_contain_text("Ada")


def test_it_needs_no_script(open_page: OpenPage, at: At) -> None:
    url, app = at(job_workers=0)
    page = open_page(java_script_enabled=False)
    ask(page, url)
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator(".said")).to_have_text("This job was cancelled.")
    page.get_by_role("button", name="Run it again").click()
    expect(page.locator(".said")).to_have_text("Your question is next in line.")
    app.extensions["jobs"].run_next()
    page.get_by_role("link", name="Check again").click()
    page.wait_for_url("**/answers/*")
    expect(page.locator(".said")).to_contain_text("Ada")


def test_a_time_out_goes_on_in_the_background(open_page: OpenPage, at: At, model: Endpoint) -> None:
    model.seconds = 0.6
    url, _ = at(background=False, timeout=0.3)
    page = open_page()
    page.add_init_script(HASTY)
    page.goto(url)
    page.get_by_label("name").fill("Ada")
    page.get_by_role("button", name="Ask the model").click()
    expect(page.locator(".said")).to_contain_text("took too long")
    looked_at(page, "job-timeout")
    page.get_by_role("button", name="Run it in the background").click()
    page.wait_for_url("**/answers/*", timeout=15_000)
    expect(page.locator(".said")).to_contain_text("Ada")


def test_where_answers_come_in_pieces_the_button_gives_a_ticket_too(
    open_page: OpenPage, at: At, model: Endpoint
) -> None:
    model.seconds = 1.0
    url, _ = at(background=False, timeout=0.3, retries=0, schema="", dialect="openai", job_workers=0)
    page = open_page()
    page.goto(url)
    assert page.locator("[data-stream]").count() == 1
    for box in page.locator("form textarea:visible, form input[required]:visible").all():
        box.fill("Ada")
    page.get_by_role("button", name="Ask the model").click()
    expect(page.locator(".said").first).to_contain_text("took too long", timeout=15_000)
    page.get_by_role("button", name="Run it in the background").click()
    page.wait_for_url("**/jobs/*")


@pytest.mark.parametrize("state", some(["queued", "running", "failed", "cancelled"], "queued"))
def test_every_state_is_fit_to_be_seen(open_page: OpenPage, at: At, model: Endpoint, state: str) -> None:
    url, app = at(job_workers=0, retries=0)
    engine = app.extensions["jobs"]
    page = open_page()
    ask(page, url)
    if state == "running":
        engine._store.take("somebody")
    if state == "failed":
        model.status = 500
        engine.run_next()
    if state == "cancelled":
        page.get_by_role("button", name="Cancel the job").click()
    page.reload()
    expect(page.locator(f"[data-live={state}]")).to_be_visible()
    looked_at(page, f"job-{state}")
