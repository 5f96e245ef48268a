"""How an answer is looked at: the views in front of its tables, the owner's words, and the sentence that says it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..wire import beginning
from . import (
    Boxes,
    Json,
    Number,
    Output,
    Part,
    Result,
    Score,
    Scores,
    Sentence,
    Spans,
    Table,
    Text,
    Vector,
    as_number,
)
from .decisions import Decision, decided, words
from .figures import figure, is_tiny, spelled
from .series import series

DISTANCE = re.compile(r"DistancesToClusterCenter no\.(\d+)")
PROBABILITY = re.compile(r'Scored Probabilities for Class "(.*)"')
NUMBERED = re.compile(r".+\[\d+\]")
LONGEST_SAID = 80  # characters of a value in the sentence
LONGEST_TEXT = 200  # characters of a text that is the sentence
MOST_SAID = 5  # labels that are counted in the sentence
LONGEST_UNIT = 12
UNITS = ("unit", "units", "currency")
MARKDOWN = re.compile(r"\*\*|__|```|`[^`]+`|^\s*(#{1,6}|[-*>]|\d+\.)\s|\]\(|\|.*\|")
LONGEST_JSON = 100_000  # characters, of an answer that the owner wants to see as text

Words = Mapping[str, Output]


def present(result: Result, outputs: Words, subject: str) -> Result:
    """The result with its views in front and its sentence. `subject` is what was asked about, or ""."""
    parts: list[Part] = []
    said: Sentence | None = None
    for part in _taken_apart(result.parts, outputs):
        about = _about(part, outputs)
        if about.hidden:
            continue
        if about.view:
            shown = _as_view(part, about.view, result)
            shown = _with_owner_words(shown, outputs)
        else:
            view = _view_of_table(part, outputs, subject) if isinstance(part, Table) else None
            if view:
                parts.append(replace(view[0], of_table=True))
                said = said or view[1]
            shown = _with_owner_words(_with_text(part, subject), outputs)
        parts.append(shown)
    return Result(parts, result.raw, said or _sentence(parts))


def _taken_apart(parts: list[Part], outputs: Words) -> Iterable[Part]:
    """The columns of a single row that the owner gave a view are outputs of their own, in front of the row."""
    pinned = {name for name, about in outputs.items() if about.view}
    for part in parts:
        names = [column.name for column in part.columns] if isinstance(part, Table) and len(part.rows) == 1 else []
        apart = [i for i, name in enumerate(names) if name in pinned] if len(names) > 1 else []
        if not apart or not isinstance(part, Table):
            yield part
            continue
        for i in apart:
            yield Table(names[i], [part.columns[i]], [[part.rows[0][i]]], row=part.row)
        rest = [i for i in range(len(names)) if i not in set(apart)]
        if rest:
            yield replace(part, columns=[part.columns[i] for i in rest], rows=[[part.rows[0][i] for i in rest]])


def _about(part: Part, outputs: Words) -> Output:
    """Under the output's own name, or the end of its path; what has none goes by its kind, a table of one column by
    that column's."""
    name = vars(part)["name"]
    named = outputs.get(name) or outputs.get(name.rpartition(".")[2]) or outputs.get(part.kind)
    if named is None and isinstance(part, Table) and len(part.columns) == 1:
        named = outputs.get(part.columns[0].name)
    return named or Output()


def _view_of_table(table: Table, outputs: Words, subject: str) -> tuple[Part, Sentence] | None:
    if over_time := series(_table_with_words(table, outputs) if outputs else table):
        return over_time, over_time.sentence()
    return (
        _clusters(table, outputs, subject)
        or _classes(table, outputs)
        or _shares(table, outputs)
        or _shares_of_decision(table, outputs)
    )


