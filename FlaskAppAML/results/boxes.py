"""Boxes around things in pictures, in the ways that detectors write them: records with corners, with a corner and
sizes, with a centre and sizes, four numbers in a list or in a text; or lists beside each other.

Sources: Hugging Face's task specification of object detection (`box: {xmin, ymin, xmax, ymax}`), COCO's results format
(`bbox: [x, y, width, height]` with `category_id`), Azure Machine Learning's AutoML (`topX` .. `bottomY`, fractions),
Azure Custom Vision (`boundingBox: {left, top, width, height}`), Ultralytics (`x1` .. `y2`, `xywh` from the centre),
Roboflow (`x`, `y` the centre), TensorFlow's detection models (`detection_boxes`, each `[ymin, xmin, ymax, xmax]`) and
torchvision (`boxes`, `labels`, `scores`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from . import Box, Boxes, as_number

LABEL_KEYS = ("label", "class_name", "className", "displayName", "tagName", "name", "class", "category", "tag")
SCORE_KEYS = ("score", "probability", "confidence", "prob", "conf")
NUMBER_KEYS = ("class_id", "category_id", "classId", "label_id")  # of a label without a name
LONGEST_LABEL = 200
LONGEST_LIST = 200  # characters, of four numbers written as text

HOLDERS = ("box", "bbox", "bounding_box", "boundingBox", "xyxy", "xywh", "rect", "rectangle")
CORNERS, SIZE, CENTRE, EITHER = "corners", "size", "centre", "either"
# Names in lower case without underscores, in the order left, top, right or width, bottom or height.
NAMES = (
    (CORNERS, ("xmin", "ymin", "xmax", "ymax")),
    (CORNERS, ("x0", "y0", "x1", "y1")),
    (CORNERS, ("x1", "y1", "x2", "y2")),
    (CORNERS, ("left", "top", "right", "bottom")),
    (CORNERS, ("topx", "topy", "bottomx", "bottomy")),
    (SIZE, ("left", "top", "width", "height")),
    (SIZE, ("xmin", "ymin", "width", "height")),
    (SIZE, ("x", "y", "w", "h")),
    (SIZE, ("x", "y", "width", "height")),
    (CENTRE, ("cx", "cy", "w", "h")),
    (CENTRE, ("cx", "cy", "width", "height")),
    (CENTRE, ("xcenter", "ycenter", "width", "height")),
    (CENTRE, ("centerx", "centery", "width", "height")),
)
Found = tuple[str, list[float]]


def boxes_of_records(records: list[Any], name: str = "") -> Boxes | None:
    """A box from each record; None unless every one has a box."""
    found: list[Found] = []
    for record in records:
        place = _place(record) if isinstance(record, dict) else None
        if place is None:
            return None
        found.append(place)
    labels = [label_of(record) for record in records]
    scores = [score_of(record) for record in records]
    return _boxes(name, found, labels, scores)


def boxes_of_lists(record: Mapping[str, Any], name: str = "") -> Boxes | None:
    """Boxes, scores and labels as lists beside each other; None for anything else."""
    is_tensorflow = "detection_boxes" in record
    places = record.get("detection_boxes" if is_tensorflow else "boxes", record.get("bboxes"))
    if not isinstance(places, list):
        return None
    found: list[Found] = []
    for place in places:
        numbers = _four(place)
        if numbers is None:
            return None
        y0, x0, y1, x1 = numbers
        found.append((CORNERS, [x0, y0, x1, y1]) if is_tensorflow else (EITHER, numbers))
    start = "detection_" if is_tensorflow else ""
    scores = _beside(record, len(found), start + "scores", "confidences", "probabilities")
    labels = _beside(record, len(found), start + "class_names", start + "labels", start + "classes", "names")
    if found and not scores and not labels and not is_tensorflow:
        return None
    return _boxes(name, found, [_label(label) for label in labels], [as_number(score) for score in scores])


def label_of(record: Mapping[str, Any]) -> str:
    """The label that a record gives, or ""."""
    given = (record[key] for key in (*LABEL_KEYS, *NUMBER_KEYS) if key in record)
    return next((_label(value) for value in given if isinstance(value, str | int | float)), "")


def score_of(record: Mapping[str, Any]) -> float | None:
    """The score that a record gives."""
    return next((as_number(record[key]) for key in SCORE_KEYS if key in record), None)


def _label(value: Any) -> str:
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    return str(whole)[:LONGEST_LABEL] if isinstance(whole, str | int | float) else ""


def _place(record: Mapping[str, Any]) -> Found | None:
    holder = next((key for key in HOLDERS if key in record), None)
    if holder is None:
        has_label = label_of(record) != "" or score_of(record) is not None
        return _named(record, is_roboflow="class" in record and "confidence" in record) if has_label else None
    inside = record[holder]
    if isinstance(inside, dict):
        return _named(inside)
    numbers = _four(inside)
    if numbers is None:
        return None
    if holder == "xywh":
        return CENTRE, numbers
    return SIZE if "category_id" in record else CORNERS if holder == "xyxy" else EITHER, numbers


def _named(record: Mapping[str, Any], is_roboflow: bool = False) -> Found | None:
    if len(record) > 40:
        return None
    plain = {str(key).lower().replace("_", ""): value for key, value in record.items()}
    for way, names in NAMES:
        if all(name in plain for name in names):
            numbers = _four([plain[name] for name in names])
            is_centre = is_roboflow and names == ("x", "y", "width", "height")
            return None if numbers is None else (CENTRE if is_centre else way, numbers)
    return None


def _four(value: Any) -> list[float] | None:
    """Four numbers, from a list or from its text ("[ 96.  12. 480. 300.]", as NumPy writes it)."""
    if isinstance(value, str) and len(value) <= LONGEST_LIST:
        value = [text for text in re.split(r"[\s,;]+", value.strip(" []()")) if text]
    if not isinstance(value, list) or len(value) != 4:
        return None
    numbers = [item if isinstance(item, int) else as_number(item) for item in value if as_number(item) is not None]
    return [number for number in numbers if number is not None] if len(numbers) == 4 else None


def _beside(record: Mapping[str, Any], length: int, *names: str) -> list[Any]:
    lists = (record.get(name) for name in names)
    return next((listed for listed in lists if isinstance(listed, list) and len(listed) == length), [])


def _boxes(name: str, found: list[Found], labels: list[str], scores: list[float | None]) -> Boxes | None:
    """A list of four numbers says nothing about its order: where the third or fourth is less than the first or second
    in any, they are sizes in all."""
    has_sizes = any(way == EITHER and (n[2] < n[0] or n[3] < n[1]) for way, n in found)
    boxes = []
    for i, (way, numbers) in enumerate(found):
        corners = _corners(SIZE if way == EITHER and has_sizes else way, numbers)
        boxes.append(Box(labels[i] if labels else "", scores[i] if scores else None, *corners))
    sides = [side for box in boxes for side in (box.x0, box.y0, box.x1, box.y1)]
    if not all(map(math.isfinite, sides)):
        return None
    is_fraction = bool(sides) and all(-0.01 <= side <= 1.01 for side in sides)
    return Boxes(name, boxes, "fraction" if is_fraction else "pixel")


def _corners(way: str, numbers: list[float]) -> tuple[float, float, float, float]:
    a, b, c, d = numbers
    if way == SIZE:
        a, b, c, d = a, b, a + c, b + d
    elif way == CENTRE:
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    return min(a, c), min(b, d), max(a, c), max(b, d)
