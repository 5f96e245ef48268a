"""The dialect of services that describe themselves, against captured exchanges and against every form of a body."""

from __future__ import annotations

import json
import random
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from test_documents import anything
from vectors_of import agrees, refused, reply_of, url_of, vectors_of

from FlaskAppAML.dialects import openapi
from FlaskAppAML.errors import AppError, BadResponse, SettingError, WrongInput
from FlaskAppAML.results import Images, Scores, Text
from FlaskAppAML.schema import Schema, Upload
from FlaskAppAML.wire import Reply, Request

VECTORS = vectors_of("openapi")
every_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
HOST = "https://model.example"
PNG = b"\x89PNG\r\n\x1a\n"


def schema_from(document: Any, url: str = f"{HOST}/predict") -> Schema:
    schema = openapi.read_schema(url, document, {})
    assert schema is not None
    return schema


def schema_of(vector: dict[str, Any]) -> Schema:
    """From the description, or from the request as a pasted sample where the samples have none."""
    return schema_from(vector["schema_document"] or vector["request"]["body"], url_of(vector))


def described(operation: dict[str, Any], path: str = "/predict", **more: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "FastAPI"}, "paths": {path: {"post": operation}}, **more}


def body(schema: Any, media: str = "application/json", **more: Any) -> dict[str, Any]:
    return {"requestBody": {"content": {media: {"schema": schema, **more}}}}


