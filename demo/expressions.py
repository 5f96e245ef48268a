"""What faces express, in the shape of a small service with a protocol of its own, as pure functions of bodies.

`POST /predict_api` takes `{"image": "<base64>"}` and answers `{"found", "image", "faces": [{"face", "prediction":
[{"emotion", "probability"}]}]}`, pictures in base64, with boxes drawn on `image` and `face` cut out of it; a failure is
`{"error": "..."}`, with status 200. The model behind it is a detector of smiles, so it tells happy from neutral and
nothing else, and says so in `note`.
"""

import base64
import binascii
import io
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from demo import faces
from demo.answer import Answer, ok, read_json
from demo.digits_picture import PictureError, opened
from demo.faces import Cascades, Face
from demo.faces_azure import WITHOUT_PILLOW, refusal, unauthorized

if TYPE_CHECKING:
    from PIL.Image import Image

PATH = "/predict_api"
NO_JSON = "failed to parse json, invalid format"
NO_PICTURE = "failed to process image, try another image"
NOTE = "Tells only happy from neutral, by whether a smile is found. The numbers are no measured probabilities."
MOST_FACES = 20
COLOUR = "#ffcc00"

__all__ = ["PATH", "answer", "needs_key", "owns", "refusal", "unauthorized"]


def owns(path: str) -> bool:
    """Whether this service answers at the path."""
    return path == PATH


def needs_key(path: str) -> bool:
    """Nothing is told without a key."""
    return True


def answer(method: str, path: str, kind: str, body: bytes, model: Callable[[], Cascades]) -> Answer:
    """Every answer of the service, failures too. `model` gives the cascades or raises MissingError."""
    if method != "POST":
        return refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} does not answer to {method}.")
    given = read_picture(body)
    if given is None:
        return ok({"error": NO_JSON})
    try:
        return ok(predict(given, model()))
    except faces.MissingError as error:
        return refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    except ImportError:
        return refusal(HTTPStatus.SERVICE_UNAVAILABLE, WITHOUT_PILLOW)
    except (PictureError, binascii.Error, ValueError):
        return ok({"error": NO_PICTURE})


def read_picture(body: bytes) -> str | None:
    """What stands under `image`; None when the body is no such object. `model` and `img_name` are passed over."""
    try:
        document = read_json(body)
    except ValueError:
        return None
    given = document.get("image") if isinstance(document, dict) else None
    return given if isinstance(given, str) else None


def predict(given: str, model: Cascades) -> dict[str, Any]:
    """Raises PictureError, or ValueError when it is no base64."""
    image = opened(base64.b64decode(given, validate=True)).convert("RGB")
    found = faces.find(model, image)[:MOST_FACES]
    if not found:
        return {"found": False, "note": NOTE}
    smiles = [faces.smile(model, image, face) for face in found]
    listed = [{"face": cut(image, face), "prediction": moods(smile)} for face, smile in zip(found, smiles, strict=True)]
    return {"found": True, "image": framed(image, found), "faces": listed, "note": NOTE}


def moods(smile: float) -> list[dict[str, Any]]:
    """The likelier one first."""
    shares = {"happy": round(smile, 4), "neutral": round(1 - smile, 4)}
    ordered = sorted(shares.items(), key=lambda pair: -pair[1])
    return [{"emotion": emotion, "probability": share} for emotion, share in ordered]


def cut(image: "Image", face: Face) -> str:
    """One face, as a JPEG in base64."""
    return coded(image.crop((face.x0, face.y0, face.x1, face.y1)))


def framed(image: "Image", found: list[Face]) -> str:
    """The picture with a frame around each face, as a JPEG in base64."""
    from PIL import ImageDraw

    drawn = image.copy()
    pen = ImageDraw.Draw(drawn)
    for face in found:
        line = max(2, max(image.size) // 250)
        pen.rectangle((face.x0, face.y0, face.x1 - 1, face.y1 - 1), outline=COLOUR, width=line)
    return coded(drawn)


def coded(image: "Image") -> str:
    """A JPEG in base64."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return base64.b64encode(out.getvalue()).decode("ascii")
