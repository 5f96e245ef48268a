"""What endpoints of every protocol, their descriptions and visitors of their forms tried: each was once possible."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeApp
from flask.testing import FlaskClient
from house import check
from test_connect import HERE, Service
from werkzeug.datastructures import MultiDict

from FlaskAppAML.connection import EndpointAdapter
from FlaskAppAML.dialects import openapi
from FlaskAppAML.errors import BadResponse, InputRefused, SettingError
from FlaskAppAML.faults import check as check_reply
from FlaskAppAML.forms import SchemaForm, form_class
from FlaskAppAML.schema import Field, Schema
from FlaskAppAML.schema.values import bound
from FlaskAppAML.settings import Settings
from FlaskAppAML.wire import Reply, is_plain_ascii

KEY = "abcdefghij-klmnopqrst-0123456789"
JSON = {"Accept": "application/json"}


def description(properties: dict[str, Any], **beside: Any) -> dict[str, Any]:
    """An OpenAPI document whose one operation takes an object of these properties."""
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": properties}}}}
    return {"openapi": "3.1.0", "paths": {"/score": {"post": {"requestBody": body}}}, **beside}


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    made.tell("/openapi.json", description({"a": {"type": "string", "description": "Some text."}}))
    made.tell("/score", {"said": "fine"})
    yield made
    made.close()


@pytest.fixture
def browser(make_app: MakeApp, service: Service) -> Callable[..., FlaskClient]:
    def make(**changes: Any) -> FlaskClient:
        return make_app(url=f"{service.root}/score", api_key=KEY, **changes).test_client()

    return make


# The key


def test_what_is_said_of_fields_holds_no_key(browser: Callable[..., FlaskClient], service: Service) -> None:
    """A problem document has texts inside others; a long name must not be cut through a key either."""
    details = [{"loc": ["body", "a"], "msg": f"not {KEY}"}, {"loc": ["body", "x" * 190 + KEY], "msg": "no"}]
    service.tell("/score", {"detail": details}, status=422)
    answer = browser().post("/", data={"a": "x"}, headers=JSON)
    assert answer.get_json()["fields"]["a"] == "not [secret removed]"
    assert KEY[:6] not in answer.text


def test_a_place_too_long_for_a_name_is_none() -> None:
    said = {"detail": [{"loc": ["body", "x" * 2000], "msg": "no"}, {"loc": ["body", "a"], "msg": "short"}]}
    with pytest.raises(InputRefused) as caught:
        check_reply(Reply(422, {}, json.dumps(said).encode()))
    assert caught.value.fields == {"a": "short"}


@pytest.mark.parametrize("minutes", [0, 15])
@pytest.mark.parametrize("at", [60, 75, 190, 19_990])
def test_an_encoding_with_shifts_hides_no_key(
    browser: Callable[..., FlaskClient], service: Service, minutes: int, at: int
) -> None:
    """HZ joins lines that end in a tilde: no search of the bytes finds the key."""
    text = json.dumps({"label": "x" * at + KEY, "score": 0.5, "more": "y" * at + KEY})
    body = text.replace(KEY, f"{KEY[:10]}~\n{KEY[10:]}").encode()
    service.tell("/score", body, kind="application/json; charset=hz")
    page = browser(answer_minutes=minutes).post("/", data={"a": "x"})
    assert page.status_code == 200
    assert KEY[:6] not in page.text


def test_which_bytes_stand_for_themselves() -> None:
    assert is_plain_ascii(b'{"a": 1}')
    assert is_plain_ascii(b'{"a": 1}', "application/json; charset=UTF-8")
    assert not is_plain_ascii('{"a": 1}'.encode("utf-16-le"))
    assert not is_plain_ascii(b'{"a": 1}', "application/json; charset=iso-2022-jp")
    assert not is_plain_ascii("ä".encode())


@pytest.mark.parametrize("minutes", [0, 15])
def test_no_cut_of_a_plain_text_goes_through_a_key(
    browser: Callable[..., FlaskClient], service: Service, minutes: int
) -> None:
    service.tell("/score", ("x " * 9_995 + KEY + " z").encode(), kind="text/plain")
    page = browser(answer_minutes=minutes).post("/", data={"a": "x"})
    assert page.status_code == 200
    assert KEY[:6] not in page.text


@pytest.mark.parametrize("proxy", ["", "http://proxy.example:3128"])
def test_the_host_of_a_request_is_that_of_its_connection(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """Of this address Python reads the one host and urllib3 the other; a redirect or a ticket can hold it."""
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    if proxy:
        monkeypatch.setenv("http_proxy", proxy)
    adapter = EndpointAdapter("http://good.example:8080/score", 1)
    head = adapter.head("GET", "http://evil.example\\@good.example:8080/jobs", {"Authorization": KEY}, 0).decode()
    adapter.close()
    assert "\r\nHost: good.example:8080\r\n" in head
    assert head.startswith(f"GET {'http://good.example:8080' if proxy else ''}/")
    assert "evil" not in head


@pytest.mark.parametrize(
    ("own", "has_key"), [("https://h.example/b", True), ("http://h.example/b", False), ("https://o.example/b", False)]
)
def test_a_key_for_https_goes_along_to_no_http(own: str, has_key: bool) -> None:
    environ = {"URL": "https://h.example/a", "API_KEY": KEY, "MODELS": "one", "ONE_URL": own}
    assert (Settings.read(environ).each[0].api_key == KEY) is has_key


def test_an_address_that_is_none_is_a_wrong_setting() -> None:
    with pytest.raises(SettingError, match="ONE_URL must be a full address"):
        Settings.read({"URL": "https://h.example/a", "API_KEY": KEY, "MODELS": "one", "ONE_URL": "http://["})


SECRET = {"type": "string", "format": "password"}


@pytest.mark.parametrize(
    ("node", "typed", "word"),
    [
        (SECRET, "q~z", "q~z"),
        ({"type": "array", "items": SECRET}, "secret-one\nsecret-two", "secret-two"),
        ({"type": "array", "items": {"properties": {"u": {"type": "string"}, "t": SECRET}}}, "bob\ttok-1", "tok-1"),
        ({"type": "object", "writeOnly": True}, '{"k": ["deep-secret"]}', "deep-secret"),
    ],
    ids=["short", "list", "rows", "object"],
)
def test_a_secret_that_was_typed_is_not_kept(
    browser: Callable[..., FlaskClient], service: Service, node: Any, typed: str, word: str, tmp_path: Path
) -> None:
    service.tell("/openapi.json", description({"s": node}))
    asked = browser()
    link = re.search(r"/answers/[0-9a-f]{32}", asked.post("/", data={"s": typed}).text)
    assert link
    assert word not in asked.get(link[0]).text
    assert all(word.encode() not in path.read_bytes() for path in (tmp_path / "data").glob("answers*"))


# Names that are ours


def test_no_field_presses_a_button_of_connect(
    make_app: MakeApp, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A field `do` whose default is `use` would make an endpoint the one in use, when its owner only tries it."""
    monkeypatch.setenv("ENV_FILE", str(tmp_path / ".env"))
    service.tell("/openapi.json", description({"do": {"type": "string", "default": "use"}}))
    owner = make_app(url="http://127.0.0.1:9/score", local=True).test_client()
    typed = [("connect-url", f"{service.root}/score"), ("connect-api_key", KEY), ("do", "use"), ("do", "try")]
    page = check(owner.post("/connect", data=MultiDict(typed), **HERE).text)
    assert "Found: OpenAPI" in " ".join(page.texts["h2"])
    assert not (tmp_path / ".env").exists()


