"""What services say about themselves, read: JSON Schema (in OpenAPI and Swagger documents) and sample bodies -> Fields.

Nothing is fetched here; a `$ref` is followed inside its own document only. Sources: OpenAPI 3.0.4 and 3.1.1 (Schema
Object), Swagger 2.0, JSON Schema 2020-12; `x-order` and `x-cog-secret` are Cog's, `x-nullable` Azure's, `propertyOrder`
and `data-url` those of JSON form editors.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import unquote

from .errors import BadResponse
from .schema import Field, InvalidValue, Kind, Send, bound, scalar
from .wire import read_json

DEEPEST = 5  # objects in objects that become fields; deeper ones are typed as JSON
MOST_PARTS = 50  # of one `allOf`, with those inside
MOST_LEAVES = 300  # fields made of objects in objects; with more, these stay JSON
MOST_FIELDS = 1_001  # one more than anybody takes
MOST_STEPS = 100_000  # of reading one description: a millisecond for each hundred
MOST_CHOICES = 5_000
MOST_SAMPLED = 100  # rows of a sample that are looked at for their columns
MOST_TEXT = 2 * 1024**2  # characters of a description
DEEPEST_TEXT = 100
LONGEST_LABEL = 200
LONGEST_HELP = 2_000

Place = Mapping[str, Any]  # `input`, `parameter`, `place`, ... of every field that is made
Budget = Iterator[int]


class _Reading(NamedTuple):
    """What goes along while one description is read: `deepest` counts objects in objects, `lists` lists in lists."""

    document: Mapping[str, Any]
    budget: Budget
    place: Place
    deepest: int = DEEPEST
    lists: int = 0


def _spend(budget: Budget, steps: int) -> None:
    """A description of a few kilobytes can stand for millions of fields. Raises BadResponse for one that does."""
    if sum(1 for _ in islice(budget, steps)) < steps:
        raise BadResponse("Its description is too large to be read.")


# Schemas


def resolve(node: Any, document: Mapping[str, Any], depth: int = 8) -> dict[str, Any]:
    """`node` with its `$ref` followed inside the document only; {} where it leads nowhere."""
    while isinstance(node, dict) and "$ref" in node and depth > 0:
        node, depth = _target(str(node["$ref"]), document), depth - 1
    return node if isinstance(node, dict) and "$ref" not in node else {}


def _target(reference: str, document: Mapping[str, Any]) -> Any:
    if not reference.startswith("#"):
        return None
    return at_pointer(document, unquote(reference[1:]))


def at_pointer(document: Any, pointer: str) -> Any:
    """The value at a JSON Pointer (RFC 6901); None where there is none."""
    node = document
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping):
            node = node.get(key)
        elif isinstance(node, list) and re.fullmatch("0|[1-9][0-9]{0,8}", key):
            node = node[int(key)] if int(key) < len(node) else None
        else:
            return None
    return node if not pointer or pointer.startswith("/") else None


def merged(node: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """All that is said of one value, in one object: `$ref` and `allOf` written out in it, `nullable` in all spellings.

    What stands beside a `$ref` or an `allOf` goes before what they say, of limits the narrower counts. Alternatives
    that are left when null is taken out stand in `oneOf`; a single one is written out too.
    """
    found: dict[str, Any] = {}
    todo, followed = [node], set()
    for _ in range(MOST_PARTS):
        part = todo.pop() if todo else None
        if not isinstance(part, dict):
            if not todo:
                break
            continue
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
        elif key in _NARROWER and _is_number(before) and _is_number(value):
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


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# Fields


def fields_of_object(node: Any, document: Mapping[str, Any], **place: Any) -> list[Field]:
    """The properties of an object schema in their order, objects inside it as fields of their own: `address.street`.

    Optional, left out: what is `readOnly`. [] where no properties are named. `place` goes into every field. Raises
    BadResponse for what stands for too many.
    """
    about = merged(node, document)
    reading = _Reading(document, iter(range(MOST_STEPS)), place)
    found = list(islice(_leaves(about, reading), MOST_LEAVES + 1))
    if len(found) > MOST_LEAVES:
        flat = reading._replace(budget=iter(range(MOST_STEPS)), deepest=0)
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
    return _sound(replace(f, example=sample)) if sample is not None else f


def _leaves(
    about: Mapping[str, Any], reading: _Reading, path: tuple[str, ...] = (), is_required: bool = True
) -> Iterator[Field]:
    """The fields of a merged object. In one that may be left out nothing is required, and no default makes it be sent
    without what it would need."""
    properties = about.get("properties")
    named = properties if isinstance(properties, dict) else {}
    _spend(reading.budget, len(named))
    listed = about.get("required")
    required = {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()
    ordered = sorted(named.items(), key=lambda pair: _order(pair[1]))
    may_fill_itself = is_required or not required
    for name, node in ordered:
        inner = merged(node, reading.document)
        _spend(reading.budget, 10)
        if inner.get("readOnly") is True or not name:
            continue
        must = is_required and name in required
        if len(path) < reading.deepest and _has_properties(inner):
            yield from _leaves(inner, reading, (*path, name), must)
            continue
        f = _field(name, inner, reading, must)
        if not may_fill_itself and not f.required and f.default is not None:
            f = replace(f, default=None, example=f.default if f.example is None else f.example)
        yield _placed(f, path, about)


def _has_properties(about: Mapping[str, Any]) -> bool:
    return _type(about) == "object" and bool(about.get("properties")) and not about.get("oneOf")


def _order(node: Any) -> float:
    if not isinstance(node, dict):
        return float("inf")
    number = next((node[key] for key in ("x-order", "propertyOrder") if _is_number(node.get(key))), None)
    return float("inf") if number is None else min(max(number, -1e300), 1e300)


def _placed(f: Field, path: tuple[str, ...], outer: Mapping[str, Any]) -> Field:
    if not path:
        return f
    group = f.group or _text(outer.get("title"), LONGEST_LABEL) or ".".join(path)
    return replace(f, name=".".join([*path, f.name]), place=(*f.place, *path), group=group)


def field_from_property(
    column: str, node: Mapping[str, Any], *, required: bool, document: Mapping[str, Any] | None = None, **place: Any
) -> Field:
    """A Field from one JSON Schema property; unknown types are text, objects are JSON.

    `document` is where its `$ref` leads, `place` goes into the field. Without a document dates stay text: Azure's
    classic studio takes them in any writing. Raises BadResponse for what stands for too much.
    """
    whole = document or {}
    f = _field(column, merged(node, whole), _Reading(whole, iter(range(MOST_STEPS)), place), required)
    is_date = document is None and f.kind in _DATES.values()
    return replace(f, kind="text", format=_text(node.get("format"), LONGEST_LABEL)) if is_date else f


def _field(column: str, about: Mapping[str, Any], reading: _Reading, required: bool) -> Field:
    about = _one_alternative(about, reading.document)
    choices, labels = _choices(about, reading.budget)
    f = Field(
        name=column,
        column=column,
        kind=_kind(about, choices),
        label=_text(about.get("title"), LONGEST_LABEL),
        help=_text(about.get("description"), LONGEST_HELP),
        required=required,
        nullable=about.get("nullable") is True,
        default=about.get("default"),
        example=example_of(about),
        deprecated=about.get("deprecated") is True,
        secret=_is_secret(about),
        **reading.place,
    )
    if f.kind == "list":
        f = _list(f, about, reading._replace(place={}, lists=reading.lists + 1))
    elif f.kind in ("integer", "number"):
        f = _with_unit(replace(f, **_bounds(about)))
    elif f.kind == "text":
        f = _text_field(f, about) if not choices else f
    if choices:
        f = _chosen(f, choices, labels)
    return _sound(f)


def _text(value: Any, longest: int) -> str:
    return value.strip()[:longest] if isinstance(value, str) else ""


def _is_secret(about: Mapping[str, Any]) -> bool:
    return about.get("format") == "password" or about.get("writeOnly") is True or about.get("x-cog-secret") is True


def _sound(f: Field) -> Field:
    """Without a default or an example that the field itself would refuse; they are only hints."""
    return replace(f, default=_if_fits(f, f.default), example=_if_fits(f, f.example))


def _if_fits(f: Field, value: Any) -> Any:
    if value is None or f.kind == "file":
        return None
    try:
        replace(f, required=False).parse(value, "json")
    except InvalidValue:
        return None
    return value


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
        return _kind_of(choices)
    if type_ == "" and "type" not in about:
        hint = scalar(about.get("default", example_of(about)))
        return _kind_of([hint]) if hint is not None else "json"
    return _KINDS.get(type_, "text")


def _kind_of(values: Iterable[Any]) -> Kind:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "integer"
    return "number" if kinds <= {int, float} else "text"


def _one_alternative(about: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Alternatives that one kind of field can ask for are no choice: integers among numbers, words among texts, and
    Decimal as Pydantic writes it (a number, or a text)."""
    listed = about.get("oneOf")
    if not isinstance(listed, list) or len(listed) > 10:
        return about
    alternatives = [merged(one, document) for one in listed]
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
        labels = [_text(one.get("title"), LONGEST_LABEL) or str(one["const"])[:LONGEST_LABEL] for one in constants]
    values = [value for value in listed if value is not None]
    if len(values) > MOST_CHOICES or any(scalar(value) is None for value in values):
        return [], []
    _spend(budget, len(values))
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