def _with_owner_words(part: Part, outputs: Words) -> Part:
    if not outputs:
        return part
    about = _about(part, outputs)
    match part:
        case Table():
            return _table_with_words(part, outputs)
        case Number():
            return replace(part, label=about.label, unit=about.unit)
        case Scores():
            named = [replace(item, label=about.values.get(item.label, item.label)) for item in part.scores]
            return replace(part, scores=named, label=about.label or part.label)
        case Boxes():
            return replace(part, boxes=[replace(b, label=about.values.get(b.label, b.label)) for b in part.boxes])
        case Spans():
            return replace(part, spans=[replace(s, label=about.values.get(s.label, s.label)) for s in part.spans])
    return part


def _table_with_words(table: Table, outputs: Words) -> Table:
    shown = [i for i, c in enumerate(table.columns) if not outputs.get(c.name, Output()).hidden]
    columns = []
    for i in shown:
        about = outputs.get(table.columns[i].name, Output())
        columns.append(replace(table.columns[i], label=about.label, unit=about.unit, values=about.values))
    rows = table.rows if len(shown) == len(table.columns) else [[row[i] for i in shown] for row in table.rows]
    return replace(table, columns=columns, rows=rows, label=outputs.get(table.name, Output()).label)


def _with_text(part: Part, subject: str) -> Part:
    """Places in a text are marked in it where the text asked about is known to be the one meant."""
    if not isinstance(part, Spans) or part.text or not subject or not part.spans:
        return part
    fits = all(
        span.end <= len(subject) and (not span.text or subject[span.start : span.end].lower() == span.text.lower())
        for span in part.spans
    )
    return replace(part, text=subject) if fits else part


# The view that the owner wants


def _as_view(part: Part, view: str, result: Result) -> Part:
    """The part as another kind, or as it is where its values make no such view."""
    if view == part.kind:
        return part
    cell = _single_cell(part)
    if view == "json" and isinstance(cell, dict | list):
        return Json(cell, vars(part)["name"], row=part.row)
    if view == "json":
        document = {key: value for key, value in part.document().items() if key not in ("kind", "row")}
        return Json(result.raw if len(result.parts) == 1 else document, vars(part)["name"], row=part.row)
    table = part.table()
    if view == "table":
        return table or part
    row = table.rows[0] if table and len(table.rows) == 1 else []
    numbers = [number for number in map(as_number, row) if number is not None]
    if view == "text":
        return _as_text(part, row)
    if view == "number" and len(row) == 1 and numbers:
        value = row[0] if isinstance(row[0], int | float) else numbers[0]
        return Number(value, table.columns[0].name if table else "", row=part.row)
    if table and view == "vector" and row and len(numbers) == len(row):
        return Vector(numbers, table.name, row=part.row)
    if table and view == "series":
        return series(table) or part
    if table and view == "scores":
        return _as_scores(table, numbers) or part
    return part


def _single_cell(part: Part) -> Any:
    return part.rows[0][0] if isinstance(part, Table) and len(part.rows) == len(part.columns) == 1 else None


def _as_text(part: Part, row: list[Any]) -> Part:
    name = vars(part)["name"]
    if len(row) == 1:
        text = row[0] if isinstance(row[0], str) else beginning(row[0], LONGEST_JSON)
        return Text(text, name, row=part.row)
    return Text(beginning(part.value, LONGEST_JSON), name, row=part.row) if isinstance(part, Json) else part


def _as_scores(table: Table, numbers: list[float]) -> Scores | None:
    """A row of numbers, each under its column's name, or two columns, the second of numbers."""
    if numbers and len(numbers) == len(table.columns):
        pairs = [(column.name, number) for column, number in zip(table.columns, numbers, strict=True)]
    elif len(table.columns) == 2 and table.columns[1].is_number:
        pairs = [(str(row[0]), number) for row in table.rows if (number := as_number(row[1])) is not None]
    else:
        return None
    pairs.sort(key=lambda pair: -pair[1])
    return Scores([Score(label, n, top=i == 0) for i, (label, n) in enumerate(pairs)], table.name, row=table.row)


# Views of tables


def _single_row(table: Table) -> dict[str, Any]:
    names = [column.name for column in table.columns]
    return dict(zip(names, table.rows[0], strict=False)) if len(table.rows) == 1 else {}


