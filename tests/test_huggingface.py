"""The dialect of Hugging Face, against documented exchanges (`vectors/`) and against what is broken."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from vectors_of import agrees, refused, reply_of, url_of, vectors_of

from FlaskAppAML import faults
from FlaskAppAML.dialects import huggingface
from FlaskAppAML.errors import BadResponse, EndpointError
from FlaskAppAML.results import Images, Scores, Spans, Text, Vector
from FlaskAppAML.schema import Schema, Upload
from FlaskAppAML.wire import Reply

VECTORS = vectors_of("huggingface")
every_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
URL = "https://router.huggingface.co/hf-inference/models/org/model"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(30)
ODD: list[Any] = [
    None,
    True,
    0,
    -1.5,
    "",
    "text",
    [],
    {},
    [[]],
    [{}],
    [None],
    [[[[]]]],
    [1, "a"],
    [float("nan")],
    {"inputs": None},
    {"inputs": []},
    {"inputs": {}},
    {"inputs": {"data": None}},
    {"inputs": {"data": {}}},
    {"inputs": {"data": {"a": None}}},
    {"inputs": {"data": {"a": []}, "more": [1]}},
    {"inputs": "x", "parameters": None},
    {"inputs": "x", "parameters": {"candidate_labels": 7, "top_k": "many"}},
    {"inputs": {"question": 1, "context": None}},
    {"data": [{"b64_json": 1}]},
    [{"label": None, "score": None}],
    [{"generated_text": None}],
    [{"label": "a", "score": 1, "mask": 3}],
]


def schema_of(task: str) -> Schema:
    schema = huggingface.schema_of_task(task)
    assert schema is not None
    return schema


def sample(document: Any, url: str = URL) -> Schema:
    schema = huggingface.read_schema(url, document, {})
    assert schema is not None
    return schema


def reply(body: Any, kind: str = "application/json") -> Reply:
    return Reply(200, {"content-type": kind}, body if isinstance(body, bytes) else json.dumps(body).encode())


def decoded(task: str, body: Any) -> list[Any]:
    return huggingface.decode(schema_of(task), reply(body), 1).parts


def sent(schema: Schema, *rows: dict[str, Any]) -> Any:
    return json.loads(huggingface.encode(schema, URL, rows).body)


# The documented exchanges


def test_all_samples_are_there() -> None:
    assert len(VECTORS) == 6


@every_vector
def test_a_sample_is_encoded_as_documented(vector: dict[str, Any]) -> None:
    body = vector["request"]["body"]
    if "$base64" in body:
        schema = schema_of(vector["name"].removeprefix("hf_").removesuffix("_ok").replace("_", "-"))
        picture = Upload(PNG, "cat.jpg", vector["inputs"]["image"]["content_type"])
        request = huggingface.encode(schema, url_of(vector), [{"image": picture, "top_k": None}])
        assert request.body == PNG
        assert request.headers["Content-Type"] == vector["request"]["headers"]["Content-Type"]
        return
    schema = sample(body, url_of(vector))
    row = schema.parse(vector["inputs"]["rows"][0], "json")
    request = huggingface.encode(schema, url_of(vector), [row])
    assert json.loads(request.body) == body
    assert (request.method, request.url) == ("POST", url_of(vector))


@every_vector
def test_a_sample_is_decoded_as_documented(vector: dict[str, Any]) -> None:
    if not refused(vector):
        assert agrees(vector["expected"], huggingface.decode(huggingface.DEFAULT_SCHEMA, reply_of(vector), 1))


# The address


@pytest.mark.parametrize(
    ("url", "least", "most"),
    [
        (URL, 0.9, 1.0),
        ("https://router.huggingface.co/v1/chat/completions", 0.0, 0.4),
        ("https://api-inference.huggingface.co/models/bert-base-uncased", 0.9, 1.0),
        ("https://abc123.us-east-1.aws.endpoints.huggingface.cloud", 0.9, 1.0),
        ("http://127.0.0.1:5556/models/reviews", 0.5, 0.8),
        ("http://host/models/a/b/pipeline/feature-extraction", 0.5, 0.8),
        ("http://host/models/iris/predict", 0.0, 0.2),
        ("http://host/v1/models/iris:predict", 0.0, 0.0),
        ("http://host/v2/models/iris/infer", 0.0, 0.0),
        ("http://host/generate", 0.1, 0.4),
        ("http://nothuggingface.co/predict", 0.0, 0.4),
        ("http://huggingface.co.evil.example/score", 0.0, 0.0),
    ],
)
def test_addresses(url: str, least: float, most: float) -> None:
    assert least <= huggingface.claims(urlsplit(url)) <= most


def test_nothing_is_asked_of_the_endpoint() -> None:
    assert huggingface.schema_urls(URL) == []


def test_the_address_may_name_the_task() -> None:
    schema = huggingface.default_schema("http://host/models/a/b/pipeline/sentence-similarity")
    assert schema.options["task"] == "sentence-similarity"
    assert huggingface.default_schema("http://host/models/a/pipeline/nonsense") is huggingface.DEFAULT_SCHEMA


# The tasks


@pytest.mark.parametrize("task", huggingface.TASKS)
def test_every_task_has_a_form_that_can_be_sent(task: str) -> None:
    schema = schema_of(task)
    assert schema.dialect == "huggingface"
    assert len({f.name for f in schema.fields}) == len(schema.fields)
    values: dict[str, Any] = {"file": Upload(PNG), "list": ["a", "b"], "json": {"a": ["1"]}}
    row = {f.name: values.get(f.kind, "x") for f in schema.fields if f.required}
    request = huggingface.encode(schema, URL, [row])
    if request.body != PNG:
        assert "inputs" in json.loads(request.body)


def test_an_unknown_task_has_no_form() -> None:
    assert huggingface.schema_of_task("fortune-telling") is None


def test_parameters_stand_apart() -> None:
    row = {"inputs": "I like you", "candidate_labels": ["praise", "complaint"], "multi_label": True}
    assert sent(schema_of("zero-shot-classification"), row) == {
        "inputs": "I like you",
        "parameters": {"candidate_labels": ["praise", "complaint"], "multi_label": True},
    }


def test_several_inputs_stand_together() -> None:
    body = sent(schema_of("question-answering"), {"question": "Who?", "context": "It was Ada.", "top_k": None})
    assert body == {"inputs": {"question": "Who?", "context": "It was Ada."}}


def test_what_is_left_out_is_left_out() -> None:
    row = {"inputs": "a cat", "negative_prompt": "", "width": None, "guidance_scale": Decimal("7.5")}
    assert sent(schema_of("text-to-image"), row) == {"inputs": "a cat", "parameters": {"guidance_scale": 7.5}}


def test_a_picture_with_parameters_travels_in_base64() -> None:
    row = {"image": Upload(PNG, "a.png", "image/png"), "threshold": Decimal("0.9")}
    body = sent(schema_of("object-detection"), row)
    assert body == {"inputs": base64.b64encode(PNG).decode(), "parameters": {"threshold": 0.9}}


def test_drawings_are_asked_for_as_pictures() -> None:
    request = huggingface.encode(schema_of("text-to-image"), URL, [{"inputs": "a cat"}])
    assert request.headers["Accept"].startswith("image/")


# Samples


def test_a_table_is_sent_as_it_was_shown() -> None:
    schema = sample({"inputs": {"data": {"height": ["1.5", "2"], "kind": ["oak", "elm"], "age": [7, 8]}}})
    assert [(f.name, f.kind) for f in schema.fields] == [("height", "number"), ("kind", "text"), ("age", "number")]
    rows = [{"height": Decimal("1.50"), "kind": "oak", "age": Decimal(7)}, {"height": Decimal(3), "kind": "elm"}]
    data = {"height": ["1.50", "3"], "kind": ["oak", "elm"], "age": [7, None]}
    assert sent(schema, *rows) == {"inputs": {"data": data}}


def test_a_sample_tells_its_task() -> None:
    schema = sample({"inputs": {"source_sentence": "a", "sentences": ["b", "c"]}})
    assert schema.options["task"] == "sentence-similarity"
    row = {"source_sentence": "x", "sentences": ["y"]}
    assert sent(schema, row) == {"inputs": row}


def test_a_picture_in_a_sample_becomes_a_file() -> None:
    schema = sample({"inputs": base64.b64encode(PNG).decode(), "parameters": {"top_k": 3}})
    assert next((f.name, f.kind, f.send) for f in schema.fields) == ("image", "file", "base64")
    body = sent(schema, schema.parse({"image": Upload(PNG)}, "json"))
    assert body == {"inputs": base64.b64encode(PNG).decode(), "parameters": {"top_k": 3}}


def test_parameters_of_a_sample_go_on() -> None:
    document = {"inputs": "x", "parameters": {"candidate_labels": ["a", "b"], "unheard_of": {"depth": 2}}}
    schema = sample(document)
    assert schema.options["task"] == "zero-shot-classification"
    assert all(f.parameter == (f.name != "inputs") for f in schema.fields)
    assert sent(schema, schema.parse({"inputs": "x"}, "json")) == document


def test_a_custom_handler_may_want_anything() -> None:
    schema = sample({"query": "a", "depth": 3})
    assert sent(schema, {"query": "b", "depth": 4}) == {"query": "b", "depth": 4}
    assert huggingface.read_schema("http://host/score", {"query": "a", "depth": 3}, {}) is None


@pytest.mark.parametrize(
    "document",
    [
        {"inputs": {"sepal": [5.1]}},
        {"inputs": [[1, 2]]},
        {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]},
        {"inputs": "x", "params": {}},
        {"inputs": ["x"]},
        {"instances": [1]},
        {"openapi": "3.1.0", "paths": {}, "inputs": "x"},
    ],
)
def test_bodies_of_other_protocols_are_left_to_them(document: Any) -> None:
    assert huggingface.read_schema("http://host/score", document, {}) is None


def test_a_typical_body_is_known_at_any_address() -> None:
    assert huggingface.read_schema("http://host/score", {"inputs": "I like you"}, {}) is not None


# Answers


def test_labels_of_each_kind_of_nesting() -> None:
    labels = [{"label": "A", "score": 0.2}, {"label": "B", "score": 0.8}]
    for body in (labels, [labels]):
        (part,) = decoded("text-classification", body)
        assert isinstance(part, Scores)
        assert [(s.label, s.score, s.top) for s in part.scores] == [("B", 0.8, True), ("A", 0.2, False)]


def test_the_older_answer_of_zero_shot() -> None:
    parts = decoded("zero-shot-classification", {"sequence": "x", "labels": ["a", "b"], "scores": [0.9, 0.1]})
    assert isinstance(parts[0], Scores)
    assert [s.label for s in parts[0].scores] == ["a", "b"]


@pytest.mark.parametrize(
    ("task", "body", "text"),
    [
        ("summarization", [{"summary_text": "Short."}], "Short."),
        ("translation", [{"translation_text": "Bonjour"}], "Bonjour"),
        ("text-generation", [{"generated_text": "Once\nupon"}], "Once\nupon"),
        ("text-generation", {"generated_text": "Once"}, "Once"),
        ("image-to-text", [{"generated_text": "a cat"}], "a cat"),
        ("automatic-speech-recognition", {"text": "hello"}, "hello"),
    ],
)
def test_texts(task: str, body: Any, text: str) -> None:
    part = decoded(task, body)[0]
    assert isinstance(part, Text)
    assert part.text == text


def test_answers_to_a_question() -> None:
    (part,) = decoded("question-answering", [{"answer": "Ada", "score": 0.9, "start": 7, "end": 10}])
    assert isinstance(part, Scores)
    assert (part.scores[0].label, part.scores[0].score) == ("Ada", 0.9)


def test_words_for_a_mask() -> None:
    (part,) = decoded(
        "fill-mask",
        [
            {"score": 0.7, "token": 3, "token_str": "Paris", "sequence": "Paris is big"},
            {"score": 0.2, "token": 4, "token_str": "Rome", "sequence": "Rome is big"},
        ],
    )
    assert isinstance(part, Scores)
    assert [s.label for s in part.scores] == ["Paris", "Rome"]


def test_tokens() -> None:
    (part,) = decoded("token-classification", [{"entity": "B-PER", "score": 1, "word": "Ada", "start": 0, "end": 3}])
    assert isinstance(part, Spans)


@pytest.mark.parametrize("body", [[0.5, -1, 2], [[0.5, -1, 2]], [[[0.5, -1, 2]]]])
def test_an_embedding_may_be_short_and_nested(body: Any) -> None:
    (part,) = decoded("feature-extraction", body)
    assert isinstance(part, Vector)
    assert part.values == [0.5, -1, 2]


def test_a_vector_for_each_token_is_no_single_embedding() -> None:
    assert not any(
        isinstance(part, Vector) and part.row is None for part in decoded("feature-extraction", [[[1], [2]]])
    )


def test_similarities_belong_to_their_sentences() -> None:
    (part,) = decoded("sentence-similarity", [0.1, 0.9])
    assert [(s.label, s.score) for s in part.scores] == [("Sentence 2", 0.9), ("Sentence 1", 0.1)]


def test_masks_are_pictures() -> None:
    mask = base64.b64encode(PNG).decode()
    parts = decoded("image-segmentation", [{"label": "cat", "score": 0.9, "mask": mask}])
    assert {type(part) for part in parts} == {Scores, Images}


def test_a_drawing_is_the_body_itself() -> None:
    answer = reply(PNG, "image/png")
    faults.check(answer)
    result = huggingface.decode(schema_of("text-to-image"), answer, 1)
    (part,) = result.parts
    assert isinstance(part, Images)
    assert base64.b64decode(part.images[0].base64) == PNG
    assert result.raw == {"content_type": "image/png", "bytes": len(PNG)}


@pytest.mark.parametrize("body", [b"", b"noise", b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_a_picture_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(BadResponse):
        huggingface.decode(schema_of("text-to-image"), reply(body, "image/svg+xml"), 1)


def test_a_page_instead_of_json_is_refused() -> None:
    with pytest.raises(BadResponse):
        huggingface.decode(huggingface.DEFAULT_SCHEMA, reply(b"<html></html>", "text/html"), 1)


def test_a_model_that_is_loading_says_for_how_long() -> None:
    answer = Reply(503, {}, b'{"error": "Model x is currently loading", "estimated_time": 20.0}')
    with pytest.raises(EndpointError) as caught:
        faults.check(answer)
    assert (caught.value.kind, caught.value.retry_after) == ("loading", 20.0)


# Anything at all


@pytest.mark.parametrize("url", [URL, "http://host/score"])
@pytest.mark.parametrize("document", ODD, ids=str)
def test_no_description_breaks_the_reader(url: str, document: Any) -> None:
    schema = huggingface.read_schema(url, document, {})
    if schema is not None:
        huggingface.encode(schema, url, [])
        huggingface.encode(schema, url, [{f.name: None for f in schema.fields}])


@pytest.mark.parametrize("task", huggingface.TASKS)
def test_no_answer_breaks_the_reader(task: str) -> None:
    for body in ODD:
        result = huggingface.decode(schema_of(task), reply(body), 1)
        assert all(json.dumps(part.document(), default=vars) for part in result.parts), body
