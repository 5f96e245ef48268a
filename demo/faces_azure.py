"""Where the faces are, as an Azure Machine Learning online endpoint whose scoring script takes the bare request; pure
functions of bodies.

Shapes: azureml-inference-server-http (`@rawhttp`, `swagger.json`), and the answer of AutoML's object detection: a box
has `topX`, `topY`, `bottomX` and `bottomY` as shares of the picture's sides. A failure of the script is
`{"error": "..."}`.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from demo import faces
from demo.answer import TEXT, Answer, ok
from demo.digits_picture import PictureError, opened
from demo.faces import Cascades, Face

ROOT = "/faces"
SCORING = f"{ROOT}/score"
WITHOUT_PILLOW = "Pictures need Pillow, which is not installed: pip install -r requirements.txt, then start again."


def owns(path: str) -> bool:
    """Whether this service answers at the path."""
    return path == ROOT or path.startswith(f"{ROOT}/")


def needs_key(path: str) -> bool:
    """Only whether it is up is for everybody."""
    return path not in (ROOT, f"{ROOT}/")


def refusal(status: HTTPStatus, message: str) -> Answer:
    """Any failure."""
    return Answer(status, {"error": message})


def unauthorized(said: str) -> Answer:
    """401."""
    return refusal(HTTPStatus.UNAUTHORIZED, "The key is missing or wrong.")


def answer(method: str, path: str, kind: str, body: bytes, model: Callable[[], Cascades]) -> Answer:
    """Every answer of the service, failures too. `model` gives the cascades or raises MissingError."""
    if path not in (ROOT, f"{ROOT}/", SCORING, f"{ROOT}/swagger.json"):
        return refusal(HTTPStatus.NOT_FOUND, f"There is no {path[:100]} here.")
    if method != ("POST" if path == SCORING else "GET"):
        return refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} does not answer to {method}.")
    if path != SCORING:
        return ok(description()) if path.endswith(".json") else ok("Healthy", TEXT)
    try:
        return ok(boxes(body, model()))
    except faces.MissingError as error:
        return refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    except ImportError:
        return refusal(HTTPStatus.SERVICE_UNAVAILABLE, WITHOUT_PILLOW)
    except PictureError as error:
        return refusal(HTTPStatus.BAD_REQUEST, str(error))


def boxes(body: bytes, model: Cascades) -> dict[str, Any]:
    """The faces in a picture. Raises PictureError."""
    image = opened(body)
    return {"boxes": [box(face, *image.size) for face in faces.find(model, image)]}


def box(face: Face, wide: int, high: int) -> dict[str, Any]:
    """As AutoML writes one."""
    corners = {
        "topX": face.x0 / wide,
        "topY": face.y0 / high,
        "bottomX": face.x1 / wide,
        "bottomY": face.y1 / high,
    }
    return {"box": {name: round(value, 6) for name, value in corners.items()}, "label": "face", "score": face.score}


def description() -> dict[str, Any]:
    """As the server writes one for a script without a description of its own: it says nothing of the body."""
    empty = {"type": "object", "example": {}}
    taken = {"name": "serviceInputPayload", "in": "body", "schema": {"$ref": "#/definitions/ServiceInput"}}
    given = {"description": "The service processed the input.", "schema": {"$ref": "#/definitions/ServiceOutput"}}
    return {
        "swagger": "2.0",
        "info": {"title": "Faces", "description": "Send a picture as the body: POST /score.", "version": "1.0"},
        "schemes": ["http"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": {
            "/score": {"post": {"operationId": "RunMLService", "parameters": [taken], "responses": {"200": given}}},
        },
        "definitions": {"ServiceInput": empty, "ServiceOutput": empty},
    }
