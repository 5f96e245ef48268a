"""Every kind of part as a page shows it: within the rules of the house, escaped, and short of what is long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeApp
from flask import Flask, render_template
from house import Page, check

from FlaskAppAML.results import (
    KINDS,
    Box,
    Boxes,
    Column,
    Image,
    Images,
    Json,
    Line,
    Media,
    Number,
    Part,
    Result,
    Score,
    Scores,
    Series,
    Span,
    Spans,
    Table,
    Text,
    Vector,
)
from FlaskAppAML.results.presentation import present
from FlaskAppAML.web.view import Answer
from FlaskAppAML.wire import dumps

PNG = "iVBORw0KGgo="
EVIL = "<script>alert(1)</script>\" onload='x'"
META = {"total_ms": 20.0, "endpoint_ms": 10.0, "request_id": "0" * 32}


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(url="http://127.0.0.1:9/score")


def answer_of(*parts: Part) -> Answer:
    """As it comes back from disk."""
    shown = present(Result(list(parts), {}), {}, "")
    prediction = {"id": "ab" * 16, "outputs": [part.document() for part in shown.parts], "raw": {}, "meta": META}
    request = {"method": "POST", "target": "/", "body": "{}"}
    document = {"prediction": prediction, "said": vars(shown.said), "request": request, "until": 9e9}
    return Answer(json.loads(dumps(document)))


def shown(app: Flask, *parts: Part) -> tuple[Page, str]:
    with app.test_request_context("/"):
        section = render_template("result.html", answer=answer_of(*parts))
    html = f'<!doctype html><html lang="en"><head><title>t</title></head><body><h1>t</h1>{section}</body></html>'
    return check(html), section


PARTS: list[Part] = [
    Table(EVIL, [Column(EVIL), Column("b", "number")], [[EVIL, 1.5], ["x", 2.5]]),
    Scores([Score(EVIL, 0.9, True), Score("b", None)], EVIL),
    Scores([Score("a", 0.9, True)], row=1),
    Number(0.123456789, EVIL, EVIL, EVIL),
    Number(5, row=2),
    Boxes(EVIL, [Box(EVIL, 0.9, 1, 2.5, 3, 4), Box("", None, 0, 0, 0, 0)]),
    Boxes("", [Box("cat", 0.5, 0.1, 0.2, 0.3, 1)], "fraction", row=0),
    Boxes("", []),
    Spans(f"{EVIL} here", [Span(0, 8, EVIL, 0.5, "<script>")], EVIL),
    Spans("", [Span(0, 3, "PER", None, "Ada")], row=1),
    Spans("", []),
    Vector([0.5 - i for i in range(1000)], EVIL),
    Vector([], row=0),
    Vector([1e308, -1e308]),
    Images([Image("image/png", PNG, EVIL)] * 30, EVIL),
    Media("audio/wav", "UklGRg==", EVIL),
    Media("video/webm", "GkXfow==", row=0),
    Text(f"{EVIL}\n" * 5, EVIL),
    Text("A sentence of a longer text. " * 20 + "\nnew line\n\nA second paragraph."),
    Json({EVIL: [EVIL]}, EVIL),
    Series([EVIL, "2026-02"], [Line(EVIL, [1.5, None]), Line("b", [None, None])], EVIL),
]


def test_every_kind_is_tried_and_has_its_template() -> None:
    assert {type(part) for part in PARTS} == set(KINDS.values())
    folder = Path(__file__).parent.parent / "FlaskAppAML/templates/results"
    assert {path.stem for path in folder.glob("*.html")} == set(KINDS)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.kind)
def test_a_part_keeps_the_rules_of_pages(part: Part, app: Flask) -> None:
    page, html = shown(app, part)
    assert "<script>" not in html
    for tag, attributes in page.elements:
        assert tag not in ("script", "iframe", "object", "embed", "link")
        assert "onload" not in attributes
        if "scroll" in attributes.get("class", "") or tag == "pre":
            assert attributes["tabindex"] == "0"
            assert attributes["role"] == "region"
            assert attributes["aria-label"]
        if tag == "svg":
            assert "aria-hidden" in attributes or (attributes["role"] == "img" and attributes["aria-label"])
        if tag in ("audio", "video"):
            assert "controls" in attributes
            assert attributes["aria-label"]
            assert attributes["src"].startswith("data:")
        if tag == "th":
            assert attributes["scope"] in ("row", "col")


def test_all_at_once_is_one_page(app: Flask) -> None:
    shown(app, *PARTS)


def test_boxes_are_rounded_by_their_units(app: Flask) -> None:
    assert "in pixels" in shown(app, PARTS[5])[1]
    html = shown(app, PARTS[6])[1]
    assert "as fractions of the picture’s width and height" in html
    assert [cell in html for cell in (">0.100<", ">0.200<", ">1.000<", ">0.5000<")] == [True] * 4
    assert ">46<" in shown(app, Boxes("", [Box("a", None, 46, 1, 50, 2)]))[1]


def test_long_lists_are_cut(app: Flask) -> None:
    page, html = shown(app, Boxes("", [Box("a", 1.0, 0, 0, 5, 5)] * 1234))
    assert "The first 200 of 1,234 boxes" in html
    assert len(page.all("tr")) == 201
    page, html = shown(app, Spans("a" * 100_000, [Span(i, i + 1, "x") for i in range(50_000)]))
    assert "The first 200 of 50,000" in html
    assert len(html) < 200_000
    assert len(shown(app, *[Images([Image("image/png", PNG)] * 30)])[0].all("img")) == 20


def test_a_rounded_number_is_there_in_full(app: Flask) -> None:
    _, html = shown(app, Number(0.123456789, unit="kg"))
    assert "The answer is <b><bdi>0.1235" in html
    assert "Exactly 0.123456789 kg" in html
    assert "Exactly" not in shown(app, Number(12.5))[1]


def test_a_short_text_is_said_once(app: Flask) -> None:
    assert shown(app, Text("Iris setosa."))[1].count("Iris setosa.") == 1
    assert "<pre" in shown(app, Text("a log\n" * 60, "output1"))[1]


def test_a_long_text_stands_in_paragraphs(app: Flask) -> None:
    page, _ = shown(app, PARTS[18])
    paragraphs = [text for text in page.texts["p"] if "paragraph" in text or "new line" in text]
    assert len(paragraphs) == 2
    assert len(page.all("br")) == 1


@pytest.mark.parametrize(
    ("spans", "marks"),
    [
        ([Span(2, 5, "A")], ["bcd"]),
        ([Span(2, 5, "A"), Span(3, 8, "B"), Span(5, 6, "C")], ["bcd", " "]),
        ([Span(2, 2, "A"), Span(90, 95, "B"), Span(5, 4, "C")], []),
        ([Span(0, 9, "A"), Span(0, 3, "B")], ["a bcd efg"]),
    ],
)
def test_places_are_marked_in_their_text(spans: list[Span], marks: list[str], app: Flask) -> None:
    page, _ = shown(app, Spans("a bcd efg", spans))
    assert page.texts.get("mark", []) == marks


def test_rows_are_told_apart(app: Flask) -> None:
    _, html = shown(app, *[Scores([Score("a", 0.9, True)], row=row) for row in range(3)])
    assert all(f"Row {row}." in html for row in (1, 2, 3))
    assert "Three answers, all <b><bdi>a</bdi></b>" in html


@pytest.mark.parametrize("values", [[], [1.0], [2, 2, 2], [1e308, -1e308], list(range(100_000))])
def test_a_sparkline_stays_in_its_field(values: list[Any]) -> None:
    points = [tuple(map(float, point.split(","))) for point in Answer.sparkline(Vector(values)).split()]
    assert len(points) <= 200
    assert all(0 <= x <= 600 and 0 <= y <= 100 for x, y in points)
