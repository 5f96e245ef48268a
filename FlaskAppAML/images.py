"""Pictures: a stranger's file -> a small, clean picture; and what is made of one: tensors, boxes drawn, pieces cut out.

A file goes through three gates. `_parts` reads its headers alone, by its first bytes and never by its name: format,
sizes, rotation, and the parts that hold pixels; a picture with too many of them is refused here. Pillow then gets those
parts only, so that no comment, EXIF directory or colour profile ever reaches a parser that could be made to swell. What
it decodes is turned, shrunk and written anew, so nothing of the file itself is passed on.

Sources: JPEG (ITU-T T.81, annex B), PNG (W3C, third edition), WebP (RFC 9649), GIF89a, BMP (Microsoft, "Bitmap header
types"), TIFF 6.0, Exif 2.32 (tag 0x0112, orientation). SVG is refused, for it can hold script.
"""

from __future__ import annotations

import heapq
import io
import math
import re
import struct
import threading
import unicodedata
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from .results import Box, Boxes
from .schema import Upload
from .schema.values import InvalidValue

if TYPE_CHECKING:  # Pillow is imported where it is needed, so that an app without pictures starts without it
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

MAX_SIDE = 2048
MOST_PIXELS = 20_000_000
MOST_BYTES = 64 * 1024 * 1024  # a picture of so many pixels without any compression
MOST_PIECES = 100_000  # of one file: chunks, segments, strips
MOST_BLOCKS = 500_000  # of a GIF, at most 255 bytes each
MOST_SCANS = 100  # of a progressive JPEG, each of which goes over all pixels
MOST_ENTRIES = 500  # of a TIFF directory
FEW_COLOURS = 256
JPEG_QUALITY = 92
MOST_VALUES = 4_000_000  # of a tensor
MOST_BOXES = 500
LONGEST_LABEL = 40
# Paul Tol's bright scheme, which the colour-blind tell apart too, and three between.
COLOURS = ("#ee6677", "#4477aa", "#ccbb44", "#228833", "#66ccee", "#aa3377", "#ee8866", "#004488", "#bbbbbb", "#dda077")

# Decoding is what takes memory, some 250 MB for the largest picture, so only two at a time do it.
_ROOM = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Picture:
    """A PNG or JPEG that we wrote ourselves, upright and without metadata. Sizes in pixels."""

    data: bytes = field(repr=False)
    content_type: str
    width: int
    height: int

    def upload(self, name: str = "picture") -> Upload:
        """As a file to send on, its name ending as its type does."""
        stem = PurePath(name.replace("\\", "/")).stem.strip(".") or "picture"
        return Upload(self.data, stem + (".png" if self.content_type == "image/png" else ".jpg"), self.content_type)


def read(given: Upload | bytes, max_side: int = MAX_SIDE) -> Picture:
    """The picture in a file: JPEG, PNG, WebP, GIF (its first frame), BMP or a TIFF of one page.

    Neither side is longer than `max_side` pixels afterwards. PNG where there is transparency, or where a file without
    losses has few colours; else JPEG. Raises InvalidValue with a sentence that says what to do.
    """
    data = given.data if isinstance(given, Upload) else given
    parts = _parts(data)
    with _ROOM:
        try:
            return _written(_upright(_decoded(parts, max_side), parts.rotation), may_lose=parts.kind == "JPEG")
        except InvalidValue:
            raise
        except Exception as error:  # whatever a decoder raises over a stranger's file
            raise _damaged() from error


# What a file is, by its headers


@dataclass(frozen=True)
class Parts:
    """`kind` is Pillow's word for the format, `data` the file without what is no pixels, `rotation` that of Exif."""

    kind: str
    width: int
    height: int
    data: bytes = field(repr=False)
    rotation: int = 1


def _damaged() -> InvalidValue:
    return InvalidValue("This picture is cut off or damaged. Choose another, or save it anew.")


def _parts(data: bytes) -> Parts:
    """Raises InvalidValue."""
    if not data:
        raise InvalidValue("This file is empty.")
    if len(data) > MOST_BYTES:
        size, most = math.ceil(len(data) / 2**20), MOST_BYTES // 2**20
        raise InvalidValue(f"This file has {size:,} MB; a picture may have at most {most}.")
    reader = next((reader for start, reader in _READERS if start.match(data)), None)
    if reader is None:
        raise InvalidValue(_not_read(data[:1000]))
    try:
        parts = reader(data)
    except (struct.error, IndexError, KeyError):
        raise _damaged() from None
    _check_size(parts.width, parts.height)
    return parts


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise _damaged()
    if width * height > MOST_PIXELS:
        raise InvalidValue(
            f"This picture has {width:,} × {height:,} pixels; at most {MOST_PIXELS // 10**6} million are taken. "
            "Make it smaller."
        )


