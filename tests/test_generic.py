"""The reader of shapes, against real answers and against every shape that it must not fall over."""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from vectors_of import agrees, means, reply_of, vectors_of

from FlaskAppAML.results import (
    Box,
    Boxes,
    Column,
    Image,
    Images,
    Json,
    Media,
    Number,
    Part,
    Result,
    Score,
    Scores,
    Span,
    Spans,
    Table,
    Text,
    Vector,
    load,
)
from FlaskAppAML.results.presentation import present
from FlaskAppAML.results.shapes import binary, generic, table
from FlaskAppAML.wire import dumps

PNG = "iVBORw0KGgo="
WAV = base64.b64encode(b"RIFF\0\0\0\0WAVEfmt " + bytes(40)).decode()
SVG = base64.b64encode(b"<svg onload='alert(1)'/>").decode()

# The envelopes that dialects take off.
ENVELOPES = {"mlflow": "predictions", "tensorflow": "predictions", "vertex": "predictions", "sagemaker": "predictions",
             "cog": "output"}  # fmt: skip
READ_BY_THEIR_DIALECT = ("aml_classic", "open_inference", "openai")
FACTS = {"rows", "labels", "boxes", "spans", "text", "image", "multi"}
ANSWERS = {
    name: vector
    for name, vector in vectors_of("").items()
    if FACTS & vector["expected"].keys()
    and vector["dialect"] not in READ_BY_THEIR_DIALECT
    and not any(kind in vector["response"]["body"] for kind in ("$base64", "$text"))
}


def only(raw: Any, name: str = "", n_rows: int = 0) -> Part:
    (part,) = generic(raw, name, n_rows)
    return part


@pytest.mark.parametrize("vector", ANSWERS.values(), ids=ANSWERS)
def test_a_real_answer_means_what_it_should(vector: dict[str, Any]) -> None:
    raw = reply_of(vector).json()
    envelope = ENVELOPES.get(vector["dialect"], "")
    inside = raw.get(envelope, raw.get("outputs", raw)) if envelope else raw
    name = "prediction" if envelope == "predictions" else ""
    n_rows = len(vector["inputs"].get("rows", []))
    assert agrees(vector["expected"], Result(generic(inside, name, n_rows), raw))


def test_most_answers_are_tried() -> None:
    assert len(ANSWERS) >= 30


# Labels


@pytest.mark.parametrize(
    "raw",
    [
        [{"label": "cat", "score": 0.9}, {"label": "dog", "score": 0.1}],
        [{"label": "dog", "score": 0.1}, {"label": "cat", "score": 0.9}],
        [[{"label": "cat", "score": 0.9}, {"label": "dog", "score": 0.1}]],
        [{"class": "cat", "probability": "0.9"}, {"class": "dog", "probability": "0.1"}],
        [{"class_name": "cat", "confidence": 0.9, "class_id": 5}, {"class_name": "dog", "confidence": 0.1, "id": 7}],
        [["cat", 0.9], ["dog", 0.1]],
        [[["cat", 0.9], ["dog", 0.1]]],
        {"cat": 0.9, "dog": 0.1},
        [{"cat": 0.9, "dog": 0.1}],
        {"labels": ["cat", "dog"], "scores": [0.9, 0.1]},
        {"sequence": "miau", "labels": ["cat", "dog"], "scores": [0.9, 0.1]},
        {"displayNames": ["cat", "dog"], "confidences": [0.9, 0.1]},
        [{"classes": ["cat", "dog"], "scores": [0.9, 0.1]}],
        {"results": [{"label": "cat", "score": 0.9}, {"label": "dog", "score": 0.1}]},
        {"label": "cat", "scores": {"cat": 0.9, "dog": 0.1}},
        {"data": {"predictions": [{"tagName": "cat", "probability": 0.9}, {"tagName": "dog", "probability": 0.1}]}},
        '[{"label": "cat", "score": 0.9}, {"label": "dog", "score": 0.1}]',
    ],
)
def test_labels_with_scores(raw: Any) -> None:
    (part,) = generic(raw)
    assert isinstance(part, Scores)
    assert part.scores == [Score("cat", 0.9, True), Score("dog", 0.1)]
    assert part.full == 1.0


