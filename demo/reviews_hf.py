"""The reviews by the protocol of Hugging Face's inference services, as pure functions of bodies.

Shapes: Hugging Face, "Inference Providers", task text-classification. `{"inputs": "...", "parameters": {"top_k": 1}}`
is answered with `[[{"label", "score"}, ...]]`, a failure with `{"error": "..."}`.
"""

from http import HTTPStatus
from typing import Any

from demo.answer import Answer, ok, read_json
from demo.reviews import Reviews

ROOT = "/models/"
NAME = "reviews"
MOST_TEXTS = 1000


class RequestError(Exception):
    """The body does not fit; the message says why."""


def owns(path: str) -> bool:
    """Whether this service answers at the path."""
    return path.startswith(ROOT)


def needs_key(path: str) -> bool:
    """Nothing is told without a key."""
    return True


def refusal(status: HTTPStatus, message: str) -> Answer:
    """Any failure but one of the input."""
    return Answer(status, {"error": message})


def unauthorized(said: str) -> Answer:
    """401: one sentence for a token that is wrong, another for what is none."""
    if said.startswith("Bearer "):
        return refusal(HTTPStatus.UNAUTHORIZED, "Authorization header is correct, but the token seems invalid")
    return refusal(HTTPStatus.UNAUTHORIZED, "Invalid username or password.")


def answer(method: str, path: str, kind: str, body: bytes, model: Reviews) -> Answer:
    """Every answer of the service, failures too."""
    name = path.removeprefix(ROOT)
    if name != NAME:
        return refusal(HTTPStatus.NOT_FOUND, f"Model {name[:100]} does not exist")
    if method != "POST":
        return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Method Not Allowed")
    try:
        document = read_json(body)
    except ValueError:
        return refusal(HTTPStatus.BAD_REQUEST, "The body is not JSON.")
    try:
        return ok(classify(document, model))
    except RequestError as error:
        return Answer(HTTPStatus.UNPROCESSABLE_ENTITY, {"error": str(error), "error_type": "validation"})


def classify(document: Any, model: Reviews) -> list[list[dict[str, Any]]]:
    """Per text its labels with scores, best first. Raises RequestError."""
    if not isinstance(document, dict) or "inputs" not in document:
        raise RequestError("Input validation error: missing field `inputs`")
    given = document["inputs"]
    texts = given if isinstance(given, list) else [given]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise RequestError("Input validation error: `inputs` must be a text or a list of texts")
    if len(texts) > MOST_TEXTS:
        raise RequestError(f"Input validation error: `inputs` must have at most {MOST_TEXTS} texts")
    most = read_top_k(document.get("parameters"))
    return [labels(model.probabilities(text))[:most] for text in texts]


def labels(shares: dict[str, float]) -> list[dict[str, Any]]:
    """As the protocol lists them."""
    return [{"label": label, "score": share} for label, share in sorted(shares.items(), key=lambda pair: -pair[1])]


def read_top_k(parameters: Any) -> int | None:
    """How many labels are wanted; None for all. Parameters of other tasks are passed over. Raises RequestError."""
    if parameters is None:
        return None
    if not isinstance(parameters, dict):
        raise RequestError("Input validation error: `parameters` must be an object")
    top_k = parameters.get("top_k")
    if top_k is not None and (isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1):
        raise RequestError("Input validation error: `top_k` must be strictly positive")
    return top_k
