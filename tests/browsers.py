"""The one Chromium of the tests: pages that must not complain, and pictures of them looked at pixel by pixel."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image, ImageColor
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Response, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
QUIET += ["--disable-software-rasterizer", "--renderer-process-limit=1"]  # a fifth of the time of a page
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],  # to describe what is right takes three times as long
}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS = (1280, 360)
# Each width and each scheme once; with CI=true each with each.
LOOKS: list[tuple[int, Scheme]] = [(1280, "light"), (360, "dark")]
if os.environ.get("CI"):
    LOOKS += [(1280, "dark"), (360, "light")]
PATIENCE = 15_000  # ms for what a busy machine does late; what never comes costs them once, in a failure
SHOTS = os.environ.get("SHOTS")  # a folder for pictures of what was looked at

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """The only one of this process, for a second `sync_playwright()` may wait for ever. As long as it runs, so does an
    event loop in this thread: `asyncio.run` belongs into another."""
    if CHROMIUM is None:
        missing = "LOUD: no Chromium, so no page was looked at"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    with launched(playwright) as browser:
        yield browser


def launched(playwright: Playwright, *arguments: str) -> Browser:
    """Another Chromium, for what only its arguments can change."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *arguments])


class Watched:
    """A page that fails the test when it complains, shows a fault of ours (500), or asks another host."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self._context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page = self._context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.trouble: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        here = ("http://127.0.0.1:", "blob:http://127.0.0.1:")
        self.page.on("request", lambda r: None if r.url.startswith(here) else self.trouble.append(r.url))
        self.page.on("response", self._note)

    def _hear(self, message: ConsoleMessage) -> None:
        """Everything but answers with a status of 400 or above, and what Chromium whispers about good forms."""
        if message.type in ("error", "warning", "info", "log") and not message.text.startswith(
            "Failed to load resource"
        ):
            self.trouble.append(message.text)

    def _note(self, response: Response) -> None:
        if response.status == 500:
            self.trouble.append(f"500 {response.url}")

    def __enter__(self) -> Page:
        return self.page

    def __exit__(self, *_: object) -> None:
        self._context.close()
        assert not self.trouble, self.trouble


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """`open_page(color_scheme="dark")`: a page that is `Watched` to the end of the test."""
    with ExitStack() as pages:
        yield lambda **options: pages.enter_context(Watched(chromium, **options))


def accessible(page: Page, name: str = "") -> None:
    """axe finds nothing in the page as it is now."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("rules => axe.run(rules).then(result => result.violations)", RULES)
    assert not found, (name, [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found])


def looked_at(page: Page, name: str) -> None:
    """The page as it is now, wide and narrow, light and dark: axe finds nothing, and nothing stands out to the side."""
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        accessible(page, f"{name}, {width} px, {scheme}")
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/{name}-{width}-{scheme}.png", full_page=True)
    for width in (360, 320, 1280):  # as wide again as it was
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways at {width} px"


def until(page: Page, expression: str) -> None:
    """Playwright's own way of waiting for an expression needs `eval`, which the page forbids."""
    for _ in range(PATIENCE // 50):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never: {expression}")


def stays(page: Page) -> None:
    """Whatever the page was about to ask for comes before this, and a page that went away fails here."""
    page.evaluate("fetch(location.pathname).then(() => null)")


def framed(shot: Image.Image, place: Sequence[float], colour: str, slack: int) -> bool:
    """Whether lines of this colour stand at all four sides of a place, in pixels, each seen at three points."""
    x0, y0, x1, y1 = place
    wanted = ImageColor.getrgb(colour)[:3]
    pixels = shot.convert("RGB")

    def is_near(x: float, y: float, across: bool) -> bool:
        steps = range(-slack, slack + 1)
        seen = (pixels.getpixel((round(x) + i * across, round(y) + i * (not across))) for i in steps)
        return any(max(abs(a - b) for a, b in zip(one, wanted, strict=True)) < 10 for one in seen)  # type: ignore[arg-type]

    parts = (0.25, 0.5, 0.75)
    upright = all(is_near(x, y0 + share * (y1 - y0), True) for x in (x0, x1) for share in parts)
    return upright and all(is_near(x0 + share * (x1 - x0), y, False) for y in (y0, y1) for share in parts)
