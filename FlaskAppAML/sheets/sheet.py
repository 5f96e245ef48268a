"""Sheet and Row: how a file is to be read, and what is read from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

# A comma may be a decimal one, so it comes last.
DELIMITERS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}
ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "cp1252": "Windows-1252", "latin-1": "Latin-1"}

Kind = Literal["csv", "tsv", "xlsx", "jsonl"]
# How R, pandas and spreadsheets write that a value is missing, in small letters.
MISSING = frozenset({"na", "n/a", "#n/a", "nan", "<na>", "nat", "null", "none"})

LONGEST_CELL = 1_000_000  # characters
LONGEST_ROW = 2_000_000
MOST_COLUMNS = 2_000
MOST_FIRST = 5  # rows that are shown


class Line(NamedTuple):
    """The cells of one line as they stand. A row that goes over several lines has the number of the first. `error` is a
    sentence where one of its cells cannot be read."""

    number: int
    cells: list[str]
    error: str = ""


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

    @property
    def source(self) -> Literal["text", "json"]:
        """What `Field.parse` is told about the values."""
        return "json" if self.kind == "jsonl" else "text"

    @property
    def said(self) -> str:
        """In a few words: `1,284 rows, 4 columns, UTF-8, comma`."""
        counted = [f"{self.count:,} row{'s' * (self.count != 1)}", f"{len(self.columns):,} columns"]
        if len(self.columns) == 1:
            counted[1] = "1 column"
        how = {"xlsx": f"Excel, sheet “{self.worksheet}”", "jsonl": "JSON Lines"}.get(self.kind, "")
        text = [name_of(self.encoding)] if self.encoding else []
        delimiter = [DELIMITERS[self.delimiter]] if self.delimiter else []
        commas = ["decimal commas"] if self.decimal_commas else []
        header = [] if self.has_header else ["no header"]
        return ", ".join([*counted, *filter(None, [how]), *text, *delimiter, *commas, *header])

    def document(self) -> dict[str, Any]:
        """As JSON; `Sheet.revive` reads it."""
        return asdict(self)

    @staticmethod
    def revive(document: dict[str, Any]) -> Sheet:
        given: Any = {name: tuple(one) if isinstance(one, list) else one for name, one in document.items()}
        return Sheet(**given)


def name_of(encoding: str) -> str:
    """For people."""
    return ENCODINGS.get(encoding, "UTF-16")
