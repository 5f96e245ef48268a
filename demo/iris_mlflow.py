"""The irises by the protocol of MLflow's scoring server, as pure functions of bodies.

Shapes and messages of failures are those that MLflow 3.17 answers with, except that it adds a stack trace where the
model itself fails. Its description (`/openapi.json`) names the paths and says nothing about the body.
"""

import csv
import io
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from demo.answer import JSON, TEXT, Answer, number, ok, read_json
from demo.iris import COLUMNS, Iris

SCORING = "/invocations"
KINDS = ("text/csv", "application/json")
ENVELOPES = ("dataframe_split", "dataframe_records", "instances", "inputs")
PING = f"{JSON}; charset=utf-8"  # a bare line break, which MLflow calls JSON
SPOKEN = "3.17.2"  # the version whose protocol this is
SHOWN = 200  # characters of the data in a message
SIGNATURE = "[" + ", ".join(f"'{name}': double (required)" for name in COLUMNS) + "]"


class RequestError(Exception):
    """A failure with MLflow's words for its kind."""

    def __init__(self, code: str, state: str, kind: str, message: str) -> None:
        super().__init__(message)
        self.body = {"error_code": code, "message": message, "sqlstate": state, "error_class": kind}


class Frame(NamedTuple):
    """A data frame: names of columns (numbers where it came without), rows, and how messages show it."""

    columns: list[Any]
    rows: list[list[Any]]
    shown: str
    others: tuple[str, ...] = ()  # columns whose cells nobody looks at


def bad(message: str) -> RequestError:
    """400 for a body that is not of the protocol, or that the model cannot cope with."""
    return RequestError("BAD_REQUEST", "KAM00", "INVALID_PARAMETER_VALUE", message)


def unfit(frame: Frame, cause: str) -> RequestError:
    """400 for data that do not fit the signature, which the message spells out."""
    message = (
        f"Failed to predict data '{frame.shown}'. \n"
        f"Error: Failed to enforce schema of data '{frame.shown}' with schema '{SIGNATURE}'. Error: {cause}"
    )
    return RequestError("INVALID_PARAMETER_VALUE", "KAM01", "SCHEMA_ENFORCEMENT_FAILED", message)


def owns(path: str) -> bool:
    """Whether this service answers at the path."""
    return path in (SCORING, "/ping", "/health", "/version", "/openapi.json")


def needs_key(path: str) -> bool:
    """Descriptions and health are for everybody."""
    return path == SCORING


def refusal(status: HTTPStatus, message: str) -> Answer:
    """What goes wrong before the body is looked at."""
    return Answer(status, {"error_code": status.name, "message": message})


def unauthorized(said: str) -> Answer:
    """401. The server itself knows no keys; this is how a gateway that speaks MLflow's errors may say it."""
    return Answer(HTTPStatus.UNAUTHORIZED, {"error_code": "UNAUTHENTICATED", "message": "Invalid access token."})


def answer(method: str, path: str, kind: str, body: bytes, model: Iris) -> Answer:
    """Every answer of the service, failures too."""
    if method != ("POST" if path == SCORING else "GET"):
        return Answer(HTTPStatus.METHOD_NOT_ALLOWED, {"detail": "Method Not Allowed"})
    if path != SCORING:
        return {"/openapi.json": ok(openapi()), "/version": ok(SPOKEN, TEXT)}.get(path, ok("\n", PING))
    if kind not in KINDS:
        said = f"This predictor only supports the following content types: Types: {list(KINDS)}. Got '{kind[:100]}'."
        return Answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, said, TEXT)
    try:
        return ok({"predictions": predict(csv_frame(body) if kind == "text/csv" else json_frame(body), model)})
    except RequestError as error:
        return Answer(HTTPStatus.BAD_REQUEST, error.body)


def predict(frame: Frame, model: Iris) -> list[dict[str, Any]]:
    """A record per flower. Raises RequestError."""
    try:
        found = [model.probabilities(row) for row in enforced(frame)]
    except ValueError:
        raise bad(
            "Encountered an unexpected error while evaluating the model. Verify that the serialized input Dataframe "
            "is compatible with the model for inference."
        ) from None
    labels = [f"probability of {name}" for name in model.species]
    return [{"species": model.best(shares), **dict(zip(labels, shares, strict=True))} for shares in found]


def enforced(frame: Frame) -> list[list[float]]:
    """The numbers in the order of the signature; further columns are passed over, as MLflow does.

    Raises RequestError, ValueError.
    """
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        extra = [name for name in [*frame.columns, *frame.others] if name not in COLUMNS]
        note = f" Note that there were extra inputs: {extra}." if extra else ""
        raise unfit(frame, f"Model is missing inputs {missing}.{note}"[: 10 * SHOWN])
    places = [frame.columns.index(name) for name in COLUMNS]
    return [[cell(frame, name, row[at]) for name, at in zip(COLUMNS, places, strict=True)] for row in frame.rows]


