"""Make the colours of a page from the one colour that its owner chose.

The style sheet knows three tokens that belong to the accent, for a light and a dark scheme:

``--accent``
    the colour exactly as given: the face of the primary button and of the number tags of a picture.
``--on``
    black or white, whichever reads better on that face. One of them always has at least 4.58:1.
``--link``
    the same colour, darkened for the light scheme or lightened for the dark one until it has 4.5:1 on both
    grounds of that scheme. It draws what stands on the page by itself: links, the value in the sentence,
    the focus ring, the bar of the winner, the mark of the current page, ticks, the edge of the primary button.

The last line answers what happens to an accent with less than 3:1 against the page, say a yellow brand colour
on white. WCAG 2.2 (1.4.11) asks for 3:1 where a shape or an edge is needed to understand the page. So the bare accent
never draws such a shape: a yellow button stays yellow, its edge is the dark yellow of ``--link``. The owner's colour
is kept, no fourth token is needed, and there is no threshold at which a page would suddenly look different.

Contrast is the one of WCAG 2.2, "relative luminance" and "contrast ratio":
https://www.w3.org/TR/WCAG22/#dfn-relative-luminance and https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Colour(NamedTuple):
    """An sRGB colour with whole channels from 0 to 255."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"


class Scheme(NamedTuple):
    """The two grounds of a colour scheme, and where a link goes to stand out from them."""

    grounds: tuple[Colour, Colour]
    away: Colour


BLACK: Final = Colour(0, 0, 0)
WHITE: Final = Colour(255, 255, 255)

# --page and --well of app.css; a test holds the two files together.
LIGHT: Final = Scheme((Colour(0xFF, 0xFF, 0xFF), Colour(0xF2, 0xF4, 0xF4)), BLACK)
DARK: Final = Scheme((Colour(0x12, 0x16, 0x18), Colour(0x1B, 0x21, 0x24)), WHITE)

READABLE: Final = 4.5
STEPS: Final = 255

_WRITTEN: Final = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})", re.ASCII | re.IGNORECASE)


def parse(text: str) -> Colour:
    """Read ``#rgb`` or ``#rrggbb``; raise ValueError with a plain sentence for anything else."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(f"The accent colour must be written like #005f73 or #063, not {text[:40]!r}.")
    digits = found[1]
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return Colour(*bytes.fromhex(digits))


def luminance(colour: Colour) -> float:
    """Relative luminance, from 0 for black to 1 for white."""
    red, green, blue = (_linear(channel / 255) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio, from 1 to 21; the order of the two does not matter."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def text_on(face: Colour) -> Colour:
    """Black or white, whichever reads better on the face."""
    return max(BLACK, WHITE, key=lambda text: contrast(text, face))


def link_in(scheme: Scheme, accent: Colour) -> Colour:
    """The accent, moved no farther than needed to be read on both grounds of the scheme."""
    shades = (_mix(accent, scheme.away, step) for step in range(STEPS + 1))
    return next(shade for shade in shades if _reads_on(scheme, shade))


def _reads_on(scheme: Scheme, shade: Colour) -> bool:
    return all(contrast(shade, ground) >= READABLE for ground in scheme.grounds)


def _mix(start: Colour, end: Colour, step: int) -> Colour:
    return Colour(*(round(a + (b - a) * step / STEPS) for a, b in zip(start, end, strict=True)))


def _tokens(scheme: Scheme, accent: Colour) -> str:
    return f":root{{--accent:{accent};--on:{text_on(accent)};--link:{link_in(scheme, accent)}}}"


def accent_css(accent: str) -> str:
    """The small sheet that replaces the accent of app.css, for both schemes.

    The dark scheme is for screens only, as in app.css: paper is always light.
    """
    colour = parse(accent)
    dark = f"@media screen and (prefers-color-scheme:dark){{{_tokens(DARK, colour)}}}"
    return f"{_tokens(LIGHT, colour)}{dark}\n"