def _not_read(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in start or (start.startswith(b"<?xml") and b"svg" in start):
        return "SVG is not taken, because it can hold script. Save the picture as PNG."
    if head[4:8] == b"ftyp":
        is_video = head[8:12] not in (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis")
        return f"{'Video' if is_video else 'HEIC and AVIF'} cannot be read here. Save the picture as JPEG."
    if start.startswith(b"%pdf"):
        return "This is a PDF. Save the page as a picture, PNG or JPEG."
    return "This is not a picture that can be read here. Choose a JPEG, PNG, WebP, GIF, BMP or TIFF."


# JPEG

_MARKER = re.compile(rb"\xff+([\x01-\xfe])")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_KEPT = _FRAMES | {0xC4, 0xCC, 0xDB, 0xDD}  # with tables and the restart interval


def _jpeg(data: bytes) -> Parts:
    pieces, at, rotation, size = [b"\xff\xd8"], 2, 0, (0, 0)
    for _ in range(MOST_PIECES):
        marker = _MARKER.match(data, at)
        if marker is None:
            break
        code, start = marker[1][0], marker.end()
        (length,) = struct.unpack_from(">H", data, start)
        body, at = data[start + 2 : start + length], start + max(2, length)
        if code in _FRAMES:
            size = struct.unpack_from(">HH", body, 1)
        if code == 0xE1 and body.startswith(b"Exif\0\0"):
            rotation = rotation or _rotation(body[6:])
        # Two application segments say which colours are meant: JFIF and Adobe's.
        if code in _KEPT or (code == 0xE0 and body[:5] == b"JFIF\0") or (code == 0xEE and body[:5] == b"Adobe"):
            pieces.append(data[marker.start() : at])
        if code == 0xDA:
            # Inside the scans ff is always followed by 00, so these are all the scans and nothing else.
            if data.count(b"\xff\xda", start) >= MOST_SCANS:
                raise _damaged()
            pieces.append(data[marker.start() :])
            return Parts("JPEG", size[1], size[0], b"".join(pieces), rotation or 1)
    raise _damaged()


# PNG


def _png(data: bytes) -> Parts:
    kept: dict[bytes, bytes] = {}
    pixels: list[bytes] = []
    at, rotation = 8, 1
    for _ in range(MOST_PIECES):
        if at >= len(data):
            break
        length, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        (check,) = struct.unpack_from(">I", data, at + 8 + length)
        at += 12 + length
        if name in (b"IHDR", b"PLTE", b"tRNS", b"IDAT") and zlib.crc32(body, zlib.crc32(name)) != check:
            raise _damaged()
        if name == b"IDAT":
            pixels.append(body)
        elif name in (b"IHDR", b"PLTE", b"tRNS"):
            kept.setdefault(name, body)
        elif name == b"eXIf":
            rotation = _rotation(body)
        elif name == b"IEND":
            break
    width, height = struct.unpack_from(">II", kept[b"IHDR"])
    chunks = [
        *((name, kept[name]) for name in (b"IHDR", b"PLTE", b"tRNS") if name in kept),
        (b"IDAT", b"".join(pixels)),
    ]
    clean = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in [*chunks, (b"IEND", b"")])
    return Parts("PNG", width, height, clean, rotation)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))


# WebP


def _webp(data: bytes) -> Parts:
    """Sizes stand in the first chunk, in three ways."""
    name, start = data[12:16], 20
    if name == b"VP8X":
        wide, high = (int.from_bytes(data[i : i + 3], "little") + 1 for i in (start + 4, start + 7))
    elif name == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, start + 1)
        wide, high = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif name == b"VP8 ":
        wide, high = (size & 0x3FFF for size in struct.unpack_from("<HH", data, start + 6))
    else:
        raise _damaged()
    return Parts("WEBP", wide, high, data, _webp_rotation(data) if name == b"VP8X" else 1)


