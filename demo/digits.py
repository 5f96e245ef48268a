"""The model of digits: which of 0 to 9 is written on 8 × 8 pixels?

A network with one layer of hidden units (ReLU) and a softmax. `train_digits.py` makes the model file; scoring needs the
standard library alone. How a picture becomes 8 × 8 pixels stands in `digits_picture.py`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from pathlib import Path

from demo.iris import softmax

MODEL_FILE = Path(__file__).with_name("digits.json")
SIDE = 8
FULL = 16.0  # the ink of a pixel goes from 0 to this
LABELS = tuple(str(digit) for digit in range(10))
Weights = list[list[float]]


@dataclass(frozen=True)
class Digits:
    """A trained model: per hidden unit 64 weights and a bias, per digit as many weights as there are units and a bias.

    They are lists, because sums over them are the whole work.
    """

    hidden: Weights
    output: Weights

    def probabilities(self, pixels: Sequence[float]) -> list[float]:
        """The probability of each digit, for 64 pixels row by row, each from 0 (paper) to 16 (ink).

        Raises ValueError for another number of pixels.
        """
        if len(pixels) != SIDE * SIDE:
            raise ValueError(f"There must be {SIDE * SIDE} pixels.")
        return softmax(layer(self.output, rectified(layer(self.hidden, [pixel / FULL for pixel in pixels]))))


def best(probabilities: Sequence[float]) -> int:
    """The likeliest digit."""
    return max(range(len(LABELS)), key=probabilities.__getitem__)


def layer(weights: Weights, values: Sequence[float]) -> list[float]:
    """The weighted sum per row; the last weight of a row is its bias."""
    return [sum(map(mul, row, values)) + row[-1] for row in weights]


def rectified(values: Sequence[float]) -> list[float]:
    """Nothing below 0."""
    return [max(0.0, value) for value in values]


def load(path: Path = MODEL_FILE) -> Digits:
    """The model in a file that `train_digits.py` wrote.

    Raises OSError when it cannot be read, ValueError or KeyError when it is not such a file.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    return Digits(document["hidden"], document["output"])
