"""What any JSON answer most likely is, by its shape alone: `generic` for all shapes, `table` for rows.

A dialect takes its envelope off (`predictions`, `outputs`, ...) and hands the inside to one of the two. What has no
known shape stays the JSON it is: nothing is lost, and nothing that comes raises.

Sources of the shapes: the task specifications of Hugging Face (labels, token spans, texts), TensorFlow Serving's
classify (`[[label, score], ...]`), Vertex AI (`classes` beside `scores`), TorchServe (`class` with `probability`),
pandas' orients (records, split, columns) and embeddings. Boxes are read in `boxes.py`, rows in `grids.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import BadResponse
from ..media import data_url, sniff, sniff_media
from ..wire import read_json
from . import (
    Boxes,
    Image,
    Images,
    Json,
    Media,
    Number,
    Part,
    Score,
    Scores,
    Span,
    Spans,
    Table,
    Text,
    Vector,
    as_number,
)
from .boxes import LABEL_KEYS, LONGEST_LABEL, SCORE_KEYS, boxes_of_lists, boxes_of_records
from .grids import LONGEST_NAME, LONGEST_SPREAD, column_length, grid, is_split, of_columns, of_records
from .series import is_dated

SHORTEST_VECTOR = 16
LONGEST_CELL = 200  # of a text that may stand in a table rather than for itself
DEEPEST = 6
MOST_APART = 1000  # values of an object that are looked at one by one; with more it is data, no report

LABELS = (*LABEL_KEYS, "emotion", "answer", "token_str", "predicted_class", "predicted_label", "prediction")
OF_ROWS = frozenset({"name", "category", "tag"})  # beside a score and more, these are a row of a table
BESIDE_LABELS = frozenset(
    {"id", "index", "rank", "class_id", "classId", "label_id", "category_id", "tagId", "tagType", "token", "start",
     "end", "text", "input", "inputs", "sentence", "sequence", *LABELS}
)  # fmt: skip
LABEL_LISTS = ("labels", "classes", "class_names", "categories", "displayNames", "names", "tags")
SCORE_LISTS = ("scores", "confidences", "probabilities", "probs")
SCORE_MAPS = re.compile(r"scores|prob|confidences|proba|predictions?$", re.IGNORECASE)
ENTITIES = ("entity_group", "entity", "label", "type", "tag")
TEXTS = ("generated_text", "summary_text", "translation_text", "output_text", "transcription", "transcript", "caption",
         "text")  # fmt: skip
BOX_LISTS = frozenset({"boxes", "detections", "objects", "tags", "bboxes"})
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)


def generic(raw: Any, name: str = "", n_rows: int = 0) -> list[Part]:
    """The parts of an answer, or of an output of it. `name` is the output's name; `n_rows` how many rows were asked
    about, 0 where that is not known: it decides whether a list is one row's answer or holds one for each."""
    return _read(raw, name[:LONGEST_NAME], n_rows, 0)


def _read(value: Any, name: str, n_rows: int, depth: int) -> list[Part]:
    if isinstance(value, list):
        return _of_list(value, name, n_rows, depth)
    if isinstance(value, dict):
        return _of_object(value, name, n_rows, depth)
    if isinstance(value, str):
        return _of_text(value, name, n_rows, depth)
    if isinstance(value, bool):
        return [grid(name, [[value]])]
    return [Number(value, name)] if as_number(value) is not None else [Json(value, name)]


# Texts, pictures, sound


def binary(data: str, name: str = "") -> Part | None:
    """A picture, sound or video in base64 or in a data URL; None for anything else, SVG too."""
    coded = (data_url(data) or ("", data))[1]
    picture, media = sniff(coded), sniff_media(coded)
    if not picture and not media:
        return None
    if not BASE64.fullmatch(coded):
        coded = "".join(coded.split())
        if not BASE64.fullmatch(coded):
            return None
    return Images([Image(picture, coded)], name) if picture else Media(media, coded, name)


def _of_text(value: str, name: str, n_rows: int, depth: int) -> list[Part]:
    """Some services return JSON as a string in JSON."""
    if depth < DEEPEST and value.lstrip()[:1] in ("{", "["):
        try:
            return _read(read_json(value.encode("utf-8", "replace")), name, n_rows, depth + 1)
        except BadResponse:
            return [Text(value, name)]
    return [binary(value, name) or Text(value, name)]


