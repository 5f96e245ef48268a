"""Whole files in the browser: a file is taken in, looked at with its first rows answered, scored in the background as
a job, and given back with its answers."""

from __future__ import annotations

import io
import json
import secrets
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from .. import batch, sheets
from ..batch import Done, Plan
from ..errors import EndpointError, InvalidSheet, JobGone, ModelGone, PageNotFound, WrongInput
from ..results.figures import figure
from ..schema import Schema
from ..wire import dumps
from . import errors
from .rate_limits import count_submission
from .site import jobs, site

if TYPE_CHECKING:
    from ..store import Job, Progress

SHOWN_AFTER = 20
REFRESH_SECONDS = 5
LONGEST_CELL = 200
PIECE = 256 * 1024
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def install(app: Flask) -> None:
    app.add_template_global(path_of_files)
    app.add_template_global(short_cell)
    app.add_template_global(figure)
    for path in ("/batch", "/models/<model>/batch"):
        app.add_url_rule(path, "batch", ask, methods=["GET"])
        app.add_url_rule(path, "take_batch", take, methods=["POST"])
    app.add_url_rule("/batch/<id>", "draft", draft, methods=["GET"])
    app.add_url_rule("/batch/<id>", "begin_batch", begin, methods=["POST"])
    app.add_url_rule("/jobs/<id>/rows.<kind>", "rows", rows)
    app.add_url_rule("/jobs/<id>/failed.csv", "failed_rows", failed_rows)
    app.add_url_rule("/jobs/<id>/delete", "delete_batch", delete, methods=["POST"])


def path_of_files() -> str:
    """The page for files of this request's model; "" where it takes none. Where nobody knows yet there is a link too,
    for a link asks no endpoint."""
    model = site().chosen
    if model is None:
        return ""
    schema = model.known_schema
    return _path() if (jobs().are_kept if schema is None else takes_files(schema)) else ""


def takes_files(schema: Schema) -> bool:
    return jobs().are_kept and batch.takes_rows(schema)


def _path() -> str:
    return f"{site().path.rstrip('/')}/batch"


# Before


def ask(model: str = "", wrong: str = "") -> str:
    """The page that takes a file."""
    schema = _taking(model)
    fields, needed = batch.fields_of(schema), {f.name for f in batch.needed(schema)}
    return render_template(
        "batch.html", fields=fields, needed=needed, wrong=wrong, most=site().settings.max_batch_bytes
    )


def _taking(model: str) -> Schema:
    """The schema of that model, or of the only one, which is asked for it where nobody knows it yet. Raises
    PageNotFound where it takes no files."""
    if model:
        site().choose(model)
    schema = site().model.schema
    if not path_of_files():
        raise PageNotFound
    return schema


def admit(model: str) -> None:
    """Lets this request bring a file for that model, or for the only one. Raises PageNotFound, RateLimited."""
    settings = site().settings
    request.max_content_length = settings.max_batch_bytes + PIECE  # of no other address
    request.max_form_memory_size = max(settings.max_request_bytes, PIECE)  # what is no file, or not yet told apart
    _taking(model)
    count_submission()


def take(model: str = "") -> BaseResponse:
    """Keeps the file, looks at it and tries its first rows."""
    admit(model)
    given, pasted = request.files.get("rows"), request.form.get("table", "")
    try:
        if given is not None and given.filename:
            file, name = given.stream, given.filename.replace("\\", "/").rpartition("/")[2][-100:]
        elif pasted.strip():
            file, name = io.BytesIO(pasted.encode("utf-8", "replace")), "pasted.tsv"
        else:
            raise InvalidSheet("Choose a file, or paste a table.")
        return _to(draft_of(file, name))
    except InvalidSheet as error:
        if errors.wants_json():
            raise
        return Response(ask(wrong=error.detail or error.said), error.status)


