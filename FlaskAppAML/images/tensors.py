"""A picture as the numbers of a tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..schema import Field
from ..schema.values import InvalidValue
from .pixels import Picture, on_white, pixels_of

MOST_VALUES = 4_000_000  # of a tensor
LEAST_SIDE = 8
LARGEST_SIDE = 4096
DRAWN_UP_TO = 32  # pixels: larger ones are not drawn with a pen of one width


def layout_of(shape: Sequence[int]) -> str:
    """How a tensor of this shape holds a picture; "" when it holds none.

    N is the one picture, C its colours (one or three), H and W its height and width, F all of it in a row: "NCHW",
    "CHW", "NHWC", "HWC", "NHW", "HW", "NF", "F". A size below 0 is any; "F" must be a square, of one or three colours.
    """
    sizes = list(shape)
    if len(sizes) == 4 and sizes[0] in (-1, 1):
        return "NCHW" if sizes[1] in (1, 3) else "NHWC" if sizes[3] in (1, 3) else ""
    if len(sizes) == 3:
        is_batch = sizes[0] == -1 or (sizes[0] == 1 and sizes[2] not in (1, 3))
        return "HWC" if sizes[2] in (1, 3) else "CHW" if sizes[0] == 3 else "NHW" if is_batch else ""
    if len(sizes) == 2 and sizes[0] in (-1, 1) and _square(sizes[1]) != (0, 0):
        return "NF"
    if len(sizes) == 2 and min(sizes) > 1:
        return "HW"
    return "F" if len(sizes) == 1 and _square(sizes[0]) != (0, 0) else ""


def _square(values: int) -> tuple[int, int]:
    """Side and colours of a square picture of so many values, at least 4 × 4; (0, 0) when it is none."""
    for colours in (1, 3):
        side = math.isqrt(max(0, values // colours))
        if side >= 4 and side * side * colours == values:
            return side, colours
    return 0, 0


def widget_for(shape: Sequence[int], row: Sequence[int], datatype: str) -> str:
    """How people give a tensor that is surely a picture: "picture", or "draw" where it is small; else "".

    `row` is the shape without the number of rows. Without a size for colours only a square is one for sure, and a row
    of numbers never is. Signed bytes may hold anything.
    """
    layout = layout_of(shape)
    is_number = any(word in datatype for word in ("INT", "FP", "FLOAT", "HALF", "DOUBLE"))
    if not layout or "F" in layout or not is_number or (datatype.endswith("INT8") and "UINT8" not in datatype):
        return ""
    if len(row) < 2 or (len(row) < len(shape)) != layout.startswith("N"):
        return ""
    wide, high = (dict(zip(layout, shape, strict=True))[side] for side in "WH")
    is_sure = "C" in layout or (len(shape) == 3 and wide == high >= 2 * LEAST_SIDE)
    if not is_sure or not all(size == -1 or LEAST_SIDE <= size <= LARGEST_SIDE for size in (wide, high)):
        return ""
    return "draw" if 0 < max(wide, high) <= DRAWN_UP_TO else "picture"


def words(shape: Sequence[int]) -> str:
    """What the model gets of a picture, in a sentence."""
    sizes = dict(zip(layout_of(shape), shape, strict=True))
    colours = "in colour" if sizes.get("C") == 3 else "in grey"
    wide, high = sizes.get("W", -1), sizes.get("H", -1)
    return f"A picture; the model gets it {f'as {wide} × {high} pixels, ' if min(wide, high) > 0 else ''}{colours}."


def shape_of(f: Field) -> tuple[int, ...]:
    """Of the tensor that a field stands for: a list of a known length is one too."""
    return f.shape or ((f.max_items,) if f.max_items and f.kind == "list" else ())


def numbers(f: Field, picture: Picture) -> list[Any]:
    """One row of the field's tensor. White is 255 where there are whole numbers, else 1, or the field's `maximum`.

    Raises InvalidValue.
    """
    shape = shape_of(f)
    is_whole = "INT" in f.datatype or f.kind == "integer" or (f.items is not None and f.items.kind == "integer")
    scale = float(f.maximum) if f.maximum else 255.0 if is_whole else 1.0
    try:
        found = tensor(picture, shape, scale=scale, is_whole=is_whole)
    except ValueError:
        raise InvalidValue("This picture cannot be made into what the model takes. Choose a smaller one.") from None
    return found[0] if layout_of(shape).startswith("N") else found


def tensor(
    picture: Picture, shape: Sequence[int], layout: str = "", scale: float = 1, *, is_whole: bool = False
) -> list[Any]:
    """The picture as nested lists of the whole `shape`, N being 1, stretched to its height and width.

    `layout` is one of `layout_of`, which is asked where it is "". `scale` is what white is: 1 for numbers from 0 to 1,
    255 for whole numbers; others are whole with `is_whole`. What is transparent is taken as white. Raises ValueError
    when the shape holds no picture.
    """
    from PIL import Image

    layout = layout or layout_of(shape)
    wide, high, colours = _sizes(picture, shape, layout)
    image = on_white(pixels_of(picture)).convert("L" if colours == 1 else "RGB")
    image = image if image.size == (wide, high) else image.resize((wide, high), Image.Resampling.BILINEAR)
    values: list[Any] = [round(value * scale / 255, None if is_whole or scale == 255 else 6) for value in range(256)]
    if "C" in layout and layout.index("C") < layout.index("H"):
        found: list[Any] = [_cut([values[v] for v in band.tobytes()], wide) for band in image.split()]
    else:
        found = [values[v] for v in image.tobytes()]
        found = _cut(found, colours) if layout.endswith("C") else found
        found = found if layout.endswith("F") else _cut(found, wide)
    return [found] if layout.startswith("N") else found


def _sizes(picture: Picture, shape: Sequence[int], layout: str) -> tuple[int, int, int]:
    """Width, height and colours. Raises ValueError."""
    if len(shape) != len(layout) or not layout:
        raise ValueError(f"no picture has the shape {list(shape)}")
    sizes = dict(zip(layout, shape, strict=True))
    if "F" in sizes:
        side, colours = _square(sizes["F"])
        sizes.update(W=side, H=side, C=colours)
    colours = sizes.get("C", 1)
    wide = sizes["W"] if sizes["W"] >= 0 else picture.width
    high = sizes["H"] if sizes["H"] >= 0 else picture.height
    if wide < 1 or high < 1 or colours not in (1, 3) or wide * high * colours > MOST_VALUES:
        raise ValueError(f"no picture has the shape {list(shape)}")
    return wide, high, colours


def _cut(values: list[Any], length: int) -> list[list[Any]]:
    return [values[i : i + length] for i in range(0, len(values), length)]