def test_a_field_named_like_the_id_of_a_form_is_sent_as_typed(
    browser: Callable[..., FlaskClient], service: Service
) -> None:
    service.tell("/openapi.json", description({"_once": {"type": "string"}}))
    asked = browser()
    page = check(asked.get("/").text)
    assert [about.get("type") for about in page.all("input") if about.get("name") == "_once"] == [None]
    assert "typed by me" in asked.post("/", data={"_once": "typed by me"}).text


def test_no_two_ids_are_one() -> None:
    """`a` has a hint, an error, a list and its boxes; other fields may be called so."""
    names = ("a", "a-hint", "a-error", "a-list", "a-0", "a-range", "a-unit", "_json", "_json-hint")
    ids = [bound.id for bound in form_class(Schema(tuple(Field(name) for name in names))).specimens.values()]
    made = [f"{id_}{end}" for id_ in ids for end in ("", "-hint", "-error", "-list", "-0", "-range", "-unit")]
    assert len(set(made)) == len(made)


# Descriptions that stand for more than they are


def many(node: Any, count: int = 900) -> dict[str, Any]:
    """A description of so many properties that are all one node."""
    return description({f"p{i}": {"$ref": "#/x"} for i in range(count)}, x=node)


@pytest.mark.parametrize(
    "document",
    [
        many({"allOf": [{"anyOf": [{}] * 5000} for _ in range(40)]}),
        many({"type": "string", "allOf": [{"anyOf": [{"type": "null"}] * 800} for _ in range(40)]}),
        many({"$ref": "#" + "/a" * 500_000}),
        many({"type": "string", "allOf": [{"required": ["a"] * 40_000} for _ in range(8)]}),
        many({"type": "string", "allOf": [{"properties": {f"q{i}": 1 for i in range(15_000)}} for _ in range(6)]}),
        many({"type": "array", "items": {"enum": list(range(4000))}, "example": list(range(3999, -1, -1)) * 10}),
        many({"type": "array", "items": {"type": "number"}, "example": list(range(100_000))}),
        many({"type": "array", "items": {"type": "number"}, "default": [[[1] * 100] * 10] * 9}),
        many({"enum": list(range(200_000))}),
        {
            **many({"oneOf": [{"$ref": f"#/y{i}"} for i in range(10)]}),
            **{f"y{i}": {"allOf": [{"anyOf": [{}] * 2000}] * 5} for i in range(10)},
        },
    ],
    ids=["alternatives", "nulls", "reference", "required", "properties", "example", "long example", "default", "enum",
         "alternatives of alternatives"],
)  # fmt: skip
def test_many_values_of_one_long_node_cost_no_time(document: dict[str, Any]) -> None:
    started = time.thread_time()
    with contextlib.suppress(BadResponse):  # too large
        assert openapi.read_schema("http://h.example/score", document, {})
    assert time.thread_time() - started < 5


