"""The dialect of OpenAI's protocol, against captured exchanges (`vectors/`) and against what is broken."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from vectors_of import agrees, refused, reply_of, url_of, vectors_of

from FlaskAppAML import faults
from FlaskAppAML.dialects import openai
from FlaskAppAML.errors import BadResponse, EndpointError
from FlaskAppAML.events import Event
from FlaskAppAML.results import Json, Part, Table, Text, Vector
from FlaskAppAML.schema import Schema, Upload
from FlaskAppAML.wire import Reply

VECTORS = vectors_of("openai")
every_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
CHAT = "https://api.openai.com/v1/chat/completions"
EMBEDDINGS = "https://api.openai.com/v1/embeddings"
COMPLETIONS = "http://127.0.0.1:8000/v1/completions"
AZURE = "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21"
SAMPLE = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "content": "4"},
        {"role": "user", "content": "3+3?"},
    ],
    "temperature": 0.2,
    "max_completion_tokens": 50,
    "stop": ["\n"],
    "stream": True,
    "stream_options": {"include_usage": True},
}
ODD: list[Any] = [
    None,
    True,
    0,
    "text",
    [],
    {},
    {"choices": None},
    {"choices": [None]},
    {"choices": [{}]},
    {"choices": [{"message": 3}]},
    {"choices": [{"message": {"content": [None, 1, {}, {"text": 3}]}}]},
    {"choices": [{"text": None}]},
    {"choices": [{"delta": 1}]},
    {"data": None},
    {"data": [None]},
    {"data": [{"embedding": []}]},
    {"data": [{"embedding": "AAAA"}]},
    {"data": [{"embedding": [1, None]}]},
    {"data": [{"embedding": [1], "index": "x"}, {"embedding": [2], "index": 0}]},
    {"object": "list", "data": [3]},
    {"object": "list", "data": [{"id": ""}]},
    {"object": "list", "data": []},
    {"messages": []},
    {"messages": [1]},
    {"messages": [{"role": None}]},
    {"messages": [{"role": "system"}]},
    {"messages": [{"role": "user", "content": 3}], "temperature": "hot", "model": 3},
    {"prompt": []},
    {"prompt": [1, 2], "model": "m"},
    {"input": {"a": 1}, "model": "m"},
    {"input": "x"},
]


def schema_from(url: str, document: Any) -> Schema:
    schema = openai.read_schema(url, document, {})
    assert schema is not None
    return schema


def sent(schema: Schema, *rows: dict[str, Any]) -> Any:
    return json.loads(openai.encode(schema, CHAT, rows).body)


def decoded(body: Any) -> list[Part]:
    return openai.decode(openai.DEFAULT_SCHEMA, Reply(200, {}, json.dumps(body).encode()), 1).parts


def answered(message: Any, **beside: Any) -> list[Part]:
    return decoded({"choices": [{"index": 0, "message": message, **beside}]})


# The captured exchanges


def test_all_samples_are_there() -> None:
    assert len(VECTORS) == 3


def test_a_chat_is_encoded_as_captured() -> None:
    vector = VECTORS["openai_chat_ok"]
    schema = schema_from(url_of(vector), vector["request"]["body"])
    row = schema.parse({"message": vector["inputs"]["messages"][0]["content"]}, "json")
    request = openai.encode(schema, url_of(vector), [row])
    assert json.loads(request.body) == vector["request"]["body"]
    assert (request.method, request.headers["Content-Type"]) == ("POST", "application/json")


def test_embeddings_are_encoded_as_captured() -> None:
    vector = VECTORS["openai_embeddings_ok"]
    schema = schema_from(url_of(vector), vector["request"]["body"])
    rows = [schema.parse(row, "json") for row in vector["inputs"]["rows"]]
    assert json.loads(openai.encode(schema, url_of(vector), rows).body) == vector["request"]["body"]


@every_vector
def test_a_sample_is_decoded_as_captured(vector: dict[str, Any]) -> None:
    if not refused(vector):
        schema = schema_from(url_of(vector), vector["request"]["body"])
        assert agrees(vector["expected"], openai.decode(schema, reply_of(vector), 2))


# The address


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        (CHAT, True),
        (EMBEDDINGS, True),
        (COMPLETIONS, True),
        (AZURE, True),
        ("https://router.huggingface.co/v1/chat/completions", True),
        ("https://host/embeddings", True),
        ("https://host/v1/models", False),
        ("https://host/chat", False),
        ("https://host/v1/chat/completions/stream", False),
    ],
)
def test_addresses(url: str, is_ours: bool) -> None:
    assert (openai.claims(urlsplit(url)) >= 0.5) is is_ours


def test_the_list_of_models_stands_beside_the_path() -> None:
    assert openai.schema_urls(CHAT) == ["https://api.openai.com/v1/models"]
    assert openai.schema_urls("http://h:1/base/embeddings?x=1") == ["http://h:1/base/models"]
    assert openai.schema_urls(AZURE) == []
    assert openai.schema_urls("http://h/score") == []


def test_the_form_follows_the_path() -> None:
    names = {url: [f.name for f in openai.default_schema(url).fields] for url in (CHAT, EMBEDDINGS, COMPLETIONS, AZURE)}
    assert names[CHAT] == ["message", "system", "temperature", "max_tokens", "model"]
    assert names[EMBEDDINGS] == ["input", "model"]
    assert names[COMPLETIONS] == ["prompt", "temperature", "max_tokens", "model"]
    assert "model" not in names[AZURE]


# What the endpoint says


def test_models_become_a_choice() -> None:
    document = {"object": "list", "data": [{"id": "a", "object": "model"}, {"id": "b"}, {"id": "a"}]}
    model = schema_from(CHAT, document)["model"]
    assert (model.choices, model.default, model.required) == (("a", "b"), None, True)


def test_the_only_model_is_taken() -> None:
    assert schema_from(EMBEDDINGS, {"object": "list", "data": [{"id": "a"}]})["model"].default == "a"


@pytest.mark.parametrize("count", [0, openai.MOST_MODELS + 1])
def test_too_many_models_or_none_are_typed(count: int) -> None:
    document = {"object": "list", "data": [{"id": f"m{i}"} for i in range(count)]}
    model = schema_from(CHAT, document)["model"]
    assert (model.kind, model.choices) == ("text", ())


def test_lists_of_other_things_are_left() -> None:
    assert openai.read_schema(CHAT, {"object": "list", "data": [{"id": 3}]}, {}) is None
    assert openai.read_schema("http://h/score", {"object": "list", "data": [{"id": "a"}]}, {}) is None


# Samples


def test_a_sample_goes_on_as_it_was_shown() -> None:
    schema = schema_from(CHAT, SAMPLE)
    assert schema["message"].example == "3+3?"
    assert [f.name for f in schema.visible()] == ["message", "system", "temperature", "max_tokens"]
    body = sent(schema, schema.parse({"message": "3+3?"}, "json"))
    assert body == {key: value for key, value in SAMPLE.items() if not key.startswith("stream")}


def test_a_setting_beyond_our_limits_goes_on_unasked() -> None:
    sample = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "temperature": 5, "max_tokens": 0}
    schema = schema_from(CHAT, sample)
    assert [f.name for f in schema.visible()] == ["message", "system"]
    assert sent(schema, schema.parse({"message": "Hi"}, "json")) == sample


def test_a_sample_with_a_picture_asks_for_one() -> None:
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    schema = schema_from(CHAT, {"model": "m", "messages": [{"role": "user", "content": content}]})
    assert schema["image"].kind == "file"
    row = {"message": "And this?", "model": "m", "image": Upload(b"ab", "a.png", "image/png")}
    assert sent(schema, row)["messages"][0]["content"] == [
        {"type": "text", "text": "And this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,YWI="}},
    ]


def test_a_completion_sample() -> None:
    schema = schema_from(COMPLETIONS, {"model": "m", "prompt": "Once", "max_tokens": 7})
    assert sent(schema, schema.parse({"prompt": "Twice"}, "json")) == {"model": "m", "prompt": "Twice", "max_tokens": 7}


@pytest.mark.parametrize(
    "document",
    [
        {"inputs": "x"},
        {"input": {"image": "x"}},
        {"input": "x"},
        {"prompt": "x"},
        {"messages": ["x"]},
        {"openapi": "3.1.0", "paths": {"/v1/chat/completions": {}}},
    ],
)
def test_bodies_of_other_protocols_are_left_to_them(document: Any) -> None:
    assert openai.read_schema("http://host/score", document, {}) is None


# Requests


def test_a_chat() -> None:
    row = {"message": "Hi", "system": "", "temperature": Decimal("0.5"), "max_tokens": None, "model": "m"}
    body = {"model": "m", "temperature": 0.5, "messages": [{"role": "user", "content": "Hi"}]}
    assert sent(openai.DEFAULT_SCHEMA, row) == body
    assert sent(openai.DEFAULT_SCHEMA, {**row, "system": "Be brief."})["messages"][0] == {
        "role": "system",
        "content": "Be brief.",
    }


def test_limits() -> None:
    temperature = openai.DEFAULT_SCHEMA["temperature"]
    assert (temperature.minimum, temperature.maximum) == (Decimal(0), Decimal(2))
    assert not temperature.required


# Answers


def test_content_in_parts() -> None:
    (part,) = answered({"content": [{"type": "text", "text": "One"}, {"type": "text", "text": "two"}]})
    assert isinstance(part, Text)
    assert part.text == "One\ntwo"


def test_a_refusal_is_told() -> None:
    (part,) = answered({"content": None, "refusal": "I cannot."})
    assert isinstance(part, Text)
    assert (part.text, part.name) == ("I cannot.", "refusal")


def test_calls_of_tools_are_shown() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    (part,) = answered({"content": None, "tool_calls": calls})
    assert isinstance(part, Json)
    assert part.value == calls


def test_a_cut_answer_says_so() -> None:
    parts = answered({"content": "Once upon"}, finish_reason="length")
    assert next(part.text for part in parts if isinstance(part, Text)) == "Once upon"
    assert len(parts) == 2


def test_every_choice_is_shown() -> None:
    parts = decoded({"choices": [{"message": {"content": "a"}}, {"text": "b"}]})
    assert [part.text for part in parts if isinstance(part, Text)] == ["a", "b"]


def test_counted_tokens_come_last() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "details": {"cached": 0}}
    text, counted = decoded({"choices": [{"message": {"content": "a"}}], "usage": usage})
    assert isinstance(text, Text)
    assert isinstance(counted, Table)
    assert counted.rows == [[3, 2, 5]]


def test_embeddings_come_in_the_order_of_their_index() -> None:
    first, second = decoded({"data": [{"embedding": [2.0], "index": 1}, {"embedding": [1.0], "index": 0}]})
    assert isinstance(first, Vector)
    assert isinstance(second, Vector)
    assert (first.values, second.values, first.row, second.row) == ([1.0], [2.0], 0, 1)


def test_the_service_s_own_error_is_an_error() -> None:
    body = b'{"error": {"message": "bad key", "type": "invalid_request_error", "code": "invalid_api_key"}}'
    with pytest.raises(EndpointError) as caught:
        faults.check(Reply(401, {}, body))
    assert (caught.value.kind, caught.value.code) == ("auth", "invalid_api_key")


# Answers in pieces


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('{"choices": [{"delta": {"role": "assistant", "content": ""}}]}', ""),
        ('{"choices": [{"delta": {"content": "Iris"}}]}', "Iris"),
        ('{"choices": [{"delta": {"content": " setosa"}}]}', " setosa"),
        ('{"choices": [{"delta": {"content": null}, "finish_reason": "stop"}]}', ""),
        ('{"choices": [{"delta": {"content": "of the second choice"}, "index": 1}]}', ""),
        ('{"choices": [{"text": "once"}]}', "once"),
        ('{"choices": [], "usage": {"total_tokens": 3}}', ""),
        ("[DONE]", ""),
        ("3", ""),
        ("", ""),
    ],
)
def test_a_piece_of_an_answer(data: str, text: str) -> None:
    assert openai.chunks(openai.DEFAULT_SCHEMA, Event("message", data)) == text


def test_a_broken_piece_is_refused() -> None:
    with pytest.raises(BadResponse):
        openai.chunks(openai.DEFAULT_SCHEMA, Event("message", '{"choices"'))


def test_an_error_in_a_stream_is_an_error() -> None:
    with pytest.raises(EndpointError):
        openai.chunks(openai.DEFAULT_SCHEMA, Event("message", '{"error": {"message": "out of memory"}}'))


# Anything at all


@pytest.mark.parametrize("url", [CHAT, EMBEDDINGS, COMPLETIONS, "http://host/score"])
def test_no_description_breaks_the_reader(url: str) -> None:
    read = [schema for schema in (openai.read_schema(url, document, {}) for document in ODD) if schema is not None]
    for schema in read:
        openai.encode(schema, url, [])
        openai.encode(schema, url, [{f.name: None for f in schema.fields}])


@pytest.mark.parametrize("body", ODD, ids=str)
def test_no_answer_breaks_the_reader(body: Any) -> None:
    decoded(body)
    pieces = [Event("message", json.dumps(body)), Event("message", "[DONE]")]
    with contextlib.suppress(EndpointError):  # some of them are errors
        openai.whole(openai.DEFAULT_SCHEMA, pieces)
