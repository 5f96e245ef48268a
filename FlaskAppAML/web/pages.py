"""The pages for people: the form, its answer, kept answers and their downloads."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from ..answers import answer_id
from ..errors import AnswerGone, EndpointError, PageNotFound, WrongInput
from ..forms import SchemaForm, prefill
from ..redact import MARK, SHORTEST_FORM, Redactor
from ..results import downloads
from ..schema import without_files
from ..score import Scored, score
from ..wire import dumps
from . import pictures, view
from .security import count_submission, is_owner
from .site import site


def install(app: Flask) -> None:
    app.context_processor(view.common)
    app.extensions["frames"] = {}
    for shown_as in (view.drawn, view.duration, view.spelled, view.status_words):
        app.add_template_global(shown_as)
    for path in ("/", "/home", "/models/<model>"):
        app.add_url_rule(path, "ask", ask, methods=["GET"])
        app.add_url_rule(path, "submit", submit, methods=["POST"])
    for path in ("/examples/<int:number>", "/models/<model>/examples/<int:number>"):
        app.add_url_rule(path, "example_picture", example_picture)
    app.add_url_rule("/models/<model>/schema", "read_again", read_again, methods=["POST"])
    app.add_url_rule("/answers/<id>", "kept", kept)
    app.add_url_rule("/answers/<id>.json", "kept_json", kept_json)
    app.add_url_rule("/answers/<id>.csv", "kept_csv", kept_csv)
    app.add_url_rule("/answers/<id>/picture", "kept_picture", kept_picture)
    app.add_url_rule("/about", "about", lambda: render_template("about.html"))
    app.add_url_rule("/contact", "contact", lambda: render_template("contact.html"))


def ask(model: str = "") -> str:
    """The empty form, or the form filled with an example (`?example=1`) or from the address (`?title=Contoso`)."""
    if model:
        site().choose(model)
    endpoint = site().model
    chosen, examples = request.args.get("example", ""), endpoint.examples
    number = int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 4 else 0
    form_class = endpoint.form_class()
    if not 0 < number <= len(examples):
        return view.form_page(form_class(values=prefill(form_class.schema, request.args)))
    form = form_class(values=examples[number - 1].values(form_class.schema.fields))
    if form_class.has_files:
        pictures.offer_example(form, number)
    return view.form_page(form)


def example_picture(number: int, model: str = "") -> Response:
    """What an example's picture looks like."""
    if model:
        site().choose(model)
    found = pictures.of_example(number, request.args.get("field", ""))
    if found is None:
        raise PageNotFound
    return Response(found.data, content_type=found.content_type, headers={"Cache-Control": "private, max-age=300"})


def submit(model: str = "") -> Response:
    """The way of one submission: check, score, keep, show."""
    if model:
        site().choose(model)
    form_class = site().model.form_class()
    files, find = (request.files, pictures.find) if form_class.has_files else (None, None)
    g.form = form = form_class(request.form, files=files, kept=find)
    count_submission()
    if form_class.has_files:
        form.read_pictures(site().model.settings.image_max_side)
    if not form.validate():
        raise WrongInput(fields=form.wrong())
    row = form.row()
    key = answer_id(request.form.get("_once", ""), [site().model.url, without_files(row)])
    document = site().answers.once(key, lambda: scored_document(key, form))
    if "error" in document:
        raise g.pop("first_error", None) or EndpointError.revive(document["error"])
    outputs, parts = g.pop("fresh", (None, None))
    is_fresh = document["prediction"]["outputs"] is outputs  # neither from disk, nor with a secret removed
    picture = None
    if form_class.has_files:
        picture = pictures.shown(document, form)
        pictures.offer(form, document)
    return _answered(view.form_page(form, answer=view.Answer(document, parts if is_fresh else None, picture)))


