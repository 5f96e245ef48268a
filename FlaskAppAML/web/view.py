"""A kept answer as its templates want it: typed parts, rounded numbers, texts cut to a readable length."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Sequence
from functools import cached_property, lru_cache
from http import HTTPStatus
from itertools import accumulate, cycle, groupby
from typing import Any

from flask import request
from jinja2 import Environment, pass_environment
from markupsafe import Markup

from .. import results
from ..results import Box, Boxes, Column, Json, Number, Part, Scores, Sentence, Series, Spans, Table, Text, Vector
from ..results.figures import TINY, figure, figures, is_tiny
from ..results.tree import Node, tree
from ..wire import beginning, dumps
from .boxes import Overlay, boxed, overlay
from .pictures import Shown
from .site import site

MOST_ROWS = 200
MOST_COLUMNS = 50
LONGEST_JSON = 20_000
LONGEST_CELL = 2_000  # in a table of one row; a short one in a table of many
LONGEST_CELL_OF_MANY = 100
MOST_PARTS = 50
MOST_BARS = 50
MOST_MARKS = 1000
MOST_POINTS = 200  # of a small line
FIRST_OF_VECTOR = 8
LISTED = re.compile(r"\s*([-*+•]|\d{1,3}[.)])\s")  # a line of a list, which may be set in from the others
DASHES = ("", "8 4", "2 3", "12 3 2 3")  # of lines; a colour alone would not tell them apart


@pass_environment
def drawn(jinja: Environment, part: Part, answer: Answer, folded: bool = False) -> str:
    """One part by its own template. A macro, since an `include` costs more than what most of them draw."""
    return _macros(jinja, part.kind).draw(part, answer, folded)  # type: ignore[no-any-return]


@lru_cache(maxsize=256)
def _macros(jinja: Environment, kind: str) -> Any:
    """Those of the template of this kind of part."""
    return jinja.get_template(f"results/{kind}.html").module


@pass_environment
def answer_files(jinja: Environment, answer: Answer) -> Markup:
    """The sheets and scripts that the views of an answer need: each template says it in its macro `files`, by their
    names in `static/`."""
    parts = [*answer.views, *answer.tables]
    macros = (getattr(_macros(jinja, part.kind), "files", None) for part in parts)
    names = {name for part, files in zip(parts, macros, strict=True) if files for name in files(part).split()}
    return site().assets.linked(sorted(names), request.script_root)


class Answer:
    """One answer's document, ready to be shown. `parts` are those of the document, where they are at hand; `picture` is
    what the model was asked about. Of boxes over it those below the score `least` are hidden."""

    least: float | None = None

    def __init__(self, document: dict[str, Any], parts: list[Part] | None = None, picture: Shown | None = None) -> None:
        prediction = document["prediction"]
        self.id: str = prediction["id"]
        self.said = Sentence(**document["said"])
        self.parts = [results.load(part) for part in prediction["outputs"]] if parts is None else parts
        self.hidden_parts = max(0, len(self.parts) - MOST_PARTS)
        self.meta: dict[str, Any] = prediction["meta"]
        self.request: dict[str, str] = document["request"]
        self.until: float | None = document.get("until")
        self.picture = picture
        self._raw = prediction["raw"]

    @cached_property
    def views(self) -> list[Part]:
        """What is looked at first: everything but a table that a view already shows."""
        behind = {id(table) for table in results.tables_behind(self.parts)}
        return [part for part in self.parts if id(part) not in behind][:MOST_PARTS]

    @cached_property
    def tables(self) -> list[Table]:
        """Tables behind a view: every value as the endpoint names it."""
        return results.tables_behind(self.parts)[:MOST_PARTS]

    @staticmethod
    def bars(part: Scores) -> tuple[bool, list[tuple[str, str, str, bool]]]:
        """Whether bars can be drawn, and for each label its number, the bar's width in percent, and whether it won."""
        numbers = [item.score for item in part.scores if item.score is not None]
        longest = part.full or max(numbers, default=0.0)
        drawn = longest > 0 and min(numbers) >= 0
        shown = part.scores[:MOST_BARS]
        known = figures([item.score for item in shown])
        said = [f"< {TINY:g}" if is_tiny(i.score, longest) else text for i, text in zip(shown, known, strict=True)]
        widths = [f"{100 * (item.score or 0) / longest:.1f}" if drawn else "" for item in shown]
        return drawn, [(item.label, n, w, item.top) for item, n, w in zip(shown, said, widths, strict=True)]

    @staticmethod
    def upright(table: Table, folded: bool = False) -> list[tuple[str, str, str, str]]:
        """The single row of a table: of each column its label, its name where it has both, the value, and the unit.
        `folded`: as the endpoint wrote them."""
        return [
            (
                column.label or column.name,
                column.name if folded and column.label else "",
                _as_sent(value) if folded else _said(column, value),
                column.unit,
            )
            for column, value in zip(table.columns[:MOST_ROWS], table.rows[0], strict=False)
        ]

    @staticmethod
    def rows(table: Table, folded: bool = False) -> list[list[tuple[Column, str]]]:
        """The first rows, each as columns with their values; those of a column are rounded alike."""
        columns, rows = table.columns[:MOST_COLUMNS], table.rows[:MOST_ROWS]
        longest = LONGEST_CELL_OF_MANY
        cells: list[list[str]] = []
        for i, column in enumerate(columns):
            values = [row[i] for row in rows]
            if column.type == "number" and not column.values and not folded:
                cells.append([_cut_short(text, longest) for text in figures(values)])
            else:
                said = values if folded else map(column.named, values)
                cells.append([(_as_sent if folded else _cell)(value, longest) for value in said])
        return [list(zip(columns, row, strict=True)) for row in zip(*cells, strict=True)]

    @staticmethod
    def left_out(part: Table) -> str:
        """What of a table the page does not show, and where it is."""
        is_upright = len(part.rows) == 1
        said = [] if is_upright else _first_of(MOST_ROWS, len(part.rows), "row")
        said += _first_of(MOST_ROWS, len(part.columns), "value") if is_upright else []
        said += [] if is_upright else _first_of(MOST_COLUMNS, len(part.columns), "column")
        return f"{' and '.join(said).capitalize()}; the downloads hold all." if said else ""

    def caption(self, part: Table | Json) -> str:
        """Which output this is, where there are several or it lies deeper."""
        label = part.label if isinstance(part, Table) else ""
        named = label or part.name
        return named if label or "." in named or (named and len(self.views) > 1) else ""

    def request_text(self) -> str:
        body = self.request["body"]
        try:
            pretty = beginning(json.loads(body), LONGEST_JSON) if len(body) <= LONGEST_JSON else body
        except ValueError:  # a form, or a picture
            pretty = body
        return f"{self.request['method']} {self.request['target']}\n\n{_cut(pretty)}"

    @staticmethod
    def tree(part: Json) -> Node:
        return tree(part.value)

    @staticmethod
    def json_text(value: Any) -> str:
        return _cut(beginning(value, LONGEST_JSON))

    def raw_text(self) -> str:
        """The prettified JSON, cut where it gets too long to read; the download has it whole."""
        return self.json_text(self._raw)

    def kept_for(self) -> str:
        return f"{span(self.until - time.time())} more" if self.until else "not kept"

    @property
    def is_cached(self) -> bool:
        return bool(self.meta.get("cached"))

    def time_taken(self) -> str:
        if self.is_cached:
            return f"{duration(self.meta['total_ms'])}, from the cache"
        return f"{duration(self.meta['total_ms'])}, of which the endpoint {duration(self.meta['endpoint_ms'])}"

    def is_said(self, text: str) -> bool:
        """Whether the sentence is this very text, so that it need not stand below once more."""
        return len(text) <= LONGEST_CELL and " ".join(text.split()) == self.said.value

    @staticmethod
    def exactly(part: Number) -> str:
        """The whole number where the sentence says it rounded."""
        whole = str(part.value)
        return whole if whole != figure(part.value) and len(whole) <= LONGEST_CELL else ""

    @cached_property
    def text(self) -> Text | None:
        """The one text that stands below the sentence: of such an answer it is what people copy."""
        below = [part for part in self.views if isinstance(part, Text) and not self.is_said(part.text)]
        return below[0] if len(below) == 1 else None

    @staticmethod
    def blocks(text: str) -> list[tuple[bool, list[str]]]:
        """Paragraphs of lines; True goes with what is set in lines and columns: a log, or code between fences."""
        lines = text[:LONGEST_JSON].strip("\r\n").splitlines()
        fences = [line.lstrip().startswith("```") for line in lines]
        is_code = [fence or count % 2 > 0 for fence, count in zip(fences, accumulate(fences), strict=True)]
        prose = [line for line, code in zip(lines, is_code, strict=True) if not code]
        has_long = len(prose) == 1 or any(len(line) > 100 for line in prose)
        has_columns = any(line[:1] in (" ", "\t", "|") and not LISTED.match(line) for line in prose)
        if not has_long and (has_columns or all(prose)):
            return [(True, lines)]
        groups = groupby(zip(lines, is_code, strict=True), key=lambda one: (one[1], one[1] or bool(one[0].strip())))
        return [(code, [line for line, _ in group]) for (code, is_there), group in groups if is_there]

    @cached_property
    def boxed(self) -> list[Boxes]:
        """The boxes that stand over the picture, part by part."""
        return boxed(self.parts) if self.picture else []

    def overlay(self, part: Boxes) -> Overlay | None:
        """These boxes over the picture; None where they stand in a table alone."""
        place = next((i for i, one in enumerate(self.boxed) if one is part), None)
        if self.picture is None or place is None:
            return None
        return overlay(part, self.picture.width, self.picture.height, self.least, place)

    @staticmethod
    def weaker(count: int) -> str:
        return f"{count:,} weaker box{'es are' if count != 1 else ' is'} hidden." if count else ""

    @staticmethod
    def box_rows(part: Boxes) -> list[tuple[str, str, list[str]]]:
        """Label, score and the four corners of each of the first boxes, equally rounded."""
        digits = 3 if part.units == "fraction" else 0 if all(_is_whole(box) for box in part.boxes[:MOST_ROWS]) else 1
        return [
            (
                _cell(box.label, LONGEST_CELL_OF_MANY) if box.label else "–",
                "–" if box.score is None else number(float(box.score)),
                [f"{side:.{digits}f}" for side in (box.x0, box.y0, box.x1, box.y1)],
            )
            for box in part.boxes[:MOST_ROWS]
        ]

    @staticmethod
    def marked(part: Spans) -> list[tuple[str, str]]:
        """The text in pieces, each with the label of the span it is, or ""; of spans that overlap the first one."""
        text = part.text[:LONGEST_JSON]
        pieces: list[tuple[str, str]] = []
        at = 0
        for span in sorted(part.spans[:MOST_MARKS], key=lambda span: (span.start, -span.end)):
            if at <= span.start < span.end <= len(text):
                pieces += [(text[at : span.start], ""), (text[span.start : span.end], span.label)]
                at = span.end
        return [piece for piece in [*pieces, (text[at:], "")] if piece[0]]

    @staticmethod
    def span_rows(part: Spans) -> list[tuple[str, str, str, int, int]]:
        """Text, label, score and place of each of the first spans."""
        rows = []
        spans = part.spans[:MOST_ROWS]
        for span, shown in zip(spans, figures([span.score for span in spans]), strict=True):
            text = span.text or part.text[span.start : span.end]
            rows.append((_cell(text or None, LONGEST_CELL_OF_MANY), span.label, shown, span.start, span.end))
        return rows

    @staticmethod
    def vector_facts(part: Vector) -> list[tuple[str, str]]:
        """Length, Euclidean norm and the first numbers."""
        first = ", ".join(f"{value:.4g}" for value in part.values[:FIRST_OF_VECTOR])
        more = ", …" if len(part.values) > FIRST_OF_VECTOR else ""
        norm = math.hypot(*part.values)
        return [("Length", f"{len(part.values):,}"), ("Norm", f"{norm:.4g}"), ("It begins", f"{first}{more}")]

    @staticmethod
    def sparkline(part: Vector) -> str:
        """The points of a line through the numbers."""
        return _points(part.values, min(part.values, default=0.0), max(part.values, default=0.0))

    @staticmethod
    def lines(part: Series) -> list[tuple[str, str, str, str, str]]:
        """Of each line its label, its points, its dashes, its lowest and its highest number. All have one scale."""
        known = [[value for value in line.values if value is not None] for line in part.lines]
        low, high = min(map(min, filter(None, known)), default=0.0), max(map(max, filter(None, known)), default=0.0)
        lowest, highest = (figures([end(values) if values else None for values in known]) for end in (min, max))
        points = [_points(line.values, low, high) for line in part.lines]
        labels = [line.label for line in part.lines]
        return list(zip(labels, points, cycle(DASHES), lowest, highest))