def test_labels_have_the_words_of_their_keys() -> None:
    part = only([{"emotion": "happy", "probability": 0.9}])
    assert isinstance(part, Scores)
    assert (part.label, part.measure) == ("Emotion", "Probability")


def test_scores_that_are_percent_say_so() -> None:
    percent, logits = only([["a", 98.1], ["b", 0.9]]), only([["a", 10.0], ["b", 5.0]])
    assert isinstance(percent, Scores)
    assert isinstance(logits, Scores)
    assert (percent.measure, percent.full) == ("Percent", 100.0)
    assert (logits.measure, logits.full) == ("Score", None)


def test_labels_of_several_rows_say_which() -> None:
    parts = generic([[{"label": "a", "score": 1}], [{"label": "b", "score": 1}]], "", 2)
    assert [(type(part), part.row) for part in parts] == [(Scores, 0), (Scores, 1)]


def test_one_label_for_each_row_is_a_table() -> None:
    raw = [{"label": "a", "score": 0.9}, {"label": "b", "score": 0.8}]
    assert isinstance(only(raw, n_rows=2), Table)
    assert isinstance(only(raw, n_rows=1), Scores)
    assert isinstance(only([["a", 0.9], ["b", 0.8]], n_rows=2), Table)
    assert isinstance(only({"labels": ["a", "b"], "scores": [0.9, 0.8]}, n_rows=2), Table)


def test_what_stands_beside_a_label_is_kept() -> None:
    parts = generic({"prediction": "setosa", "probability": 0.98, "version": "3"})
    assert parts == [
        Scores([Score("setosa", 0.98, True)], "", "Label", "Probability", full=1.0),
        Table("", [Column("version")], [["3"]]),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        [{"name": "Ada", "score": 12}],
        [{"label": "a", "score": 0.9, "price": 5}, {"label": "b", "score": 0.8, "price": 6}],
        {"a": 0.9, "b": 0.9},
        {"a": 1.5, "b": -0.5},
        {"a": 1.0},
        [["a", "0.9"], ["b", "0.1"]],
        [["a", 0.9, 1]],
        {"labels": ["a"], "scores": [0.9, 0.1]},
        {"label": 0},
    ],
)
def test_other_records_are_no_labels(raw: Any) -> None:
    assert isinstance(only(raw), Table)


def test_masks_stay_with_their_labels() -> None:
    raw = [{"label": "cat", "score": 0.9, "mask": PNG}, {"label": "dog", "score": 0.8, "mask": PNG}]
    labels, masks = generic(raw)
    assert isinstance(labels, Scores)
    assert masks == Images([Image("image/png", PNG, "cat"), Image("image/png", PNG, "dog")])


# Boxes

CAT = Box("cat", 0.9, 10, 20, 30, 60)


