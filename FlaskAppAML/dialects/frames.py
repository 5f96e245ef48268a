"""Rows as the protocols of tabular models write them, in both directions: a sample becomes fields, rows become JSON.

Not a dialect: what MLflow, Azure ML and TensorFlow's protocol share. The words for the forms are those of pandas'
`to_dict(orient=...)` where it has one:

    split     {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}; "data" may hold bare values where there is one column
    records   [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    columns   {"a": [1, 3], "b": [2, 4]}
    matrix    [[1, 2], [3, 4]]
    values    [1, 3], where each may itself be a list: one value is one row
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..reading.samples import field_from_value, fields_of_values
from ..schema import Field, Row, plain, record
from ..schema.values import is_number, scalar
from ..wire import dumps

MOST_READ = 100  # rows of a sample that are looked at
MOST_COLUMNS = 1001  # one more than a schema may have, so that too many are noticed and not cut
LONGEST_EXAMPLE = 10_000  # characters of JSON


@dataclass(frozen=True)
class Frame:
    """Where rows stand in a body and how. `path` names the objects around them, the last one their own key; `columns`
    are the names in a split frame as they came, for pandas also counts columns: 0, 1, 2. `input` is that of its fields,
    where a body has several frames."""

    form: str
    path: tuple[str, ...] = ()
    columns: tuple[Any, ...] = ()
    input: str = ""


def read(sample: Any, path: tuple[str, ...], name: str) -> tuple[Frame, list[Field]] | None:
    """The frame that `sample` is and a field for each of its columns; None for what holds no rows.

    `name` is for values that have no name of their own.
    """
    if isinstance(sample, dict):
        form = "split" if _is_split(sample) else "columns" if is_columns(sample) else ""
    else:
        form = _form_of_list(sample) if isinstance(sample, list) and sample else ""
    if not form:
        return None
    names: Sequence[Any] = sample["columns"][:MOST_COLUMNS] if form == "split" else ()
    fields = _FIELDS[form](sample, name)
    if not fields:
        return None
    bare = form == "split" and not any(isinstance(row, list) for row in sample["data"])
    return Frame("split bare" if bare and sample["data"] else form, path, tuple(names)), fields


def write(frame: Frame, fields: Sequence[Field], rows: Iterable[Row]) -> Any:
    """`rows` in the form of `frame`. What was left out is null, and is left out of records."""
    if frame.form == "records":
        return [record(fields, row) for row in rows]
    cells = [[plain(f, row.get(f.name)) for f in fields] for row in rows]
    if frame.form == "matrix":
        return cells
    if frame.form == "columns":
        return {f.wire_name: [row[i] for row in cells] for i, f in enumerate(fields)}
    if frame.form == "values":
        return [row[0] for row in cells]
    data = [row[0] for row in cells] if frame.form == "split bare" else cells
    return {"columns": list(frame.columns) or [f.wire_name for f in fields], "data": data}


def put(body: dict[str, Any], frame: Frame, value: Any) -> None:
    """`value` at the frame's place in `body`."""
    node = body
    for key in frame.path[:-1]:
        node = node.setdefault(key, {})
    node[frame.path[-1]] = value


def as_parameters(sample: Any, *place: str) -> list[Field]:
    """Fields for the parameters of a call, whose values in the sample are examples: the model has its own."""
    if not isinstance(sample, dict):
        return []
    return [replace(f, parameter=True, required=False) for f in fields_of_values(sample, place=place)]


def _is_split(sample: Mapping[str, Any]) -> bool:
    columns, data = sample.get("columns"), sample.get("data")
    return isinstance(columns, list) and isinstance(data, list) and all(scalar(c) is not None for c in columns)


def is_columns(sample: Any) -> bool:
    """Whether `sample` is an object of equally long lists."""
    if not isinstance(sample, dict):
        return False
    lengths = {len(column) if isinstance(column, list) else -1 for column in sample.values()}
    return len(lengths) == 1 and lengths.pop() > 0


