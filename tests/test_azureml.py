"""The dialect of Azure ML's online endpoints, against real exchanges (`vectors/`) and against what is broken."""

from __future__ import annotations

import base64
import copy
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import some
from hostile import anything, damaged, survives_answer, survives_description
from vectors_of import agrees, fails, reply_of, url_of, vectors_of

from FlaskAppAML import faults
from FlaskAppAML.dialects import azureml
from FlaskAppAML.errors import BadResponse, WrongInput
from FlaskAppAML.results import Images, Number, Table
from FlaskAppAML.schema import Schema, Upload
from FlaskAppAML.wire import Reply

VECTORS = vectors_of("azureml")
OK = {name: vector for name, vector in VECTORS.items() if name.endswith("_ok")}
URL = "https://iris.westeurope.inference.ml.azure.com/score"
OTHER = "http://127.0.0.1:5101/score"
every_answer = pytest.mark.parametrize("vector", OK.values(), ids=OK)


def schema_from(document: Any, url: str = URL) -> Schema:
    schema = azureml.read_schema(url, document, {})
    assert schema is not None
    return schema


def schema_of(vector: dict[str, Any]) -> Schema:
    """From the description where it says something, else from the request as a pasted sample, else the default.

    A picture's bytes are no sample that can be pasted.
    """
    body = vector["request"]["body"]
    described = azureml.read_schema(url_of(vector), vector["schema_document"], {})
    if described is not None and described.envelope != "body":
        return described
    return described or azureml.DEFAULT_SCHEMA if "$base64" in body else schema_from(body)


def sent(schema: Schema, rows: list[dict[str, Any]]) -> Any:
    return json.loads(azureml.encode(schema, URL, rows).body)


# The real exchanges


def test_all_samples_are_there() -> None:
    assert (len(VECTORS), len(OK)) == (15, 5)


@every_answer
def test_a_sample_makes_fields_that_ask_for_its_inputs(vector: dict[str, Any]) -> None:
    schema, inputs = schema_of(vector), vector["inputs"]
    wanted = list(inputs["rows"][0]) if "rows" in inputs else ["body", "file"]
    assert [f.name for f in schema.fields if not f.parameter] == wanted
    assert [f.name for f in schema.fields if f.parameter] == list(inputs.get("parameters", {}))


@every_answer
def test_a_sample_is_encoded_as_it_was_sent(vector: dict[str, Any]) -> None:
    schema, body = schema_of(vector), vector["request"]["body"]
    if "$base64" in body:
        picture = Upload(base64.b64decode(body["$base64"]), "tiny.png", "image/png")
        request = azureml.encode(schema, URL, [{"body": None, "file": picture}])
        assert (request.body, request.headers) == (picture.data, {"Content-Type": "image/png"})
        return
    given = [{**row, **vector["inputs"].get("parameters", {})} for row in vector["inputs"]["rows"]]
    request = azureml.encode(schema, url_of(vector), [schema.parse(row, "json") for row in given])
    assert json.loads(request.body) == body
    assert (request.method, request.url) == ("POST", url_of(vector))
    assert request.headers == {"Content-Type": "application/json"}


@every_answer
def test_a_sample_is_decoded_as_it_is_meant(vector: dict[str, Any]) -> None:
    reply = reply_of(vector)
    faults.check(reply)
    n_rows = len(vector["inputs"].get("rows", [1]))
    assert agrees(vector["expected"], azureml.decode(schema_of(vector), reply, n_rows))


@pytest.mark.parametrize("name", sorted(VECTORS.keys() - OK.keys()))
def test_a_failure_is_read_before_any_answer(name: str) -> None:
    assert fails(VECTORS[name])


# Addresses


@pytest.mark.parametrize(
    ("url", "claim"),
    [
        (URL, 1.0),
        ("https://x.inference.ml.azure.com/", 1.0),
        (OTHER, 0.3),
        ("https://inference.ml.azure.com.example.org/predict", 0.0),
        ("https://h/v1/models/m:predict", 0.0),
    ],
)
def test_the_dialect_claims_its_own_addresses(url: str, claim: float) -> None:
    assert azureml.claims(urlsplit(url)) == claim