def parts_of(request: Request) -> list[dict[str, Any]]:
    """The parts of a multipart body as another reader sees them."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    message = message_from_bytes(head + request.body)
    return [
        {
            "name": part.get_param("name", header="content-disposition"),
            "filename": part.get_filename(),
            "content_type": part.get_content_type(),
            "data": part.get_payload(decode=True),
        }
        for part in message.walk()
        if not part.is_multipart()
    ]


# The captured exchanges


def test_all_samples_are_there() -> None:
    assert len(VECTORS) == 16


@every_vector
def test_a_sample_makes_fields_that_ask_for_its_inputs(vector: dict[str, Any]) -> None:
    """A request that was no JSON, or had no body, asks for nothing."""
    if not vector["inputs"] or vector["request"]["body"] == {}:
        return
    names = {f.wire_name for f in schema_of(vector).fields}
    if vector["name"] == "openapi_bentoml_ndarray_ok":
        assert names == {"rows"}, "a tensor has no names for its columns"
    else:
        assert names >= set(vector["inputs"].get("rows", [vector["inputs"]])[0])


@every_vector
def test_a_sample_is_encoded_as_it_was_sent(vector: dict[str, Any]) -> None:
    sent = vector["request"]["body"]
    if not vector["inputs"] or not sent:
        return
    schema = schema_of(vector)
    if "$multipart" in sent:
        row = {"file": Upload(PNG, "tiny.png", "image/png")}
        wanted = {"name": "file", "filename": "tiny.png", "content_type": "image/png", "data": PNG}
        assert parts_of(openapi.encode(schema, url_of(vector), [row])) == [wanted]
        return
    rows = [sent] if "ndarray" in vector["name"] else vector["inputs"]["rows"]
    typed = [{name: schema[name].parse(value, "json") for name, value in row.items()} for row in rows]
    request = openapi.encode(schema, url_of(vector), typed)
    assert json.loads(request.body) == sent
    assert (request.method, request.url) == ("POST", url_of(vector))
    assert request.headers == {"Content-Type": "application/json"}


@every_vector
def test_a_sample_is_decoded_as_it_was_meant(vector: dict[str, Any]) -> None:
    expected = vector["expected"]
    if "redirect" in expected:
        return  # the client follows it
    if error := refused(vector):
        assert error.upstream_status == expected["error"]["upstream_status"]
        return
    n_rows = len(vector["inputs"].get("rows", [None]))
    assert agrees(expected, openapi.decode(schema_of(vector), reply_of(vector), n_rows))


# Which operation is meant

IRIS = VECTORS["openapi_fastapi_ok"]["schema_document"]


@pytest.mark.parametrize(
    ("path", "envelope", "sent_to"),
    [
        ("/predict", "record", ""),
        ("/predict/", "record", f"{HOST}/predict"),
        ("/predict?k=1", "record", ""),
        ("/predict_batch", "records", ""),
        ("/predict_image", "multipart", ""),
        ("/gateway/v1/predict_batch", "records", ""),
    ],
)
def test_the_path_says_which_operation_is_meant(path: str, envelope: str, sent_to: str) -> None:
    schema = schema_from(IRIS, HOST + path)
    assert (schema.envelope, schema.url) == (envelope, sent_to)
    assert (schema.title, schema.source, schema.dialect) == ("Iris", "the endpoint’s OpenAPI description", "openapi")


def test_a_description_that_does_not_know_the_path_says_nothing() -> None:
    assert openapi.read_schema(f"{HOST}/other", IRIS, {}) is None
    assert openapi.read_schema(f"{HOST}/health", described(body({}), "/predict"), {}) is None


def test_a_root_finds_the_one_operation_that_is_a_model() -> None:
    operation = body({"type": "object", "properties": {"a": {"type": "number"}}})
    paths = {
        path: {"post": operation} for path in ("/shutdown", "/v2/repository/models/m/load", "/login", "/score", "/x")
    }
    document = {"openapi": "3.0.0", "paths": paths}
    for given in ("", "/", "/openapi.json", "/docs"):
        assert schema_from(document, HOST + given).url == f"{HOST}/score"
    assert schema_from({**document, "servers": [{"url": "/api"}]}, f"{HOST}/api").url == f"{HOST}/api/score"


def test_a_root_with_several_asks_the_owner() -> None:
    document = {"openapi": "3.0.0", "paths": {path: {"post": body({})} for path in ("/one", "/two", "/health")}}
    with pytest.raises(SettingError, match="several operations: /one, /two"):
        openapi.read_schema(HOST, document, {})


@pytest.mark.parametrize(
    "path", ["/shutdown", "/v2/repository/models/m/load", "/models/m/unload", "/predictions/1/cancel"]
)
def test_what_stops_a_service_is_never_an_operation(path: str) -> None:
    assert openapi.read_schema(HOST + path, described(body({}), path), {}) is None
    assert openapi.read_schema(HOST, described(body({}), path), {}) is None


def test_servers_and_base_paths_stand_before_the_path_and_never_lead_away() -> None:
    operation = body({"type": "object", "properties": {"a": {"type": "number"}}})
    document = described(operation, servers=[{"url": "https://elsewhere.example/api/v1"}])
    assert schema_from(document, f"{HOST}/api/v1/predict").url == ""
    assert schema_from(document, HOST).url == f"{HOST}/api/v1/predict"


def test_path_parameters_come_from_the_address_or_are_asked_for() -> None:
    operation = {
        "parameters": [{"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}],
        **body({"type": "object", "properties": {"a": {"type": "number"}}}),
    }
    document = described(operation, "/models/{model}:predict")
    assert [f.name for f in schema_from(document, f"{HOST}/models/iris:predict").fields] == ["a"]
    open_ = schema_from(document, HOST)
    assert [f.name for f in open_.fields] == ["a", "model"]
    assert openapi.encode(open_, HOST, [{"a": 1, "model": "a/../b"}]).url == f"{HOST}/models/a%2F..%2Fb:predict"
    with pytest.raises(WrongInput):
        openapi.encode(open_, HOST, [{"a": 1, "model": ".."}])


def test_the_query_is_asked_for_and_kept_but_keys_are_not() -> None:
    operation = {
        "parameters": [
            {"name": "top", "in": "query", "description": "How many", "schema": {"type": "integer", "default": 3}},
            {"name": "tags", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
            {"name": "code", "in": "query", "schema": {"type": "string"}},
            {"name": "X-Trace", "in": "header", "required": True, "schema": {"type": "string"}},
            {"name": "text", "in": "query", "schema": {"type": "string"}},
        ],
        **body({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}),
    }
    keys = {"securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "code"}}}
    url = f"{HOST}/predict?v=2"
    schema = schema_from(described(operation, components=keys), url)
    assert [f.name for f in schema.fields] == ["text", "top", "tags", "text (address)"]
    assert (schema["top"].help, schema["top"].default, schema["top"].parameter) == ("How many", 3, True)
    row = {"text": "hé", "top": 5, "tags": ["a", "b c"], "text (address)": None}
    request = openapi.encode(schema, url, [row])
    assert parse_qs(urlsplit(request.url).query) == {"v": ["2"], "top": ["5"], "tags": ["a", "b c"]}
    assert json.loads(request.body) == {"text": "hé"}


def test_an_operation_that_only_reads_takes_all_from_the_query() -> None:
    get = {"parameters": [{"name": "text", "in": "query", "required": True, "schema": {"type": "string"}}]}
    schema = schema_from({"openapi": "3.0.0", "paths": {"/predict": {"get": get}}})
    request = openapi.encode(schema, f"{HOST}/predict", [{"text": "a b"}])
    assert (request.method, request.url, request.body) == ("GET", f"{HOST}/predict?text=a+b", b"")
    assert request.headers == {}


# Bodies


def test_a_service_that_does_not_describe_its_body_gets_json() -> None:
    schema = schema_from(described({"operationId": "predict"}))
    assert [(f.name, f.kind) for f in schema.fields] == [("body", "json")]
    assert json.loads(openapi.encode(schema, f"{HOST}/predict", [{"body": {"x": [1]}}]).body) == {"x": [1]}
    assert openapi.DEFAULT_SCHEMA.envelope == "value"
    assert schema.options["doubt"] == "The service does not say what it takes."


def test_a_post_with_all_in_its_address_has_no_body() -> None:
    """As FastAPI writes a function whose arguments are plain values."""
    text = {"name": "text", "in": "query", "required": True, "schema": {"type": "string"}}
    schema = schema_from(described({"parameters": [text]}))
    assert [(f.name, f.kind) for f in schema.fields] == [("text", "text")]
    request = openapi.encode(schema, f"{HOST}/predict", [{"text": "a b"}])
    assert (request.method, request.url, request.body) == ("POST", f"{HOST}/predict?text=a+b", b"")


def test_words_of_the_tool_about_itself_are_left_out() -> None:
    """BentoML describes every service with badges and links of its own; LitServe calls all by its own function."""
    advert = (
        "# iris:dev\n\n[![pypi_status](https://img.shields.io/badge/BentoML-1.4.39)](https://pypi.org/project/BentoML)"
    )
    document = described({"summary": "Endpoint Handler", **body({"type": "object", "properties": {"a": {}}})})
    schema = schema_from({**document, "info": {"title": "FastAPI", "description": advert}})
    assert (schema.title, schema.description) == ("", "")


@pytest.mark.parametrize(
    ("node", "kind", "value"),
    [
        ({"type": "array", "items": {"type": "number"}}, "list", [1, 2]),
        ({"type": "string"}, "text", "a"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "json", {"a": 1}),
        ({"oneOf": [{"type": "object", "properties": {"a": {}}}, {"type": "array"}]}, "json", [1]),
    ],
)
def test_a_body_that_is_one_value(node: dict[str, Any], kind: str, value: Any) -> None:
    schema = schema_from(described(body(node)))
    assert [f.kind for f in schema.fields] == [kind]
    row = {"body": schema["body"].parse(value, "json")}
    assert json.loads(openapi.encode(schema, f"{HOST}/predict", [row]).body) == value


def test_lists_of_records_are_batches() -> None:
    items = {"type": "object", "properties": {"a": {"type": "integer"}}}
    plain = schema_from(described(body({"type": "array", "items": items})))
    inside = schema_from(described(body({"type": "object", "properties": {"rows": {"type": "array", "items": items}}})))
    rows = [{"a": 1}, {"a": 2}]
    assert json.loads(openapi.encode(plain, HOST, rows).body) == rows
    assert json.loads(openapi.encode(inside, HOST, rows).body) == {"rows": rows}
    assert (openapi.max_rows(plain), openapi.max_rows(inside)) == (1000, 1000)
    assert openapi.max_rows(schema_from(IRIS)) == 1


def test_a_multipart_body_has_files_and_texts() -> None:
    node = {
        "type": "object",
        "properties": {
            "image": {"type": "string", "format": "binary"},
            "pages": {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}},
            "top": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "options": {"type": "object"},
            "note": {"type": "string"},
        },
        "required": ["image"],
    }
    schema = schema_from(described(body(node, "multipart/form-data")))
    assert (schema.envelope, schema["image"].send, schema["image"].accept) == ("multipart", "part", "image/*")
    upload = Upload(PNG, 'a"\r\nX: y.png', "image/png")
    row = {"image": upload, "pages": [upload, upload], "top": 3, "tags": ["a", "é"], "options": {"b": 1}, "note": None}
    request = openapi.encode(schema, HOST, [row])
    found = parts_of(request)
    assert [part["name"] for part in found] == ["image", "pages", "pages", "top", "tags", "tags", "options"]
    assert [part["data"] for part in found] == [PNG, PNG, PNG, b"3", b"a", "é".encode(), b'{"b": 1}']
    assert b"\r\nX: y" not in request.body


def test_bare_files_texts_and_forms() -> None:
    picture = schema_from(described(body({"type": "string", "format": "binary"}, "image/*")))
    request = openapi.encode(picture, HOST, [{"file": Upload(PNG, "a.png", "image/png")}])
    assert (request.body, request.headers, picture["file"].accept) == (PNG, {"Content-Type": "image/png"}, "image/*")
    text = schema_from(described(body({"type": "string"}, "text/plain")))
    assert openapi.encode(text, HOST, [{"body": "hé"}]).body == "hé".encode()
    form = {"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"type": "string"}}}
    urlencoded = schema_from(described(body(form, "application/x-www-form-urlencoded")))
    assert openapi.encode(urlencoded, HOST, [{"a": True, "b": "x&y"}]).body == b"a=true&b=x%26y"


def test_swagger_2_has_its_body_among_the_parameters() -> None:
    def read(*parameters: dict[str, Any]) -> Schema:
        post = {"parameters": list(parameters), "consumes": ["multipart/form-data"]}
        return schema_from(
            {"swagger": "2.0", "basePath": "/v1", "paths": {"/predict": {"post": post}}}, f"{HOST}/v1/predict"
        )

    files = read(
        {"name": "file", "in": "formData", "type": "file", "required": True},
        {"name": "top", "in": "formData", "type": "integer", "maximum": 5},
    )
    assert (files.envelope, files["file"].send, files["top"].required) == ("multipart", "part", False)
    assert files.source == "the endpoint’s swagger.json"
    record = read({"name": "b", "in": "body", "schema": {"properties": {"a": {"type": "number"}}, "required": ["a"]}})
    assert (record.envelope, [f.name for f in record.fields]) == ("record", ["a"])


def test_examples_of_the_body_are_examples_of_the_fields() -> None:
    node = {"type": "object", "properties": {"a": {"type": "number"}}}
    assert schema_from(described(body(node, example={"a": 4})))["a"].example == 4
    assert schema_from(described(body(node, examples={"one": {"value": {"a": 5}}})))["a"].example == 5
    only = schema_from(described(body({}, example={"a": 6, "b": "x"})))
    assert [(f.name, f.example) for f in only.fields] == [("a", 6), ("b", "x")]


def test_bentomls_routes_are_read() -> None:
    document = VECTORS["openapi_bentoml_ndarray_ok"]["schema_document"]
    one = schema_from(document, f"{HOST}/one")
    assert (one.envelope, one["sepal_length"].unit, one["mode"].choices) == ("record", "cm", ("label", "proba"))
    image = schema_from(document, f"{HOST}/image")
    assert (image.envelope, image["img"].kind, image["img"].send) == ("multipart", "file", "part")
    assert image.source == "the endpoint’s schema.json"


def test_a_json_schema_or_a_sample_describes_the_body() -> None:
    node = {"type": "object", "title": "Iris", "properties": {"a": {"type": "number"}}}
    assert (schema_from(node).envelope, schema_from(node).title, schema_from(node).source) == (
        "record",
        "Iris",
        "a JSON Schema",
    )
    sample = schema_from({"text": "hello", "options": {"top": 3}})
    assert [f.name for f in sample.fields] == ["text", "options.top"]
    rows = schema_from([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])
    assert (rows.envelope, [f.example for f in rows.fields]) == ("records", [1, "x"])
    inside = schema_from({"rows": [{"a": 1}]})
    assert json.loads(openapi.encode(inside, HOST, [{"a": 5}]).body) == {"rows": [{"a": 5}]}
    vector = schema_from([5.1, 3.5])
    assert (vector.envelope, vector.fields[0].kind) == ("value", "list")


@pytest.mark.parametrize(
    "document",
    [
        None,
        3,
        "text",
        {},
        {"detail": "Not Found"},
        {"error": "no"},
        {"name": "mlserver", "version": "1.7.1", "extensions": []},
        {"name": "iris", "versions": [], "platform": "sklearn", "inputs": [], "outputs": []},
        {"model_version_status": []},
        {"dialect": "raw", "fields": []},
        {"openapi": "3.1.0"},
        {"openapi": "3.1.0", "paths": {}},
    ],
)
def test_other_documents_are_left_to_others(document: Any) -> None:
    assert openapi.read_schema(f"{HOST}/predict", document, {}) is None


def test_the_news_of_a_service_that_answers_to_every_path_are_no_sample() -> None:
    news = {"message": "welcome", "version": "1.0"}
    assert openapi.read_schema(f"{HOST}/predict", news, {"content-type": "application/json"}) is None
    assert [f.name for f in schema_from(news).fields] == ["message", "version"]


def test_descriptions_are_asked_for_beside_the_scoring_path_and_never_on_it() -> None:
    assert openapi.schema_urls(f"{HOST}/predict?code=1") == [
        f"{HOST}/openapi.json",
        f"{HOST}/docs.json",
        f"{HOST}/swagger.json",
    ]
    assert openapi.schema_urls(f"{HOST}/iris/predict")[1] == f"{HOST}/iris/openapi.json"
    assert openapi.schema_urls(f"{HOST}/api/openapi.json")[0] == f"{HOST}/api/openapi.json"
    assert 0 < openapi.claims(urlsplit(f"{HOST}/x")) < openapi.claims(urlsplit(f"{HOST}/predict")) < 0.5


# Answers


def test_answers_are_read_by_what_they_are() -> None:
    def answer(body: bytes, content_type: str) -> Any:
        return openapi.decode(openapi.DEFAULT_SCHEMA, Reply(200, {"content-type": content_type}, body), 1)

    assert isinstance(answer(b'{"label": "a", "score": 0.9}', "application/json").parts[0], Scores)
    assert isinstance(answer(PNG, "image/png").parts[0], Images)
    assert isinstance(answer(b"setosa", "text/plain; charset=utf-8").parts[0], Text)
    assert isinstance(answer(b"\xff\xd8\xff\xe0", "image/jpg").parts[0], Images)
    for body_, kind in (
        (b"<html>sign in</html>", "text/html"),
        (b"noise", "image/png"),
        (b'{"a": ', "application/json"),
        (b"\xff\xfe\x00", "text/plain"),
        (b"setosa", "application/json"),
    ):
        with pytest.raises(BadResponse):
            answer(body_, kind)


# Anything


@pytest.mark.parametrize("seed", range(10))
def test_any_description_makes_a_schema_or_one_of_our_errors(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        media = {dice.choice(["application/json", "multipart/form-data", "image/png", "x"]): {"schema": anything(dice)}}
        operation = {
            "requestBody": dice.choice([anything(dice), {"content": media}, {"content": media}]),
            "parameters": dice.choice([anything(dice), [{"name": "k", "in": "query", "schema": anything(dice)}]]),
            "summary": anything(dice),
        }
        path = dice.choice(["/predict", "/{a}", "predict", "", "/predict?x=1"])
        item = dice.choice([anything(dice), {"post": operation}, {"get": operation, "parameters": anything(dice)}])
        document = {
            "openapi": "3.1.0",
            "paths": dice.choice([anything(dice), {path: item}]),
            "servers": anything(dice),
            "components": anything(dice),
            "info": anything(dice),
        }
        routes = {"type": "service", "routes": [{"route": "/predict", "input": anything(dice)}, anything(dice)]}
        for given in (document, anything(dice), routes):
            try:
                schema = openapi.read_schema(f"{HOST}/predict", given, {})
                if schema is not None:
                    openapi.encode(schema, f"{HOST}/predict", [{f.name: None for f in schema.fields}])
            except AppError:
                pass