_UNITS = re.split(
    " ",
    "mm cm m km in ft mi µm nm mm² cm² m² km² m2 ft² sqft m³ m3 l L ml mL dl cl kg g mg µg t lb lbs oz °C °F K % ‰ s "
    "ms µs min h d sec seconds minutes hours days weeks months years EUR USD GBP CHF JPY € $ £ ¥ km/h m/s mph kn W kW "
    "MW kWh MWh Wh V mV kV A mA Ah Ω Hz kHz MHz GHz dB dBm Pa hPa kPa bar mbar mmHg psi N kN Nm J kJ kcal cal bpm px "
    "mg/dl mg/dL g/dl g/dL mmol/l mmol/L pixel pixels degrees ° rad lx lm rpm ppm ppb mol",
)
_UNIT_WORDS = {
    **{unit: unit for unit in _UNITS},
    **{f"{prefix}{metre}{s}": unit for prefix, unit in (("centi", "cm"), ("milli", "mm"), ("kilo", "km"), ("", "m"))
       for metre in ("metre", "meter") for s in ("", "s")},
    **{"kilograms": "kg", "grams": "g", "milligrams": "mg", "percent": "%", "euros": "EUR", "dollars": "USD"},
    **{"litres": "l", "liters": "l", "degrees Celsius": "°C", "degrees Fahrenheit": "°F", "inches": "in"},
}  # fmt: skip
_ANY_UNIT = "|".join(sorted(map(re.escape, _UNIT_WORDS), key=len, reverse=True))
_UNIT_BEHIND = re.compile(rf"\s*[(\[]({_ANY_UNIT})[)\]]\s*$")
_UNIT_SAID = re.compile(rf"^(?:in )?({_ANY_UNIT})\.?$|\b(?:in) ({_ANY_UNIT})(?=$|[.,;)])|[(\[]({_ANY_UNIT})[)\]]")