@pytest.mark.parametrize(
    "raw",
    [
        [{"label": "cat", "score": 0.9, "box": {"xmin": 10, "ymin": 20, "xmax": 30, "ymax": 60}}],
        [[{"label": "cat", "score": 0.9, "box": {"xmin": 10, "ymin": 20, "xmax": 30, "ymax": 60}}]],
        {"results": [{"label": "cat", "score": 0.9, "box": {"xmin": 10, "ymin": 20, "xmax": 30, "ymax": 60}}]},
        {"tags": [{"label": "cat", "score": "0.9", "bbox": "[10. 20. 30. 60.]"}]},
        [{"name": "cat", "class": 7, "confidence": 0.9, "box": {"x1": 10, "y1": 20, "x2": 30, "y2": 60}}],
        [{"class_name": "cat", "conf": 0.9, "xyxy": [10, 20, 30, 60]}],
        [{"label": "cat", "score": 0.9, "xywh": [20, 40, 20, 40]}],
        [{"category_id": "cat", "score": 0.9, "bbox": [10, 20, 20, 40]}],
        [{"tagName": "cat", "probability": 0.9, "boundingBox": {"left": 10, "top": 20, "width": 20, "height": 40}}],
        {"predictions": [{"x": 20, "y": 40, "width": 20, "height": 40, "class": "cat", "confidence": 0.9}]},
        [{"label": "cat", "score": 0.9, "x": 10, "y": 20, "w": 20, "h": 40}],
        [{"label": "cat", "score": 0.9, "x_min": 10, "y_min": 20, "x_max": 30, "y_max": 60}],
        [{"label": "cat", "score": 0.9, "bbox": {"cx": 20, "cy": 40, "w": 20, "h": 40}}],
        [{"label": "cat", "score": 0.9, "box": {"xmin": 30, "ymin": 60, "xmax": 10, "ymax": 20}}],
        {"boxes": [[10, 20, 30, 60]], "labels": ["cat"], "scores": [0.9]},
        [{"detection_boxes": [[20, 10, 60, 30]], "detection_scores": [0.9], "detection_class_names": ["cat"]}],
    ],
)
def test_boxes_of_all_detectors(raw: Any) -> None:
    part = only(raw)
    assert isinstance(part, Boxes)
    assert (part.boxes, part.units) == ([CAT], "pixel")


def test_sizes_are_known_when_one_box_cannot_be_corners() -> None:
    part = only([{"label": "a", "bbox": [10, 20, 30, 40]}, {"label": "b", "bbox": [100, 100, 5, 5]}])
    assert isinstance(part, Boxes)
    assert [(b.x0, b.y0, b.x1, b.y1) for b in part.boxes] == [(10, 20, 40, 60), (100, 100, 105, 105)]


def test_numbers_up_to_one_are_fractions() -> None:
    part = only([{"label": "a", "box": {"topX": 0.1, "topY": 0.2, "bottomX": 0.5, "bottomY": 1.0}}])
    assert isinstance(part, Boxes)
    assert part.units == "fraction"


def test_no_boxes_are_boxes_too() -> None:
    assert only({"boxes": []}) == Boxes("", [])
    assert only({"boxes": [], "labels": [], "scores": []}) == Boxes("", [])
    assert only([]) == Table("", [], [])


@pytest.mark.parametrize(
    "raw",
    [
        [{"x": 1, "y": 2, "width": 3, "height": 4}],
        [{"label": "a", "bbox": [1, 2, 3]}],
        [{"label": "a", "bbox": ["a", 2, 3, 4]}],
        [{"label": "a", "bbox": "[1e308 1e308 1e308 1e308 1]"}],
        [{"label": "a", "xywh": ["1e308", 0, "1.7e308", 0]}, {"label": "a", "xywh": ["1.7e308", 0, "1.7e308", 0]}],
        [{"label": "a", "box": {"xmin": 1}}],
        [{"label": "a", "box": None}],
        [{"label": "a", "bbox": [1, 2, 3, 4]}, {"label": "b"}],
        {"boxes": [[1, 2], [3, 4]], "labels": ["a", "b"]},
    ],
)
def test_what_has_no_four_numbers_is_no_box(raw: Any) -> None:
    assert not any(isinstance(part, Boxes) for part in generic(raw))


# Texts, spans, vectors, pictures, sound


@pytest.mark.parametrize(
    "raw",
    [
        [{"entity_group": "PER", "score": 0.99, "word": "Sarah", "start": 11, "end": 16}],
        [[{"entity": "PER", "score": 0.99, "word": "Sarah", "start": 11, "end": 16, "index": 3}]],
        {"entities": [{"label": "PER", "score": 0.99, "text": "Sarah", "start": 11, "end": 16}]},
    ],
)
def test_places_in_a_text(raw: Any) -> None:
    part = only(raw)
    assert isinstance(part, Spans)
    assert (part.spans, part.text) == ([Span(11, 16, "PER", 0.99, "Sarah")], "")


def test_places_come_with_their_text() -> None:
    raw = {"text": "My name is Sarah", "ents": [{"start": 11, "end": 16, "label": "PER"}]}
    assert only(raw) == Spans("My name is Sarah", [Span(11, 16, "PER")])


