"""Bytes of a stranger -> lines of text: which encoding, and whether it is text at all."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO

from ..errors import InvalidSheet
from .sheet import name_of

PIECE = 1 << 16  # bytes
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
NO_CONTROLS = bytes(set(range(256)) - set(range(32)) | set(b"\t\n\r\f"))
NOT_IN_1252 = bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D])
BUT_THOSE = bytes(set(range(256)) - set(NOT_IN_1252))
SAVE_AS_UTF8 = "Save it again as “CSV UTF-8”."
NO_TEXT = "This is no text. Send CSV, TSV, Excel (.xlsx) or JSON Lines."


def encoding_of(file: BinaryIO) -> str:
    """As Python names it. The whole file was decoded once when this returns. Raises InvalidSheet."""
    file.seek(0)
    head = file.read(PIECE)
    encoding = next((name for mark, name in BOMS.items() if head.startswith(mark)), "") or _without_mark(head)
    if encoding.startswith("utf-16"):
        _check(file, encoding)
        return encoding
    if len(head.translate(None, NO_CONTROLS)) > len(head) // 100:
        raise InvalidSheet(NO_TEXT)
    return encoding if _check(file, encoding) else _of_western_europe(file)


def _without_mark(head: bytes) -> str:
    """UTF-16 has a NUL beside each Latin letter, digit and delimiter, always on the same side."""
    before, after = head[::2].count(0), head[1::2].count(0)
    if max(before, after) > len(head) // 8 and min(before, after) < len(head) // 100 + 1:
        return "utf-16-le" if after > before else "utf-16-be"
    return "utf-8"


def _check(file: BinaryIO, encoding: str) -> bool:
    """Whether the file has this encoding; False only for what may be an older one. Raises InvalidSheet."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    line, is_ascii = 1, True
    while True:
        piece = file.read(PIECE)
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            if encoding == "utf-8" and is_ascii and before.isascii():
                return False
            line += before.count(b"\n")
            raise InvalidSheet(f"Line {line:,} has bytes that are no {name_of(encoding)}. {SAVE_AS_UTF8}") from None
        if "\x00" in text:
            line += text[: text.index("\x00")].count("\n")
            raise InvalidSheet(f"Line {line:,} holds a NUL character, which no text has. {SAVE_AS_UTF8}")
        if not piece:
            return True
        line += text.count("\n")
        is_ascii = is_ascii and text.isascii()


def _of_western_europe(file: BinaryIO) -> str:
    """Windows-1252 is Latin-1 with letters and quotes where that has controls which no text uses."""
    file.seek(0)
    while piece := file.read(PIECE):
        if b"\x00" in piece:
            raise InvalidSheet(NO_TEXT)
        if piece.translate(None, BUT_THOSE):
            return "latin-1"
    return "cp1252"


@contextmanager
def opened(file: BinaryIO, encoding: str) -> Iterator[TextIO]:
    """From its beginning, line breaks as they are. `file` stays open."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, newline="")
    try:
        yield text
    except UnicodeError:
        raise InvalidSheet(f"This file is not {name_of(encoding)} throughout. {SAVE_AS_UTF8}") from None
    finally:
        text.detach()