def _of_texts(values: list[str], name: str, n_rows: int) -> list[Part]:
    read = [binary(value, name) or Text(value, name) for value in values]
    pictures = [image for part in read if isinstance(part, Images) for image in part.images]
    if len(pictures) == len(values):
        return [Images(pictures, name)]
    if len(values) > 1 and all(isinstance(part, Text) and _is_short(part.text) for part in read):
        return table(name, values, n_rows)
    return _numbered([[part] for part in read])


def _is_short(text: str) -> bool:
    return len(text) <= LONGEST_CELL and "\n" not in text


# Lists


def _of_list(items: list[Any], name: str, n_rows: int, depth: int) -> list[Part]:
    if not items:
        return [Boxes(name, [])] if name in BOX_LISTS else [Table(name, [], [])]
    is_one_each = len(items) == n_rows > 1
    if not is_one_each and (view := _view(items, name)):
        return [view]
    if not is_one_each and isinstance(items[0], dict) and (masked := _labels_with_pictures(items, name)):
        return masked
    if all(isinstance(item, str) for item in items):
        return _of_texts(items, name, n_rows)
    each = _each(items, name, n_rows, depth) if depth < DEEPEST else []
    return each or table(name, items, n_rows)


def _view(items: list[Any], name: str) -> Part | None:
    """One answer made of several items: labels, boxes, spans, an embedding."""
    first = items[0]
    if isinstance(first, dict):
        return spans(items, name) or boxes_of_records(items, name) or _labels_of_records(items, name)
    if isinstance(first, list):
        return _labels_of_pairs(items, name)
    return _vector(items, name)


def _each(items: list[Any], name: str, n_rows: int, depth: int) -> list[Part]:
    """A view for each item, where each has one: for each row, as it was asked."""
    if all(isinstance(item, list) and item for item in items):
        may_be_vectors = len(items) in (1, n_rows)
        views = []
        for item in items:
            view = _view(item, name)
            if view is None or (isinstance(view, Vector) and not may_be_vectors):
                return []
            views.append([view])
        return _numbered(views)
    if not all(isinstance(item, dict) for item in items):
        return []
    has_texts = len(items[0]) == 1 and next(iter(items[0])) in TEXTS
    if len(items) > 1 and not has_texts and all(_is_flat(item) for item in items):
        return []
    if not _is_rich(_of_object(items[0], name, 1, depth + 1)):
        return []
    return _numbered([_of_object(item, name, 1, depth + 1) for item in items])


def _numbered(each: list[list[Part]]) -> list[Part]:
    if len(each) == 1:
        return each[0]
    return [replace(part, row=row) for row, parts in enumerate(each) for part in parts]


def _is_flat(record: Mapping[str, Any]) -> bool:
    return not any(isinstance(v, list | dict) or (isinstance(v, str) and sniff(v)) for v in record.values())


def _is_rich(parts: Iterable[Part]) -> bool:
    return any(not isinstance(part, Table | Json | Number) for part in parts)


# Labels


def scores(pairs: Iterable[tuple[Any, Any]], name: str = "", label: str = "Label", measure: str = "Score") -> Scores:
    """Labels with their numbers, best first. Numbers to about a hundred in all are percent."""
    listed = [(str(text)[:LONGEST_LABEL], as_number(number)) for text, number in pairs]
    listed.sort(key=lambda pair: float("-inf") if pair[1] is None else pair[1], reverse=True)
    numbers = [number for _, number in listed if number is not None]
    full = 1.0 if numbers and all(0 <= number <= 1 for number in numbers) else None
    if numbers and min(numbers) >= 0 and 75 <= sum(numbers) <= 101:
        full, measure = 100.0, "Percent"
    found = [Score(text, number, top=i == 0 and number is not None) for i, (text, number) in enumerate(listed)]
    return Scores(found, name, label, measure, full=full)


def _label_and_score(record: Any) -> tuple[str, str] | None:
    """The keys of label and score in a record that holds little else."""
    keys = _keys_of_label(record) if isinstance(record, dict) and len(record) <= 12 else None
    if keys is None or (keys[0] == "name" and not 0 <= (as_number(record[keys[1]]) or 0) <= 1):
        return None  # a name with points is a row of a table
    others = record.keys() - BESIDE_LABELS - {keys[1]}
    return None if any(record[key] is not None for key in others) else keys


def _keys_of_label(record: Mapping[str, Any]) -> tuple[str, str] | None:
    label = next((key for key in LABELS if _is_name(record.get(key))), None)
    score = next((key for key in SCORE_KEYS if as_number(record.get(key)) is not None), None)
    return (label, score) if label and score else None


