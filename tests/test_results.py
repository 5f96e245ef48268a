"""Parts of answers: the view and the sentence in front of them, and the way to disk and back."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest

from FlaskAppAML.errors import SettingError
from FlaskAppAML.results import (
    Column,
    Image,
    Images,
    Json,
    Output,
    Part,
    Result,
    Score,
    Scores,
    Sentence,
    Table,
    Text,
    load,
    present,
    read_outputs,
    sniff,
)
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
    assert result.said.lead.startswith("One of 3, at distance 0.4200. The runner-up, Cluster 2, is 19")
    assert len(result.parts) == 2, "the table stays"


def test_clusters_with_names_and_a_subject_make_a_sentence() -> None:
    about = {"Assignments": {"label": "Group", "values": {"0": "Banks", "1": "Airlines"}}}
    result = shown(clusters("0", 0.5, 1.0, 2.0), about, "Contoso & Söhne")
    assert str(result.said) == "Contoso & Söhne is closest to Banks."
    assert result.said.value == "Banks"
    assert [score.label for score in view(result).scores] == ["Banks", "Airlines", "Group 2"]
    assert result.said.lead.startswith("Group 0")
    assert "0.5000. The runner-up, Airlines, is 100\u202f% farther away, at 1.0000." in result.said.lead


@pytest.mark.parametrize(
    ("distances", "lead"),
    [
        ((0.0, 0.5), "One of 2, at distance 0.0000. The runner-up, Cluster 1, is at 0.5000."),
        ((0.5, 0.2), "One of 2, at distance 0.5000. The runner-up, Cluster 1, is at 0.2000."),
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
    assert result.said.lead == "Probability 0.7000. Next is b, with 0.2500."


def test_classes_without_numbers_are_a_plain_table_with_its_label() -> None:
    result = shown(classes("a", a="?", b=0.5))
    assert not any(isinstance(part, Scores) for part in result.parts)
    assert str(result.said) == "The answer is a."


# Other answers


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (one_row(price=12.5), "The answer is 12.5."),
        (one_row(price=False), "The answer is False."),
        (one_row(**{"x": "1", "Scored Labels": "yes", "Scored Probabilities": "0.9"}), "The answer is yes."),
        (one_row(text="x" * 500), f"The answer is {'x' * 79}…."),
        (one_row(price=None), "The endpoint answered with 1 values."),
        (one_row(a=1, b=2), "The endpoint answered with 2 values."),
        (one_row(a={"b": 1}), "The endpoint answered with 1 values."),
        (Table("t", [Column("a")], [[1]] * 12345), "The endpoint answered with 12,345 rows."),
        (Table("t", [Column("a")], []), "The endpoint answered with no rows."),
        (Table("t", [], []), "The endpoint answered with no rows."),
        (Text("log"), "The endpoint answered."),
        (Json(None), "The endpoint answered."),
    ],
)
def test_every_answer_has_a_sentence(part: Part, said: str) -> None:
    assert str(shown(part).said) == said


def test_many_rows_of_clusters_have_no_single_winner() -> None:
    one = clusters(0, 0.1, 0.2)
    many = Table("out", one.columns, one.rows * 2)
    assert shown(many).parts == [many]


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


@pytest.mark.parametrize(
    ("outputs", "named"),
    [
        ({"x": {"lable": "X"}}, "lable.* x"),
        ({"x": {"view": "table"}}, "x"),
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
    assert {type(part) for part in PARTS} == set(Part.__subclasses__())


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
