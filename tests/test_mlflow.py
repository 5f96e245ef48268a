"""The dialect of MLflow and Databricks, against real exchanges (`vectors/`) and against what is broken."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import some
from hostile import anything, damaged, survives_answer, survives_description
from vectors_of import agrees, fails, reply_of, url_of, vectors_of

from FlaskAppAML import faults
from FlaskAppAML.dialects import mlflow
from FlaskAppAML.errors import EndpointError, WrongInput
from FlaskAppAML.results import Table
from FlaskAppAML.schema import Field, Schema
from FlaskAppAML.wire import Reply

VECTORS = vectors_of("mlflow")
OK = {name: vector for name, vector in VECTORS.items() if name.endswith("_ok")}
URL = "http://127.0.0.1:5104/invocations"
DATABRICKS = "https://adb-1.2.azuredatabricks.net/serving-endpoints/iris/invocations"
every_answer = pytest.mark.parametrize("vector", OK.values(), ids=OK)


def schema_from(document: Any, url: str = URL) -> Schema:
    schema = mlflow.read_schema(url, document, {})
    assert schema is not None
    return schema


def sent(schema: Schema, rows: list[dict[str, Any]]) -> Any:
    return json.loads(mlflow.encode(schema, URL, rows).body)


# The real exchanges


def test_all_samples_are_there() -> None:
    assert (len(VECTORS), len(OK)) == (12, 5)


@every_answer
def test_a_sample_makes_fields_that_ask_for_its_inputs(vector: dict[str, Any]) -> None:
    schema = schema_from(vector["request"]["body"])
    assert [f.name for f in schema.fields if not f.parameter] == list(vector["inputs"]["rows"][0])
    assert [f.name for f in schema.fields if f.parameter] == list(vector["inputs"].get("parameters", {}))
    assert {f.kind for f in schema.fields} == {"number"}
    assert (schema.source, schema.dialect) == ("a sample request", "mlflow")


@every_answer
def test_a_sample_is_encoded_as_it_was_sent(vector: dict[str, Any]) -> None:
    schema = schema_from(vector["request"]["body"])
    given = [{**row, **vector["inputs"].get("parameters", {})} for row in vector["inputs"]["rows"]]
    request = mlflow.encode(schema, url_of(vector), [schema.parse(row, "json") for row in given])
    wanted = vector["request"]["body"]
    wanted.get("dataframe_split", {}).pop("index", None)  # the server does not need it
    assert json.loads(request.body) == wanted
    assert (request.method, request.url) == ("POST", url_of(vector))
    assert request.headers == {"Content-Type": "application/json"}


@every_answer
def test_a_sample_is_decoded_as_it_is_meant(vector: dict[str, Any]) -> None:
    reply = reply_of(vector)
    faults.check(reply)
    schema = schema_from(vector["request"]["body"])
    assert agrees(vector["expected"], mlflow.decode(schema, reply, len(vector["inputs"]["rows"])))


@pytest.mark.parametrize("name", sorted(VECTORS.keys() - OK.keys()))
def test_a_failure_is_read_before_any_answer(name: str) -> None:
    assert fails(VECTORS[name])


def test_a_container_behind_sagemaker_answers_the_same() -> None:
    vector = vectors_of("sagemaker")["sagemaker_csv_ok"]
    assert agrees(vector["expected"], mlflow.decode(mlflow.DEFAULT_SCHEMA, reply_of(vector), 1))


# Addresses


@pytest.mark.parametrize(
    ("url", "least", "most"),
    [
        (URL, 0.5, 1),
        (DATABRICKS, 1, 1),
        ("https://h/serving-endpoints/a/served-models/b-1/invocations", 1, 1),
        ("https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/e/invocations", 0, 0.4),
        ("https://h/predict", 0, 0),
        ("https://h/", 0, 0),
    ],
)
def test_the_dialect_claims_its_own_addresses(url: str, least: float, most: float) -> None:
    assert least <= mlflow.claims(urlsplit(url)) <= most


@pytest.mark.parametrize(
    ("url", "description"),
    [
        (URL, "http://127.0.0.1:5104/openapi.json"),
        ("https://h/base/invocations?key=k", "https://h/base/openapi.json"),
        (DATABRICKS, "https://adb-1.2.azuredatabricks.net/api/2.0/serving-endpoints/iris/openapi"),
    ],
)
def test_only_descriptions_are_asked_for(url: str, description: str) -> None:
    assert mlflow.schema_urls(url) == [description]


# Descriptions


def test_mlflows_own_document_says_that_it_is_mlflow_and_no_more() -> None:
    document = VECTORS["mlflow_split_ok"]["schema_document"]
    schema = schema_from(document)
    assert [(f.name, f.kind) for f in schema.fields] == [("body", "json")]
    assert schema.options["doubt"]
    assert (schema.url, schema.options["max_rows"]) == ("", 1)
    assert schema_from(document, "http://h:1/").url == "http://h:1/invocations"
    assert schema_from(document, "http://h:1/behind/a/gateway").url == "", "the address that was given goes first"


@pytest.mark.parametrize(
    "document",
    [
        None, 5, "x", [], {}, {"openapi": "3.1.0", "paths": {"/predict": {}}}, {"paths": {"/invocations": {}}},
        {"paths": {"/ping": {}, "/invocations": {}, "/v2/models/{m}/infer": {}}},
        {"inputs": "a question"}, {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]},
        {"name": "iris", "inputs": [], "outputs": []}, {"instances": [1], "signature_name": "x"},
        {"inputs": [1], "instances": [1]}, {"inputs": {"question": "q"}}, {"instances": []}, {"instances": 5},
    ],
)  # fmt: skip
def test_what_is_of_others_is_left_to_them(document: Any) -> None:
    assert mlflow.read_schema("https://h/score", document, {}) is None


def databricks_description(body: Any) -> Any:
    content = {"application/json": {"schema": body}}
    return {
        "openapi": "3.1.0",
        "paths": {"/served-models/a/invocations": {"post": {"requestBody": {"content": content}}}},
    }


def test_columns_that_are_described_are_fields() -> None:
    row = {"type": "object", "required": ["a"], "properties": {"a": {"type": "number"}, "b": {"type": "string"}}}
    records = {"type": "object", "properties": {"dataframe_records": {"type": "array", "items": row}}}
    for body in (records, {"oneOf": [{"type": "object"}, records]}):
        schema = schema_from(databricks_description(body), DATABRICKS)
        assert [(f.name, f.kind, f.required) for f in schema.fields] == [("a", "number", True), ("b", "text", False)]
        assert sent(schema, [{"a": Decimal("1.5"), "b": None}]) == {
            "dataframe_split": {"columns": ["a", "b"], "data": [[1.5, None]]}
        }
    assert schema_from(databricks_description({}), DATABRICKS).envelope == "body"
    row["properties"] = {"at": {"type": "object", "properties": {"lat": {"type": "number"}}}}
    nested = schema_from(databricks_description(records), DATABRICKS)
    assert sent(nested, [{"at.lat": 1}]) == {"dataframe_records": [{"at": {"lat": 1}}]}


# Samples and requests


@pytest.mark.parametrize(
    ("sample", "fields", "row", "body"),
    [
        (
            {"dataframe_split": {"columns": [0, 1], "data": [[1, "x"], [None, "y"]]}},
            [("0", "number", False), ("1", "text", True)],
            {"0": None, "1": "z"},
            {"dataframe_split": {"columns": [0, 1], "data": [[None, "z"]]}},
        ),
        (
            {"dataframe_records": [{"a": 1, "b": None}, {"a": 2, "c": True}]},
            [("a", "number", True), ("b", "text", False), ("c", "boolean", False)],
            {"a": 3, "c": False},
            {"dataframe_records": [{"a": 3, "c": False}]},
        ),
        (
            {"dataframe_records": [{"at": {"lat": 1.5, "lon": 2}}]},
            [("at.lat", "number", True), ("at.lon", "number", True)],
            {"at.lat": 1, "at.lon": 2},
            {"dataframe_records": [{"at": {"lat": 1, "lon": 2}}]},
        ),
        ({"instances": ["a", "b"]}, [("instance", "text", True)], {"instance": "c"}, {"instances": ["c"]}),
        ({"instances": [[5]]}, [("instance", "number", True)], {"instance": 6}, {"instances": [[6]]}),
        (
            {"instances": [[1, "x"]]},
            [("instance 1", "number", True), ("instance 2", "text", True)],
            {"instance 1": 6, "instance 2": "y"},
            {"instances": [[6, "y"]]},
        ),
        ({"inputs": [[1, 2.5]]}, [("input", "list", True)], {"input": [3, 4]}, {"inputs": [[3, 4]]}),
        ({"inputs": [[[1], [2]]]}, [("input", "json", True)], {"input": [[3]]}, {"inputs": [[[3]]]}),
        ({"inputs": "why?"}, [("input", "text", True)], {"input": "how?"}, {"inputs": ["how?"]}),
        (
            {"inputs": {"t": ["x"], "v": [[1, 2]]}},
            [("t", "text", True), ("v", "list", True)],
            {"t": "y", "v": [3, 4]},
            {"inputs": {"t": ["y"], "v": [[3, 4]]}},
        ),
    ],
)  # fmt: skip
def test_a_pasted_request_is_a_form(sample: Any, fields: Any, row: dict[str, Any], body: Any) -> None:
    schema = schema_from(sample)
    assert [(f.name, f.kind, f.required) for f in schema.fields] == fields
    assert sent(schema, [schema.parse(row, "json")]) == body


def test_a_list_in_a_sample_says_how_long_lists_are() -> None:
    (field,) = schema_from({"instances": [[1, 2, 3], [4, 5, 6]]}).fields
    assert (field.min_items, field.max_items, field.example) == (3, 3, [1, 2, 3])
    (field,) = schema_from({"instances": [[1, 2, 3], [4]]}).fields
    assert (field.min_items, field.max_items) == (0, None)


def test_parameters_are_those_of_the_first_row_and_may_be_left_out() -> None:
    schema = schema_from({"dataframe_records": [{"a": 1}], "params": {"top_k": 5, "a": 2}})
    assert [(f.name, f.required) for f in schema.fields if f.parameter] == [
        ("top_k", False), (schema.fields[2].name, False),
    ]  # fmt: skip
    rows = [schema.parse({schema.fields[0].name: i, "top_k": i}, "json") for i in (7, 8)]
    assert sent(schema, rows) == {"dataframe_records": [{"a": 7}, {"a": 8}], "params": {"top_k": 7}}
    assert "params" not in sent(schema, [schema.parse({schema.fields[0].name: 1}, "json")])


def test_whole_numbers_of_64_bits_and_decimals_arrive_exactly() -> None:
    schema = schema_from({"dataframe_split": {"columns": ["id"], "data": [[1]]}})
    for written in ("9007199254740993", "-9223372036854775808", "0.1"):
        body = mlflow.encode(schema, URL, [schema.parse({"id": written}, "text")]).body
        assert body == f'{{"dataframe_split": {{"columns": ["id"], "data": [[{written}]]}}}}'.encode()


@pytest.mark.parametrize(
    ("pasted", "body"),
    [
        ({"dataframe_split": {"columns": [], "data": []}}, {"dataframe_split": {"columns": [], "data": []}}),
        ({"inputs": "x", "params": {}}, {"inputs": "x", "params": {}}),
        ({"age": 36}, {"dataframe_records": [{"age": 36}]}),
        ([{"age": 36}], {"dataframe_records": [{"age": 36}]}),
        ([[1, 2]], {"instances": [[1, 2]]}),
        ([], {"instances": []}),
        ("x", "x"),
    ],
)
def test_without_a_description_the_request_is_pasted(pasted: Any, body: Any) -> None:
    schema = mlflow.DEFAULT_SCHEMA
    assert sent(schema, [schema.parse({"body": pasted}, "json")]) == body
    with pytest.raises(WrongInput):
        mlflow.encode(schema, URL, [{"body": pasted}] * 2)


# Answers


def decoded(body: Any, n_rows: int = 1) -> list[Any]:
    return mlflow.decode(mlflow.DEFAULT_SCHEMA, Reply(200, {}, json.dumps(body).encode()), n_rows).parts


def test_several_columns_of_predictions_are_a_table() -> None:
    (part,) = decoded({"predictions": [[0.25, 2], [0.5, 3]]}, 2)
    assert isinstance(part, Table)
    assert [column.name for column in part.columns] == ["prediction[0]", "prediction[1]"]
    (part,) = decoded({"predictions": [{"price": 1.5, "low": 1}]})
    assert [column.name for column in part.columns] == ["price", "low"]
    assert decoded({"predictions": "four words are here"})[0].text == "four words are here"


# The signature in an error


def said(name: str) -> str:
    return str(VECTORS[name]["response"]["body"]["message"])


def described(columns: list[Field]) -> Schema:
    """As /connect goes on from the columns that a refusal named."""
    schema = mlflow.read_schema(URL, mlflow.description_of_columns(columns), {})
    assert schema is not None
    return schema


def test_a_refusal_names_the_columns() -> None:
    columns = mlflow.columns_of_error(said("mlflow_schema_probe"))
    expected = VECTORS["mlflow_schema_probe"]["expected"]["schema"]["fields"]
    assert [(f.name, f.datatype, f.required) for f in columns] == [
        (column["name"], column["type"], column["required"]) for column in expected
    ]
    assert {f.kind for f in columns} == {"number"}
    schema = described(columns)
    row = {f.name: i for i, f in enumerate(columns)}
    assert sent(schema, [row])["dataframe_split"] == {"columns": list(row), "data": [[0, 1, 2, 3]]}
    with pytest.raises(EndpointError) as caught:
        faults.check(reply_of(VECTORS["mlflow_schema_probe"]))
    assert mlflow.columns_of_error(caught.value.endpoint_text) == columns, "in one line too"


@pytest.mark.parametrize(
    ("signature", "fields"),
    [
        ("'a b': long (required), 'c': string (optional)", [("a b", "integer", True), ("c", "text", False)]),
        ('"it\'s": boolean (required)', [("it's", "boolean", True)]),
        (r"'a\'\"b': datetime (required)", [("a'\"b", "datetime", True)]),
        ("'x': binary (required), 'y': Array(double) (required)", [("x", "file", True), ("y", "list", True)]),
        ("'o': {a: long (required), b: string (optional)} (required)", None),
        ("'m': Map(str -> long) (optional)", [("m", "json", False)]),
        ("Tensor('float64', (-1, 4))", [("input 1", "json", True)]),
        ("'t': Tensor('float32', (-1, 28, 28)), 'u': float (required)", [("t", "json", True), ("u", "number", True)]),
        ("long (required), double (required)", [("input 1", "integer", True), ("input 2", "number", True)]),
        ("nonsense", []),
        ("", []),
    ],
)
def test_signatures_of_all_types_are_read(signature: str, fields: Any) -> None:
    found = mlflow.columns_of_error(f"... with schema '[{signature}]'. Error: Model is missing inputs ['a'].")
    assert fields is None or [(f.name, f.kind, f.required) for f in found] == fields


def test_columns_without_names_are_counted_and_a_tensor_is_an_input() -> None:
    columns = mlflow.columns_of_error("with schema '[long (required), double (required)]'. Error")
    counted = described(columns)
    row = dict(zip((f.name for f in counted.fields), (2**60 + 1, Decimal("0.5")), strict=True))
    assert sent(counted, [row]) == {"dataframe_split": {"columns": [0, 1], "data": [[2**60 + 1, 0.5]]}}
    assert (columns[0].minimum, columns[0].maximum) == (Decimal(-(2**63)), Decimal(2**63 - 1))
    (tensor,) = mlflow.columns_of_error("with schema '[Tensor('float64', (-1, 4))]'. Error")
    assert mlflow.description_of_columns([tensor]) == {"inputs": [[0.5, 0.5, 0.5, 0.5]]}


@pytest.mark.parametrize(
    "text",
    [
        "with schema '[" * 20_000,
        "with schema '['" + "a" * 500_000,
        "with schema '['a': " + "b" * 300_000 + "]'. ",
        "'" * 10**6,
        "with schema '[" + "'a': x (" * 50_000,
        "with schema '[" + r"\\'" * 100_000,
    ],
    ids=range(6),
)
def test_a_hostile_message_costs_no_time(text: str) -> None:
    started = time.thread_time()
    assert mlflow.columns_of_error(text) == []
    assert time.thread_time() - started < 1


# What is broken

WORDS = (
    "dataframe_split", "dataframe_records", "instances", "inputs", "params", "columns", "data", "index", "predictions",
    "paths", "/ping", "/invocations", "post", "a", "b",
)  # fmt: skip
SAMPLES: dict[str, Any] = {
    **{name: vector["request"]["body"] for name, vector in OK.items()},
    "description": databricks_description(
        {"oneOf": [{"properties": {"dataframe_records": {"items": {"properties": {"a": {"type": "number"}}}}}}]}
    ),
}


@pytest.mark.parametrize("name", some(SAMPLES, next(iter(SAMPLES))))
def test_a_damaged_description_is_a_form_that_can_be_sent_or_none(name: str) -> None:
    assert sum(survives_description(mlflow, URL, document) for document in damaged(SAMPLES[name])) > 0


def test_any_json_is_survived() -> None:
    found = [survives_description(mlflow, URL, anything(seed, WORDS)) for seed in range(600)]
    assert any(found)
    for seed in range(600):
        survives_answer(mlflow, mlflow.DEFAULT_SCHEMA, anything(seed, WORDS), seed % 3)
        survives_answer(mlflow, mlflow.DEFAULT_SCHEMA, {"predictions": anything(seed, WORDS)}, seed % 3)


def test_a_body_says_how_many_rows_it_takes() -> None:
    assert mlflow.max_rows(mlflow.DEFAULT_SCHEMA) == 1
    assert mlflow.max_rows(schema_from(next(iter(SAMPLES.values())))) == 1000


def test_many_rows_and_columns_cost_little_time() -> None:
    started = time.thread_time()
    schema = schema_from({"dataframe_split": {"columns": [f"c{i}" for i in range(1000)], "data": [[1] * 1000] * 300}})
    row = {f.name: 1 for f in schema.fields}
    assert len(sent(schema, [row] * 200)["dataframe_split"]["data"]) == 200
    wide = mlflow.read_schema(URL, {"inputs": {str(i): [1] for i in range(200_000)}}, {})
    assert wide is not None
    assert len(wide.fields) <= 1001
    assert time.thread_time() - started < 15
