"""Pictures of a submission: kept beside its answer, shown with it, and offered to be used again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request

from ..answers import answer_id
from ..forms import SchemaForm
from ..images import Picture
from ..prediction import Document, Question
from .site import jobs, site

SMALL = 320  # pixels, the longest side of an example that is looked at


@dataclass(frozen=True)
class Shown:
    """The picture that an answer speaks of: where a page finds it, its field, and its size in pixels."""

    address: str
    field: str
    width: int
    height: int


def keep(id: str, question: Question) -> Document | None:
    """Keeps the pictures of a question beside its answer. What its document says of the first; None where there is
    none, or nothing is kept."""
    found = question.pictures
    if not found or not all(site().answers.keep_picture(id, name, picture) for name, picture in found.items()):
        return None
    return question.first_picture()


def kept(id: str, field: str = "") -> Picture | None:
    """A picture that was kept under this id, the first by default; that of a job lies with its input."""
    return site().answers.get_picture(id, field) or jobs().picture(id, field)


def find(reference: str, field: str) -> Picture | None:
    """For the form: a picture that was kept with an answer, or with a form in which something was wrong; or that of an
    example."""
    what, _, which = reference.partition(":")
    if what == "kept":
        return kept(which, field)
    return site().model.example_picture(int(which), field, site().model.settings.image_max_side)


def of_example(number: int, field: str) -> Picture | None:
    """A small one, to look at."""
    return site().model.example_picture(number, field, SMALL)


def offer_example(form: SchemaForm, number: int) -> None:
    """Puts the pictures of an example into the form."""
    for f in form.schema.pictures:
        if of_example(number, f.name) is not None:
            form.offer(f.name, f"example:{number}", _address(f"example:{number}", f.name))


def shown(document: Mapping[str, Any], form: SchemaForm) -> Shown | None:
    """From where it is kept with the answer; where nothing is kept, from the form that it was sent with."""
    if first := document.get("picture") if document.get("until") else None:
        address = _address(f"kept:{document['prediction']['id']}", first["field"])
        return Shown(address, first["field"], first["width"], first["height"])
    for name, (_, picture) in form.pictures().items():
        return Shown(picture.data_url(), name, picture.width, picture.height)
    return None


def offer(form: SchemaForm, document: Mapping[str, Any] | None = None) -> None:
    """Puts each picture into the form again: by reference where it is kept, with the answer of this document or without
    any; else as it is."""
    is_kept = document is not None and document.get("until") and document.get("picture")
    for name, (bound, picture) in form.pictures().items():
        if document is not None and is_kept:
            bound.again = f"kept:{document['prediction']['id']}"
        else:
            bound.again = bound.again or _kept_alone(name, picture)
        bound.address = _address(bound.again, name)


def offer_kept(form: SchemaForm, document: Mapping[str, Any]) -> None:
    """The same for an answer that is opened again: of its first picture."""
    if first := document.get("picture"):
        reference = f"kept:{document['prediction']['id']}"
        form.offer(first["field"], reference, _address(reference, first["field"]))


def _kept_alone(field: str, picture: Picture) -> str:
    """What stands for it, kept without an answer and once for each form; itself, where nothing is kept."""
    alone = answer_id(request.form.get("_once", ""), "pictures")
    return f"kept:{alone}" if site().answers.keep_picture(alone, field, picture) else picture.data_url()


def _address(reference: str, field: str) -> str:
    """Where a page finds the picture for which this stands."""
    what, _, which = reference.partition(":")
    if what == "data":
        return reference
    path = f"/answers/{which}/picture" if what == "kept" else f"{site().path.rstrip('/')}/examples/{which}"
    return f"{request.script_root}{path}?{urlencode({'field': field})}"
