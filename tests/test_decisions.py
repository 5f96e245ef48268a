"""The sentence of records that somebody's own service answers with: what was decided, and how sure."""

from __future__ import annotations

from typing import Any

import pytest

from FlaskAppAML.results import Part, Result, Scores, Table, read_outputs
from FlaskAppAML.results.decisions import words
from FlaskAppAML.results.figures import figure, figures
from FlaskAppAML.results.presentation import present
from FlaskAppAML.results.shapes import generic


def shown(raw: Any, outputs: dict[str, Any] | None = None) -> Result:
    return present(Result(generic(raw, "", 1), raw), read_outputs({"outputs": outputs or {}}), "")


def said(raw: Any, outputs: dict[str, Any] | None = None) -> str:
    sentence = shown(raw, outputs).said
    return f"{sentence} {sentence.lead}".strip()


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({"decision": "approve", "score": 0.93}, "The decision is approve, score 0.93."),
        ({"decision": "approve", "score": 0.93, "model": "v3", "ms": 12}, "The decision is approve, score 0.93."),
        ({"predictions": [{"decision": "approve", "score": 0.93}]}, "The decision is approve, score 0.93."),
        ([{"decision": "approve", "score": 0.93}], "The decision is approve, score 0.93."),
        ({"result": {"decision": "approve", "score": 0.93}, "id": 7}, "The decision is approve, score 0.93."),
        ({"classification": "spam", "confidence": "0.97"}, "The classification is spam, confidence 0.97."),
        ({"Sentiment": "positive", "sentimentScore": 0.98}, "The sentiment is positive, sentiment score 0.98."),
        ({"approved": True, "score": 0.8}, "Approved: yes, score 0.8."),
        ({"is_fraud": False, "fraud_probability": 0.03}, "Is fraud: no, fraud probability 0.03."),
        ({"prediction": 1, "probability": [0.2, 0.8]}, "The answer is 1, probability 0.8. Next is 0, with 0.2."),
        ({"prediction": 1.0, "proba": [0.2, 0.8]}, "The answer is 1, probability 0.8. Next is 0, with 0.2."),
        ({"prediction": True, "proba": [0.2, 0.8]}, "The prediction is 1, probability 0.8. Next is 0, with 0.2."),
        ({"class": 3, "scores": [0.1, 0.2, 0.7]}, "The class is 3, score 0.7. Next is 2, with 0.2."),
        ({"prediction": 1, "probability": [0.8, 0.2]}, "The answer is 1."),
        ({"prediction": "yes", "probability": [0.2, 0.8]}, "The answer is yes."),
        ({"prediction": 3.14159265, "model": "v3"}, "The answer is 3.1416."),
        ({"prediction": "yes", "score": 0.9, "confidence": 0.8, "x": None}, "Most likely yes, with 0.9."),
        ({"decision": "yes", "score": 0.9, "confidence": 0.8}, "The decision is yes."),
        ({"price": 123.456, "currency": "EUR"}, "The price is 123.456 EUR."),
        ({"waitTime": 3, "unit": "days"}, "The wait time is 3 days."),
        ({"price": "x", "currency": "EUR"}, "The endpoint answered with 2 values."),
        ({"a": 1, "b": 2, "currency": "EUR"}, "The endpoint answered with 3 values."),
        ({"approved": True, "checked": True, "score": 0.8}, "The endpoint answered with 3 values."),
        ({"decision": None, "score": 0.93}, "The endpoint answered with 2 values."),
        ({"decision": "approve", "why": [{"a": 1}, {"a": 2}]}, "The decision is approve."),
        ({"species": "setosa"}, "The answer is setosa."),
        ({"response": "**Yes**, one\ntwo", "tokens": 5}, "The endpoint answered with a text."),
        ({"decision": "approve", "p": 0.5, "why": [{"a": 1}, {"a": 2}]}, "The decision is approve."),
        ({"label": "x", "confidence": 0.9}, "Most likely x, with 0.9."),
        ({"predictions": [{"label": "a", "score": 0.9}, {"label": "b", "score": 0.1}]},
         "Most likely a, with 0.9. Next is b, with 0.1."),
    ],
)  # fmt: skip
def test_a_record_says_what_it_decided(raw: Any, sentence: str) -> None:
    assert said(raw) == sentence