def _is_name(value: Any) -> bool:
    if isinstance(value, str):
        return len(value.strip().splitlines()) <= 1
    return isinstance(value, int) and not isinstance(value, bool)


def _labels_of_records(records: list[Any], name: str) -> Scores | None:
    keys = _label_and_score(records[0])
    if keys is None or not all(_label_and_score(record) == keys for record in records):
        return None
    return _labels_under(records, *keys, name)


def _labels_under(records: list[Any], label: str, score: str, name: str) -> Scores:
    pairs = ((record[label], record[score]) for record in records)
    heading = label.capitalize() if label in ("class", "category", "emotion", "answer") else "Label"
    return scores(pairs, name, heading, score.capitalize() if len(score) > 4 else "Score")


def _labels_with_pictures(records: list[Any], name: str) -> list[Part]:
    """Segmentation: each label with its mask, a picture."""
    key = next((key for key, value in records[0].items() if isinstance(value, str) and sniff(value)), None)
    if key is None:
        return []
    without = [{k: v for k, v in r.items() if k != key} if isinstance(r, dict) else r for r in records]
    found = _labels_of_records(without, name)
    read = [(record, binary(str(record.get(key, "")))) for record in records] if found else []
    images = [
        replace(image, label=str(next((record[k] for k in LABELS if k in record), ""))[:LONGEST_LABEL])
        for record, part in read
        if isinstance(part, Images)
        for image in part.images
    ]
    return [found, Images(images, name)] if found else []


def _labels_of_pairs(pairs: list[Any], name: str) -> Scores | None:
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str) or as_number(pair[1]) is None:
            return None
        if isinstance(pair[1], str):
            return None
    return scores(((label, score) for label, score in pairs), name)


def _labels_of_lists(record: Mapping[str, Any], name: str, n_rows: int) -> Scores | None:
    labels = next((record[key] for key in LABEL_LISTS if isinstance(record.get(key), list)), None)
    numbers = next((record[key] for key in SCORE_LISTS if isinstance(record.get(key), list)), None)
    if not labels or not numbers or len(labels) != len(numbers) or len(labels) == n_rows > 1:
        return None
    if not all(_is_name(label) for label in labels) or any(as_number(number) is None for number in numbers):
        return None
    return scores(zip(labels, numbers, strict=True), name)


def _labels_of_map(record: Mapping[str, Any], name: str) -> Scores | None:
    """`{label: score}`: numbers that are the shares of one, or shares of whatever under a name that says so."""
    numbers = list(record.values())
    if len(numbers) < 2 or not all(_is_share(number) for number in numbers):
        return None
    return scores(record.items(), name) if SCORE_MAPS.search(name) or _is_distribution(numbers) else None


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_distribution(numbers: list[Any]) -> bool:
    return len(numbers) > 1 and all(_is_share(number) for number in numbers) and abs(sum(numbers) - 1) < 0.02


# Spans and vectors


def spans(records: list[Any], name: str = "", text: str = "") -> Spans | None:
    """Places in a text with what they are; None unless every record is one."""
    found = [_span(record) for record in records]
    listed = [span for span in found if span is not None]
    return Spans(text, listed, name) if listed and len(listed) == len(found) else None


def _span(record: Any) -> Span | None:
    if not isinstance(record, dict):
        return None
    start, end = record.get("start"), record.get("end")
    label = next((record[key] for key in ENTITIES if isinstance(record.get(key), str)), None)
    if type(start) is not int or type(end) is not int or label is None or not 0 <= start <= end < 2**53:
        return None
    word = next((record[key] for key in ("word", "text", "token") if isinstance(record.get(key), str)), "")
    return Span(start, end, label[:LONGEST_LABEL], as_number(record.get("score")), word[:LONGEST_CELL])


def _vector(items: list[Any], name: str) -> Vector | None:
    if len(items) < SHORTEST_VECTOR or not are_numbers(items) or _is_distribution(items):
        return None
    return Vector(items, name)


