"""Fixtures: the misbehaving endpoint, the demo endpoint, and apps in front of either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from misbehaving import Misbehaving

import FlaskAppAML
from demo.server import Demo, start
from FlaskAppAML.settings import Settings

KEY = "tk/9+aZ=q%7&\"e'42-secret"  # every character that some encoding changes
COMPANY = {"title": "Contoso Bank", "category": "Banking", "text": "Takes deposits and lends money."}

MakeApp = Callable[..., Flask]


@pytest.fixture(scope="session")
def misbehaving() -> Iterator[Misbehaving]:
    with Misbehaving() as server:
        yield server


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    with start(KEY) as server:
        yield server


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[MakeApp]:
    """`make_app(url=..., timeout=...)`: an app with these settings and its own DATA_DIR."""
    made: list[Flask] = []

    def make(*, local: bool = False, with_demo: bool = False, **changes: Any) -> Flask:
        given = {"api_key": KEY, "data_dir": str(tmp_path / "data"), "rate_limit": "off"}
        settings = Settings(**{**given, **changes})
        app = FlaskAppAML.create_app(settings, local=local, demo=with_demo)
        app.testing = False
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["jobs"].end()  # else its threads keep it, and all that it has open


@pytest.fixture
def app(make_app: MakeApp, demo: Demo) -> Flask:
    return make_app(url=demo.url)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
