"""What one row of an answer decided: a label, with its score or with the share of each class beside it.

Most services that somebody wrote for one model answer like this: `{"decision": "approve", "score": 0.93}`, or with what
scikit-learn's `predict` and `predict_proba` give: `{"prediction": 1, "probability": [0.2, 0.8]}`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from . import Column, Table, as_number
from .boxes import SCORE_KEYS

# In lower case, without what stands between words. The first are words for people, the others those of programs.
NAMED = (
    "decision", "verdict", "recommendation", "outcome", "class", "category", "classification", "sentiment",
)  # fmt: skip
NAMELESS = ("prediction", "predictedlabel", "predictedclass", "predictedvalue", "predicted", "label", "classname",
            "answer", "result", "species", "diagnosis")  # fmt: skip
OF_SCORES = re.compile(r"(score|probability|confidence|certainty|likelihood)$")
IN_FULL = {"prob": "probability", "probs": "probability", "proba": "probability", "probabilities": "probability",
           "conf": "confidence", "confidences": "confidence", "scores": "score"}  # fmt: skip
NUMBERED = re.compile(r"(.+)\[(\d+)\]")
MOST_COLUMNS = 200


@dataclass(frozen=True)
class Decision:
    """`word` is what the endpoint calls it, in words, or "" where that says nothing. `shares` are those of the classes,
    by the indices of their columns, first to last; `chosen` is which of them was decided for, where that is sure."""

    column: Column
    value: Any
    word: str = ""
    measure: str = ""
    score: float | None = None
    shares: tuple[int, ...] = ()
    chosen: int | None = None


def decided(table: Table) -> Decision | None:
    """The decision of a table of one row; None where there is none, or no single one."""
    if len(table.rows) != 1 or not 0 < len(table.columns) <= MOST_COLUMNS:
        return None
    cells = list(zip(table.columns, table.rows[0], strict=False))
    scores = [i for i, (column, cell) in enumerate(cells) if _is_score(column.name, cell)]
    at = _place(cells, bool(scores))
    if at is None:
        return None
    column, value = cells[at]
    word = words(column.name) if isinstance(value, bool) or _plain(column.name) in NAMED else ""
    scores = [i for i in scores if i != at]
    shares = _shares(cells)
    if shares:
        numbers = [float(cells[i][1]) for i in shares]
        chosen = _chosen(value, numbers)
        measure = _measure(cells[shares[0]][0].name.partition("[")[0])
        return Decision(column, value, word, measure, None if chosen is None else numbers[chosen], shares, chosen)
    known = [i for i in scores if _plain(cells[i][0].name) in SCORE_KEYS] or scores
    if len(known) != 1:
        return Decision(column, value, word)
    return Decision(column, value, word, _measure(cells[known[0]][0].name), as_number(cells[known[0]][1]))


def words(name: str) -> str:
    """`fraudScore` and `fraud_score` are both "fraud score"; of a path its end."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.rpartition(".")[2])
    return " ".join(re.split(r"[\s_-]+", apart.lower().strip()))


def _measure(name: str) -> str:
    """One of several, and in full."""
    said = words(name)
    return IN_FULL.get(said, said)


def _plain(name: str) -> str:
    return words(name).replace(" ", "")


def _is_score(name: str, cell: Any) -> bool:
    is_named = _plain(name) in SCORE_KEYS or OF_SCORES.search(_plain(name))
    return bool(is_named) and not isinstance(cell, bool) and as_number(cell) is not None


def _place(cells: list[tuple[Column, Any]], has_score: bool) -> int | None:
    """By its name, else the one yes or no that has a score beside it."""
    plain = [_plain(column.name) for column, _ in cells]
    for name in (*NAMED, *NAMELESS):
        if plain.count(name) == 1 and _is_value(cells[plain.index(name)][1]):
            return plain.index(name)
    truths = [i for i, (_, cell) in enumerate(cells) if isinstance(cell, bool)]
    return truths[0] if has_score and len(truths) == 1 else None


def _is_value(cell: Any) -> bool:
    return isinstance(cell, bool | int | float | str) and cell != ""


def _shares(cells: list[tuple[Column, Any]]) -> tuple[int, ...]:
    """Where the columns of the only list of shares stand: numbers of 0 to 1 that make one together."""
    lists: dict[str, list[int]] = {}
    for i, (column, _) in enumerate(cells):
        if named := NUMBERED.fullmatch(column.name):
            lists.setdefault(named[1], []).append(i)
    found = [tuple(places) for places in lists.values() if _make_one([cells[i][1] for i in places])]
    return found[0] if len(found) == 1 else ()


def _make_one(numbers: list[Any]) -> bool:
    if len(numbers) < 2 or any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        return False
    return all(0 <= n <= 1 for n in numbers) and abs(sum(numbers) - 1) < 0.02


def _chosen(value: Any, shares: list[float]) -> int | None:
    """Which class a number means: the likeliest, counted from 0, or the last, counted from 1. Everything else could be
    read in two ways, as could a class with a name."""
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if not is_whole or (isinstance(value, bool) and len(shares) != 2):
        return None
    best = shares.index(max(shares))
    return best if value == best or value == len(shares) == best + 1 else None