@pytest.mark.parametrize(
    "change", [{"start": -1}, {"end": 3}, {"start": 1.5}, {"start": True}, {"label": 5}, {"end": 2**60}]
)
def test_odd_places_are_none(change: dict[str, Any]) -> None:
    record = {"label": "PER", "start": 11, "end": 16, "score": 1, **change}
    assert not any(isinstance(part, Spans) for part in generic([record]))


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        ("plain", ["plain"]),
        ("", [""]),
        ("[not JSON", ["[not JSON"]),
        (["one text"], ["one text"]),
        ([{"generated_text": "Once."}], ["Once."]),
        ([{"summary_text": "Short."}], ["Short."]),
        ({"text": "Heard.", "language": None}, ["Heard."]),
        (["x" * 300, "y"], ["x" * 300, "y"]),
        ([{"generated_text": "a"}, {"generated_text": "b"}], ["a", "b"]),
    ],
)
def test_texts(raw: Any, texts: list[str]) -> None:
    parts = generic(raw)
    assert [part.text for part in parts if isinstance(part, Text)] == texts
    assert len(parts) == len(texts)
    assert [part.row for part in parts] == ([None] if len(texts) == 1 else [0, 1])


def test_a_text_with_its_pieces() -> None:
    text, pieces = generic({"text": "He said.", "chunks": [{"timestamp": [0.0, 1.0], "text": "He said."}]})
    assert text == Text("He said.", "text")
    assert isinstance(pieces, Table)
    assert [column.name for column in pieces.columns] == ["timestamp[0]", "timestamp[1]", "text"]


def test_short_texts_are_rows() -> None:
    assert only(["a", "b"], n_rows=2) == Table("", [Column("prediction")], [["a"], ["b"]])


def test_embeddings() -> None:
    numbers = [i / 10 for i in range(20)]
    assert only(numbers) == Vector(numbers)
    assert only([numbers]) == Vector(numbers)
    assert only({"embedding": numbers}) == Vector(numbers, "embedding")
    parts = generic([numbers, numbers], "e", 2)
    assert parts == [Vector(numbers, "e", row=0), Vector(numbers, "e", row=1)]
    assert [part.row for part in generic([{"embedding": numbers}] * 2, "", 2)] == [0, 1]


def test_long_lists_that_are_no_embeddings() -> None:
    assert isinstance(only([0.5] * 20, n_rows=20), Table), "one number for each row"
    assert isinstance(only([[0.5] * 20] * 3), Table), "a matrix"
    shares = only([[0.05] * 20])
    assert isinstance(shares, Table), "the shares of twenty classes"
    assert len(shares.columns) == 20
    assert isinstance(present(Result([shares], None), {}, "").parts[0], Scores)


@pytest.mark.parametrize(
    "data",
    [PNG, f"data:image/png;base64,{PNG}", f"data:image/svg+xml;base64,{PNG}", PNG[:-1] + "A" * 65 + "\n" + "A" * 76],
)
def test_pictures_are_what_their_bytes_say(data: str) -> None:
    part = binary(data, "plot")
    assert isinstance(part, Images)
    assert (part.images[0].content_type, part.images[0].base64[:11]) == ("image/png", PNG[:11])
    assert "\n" not in part.images[0].base64
    assert only(data, "plot") == part


@pytest.mark.parametrize(
    "data", [SVG, f"data:image/svg+xml;base64,{SVG}", f"data:image/png;base64,{SVG}", f"{PNG}<script>"]
)
def test_no_markup_passes_for_a_picture(data: str) -> None:
    assert binary(data) is None
    assert only(data) == Text(data)


def test_pictures_and_sound_among_other_things() -> None:
    parts = generic({"count": 2, "plot": PNG, "voice": WAV, "note": None})
    assert parts == [
        Images([Image("image/png", PNG)], "plot"),
        Media("audio/wav", WAV, "voice"),
        Table("", [Column("count", "integer")], [[2]]),
    ]
    assert only([PNG, PNG]) == Images([Image("image/png", PNG)] * 2)


