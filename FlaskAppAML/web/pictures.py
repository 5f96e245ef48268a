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
from .site import site


@dataclass(frozen=True)
class Shown:
    """The picture that an answer speaks of: where a page finds it, its field, and its size in pixels."""

    address: str
    field: str
    width: int
    height: int


def keep(id: str, form: SchemaForm) -> dict[str, Any] | None:
    """Keeps the pictures of a submission beside its answer. What its document says of the first; None where there is
    none, or nothing is kept."""
    listed = [(name, picture) for name, (_, picture) in form.pictures().items()]
    if not listed or not all(site().answers.keep_picture(id, name, picture) for name, picture in listed):
        return None
    name, first = listed[0]
    return {"field": name, "content_type": first.content_type, "width": first.width, "height": first.height}


def find(id: str, field: str) -> Picture | None:
    """For the form: a picture that was kept with an answer, or with a form in which something was wrong."""
    return site().answers.get_picture(id, field)


def shown(document: Mapping[str, Any], form: SchemaForm) -> Shown | None:
    """From where it is kept with the answer; where nothing is kept, from the form that it was sent with."""
    if kept := document.get("picture") if document.get("until") else None:
        address = _address(document["prediction"]["id"], kept["field"])
        return Shown(address, kept["field"], kept["width"], kept["height"])
    for name, (_, picture) in form.pictures().items():
        return Shown(picture.data_url(), name, picture.width, picture.height)
    return None


def offer(form: SchemaForm, document: Mapping[str, Any] | None = None) -> None:
    """Puts each picture into the form again: by reference where it is kept, with the answer of this document or without
    any; else as it is."""
    is_kept = document is not None and document.get("until") and document.get("picture")
    for name, (bound, picture) in form.pictures().items():
        if document is not None and is_kept:
            kept_as = document["prediction"]["id"]
        else:
            kept_as = bound.again.removeprefix("kept:") or _kept_alone(name, picture)
        bound.again = f"kept:{kept_as}" if kept_as else picture.data_url()
        bound.address = _address(kept_as, name) if kept_as else bound.again


def offer_kept(form: SchemaForm, document: Mapping[str, Any]) -> None:
    """The same for an answer that is opened again: of its first picture."""
    if kept := document.get("picture"):
        kept_as = document["prediction"]["id"]
        form.offer(kept["field"], f"kept:{kept_as}", _address(kept_as, kept["field"]))


def _kept_alone(field: str, picture: Picture) -> str:
    """The id under which it is kept without an answer, the same for the same form; "" where nothing is kept."""
    alone = answer_id(request.form.get("_once", ""), "pictures")
    return alone if site().answers.keep_picture(alone, field, picture) else ""


def _address(id: str, field: str) -> str:
    return f"{request.script_root}/answers/{id}/picture?{urlencode({'field': field})}"
