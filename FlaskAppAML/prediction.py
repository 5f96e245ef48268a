"""One question, scored once: the document that is kept of its answer, and shown or downloaded from then on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from .endpoint import Endpoint
from .forms import SchemaForm
from .images import Picture
from .redact import MARK, SHORTEST_FORM, Redactor
from .schema import Row, Schema
from .score import Scored, score

Document = dict[str, Any]


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

    @cached_property
    def secrets(self) -> list[str]:
        """What somebody typed that must not be kept, such as another service's token."""
        return [secret for row in self.rows for secret in self.schema.secrets(row)]

    @cached_property
    def pictures(self) -> dict[str, Picture]:
        """Those of the first row that were checked, by field; without secrets."""
        listed = [(f.name, self.rows[0].get(f.name)) for f in self.schema.pictures if not f.secret]
        return {name: found for name, found in listed if isinstance(found, Picture)}

    def first_picture(self) -> Document | None:
        """What the document of an answer says of it."""
        for name, first in self.pictures.items():
            return {"field": name, "content_type": first.content_type, "width": first.width, "height": first.height}
        return None


def scored_document(
    endpoint: Endpoint, id: str, question: Question, request_id: str, *, fresh: bool = False
) -> Document:
    """Calls the model: the document of its answer. Raises EndpointError."""
    started = time.perf_counter()
    scored = score(endpoint, question.schema, question.rows, fresh=fresh)
    return document_of(endpoint, id, question, scored, time.perf_counter() - started, request_id)


def document_of(
    endpoint: Endpoint, id: str, question: Question, scored: Scored, seconds: float, request_id: str
) -> Document:
    """What is kept of an answer that took so long."""
    document = {
        "model": endpoint.name,
        "url": endpoint.url,
        "typed": question.typed,
        "said": vars(scored.result.said),
        "request": _shown_request(scored),
        "prediction": _prediction(endpoint, id, scored, seconds, request_id),
    }
    if any(len(secret) < SHORTEST_FORM for secret in question.secrets):  # it cannot be told from ordinary text
        document["request"] = {"method": scored.request.method, "target": "", "body": MARK}
    return Redactor(question.secrets).document(document) if question.secrets else document


def _prediction(endpoint: Endpoint, id: str, scored: Scored, seconds: float, request_id: str) -> Document:
    """As programs get it."""
    meta = {
        "endpoint_ms": round(scored.reply.seconds * 1000, 1),
        "total_ms": round(seconds * 1000, 1),
        "request_id": request_id,
        "model_version": None,
        "cached": scored.cached,
    }
    return {
        "id": id,
        "model": endpoint.name,
        "status": "succeeded",
        "outputs": [part.document() for part in scored.result.parts],
        "raw": scored.result.raw if endpoint.settings.show_raw else None,
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
