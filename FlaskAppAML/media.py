"""Pictures, sound and video: their types by names and by first bytes, and data URLs (RFC 2397).

Good enough to show and to pass on, never to trust: SVG, which can hold script, is no picture here.
"""

from __future__ import annotations

import base64
import binascii
import re
from mimetypes import MimeTypes

# Bounded pieces, so that a long text that is none is left soon.
DATA_URL = re.compile(r"data:([^,;]{0,100})(?:;[^,;]{1,100}){0,9}?;base64,", re.IGNORECASE)
CONTENT_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,100}")

# Without the tables of the machine, so that a name means the same everywhere.
_TYPES = MimeTypes(filenames=())
for _ending, _type in {
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".m4a": "audio/mp4",
}.items():
    _TYPES.add_type(_type, _ending)


def content_type_of(name: str, claimed: str = "") -> str:
    """By the ending of the name; failing that what the sender claims, where it has the form of one."""
    known = _TYPES.guess_type(f"x{name[-20:]}", strict=False)[0]
    claimed = claimed.partition(";")[0].strip().lower()
    return known or (claimed if CONTENT_TYPE.fullmatch(claimed) else "application/octet-stream")


def data_url(text: str) -> tuple[str, str] | None:
    """What a data URL in base64 says of its type, and the base64; None for any other text."""
    start = DATA_URL.match(text)
    return (start[1].lower(), text[start.end() :]) if start else None


def file_words(accept: str) -> str:
    """What a file is to be, in a sentence."""
    known = {"image/*": "A picture.", "audio/*": "A sound.", "video/*": "A film.", "": "A file."}
    return known.get(accept, f"A file of the type {accept}.")


# By the first bytes

_PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
_PICTURE_STARTS = frozenset({"iVBO", "/9j/", "R0lG", "UklG"})  # three bytes in base64; nearly all texts stop here
_SOUNDS = {b"ID3": "audio/mpeg", b"OggS": "audio/ogg", b"fLaC": "audio/flac"}
_MPEG_FRAMES = (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa")
_MP4_BRANDS = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash", b"MSNV")


def sniff(data: str) -> str:
    """The type of a base64 picture; "" for what is none of ours (SVG above all)."""
    if data[:4] not in _PICTURE_STARTS:
        return ""
    head = _head(data)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _PICTURES.items() if head.startswith(start)), "")


def sniff_media(data: str) -> str:
    """The type of a base64 sound or video; "" for what is none of ours."""
    head = _head(data)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[4:8] == b"ftyp":
        return "audio/mp4" if head[8:12] == b"M4A " else "video/mp4" if head[8:12] in _MP4_BRANDS else ""
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm" if b"webm" in head else ""
    if head[:2] in _MPEG_FRAMES:
        return "audio/mpeg"
    return next((kind for start, kind in _SOUNDS.items() if head.startswith(start)), "")


def _head(data: str) -> bytes:
    """The first 48 bytes; b"" for what is no base64."""
    start = data[:64]
    try:
        return base64.b64decode(start + "=" * (-len(start) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
