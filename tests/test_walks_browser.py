"""What walks through the pages stumbled over: by keyboard, on paper, on a phone, without script, with long and foreign
words. Each of these was wrong once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import OpenPage
from conftest import COMPANY, KEY, MakeApp
from playwright.sync_api import Page, expect
from serving import serving
from soak.rows import RowsEndpoint
from test_results_views import answer_of

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML.results import Column, Part, Table, Text
from FlaskAppAML.settings import Settings
from FlaskAppAML.web import model_page
from FlaskAppAML.web.site import site

At = Callable[..., str]
PROSE = "This is prose, and there is enough of it in one line that nobody could take it for a log or for a table."
CODE = "```python\ndef f(x):\n    if x:\n\n        return x\n```"
LIST = "1. One thing\n   - and what belongs to it, which is long enough to need a second line on a phone\n2. Another"
CHAT = f"{PROSE}\n\n{LIST}\n\n{CODE}\n\nThat is all."
NUMBERS = [Column(f"column {i}", "number") for i in range(60)]
ANSWERS: dict[str, list[Part]] = {
    "chat": [Text(CHAT, "answer")],
    "list": [Text(f"Some steps:\n\n{LIST}\n\nDone.", "answer")],
    "table": [Table("wide", NUMBERS, [[i / 7 for i in range(60)]] * 3)],
    "row": [Table("out", [Column("DistancesToClusterCenter no.0"), Column("text")], [["0.5", "word " * 200]])],
}


@pytest.fixture
def at(make_app: MakeApp) -> Iterator[At]:
    """`at(**settings)`: where an app with these settings listens; each of ANSWERS stands there under `/of/<name>`."""

    def made(**changes: Any) -> str:
        app = make_app(**{"url": "http://127.0.0.1:9/score", "schema": '{"a": 1}', **changes})
        app.add_url_rule("/of/<name>", view_func=of)
        return serve(app)

    with serving() as serve:
        yield made


def of(name: str) -> str:
    return model_page.form_page(site().model.form_class()(), answer=answer_of(*ANSWERS[name]))


def gap(page: Page, above: str, below: str) -> float:
    """Pixels between two things that stand one below the other."""
    upper, lower = page.locator(above).bounding_box(), page.locator(below).bounding_box()
    assert upper
    assert lower
    return lower["y"] - upper["y"] - upper["height"]


# Answers


def test_code_in_a_text_keeps_its_lines_and_prose_folds(open_page: OpenPage, at: At) -> None:
    page = open_page(viewport={"width": 360, "height": 800})
    address = at()
    page.goto(f"{address}/of/chat")
    assert page.locator(".say pre:visible").inner_text() == CODE
    assert [page.locator("#text p").nth(i).inner_text() for i in range(3)] == [PROSE, LIST, "That is all."]
    page.goto(f"{address}/of/list")
    assert page.locator(".say pre:visible").count() == 0


def test_of_a_text_the_text_is_copied(open_page: OpenPage, at: At) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{at()}/of/chat")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == CHAT


def test_on_a_phone_the_words_over_a_wide_table_are_in_sight(open_page: OpenPage, at: At) -> None:
    page = open_page(viewport={"width": 360, "height": 800})
    page.goto(f"{at()}/of/table")
    caption = page.locator("caption").bounding_box()
    assert caption
    assert caption["x"] + caption["width"] <= 360


def test_a_table_that_sorts_has_its_heads_on_paper_too(open_page: OpenPage, at: At) -> None:
    page = open_page()
    address = at()
    page.goto(f"{address}/of/table")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="column 0")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()
    page.goto(f"{address}/of/row")
    head = page.locator("th[scope=row]").first
    assert head.evaluate("(head) => getComputedStyle(head).overflowWrap") == "break-word"  # else a letter to a line


# The form


@pytest.mark.slow
def test_of_very_many_mistakes_the_first_are_listed(open_page: OpenPage, at: At) -> None:
    page = open_page()
    page.goto(at(schema=json.dumps({f"feature {i}": i for i in range(300)})))
    page.click("button.go")
    page.wait_for_selector(".alert")
    expect(page.locator(".alert h2")).to_have_text("300 fields need a change")
    assert page.locator(".alert a").count() == 20
    expect(page.locator(".alert li").last).to_have_text("and 280 more")
    assert page.locator(".field > .error").count() == 300


@pytest.mark.slow
def test_the_mark_of_a_mistake_stands_beside_its_first_line(open_page: OpenPage, at: At) -> None:
    page = open_page(viewport={"width": 320, "height": 800})
    page.goto(at())
    page.click("button.go")
    item = page.locator(".alert li").last
    item.locator("a").evaluate("(link) => { link.textContent = 'many words '.repeat(9) }")
    beside = item.evaluate("(item) => { item.prepend(document.createElement('i')); return item.firstChild.offsetTop }")
    assert beside - item.evaluate("(item) => item.offsetTop") < 12  # where the mark stands too; else at the last line


@pytest.mark.slow
def test_help_runs_as_its_letters_do(open_page: OpenPage, at: At) -> None:
    fields = [{"name": "name", "help": "اكتب الاسم."}, {"name": "age", "help": "In years."}]
    page = open_page()
    page.goto(at(schema=json.dumps({"dialect": "raw", "fields": fields})))
    room = """(hint) => {
      const words = document.createRange();
      words.selectNodeContents(hint);
      const [inner, outer] = [words.getBoundingClientRect(), hint.getBoundingClientRect()];
      return [inner.left - outer.left > 1, outer.right - inner.right > 1];
    }"""
    assert page.locator("#in-name-hint").evaluate(room) == [True, False]
    assert page.locator("#in-age-hint").evaluate(room) == [False, True]


@pytest.mark.slow
def test_what_is_too_large_is_told_how_much_goes(open_page: OpenPage, at: At) -> None:
    page = open_page()
    page.goto(at(max_request_bytes=1024**2))
    page.locator("[name=_once]").evaluate("(box) => { box.value = 'x'.repeat(2 ** 20) }")
    page.click("button.go")
    expect(page.locator(".lead")).to_have_text("It takes up to 1 MB.")


# Room between things


@pytest.mark.slow
def test_nothing_sticks_to_what_stands_above_it(open_page: OpenPage, at: At) -> None:
    page = open_page(java_script_enabled=False)
    picture = {"type": "image", "label": "Picture", "name": "picture"}
    page.goto(f"{at(schema=json.dumps({'dialect': 'raw', 'fields': [picture]}))}/camera")
    assert gap(page, "noscript p", ".field") >= 20
    page.goto(at(background=True, job_workers=0))
    page.fill("[name=a]", "1")
    page.click("button.go")
    page.wait_for_url("**/jobs/*")
    assert gap(page, ".go", "noscript p") >= 12


@pytest.mark.slow
def test_the_owner_s_words_have_room(open_page: OpenPage, make_app: MakeApp, demo: Demo) -> None:
    with serving() as serve:
        page = open_page()
        address = serve(make_app(url=demo.url, local=True))
        page.goto(address)
        assert gap(page, "[data-idle]", "form.wait") >= 12
        page.goto(f"{address}/connect")
        page.fill("#connect-url", demo.url)
        page.fill("#connect-api_key", KEY)
        page.get_by_role("button", name="Inspect").click()
        page.wait_for_selector("#found")
        for name, value in COMPANY.items():
            page.fill(f".say [name={name}]", value)
        page.get_by_role("button", name="Try it").click()
        page.wait_for_selector("#answer")
        assert gap(page, "p:text('Calls the model once')", "#answer") >= 40


# Files


@pytest.mark.slow
def test_a_column_that_is_missed_is_said_at_its_control(open_page: OpenPage, make_app: MakeApp, tmp_path: Path) -> None:
    with RowsEndpoint() as model, serving() as serve:
        page = open_page(viewport={"width": 360, "height": 800})
        page.goto(f"{serve(make_app(**model.settings(tmp_path)))}/batch")
        page.fill("[name=table]", "a,b\n1,2\n")
        page.get_by_role("button", name="Look at it").click()
        missed = page.get_by_label("number")
        expect(missed).to_have_accessible_description("No column was found for it.")
        box = missed.bounding_box()
        said = page.locator("td > .error").first.bounding_box()
        assert box
        assert said
        assert said["y"] >= box["y"] + box["height"]
        assert abs(said["x"] - box["x"]) < 4


@pytest.mark.slow
def test_what_a_file_holds_is_said_in_whole_words(open_page: OpenPage, at: At) -> None:
    fields = [{"name": "a", "help": "word " * 40}, {"name": "b", "type": "list"}, {"name": "c", "type": "json"}]
    page = open_page(viewport={"width": 360, "height": 800})
    page.goto(f"{at(schema=json.dumps({'dialect': 'raw', 'fields': fields}))}/batch")
    assert page.locator("tbody td").all_inner_texts()[1:] == ["A list, one a line", "JSON"]
    heads = [head.bounding_box() for head in page.locator("thead th").all()]
    assert all(box and box["height"] < 45 for box in heads)  # one line


# The list of models


@pytest.fixture
def listed(open_page: OpenPage, make_app: MakeApp, demo: Demo, tmp_path: Path) -> Iterator[Page]:
    """A page whose list of models is open, and has the focus."""
    names = [f"m{number}" for number in range(1, 13)]
    given = {"MODELS": ",".join(names), "API_KEY": KEY, "DATA_DIR": str(tmp_path)}
    given |= {f"{name.upper()}_URL": demo.url for name in names}
    with serving() as serve:
        page = open_page()
        page.goto(serve(FlaskAppAML.create_app(Settings.read(given))))
        page.locator(".models summary").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".models")).to_have_attribute("open", "")
        yield page


def test_escape_closes_the_list_of_models(listed: Page) -> None:
    listed.keyboard.press("Tab")
    listed.keyboard.press("Escape")
    expect(listed.locator(".models")).not_to_have_attribute("open", "")
    expect(listed.locator(".models summary")).to_be_focused()


def test_who_goes_on_has_no_list_of_models_over_the_page(listed: Page) -> None:
    for _ in range(13):
        listed.keyboard.press("Tab")
    expect(listed.locator(".models")).not_to_have_attribute("open", "")
    expect(listed.get_by_role("link", name="File", exact=True)).to_be_focused()


def test_a_click_beside_it_closes_the_list_of_models(listed: Page) -> None:
    listed.mouse.click(300, 700)
    expect(listed.locator(".models")).not_to_have_attribute("open", "")
