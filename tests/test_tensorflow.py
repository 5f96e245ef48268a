"""The dialect of TensorFlow Serving, KServe and Vertex AI, against documented and real exchanges (`vectors/`)."""

from __future__ import annotations

import base64
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
from FlaskAppAML.dialects import tensorflow
from FlaskAppAML.errors import EndpointError, WrongInput
from FlaskAppAML.results import Images, Scores
from FlaskAppAML.schema import Schema, Upload
from FlaskAppAML.wire import Reply

VECTORS = vectors_of("tensorflow")
OK = {name: vector for name, vector in VECTORS.items() if name.endswith("_ok")}
VERTEX = vectors_of("vertex")
URL = "http://127.0.0.1:8501/v1/models/m:predict"
VERTEX_URL = "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/endpoints/1:predict"
every_answer = pytest.mark.parametrize("vector", OK.values(), ids=OK)


def schema_from(document: Any, url: str = URL) -> Schema:
    schema = tensorflow.read_schema(url, document, {})
    assert schema is not None
    return schema


def sent(schema: Schema, rows: list[dict[str, Any]]) -> Any:
    return json.loads(tensorflow.encode(schema, URL, rows).body)


def rows_of(vector: dict[str, Any], schema: Schema) -> list[dict[str, Any]]:
    """The sample's inputs by our names: a tensor without a name takes all values of a row."""
    given = vector["inputs"]["rows"]
    if schema.fields[0].name != "instance":
        return [schema.parse(row, "json") for row in given]
    if schema.fields[0].kind == "file":
        picture = base64.b64decode(vector["request"]["body"]["instances"][0]["b64"])
        return [{"instance": Upload(picture, "a.jpg", "image/jpeg")}]
    return [schema.parse({"instance": list(row.values())}, "json") for row in given]


# The documented and the real exchanges


def test_all_samples_are_there() -> None:
    assert (len(VECTORS), len(OK), len(VERTEX)) == (11, 5, 2)


@every_answer
def test_a_sample_is_encoded_as_it_was_sent(vector: dict[str, Any]) -> None:
    schema = schema_from(vector["request"]["body"], url_of(vector))
    request = tensorflow.encode(schema, url_of(vector), rows_of(vector, schema))
    assert json.loads(request.body) == vector["request"]["body"]
    assert (request.method, request.url) == ("POST", url_of(vector))
    assert (schema.source, schema.dialect) == ("a sample request", "tensorflow")


@every_answer
def test_a_sample_is_decoded_as_it_is_meant(vector: dict[str, Any]) -> None:
    reply = reply_of(vector)
    faults.check(reply)
    schema = schema_from(vector["request"]["body"], url_of(vector))
    assert agrees(vector["expected"], tensorflow.decode(schema, reply, len(vector["inputs"]["rows"])))


def test_vertex_answers_the_same_and_more() -> None:
    """Its tokens live for an hour, so that only reading is of use."""
    vector = VERTEX["vertex_ok"]
    assert agrees(vector["expected"], tensorflow.decode(tensorflow.DEFAULT_SCHEMA, reply_of(vector), 1))
    schema = schema_from({"instances": [{"x": 1}], "parameters": {"threshold": 0.5}}, VERTEX_URL)
    assert sent(schema, [{"x": 2, "threshold": Decimal("0.25")}, {"x": 3, "threshold": 1}]) == {
        "instances": [{"x": 2}, {"x": 3}],
        "parameters": {"threshold": 0.25},
    }


@pytest.mark.parametrize("name", [name for name in [*VECTORS, *VERTEX] if "_err" in name])
def test_a_failure_is_read_before_any_answer(name: str) -> None:
    vector = {**VECTORS, **VERTEX}[name]
    with pytest.raises(EndpointError) as caught:
        faults.check(reply_of(vector))
    assert caught.value.kind == vector["expected"]["error"]["kind"]


# Addresses


