"""The pages for people: the form, its answer, kept answers and their downloads."""

from __future__ import annotations

from flask import Flask, Response, g, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from ..answers import answer_id
from ..errors import EndpointError, PageNotFound, WrongInput
from ..forms import prefill
from ..results import downloads
from ..schema import without_files
from ..wire import dumps
from . import view
from .predictions import Question, kept_document, scored_document
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
    app.add_url_rule("/models/<model>/schema", "read_again", read_again, methods=["POST"])
    app.add_url_rule("/answers/<id>", "kept", kept)
    app.add_url_rule("/answers/<id>.json", "kept_json", kept_json)
    app.add_url_rule("/answers/<id>.csv", "kept_csv", kept_csv)
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
    is_example = 0 < number <= len(examples)
    values = examples[number - 1].inputs if is_example else prefill(form_class.schema, request.args)
    return view.form_page(form_class(values=values))


def submit(model: str = "") -> Response:
    """The way of one submission: check, score, keep, show."""
    if model:
        site().choose(model)
    form_class = site().model.form_class()
    g.form = form = form_class(request.form, files=request.files if form_class.has_files else None)
    count_submission()
    if not form.validate():
        raise WrongInput(fields=form.wrong())
    question = Question.of(form)
    key = answer_id(request.form.get("_once", ""), [site().model.url, without_files(question.rows[0])])
    document = site().answers.once(key, lambda: scored_document(key, question))
    if "error" in document:
        raise g.pop("first_error", None) or EndpointError.revive(document["error"])
    outputs, parts = g.pop("fresh", (None, None))
    is_fresh = document["prediction"]["outputs"] is outputs  # neither from disk, nor with a secret removed
    return _answered(view.form_page(form, answer=view.Answer(document, parts if is_fresh else None)))


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
    return _answered(view.form_page(form, answer=view.Answer(document)))


def kept_json(id: str) -> Response:
    prediction = site().redact.document(kept_document(id)["prediction"])
    return _download(dumps(prediction, indent=2) + "\n", "application/json", f"answer-{id[:8]}.json")


def kept_csv(id: str) -> Response:
    sheet = site().redact(downloads.csv_text(view.Answer(kept_document(id)).parts))
    return _download(sheet, "text/csv", f"answer-{id[:8]}.csv")


def _download(text: str, content_type: str, name: str) -> Response:
    response = Response(text.encode("utf-8", "replace"), content_type=f"{content_type}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _answered(page: str) -> Response:
    """Not `no-store`, with which "back" would lead to a question about sending the form again."""
    return Response(page, headers={"Cache-Control": "private, no-cache"})
