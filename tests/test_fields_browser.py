"""A form with every kind of field in headless Chromium: axe, what the script adds, and that nothing needs it.

The page is made here, of the real form, stylesheet and script, without an endpoint: what is looked at is what the form
gives.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from browsers import OpenPage, looked_at
from conftest import some
from flask import Flask, render_template_string, request
from playwright.sync_api import Page, expect
from serving import served

import FlaskAppAML
from FlaskAppAML.forms import form_class
from FlaskAppAML.schema import Alternative, Field, Schema

BIG = 9007199254740993  # one more than a double can tell apart

SCHEMA = Schema(
    (
        Field("name", label="Name", help="As in the passport.", max_length=30),
        Field("review", max_length=1000, required=False),
        Field("avoid", required=False, default="blur"),
        Field("mail", format="email", required=False),
        Field("token", secret=True, required=False),
        Field("age", "integer", unit="years", minimum=Decimal(0), maximum=Decimal(130), example=36),
        Field("id", "integer", required=False),
        Field("rate", "number", above=Decimal(0), below=Decimal(1), required=False),
        Field("member", "boolean"),
        Field("colour", choices=("r", 1, "1"), choice_labels=("Red", "One", "Text one"), required=False),
        Field("country", choices=tuple(range(100, 160)), required=False),
        Field("born", "date", required=False),
        Field("seen", "datetime", required=False),
        Field("picture", "file", accept="image/*", required=False),
        Field("tags", "list", required=False),
        Field("extras", "list", items=Field("item", choices=("Roof", "Radio", 3)), required=False),
        Field("weights", "list", items=Field("item", "number"), required=False),
        Field("features", "list", items=Field("item", "number"), min_items=4, max_items=4, required=False),
        Field("matrix", "list", items=Field("row", "list", items=Field("item", "integer")), required=False),
        Field(
            "people",
            "rows",
            label="People",
            fields=(
                Field("who", label="Who"),
                Field("years", "integer", label="Years"),
                Field("vip", "boolean", label="VIP", required=False),
            ),
            required=False,
        ),
        Field(
            "shape",
            "json",
            label="Shape",
            alternatives=(
                Alternative("Circle", (Field("kind", fixed="circle"), Field("radius", "number"))),
                Alternative(
                    "Polygon",
                    (
                        Field("kind", fixed="polygon"),
                        Field("corners", "list", items=Field("item", "integer")),
                        Field("closed", "boolean", required=False),
                    ),
                    help="A line through corners.",
                ),
                Alternative("By name", (Field("shape", label="Name"),), is_object=False),
                Alternative("None at all", (Field("shape", fixed="none"),), is_object=False),
            ),
            required=False,
        ),
        Field("street", place=("address",), required=False),
        Field("meta", "json", required=False),
        Field("old", deprecated=True, required=False),
    )
)
PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Every kind of field</title><link rel="stylesheet" href="/static/app.css">
  <script src="/static/app.js" defer></script>
  {% for file in form.scripts %}<script src="/static/{{ file }}" defer></script>{% endfor %}
</head>
<body>
  <main id="main"><h1>Every kind of field</h1>
    {% from "fields.html" import summary %}{% if problems %}{{ summary(form, problems) }}{% endif %}
    <form class="ask" method="post" enctype="multipart/form-data" aria-label="Input" novalidate data-wait>
      {{ form.html() }}
      <button class="go">Ask</button>
      {{ form.json_html() }}
    </form>
  </main>
</body>
</html>"""