def _webp_rotation(data: bytes) -> int:
    at = 12
    for _ in range(MOST_PIECES):
        if at + 8 > len(data):
            break
        name, length = struct.unpack_from("<4sI", data, at)
        if name == b"EXIF":
            return _rotation(data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0"))
        at += 8 + length + length % 2
    return 1


# GIF


def _gif(data: bytes) -> Parts:
    """The screen, the first picture on it, and what says which of its colours is none."""
    wide, high, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _palette_bytes(flags)
    pieces = [data[:at]]
    for _ in range(MOST_PIECES):
        start, at = at, at + 1
        if data[start] == 0x2C:
            left, top, own_wide, own_high, flags = struct.unpack_from("<HHHHB", data, at)
            end = _after_blocks(data, at + 10 + _palette_bytes(flags))
            pieces.append(data[start:end] + b"\x3b")
            return Parts("GIF", max(wide, left + own_wide), max(high, top + own_high), b"".join(pieces))
        if data[start] != 0x21:
            break
        at = _after_blocks(data, at + 1)
        if data[start + 1] == 0xF9:
            pieces.append(data[start:at])
    raise _damaged()


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    """Where the sub-blocks that start at `at` have ended. Raises IndexError when they do not."""
    for _ in range(MOST_BLOCKS):
        length = data[at]
        at += 1 + length
        if not length:
            return at
    raise _damaged()


# BMP


def _bmp(data: bytes) -> Parts:
    (length,) = struct.unpack_from("<I", data, 14)
    if length == 12:
        wide, high = struct.unpack_from("<HH", data, 18)
        return Parts("BMP", wide, high, data)
    wide, high, _, _, compression = struct.unpack_from("<iiHHI", data, 18)
    if compression not in (0, 3):  # plain, or with masks; run lengths are unpacked in Python, byte by byte
        raise InvalidValue("This kind of BMP is not read here. Save the picture as PNG.")
    return Parts("BMP", wide, abs(high), data)


# TIFF, which Exif is made of too

_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TIFF_NUMBERS = {3: "H", 4: "I"}
_ROTATION, _COMPRESSION, _TILE_WIDE, _TILE_HIGH = 274, 259, 322, 323
# Sizes, colours and where the pixels are; no text, no other directory.
_TIFF_KEPT = frozenset({256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339})
# None, LZW, deflate, PackBits. Of a damaged fax libtiff prints a line for each row, and gives the rest for a picture.
_TIFF_COMPRESSIONS = frozenset({1, 5, 8, 32773, 32946})
Entry = tuple[int, int, bytes]


def _directory(data: bytes) -> tuple[str, dict[int, Entry], int]:
    """Byte order, the first directory (type, count and value or offset by tag), and the offset of the next one."""
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, at)
    if count > MOST_ENTRIES:
        raise _damaged()
    entries: dict[int, Entry] = {}
    for i in range(count):
        tag, kind, values, value = struct.unpack_from(order + "HHI4s", data, at + 2 + 12 * i)
        entries.setdefault(tag, (kind, values, value))
    (following,) = struct.unpack_from(order + "I", data, at + 2 + 12 * count)
    return order, entries, following


def _number(order: str, entry: Entry | None) -> int:
    """The first value where it is a whole number that stands in the entry itself; else 0."""
    kind, values, value = entry or (0, 0, b"")
    code = _TIFF_NUMBERS.get(kind)
    return int(struct.unpack_from(order + code, value)[0]) if code and values == 1 else 0


def _numbers(data: bytes, order: str, entry: Entry | None) -> tuple[int, ...]:
    """All its values where they are whole numbers. Raises struct.error when they are not in the file."""
    kind, values, value = entry or (0, 0, b"")
    layout = f"{order}{values}{_TIFF_NUMBERS.get(kind, 's')}"
    if struct.calcsize(layout) <= len(value):
        return struct.unpack_from(layout, value) if kind in _TIFF_NUMBERS else ()
    return struct.unpack_from(layout, data, *struct.unpack(order + "I", value)) if kind in _TIFF_NUMBERS else ()


def _rotation(exif: bytes) -> int:
    """1 to 8, as Exif counts them; 1, upright, also where it cannot be read."""
    try:
        order, entries, _ = _directory(exif)
        found = _number(order, entries.get(_ROTATION))
    except (struct.error, InvalidValue):
        return 1
    return found if found in range(1, 9) else 1