def scored_document(id: str, form: SchemaForm) -> dict[str, Any]:
    """The document of one answer, or of a failure, so that a reload does not call the model again."""
    endpoint, started, row = site().model, time.perf_counter(), form.row()
    try:
        scored = score(endpoint, form.schema, [row])
    except EndpointError as error:
        g.first_error = error
        return {"error": error.record()}
    document = {
        "model": endpoint.name,
        "url": endpoint.url,
        "typed": form.data,
        "said": vars(scored.result.said),
        "request": _shown_request(scored),
        "picture": pictures.keep(id, form) if form.has_files else None,
        "prediction": _prediction(id, scored, time.perf_counter() - started),
    }
    own_secrets = form.schema.secrets(row)  # such as another service's token, which somebody typed
    if any(len(secret) < SHORTEST_FORM for secret in own_secrets):  # it cannot be told from ordinary text
        document["request"] = {"method": scored.request.method, "target": "", "body": MARK}
    return Redactor(own_secrets).document(document) if own_secrets else document


def _prediction(id: str, scored: Scored, seconds: float) -> dict[str, Any]:
    """As programs get it."""
    g.facts = {"endpoint_ms": round(scored.reply.seconds * 1000, 1), "tries": scored.reply.tries}
    meta = {
        "endpoint_ms": round(scored.reply.seconds * 1000, 1),
        "total_ms": round(seconds * 1000, 1),
        "request_id": g.request_id,
        "model_version": None,
        "cached": False,
    }
    outputs = [part.document() for part in scored.result.parts]
    g.fresh = outputs, scored.result.parts
    raw = scored.result.raw if site().settings.show_raw else None
    return {
        "id": id,
        "model": site().model.name,
        "status": "succeeded",
        "outputs": outputs,
        "raw": raw,
        "meta": meta,
    }


def _shown_request(scored: Scored) -> dict[str, str]:
    request = scored.request
    parts = urlsplit(request.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    kind = request.headers.get("Content-Type", "")
    is_text = kind.startswith(("application/json", "text/", "application/x-www-form-urlencoded"))
    body = request.body.decode("utf-8", "replace") if is_text else f"{len(request.body):,} bytes, {kind or 'no type'}"
    return {"method": request.method, "target": target, "body": body}


def read_again(model: str) -> BaseResponse:
    """The owner's button: the model has changed, and the form should too."""
    if not is_owner():
        raise PageNotFound
    site().choose(model)
    site().model.read_again()
    return redirect(f"{request.script_root}{site().path}", 303)


def kept(id: str) -> Response:
    """An answer again, by its link."""
    document = _kept(id)
    site().choose(document["model"])
    form = site().model.form_class()(MultiDict(document["typed"]))
    pictures.offer_kept(form, document)
    return _answered(view.form_page(form, answer=view.Answer(document, picture=pictures.shown(document, form))))


def kept_json(id: str) -> Response:
    prediction = site().redact.document(_kept(id)["prediction"])
    return _download(dumps(prediction, indent=2) + "\n", "application/json", f"answer-{id[:8]}.json")


def kept_csv(id: str) -> Response:
    sheet = site().redact(downloads.csv_text(view.Answer(_kept(id)).parts))
    return _download(sheet, "text/csv", f"answer-{id[:8]}.csv")


def kept_picture(id: str) -> Response:
    """A picture that was kept under this id: with an answer, or with a form in which something was wrong."""
    if site().answers.get(id) is not None:
        _kept(id)
    found = site().answers.get_picture(id, request.args.get("field", ""))
    if found is None:
        raise AnswerGone
    return Response(found.data, content_type=found.content_type, headers={"Cache-Control": "private, no-store"})


def _kept(id: str) -> dict[str, Any]:
    """Not one of a former endpoint that came when all of those were forgotten already: it would seem to be today's."""
    document = site().answers.get(id)
    if document is None:
        raise AnswerGone
    model = site().models.get(document["model"])
    if model is not None and model.url != document.get("url"):
        raise AnswerGone
    return document


def _download(text: str, content_type: str, name: str) -> Response:
    response = Response(text.encode("utf-8", "replace"), content_type=f"{content_type}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _answered(page: str) -> Response:
    """Not `no-store`, with which "back" would lead to a question about sending the form again."""
    return Response(page, headers={"Cache-Control": "private, no-cache"})
