"""What the names, words and values around a field tell of it: its kind, its unit, and whether a text is a file.

All of it is a guess, made where a description or a sample does not say so itself. The owner has the last word, in
`FORM`. `data-url` is a format of JSON form editors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..media import data_url
from ..schema import Field, Kind, Send
from ..schema.values import InvalidValue, is_number, read_date, read_datetime

LONGEST_LABEL = 200
LONGEST_HELP = 2_000
LONGEST_DATE = 40


def words_of(value: Any, longest: int) -> str:
    """A text of a description, cut; "" for anything else."""
    return value.strip()[:longest] if isinstance(value, str) else ""


def kind_of(values: Iterable[Any]) -> Kind:
    """The kind of field for single values of JSON."""
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "integer"
    return "number" if kinds <= {int, float} else "text"


def date_kind_of(value: Any) -> Kind | None:
    """Of a date, or a moment with its zone, as RFC 3339 writes them; without one it stays text, for what is sent would
    have one."""
    readers: tuple[tuple[Kind, Callable[[Any], str]], ...] = (("date", read_date), ("datetime", read_datetime))
    for kind, read in readers:
        try:
            if isinstance(value, str) and len(value) <= LONGEST_DATE and read(value) == value.upper():
                return kind
        except InvalidValue:
            continue
    return None


# Units

_UNITS = re.split(
    " ",
    "mm cm m km in ft mi µm nm mm² cm² m² km² m2 ft² sqft m³ m3 l L ml mL dl cl kg g mg µg t lb lbs oz °C °F K % ‰ s "
    "ms µs min h d sec seconds minutes hours days weeks months years EUR USD GBP CHF JPY € $ £ ¥ km/h m/s mph kn W kW "
    "MW kWh MWh Wh V mV kV A mA Ah Ω Hz kHz MHz GHz dB dBm Pa hPa kPa bar mbar mmHg psi N kN Nm J kJ kcal cal bpm px "
    "mg/dl mg/dL g/dl g/dL mmol/l mmol/L pixel pixels degrees ° rad lx lm rpm ppm ppb mol",
)
_UNIT_WORDS = {
    **{unit: unit for unit in _UNITS},
    **{f"{prefix}{metre}{s}": unit for prefix, unit in (("centi", "cm"), ("milli", "mm"), ("kilo", "km"), ("", "m"))
       for metre in ("metre", "meter") for s in ("", "s")},
    **{"kilograms": "kg", "grams": "g", "milligrams": "mg", "percent": "%", "euros": "EUR", "dollars": "USD"},
    **{"litres": "l", "liters": "l", "degrees Celsius": "°C", "degrees Fahrenheit": "°F", "inches": "in"},
}  # fmt: skip
_ANY_UNIT = "|".join(sorted(map(re.escape, _UNIT_WORDS), key=len, reverse=True))
_UNIT_BEHIND = re.compile(rf"\s*[(\[]({_ANY_UNIT})[)\]]\s*$")
_UNIT_SAID = re.compile(rf"^(?:in )?({_ANY_UNIT})\.?$|\b(?:in) ({_ANY_UNIT})(?=$|[.,;)])|[(\[]({_ANY_UNIT})[)\]]")


def with_unit(f: Field) -> Field:
    """With the unit in brackets at the end of the name, or said in the description: "Sepal length in cm"."""
    behind = _UNIT_BEHIND.search(f.shown_label)
    if behind:
        return replace(f, unit=_UNIT_WORDS[behind[1]], label=f.shown_label[: behind.start()] or f.shown_label)
    said = _UNIT_SAID.search(f.help)
    if not said:
        return f
    unit = _UNIT_WORDS[next(group for group in said.groups() if group)]
    return replace(f, unit=unit, help="" if said[0] == f.help else f.help)


# Files in texts

_BINARY = frozenset({"binary", "byte", "base64", "data-url"})
_FILE_WORDS = {
    "image": ("image", "img", "photo", "picture", "face", "jpeg", "jpg", "png", "mask"),
    "audio": ("audio", "sound", "speech", "wav", "mp3"),
    "video": ("video",),
}
_FILE_NAME = re.compile(
    r"(?:^|.*[_\-. ])(image|img|photo|picture|audio|video|file)(?:[_\-. ]?(?:base64|b64|data|bytes|str|string))?", re.I
)
_SAYS_BASE64 = re.compile(r"base[-_ ]?64|\bb64\b", re.I)
_SAYS_DATA_URL = re.compile(r"data[-_ ]?ur[li]", re.I)
_SAYS_ADDRESS = re.compile(r"\burls?\b|\buri\b|\bpath\b|\blink\b|https?:|\bname\b|prompt|describ|caption", re.I)


def as_file(f: Field, about: Mapping[str, Any]) -> Field | None:
    """A file where the text is one: by its format or encoding, by the word base64 in its description, or by its name
    where nothing speaks against it."""
    media = words_of(about.get("contentMediaType"), LONGEST_LABEL).lower()
    is_text = media.startswith("text/") or media.endswith("json")
    is_declared = about.get("format") in _BINARY if isinstance(about.get("format"), str) else False
    if not is_declared and about.get("contentEncoding") in ("base64", "base64url", "binary"):
        is_declared = True
    said = f"{f.label} {f.help}"
    if is_declared or (media and not is_text):
        return replace(f, kind="file", send=_send(about, said), accept=accept_of(f, media))
    if about.get("format") or about.get("pattern") or media or about.get("default") or f.secret:
        return None
    says_base64 = _SAYS_BASE64.search(f"{f.column} {said}") or _SAYS_DATA_URL.search(said)
    if not says_base64 and (not _FILE_NAME.fullmatch(f.column) or _SAYS_ADDRESS.search(f.help)):
        return None
    if _is_short(about.get("maxLength")) or (f.example is not None and not is_binary_text(f.example)):
        return None
    send = _send(about, said)
    note = "" if says_base64 else f"The file is sent as {'a data URL' if send == 'data_url' else 'base64'}."
    return replace(f, kind="file", send=send, accept=accept_of(f, ""), help=" ".join(filter(None, [f.help, note])))


def _is_short(longest: Any) -> bool:
    return is_number(longest) and longest < 1000


def _send(about: Mapping[str, Any], said: str) -> Send:
    return "data_url" if about.get("format") == "data-url" or _SAYS_DATA_URL.search(said) else "base64"


def accept_of(f: Field, media: str) -> str:
    """The type that is declared, else what the name speaks of."""
    if media and media != "application/octet-stream":
        return media if re.fullmatch(r"[a-z]+/[a-z0-9.+*-]+", media) else ""
    words = set(re.split(r"[^a-z0-9]+", f.column.lower()))
    return next((f"{kind}/*" for kind, names in _FILE_WORDS.items() if words & set(names)), "")


# How base64 begins, of samples that are mostly cut short.
_STARTS = {"iVBORw0KGgo": "image/*", "/9j/": "image/*", "R0lGOD": "image/*", "UklGR": "", "T2dnUw": "audio/*"}


def is_binary_text(value: Any) -> bool:
    """Whether a text of a sample is a file: a data URL, the base64 of a picture, or too long a base64 for a word."""
    if not isinstance(value, str):
        return False
    if data_url(value):
        return True
    is_base64 = re.fullmatch(r"[A-Za-z0-9+/\s]{8,}={0,2}", value[:2000].strip()) is not None
    return is_base64 and (any(value.startswith(start) for start in _STARTS) or _is_long_code(value))


def _is_long_code(value: str) -> bool:
    return len(value) >= 200 and " " not in value[:200] and any(letter.isdigit() for letter in value[:200])


def media_of(value: str) -> str:
    """What such a text is, as `Field.accept` says it; "" where it may be anything."""
    family = (data_url(value) or ("", ""))[0].partition("/")[0]
    if family in ("image", "audio", "video"):
        return f"{family}/*"
    return next((accept for start, accept in _STARTS.items() if value.startswith(start)), "")
