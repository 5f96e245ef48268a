"""What an answer is made of. Each kind of part is a dataclass here and a template in `templates/results/`.

A dialect decodes a reply into parts, `shapes.py` those of any JSON; `presentation.py` adds the views that people would
rather look at and the one sentence. Everything in here is data from the endpoint: never markup, never trusted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from ..errors import SettingError
from ..schema.changes import check_changes

LONGEST_NUMBER = 400  # characters

KINDS: dict[str, type[Part]] = {}

# Parts


@dataclass(frozen=True)
class Part:
    """`row` says to which row of a question with several this part belongs, counted from 0; None: to all of it.
    `of_table`: this is a view of the table that comes next, which holds its values too. A kind is known from where its
    class is defined, and so are the records in its lists."""

    kind: ClassVar[str] = ""
    row: int | None = field(default=None, kw_only=True)
    of_table: bool = field(default=False, kw_only=True)

    def __init_subclass__(cls) -> None:
        KINDS[cls.kind] = cls

    def table(self) -> Table | None:
        """The same values in rows and columns, for the downloads; None for what has none (a picture, a text)."""
        return None

    def sentence(self) -> Sentence | None:
        """What a kind says of itself; of those that have None `presentation.py` speaks, of all parts together."""
        return None

    def document(self) -> dict[str, Any]:
        """The part as programs get it."""
        values = {name: _plain(value) for name, value in vars(self).items() if name not in ("row", "of_table")}
        seldom = {**({} if self.row is None else {"row": self.row}), **({"of_table": True} if self.of_table else {})}
        return {"kind": self.kind, **values, **seldom}


def _plain(value: Any) -> Any:
    """Without copying rows: `dataclasses.asdict` would copy each of a million cells."""
    if isinstance(value, list) and value and is_dataclass(value[0]):
        return [vars(item) for item in value]
    return value


@dataclass(frozen=True)
class Column:
    """`type` is string, integer, number or boolean. `label`, `unit` and the names of `values` are the owner's."""

    name: str
    type: str = "string"
    label: str = ""
    unit: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_number(self) -> bool:
        return self.type in ("integer", "number")

    def named(self, cell: Any) -> Any:
        """The owner's name for a value, or the value."""
        return name_of(cell, self.values) if self.values else cell


def name_of(value: Any, names: Mapping[str, str]) -> Any:
    """What `names` says for a value as JSON writes it; 1.0 is 1 there too."""
    if isinstance(value, bool):
        return names.get(str(value).lower(), value)
    if isinstance(value, float) and value.is_integer() and str(value) not in names:
        return names.get(str(int(value)), value)
    return names.get(str(value), value)


@dataclass(frozen=True)
class Table(Part):
    """`label` is the owner's."""

    kind: ClassVar[str] = "table"
    name: str
    columns: list[Column]
    rows: list[list[Any]]
    label: str = ""

    def table(self) -> Table:
        return self


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

    def table(self) -> Table:
        columns = [Column(self.label), Column(self.measure, "number")]
        return Table(self.name, columns, [[item.label, item.score] for item in self.scores], row=self.row)


@dataclass(frozen=True)
class Number(Part):
    """One number. `label` and `unit` are the owner's."""

    kind: ClassVar[str] = "number"
    value: float
    name: str = ""
    label: str = ""
    unit: str = ""

    def table(self) -> Table:
        type_ = "integer" if isinstance(self.value, int) else "number"
        column = Column(self.name or "value", type_, self.label, self.unit)
        return Table(self.name, [column], [[self.value]], row=self.row)


@dataclass(frozen=True)
class Box:
    """Corners from the left and from the top; `x0` <= `x1` and `y0` <= `y1`."""

    label: str
    score: float | None
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Boxes(Part):
    """`units` is "pixel", or "fraction" of the picture's sides; `width` and `height` are the picture's own, in pixels,
    where the endpoint says them."""

    kind: ClassVar[str] = "boxes"
    name: str
    boxes: list[Box]
    units: str = "pixel"
    width: float | None = None
    height: float | None = None

    def table(self) -> Table:
        columns = [Column("label"), *(Column(name, "number") for name in ("score", "x0", "y0", "x1", "y1"))]
        rows = [[box.label, box.score, box.x0, box.y0, box.x1, box.y1] for box in self.boxes]
        return Table(self.name, columns, rows, row=self.row)


@dataclass(frozen=True)
class Span:
    """A place in a text, from `start` up to but not including `end`, in code points; `text` is what stands there."""

    start: int
    end: int
    label: str
    score: float | None = None
    text: str = ""


