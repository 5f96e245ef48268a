"""Services that answer where no description is: at their root, or at every path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from conftest import KEY

from FlaskAppAML.dialects import openapi
from FlaskAppAML.endpoint import Endpoint
from FlaskAppAML.errors import SettingError
from FlaskAppAML.settings import Settings

HOST = "https://h"
NUMBER = {"type": "object", "properties": {"a": {"type": "number"}}}
LIVES: dict[str, Any] = {"get": {"responses": {"200": {}}}}
SCORES: dict[str, Any] = {"post": {"requestBody": {"content": {"application/json": {"schema": NUMBER}}}}}


def described(**paths: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {}, "paths": paths}


def test_what_is_said_at_the_root_is_no_model() -> None:
    """As KServe and LitServe have it."""
    schema = openapi.read_schema(HOST, described(**{"/": LIVES, "/predict": SCORES}), {})
    assert schema is not None
    assert schema.url == f"{HOST}/predict"
    at_root = openapi.read_schema(f"{HOST}/", described(**{"/": {**LIVES, **SCORES}, "/predict": SCORES}), {})
    assert at_root is not None
    assert not at_root.url, "it is the address that was given"


def test_a_root_whose_models_have_names_asks_the_owner() -> None:
    """A form for the name of the model alone would be no form for the model."""
    paths = {"/": LIVES, "/v1/models/{model_name}:predict": {"post": {}}, "/v2/models/{model_name}/infer": SCORES}
    with pytest.raises(SettingError, match=r"/v1/models/{model_name}:predict, /v2/models/{model_name}/infer\. Put"):
        openapi.read_schema(HOST, described(**paths), {})


class Everywhere(BaseHTTPRequestHandler):
    """Ray Serve's plain deployment: whatever is asked, the model answers."""

    def do_GET(self) -> None:
        body = json.dumps({"species": "setosa", "share": 0.98}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def everywhere() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Everywhere) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_answer_is_no_sample_of_a_request(everywhere: str, tmp_path: Path) -> None:
    endpoint = Endpoint(Settings(url=everywhere, api_key=KEY, data_dir=str(tmp_path)))
    assert [(f.name, f.kind) for f in endpoint.schema.fields] == [("body", "json")]
    assert endpoint.doubt


def test_an_address_given_as_schema_may_hold_a_sample(everywhere: str, tmp_path: Path) -> None:
    endpoint = Endpoint(Settings(url=everywhere, api_key=KEY, schema=f"{everywhere}/one.json", data_dir=str(tmp_path)))
    assert [f.name for f in endpoint.schema.fields] == ["species", "share"]