def _form_of_list(sample: list[Any]) -> str:
    rows = [row for row in sample[:MOST_READ] if row is not None]
    if rows and all(isinstance(row, dict) for row in rows):
        return "records"
    widths = {len(row) if isinstance(row, list) else -1 for row in rows}
    is_flat = all(not isinstance(cell, list | dict) for row in rows if isinstance(row, list) for cell in row)
    if len(widths) != 1 or not is_flat or not 0 < max(widths) < MOST_COLUMNS:
        return "values"
    return "values" if widths != {1} and all(is_number(cell) for row in rows for cell in row) else "matrix"


def _of_split(sample: Mapping[str, Any], name: str) -> list[Field]:
    rows = [row if isinstance(row, list) else [row] for row in sample["data"][:MOST_READ]]
    names = sample["columns"][:MOST_COLUMNS]
    return [
        column_field(str(column), [row[i] if i < len(row) else None for row in rows]) for i, column in enumerate(names)
    ]


def _of_columns(sample: Mapping[str, Any], name: str) -> list[Field]:
    return [column_field(column, sample[column][:MOST_READ]) for column in list(sample)[:MOST_COLUMNS]]


def _of_matrix(sample: list[Any], name: str) -> list[Field]:
    """Without names, columns are counted; a single one has the name of the whole."""
    rows = [row for row in sample[:MOST_READ] if isinstance(row, list)]
    width = len(rows[0])
    names = [name] if width == 1 else [f"{name} {i}" for i in range(1, width + 1)]
    return [column_field(column, [row[i] for row in rows]) for i, column in enumerate(names)]


def _of_values(sample: list[Any], name: str) -> list[Field]:
    return [column_field(name, sample[:MOST_READ])]


def _of_records(sample: list[Any], name: str) -> list[Field]:
    """A column that a record lacks, or that is null in one, may be left out."""
    rows = [row for row in sample[:MOST_READ] if isinstance(row, dict)]
    columns = list(dict.fromkeys(column for row in rows for column in list(row)[:MOST_COLUMNS]))[:MOST_COLUMNS]
    found: list[Field] = []
    for column in columns:
        cells = [row.get(column) for row in rows]
        given = next((cell for cell in cells if cell is not None), None)
        if isinstance(given, dict) and given:
            found += fields_of_values({column: given})
        else:
            found.append(column_field(column, cells))
    return found


_FIELDS: Mapping[str, Any] = {
    "split": _of_split,
    "records": _of_records,
    "columns": _of_columns,
    "matrix": _of_matrix,
    "values": _of_values,
}


def column_field(name: str, cells: Sequence[Any]) -> Field:
    """A field for the cells of one column; a name it must have."""
    name = name or "value"
    given = [cell for cell in cells if cell is not None]
    is_optional = len(given) < len(cells)
    if given and all(isinstance(cell, list) for cell in given):
        found = vector(name, given)
    elif given and isinstance(given[0], list | dict):
        found = Field(name, "json", name, example=_example(given[0]))
    else:
        found = field_from_value(name, given[0] if given else None)
    return replace(found, required=False, nullable=True) if is_optional else found


def vector(name: str, samples: Sequence[list[Any]]) -> Field:
    """A list of as many values as each of the samples holds; JSON where they hold lists themselves."""
    first = samples[0]
    if any(isinstance(item, list | dict) for sample in samples for item in sample[:MOST_READ]):
        return Field(name, "json", name, example=_example(first))
    lengths = {len(sample) for sample in samples}
    items = field_from_value("item", first[0] if first else None)
    fixed = len(first) if len(lengths) == 1 and first else None
    return Field(name, "list", name, items=items, min_items=fixed or 0, max_items=fixed, example=_example(first))


def _example(value: Any) -> Any:
    """`value`, unless it is too long to be shown."""
    return value if len(dumps(value)) <= LONGEST_EXAMPLE else None
