"""The model's page, and a kept answer as its templates want it: typed parts, rounded numbers, texts cut to a readable
length."""

from __future__ import annotations

import json
import math
import secrets
import time
from http import HTTPStatus
from typing import Any

from flask import render_template

from .. import results
from ..forms import SchemaForm
from ..results import Column, Part, Scores, Sentence, Table
from ..wire import beginning, dumps

MOST_ROWS = 200
MOST_COLUMNS = 50
LONGEST_JSON = 20_000
LONGEST_CELL = 2_000  # in a table of one row; a short one in a table of many
LONGEST_CELL_OF_MANY = 100
MOST_PARTS = 50
MOST_BARS = 50


def form_page(form: SchemaForm, **shown: Any) -> str:
    """The model's page: the form with an answer, a failure, problems in fields, or nothing yet beside it."""
    nothing: dict[str, Any] = {"answer": None, "failure": None, "words": "", "code": "", "problems": {}, "retry": ""}
    return render_template(
        "form.html",
        form=form,
        once=secrets.token_hex(16),
        **{**nothing, **shown},
    )


class Answer:
    """One answer's document, ready to be shown."""

    def __init__(self, document: dict[str, Any]) -> None:
        prediction = document["prediction"]
        self.id: str = prediction["id"]
        self.said = Sentence(**document["said"])
        self.parts: list[Part] = [results.load(part) for part in prediction["outputs"]]
        self.hidden_parts = max(0, len(self.parts) - MOST_PARTS)
        self.meta: dict[str, Any] = prediction["meta"]
        self.request: dict[str, str] = document["request"]
        self.until: float | None = document.get("until")
        self._raw = prediction["raw"]

    @property
    def views(self) -> list[Part]:
        """What is looked at first: everything but a table that a view already shows."""
        seen = {part.name for part in self.parts if isinstance(part, Scores)}
        shown = [part for part in self.parts if not (isinstance(part, Table) and part.name in seen)]
        return shown[:MOST_PARTS]

    @property
    def tables(self) -> list[Table]:
        """Tables behind a view: every value as the endpoint names it."""
        seen = {part.name for part in self.parts if isinstance(part, Scores)}
        return [part for part in self.parts if isinstance(part, Table) and part.name in seen][:MOST_PARTS]

    @staticmethod
    def bars(part: Scores) -> tuple[bool, list[tuple[str, str, str, bool]]]:
        """Whether bars can be drawn, and for each label its number, the bar's width in percent, and whether it won."""
        numbers = [item.score for item in part.scores if item.score is not None]
        longest = part.full or max(numbers, default=0.0)
        drawn = longest > 0 and min(numbers) >= 0
        rows = []
        for item in part.scores[:MOST_BARS]:
            shown = "–" if item.score is None else number(item.score)
            width = f"{100 * (item.score or 0) / longest:.1f}" if drawn else ""
            rows.append((item.label, shown, width, item.top))
        return drawn, rows

    @staticmethod
    def upright(table: Table) -> list[tuple[Column, str]]:
        """The single row of a table as columns with their values."""
        shown = table.columns[:MOST_ROWS]
        return [(column, _cell(value)) for column, value in zip(shown, table.rows[0], strict=False)]

    @staticmethod
    def rows(table: Table) -> list[list[tuple[Column, str]]]:
        """The first rows, each as columns with their values."""
        shown = table.columns[:MOST_COLUMNS]
        return [
            [(column, _cell(value, LONGEST_CELL_OF_MANY)) for column, value in zip(shown, row, strict=False)]
            for row in table.rows[:MOST_ROWS]
        ]

    def request_text(self) -> str:
        body = self.request["body"]
        pretty = dumps(json.loads(body), indent=2) if len(body) <= LONGEST_JSON else body
        return f"{self.request['method']} {self.request['target']}\n\n{_cut(pretty)}"

    @staticmethod
    def json_text(value: Any) -> str:
        return _cut(beginning(value, LONGEST_JSON))

    def raw_text(self) -> str:
        """The prettified JSON, cut where it gets too long to read; the download has it whole."""
        return self.json_text(self._raw)

    def kept_for(self) -> str:
        return f"{span(self.until - time.time())} more" if self.until else "not kept"

    def time_taken(self) -> str:
        return f"{duration(self.meta['total_ms'])}, of which the endpoint {duration(self.meta['endpoint_ms'])}"


def _cell(value: Any, longest: int = LONGEST_CELL) -> str:
    if value is None:
        return "–"
    text = dumps(value) if isinstance(value, dict | list) else str(value)
    return text if len(text) <= longest else f"{text[:longest]} …"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_JSON else f"{text[:LONGEST_JSON]}\n… cut here; the JSON download has all of it."


def duration(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.2f} s" if milliseconds >= 100 else f"{milliseconds:.0f} ms"


def span(seconds: float) -> str:
    """A time to wait, in the largest unit that says it well."""
    units = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))
    unit, size = next(((u, s) for u, s in units if seconds >= 2 * s), units[-1])
    count = math.ceil(seconds / size)
    return f"{count:,} {unit}{'s' * (count != 1)}"


def status_words(status: int) -> str:
    """As the standard calls it: `401 Unauthorized`."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def spelled(count: int) -> str:
    """Small numbers as words, as a sentence begins with them."""
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
    return words[count] if 0 <= count < len(words) else f"{count:,}"


def number(value: Any, digits: int = 4) -> str:
    """A column of numbers has equal decimals; what is no number stays as it came."""
    if isinstance(value, float) and math.isfinite(value) and 1e-4 <= abs(value) < 1e9:
        return f"{value:.{digits}f}"
    return str(value)