# Numbers and rows


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        (3, Number(3)),
        (2.5, Number(2.5)),
        (2**70, Number(2**70)),
        (True, Table("", [Column("prediction", "boolean")], [[True]])),
        (None, Json(None)),
        (float("nan"), Json),
        (10**400, Json(10**400)),
        ({}, Json({})),
        ({"price": 5}, Table("", [Column("price", "integer")], [[5]])),
        ({"result": {"price": 5}}, Table("result", [Column("price", "integer")], [[5]])),
        ({"ok": True, "result": {"price": {"eur": 5}}}, Table(
            "", [Column("ok", "boolean"), Column("result.price.eur", "integer")], [[True, 5]])),
        ([0], Table("", [Column("prediction", "integer")], [[0]])),
        ([1, None], Table("", [Column("prediction", "integer")], [[1], [None]])),
        ([1, 2.5], Table("", [Column("prediction", "number")], [[1], [2.5]])),
        ([1, "a"], Table("", [Column("prediction")], [[1], ["a"]])),
        ([{"a": 1}, {"b": 2}], Table("", [Column("a", "integer"), Column("b", "integer")], [[1, None], [None, 2]])),
        ([{"a": 1}, 5], Table("", [Column("a", "integer")], [[1], [None]])),
        ([{}, {}], Table("", [], [[], []])),
        ({"columns": ["a", "b"], "index": [0], "data": [[1, "x"]]},
         Table("", [Column("a", "integer"), Column("b")], [[1, "x"]])),
        ({"a": {"0": 1, "1": 2}, "b": {"0": 3, "1": 4}},
         Table("", [Column("a", "integer"), Column("b", "integer")], [[1, 3], [2, 4]])),
        ({"a": [1, 2], "b": ["x", "y"]}, Table("", [Column("a", "integer"), Column("b")], [[1, "x"], [2, "y"]])),
        ({"a": [1], "p": [[0.4, 0.5]]}, Table(
            "", [Column("a", "integer"), Column("p[0]", "number"), Column("p[1]", "number")], [[1, 0.4, 0.5]])),
    ],
)  # fmt: skip
def test_numbers_and_rows(raw: Any, part: Any) -> None:
    found = only(raw)
    assert isinstance(found, part) if isinstance(part, type) else found == part


@pytest.mark.parametrize(
    ("value", "n_rows", "columns", "rows"),
    [
        ([0.1, 0.7, 0.2], 1, ["p[0]", "p[1]", "p[2]"], [[0.1, 0.7, 0.2]]),
        ([0.1, 0.7, 0.2], 3, ["p"], [[0.1], [0.7], [0.2]]),
        ([0.1, 0.7, 0.2], 0, ["p"], [[0.1], [0.7], [0.2]]),
        ([[1], [2]], 2, ["p"], [[1], [2]]),
        ([[1, 2], [3]], 2, ["p[0]", "p[1]"], [[1, 2], [3, None]]),
        ([[[1, 2]], [[3, 4]]], 2, ["p[0]", "p[1]"], [[1, 2], [3, 4]]),
        ([[[1, 2]], [[3]]], 2, ["p"], [[[1, 2]], [[3]]]),
        ({"score": [0.1, 0.9]}, 1, ["score[0]", "score[1]"], [[0.1, 0.9]]),
        ({"score": [0.1, 0.9]}, 2, ["score"], [[0.1], [0.9]]),
        (5, 1, ["p"], [[5]]),
        (None, 1, ["p"], [[None]]),
        ([], 1, [], []),
    ],
)
def test_rows_by_how_many_were_asked_about(value: Any, n_rows: int, columns: list[str], rows: list[Any]) -> None:
    (part,) = table("p", value, n_rows)
    assert isinstance(part, Table)
    assert [column.name for column in part.columns] == columns
    assert part.rows == rows


def test_names_are_cut() -> None:
    (part,) = generic({"n" * 5000: 1, "m": [1] * 3}, "o" * 5000)
    assert isinstance(part, Table)
    assert max(len(column.name) for column in part.columns) <= 210
    assert len(part.name) == 200


