"""Chromium for tests: pages that must not complain, and pictures of them that are looked at pixel by pixel."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}


class Watched:
    """A page that fails the test when it complains, or asks another host."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self._context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page = self._context.new_page()
        self.page.set_default_timeout(10_000)
        self.trouble: list[str] = []
        self.page.on("console", lambda m: self.trouble.append(m.text) if "status of" not in m.text else None)
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        here = "http://localhost:"
        self.page.on("request", lambda r: None if r.url.startswith(here) else self.trouble.append(r.url))

    def __enter__(self) -> Page:
        return self.page

    def __exit__(self, *_: object) -> None:
        self._context.close()
        assert not self.trouble, self.trouble


def until(page: Page, expression: str) -> None:
    """Playwright's own way of waiting for an expression needs `eval`, which the page forbids."""
    for _ in range(100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never: {expression}")


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
