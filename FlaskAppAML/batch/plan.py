"""What is asked of a file: which column fills which field, and which fields a column can fill."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import sheets
from ..endpoint import Endpoint
from ..errors import WrongInput
from ..schema import Field, Row, Schema, parse_row
from ..sheets import Sheet
from .cells import read_cell


@dataclass(frozen=True)
class Plan:
    """How a file is read, and the column that fills each field, by the field's name."""

    sheet: Sheet
    columns: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        """As JSON; `Plan.revive` reads it."""
        return {"sheet": self.sheet.document(), "columns": dict(self.columns)}

    @staticmethod
    def revive(document: Mapping[str, Any]) -> Plan:
        return Plan(Sheet.revive(document["sheet"]), document["columns"])


def check(plan: Plan, schema: Schema) -> None:
    """Raises WrongInput where the model asks for other fields by now, or a column is not there."""
    names, columns = {f.name for f in fields_of(schema)}, set(plan.sheet.columns)
    wrong = {name: "There is no such field." for name in plan.columns if name not in names}
    wrong |= {name: "There is no such column." for name, column in plan.columns.items() if column not in columns}
    if wrong:
        raise WrongInput(fields=wrong)


def fields_of(schema: Schema) -> list[Field]:
    """Those that a cell can fill. Files cannot, and what is secret must not stand in a file that is kept."""
    return [f for f in schema.visible() if not _is_left_out(f)]


def known_names(fields: Iterable[Field]) -> list[str]:
    """What columns may be called."""
    return [name for f in fields for name in (f.name, f.wire_name, f.shown_label)]


def needed(schema: Schema) -> list[Field]:
    """The fields that must have a column."""
    return [f for f in fields_of(schema) if f.default is None and not f.may_be_left_out]


def takes_rows(schema: Schema) -> bool:
    """Whether a file of rows can be scored at all."""
    must = [f for f in schema.visible() if _is_left_out(f) and not f.may_be_left_out and f.default is None]
    return bool(fields_of(schema)) and not must


def _is_left_out(f: Field) -> bool:
    return f.is_upload or f.secret or (f.items is not None and f.items.is_upload)


def rows_at_once(endpoint: Endpoint, schema: Schema) -> int:
    """How many rows go out in one body."""
    return max(1, min(endpoint.settings.max_rows, endpoint.max_rows(schema)))


def calls_at_once(endpoint: Endpoint) -> int:
    """Half of what may be under way: the rest is for people at their forms."""
    return max(1, endpoint.settings.max_calls // 2)


def calls_for(endpoint: Endpoint, schema: Schema, count: int) -> int:
    """How many calls a file of so many rows takes when all goes well."""
    return -(-count // rows_at_once(endpoint, schema))


def read(schema: Schema, plan: Plan, given: sheets.Row) -> tuple[Row, str]:
    """The row by the rules of the form, its cells as programs write them; and what is wrong with it, in a sentence for
    each field."""
    if given.error:
        return {}, given.error
    values = {name: given.values.get(column) for name, column in plan.columns.items()}
    row, wrong = parse_row(schema.fields, values, plan.sheet.source, read_cell)
    return row, " ".join(f"{schema[name].shown_label}: {said}" for name, said in wrong.items())