def _with_unit(f: Field) -> Field:
    """The unit in brackets at the end of the name, or said in the description: "Sepal length in cm"."""
    behind = _UNIT_BEHIND.search(f.shown_label)
    if behind:
        return replace(f, unit=_UNIT_WORDS[behind[1]], label=f.shown_label[: behind.start()] or f.shown_label)
    said = _UNIT_SAID.search(f.help)
    if not said:
        return f
    unit = _UNIT_WORDS[next(group for group in said.groups() if group)]
    return replace(f, unit=unit, help="" if said[0] == f.help else f.help)


# Texts and files

_DATES: dict[Any, Kind] = {"date": "date", "time": "time", "date-time": "datetime"}
_BINARY = frozenset({"binary", "byte", "base64", "data-url"})
_FILE_WORDS = {
    "image": ("image", "img", "photo", "picture", "face", "jpeg", "jpg", "png", "mask"),
    "audio": ("audio", "sound", "speech", "wav", "mp3"),
    "video": ("video",),
}
_FILE_NAME = re.compile(
    r"(?:^|.*[_\-. ])(image|img|photo|picture|audio|video|file)(?:[_\-. ]?(?:base64|b64|data|bytes|str|string))?", re.I
)
_SAYS_BASE64 = re.compile(r"base[-_ ]?64|\bb64\b", re.I)
_SAYS_DATA_URL = re.compile(r"data[-_ ]?ur[li]", re.I)
_SAYS_ADDRESS = re.compile(r"\burls?\b|\buri\b|\bpath\b|\blink\b|https?:|\bname\b|prompt|describ|caption", re.I)


