"""The dialect of the Open Inference Protocol, against documented and real exchanges (`vectors/`)."""

from __future__ import annotations

import copy
import json
import time
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import some
from hostile import anything, damaged, survives_answer, survives_description
from vectors_of import agrees, reply_of, url_of, vectors_of

from FlaskAppAML import faults
from FlaskAppAML.dialects import open_inference
from FlaskAppAML.errors import EndpointError, WrongInput
from FlaskAppAML.results import Images, Json, Scores, Table, Text, Vector
from FlaskAppAML.schema import Schema, Upload
from FlaskAppAML.wire import Reply

VECTORS = vectors_of("open_inference")
OK = {name: vector for name, vector in VECTORS.items() if name.endswith("_ok")}
URL = "http://127.0.0.1:8080/v2/models/m/infer"
every_answer = pytest.mark.parametrize("vector", OK.values(), ids=OK)


def schema_from(document: Any, url: str = URL) -> Schema:
    schema = open_inference.read_schema(url, document, {})
    assert schema is not None
    return schema


def sent(schema: Schema, rows: list[dict[str, Any]]) -> Any:
    return json.loads(open_inference.encode(schema, URL, rows).body)


def rows_of(vector: dict[str, Any], schema: Schema) -> list[dict[str, Any]]:
    """The sample's inputs by our names, in the order of the tensors; what was not kept of them is in the request."""
    if vector["inputs"] is None:
        (given,) = vector["request"]["body"]["inputs"]
        width = given["shape"][1]
        lists = [given["data"][i : i + width] for i in range(0, len(given["data"]), width)]
        return [schema.parse({schema.fields[0].name: values}, "json") for values in lists]
    rows = [list(row.values()) for row in vector["inputs"]["rows"]]
    if len(schema.fields) == 1:
        return [schema.parse({schema.fields[0].name: values}, "json") for values in rows]
    return [
        schema.parse({f.name: value for f, value in zip(schema.fields, values, strict=True)}, "json") for values in rows
    ]


# The documented and the real exchanges


def test_all_samples_are_there() -> None:
    assert (len(VECTORS), len(OK)) == (17, 7)


@every_answer
def test_a_sample_is_encoded_as_it_was_sent(vector: dict[str, Any]) -> None:
    schema = schema_from(vector["request"]["body"], url_of(vector))
    request = open_inference.encode(schema, url_of(vector), rows_of(vector, schema))
    wanted = {key: value for key, value in vector["request"]["body"].items() if key != "id"}
    assert json.loads(request.body) == wanted
    assert (request.method, request.url) == ("POST", url_of(vector))
    assert (schema.source, schema.dialect) == ("a sample request", "open_inference")


@every_answer
def test_a_sample_is_decoded_as_it_is_meant(vector: dict[str, Any]) -> None:
    reply = reply_of(vector)
    faults.check(reply)
    documents = [vector["request"]["body"], vector["schema_document"]]
    for document in [document for document in documents if document]:
        schema = schema_from(document, url_of(vector))
        assert agrees(
            vector["expected"], open_inference.decode(schema, reply, len(vector["expected"].get("rows", [1])))
        )


@pytest.mark.parametrize("name", sorted(VECTORS.keys() - OK.keys()))
def test_a_failure_is_read_before_any_answer(name: str) -> None:
    with pytest.raises(EndpointError) as caught:
        faults.check(reply_of(VECTORS[name]))
    assert caught.value.kind == VECTORS[name]["expected"]["error"]["kind"]


# Addresses


@pytest.mark.parametrize(
    ("url", "claim", "descriptions"),
    [
        (URL, 1.0, ["http://127.0.0.1:8080/v2/models/m"]),
        ("https://h/base/v2/models/m/versions/1/infer?k=1", 1.0, ["https://h/base/v2/models/m/versions/1"]),
        ("https://h/v2/models/m", 0.9, ["https://h/v2/models/m"]),
        ("https://h/v2", 0.4, []),
        ("https://h/v2/models/m/generate", 0.0, []),
        ("https://h/v1/models/m:predict", 0.0, []),
    ],
)
def test_the_dialect_claims_its_own_addresses(url: str, claim: float, descriptions: list[str]) -> None:
    assert open_inference.claims(urlsplit(url)) == claim
    assert open_inference.schema_urls(url) == descriptions