# Whatever comes


KEYS = (
    *("label", "score", "box", "bbox", "xmin", "x", "y", "width", "height", "start", "end", "text", "word", "data", ""),
    *("columns", "boxes", "scores", "labels", "0", "1", "predictions", "name", "class", "entity", "xywh", "index"),
)
LEAVES: tuple[Any, ...] = (
    *(None, True, 0, 1, 0.5, -1, 1e308, 2**80, 10**400, float("nan"), float("inf"), "", "a", "0.5", PNG, WAV, SVG),
    *("[1 2 3 4]", '{"a": 1}', "[[", "1e999", "\ud800", f"data:image/png;base64,{PNG}"),
)


def some_json(dice: random.Random, depth: int = 0) -> Any:
    match dice.randrange(3 if depth < 5 else 1):
        case 0:
            return dice.choice(LEAVES)
        case 1:
            same = some_json(dice, depth + 1)
            return [same if dice.random() < 0.6 else some_json(dice, depth + 1) for _ in range(dice.randrange(5))]
    return {dice.choice(KEYS): some_json(dice, depth + 1) for _ in range(dice.randrange(6))}


@pytest.mark.parametrize("seed", range(40))
def test_any_json_has_parts_a_sentence_and_a_way_to_disk(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        raw = some_json(dice)
        n_rows = dice.randrange(4)
        parts = generic(raw, "out", n_rows)
        shown = present(Result(parts + table("t", raw, n_rows), raw), {}, "a text")
        assert parts
        assert str(shown.said)
        for part in shown.parts:
            assert load(json.loads(dumps(part.document()))).kind == part.kind
        means(shown)


def nested(depth: int, of: str) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = (
            {"a": value, "b": 1} if of == "objects" else [value, 1] if of == "lists" else {"a": [value], "b": [[value]]}
        )
    return value


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(
            lambda: [{f"k{i}-{j}": 1 for j in range(500)} for i in range(900)],
            id="every record its own columns",
            marks=pytest.mark.slow,
        ),
        pytest.param(lambda: [[0] * 200_000, *[[]] * 100_000], id="one long row among empty ones"),
        pytest.param(lambda: [[0.5] * 500] * 900, id="a matrix"),
        pytest.param(lambda: [{"label": "a", "score": 0.5}] * 100_000, id="labels"),
        pytest.param(
            lambda: [[{"label": "a", "score": 0.5}]] * 50_000, id="labels of many rows", marks=pytest.mark.slow
        ),
        pytest.param(lambda: [{"label": "a", "box": [1, 2, 3, 4]}] * 50_000, id="boxes", marks=pytest.mark.slow),
        pytest.param(lambda: [{"label": "a", "start": i, "end": i} for i in range(80_000)], id="spans"),
        pytest.param(lambda: {f"k{i}": i for i in range(200_000)}, id="a wide object", marks=pytest.mark.slow),
        pytest.param(
            lambda: {f"k{i}": {"a": [i]} for i in range(60_000)}, id="objects in an object", marks=pytest.mark.slow
        ),
        pytest.param(lambda: ["text"] * 200_000, id="texts", marks=pytest.mark.slow),
        pytest.param(lambda: ["x" * 300] * 50_000, id="long texts", marks=pytest.mark.slow),
        pytest.param(lambda: "A" * 20_000_000, id="a long text"),
        pytest.param(lambda: PNG.rstrip("=") + "A" * 20_000_000, id="a large picture"),
        pytest.param(lambda: nested(90, "objects"), id="nested objects"),
        pytest.param(lambda: nested(90, "lists"), id="nested lists"),
        pytest.param(lambda: nested(12, "both"), id="nested both"),
        pytest.param(lambda: [[[1, 2, 3]] * 100] * 300, id="cells of lists"),
    ],
)
def test_large_answers_take_no_long_time(make: Callable[[], Any]) -> None:
    raw = make()
    started = time.thread_time()
    for n_rows in (0, 1):
        present(Result(generic(raw, "out", n_rows), raw), {}, "x" * 10_000)
    assert time.thread_time() - started < 30
