"""The same models for programs: the routes under `/api/v1`. Every error there is a problem document (RFC 9457)."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, request

from .. import __version__, images
from ..answers import answer_id
from ..endpoint import Endpoint
from ..errors import JobGone, MalformedRequest, QueueFull, UnsupportedMedia, WrongInput
from ..prediction import Question
from ..schema import Row, Schema, parse_row, without_files
from ..schema.strict_json import quoted, read_strict
from ..schema.values import InvalidValue
from ..wire import dumps
from . import batches, openapi, pages
from .errors import problem
from .predictions import first_error, kept_document, scored_document, with_pictures
from .rate_limits import count_submission
from .security import is_welcome
from .site import Site, jobs, site

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
MOST_NAMED = 50  # wrong fields in one problem document

api = Blueprint("api", __name__, url_prefix="/api/v1")


def install(app: Flask) -> None:
    site: Site = app.extensions["site"]
    if site.settings.api:
        app.register_blueprint(api)


@api.after_request
def say_limits(response: Response) -> Response:
    """What is left of the rate limit, who may log in how, and which other sites' pages may read this (Fetch, "CORS
    protocol")."""
    if request.method == "POST":
        response.headers.update(current_app.extensions["submissions"].told())
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if site().settings.cors_origins:
        response.headers["Vary"] = "Origin"
    if is_welcome():
        is_open = "*" in site().settings.cors_origins
        response.headers["Access-Control-Allow-Origin"] = "*" if is_open else request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = "Location, Retry-After, RateLimit, RateLimit-Policy"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Prefer, Idempotency-Key"
            response.headers["Access-Control-Max-Age"] = "7200"
    return response


@api.get("/models")
def list_models() -> Response:
    return _json({"models": [_described(endpoint) for endpoint in site().models.values()]})


@api.get("/models/<model>")
def describe(model: str) -> Response:
    site().choose(model)
    return _json(_described(site().model))


def _described(endpoint: Endpoint) -> dict[str, Any]:
    schema = endpoint.schema
    parameters = openapi.parameters_of(schema)
    return {
        "name": endpoint.name,
        "title": endpoint.title,
        "dialect": schema.dialect,
        "inputs": openapi.inputs_of(schema),
        **({"parameters": parameters} if parameters is not None else {}),
    }


@api.get("/openapi.json")
def own_description() -> Response:
    about = site()
    has = {"locked": bool(about.settings.password), "has_jobs": jobs().are_kept}
    return _json(openapi.document(about.title, __version__, request.script_root, about.models.values(), **has))


@api.post("/models/<model>/predictions")
def predict(model: str) -> Response:
    """One answer for one row or several, in one call to the endpoint; or a ticket (RFC 7240, `respond-async`)."""
    site().choose(model)
    endpoint = site().model
    question = _question(endpoint, endpoint.schema)
    count_submission()
    if "respond-async" in re.split(r"[,;\s]+", request.headers.get("Prefer", "").lower()):
        return _ticket(question)
    key = answer_id("", [])
    document = site().answers.once(key, lambda: with_pictures(scored_document(key, question), key, question))
    if "error" in document:
        raise first_error(document)
    return _json(document["prediction"])


@api.post("/models/<model>/batches")
def score_file(model: str) -> Response:
    """A file of rows, as the body or as the part `rows` of a form: a job, whose result is the file with its answers.
    Its columns are found by their names."""
    batches.admit(model)
    given = request.files.get("rows") if request.mimetype in FORMS else None
    if given is None and request.mimetype in FORMS:
        raise WrongInput(fields={"rows": "Send the file as this part of the form."})
    with tempfile.TemporaryFile() as spooled:
        name = given.filename or "" if given else f"rows.{openapi.SHEETS.get(request.mimetype, 'csv')}"
        shutil.copyfileobj(given.stream if given else request.stream, spooled)
        spooled.seek(0)
        ticket = batches.draft_of(spooled, name, with_trial=False)
    about = jobs().about(ticket)
    if about["missing"]:
        jobs().forget(ticket)
        raise _refusal(dict.fromkeys(about["missing"], "There is no column for this field."))
    try:
        jobs().begin(ticket, about["sheet"]["count"])
    except QueueFull:
        jobs().forget(ticket)  # nobody knows of it
        raise
    answer = _json(_job(ticket), 202)
    answer.headers["Location"] = f"{request.script_root}/api/v1/jobs/{ticket}"
    return answer


