"""The dialect of Cog, against captured exchanges with both of its servers."""

from __future__ import annotations

import json
import random
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import some
from test_documents import anything
from vectors_of import agrees, reply_of, url_of, vectors_of

from FlaskAppAML import faults
from FlaskAppAML.dialects import cog
from FlaskAppAML.errors import AppError, BadResponse, EndpointError
from FlaskAppAML.results import Images, Text
from FlaskAppAML.schema import Schema, Upload
from FlaskAppAML.schema.values import InvalidValue
from FlaskAppAML.wire import Reply

VECTORS = vectors_of("cog")
every_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
DOCUMENT = VECTORS["cog_ok"]["schema_document"]
URL = "https://model.example/predictions"
PNG = b"\x89PNG\r\n\x1a\n"


def schema_from(document: Any, url: str = URL) -> Schema:
    schema = cog.read_schema(url, document, {})
    assert schema is not None
    return schema


def schema_of(vector: dict[str, Any]) -> Schema:
    return schema_from(vector["schema_document"] or vector["request"]["body"], url_of(vector))


def decoded(body: Any, schema: Schema = cog.DEFAULT_SCHEMA) -> list[Any]:
    return cog.decode(schema, Reply(200, {}, json.dumps(body).encode()), 1).parts


def test_all_samples_are_there() -> None:
    assert len(VECTORS) == 8


@every_vector
def test_a_sample_makes_fields_that_ask_for_its_inputs(vector: dict[str, Any]) -> None:
    assert {f.wire_name for f in schema_of(vector).fields} >= set(vector["inputs"]["rows"][0])


@every_vector
def test_a_sample_is_encoded_as_it_was_sent(vector: dict[str, Any]) -> None:
    """What was left out stays out: Cog knows its own defaults."""
    schema, sent = schema_of(vector), vector["request"]["body"]["input"]
    (given,) = vector["inputs"]["rows"]
    is_wrong = vector["name"] == "coglet_err_422"  # text where a number belongs: as a sample it makes other fields
    row = {name: Upload(PNG[:8], "tiny.png", "image/png") if isinstance(value, dict) else value
           for name, value in given.items()}  # fmt: skip
    typed = row if is_wrong else {name: schema[name].parse(value, "json") for name, value in row.items()}
    request = cog.encode(schema, url_of(vector), [typed])
    assert json.loads(request.body) == {"input": sent}
    assert (request.method, request.url) == ("POST", URL)
    assert request.headers["Content-Type"] == "application/json"


@every_vector
def test_a_sample_is_decoded_as_it_was_meant(vector: dict[str, Any]) -> None:
    reply, expected = reply_of(vector), vector["expected"]
    if "error" in expected:
        with pytest.raises(EndpointError) as caught:
            faults.check(reply)
        assert caught.value.kind == expected["error"]["kind"]
        assert caught.value.fields == expected["error"]["fields"]
        return
    faults.check(reply)
    if "job" in expected:
        with pytest.raises(BadResponse, match="calling back"):
            cog.decode(schema_of(vector), reply, 1)
        return
    assert agrees(expected, cog.decode(schema_of(vector), reply, 1))


def test_the_description_is_read_in_its_order() -> None:
    schema = schema_from(DOCUMENT)
    assert [f.name for f in schema.fields][-3:] == ["top_k", "verbose", "image"]
    assert (schema.dialect, schema.envelope, schema.url) == ("cog", "input", "")
    assert (schema.title, schema.source) == ("", "the endpoint’s openapi.json")


def test_a_file_is_uploaded_and_never_an_address() -> None:
    """The model server would fetch it: coglet took file:///etc/hostname."""
    image = schema_from(DOCUMENT)["image"]
    assert (image.kind, image.send, image.accept) == ("file", "data_url", "image/*")
    for address in ("file:///etc/hostname", "https://example.org/a.png"):
        with pytest.raises(InvalidValue):
            image.parse(address)
        with pytest.raises(InvalidValue):
            image.parse(address, "json")