def test_many_parameters_share_the_time_of_one_description() -> None:
    long = {"type": "object", "allOf": [{"anyOf": [{}] * 2000} for _ in range(20)]}
    document = description({"a": {"type": "string"}}, x=long)
    parameters = [{"name": f"q{i}", "in": "query", "schema": {"$ref": "#/x"}} for i in range(200)]
    document["paths"]["/score"]["post"]["parameters"] = parameters
    started = time.thread_time()
    with pytest.raises(BadResponse, match="too large"):
        openapi.read_schema("http://h.example/score", document, {})
    assert time.thread_time() - started < 5


def test_a_bound_beyond_every_number_is_none(browser: Callable[..., FlaskClient], service: Service) -> None:
    assert bound(10**4000) is None
    assert bound(float("nan")) is None
    limits = {"minimum": -(10**4000), "maximum": 10**4000, "multipleOf": 10**4000, "example": 10**4000}
    service.tell("/openapi.json", description({"n": {"type": "number", **limits}}))
    asked = browser()
    assert 'name="n"' in asked.get("/").text
    assert asked.post("/", data={"n": "5"}).status_code == 200


def test_a_description_that_needs_a_setting_is_not_asked_for_at_each_visit(make_app: MakeApp, service: Service) -> None:
    paths: dict[str, Any] = {"/predict/a": {"post": {}}, "/predict/b": {"post": {}}}
    service.tell("/openapi.json", {"openapi": "3.1.0", "paths": paths})
    visitor = make_app(url=f"{service.root}/").test_client()
    for _ in range(3):
        answer = visitor.get("/")
        assert (answer.status_code, "/predict/a, /predict/b" in answer.text) == (503, True)
    assert len(service.seen) == 1


# Input that takes long


def test_many_values_out_of_many_choices_cost_no_time() -> None:
    words = tuple(f"v{i}" for i in range(5000))
    numbers = tuple(range(5000))
    column = {"a": Field("a", choices=words), "b": Field("b", kind="integer", choices=numbers)}
    f = Field("l", kind="list", items=Field("l", choices=words))
    rows = Field("r", kind="rows", fields=tuple(column.values()))
    made = form_class(Schema((f, rows)))
    started = time.thread_time()
    form = made(MultiDict({"l": "v4999\n" * 50_000, "r": "v4999\t4999\n" * 9_000}))
    assert form.validate()
    assert form.row()["r"][0] == {"a": "v4999", "b": 4999}
    given = json.dumps({"l": ["v4999"] * 1000, "r": [{"a": "v4999", "b": 4999}] * 9_000})
    assert made(MultiDict({"_json": given})).validate()
    assert time.thread_time() - started < 5


def test_each_choice_is_still_the_first_that_fits() -> None:
    f = Field("c", choices=(1, "1", 1.5, True, "yes", "A"), choice_labels=("one", "A", "A", "on", "yes", "last"))
    assert [f.parse(word) for word in ("1", "one", "yes", "A", "on", " A ")] == [1, 1, True, "A", True, "A"]
    assert [f.parse(value, "json") for value in (1, "1", True, "yes")] == [1, "1", True, "yes"]
    assert f.choice_index.numbers == {1: 0, 1.5: 2}


# Another endpoint at the same moment


def test_a_submission_ends_at_the_endpoint_that_it_began_at(
    make_app: MakeApp, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner chooses another between the check of a form and the call, whose answer is none of that one’s."""
    monkeypatch.setenv("ENV_FILE", str(tmp_path / ".env"))
    other = Service()
    other.tell("/openapi.json", description({"b": {"type": "string"}}))
    app = make_app(url=f"{service.root}/score", api_key=KEY, local=True)
    validate = SchemaForm.validate

    def chosen_meanwhile(form: SchemaForm) -> bool:
        monkeypatch.setattr(SchemaForm, "validate", validate)
        typed = {"connect-url": f"{other.root}/score", "connect-api_key": "the-other-key", "do": "use"}
        with ThreadPoolExecutor(1) as pool:
            used = pool.submit(lambda: app.test_client().post("/connect", data=typed, **HERE).text).result()
        assert "In use now" in used
        return form.validate()

    monkeypatch.setattr(SchemaForm, "validate", chosen_meanwhile)
    page = app.test_client().post("/", data={"a": "x"}, **HERE).text
    other.close()
    assert "fine" in page
    assert [path for method, path, _ in other.seen if method == "POST"] == []
    link = re.search(r"/answers/[0-9a-f]{32}", page)
    assert link
    for ending in ("", ".json", ".csv", ".xlsx"):
        assert app.test_client().get(link[0] + ending, **HERE).status_code == 404
