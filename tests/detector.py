"""A model that finds things in pictures, and a picture for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from soak.parts import Model

ASTRONAUT = (Path(__file__).parent.parent / "demo/pictures/astronaut.jpg").read_bytes()  # 384 × 384 pixels
SCHEMA = json.dumps({"dialect": "raw", "fields": [{"name": "picture", "type": "image", "send": "body"}]})
FOUND = [("person", 0.98, 5, 8, 375, 380), ("face", 0.91, 131, 49, 205, 122), ("badge", 0.33, 140, 260, 200, 300)]


def records(*found: tuple[Any, ...]) -> list[dict[str, Any]]:
    """As Hugging Face writes them."""
    names = ("xmin", "ymin", "xmax", "ymax")
    return [{"label": b[0], "score": b[1], "box": dict(zip(names, b[2:], strict=True))} for b in found]


class Detector(Model):
    """`found` is its answer to every picture."""

    path = "/detect"
    about: ClassVar[dict[str, str]] = {"schema": SCHEMA}

    def __init__(self, found: Any) -> None:
        super().__init__()
        self.found = found

    def answer(self, body: bytes) -> tuple[int, Any]:
        return 200, self.found
