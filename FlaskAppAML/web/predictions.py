"""One question, scored once: the document that is kept of its answer, and shown, sent or downloaded from then on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import g

from ..errors import AnswerGone, EndpointError
from ..forms import SchemaForm
from ..redact import MARK, SHORTEST_FORM, Redactor
from ..schema import Row, Schema
from ..score import Scored, score
from .site import site


@dataclass(frozen=True)
class Question:
    """Rows that were checked by this very schema, and what was typed, to fill the form in again."""

    schema: Schema
    rows: list[Row]
    typed: dict[str, Any]

    @staticmethod
    def of(form: SchemaForm) -> Question:
        """Of a form that was validated. Raises WrongInput."""
        return Question(form.schema, [form.row()], form.data)

    def secrets(self) -> list[str]:
        return [secret for row in self.rows for secret in self.schema.secrets(row)]


def scored_document(id: str, question: Question) -> dict[str, Any]:
    """The document of one answer, or of a failure, so that a reload does not call the model again."""
    endpoint, started = site().model, time.perf_counter()
    try:
        scored = score(endpoint, question.schema, question.rows)
    except EndpointError as error:
        g.first_error = error
        return {"error": error.record()}
    document = {
        "model": endpoint.name,
        "url": endpoint.url,
        "typed": question.typed,
        "said": vars(scored.result.said),
        "request": _shown_request(scored),
        "prediction": _prediction(id, scored, time.perf_counter() - started),
    }
    own_secrets = question.secrets()  # such as another service's token, which somebody typed
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


def kept_document(id: str) -> dict[str, Any]:
    """Not one of a former endpoint that came when all of those were forgotten already: it would seem to be today's.

    Raises AnswerGone.
    """
    document = site().answers.get(id)
    if document is None:
        raise AnswerGone
    model = site().models.get(document["model"])
    if model is not None and model.url != document.get("url"):
        raise AnswerGone
    return document
