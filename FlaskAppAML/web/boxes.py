"""Boxes over a picture: an SVG without a size of its own, all places in percent of the picture's sides, so that lines
and letters are equally big on every screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..images import Picture, colours_of, in_pixels, steady_colours
from ..results import Box, Boxes, Part

MOST_PICTURES = 4  # the same one, with the boxes of one part each
MOST_MARKS = 200  # the rows of the table beside the picture
MOST_LABELS = 50  # in the legend
LONGEST_TAG = 20  # characters of a label
HALF = 0.5
ROOM_ABOVE = 12.0  # percent of the picture that a tag above its box needs
FAR_RIGHT = 60.0  # percent from where on a tag ends at the right side of its box


@dataclass(frozen=True)
class Mark:
    """One box to be drawn. `number` is its row in a table, counted from 1, `tag` what stands at the box, `group` the
    place of its label in the legend, counted from 0; the sides are percent."""

    number: int
    tag: str
    group: int
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


@dataclass(frozen=True)
class Overlay:
    """What is drawn over a picture. `legend` has label, colour and count; `least` is the score from which on boxes are
    seen at first, None where scores hide none; `place` counts the parts that have boxes, from 0."""

    marks: list[Mark]
    legend: list[tuple[str, str, int]]
    least: float | None
    place: int = 0

    @property
    def suffix(self) -> str:
        """Of ids on the page: nothing for the first."""
        return f"-{self.place + 1}" if self.place else ""

    def is_hidden(self, mark: Mark) -> bool:
        return self.least is not None and mark.score is not None and mark.score < self.least

    @property
    def hidden(self) -> int:
        """How many boxes are not seen at first."""
        return sum(map(self.is_hidden, self.marks))

    @property
    def numbers(self) -> set[int]:
        """The rows of the table that have a box."""
        return {mark.number for mark in self.marks}


def boxed(parts: Iterable[Part]) -> list[Boxes]:
    """The parts whose boxes can stand over a picture."""
    return [part for part in parts if isinstance(part, Boxes) and part.boxes][:MOST_PICTURES]


def overlay(found: Boxes, width: int, height: int, least: float | None = None, place: int = 0) -> Overlay:
    """For a picture of so many pixels. `least` is what somebody asked for; it counts where scores tell something."""
    usual = least_score(found)
    colours, counts = colours_of(found), Counter(box.label for box in found.boxes)
    legend = [(_cut(label), colour, counts[label]) for label, colour in colours.items()][:MOST_LABELS]
    return Overlay(marks(found, width, height), legend, usual if least is None or usual is None else least, place)


def marks(found: Boxes, width: int, height: int, *, numbered: bool = True) -> list[Mark]:
    """The first boxes that lie on a picture of so many pixels, the surest last, which is on top. Their tags begin with
    the number. Where they are not `numbered`, as in one frame of many, they end with the score, and each label keeps
    its colour."""
    picture = Picture(b"", width=width, height=height)
    colours = colours_of(found) if numbered else steady_colours(found)
    groups = {label: i for i, label in enumerate(colours)}
    made = []
    for i, box in enumerate(found.boxes[:MOST_MARKS]):
        for place in in_pixels(picture, replace(found, boxes=[box])):
            x, y, x1, y1 = (
                round(100 * side / whole, 3)
                for side, whole in ((place.x0, width), (place.y0, height), (place.x1, width), (place.y1, height))
            )
            about = (i + 1, _tag(box, i + 1 if numbered else None), groups[box.label], box.score, colours[box.label])
            made.append(Mark(*about, x, y, round(x1 - x, 3), round(y1 - y, 3)))
    return sorted(made, key=lambda mark: mark.score or 0.0)


def _tag(box: Box, number: int | None) -> str:
    if number is not None:
        return f"{number} {_cut(box.label)}".rstrip()
    return f"{_cut(box.label)} {'' if box.score is None else f'{box.score:.2f}'}".strip()


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST_TAG else f"{label[: LONGEST_TAG - 1]}…"


def least_score(found: Boxes) -> float | None:
    """Below what score boxes are hidden at first: one half, where scores go to 1 and any reaches it. None where the
    scores tell nothing."""
    scores = [box.score for box in found.boxes if box.score is not None]
    if not scores or min(scores) < 0 or max(scores) > 1:
        return None
    return HALF if max(scores) >= HALF else 0.0
