"""One question of this request, scored once: the document of its answer, made, kept and found again."""

from __future__ import annotations

import time
from typing import Any

from flask import g, request

from .. import prediction
from ..errors import AnswerGone, EndpointError
from ..prediction import Document, Question
from ..score import Scored, score
from . import pictures
from .site import jobs, site


def scored_document(id: str, question: Question, *, fresh: bool = False) -> Document:
    """The document of one answer, or of a failure, so that a reload does not call the model again."""
    started = time.perf_counter()
    try:
        endpoint = site().model
        is_fresh = fresh or (endpoint.cache is not None and wants_fresh())
        scored = score(endpoint, question.schema, question.rows, fresh=is_fresh)
    except EndpointError as error:
        return failed_document(error)
    return document_of(id, question, scored, time.perf_counter() - started)


def wants_fresh() -> bool:
    """Whether this request is not content with an answer from the cache."""
    return "_fresh" in request.form or bool(request.cache_control.no_cache)


def facts_of(scored: Scored) -> dict[str, Any]:
    """For the log and the metrics."""
    if scored.cached:
        return {"cached": True}
    return {"endpoint_ms": round(scored.reply.seconds * 1000, 1), "tries": scored.reply.tries}


def failed_document(error: EndpointError) -> Document:
    g.first_error = error
    return {"error": error.record()}


def document_of(id: str, question: Question, scored: Scored, seconds: float) -> Document:
    document = prediction.document_of(site().model, id, question, scored, seconds, g.request_id)
    g.facts = facts_of(scored)
    if not question.secrets:  # what was typed in secret may stand in the parts
        g.fresh = document["prediction"]["outputs"], scored.result.parts
    return document


def with_pictures(document: Document, id: str, question: Question) -> Document:
    """A document that will be kept: its pictures stand beside it."""
    if question.schema.pictures and "error" not in document:
        document["picture"] = pictures.keep(id, question)
    return document


def first_error(document: Document) -> EndpointError:
    """That of a failure's document: as it was raised in this request, or as it was kept."""
    found: EndpointError = g.pop("first_error", None) or EndpointError.revive(document["error"])
    return found


def kept_document(id: str) -> Document:
    """Not one of a former endpoint that came when all of those were forgotten already: it would seem to be today's.

    Raises AnswerGone.
    """
    document = site().answers.get(id) or jobs().answer(id)
    if document is None:
        raise AnswerGone
    model = site().models.get(document["model"])
    if model is not None and model.url != document.get("url"):
        raise AnswerGone
    return document
