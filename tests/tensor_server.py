"""A server of digits that takes tensors, as Triton and TensorFlow Serving describe theirs: 28 × 28 × 1 numbers from 0
to 1. What it answers is the demo's own model of digits; a tensor of another shape is refused, as those servers do."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from PIL import Image

from demo import digits, digits_picture

SIDE = 28
MODEL = digits.load()
OPEN_INFERENCE = {
    "name": "digits",
    "platform": "onnxruntime_onnx",
    "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, SIDE, SIDE, 1]}],
    "outputs": [{"name": "digit", "datatype": "FP32", "shape": [-1, 10]}],
}
SIZES = [{"size": str(size), "name": ""} for size in (-1, SIDE, SIDE, 1)]
TENSORFLOW = {
    "model_spec": {"name": "digits", "signature_name": "", "version": "1"},
    "metadata": {
        "signature_def": {
            "signature_def": {
                "serving_default": {
                    "inputs": {"image": {"dtype": "DT_FLOAT", "tensor_shape": {"dim": SIZES, "unknown_rank": False}}},
                    "outputs": {},
                    "method_name": "tensorflow/serving/predict",
                }
            }
        }
    },
}
DESCRIPTIONS = {"/v2/models/digits": OPEN_INFERENCE, "/v1/models/digits/metadata": TENSORFLOW}


def probabilities(values: list[float]) -> list[float]:
    """Of a flat tensor. Raises ValueError where it is not one, from 0 to 1."""
    if len(values) != SIDE * SIDE or not all(0 <= value <= 1 for value in values):
        raise ValueError(f"expected {SIDE * SIDE} numbers from 0 to 1")
    image = Image.frombytes("L", (SIDE, SIDE), bytes(round(255 * value) for value in values))
    return MODEL.probabilities(digits_picture.pixels(image))


def flat(instance: Any) -> list[float]:
    """Of 28 lists of 28 lists of one number."""
    if len(instance) != SIDE or any(len(row) != SIDE or any(len(cell) != 1 for cell in row) for row in instance):
        raise ValueError("instances must have the shape [28, 28, 1]")
    return [cell[0] for row in instance for cell in row]


def infer(body: Any) -> dict[str, Any]:
    (tensor,) = body["inputs"]
    if tensor["shape"] != [1, SIDE, SIDE, 1] or tensor["datatype"] != "FP32" or tensor["name"] != "image":
        raise ValueError("unexpected shape for input 'image'")
    found = {"name": "digit", "datatype": "FP32", "shape": [1, 10], "data": probabilities(tensor["data"])}
    return {"model_name": "digits", "outputs": [found]}


def predict(body: Any) -> dict[str, Any]:
    return {"predictions": [probabilities(flat(instance)) for instance in body["instances"]]}


ANSWERS = {"/v2/models/digits/infer": infer, "/v1/models/digits:predict": predict}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(200 if self.path in DESCRIPTIONS else 404, DESCRIPTIONS.get(self.path, {"error": "not found"}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            self.answer(200, ANSWERS[self.path](body))
        except ValueError as error:
            self.answer(400, {"error": str(error)})

    def answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class TensorServer:
    """`with TensorServer() as server: server.url + "/v2/models/digits/infer"`"""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> TensorServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
