"""What an answer is made of. Each kind of part is a dataclass here and a template in `templates/results/`.

A dialect decodes a reply into parts. `present` adds the views that people would rather look at (scores as bars) and
the one sentence that says the answer. Everything in here is data from the endpoint: never markup, never trusted.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any, ClassVar

from .errors import SettingError
from .schema import check_changes

# Parts


@dataclass(frozen=True)
class Part:
    kind: ClassVar[str] = ""

    def document(self) -> dict[str, Any]:
        """The part as programs get it."""
        return {"kind": self.kind, **{name: _plain(value) for name, value in vars(self).items()}}


def _plain(value: Any) -> Any:
    """Without copying rows: `dataclasses.asdict` would copy each of a million cells."""
    if isinstance(value, list) and value and is_dataclass(value[0]):
        return [vars(item) for item in value]
    return value


@dataclass(frozen=True)
class Column:
    """`type` is string, integer, number or boolean. `label` and `unit` are the owner's."""

    name: str
    type: str = "string"
    label: str = ""
    unit: str = ""

    @property
    def is_number(self) -> bool:
        return self.type in ("integer", "number")


@dataclass(frozen=True)
class Table(Part):
    kind: ClassVar[str] = "table"
    name: str
    columns: list[Column]
    rows: list[list[Any]]


@dataclass(frozen=True)
class Score:
    label: str
    score: float | None
    top: bool = False


@dataclass(frozen=True)
class Scores(Part):
    """Labels with numbers, best first. `lowest_is_best` holds for distances."""

    kind: ClassVar[str] = "scores"
    scores: list[Score]
    name: str = ""
    label: str = "Label"
    measure: str = "Score"
    lowest_is_best: bool = False
    full: float | None = None  # what a whole bar stands for; without it, the largest score


@dataclass(frozen=True)
class Image:
    content_type: str
    base64: str


@dataclass(frozen=True)
class Images(Part):
    kind: ClassVar[str] = "images"
    images: list[Image]
    name: str = ""


@dataclass(frozen=True)
class Text(Part):
    kind: ClassVar[str] = "text"
    text: str
    name: str = ""


@dataclass(frozen=True)
class Json(Part):
    kind: ClassVar[str] = "json"
    value: Any
    name: str = ""


@dataclass(frozen=True)
class Sentence:
    """The answer in one sentence; `value` is its one bold part. `lead` is what comes after it."""

    before: str = ""
    value: str = ""
    after: str = ""
    lead: str = ""

    def __str__(self) -> str:
        return f"{self.before}{self.value}{self.after}"


@dataclass(frozen=True)
class Result:
    parts: list[Part]
    raw: Any
    said: Sentence = field(default_factory=Sentence)


def load(document: Mapping[str, Any]) -> Part:
    """The part that `document()` described."""
    values = {name: value for name, value in document.items() if name != "kind"}
    if document["kind"] == "table":
        values["columns"] = [Column(**column) for column in values["columns"]]
    if document["kind"] == "scores":
        values["scores"] = [Score(**score) for score in values["scores"]]
    if document["kind"] == "images":
        values["images"] = [Image(**image) for image in values["images"]]
    return _KINDS[document["kind"]](**values)


_KINDS: dict[str, type[Part]] = {part.kind: part for part in (Table, Scores, Images, Text, Json)}


def sniff(data: str) -> str:
    """The type of a base64 picture by its first bytes; "" for what is none of ours (SVG above all)."""
    try:
        head = base64.b64decode(data[:24] + "=" * (-len(data[:24]) % 4), validate=True)
    except (binascii.Error, ValueError):
        return ""
    known = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in known.items() if head.startswith(start)), "")


# The owner's changes to outputs

OUTPUT_CHANGES: dict[str, tuple[type, ...]] = {
    "label": (str,),
    "values": (dict,),
    "unit": (str,),
    "hidden": (bool,),
}


@dataclass(frozen=True)
class Output:
    """What `FORM` says of one output column: its label, names for its values, its unit, whether to show it."""

    label: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    hidden: bool = False


def read_outputs(changes: Mapping[str, Any]) -> dict[str, Output]:
    """The `outputs` of a `FORM` file. Raises SettingError that names what is not understood."""
    given = changes.get("outputs", {})
    if not isinstance(given, dict):
        raise SettingError("FORM must give its outputs as a JSON object, by name.")
    outputs = {}
    for name, about in given.items():
        check_changes(f"the output {name}", about, OUTPUT_CHANGES)
        values = {str(key): str(value) for key, value in about.get("values", {}).items()}
        outputs[name] = Output(**{**about, "values": values})
    return outputs


# Presentation

DISTANCE = re.compile(r"DistancesToClusterCenter no\.(\d+)")
PROBABILITY = re.compile(r'Scored Probabilities for Class "(.*)"')


