"""One endpoint: where its schema comes from, what is said when it does not describe itself, and where its key goes."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY

from demo.server import Demo, start
from FlaskAppAML import description
from FlaskAppAML.endpoint import Endpoint
from FlaskAppAML.errors import EndpointError, NotConfigured, SettingError
from FlaskAppAML.redact import forms
from FlaskAppAML.settings import Settings

SAMPLE = {"Inputs": {"in": {"ColumnNames": ["Surface", "Storey"], "Values": [["70", 2]]}}}
OTHER = {"Inputs": {"in": {"ColumnNames": ["Colour"], "Values": [["red"]]}}}
COMPANY_NAMES = ["title", "category", "text"]
NO_WORD = "The endpoint does not say what it expects; these are the fields of the company service and may not fit."
NOT_THERE = (
    "The endpoint could not be asked what it expects; until it can, "
    "these are the fields of the company service and may not fit."
)


class Web:
    """A web server on its own port that answers every GET in the same way and keeps what it was asked."""

    def __init__(self) -> None:
        self.status, self.body, self.seconds, self.location = 200, json.dumps(SAMPLE).encode(), 0.0, ""
        self.asked: list[tuple[str, dict[str, str]]] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                web.over.wait(web.seconds)
                self.send_response(web.status)
                self.send_header("Content-Length", str(len(web.body)))
                if web.location:
                    self.send_header("Location", web.location)
                self.end_headers()
                self.wfile.write(web.body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.over = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the client hung up
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.scoring = f"{self.url}/workspaces/w/services/s/execute?api-version=2.0&details=true"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.over.set()
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


@pytest.fixture
def closed_port() -> str:
    """An address where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}/workspaces/w/services/s/execute?api-version=2.0"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


Make = Any


@pytest.fixture
def make(data_dir: Path) -> Make:
    def made(url: str, **changes: Any) -> Endpoint:
        return Endpoint(Settings(**{"url": url, "api_key": KEY, "data_dir": str(data_dir), **changes}))

    return made


def names(endpoint: Endpoint) -> list[str]:
    return [f.name for f in endpoint.schema.fields]


def form_file(tmp_path: Path, content: Any) -> str:
    path = tmp_path / "form.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return str(path)


def carries_key(path: str, headers: dict[str, str]) -> bool:
    texts = [path, *headers.values()]
    return any(form in text for form in forms(KEY) for text in texts)


# Asked of the endpoint


def test_the_demo_endpoint_describes_the_company_form(demo: Demo, make: Make) -> None:
    endpoint = make(demo.url)
    assert names(endpoint) == COMPANY_NAMES
    assert endpoint.schema.fields[0].max_length == 30
    assert (endpoint.doubt, endpoint.reads_from_endpoint) == ("", True)
    assert endpoint.host == demo.url.split("/")[2]
    assert endpoint.form_class() is endpoint.form_class()


def test_no_call_is_made_before_the_schema_is_needed_and_only_one_then(web: Web, make: Make) -> None:
    endpoint = make(web.scoring)
    assert web.asked == []
    threads = [threading.Thread(target=lambda: endpoint.schema) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(endpoint) == ["Surface", "Storey"]
    assert [path for path, _ in web.asked] == ["/workspaces/w/services/s/swagger.json?api-version=2.0"]
    assert web.asked[0][1]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("status", "body", "doubt"),
    [
        (404, b"", NO_WORD),
        (200, b"<html>", NO_WORD),
        (200, b"", NO_WORD),
        (200, b"{}", NO_WORD),
        (200, b"[1]", NO_WORD),
        (200, b"null", NO_WORD),
        (200, b"[" * 5000, NO_WORD),
        (401, b"", NOT_THERE),
        (500, b"", NOT_THERE),
        (302, b"", NOT_THERE),
    ],
)
def test_an_endpoint_that_says_nothing_gets_the_general_form(
    status: int, body: bytes, doubt: str, web: Web, make: Make, data_dir: Path
) -> None:
    web.status, web.body = status, body
    endpoint = make(web.scoring)
    assert names(endpoint) == COMPANY_NAMES
    assert endpoint.doubt == doubt
    assert len(web.asked) == 1
    assert names(endpoint) == COMPANY_NAMES
    assert len(web.asked) == 1, "it is not asked again at once"
    with pytest.raises(EndpointError):
        endpoint.read_again()


def test_what_was_not_understood_is_not_kept(web: Web, make: Make, data_dir: Path) -> None:
    web.body = b"{}"
    assert names(make(web.scoring)) == COMPANY_NAMES
    assert not data_dir.exists() or not list(data_dir.iterdir())


def test_an_unreachable_endpoint_is_doubted(closed_port: str, make: Make) -> None:
    endpoint = make(closed_port)
    assert names(endpoint) == COMPANY_NAMES
    assert endpoint.doubt == NOT_THERE


