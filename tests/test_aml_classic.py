"""The dialect of Azure ML Studio (classic), against documented exchanges (`vectors/`) and against what is broken."""

from __future__ import annotations

import base64
import copy
import json
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.datastructures import MultiDict

from demo import companies, protocol
from FlaskAppAML import dialects, faults
from FlaskAppAML.dialects import aml_classic
from FlaskAppAML.errors import EndpointError
from FlaskAppAML.forms import form_class
from FlaskAppAML.results import Images, Json, Table, Text
from FlaskAppAML.schema import Field, Schema
from FlaskAppAML.wire import Reply

VECTORS = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted((Path(__file__).parent / "vectors").glob("aml_classic_*.json"))
}
HOST = "https://ussouthcentral.services.azureml.net"
TABLE_URL = f"{HOST}/workspaces/w/services/s/execute?api-version=2.0&details=true"
RECORDS_URL = f"{HOST}/workspaces/w/services/s/execute?api-version=2.0&format=swagger"
every_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)


def url_of(vector: dict[str, Any]) -> str:
    return HOST + str(vector["request"]["path"])


def schema_from(url: str, document: Any) -> Schema:
    schema: Schema | None = aml_classic.read_schema(url, document, {})
    assert schema is not None
    return schema


def schema_of(vector: dict[str, Any]) -> Schema:
    """From the sample's description, or from its request as a pasted sample where it describes nothing.

    `swagger_format_ok` carries the description of the company service with an exchange of another one (passengers of
    a ship), so for that too the request is the sample.
    """
    is_its_own = vector["schema_document"] and "swagger_format" not in vector["name"]
    return schema_from(url_of(vector), vector["schema_document"] if is_its_own else vector["request"]["body"])


def rows_of(vector: dict[str, Any], schema: Schema) -> list[dict[str, Any]]:
    """The sample's inputs by the names of our fields; the samples have those of the columns."""
    parameters = vector["inputs"].get("parameters", {})
    given = [{**row, **parameters} for row in vector["inputs"]["rows"]]
    return [schema.parse({f.name: row[f.wire_name] for f in schema.fields}, "json") for row in given]


