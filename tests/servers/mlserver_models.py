"""A folder for MLServer: scikit-learn's model with its tensor declared and without, and one that MLflow saved.

Run as `python mlserver_models.py FOLDER PORTS`, PORTS being those for HTTP, gRPC and metrics.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import joblib

from servers import mlflow_models
from servers.iris import trained

SETTINGS = {"host": "127.0.0.1", "parallel_workers": 0, "metrics_endpoint": None, "debug": False}
FLOWER = {
    "name": "flower",
    "implementation": "mlserver_sklearn.SKLearnModel",
    "parameters": {"uri": "./model.joblib"},
    "inputs": [{"name": "lengths", "datatype": "FP64", "shape": [-1, 4]}],
    "outputs": [{"name": "predict", "datatype": "BYTES", "shape": [-1, 1]}],
}
SILENT = {**{key: FLOWER[key] for key in ("implementation", "parameters")}, "name": "silent"}
SIGNED = {"name": "signed", "implementation": "mlserver_mlflow.MLflowRuntime", "parameters": {"uri": "./signed"}}


def lay_out(folder: Path, ports: list[int]) -> None:
    names = ("http_port", "grpc_port", "metrics_port")
    _write(folder / "settings.json", {**SETTINGS, **dict(zip(names, ports, strict=True))})
    for settings in (FLOWER, SILENT, SIGNED):
        _write(folder / str(settings["name"]) / "model-settings.json", settings)
    for settings in (FLOWER, SILENT):
        joblib.dump(trained(), folder / str(settings["name"]) / "model.joblib")
    mlflow_models.save(folder / "signed/signed", signed=True)


def _write(path: Path, settings: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings), "utf-8")


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]), [int(port) for port in sys.argv[2:]])