@api.get("/predictions/<id>")
def prediction(id: str) -> Response:
    return _json(kept_document(id)["prediction"])


def _json(document: Mapping[str, Any], status: int = 200) -> Response:
    text = dumps(site().redact.document(document))
    return Response(text, status, content_type="application/json", headers={"Cache-Control": "no-store"})


# Jobs


def _ticket(question: Question) -> Response:
    """The same `Idempotency-Key` with the same input is the same job."""
    if not jobs().are_kept:
        raise MalformedRequest("This app keeps nothing, so it has no background jobs. Ask without Prefer.")
    model, key = site().model, request.headers.get("Idempotency-Key", "")
    inputs = [model.url, model.name, [without_files(row) for row in question.rows]]
    ticket = answer_id(hashlib.sha256(key.encode()).hexdigest()[:32] if key else "", inputs)
    jobs().accept(ticket, model.name, question, g.request_id)
    answer = _json(_job(ticket), 202)
    answer.headers["Location"] = f"{request.script_root}/api/v1/jobs/{ticket}"
    answer.headers["Preference-Applied"] = "respond-async"
    return answer


@api.get("/jobs/<id>")
def job(id: str) -> Response:
    return _told(_job(id))


@api.delete("/jobs/<id>")
def forget_job(id: str) -> Response:
    """Cancels it, and deletes whatever is kept of it."""
    jobs().look(id)
    jobs().forget(id)
    return Response(status=204)


@api.get("/jobs/<id>/result")
@api.get("/jobs/<id>/result.<any(json, csv, xlsx):kind>")
def job_result(id: str, kind: str = "json") -> Response:
    """The prediction, or the file; 202 and the job while there is none yet. Raises what the job failed for."""
    found = jobs().look(id)
    if found.state == "failed":
        raise jobs().failure(id)
    if found.state == "cancelled":
        raise JobGone("This job was cancelled.")
    if found.state != "succeeded":
        return _told(_job(id), 202)
    if jobs().progress(id) is not None:
        return batches.rows(id, "jsonl" if kind == "json" else kind)
    if kind == "csv":
        return pages.kept_csv(id)
    return pages.kept_xlsx(id) if kind == "xlsx" else prediction(id)


def _job(id: str) -> dict[str, Any]:
    found = jobs().look(id)
    path = f"{request.script_root}/api/v1/jobs/{id}/result"
    at = jobs().progress(id)
    return {
        "id": id,
        "model": found.model,
        "status": found.state,
        "position": found.place or None,
        "seconds": round((found.ended or found.now) - found.made, 1),
        "result": path if found.state == "succeeded" else None,
        **({"rows": {"total": at.total, "done": at.done, "failed": at.failed}} if at else {}),
        "error": problem(jobs().failure(id)) if found.state == "failed" else None,
    }


def _told(document: Mapping[str, Any], status: int = 200) -> Response:
    """A job, and when to look again while it is open."""
    answer = _json(document, status)
    if document["status"] in ("queued", "running"):
        answer.headers["Retry-After"] = "1"
    return answer


# What was asked


def _question(endpoint: Endpoint, schema: Schema) -> Question:
    """Its pictures are checked, so that they are kept beside the answer as those of the page are. Raises
    MalformedRequest, UnsupportedMedia or WrongInput."""
    asked = _from_form(endpoint) if request.mimetype in FORMS else _from_json(endpoint, schema)
    side = endpoint.settings.image_max_side
    return replace(asked, rows=[images.checked_row(asked.schema, row, side) for row in asked.rows])