def _text_field(f: Field, about: Mapping[str, Any]) -> Field:
    format_ = about.get("format")
    kind = _DATES.get(format_ if isinstance(format_, str) else "")
    if kind:
        return replace(f, kind=kind)
    if file := _as_file(f, about):
        return file
    return replace(
        f,
        min_length=_count(about.get("minLength")) or 0,
        max_length=_count(about.get("maxLength")),
        pattern=_text(about.get("pattern"), LONGEST_HELP),
        format=_text(format_, LONGEST_LABEL) if format_ != "password" else "",
    )


def _as_file(f: Field, about: Mapping[str, Any]) -> Field | None:
    """A file where the text is one: by its format or encoding, by the word base64 in its description, or by its name
    where nothing speaks against it."""
    media = _text(about.get("contentMediaType"), LONGEST_LABEL).lower()
    is_text = media.startswith("text/") or media.endswith("json")
    is_declared = about.get("format") in _BINARY if isinstance(about.get("format"), str) else False
    if not is_declared and about.get("contentEncoding") in ("base64", "base64url", "binary"):
        is_declared = True
    said = f"{f.label} {f.help}"
    if is_declared or (media and not is_text):
        return replace(f, kind="file", send=_send(about, said), accept=_accept(f, media))
    if about.get("format") or about.get("pattern") or media or about.get("default") or f.secret:
        return None
    says_base64 = _SAYS_BASE64.search(f"{f.column} {said}") or _SAYS_DATA_URL.search(said)
    if not says_base64 and (not _FILE_NAME.fullmatch(f.column) or _SAYS_ADDRESS.search(f.help)):
        return None
    if _is_short(about.get("maxLength")) or (f.example is not None and not _is_binary_text(f.example)):
        return None
    send = _send(about, said)
    note = "" if says_base64 else f"The file is sent as {'a data URL' if send == 'data_url' else 'base64'}."
    return replace(f, kind="file", send=send, accept=_accept(f, ""), help=" ".join(filter(None, [f.help, note])))


def _is_short(longest: Any) -> bool:
    return _is_number(longest) and longest < 1000


def _send(about: Mapping[str, Any], said: str) -> Send:
    return "data_url" if about.get("format") == "data-url" or _SAYS_DATA_URL.search(said) else "base64"


def _accept(f: Field, media: str) -> str:
    """The type that is declared, else what the name speaks of."""
    if media and media != "application/octet-stream":
        return media if re.fullmatch(r"[a-z]+/[a-z0-9.+*-]+", media) else ""
    words = set(re.split(r"[^a-z0-9]+", f.column.lower()))
    return next((f"{kind}/*" for kind, names in _FILE_WORDS.items() if words & set(names)), "")


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
    _spend(reading.budget, 10)
    inner = merged(node, reading.document) if isinstance(node, dict) else {}
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
    if item.fixed is not None or item.kind in ("json", "rows") or _is_nested(item):
        return replace(f, kind="json")
    hint = replace(item, label="", help="", default=None, example=None)
    return replace(counted, items=hint, unit=item.unit, accept=item.accept if item.kind == "file" else "")


def _is_nested(item: Field) -> bool:
    return item.kind == "list" and item.items is not None and item.items.kind == "list"


