"""The owner's changes to a form (`FORM`): what may be said of a field, checked, and the schema with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from ..errors import SettingError
from . import PICTURE_WIDGETS, Field, Kind, Schema
from .patterns import compiled
from .values import bound, scalar

# What `FORM` may say of a field, and the types that it may say it in.
SCALAR = (str, int, float, bool)
WIDGETS = ("text", "textarea", "select", "radio", *PICTURE_WIDGETS)
CHANGES: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "label": (str,),
    "help": (str,),
    "unit": (str,),
    "group": (str,),
    "required": (bool,),
    "nullable": (bool,),
    "default": (*SCALAR, list, dict),
    "example": (*SCALAR, list, dict),
    "minimum": (int, float),
    "maximum": (int, float),
    "above": (int, float),
    "below": (int, float),
    "multiple_of": (int, float),
    "min_length": (int,),
    "max_length": (int,),
    "min_items": (int,),
    "max_items": (int,),
    "unique": (bool,),
    "pattern": (str,),
    "choices": (list,),
    "choice_labels": (list,),
    "accept": (str,),
    "lower": (bool,),
    "secret": (bool,),
    "widget": (str,),
    "order": (int,),
    "deprecated": (bool,),
    "hidden": (bool,),
    "fixed": (*SCALAR, list, dict),
}
LIMITS = ("minimum", "maximum", "above", "below", "multiple_of")


def check_changes(what: str, given: Any, allowed: Mapping[str, tuple[type, ...]]) -> None:
    """Raises SettingError for a change of the owner's that is not understood. A bool is no number here."""
    if not isinstance(given, dict):
        raise SettingError(f"FORM must say what it says of {what} in a JSON object.")
    for key, value in given.items():
        if key not in allowed:
            raise SettingError(f"FORM says {key} of {what}; what can be said is: {', '.join(sorted(allowed))}.")
        fits = isinstance(value, allowed[key]) and (not isinstance(value, bool) or bool in allowed[key])
        if not fits and value is not None:
            words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
            words |= {list: "a list", dict: "an object"}
            wanted = " or ".join(words[kind] for kind in allowed[key])
            raise SettingError(f"FORM gives {what} a wrong {key}: it must be {wanted}.")


def check_form(changes: Mapping[str, Any]) -> None:
    """Whatever of a `FORM` file can be checked without the endpoint's description. Raises SettingError."""
    by_name = changes.get("fields", {})
    if not isinstance(by_name, dict):
        raise SettingError("FORM must give its fields as a JSON object, by name.")
    for name, about in by_name.items():
        check_changes(f"the field {name}", about, CHANGES)


def customised(schema: Schema, changes: Mapping[str, Any]) -> Schema:
    """The schema with the owner's changes: `fields` by name, and `subject`.

    Raises SettingError that names what is not understood.
    """
    check_form(changes)
    by_name = changes.get("fields", {})
    known = [f.name for f in schema.fields]
    unknown = [name for name in by_name if name not in set(known)]
    if unknown:
        raise SettingError(
            f"FORM changes fields that do not exist: {', '.join(unknown)}. There are: {', '.join(known)}."
        )
    changed = [_changed(f, by_name[f.name]) if f.name in by_name else f for f in schema.fields]
    placed = sorted(enumerate(changed), key=lambda pair: pair[0] if pair[1].order is None else pair[1].order)
    subject = changes.get("subject", schema.subject)
    if subject and (not isinstance(subject, str) or subject not in known):
        raise SettingError(f"FORM names a subject that is no field: {subject}.")
    return replace(schema, fields=tuple(f for _, f in placed), subject=subject)


def _changed(old: Field, changes: Mapping[str, Any]) -> Field:
    typed = {key: value for key, value in changes.items() if value is not None}
    for key, allowed in (("kind", get_args(Kind)), ("widget", WIDGETS)):
        if key in typed and typed[key] not in allowed:
            raise SettingError(f"FORM gives the field {old.name} a wrong {key}: there is {', '.join(allowed)}.")
    kind = typed.get("kind", old.kind)
    for limit in LIMITS:
        if limit in typed:
            if kind == "text":
                raise SettingError(f'FORM gives {old.name} a {limit}, but it is text; say "kind": "number" too.')
            typed[limit] = bound(typed[limit])
    for key in ("default", "example", "fixed"):
        if kind not in ("list", "rows", "json") and isinstance(typed.get(key), list | dict):
            raise SettingError(f"FORM gives the field {old.name} a wrong {key}: {kind} is one value.")
    if "pattern" in typed and typed["pattern"] and compiled(typed["pattern"]) is None:
        raise SettingError(f"FORM gives the field {old.name} a pattern that is not understood or too slow to check.")
    new = replace(old, **{**typed, **_changed_choices(old, kind, typed)})
    if new.hidden and not new.may_be_left_out and new.default is None and new.fixed is None:
        raise SettingError(f"FORM hides the field {old.name}, which is required, and gives no default to send.")
    return new


def _changed_choices(old: Field, kind: Kind, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a list are choices of its items."""
    given: dict[str, Any] = {key: tuple(typed[key]) for key in ("choices", "choice_labels") if key in typed}
    if any(scalar(choice) is None for choice in given.get("choices", ())):
        raise SettingError(f"FORM gives the field {old.name} choices that are not texts, numbers, true or false.")
    if any(not isinstance(label, str) for label in given.get("choice_labels", ())):
        raise SettingError(f"FORM gives the field {old.name} choice_labels that are not texts.")
    if "choices" in given:
        given.setdefault("choice_labels", ())
    if not given or kind != "list":
        return given
    item = replace(old.items or Field(old.name), **given)
    return {"choices": (), "choice_labels": (), "items": item}