def test_the_address_of_a_model_alone_gets_infer() -> None:
    schema = schema_from(described(("x", "FP32", [-1, 2])), "https://h/v2/models/m")
    assert schema.url == "https://h/v2/models/m/infer"
    assert open_inference.encode(schema, "https://h/v2/models/m", []).url == "https://h/v2/models/m/infer"
    assert schema_from(described(("x", "FP32", [-1, 2]))).url == ""
    request = open_inference.encode(open_inference.DEFAULT_SCHEMA, "https://h/v2/models/m", [{"body": {}}])
    assert request.url == "https://h/v2/models/m/infer"


# Metadata


def described(*tensors: tuple[str, str, list[int]], content_types: tuple[str, ...] = (), **others: Any) -> Any:
    inputs: list[dict[str, Any]] = [
        {"name": name, "datatype": datatype, "shape": shape} for name, datatype, shape in tensors
    ]
    for node, content_type in zip(inputs, content_types, strict=False):
        node["parameters"] = {"content_type": content_type}
    return {"name": "m", "versions": ["1"], "platform": "p", "inputs": inputs, "outputs": [], **others}


def test_a_data_frame_has_a_field_per_column() -> None:
    schema = schema_from(VECTORS["oip_err_traceback_text"]["schema_document"])
    assert [(f.name, f.kind) for f in schema.fields] == [
        ("sepal length (cm)", "number"), ("sepal width (cm)", "number"),
        ("petal length (cm)", "number"), ("petal width (cm)", "number"),
    ]  # fmt: skip
    rows = [schema.parse({f.name: i + n for n, f in enumerate(schema.fields)}, "json") for i in (0, 10)]
    body = sent(schema, rows)
    assert body["parameters"] == {"content_type": "pd"}
    assert body["inputs"][1] == {
        "name": "sepal width (cm)", "shape": [2, 1], "datatype": "FP64", "data": [1, 11],
        "parameters": {"content_type": "np"},
    }  # fmt: skip


@pytest.mark.parametrize("name", ["oip_kserve_ok"])
def test_empty_metadata_leaves_the_whole_request(name: str) -> None:
    schema = schema_from(VECTORS[name]["schema_document"])
    assert [(f.name, f.kind) for f in schema.fields] == [("body", "json")]
    assert schema.options["doubt"]
    body = VECTORS[name]["request"]["body"]
    assert sent(schema, [schema.parse({"body": body}, "json")]) == body
    with pytest.raises(WrongInput):
        open_inference.encode(schema, URL, [{"body": body}] * 2)


@pytest.mark.parametrize(
    ("datatype", "shape", "kind", "value", "sent_shape", "data"),
    [
        ("INT64", [-1], "integer", 2**63 - 1, [1], [2**63 - 1]),
        ("UINT64", [-1, 1], "integer", 2**64 - 1, [1, 1], [2**64 - 1]),
        ("FP32", [-1, 3], "list", [Decimal("0.1"), 2, 3], [1, 3], [0.1, 2, 3]),
        ("FP32", [1, 3], "list", [1, 2, 3], [1, 3], [1, 2, 3]),
        ("FP32", [3], "list", [1, 2, 3], [3], [1, 2, 3]),
        ("FP32", [2, 2], "json", [[1, 2], [3, 4]], [2, 2], [1, 2, 3, 4]),
        ("FP32", [-1, 2, 2], "json", [[1, 2], [3, 4]], [1, 2, 2], [1, 2, 3, 4]),
        ("FP32", [-1, 2, 2], "json", [1, 2, 3, 4], [1, 2, 2], [1, 2, 3, 4]),
        ("INT32", [-1, -1], "list", [1, 2, 3], [1, 3], [1, 2, 3]),
        ("BOOL", [-1], "boolean", True, [1], [True]),
        ("BYTES", [-1], "text", "Zürich", [1], ["Zürich"]),
        ("BYTES", [-1, 2], "list", ["a", "b"], [1, 2], ["a", "b"]),
        ("ODD8", [-1], "json", {"a": 1}, None, None),
    ],
)
def test_a_tensor_is_a_field_and_flat_again(
    datatype: str, shape: list[int], kind: str, value: Any, sent_shape: Any, data: Any
) -> None:
    schema = schema_from(described(("x", datatype, shape)))
    assert [f.kind for f in schema.fields] == [kind]
    assert ("max_rows" in schema.options) is (shape[0] != -1)
    if data is None:
        with pytest.raises(WrongInput):
            open_inference.encode(schema, URL, [{"x": value}])
        return
    (tensor,) = sent(schema, [{"x": value}])["inputs"]
    assert tensor == {"name": "x", "shape": sent_shape, "datatype": datatype, "data": data}