def _points(values: Sequence[float | None], low: float, high: float) -> str:
    """In a field of 600 by 100; of many the means of neighbours, and of those without a value none."""
    size = math.ceil(len(values) / MOST_POINTS) or 1
    runs = [[v for v in values[i : i + size] if v is not None] for i in range(0, len(values), size)]
    height = (high - low) or 1.0
    if not math.isfinite(height):
        return ""
    step = 600 / max(1, len(runs) - 1)
    means = [(i, sum(value / len(run) for value in run)) for i, run in enumerate(runs) if run]
    return " ".join(f"{i * step:.1f},{98 - 96 * (mean - low) / height:.1f}" for i, mean in means)


def _first_of(most: int, count: int, what: str) -> list[str]:
    return [f"the first {most} of {count:,} {what}s"] if count > most else []


def _said(column: Column, value: Any) -> str:
    """A value of an upright table, as the sentence would say it."""
    return _cell(figure(value) if isinstance(value, float) and not column.values else column.named(value))


def _as_sent(value: Any, longest: int = LONGEST_CELL) -> str:
    return _cell(str(value).lower() if isinstance(value, bool) else value, longest)


def _cell(value: Any, longest: int = LONGEST_CELL) -> str:
    if isinstance(value, str):
        return _cut_short(value, longest)
    if value is None or isinstance(value, bool):
        return {None: "–", True: "yes", False: "no"}[value]
    return _cut_short(dumps(value) if isinstance(value, dict | list) else str(value), longest)


def _cut_short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]} …"


def _is_whole(box: Box) -> bool:
    return all(float(side).is_integer() for side in (box.x0, box.y0, box.x1, box.y1))


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


def number(value: Any, digits: int = 4) -> str:
    """A column of numbers has equal decimals; what is no number stays as it came."""
    if isinstance(value, float) and math.isfinite(value) and 1e-4 <= abs(value) < 1e9:
        return f"{value:.{digits}f}"
    return str(value)