def are_numbers(value: Any) -> bool:
    """Whether it is a list of finite numbers and nothing else."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(item, int | float) and as_number(item) is not None for item in value)


# Objects


def _of_object(record: dict[str, Any], name: str, n_rows: int, depth: int) -> list[Part]:
    if not record:
        return [Json(record, name)]
    if _label_and_score(record):
        return [part for part in [_labels_of_records([record], name)] if part]
    if view := boxes_of_lists(record, name) or _labels_of_lists(record, name, n_rows) or _labels_of_map(record, name):
        return [view]
    if is_dated(record):
        return table(name, record)
    keys = _keys_of_label(record)
    if keys and keys[0] not in OF_ROWS and depth < DEEPEST:
        rest = {key: value for key, value in record.items() if key not in keys}
        return [_labels_under([record], *keys, name), *_of_several(rest, name, n_rows, depth)]
    if text := next((key for key in TEXTS if isinstance(record.get(key), str)), ""):
        spoken = _of_spoken(record, text, n_rows, depth)
        if spoken:
            return spoken
    if len(record) == 1 and depth < DEEPEST:
        key, inside = next(iter(record.items()))
        if isinstance(inside, list | dict):
            return _read(inside, key[:LONGEST_NAME], n_rows, depth + 1)
    if depth < DEEPEST and not column_length(record, n_rows) and not is_split(record):
        return _of_several(record, name, n_rows, depth)
    return table(name, record, n_rows)


def _of_spoken(record: Mapping[str, Any], key: str, n_rows: int, depth: int) -> list[Part]:
    """A text that was written or heard, alone or with what belongs to it: the places of names, the pieces in time."""
    others = {other: value for other, value in record.items() if other != key and value is not None}
    if any(not isinstance(value, str | list | dict) or value == "" for value in others.values()):
        return []
    for value in others.values():
        marked = spans(value, "", record[key]) if isinstance(value, list) else None
        if marked:
            return [marked]
    parts = [part for other, value in others.items() if isinstance(value, list) for part in table(other, value, 0)]
    return [Text(record[key], key), *parts]


def _of_several(record: dict[str, Any], name: str, n_rows: int, depth: int) -> list[Part]:
    """What can be looked at for itself, then one row of what is left."""
    parts: list[Part] = []
    left: dict[str, Any] = {}
    for number, (key, value) in enumerate(record.items()):
        found = _apart(value, key[:LONGEST_NAME], n_rows, depth + 1) if number < MOST_APART else []
        found = _below(key[:LONGEST_NAME], found)
        parts += found
        if not found:
            left[key] = value
    winners = {item.label for part in parts if isinstance(part, Scores) for item in part.scores if item.top}
    if parts:
        left = {key: value for key, value in left.items() if value is not None and str(value) not in winners}
    return [*parts, *(table(name, left, 1) if left else [])]


def _below(key: str, parts: list[Part]) -> list[Part]:
    """What has a name of its own inside gets the path to it: `result.items`."""
    return [part if (name := vars(part)["name"]) in ("", key) else _renamed(part, f"{key}.{name}") for part in parts]


def _renamed(part: Part, name: str) -> Part:
    changes: dict[str, Any] = {"name": name[:LONGEST_NAME]}
    return replace(part, **changes)


def _apart(value: Any, key: str, n_rows: int, depth: int) -> list[Part]:
    if isinstance(value, str):
        part = binary(value, key)
        return [part] if part else [] if _is_short(value) else [Text(value, key)]
    if isinstance(value, dict):
        found = _read(value, key, n_rows, depth)
        return found if _is_rich(found) or any(isinstance(p, Table) and len(p.rows) > 1 for p in found) else []
    if not isinstance(value, list) or (not value and key not in BOX_LISTS):
        return []
    is_row = (
        len(value) != n_rows and len(value) <= LONGEST_SPREAD and not any(isinstance(v, list | dict) for v in value)
    )
    found = _read(value, key, n_rows if len(value) == n_rows else 1, depth)
    is_plain = all(isinstance(part, Table | Json | Number | Text) for part in found)
    return [] if is_row and is_plain and not any(isinstance(v, str) and not _is_short(v) for v in value) else found


# Rows


def table(name: str, value: Any, n_rows: int = 0) -> list[Part]:
    """The rows of a list of scalars, of lists or of records, of an object of columns, of a split frame or of one
    record; anything else as the JSON it is. Columns without a name are called after the output `name`, with [i] behind
    when there are several. Lists of few scalars in the cells of a column become columns. `n_rows` as for `generic`."""
    name = name[:LONGEST_NAME]
    if isinstance(value, dict):
        return [of_columns(name, value, n_rows)]
    if not isinstance(value, list):
        return [grid(name, [[value]])]
    if any(isinstance(item, dict) for item in value):
        return [of_records(name, value)]
    if n_rows == 1 and len(value) > 1 and are_numbers(value):
        return [grid(name, [value])]
    return [grid(name, [item if isinstance(item, list) else [item] for item in value])]
