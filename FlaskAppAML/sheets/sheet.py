"""Sheet and Row: how a file is to be read, and what is read from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

Kind = Literal["csv", "tsv", "xlsx", "jsonl"]

LONGEST_CELL = 1_000_000  # characters
LONGEST_ROW = 2_000_000
MOST_COLUMNS = 2_000
MOST_FIRST = 5  # rows that are shown


class Row(NamedTuple):
    """One row of a file. `number` counts the rows from 0, without the header and empty lines; `line` is where people
    find it, counted from 1: the line of the text, or the row of the worksheet.

    `cells` are as they stand in the file, by column: texts, or any JSON of JSON Lines, where a row has the names that
    it has. `values` are those for `Field.parse` with the `source` of the sheet: decimal commas are points there.
    `error` is a sentence for a row that cannot be read; its cells may be missing then.
    """

    number: int
    line: int
    cells: dict[str, Any]
    values: dict[str, Any]
    error: str = ""


@dataclass(frozen=True)
class Sheet:
    """How one file is to be read: JSON, so that it can be kept with a job.

    `columns` are unique and never empty; columns without a name, or with that of another, were given one. `count` is
    the number of rows. `decimal_commas` are the columns whose numbers are written 1,5. `warnings` are sentences about
    whatever was assumed.
    """

    kind: Kind
    columns: tuple[str, ...]
    count: int
    encoding: str = ""  # as Python names it; "" for XLSX
    delimiter: str = ""
    has_header: bool = True
    decimal_commas: tuple[str, ...] = ()
    worksheet: str = ""
    warnings: tuple[str, ...] = ()
    first: tuple[dict[str, Any], ...] = ()  # the cells of the first rows

    @property
    def source(self) -> Literal["text", "json"]:
        """What `Field.parse` is told about the values."""
        return "json" if self.kind == "jsonl" else "text"

    @property
    def said(self) -> str:
        """In a few words: `1,284 rows, 4 columns, UTF-8, comma`."""
        raise NotImplementedError

    def document(self) -> dict[str, Any]:
        """As JSON; `Sheet.revive` reads it."""
        return asdict(self)

    @staticmethod
    def revive(document: dict[str, Any]) -> Sheet:
        return Sheet(**{name: tuple(one) if isinstance(one, list) else one for name, one in document.items()})
