"""Events out of bytes, and secrets out of texts, wherever either is cut."""

from __future__ import annotations

import random

import pytest

from FlaskAppAML import events
from FlaskAppAML.errors import BadResponse
from FlaskAppAML.events import Event
from FlaskAppAML.redact import MARK, InPieces, Redactor


def read(*pieces: bytes) -> list[Event | None]:
    return list(events.read(pieces))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"data: one\n\n", [("message", "one")]),
        (b"data:one\r\rdata: two\r\n\r\n", [("message", "one"), ("message", "two")]),
        (b"\xef\xbb\xbfdata: one\n\n", [("message", "one")]),
        (b"event: error\nid: 3\nretry: 5\ndata: one\ndata:  two\n\n", [("error", "one\n two")]),
        (b": ping\n\nevent: alone\n\ndata\n\n", [("message", "")]),
        (b"data: cut off", [("message", "cut off")]),
        (b"data: \xff\n\n", [("message", "\ufffd")]),
        (b"\n\n: ping\n", []),
    ],
)
def test_events_are_read_wherever_they_are_cut(body: bytes, found: list[tuple[str, str]]) -> None:
    assert read(body) == found
    assert read(*(body[i : i + 1] for i in range(len(body)))) == found


def test_silence_is_passed_on() -> None:
    assert read(b"data: o", b"", b"ne\n\n", b"") == [None, ("message", "one"), None]


def test_there_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_EVENTS", 10)
    with pytest.raises(BadResponse):
        read(b"data: x\n\n" * 11)


SECRETS = ["abcabd", "abcabdcabdab", 'cabd-é"/', "bdab"]


def test_no_secret_gets_through_wherever_the_text_is_cut() -> None:
    """Secrets that begin with each other, hold each other and overlap."""
    chance, redact = random.Random(1), Redactor(SECRETS)
    for _ in range(200):
        text = "".join(chance.choice([*SECRETS, *"abcd", "é", " "]) for _ in range(12))
        clean, shown, at = InPieces(redact), "", 0
        while at < len(text):
            size = chance.randint(1, 5)
            shown += clean(text[at : at + size])
            at += size
        shown += clean.rest()
        assert not [secret for secret in SECRETS if secret in shown], text
        assert not redact.stands_in(shown), text
        assert (MARK in shown) == (MARK in redact(text)), text


def test_nothing_else_is_held_back() -> None:
    clean = InPieces(Redactor(["abcabd"]))
    assert [clean("xyz "), clean("abca"), clean("x"), clean.rest()] == ["xyz ", "", "abcax", ""]
    assert InPieces(Redactor([]))("abc") == "abc"
