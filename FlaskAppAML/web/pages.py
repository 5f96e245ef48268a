"""The pages for people: the form, its answer, kept answers and their downloads."""

from __future__ import annotations

import math
from typing import Any

from flask import Flask, Response, g, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from .. import images, results
from ..answers import answer_id
from ..errors import AnswerGone, PageNotFound, WrongInput
from ..forms import SchemaForm, prefill
from ..prediction import Question
from ..results import as_number, downloads
from ..results.figures import spelled
from ..schema import without_files
from ..wire import dumps
from . import jobs, model_page, pictures, view
from .boxes import boxed, overlay
from .predictions import first_error, kept_document, scored_document, with_pictures
from .rate_limits import count_drawing, count_submission
from .security import is_owner
from .site import site

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def install(app: Flask) -> None:
    app.context_processor(model_page.common)
    app.extensions["frames"] = {}
    shown_as = (view.answer_files, view.drawn, view.duration, model_page.form_files, spelled, view.status_words)
    for function in shown_as:
        app.add_template_global(function)
    for path in ("/", "/home", "/models/<model>"):
        app.add_url_rule(path, "ask", ask, methods=["GET"])
        app.add_url_rule(path, "submit", submit, methods=["POST"])
    for path in ("/examples/<int:number>", "/models/<model>/examples/<int:number>"):
        app.add_url_rule(path, "example_picture", example_picture)
    app.add_url_rule("/models/<model>/schema", "read_again", read_again, methods=["POST"])
    app.add_url_rule("/answers/<id>", "kept", kept)
    app.add_url_rule("/answers/<id>.json", "kept_json", kept_json)
    app.add_url_rule("/answers/<id>.csv", "kept_csv", kept_csv)
    app.add_url_rule("/answers/<id>.png", "kept_png", kept_png)
    app.add_url_rule("/answers/<id>/picture", "kept_picture", kept_picture)
    app.add_url_rule("/answers/<id>.xlsx", "kept_xlsx", kept_xlsx)
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
        return model_page.form_page(form_class(values=prefill(form_class.schema, request.args)))
    form = form_class(values=examples[number - 1].values(form_class.schema.fields))
    if form_class.has_files:
        pictures.offer_example(form, number)
    return model_page.form_page(form)


def example_picture(number: int, model: str = "") -> Response:
    """What an example's picture looks like."""
    if model:
        site().choose(model)
    found = pictures.of_example(number, request.args.get("field", ""))
    if found is None:
        raise PageNotFound
    # Asked about each time: after /connect another model may have this address.
    response = Response(found.data, content_type=found.content_type, headers={"Cache-Control": "private, no-cache"})
    response.add_etag()
    response.make_conditional(request)
    return response


def submit(model: str = "") -> BaseResponse:
    """The way of one submission: check, score, keep, show; or check and give a ticket."""
    key, form, question = submitted(model)
    if jobs.is_wanted():
        return jobs.ticket(key, question)
    document = site().answers.once(key, lambda: with_pictures(scored_document(key, question), key, question))
    return answered(document, form)


def submitted(model: str) -> tuple[str, SchemaForm, Question]:
    """The id of the answer, the form that asks for it, and what it asks. Raises WrongInput, RateLimited."""
    if model:
        site().choose(model)
    endpoint = site().model
    form_class = endpoint.form_class()
    files, find = (request.files, pictures.find) if form_class.has_files else (None, None)
    typed = request.form
    g.form = form = form_class(typed, files=files, kept=find)
    count_submission()
    if form_class.has_files:
        form.read_pictures(endpoint.settings.image_max_side)
    if not form.validate():
        raise WrongInput(fields=form.wrong())
    question = Question.of(form)
    return answer_id(typed.get("_once", ""), [endpoint.url, without_files(question.rows[0])]), form, question


def answered(document: dict[str, Any], form: SchemaForm) -> Response:
    """The page of this answer. Raises EndpointError where it is a failure."""
    if "error" in document:
        raise first_error(document)
    outputs, parts = g.pop("fresh", (None, None))
    is_fresh = document["prediction"]["outputs"] is outputs  # neither from disk, nor with a secret removed
    picture = None
    if form.has_files:
        picture = pictures.shown(document, form)
        pictures.offer(form, document)
    return _answered(model_page.form_page(form, answer=view.Answer(document, parts if is_fresh else None, picture)))


def read_again(model: str) -> BaseResponse:
    """The owner's button: the model has changed, and the form should too."""
    if not is_owner():
        raise PageNotFound
    site().choose(model)
    site().model.read_again()
    return redirect(f"{request.script_root}{site().path}", 303)


def kept(id: str) -> Response:
    """An answer again, by its link."""
    document = kept_document(id)
    site().choose(document["model"])
    form = site().model.form_class()(MultiDict(document["typed"]))
    pictures.offer_kept(form, document)
    answer = view.Answer(document, picture=pictures.shown(document, form))
    answer.least = as_number(request.args.get("least"))
    return _answered(model_page.form_page(form, answer=answer))


def kept_json(id: str) -> Response:
    prediction = site().redact.document(kept_document(id)["prediction"])
    return _download(_coded(dumps(prediction, indent=2) + "\n"), "application/json; charset=utf-8", id, "json")


def kept_csv(id: str) -> Response:
    sheet = site().redact(downloads.csv_text(view.Answer(kept_document(id)).parts))
    return _download(_coded(sheet), "text/csv; charset=utf-8", id, "csv")


def kept_xlsx(id: str) -> Response:
    document = site().redact.document(kept_document(id))
    return _download(downloads.xlsx_bytes(view.Answer(document).parts), XLSX, id, "xlsx")


def kept_png(id: str) -> Response:
    """The picture with its boxes, or those of another part (`?part=2`): from the same score on as on the page."""
    prediction = site().redact.document(kept_document(id)["prediction"])
    listed = boxed(map(results.load, prediction["outputs"]))
    number = request.args.get("part", "1")
    found = next((part for i, part in enumerate(listed, 1) if str(i) == number), None)
    picture = pictures.kept(id)
    if found is None or picture is None:
        raise PageNotFound
    count_drawing()
    least = overlay(found, picture.width, picture.height, as_number(request.args.get("least"))).least
    drawn = images.draw_boxes(picture, found, -math.inf if least is None else least)
    return _download(drawn, "image/png", id, "png")


def kept_picture(id: str) -> Response:
    """A picture that was kept under this id: with an answer, or with a form in which something was wrong."""
    if site().answers.get(id) is not None:
        kept_document(id)
    found = pictures.kept(id, request.args.get("field", ""))
    if found is None:
        raise AnswerGone
    return Response(found.data, content_type=found.content_type, headers={"Cache-Control": "private, no-store"})


def _coded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _download(content: bytes, content_type: str, id: str, ending: str) -> Response:
    response = Response(content, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="answer-{id[:8]}.{ending}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _answered(page: str) -> Response:
    """Not `no-store`, with which "back" would lead to a question about sending the form again."""
    return Response(page, headers={"Cache-Control": "private, no-cache"})