@dataclass(frozen=True)
class Spans(Part):
    """`text` is the whole text, or "" where it is not known."""

    kind: ClassVar[str] = "spans"
    text: str
    spans: list[Span]
    name: str = ""

    def table(self) -> Table:
        types = {"start": "integer", "end": "integer", "label": "string", "score": "number", "text": "string"}
        rows = [[span.start, span.end, span.label, span.score, span.text] for span in self.spans]
        return Table(self.name, [Column(name, type_) for name, type_ in types.items()], rows, row=self.row)


@dataclass(frozen=True)
class Vector(Part):
    """An embedding: numbers that mean something only together."""

    kind: ClassVar[str] = "vector"
    values: list[float]
    name: str = ""

    def table(self) -> Table:
        columns = [Column(self.name or "value", "number")]
        return Table(self.name, columns, [[value] for value in self.values], row=self.row)


@dataclass(frozen=True)
class Line:
    label: str
    values: list[float | None]


@dataclass(frozen=True)
class Series(Part):
    """Numbers over time: each line has a value, or None, at each of the `places`, which are dates in ISO 8601."""

    kind: ClassVar[str] = "series"
    places: list[str]
    lines: list[Line]
    name: str = ""

    def table(self) -> Table:
        columns = [Column("date"), *(Column(line.label, "number") for line in self.lines)]
        rows = [list(row) for row in zip(self.places, *(line.values for line in self.lines), strict=True)]
        return Table(self.name, columns, rows, row=self.row)

    def sentence(self) -> Sentence:
        count = f"{len(self.places):,} {'values' if len(self.lines) == 1 else 'rows'}"
        return Sentence("The endpoint answered with ", count, f", {self.places[0]} to {self.places[-1]}.")


@dataclass(frozen=True)
class Image:
    content_type: str
    base64: str
    label: str = ""


@dataclass(frozen=True)
class Images(Part):
    kind: ClassVar[str] = "images"
    images: list[Image]
    name: str = ""


@dataclass(frozen=True)
class Media(Part):
    """A sound or a video."""

    kind: ClassVar[str] = "media"
    content_type: str
    base64: str
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


def tables_behind(parts: list[Part]) -> list[Table]:
    """Those of which there is a view in front."""
    return [part for view, part in pairwise(parts) if view.of_table and isinstance(part, Table)]


def load(document: Mapping[str, Any]) -> Part:
    """The part that `document()` described."""
    kind = document["kind"]
    values = {name: value for name, value in document.items() if name != "kind"}
    for name, record in _records(kind).items():
        values[name] = [record(**described) for described in values.get(name, [])]
    return KINDS[kind](**values)


@lru_cache(maxsize=100)
def _records(kind: str) -> dict[str, Any]:
    """The dataclasses that the lists of a kind hold, by the names of the lists."""
    inside = {name: get_args(hint) for name, hint in get_type_hints(KINDS[kind]).items() if get_origin(hint) is list}
    return {name: types[0] for name, types in inside.items() if is_dataclass(types[0])}


def as_number(value: Any) -> float | None:
    """A finite number, also from its text; None for anything else."""
    if isinstance(value, bool) or (isinstance(value, str) and len(value) > LONGEST_NUMBER):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


# The owner's changes to outputs

OUTPUT_CHANGES: dict[str, tuple[type, ...]] = {
    "label": (str,),
    "values": (dict,),
    "unit": (str,),
    "hidden": (bool,),
    "view": (str,),
}


@dataclass(frozen=True)
class Output:
    """What `FORM` says of one output or output column: its label, names for its values, its unit, whether to show it,
    and as which kind of part."""

    label: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    hidden: bool = False
    view: str = ""


def read_outputs(changes: Mapping[str, Any]) -> dict[str, Output]:
    """The `outputs` of a `FORM` file. Raises SettingError that names what is not understood."""
    given = changes.get("outputs", {})
    if not isinstance(given, dict):
        raise SettingError("FORM must give its outputs as a JSON object, by name.")
    outputs = {}
    for name, about in given.items():
        check_changes(f"the output {name}", about, OUTPUT_CHANGES)
        if about.get("view", "json") not in KINDS:
            raise SettingError(f"FORM: the view of the output {name} must be one of {', '.join(KINDS)}.")
        values = {str(key): str(value) for key, value in about.get("values", {}).items()}
        outputs[name] = Output(**{**about, "values": values})
    return outputs
