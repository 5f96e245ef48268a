"""What services say about themselves, read: JSON Schema (in OpenAPI and Swagger documents) and sample bodies -> Fields.

Nothing is fetched here; a `$ref` is followed inside its own document only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .schema import Field, Kind, bound, scalar


def resolve(node: Any, document: Mapping[str, Any], depth: int = 8) -> dict[str, Any]:
    """`node` with its `$ref` followed inside the document only; {} where it leads nowhere."""
    while isinstance(node, dict) and "$ref" in node and depth > 0:
        target: Any = document
        reference = str(node["$ref"])
        for key in reference.removeprefix("#/").split("/") if reference.startswith("#/") else ["?"]:
            target = target.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
        node, depth = target, depth - 1
    return node if isinstance(node, dict) and "$ref" not in node else {}


def field_from_property(column: str, node: Mapping[str, Any], *, required: bool, **place: Any) -> Field:
    """A Field from one JSON Schema property; unknown types are text."""
    kinds: dict[str, Kind] = {"integer": "integer", "number": "number", "boolean": "boolean"}
    listed = node["enum"] if isinstance(node.get("enum"), list) else []
    choices = [choice for choice in listed if scalar(choice) is not None]
    kind = kinds.get(str(node.get("type")), "text")
    if choices and "type" not in node:
        kind = _kind_of(choices)
    return Field(
        name=column,
        column=column,
        kind=kind,
        label=str(node.get("title") or ""),
        help=str(node.get("description") or ""),
        required=required,
        default=scalar(node.get("default")),
        example=scalar(node.get("example")),
        minimum=bound(node.get("minimum")),
        maximum=bound(node.get("maximum")),
        min_length=node["minLength"] if isinstance(node.get("minLength"), int) else 0,
        max_length=node["maxLength"] if isinstance(node.get("maxLength"), int) else None,
        choices=tuple(choices),
        **place,
    )


def _kind_of(values: Iterable[Any]) -> Kind:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "integer"
    return "number" if kinds <= {int, float} else "text"


def field_from_value(column: str, value: Any, **place: Any) -> Field:
    """A Field from one value of a sample body. 1 may stand where 1.5 is meant, so both are numbers."""
    found = _kind_of([value])
    kind: Kind = "number" if found == "integer" else found
    shown = None if value == "" else scalar(value)
    return Field(name=column, column=column, kind=kind, example=shown, **place)


def unique_names(found: Iterable[Field]) -> tuple[Field, ...]:
    """Columns of several inputs may share a name; such a field is called after its input too: `input1.Title`.

    A name that stands twice in one input is counted: `input1.Title`, `input1.Title (2)`.
    """
    listed = list(found)
    often = Counter(f.name for f in listed)
    used: Counter[str] = Counter()
    unique = []
    for f in listed:
        name = f"{f.input or 'GlobalParameters'}.{f.name}" if often[f.name] > 1 else f.name
        used[name] += 1
        label = f.label or (f"{f.name} ({f.input or 'all'})" if name != f.name else "")
        unique.append(replace(f, label=label, name=name if used[name] == 1 else f"{name} ({used[name]})"))
    return tuple(unique)