def present(result: Result, outputs: Mapping[str, Output], subject: str) -> Result:
    """The result with its views in front and its sentence. `subject` is what was asked about, or ""."""
    parts: list[Part] = []
    said: Sentence | None = None
    for part in result.parts:
        if isinstance(part, Table):
            view = _clusters(part, outputs, subject) or _classes(part, outputs)
            if view:
                parts.append(view[0])
                said = said or view[1]
            part = _with_owner_words(part, outputs)
        parts.append(part)
    return Result(parts, result.raw, said or _plain_sentence(result.parts))


def _with_owner_words(table: Table, outputs: Mapping[str, Output]) -> Table:
    if not outputs:
        return table
    shown = [i for i, c in enumerate(table.columns) if not outputs.get(c.name, Output()).hidden]
    columns = []
    for i in shown:
        about = outputs.get(table.columns[i].name, Output())
        columns.append(replace(table.columns[i], label=about.label, unit=about.unit))
    rows = table.rows if len(shown) == len(table.columns) else [[row[i] for i in shown] for row in table.rows]
    return Table(table.name, columns, rows)


def _single_row(table: Table) -> dict[str, Any]:
    names = [column.name for column in table.columns]
    return dict(zip(names, table.rows[0], strict=False)) if len(table.rows) == 1 else {}


def _clusters(table: Table, outputs: Mapping[str, Output], subject: str) -> tuple[Scores, Sentence] | None:
    """k-means of the classic studio: `Assignments` and a distance per cluster centre; the nearest one wins."""
    row = _single_row(table)
    distances = {m[1]: _as_number(v) for k, v in row.items() if (m := DISTANCE.fullmatch(k))}
    assigned = str(row.get("Assignments", ""))
    if assigned not in distances or len(distances) < 2:
        return None
    about = outputs.get("Assignments", Output())
    label = about.label or "Cluster"
    names = {cluster: about.values.get(cluster, f"{label} {cluster}") for cluster in distances}
    order = sorted(distances, key=lambda c: (c != assigned, _rank(distances[c])))
    scores = [Score(names[c], distances[c], top=c == assigned) for c in order]
    view = Scores(scores, table.name, label, "Distance", lowest_is_best=True)
    before = f"{_short(subject)} is closest to " if subject else "Closest to "
    return view, Sentence(before, names[assigned], ".", _cluster_lead(assigned, about, scores))


def _cluster_lead(assigned: str, about: Output, scores: list[Score]) -> str:
    nearest, next_one = scores[0].score, scores[1].score
    number = f"{about.label or 'Cluster'} {assigned}" if about.values else f"One of {len(scores)}"
    if nearest is None or next_one is None:
        return f"{number}."
    lead = f"{number}, at distance {_rounded(nearest)}. The runner-up, {scores[1].label}, is "
    if nearest <= 0 or next_one <= nearest:
        return f"{lead}at {_rounded(next_one)}."
    farther = (next_one - nearest) / nearest
    if farther > 10:
        return f"{lead}much farther away, at {_rounded(next_one)}."
    return f"{lead}{farther:.0%} farther away, at {_rounded(next_one)}.".replace("%", "\u202f%")


def _rounded(number: float) -> str:
    return f"{number:.4f}" if number == 0 or 1e-4 <= abs(number) < 1e9 else f"{number:.4g}"


def _classes(table: Table, outputs: Mapping[str, Output]) -> tuple[Scores, Sentence] | None:
    """A classifier of the classic studio: `Scored Labels`, with a probability per class or for the positive one."""
    row = _single_row(table)
    if "Scored Labels" not in row:
        return None
    about = outputs.get("Scored Labels", Output())
    found = {m[1]: _as_number(v) for k, v in row.items() if (m := PROBABILITY.fullmatch(k))}
    if len(found) < 2 or any(value is None for value in found.values()):
        return None
    winner = str(row["Scored Labels"])
    order = sorted(found, key=lambda c: (c != winner, -(found[c] or 0)))
    scores = [Score(_short(about.values.get(c, c)), found[c], top=c == winner) for c in order]
    lead = f"Probability {scores[0].score:.4f}. Next is {scores[1].label}, with {scores[1].score:.4f}."
    view = Scores(scores, table.name, about.label or "Class", "Probability", full=1.0)
    return view, Sentence("Most likely ", _short(about.values.get(winner, winner)), ".", lead)


def _plain_sentence(parts: Iterable[Part]) -> Sentence:
    """For answers without a view of their own."""
    tables = [part for part in parts if isinstance(part, Table)]
    if not tables:
        return Sentence("The endpoint ", "answered", ".")
    table = tables[0]
    if not table.rows:
        return Sentence("The endpoint answered with ", "no rows", ".")
    row = _single_row(table)
    value = row.get("Scored Labels", next(iter(row.values())) if len(row) == 1 else None)
    if value is not None and not isinstance(value, dict | list):
        return Sentence("The answer is ", _short(value), ".")
    many = f"{len(table.rows):,} rows" if len(table.rows) > 1 else f"{len(table.columns):,} values"
    return Sentence("The endpoint answered with ", many, ".")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _rank(number: float | None) -> float:
    return math.inf if number is None else number