def _clusters(table: Table, outputs: Words, subject: str) -> tuple[Scores, Sentence] | None:
    """k-means of the classic studio: `Assignments` and a distance per cluster centre; the nearest one wins."""
    row = _single_row(table)
    distances = {m[1]: as_number(v) for k, v in row.items() if (m := DISTANCE.fullmatch(k))}
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
    lead = f"{number}, at distance {figure(nearest)}. The runner-up, {scores[1].label}, is "
    if nearest <= 0 or next_one <= nearest:
        return f"{lead}at {figure(next_one)}."
    farther = (next_one - nearest) / nearest
    if farther > 10:
        return f"{lead}much farther away, at {figure(next_one)}."
    return f"{lead}{farther:.0%} farther away, at {figure(next_one)}.".replace("%", "\u202f%")


def _classes(table: Table, outputs: Words) -> tuple[Scores, Sentence] | None:
    """A classifier of the classic studio: `Scored Labels`, with a probability per class or for the positive one."""
    row = _single_row(table)
    if "Scored Labels" not in row:
        return None
    about = outputs.get("Scored Labels", Output())
    found = {m[1]: as_number(v) for k, v in row.items() if (m := PROBABILITY.fullmatch(k))}
    if len(found) < 2 or any(value is None for value in found.values()):
        return None
    winner = str(row["Scored Labels"])
    order = sorted(found, key=lambda c: (c != winner, -(found[c] or 0)))
    scores = [Score(_short(about.values.get(c, c)), found[c], top=c == winner) for c in order]
    best, next_one = (figure(score.score) for score in scores[:2] if score.score is not None)
    lead = f"Probability {best}. Next is {scores[1].label}, with {next_one}."
    view = Scores(scores, table.name, about.label or "Class", "Probability", full=1.0)
    return view, Sentence("Most likely ", _short(about.values.get(winner, winner)), ".", lead)


def _rank(number: float | None) -> float:
    return float("inf") if number is None else number


def _shares(table: Table, outputs: Words) -> tuple[Scores, Sentence] | None:
    """Numbers without names that are the shares of one: what a classifier says of each class. The owner's `label` of
    a column, or the `values` of the output by place ("0", "1", ...), names them."""
    columns = table.columns
    if len(table.rows) != 1 or not all(c.type in ("number", "integer") and NUMBERED.fullmatch(c.name) for c in columns):
        return None
    numbers = [as_number(cell) for cell in table.rows[0]]
    shares = [number for number in numbers if number is not None and 0 <= number <= 1]
    if len(shares) < 2 or len(shares) != len(numbers) or abs(sum(shares) - 1) >= 0.02:
        return None
    values = outputs.get(table.name, Output()).values
    names = [
        outputs.get(column.name, Output()).label or values.get(str(i), column.name) for i, column in enumerate(columns)
    ]
    order = sorted(range(len(shares)), key=lambda i: -shares[i])
    scores = [Score(_short(names[i]), shares[i], top=i == order[0]) for i in order]
    view = Scores(scores, table.name, outputs.get(table.name, Output()).label or "Class", "Share", full=1.0)
    return view, _of_scores([view])


def _shares_of_decision(table: Table, outputs: Words) -> tuple[Scores, Sentence] | None:
    """A class that was decided for, and the share of each. The owner's `values` of either output name the classes."""
    decision = decided(table)
    if decision is None or decision.chosen is None:
        return None
    about = outputs.get(decision.column.name, Output())
    columns = [table.columns[i] for i in decision.shares]
    stem = columns[0].name.rpartition("[")[0]
    values = about.values or outputs.get(stem, Output()).values
    first = 1 if decision.value == len(columns) else 0
    numbers = {str(i + first): outputs.get(column.name, Output()).label for i, column in enumerate(columns)}
    names = [_short(values.get(number) or label or number) for number, label in numbers.items()]
    shares = [float(table.rows[0][i]) for i in decision.shares]
    order = sorted(range(len(shares)), key=lambda i: (i != decision.chosen, -shares[i]))
    scores = [Score(names[i], shares[i], top=i == decision.chosen) for i in order]
    label = about.label or decision.word.capitalize() or "Class"
    view = Scores(scores, table.name, label, decision.measure.capitalize(), full=1.0)
    before = _before(about.label, decision)
    return view, Sentence(before, names[decision.chosen], _after(decision), _next_one(scores))