def cell(frame: Frame, name: str, value: Any) -> float:
    """One number. A null passes the signature and fails in the model (ValueError). Raises RequestError."""
    if value is None:
        raise ValueError("Input X contains NaN.")
    try:
        return number(value)
    except ValueError:
        cause = f"Incompatible input types for column {name}. Can not safely convert object to float64."
        raise unfit(frame, cause) from None


def json_frame(body: bytes) -> Frame:
    """The data of a JSON body. Raises RequestError."""
    try:
        document = read_json(body)
    except ValueError as error:
        message = "Invalid input. Ensure that input is a valid JSON formatted string."
        raise bad(f"{message} Error: '{error!r}'\nInput: \n{body[:SHOWN]!r}\n") from None
    given = [name for name in ENVELOPES if isinstance(document, dict) and name in document]
    if len(given) != 1:
        raise bad(
            "The input must be a JSON dictionary with exactly one of the input fields "
            f"{{{', '.join(map(repr, sorted(ENVELOPES)))}}}. Received dictionary with input fields: {given}."
        )
    readers = {"dataframe_split": split_frame, "dataframe_records": records_frame, "inputs": columns_frame}
    frame = readers.get(given[0], instances_frame)(document[given[0]])
    if any(len(row) != len(frame.columns) for row in frame.rows):
        raise unreadable()
    return frame


def unreadable() -> RequestError:
    """400 for data without the form of a table."""
    return bad("Failed to parse input as a DataFrame. Ensure that the input is a valid table of its format.")


def split_frame(given: Any) -> Frame:
    """`{"columns": [...], "data": [[...]]}`; `index` may be there. Raises RequestError."""
    if not isinstance(given, dict):
        raise unreadable()
    columns, rows = given.get("columns"), given.get("data")
    if not isinstance(columns, list) or not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise unreadable()
    return framed(columns, rows)


def records_frame(given: Any) -> Frame:
    """`[{...}, ...]`; what a record lacks is null. Raises RequestError."""
    if not isinstance(given, list) or not all(isinstance(record, dict) for record in given):
        raise unreadable()
    columns = list(dict.fromkeys(name for record in given for name in record))
    known = [name for name in COLUMNS if name in columns]
    # The cells of other columns stay where they are: with a name of its own in each record they would square in number.
    frame = framed(known, [[record.get(name) for name in known] for record in given])
    return frame._replace(others=tuple(name for name in columns if name not in known))


def instances_frame(given: Any) -> Frame:
    """Records, or rows without names. Raises RequestError."""
    if isinstance(given, list) and given and all(isinstance(row, list) for row in given):
        return framed(list(range(max(map(len, given)))), given)
    return records_frame(given)


def columns_frame(given: Any) -> Frame:
    """`{"name": [values], ...}`. Raises RequestError."""
    if not isinstance(given, dict) or not all(isinstance(values, list) for values in given.values()):
        raise unreadable()
    if len({len(values) for values in given.values()}) > 1:
        raise unreadable()
    return framed(list(given), [list(row) for row in zip(*given.values(), strict=True)])


def csv_frame(body: bytes) -> Frame:
    """CSV with a line of names first. Raises RequestError."""
    try:
        columns, *lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""))
    except (ValueError, csv.Error):
        raise unreadable() from None
    if any(len(line) != len(columns) for line in lines):
        raise unreadable()
    return framed(columns, [[read_cell(text) for text in line] for line in lines])


def read_cell(text: str) -> Any:
    """A number where the cell holds one, null where it is empty."""
    try:
        return float(text) if text else None
    except ValueError:
        return text


def framed(columns: Sequence[Any], rows: list[list[Any]]) -> Frame:
    """A Frame. Names that no JSON object could have are of no use to anybody."""
    names = [name if isinstance(name, (str, int)) else str(name)[:SHOWN] for name in columns]
    empty = "Empty DataFrame\nColumns: []\nIndex: []"
    return Frame(names, rows, empty if not names and not rows else str(rows[:3])[:SHOWN])


def openapi() -> dict[str, Any]:
    """MLflow's own description: FastAPI makes it of four paths without any schema."""
    paths = {f"/{name}": {"get": operation(name.title())} for name in ("ping", "health", "version")}
    document = {"openapi": "3.1.0", "info": {"title": "FastAPI", "version": "0.1.0"}}
    return {**document, "paths": {**paths, SCORING: {"post": operation("Transformation")}}}


def operation(summary: str) -> dict[str, Any]:
    """One operation as FastAPI describes a plain function."""
    return {
        "summary": summary,
        "operationId": summary.lower(),
        "responses": {"200": {"description": "Successful Response", "content": {"application/json": {"schema": {}}}}},
    }
