"""The model of all servers: trained here at their start, in a tenth of a second, on the data that scikit-learn brings.

It answers with a species, and refuses what is no iris: in this flower no petal is longer than a sepal.
"""

from __future__ import annotations

from typing import Any

COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width")  # in cm
REFUSAL = "The petal is longer than the sepal: this is no iris."


def checked(flowers: Any) -> Any:
    """`flowers` as they came, rows of the four lengths. Raises ValueError for what is no iris."""
    import numpy as np

    lengths = np.asarray(flowers, dtype=float)
    if (lengths[:, 2] > lengths[:, 0]).any():
        raise ValueError(REFUSAL)
    return flowers


def rows_of(table: str) -> list[list[float]]:
    """The flowers of a file: a line for each, its four lengths between commas."""
    return [[float(word) for word in line.split(",")] for line in table.split()]


def trained(flowers: Any = None) -> Any:
    """A pipeline with `predict` and `predict_proba`; `flowers` in place of the plain array: a data frame, say."""
    from sklearn.datasets import (
        load_iris,
    )  # here, for the tests read the constants only, and scikit-learn takes a second
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    data = load_iris()
    species = data.target_names[data.target].astype(object)
    model = make_pipeline(FunctionTransformer(checked), LogisticRegression(max_iter=1000))
    return model.fit(data.data if flowers is None else flowers, species)
