"""A picture as the numbers of a tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .pixels import Picture, on_white, pixels_of

MOST_VALUES = 4_000_000  # of a tensor


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


def tensor(picture: Picture, shape: Sequence[int], layout: str = "", scale: int = 1) -> list[Any]:
    """The picture as nested lists of the whole `shape`, N being 1, stretched to its height and width.

    `layout` is one of `layout_of`, which is asked where it is "". `scale` is what white is: 1 for numbers from 0 to 1,
    255 for whole numbers. What is transparent is taken as white. Raises ValueError when the shape holds no picture.
    """
    from PIL import Image

    layout = layout or layout_of(shape)
    wide, high, colours = _sizes(picture, shape, layout)
    image = on_white(pixels_of(picture)).convert("L" if colours == 1 else "RGB")
    image = image if image.size == (wide, high) else image.resize((wide, high), Image.Resampling.BILINEAR)
    values: list[Any] = [round(value * scale / 255, 6) if scale != 255 else value for value in range(256)]
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
