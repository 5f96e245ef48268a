"""The descriptions that `cog build` writes for `cog_predict.py`, without which Cog takes whatever it is sent.

In the form of Cog's own generator: the order in `x-order`, choices behind `allOf`, files as `uri`. Run in the project
as `python cog_schema.py ONE_FLOWER` (or `A_FILE`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LENGTH = {"type": "number", "minimum": 0, "maximum": 10}
CHOICES = ["species", "probabilities"]
ONE_FLOWER: dict[str, dict[str, Any]] = {
    "sepal_length": {**LENGTH, "title": "Sepal Length", "description": "In centimetres."},
    "sepal_width": {**LENGTH, "title": "Sepal Width"},
    "petal_length": {**LENGTH, "title": "Petal Length"},
    "petal_width": {**LENGTH, "title": "Petal Width", "default": 0.2},
    "answer": {"allOf": [{"$ref": "#/components/schemas/answer"}], "default": "species"},
}


A_FILE: dict[str, dict[str, Any]] = {"table": {"type": "string", "format": "uri", "title": "Table"}}


def document(inputs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Cog's `openapi.json` for a predictor with these inputs."""
    properties = {name: {**about, "x-order": number} for number, (name, about) in enumerate(inputs.items())}
    required = [name for name, about in inputs.items() if "default" not in about]
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": {"/predictions": {"post": {"operationId": "predict_predictions_post", **_body("PredictionRequest")}}},
        "components": {
            "schemas": {
                "Input": {"title": "Input", "type": "object", "required": required, "properties": properties},
                "Output": {"title": "Output"},
                "answer": {"title": "answer", "type": "string", "enum": CHOICES, "description": "An enumeration."},
                "PredictionRequest": {
                    "title": "PredictionRequest",
                    "type": "object",
                    "properties": {"input": {"$ref": "#/components/schemas/Input"}},
                },
                "PredictionResponse": {
                    "title": "PredictionResponse",
                    "type": "object",
                    "properties": {"output": {"$ref": "#/components/schemas/Output"}},
                },
            }
        },
    }


def _body(name: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return {"requestBody": {"content": content}, "responses": {"200": {"description": "Successful Response"}}}


if __name__ == "__main__":
    folder = Path(".cog")
    folder.mkdir()
    folder.joinpath("openapi_schema.json").write_text(json.dumps(document(globals()[sys.argv[1]])), "utf-8")
