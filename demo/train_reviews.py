"""Trains the model of reviews: `python -m demo.train_reviews` (the standard library is enough).

Reads `texts/reviews_train.tsv`, writes `reviews.json`, and prints how many reviews it reads rightly, also of those in
`texts/reviews_unseen.tsv`. `--check` writes nothing and says whether the shipped file is what comes out.
"""

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Sequence
from math import log
from pathlib import Path
from typing import NamedTuple

from demo.reviews import MODEL_FILE, Reviews, load, terms

TEXTS = Path(__file__).parent / "texts"
SMOOTHING = 1.0  # added to every count, so that a term unknown to one label does not rule it out
DIGITS = 5


class Review(NamedTuple):
    """One line of the texts."""

    label: str
    text: str


def read_reviews(name: str) -> list[Review]:
    """The reviews in `texts/reviews_<name>.tsv`.

    Raises OSError, and TypeError for a line that has more or fewer columns.
    """
    with (TEXTS / f"reviews_{name}.tsv").open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(lines)
        return [Review(*line) for line in lines]


def train(reviews: Sequence[Review]) -> Reviews:
    """Counts; the logarithms of the smoothed shares are all there is to naive Bayes."""
    labels = sorted({review.label for review in reviews})
    counts = {label: Counter[str]() for label in labels}
    for review in reviews:
        counts[review.label].update(terms(review.text))
    known = sorted(set().union(*counts.values()))
    totals = {label: counts[label].total() + SMOOTHING * len(known) for label in labels}
    shares = Counter(review.label for review in reviews)
    return Reviews(
        tuple(labels),
        tuple(round(log(shares[label] / len(reviews)), DIGITS) for label in labels),
        {
            term: tuple(round(log((counts[label][term] + SMOOTHING) / totals[label]), DIGITS) for label in labels)
            for term in known
        },
    )


def right(model: Reviews, reviews: Sequence[Review]) -> int:
    """How many of the reviews the model reads as their label says."""
    found = (model.probabilities(review.text) for review in reviews)
    return sum(max(shares, key=shares.__getitem__) == r.label for shares, r in zip(found, reviews, strict=True))


def report(model: Reviews) -> str:
    """The figures, a line for each file of texts."""
    parts = {name: read_reviews(name) for name in ("train", "unseen")}
    return "\n".join(f"{name}: {right(model, part)} of {len(part)} reviews right" for name, part in parts.items())


def render(model: Reviews) -> str:
    """The model file, a term per line."""
    head = {
        "about": "Praise or complaint, naive Bayes on words: train_reviews.py writes, reviews.py reads.",
        "labels": list(model.labels),
        "priors": list(model.priors),
        "row": [f"logarithm of the term's share in {label}" for label in model.labels],
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    rows = [f"  {json.dumps(term, ensure_ascii=False)}: {list(row)}" for term, row in model.logs.items()]
    return "{\n" + ",\n".join(lines) + ',\n"terms": {\n' + ",\n".join(rows) + "\n}\n}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains and writes, or with --check compares; returns 1 when the shipped file differs."""
    parser = argparse.ArgumentParser(prog="python -m demo.train_reviews", description="Train the model of reviews.")
    parser.add_argument("--check", action="store_true", help="write nothing, compare with the shipped file")
    model = train(read_reviews("train"))
    if parser.parse_args(arguments).check:
        changed = model != load(MODEL_FILE)
        print("The shipped file differs." if changed else "The shipped file is what training gives.")
        return int(changed)
    MODEL_FILE.write_text(render(model), encoding="utf-8", newline="\n")
    print(f"{len(model.logs)} terms, {MODEL_FILE.stat().st_size} bytes")
    print(report(load(MODEL_FILE)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
