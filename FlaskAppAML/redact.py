"""Secrets, removed from text in every form in which one could come back.

An endpoint can echo the key: plain in an error page, URL-quoted in a redirect, in base64 inside an echoed
`Authorization` header, or escaped as JSON or HTML. The same `Redactor` stands on the way to pages and on the way to
logs.
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from array import array
from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

MARK = "[secret removed]"
SHORTEST_FORM = 4  # characters; a shorter one would take ordinary words out of texts


class Redactor:
    """`Redactor(secrets)(text)` is the text without any of the secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._known: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Removes these too from now on, until they were forgotten as often as they were learned."""
        with self._lock:
            self._known.update(secrets)
            self._prepare()

    def forget(self, secrets: Iterable[str]) -> None:
        with self._lock:
            self._known.subtract(secrets)
            self._known = +self._known
            self._prepare()

    def _prepare(self) -> None:
        found = {form for secret in self._known for form in forms(secret)}
        dumped = {shape for form in found for shape in (form, json.dumps(form, ensure_ascii=False)[1:-1])}
        # Where one stands in another, it stands wherever that does.
        self._dumped = [shape for shape in dumped if not any(other in shape for other in dumped - {shape})]
        self._forms = sorted(found, key=lambda form: (-len(form), form))
        self._shortest = min(map(len, found), default=0)
        self._beginnings: frozenset[str] | None = None

    def stands_in(self, dumped: str) -> bool:
        """Whether a secret stands in this JSON text, in any form, escaped as JSON or not."""
        return any(form in dumped for form in self._dumped)

    def document(self, value: Any) -> Any:
        """A JSON-like value with the secrets removed from its texts; numbers and the structure stay."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(key): self.document(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.document(item) for item in value]
        return value

    def settled(self, text: str) -> int:
        """How many of the first characters can be redacted alone, while more of the text is still to come: those
        behind them begin a secret, or belong to one that is not yet told from a longer one."""
        if self._beginnings is None:
            self._beginnings = frozenset(form[:i] for form in self._forms for i in range(1, len(form)))
        most = min(len(text), len(self._forms[0]) - 1 if self._forms else 0)
        kept = next((i for i in range(most, 0, -1) if text[-i:] in self._beginnings), 0)
        end = len(text) - kept
        while across := [i for form in self._forms if (i := self._across(text, form, end)) >= 0]:
            end = min(across)
        return end

    @staticmethod
    def _across(text: str, form: str, end: int) -> int:
        """Where a secret begins that ends behind `end`; -1 where none does."""
        return text.find(form, max(0, end - len(form) + 1), min(len(text), end + len(form) - 1))

    def __call__(self, text: str) -> str:
        if len(text) < self._shortest:
            return text
        for form in self._forms:
            if form in text:
                text = text.replace(form, MARK)
        return text


class InPieces:
    """Redacts a text that comes in pieces. Of each piece that much is held back as could be part of a secret."""

    def __init__(self, redact: Redactor) -> None:
        self._redact = redact
        self._held = ""

    def __call__(self, piece: str) -> str:
        text = self._held + piece
        end = self._redact.settled(text)
        self._held = text[end:]
        return self._redact(text[:end])

    def rest(self) -> str:
        """What is still held, when no more comes."""
        text, self._held = self._held, ""
        return self._redact(text)


def forms(secret: str) -> set[str]:
    """The secret as it is and in the encodings in which software echoes it."""
    raw = secret.encode()
    once = {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        html.escape(secret),
        html.escape(secret).replace("&#x27;", "&#39;"),
        html.escape(secret).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
        json.dumps(secret)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        json.dumps(secret, ensure_ascii=False)[1:-1],
        raw.hex(),
        raw.hex().upper(),
        _escaped(secret, every=True),
        _escaped(secret, every=True).lower(),
        _escaped(secret, every=False),
    }
    once |= {re.sub("%..", lambda code: code[0].lower(), form) for form in once if "%" in form}
    once |= {form.replace("%", "%25") for form in once if "%" in form}
    return {form for form in once | _base64_forms(raw) if len(form) >= SHORTEST_FORM}


def _escaped(secret: str, *, every: bool) -> str:
    """As \\uXXXX by UTF-16 units: every character, or those that .NET's System.Text.Json escapes."""
    units = array("H", secret.encode("utf-16"))[1:]  # without the byte order mark
    plain = set(range(0x20, 0x7F)) - set(b"\"'&+<>`\\")
    return "".join(chr(unit) if not every and unit in plain else f"\\u{unit:04X}" for unit in units)


def _base64_forms(raw: bytes) -> set[str]:
    """Base64 of the secret wherever it stands in a longer text: three shifts, without the characters at either end
    that depend on the neighbours (RFC 4648, 4)."""
    found = set()
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        first = (0, 2, 3)[shift]
        last = len(coded) - (1 if (shift + len(raw)) % 3 else 0)
        core = coded[first:last]
        found |= {core, core.replace("+", "-").replace("/", "_")}
    return {form for form in found if len(form) >= 6}
