"""JSON Schema -> Fields, as OpenAPI and Swagger documents hold it.

Nothing is fetched here, and a description of a few kilobytes that stands for millions of fields is given up. Sources:
OpenAPI 3.0.4 and 3.1.1 (Schema Object), Swagger 2.0, JSON Schema 2020-12; `x-order` and `x-cog-secret` are Cog's,
`propertyOrder` that of JSON form editors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

from ..schema import Alternative, Field, Kind, unique_names
from ..schema.values import InvalidValue, bound, is_number, scalar, shown
from .clues import LONGEST_HELP, LONGEST_LABEL, as_file, kind_of, with_unit, words_of
from .references import MOST_CHOICES, Budget, merged, spend

DEEPEST = 5  # objects in objects that become fields; deeper ones are typed as JSON
MOST_LEAVES = 300  # fields made of objects in objects; with more, these stay JSON
MOST_FIELDS = 1_001  # one more than anybody takes
LONGEST_HINT = 10_000  # values of a default or an example
MOST_STEPS = 100_000  # of reading one description: a millisecond for each hundred

Place = Mapping[str, Any]  # `input`, `parameter`, `place`, ... of every field that is made


class _Reading(NamedTuple):
    """What goes along while one description is read: `deepest` counts objects in objects, `lists` lists in lists."""

    document: Mapping[str, Any]
    budget: Budget
    place: Place
    deepest: int = DEEPEST
    lists: int = 0
    is_alternative: bool = False  # inside one, or inside a list: alternatives there are typed as JSON


# Fields


def new_budget() -> Budget:
    """For the reading of one description."""
    return iter(range(MOST_STEPS))


def fields_of_object(
    node: Any, document: Mapping[str, Any], *, budget: Budget | None = None, **place: Any
) -> list[Field]:
    """The properties of an object schema in their order, objects inside it as fields of their own: `address.street`.

    Optional, left out: what is `readOnly`. [] where no properties are named. `place` goes into every field. Whoever
    reads several objects of one description gives the `budget` for all of them. Raises BadResponse for what stands for
    too many.
    """
    steps = budget or new_budget()
    about = merged(node, document, steps)
    reading = _Reading(document, steps, place)
    found = list(islice(_leaves(about, reading), MOST_LEAVES + 1))
    if len(found) > MOST_LEAVES:
        flat = reading._replace(budget=new_budget(), deepest=0)
        found = list(islice(_leaves(about, flat), MOST_FIELDS))
    return with_examples(found, example_of(about), place.get("place", ()))


def with_examples(fields: Iterable[Field], sample: Any, outer: tuple[str, ...] = ()) -> list[Field]:
    """The fields, with the values of a sample body as examples where they have none. `outer` is not in the sample."""
    if not isinstance(sample, dict):
        return list(fields)
    return [f if f.example is not None else _exemplified(f, sample, outer) for f in fields]


def _exemplified(f: Field, sample: Any, outer: tuple[str, ...]) -> Field:
    for name in (*f.place[len(outer) :], f.wire_name):
        sample = sample.get(name) if isinstance(sample, dict) else None
    return sound(replace(f, example=sample)) if sample is not None else f


def _leaves(
    about: Mapping[str, Any], reading: _Reading, path: tuple[str, ...] = (), is_required: bool = True
) -> Iterator[Field]:
    """The fields of a merged object. In one that may be left out nothing is required, and no default makes it be sent
    without what it would need."""
    properties = about.get("properties")
    named = properties if isinstance(properties, dict) else {}
    spend(reading.budget, len(named))
    listed = about.get("required")
    required = {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()
    ordered = sorted(named.items(), key=lambda pair: _order(pair[1]))
    may_fill_itself = is_required or not required
    for name, node in ordered:
        spend(reading.budget, 10)
        inner = merged(node, reading.document, reading.budget)
        if inner.get("readOnly") is True or not name:
            continue
        must = is_required and name in required
        if len(path) < reading.deepest and _has_properties(inner):
            yield from _leaves(inner, reading, (*path, name), must)
            continue
        f = _field(name, inner, reading, must)
        if not may_fill_itself and not f.required and f.default is not None:
            f = replace(f, default=None, example=f.default if f.example is None else f.example)
        yield placed(f, path)


def _has_properties(about: Mapping[str, Any]) -> bool:
    return _type(about) == "object" and bool(about.get("properties")) and not about.get("oneOf")


def _order(node: Any) -> float:
    if not isinstance(node, dict):
        return float("inf")
    number = next((node[key] for key in ("x-order", "propertyOrder") if is_number(node.get(key))), None)
    return float("inf") if number is None else min(max(number, -1e300), 1e300)


def placed(f: Field, path: tuple[str, ...]) -> Field:
    """Inside an object, whose name in the body says more than its title: that is the name of a class most often, and
    two objects of one class would be one."""
    if not path:
        return f
    return replace(f, name=".".join([*path, f.name]), place=(*f.place, *path))


def field_from_property(
    column: str,
    node: Mapping[str, Any],
    *,
    required: bool,
    document: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
    **place: Any,
) -> Field:
    """A Field from one JSON Schema property; unknown types are text, objects are JSON.

    `document` is where its `$ref` leads, `place` goes into the field. Without a document dates stay text: Azure's
    classic studio takes them in any writing. Whoever reads many properties of one description gives the `budget` for
    all of them. Raises BadResponse for what stands for too much.
    """
    whole, steps = document or {}, budget or new_budget()
    spend(steps, 10)
    f = _field(column, merged(node, whole, steps), _Reading(whole, steps, place), required)
    is_date = document is None and f.kind in _DATES.values()
    return replace(f, kind="text", format=words_of(node.get("format"), LONGEST_LABEL)) if is_date else f


def _field(column: str, about: Mapping[str, Any], reading: _Reading, required: bool) -> Field:
    about = _one_alternative(about, reading)
    choices, labels = _choices(about, reading.budget)
    f = Field(
        name=column,
        column=column,
        kind=_kind(about, choices),
        label=words_of(about.get("title"), LONGEST_LABEL),
        help=words_of(about.get("description"), LONGEST_HELP),
        required=required,
        nullable=about.get("nullable") is True,
        default=about.get("default"),
        example=example_of(about),
        deprecated=about.get("deprecated") is True,
        secret=_is_secret(about),
        **reading.place,
    )
    if f.kind == "list":
        f = _list(f, about, reading._replace(place={}, lists=reading.lists + 1, is_alternative=True))
    elif f.kind in ("integer", "number"):
        f = with_unit(replace(f, **_bounds(about)))
    elif f.kind == "text":
        f = _text_field(f, about) if not choices else f
    elif f.kind == "json" and about.get("oneOf"):
        f = replace(f, alternatives=_alternatives(column, about, reading))
    if choices:
        f = _chosen(f, choices, labels)
    spend(reading.budget, (_size(f.default) + _size(f.example)) // 5)
    return sound(f)


def _is_secret(about: Mapping[str, Any]) -> bool:
    return about.get("format") == "password" or about.get("writeOnly") is True or about.get("x-cog-secret") is True


def sound(f: Field) -> Field:
    """Without a default or an example that the field itself would refuse; they are only hints."""
    return replace(f, default=_if_fits(f, f.default), example=_if_fits(f, f.example))


def _if_fits(f: Field, value: Any) -> Any:
    if value is None or f.kind == "file" or _size(value) > LONGEST_HINT:
        return None
    try:
        replace(f, required=False).parse(value, "json")
    except InvalidValue:
        return None
    return value


def _size(value: Any) -> int:
    """How many values stand in it, counted until it is too long for a hint. Many fields may refer to one example."""
    todo, count = [value], 0
    while todo and count <= LONGEST_HINT:
        node = todo.pop()
        if isinstance(node, list | dict):
            count += len(node)
            todo += islice(node.values() if isinstance(node, dict) else node, LONGEST_HINT)
    return count


def example_of(about: Mapping[str, Any]) -> Any:
    """The first example, as OpenAPI 3 (`example`, `examples` by name), JSON Schema (a list) or `x-example` give it."""
    for key in ("example", "x-example"):
        if about.get(key) is not None:
            return about[key]
    listed = about.get("examples")
    if isinstance(listed, dict):
        first = next(iter(listed.values()), None)
        return first.get("value") if isinstance(first, dict) else None
    return next(iter(listed), None) if isinstance(listed, list) else None


# Kinds

_KINDS: dict[str, Kind] = {
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "object": "json",
    "tensor": "json",  # BentoML's, of any number of dimensions
    "array": "list",
    "file": "file",  # of Swagger 2 and of BentoML
    "": "json",
}


def _type(about: Mapping[str, Any]) -> str:
    """The one type but null; "" where there are several or none."""
    given = about.get("type")
    types = {word for word in ([given] if isinstance(given, str) else given if isinstance(given, list) else [])
             if isinstance(word, str) and word != "null"}  # fmt: skip
    if types == {"integer", "number"}:
        return "number"
    if not types:
        return "object" if isinstance(about.get("properties"), dict) else "array" if "items" in about else ""
    return types.pop() if len(types) == 1 else ""


def _kind(about: Mapping[str, Any], choices: list[Any]) -> Kind:
    type_ = _type(about)
    if about.get("oneOf") and not choices:
        return "json"
    if type_ == "" and choices:
        return kind_of(choices)
    if type_ == "" and "type" not in about:
        hint = scalar(about.get("default", example_of(about)))
        return kind_of([hint]) if hint is not None else "json"
    return _KINDS.get(type_, "text")


def _one_alternative(about: Mapping[str, Any], reading: _Reading) -> Mapping[str, Any]:
    """Alternatives that one kind of field can ask for are no choice: integers among numbers, words among texts, and
    Decimal as Pydantic writes it (a number, or a text). The value may be null where one of them may."""
    listed = about.get("oneOf")
    if not isinstance(listed, list) or len(listed) > 10:
        return about
    alternatives = [merged(one, reading.document, reading.budget) for one in listed]
    if any(one.get("nullable") is True for one in alternatives):
        about = {**about, "nullable": True}
    if any("const" in one or "oneOf" in one for one in alternatives):
        return about
    own = {key: value for key, value in about.items() if key != "oneOf"}
    types = {_type(one) for one in alternatives}
    if types == {"integer", "number"}:
        return {"type": "number", **own}
    if types == {"string"}:
        return {**next((one for one in alternatives if "enum" not in one), alternatives[0]), **own}
    if types == {"number", "string"}:
        return {**next(one for one in alternatives if _type(one) == "number"), **own}
    return about


# Alternatives

MOST_ALTERNATIVES = 6
MOST_INSIDE = 50  # fields of one
_WORDS: dict[str, str] = {
    "text": "Text",
    "integer": "Whole number",
    "number": "Number",
    "boolean": "Yes or no",
    "list": "List",
    "rows": "Table",
    "json": "JSON",
}
_WORDS_OF_LISTS: dict[str, str] = {
    "text": "List of texts",
    "integer": "List of whole numbers",
    "number": "List of numbers",
    "list": "List of lists",
}


def _alternatives(column: str, about: Mapping[str, Any], reading: _Reading) -> tuple[Alternative, ...]:
    """The forms that a value may have, each with its fields; () where JSON says it better: one in another, many of
    them, files or secrets inside."""
    listed = about["oneOf"]
    if reading.is_alternative or len(listed) > MOST_ALTERNATIVES:
        return ()
    inside = reading._replace(place={}, deepest=0, is_alternative=True)
    shared = {key: about[key] for key in ("properties", "required", "type") if key in about}
    found = []
    for node in listed:
        inner = merged({"allOf": [node, shared]}, reading.document, reading.budget)
        label = words_of(inner.get("title"), LONGEST_LABEL) or _last_name(node)
        help_ = words_of(inner.get("description"), LONGEST_HELP)
        if _has_properties(inner):
            spend(reading.budget, 30 * len(inner["properties"]))
            fields = _with_discriminator(list(islice(_leaves(inner, inside), MOST_INSIDE + 1)), node, about)
            found.append(Alternative(label or "Object", tuple(fields), help=help_))
            continue
        only = _field(column, inner, inside, True)
        label = label or (shown(only.fixed) if only.fixed is not None else _words_for(only))
        found.append(Alternative(label, (replace(only, label=label),), is_object=False))
    leaves = [f for one in found for f in one.fields]
    has_private = any(f.kind == "file" or f.secret or (f.items and f.items.kind == "file") for f in leaves)
    is_only_json = all(one.fields[0].kind == "json" for one in found if not one.is_object)
    has_objects = any(one.is_object for one in found)
    if has_private or (is_only_json and not has_objects) or any(len(one.fields) > MOST_INSIDE for one in found):
        return ()
    often = Counter(one.label for one in found)
    return tuple(
        replace(one, label=f"{one.label} ({n})") if often[one.label] > 1 else one for n, one in enumerate(found, 1)
    )


def _words_for(only: Field) -> str:
    if only.kind == "list" and only.items is not None and only.items.kind in _WORDS_OF_LISTS:
        return _WORDS_OF_LISTS[only.items.kind]
    return _WORDS.get(only.kind, only.kind.capitalize())


def _last_name(node: Any) -> str:
    """Of the schema that a `$ref` leads to."""
    reference = node.get("$ref") if isinstance(node, dict) else None
    return words_of(reference.rpartition("/")[2], LONGEST_LABEL) if isinstance(reference, str) else ""


def _with_discriminator(fields: list[Field], node: Any, about: Mapping[str, Any]) -> list[Field]:
    """OpenAPI 3.1.1, Discriminator Object: the property whose value says which one it is, by `mapping` or else by the
    name of its schema."""
    said = about.get("discriminator")
    name = said.get("propertyName") if isinstance(said, dict) else None
    if not isinstance(name, str) or not name or not _last_name(node):
        return fields
    mapping = said.get("mapping") if isinstance(said, dict) else None
    named = mapping.items() if isinstance(mapping, dict) else ()
    targets = (node.get("$ref"), _last_name(node))
    value = next((key for key, target in named if isinstance(target, str) and target in targets), _last_name(node))
    known = next((f for f in fields if f.name == name), None)
    if known is not None and known.fixed is not None:
        return fields
    fixed = Field(name, column=name, fixed=value)
    return [fixed if f is known else f for f in fields] if known else [fixed, *fields]


# Choices


def _choices(about: Mapping[str, Any], budget: Budget) -> tuple[list[Any], list[str]]:
    """The values to choose from, with their titles where there are any; no choices where one is no single value."""
    if "const" in about:
        return ([about["const"]] if scalar(about["const"]) is not None else []), []
    listed, labels = about.get("enum"), []
    if not isinstance(listed, list):
        constants = [one for one in about.get("oneOf") or [] if isinstance(one, dict) and "const" in one]
        if not constants or len(constants) < len(about["oneOf"]):
            return [], []
        listed = [one["const"] for one in constants]
        spend(budget, len(constants))
        labels = [words_of(one.get("title"), LONGEST_LABEL) or str(one["const"])[:LONGEST_LABEL] for one in constants]
    if len(listed) > MOST_CHOICES + 1:  # and null
        return [], []
    values = [value for value in listed if value is not None]
    if len(values) > MOST_CHOICES or any(scalar(value) is None for value in values):
        return [], []
    spend(budget, len(values))
    return values, labels if len(labels) == len(values) else []


def _chosen(f: Field, choices: list[Any], labels: list[str]) -> Field:
    """With its choices. One that is always the same is not asked for, unless it may be left out."""
    if f.kind == "boolean" and set(choices) == {True, False}:
        return f
    if f.kind in ("list", "json", "file"):
        return f
    if len(choices) == 1 and (f.required or f.default == choices[0]):
        return replace(f, fixed=choices[0])
    is_labelled = any(label != str(choice) for label, choice in zip(labels, choices, strict=False))
    return replace(f, choices=tuple(choices), choice_labels=tuple(labels) if is_labelled else ())


# Numbers


def _bounds(about: Mapping[str, Any]) -> dict[str, Any]:
    """`exclusiveMinimum` is a bool beside `minimum` in OpenAPI 3.0 and Swagger 2, a number in 3.1."""
    least, most = _bound(about.get("minimum")), _bound(about.get("maximum"))
    above, below = _bound(about.get("exclusiveMinimum")), _bound(about.get("exclusiveMaximum"))
    if about.get("exclusiveMinimum") is True:
        above, least = least, None
    if about.get("exclusiveMaximum") is True:
        below, most = most, None
    step = _bound(about.get("multipleOf"))
    is_step = step is not None and step > 0
    return {"minimum": least, "maximum": most, "above": above, "below": below, "multiple_of": step if is_step else None}


def _bound(value: Any) -> Decimal | None:
    """Cog writes 3.0 for 3."""
    limit = bound(value)
    is_whole = limit is not None and abs(limit) < 10**15 and limit == limit.to_integral_value()
    return Decimal(int(limit)) if limit is not None and is_whole else limit


# Texts and files

_DATES: dict[Any, Kind] = {"date": "date", "month": "month", "week": "week", "time": "time", "date-time": "datetime"}


def _text_field(f: Field, about: Mapping[str, Any]) -> Field:
    format_ = about.get("format")
    kind = _DATES.get(format_ if isinstance(format_, str) else "")
    if kind:
        return replace(f, kind=kind)
    if file := as_file(f, about):
        return file
    return replace(
        f,
        min_length=_count(about.get("minLength")) or 0,
        max_length=_count(about.get("maxLength")),
        pattern=words_of(about.get("pattern"), LONGEST_HELP),
        format=words_of(format_, LONGEST_LABEL) if format_ != "password" else "",
    )


def _count(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and value >= 0 else None


# Lists


def _list(f: Field, about: Mapping[str, Any], reading: _Reading) -> Field:
    """A list of values, of lists of values, or rows; anything else is typed as JSON."""
    node = about.get("items")
    fixed = about.get("prefixItems") if isinstance(about.get("prefixItems"), list) else node
    if isinstance(fixed, list):
        return _tuple(f, fixed, reading)
    spend(reading.budget, 10)
    inner = merged(node, reading.document, reading.budget) if isinstance(node, dict) else {}
    if not inner or reading.lists > 2 or (reading.lists > 1 and _has_properties(inner)):
        return replace(f, kind="json")
    counted = replace(
        f,
        min_items=_count(about.get("minItems")) or 0,
        max_items=_count(about.get("maxItems")),
        unique=about.get("uniqueItems") is True,
    )
    if _has_properties(inner):
        columns = _leaves(inner, reading._replace(deepest=1))
        named = unique_names(columns)
        return replace(counted, kind="rows", fields=named) if named else replace(f, kind="json")
    item = _field(f.column, inner, reading, True)
    if item.fixed is not None or item.kind in ("json", "rows") or is_nested(item):
        return replace(f, kind="json")
    hint = replace(item, label="", help="", default=None, example=None)
    return replace(counted, items=hint, unit=item.unit, accept=item.accept if item.kind == "file" else "")


def is_nested(item: Field) -> bool:
    return item.kind == "list" and item.items is not None and item.items.kind == "list"


def _tuple(f: Field, nodes: list[Any], reading: _Reading) -> Field:
    """As many values of one kind as there are places."""
    spend(reading.budget, 10 * len(nodes[:MOST_CHOICES]))
    kinds = {_kind(merged(node, reading.document, reading.budget), []) for node in nodes[:MOST_CHOICES]}
    if kinds not in ({"integer"}, {"number"}, {"integer", "number"}) or len(nodes) > MOST_CHOICES:
        return replace(f, kind="json")
    item = Field(f.name, kind="integer" if kinds == {"integer"} else "number", column=f.column)
    return replace(f, items=item, min_items=len(nodes), max_items=len(nodes))
