"""The owner's examples: one file or a folder of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from FlaskAppAML.errors import SettingError
from FlaskAppAML.examples import Example, read_examples
from FlaskAppAML.forms import SubmissionForm

ONE = {"name": "Bank", "inputs": {"title": "B", "age": 5}}
TWO = {"name": "Airline", "inputs": {}}
EXAMPLES = [Example("Bank", {"title": "B", "age": 5}), Example("Airline", {})]


def test_without_the_setting_there_are_none() -> None:
    assert read_examples("") == []


@pytest.mark.parametrize(("content", "count"), [([ONE, TWO], 2), (ONE, 1), ([], 0)])
def test_a_file_holds_a_list_or_one(content: Any, count: int, tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text(json.dumps(content), "utf-8-sig")
    assert read_examples(str(tmp_path / "e.json")) == EXAMPLES[:count]


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "2.json").write_text(json.dumps(TWO))
    (tmp_path / "1.json").write_text(json.dumps([ONE]))
    (tmp_path / "notes.txt").write_text("no JSON")
    assert read_examples(str(tmp_path)) == EXAMPLES


@pytest.mark.parametrize(
    "content",
    ["", "{", "5", "null", "[5]", "{}", '{"name": "x"}', '{"name": 5, "inputs": {}}', '{"name": "x", "inputs": []}'],
)
def test_a_file_that_is_wrong_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.json").write_text(content)
    with pytest.raises(SettingError, match=r"EXAMPLES.*wrong\.json"):
        read_examples(str(tmp_path / "wrong.json"))


def test_a_file_that_is_no_text_or_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\xfd")
    for name in ("binary.json", "missing.json"):
        with pytest.raises(SettingError, match=rf"EXAMPLES.*{name}"):
            read_examples(str(tmp_path / name))


def test_the_examples_of_the_demo_fit_its_form() -> None:
    found = read_examples(str(Path(__file__).parents[1] / "demo" / "examples.json"))
    assert found
    for example in found:
        assert SubmissionForm.schema.parse(example.inputs, "json")
