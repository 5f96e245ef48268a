"""Pictures: a stranger's file -> a small, clean picture; and what is made of one: tensors, boxes drawn, pieces cut out.

A file goes through three gates. `headers` reads it without decoding, by its first bytes and never by its name; a
picture with too many pixels is refused here. Pillow then gets the parts that hold pixels only (`pixels`), so that no
comment, EXIF directory or colour profile ever reaches a parser that could be made to swell. What it decodes is turned,
shrunk and written anew, so nothing of the file itself is passed on. `rows` does so with the fields of a submission;
`tensors` and `boxes` take what comes of it.
"""

from .boxes import COLOURS, colours_of, crop, draw_boxes, in_pixels, label_text, steady_colours
from .pixels import MAX_SIDE, Picture, read
from .rows import checked, checked_row, sent_row
from .tensors import layout_of, shape_of, tensor, widget_for

__all__ = [
    "COLOURS",
    "MAX_SIDE",
    "Picture",
    "checked",
    "checked_row",
    "colours_of",
    "crop",
    "draw_boxes",
    "in_pixels",
    "label_text",
    "layout_of",
    "read",
    "sent_row",
    "shape_of",
    "steady_colours",
    "tensor",
    "widget_for",
]