def test_several_rows_lie_one_behind_the_other() -> None:
    schema = schema_from(described(("x", "FP64", [-1, 2]), ("t", "BYTES", [-1])))
    body = sent(schema, [{"x": [1, 2], "t": "a"}, {"x": [3, 4], "t": "b"}])
    assert [(t["shape"], t["data"]) for t in body["inputs"]] == [([2, 2], [1, 2, 3, 4]), ([2], ["a", "b"])]
    ragged = schema_from(described(("x", "INT64", [-1, -1])))
    with pytest.raises(WrongInput) as caught:
        open_inference.encode(ragged, URL, [{"x": [1, 2]}, {"x": [3]}])
    assert set(caught.value.fields) == {"x"}


def test_a_tensor_left_out_is_left_out_for_all_rows() -> None:
    schema = schema_from(described(("x", "FP64", [-1]), ("t", "BYTES", [-1])))
    assert [t["name"] for t in sent(schema, [{"x": 1, "t": None}])["inputs"]] == ["x"]
    with pytest.raises(WrongInput):
        open_inference.encode(schema, URL, [{"x": 1, "t": None}, {"x": 1, "t": "a"}])


def test_files_and_texts_say_their_content_type() -> None:
    document = described(("f", "BYTES", [-1]), ("t", "BYTES", [-1, 1]), content_types=("base64", "str"))
    schema = schema_from(document)
    assert [(f.name, f.kind) for f in schema.fields] == [("f", "file"), ("t", "text")]
    assert sent(schema, [{"f": Upload(b"hi"), "t": "x"}])["inputs"] == [
        {"name": "f", "shape": [1], "datatype": "BYTES", "parameters": {"content_type": "base64"}, "data": ["aGk="]},
        {"name": "t", "shape": [1, 1], "datatype": "BYTES", "parameters": {"content_type": "str"}, "data": ["x"]},
    ]


@pytest.mark.parametrize("value", [[[1, 2], [3]], [1, 2, 3], "x", {"a": 1}, [], [None] * 4, [["1", "2"], ["3", "4"]]])
def test_rows_of_the_wrong_shape_are_not_sent(value: Any) -> None:
    schema = schema_from(described(("x", "FP32", [-1, 2, 2])))
    with pytest.raises(WrongInput) as caught:
        open_inference.encode(schema, URL, [{"x": value}])
    assert set(caught.value.fields) == {"x"}


@pytest.mark.parametrize(
    "document",
    [
        None, 5, "x", [], {}, {"name": "mlserver", "version": "1", "extensions": []}, {"inputs": "text"}, {"inputs": 5},
        {"inputs": [[1, 2]]}, {"inputs": [{"text": "x"}]}, {"inputs": {"a": [1]}}, {"name": "m", "ready": True},
        {"inputs": []}, {"inputs": [{"name": "x"}, 5]}, {"openapi": "3.1.0", "paths": {}},
    ],
)  # fmt: skip
def test_what_is_of_others_is_left_to_them(document: Any) -> None:
    assert open_inference.read_schema("https://h/", document, {}) is None