@pytest.mark.parametrize(
    ("url", "description"),
    [
        (URL, "https://iris.westeurope.inference.ml.azure.com/swagger.json"),
        ("https://iris.westeurope.inference.ml.azure.com", "https://iris.westeurope.inference.ml.azure.com/swagger.json"),
        ("http://h/api/v1/service/s/score?code=k", "http://h/api/v1/service/s/swagger.json"),
    ],
)  # fmt: skip
def test_the_description_lies_beside_the_scoring_address(url: str, description: str) -> None:
    assert azureml.schema_urls(url) == [description]


# Descriptions

RECORDS = VECTORS["azureml_inputs_proba_ok"]["schema_document"]
SPLIT = VECTORS["azureml_mlflow_input_data_ok"]["schema_document"]
NOTHING = VECTORS["azureml_undecorated_ok"]["schema_document"]


def described(properties: Any, example: Any = None) -> Any:
    """The description of a service whose body has these properties."""
    document = copy.deepcopy(SPLIT)
    document["definitions"]["ServiceInput"] = {"type": "object", "properties": properties, "example": example}
    return document


def test_the_servers_own_title_is_not_shown() -> None:
    assert (schema_from(SPLIT).title, schema_from(SPLIT).description) == ("", "")
    named = {**SPLIT, "info": {"title": "Flats", "description": "What flats cost."}}
    assert (schema_from(named).title, schema_from(named).description) == ("Flats", "What flats cost.")


def test_parameters_are_as_required_as_they_are_described() -> None:
    schema = schema_from(RECORDS)
    method = schema["method"]
    assert (method.kind, method.required, method.parameter, method.example) == ("text", True, True, "predict")
    assert [f.example for f in schema.fields if not f.parameter] == [5.1, 3.5, 1.4, 0.2]


def test_an_address_without_a_path_gets_the_described_one() -> None:
    assert schema_from(SPLIT, "http://h:1/").url == "http://h:1/score"
    assert schema_from(SPLIT, URL).url == ""
    assert schema_from(SPLIT, "https://gateway.example/iris/predict").url == ""


def test_arrays_are_as_wide_as_the_example() -> None:
    array = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}, "format": "numpy.ndarray"}
    schema = schema_from(described({"data": array}, {"data": [[1, 2, 3]]}))
    assert [(f.name, f.kind, f.max_items) for f in schema.fields] == [("data", "list", 3)]
    assert sent(schema, [{"data": [1, 2, 3]}, {"data": [4, 5, 6]}]) == {"data": [[1, 2, 3], [4, 5, 6]]}
    without = schema_from(described({"data": array}))
    assert [(f.name, f.kind, f.max_items) for f in without.fields] == [("data", "list", None)]
    assert sent(without, [{"data": [1, 2]}]) == {"data": [[1, 2]]}
    deep = {"type": "array", "items": array}
    assert [f.kind for f in schema_from(described({"data": deep})).fields] == ["json"]
    flat = {"type": "array", "items": {"type": "integer"}, "format": "numpy.ndarray"}
    assert sent(schema_from(described({"x": flat})), [{"x": 2**63 - 1}]) == {"x": [2**63 - 1]}


def test_arguments_that_are_no_rows_are_the_one_row() -> None:
    properties = {
        "text": {"type": "string"},
        "options": {"type": "object", "required": ["k"], "properties": {"k": {"type": "integer"}}},
    }
    document = described(properties, {"text": "hello", "options": {"k": 3}})
    document["definitions"]["ServiceInput"]["required"] = ["text", "options"]
    schema = schema_from(document)
    assert [(f.name, f.kind, f.required, f.parameter) for f in schema.fields] == [
        ("text", "text", True, False),
        ("options.k", "integer", True, False),
    ]
    assert [f.example for f in schema.fields] == ["hello", 3]
    assert schema.options["max_rows"] == 1
    row = schema.parse({"text": "x", "options.k": 4}, "json")
    assert sent(schema, [row]) == {"text": "x", "options": {"k": 4}}
    with pytest.raises(WrongInput):
        azureml.encode(schema, URL, [row, row])