def _tuple(f: Field, nodes: list[Any], reading: _Reading) -> Field:
    """As many values of one kind as there are places."""
    _spend(reading.budget, 10 * len(nodes[:MOST_CHOICES]))
    kinds = {_kind(merged(node, reading.document), []) for node in nodes[:MOST_CHOICES]}
    if kinds not in ({"integer"}, {"number"}, {"integer", "number"}) or len(nodes) > MOST_CHOICES:
        return replace(f, kind="json")
    item = Field(f.name, kind="integer" if kinds == {"integer"} else "number", column=f.column)
    return replace(f, items=item, min_items=len(nodes), max_items=len(nodes))


# Sample bodies


def fields_of_values(sample: Mapping[str, Any], **place: Any) -> list[Field]:
    """The members of a sample object, objects inside it as fields of their own: `address.street`."""
    nested = list(islice(_sampled(sample, (), DEEPEST, place), MOST_LEAVES + 1))
    return nested if len(nested) <= MOST_LEAVES else list(_sampled(sample, (), 0, place))


def _sampled(sample: Mapping[str, Any], path: tuple[str, ...], deepest: int, place: Place) -> Iterator[Field]:
    for name, value in sample.items():
        if isinstance(value, dict) and value and len(path) < deepest:
            yield from _sampled(value, (*path, str(name)), deepest, place)
        elif name:
            yield _placed(field_from_value(str(name), value, **place), path, {})


def field_from_value(column: str, value: Any, **place: Any) -> Field:
    """A Field from one value of a sample body. 1 may stand where 1.5 is meant, so both are numbers."""
    f = Field(name=column, column=column, **place)
    if isinstance(value, dict):
        return replace(f, kind="json", example=value or None)
    if isinstance(value, list):
        return _list_from_value(f, value)
    if isinstance(value, str) and _is_binary_text(value):
        send: Send = "data_url" if value[:5].lower() == "data:" else "base64"
        return replace(f, kind="file", send=send, accept=_media_of(value) or _accept(f, ""))
    found = _kind_of([value])
    f = replace(f, kind="number" if found == "integer" else found, example=None if value == "" else scalar(value))
    return _with_unit(f) if f.kind == "number" else f


def _list_from_value(f: Field, values: list[Any]) -> Field:
    looked_at = values[:MOST_SAMPLED]
    shown = values if len(values) <= MOST_SAMPLED else None
    if values and all(isinstance(value, dict) and value for value in looked_at):
        columns = {str(key): value for row in reversed(looked_at) for key, value in row.items() if key}
        ordered = {str(key): columns[str(key)] for row in looked_at for key in row if key}
        fields = fields_of_values(ordered)
        named = unique_names(replace(c, kind="json", fields=()) if c.kind == "rows" else c for c in fields)
        return _sound(replace(f, kind="rows", fields=named, example=shown))
    items = [field_from_value(f.column, value) for value in looked_at]
    kinds = {item.kind for item in items}
    is_flat = len(kinds) == 1 and not kinds & {"json", "rows"} and not any(_is_nested(item) for item in items)
    if not is_flat:
        return replace(f, kind="json", example=shown)
    return _sound(replace(f, kind="list", items=replace(items[0], example=None), example=shown))


_PICTURES = {"iVBORw0KGgo": "image/*", "/9j/": "image/*", "R0lGOD": "image/*", "UklGR": "", "T2dnUw": "audio/*"}


def _is_binary_text(value: Any) -> bool:
    """Whether a text of a sample is a file: a data URL, the base64 of a picture, or too long a base64 for a word."""
    if not isinstance(value, str):
        return False
    if re.match(r"data:[\w.+/-]*(;[\w=.+-]+)*;base64,", value[:200]):
        return True
    is_base64 = re.fullmatch(r"[A-Za-z0-9+/\s]{8,}={0,2}", value[:2000].strip()) is not None
    return is_base64 and (any(value.startswith(start) for start in _PICTURES) or _is_long_code(value))


def _is_long_code(value: str) -> bool:
    return len(value) >= 200 and " " not in value[:200] and any(letter.isdigit() for letter in value[:200])


