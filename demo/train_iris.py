"""Trains the model of irises: `python -m demo.train_iris` (the standard library is enough).

Reads `iris.csv`, writes `iris.json` and prints how many flowers it names rightly, those among them that it was not
trained on. `--check` writes nothing and says whether the shipped file is what comes out.
"""

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, pstdev
from typing import NamedTuple

from demo.iris import COLUMNS, MODEL_FILE, Iris, load, scores, softmax, standardised

DATA_FILE = Path(__file__).with_name("iris.csv")
EVERY = 5  # every fifth flower of a species is kept out of training
STEPS = 1000
RATE = 0.5
SHRINK = 0.002  # L2, on the weights alone; without it they would grow for ever, as setosa stands apart
DIGITS = 5


class Flower(NamedTuple):
    """One line of the data: four measurements in cm and the species."""

    measurements: tuple[float, ...]
    species: str


def read_flowers(path: Path = DATA_FILE) -> list[Flower]:
    """The flowers of the data file. Raises OSError, KeyError or ValueError when it is another file."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Flower(tuple(float(row[name]) for name in COLUMNS), row["species"]) for row in csv.DictReader(file)]


def split(flowers: Sequence[Flower]) -> tuple[list[Flower], list[Flower]]:
    """The flowers to train on and the unseen ones, in equal shares of each species."""
    known: list[Flower] = []
    unseen: list[Flower] = []
    for name in names(flowers):
        for at, flower in enumerate(flower for flower in flowers if flower.species == name):
            (unseen if at % EVERY == EVERY - 1 else known).append(flower)
    return known, unseen


def names(flowers: Sequence[Flower]) -> list[str]:
    """The species, in the order of the data."""
    return list(dict.fromkeys(flower.species for flower in flowers))


def train(flowers: Sequence[Flower]) -> Iris:
    """Gradient descent on the mean cross entropy. Nothing in it is random."""
    columns = list(zip(*(flower.measurements for flower in flowers), strict=True))
    means, deviations = [fmean(column) for column in columns], [pstdev(column) for column in columns]
    features = [standardised(flower.measurements, means, deviations) for flower in flowers]
    species = names(flowers)
    wanted = [[float(flower.species == name) for name in species] for flower in flowers]
    weights = [[0.0] * len(features[0]) for _ in species]
    for _ in range(STEPS):
        weights = step(weights, features, wanted)
    return Iris(
        tuple(species),
        tuple(rounded(means)),
        tuple(rounded(deviations)),
        tuple(tuple(rounded(row)) for row in weights),
    )


def step(
    weights: list[list[float]], features: Sequence[Sequence[float]], wanted: Sequence[Sequence[float]]
) -> list[list[float]]:
    """The weights after one step down the gradient."""
    slopes = [[0.0] * len(row) for row in weights]
    for known, target in zip(features, wanted, strict=True):
        for slope, found, meant in zip(slopes, softmax(scores(weights, known)), target, strict=True):
            for at, feature in enumerate(known):
                slope[at] += (found - meant) * feature / len(features)
    return [
        [weight - RATE * (slope + (SHRINK * weight if at else 0.0)) for at, (weight, slope) in enumerate(pairs)]
        for pairs in (list(zip(row, slopes[number], strict=True)) for number, row in enumerate(weights))
    ]


def rounded(values: Sequence[float]) -> list[float]:
    """To the digits of the file, so that every machine ships the same one."""
    return [round(value, DIGITS) for value in values]


def right(model: Iris, flowers: Sequence[Flower]) -> int:
    """How many of the flowers the model names as the data does."""
    return sum(model.best(model.probabilities(flower.measurements)) == flower.species for flower in flowers)


def report(model: Iris, flowers: Sequence[Flower]) -> str:
    """The figures, a line for each part of the data."""
    parts = zip(("train", "unseen"), split(flowers), strict=True)
    return "\n".join(f"{name}: {right(model, part)} of {len(part)} flowers right" for name, part in parts)


def render(model: Iris) -> str:
    """The model file, a line per species."""
    head = {
        "about": "Three species of iris, softmax regression: train_iris.py writes, iris.py reads.",
        "columns": list(COLUMNS),
        "means": list(model.means),
        "deviations": list(model.deviations),
        "species": list(model.species),
        "row": ["bias", *(f"weight of {name}" for name in COLUMNS)],
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    rows = ",\n".join(f"  {json.dumps(list(row))}" for row in model.weights)
    return "{\n" + ",\n".join(lines) + ',\n"weights": [\n' + rows + "\n]\n}\n"


def differs(one: Iris, other: Iris) -> bool:
    """Whether a number differs by more than the last digits, which floating point may change on another machine."""
    numbers = [[*model.means, *model.deviations, *(w for row in model.weights for w in row)] for model in (one, other)]
    same = one.species == other.species and len(numbers[0]) == len(numbers[1])
    return not same or any(abs(a - b) > 1e-4 for a, b in zip(*numbers, strict=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains and writes, or with --check compares; returns 1 when the shipped file differs."""
    parser = argparse.ArgumentParser(prog="python -m demo.train_iris", description="Train the model of irises.")
    parser.add_argument("--check", action="store_true", help="write nothing, compare with the shipped file")
    flowers = read_flowers()
    model = train(split(flowers)[0])
    if parser.parse_args(arguments).check:
        changed = differs(model, load(MODEL_FILE))
        print("The shipped file differs." if changed else "The shipped file is what training gives.")
        return int(changed)
    MODEL_FILE.write_text(render(model), encoding="utf-8", newline="\n")
    print(report(load(MODEL_FILE), flowers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