def test_several_inputs_of_the_designer_keep_their_columns() -> None:
    rows = {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}}
    inputs = {"type": "object", "properties": {"WebServiceInput0": rows, "WebServiceInput1": rows}}
    schema = schema_from(described({"Inputs": inputs, "GlobalParameters": {"type": "object"}}))
    assert [f.name for f in schema.fields] == ["WebServiceInput0.a", "WebServiceInput1.a"]
    row = {"WebServiceInput0.a": 1, "WebServiceInput1.a": None}
    assert sent(schema, [row]) == {
        "Inputs": {"WebServiceInput0": [{"a": 1}], "WebServiceInput1": [{}]},
        "GlobalParameters": {},
    }


def test_a_service_that_describes_nothing_takes_json_or_a_file() -> None:
    schema = schema_from(NOTHING)
    assert [(f.name, f.kind, f.required) for f in schema.fields] == [("body", "json", False), ("file", "file", False)]
    assert schema.options["doubt"]
    assert sent(schema, [schema.parse({"body": {"any": ["thing", 2**64]}}, "json")]) == {"any": ["thing", 2**64]}
    with pytest.raises(WrongInput) as caught:
        azureml.encode(schema, URL, [schema.parse({}, "json")])
    assert set(caught.value.fields) == {"body"}
    with pytest.raises(WrongInput):
        azureml.encode(schema, URL, [{"body": 1}, {"body": 2}])


# Samples


@pytest.mark.parametrize(
    ("sample", "row", "body"),
    [
        (
            {"input_data": {"columns": [0, 1], "data": [[1, "x"]]}},
            {"0": 5, "1": "y"},
            {"input_data": {"columns": [0, 1], "index": [0], "data": [[5, "y"]]}},
        ),
        (
            {"input_data": {"columns": ["text"], "index": [0], "data": ["bare"]}},
            {"text": "y"},
            {"input_data": {"columns": ["text"], "index": [0], "data": ["y"]}},
        ),
        ({"data": [[1, 2]]}, {"data": [3, 4]}, {"data": [[3, 4]]}),
        ({"data": [{"a": 1}], "method": "x"}, {"a": 2, "method": "y"}, {"data": [{"a": 2}], "method": "y"}),
        (
            {"input_data": {"input_string": ["hi"], "parameters": {"top_p": 1}}},
            {"input_data.input_string": ["ho"], "input_data.parameters.top_p": 0},
            {"input_data": {"input_string": ["ho"], "parameters": {"top_p": 0}}},
        ),
        (
            {"question": "why", "chat_history": [{"role": "user", "content": "x"}]},
            {"question": "how", "chat_history": [{"role": "user", "content": "y"}]},
            {"question": "how", "chat_history": [{"role": "user", "content": "y"}]},
        ),
        (
            {"Inputs": {"data": [{"a": 1}]}, "GlobalParameters": 1.0},
            {"a": 2},
            {"Inputs": {"data": [{"a": 2}]}, "GlobalParameters": {}},
        ),
        ({"Inputs": [{"a": 1}]}, {"a": 2}, {"Inputs": [{"a": 2}]}),
    ],
)
def test_a_pasted_request_is_a_form(sample: Any, row: dict[str, Any], body: Any) -> None:
    schema = schema_from(sample)
    assert [f.name for f in schema.fields] == list(row)
    assert sent(schema, [schema.parse(row, "json")]) == body
    assert schema.source == "a sample request"


