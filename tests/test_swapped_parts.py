"""What a script puts into a page in Chromium: it brings its sheets and scripts, and works as if the page were new."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import Watched, looked_at, stays, until
from conftest import KEY
from detector import ASTRONAUT, FOUND, SCHEMA, Detector, records
from playwright.sync_api import Browser, Page
from serving import served
from streaming import Streaming

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML.settings import Settings

DIGIT = Path(__file__).parent.parent / "demo/pictures/digit-3.png"


@pytest.fixture(scope="module")
def detector() -> Iterator[Detector]:
    with Detector({"all": records(*FOUND), "some": records(*FOUND[:2])}) as made:
        yield made


@pytest.fixture(scope="module")
def connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("app")
    settings = Settings(url="http://127.0.0.1:9/score", api_key=KEY, data_dir=str(folder), rate_limit="off")
    with served(FlaskAppAML.create_app(settings, local=True)) as found:
        yield f"{found}/connect"


def inspect(page: Page, address: str, url: str, schema: str = "", task: str = "") -> None:
    page.goto(address)
    page.fill("#connect-url", url)
    page.fill("#connect-api_key", KEY)
    page.fill("#connect-schema", schema)
    if task:
        page.click("summary >> text=How the key is sent")
        page.select_option("#connect-task", task)
    page.click("button[value=inspect]")
    page.wait_for_selector("[data-model]")


def tried_boxes(page: Page, connect: str, detector: Detector) -> None:
    inspect(page, connect, detector.url, SCHEMA)
    page.set_input_files("[type=file]", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": ASTRONAUT})
    page.click("text=Try it")
    page.wait_for_selector("#answer")


def test_files_are_looked_at_and_pasted_on_connect(chromium: Browser, connect: str, demo: Demo) -> None:
    with Watched(chromium) as page:
        inspect(page, connect, demo.urls["digits"], task="image-classification")
        page.wait_for_selector(".drop .hint")
        page.set_input_files("[type=file]", DIGIT)
        page.wait_for_selector(".drop img")
        assert page.inner_text(".chosen").startswith("digit-3.png")
        page.click("text=Try it")
        page.wait_for_selector("#answer")
        assert "3" in page.inner_text("#answer b")
        assert page.evaluate("document.querySelector('[type=file]').files[0].name") == "digit-3.png", "to try once more"
        page.click(".drop [data-remove]")
        assert page.evaluate("document.querySelector('[type=file]').files.length") == 0
        assert page.locator(".drop .hint").count() == 1, "set up once"


def test_boxes_stand_over_the_picture_and_obey_on_connect(chromium: Browser, connect: str, detector: Detector) -> None:
    with Watched(chromium) as page:
        tried_boxes(page, connect, detector)
        assert page.locator(".pic .marks").count() == 2
        assert page.evaluate("getComputedStyle(document.querySelector('.marks')).position") == "absolute"
        shown = "[...document.querySelectorAll('.marks g:not([hidden])')].map((one) => one.id)"
        assert page.evaluate(shown) == ["box-2", "box-1", "box-2-2", "box-2-1"]
        page.fill("#least", "0.95")
        assert page.evaluate(shown) == ["box-1", "box-2-2", "box-2-1"], "each part by its own threshold"
        page.fill("#least-2", "0.99")
        assert page.evaluate(shown) == ["box-1"]
        page.press("#least", "Enter")
        stays(page)
        assert page.is_visible("#answer"), "it asks nobody"
        page.click("text=Try it")
        until(page, "document.querySelector('#least').value === '0.5'")


def test_axe_finds_nothing(chromium: Browser, connect: str, detector: Detector) -> None:
    with Watched(chromium) as page:
        tried_boxes(page, connect, detector)
        looked_at(page, "connect-boxes")


def test_without_script_boxes_stand_over_the_picture_too(chromium: Browser, connect: str, detector: Detector) -> None:
    with Watched(chromium, java_script_enabled=False) as page:
        inspect(page, connect, detector.url, SCHEMA)
        page.set_input_files("[type=file]", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": ASTRONAUT})
        page.fill("#connect-api_key", KEY)
        page.click("text=Try it")
        page.wait_for_selector("#answer")
        assert page.locator(".pic .marks").count() == 2
        assert not page.is_visible("#least")
        assert page.locator("form").count() == 1, "a form within the form would end it"


def test_tables_sort_on_connect(chromium: Browser, connect: str, detector: Detector) -> None:
    detector.found, before = [{"name": "b", "size": 2.5}, {"name": "a", "size": 1.5}], detector.found
    try:
        with Watched(chromium) as page:
            inspect(page, connect, detector.url, json.dumps({"dialect": "raw", "fields": [{"name": "text"}]}))
            page.fill("[name=text]", "x")
            page.click("text=Try it")
            page.wait_for_selector("th > button")
            page.click("th > button >> text=name")
            assert page.inner_text("table[data-sort] tbody tr >> nth=0").startswith("a")
    finally:
        detector.found = before


@pytest.fixture(scope="module")
def server() -> Iterator[Streaming]:
    with Streaming() as running:
        yield running


@pytest.fixture
def streamed(server: Streaming, tmp_path: Path) -> Iterator[str]:
    body = {"application/json": {"schema": {"type": "object", "properties": {"q": {"type": "string", "minLength": 2}}}}}
    answers: dict[str, Any] = {"200": {"content": {"text/event-stream": {}}}}
    operation = {"requestBody": {"content": body}, "responses": answers}
    schema = json.dumps({"openapi": "3.1.0", "info": {}, "paths": {"/ask": {"post": operation}}})
    settings = Settings(url=server.at("/ask"), api_key=KEY, schema=schema, data_dir=str(tmp_path), rate_limit="off")
    with served(FlaskAppAML.create_app(settings)) as found:
        yield found


def test_a_table_at_the_end_of_a_stream_sorts(chromium: Browser, server: Streaming, streamed: str) -> None:
    server.reset(b'[{"name": "b", "size": 2.5}, {"name": "a", "size": 1.5}]', kind="application/json")
    with Watched(chromium) as page:
        page.goto(streamed)
        page.fill("[name=q]", "which?")
        for _ in range(2):  # the second time all files are there already
            page.click("text=Ask the model")
            page.wait_for_selector("#answer")
            page.click("th > button >> text=name")
            assert page.inner_text("table[data-sort] tbody tr >> nth=0").startswith("a")
            assert page.locator("th > button").count() == 2
        assert page.locator("head script[src*='/answer-']").count() == 1


def test_the_form_that_comes_with_what_is_wrong_can_be_json(
    chromium: Browser, server: Streaming, streamed: str
) -> None:
    server.reset(b"[1]", kind="application/json")
    with Watched(chromium) as page:
        page.goto(streamed)
        page.fill("[name=q]", "x")
        page.click("text=Ask the model")
        page.wait_for_selector(".field > .error")
        page.click("text=Send as JSON instead")
        until(page, "document.querySelector('[name=_json]').value.includes('\"q\"')")
        assert not page.is_visible("[name=q]")
