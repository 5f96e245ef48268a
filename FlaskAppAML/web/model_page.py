"""The model's page: the form, and what stands beside it. All but that is drawn once for each schema."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from flask import current_app, render_template, request
from markupsafe import Markup, escape

from .. import __version__
from ..forms import SchemaForm
from .drawing import Frame
from .security import is_owner
from .site import site
from .view import Answer, answer_files

MOST_FRAMES = 64


def common() -> dict[str, Any]:
    """What every template may use. `root` is the path that the app is mounted under, "" at the top of a host; `here`
    that of the form behind it."""
    now, root = datetime.now(UTC), request.script_root
    return {"site": site(), "version": __version__, "now": now, "root": root, "here": site().path, "is_owner": is_owner}


def form_files(form: SchemaForm) -> Markup:
    """The sheets and scripts that few forms need."""
    names = [*form.scripts, *(["pictures.css", "pictures.js"] if form.has_files else [])]
    return site().assets.linked(names, request.script_root)


def form_page(form: SchemaForm, answer: Answer | None = None, **shown: Any) -> str:
    """The model's page: the form with an answer, a failure, problems in fields, or nothing yet beside it."""
    jinja = current_app.jinja_env
    changing: dict[str, Any] = {
        "once": secrets.token_hex(16),
        "fields": form.html(jinja),
        "as_json": form.json_html(jinja),
        "headline": "",
        "answer_files": "",
        "result": "",
    }
    if answer is not None:
        shown_as: Callable[[Any], str] = jinja.finalize or str
        changing["headline"] = escape(shown_as(answer.said.value))
        changing["answer_files"] = answer_files(jinja, answer)
        changing["result"] = Markup(jinja.get_template("result.html").render(common(), answer=answer))  # noqa: S704
    if shown or site().settings.templates_dir:  # seldom, or drawn in ways that we cannot know
        return _form_page(form, changing, {**shown, "answer": answer})
    frames: dict[Any, Frame] = current_app.extensions["frames"]
    model = site().model
    key = (form.schema, answer is None, request.script_root, model.name, model.doubt, is_owner())
    frame = frames.get(key)
    if frame is None:
        if len(frames) >= MOST_FRAMES:
            frames.clear()
        frame = frames[key] = Frame(lambda slots: _form_page(form, slots, {"answer": answer}), list(changing))
    return frame.filled(changing)


def _form_page(form: SchemaForm, changing: Mapping[str, Any], shown: Mapping[str, Any]) -> str:
    nothing: dict[str, Any] = {"failure": None, "words": "", "code": "", "problems": {}, "retry": ""}
    return render_template("form.html", form=form, **changing, **{**nothing, **shown})
