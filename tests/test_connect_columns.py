"""A model of MLflow is asked for its columns, by the owner’s button alone, and what it names becomes the form.

The demo’s irises answer by MLflow’s protocol, word for word as its server does. Other refusals come from a stand-in on
a socket, since the words are MLflow’s and only the columns differ; `make test-servers` asks MLflow itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY, MakeApp
from flask.testing import FlaskClient
from test_connect import SWAGGER, Service, press, said

from demo.server import Demo
from FlaskAppAML import connect
from FlaskAppAML.dialects import mlflow
from FlaskAppAML.endpoint import Endpoint
from FlaskAppAML.schema import Field
from FlaskAppAML.settings import Settings, read_environment

FLOWER = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
DESCRIPTION = {"openapi": "3.1.0", "info": {"title": "mlflow"}, "paths": {"/ping": {}, "/invocations": {"post": {}}}}


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ENV_FILE", str(tmp_path / ".env"))
    return tmp_path / ".env"


@pytest.fixture
def browser(make_app: MakeApp, demo: Demo, env: Path) -> FlaskClient:
    return make_app(url=demo.url, local=True, api_key="the-former-key").test_client()


@pytest.fixture
def stand_in() -> Iterator[Service]:
    made = Service()
    made.tell("/openapi.json", DESCRIPTION)
    yield made
    made.close()


def refusal(signature: str) -> dict[str, str]:
    words = f"Failed to enforce schema of data 'Empty DataFrame' with schema '[{signature}]'. Error: Model is missing "
    return {"error_code": "INVALID_PARAMETER_VALUE", "message": f"{words}inputs."}


def posts(service: Service) -> list[str]:
    return [path for method, path, _ in service.seen if method == "POST"]


def test_it_is_offered_with_a_warning_and_asks_only_when_pressed(browser: FlaskClient, stand_in: Service) -> None:
    stand_in.tell("/invocations", refusal("'a': double (required)"), 400)
    typed = {"url": f"{stand_in.root}/invocations", "api_key": KEY}
    page = press(browser, "inspect", **typed)
    assert "columns" in [button.get("value") for button in page.all("button")]
    assert "the only question here that calls the model" in said(page)
    assert posts(stand_in) == []
    press(browser, "columns", **typed)
    assert posts(stand_in) == ["/invocations"]


def test_the_columns_become_the_form_and_can_be_used(browser: FlaskClient, demo: Demo, env: Path) -> None:
    typed = {"url": demo.urls["iris_mlflow"], "api_key": KEY}
    page = press(browser, "columns", **typed)
    assert page.texts["h2"][0] == "Found: MLflow, four fields."
    assert set(FLOWER) <= {a.get("name") for a in page.all("input")}
    assert "as the model named them" in said(page)
    assert "columns" not in [button.get("value") for button in page.all("button")]
    schema = page.texts["textarea"][0]
    tried = press(browser, "try", dict.fromkeys(FLOWER, "1.5"), schema=schema, **typed)
    assert any(one.startswith("The answer is ") for one in tried.texts["h2"])
    assert "In use now" in press(browser, "use", schema=schema, **typed).texts["h2"][0]
    assert json.loads(read_environment().schema) == json.loads(schema)


def test_without_the_key_it_is_not_asked(browser: FlaskClient, stand_in: Service) -> None:
    assert "Type it again" in said(press(browser, "columns", url=f"{stand_in.root}/invocations"))
    assert posts(stand_in) == []


def test_other_protocols_are_not_asked(browser: FlaskClient, stand_in: Service, demo: Demo) -> None:
    for url in (demo.url, demo.urls["reviews"]):
        assert "No answer" not in said(press(browser, "columns", url=url, api_key=KEY))
    described = '{"dataframe_split": {"columns": ["a"], "data": [[1]]}}'
    press(browser, "columns", url=f"{stand_in.root}/invocations", api_key=KEY, schema=described)
    stand_in.tell("/openapi.json", SWAGGER)
    press(browser, "columns", url=f"{stand_in.root}/score", api_key=KEY)
    assert posts(stand_in) == []


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (200, {"predictions": [1]}, "The model took a request without columns"),
        (400, {"error_code": "BAD_REQUEST", "message": "Something else."}, "did not accept this input"),
        (401, {"detail": "no"}, "the endpoint refused this key"),
        (400, refusal("Tensor('float64', (-1, 4000))"), "too much for a form"),
    ],
)
def test_what_tells_no_columns_is_said(
    status: int, answer: Any, words: str, browser: FlaskClient, stand_in: Service
) -> None:
    stand_in.tell("/invocations", answer, status)
    page = press(browser, "columns", url=f"{stand_in.root}/invocations", api_key=KEY)
    assert words in said(page)
    assert len(posts(stand_in)) == 1


def test_the_key_in_a_refusal_stays_secret(browser: FlaskClient, stand_in: Service, tmp_path: Path) -> None:
    key = "s3cret-of-mine"
    stand_in.tell("/invocations", refusal(f"'{key}': double (required), 'b': double (required)"), 400)
    url = f"{stand_in.root}/invocations"
    told = connect.columns(Endpoint(Settings(url=url, api_key=key, data_dir=str(tmp_path))))
    assert '"b": {"type": "number"}' in told
    assert key not in told
    page = press(browser, "columns", url=url, api_key=key)
    assert key not in str(page.elements) + str(page.texts)


@pytest.mark.parametrize(
    "signature",
    [
        "'a': double (required), 'b': string (optional), 'c': long (required), 'd': boolean (required)",
        "'when  it was': datetime (required), 'it\\'s': integer (optional), 'x': float (required)",
        "'many': Array(double) (required), 'file': binary (required)",
        "long (required), double (required), string (required)",
        "Tensor('float64', (-1, 4))",
    ],
)
def test_the_description_gives_the_same_form_as_the_columns(signature: str) -> None:
    columns = mlflow.columns_of_error(refusal(signature)["message"])
    found = mlflow.read_schema("http://h/invocations", mlflow.description_of_columns(columns), {})
    assert found is not None
    assert found.envelope == ("inputs" if signature.startswith("Tensor") else "dataframe_split")
    if all(f.column for f in columns):
        assert [about(f) for f in found.fields] == [about(f) for f in columns]


def about(f: Field) -> tuple[Any, ...]:
    return f.name, f.column, f.kind, f.required, f.minimum, f.maximum, f.send, f.items and f.items.kind