def test_the_shares_of_the_classes_stand_in_bars_and_the_table_behind_them() -> None:
    bars, table = shown({"prediction": 1, "probability": [0.2, 0.8]}).parts
    assert isinstance(bars, Scores)
    assert [(s.label, s.score, s.top) for s in bars.scores] == [("1", 0.8, True), ("0", 0.2, False)]
    assert (bars.label, bars.measure, bars.full) == ("Class", "Probability", 1.0)
    assert isinstance(table, Table)
    assert table.rows == [[1, 0.2, 0.8]]


@pytest.mark.parametrize("output", ["prediction", "probability"])
def test_the_owner_names_the_classes(output: str) -> None:
    raw = {"prediction": 1, "probability": [0.2, 0.8]}
    names = {output: {"values": {"0": "decline", "1": "approve"}}}
    assert said(raw, names) == "The answer is approve, probability 0.8. Next is decline, with 0.2."
    labelled = {"prediction": {"label": "Decision", "values": {"1": "approve"}}}
    assert said(raw, labelled) == "Decision is approve, probability 0.8. Next is 0, with 0.2."


@pytest.mark.parametrize(
    ("value", "key"), [(1, "1"), (1.0, "1"), (1.0, "1.0"), (True, "true"), (False, "false"), ("a", "a")]
)
def test_values_are_named_as_json_writes_them(value: Any, key: str) -> None:
    raw = {"outcome": value, "score": 0.25}
    assert said(raw, {"outcome": {"values": {key: "fine"}}}) == "The outcome is fine, score 0.25."
    (table,) = shown(raw, {"outcome": {"values": {key: "fine"}}}).parts
    assert table.document()["rows"] == [[value, 0.25]], "programs get what the endpoint said"


@pytest.mark.parametrize(
    "text",
    ["# Title\n\n- a\n- b", "two\nlines", "two\rlines", "**Bold** it is", "see [here](http://x)", "`code` it", "- a",
     "| a | b |", "1. First"],
)  # fmt: skip
@pytest.mark.parametrize("raw", ["{}", {"response": "{}"}, {"answer": "{}", "score": 0.5}, {"decision": "{}", "p": 1}])
def test_no_markdown_and_no_lines_in_the_sentence(raw: Any, text: str) -> None:
    filled = {key: text if value == "{}" else value for key, value in raw.items()} if isinstance(raw, dict) else text
    if isinstance(raw, dict) and raw.get("score") and "\n" not in text and "\r" not in text:
        return  # labels of classifiers, whatever they are called
    sentence = said(filled)
    assert not any(mark in sentence for mark in ("*", "`", "#", "|", "[", "lines", "- a", "First"))


@pytest.mark.parametrize("text", ["Iris setosa.", "It costs 5 - 7 EUR", "a_b and 2 * 3", "C# or F#"])
def test_plain_words_are_said(text: str) -> None:
    assert said(text) == text


def test_deeper_tables_have_their_path_and_go_by_its_end() -> None:
    raw = {"a": {"items": [{"x": 1}, {"x": 2}]}, "b": {"items": [{"y": 1}, {"y": 2}]}, "n": 5}
    names = [vars(part)["name"] for part in generic(raw, "", 1)]
    assert names == ["a.items", "b.items", ""]
    parts: list[Part] = shown(raw, {"items": {"hidden": True}}).parts
    assert [vars(part)["name"] for part in parts] == [""]


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("fraudScore", "fraud score"),
        ("fraud_score", "fraud score"),
        ("a.b.Fraud-Score", "fraud score"),
        ("IBAN", "iban"),
    ],
)
def test_names_are_read_as_words(name: str, plain: str) -> None:
    assert words(name) == plain


# Numbers


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ([0.7, 0.25, 0.05], ["0.70", "0.25", "0.05"]),
        ([1.0, 2.0], ["1", "2"]),
        ([1, 0.5, None], ["1.0", "0.5", "–"]),
        ([0.123456, 12.5], ["0.1235", "12.5000"]),
        ([1e-9, 0.5, 0.0], ["1e-09", "0.5", "0.0"]),
        ([2**70, 0.5], [str(2**70), "0.5"]),
        ([-3.25, "n/a", True], ["-3.25", "n/a", "True"]),
        ([float("inf"), float("nan"), 1.5], ["inf", "nan", "1.5"]),
        ([], []),
    ],
)
def test_numbers_of_a_column_have_equal_decimals(numbers: list[Any], shown: list[str]) -> None:
    assert figures(numbers) == shown


def test_a_column_and_the_sentence_say_the_same_number() -> None:
    for number in (0.5, 0.123456789, 1234567.891, 1e-9, -2.00004, 1e15, 3.0, 0.99999):
        assert float(figures([number, 0.12345])[0]) == float(figure(number))