# Samples


def test_one_list_of_numbers_in_a_sample_stays_one_list() -> None:
    schema = schema_from({"inputs": [{"name": "x", "shape": [3], "datatype": "FP32", "data": [1, 2, 3]}]})
    assert [(f.kind, f.max_items, f.example) for f in schema.fields] == [("list", 3, [1, 2, 3])]
    assert sent(schema, [{"x": [4, 5, 6]}])["inputs"][0]["shape"] == [3]
    texts = schema_from({"inputs": [{"name": "x", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]}]})
    assert [(f.kind, f.example) for f in texts.fields] == [("text", "a")]
    assert sent(texts, [{"x": v} for v in "cde"])["inputs"][0]["shape"] == [3]


def test_a_sample_says_what_else_is_sent() -> None:
    numpy = {"content_type": "np"}
    sample = {
        "id": "1", "parameters": {"content_type": "np"}, "outputs": [{"name": "predict_proba"}],
        "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [[1, 2]], "parameters": numpy}],
    }  # fmt: skip
    body = sent(schema_from(sample), [{"x": [3, 4]}])
    assert body == {
        "parameters": {"content_type": "np"}, "outputs": [{"name": "predict_proba"}],
        "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [3, 4], "parameters": numpy}],
    }  # fmt: skip


# Answers


def decoded(*outputs: Any, n_rows: int = 1, schema: Schema = open_inference.DEFAULT_SCHEMA) -> list[Any]:
    body = json.dumps({"model_name": "m", "outputs": list(outputs)}).encode()
    return open_inference.decode(schema, Reply(200, {}, body), n_rows).parts


def output(name: str, datatype: str, shape: Any, data: Any, **parameters: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data, "parameters": parameters}


def test_outputs_stand_side_by_side_and_may_have_other_names_than_described() -> None:
    schema = schema_from(
        described(("x", "FP32", [-1]), outputs=[{"name": "output-0", "datatype": "INT64", "shape": [-1]}])
    )
    parts = decoded(
        output("output-1", "INT64", [2], [2**60 + 1, 0]),
        output("p", "FP64", [2, 2], [0.5, 1, 2, 3]),
        n_rows=2,
        schema=schema,
    )
    (part,) = parts
    assert isinstance(part, Table)
    assert [(c.name, c.type) for c in part.columns] == [("output-1", "integer"), ("p[0]", "number"), ("p[1]", "number")]
    assert part.rows == [[2**60 + 1, 0.5, 1], [0, 2, 3]]


def test_an_embedding_a_text_and_a_picture_are_what_they_are() -> None:
    (part,) = decoded(output("e", "FP32", [1, 64], [0.5] * 64))
    assert isinstance(part, Vector)
    (part,) = decoded(output("t", "BYTES", [1], ["a text\nof two lines"]))
    assert isinstance(part, Text)
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    (part,) = decoded(output("i", "BYTES", [1], [png], content_type="base64"))
    assert isinstance(part, Images)


def test_three_dimensions_are_shown_and_nothing_is_lost() -> None:
    parts = decoded(output("x", "FP32", [1, 2, 2], [1, 2, 3, 4]))
    assert parts
    assert "4" in str([part.document() for part in parts])


def test_mlservers_json_in_texts_is_read() -> None:
    text = json.dumps({"label": "POSITIVE", "score": 0.75})
    (part,) = decoded(output("output", "BYTES", [1, 1], [text], content_type="hg_jsonlist"))
    assert isinstance(part, Scores)
    assert part.scores[0].label == "POSITIVE"


def test_classes_are_read_only_where_they_were_asked_for_or_cannot_be_texts() -> None:
    asked = schema_from({**VECTORS["triton_classification_ext_ok"]["request"]["body"]})
    two = output("probs", "BYTES", [2, 2], ["0.75:2:cat", "0.25:1:dog:s", "9:1", "1:0"])
    parts = decoded(two, n_rows=2, schema=asked)
    assert [[(s.label, s.score) for s in part.scores] for part in parts] == [
        [("cat", 0.75), ("dog:s", 0.25)],
        [("1", 9.0), ("0", 1.0)],
    ]
    assert [part.row for part in parts] == [0, 1]
    (clock,) = decoded(output("at", "BYTES", [2], ["10:30:00", "11:45:00"]), n_rows=2, schema=asked)
    assert isinstance(clock, Table)