def test_an_endpoint_that_came_up_later_is_asked_again(web: Web, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(description, "ASK_AGAIN_SECONDS", 0.0)
    web.status = 503
    endpoint = make(web.scoring)
    assert (names(endpoint), endpoint.doubt) == (COMPANY_NAMES, NOT_THERE)
    web.status = 200
    assert (names(endpoint), endpoint.doubt) == (["Surface", "Storey"], "")


def test_nobody_waits_long_for_a_silent_endpoint(web: Web, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    assert description.SECONDS <= 4.0
    monkeypatch.setattr(description, "SECONDS", 0.4)
    web.seconds = 20.0
    endpoint = make(web.scoring)
    started = time.monotonic()
    threads = [threading.Thread(target=lambda: endpoint.schema) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started < 10.0
    assert (names(endpoint), endpoint.doubt) == (COMPANY_NAMES, NOT_THERE)
    assert len(web.asked) == 1


def test_a_description_with_lone_surrogates_leaves_no_litter(web: Web, make: Make, data_dir: Path) -> None:
    web.body = b'{"Inputs": {"in": {"ColumnNames": ["\\ud800"]}}}'
    assert len(make(web.scoring).schema.fields) == 1
    assert all(path.suffix == ".json" for path in data_dir.iterdir())


# The copy


def test_the_copy_serves_while_the_endpoint_is_down(make: Make, data_dir: Path) -> None:
    with start(KEY) as demo:
        url = demo.url
        assert names(make(url)) == COMPANY_NAMES
    (copy,) = data_dir.iterdir()
    kept = json.loads(copy.read_text("utf-8"))
    document = kept["document"]
    document["info"]["title"] = "From the copy"
    document["definitions"]["ExecutionRequest"]["properties"]["GlobalParameters"] = {"properties": {"k": {}}}
    copy.write_text(json.dumps(kept), "utf-8")
    endpoint = make(url)
    assert names(endpoint) == ["Title", "Category", "Text", "k"]
    assert endpoint.schema.title == "From the copy"
    assert endpoint.doubt == ""
    with pytest.raises(EndpointError):
        endpoint.read_again()
    assert len(names(endpoint)) == 4


def test_a_newer_copy_is_noticed_by_another_worker(web: Web, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(description, "LOOK_AT_COPY_SECONDS", 0.0)
    one, other = make(web.scoring), make(web.scoring)
    assert names(one) == names(other) == ["Surface", "Storey"]
    assert len(web.asked) == 1, "the second one read the copy"
    web.body = json.dumps(OTHER).encode()
    assert [f.name for f in one.read_again().fields] == ["Colour"]
    assert names(other) == ["Colour"]
    assert len(web.asked) == 2


@pytest.mark.parametrize("damage", ["", "{", "null", "{}", "[]", "\ud800"])
def test_a_damaged_copy_is_replaced(damage: str, web: Web, make: Make, data_dir: Path) -> None:
    assert names(make(web.scoring)) == ["Surface", "Storey"]
    (copy,) = data_dir.iterdir()
    copy.write_text(damage, "utf-8", errors="surrogatepass")
    endpoint = make(web.scoring)
    assert names(endpoint) == ["Surface", "Storey"]
    assert len(web.asked) == 2
    assert json.loads(copy.read_text("utf-8"))["document"] == SAMPLE


def test_another_address_has_another_copy(web: Web, make: Make, data_dir: Path) -> None:
    assert names(make(web.scoring)) == ["Surface", "Storey"]
    web.body = json.dumps(OTHER).encode()
    assert names(make(web.scoring.replace("/s/", "/s2/"))) == ["Colour"]
    assert len(list(data_dir.iterdir())) == 2


def test_without_a_folder_for_the_copy_the_schema_is_read_all_the_same(web: Web, make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert names(make(web.scoring, data_dir=str(tmp_path / "file"))) == ["Surface", "Storey"]
    assert [path for path in tmp_path.iterdir() if path.name != "file"] == []


# SCHEMA


@pytest.mark.parametrize("way", ["text", "path", "path with BOM"])
def test_a_given_schema_is_used_without_asking(way: str, closed_port: str, make: Make, tmp_path: Path) -> None:
    given = json.dumps(SAMPLE)
    if way != "text":
        path = tmp_path / "sample.json"
        path.write_text(given, "utf-8-sig" if "BOM" in way else "utf-8")
        given = str(path)
    endpoint = make(closed_port, schema=given)
    assert names(endpoint) == ["Surface", "Storey"]
    assert (endpoint.doubt, endpoint.reads_from_endpoint) == ("", False)


def test_reading_a_given_schema_again_gives_it_again(closed_port: str, make: Make) -> None:
    assert make(closed_port, schema=json.dumps(SAMPLE)).read_again().fields


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("no/such/file.json", "cannot be read: no/such/file.json"),
        ("x" * 5000, "cannot be read"),
        ("a\0b", "cannot be read"),
        ("{no json", "SCHEMA is neither JSON nor YAML"),
        ("{}", "neither"),
        ("5", "names a file"),
        ("[" * 5000, "SCHEMA is neither JSON nor YAML"),
    ],
)
def test_a_given_schema_that_is_wrong_stops_the_start(given: str, said: str, closed_port: str, make: Make) -> None:
    with pytest.raises(SettingError, match=said):
        make(closed_port, schema=given)


@pytest.mark.parametrize("auth", ["bearer", "basic", "header:X-Key", "query:key"])
def test_no_key_goes_to_a_schema_at_another_origin(auth: str, web: Web, make: Make, closed_port: str) -> None:
    secrets = {"X-Secret-Header": "h3ader-secret"}
    endpoint = make(closed_port, schema=f"{web.url}/swagger.json?v=2", auth=auth, headers=secrets)
    assert names(endpoint) == ["Surface", "Storey"]
    ((path, headers),) = web.asked
    assert path == "/swagger.json?v=2"
    assert not {"authorization", "x-key", "x-secret-header", "cookie"} & set(headers)
    assert not carries_key(path, headers)


@pytest.mark.parametrize(
    ("auth", "carrier"), [("bearer", "authorization"), ("header:X-Key", "x-key"), ("query:key", None), ("none", None)]
)
def test_the_key_goes_along_to_a_schema_at_its_own_origin(auth: str, carrier: str | None, web: Web, make: Make) -> None:
    endpoint = make(web.scoring, schema=f"{web.url}/my/schema.json", auth=auth)
    assert names(endpoint) == ["Surface", "Storey"]
    ((path, headers),) = web.asked
    assert path.startswith("/my/schema.json?key=" if auth == "query:key" else "/my/schema.json")
    assert carrier is None or KEY in headers[carrier]
    assert carries_key(path, headers) is (auth != "none")


def test_the_key_follows_no_redirect_of_a_description(web: Web, make: Make) -> None:
    elsewhere = Web()
    try:
        web.status, web.location = 302, f"{elsewhere.url}/swagger.json"
        endpoint = make(web.scoring)
        assert names(endpoint) == COMPANY_NAMES
        assert endpoint.doubt == NOT_THERE
        assert elsewhere.asked == []
    finally:
        elsewhere.close()


# FORM


def test_the_owner_changes_what_the_endpoint_describes(web: Web, make: Make, tmp_path: Path) -> None:
    form = form_file(
        tmp_path,
        {
            "fields": {"Surface": {"label": "Living space", "unit": "m²"}, "Storey": {"fixed": 3}},
            "outputs": {"Price": {"unit": "€"}},
            "subject": "Surface",
        },
    )
    endpoint = make(web.scoring, form=form)
    assert endpoint.schema["Surface"].shown_label == "Living space"
    assert [f.name for f in endpoint.schema.visible()] == ["Surface"]
    assert endpoint.schema.subject == "Surface"
    assert endpoint.outputs["Price"].unit == "€"


def test_changes_wait_for_the_endpoint_that_knows_their_fields(
    web: Web, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The general form has other fields than the endpoint's own; that must not stop anything."""
    monkeypatch.setattr(description, "ASK_AGAIN_SECONDS", 0.0)
    web.status = 503
    form = form_file(tmp_path, {"fields": {"Surface": {"label": "S"}, "title": {"label": "T"}}})
    endpoint = make(web.scoring, form=form)
    assert endpoint.schema["title"].shown_label == "T"
    web.status = 200
    with pytest.raises(SettingError, match=r"title.*Surface, Storey"):
        _ = endpoint.schema


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[]", "FORM must hold a JSON object"),
        ({"field": {}}, "FORM must hold a JSON object"),
        ({"outputs": {"x": {"colour": "red"}}}, "colour"),
    ],
)
def test_a_form_file_that_is_wrong_stops_the_start(
    content: Any, said: str, closed_port: str, make: Make, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=said):
        make(closed_port, form=form_file(tmp_path, content))


def test_a_form_file_that_names_unknown_fields_stops_the_start_where_the_schema_is_given(
    closed_port: str, make: Make, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=r"Colour.*Surface, Storey"):
        make(closed_port, schema=json.dumps(SAMPLE), form=form_file(tmp_path, {"fields": {"Colour": {}}}))


@pytest.mark.parametrize(("given", "missing"), [({"url": ""}, "URL"), ({"api_key": ""}, "API_KEY")])
def test_without_address_and_key_there_is_no_endpoint(given: dict[str, str], missing: str, data_dir: Path) -> None:
    with pytest.raises(NotConfigured, match=missing):
        Endpoint(Settings(**{"url": "http://h/x", "api_key": KEY, "data_dir": os.devnull, **given}))  # type: ignore[arg-type]
