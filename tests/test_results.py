"""Parts of answers: the view and the sentence in front of them, and the way to disk and back."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest

from FlaskAppAML.errors import SettingError
from FlaskAppAML.media import sniff, sniff_media
from FlaskAppAML.results import (
    KINDS,
    Box,
    Boxes,
    Column,
    Image,
    Images,
    Json,
    Line,
    Media,
    Number,
    Output,
    Part,
    Result,
    Score,
    Scores,
    Sentence,
    Series,
    Span,
    Spans,
    Table,
    Text,
    Vector,
    as_number,
    load,
    read_outputs,
)
from FlaskAppAML.results.presentation import present
from FlaskAppAML.results.shapes import generic
from FlaskAppAML.wire import dumps


def one_row(**values: Any) -> Table:
    return Table("out", [Column(name) for name in values], [list(values.values())])


def clusters(assigned: Any, *distances: Any) -> Table:
    numbered = {f"DistancesToClusterCenter no.{i}": distance for i, distance in enumerate(distances)}
    return one_row(Title="Contoso", **numbered, Assignments=assigned)


def classes(label: str, **probabilities: Any) -> Table:
    named = {f'Scored Probabilities for Class "{name}"': value for name, value in probabilities.items()}
    return one_row(**named, **{"Scored Labels": label})


def shown(table: Part, about: dict[str, Any] | None = None, subject: str = "") -> Result:
    return present(Result([table], {}), read_outputs({"outputs": about or {}}), subject)


def view(result: Result) -> Scores:
    assert isinstance(result.parts[0], Scores)
    return result.parts[0]


# Clusters


def test_clusters_without_names_are_told_by_their_number() -> None:
    result = shown(clusters(1, 0.91, "0.42", 0.5))
    assert view(result).scores == [Score("Cluster 1", 0.42, True), Score("Cluster 2", 0.5), Score("Cluster 0", 0.91)]
    assert (view(result).measure, view(result).lowest_is_best) == ("Distance", True)
    assert str(result.said) == "Closest to Cluster 1."
    assert result.said.lead.startswith("One of 3, at distance 0.42. The runner-up, Cluster 2, is 19")
    assert len(result.parts) == 2, "the table stays"


def test_clusters_with_names_and_a_subject_make_a_sentence() -> None:
    about = {"Assignments": {"label": "Group", "values": {"0": "Banks", "1": "Airlines"}}}
    result = shown(clusters("0", 0.5, 1.0, 2.0), about, "Contoso & Söhne")
    assert str(result.said) == "Contoso & Söhne is closest to Banks."
    assert result.said.value == "Banks"
    assert [score.label for score in view(result).scores] == ["Banks", "Airlines", "Group 2"]
    assert result.said.lead.startswith("Group 0")
    assert "0.5. The runner-up, Airlines, is 100\u202f% farther away, at 1." in result.said.lead


@pytest.mark.parametrize(
    ("distances", "lead"),
    [
        ((0.0, 0.5), "One of 2, at distance 0. The runner-up, Cluster 1, is at 0.5."),
        ((0.5, 0.2), "One of 2, at distance 0.5. The runner-up, Cluster 1, is at 0.2."),
        (("n/a", 0.2), "One of 2."),
        ((0.5, None), "One of 2."),
        ((0.5, math.nan), "One of 2."),
        ((0.5, True), "One of 2."),
    ],
)
def test_odd_distances_make_no_odd_sentence(distances: tuple[Any, ...], lead: str) -> None:
    result = shown(clusters(0, *distances))
    assert result.said.lead == lead
    assert view(result).scores[0].top, "the endpoint's own assignment comes first"


def test_ten_clusters_are_no_nine() -> None:
    assert str(shown(clusters("10", *range(1, 12))).said) == "Closest to Cluster 10."


@pytest.mark.parametrize("table", [clusters("7", 0.1, 0.2), clusters("0", 0.1), clusters(None, 0.1, 0.2)])
def test_an_assignment_without_its_distances_is_a_plain_table(table: Table) -> None:
    assert shown(table).parts == [table]


# Classes


def test_classes_are_sorted_and_the_winner_is_said() -> None:
    about = {"Scored Labels": {"label": "Species", "values": {"a": "Iris α"}}}
    result = shown(classes("a", b="0.25", c=0.05, a=0.7), about)
    assert [score.label for score in view(result).scores] == ["Iris α", "b", "c"]
    assert [score.top for score in view(result).scores] == [True, False, False]
    assert (view(result).label, view(result).lowest_is_best) == ("Species", False)
    assert str(result.said) == "Most likely Iris α."
    assert result.said.lead == "Probability 0.7. Next is b, with 0.25."


def test_classes_without_numbers_are_a_plain_table_with_its_label() -> None:
    result = shown(classes("a", a="?", b=0.5))
    assert not any(isinstance(part, Scores) for part in result.parts)
    assert str(result.said) == "The answer is a."


# Other answers


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (one_row(price=12.5), "The answer is 12.5."),
        (one_row(price=False), "The answer is no."),
        (one_row(**{"x": "1", "Scored Labels": "yes", "Scored Probabilities": "0.9"}), "The answer is yes."),
        (one_row(text="x" * 500), f"The answer is {'x' * 79}…."),
        (one_row(price=None), "The endpoint answered with 1 value."),
        (one_row(a=1, b=2), "The endpoint answered with 2 values."),
        (one_row(a={"b": 1}), "The endpoint answered with 1 value."),
        (Table("t", [Column("a")], [[1]] * 12345), "The endpoint answered with 12,345 rows."),
        (Table("t", [Column("a")], []), "The endpoint answered with no rows."),
        (Table("t", [], []), "The endpoint answered with no rows."),
        (Text("log"), "log"),
        (Text("two\nlines"), "The endpoint answered with a text."),
        (Text("x" * 201), "The endpoint answered with a text."),
        (Text(" "), "The endpoint answered with a text."),
        (Number(12.5), "The answer is 12.5."),
        (Number(0.30000000000000004), "The answer is 0.3."),
        (Number(1e-9), "The answer is 1e-09."),
        (Number(2**80), "The answer is 1208925819614629174706176."),
        (Number(-3.0), "The answer is -3."),
        (Number(0.0), "The answer is 0."),
        (Scores([Score("cat", 0.98), Score("dog", 0.02)]), "Most likely cat, with 0.98."),
        (Scores([]), "The endpoint answered with no labels."),
        (
            Boxes("b", [Box(label, 0.9, 0, 0, 1, 1) for label in ("cat", "remote", "cat")]),
            "Three boxes: cat (2) and remote (1).",
        ),
        (Boxes("b", [Box("", None, 0, 0, 1, 1)]), "One box."),
        (Boxes("b", []), "No boxes."),
        (
            Boxes("b", [Box(str(i), 1, 0, 0, 1, 1) for i in range(9)]),
            "Nine boxes: 0, 1, 2, 3, 4 and 4 other labels.",
        ),
        (Boxes("b", [Box("face", 1, 0, 0, 1, 1)]), "One box: face."),
        (Boxes("b", [Box("face", 1, 0, 0, 1, 1)] * 2), "Two boxes, both face."),
        (Boxes("b", [Box("face", 1, 0, 0, 1, 1)] * 12), "12 boxes, all face."),
        (Boxes("b", [Box(label, 1, 0, 0, 1, 1) for label in ("cat", "dog")]), "Two boxes: cat and dog."),
        (
            Boxes("b", [Box(label, 1, 0, 0, 1, 1) for label in ("cat", "", "cat")]),
            "Three boxes: cat (2) and no label (1).",
        ),
        (Boxes("b", [Box("", 1, 0, 0, 1, 1)] * 2), "Two boxes."),
        (Spans("", [Span(0, 1, "PER"), Span(2, 3, "PER")]), "Two entities, both PER."),
        (Vector([0.0] * 384), "A vector of 384 numbers."),
        (Images([Image("image/png", "iVBORw0KGgo=")]), "The endpoint answered with a picture."),
        (Images([Image("image/png", "iVBORw0KGgo=")] * 2), "The endpoint answered with 2 pictures."),
        (Media("audio/wav", "UklG"), "The endpoint answered with a recording."),
        (Media("video/webm", "GkXf"), "The endpoint answered with a video."),
        (Json(None), "The endpoint answered."),
    ],
)
def test_every_answer_has_a_sentence(part: Part, said: str) -> None:
    assert str(shown(part).said) == said


def test_many_rows_of_clusters_have_no_single_winner() -> None:
    one = clusters(0, 0.1, 0.2)
    many = Table("out", one.columns, one.rows * 2)
    assert shown(many).parts == [many]


@pytest.mark.parametrize(
    ("raw", "n_rows", "said"),
    [
        ([[{"label": "A", "score": 0.9}], [{"label": "B", "score": 0.8}], [{"label": "A", "score": 0.7}]], 3,
         "Three answers: A (2) and B (1)."),
        ([[{"box": [0, 0, 5, 5], "label": "cat"}], [{"box": [1, 1, 5, 5], "label": "cat"}]], 2, "Two boxes, both cat."),
        ([[0.5] * 20, [0.5] * 20], 2, "Two vectors of 20 numbers."),
        ([{"generated_text": "One."}, {"generated_text": "Two."}], 2, "The endpoint answered with 2 texts."),
        ([1.5, 2.5], 2, "The endpoint answered with 2 rows."),
        ({"text": "He said.", "chunks": [{"at": 1, "text": "He"}, {"at": 2, "text": "said."}]}, 1, "He said."),
        ({"tokens": 5, "answer": "Paris", "score": 0.9}, 1, "Most likely Paris, with 0.9."),
        ({"answer": "Paris", "score": 0.9, "start": 1, "end": 6}, 1, "Most likely Paris, with 0.9."),
        ([[0.1, 0.7, 0.2]], 1, "Most likely prediction[1], with 0.7."),
        ([[0.5, 0.7, 0.2]], 1, "The endpoint answered with 3 values."),
    ],
)  # fmt: skip
def test_sentences_of_answers_as_they_come(raw: Any, n_rows: int, said: str) -> None:
    assert str(present(Result(generic(raw, "", n_rows), raw), {}, "").said) == said


def test_the_runner_up_is_named() -> None:
    scores = Scores([Score("cat", 0.7), Score("x" * 100, 0.2)])
    assert shown(scores).said.lead == f"Next is {'x' * 79}…, with 0.2."


def test_the_first_table_speaks() -> None:
    result = present(Result([Text("log"), one_row(a="first"), one_row(a="second")], {"r": 1}), {}, "")
    assert str(result.said) == "The answer is first."
    assert result.raw == {"r": 1}


def test_an_answer_of_no_parts_has_a_sentence_too() -> None:
    assert present(Result([], None), {}, "").parts == []


# The owner's words


def test_hidden_labels_and_units_change_the_table_and_nothing_of_its_values() -> None:
    about = {"a": {"label": "Alpha", "unit": "€"}, "b": {"hidden": True}, "nobody": {"hidden": True}}
    table = Table("t", [Column("a", "number"), Column("b"), Column("c")], [[1, 2, 3], [4, 5, 6]])
    (part,) = shown(table, about).parts
    assert part == Table("t", [Column("a", "number", "Alpha", "€"), Column("c")], [[1, 3], [4, 6]])
    assert len(table.columns) == 3, "the table itself stays as it was"


def test_outputs_are_read_with_values_as_text() -> None:
    read = read_outputs({"outputs": {"x": {"values": {"1": 5}, "unit": "m"}}, "fields": {}})
    assert read == {"x": Output(values={"1": "5"}, unit="m")}
    assert read_outputs({}) == {}


def test_names_of_values_are_for_labels_of_every_kind() -> None:
    about = {"out": {"values": {"0": "cat"}, "label": "Animal", "unit": "kg"}}
    assert view(shown(Scores([Score("0", 1.0)], "out"), about)) == Scores([Score("cat", 1.0)], "out", "Animal")
    (boxes,) = shown(Boxes("out", [Box("0", 1.0, 0, 0, 1, 1)]), about).parts
    assert boxes == Boxes("out", [Box("cat", 1.0, 0, 0, 1, 1)])
    (spans,) = shown(Spans("", [Span(0, 1, "0")], "out"), about).parts
    assert spans == Spans("", [Span(0, 1, "cat")], "out")
    assert shown(Number(5, "out"), about).parts == [Number(5, "out", "Animal", "kg")]
    assert str(shown(Number(5, "out"), about).said) == "Animal is 5 kg."
    assert str(shown(Table("t", [Column("out", "integer")], [[0]]), about).said) == "Animal is cat kg."
    assert shown(Table("t", [Column("out", "integer")], [[0]]), about).parts[0].document()["rows"] == [[0]]


def test_an_output_without_a_name_goes_by_its_kind() -> None:
    assert str(shown(Scores([Score("LABEL_1", 0.9)]), {"scores": {"values": {"LABEL_1": "good"}}}).said).startswith(
        "Most likely good"
    )


def test_a_hidden_output_is_not_shown() -> None:
    result = present(
        Result([Number(1, "a"), Number(2, "b")], {}), read_outputs({"outputs": {"a": {"hidden": True}}}), ""
    )
    assert result.parts == [Number(2, "b")]


def test_shares_without_names_get_those_of_the_owner() -> None:
    table = Table("prediction", [Column(f"prediction[{i}]", "number") for i in range(3)], [[0.1, 0.7, 0.2]])
    by_place = shown(table, {"prediction": {"values": {"0": "a", "1": "b", "2": "c"}, "label": "Species"}})
    assert [score.label for score in view(by_place).scores] == ["b", "c", "a"]
    assert view(by_place).label == "Species"
    by_column = shown(table, {"prediction[1]": {"label": "setosa"}})
    assert str(by_column.said) == "Most likely setosa, with 0.7."
    assert by_column.said.lead == "Next is prediction[2], with 0.2."
    assert by_column.parts[1].document()["rows"] == table.rows


@pytest.mark.parametrize(
    ("part", "view", "kind"),
    [
        (Table("x", [Column("a", "number"), Column("b", "number")], [[1, 5]]), "scores", Scores),
        (Table("x", [Column("a"), Column("b", "number")], [["p", 1], ["q", 5]]), "scores", Scores),
        (Table("x", [Column("a"), Column("b")], [["p", "q"]]), "scores", Table),
        (Table("x", [Column("a", "number")], [[1.5]]), "number", Number),
        (Table("x", [Column("a")], [["1.5"]]), "number", Number),
        (Table("x", [Column("a")], [["no"]]), "number", Table),
        (Table("x", [Column("a")], [["yes"]]), "text", Text),
        (Table("x", [Column("a", "number")] * 3, [[1, 2, 3]]), "vector", Vector),
        (Table("x", [Column("a")], []), "vector", Table),
        (Table("x", [Column("a")], []), "table", Table),
        (Table("x", [Column("a")], [[1]]), "images", Table),
        (Scores([Score("a", 1.0)], "x"), "table", Table),
        (Scores([Score("a", 1.0)], "x"), "json", Json),
        (Json({"a": [1]}, "x"), "text", Text),
        (Json({"a": [1]}, "x"), "table", Json),
        (Vector([1.0, 2.0], "x"), "table", Table),
        (Images([], "x"), "boxes", Images),
    ],
)
def test_the_owner_can_pin_a_view(part: Part, view: str, kind: type[Part]) -> None:
    (pinned,) = shown(part, {"x": {"view": view}}).parts
    assert type(pinned) is kind


def test_the_owner_can_pin_the_view_of_a_column() -> None:
    table = one_row(summary="**Fine**", tags=["a", "b"], price=12.5, model="v3")
    about = {"summary": {"view": "text"}, "tags": {"view": "json"}, "price": {"view": "number", "unit": "EUR"}}
    result = shown(table, about)
    assert [type(part) for part in result.parts] == [Text, Json, Number, Table]
    assert [vars(part)["name"] for part in result.parts] == ["summary", "tags", "price", "out"]
    assert result.parts[1] == Json(["a", "b"], "tags")
    assert [column.name for column in result.parts[3].table().columns] == ["model"]  # type: ignore[union-attr]
    assert str(result.said) == "The answer is 12.5 EUR."
    many = Table("out", [Column("a"), Column("b")], [[1, 2], [3, 4]])
    assert shown(many, {"a": {"view": "number"}}).parts == [many], "a column of many rows stays in them"


@pytest.mark.parametrize(("cell", "text"), [(["é"], '["é"]'), (None, "null"), (True, "true"), (0.5, "0.5"), ("a", "a")])
def test_what_is_shown_as_text_is_json_and_no_python(cell: Any, text: str) -> None:
    assert shown(Table("x", [Column("a")], [[cell]]), {"x": {"view": "text"}}).parts == [Text(text, "x")]


def test_a_pinned_table_has_no_view_in_front() -> None:
    assert len(shown(clusters(0, 0.1, 0.2), {"out": {"view": "table"}}).parts) == 1


def test_pinned_json_is_the_raw_answer() -> None:
    result = present(Result([Number(1, "x")], {"y": 1}), read_outputs({"outputs": {"x": {"view": "json"}}}), "")
    assert result.parts == [Json({"y": 1}, "x")]
    two = present(Result([Number(1, "x"), Text("t", "u")], {}), read_outputs({"outputs": {"x": {"view": "json"}}}), "")
    assert two.parts[0] == Json({"value": 1, "name": "x", "label": "", "unit": ""}, "x")


@pytest.mark.parametrize(
    ("spans", "text"),
    [
        ([Span(6, 11, "PER", 1.0, "sarah")], "I met Sarah."),
        ([Span(6, 11, "PER")], "I met Sarah."),
        ([Span(0, 5, "PER", 1.0, "Sarah")], ""),
        ([Span(6, 99, "PER")], ""),
        ([], ""),
    ],
)
def test_places_are_marked_in_the_text_that_they_are_of(spans: list[Span], text: str) -> None:
    (part,) = shown(Spans("", spans), subject="I met Sarah.").parts
    assert part.document()["text"] == text


@pytest.mark.parametrize(
    ("outputs", "named"),
    [
        ({"x": {"lable": "X"}}, "lable.* x"),
        ({"x": {"view": "chart"}}, "view of the output x must be one of table"),
        ({"x": {"view": 5}}, "x"),
        pytest.param([], "FORM"),
        pytest.param({"x": None}, "x"),
        pytest.param({"x": {"values": ["a"]}}, "values"),
        pytest.param({"x": {"label": 5}}, "label"),
        pytest.param({"x": {"hidden": "no"}}, "hidden"),
    ],
)
def test_outputs_that_cannot_be_understood_are_named(outputs: Any, named: str) -> None:
    with pytest.raises(SettingError, match=named):
        read_outputs({"outputs": outputs})


# To disk and back

PARTS: list[Part] = [
    Table("t", [Column("a", "integer", "A", "m"), Column("b")], [[2**63, "é"], [None, {"x": [1]}]]),
    Table("", [], []),
    Scores([Score("a", 0.5, True), Score("b", None)], "n", "Cluster", "Distance", True),
    Scores([]),
    Scores([Score("a", 0.5, True)], row=3),
    Number(2**63, "n", "Price", "€"),
    Number(-0.5),
    Boxes("n", [Box("cat", 0.9, 1, 2.5, 3, 4), Box("", None, 0, 0, 0, 0)], "pixel", 640, 480),
    Boxes("", [], row=0),
    Spans("Ä b", [Span(0, 1, "PER", 0.5, "Ä"), Span(2, 3, "ORG")], "n"),
    Vector([0.1, -2, 3e300], "n"),
    Series(["2026-01", "2026-02"], [Line("a", [1.5, None])], "n"),
    Media("audio/wav", "UklGRg==", "n"),
    Images([Image("image/png", "iVBORw0KGgo=", "mask")], "n"),
    Images([Image("image/png", "iVBORw0KGgo=")], "n"),
    Images([]),
    Text("<b>\n", "n"),
    Json({"a": [None, 1.5, True]}, "n"),
    Json([]),
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.kind}")
def test_a_part_comes_back_from_disk_as_it_was(part: Part) -> None:
    document = json.loads(dumps(part.document()))
    assert document["kind"] == part.kind
    assert load(document) == part


def test_every_kind_of_part_is_tried() -> None:
    assert {type(part) for part in PARTS} == set(KINDS.values())


def test_a_row_is_in_the_document_where_there_are_several() -> None:
    assert "row" not in Number(1).document()
    assert Number(1, row=0).document()["row"] == 0


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.kind}")
def test_what_has_rows_is_a_table_of_even_rows(part: Part) -> None:
    table = part.table()
    assert (table is None) == isinstance(part, Images | Media | Text | Json)
    if table:
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert table.row == part.row


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0), ("1.5", 1.5), (" 2 ", 2.0), (True, None), (None, None), ("", None), ("x", None), ([1], None),
        (math.nan, None), ("inf", None), (10**400, None), ("9" * 401, None), ("1e999", None), ({}, None),
    ],
)  # fmt: skip
def test_a_number_is_finite(value: Any, number: float | None) -> None:
    assert as_number(value) == number


def test_a_sentence_reads_as_one() -> None:
    assert str(Sentence("a ", "b", "c", "not this")) == "a bc"


# Pictures


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (coded(b"\x89PNG\r\n\x1a\n" + bytes(99)), "image/png"),
        ("iVBORw0KGgo=", "image/png"),
        (coded(b"\xff\xd8\xff\xe0" + bytes(99)), "image/jpeg"),
        (coded(b"GIF89a" + bytes(99)), "image/gif"),
        (coded(b"RIFF\0\0\0\0WEBPVP8 " + bytes(99)), "image/webp"),
        (coded(b"RIFF\0\0\0\0WAVEfmt "), ""),
        (coded(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), ""),
        (coded(b"<html><script>alert(1)</script>"), ""),
        (coded(b"BM" + bytes(99)), ""),
        ("data:image/png;base64,iVBORw0KGgo=", ""),
        ("no base64 at all", ""),
        ("ümlaut", ""),
        ("", ""),
        ("=", ""),
    ],
)
def test_a_picture_is_known_by_its_first_bytes(data: str, kind: str) -> None:
    assert sniff(data) == kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (coded(b"RIFF\0\0\0\0WAVEfmt "), "audio/wav"),
        (coded(b"ID3\x04" + bytes(99)), "audio/mpeg"),
        (coded(b"\xff\xfb\x90" + bytes(99)), "audio/mpeg"),
        (coded(b"OggS" + bytes(99)), "audio/ogg"),
        (coded(b"fLaC" + bytes(99)), "audio/flac"),
        (coded(b"\0\0\0\x18ftypM4A " + bytes(99)), "audio/mp4"),
        (coded(b"\0\0\0\x18ftypisom" + bytes(99)), "video/mp4"),
        (coded(b"\0\0\0\x18ftypavif" + bytes(99)), ""),
        (coded(b"\x1a\x45\xdf\xa3" + bytes(20) + b"webm" + bytes(99)), "video/webm"),
        (coded(b"\x1a\x45\xdf\xa3" + bytes(20) + b"matroska"), ""),
        (coded(b"\x89PNG\r\n\x1a\n" + bytes(99)), ""),
        ("no base64 at all", ""),
        ("", ""),
    ],
)
def test_sound_and_video_are_known_by_their_first_bytes(data: str, kind: str) -> None:
    assert sniff_media(data) == kind


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            {"image": base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"x" * 60).decode(), "seed": 7},
            "The endpoint answered with a picture.",
        ),
        ([{"label": "a", "score": 0.5}, {"label": "b", "score": 0.5}], "a and b are equally likely, 0.5 each."),
        ([{"label": str(i), "score": 0.25} for i in range(4)], "Four labels are equally likely, 0.25 each."),
    ],
)
def test_the_sentence_is_true(raw: Any, said: str) -> None:
    assert str(present(Result(generic(raw), raw), {}, "").said) == said
