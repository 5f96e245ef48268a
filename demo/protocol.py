"""The Azure ML Studio (classic) Request-Response protocol, as pure functions of bodies.

The shapes, and the codes and messages of errors, are those of the Azure Machine Learning Studio
(classic) web service documentation ("Consume a web service", "REST API error codes"). Where it is
silent, a comment says what we chose.
"""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from demo.companies import Model

API_VERSION = "2.0"
INPUT, OUTPUT = "input1", "output1"
COLUMNS = ("Title", "Category", "Text")
Row = tuple[str, ...]


EXAMPLE = ("Contoso Bank", "Banking", "takes deposits and lends money")


class ProtocolError(Exception):
    """An error the caller is told about: the HTTP status, the class of error and its cause."""

    def __init__(self, status: HTTPStatus, kind: tuple[str, str], cause: tuple[str, str]) -> None:
        super().__init__(cause[1])
        self.status = status
        self.kind = kind
        self.cause = cause

    def body(self) -> dict[str, Any]:
        """The one shape of all errors: `{"error": {"code", "message", "details": [...]}}`."""
        details = [{"code": self.cause[0], "message": self.cause[1]}]
        return {"error": {"code": self.kind[0], "message": self.kind[1], "details": details}}


def invalid(code: str, message: str) -> ProtocolError:
    """400 `BadArgument`, with the real cause in the details."""
    return ProtocolError(HTTPStatus.BAD_REQUEST, ("BadArgument", "Invalid argument provided."), (code, message))


def unauthorized() -> ProtocolError:
    """401, word for word what the service answered to a missing or wrong key."""
    return ProtocolError(
        HTTPStatus.UNAUTHORIZED,
        ("Unauthorized", "Request is unauthorized to access resource."),
        ("ScoreRequestUnauthorized", "Invalid credentials provided."),
    )


def not_found() -> ProtocolError:
    """404 for every path that is not of this service."""
    return ProtocolError(
        HTTPStatus.NOT_FOUND,
        ("NotFound", "Resource not found."),
        ("WebServiceNotFound", "There is no web service at this address."),
    )


class Query(NamedTuple):
    """What the query string asks for.

    `details` adds names and types to a table, `records` takes the place of the table.
    """

    details: bool
    records: bool


def read_query(query: str) -> Query:
    """Reads `api-version=2.0&details=true` or `api-version=2.0&format=swagger`.

    Raises ProtocolError for any other version, or a format that is not `swagger`.
    """
    values = {name: found[-1] for name, found in parse_qs(query, keep_blank_values=True).items()}
    version, form = values.get("api-version", ""), values.get("format")
    if version != API_VERSION:
        said = version or "none"
        raise invalid("BadVersionCall", f"The version of the call must be {API_VERSION}, not {said}.")
    if form not in (None, "swagger"):
        raise invalid("InvalidQueryParameter", f"The format can only be swagger, not {form}.")
    return Query(values.get("details", "").lower() == "true", form == "swagger")


