"""Fixtures: the misbehaving endpoint, the demo endpoint, and apps in front of either."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from flask import Flask
from flask.templating import Environment
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from misbehaving import Misbehaving
from soak import parts
from soak.parts import HAS_POSTGRES, Endpoint
from soak.rows import RowsEndpoint
from werkzeug.routing import Rule

import FlaskAppAML
from demo.server import Demo, start
from FlaskAppAML.settings import Settings

KEY = "tk/9+aZ=q%7&\"e'42-secret"  # every character that some encoding changes
COMPANY = {"title": "Contoso Bank", "category": "Banking", "text": "Takes deposits and lends money."}

MakeApp = Callable[..., Flask]
T = TypeVar("T")
needs_postgres = pytest.mark.skipif(
    not HAS_POSTGRES and not os.environ.get("CI"), reason="LOUD: no PostgreSQL, so no job was kept there"
)
pytest_plugins = ["browsers"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "playwright" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(900))


def some(cases: Iterable[T], *plain: T) -> list[Any]:
    """For `parametrize`: these are tried in every run, all others by the slow tests."""
    return [pytest.param(case, marks=[] if case in plain else pytest.mark.slow) for case in cases]


class Compiled(BytecodeCache):
    """Templates, compiled once in a process. For each app anew that is four fifths of its first page, and of the
    time of the tests that make one."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._known.get(self._key(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[self._key(bucket)] = bucket.code

    def _key(self, bucket: Bucket) -> tuple[Any, ...]:
        by = bucket.environment
        return bucket.key, bucket.checksum, type(by), by.trim_blocks, by.lstrip_blocks, by.finalize is None


@pytest.fixture(scope="session", autouse=True)
def compiled() -> Iterator[None]:
    """Of templates and of addresses, which are two thirds of the time that making an app takes."""
    cache, make = Compiled(), Flask.create_jinja_environment
    builders: dict[tuple[Any, ...], Any] = {}
    compile_builder = Rule._compile_builder

    def make_with_cache(app: Flask) -> Environment:
        made = make(app)
        made.bytecode_cache = cache
        return made

    def compile_once(rule: Rule, append_unknown: bool = True) -> Any:
        key = (*rule._trace, *sorted((rule.defaults or {}).items()), append_unknown)
        if key not in builders:
            builders[key] = compile_builder(rule, append_unknown)
        return builders[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "create_jinja_environment", make_with_cache)
        patch.setattr(Rule, "_compile_builder", compile_once)
        yield


@pytest.fixture(scope="session")
def misbehaving() -> Iterator[Misbehaving]:
    with Misbehaving() as server:
        yield server


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    with start(KEY) as server:
        yield server


@pytest.fixture(scope="session")
def http() -> Iterator[requests.Session]:
    """With the demo’s key. Proxies of the environment have no business between us and 127.0.0.1."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {KEY}"
        yield session


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


@pytest.fixture
def model() -> Iterator[Endpoint]:
    """A model that answers each call with the name in it."""
    with Endpoint(0.0) as made:
        yield made


@pytest.fixture
def in_front(make_app: MakeApp, model: Endpoint) -> MakeApp:
    """`in_front(background=True)`: an app in front of `model`."""
    return lambda **changes: make_app(**{"url": model.url, "api_key": parts.KEY, **model.about, **changes})


@pytest.fixture
def rows_model() -> Iterator[RowsEndpoint]:
    """A model that takes many rows in a call."""
    with RowsEndpoint() as made:
        yield made


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a database, as settings have it."""
    with parts.postgres() as url:
        yield Settings.read({"DATABASE_URL": url}).database_url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[needs_postgres, pytest.mark.slow])])
def database_url(request: pytest.FixtureRequest) -> str:
    """Of a database without jobs. Empty for SQLite in DATA_DIR."""
    if request.param == "sqlite":
        return ""
    from FlaskAppAML.store import BATCHES, JOBS, PIECES, Store

    url: str = request.getfixturevalue("postgres")
    store = Store(url, Path(), 60)
    store.waiting()
    with store._engine.begin() as c:
        for table in (JOBS, PIECES, BATCHES):
            c.execute(table.delete())
    return url