def test_what_the_generator_says_of_every_choice_is_no_help() -> None:
    about = {"title": "mode", "type": "string", "enum": ["a", "b"], "description": "An enumeration."}
    properties = {"mode": {"allOf": [{"$ref": "#/components/schemas/mode"}], "default": "a"}}
    schemas = {"Input": {"type": "object", "properties": properties}, "mode": about}
    schema = schema_from({"openapi": "3.0.2", "paths": {"/predictions": {}}, "components": {"schemas": schemas}})
    assert (schema["mode"].choices, schema["mode"].help) == (("a", "b"), "")


def test_files_in_lists_and_secrets() -> None:
    properties = {
        "frames": {"type": "array", "items": {"type": "string", "format": "uri"}},
        "token": {"type": "string", "format": "password", "x-cog-secret": True},
    }
    schemas = {"Input": {"type": "object", "properties": properties}}
    schema = schema_from({"openapi": "3.0.2", "paths": {"/predictions": {}}, "components": {"schemas": schemas}})
    request = cog.encode(schema, URL, [{"frames": [Upload(b"a", "a.png", "image/png")], "token": "t"}])
    assert json.loads(request.body) == {"input": {"frames": ["data:image/png;base64,YQ=="], "token": "t"}}
    assert schema["token"].secret


@pytest.mark.parametrize("given", ["", "/", "/openapi.json"])
def test_a_root_leads_to_the_predictions(given: str) -> None:
    assert schema_from(DOCUMENT, f"https://model.example{given}").url == URL
    assert cog.schema_urls(f"https://model.example{given}") == ["https://model.example/openapi.json"]


def test_only_cogs_own_documents_are_read() -> None:
    assert cog.schema_urls("https://h/cog/predictions?x=1") == ["https://h/cog/openapi.json"]
    assert cog.claims(urlsplit(URL)) > cog.claims(urlsplit("https://h/predictions/resnet"))
    fastapi = vectors_of("openapi")["openapi_fastapi_ok"]["schema_document"]
    others: list[Any] = [fastapi, None, [], {}, {"input": "text"}, {"input": {"a": 1}, "model": "gpt"}, {"input": {}}]
    for document in others:
        assert cog.read_schema(URL, document, {}) is None


# Answers


def test_pieces_of_a_text_are_joined_where_the_model_says_so() -> None:
    output = {"type": "array", "items": {"type": "string"}, "x-cog-array-type": "iterator"}
    for display, parts in (("concatenate", 1), (None, 0)):
        schemas = {**DOCUMENT["components"]["schemas"], "Output": {**output, "x-cog-array-display": display}}
        schema = schema_from({**DOCUMENT, "components": {"schemas": schemas}})
        found = decoded({"status": "succeeded", "output": ["Hel", "lo"]}, schema)
        assert [part.text for part in found if isinstance(part, Text)] == ["Hello"] * parts


def test_files_come_back_as_data_urls() -> None:
    url = "data:image/png;base64,iVBORw0KGgo="
    for output in (url, [url, url], {"image": url}):
        assert isinstance(decoded({"status": "succeeded", "output": output})[0], Images)


def test_an_answer_without_output() -> None:
    assert decoded({"status": "succeeded"})[0].kind == "json"
    bodies: list[Any] = [{}, [], 3, {"status": "starting", "output": None}]
    for body in bodies:
        with pytest.raises(BadResponse):
            decoded(body)


def test_a_service_that_describes_nothing_gets_the_input_as_json() -> None:
    request = cog.encode(cog.DEFAULT_SCHEMA, URL, [{"input": {"a": 1}}])
    assert json.loads(request.body) == {"input": {"a": 1}}


@pytest.mark.parametrize("seed", some(range(5), 0))
def test_any_json_makes_a_schema_a_result_or_one_of_our_errors(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        schemas = {"Input": anything(dice), "Output": anything(dice)}
        document = {
            "paths": {"/predictions": anything(dice)},
            "components": {"schemas": schemas},
            "info": anything(dice),
        }
        for given in (document, {"input": anything(dice)}, anything(dice)):
            try:
                cog.read_schema(URL, given, {})
                decoded({"output": json.loads(json.dumps(given))})
                decoded(given)
            except AppError:
                pass
