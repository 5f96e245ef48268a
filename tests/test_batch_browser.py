"""A whole file in headless Chromium: looked at, scored and given back; at both widths, and without a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsers import Watched, looked_at
from conftest import MakeApp
from playwright.sync_api import Browser, Page, expect
from serving import serving
from soak.rows import RowsEndpoint, csv_rows

At = Callable[..., str]


@pytest.fixture
def at(make_app: MakeApp, rows_model: RowsEndpoint, tmp_path: Path) -> Iterator[At]:
    """`at(max_rows=...)`: where an app in front of the model listens."""
    with serving() as serve:
        yield lambda **changes: serve(
            make_app(**{**rows_model.settings(tmp_path / "data"), "job_workers": 1, **changes})
        )


def choose(page: Page, url: str, count: int, **which: frozenset[int]) -> None:
    data = b"".join(csv_rows(count, **which))
    page.goto(f"{url}/")
    page.get_by_role("link", name="File", exact=True).click()
    page.get_by_label("File", exact=True).set_input_files({"name": "rows.csv", "mimeType": "text/csv", "buffer": data})
    page.get_by_role("button", name="Look at it").click()
    page.wait_for_url("**/batch/*")


@pytest.mark.parametrize("with_script", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["script", "plain"])
def test_a_file_is_scored_and_given_back(
    chromium: Browser, at: At, rows_model: RowsEndpoint, with_script: bool
) -> None:
    url = at(max_rows=10, max_calls=4)
    rows_model.seconds = 0.05
    with Watched(chromium, java_script_enabled=with_script) as page:
        choose(page, url, 400, wrong=frozenset({2}), refused=frozenset({70}))
        expect(page.locator(".lead")).to_contain_text("400 rows")
        expect(page.get_by_label("number")).to_have_value("0")
        rows_model.seconds = 0.3 if with_script else 0.05
        page.get_by_role("button", name="Score all 400 rows").click()
        page.wait_for_url("**/jobs/*")
        if with_script:  # without one it looks again every 5 seconds, and may see the end only
            expect(page.locator(".said")).to_contain_text("of 400 rows are done.")
        rows_model.seconds = 0.0
        expect(page.locator(".said")).to_have_text("398 of 400 rows have their answer.", timeout=30_000)
        with page.expect_download() as taken:
            page.get_by_role("link", name="CSV").click()
        assert len(taken.value.path().read_text("utf-8-sig").splitlines()) == 401
        page.get_by_role("button", name="Delete all of it").click()
        expect(page.get_by_role("heading", name="Score a file")).to_be_visible()


@pytest.mark.slow
def test_cancel_and_going_on(chromium: Browser, at: At, rows_model: RowsEndpoint) -> None:
    url = at(max_rows=10, max_calls=2)
    with Watched(chromium) as page:
        choose(page, url, 300)
        rows_model.seconds = 0.2
        page.get_by_role("button", name="Score all 300 rows").click()
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(".said")).to_contain_text("Cancelled after")
        rows_model.seconds = 0.0
        page.get_by_role("button", name="Go on with the other rows").click()
        expect(page.locator(".said")).to_have_text("300 of 300 rows have their answer.", timeout=30_000)


@pytest.mark.slow
def test_every_page_of_the_story_is_accessible_at_both_widths(
    chromium: Browser, at: At, rows_model: RowsEndpoint
) -> None:
    url = at(max_rows=10, max_calls=2)
    with Watched(chromium) as page:
        page.goto(f"{url}/batch")
        looked_at(page, "file-batch")
        choose(page, url, 3000, wrong=frozenset({2}), refused=frozenset({70}))
        looked_at(page, "file-draft")
        rows_model.seconds = 0.3
        page.get_by_role("button", name="Score all 3,000 rows").click()
        expect(page.locator(".said")).to_contain_text("rows are done.")
        page.wait_for_timeout(4000)
        looked_at(page, "file-running")
        rows_model.seconds = 0.0
        expect(page.locator(".said")).to_have_text("2,998 of 3,000 rows have their answer.", timeout=60_000)
        looked_at(page, "file-done")