@pytest.mark.parametrize(
    ("url", "claim", "descriptions"),
    [
        (URL, 1.0, ["http://127.0.0.1:8501/v1/models/m/metadata", "http://127.0.0.1:8501/v2/models/m"]),
        (
            "https://h/v1/models/m/versions/2:classify?x=1", 1.0,
            ["https://h/v1/models/m/versions/2/metadata", "https://h/v2/models/m"],
        ),
        (
            "https://h/base/v1/models/m/labels/stable:regress", 1.0,
            ["https://h/base/v1/models/m/labels/stable/metadata", "https://h/base/v2/models/m"],
        ),
        ("https://h/v1/models/m", 0.7, ["https://h/v1/models/m/metadata", "https://h/v2/models/m"]),
        (VERTEX_URL, 1.0, []),
        ("https://h/v1/models", 0.0, []),
        ("https://h/v1/models/m:explain", 0.0, ["https://h/v1/models/m/metadata", "https://h/v2/models/m"]),
        ("https://h/v1/chat/completions", 0.0, []),
        ("https://h/v2/models/m/infer", 0.0, []),
    ],
)  # fmt: skip
def test_the_dialect_claims_its_own_addresses(url: str, claim: float, descriptions: list[str]) -> None:
    assert tensorflow.claims(urlsplit(url)) == claim
    assert tensorflow.schema_urls(url) == descriptions


# Metadata


def test_kserve_describes_version_1_under_version_2() -> None:
    vector = VECTORS["kserve_v1_of_v2_ok"]
    schema = schema_from(vector["schema_document"], url_of(vector))
    assert [(f.name, f.kind, f.min_items, f.max_items) for f in schema.fields] == [("lengths", "list", 4, 4)]
    rows = [schema.parse({"lengths": list(row.values())}, "json") for row in vector["inputs"]["rows"]]
    assert sent(schema, rows) == vector["request"]["body"]
    assert (schema.source, schema.dialect) == ("the endpoint’s metadata", "tensorflow")


@pytest.mark.parametrize(
    "inputs",
    [
        [],
        [{"name": name, "datatype": "FP64", "shape": [-1, 1]} for name in "ab"],
        [{"name": "a", "datatype": "FP64", "shape": [4]}],
        [{"name": "a", "datatype": "BYTES", "shape": [-1], "parameters": {"content_type": "base64"}}],
        [{"name": "a"}],
    ],
)  # fmt: skip
def test_what_version_2_says_of_other_tensors_is_no_form_of_version_1(inputs: Any) -> None:
    """Two tensors, no rows, or files: nothing says how those go in `instances`."""
    document = {"name": "m", "versions": None, "platform": "", "inputs": inputs, "outputs": []}
    assert tensorflow.read_schema(URL, document, {}) is None


def tensor(dtype: str, *sizes: int, camel: bool = False) -> dict[str, Any]:
    shape = {
        "dim": [{"size": str(size), "name": ""} for size in sizes],
        "unknownRank" if camel else "unknown_rank": False,
    }
    return {"dtype": dtype, "tensorShape" if camel else "tensor_shape": shape, "name": "x:0"}


SQUARE = tensor("DT_FLOAT", -1, 2, 2)
UNRANKED = {"dtype": "DT_FLOAT", "tensor_shape": {"unknown_rank": True}}


