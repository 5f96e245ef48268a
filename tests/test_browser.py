"""The pages in headless Chromium: axe at WCAG 2.2 AA in every state, width and scheme; and what script adds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsers import looked_at, until
from conftest import COMPANY, KEY, some
from flask import Flask
from misbehaving import Misbehaving
from playwright.sync_api import Page
from serving import Serve, serving

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct horse battery"
KINDS = {
    "Inputs": {"input1": {"ColumnNames": ["Age", "Member", "Name"], "Values": [[36, True, "Ada"]]}},
    "GlobalParameters": {},
}
CHANGES = {
    "fields": {
        "Age": {"unit": "years", "minimum": 0, "maximum": 130},
        "Name": {"choices": ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald"]},
    }
}


class Served:
    """Apps on sockets, made when first asked for."""

    def __init__(self, folder: Path, demo: Demo, misbehaving: Misbehaving, serve: Serve) -> None:
        self._folder = folder
        self._serve = serve
        self._demo = demo
        self._misbehaving = misbehaving
        self._known: dict[str, str] = {}

    def address(self, name: str) -> str:
        """`demo`, `password`, `unset`, `kinds`, or the name of a fault."""
        if name not in self._known:
            self._known[name] = self._serve(self._app(name))
        return self._known[name]

    def _app(self, name: str) -> Flask:
        form = self._folder / "form.json"
        form.write_text(json.dumps(CHANGES))
        shown = {"form": str(ROOT / "demo/form.json"), "examples": str(ROOT / "demo/examples.json")}
        shown |= {"title": "Company clusters"}
        own: dict[str, dict[str, str]] = {
            "demo": {"url": self._demo.url, **shown},
            "password": {"url": self._demo.url, "password": PASSWORD, **shown},
            "unset": {"api_key": ""},
            "kinds": {"url": self._misbehaving.url("ok"), "schema": json.dumps(KINDS), "form": str(form)},
        }
        changes: dict[str, object] = dict(own.get(name) or {"url": self._misbehaving.url(name)})
        timeout = 3.5 if name == "drip-headers" else 8.0  # the first is waited for, the others never end so
        given = {"api_key": KEY, "data_dir": str(self._folder / name), "rate_limit": "off", "timeout": timeout}
        given |= changes
        return FlaskAppAML.create_app(Settings(**given), local=True, demo=name == "demo")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, demo: Demo, misbehaving: Misbehaving) -> Iterator[Served]:
    with serving() as serve:
        yield Served(tmp_path_factory.mktemp("browser"), demo, misbehaving, serve)


def fill(page: Page, **changes: str) -> None:
    for name, value in {**COMPANY, **changes}.items():
        page.fill(f"[name={name}]", value)


def ask(page: Page) -> None:
    page.click("button.go")
    page.wait_for_selector("#answer, .alert")


# States: each brings a page there from the address of its app.


def form(page: Page, address: str) -> None:
    page.goto(address)


def answer(page: Page, address: str) -> None:
    page.goto(f"{address}/?example=1")
    ask(page)


def folds(page: Page, address: str) -> None:
    answer(page, address)
    for fold in page.query_selector_all("details"):
        fold.evaluate("fold => fold.open = true")


def field_errors(page: Page, address: str) -> None:
    page.goto(address)
    fill(page, title="C", text="x" * 1037)
    ask(page)


def asked(page: Page, address: str) -> None:
    page.goto(address)
    fill(page)
    ask(page)


def wrong_password(page: Page, address: str) -> None:
    page.goto(address)
    page.fill("[name=password]", "guess")
    page.click("button.go")
    page.wait_for_selector(".error")


def empty_kinds(page: Page, address: str) -> None:
    page.goto(address)
    page.click("button.go")
    page.wait_for_selector(".alert")


def at(path: str) -> Callable[[Page, str], None]:
    def reach(page: Page, address: str) -> None:
        page.goto(address + path)

    return reach


STATES: dict[str, tuple[str, Callable[[Page, str], None]]] = {
    "form": ("demo", form),
    "answer": ("demo", answer),
    "every fold open": ("demo", folds),
    "field errors": ("demo", field_errors),
    "about": ("demo", at("/about")),
    "contact": ("demo", at("/contact")),
    "no such page": ("demo", at("/nope")),
    "not configured": ("unset", form),
    "sign in": ("password", form),
    "wrong password": ("password", wrong_password),
    "other fields": ("kinds", form),
    "other fields, wrong": ("kinds", empty_kinds),
    "key refused": ("401", asked),
    "input refused": ("400-aml", asked),
    "overloaded": ("429-day", asked),
    "many rows": ("ok-rows-20000", asked),
    "many columns": ("ok-wide-5000", asked),
    "strange text": ("ok-unicode", asked),
    "plain JSON": ("json-scalar", asked),
}


@pytest.mark.parametrize("state", some(STATES, "every fold open", "field errors", "other fields, wrong"))
def test_axe_finds_nothing(state: str, served: Served, open_page: Callable[..., Page]) -> None:
    name, reach = STATES[state]
    page = open_page()
    reach(page, served.address(name))
    looked_at(page, state)


@pytest.mark.parametrize("script", [True, False])
def test_the_whole_story(script: bool, served: Served, open_page: Callable[..., Page]) -> None:
    """Example, answer, another question, a wrong field, a download, clear: with and without JavaScript."""
    page = open_page(java_script_enabled=script)
    page.goto(served.address("demo"))
    page.click("text=Contoso Bank")
    page.click("button.go")
    page.wait_for_selector("#answer")
    assert "Contoso Bank is closest to Banks and insurers." in page.inner_text("h2.said")
    assert page.input_value("[name=title]") == "Contoso Bank"
    assert page.is_visible("[data-copy]") == script
    page.fill("[name=title]", "C")
    page.click("button.go")
    page.wait_for_selector(".alert")
    page.click(".alert a")
    page.fill("[name=title]", "Contoso & Söhne")
    page.click("button.go")
    page.wait_for_selector("#answer")
    with page.expect_download() as download:
        page.click("text=CSV")
    assert "Contoso & Söhne" in download.value.path().read_text("utf-8-sig")
    page.click("text=Link to this answer")
    page.wait_for_url(re.compile(r"/answers/[0-9a-f]{32}$"))
    assert "Contoso & Söhne" in page.inner_text("h2.said")
    page.click("text=Clear")
    assert page.input_value("[name=title]") == ""


def test_focus_goes_to_the_answer_and_to_the_summary(served: Served, open_page: Callable[..., Page]) -> None:
    page = open_page()
    answer(page, served.address("demo"))
    assert page.evaluate("document.activeElement.id") == "answer"
    field_errors(page, served.address("demo"))
    assert page.evaluate("document.activeElement.id") == "problems"


def test_it_can_be_used_by_keyboard_alone(served: Served, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(served.address("demo"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus("[name=title]")
    for value in COMPANY.values():
        page.keyboard.type(value)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer")


# Runs inside the page, since Playwright's own calls wait for the page that comes next.
IMPATIENT = """() => {
  const find = (selector) => document.querySelector(selector);
  const state = () => ({
    busy: find("button.go").ariaBusy,
    waiting: find("[data-wait-line]").checkVisibility(),
    seconds: find("[data-seconds]").textContent,
    stopped: find("[data-stopped]").checkVisibility(),
  });
  window.seen = [];
  const look = () => window.seen.push(state());
  find("button.go").click();
  find("button.go").click();
  setTimeout(look, 500);
  setTimeout(look, 2500);
  setTimeout(() => { find("[data-stop]").click(); look(); }, 2600);
}"""


def test_a_slow_call_shows_its_seconds_and_can_be_stopped(
    served: Served, misbehaving: Misbehaving, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(served.address("drip-headers"))
    misbehaving.reset("drip-headers")
    fill(page)
    page.evaluate(IMPATIENT)
    until(page, "window.seen.length === 3")
    early, late, stopped = page.evaluate("window.seen")
    assert early == {"busy": "true", "waiting": False, "seconds": "1", "stopped": False}
    assert late == {"busy": "true", "waiting": True, "seconds": "2", "stopped": False}
    assert stopped == {"busy": None, "waiting": False, "seconds": "2", "stopped": True}
    assert page.input_value("[name=title]") == "Contoso Bank"
    page.click("button.go")  # asks for the same answer, which fails by its deadline
    page.wait_for_selector("#answer")
    assert "took too long" in page.inner_text("h2.said")
    assert len(misbehaving.calls("drip-headers")) == 1


def test_reload_and_back_do_not_ask_again(
    served: Served, misbehaving: Misbehaving, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(served.address("ok"))
    misbehaving.reset("ok")
    fill(page)
    ask(page)
    page.reload()
    assert page.is_visible("#answer")
    page.click("text=About")
    page.go_back()
    assert page.is_visible("#answer"), "back leads to the answer, without a question about sending again"
    assert len(misbehaving.calls("ok")) == 1


def test_the_counter_follows_what_is_typed(served: Served, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(served.address("demo"))
    page.fill("[name=text]", "Grüße 👋\nzwei")
    assert page.inner_text(".count") == "12 of 1,000"
    page.fill("[name=text]", "x" * 1001)
    assert "over" in str(page.get_attribute(".count", "class"))


def test_copy_takes_the_answer_along(served: Served, open_page: Callable[..., Page]) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    answer(page, served.address("demo"))
    page.click("[data-copy='#answer']")
    page.wait_for_selector("text=Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "Contoso Bank is closest to Banks and insurers."
    page.click("text=Response")
    page.click("[data-copy='#response']")
    page.wait_for_selector("details >> text=Copied")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied["Results"]["output1"]["type"] == "table"


@pytest.mark.parametrize(
    "faults", [["xss-value"], pytest.param(["xss-in-script", "js-url", "template-injection"], marks=pytest.mark.slow)]
)
def test_markup_from_the_endpoint_stays_text(faults: list[str], served: Served, open_page: Callable[..., Page]) -> None:
    """The page fails this test when script runs or the policy is broken: either is an error in the console."""
    page = open_page()
    for fault in faults:
        asked(page, served.address(fault))
        assert page.locator("#answer script, #answer a[href^='javascript']").count() == 0


def test_an_answer_prints_without_the_form(served: Served, open_page: Callable[..., Page]) -> None:
    page = open_page()
    answer(page, served.address("demo"))
    page.emulate_media(media="print")
    assert page.is_visible("h2.said")
    assert not page.is_visible("button.go")
    assert not page.is_visible("nav")
