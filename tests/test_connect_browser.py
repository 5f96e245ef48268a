"""`/connect` in headless Chromium: axe in every state, the key that stays in its field, and no script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browsers import looked_at, stays
from conftest import COMPANY, KEY, some
from misbehaving import Misbehaving
from playwright.sync_api import Page
from serving import served
from test_connect import Service
from test_connect_addresses import FLATS

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML.settings import Settings

TITLES = {"companies": "Company clusters", "iris_v2": "Irises by Open Inference", "reviews": "Reviews by Hugging Face"}
KEY_FIELD = "#connect-api_key"


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ENV_FILE", str(tmp_path / ".env"))
    return tmp_path / ".env"


@pytest.fixture
def address(tmp_path: Path, env: Path, demo: Demo) -> Iterator[str]:
    """The app with the demo beside it, as `runserver.py` starts both."""
    given = Settings(api_key=KEY, data_dir=str(tmp_path / "data"), rate_limit="off", timeout=8.0)
    demos = {name: replace(given, url=demo.urls[name], title=title) for name, title in TITLES.items()}
    app = FlaskAppAML.create_app(demos["companies"], local=True, demo=True, demos=demos)
    with served(app) as found:
        yield found


def inspect(page: Page, address: str, url: str, key: str = KEY) -> None:
    page.goto(f"{address}/connect")
    page.fill("#connect-url", url)
    page.fill(KEY_FIELD, key)
    page.click("text=Inspect")
    page.wait_for_selector("#found, #problems")


# States: each brings a page there.


def empty(page: Page, address: str, demo: Demo, _: Misbehaving) -> None:
    page.goto(f"{address}/connect")


def found(page: Page, address: str, demo: Demo, _: Misbehaving) -> None:
    inspect(page, address, demo.url)
    for fold in page.query_selector_all("details"):
        fold.evaluate("fold => fold.open = true")


def guessed(page: Page, address: str, demo: Demo, misbehaving: Misbehaving) -> None:
    inspect(page, address, misbehaving.url("ok"))


def refused(page: Page, address: str, demo: Demo, misbehaving: Misbehaving) -> None:
    inspect(page, address, misbehaving.url("tls-expired"))
    page.click("text=Try it all the same")


def wrong(page: Page, address: str, demo: Demo, _: Misbehaving) -> None:
    inspect(page, address, "nothing", "short")


def tried(page: Page, address: str, demo: Demo, _: Misbehaving) -> None:
    page.goto(f"{address}/connect?demo=reviews")
    page.fill("[name=inputs]", "wonderful, I would buy it again")
    page.click("text=Try it")
    page.wait_for_selector("#answer")


def not_tried(page: Page, address: str, demo: Demo, _: Misbehaving) -> None:
    page.goto(f"{address}/connect?demo=companies")
    page.click("text=Try it")
    page.wait_for_selector("#problems")


def failed(page: Page, address: str, demo: Demo, misbehaving: Misbehaving) -> None:
    inspect(page, address, misbehaving.url("401"))
    for name, value in COMPANY.items():
        page.fill(f"[name={name}]", value)
    page.click("text=Try it")
    page.wait_for_selector("#answer")


def used(page: Page, address: str, demo: Demo, _: Misbehaving) -> None:
    inspect(page, address, demo.urls["iris_v2"])
    page.click("text=Use this endpoint")
    page.wait_for_selector("[data-used]")


def elsewhere(page: Page, address: str, demo: Demo, _: Misbehaving) -> None:
    service = Service()
    service.tell("/openapi.json", FLATS)
    inspect(page, address, f"{service.root}/scoore")
    page.click("[name=connect-at] >> nth=0")
    page.wait_for_selector("text=Found:")
    assert page.input_value("#connect-url") == f"{service.root}/rent"
    assert page.input_value(KEY_FIELD) == KEY
    page.fill("#connect-url", f"{service.root}/scoore")
    page.click("text=Inspect again")
    page.wait_for_selector("[name=connect-at]")
    service.close()


def columns(page: Page, address: str, demo: Demo, _: Misbehaving) -> None:
    inspect(page, address, demo.urls["iris_mlflow"])
    assert "Ask the model for its columns" in page.inner_text("main")
    page.click("text=Send one empty request")
    page.wait_for_selector("text=Found: MLflow")


STATES = {
    state.__name__: state
    for state in (empty, found, guessed, refused, wrong, tried, not_tried, failed, used, elsewhere, columns)
}


@pytest.mark.parametrize("state", some(STATES, "found"))
def test_axe_finds_nothing(
    state: str, address: str, demo: Demo, misbehaving: Misbehaving, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    STATES[state](page, address, demo, misbehaving)
    looked_at(page, f"connect-{state}")


def test_the_key_is_typed_once_and_stays_in_its_field(
    address: str, demo: Demo, env: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    inspect(page, address, demo.urls["iris_v2"])
    assert page.inner_text("#found") == "Found: Open Inference, four fields."
    assert page.evaluate("document.activeElement.id") == "found"
    assert page.input_value(KEY_FIELD) == KEY
    assert page.get_attribute(KEY_FIELD, "value") is None, "kept by the browser, not said by the page"
    boxes = page.query_selector_all("[data-model] input")
    for box, value in zip(boxes, ("5.1", "3.5", "1.4", "0.2"), strict=True):
        box.fill(value)
    boxes[-1].press("Enter")  # tries, and does not inspect again
    page.wait_for_selector("#answer")
    assert page.inner_text("#answer") == "The answer is setosa."
    assert page.evaluate("document.activeElement.id") == "answer"
    assert [box.input_value() for box in page.query_selector_all("[data-model] input")] == ["5.1", "3.5", "1.4", "0.2"]
    page.click("text=Use this endpoint")
    page.wait_for_selector("[data-used]")
    assert page.input_value(KEY_FIELD) == ""
    assert env.exists()
    assert "Demo" not in page.inner_text("header")
    page.click("text=Go to the form")
    page.wait_for_selector("text=sepal")


def test_everything_works_without_script(address: str, demo: Demo, env: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    inspect(page, address, demo.urls["reviews"].replace("127.0.0.1", "localhost"))  # not as the demo is listed
    assert page.input_value(KEY_FIELD) == ""
    page.fill("[name=inputs]", "dreadful")
    page.click("text=Try it")
    assert "Type it again" in page.inner_text("#problems")
    page.fill(KEY_FIELD, KEY)
    page.click("text=Try it")
    assert "negative" in page.inner_text("#answer")
    page.fill(KEY_FIELD, KEY)
    page.click("text=Use this endpoint")
    assert "In use now" in page.inner_text("#found")
    assert env.exists()


def test_a_demo_is_one_click_away_and_its_key_is_in_no_page(
    address: str, env: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(address)
    page.click("nav >> text=Connect")
    page.click("text=Irises by Open Inference")
    page.wait_for_selector("#found")
    assert KEY not in page.content()
    page.click("text=Use this endpoint")
    page.wait_for_selector("[data-used]")
    assert not env.exists()
    assert page.inner_text(".name") == "Irises by Open Inference"


def test_waiting_is_shown_and_can_be_stopped(
    address: str, misbehaving: Misbehaving, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"{address}/connect")
    page.fill("#connect-url", misbehaving.url("tls-handshake-hang"))
    page.fill(KEY_FIELD, KEY)
    page.click("text=Inspect")
    page.wait_for_selector("[data-stop]:visible")
    page.click("[data-stop]:visible")
    page.wait_for_selector("[data-stopped]:visible")
    assert page.input_value(KEY_FIELD) == KEY
    stays(page)
    assert page.query_selector("#found") is None


def test_settings_are_copied_with_words_for_the_key(address: str, demo: Demo, open_page: Callable[..., Page]) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    inspect(page, address, demo.urls["iris_v2"])
    page.click("summary >> text=Docker Compose")
    page.click("details[open] [data-copy]")
    page.wait_for_selector("text=Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f'URL: "{demo.urls["iris_v2"]}"' in copied
    assert KEY not in copied


def test_a_form_with_a_table_that_was_put_in_has_its_boxes(
    address: str, env: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"{address}/connect")
    page.fill("#connect-schema", '{"people": [{"who": "Ada", "age": 36}]}')
    page.click("text=Inspect")
    page.wait_for_selector("#found")
    assert page.is_visible("[data-model] .grid input >> nth=1")
    assert page.locator("[data-model] .grid").count() == 1
