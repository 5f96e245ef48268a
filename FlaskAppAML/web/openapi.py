"""The API's own description: OpenAPI 3.1, made from the schemas in force, with operations of its own for each model."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from .. import batch, sheets
from ..endpoint import Endpoint
from ..results import KINDS, Part
from ..schema import Schema, json_schema
from .batches import TYPES

Document = dict[str, Any]

ID = "^[0-9a-f]{32}$"
PROBLEMS = {
    400: "The request cannot be read.",
    401: "The password of this app is missing or wrong.",
    403: "It was sent from a page of another site.",
    404: "There is no such model, prediction or page.",
    405: "The address does not take this method.",
    413: "It is more than this app or the model takes at once.",
    415: "The body is of a type that is not taken.",
    422: "The input does not fit, or the model refused it. `fields` says what is wrong with each field.",
    429: "Too many requests. Wait `retry_after` seconds.",
    500: "A fault of this app; its log has the details under `request_id`.",
    502: "The model failed, or cannot be reached. `kind` says why.",
    503: "Too busy, or the model is being loaded. Wait `retry_after` seconds.",
    504: "The model took too long.",
}
PREFERENCES = [
    {
        "name": "Prefer",
        "in": "header",
        "description": "`respond-async`: a job at once, in place of the answer.",
        "schema": {"type": "string"},
    },
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Of a job: the same key with the same input is the same job.",
        "schema": {"type": "string"},
    },
]
SHEETS = {  # files of rows, by their types; a type that is not here is read as CSV
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
MOST_EXAMPLES = 20
OF_ALL = (400, 401, 403, 404, 405, 429)
OF_A_JOB = (*OF_ALL, 503)
OF_A_FILE = (*OF_ALL, 413, 422, 503)
OF_A_CALL = (*OF_ALL, 413, 415, 422, 502, 503, 504)


def inputs_of(schema: Schema) -> Document:
    """The JSON Schema of one row."""
    return json_schema.of_fields(f for f in schema.fields if not f.parameter)


def parameters_of(schema: Schema) -> Document | None:
    """The JSON Schema of what belongs to the call as a whole; None where nothing does."""
    found = [f for f in schema.visible() if f.parameter]
    return json_schema.of_fields(found) if found else None


def requests_of(endpoint: Endpoint) -> dict[str, Document]:
    """The JSON Schemas of one row and of each kind of body, by names that clients call their classes after."""
    schema, word = endpoint.schema, _word(endpoint)
    parameters, most = parameters_of(schema), endpoint.max_rows(schema)
    row = _ref(f"{word}Inputs")
    made = {f"{word}Inputs": inputs_of(schema), f"{word}Request": _body("inputs", row, parameters)}
    if most > 1:
        rows = {"type": "array", "minItems": 1, "maxItems": most, "items": row}
        made[f"{word}RowsRequest"] = _body("rows", rows, parameters)
    return made


def _body(name: str, about: Document, parameters: Document | None) -> Document:
    apart = {"parameters": parameters} if parameters is not None else {}
    needed = ["parameters"] if parameters and "required" in parameters else []
    return {
        "type": "object",
        "properties": {name: about, **apart},
        "required": [name, *needed],
        "additionalProperties": False,
    }


def _word(endpoint: Endpoint) -> str:
    """What classes of its own are called in clients that are made from the document."""
    return "".join(part.capitalize() for part in re.split("[-_]", endpoint.name))


def document(
    title: str, version: str, root: str, models: Iterable[Endpoint], *, locked: bool = False, has_jobs: bool = True
) -> Document:
    """`root` is the path that the app stands under, "" or such as /clusters; `locked` says that a password is needed,
    `has_jobs` that there may be background jobs, and so files of rows."""
    listed = list(models)
    paths: Document = {
        "/api/v1/models": {"get": _reading("listModels", "All models", "Models")},
    }
    for endpoint in listed:
        at = f"/api/v1/models/{endpoint.name}"
        paths[at] = {"get": _reading(f"describe_{endpoint.name}", f"{endpoint.title}: what it asks for", "Model")}
        paths[f"{at}/predictions"] = {"post": _scoring(endpoint)}
        if has_jobs and batch.takes_rows(endpoint.schema):
            paths[f"{at}/batches"] = {"post": _scoring_file(endpoint)}
    paths["/api/v1/predictions/{id}"] = {
        "get": _reading("getPrediction", "A prediction again, while it is kept", "Prediction"),
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": ID}}],
    }
    paths |= _job_paths()
    own = {name: about for endpoint in listed for name, about in requests_of(endpoint).items()}
    made: Document = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": root or "/"}],
        "paths": paths,
        "components": {"schemas": {**own, **_components()}},
    }
    if locked:
        made["components"]["securitySchemes"] = {"password": {"type": "http", "scheme": "bearer"}}
        made["security"] = [{"password": []}]
    return made


def _reading(name: str, summary: str, answer: str, problems: Iterable[int] = OF_ALL) -> Document:
    return {"operationId": name, "summary": summary, "responses": _answers(answer, problems)}


def _job_paths() -> Document:
    which = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": ID}}
    deleting = _reading("deleteJob", "Cancels it, and deletes what is kept of it", "Job", OF_A_JOB)
    deleting["responses"]["204"] = {"description": "It is gone."}
    del deleting["responses"]["200"]
    made: Document = {
        "/api/v1/jobs/{id}": {
            "get": _reading("getJob", "How far a job is", "Job", OF_A_JOB),
            "delete": deleting,
            "parameters": [which],
        },
    }
    for kind in ("", "json", "csv", "xlsx"):
        at = f"/api/v1/jobs/{{id}}/result{kind and '.'}{kind}"
        made[at] = {"get": _job_result(kind), "parameters": [which]}
    return made


def _job_result(kind: str) -> Document:
    """As JSON that of a question is its prediction; that of a file of rows is JSON Lines then."""
    is_json = kind in ("", "json")
    whole = {TYPES["jsonl" if is_json else kind].partition(";")[0]: {"schema": FILE}}
    answers = _answers("Prediction", (*OF_A_CALL, 500)) | _answers("Job", (), "202")
    answers["200"] = {
        "description": "Its prediction, or the rows of its file with their answers.",
        "content": {**(answers["200"]["content"] if is_json else {}), **whole},
    }
    return {"operationId": f"getJobResult{kind.title()}", "summary": "What came of it, when done", "responses": answers}


def _scoring(endpoint: Endpoint) -> Document:
    bodies = [_ref(name) for name in requests_of(endpoint) if name.endswith("Request")]
    body = bodies[0] if len(bodies) == 1 else {"oneOf": bodies}
    examples = _examples(endpoint)
    content = {"application/json": {"schema": body, **({"examples": examples} if examples else {})}}
    operation = {
        "operationId": f"predict_{endpoint.name}",
        "summary": endpoint.title,
        "parameters": PREFERENCES,
        "requestBody": {"required": True, "content": content},
        "responses": _answers("Prediction", OF_A_CALL) | _ticket(()),
    }
    return operation | ({"description": endpoint.description} if endpoint.description else {})


def _examples(endpoint: Endpoint) -> Document:
    schema = endpoint.schema
    return {
        f"example-{number}": {"summary": example.name, "value": bodied(schema, example.inputs)}
        for number, example in enumerate(endpoint.examples[:MOST_EXAMPLES], 1)
    }


def _scoring_file(endpoint: Endpoint) -> Document:
    """The file is the body, or the part `rows` of a form."""
    names = [f.name for f in batch.fields_of(endpoint.schema)]
    content: Document = {kind: {"schema": FILE} for kind in SHEETS}
    if endpoint.examples:
        rows = [[example.inputs.get(name) for name in names] for example in endpoint.examples[:MOST_EXAMPLES]]
        table = b"".join(sheets.pieces("csv", names, rows)).decode("utf-8-sig")
        content["text/csv"]["examples"] = {"examples": {"summary": "A table", "value": table}}
    form = {"schema": _object({"rows": FILE})}
    return {
        "operationId": f"score_file_{endpoint.name}",
        "summary": f"{endpoint.title}: a file of rows, in the background",
        "description": f"Its columns are found by their names: {', '.join(names)}.",
        "requestBody": {"required": True, "content": {"multipart/form-data": form, **content}},
        "responses": _ticket(OF_A_FILE),
    }


def _ticket(problems: Iterable[int]) -> Document:
    """A job that was taken in."""
    answers = _answers("Job", problems, "202")
    where = {"description": "Where the job is.", "required": True, "schema": TEXT}
    answers["202"]["headers"] = {"Location": where}
    return answers


def bodied(schema: Schema, values: Mapping[str, Any]) -> Document:
    """A body with these values by field name."""
    apart = {f.name for f in schema.fields if f.parameter}
    inputs = {name: value for name, value in values.items() if name not in apart}
    parameters = {name: value for name, value in values.items() if name in apart}
    return {"inputs": inputs, **({"parameters": parameters} if parameters else {})}


def _answers(name: str, problems: Iterable[int], status: str = "200") -> Document:
    good = {"description": f"{name}.", "content": {"application/json": {"schema": _ref(name)}}}
    return {status: good} | {
        str(status): {
            "description": PROBLEMS[status],
            "content": {"application/problem+json": {"schema": _ref("Problem")}},
        }
        for status in sorted(problems)
    }


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


TEXT, NUMBER, COUNT = {"type": "string"}, {"type": "number"}, {"type": "integer"}
FILE = {"type": "string", "format": "binary"}


def _components() -> Document:
    model = {"name": TEXT, "title": TEXT, "dialect": TEXT, "inputs": {"type": "object"}}
    outputs = {kind: f"{kind.title()}Output" for kind in KINDS}
    kinds = {kind: _ref(name) for kind, name in outputs.items()}
    told_apart = {"propertyName": "kind", "mapping": {kind: ref["$ref"] for kind, ref in kinds.items()}}
    return {
        "Models": _object({"models": {"type": "array", "items": _ref("Model")}}),
        "Model": _object(model, {"parameters": {"type": "object"}}),
        "Prediction": _prediction(),
        "Job": _job(),
        "Problem": _problem(),
        "Output": {"oneOf": [*kinds.values()], "discriminator": told_apart},
        **{outputs[kind]: _of_part(part) for kind, part in KINDS.items()},
    }


def _prediction() -> Document:
    meta = {
        "endpoint_ms": NUMBER,
        "total_ms": NUMBER,
        "request_id": TEXT,
        "model_version": {"type": ["string", "null"]},
        "cached": {"type": "boolean"},
    }
    prediction = {
        "id": {"type": "string", "pattern": ID},
        "model": TEXT,
        "status": {"const": "succeeded"},
        "outputs": {"type": "array", "items": _ref("Output")},
        "raw": {"description": "The model’s own answer, where the owner shows it."},
        "meta": _object(meta),
    }
    return _object(prediction)


def _job() -> Document:
    job = {
        "id": {"type": "string", "pattern": ID},
        "model": TEXT,
        "status": {
            "enum": ["draft", "queued", "running", "succeeded", "failed", "cancelled"],
            "description": "`draft`: a file that somebody brought to the page for files and has not started.",
        },
        "position": {"type": ["integer", "null"], "description": "In the line, from 1."},
        "seconds": {**NUMBER, "description": "Since it was taken in, or until it ended."},
        "result": {"type": ["string", "null"], "description": "Where its prediction, or its file, is."},
        "error": {"oneOf": [_ref("Problem"), {"type": "null"}]},
    }
    rows = _object({"total": COUNT, "done": COUNT, "failed": COUNT})
    return _object(job, {"rows": {**rows, "description": "Of a file: how far it is, and how many have no answer."}})


def _problem() -> Document:
    problem = {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "kind": TEXT,
        "fields": {"type": "object", "additionalProperties": TEXT},
        "request_id": TEXT,
    }
    return _object(problem, {"retry_after": {"type": "integer"}, "model_status": {"type": "integer"}})


def _object(properties: Document, more: Document | None = None) -> Document:
    """`more` are those that may be left out."""
    return {"type": "object", "properties": {**properties, **(more or {})}, "required": list(properties)}


def _of_part(part: type[Part]) -> Document:
    """What every kind of part may say (`row`: to which of several rows it belongs, counted from 0) is left out where
    there is nothing to say."""
    made = _of_class(part)
    made["properties"] = {"kind": {"const": part.kind}, **made["properties"], "row": {"type": "integer"}}
    shared = {f.name for f in fields(Part)}
    made["required"] = ["kind", *(name for name in made["required"] if name not in shared)]
    return made


def _of_class(one: Any) -> Document:
    hints = typing.get_type_hints(one)
    return _object({f.name: _of_type(hints[f.name]) for f in fields(one)})


_OF_TYPE = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}


def _of_type(hint: Any) -> Document:
    if typing.get_origin(hint) is list:
        return {"type": "array", "items": _of_type(typing.get_args(hint)[0])}
    if isinstance(hint, types.UnionType):
        return {"type": [_OF_TYPE[one] for one in typing.get_args(hint)]}
    if is_dataclass(hint):
        return _of_class(hint)
    return {"type": _OF_TYPE[hint]} if hint in _OF_TYPE else {}
