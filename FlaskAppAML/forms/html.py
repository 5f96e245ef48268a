"""A form's HTML: `templates/fields.html`, drawn once per schema and cut where values, choices and errors go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Template
from markupsafe import Markup, escape

from ..slots import Cut, MakeSlot, Pieces, Slot, cutter
from .controls import AlternativesField, Control, FileField
from .looks import heading

Clean = Callable[[str], str]  # what values pass before they are escaped


@dataclass(frozen=True)
class Group:
    """Fields under one legend; "" stands for none."""

    legend: str
    fields: list[Control] = field(default_factory=list)


def groups(fields: Iterable[Control]) -> list[Group]:
    """Fields that belong together, in the order of their first; those of one nested object under its name.

    Those that belong to none come first, or they would seem to belong to the group before them.
    """
    listed = list(fields)
    places = [bound.spec.place for bound in listed if not bound.spec.group]
    shared = len(_common_start(places))
    inputs = {bound.spec.input for bound in listed if not bound.spec.parameter}
    has_both = len({bound.spec.parameter for bound in listed}) > 1
    by_legend: dict[str, list[Control]] = {"": []}
    for bound in listed:
        spec = bound.spec
        legend = spec.group or " › ".join(map(heading, spec.place[shared:]))
        if not legend and spec.parameter and has_both:
            legend = "Parameters"
        elif not legend and len(inputs) > 1:
            legend = spec.input
        by_legend.setdefault(legend, []).append(bound)
    return [Group(legend, found) for legend, found in by_legend.items() if found]


def _common_start(places: list[tuple[str, ...]]) -> tuple[str, ...]:
    if not places:
        return ()
    least, most = min(places), max(places)
    same = [a == b for a, b in zip(least, most, strict=False)]
    return least[: same.index(False) if False in same else len(same)]


@dataclass(frozen=True)
class Drawing:
    """The HTML of one form: for each field right and wrong, the whole with a slot for each, the box for JSON, and for
    each field with a picture the tick that takes it again."""

    whole: Pieces
    as_json: Pieces
    right: Mapping[str, Pieces]
    wrong: Mapping[str, Pieces]
    again: Mapping[str, Pieces]

    def of_form(self, pieces: Pieces, form: Any, clean: Clean) -> Markup:
        """`pieces` are those of the whole or of the box for JSON, `form` is a `SchemaForm`."""
        written: list[str] = []
        for piece in pieces:
            if type(piece) is str:
                written.append(piece)
            elif piece[0] == "field":
                written += self._of_field(form[piece[1]], clean)
            else:
                written.append(_FORM_SLOTS[piece[0]](form, clean))
        return Markup("".join(written))  # noqa: S704 - what comes from outside was escaped as it was put in

    def _of_field(self, bound: Control, clean: Clean) -> list[str]:
        pieces = (self.wrong if bound.errors and not bound.is_said_inside else self.right)[bound.name]
        if isinstance(bound, AlternativesField):
            return [piece if type(piece) is str else self._of_slot(bound, piece, clean) for piece in pieces]
        if isinstance(bound, FileField):
            tick = self.again[bound.name] if bound.again else []
            pieces = [part for piece in pieces for part in (tick if piece == ("tick", "") else [piece])]
        return [piece if type(piece) is str else _SLOTS[piece[0]](bound, piece[1], clean) for piece in pieces]

    def _of_slot(self, bound: AlternativesField, slot: Slot, clean: Clean) -> str:
        if slot[0] != "inner":
            return _SLOTS[slot[0]](bound, slot[1], clean)
        return "".join(self._of_field(bound.whole()[int(slot[1])], clean))


_SLOTS: dict[str, Callable[[Any, str, Clean], str]] = {
    "value": lambda bound, _, clean: escape(clean(bound.data)),
    "box": lambda bound, i, clean: escape(clean(bound.data[int(i)])),
    "checked": lambda bound, position, _: " checked" if bound.data == position else "",
    "ticked": lambda bound, position, _: " checked" if position in bound.data else "",
    "selected": lambda bound, position, _: " selected" if bound.data == position else "",
    "error": lambda bound, _, clean: escape(clean(str(bound.errors[0]))),
    "empty": lambda bound, *_: " checked" if bound.is_sent_empty else "",
    "cells": lambda bound, *_: bound.wrong_cells,
    "length": lambda bound, *_: f"{bound.length:,}",
    "over": lambda bound, *_: " over" if bound.length > bound.spec.max_length else "",
    "unused": lambda bound, *_: "" if bound.data else " js",
    "again": lambda bound, *_: escape(bound.again),
    "address": lambda bound, *_: escape(bound.address),
}
_FORM_SLOTS: dict[str, Callable[[Any, Clean], str]] = {
    "json": lambda form, clean: escape(clean(form.json_text)),
    "json-error": lambda form, clean: escape(clean(form.json_said)),
    "json-open": lambda form, _: " open" if form.json_text or form.json_error else "",
    "json-wrong": lambda form, _: "" if form.json_said else " hidden",
    "older-open": lambda form, _: " open" if any(b.errors for b in form if b.spec.deprecated) else "",
}


def drawing(controls: Iterable[Control], template: Template, starts: tuple[str, str]) -> Drawing:
    """`fields.html` drawn for the fields of one schema, right and wrong, and cut at its slots."""
    listed = list(controls)
    every = [one for bound in listed for one in bound.whole()]
    slot, cut = cutter()
    macros: Any = template.module
    return Drawing(
        _whole(listed, macros, slot, cut),
        cut(macros.as_json(slot, *starts)),
        {bound.name: cut(macros.control(bound, False, slot)) for bound in every},
        {bound.name: cut(macros.control(bound, True, slot)) for bound in every},
        {bound.name: cut(macros.again(bound, slot)) for bound in every if isinstance(bound, FileField)},
    )


def _whole(controls: list[Control], macros: Any, slot: MakeSlot, cut: Cut) -> Pieces:
    """What stands around the fields. They go by their number in the template, for a name may hold anything."""
    numbers = {bound.name: number for number, bound in enumerate(controls)}
    current = [bound for bound in controls if not bound.spec.deprecated]
    older = [bound for bound in controls if bound.spec.deprecated]
    pieces = cut(macros.whole(groups(current), older, lambda bound: slot("field", numbers[bound.name]), slot))
    pieces[1::2] = [(what, controls[int(which)].name if what == "field" else which) for what, which in pieces[1::2]]
    return pieces
