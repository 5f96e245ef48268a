"""What an endpoint may say that it should not: any JSON, and good JSON with one part spoilt."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from FlaskAppAML.errors import AppError, BadResponse
from FlaskAppAML.results import Result
from FlaskAppAML.schema import Field, Schema
from FlaskAppAML.schema.values import InvalidValue
from FlaskAppAML.wire import Reply

SPOILT: tuple[Any, ...] = (
    None, 5, -1, 10**30, 1.5, math.nan, True, "", "x", "-1", "\ud800", "x" * 300, [], [[]], [None, 1], {}, {"": 1},
    {"$ref": "#/definitions"}, {"b64": 5},
)  # fmt: skip
GIVEN: tuple[Any, ...] = (None, "x", 5, 1.5, True, [1, 2], ["x"], [[1], [2, 3]], {"a": 1}, "aGVsbG8gd29ybGQ=")


def anything(seed: int, words: tuple[str, ...], depth: int = 5) -> Any:
    """Some JSON, made of the words that a protocol knows."""
    chance = random.Random(seed)

    def some(left: int) -> Any:
        kind = chance.random() if left else 0.9
        if kind < 0.45:
            return {chance.choice(words): some(left - 1) for _ in range(chance.randrange(5))}
        if kind < 0.75:
            return [some(left - 1) for _ in range(chance.randrange(4))]
        return chance.choice([*SPOILT[:12], *words])

    return some(depth)


def damaged(node: Any) -> Iterator[Any]:
    """`node` with each of its parts in turn replaced by each spoilt value."""
    yield from (copy.deepcopy(value) for value in SPOILT)
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in list(pairs):
        for spoilt in damaged(child):
            copied = copy.copy(node)
            copied[key] = spoilt
            yield copied


def survives_description(dialect: ModuleType, url: str, document: Any) -> bool:
    """Reads, fills in and sends whatever fields were found; True where there were some. Raises what must not be."""
    try:
        schema = dialect.read_schema(url, document, {})
    except BadResponse:
        return False
    assert schema is None or (isinstance(schema, Schema) and schema.fields), document
    if schema is None:
        return False
    for start in range(len(GIVEN)):
        row = {f.name: _some_value(f, start) for f in schema.fields}
        for rows in ([row], [row, row], []):
            try:
                request = dialect.encode(schema, url, rows)
            except AppError:
                continue
            if request.headers["Content-Type"] == "application/json":
                json.loads(request.body)
    return True


def _some_value(f: Field, start: int) -> Any:
    """A value that the field takes; None where none of ours is one."""
    for value in GIVEN[start:] + GIVEN[:start]:
        try:
            return f.parse(value, "json")
        except InvalidValue:
            continue
    return None


def survives_answer(dialect: ModuleType, schema: Schema, body: Any, n_rows: int) -> None:
    result = dialect.decode(schema, Reply(200, {}, json.dumps(body).encode()), n_rows)
    assert isinstance(result, Result)
    assert result.parts
    json.dumps([part.document() for part in result.parts])
