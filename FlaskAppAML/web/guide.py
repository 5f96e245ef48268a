"""The API in words: the page `/api`, and each answer's call as code."""

from __future__ import annotations

from typing import Any

from flask import Flask, render_template, request
from werkzeug.datastructures import MultiDict

from .. import batch
from ..endpoint import Endpoint
from ..schema import Field, Row, Schema, Upload
from ..schema.hints import hint
from ..schema.values import InvalidValue
from . import batches, snippets
from .openapi import PROBLEMS
from .predictions import kept_document
from .security import is_owner
from .site import Site, site

TYPES = {
    "text": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "date": "date, as text",
    "month": "month, as text",
    "week": "week, as text",
    "time": "time, as text",
    "datetime": "date and time, as text",
    "file": "file",
    "list": "list",
    "rows": "list of objects",
    "json": "any JSON",
}
PLAIN: dict[str, Any] = {
    "text": "some text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "date": "2024-02-29",
    "month": "2024-02",
    "week": "2024-W09",
    "time": "09:30:00",
    "datetime": "2024-02-29T09:30:00Z",
    "file": Upload(b"-", "picture.jpg", "image/jpeg"),
    "list": [],
    "rows": [],
}
ANSWER = """\
{{
  "id": "5c1e90b27f6d4ad3a8e4f10c6627bd95",
  "model": "{model}",
  "status": "succeeded",
  "outputs": [
    {{"kind": "scores", "scores": [{{"label": "a label", "score": 0.97, "top": true}}, …]}},
    …
  ],
  "raw": the model’s own answer,
  "meta": {{"endpoint_ms": 388.2, "total_ms": 391.6, "request_id": "9f2c…", …}}
}}"""


def install(app: Flask) -> None:
    site: Site = app.extensions["site"]
    if site.settings.api:
        app.add_url_rule("/api", "guide", guide)
        app.add_url_rule("/answers/<id>/code", "code", code)


def guide() -> str:
    """The guide for one model, the first or `?model=name`."""
    if request.args.get("model"):
        site().choose(request.args["model"])
    model = site().model
    schema = model.schema
    return render_template(
        "api.html",
        model=model,
        base=f"{request.script_root}/api/v1",
        address=f"{request.script_root}/api/v1/models/{model.name}/predictions",
        snippets=_snippets(model, schema, _example(model, schema)),
        answer=ANSWER.format(model=model.name),
        fields=[_described(f) for f in schema.visible()],
        most=model.max_rows(schema),
        columns=[f.name for f in batch.fields_of(schema)] if batches.takes_files(schema) else [],
        of_file=snippets.of_file(_address(model, "batches"), is_locked=bool(site().settings.password)),
        problems=PROBLEMS,
    )


def code(id: str) -> str:
    """The call behind a kept answer. Raises AnswerGone."""
    document = kept_document(id)
    site().choose(document["model"])
    model = site().model
    form = model.form_class()(MultiDict(document["typed"]))
    is_whole = bool(document["typed"]) and form.validate()
    return render_template(
        "code.html",
        id=id,
        snippets=_snippets(model, form.schema, form.row()) if is_whole else {},
        own=snippets.of_endpoint(model.settings, document["request"]) if is_owner() else {},
    )


def _snippets(model: Endpoint, schema: Schema, row: Row) -> snippets.Snippets:
    address = _address(model, "predictions")
    return snippets.of_call(address, schema, row, is_locked=bool(site().settings.password))


def _address(model: Endpoint, what: str) -> str:
    return f"{request.url_root}api/v1/models/{model.name}/{what}"


def _example(model: Endpoint, schema: Schema) -> Row:
    """A row to show: the owner's first example, else what the fields say of themselves."""
    given = model.examples[0].inputs if model.examples else {}
    return {f.name: given.get(f.name) if f.name in given else _one(f) for f in schema.visible()}


def _one(f: Field) -> Any:
    if f.may_be_left_out and f.example is None:
        return None
    known = [f.example, f.default, *f.choices[:1], f.minimum, f.maximum, PLAIN.get(f.kind)]
    for value in (one for one in known if one is not None):
        try:
            return f.parse(value, "json")
        except InvalidValue:
            continue
    return PLAIN.get(f.kind)


def _described(f: Field) -> tuple[str, str, str]:
    """Its name, type and limits in words."""
    optional = ", optional" if f.may_be_left_out else ""
    listed = (
        "One of " + ", ".join(map(str, f.choices[:20])) + ("." if len(f.choices) <= 20 else ", …") if f.choices else ""
    )
    return f.name, f"{TYPES[f.kind]}{optional}", " ".join(filter(None, [hint(f), listed]))
