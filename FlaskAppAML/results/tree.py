"""Any JSON as a tree that fits on a page: so many nodes, so deep and so long, and no more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..wire import beginning

MOST_NODES = 1000
MOST_INSIDE = 100  # of one object or list
DEEPEST = 8
LONGEST_KEY = 200
LONGEST_TEXT = 2000
LONGEST_OF_DEEP = 200  # what lies below the deepest nodes is hinted at
ALL_OPEN = 40  # nodes that are few enough to be seen at once


@dataclass(frozen=True)
class Node:
    """`text` is what a leaf says; `count` how many there are inside, in all, of which `nodes` are shown."""

    key: str
    text: str = ""
    nodes: list[Node] = field(default_factory=list)
    count: int = 0
    is_open: bool = False

    @property
    def left_out(self) -> int:
        return self.count - len(self.nodes)


def tree(value: Any) -> Node:
    """The tree below `value`, which is its root. The first levels are open, of a small one all."""
    root = _node("", value, 0, MOST_NODES)
    is_small = sum(1 for _ in _all(root)) <= ALL_OPEN
    return _opened(root, DEEPEST if is_small else 1)


def _node(key: str, value: Any, depth: int, room: int) -> Node:
    """`room` is how many nodes may stand inside; each of them gets an equal part of what is left."""
    if not isinstance(value, dict | list) or not value:
        return Node(key, _text(value, LONGEST_TEXT))
    shown = min(len(value), MOST_INSIDE, room)
    if depth == DEEPEST or not shown:
        return Node(key, _text(value, LONGEST_OF_DEEP))
    entries: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
    share = (room - shown) // shown
    nodes = [_node(str(name)[:LONGEST_KEY], inside, depth + 1, share) for name, inside in islice(entries, shown)]
    return Node(key, "", nodes, len(value))


def _text(value: Any, longest: int) -> str:
    text = beginning(value, longest)
    return text if len(text) <= longest else f"{text[:longest]} …"


def _all(node: Node) -> Iterable[Node]:
    yield node
    for inside in node.nodes:
        yield from _all(inside)


def _opened(node: Node, levels: int) -> Node:
    nodes = [_opened(inside, levels - 1) for inside in node.nodes] if levels > 0 else node.nodes
    return Node(node.key, node.text, nodes, node.count, levels > 0)