def _tiff(data: bytes) -> Parts:
    """With a directory of its own that holds only what is needed: the others may point at the whole file, each anew."""
    order, entries, following = _directory(data)
    if following:
        raise InvalidValue("This TIFF has several pages. Save the one you mean as PNG.")
    if (_number(order, entries.get(_COMPRESSION)) or 1) not in _TIFF_COMPRESSIONS:
        raise InvalidValue("This kind of TIFF is not read here. Save the picture as PNG.")
    kept = {tag: entry for tag, entry in sorted(entries.items()) if tag in _TIFF_KEPT}
    if any(count > MOST_PIECES or _TIFF_SIZES[kind] * count > len(data) for kind, count, _ in kept.values()):
        raise _damaged()
    wide, high = (_number(order, kept.get(tag)) for tag in (256, 257))
    _check_size(*(_number(order, kept[tag]) if tag in kept else 1 for tag in (_TILE_WIDE, _TILE_HIGH)))
    for places, lengths in ((273, 279), (324, 325)):  # the new directory must not stand in for pixels that are missing
        pieces = (_numbers(data, order, kept.get(tag)) for tag in (places, lengths))
        if any(start + length > len(data) for start, length in zip(*pieces, strict=False)):
            raise _damaged()
    at = len(data) + len(data) % 2
    listed = [struct.pack(order + "HHI4s", tag, *entry) for tag, entry in kept.items()]
    directory = struct.pack(order + "H", len(listed)) + b"".join(listed) + bytes(4)
    head = data[:4] + struct.pack(order + "I", at)
    return Parts("TIFF", wide, high, head + data[8:].ljust(at - 8, b"\0") + directory, _rotation(data))


_READERS: tuple[tuple[re.Pattern[bytes], Callable[[bytes], Parts]], ...] = (
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), _webp),
    (re.compile(rb"GIF8[79]a"), _gif),
    (re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL), _bmp),
    (re.compile(rb"II\x2a\0|MM\0\x2a"), _tiff),
)


# Pixels


def _decoded(parts: Parts, max_side: int) -> Image:
    """In the modes L, RGB or RGBA, shrunk. Raises what Pillow raises, and InvalidValue."""
    from PIL import Image

    image = Image.open(io.BytesIO(parts.data), formats=(parts.kind,))
    _check_size(*image.size)
    size = _fitting(image.size, max_side)
    image.draft(None, size)  # a JPEG is decoded at a half, a quarter or an eighth of its size, where that is enough
    image.load()
    plain = _plain(image)
    plain.info.clear()
    return plain if plain.size == size else plain.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _fitting(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    share = min(1.0, max_side / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _plain(image: Image) -> Image:
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("I", "F"):
        raise InvalidValue("This picture has more than 16 bits per colour. Save it as PNG or JPEG.")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        with_alpha = image.convert("RGBA")
        is_opaque = with_alpha.getchannel("A").getextrema() == (255, 255)
        return with_alpha.convert("RGB") if is_opaque else with_alpha
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _upright(image: Image, rotation: int) -> Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[rotation]) if rotation in turns else image


def _written(image: Image, *, may_lose: bool = False) -> Picture:
    """As PNG or JPEG."""
    as_png = image.mode == "RGBA" or (not may_lose and image.getcolors(FEW_COLOURS) is not None)
    out = io.BytesIO()
    if as_png:
        image.save(out, "PNG")
    else:
        image.save(out, "JPEG", quality=JPEG_QUALITY)
    return Picture(out.getvalue(), "image/png" if as_png else "image/jpeg", *image.size)


def _pixels(picture: Picture) -> Image:
    """Of a picture that we wrote."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture.data), formats=("PNG", "JPEG"))
    image.load()
    return image


# Tensors


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
    image = _on_white(_pixels(picture)).convert("L" if colours == 1 else "RGB")
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


def _on_white(image: Image) -> Image:
    from PIL import Image

    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


# Boxes


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
    return _written(_pixels(picture).crop(edges), may_lose=picture.content_type == "image/jpeg")


def draw_boxes(picture: Picture, found: Boxes) -> bytes:
    """The picture with its boxes and their labels and scores, as a PNG of the same size.

    A label has one colour wherever it stands. Of more than MOST_BOXES, those with the best scores are drawn.
    """
    from PIL import ImageDraw, ImageFont

    image = _on_white(_pixels(picture)).convert("RGB")
    pen = ImageDraw.Draw(image)
    longest = max(image.size)
    line = max(2, round(longest / 300))
    font = ImageFont.load_default(max(11, round(longest / 45)))
    boxes = in_pixels(picture, replace(found, boxes=heapq.nlargest(MOST_BOXES, found.boxes, _weight)))
    labels = list(dict.fromkeys(box.label for box in found.boxes))
    colours = {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(labels)}
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