def read_rows(body: bytes) -> list[Row]:
    """The rows of a request body, each with the values of COLUMNS in that order.

    A table (`ColumnNames`, `Values`) and a list of records are both read, in whatever format the
    answer is wanted.
    Raises ProtocolError when the body is anything else.
    """
    source = read_input(read_json(body))
    if isinstance(source, dict):
        return table_rows(source)
    if isinstance(source, list):
        return [record_row(number, record) for number, record in enumerate(source, 1)]
    raise parse_error(f"{INPUT} must be a table or a list of records")


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object in a body, numbers left as the text they are. Raises ProtocolError."""
    try:
        document = json.loads(body, parse_int=str, parse_float=str, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise invalid("RequestBodyInvalid", "The request body is not JSON.") from error
    if not isinstance(document, dict):
        raise invalid("RequestBodyInvalid", "The request body must be a JSON object.")
    return document


def no_constant(name: str) -> None:
    """NaN and Infinity, which Python reads and JSON does not know. Raises ValueError."""
    raise ValueError(name)


def read_input(document: dict[str, Any]) -> object:
    """What stands under the one input. Raises ProtocolError when the envelope is wrong."""
    inputs, parameters = document.get("Inputs"), document.get("GlobalParameters", {})
    if not isinstance(inputs, dict) or not inputs:
        raise invalid("MissingRequestInput", f'The body needs "Inputs" with "{INPUT}" in it.')
    if list(inputs) != [INPUT]:
        wrong = ", ".join(name for name in inputs if name != INPUT)
        raise invalid("InvalidInputNames", f"The service has one input, {INPUT}; there is no input {wrong}.")
    if not isinstance(parameters, dict):
        raise invalid("RequestBodyInvalid", "GlobalParameters must be an object, even when it is empty.")
    if parameters:
        names = ", ".join(parameters)
        raise invalid("UnexpectedParameter", f"The service has no global parameters, so not {names} either.")
    return inputs[INPUT]


def table_rows(table: dict[str, Any]) -> list[Row]:
    """The rows of a table, its columns found by name. Raises ProtocolError."""
    names, values = table.get("ColumnNames"), table.get("Values")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise parse_error("ColumnNames must be a list of names")
    if not isinstance(values, list):
        raise parse_error("Values must be a list of rows")
    places = [place(names, column) for column in COLUMNS]
    return [table_row(number, row, len(names), places) for number, row in enumerate(values, 1)]


def table_row(number: int, row: object, width: int, places: Sequence[int]) -> Row:
    """One row of a table, cut down to our columns. Raises ProtocolError."""
    if not isinstance(row, list) or len(row) != width:
        raise parse_error(f"row {number} must be a list of {width} values")
    return tuple(text_of(number, row[at]) for at in places)


def record_row(number: int, record: object) -> Row:
    """The values of one record. Raises ProtocolError."""
    if not isinstance(record, dict):
        raise parse_error(f"row {number} must be an object")
    names, values = list(record), list(record.values())
    return tuple(text_of(number, values[place(names, column)]) for column in COLUMNS)


def place(names: list[str], column: str) -> int:
    """Where a column stands.

    Its exact name wins; else the case of letters does not matter, as forms lower-case names.

    Raises ProtocolError when it is missing or stands there twice.
    """
    exact = names if column in names else [name.lower() for name in names]
    wanted = column if column in names else column.lower()
    if exact.count(wanted) != 1:
        fault = "missing" if wanted not in exact else "there twice"
        raise parse_error(f"the column {column} is {fault}")
    return exact.index(wanted)


def text_of(number: int, value: object) -> str:
    """A value as text; null is a missing value and reads as empty.

    Raises ProtocolError for a list or an object.
    """
    if isinstance(value, (list, dict)):
        raise parse_error(f"row {number} has a value that is not text")
    return "" if value is None else str(value)


def parse_error(cause: str) -> ProtocolError:
    """The documented answer to input that does not fit the columns."""
    return invalid("InputParseError", f"The input could not be read: {cause}.")


def output_columns(clusters: int) -> dict[str, str]:
    """Names and types of the answer's columns.

    Assignments and distances are called as the classic k-means module called them.
    """
    distances = {f"DistancesToClusterCenter no.{number}": "Double" for number in range(clusters)}
    return {**dict.fromkeys(COLUMNS, "String"), "Assignments": "Int32", **distances}


def answer(rows: Sequence[Row], query: Query, model: Model) -> dict[str, Any]:
    """Scores the rows; the body of a 200. All values are strings, numbers too."""
    columns = output_columns(len(model.names))
    values = [score(row, model) for row in rows]
    if query.records:
        return {"Results": {OUTPUT: [dict(zip(columns, row, strict=True)) for row in values]}}
    value: dict[str, Any] = {"Values": values}
    if query.details:
        value = {"ColumnNames": list(columns), "ColumnTypes": list(columns.values()), **value}
    return {"Results": {OUTPUT: {"type": "table", "value": value}}}


def score(row: Row, model: Model) -> list[str]:
    """One row of the answer: the input, the nearest cluster, the distances."""
    try:
        cluster, distances = model.score(row[COLUMNS.index("Text")])
    except ValueError as error:
        raise invalid("ModuleExecutionError", str(error)) from None
    return [*row, str(cluster), *map(str, distances)]


def swagger(host: str, base: str, model: Model) -> dict[str, Any]:
    """The service's own description: Swagger 2.0; its path contains the query string."""
    columns = output_columns(len(model.names))
    return {
        "swagger": "2.0",
        "info": {
            "version": API_VERSION,
            "title": "Companies (demo)",
            "description": "Says which of ten groups of companies a company is most like.",
        },
        "host": host,
        "basePath": base,
        "schemes": ["http"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": {f"/execute?api-version={API_VERSION}&format=swagger": {"post": operation()}},
        "definitions": {
            **definitions("Input", INPUT, dict.fromkeys(COLUMNS, "String")),
            **definitions("Output", OUTPUT, columns),
            **envelopes(),
        },
        "securityDefinitions": {"Bearer": {"type": "apiKey", "name": "Authorization", "in": "header"}},
        "security": [{"Bearer": []}],
    }


def operation() -> dict[str, Any]:
    """The one call there is."""
    payload = {
        "name": "executePayload",
        "in": "body",
        "required": True,
        "schema": reference("ExecutionRequest"),
    }
    return {
        "operationId": "execute",
        "summary": "Score companies",
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "parameters": [payload],
        "responses": {
            "200": {
                "description": "The companies' clusters",
                "schema": reference("ExecutionResponse"),
            },
            "default": {"description": "What was wrong", "schema": reference("ErrorResponse")},
        },
    }


def definitions(side: str, port: str, columns: dict[str, str]) -> dict[str, Any]:
    """`ExecutionInputs` and `ExecutionInputsItem`, or the same for the outputs."""
    name = f"Execution{side}s"
    properties = {column: {"type": "string", "format": kind.lower()} for column, kind in columns.items()}
    if side == "Input":
        properties = {column: {"type": "string"} for column in columns}
    return {
        name: {
            "type": "object",
            "properties": {port: {"type": "array", "items": reference(f"{name}Item")}},
        },
        f"{name}Item": {"type": "object", "properties": properties},
    }


def envelopes() -> dict[str, Any]:
    """What the two sides are wrapped in, and the error."""
    example = {"Inputs": {INPUT: [dict(zip(COLUMNS, EXAMPLE, strict=True))]}, "GlobalParameters": {}}
    request = {"Inputs": reference("ExecutionInputs"), "GlobalParameters": {"type": "object"}}
    return {
        "ExecutionRequest": {"type": "object", "properties": request, "example": example},
        "ExecutionResponse": {
            "type": "object",
            "properties": {"Results": reference("ExecutionOutputs")},
        },
        "ErrorResponse": {"type": "object", "properties": {"error": {"type": "object"}}},
    }


def reference(name: str) -> dict[str, str]:
    """A pointer to a definition."""
    return {"$ref": f"#/definitions/{name}"}
