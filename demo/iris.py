"""The model of irises: which of three species has petals and sepals of this size?

Multinomial logistic regression (softmax of four standardised measurements). `train_iris.py` makes the model file; both
need the standard library alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path

MODEL_FILE = Path(__file__).with_name("iris.json")
LARGEST = 1000.0  # cm
COLUMNS = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
Measurements = Sequence[float]


@dataclass(frozen=True)
class Iris:
    """A trained model: per column its mean and standard deviation (cm), per species a bias and four weights."""

    species: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]

    def probabilities(self, measurements: Measurements) -> list[float]:
        """The probability of each species, in the order of `species`, for four measurements in cm.

        Raises ValueError for a measurement that no flower has.
        """
        if not all(0 <= value <= LARGEST for value in measurements):
            raise ValueError(f"A measurement must be from 0 to {LARGEST:g} cm.")
        return softmax(scores(self.weights, standardised(measurements, self.means, self.deviations)))

    def best(self, probabilities: Sequence[float]) -> str:
        """The likeliest species."""
        return self.species[max(range(len(self.species)), key=probabilities.__getitem__)]


def standardised(measurements: Measurements, means: Sequence[float], deviations: Sequence[float]) -> list[float]:
    """1 for the bias, then each measurement in standard deviations from its mean."""
    return [1.0, *((value - mean) / d for value, mean, d in zip(measurements, means, deviations, strict=True))]


def scores(weights: Sequence[Sequence[float]], features: Sequence[float]) -> list[float]:
    """The weighted sum per species."""
    return [sum(weight * feature for weight, feature in zip(row, features, strict=True)) for row in weights]


def softmax(values: Sequence[float]) -> list[float]:
    """Shares that sum to 1. The largest value is taken off first, so that no exponential can overflow."""
    largest = max(values)
    powers = [exp(value - largest) for value in values]
    return [power / sum(powers) for power in powers]


def load(path: Path = MODEL_FILE) -> Iris:
    """The model in a file that `train_iris.py` wrote.

    Raises OSError when it cannot be read, ValueError or KeyError when it is not such a file.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    return Iris(
        species=tuple(document["species"]),
        means=tuple(document["means"]),
        deviations=tuple(document["deviations"]),
        weights=tuple(tuple(row) for row in document["weights"]),
    )