def reply(body: Any, status: int = 200) -> Reply:
    return Reply(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def decoded(body: Any) -> list[Any]:
    return aml_classic.decode(aml_classic.DEFAULT_SCHEMA, reply(body), 1).parts


def table(value: Any) -> Any:
    (part,) = decoded({"Results": {"output1": {"type": "table", "value": value}}})
    return part


def sent(schema: Schema, url: str, rows: list[dict[str, Any]]) -> Any:
    return json.loads(aml_classic.encode(schema, url, rows).body)


# The documented exchanges


def test_all_samples_are_there() -> None:
    assert len(VECTORS) == 6


@every_vector
def test_a_sample_makes_fields_that_ask_for_its_inputs(vector: dict[str, Any]) -> None:
    schema = schema_of(vector)
    columns = [f.wire_name for f in schema.fields if not f.parameter]
    parameters = [f.wire_name for f in schema.fields if f.parameter]
    assert columns == list(vector["inputs"]["rows"][0])
    assert parameters == list(vector["inputs"].get("parameters", {}))


def test_a_sample_description_is_read_as_the_company_form() -> None:
    """Both descriptions among the samples are those of the company service."""
    described = [vector for vector in VECTORS.values() if vector["schema_document"]]
    assert len(described) == 2
    for vector in described:
        schema = schema_from(url_of(vector), vector["schema_document"])
        assert [f.name for f in schema.fields] == ["title", "category", "text"]
        assert [f.max_length for f in schema.fields] == [30, 30, 1000]
        assert schema.subject == "title"


@every_vector
def test_a_sample_is_encoded_as_documented(vector: dict[str, Any]) -> None:
    schema = schema_of(vector)
    request = aml_classic.encode(schema, url_of(vector), rows_of(vector, schema))
    assert json.loads(request.body) == vector["request"]["body"]
    assert (request.method, request.url) == ("POST", url_of(vector))
    assert request.headers["Content-Type"] == "application/json"


@every_vector
def test_a_sample_is_decoded_as_documented(vector: dict[str, Any]) -> None:
    answer = reply(vector["response"]["body"], vector["response"]["status"])
    expected = vector["expected"]
    if "error" in expected:
        with pytest.raises(EndpointError) as caught:
            faults.check(answer)
        assert caught.value.kind == expected["error"]["kind"]
        assert caught.value.code == expected["error"]["code"]
        assert caught.value.upstream_status == expected["error"]["upstream_status"]
        assert expected["error"]["message"] in caught.value.endpoint_text
        assert not caught.value.another_try
        return
    faults.check(answer)
    parts = aml_classic.decode(schema_of(vector), answer, len(vector["inputs"]["rows"])).parts
    meant = expected.get("multi", [expected])
    assert [neutral(part) for part in parts[: len(meant)]] == meant
    assert all(isinstance(part, Text) for part in parts[len(meant) :]), "what is left is the log of a module"


def neutral(part: Any) -> Any:
    if isinstance(part, Images):
        return {"image": [{"content_type": image.content_type, "base64": image.base64} for image in part.images]}
    return {"rows": {"columns": [{"name": c.name, "type": c.type} for c in part.columns], "rows": part.rows}}


# Addresses


@pytest.mark.parametrize(
    ("url", "claimed"),
    [
        (TABLE_URL, True),
        (f"{HOST.upper()}/x", True),
        ("http://127.0.0.1:5556/workspaces/a/services/b/execute?api-version=2.0", True),
        ("https://example.com/v1/models/m:predict", False),
        ("https://services.azureml.net.example.com/score", False),
    ],
)
def test_the_dialect_claims_its_own_addresses(url: str, claimed: bool) -> None:
    assert (aml_classic.claims(urlsplit(url)) > 0.5) is claimed
    assert dialects.claimed(TABLE_URL) is aml_classic


@pytest.mark.parametrize(
    ("url", "description"),
    [
        (TABLE_URL, f"{HOST}/workspaces/w/services/s/swagger.json?api-version=2.0"),
        ("http://h:1/a/execute?key=k", "http://h:1/a/swagger.json?api-version=2.0"),
    ],
)
def test_the_description_lies_beside_the_scoring_address(url: str, description: str) -> None:
    assert aml_classic.schema_urls(url) == [description]


# Requests

TWO_INPUTS = Schema(
    (
        Field("a", column="A", input="first"),
        Field("b", column="B", input="second", required=False, kind="number"),
        Field("c", column="C", input="first", required=False, kind="boolean"),
        Field("p", column="P q", parameter=True, kind="integer", required=False),
    )
)


def test_several_inputs_and_parameters_go_where_they_belong() -> None:
    rows: list[Any] = [
        {"a": "x", "b": Decimal("1.50"), "c": True, "p": 2**64},
        {"a": "y", "b": None, "c": None, "p": None},
    ]
    assert sent(TWO_INPUTS, TABLE_URL, rows) == {
        "Inputs": {
            "first": {"ColumnNames": ["A", "C"], "Values": [["x", "true"], ["y", None]]},
            "second": {"ColumnNames": ["B"], "Values": [["1.50"], [None]]},
        },
        "GlobalParameters": {"P q": "18446744073709551616"},
    }


def test_the_address_decides_between_table_and_records() -> None:
    document = {"Inputs": {"i": {"ColumnNames": ["A", "B"], "Values": [["1", "2"]]}}}
    bodies = {}
    for url in (TABLE_URL, RECORDS_URL, RECORDS_URL.replace("swagger", "SWAGGER")):
        bodies[url] = sent(schema_from(url, document), url, [{"A": "x", "B": "y"}])["Inputs"]["i"]
    assert list(bodies.values()) == [
        {"ColumnNames": ["A", "B"], "Values": [["x", "y"]]},
        [{"A": "x", "B": "y"}],
        [{"A": "x", "B": "y"}],
    ]


@pytest.mark.parametrize("rows", [[{"a": "x"}], []])
def test_global_parameters_are_an_object_even_when_there_are_none(rows: list[Any]) -> None:
    assert sent(TWO_INPUTS, TABLE_URL, rows)["GlobalParameters"] == {}


@pytest.mark.parametrize(
    ("value", "travels"),
    [
        ("text", "text"),
        ("", ""),
        ("ü😀\n", "ü😀\n"),
        ("\ud800", "?"),
        (5, "5"),
        (2**64, "18446744073709551616"),
        (Decimal("9007199254740993"), "9007199254740993"),
        (Decimal("0.1"), "0.1"),
        (True, "true"),
        (False, "false"),
        (None, None),
    ],
)
@pytest.mark.parametrize("url", [TABLE_URL, RECORDS_URL])
def test_every_value_travels_as_a_string_or_null(url: str, value: Any, travels: Any) -> None:
    schema = schema_from(url, {"Inputs": {"i": {"ColumnNames": ["A"]}}})
    body = sent(schema, url, [{"A": value}])["Inputs"]["i"]
    assert (body[0]["A"] if isinstance(body, list) else body["Values"][0][0]) == travels


# Answers


@pytest.mark.parametrize(
    ("type", "cell", "value"),
    [
        ("Int64", "9223372036854775808", 2**63),
        ("Int32", "-1", -1),
        ("Int32", "1.5", "1.5"),
        ("Int32", "1_0", "1_0"),
        ("Int32", "", ""),
        ("Int32", None, None),
        ("Int32", 7, 7),
        ("Double", "0.1", 0.1),
        ("Double", "1e400", "1e400"),
        ("Double", "-1e400", "-1e400"),
        ("Double", "Infinity", math.inf),
        ("Double", "-Infinity", -math.inf),
        ("Double", "NaN", math.nan),
        ("Double", "n/a", "n/a"),
        ("Double", "9" * 5000, "9" * 5000),
        pytest.param(
            "Double",
            {"a": 1},
            {"a": 1},
        ),
        ("Boolean", "True", True),
        ("Boolean", "false", False),
        ("Boolean", "maybe", "maybe"),
        ("String", "1", "1"),
        ("DateTime", "1/2/2020", "1/2/2020"),
        ("Nonsense", "1", "1"),
        (None, "1", "1"),
        (5, "1", "1"),
    ],
)
def test_a_cell_has_the_type_of_its_column_where_it_fits(type: Any, cell: Any, value: Any) -> None:
    (row,) = table({"ColumnNames": ["c"], "ColumnTypes": [type], "Values": [[cell]]}).rows
    assert repr(row) == repr([value])


@pytest.mark.parametrize(
    ("value", "names", "rows"),
    [
        ({"Values": [["1", "2"]]}, ["output1[0]", "output1[1]"], [["1", "2"]]),
        ({"ColumnNames": ["a"], "Values": [["1", "2"]]}, ["a", "output1[1]"], [["1", "2"]]),
        (
            {"ColumnNames": ["a", "b"], "Values": [["1"], ["1", "2", "3"], []]},
            ["a", "b", "output1[2]"],
            [["1", None, None], ["1", "2", "3"], [None, None, None]],
        ),
        ({"ColumnNames": 5, "Values": [["1"]]}, ["output1[0]"], [["1"]]),
        ({"ColumnNames": [5, None], "Values": [["1", "2"]]}, ["5", "None"], [["1", "2"]]),
        ({"ColumnTypes": "Int32", "Values": [["1"]]}, ["output1[0]"], [["1"]]),
        ({"ColumnNames": ["a"], "Values": ["x", 5, None, {"k": 1}]}, ["a"], [["x"], [5], [None], [{"k": 1}]]),
        ({"ColumnNames": ["a"], "Values": []}, ["a"], []),
        ({"ColumnNames": ["a", "a"], "Values": [["1", "2"]]}, ["a", "a"], [["1", "2"]]),
        ([{"a": "1"}, {"b": "2", "a": None}], ["a", "b"], [["1", None], [None, "2"]]),
        ([{"a": "1"}, 5], ["a"], [["1"], [None]]),
        (["x", 5], ["output1[0]"], [["x"], [5]]),
        ([], [], []),
    ],
)
def test_odd_tables_show_what_there_is_in_the_right_column(value: Any, names: list[str], rows: list[Any]) -> None:
    part = table(value)
    assert isinstance(part, Table)
    assert [column.name for column in part.columns] == names
    assert part.rows == rows


@pytest.mark.parametrize("value", [None, 5, "x", {"Values": None}, {"Values": "x"}, {}, True])
def test_an_output_without_rows_is_shown_as_the_json_it_is(value: Any) -> None:
    assert table(value) == Json(value, "output1")


@pytest.mark.parametrize("body", [3, None, "text", [], [1], {}, {"Results": None}, {"Results": []}, {"Results": {}}])
def test_an_answer_without_results_is_shown_as_the_json_it_is(body: Any) -> None:
    assert decoded(body) == [Json(body)]


def test_outputs_may_have_any_name_and_number() -> None:
    outputs = {name: {"type": "table", "value": {"Values": [[name]]}} for name in ("Ergebnis", "", "output1", "é<")}
    assert [(part.name, part.rows) for part in decoded({"Results": outputs})] == [(n, [[n]]) for n in outputs]


def device(**changes: Any) -> Any:
    said: dict[str, Any] = {
        "Standard Output": "",
        "Standard Error": None,
        "visualizationType": "rOutput",
        "Graphics Device": [],
    }
    return {"ColumnNames": ["R Output JSON"], "Values": [[json.dumps(said | changes)]]}


def picture(start: bytes) -> str:
    return base64.b64encode(start + bytes(40)).decode()


PNG, JPEG, SVG = picture(b"\x89PNG\r\n\x1a\n"), picture(b"\xff\xd8\xff"), picture(b"<svg onload='alert(1)'>")


def test_a_script_module_gives_its_plots_and_its_log() -> None:
    value = device(**{"Graphics Device": [PNG, SVG, 5, "?", JPEG], "Standard Output": "done", "Standard Error": "hm"})
    images, log = decoded({"Results": {"plot": {"value": value}}})
    assert [(i.content_type, i.base64) for i in images.images] == [("image/png", PNG), ("image/jpeg", JPEG)]
    assert (images.name, log) == ("plot", Text("done\nhm", "plot"))


@pytest.mark.parametrize(
    "value",
    [
        device(),
        device(**{"Graphics Device": None}),
        device(**{"Graphics Device": [SVG]}),
        {"Values": [["{no json"]]},
        {"Values": [["{" * 20_000]]},
        {"Values": [['{"a": 1}']]},
    ],
    ids=["no plots", "null", "SVG alone", "no JSON", "deep", "other JSON"],
)
def test_what_only_looks_like_a_plot_stays_a_table(value: Any) -> None:
    assert isinstance(table(value), Table)


def test_a_module_log_is_text() -> None:
    value = {"Values": [["data:text/plain,Execution OK\r\n", None], ["data:text/plain,a,b"]]}
    assert table(value) == Text("Execution OK\na,b", "output1")
    mixed = {"Values": [["data:text/plain,x", "y"]]}
    assert isinstance(table(mixed), Table)


# Descriptions

SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Flats", "description": "Says what a flat costs."},
    "definitions": {
        "ExecutionRequest": {
            "type": "object",
            "properties": {
                "Inputs": {"$ref": "#/definitions/ExecutionInputs"},
                "GlobalParameters": {
                    "type": "object",
                    "properties": {"Trees": {"type": "integer", "default": 8, "minimum": 1, "maximum": 64}},
                },
            },
        },
        "ExecutionInputs": {
            "type": "object",
            "properties": {
                "input1": {"type": "array", "items": {"$ref": "#/definitions/Flat~1row"}},
                "input2": {"type": "array", "items": {"properties": {"Note": {"type": "string"}}}},
            },
        },
        "Flat/row": {
            "type": "object",
            "properties": {
                "Surface": {"type": "number", "minimum": 0.5, "description": "In square metres.", "example": 70},
                "Storey": {"type": "integer"},
                "Lift": {"type": "boolean", "title": "Has a lift"},
                "Heating": {"type": "string", "enum": ["gas", "wood"], "default": "gas"},
                "Street": {"type": "string", "minLength": 2, "maxLength": 50},
                "Built": {"type": "string", "format": "date-time", "x-nullable": True},
            },
            "required": ["Surface", "Lift"],
        },
    },
}


