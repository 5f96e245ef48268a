"""What a file is, by its headers alone: format, sizes, rotation, and the parts that hold pixels.

Sources: JPEG (ITU-T T.81, annex B), PNG (W3C, third edition), WebP (RFC 9649), GIF89a, BMP (Microsoft, "Bitmap header
types"), TIFF 6.0, Exif 2.32 (tag 0x0112, orientation). SVG is refused, for it can hold script.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from ..schema.values import InvalidValue

MOST_PIXELS = 20_000_000
MOST_BYTES = 64 * 1024 * 1024  # a picture of so many pixels without any compression
MOST_PIECES = 100_000  # of one file: chunks, segments, strips
MOST_BLOCKS = 500_000  # of a GIF, at most 255 bytes each
MOST_SCANS = 100  # of a progressive JPEG, each of which goes over all pixels
MOST_ENTRIES = 500  # of a TIFF directory


@dataclass(frozen=True)
class Parts:
    """`kind` is Pillow's word for the format, `data` the file without what is no pixels, `rotation` that of Exif."""

    kind: str
    width: int
    height: int
    data: bytes = field(repr=False)
    rotation: int = 1


def damaged() -> InvalidValue:
    return InvalidValue("This picture is cut off or damaged. Choose another, or save it anew.")


def parts_of(data: bytes) -> Parts:
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
        raise damaged() from None
    check_size(parts.width, parts.height)
    return parts


def is_picture(data: bytes) -> bool:
    """Whether it begins like a file that is read here."""
    return any(start.match(data) for start, _ in _READERS)


def check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise damaged()
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
                raise damaged()
            pieces.append(data[marker.start() :])
            return Parts("JPEG", size[1], size[0], b"".join(pieces), rotation or 1)
    raise damaged()


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
            raise damaged()
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
        raise damaged()
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
    raise damaged()


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    """Where the sub-blocks that start at `at` have ended. Raises IndexError when they do not."""
    for _ in range(MOST_BLOCKS):
        length = data[at]
        at += 1 + length
        if not length:
            return at
    raise damaged()


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
        raise damaged()
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
        raise damaged()
    wide, high = (_number(order, kept.get(tag)) for tag in (256, 257))
    check_size(*(_number(order, kept[tag]) if tag in kept else 1 for tag in (_TILE_WIDE, _TILE_HIGH)))
    for places, lengths in ((273, 279), (324, 325)):  # the new directory must not stand in for pixels that are missing
        pieces = (_numbers(data, order, kept.get(tag)) for tag in (places, lengths))
        if any(start + length > len(data) for start, length in zip(*pieces, strict=False)):
            raise damaged()
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
