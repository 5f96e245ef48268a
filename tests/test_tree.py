"""Any JSON as a tree: complete where it is small, bounded where it is not."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pytest

from FlaskAppAML.results.tree import DEEPEST, LONGEST_TEXT, MOST_INSIDE, MOST_NODES, Node, tree


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value, "b": [1, 2]}
    return value


def every(node: Node) -> Iterable[Node]:
    yield node
    for inside in node.nodes:
        yield from every(inside)


def test_a_small_tree_is_whole_and_open() -> None:
    root = tree({"a": [1, "two", None], "b": {"c": True}, "d": []})
    assert [(n.key, n.text, n.count, n.is_open) for n in every(root) if not n.key.isdigit()] == [
        ("", "", 3, True), ("a", "", 3, True), ("b", "", 1, True), ("c", "true", 0, True), ("d", "[]", 0, True),
    ]  # fmt: skip
    assert [n.text for n in root.nodes[0].nodes] == ["1", '"two"', "null"]


def test_a_large_one_is_open_at_its_first_level() -> None:
    root = tree({str(i): {"x": [i] * 3} for i in range(50)})
    assert root.is_open
    assert not any(node.is_open for node in root.nodes)


@pytest.mark.parametrize(
    "value",
    [
        nested(200),
        [[[[i] * 100] * 100] * 100 for i in range(100)],
        {str(i): i for i in range(100_000)},
        {"x" * 100_000: "y" * 100_000},
        [{"a": list(range(1000))}] * 1000,
        "text",
        None,
    ],
)
def test_no_tree_is_larger_than_a_page_bears(value: Any) -> None:
    started = time.thread_time()
    nodes = list(every(tree(value)))
    assert len(nodes) <= MOST_NODES + 1
    assert all(len(node.nodes) <= MOST_INSIDE and len(node.key) <= 200 for node in nodes)
    assert all(len(node.text) <= LONGEST_TEXT + 2 for node in nodes)
    assert time.thread_time() - started < 5


def test_what_is_left_out_is_counted() -> None:
    assert tree(list(range(1000))).left_out == 900
    assert tree([1, 2]).left_out == 0


def test_below_the_deepest_level_a_hint_is_left() -> None:
    node = tree(nested(DEEPEST + 2))
    while node.nodes:
        node = node.nodes[0]
    assert "".join(node.text.split()).startswith('{"a":{"a":')
