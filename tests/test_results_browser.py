"""Every kind of answer in headless Chromium: axe, nothing sideways, no complaint; tables that sort, trees that fold."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from browsers import OpenPage, looked_at
from conftest import some
from playwright.sync_api import Page, expect
from serving import served
from test_results_views import answer_of

import FlaskAppAML
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
    Score,
    Scores,
    Series,
    Span,
    Spans,
    Table,
    Text,
    Vector,
)
from FlaskAppAML.settings import Settings
from FlaskAppAML.web import model_page
from FlaskAppAML.web.site import site

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
MARKDOWN = "# What to do\n\nKeep it **simple**:\n\n- one thing\n- another\n\nThat is all there is to say of it."
NUMBERS = [Column("name"), Column("value", "number", "Value", "kg"), Column("count", "integer")]
ROWS: list[list[Any]] = [["b", 2.5, 10], ["a", None, 9], ["c", 10.25, 100], ["é", 0.123456, None]]

MONTHS = [f"2026-{month:02}" for month in range(1, 13)]

ANSWERS: dict[str, list[Part]] = {
    "table": [Table("predictions", NUMBERS, [*ROWS, *([f"row {i}", i / 3, i] for i in range(300))])],
    "wide": [Table("wide", [Column(f"column {i}", "number") for i in range(60)], [[i / 7 for i in range(60)]] * 3)],
    "row": [Table("out", [Column("decision"), Column("score", "number")], [["approve", 0.93]])],
    "scores": [Scores([Score("cat", 0.91, True), Score("dog", 0.0856), Score("x" * 60, 0.0044)], "animals", full=1.0)],
    "number": [Number(123.456789, "price", "Price", "EUR")],
    "boxes": [Boxes("found", [Box("cat", 0.9, 1, 2.5, 300, 400), Box("dog", None, 5, 5, 40, 50)])],
    "spans": [Spans("I met Sarah in Berlin.", [Span(6, 11, "PER", 0.99), Span(15, 21, "LOC", 0.5)], "names")],
    "vector": [Vector([(i * 37 % 101) / 101 - 0.5 for i in range(384)], "embedding")],
    "series": [
        Series(MONTHS, [Line("forecast", [i * 1.5 for i in range(12)]), Line("low", [i * 0.5 for i in range(12)])])
    ],
    "images": [Images([Image("image/png", PNG, "mask")], "plot")],
    "media": [Media("audio/wav", WAV, "speech")],
    "text": [Text(MARKDOWN, "answer")],
    "json": [Json({"a": {"b": [1, "two", None] * 20, "c": {"d": "x" * 300}}, "e": {}, "f": True})],
    "several": [
        Text(MARKDOWN, "answer"),
        Table("sources.items", NUMBERS, ROWS),
        Json({"usage": {"tokens": 5}}, "meta"),
        Table("", [Column("model")], [["v3"]]),
    ],
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app itself, with each answer under `/of/<name>`."""
    folder = str(tmp_path_factory.mktemp("data"))
    given: dict[str, Any] = {
        "url": "http://127.0.0.1:9/score",
        "api_key": "k" * 20,
        "schema": '{"a": 1}',
        "data_dir": folder,
    }
    settings = Settings(**given, rate_limit="off")
    app = FlaskAppAML.create_app(settings, local=False, demo=False)

    def of(name: str) -> str:
        return model_page.form_page(site().model.form_class()(), answer=answer_of(*ANSWERS[name]))

    app.add_url_rule("/of/<name>", view_func=of)
    with served(app) as found:
        yield f"{found}/of/"


@pytest.fixture
def open_answer(open_page: OpenPage, answers: str) -> OpenPage:
    """`open_answer(name, ...)`: the page with this answer."""

    def opened(name: str, **options: Any) -> Page:
        page = open_page(**options)
        answered = page.goto(answers + name)
        assert answered
        assert answered.ok
        return page

    return opened


def test_every_kind_is_looked_at() -> None:
    assert {part.kind for parts in ANSWERS.values() for part in parts} == set(KINDS)


@pytest.mark.parametrize("name", some(ANSWERS, "several", "boxes"))
def test_axe_finds_nothing_in_any_view(name: str, open_answer: OpenPage) -> None:
    page = open_answer(name)
    page.locator(".say details").evaluate_all("folds => folds.forEach((fold) => { fold.open = true })")
    looked_at(page, f"answer-{name}")


def column(page: Page, place: int, most: int = 4) -> list[str]:
    return page.locator(f".say tbody td:nth-child({place})").all_inner_texts()[:most]


def test_tables_sort_by_numbers_and_words_and_back(open_answer: OpenPage) -> None:
    page = open_answer("several")
    table = page.locator("table[data-sort]")
    heads = table.locator("th")
    value = table.get_by_role("button", name="Value")
    assert column(page, 1) == ["b", "a", "c", "é"]
    value.click()
    expect(heads.nth(1)).to_have_attribute("aria-sort", "ascending")
    assert column(page, 2) == ["0.1235", "2.5000", "10.2500", "–"]
    value.press("Enter")
    expect(heads.nth(1)).to_have_attribute("aria-sort", "descending")
    assert column(page, 2) == ["10.2500", "2.5000", "0.1235", "–"]
    table.get_by_role("button", name="name").click()
    assert column(page, 1) == ["a", "b", "c", "é"]
    assert [head.get_attribute("aria-sort") for head in heads.all()] == ["ascending", None, None]
    table.get_by_role("button", name="name").click()
    table.get_by_role("button", name="name").click()
    assert column(page, 1) == ["b", "a", "c", "é"], "as they came"
    assert [head.get_attribute("aria-sort") for head in heads.all()] == [None] * 3


def test_a_tree_opens_without_script(open_answer: OpenPage) -> None:
    page = open_answer("json", java_script_enabled=False)
    leaf = page.locator(".tree code", has_text="xxx")
    assert not leaf.is_visible()
    page.locator(".tree summary", has_text="a").first.click()
    page.locator(".tree summary", has_text="c").first.click()
    assert leaf.is_visible()


@pytest.mark.parametrize(
    ("name", "files"),
    [("table", ["answer.css", "answer.js"]), ("json", ["answer.css"]), ("row", []), ("scores", []), ("text", [])],
)
def test_only_those_files_are_loaded_that_a_view_needs(name: str, files: list[str], open_answer: OpenPage) -> None:
    """Pages with other answers were drawn before: what they need is no part of the frame."""
    page = open_answer(name)
    loaded = page.evaluate("performance.getEntriesByType('resource').map((found) => found.name)")
    found = {path.rsplit("/", 1)[1].split("-")[0] + path[path.rindex(".") :] for path in loaded}
    assert found & {"answer.css", "answer.js"} == set(files)


@pytest.mark.parametrize("name", ANSWERS)
def test_pages_with_answers_are_small(name: str, answers: str) -> None:
    """With sheets, scripts and, here, even the rows."""
    html = requests.get(answers + name, timeout=10).content
    paths = re.findall(rb'(?:href|src)="(/static/[^"]+)"', html)
    got = [html, *(requests.get(urljoin(answers, path.decode()), timeout=10).content for path in paths)]
    assert sum(len(gzip.compress(content)) for content in got) < 15_000
