"""Answers in pieces: `text/event-stream` taken apart into events.

Source: WHATWG, "HTML", 9.2.6: UTF-8, lines that end with CR, LF or both, an empty line behind each event, comments
after a colon. An event that the end of the answer cuts off counts here, as some servers leave the last line out.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from .errors import BadResponse

CONTENT_TYPE = "text/event-stream"
MOST_EVENTS = 200_000


class Event(NamedTuple):
    """One event: `name` is "message" where the server gives none."""

    name: str
    data: str


def are_events(headers: Mapping[str, str]) -> bool:
    """Whether an answer with these headers (names in lower case) comes in pieces."""
    return headers.get("content-type", "").lower().startswith(CONTENT_TYPE)


def read(pieces: Iterable[bytes]) -> Iterator[Event | None]:
    """The events, each as soon as it is whole; None for an empty piece, which stands for a while of silence.

    Raises BadResponse for more of them than anybody reads.
    """
    name, data, count = "", list[str](), 0
    for line in _lines(pieces):
        if line is None:
            yield None
        elif line:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data.append(value)
            elif field == "event":
                name = value
        else:
            if data:
                count += 1
                if count > MOST_EVENTS:
                    raise BadResponse(f"The answer comes in more than {MOST_EVENTS:,} pieces.")
                yield Event(name or "message", "\n".join(data))
            name, data = "", []


def _lines(pieces: Iterable[bytes]) -> Iterator[str | None]:
    """The lines without their ends, an empty one last of all; None for an empty piece."""
    decode = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")("replace"), translate=True).decode
    begun: list[str] = []
    for piece in pieces:
        if not piece:
            yield None
            continue
        *ended, rest = decode(piece).split("\n")
        for line in ended:
            yield "".join(begun) + line
            begun.clear()
        begun.append(rest)
    yield from ("".join(begun) + decode(b"", final=True)).split("\n")
    yield ""
