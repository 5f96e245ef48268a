"""A whole file in headless Chromium: looked at, scored and given back; at both widths, and without a script."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsers import CHROMIUM, QUIET, RULES, Watched
from conftest import MakeApp
from playwright.sync_api import Browser, Page, expect, sync_playwright
from soak.rows import RowsEndpoint, csv_rows
from waitress import create_server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CI"), reason="LOUD: no Chromium, so no file was scored in it"
    ),
]
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SHOTS = os.environ.get("SHOTS")  # a folder for pictures of what was looked at

Serve = Callable[..., str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None, "CI needs Chromium"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield found
        found.close()


@pytest.fixture
def model() -> Iterator[RowsEndpoint]:
    with RowsEndpoint() as made:
        yield made


@pytest.fixture
def serve(make_app: MakeApp, model: RowsEndpoint, tmp_path: Path) -> Iterator[Serve]:
    """Where an app in front of the model listens."""
    servers = []

    def made(**changes: Any) -> str:
        app = make_app(**{**model.settings(tmp_path / "data"), "job_workers": 1, **changes})
        server = create_server(app, map={}, asyncore_use_poll=True, host="127.0.0.1", port=0, threads=8)
        threading.Thread(target=server.run, daemon=True).start()
        servers.append(server)
        return f"http://localhost:{server.effective_port}"

    yield made
    for server in servers:
        server.close()


def choose(page: Page, url: str, count: int, **which: frozenset[int]) -> None:
    data = b"".join(csv_rows(count, **which))
    page.goto(f"{url}/")
    page.get_by_role("link", name="File", exact=True).click()
    page.get_by_label("File", exact=True).set_input_files({"name": "rows.csv", "mimeType": "text/csv", "buffer": data})
    page.get_by_role("button", name="Look at it").click()
    page.wait_for_url("**/batch/*")


def look_at(page: Page, name: str) -> None:
    """By axe, at both widths, light and dark; nothing may stand out to the side."""
    for width, scheme in product((1280, 360), SCHEMES):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/{name}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page, options=RULES)
        assert not found.response["violations"], found.generate_report()


@pytest.mark.parametrize("with_script", [True, False], ids=["script", "plain"])
def test_a_file_is_scored_and_given_back(
    browser: Browser, serve: Serve, model: RowsEndpoint, with_script: bool
) -> None:
    url = serve(max_rows=50, max_calls=4)
    model.seconds = 0.05
    with Watched(browser, java_script_enabled=with_script) as page:
        choose(page, url, 2000, wrong=frozenset({2}), refused=frozenset({70}))
        expect(page.locator(".lead")).to_contain_text("2,000 rows")
        expect(page.get_by_label("number")).to_have_value("0")
        model.seconds = 0.3 if with_script else 0.05
        page.get_by_role("button", name="Score all 2,000 rows").click()
        page.wait_for_url("**/jobs/*")
        if with_script:  # without one it looks again every 5 seconds, and may see the end only
            expect(page.locator(".said")).to_contain_text("of 2,000 rows are done.")
        model.seconds = 0.02
        expect(page.locator(".said")).to_have_text("1,998 of 2,000 rows have their answer.", timeout=30_000)
        with page.expect_download() as taken:
            page.get_by_role("link", name="CSV").click()
        assert len(taken.value.path().read_text("utf-8-sig").splitlines()) == 2001
        page.get_by_role("button", name="Delete all of it").click()
        expect(page.get_by_role("heading", name="Score a file")).to_be_visible()


def test_cancel_and_going_on(browser: Browser, serve: Serve, model: RowsEndpoint) -> None:
    url = serve(max_rows=10, max_calls=2)
    with Watched(browser) as page:
        choose(page, url, 300)
        model.seconds = 0.2
        page.get_by_role("button", name="Score all 300 rows").click()
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(".said")).to_contain_text("Cancelled after")
        model.seconds = 0.0
        page.get_by_role("button", name="Go on with the other rows").click()
        expect(page.locator(".said")).to_have_text("300 of 300 rows have their answer.", timeout=30_000)


def test_every_page_of_the_story_is_accessible_at_both_widths(
    browser: Browser, serve: Serve, model: RowsEndpoint
) -> None:
    url = serve(max_rows=10, max_calls=2)
    with Watched(browser) as page:
        page.goto(f"{url}/batch")
        look_at(page, "batch")
        choose(page, url, 3000, wrong=frozenset({2}), refused=frozenset({70}))
        look_at(page, "draft")
        model.seconds = 0.3
        page.get_by_role("button", name="Score all 3,000 rows").click()
        expect(page.locator(".said")).to_contain_text("rows are done.")
        page.wait_for_timeout(4000)
        look_at(page, "running")
        model.seconds = 0.0
        expect(page.locator(".said")).to_have_text("2,998 of 3,000 rows have their answer.", timeout=60_000)
        look_at(page, "done")
