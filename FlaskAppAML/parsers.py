"""Texts of settings -> their values. Each parser takes a text, and raises ValueError with the words that complete
“NAME …”."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent  # what relative paths start from
SHORTEST_SECRET = 8
KEY_IN_QUERY = re.compile(r"(^|&)(code|sig|key|api[-_]?key|token|access_token|subscription-key)=", re.IGNORECASE)


def text(value: str) -> str:
    return value


def secret(value: str) -> str:
    """A header is made of it, so it must be one line of visible ASCII (RFC 9110, 5.5)."""
    if value.lower().startswith("bearer "):
        raise ValueError("must be the key alone; the word Bearer is added to it")
    if not re.fullmatch(r"[\x20-\x7e]+", value):
        raise ValueError("must be one line of letters, digits and signs of ASCII")
    if len(value) < SHORTEST_SECRET:
        raise ValueError(
            f"must have at least {SHORTEST_SECRET} characters; "
            "a shorter one could not be told from ordinary text and kept out of pages"
        )
    return value


def passphrase(value: str) -> str:
    if len(value) < 8:
        raise ValueError("must have at least 8 characters")
    return value


def http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port  # refuses what is no port
    except ValueError:
        raise ValueError("must be a full address; its host or port cannot be read") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be a full address that begins with https:// or http://")
    if parts.username or parts.password:
        raise ValueError("must not hold a user name or password; AUTH and API_KEY are for that")
    if KEY_IN_QUERY.search(parts.query):
        raise ValueError("must not hold a key, as visitors can read it; give it as API_KEY with AUTH=query:NAME")
    if parts.fragment or not value.isascii() or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValueError("must not hold spaces, a # part or letters outside ASCII")
    return value


def schema_source(value: str) -> str:
    return http_url(value) if value.startswith(("http://", "https://")) else value


def seconds(value: str) -> float:
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,6})?", value) or not 0 < float(value) <= 86_400:
        raise ValueError("must be a number of seconds above 0, such as 25 or 2.5")
    return float(value)


def count(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise ValueError("must be a whole number, 0 or more")
    return int(value)


def positive(value: str) -> int:
    number = count(value)
    if number == 0:
        raise ValueError("must be a whole number above 0")
    return number


def size(value: str) -> int:
    """Bytes, with an optional unit: `16 MiB`, `500kB`, `1048576`."""
    units = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3}
    units |= {"kib": 1024, "mib": 1024**2, "gib": 1024**3}
    match = re.fullmatch(r"([0-9]{1,12})\s*([a-z]*)", value.lower())
    if not match or match[2] not in units or int(match[1]) == 0:
        raise ValueError("must be a size such as 16 MiB or a number of bytes")
    return int(match[1]) * units[match[2]]


def switch(value: str) -> bool:
    known = {"true": True, "on": True, "yes": True, "1": True}
    known |= {"false": False, "off": False, "no": False, "0": False}
    if value.lower() not in known:
        raise ValueError("must be true or false")
    return known[value.lower()]


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value.lower()

    return parse


def auth_style(value: str) -> str:
    if value in ("bearer", "basic", "none") or re.fullmatch(r"(header|query):[\w.-]+", value, re.ASCII):
        return value
    raise ValueError("must be bearer, basic, none, header:NAME or query:NAME")


def header_map(value: str) -> dict[str, str]:
    try:
        headers = json.loads(value)
    except (ValueError, RecursionError):
        headers = None
    if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
        raise ValueError('must be a JSON object of strings, such as {"x-team": "blue"}')
    for name, content in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise ValueError(f"has a header name that HTTP does not allow: {name!r}")
        if not re.fullmatch(r"[\x20-\x7e]*", content):
            raise ValueError(f"has a value for {name} that is not one line of ASCII")
    return headers


def colour(value: str) -> str:
    if not re.fullmatch(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", value):
        raise ValueError("must be a colour such as #005f73")
    return value


def existing_path(value: str) -> str:
    path = Path(value) if Path(value).is_absolute() else ROOT / value
    if not _exists(path):
        raise ValueError(f"names a file or folder that is not there: {value[:200]}")
    return str(path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long for a name, or no name at all
        return False


def folder(value: str) -> str:
    return str(Path(value) if Path(value).is_absolute() else ROOT / value)


def name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", value):
        raise ValueError("must be made of small letters, digits, - and _")
    return value


def word(value: str) -> str:
    """A dialect or a task; which there are, the dialects know."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,60}", value):
        raise ValueError("must be one word in small letters")
    return value


def model_names(value: str) -> tuple[str, ...]:
    found = names(value)
    for one in found:
        name(one)
    prefixes = [prefix_of(one) for one in found]
    if len(set(prefixes)) < len(prefixes):
        raise ValueError("must be different from each other, - and _ being the same")
    return found


def prefix_of(model: str) -> str:
    """What stands before the settings of one model: `face-emotion` -> `FACE_EMOTION_`."""
    return f"{model.upper().replace('-', '_')}_"


def names(value: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[,\s]+", value) if part)


def origins(value: str) -> tuple[str, ...]:
    found = names(value)
    for one in found:
        if one != "*" and not re.fullmatch(r"https?://[\w.:\[\]-]+", one, re.ASCII):
            raise ValueError("must be origins such as https://intranet.example.com, without a path, or *")
    return tuple(one.lower() for one in found)


def one_line(value: str) -> str:
    if re.search(r"[\x00-\x1f\x7f;]", value):
        raise ValueError("must be one line without semicolons")
    return value


def database_url(value: str) -> str:
    """As SQLAlchemy wants it; hosts often give `postgres://`."""
    scheme, _, rest = value.partition("://")
    known = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "sqlite": "sqlite"}
    known["postgresql+psycopg"] = "postgresql+psycopg"
    if scheme not in known or not rest:
        raise ValueError("must be such as postgresql://user:password@host/database, or sqlite:////path/of/a/file")
    return f"{known[scheme]}://{rest}"


def redis_url(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must be such as redis://:password@host:6379/0, or rediss:// for TLS")
    return value


def rate(value: str) -> str:
    if value == "off" or re.fullmatch(r"[1-9][0-9]{0,6}/(second|minute|hour|day)", value):
        return value
    raise ValueError("must be such as 60/minute, or off")
