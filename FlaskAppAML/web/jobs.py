"""Background jobs in the browser: a ticket in place of an answer, and the page that shows how far it is."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from ..errors import AppError, MalformedRequest
from ..prediction import Question
from . import batches, view
from .errors import words_of
from .rate_limits import count_submission
from .site import jobs, site

REFRESH_SECONDS = 5
PLACES = ("", "next", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def install(app: Flask) -> None:
    for shown_as in (view.span, elapsed, place):
        app.add_template_global(shown_as)
    app.add_template_global(is_possible, "in_background")
    app.add_url_rule("/jobs/<id>", "job", job)
    app.add_url_rule("/jobs/<id>/cancel", "cancel_job", cancel, methods=["POST"])
    app.add_url_rule("/jobs/<id>/retry", "retry_job", retry, methods=["POST"])


def is_possible() -> bool:
    return jobs().are_kept


def is_wanted() -> bool:
    """Whether what is submitted now is to get a ticket: always so for this model, or by the button of this page."""
    return site().model.settings.background or ("_background" in request.form and is_possible())


def ticket(key: str, question: Question) -> BaseResponse:
    """Takes in what was validated; a double click gets the same ticket. Raises QueueFull, JobsUnavailable."""
    jobs().accept(key, site().model.name, question, g.request_id)
    return _to(key)


def job(id: str) -> Response | BaseResponse:
    """Where the job is; its answer's page when it is done. Without a script it looks again by itself."""
    found = jobs().look(id)
    if found.state == "draft":
        return redirect(f"{request.script_root}/batch/{id}", 303)
    if (at := jobs().progress(id)) is not None:
        return batches.shown(found, at)
    if found.state == "succeeded":
        return redirect(f"{request.script_root}/answers/{id}#answer", 303)
    g.model = site().models.get(found.model)
    failure = jobs().failure(id) if found.state == "failed" else None
    is_open = found.state in ("queued", "running")
    every = REFRESH_SECONDS if is_open and "still" not in request.args else 0
    page = render_template("job.html", job=found, every=every, **_failed(failure))
    return Response(page, headers={"Cache-Control": "no-store"})


def cancel(id: str) -> BaseResponse:
    jobs().look(id)
    jobs().cancel(id)
    return _to(id)


def retry(id: str) -> BaseResponse:
    if not jobs().look(id).can_retry:
        raise MalformedRequest("This job cannot be run again: its input is no longer kept.")
    count_submission()
    jobs().retry(id)
    return _to(id)


def _to(id: str) -> BaseResponse:
    return redirect(f"{request.script_root}/jobs/{id}", 303)


def _failed(failure: AppError | None) -> dict[str, Any]:
    return words_of(failure) if failure else {"failure": None}


def elapsed(seconds: float) -> str:
    """As the page's clock has it: `3 min 12 s`. Written a second time in static/job.js, which lets it run."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(hours or minutes) + [f"{rest} s"] * (not hours)
    return " ".join(parts)


def place(number: int) -> str:
    return PLACES[number] if number < len(PLACES) else f"number {number:,}"
