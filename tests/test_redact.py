"""No secret comes through, in whatever form an endpoint echoes it."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Callable
from itertools import product
from urllib.parse import quote, quote_plus

import pytest

from FlaskAppAML.redact import MARK, Redactor

SECRETS = [
    "plain-Secret-123",
    "Sl/ash+Plus==",
    "50%25 'off' \"now\"",
    "<b>&amp;'\"</b>",
    "back\\slash\\n",
    "Clé-ü-ÿ-secrète",
    "пароль-от-двери",
    "emoji-😀-key",
    "a b c d",
    "tk/9+aZ=q%7&\"e'42-secret",
    "?>?>?>~~~~",
]


def lower_escapes(text: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), text)


def all_escaped(secret: str) -> str:
    return "".join(f"\\u{unit:04x}" for unit in units(secret))


def units(text: str) -> list[int]:
    """UTF-16 code units: what a \\u escape stands for."""
    coded = text.encode("utf-16-be")
    return [int.from_bytes(coded[i : i + 2], "big") for i in range(0, len(coded), 2)]


def dotnet_json(secret: str) -> str:
    """System.Text.Json escapes everything that could mean something in HTML."""
    kept = r"[A-Za-z0-9 !#$%()*,\-./:;=?@\[\]^_{|}~]"
    two = {"\\": "\\\\", "\n": "\\n"}
    return "".join(two.get(chr(u)) or (chr(u) if re.match(kept, chr(u)) else f"\\u{u:04X}") for u in units(secret))


FORMS: list[tuple[str, Callable[[str], str]]] = [
    ("plain", lambda s: s),
    ("URL", lambda s: quote(s, safe="")),
    ("URL path", quote),
    ("URL form", quote_plus),
    ("URL twice", lambda s: quote(quote(s, safe=""), safe="")),
    ("HTML", html.escape),
    ("HTML as Flask has it", lambda s: html.escape(s).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")),
    ("JSON", lambda s: json.dumps(s)[1:-1]),
    ("JSON in UTF-8", lambda s: json.dumps(s, ensure_ascii=False)[1:-1]),
    ("JSON as PHP has it", lambda s: json.dumps(s)[1:-1].replace("/", "\\/")),
    ("hex", lambda s: s.encode().hex()),
    ("HEX", lambda s: s.encode().hex().upper()),
    ("base64", lambda s: base64.b64encode(s.encode()).decode()),
    ("base64 for URLs", lambda s: base64.urlsafe_b64encode(s.encode()).decode().rstrip("=")),
]

MISSED: list[tuple[str, str, Callable[[str], str]]] = [
    ("Sl/ash+Plus==", "URL, lower case", lambda s: lower_escapes(quote(s, safe=""))),
    ("<b>&amp;'\"</b>", "HTML of .NET", lambda s: html.escape(s).replace("&#x27;", "&#39;")),
    ("Sl/ash+Plus==", "JSON of .NET", dotnet_json),
    ("emoji-😀-key", "all escaped", all_escaped),
]


@pytest.mark.parametrize("coded", [pytest.param(form, id=name) for name, form in FORMS])
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_removed_in_every_form(secret: str, coded: Callable[[str], str]) -> None:
    clean = Redactor([secret])
    for text in (coded(secret), f"before {coded(secret)} after", coded(secret) * 2):
        left = clean(text)
        assert MARK in left
        assert coded(secret).strip("=") not in left
        assert secret not in left


@pytest.mark.parametrize("secret", ["plain-Secret-123", "Sl/ash+Plus==", "Clé-ü-ÿ-secrète"])
def test_a_secret_escaped_letter_by_letter_is_removed(secret: str) -> None:
    assert MARK in Redactor([secret])(all_escaped(secret))
    assert MARK in Redactor([secret])(all_escaped(secret).upper().replace("\\U", "\\u"))


@pytest.mark.parametrize(("secret", "name", "coded"), MISSED, ids=[name for _, name, _ in MISSED])
def test_forms_of_other_platforms_are_removed(secret: str, name: str, coded: Callable[[str], str]) -> None:
    assert coded(secret) != secret
    assert MARK in Redactor([secret])(coded(secret))


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("secret", SECRETS)
def test_base64_of_a_longer_text_gives_nothing_away(secret: str, encode: Callable[[bytes], bytes]) -> None:
    """Wherever the secret stands in what was encoded: a letter at either end may be shared with the neighbours."""
    clean, padding, shared = Redactor([secret]), 2, 2
    for before, after in product(("", "x", "xy", "xyz", "Bearer ", "user:"), ("", "!", "!!", "!!!", "\r\nHost: h")):
        left = clean(encode((before + secret + after).encode()).decode())
        assert MARK in left, (before, after)
        assert len(left.replace(MARK, "")) <= math.ceil(len(before + after) * 4 / 3) + padding + shared, (before, after)


@pytest.mark.parametrize(
    ("secrets", "text", "left"),
    [
        (("inner-key", "outer-inner-key-x"), "outer-inner-key-x and inner-key", f"{MARK} and {MARK}"),
        (("abcdefghi", "efghijkl"), "abcdefghijkl", f"{MARK}jkl"),
        (("same-same", "same"), "same-same-same", f"{MARK}-{MARK}"),
    ],
)
def test_of_secrets_that_overlap_the_longest_goes_first(secrets: tuple[str, ...], text: str, left: str) -> None:
    assert Redactor(secrets)(text) == Redactor(reversed(secrets))(text) == left


def test_other_text_stays_as_it_is() -> None:
    text = "Nothing to hide: %2F &amp; \\u0041 c2VjcmV0 😀"
    assert Redactor(SECRETS)(text) == text
    assert Redactor([])(text) == text
