"""The owner's one colour always gives a page that can be read, and so do the colours of app.css."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from FlaskAppAML.web.accent import (
    BLACK,
    DARK,
    LIGHT,
    WHITE,
    Colour,
    Scheme,
    accent_css,
    contrast,
    link_in,
    luminance,
    parse,
    text_on,
)

SHEET = Path(__file__).parents[1] / "FlaskAppAML" / "static" / "app.css"

NAMED = [
    "#000", "#fff", "#ff0", "#f00", "#0f0", "#00f", "#0ff", "#f0f", "#005f73", "#7cc7d6",
    "#757575", "#767676", "#777777", "#808080", "#949494", "#959595", "#121618", "#1b2124", "#f2f4f4",
]  # fmt: skip
_DICE = random.Random(20)
RANDOM = [f"#{_DICE.randrange(1 << 24):06x}" for _ in range(1000)]
COLOURS = NAMED + RANDOM

RULE = r":root\{--accent:(#[0-9a-f]{6});--on:(#000000|#ffffff);--link:(#[0-9a-f]{6})\}"
WHOLE = re.compile(RULE + r"@media screen and \(prefers-color-scheme:dark\)\{" + RULE + r"\}\n")


def tokens_of(sheet: str) -> tuple[dict[str, str], dict[str, str]]:
    """The colours of the first :root rule, and what stands after the dark scheme's rule is in force."""
    blocks: list[str] = re.findall(r":root\s*\{([^}]*)\}", sheet)
    light, dark = (dict(re.findall(r"(--[a-z]+):\s*(#[0-9a-f]{3,6})\b", block)) for block in blocks[:2])
    return light, light | dark


def least(colour: Colour, scheme: Scheme) -> float:
    """The contrast with the less favourable ground of the scheme."""
    return min(contrast(colour, ground) for ground in scheme.grounds)


LIGHT_TOKENS, DARK_TOKENS = tokens_of(SHEET.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000", "#fff", 21.0), ("#fff", "#fff", 1.0), ("#777", "#fff", 4.48), ("#767676", "#fff", 4.54)],
)
def test_contrast_is_the_published_one(one: str, other: str, ratio: float) -> None:
    assert contrast(parse(one), parse(other)) == pytest.approx(ratio, abs=0.005)
    assert contrast(parse(one), parse(other)) == contrast(parse(other), parse(one))


def test_luminance_runs_from_black_to_white() -> None:
    assert luminance(BLACK) == 0
    assert luminance(WHITE) == pytest.approx(1)


def test_the_sheet_is_two_plain_rules_with_readable_colours() -> None:
    for accent in COLOURS:
        found = WHOLE.fullmatch(accent_css(accent))
        assert found is not None, accent
        for scheme, (face, on, link) in ((LIGHT, found.groups()[:3]), (DARK, found.groups()[3:])):
            assert parse(face) == parse(accent)
            assert contrast(parse(on), parse(face)) >= 4.5, accent
            assert least(parse(link), scheme) >= 4.5, accent


def test_on_is_the_better_of_black_and_white() -> None:
    for accent in COLOURS:
        face = parse(accent)
        assert contrast(text_on(face), face) == max(contrast(BLACK, face), contrast(WHITE, face))


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_a_link_moves_only_as_far_as_needed(scheme: Scheme) -> None:
    for accent in COLOURS:
        start = parse(accent)
        link = link_in(scheme, start)
        if least(start, scheme) >= 4.5:
            assert link == start
        else:
            assert least(link, scheme) < 5, accent
        way = zip(start, link, strict=True) if scheme is LIGHT else zip(link, start, strict=True)
        assert all(brighter >= darker for brighter, darker in way), accent


def test_the_default_stays_as_it_is_in_the_light_scheme() -> None:
    assert link_in(LIGHT, parse("#005f73")) == parse("#005f73")


@pytest.mark.parametrize(("short", "long"), [("#abc", "#AABBCC"), ("#FfF", "#ffffff")])
def test_both_spellings_mean_the_same(short: str, long: str) -> None:
    assert accent_css(short) == accent_css(long)
    assert str(parse(long)) == long.lower()


@pytest.mark.parametrize(
    "text",
    [
        "", "#", "005f73", "teal", "#12", "#1234", "#12345", "#1234567", "#00g", " #005f73", "#005f73\n",
        "#٠٠٠", "rgb(0,0,0)", "#000}body{display:none", "#" + "f" * 10_000,
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_a_plain_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^The accent colour must be written like #005f73 or #063, not ") as refused:
        accent_css(text)
    assert len(str(refused.value)) < 160


@pytest.mark.parametrize(("tokens", "scheme"), [(LIGHT_TOKENS, LIGHT), (DARK_TOKENS, DARK)], ids=["light", "dark"])
def test_the_sheet_and_the_accent_mean_the_same_grounds(tokens: dict[str, str], scheme: Scheme) -> None:
    assert (parse(tokens["--page"]), parse(tokens["--well"])) == scheme.grounds


@pytest.mark.parametrize("tokens", [LIGHT_TOKENS, DARK_TOKENS], ids=["light", "dark"])
class TestTokensOfTheSheet:
    @pytest.mark.parametrize("text", ["--ink", "--soft", "--link", "--bad"])
    def test_text_is_readable_on_both_grounds(self, tokens: dict[str, str], text: str) -> None:
        assert ratio(tokens, text, "--page") >= 4.5
        assert ratio(tokens, text, "--well") >= 4.5

    def test_words_on_the_accent_are_readable(self, tokens: dict[str, str]) -> None:
        assert ratio(tokens, "--on", "--accent") >= 4.5

    def test_edges_of_controls_are_seen_on_both_grounds(self, tokens: dict[str, str]) -> None:
        assert ratio(tokens, "--edge", "--page") >= 3
        assert ratio(tokens, "--edge", "--well") >= 3

    def test_bars_are_seen_on_the_page(self, tokens: dict[str, str]) -> None:
        assert ratio(tokens, "--bar", "--page") >= 3


def ratio(tokens: dict[str, str], one: str, other: str) -> float:
    return contrast(parse(tokens[one]), parse(tokens[other]))


def test_a_colour_prints_as_it_is_written() -> None:
    assert str(Colour(0, 95, 115)) == "#005f73"