def draft_of(file: Any, name: str, *, with_trial: bool = True) -> str:
    """Its id. Raises InvalidSheet, DraftsFull, JobsUnavailable."""
    endpoint, key = site().model, secrets.token_hex(16)
    schema = endpoint.schema
    fields = batch.fields_of(schema)
    sheet, first = sheets.look_with_rows(file, name, batch.known_names(fields))
    plan = Plan(sheet, sheets.match(sheet, fields).columns)
    jobs().draft(key, endpoint.name, file)
    _note(key, plan, schema, name, [row._asdict() for row in first], with_trial=with_trial)
    return key


def _note(
    id: str, plan: Plan, schema: Schema, name: str, first: list[dict[str, Any]], *, with_trial: bool = True
) -> None:
    """What is known of a draft, its first rows tried."""
    about = {**plan.document(), "name": name, "dialect": schema.dialect, "model": site().model.name, "first": first}
    missing = [f.name for f in batch.needed(schema) if f.name not in plan.columns]
    tried: list[Done] = []
    why = ""
    if with_trial and not missing and first:
        try:
            tried = batch.trial(site().model, schema, plan, [sheets.Row(**row) for row in first])
        except EndpointError as error:
            why = f"No answer: {error.said} {errors.endpoint_words(error) or error.detail}".strip()
        except WrongInput as error:
            why = f"The first row cannot be sent: {error.words}"
    clean = [site().redact.document(vars(row)) for row in tried]
    jobs().note(id, {**about, "missing": missing, "tried": clean, "why": site().redact(why)})


def draft(id: str) -> BaseResponse:
    """What was found in a file, before anything but its first rows is sent."""
    found = jobs().look(id)
    if found.state != "draft":
        return _to_job(id)
    return Response(_draft_page(id), headers={"Cache-Control": "no-store"})


def _draft_page(id: str, wrong: str = "") -> str:
    about = _about_draft(id)
    plan, schema = Plan.revive(about), site().model.schema
    tried = [Done(**row) for row in about["tried"]]
    names = batch.with_names([], tried)
    shown = {
        "about": about,
        "sheet": plan.sheet,
        "plan": plan,
        "fields": batch.fields_of(schema),
        "needed": {f.name for f in batch.needed(schema)},
        "extra": [column for column in plan.sheet.columns if column not in plan.columns.values()],
        "tried": tried,
        "names": names,
        "numbers": [name for name in names if any(_is_number(row.answer.get(name)) for row in tried)],
        "calls": batch.calls_for(site().model, schema, plan.sheet.count),
        "at_once": batch.rows_at_once(site().model, schema),
        "wrong": wrong,
        "id": id,
        "another": _path(),
    }
    return render_template("batch_draft.html", **shown)


def begin(id: str) -> BaseResponse:
    """With other columns the first rows are tried anew; or the whole file takes its place in the line."""
    if jobs().look(id).state != "draft":
        return _to_job(id)
    about = _about_draft(id)
    schema, plan = site().model.schema, Plan.revive(about)
    columns = plan.sheet.columns
    chosen = {f.name: request.form.get(f"column-{i}", "") for i, f in enumerate(batch.fields_of(schema))}
    places = {name: int(text) for name, text in chosen.items() if text.isascii() and text.isdigit() and len(text) < 6}
    plan = Plan(plan.sheet, {name: columns[place] for name, place in places.items() if place < len(columns)})
    if request.form.get("do") != "start":
        count_submission()
        _note(id, plan, schema, about["name"], about["first"])
        return _to(id)
    if plan.columns != about["columns"]:
        _note(id, plan, schema, about["name"], about["first"], with_trial=False)
    if missing := [f.shown_label for f in batch.needed(schema) if f.name not in plan.columns]:
        wrong = f"Choose a column for {', '.join(missing)}."
        if errors.wants_json():
            raise WrongInput(wrong)
        return Response(_draft_page(id, wrong), WrongInput.status)
    jobs().begin(id, plan.sheet.count)
    return _to_job(id)


# Meanwhile, and after