@pytest.mark.parametrize(
    ("shape", "data"),
    [([2], [1]), ([10**18, 10**18], [1]), ([0, 10**9], []), ([-1], [1, 2]), (None, [1]), ("x", [1]), ([1] * 50, [1]),
     ([2, 2], [[1, 2], [3, 4]]), ([True], [1]), ([1.5], [1]), ([], [1])],
)  # fmt: skip
def test_a_shape_that_does_not_fit_is_not_believed(shape: Any, data: Any) -> None:
    started = time.thread_time()
    assert decoded(output("x", "INT64", shape, data))
    assert time.thread_time() - started < 1


@pytest.mark.parametrize(
    "body", [{"outputs": [{"name": "x", "shape": [1]}]}, {"outputs": []}, {"outputs": None}, [], 5, None]
)
def test_an_answer_without_outputs_is_shown_as_it_is(body: Any) -> None:
    parts = open_inference.decode(open_inference.DEFAULT_SCHEMA, Reply(200, {}, json.dumps(body).encode()), 1).parts
    assert parts
    assert body is not None or parts == [Json(None)]


# What is broken

WORDS = (
    "inputs", "outputs", "name", "shape", "datatype", "data", "parameters", "content_type", "pd", "base64", "FP32",
    "BYTES", "INT64", "platform", "versions", "classification", "x", "1:2:a",
)  # fmt: skip
SAMPLES: dict[str, Any] = {
    **{name: vector["request"]["body"] for name, vector in OK.items()},
    "data frame": VECTORS["oip_err_traceback_text"]["schema_document"],
    "metadata": described(
        ("f", "BYTES", [-1, 1]), ("n", "INT64", [-1, 2]), content_types=("base64",), parameters={"content_type": "np"}
    ),
}


@pytest.mark.parametrize("name", some(SAMPLES, next(iter(SAMPLES))))
def test_a_damaged_description_is_a_form_that_can_be_sent_or_none(name: str) -> None:
    documents = damaged(copy.deepcopy(SAMPLES[name]))
    assert sum(survives_description(open_inference, URL, document) for document in documents) > 0


@pytest.mark.parametrize("name", OK)
def test_a_damaged_answer_is_shown_all_the_same(name: str) -> None:
    schema = schema_from(OK[name]["request"]["body"])
    for body in damaged(OK[name]["response"]["body"]):
        survives_answer(open_inference, schema, body, 1)


def test_any_json_is_survived() -> None:
    for seed in range(400):
        node = anything(seed, WORDS)
        for document in (
            node,
            {"inputs": [node]},
            {"inputs": [{"name": "x", "datatype": "FP32", "shape": node, "data": []}]},
        ):
            survives_description(open_inference, URL, document)
        survives_answer(open_inference, open_inference.DEFAULT_SCHEMA, node, seed % 3)
        survives_answer(open_inference, open_inference.DEFAULT_SCHEMA, {"outputs": [node, node]}, seed % 3)


def test_a_body_says_how_many_rows_it_takes() -> None:
    assert open_inference.max_rows(open_inference.DEFAULT_SCHEMA) == 1
    assert open_inference.max_rows(schema_from(next(iter(SAMPLES.values())))) == 1000


def test_many_rows_cost_little_time() -> None:
    schema = schema_from(described(("x", "FP32", [-1, 100])))
    started = time.thread_time()
    assert sent(schema, [{"x": [1] * 100}] * 5000)["inputs"][0]["shape"] == [5000, 100]
    decoded(output("x", "FP32", [50_000, 2], [1] * 100_000), n_rows=50_000)
    decoded(output("x", "FP32", [1, 100_000], [1] * 100_000))
    assert time.thread_time() - started < 5
