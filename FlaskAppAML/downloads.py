"""Answers as files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

from .results import Part, Scores, Table
from .wire import dumps

# What a spreadsheet would take for a formula. A number may begin with a minus or a plus.
FORMULA = re.compile(r"[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?")


def csv_text(parts: Iterable[Part]) -> str:
    """All rows of the table, or the scores, with a byte order mark so that Excel reads it as UTF-8.

    Several outputs make several blocks, each under a line with its name and apart by an empty line.
    """
    listed = list(parts)
    tables = [part for part in listed if isinstance(part, Table)]
    scores = [part for part in listed if isinstance(part, Scores)]
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    for number, table in enumerate(tables):
        if len(tables) > 1:
            writer.writerows([*[[]] * (number > 0), [_cell(table.name)]])
        _write_table(writer, table)
    if not tables and scores:
        writer.writerow([scores[0].label, scores[0].measure])
        writer.writerows([_cell(item.label), _cell(item.score)] for item in scores[0].scores)
    if not tables and not scores:
        writer.writerow(["answer"])
        writer.writerows([_cell(dumps(part.document()))] for part in listed)
    return "\ufeff" + sheet.getvalue()


def _write_table(writer: Any, table: Table) -> None:
    writer.writerow([_cell(column.name) for column in table.columns])
    writer.writerows([_cell(value) for value in row] for row in table.rows)


def _cell(value: Any) -> str:
    """As text; formula-looking text gets an apostrophe in front, which spreadsheets do not run."""
    if value is None:
        return ""
    text = dumps(value) if isinstance(value, dict | list) else str(value)
    harmless = text.replace("\x00", "\ufffd")
    return f"'{harmless}" if FORMULA.match(harmless) and not NUMBER.fullmatch(harmless) else harmless