def shown(job: Job, at: Progress) -> Response:
    """The page of a file's job, however far it is."""
    about = _about(job.id)
    plan, is_open = Plan.revive(about), job.state in ("queued", "running")
    failure = jobs().failure(job.id) if job.state == "failed" else None
    names, seen = json.loads(at.names), about.get("seen", [])
    seconds = (job.ended or job.now) - (job.started or job.now)
    rate = (at.done - at.before) / seconds if seconds > 0 else 0.0
    every = REFRESH_SECONDS if is_open and "still" not in request.args else 0
    heads = batch.heads(plan, names)
    first = list(batch.written(plan, names, islice(jobs().rows(job.id), SHOWN_AFTER))) if not is_open else []
    page = render_template(
        "batch_job.html",
        job=job,
        at=at,
        about=about,
        every=every,
        rate=rate,
        left=(at.total - at.done) / rate if rate else None,
        heads=heads,
        first=first,
        numbers=[place for place in range(len(heads)) if any(_is_number(row[place]) for row in first)],
        seen=seen,
        another=_path(),
        **(errors.words_of(failure) if failure else {"failure": None}),
    )
    return Response(page, headers={"Cache-Control": "no-store"})


def rows(id: str, kind: str) -> Response:
    """The result, or what is done of it so far."""
    if kind not in TYPES:
        raise PageNotFound
    at = _progress(id)
    plan, names = Plan.revive(_about(id)), json.loads(at.names)
    heads, listed = batch.heads(plan, names), batch.written(plan, names, jobs().rows(id))
    return _download(kind, plan, heads, listed, id, "rows")


def failed_rows(id: str) -> Response:
    """The rows without an answer and why, to be mended and sent again."""
    _progress(id)
    plan = Plan.revive(_about(id))
    failed = (row for row in jobs().rows(id) if row.error)
    return _download("csv", plan, batch.heads(plan, ()), batch.written(plan, (), failed), id, "failed")


def _download(kind: Any, plan: Plan, heads: list[str], listed: Iterator[list[Any]], id: str, what: str) -> Response:
    """Row by row: the file may be larger than the memory."""
    decimal = "," if plan.sheet.decimal_commas else "."
    if kind == "xlsx":
        pieces = _xlsx(heads, listed)
        first = next(pieces)  # what cannot be written is told before it has begun
        pieces = chain([first], pieces)
    else:
        pieces = sheets.pieces(kind, heads, listed, delimiter=plan.sheet.delimiter, decimal=decimal)
    response = Response(pieces, content_type=TYPES[kind])
    response.headers["Content-Disposition"] = f'attachment; filename="{what}-{id[:8]}.{kind}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _xlsx(heads: list[str], listed: Iterator[list[Any]]) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as file:
        sheets.write(file, "xlsx", heads, listed)
        file.seek(0)
        yield from iter(partial(file.read, PIECE), b"")


def delete(id: str) -> BaseResponse:
    _progress(id)
    _about(id)
    jobs().forget(id)
    return redirect(f"{request.script_root}{_path()}", 303)


def _progress(id: str) -> Progress:
    jobs().look(id)
    found = jobs().progress(id)
    if found is None:
        raise JobGone
    return found


def _about(id: str) -> dict[str, Any]:
    """What is known of a file, whose model is this request's from now on."""
    about = jobs().about(id)
    if about["model"] in site().models:
        g.model = site().models[about["model"]]
    return about


def _about_draft(id: str) -> dict[str, Any]:
    """The same, before its start. Raises ModelGone."""
    about = _about(id)
    if about["model"] not in site().models:
        raise ModelGone
    return about


def _to(id: str) -> BaseResponse:
    return redirect(f"{request.script_root}/batch/{id}", 303)


def _to_job(id: str) -> BaseResponse:
    return redirect(f"{request.script_root}/jobs/{id}", 303)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def short_cell(value: Any) -> str:
    """A cell on a page; the downloads have all of it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return figure(value)
    text = value if isinstance(value, str) else dumps(value)
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"
