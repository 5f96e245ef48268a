"""Boxes over a picture: an SVG without a size of its own, all places in percent of the picture's sides, so that lines
and letters are equally big on every screen."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..images import COLOURS, Picture, in_pixels
from ..results import Box, Boxes

MOST_MARKS = 200  # the rows of the table beside the picture
LONGEST_TAG = 24  # characters of a label
HALF = 0.5
ROOM_ABOVE = 12.0  # percent of the picture that a tag above its box needs
FAR_RIGHT = 60.0  # percent from where on a tag ends at the right side of its box


@dataclass(frozen=True)
class Mark:
    """One box to be drawn. `number` is its row in a table, counted from 1, `tag` what stands at the box; places are
    percent."""

    number: int
    tag: str
    label: str
    score: float | None
    colour: str
    x: float
    y: float
    width: float
    height: float

    @property
    def is_far_right(self) -> bool:
        return self.x > FAR_RIGHT

    @property
    def has_room_above(self) -> bool:
        return self.y > ROOM_ABOVE


def marks(found: Boxes, width: int, height: int, *, numbered: bool = True) -> list[Mark]:
    """The first boxes that lie on a picture of so many pixels, the surest last, which is on top. Their tags begin with
    the number, or end with the score."""
    picture = Picture(b"", "", width, height)
    colours = colours_of(found)
    made = []
    for i, box in enumerate(found.boxes[:MOST_MARKS]):
        for place in in_pixels(picture, replace(found, boxes=[box])):
            x, y, x1, y1 = (
                round(100 * side / whole, 3)
                for side, whole in ((place.x0, width), (place.y0, height), (place.x1, width), (place.y1, height))
            )
            about = (i + 1, _tag(box, i + 1 if numbered else None), box.label, box.score, colours[box.label])
            made.append(Mark(*about, x, y, round(x1 - x, 3), round(y1 - y, 3)))
    return sorted(made, key=lambda mark: mark.score or 0.0)


def _tag(box: Box, number: int | None) -> str:
    label = box.label if len(box.label) <= LONGEST_TAG else f"{box.label[: LONGEST_TAG - 1]}…"
    if number is not None:
        return f"{number} {label}".rstrip()
    return f"{label} {'' if box.score is None else f'{box.score:.2f}'}".strip()


def colours_of(found: Boxes) -> dict[str, str]:
    """A colour for each label, in the order of the labels."""
    labels = dict.fromkeys(box.label for box in found.boxes)
    return {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(labels)}


def least_score(found: Boxes) -> float | None:
    """Below what score boxes are hidden at first: one half, where scores go to 1 and any reaches it. None where the
    scores tell nothing."""
    scores = [box.score for box in found.boxes if box.score is not None]
    if not scores or min(scores) < 0 or max(scores) > 1:
        return None
    return HALF if max(scores) >= HALF else 0.0
