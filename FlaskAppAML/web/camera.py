"""/camera: what a model says of what a camera sees.

The page sends one frame at a time as the picture of the model's form, the next when the answer is back. Frames are
checked and scored like submissions, but nothing of them is kept, and they have a limit of their own (`CAMERA`).
"""

from __future__ import annotations

import re
import secrets

from flask import Flask, Response, current_app, render_template, request
from limits import parse

from ..errors import PageNotFound, WrongInput
from ..prediction import Question
from ..results import Boxes
from ..schema import Field, Schema
from ..wire import dumps
from . import view
from .boxes import marks
from .predictions import first_error, scored_document
from .rate_limits import AtOnce, Limiter
from .security import CAMERA_ALONE
from .site import site

LONGEST_SIDE = 640  # pixels of a frame
MOST_AT_ONCE = 16  # frames of one client, which may be an office: each page sends one after the other


def install(app: Flask) -> None:
    settings = app.extensions["site"].settings
    app.add_template_global(path_of, "camera_of")
    if settings.camera != "off":
        app.extensions["camera"] = Limiter(settings.camera, "frames", settings.redis_url)
        app.extensions["frames_at_once"] = AtOnce(MOST_AT_ONCE)
        app.add_url_rule("/camera", "camera", camera)
        app.add_url_rule("/camera", "frame", frame, methods=["POST"])


def picture_field(schema: Schema) -> Field | None:
    """The field that a frame goes into."""
    return next((f for f in schema.visible() if f.is_upload and f.takes_pictures), None)


def path_of(schema: Schema) -> str:
    """Where this model looks through the camera; "" where it takes no picture."""
    has_page = "camera" in current_app.extensions and picture_field(schema) is not None
    return f"/camera?model={site().model.name}" if has_page else ""


def camera() -> Response:
    field = _choose()
    form = site().model.form_class()()
    rule, side = parse(site().settings.camera), site().model.settings.image_max_side
    page = render_template(
        "camera.html",
        form=form,
        once=secrets.token_hex(16),
        picture=form[field.name],
        every=rule.get_expiry() / rule.amount,
        frame_side=min(LONGEST_SIDE, side),
        full_side=side,
    )
    return Response(page, headers={"Permissions-Policy": CAMERA_ALONE})


def frame() -> Response:
    """The answer to one frame, as JSON: pieces of HTML, each naming its place on the page, and the milliseconds that
    the endpoint took. The address says how many pixels wide and high the frame is."""
    _choose()
    current_app.extensions["camera"].count()
    form_class = site().model.form_class()
    form = form_class(request.form, files=request.files)
    if not form.validate():
        raise WrongInput(fields=form.wrong())
    with current_app.extensions["frames_at_once"].one():  # a model that hangs is to have room for other clients
        document = scored_document("", Question.of(form), fresh=True)  # no two frames are equal
    if "error" in document:
        raise first_error(document)
    answer = view.Answer(document)
    boxes = [part for part in answer.parts if isinstance(part, Boxes)]
    size = _pixels("width"), _pixels("height")
    found = [mark for part in boxes for mark in marks(part, *size, numbered=False)]
    html = render_template("frame.html", answer=answer, marks=found)
    shown = {"html": html, "endpoint_ms": answer.meta["endpoint_ms"]}
    return Response(dumps(shown), content_type="application/json", headers={"Cache-Control": "no-store"})


def _choose() -> Field:
    """Makes the model that the address names that of this request, or the first that takes a picture. Raises
    PageNotFound where none does."""
    name = request.args.get("model")
    if name is not None:
        site().choose(name)
    listed = [site().model] if name is not None else site().models.values()
    for model in listed:
        if field := picture_field(model.schema):
            site().choose(model.name)
            return field
    raise PageNotFound


def _pixels(name: str) -> int:
    given = request.args.get(name, "")
    return int(given) if re.fullmatch(r"[1-9][0-9]{0,4}", given, re.ASCII) else LONGEST_SIDE
