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
    """All rows of the first table, or the scores, with a byte order mark so that Excel reads it as UTF-8."""
    listed = list(parts)
    found = next((part for part in listed if isinstance(part, Table)), None)
    scores = next((part for part in listed if isinstance(part, Scores)), None)
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    if found is not None:
        writer.writerow([_cell(column.name) for column in found.columns])
        writer.writerows([_cell(value) for value in row] for row in found.rows)
    elif scores is not None:
        writer.writerow([scores.label, scores.measure])
        writer.writerows([_cell(item.label), _cell(item.score)] for item in scores.scores)
    else:
        writer.writerow(["answer"])
        writer.writerows([_cell(dumps(part.document()))] for part in listed)
    return "\ufeff" + sheet.getvalue()


def _cell(value: Any) -> str:
    """As text; formula-looking text gets an apostrophe in front, which spreadsheets do not run."""
    if value is None:
        return ""
    text = dumps(value) if isinstance(value, dict | list) else str(value)
    harmless = text.replace("\x00", "\ufffd")
    return f"'{harmless}" if FORMULA.match(harmless) and not NUMBER.fullmatch(harmless) else harmless