# The sentence


def _sentence(parts: list[Part]) -> Sentence:
    """Says what comes first of: labels, boxes, names in a text, a picture, a number, a table, and so on down. Before
    them comes what speaks for itself."""
    if own := next((said for part in parts if (said := part.sentence())), None):
        return own
    for kind, speak in _SPEAKERS.items():
        if kind == "table" and parts and isinstance(parts[0], Text) and parts[0].name.lower() in ANSWERING_TEXTS:
            return _of_texts(parts)
        if any(part.kind == kind for part in parts):
            return speak([part for part in parts if part.kind == kind])
    return Sentence("The endpoint ", "answered", ".")


def _of_scores(parts: list[Any]) -> Sentence:
    if len(parts) > 1:
        between, which = _which([part.scores[0].label if part.scores else "" for part in parts])
        count = f"{spelled(len(parts))} answers"
        return Sentence(f"{count}{between}", which, ".") if which else Sentence("", count, ".")
    listed = [item for item in parts[0].scores if item.score is not None]
    if not listed:
        return Sentence("The endpoint answered with ", "no labels", ".")
    ties = [_short(item.label) for item in listed if item.score == listed[0].score]
    if len(ties) > 1:
        which = f"{ties[0]} and {ties[1]}" if len(ties) == 2 else f"{spelled(len(ties))} labels"
        return Sentence("", which, f" are equally likely, {figure(listed[0].score)} each.")
    return Sentence("Most likely ", _short(listed[0].label), f", with {figure(listed[0].score)}.", _next_one(listed))


def _next_one(scores: list[Any]) -> str:
    if len(scores) < 2:
        return ""
    said = "almost nothing" if is_tiny(scores[1].score, scores[0].score) else figure(scores[1].score)
    return f"Next is {_short(scores[1].label)}, with {said}."


def _of_boxes(parts: list[Any]) -> Sentence:
    return _of_found("box", "boxes", [box.label for part in parts for box in part.boxes])


def _of_spans(parts: list[Any]) -> Sentence:
    return _of_found("entity", "entities", [span.label for part in parts for span in part.spans])


def _of_found(one: str, many: str, labels: list[str]) -> Sentence:
    count = f"{spelled(len(labels))} {one if len(labels) == 1 else many}"
    return Sentence("", count, f"{''.join(_which(labels))}.")


def _of_numbers(parts: list[Any]) -> Sentence:
    if len(parts) > 1:
        return Sentence("The endpoint answered with ", _counted(len(parts), "number"), ".")
    return _is(parts[0].label, parts[0].value, parts[0].unit)


def _of_tables(tables: list[Any]) -> Sentence:
    for table in tables:
        decision = decided(table) if "Scored Labels" not in _single_row(table) else None
        if decision and _is_sayable(decision.column.named(decision.value)):
            return _of_decision(decision)
    table = tables[0]
    if not table.rows:
        return Sentence("The endpoint answered with ", "no rows", ".")
    row = _single_row(table)
    column = next((c for c in table.columns if c.name == "Scored Labels"), table.columns[0] if len(row) == 1 else None)
    value = row.get(column.name) if column else None
    if column and _is_sayable(value):
        return _is(column.label, column.named(value), column.unit)
    if priced := _with_currency(table):
        return priced
    many = _counted(len(table.rows), "row") if len(table.rows) > 1 else _counted(len(table.columns), "value")
    return Sentence("The endpoint answered with ", many, ".")


def _of_decision(decision: Decision) -> Sentence:
    column, value = decision.column, decision.column.named(decision.value)
    text = _said(value, column.unit)
    if isinstance(value, bool) and not column.label:
        return Sentence(f"{decision.word.capitalize()}: ", text, _after(decision))
    return Sentence(_before(column.label, decision), text, _after(decision))