def metadata(inputs: Any, **others: Any) -> dict[str, Any]:
    signature = {"inputs": inputs, "outputs": {}, "method_name": "tensorflow/serving/predict"}
    signatures = {"serving_default": signature, **others}
    return {
        "model_spec": {"name": "m", "signature_name": "", "version": "1"},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def test_metadata_in_camel_case_is_read_too() -> None:
    vector = VECTORS["openvino_metadata_camel"]
    schema = schema_from(vector["schema_document"], "https://h/v1/models/resnet")
    (expected,) = vector["expected"]["schema"]["fields"]
    (field,) = schema.fields
    assert (field.name, field.datatype, list(field.shape)) == (expected["name"], expected["type"], expected["shape"])
    assert (field.kind, schema.url) == ("json", "https://h/v1/models/resnet:predict")
    assert schema.options["max_rows"] == 1, "the first size is one, not any"


@pytest.mark.parametrize(
    ("inputs", "fields", "row", "body"),
    [
        ({"x": tensor("DT_FLOAT", -1, 3)}, [("x", "list")], {"x": [1, 2.5, 3]}, {"instances": [[1, 2.5, 3]]}),
        ({"x": tensor("DT_FLOAT", -1)}, [("x", "number")], {"x": 1.5}, {"instances": [1.5]}),
        ({"x": tensor("DT_FLOAT", -1, 1)}, [("x", "number")], {"x": 1.5}, {"instances": [[1.5]]}),
        (
            {"age": tensor("DT_INT64", -1, 1), "town": tensor("DT_STRING", -1, 1), "new": tensor("DT_BOOL", -1)},
            [("age", "integer"), ("town", "text"), ("new", "boolean")],
            {"age": 2**63 - 1, "town": "Bern", "new": True},
            {"instances": [{"age": [2**63 - 1], "town": ["Bern"], "new": True}]},
        ),
        ({"x": tensor("DT_STRING", -1, -1)}, [("x", "list")], {"x": ["a", "b"]}, {"instances": [["a", "b"]]}),
        ({"x": SQUARE}, [("x", "json")], {"x": [[1, 2], [3, 4]]}, {"instances": [[[1, 2], [3, 4]]]}),
        ({"x": SQUARE}, [("x", "json")], {"x": [1, 2, 3, 4]}, {"instances": [[[1, 2], [3, 4]]]}),
        ({"x": tensor("DT_FLOAT", 3)}, [("x", "list")], {"x": [1, 2, 3]}, {"inputs": {"x": [1, 2, 3]}}),
        ({"x": tensor("DT_FLOAT")}, [("x", "number")], {"x": 2}, {"inputs": {"x": 2}}),
        (
            {"x": tensor("DT_FLOAT", -1, 2), "k": tensor("DT_INT32")},
            [("x", "json"), ("k", "integer")],
            {"x": [[1, 2]], "k": 3},
            {"inputs": {"x": [[1, 2]], "k": 3}},
        ),
        ({"x": UNRANKED}, [("x", "json")], {"x": [1]}, {"instances": [[1]]}),
        ({"z": tensor("DT_COMPLEX64", -1)}, [("z", "json")], {"z": {"re": 1}}, {"instances": [{"re": 1}]}),
    ],
)  # fmt: skip
def test_tensors_are_fields_and_rows_are_tensors(inputs: Any, fields: Any, row: dict[str, Any], body: Any) -> None:
    schema = schema_from(metadata(inputs))
    assert [(f.name, f.kind) for f in schema.fields] == fields
    assert sent(schema, [schema.parse(row, "json")]) == body


def test_a_list_is_as_long_as_the_tensor_and_whole_numbers_have_its_range() -> None:
    schema = schema_from(metadata({"x": tensor("DT_UINT8", -1, 4), "n": tensor("DT_INT16", -1)}))
    assert (schema["x"].min_items, schema["x"].max_items, schema["x"].shape) == (4, 4, (-1, 4))
    assert schema["x"].items is not None
    assert (schema["x"].items.kind, schema["x"].items.maximum) == ("integer", Decimal(255))
    assert (schema["n"].minimum, schema["n"].maximum) == (Decimal(-32768), Decimal(32767))
    assert "max_rows" not in schema.options


def test_rows_of_the_wrong_shape_are_not_sent() -> None:
    schema = schema_from(metadata({"x": tensor("DT_FLOAT", -1, 2, 2)}))
    wrong: list[Any] = [
        [[1, 2], [3]],
        [[1, 2, 3], [4, 5, 6]],
        [],
        {"a": 1},
        [["a", "b"], ["c", "d"]],
        [[[]]],
        [True] * 4,
        5,
    ]
    for value in wrong:
        with pytest.raises(WrongInput) as caught:
            tensorflow.encode(schema, URL, [{"x": value}])
        assert set(caught.value.fields) == {"x"}
    fixed = schema_from(metadata({"x": tensor("DT_FLOAT", 3)}))
    with pytest.raises(WrongInput):
        tensorflow.encode(fixed, URL, [{"x": [1, 2, 3]}] * 2)


@pytest.mark.parametrize(
    ("name", "accept"),
    [
        ("image_bytes", "image/*"),
        ("encoded_jpeg", "image/*"),
        ("audio_bytes", "audio/*"),
        ("b64", ""),
        ("input_image", "image/*"),
    ],
)
def test_binary_tensors_are_files(name: str, accept: str) -> None:
    picture = Upload(b"image bytes", "a.jpg", "image/jpeg")
    one = schema_from(metadata({name: tensor("DT_STRING", -1)}))
    assert [(f.kind, f.accept) for f in one.fields] == [("file", accept)]
    assert sent(one, [{name: picture}]) == {"instances": [{"b64": "aW1hZ2UgYnl0ZXM="}]}
    two = schema_from(metadata({name: tensor("DT_STRING", -1, 1), "k": tensor("DT_INT32", -1)}))
    assert sent(two, [{name: picture, "k": 1}]) == {"instances": [{name: [{"b64": "aW1hZ2UgYnl0ZXM="}], "k": 1}]}


@pytest.mark.parametrize("name", ["text", "image_id", "img_name", "photo_url", "sentence"])
def test_other_texts_stay_texts(name: str) -> None:
    assert [f.kind for f in schema_from(metadata({name: tensor("DT_STRING", -1)})).fields] == ["text"]


def test_another_signature_than_the_default_is_named() -> None:
    document = metadata({"x": tensor("DT_FLOAT", -1)})
    signatures = document["metadata"]["signature_def"]["signature_def"]
    signatures["other"] = signatures.pop("serving_default")
    signatures["__saved_model_init_op"] = {"inputs": None, "outputs": {}}
    schema = schema_from(document)
    assert sent(schema, [{"x": 1}]) == {"signature_name": "other", "instances": [1]}
    both = metadata({"x": tensor("DT_FLOAT", -1)}, another={"inputs": {"y": tensor("DT_FLOAT", -1)}})
    assert sent(schema_from(both), [{"x": 1}]) == {"instances": [1]}


def test_classify_takes_examples_by_the_signature_for_it() -> None:
    classify = {"inputs": {"inputs": tensor("DT_STRING", -1)}, "method_name": "tensorflow/serving/classify"}
    document = metadata({"x": tensor("DT_FLOAT", -1)}, classification=classify)
    schema = schema_from(document, "https://h/v1/models/m:classify")
    assert [(f.name, f.kind) for f in schema.fields] == [("example", "json")]
    assert sent(schema, [{"example": {"x": 1}}]) == {"signature_name": "classification", "examples": [{"x": 1}]}


def test_the_address_of_a_model_alone_is_asked_to_predict() -> None:
    request = tensorflow.encode(tensorflow.DEFAULT_SCHEMA, "https://h/v1/models/m", [{"instance": [1, 2]}])
    assert (request.url, json.loads(request.body)) == ("https://h/v1/models/m:predict", {"instances": [[1, 2]]})
    assert tensorflow.DEFAULT_SCHEMA.options["doubt"]


# Samples


def test_samples_of_every_form_are_forms() -> None:
    binary = schema_from({"instances": [{"image_bytes": {"b64": "aGk="}, "key": "1"}], "signature_name": "s"})
    assert [(f.name, f.kind) for f in binary.fields] == [("key", "text"), ("image_bytes", "file")]
    row = {"key": "2", "image_bytes": Upload(b"hi")}
    assert sent(binary, [row]) == {
        "signature_name": "s",
        "instances": [{"key": "2", "image_bytes": {"b64": "aGk="}}],
    }
    one = schema_from({"inputs": {"x": [1, 2], "k": 3}})
    assert (one.options["max_rows"], sent(one, [{"x": [4, 5], "k": 6}])) == (1, {"inputs": {"x": [4, 5], "k": 6}})
    missing = schema_from({"instances": [{"a": 1}, {"a": 2, "b": 3}]})
    assert sent(missing, [missing.parse({"a": 1}, "json")]) == {"instances": [{"a": 1}]}


@pytest.mark.parametrize(
    "document",
    [
        None, 5, "x", [], {}, {"metadata": None}, {"metadata": {"signature_def": {}}}, {"inputs": "text"},
        {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}, {"examples": [1]},
        {"instances": [1], "params": {}}, {"model_version_status": []}, {"metadata": {"author": "me"}, "paths": {}},
        {"instances": []},
    ],
)  # fmt: skip
def test_what_is_of_others_is_left_to_them(document: Any) -> None:
    assert tensorflow.read_schema("https://h/score", document, {}) is None


def test_instances_at_an_address_of_mlflow_are_left_to_it() -> None:
    assert tensorflow.read_schema("https://h/invocations", {"instances": [[1]]}, {}) is None
    assert tensorflow.read_schema("https://h/predict", {"instances": [[1]]}, {}) is not None


# Answers


def decoded(body: bytes, n_rows: int = 1) -> list[Any]:
    return tensorflow.decode(tensorflow.DEFAULT_SCHEMA, Reply(200, {}, body), n_rows).parts


def test_bare_nan_and_infinity_are_legal_here() -> None:
    (part,) = decoded(b'{"predictions": [NaN, -Infinity, 1]}', 3)
    assert len(part.rows) == 3


@pytest.mark.parametrize("key", ["result", "results"])
def test_classes_and_regressions_come_under_either_name(key: str) -> None:
    parts = decoded(json.dumps({key: [[["cat", 0.9], ["dog", 0.1]], [["dog", 0.6], ["cat", 0.4]]]}).encode(), 2)
    assert [(type(part), part.scores[0].label, part.row) for part in parts] == [(Scores, "cat", 0), (Scores, "dog", 1)]
    (part,) = decoded(json.dumps({key: [0.5, 0.25]}).encode(), 2)
    assert part.rows == [[0.5], [0.25]]


def test_binary_outputs_are_pictures() -> None:
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
    parts = decoded(json.dumps({"predictions": [{"image_bytes": {"b64": png}, "score": 0.5}]}).encode())
    assert any(isinstance(part, Images) and part.images[0].base64 == png for part in parts)


# What is broken

WORDS = (
    "instances", "inputs", "examples", "signature_name", "parameters", "metadata", "signature_def", "signatureDef",
    "serving_default", "dtype", "DT_FLOAT", "DT_STRING", "tensor_shape", "tensorShape", "dim", "size", "-1", "1",
    "unknown_rank", "b64", "x", "method_name", "predictions", "outputs", "results",
)  # fmt: skip
SAMPLES: dict[str, Any] = {
    **{name: vector["request"]["body"] for name, vector in OK.items()},
    "camel": VECTORS["openvino_metadata_camel"]["schema_document"],
    "metadata": metadata({"image_bytes": tensor("DT_STRING", -1), "x": tensor("DT_INT64", -1, 2)}),
    "no rows": metadata({"x": tensor("DT_FLOAT", 2, 2)}),
    "parameters": {"instances": [{"x": {"b64": "aGk="}}], "parameters": {"k": 1}},
}


@pytest.mark.parametrize("name", some(SAMPLES, next(iter(SAMPLES))))
def test_a_damaged_description_is_a_form_that_can_be_sent_or_none(name: str) -> None:
    documents = damaged(copy.deepcopy(SAMPLES[name]))
    assert sum(survives_description(tensorflow, URL, document) for document in documents) > 0


def test_any_json_is_survived() -> None:
    for seed in range(400):
        node = anything(seed, WORDS)
        described = {"metadata": {"signature_def": {"signature_def": {"serving_default": {"inputs": node}}}}}
        for document in (node, described, {"instances": [node]}, {"inputs": node}):
            survives_description(tensorflow, URL, document)
        survives_answer(tensorflow, tensorflow.DEFAULT_SCHEMA, node, seed % 3)
        survives_answer(tensorflow, tensorflow.DEFAULT_SCHEMA, {"predictions": node}, seed % 3)


def test_a_body_says_how_many_rows_it_takes() -> None:
    assert tensorflow.max_rows(tensorflow.DEFAULT_SCHEMA) == 1000
    assert tensorflow.max_rows(schema_from(next(iter(SAMPLES.values())))) == 1000


def test_many_rows_cost_little_time() -> None:
    schema = schema_from(metadata({"x": tensor("DT_FLOAT", -1, 100)}))
    started = time.thread_time()
    assert len(sent(schema, [{"x": [1] * 100}] * 5000)["instances"]) == 5000
    assert time.thread_time() - started < 5