def test_a_swagger_document_says_what_each_field_takes() -> None:
    schema = schema_from(TABLE_URL, SWAGGER)
    kinds = {"Surface": "number", "Storey": "integer", "Lift": "boolean", "Heating": "text", "Street": "text"}
    assert {f.name: f.kind for f in schema.fields} == kinds | {"Built": "text", "Note": "text", "Trees": "integer"}
    assert [f.name for f in schema.fields if f.required] == ["Surface", "Lift", "Note", "Trees"]
    assert [f.name for f in schema.fields if f.parameter] == ["Trees"]
    assert {f.input for f in schema.fields} == {"input1", "input2", ""}
    assert (schema["Surface"].minimum, schema["Surface"].help) == (Decimal("0.5"), "In square metres.")
    assert schema["Lift"].shown_label == "Has a lift"
    assert (schema["Heating"].choices, schema["Heating"].default) == (("gas", "wood"), "gas")
    assert (schema["Street"].min_length, schema["Street"].max_length) == (2, 50)
    assert (schema["Trees"].default, schema["Trees"].minimum, schema["Trees"].maximum) == (8, Decimal(1), Decimal(64))
    assert (schema.title, schema.description) == ("Flats", "Says what a flat costs.")


@pytest.mark.parametrize("url", [TABLE_URL, RECORDS_URL])
@pytest.mark.parametrize(
    "value",
    [
        {"ColumnNames": ["n", "t", "b", "f", "e"], "Values": [["x", 1, True, 2.5, ""], ["y"]]},
        [{"n": "x", "t": 1, "b": True, "f": 2.5, "e": ""}],
        {"n": "x", "t": 1, "b": True, "f": 2.5, "e": ""},
    ],
    ids=["table", "records", "one record"],
)
def test_a_pasted_request_is_a_schema_in_any_envelope(value: Any, url: str) -> None:
    schema = schema_from(url, {"Inputs": {"in": value}, "GlobalParameters": {"p": "3"}})
    assert [(f.name, f.kind) for f in schema.fields] == [
        ("n", "text"), ("t", "number"), ("b", "boolean"), ("f", "number"), ("e", "text"), ("p", "text"),
    ]  # fmt: skip
    assert [f.example for f in schema.fields] == ["x", 1, True, 2.5, None, "3"]
    assert [f.parameter for f in schema.fields] == [False] * 5 + [True]
    assert schema.envelope == ("records" if "swagger" in url else "table")