class Asked:
    """An app with the form, and every row that the form gave in `rows`."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.url = ""
        here = Path(FlaskAppAML.__file__).parent
        self.app = app = Flask("fields", root_path=str(here))
        app.jinja_options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
        app.add_template_global(str, "spelled")
        app.add_url_rule("/", view_func=self._ask, methods=["GET", "POST"])

    def _ask(self) -> str:
        if request.method == "GET":
            return render_template_string(PAGE, form=form_class(SCHEMA)(), problems={})
        form = form_class(SCHEMA)(request.form, files=request.files)
        if form.validate():
            self.rows.append(form.row())
        return render_template_string(PAGE, form=form, problems=form.wrong())


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    made = Asked()
    with served(made.app) as made.url:
        yield made


@pytest.fixture
def open_form(open_page: OpenPage, asked: Asked) -> OpenPage:
    """`open_form(java_script_enabled=...)`: the empty form."""

    def made(**options: Any) -> Page:
        page = open_page(**options)
        page.goto(asked.url)
        return page

    return made


def send(page: Page) -> None:
    with page.expect_navigation():
        page.click("button.go")


def by_name(name: str) -> str:
    return f"[name='{name}']"


FOLD = "[data-as-json]"
FOLD_HEAD = f"{FOLD} > summary"


def shown_json(page: Page) -> Any:
    box = page.locator(by_name("_json"))
    expect(box).not_to_have_value("")
    return json.loads(box.input_value())


def empty(page: Page) -> None:
    page.click("text=Older options")


def wrong(page: Page) -> None:
    page.fill(by_name("id"), "x")
    page.fill(by_name("features") + ">> nth=1", "x")
    page.fill(by_name("tags"), "a")
    page.click("text=Add a row")
    page.fill(".grid input >> nth=0", "Ada")
    send(page)


def as_json(page: Page) -> None:
    page.click(FOLD_HEAD)


def wrong_json(page: Page) -> None:
    page.click(FOLD_HEAD)
    page.fill(by_name("_json"), "[]")
    send(page)


STATES = {state.__name__: state for state in (empty, wrong, as_json, wrong_json)}


@pytest.mark.parametrize("state", some(STATES, "wrong"))
def test_axe_finds_nothing(state: str, open_form: OpenPage) -> None:
    page = open_form()
    STATES[state](page)
    looked_at(page, f"fields-{state}")


def test_without_script_every_kind_can_be_filled_in(asked: Asked, open_form: OpenPage) -> None:
    page = open_form(java_script_enabled=False)
    assert not page.is_visible("[type=range]")
    page.fill(by_name("name"), "Ada")
    page.fill(by_name("age"), "36")
    page.check(by_name("member") + ">> nth=0")
    page.select_option(by_name("colour"), label="Text one")
    page.fill(by_name("country"), "107")
    page.fill(by_name("born"), "2024-02-29")
    page.fill(by_name("seen"), "2024-02-29T09:30")
    page.set_input_files(by_name("picture"), {"name": "a.png", "mimeType": "image/png", "buffer": b"PNG"})
    page.fill(by_name("tags"), "one\ntwo, 2")
    page.check("text=Roof")
    page.fill(by_name("features") + ">> nth=0", "1 2 3 4")
    page.fill(by_name("people"), "Grace\t85\tyes")
    page.fill(by_name("meta"), '{"a": 0.10}')
    send(page)
    row = asked.rows[-1]
    assert (row["name"], row["age"], row["member"], row["colour"], row["country"]) == ("Ada", 36, True, "1", 107)
    assert (row["born"], row["seen"], row["picture"].data) == ("2024-02-29", "2024-02-29T09:30:00Z", b"PNG")
    assert (row["tags"], row["extras"], row["meta"]) == (["one", "two, 2"], ["Roof"], {"a": 0.1})
    assert row["features"] == [1, 2, 3, 4]
    assert row["people"] == [{"who": "Grace", "years": 85, "vip": True}]
    page.click(FOLD_HEAD)
    page.fill(by_name("_json"), '{"name": "From JSON", "age": 1, "member": false}')
    send(page)
    assert asked.rows[-1]["name"] == "From JSON"
    assert page.input_value(by_name("name")) == "From JSON"


def test_a_slider_and_its_box_hold_one_value(open_form: OpenPage) -> None:
    page = open_form()
    page.fill(by_name("age"), "36")
    assert page.input_value("#in-age-range") == "36"
    page.focus("#in-age-range")
    page.keyboard.press("ArrowRight")
    assert page.input_value(by_name("age")) == "37"
    assert page.input_value(by_name("rate")) == "", "nobody moved it"


PASTE = """([selector, text]) => {
  const data = new DataTransfer();
  data.setData("text", text);
  const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  document.querySelectorAll(selector)[0].dispatchEvent(event);
}"""


def paste(page: Page, selector: str, text: str) -> None:
    page.evaluate(PASTE, [selector, text])


def test_a_row_of_numbers_is_pasted_over_its_boxes(open_form: OpenPage) -> None:
    page = open_form()
    paste(page, by_name("features"), "1.5\t-2\t3\t4\t5\n")
    boxes = page.locator(by_name("features"))
    assert [boxes.nth(i).input_value() for i in range(4)] == ["1.5", "-2", "3", "4"]


def test_rows_are_a_table_to_fill_in_and_to_paste_into(asked: Asked, open_form: OpenPage) -> None:
    page = open_form()
    page.fill(by_name("name"), "x")
    page.fill(by_name("age"), "1")
    page.check(by_name("member") + ">> nth=0")
    page.click("label:has-text('People')")
    page.keyboard.type("Ada")
    page.keyboard.press("Tab")
    page.keyboard.type("36")
    page.click("text=Add a row")
    paste(page, ".grid tr:nth-child(2) input", 'Who\tYears\tVIP\nGrace "G", H\t85\tyes\n"two\nlines"\t7\t\n')
    page.click("text=Add a row")
    assert page.locator(".grid tbody tr").count() == 4
    send(page)
    assert asked.rows[-1]["people"] == [
        {"who": "Ada", "years": 36, "vip": None},
        {"who": 'Grace "G", H', "years": 85, "vip": True},
        {"who": "twolines", "years": 7, "vip": None},  # a box has one line
    ]
    assert page.locator(".grid tbody tr").count() == 3
    for _ in range(3):
        page.click("[data-less] >> nth=0")
    assert page.locator(".grid tbody tr").count() == 1
    send(page)
    assert asked.rows[-1]["people"] is None


def test_a_yes_is_taken_as_spreadsheets_write_it(asked: Asked, open_form: OpenPage) -> None:
    page = open_form()
    page.fill(by_name("name"), "x")
    page.fill(by_name("age"), "1")
    page.check(by_name("member") + ">> nth=0")
    paste(page, ".grid tr input", "".join(f"Ada\t36\t{written}\n" for written in ("TRUE", "False", "Yes", "0")))
    send(page)
    assert [row["vip"] for row in asked.rows[-1]["people"]] == [True, False, True, False]


def test_what_is_no_choice_stays_in_sight_and_is_named(asked: Asked, open_form: OpenPage) -> None:
    page = open_form()
    before = len(asked.rows)
    page.fill(by_name("name"), "x")
    page.fill(by_name("age"), "1")
    page.check(by_name("member") + ">> nth=0")
    paste(page, ".grid tr input", "Ada\t36\tperhaps\n")
    assert page.locator(".grid select").input_value() == "perhaps"
    page.click("button.go")
    page.wait_for_selector("#problems")
    assert len(asked.rows) == before


ROW = f"""{{
  "name": "Ada",
  "avoid": null,
  "age": 36,
  "id": {BIG},
  "rate": 0.10,
  "member": false,
  "colour": 1,
  "country": 107,
  "born": "2024-02-29",
  "tags": [
    "one",
    "two, 2"
  ],
  "extras": [
    "Roof",
    3
  ],
  "weights": [
    1,
    2.50
  ],
  "features": [
    1,
    2,
    3,
    {BIG}
  ],
  "matrix": [
    [
      1,
      2
    ],
    [
      3,
      4
    ]
  ],
  "people": [
    {{
      "who": "Grace, H",
      "years": {BIG},
      "vip": true
    }}
  ],
  "shape": {{
    "kind": "polygon",
    "corners": [
      1,
      {BIG}
    ],
    "closed": false
  }},
  "meta": {{
    "a": {BIG},
    "b": null
  }},
  "street": "Main"
}}"""


def test_the_form_turns_into_json_and_back_without_losing_a_digit(asked: Asked, open_form: OpenPage) -> None:
    page = open_form()
    page.fill(by_name("token"), "secret")
    page.click(FOLD_HEAD)
    expect(page.locator(by_name("name"))).to_be_hidden()
    assert page.is_visible(by_name("token")), "a secret stays in its own box"
    assert page.is_visible(by_name("picture"))
    page.fill(by_name("_json"), ROW)
    page.click(FOLD_HEAD)
    expect(page.locator(by_name("_json"))).to_have_value("")
    expect(page.locator(by_name("id"))).to_have_value(str(BIG))
    expect(page.locator(by_name("rate"))).to_have_value("0.10")
    expect(page.locator("#in-age-range")).to_have_value("36")
    expect(page.locator(".grid input >> nth=1")).to_have_value(str(BIG))
    page.click(FOLD_HEAD)
    expect(page.locator(by_name("_json"))).to_have_value(ROW)
    page.click(FOLD_HEAD)
    send(page)
    by_fields = asked.rows[-1]
    page.click(FOLD_HEAD)
    page.fill(by_name("token"), "secret")
    send(page)
    by_box = asked.rows[-1]
    assert by_fields == by_box
    assert by_box["token"] == "secret"
    assert by_box["meta"] == {"a": BIG, "b": None}
    assert by_box["features"][3] == BIG
    expect(page.locator(by_name("name"))).to_be_hidden()


def test_who_sent_json_stays_with_it_and_is_told_what_is_wrong_by_name(asked: Asked, open_form: OpenPage) -> None:
    page = open_form()
    page.click(FOLD_HEAD)
    page.fill(by_name("_json"), '{"name": "Ada",')
    page.click(FOLD_HEAD)
    page.wait_for_selector(f"{FOLD} .error:visible")
    expect(page.locator(by_name("_json"))).to_have_value('{"name": "Ada",')
    expect(page.locator(by_name("name"))).to_be_hidden()
    wrong = '{"name": "Ada", "age": "36", "member": true}'
    page.fill(by_name("_json"), wrong)
    send(page)
    expect(page.locator(by_name("_json"))).to_have_value(wrong)
    assert page.inner_text(f"{FOLD} .error") == "age: send a whole number, without quotes."
    expect(page.locator(by_name("age"))).to_be_hidden()
    page.click("#problems a")
    expect(page.locator(by_name("_json"))).to_be_focused()
    page.click(FOLD_HEAD)
    expect(page.locator(by_name("_json"))).to_have_value("")
    expect(page.locator(by_name("name"))).to_have_value("Ada")
    assert page.inner_text("#in-age-error") == "Send a whole number, without quotes."
    send(page)
    assert asked.rows[-1]["age"] == 36
    assert page.locator(".alert").count() == 0


def test_json_begins_with_every_name_while_the_form_is_empty(open_form: OpenPage) -> None:
    page = open_form()
    page.click(FOLD_HEAD)
    box = page.locator(by_name("_json"))
    shown = shown_json(page)
    assert list(shown) == [f.name for f in SCHEMA.fields if f.kind != "file" and not f.secret]
    assert shown == {**dict.fromkeys(shown), "avoid": "blur", "age": 36}, "an example where something must stand"
    page.click(FOLD_HEAD)
    expect(box).to_have_value("")
    expect(page.locator(by_name("age"))).to_have_value("")
    page.fill(by_name("name"), "Ada")
    page.click(FOLD_HEAD)
    assert shown_json(page) == {"name": "Ada", "avoid": "blur"}


def needed(page: Page) -> None:
    page.fill(by_name("name"), "x")
    page.fill(by_name("age"), "1")
    page.check(by_name("member") + ">> nth=0")


def test_of_alternatives_only_the_chosen_one_is_in_sight(asked: Asked, open_form: OpenPage) -> None:
    page = open_form()
    needed(page)
    radius, corners = page.locator(by_name("shape:0:radius")), page.locator(by_name("shape:1:corners"))
    expect(radius).to_be_hidden()
    page.check("text=Circle")
    expect(radius).to_be_visible()
    radius.fill("x")
    send(page)
    expect(page.locator("#in-shape-0-0-error")).to_be_visible()
    page.click("#problems a")
    expect(radius).to_be_focused()
    page.check("text=Polygon")
    expect(radius).to_be_hidden()
    corners.fill("1 2")
    send(page)
    assert asked.rows[-1]["shape"] == {"kind": "polygon", "corners": [1, 2]}
    expect(corners).to_have_value("1 2")


def test_without_script_all_alternatives_are_shown_and_the_chosen_one_counts(asked: Asked, open_form: OpenPage) -> None:
    page = open_form(java_script_enabled=False)
    needed(page)
    page.fill(by_name("shape:0:radius"), "2")
    page.fill(by_name("shape:2:shape"), "heart")
    page.check("text=By name")
    send(page)
    assert asked.rows[-1]["shape"] == "heart"


def test_each_alternative_goes_to_json_and_back(open_form: OpenPage) -> None:
    page = open_form()
    page.click(FOLD_HEAD)
    for shape in ('"heart"', '"none"', '{\n    "kind": "circle",\n    "radius": 2.50\n  }'):
        text = f'{{\n  "avoid": "",\n  "shape": {shape}\n}}'
        page.fill(by_name("_json"), text)
        page.click(FOLD_HEAD)
        expect(page.locator(by_name("_json"))).to_have_value("")
        page.click(FOLD_HEAD)
        expect(page.locator(by_name("_json"))).to_have_value(text)


def marked(page: Page) -> list[str]:
    boxes = page.locator(".grid [aria-invalid]")
    return [boxes.nth(i).input_value() for i in range(boxes.count())]


def test_only_the_wrong_cells_are_marked_and_each_is_named(open_form: OpenPage) -> None:
    page = open_form()
    needed(page)
    paste(page, ".grid input", "Ada\t36\tyes\nGrace\tx\tyes\n\t7\tno\nHedy\t9\tperhaps")
    send(page)
    assert marked(page) == ["x", "", "perhaps"]
    assert page.inner_text("#in-people-error") == (
        "Row 2, Years: enter a whole number, digits only, such as 12. Row 3, Who: fill this in. "
        "Row 4, VIP: choose yes or no."
    )
    page.fill(".grid [aria-invalid] >> nth=0", "85")
    assert marked(page) == ["", "perhaps"]


PASTED = {
    "years\tWHO\n36\tAda": "",
    "who,Salary,Years\nBob,100,36": "Left out, for there is no such column: Salary.",
    "Cid,36,": "",
    "Dan\t36\t\tx\ty": "Left out: 2 more columns than there are here.",
}


def test_a_pasted_table_says_what_it_leaves_out(asked: Asked, open_form: OpenPage) -> None:
    page = open_form()
    needed(page)
    for i, (text, said) in enumerate(PASTED.items(), 1):
        paste(page, f".grid tr:nth-child({i}) input", text)
        assert page.inner_text("[data-left-out]") == said
        page.click("text=Add a row")
    send(page)
    assert asked.rows[-1]["people"] == [{"who": who, "years": 36, "vip": None} for who in ("Ada", "Bob", "Cid", "Dan")]


def test_every_row_can_be_removed_without_scrolling(open_form: OpenPage) -> None:
    page = open_form()
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        button, table = page.locator("[data-less]").bounding_box(), page.locator(".grid").bounding_box()
        assert button is not None
        assert table is not None
        assert button["x"] + button["width"] <= table["x"] + table["width"] + 7, "of the frame’s own room"


def test_a_slider_that_nobody_moved_looks_and_sounds_so(open_form: OpenPage) -> None:
    page = open_form()
    slider = page.locator("#in-age-range")
    expect(slider).to_have_class("js unset")
    expect(slider).to_have_attribute("aria-valuetext", "not set yet")
    page.focus("#in-age-range")
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_class("js")
    expect(slider).to_have_attribute("aria-valuetext", "1")


def test_the_empty_text_is_sent_where_it_is_ticked(asked: Asked, open_form: OpenPage) -> None:
    page = open_form()
    needed(page)
    page.fill(by_name("avoid"), "")
    send(page)
    assert [row["avoid"] for row in asked.rows[-1:]] == [None]
    page.check("#in-avoid-empty")
    page.click(FOLD_HEAD)
    assert shown_json(page)["avoid"] == ""
    page.click(FOLD_HEAD)
    expect(page.locator("#in-avoid-empty")).to_be_checked()
    send(page)
    assert [row["avoid"] for row in asked.rows[-1:]] == [""]
    expect(page.locator("#in-avoid-empty")).to_be_checked()
