"""Saves the model as MLflow does: `python mlflow_models.py FOLDER signed` (or `unsigned`)."""

from __future__ import annotations

import sys
from pathlib import Path

import mlflow.sklearn
import pandas as pd
from mlflow.models import infer_signature
from sklearn.datasets import load_iris

from servers.iris import COLUMNS, trained


def save(folder: Path, *, signed: bool) -> None:
    """Without a signature MLflow neither says nor checks what the model takes."""
    flowers = pd.DataFrame(load_iris().data, columns=list(COLUMNS))
    model = trained(flowers)
    mlflow.sklearn.save_model(
        model,
        folder,
        serialization_format=mlflow.sklearn.SERIALIZATION_FORMAT_CLOUDPICKLE,
        signature=infer_signature(flowers, model.predict(flowers)) if signed else None,
        pip_requirements=["scikit-learn"],  # finding them out takes 5 s
    )


if __name__ == "__main__":
    save(Path(sys.argv[1]), signed=sys.argv[2] == "signed")