def test_a_pasted_request_of_the_company_service_is_the_company_form() -> None:
    document = {"Inputs": {"companies": {"ColumnNames": ["Title", "Category", "Text"], "Values": [["a", "b", "c"]]}}}
    schema = schema_from(RECORDS_URL, document)
    assert [f.name for f in schema.fields] == ["title", "category", "text"]
    assert {f.input for f in schema.fields} == {"companies"}
    assert schema.envelope == "records"


def test_parameters_named_like_the_company_columns_stay_parameters() -> None:
    document = {"Inputs": {}, "GlobalParameters": {"Title": "", "Category": "", "Text": ""}}
    schema = schema_from(TABLE_URL, document)
    assert all(f.parameter for f in schema.fields)


def looped() -> dict[str, Any]:
    document = copy.deepcopy(SWAGGER)
    document["definitions"]["Flat/row"] = {"$ref": "#/definitions/Other"}
    document["definitions"]["Other"] = {"$ref": "#/definitions/Flat~1row"}
    return document


def test_references_that_go_in_circles_end() -> None:
    assert [f.name for f in schema_from(TABLE_URL, looped()).fields] == ["Note", "Trees"]


@pytest.mark.parametrize("reference", ["http://169.254.169.254/x", "other.json#/a", "#", "", "#/definitions/None", 5])
def test_references_lead_nowhere_outside_the_document(reference: Any) -> None:
    document = copy.deepcopy(SWAGGER)
    document["definitions"]["ExecutionInputs"] = {"$ref": reference}
    assert [f.name for f in schema_from(TABLE_URL, document).fields] == ["Trees"]


