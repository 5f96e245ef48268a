"""Boxes over a picture: drawn, or cut out of it."""

from __future__ import annotations

import heapq
import io
import math
import unicodedata
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..results import Box, Boxes
from .pixels import ROOM, Picture, on_white, pixels_of, written

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

MOST_BOXES = 500
LONGEST_LABEL = 40
# Paul Tol's bright scheme, which the colour-blind tell apart too, and three between.
COLOURS = ("#ee6677", "#4477aa", "#ccbb44", "#228833", "#66ccee", "#aa3377", "#ee8866", "#004488", "#bbbbbb", "#dda077")


def in_pixels(picture: Picture, found: Boxes) -> list[Box]:
    """The boxes in pixels of this picture and inside it; those that lie outside are left out.

    Where the endpoint says what size its picture had, places are scaled from that.
    """
    is_fraction = found.units == "fraction"
    across = picture.width if is_fraction else picture.width / found.width if found.width else 1.0
    down = picture.height if is_fraction else picture.height / found.height if found.height else 1.0
    boxes = []
    for box in found.boxes:
        x0, x1 = (_within(x * across, picture.width) for x in (box.x0, box.x1))
        y0, y1 = (_within(y * down, picture.height) for y in (box.y0, box.y1))
        if x0 < x1 and y0 < y1:
            boxes.append(replace(box, x0=x0, y0=y0, x1=x1, y1=y1))
    return boxes


def _within(value: float, side: int) -> float:
    """Also for what is no number: `min` and `max` would hand that on."""
    return min(max(value, 0.0), float(side)) if math.isfinite(value) else 0.0 if value < 0 else float(side)


def crop(picture: Picture, box: Box) -> Picture | None:
    """What is inside a box, whose sides are pixels of this picture; None when it lies outside."""
    inside = in_pixels(picture, Boxes("", [box]))
    if not inside:
        return None
    (place,) = inside
    edges = (math.floor(place.x0), math.floor(place.y0), math.ceil(place.x1), math.ceil(place.y1))
    with ROOM:
        return written(pixels_of(picture).crop(edges), may_lose=picture.content_type == "image/jpeg")


def colours_of(found: Boxes) -> dict[str, str]:
    """A colour for each label, in the order in which they come."""
    labels = dict.fromkeys(box.label for box in found.boxes)
    return {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(labels)}


def steady_colours(found: Boxes) -> dict[str, str]:
    """A colour for each label, by its letters: the same from picture to picture, unless two labels would share one."""
    taken: dict[str, str] = {}
    for label in dict.fromkeys(box.label for box in found.boxes):
        start = zlib.crc32(label.encode("utf-8", "replace"))
        turns = [COLOURS[(start + i) % len(COLOURS)] for i in range(len(COLOURS))]
        taken[label] = next((colour for colour in turns if colour not in taken.values()), turns[0])
    return taken


def draw_boxes(picture: Picture, found: Boxes, least: float = -math.inf) -> bytes:
    """The picture with its boxes and their labels and scores, as a PNG of the same size.

    A label has one colour wherever it stands. Boxes whose score is below `least` are left out; of more than MOST_BOXES,
    those with the best scores are drawn.
    """
    with ROOM:
        return _drawn(picture, found, least)


def _drawn(picture: Picture, found: Boxes, least: float) -> bytes:
    from PIL import ImageDraw, ImageFont

    image = on_white(pixels_of(picture)).convert("RGB")
    pen = ImageDraw.Draw(image)
    longest = max(image.size)
    line = max(2, round(longest / 300))
    font = ImageFont.load_default(max(11, round(longest / 45)))
    shown = (box for box in found.boxes if box.score is None or box.score >= least)
    boxes = in_pixels(picture, replace(found, boxes=heapq.nlargest(MOST_BOXES, shown, _weight)))
    colours = colours_of(found)
    for box in reversed(boxes):  # the best one on top
        _draw_frame(pen, box, colours[box.label], line)
    for box in reversed(boxes):
        _draw_label(pen, box, colours[box.label], font, image.size)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _weight(box: Box) -> float:
    return box.score if box.score is not None and math.isfinite(box.score) else 0.0


def _draw_frame(pen: ImageDraw, box: Box, colour: str, line: int) -> None:
    """With a thin dark line around it, so that it is seen on its own colour too."""
    x0, y0 = round(box.x0), round(box.y0)
    x1, y1 = max(x0, round(box.x1) - 1), max(y0, round(box.y1) - 1)
    pen.rectangle((x0, y0, x1, y1), outline="#222222", width=line + 1)
    pen.rectangle((x0, y0, x1, y1), outline=colour, width=line)


def _draw_label(pen: ImageDraw, box: Box, colour: str, font: Any, size: tuple[int, int]) -> None:
    """Above the box, or inside it where there is no room, and always inside the picture."""
    text = label_text(box)
    if not text:
        return
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    wide, high = right - left + 6, bottom - top + 6
    x = max(0, min(round(box.x0), size[0] - wide))
    y = round(box.y0) - high if box.y0 >= high else min(round(box.y0), max(0, size[1] - high))
    pen.rectangle((x, y, x + wide - 1, y + high - 1), fill=colour)
    pen.text((x + 3 - left, y + 3 - top), text, fill=_ink(colour), font=font)


def label_text(box: Box) -> str:
    """The label, shortened and on one line, and the score: in the letters that Pillow's own font has, which are those
    of ASCII. Letters lose their accents, others become question marks."""
    plain = unicodedata.normalize("NFKD", box.label[:200])
    kept = (letter for letter in plain if not unicodedata.combining(letter))
    shown = (c if c.isascii() and c.isprintable() else "?" if c.isalnum() else " " for c in kept)
    label = " ".join("".join(shown).split())
    label = label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 3]}..."
    return " ".join(filter(None, [label, "" if box.score is None else f"{box.score:.2f}"]))


def _ink(colour: str) -> str:
    """Black or white, whichever is read better on the colour (WCAG 2.2, relative luminance)."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "white"
