"""The digits by the protocol of Hugging Face's inference services, as pure functions of bodies.

Shapes: Hugging Face, "Inference Providers", task image-classification. A picture is the bare body, or base64 in
`{"inputs": "...", "parameters": {"top_k": 1}}`; it is answered with `[{"label", "score"}, ...]`, a failure with
`{"error": "..."}`. The task stands in the second address, as the library's own pipelines have it.
"""

import base64
import binascii
from http import HTTPStatus
from typing import Any

from demo.answer import JSON, Answer, ok, read_json
from demo.digits import LABELS, Digits
from demo.digits_picture import PictureError, opened, pixels
from demo.reviews_hf import RequestError, labels, read_top_k, refusal, unauthorized

PATH = "/models/digits"
PATHS = (PATH, f"{PATH}/pipeline/image-classification")
WITHOUT_PILLOW = "Digits need Pillow, which is not installed: pip install -r requirements.txt, then start again."

__all__ = ["PATH", "answer", "needs_key", "owns", "refusal", "unauthorized"]


def owns(path: str) -> bool:
    """Whether this service answers at the path."""
    return path in PATHS


def needs_key(path: str) -> bool:
    """Nothing is told without a key."""
    return True


def answer(method: str, path: str, kind: str, body: bytes, model: Digits) -> Answer:
    """Every answer of the service, failures too."""
    if method != "POST":
        return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Method Not Allowed")
    try:
        picture, most = read_body(kind, body)
        found = model.probabilities(pixels(opened(picture)))
    except ImportError:
        return refusal(HTTPStatus.SERVICE_UNAVAILABLE, WITHOUT_PILLOW)
    except PictureError as error:
        return refusal(HTTPStatus.BAD_REQUEST, str(error))
    except RequestError as error:
        return Answer(HTTPStatus.UNPROCESSABLE_ENTITY, {"error": str(error), "error_type": "validation"})
    return ok(labels(dict(zip(LABELS, found, strict=True)))[:most])


def read_body(kind: str, body: bytes) -> tuple[bytes, int | None]:
    """The picture's bytes, and how many labels are wanted. Raises RequestError."""
    if kind != JSON:
        return body, None
    try:
        document: Any = read_json(body)
    except ValueError:
        raise RequestError("Input validation error: the body is not JSON") from None
    given = document.get("inputs") if isinstance(document, dict) else None
    if not isinstance(given, str):
        raise RequestError("Input validation error: `inputs` must be a picture in base64")
    try:
        picture = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        raise RequestError("Input validation error: `inputs` must be a picture in base64") from None
    return picture, read_top_k(document.get("parameters"))