def _before(label: str, decision: Decision) -> str:
    return f"{label} is " if label else f"The {decision.word or 'answer'} is "


def _after(decision: Decision) -> str:
    return "." if decision.score is None else f", {decision.measure} {figure(decision.score)}."


def _with_currency(table: Table) -> Sentence | None:
    """A single number with its unit beside it: `{"price": 123.5, "currency": "EUR"}`."""
    row = _single_row(table)
    units = [key for key in row if words(key) in UNITS and isinstance(row[key], str) and len(row[key]) <= LONGEST_UNIT]
    if len(row) != 2 or len(units) != 1:
        return None
    column, value = next((c, row[c.name]) for c in table.columns if c.name != units[0])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _is(column.label or f"The {words(column.name)}", value, row[units[0]])


def _of_vectors(parts: list[Any]) -> Sentence:
    sizes = sorted({len(part.values) for part in parts})
    numbers = f"{sizes[0]:,} numbers" if len(sizes) == 1 else "numbers"
    before = "A vector of " if len(parts) == 1 else f"{spelled(len(parts))} vectors of "
    return Sentence(before, numbers, ".")


def _of_images(parts: list[Any]) -> Sentence:
    return _answered(sum(len(part.images) for part in parts), "picture")


def _of_media(parts: list[Any]) -> Sentence:
    return _answered(len(parts), "video" if all(p.content_type.startswith("video/") for p in parts) else "recording")


def _of_texts(parts: list[Any]) -> Sentence:
    texts = [part for part in parts if isinstance(part, Text)]
    text = texts[0].text.strip() if len(texts[0].text) <= 2 * LONGEST_TEXT else ""
    if len(texts) == 1 and 0 < len(text) <= LONGEST_TEXT and _is_sayable(text):
        return Sentence("", " ".join(text.split()), "")
    return _answered(len(texts), "text")


def _is_sayable(value: Any) -> bool:
    """Whether it may stand in a sentence: no lists or objects, and of texts one line without the marks of Markdown."""
    if isinstance(value, str):
        return len(value.strip().splitlines()) <= 1 and not MARKDOWN.search(value[: 2 * LONGEST_TEXT])
    return value is not None and not isinstance(value, dict | list)


def _answered(count: int, what: str) -> Sentence:
    return Sentence("The endpoint answered with ", f"a {what}" if count == 1 else f"{count:,} {what}s", ".")


ANSWERING_TEXTS = frozenset(
    {"generated_text", "summary_text", "translation_text", "output_text", "transcription", "transcript", "caption",
     "text", "answer", "response", "reply", "completion", "summary", "translation", "output", "result", "message"}
)  # fmt: skip
_SPEAKERS: dict[str, Callable[[list[Any]], Sentence]] = {
    "scores": _of_scores,
    "boxes": _of_boxes,
    "spans": _of_spans,
    "images": _of_images,
    "media": _of_media,
    "number": _of_numbers,
    "table": _of_tables,
    "vector": _of_vectors,
    "text": _of_texts,
}


def _is(label: str, value: Any, unit: str) -> Sentence:
    return Sentence(f"{label} is " if label else "The answer is ", _said(value, unit), ".")


def _said(value: Any, unit: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{figure(value) if isinstance(value, int | float) else _short(value)} {unit}".rstrip()


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _which(labels: list[str]) -> tuple[str, str]:
    """What leads from a count of things to their labels, and the labels; nothing where none has one."""
    counts = Counter(labels).most_common()
    if not any(labels):
        return "", ""
    if len(counts) == 1 < len(labels):
        return f", {'both' if len(labels) == 2 else 'all'} ", _short(labels[0])
    is_counted = len(counts) < len(labels)
    said = [(_short(label) or "no label") + (f" ({count:,})" if is_counted else "") for label, count in counts]
    if len(said) > MOST_SAID:
        said[MOST_SAID:] = [_counted(len(said) - MOST_SAID, "other label")]
    return ": ", " and ".join(filter(None, [", ".join(said[:-1]), said[-1]]))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_SAID else text[: LONGEST_SAID - 1] + "…"