def _from_json(endpoint: Endpoint, schema: Schema) -> Question:
    if request.mimetype != "application/json" and not request.mimetype.endswith("+json"):
        raise UnsupportedMedia("Send application/json, multipart/form-data or application/x-www-form-urlencoded.")
    body = _body()
    wrong = {name: "There is no such member." for name in body if name not in ("inputs", "rows", "parameters")}
    if ("inputs" in body) == ("rows" in body):
        wrong["inputs"] = "Send inputs for one row, or rows for several." + " Not both." * ("inputs" in body)
    if wrong:
        raise _refusal(wrong)
    parameters, wrong = _checked(schema, body.get("parameters", {}), "parameters", is_parameter=True)
    if "inputs" in body:
        row, found = _checked(schema, body["inputs"], "inputs")
        rows = [row]
    else:
        rows, found = _several(schema, body["rows"], endpoint.max_rows(schema))
    if wrong or found:
        raise _refusal(wrong | found)
    typed = endpoint.form_class()(values=rows[0] | parameters).data if len(rows) == 1 else {}
    return Question(schema, [row | parameters for row in rows], typed)


def _refusal(wrong: Mapping[str, str]) -> WrongInput:
    return WrongInput(fields={quoted(name): wrong[name] for name in list(wrong)[:MOST_NAMED]})


def _body() -> dict[str, Any]:
    try:
        body = read_strict(request.get_data(cache=False).decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise MalformedRequest("Send JSON in UTF-8.") from None
    except InvalidValue as error:
        raise MalformedRequest(str(error)) from None
    if not isinstance(body, dict):
        raise MalformedRequest('Send an object, such as {"inputs": {...}}.')
    return body


def _several(schema: Schema, rows: Any, most: int) -> tuple[list[Row], dict[str, str]]:
    """The typed rows, and what is wrong by `rows[0].name`."""
    if most == 1:
        return [], {"rows": "This model takes one row at a time. Send it as inputs."}
    if not isinstance(rows, list) or not 0 < len(rows) <= most:
        return [], {"rows": f"Send a list of 1 to {most:,} rows, in square brackets."}
    typed: list[Row] = []
    wrong: dict[str, str] = {}
    for number, values in enumerate(rows):
        row, found = _checked(schema, values, f"rows[{number}]")
        typed.append(row)
        wrong |= {name if name.startswith("rows[") else f"rows[{number}].{name}": said for name, said in found.items()}
        if len(wrong) > MOST_NAMED:
            break
    return typed, wrong


def _checked(schema: Schema, values: Any, place: str, *, is_parameter: bool = False) -> tuple[Row, dict[str, str]]:
    """The typed row and what is wrong, by name; what is no object is named by its place in the body."""
    if not isinstance(values, dict):
        return {}, {place: "Send an object, by the names of the fields."}
    fields = [f for f in schema.fields if f.parameter == is_parameter]
    known = {f.name for f in fields if not f.hidden and f.fixed is None}
    row, wrong = parse_row(fields, {name: value for name, value in values.items() if name in known}, "json")
    return row, wrong | {name: "There is no such field." for name in values if name not in known}


def _from_form(endpoint: Endpoint) -> Question:
    """Fields as text, and files, as the page sends them."""
    form_class = endpoint.form_class()
    form = form_class(request.form, files=request.files if form_class.has_files else None)
    known = {f.name for f in form_class.schema.visible()} | {"_json"}
    unknown = [name for name in (*request.form, *request.files) if name not in known]
    if unknown:
        raise _refusal(dict.fromkeys(unknown, "There is no such field."))
    if not form.validate():
        raise WrongInput(fields=form.wrong())
    return Question.of(form)
