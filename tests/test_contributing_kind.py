"""The worked example of a kind of answer in CONTRIBUTING.md: taken from the page, shown, kept and downloaded."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from conftest import MakeApp
from house import check
from jinja2 import ChoiceLoader, DictLoader

from FlaskAppAML import results
from FlaskAppAML.results import Part, Result, load
from FlaskAppAML.results.downloads import csv_text
from FlaskAppAML.results.presentation import present
from FlaskAppAML.web import model_page, view
from FlaskAppAML.web.site import site
from FlaskAppAML.wire import dumps

PAGE = (Path(__file__).resolve().parent.parent / "CONTRIBUTING.md").read_text("utf-8")
CODE = next(code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "(Part)" in code)
TEMPLATE = re.search(r"```jinja\n(.*?)```", PAGE, re.DOTALL)
IMPORTS = """from __future__ import annotations
from dataclasses import dataclass
from typing import ClassVar
from FlaskAppAML.results import Column, Part, Sentence, Table
"""


@pytest.fixture
def money(monkeypatch: pytest.MonkeyPatch) -> Iterator[Part]:
    module = ModuleType("money")
    monkeypatch.setitem(sys.modules, "money", module)
    exec(compile(IMPORTS + CODE, "CONTRIBUTING.md", "exec"), module.__dict__)
    yield module.Money(123456, "EUR", "<price>")
    del results.KINDS["money"]
    results._records.cache_clear()


def test_the_example_is_shown_kept_and_downloaded(money: Part, make_app: MakeApp) -> None:
    assert TEMPLATE
    app = make_app(url="http://127.0.0.1:9/score", schema='{"a": 1}')
    templates = DictLoader({"results/money.html": TEMPLATE[1]})
    assert app.jinja_env.loader
    app.jinja_env.loader = ChoiceLoader([templates, app.jinja_env.loader])
    result = present(Result([money], {}), {}, "")
    assert str(result.said) == "That is 1,234.56 EUR."
    document = json.loads(dumps(money.document()))
    assert load(document) == money
    assert csv_text([money]).splitlines() == ["\ufeffamount,currency", "123456,EUR"]

    meta = {"total_ms": 20.0, "endpoint_ms": 10.0, "request_id": "0" * 32}
    prediction = {"id": "ab" * 16, "outputs": [document], "raw": {}, "meta": meta}
    request = {"method": "POST", "target": "/", "body": "{}"}
    answer = view.Answer({"prediction": prediction, "said": vars(result.said), "request": request})
    app.add_url_rule("/of", view_func=lambda: model_page.form_page(site().model.form_class()(), answer=answer))
    page = check(app.test_client().get("/of").text)
    assert "1,234.56 EUR" in page.texts["p"]
    assert any("/answer-" in link["href"] for link in page.all("link"))


def test_a_kind_need_not_say_or_tabulate_itself() -> None:
    assert Part().table() is None
    assert Part().sentence() is None
