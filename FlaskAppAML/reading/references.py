"""All that a JSON Schema says of one value, in one object: `$ref` followed, `allOf` written out, null sorted out.

A `$ref` is followed inside its own document only. Sources: JSON Schema 2020-12, OpenAPI 3.0.4 and 3.1.1 (Schema
Object), Swagger 2.0, RFC 6901 (JSON Pointer); `x-nullable` is Azure's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import unquote

from ..errors import BadResponse
from ..schema.values import is_number

MOST_PARTS = 50  # of one `allOf`, with those inside
MOST_CHOICES = 5_000
LONGEST_REFERENCE = 1_000  # characters
COPIED = ("properties", "required", "allOf", "anyOf", "oneOf")

Budget = Iterator[int]


def spend(budget: Budget, steps: int) -> None:
    """A description of a few kilobytes can stand for millions of fields. Raises BadResponse for one that does."""
    if sum(1 for _ in islice(budget, steps)) < steps:
        raise BadResponse("Its description is too large to be read.")


def resolve(node: Any, document: Mapping[str, Any], depth: int = 8) -> dict[str, Any]:
    """`node` with its `$ref` followed inside the document only; {} where it leads nowhere."""
    while isinstance(node, dict) and "$ref" in node and depth > 0:
        node, depth = _target(node["$ref"], document), depth - 1
    return node if isinstance(node, dict) and "$ref" not in node else {}


def _target(reference: Any, document: Mapping[str, Any]) -> Any:
    if not isinstance(reference, str) or not reference.startswith("#") or len(reference) > LONGEST_REFERENCE:
        return None
    return at_pointer(document, unquote(reference[1:]))


def at_pointer(document: Any, pointer: str) -> Any:
    """The value at a JSON Pointer (RFC 6901); None where there is none."""
    node = document
    for key in pointer_steps(pointer):
        if isinstance(node, Mapping):
            node = node.get(key)
        elif isinstance(node, list) and re.fullmatch("0|[1-9][0-9]{0,8}", key):
            node = node[int(key)] if int(key) < len(node) else None
        else:
            return None
    return node if not pointer or pointer.startswith("/") else None


def pointer_steps(pointer: str) -> list[str]:
    """The keys on the way; [] for the whole document."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def merged(node: Any, document: Mapping[str, Any], budget: Budget | None = None) -> dict[str, Any]:
    """All that is said of one value, in one object: `$ref` and `allOf` written out in it, `nullable` in all spellings.

    What stands beside a `$ref` or an `allOf` goes before what they say, of limits the narrower counts. Alternatives
    that are left when null is taken out stand in `oneOf`; a single one is written out too. `budget` pays for what is
    copied, since many values may refer to one long node. Raises BadResponse when it is used up.
    """
    found: dict[str, Any] = {}
    todo, followed = [node], set()
    for _ in range(MOST_PARTS):
        part = todo.pop() if todo else None
        if not isinstance(part, dict):
            if not todo:
                break
            continue
        if budget is not None:
            spend(budget, _weight(part))
        _add(found, part)
        inside = part.get("allOf")
        todo += reversed(inside[:MOST_PARTS] if isinstance(inside, list) else [])
        for key in ("anyOf", "oneOf"):
            real = _alternatives(part.get(key), document, found)
            if len(real) == 1:
                todo.append(real[0])
            elif real:
                found.setdefault("oneOf", real)
        reference = part.get("$ref")
        if isinstance(reference, str) and reference not in followed:
            followed.add(reference)
            todo.append(_target(reference, document))
    return found


def _weight(part: Mapping[str, Any]) -> int:
    copied = (part.get(key) for key in COPIED)
    return (len(part) + sum(len(value) for value in copied if isinstance(value, list | dict))) // 10


_NARROWER = {"minimum": max, "minLength": max, "minItems": max, "maximum": min, "maxLength": min, "maxItems": min}


def _add(found: dict[str, Any], part: Mapping[str, Any]) -> None:
    for key, value in part.items():
        before = found.get(key)
        if key in ("$ref", "allOf", "anyOf", "oneOf"):
            continue
        if key == "properties" and isinstance(before, dict) and isinstance(value, dict):
            found[key] = {**value, **before}
        elif key == "required" and isinstance(before, list) and isinstance(value, list):
            found[key] = before + value
        elif key in _NARROWER and is_number(before) and is_number(value):
            found[key] = _NARROWER[key](before, value)
        else:
            found.setdefault(key, value)
    types = part.get("type")
    is_null = isinstance(types, list) and "null" in types
    if is_null or part.get("nullable") is True or part.get("x-nullable") is True:
        found["nullable"] = True


def _alternatives(listed: Any, document: Mapping[str, Any], found: dict[str, Any]) -> list[Any]:
    """Those that are not null; that one of them was is noted in `found`."""
    if not isinstance(listed, list):
        return []
    real = [one for one in listed[:MOST_CHOICES] if not _is_null(resolve(one, document))]
    if len(real) < min(len(listed), MOST_CHOICES):
        found["nullable"] = True
    return real


def _is_null(node: Mapping[str, Any]) -> bool:
    return node.get("type") == "null" or node.get("enum") == [None] or ("const" in node and node["const"] is None)
