"""Faces and smiles in pictures, by the Haar cascades that come with OpenCV.

Method: P. Viola and M. Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features", 2001. Needs what
`requirements.txt` in this folder names; it is loaded by the first picture, so that the other models start without it.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

WITHOUT_OPENCV = "Faces need OpenCV, which is not installed: pip install -r demo/requirements.txt, then start again."
LONGEST = 1024  # pixels; larger pictures are shrunk before they are searched
LEAST_FACE = 24  # pixels
STEP = 1.1  # from one size of face to the next
AGREEING = 5  # places beside each other that must all look like a face
MOUTH = (200, 110)  # a face is made so large, and its mouth looked for below this line
LEAST_MOUTH = (60, 30)
HALF_FACE, HALF_SMILE = 5, 60  # as many places make a score of one half
LOADING = Lock()


class MissingError(Exception):
    """OpenCV is not installed."""


@dataclass(frozen=True)
class Face:
    """Corners in pixels. The score grows with the number of places that look like this face: no probability."""

    x0: int
    y0: int
    x1: int
    y1: int
    score: float


@dataclass(frozen=True)
class Cascades:
    """The two detectors, which must not be asked by two threads at once."""

    face: Any
    smile: Any
    lock: Lock


def cascades() -> Cascades:
    """Loaded once, by one thread: OpenCV must not be imported by two at a time. Raises MissingError."""
    with LOADING:
        return loaded()


@cache
def loaded() -> Cascades:
    """Raises MissingError."""
    try:
        cv2 = import_module("cv2")
        folder, read = cv2.data.haarcascades, cv2.CascadeClassifier
    except (ImportError, AttributeError):  # OpenCV 5 has no cascades
        raise MissingError(WITHOUT_OPENCV) from None
    names = (f"{folder}haarcascade_{name}.xml" for name in ("frontalface_alt2", "smile"))
    face, smiling = map(read, names)
    return Cascades(face, smiling, Lock())


def find(found: Cascades, image: "Image") -> list[Face]:
    """The faces of a picture, the surest first."""
    small = image.convert("L")
    small.thumbnail((LONGEST, LONGEST))
    scale = image.width / small.width
    with found.lock:
        places, counts = found.face.detectMultiScale2(array(small), STEP, AGREEING, minSize=(LEAST_FACE, LEAST_FACE))
    faces = []
    for (x, y, wide, high), count in zip(places, counts, strict=True):
        x0, y0, x1, y1 = (int(side * scale) for side in (x, y, x + wide, y + high))
        faces.append(Face(x0, y0, x1, y1, share(int(count), HALF_FACE)))
    return sorted(faces, key=lambda face: -face.score)


def smile(found: Cascades, image: "Image", face: Face) -> float:
    """How much the lower half of a face looks like a smile, from 0 to 1."""
    side, line = MOUTH
    mouth = (
        image.convert("L").crop((face.x0, face.y0, face.x1, face.y1)).resize((side, side)).crop((0, line, side, side))
    )
    with found.lock:
        _, counts = found.smile.detectMultiScale2(array(mouth), STEP, AGREEING, minSize=LEAST_MOUTH)
    return share(max(map(int, counts), default=0), HALF_SMILE)


def array(grey: "Image") -> Any:
    """A grey picture as OpenCV wants it. NumPy comes with OpenCV."""
    return import_module("numpy").asarray(grey)


def share(count: int, half: int) -> float:
    """From 0 towards 1."""
    return count / (count + half)