@pytest.mark.parametrize(
    "document",
    [
        None, 5, "x", [], {}, {"name": "mlserver", "version": "1.7", "extensions": []}, {"text": "x"},
        {"openapi": "3.1.0", "paths": {"/score": {"post": {"operationId": "score"}}}}, {"paths": None},
        {"Inputs": {"input1": {"ColumnNames": ["a"], "Values": [[1]]}}}, {"instances": [[1]]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("url", [OTHER, "http://h/predict"])
def test_what_is_of_others_is_left_to_them(document: Any, url: str) -> None:
    assert azureml.read_schema(url, document, {}) is None


# Answers


def decoded(body: Any, n_rows: int = 1) -> list[Any]:
    return azureml.decode(azureml.DEFAULT_SCHEMA, Reply(200, {}, json.dumps(body).encode()), n_rows).parts


def test_json_in_a_string_is_read_once_more() -> None:
    (part,) = decoded(json.dumps({"result": [6.5, 7]}), 2)
    assert isinstance(part, Table)
    assert part.rows == [[6.5], [7]]
    assert [column.name for column in part.columns] == ["result"]
    (part,) = decoded(json.dumps([0]))
    assert part.rows == [[0]]
    raw = azureml.decode(azureml.DEFAULT_SCHEMA, Reply(200, {}, b'"[1]"'), 1).raw
    assert raw == "[1]", "the raw answer stays as it came"


def test_several_results_are_several_tables() -> None:
    parts = decoded(
        {"Results": {"WebServiceOutput0": [{"a": 1}, {"a": 2}], "WebServiceOutput1": [{"b": 1}, {"b": 3}]}}, 2
    )
    assert [(part.name, part.rows) for part in parts] == [
        ("WebServiceOutput0", [[1], [2]]),
        ("WebServiceOutput1", [[1], [3]]),
    ]


def test_one_number_and_a_picture_are_answers_too() -> None:
    assert isinstance(decoded(6.5)[0], Number)
    png = b"\x89PNG\r\n\x1a\n" + bytes(40)
    (part,) = azureml.decode(azureml.DEFAULT_SCHEMA, Reply(200, {"content-type": "image/png"}, png), 1).parts
    assert isinstance(part, Images)
    assert base64.b64decode(part.images[0].base64) == png
    with pytest.raises(BadResponse):
        azureml.decode(azureml.DEFAULT_SCHEMA, Reply(200, {"content-type": "image/png"}, b"<svg/>"), 1)


# What is broken

WORDS = (
    "Inputs", "data", "input_data", "columns", "GlobalParameters", "paths", "post", "operationId", "RunMLService",
    "parameters", "in", "body", "schema", "properties", "type", "array", "object", "items", "example", "Results", "a",
    "format", "pandas.DataFrame:records", "numpy.ndarray", "requestBody", "content", "application/json",
)  # fmt: skip


def small(document: Any) -> Any:
    """What the dialect reads of a description, so that each of its parts can be damaged."""
    paths = {"/score": document["paths"]["/score"]}
    return {k: v for k, v in document.items() if k in ("definitions", "components", "info")} | {"paths": paths}


SAMPLES: dict[str, Any] = {
    **{f"body of {name}": v["request"]["body"] for name, v in OK.items() if "$base64" not in v["request"]["body"]},
    "records": small(RECORDS),
    "split": small(SPLIT),
}


@pytest.mark.parametrize("name", some(SAMPLES, next(iter(SAMPLES))))
def test_a_damaged_description_is_a_form_that_can_be_sent_or_none(name: str) -> None:
    assert sum(survives_description(azureml, URL, document) for document in damaged(SAMPLES[name])) > 0


def test_any_json_is_survived() -> None:
    def in_document(node: Any) -> Any:
        operation = {"operationId": "RunMLService", "parameters": [{"in": "body", "schema": node}]}
        return {"paths": {"/score": {"post": operation}}}

    for seed in range(400):
        node = anything(seed, WORDS)
        for document in (node, in_document(node), in_document({"properties": {"data": node, "Inputs": node}})):
            survives_description(azureml, URL, document)
        survives_answer(azureml, azureml.DEFAULT_SCHEMA, node, seed % 3)
        survives_answer(azureml, azureml.DEFAULT_SCHEMA, {"Results": node}, seed % 3)


def test_a_body_says_how_many_rows_it_takes() -> None:
    assert azureml.max_rows(azureml.DEFAULT_SCHEMA) == 1
    assert azureml.max_rows(schema_from(next(iter(SAMPLES.values())))) == 1000


def test_many_rows_cost_little_time() -> None:
    schema = schema_from(SPLIT)
    row = {f.name: 1 for f in schema.fields}
    started = time.thread_time()
    assert len(sent(schema, [row] * 20_000)["input_data"]["index"]) == 20_000
    assert time.thread_time() - started < 5