@pytest.mark.parametrize("document", [None, 5, "x", [], {}, {"Inputs": {}}, {"Inputs": None}, {"openapi": "3.1.0"}])
def test_anything_else_is_no_description(document: Any) -> None:
    assert aml_classic.read_schema(TABLE_URL, document, {}) is None


SAMPLES: dict[str, Any] = {
    "swagger": SWAGGER,
    "demo": protocol.swagger("h", "/b", companies.load()),
    "table": {"Inputs": {"i": {"ColumnNames": ["a", "b"], "Values": [["1", 2]]}}, "GlobalParameters": {"p": "1"}},
    "records": {"Inputs": {"i": [{"a": "1", "b": 2}]}, "GlobalParameters": {}},
    "loop": looped(),
}
HOSTILE: tuple[Any, ...] = (None, 5, -1, 1.5, math.nan, True, "x", "\ud800", [], [[]], {}, {"$ref": "#/definitions"})


def damaged(node: Any, spoil: Any = None) -> Iterator[Any]:
    """`node` with each of its parts in turn replaced by each hostile value."""
    yield from (copy.deepcopy(value) for value in HOSTILE)
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in list(pairs):
        for spoilt in damaged(child):
            copied = copy.copy(node)
            copied[key] = spoilt
            yield copied


@pytest.mark.parametrize("name", SAMPLES)
def test_a_hostile_description_gives_a_schema_or_none(name: str) -> None:
    count = 0
    for count, document in enumerate(damaged(SAMPLES[name]), 1):  # noqa: B007 - counted to see that the loop ran
        schema = aml_classic.read_schema(TABLE_URL, document, {})
        assert schema is None or (isinstance(schema, Schema) and schema.fields), document
    assert count > 50


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("swagger"),
        pytest.param("table"),
        pytest.param("records"),
        pytest.param("loop"),
    ],
)
def test_whatever_was_read_makes_a_form_that_can_be_sent(name: str) -> None:
    for document in damaged(SAMPLES[name]):
        schema = aml_classic.read_schema(TABLE_URL, document, {})
        if schema is not None:
            form = form_class(schema)(MultiDict({f.name: "1" for f in schema.fields}))
            form.validate()
            aml_classic.encode(schema, TABLE_URL, [form.row()])