def _media_of(value: str) -> str:
    declared = re.match(r"data:(image|audio|video)/", value)
    if declared:
        return f"{declared[1]}/*"
    return next((accept for start, accept in _PICTURES.items() if value.startswith(start)), "")


# Names


def unique_names(found: Iterable[Field]) -> tuple[Field, ...]:
    """Columns of several inputs may share a name; such a field is called after its input too: `input1.Title`.

    A name that stands twice in one input is counted: `input1.Title`, `input1.Title (2)`.
    """
    listed = list(found)
    often = Counter(f.name for f in listed)
    used: Counter[str] = Counter()
    taken = {f.name for f in listed if often[f.name] == 1}
    unique = []
    for f in listed:
        if often[f.name] == 1:
            unique.append(f)
            continue
        first = _with_input(f)
        used[first] += 1
        name = first if used[first] == 1 else f"{first} ({used[first]})"
        while name in taken:
            used[first] += 1
            name = f"{first} ({used[first]})"
        taken.add(name)
        label = f.label or (f"{f.name} ({f.input or 'all'})" if first != f.name else "")
        unique.append(replace(f, label=label, name=name))
    return tuple(unique)


def _with_input(f: Field) -> str:
    outer = f.input or ("GlobalParameters" if f.parameter else "")
    return f"{outer}.{f.name}" if outer else f.name


# Text


def read_text(text: str) -> Any:
    """A description as people write it: JSON, else YAML (1.2, of the kinds that JSON has), an object or a list.

    Up to 2 MB. Dates, and words such as `no`, stay text; every key is text. Raises BadResponse.
    """
    if len(text) > MOST_TEXT:
        raise BadResponse("It is larger than 2 MB.")
    try:
        return read_json(text.removeprefix("\ufeff").encode("utf-8", "replace"))
    except BadResponse as error:
        if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[", "<", ""):
            raise BadResponse(error.detail.replace("The answer", "It")) from None
    return _read_yaml(text.removeprefix("\ufeff"))


def _read_yaml(text: str) -> Any:
    """Built from PyYAML's events: nothing that a document can say makes anything but plain values, and an alias, which
    lets a few lines stand for gigabytes, is refused."""
    import yaml  # only who writes YAML needs it

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    root: list[Any] = []
    stack: list[tuple[Any, list[str]]] = [(root, [])]
    try:
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None) is not None:
                raise BadResponse("It holds YAML aliases or tags, which this app does not read.")
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                stack.pop()
            elif isinstance(event, yaml.ScalarEvent):
                _put(stack[-1], event.value if event.style else _plain_scalar(event.value), event.value)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                made: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                _put(stack[-1], made, None)
                stack.append((made, []))
                if len(stack) > DEEPEST_TEXT:
                    raise BadResponse("It is nested too deeply.")
    except (yaml.YAMLError, ValueError):
        raise BadResponse("It is neither JSON nor YAML.") from None
    if len(root) != 1 or not isinstance(root[0], dict | list):
        raise BadResponse("It is neither JSON nor YAML with an object in it.")
    return root[0]


def _put(holder: tuple[Any, list[str]], value: Any, word: str | None) -> None:
    """Into the list, or into the mapping under the key that came before: keys and values take turns."""
    made, key = holder
    if isinstance(made, list):
        made.append(value)
    elif key:
        made[key.pop()] = value
    elif word is None:
        raise ValueError("a key that is no text")
    else:
        key.append(word)


_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,399})(?:(\.[0-9]{0,400})?([eE][+-]?[0-9]{1,4})?)", re.ASCII)


def _plain_scalar(word: str) -> Any:
    """A scalar without quotes, by YAML 1.2's core schema without what JSON does not have."""
    if word in ("", "~", "null", "Null", "NULL"):
        return None
    if word in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return word.lower() == "true"
    found = _NUMBER.fullmatch(word)
    if not found:
        return word
    number = float(word) if found[1] or found[2] else int(word)
    return word if number in (float("inf"), float("-inf")) else number
