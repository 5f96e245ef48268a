"""Trains the model of digits: `python -m demo.train_digits`. Needs scikit-learn for its data, which scoring does not.

The data are the 1797 digits of the test set of E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits"
(UCI Machine Learning Repository, 1998), as scikit-learn 1.9.1 ships them. They lie there writer by writer, so the last
fifth, which is kept out of training, is mostly by other hands than the rest. To these come 400 drawings of
`digits_draw.py`, because its sevens have no bar and its lines are as a mouse draws them, which in the data is rare.

Training is plain Python (with Pillow for the drawings) and takes some twenty seconds. `--check` writes nothing and says
whether the shipped file is as good as what comes out.
"""

import argparse
import json
import math
import random
import sys
from collections.abc import Sequence
from operator import mul
from typing import NamedTuple

from sklearn.datasets import load_digits

from demo.digits import FULL, LABELS, MODEL_FILE, SIDE, Digits, Weights, best, layer, load, rectified
from demo.digits_draw import drawn
from demo.digits_picture import opened
from demo.digits_picture import pixels as pixels_of
from demo.iris import softmax

UNSEEN = 360  # the last ones
DRAWINGS = 400
PENS = (8, 32)  # pixels
HIDDEN = 40
ROUNDS = 30
RATE = 0.08  # at first; it falls to nothing
SHRINK = 1e-4  # L2, per step
SHIFT = 0.7  # pixels; each digit is moved by up to this, anew in every round, for no two people centre alike
SEED = 1
DIGITS = 4  # decimals in the file


class Example(NamedTuple):
    """64 pixels, each from 0 to 16, and the digit that they show."""

    pixels: tuple[float, ...]
    digit: int


def read_examples() -> list[Example]:
    """The data, in their order."""
    data = load_digits()
    return [Example(tuple(p), int(d)) for p, d in zip(data.data.tolist(), data.target.tolist(), strict=True)]


def split(examples: Sequence[Example]) -> tuple[Sequence[Example], Sequence[Example]]:
    """Those to train on, and the unseen ones."""
    return examples[:-UNSEEN], examples[-UNSEEN:]


def drawings(seed: int, count: int) -> list[Example]:
    """Drawings as a picture of them is seen; another seed gives others."""
    dice = random.Random(seed)  # noqa: S311 - no secret hangs on it
    digits = [at % len(LABELS) for at in range(count)]
    return [Example(tuple(pixels_of(opened(drawn(one, dice, dice.randint(*PENS))))), one) for one in digits]


def train(examples: Sequence[Example]) -> Digits:
    """Stochastic gradient descent on the cross entropy, one example a step, in an order that is always the same."""
    dice = random.Random(SEED)  # noqa: S311
    hidden = started(dice, HIDDEN, SIDE * SIDE)
    output = started(dice, len(LABELS), HIDDEN)
    order = [*examples, *drawings(SEED, DRAWINGS)]
    for number in range(ROUNDS):
        dice.shuffle(order)
        rate = RATE * (1 + math.cos(math.pi * number / ROUNDS)) / 2
        for example in order:
            moved = shifted(example.pixels, dice.uniform(-SHIFT, SHIFT), dice.uniform(-SHIFT, SHIFT))
            step(hidden, output, moved, example.digit, rate)
    return Digits(rounded(hidden), rounded(output))


def started(dice: random.Random, rows: int, columns: int) -> Weights:
    """Small random weights (K. He et al., "Delving Deep into Rectifiers", 2015) and biases of 0."""
    spread = math.sqrt(2 / columns)
    return [[*(dice.gauss(0, spread) for _ in range(columns)), 0.0] for _ in range(rows)]


def shifted(pixels: Sequence[float], right: float, down: float) -> list[float]:
    """The digit moved by parts of a pixel, as inputs of the network: from 0 to 1. What leaves is lost."""
    rows = [list(pixels[i : i + SIDE]) for i in range(0, SIDE * SIDE, SIDE)]
    across = [moved(row, right) for row in rows]
    columns = [moved(list(column), down) for column in zip(*across, strict=True)]
    return [value / FULL for row in zip(*columns, strict=True) for value in row]


def moved(line: list[float], by: float) -> list[float]:
    """One line of pixels; each gives a share of itself to its neighbour."""
    share = abs(by)
    neighbours = [0.0, *line[:-1]] if by > 0 else [*line[1:], 0.0]
    return [(1 - share) * own + share * other for own, other in zip(line, neighbours, strict=True)]


def step(hidden: Weights, output: Weights, values: list[float], digit: int, rate: float) -> None:
    """Changes the weights by one step down the gradient of one example."""
    found = rectified(layer(hidden, values))
    errors = softmax(layer(output, found))
    errors[digit] -= 1
    columns = list(zip(*output, strict=True))[:-1]  # without the biases
    back = [sum(map(mul, errors, column)) if f > 0 else 0.0 for f, column in zip(found, columns, strict=True)]
    descend(output, errors, found, rate)
    descend(hidden, back, values, rate)


def descend(weights: Weights, errors: Sequence[float], values: Sequence[float], rate: float) -> None:
    """Changes the weights of one layer in place."""
    keep = 1 - rate * SHRINK
    for at, error in enumerate(errors):
        if error:
            by, row = rate * error, weights[at]
            bias = row[-1] - by
            row[:] = [keep * weight - by * value for weight, value in zip(row, values, strict=False)]
            row.append(bias)


def rounded(weights: Weights) -> Weights:
    """To the decimals of the file."""
    return [[round(weight, DIGITS) for weight in row] for row in weights]


def right(model: Digits, examples: Sequence[Example]) -> int:
    """How many of the digits the model names as the data does."""
    return sum(best(model.probabilities(example.pixels)) == example.digit for example in examples)


def report(model: Digits, examples: Sequence[Example]) -> str:
    """The figures, a line for each part of the data."""
    parts = zip(("train", "unseen"), split(examples), strict=True)
    lines = [f"{name}: {right(model, part)} of {len(part)} digits right" for name, part in parts]
    others = drawings(SEED + 1, DRAWINGS // 2)
    return "\n".join([*lines, f"drawn: {right(model, others)} of {len(others)} other drawings right"])


def render(model: Digits) -> str:
    """The model file, a line per unit."""
    about = "Ten handwritten digits, 64 pixels, one hidden layer: train_digits.py writes, digits.py reads."
    parts = [f'"about": {json.dumps(about)}', f'"row": {json.dumps(["a weight per input", "bias"])}']
    for name, weights in (("hidden", model.hidden), ("output", model.output)):
        parts.append(f'"{name}": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in weights) + "\n]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains and writes, or with --check compares; returns 1 when the shipped file is not as good."""
    parser = argparse.ArgumentParser(prog="python -m demo.train_digits", description="Train the model of digits.")
    parser.add_argument("--check", action="store_true", help="write nothing, compare with the shipped file")
    examples = read_examples()
    model = train(split(examples)[0])
    if parser.parse_args(arguments).check:
        # Not the weights: the last bit of an exponential on another machine can grow into other ones.
        new, shipped = (right(one, split(examples)[1]) for one in (model, load(MODEL_FILE)))
        print(f"unseen: {shipped} right by the shipped file, {new} by what training gives.")
        return int(shipped < new - 5)
    MODEL_FILE.write_text(render(model), encoding="utf-8", newline="\n")
    print(report(load(MODEL_FILE), examples))
    return 0


if __name__ == "__main__":
    sys.exit(main())
