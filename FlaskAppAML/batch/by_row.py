"""One answer for several rows -> what it says of each, by columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import BadResponse
from ..results import Column, Number, Part, Result, Scores, Table, Text, as_number
from ..schema import Row, Schema

MOST_SCORES = 20  # labels that have a column each


def by_row(result: Result, count: int) -> list[dict[str, Any] | str]:
    """What an answer says of each of so many rows, by columns, in the owner's words. Raises BadResponse where it does
    not tell the rows apart."""
    rows: list[dict[str, Any]] = [{} for _ in range(count)]
    for part in result.parts:
        if part.of_table:
            continue  # a view; the table itself comes next
        if isinstance(part, Table) and part.row is None and len(part.rows) == count:
            _add_table(rows, part)
        elif count == 1 or (part.row is not None and part.row < count):
            _add(rows[part.row or 0 if count > 1 else 0], part)
    if not any(rows):
        asked = "one row" if count == 1 else f"{count:,} rows"
        raise BadResponse(f"It was asked about {asked}, and its answer cannot be told apart by rows.")
    return [row or "The endpoint gave no answer for this row." for row in rows]


def echoes(schema: Schema, row: Row, answer: dict[str, Any]) -> list[str]:
    """Some services repeat what they were asked: those columns stand in the file already. A row alone cannot tell an
    echo from an answer that happens to be the same, so `with_names` looks at all of them."""
    found = {
        head
        for f in schema.fields
        for head in (f.name, f.wire_name)
        if head in answer and _is_same(row.get(f.name), answer[head])
    }
    return sorted(found) if len(found) < len(answer) else []


def _is_same(given: Any, echo: Any) -> bool:
    number = as_number(given)
    return str(given or "") == str(echo or "") or (number is not None and number == as_number(echo))


def _add_table(rows: list[dict[str, Any]], table: Table) -> None:
    heads: list[str] = []
    for column in table.columns:
        heads.append(free_name(_head(column), {*rows[0], *heads}))
    for row, cells in zip(rows, table.rows, strict=True):
        row.update((head, column.named(cell)) for head, column, cell in zip(heads, table.columns, cells, strict=False))


def _add(row: dict[str, Any], part: Part) -> None:
    """One part that is all of one row's."""
    name = str(vars(part).get("name") or "answer")
    if isinstance(part, Table) and len(part.rows) == 1:
        _add_table([row], part)
    elif isinstance(part, Number):
        row[free_name(_head(Column(name, label=part.label, unit=part.unit)), row)] = part.value
    elif isinstance(part, Text):
        row[free_name(name, row)] = part.text
    elif isinstance(part, Scores) and part.scores:
        row[free_name(part.label, row)] = part.scores[0].label
        row[free_name(part.measure, row)] = part.scores[0].score
        for one in sorted(part.scores, key=lambda one: one.label)[:MOST_SCORES]:
            row[free_name(one.label, row)] = one.score
    else:
        document = {key: value for key, value in part.document().items() if key not in ("kind", "name", "row")}
        row[free_name(name, row)] = next(iter(document.values())) if len(document) == 1 else document


def _head(column: Column) -> str:
    named = column.label or column.name
    return f"{named} ({column.unit})" if column.unit else named


def free_name(name: str, taken: Iterable[str]) -> str:
    taken = set(taken)
    names = (f"{name} ({number})" if number > 1 else name for number in range(1, len(taken) + 2))
    return next(one for one in names if one not in taken)
