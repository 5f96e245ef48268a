"""A curl command as documentation shows it: its address, its body, and how it sends the key.

Source: curl's own manual page. Options that say nothing about the three are passed over.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from .parsers import KEY_IN_QUERY
from .settings import CARRIES_A_SECRET

if TYPE_CHECKING:
    from argparse import ArgumentParser

COMMAND = re.compile(r"\s*(?:\$\s+)?curl(?:\.exe)?\s", re.IGNORECASE)
LINE_GOES_ON = re.compile(r"[\\^`][ \t]*\r?\n")  # in the shells of Unix and Windows
USUAL = frozenset({"accept", "content-type", "content-length", "user-agent", "host", "accept-encoding", "connection"})
BODIES = ("-d", "--data", "--data-raw", "--data-ascii", "--data-binary", "--json")
IGNORED = ("-X", "--request", "-A", "--user-agent", "-o", "--output", "-m", "--max-time", "--connect-timeout", "-w")


class Command(NamedTuple):
    """What a command says. `auth` is the setting that its key needs, "" where it sends none; `secrets` are what must
    not be shown of it, `others` the names of its further headers. `lacks` says what could not be read."""

    url: str
    body: str
    auth: str
    secrets: tuple[str, ...]
    others: tuple[str, ...]
    lacks: str


def is_curl(text: str) -> bool:
    return COMMAND.match(text) is not None


def read(text: str) -> Command:
    """Raises ValueError with the words that complete "It cannot be read: ...". They hold nothing of the command."""
    from argparse import ArgumentError  # only who pastes a command needs it

    try:
        words = shlex.split(LINE_GOES_ON.sub(" ", COMMAND.sub("", text, count=1)))
    except ValueError:
        raise ValueError("a quote is open") from None
    try:
        given, rest = _options().parse_known_args(words)
    except ArgumentError:
        raise ValueError("an option is not whole") from None
    loose = [word for word in rest if not word.startswith("-")]
    address = given.url or next((word for word in loose if "://" in word), loose[0] if loose else "")
    url, of_query, secrets = _without_key(address)
    auth, others = of_query, []
    if given.user or given.bearer:
        auth, secrets = "basic" if given.user else "bearer", [*secrets, given.user or given.bearer]
    for header in given.header:
        name, _, value = (part.strip() for part in header.partition(":"))
        style = _style(name, value)
        if style and not auth:
            auth = style
        elif name.lower() not in USUAL:
            others.append(name)
        if style:
            secrets += [value, value.rpartition(" ")[2]]
    body = "&".join(given.body)
    lacks = "the body stands in a file; paste what is in it" if body.startswith("@") else ""
    if given.form:
        lacks = "the body is a form with parts, which is no sample; paste a description instead"
    return Command(url, "" if lacks else body, auth, tuple(secrets), tuple(others), lacks)


def _options() -> ArgumentParser:
    from argparse import ArgumentParser

    options = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    options.add_argument("-H", "--header", action="append", default=[])
    options.add_argument(*BODIES, dest="body", action="append", default=[])
    options.add_argument("-F", "--form", action="append", default=[])
    options.add_argument("-u", "--user", default="")
    options.add_argument("--oauth2-bearer", dest="bearer", default="")
    options.add_argument("--url", default="")
    options.add_argument("-b", "--cookie", *IGNORED, dest="ignored")
    for flag in "sSLkivfNg#":
        options.add_argument(f"-{flag}", action="store_true")
    return options


def _without_key(address: str) -> tuple[str, str, list[str]]:
    """The address without a key in its query, the setting for that, and the key."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", "", []
    pairs = [pair for pair in parts.query.split("&") if pair]
    keys = [pair.partition("=") for pair in pairs if KEY_IN_QUERY.match(pair)]
    left = "&".join(pair for pair in pairs if not KEY_IN_QUERY.match(pair))
    url = urlunsplit((parts.scheme, parts.netloc, parts.path, left, ""))
    return url, f"query:{keys[0][0]}" if keys else "", [value for _, _, value in keys]


def _style(name: str, value: str) -> str:
    """How a header sends a key, as the setting AUTH says it; "" where it carries none."""
    if name.lower() == "authorization":
        scheme = value.partition(" ")[0].lower()
        return scheme if scheme in ("bearer", "basic") else "header:Authorization"
    return f"header:{name}" if CARRIES_A_SECRET.search(name) and name.lower() != "cookie" else ""
