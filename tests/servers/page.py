"""`docs/endpoints.md`, as the run of the servers saw them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from FlaskAppAML.schema import Field
from servers.cases import Case

INTRODUCTION = """# Endpoints

What the app made of real model servers. Each was started with a small scikit-learn model that names the species of an
iris. The app was given `URL` and `API_KEY`, and where the server describes nothing one sample request as `SCHEMA`.
Then the form was filled in by Chromium, and the answer compared with what the server says when it is asked directly.

This page is written by that run: `make test-servers WRITE=1`. Without `WRITE` the run compares.

| asked | server | dialect found | the form comes from | rows in one request |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Seen:
    """What came of one case. `said`, `wrong` and `failure` are the page's sentences for the answer, for a wrong value
    and for what the model refuses; `words` what of the model's own words visitors read then."""

    case: Case
    server: str
    checks_key: bool
    dialect: str
    source: str
    doubt: str
    fields: Mapping[str, str]
    said: str
    wrong: str
    kind: str
    failure: str
    words: str


def described(f: Field) -> str:
    """What a field asks for, in words: "a number above 0, at most 10; optional"."""
    several = f"{f.min_items} " if f.kind == "list" and f.min_items == f.max_items else ""
    kinds = {
        "number": "a number",
        "integer": "a whole number",
        "text": "a text",
        "json": "JSON",
        "boolean": "yes or no",
        "file": "a file",
    }
    words = f"{several}{f.items.kind}s" if f.kind == "list" and f.items else kinds.get(f.kind, f.kind)
    if f.choices:
        words = f"one of {', '.join(map(str, f.choices))}"
    if f.minimum is not None and f.maximum is not None:
        words += f" from {f.minimum} to {f.maximum}"
    if f.above is not None:
        words += f" above {f.above}, at most {f.maximum}"
    if f.max_length is not None:
        words += f" of at most {f.max_length} characters"
    if not f.required:
        words += "; optional" + ("" if f.default is None else f", by default {f.default}")
    return words


def row(seen: Seen) -> str:
    """The line of the table on top."""
    link = "".join(letter for letter in seen.case.title.lower().replace(" ", "-") if letter.isalnum() or letter == "-")
    rows = "many" if seen.case.rows else "one"
    return f"| [{seen.case.title}](#{link}) | {seen.server} | `{seen.dialect}` | {seen.source} | {rows} |\n"


def section(seen: Seen) -> str:
    """What was given, asked and answered, and the fields."""
    case = seen.case
    sample = f", and `SCHEMA={case.sample}`" if case.sample else ""
    key = (
        "the server itself checks the key"
        if seen.checks_key
        else "the server asks for no key, a gateway before it does"
    )
    points = [
        f"`URL=https://…{case.path}`, `API_KEY`{sample}; {key}.",
        *([f"Said above the form: “{seen.doubt}”"] if seen.doubt else []),
        f"For {_listed(case.typed)} the answer is: “{seen.said}”",
        f"For {_listed(dict([case.wrong]))} the form says: “{seen.wrong}” Nothing is sent.",
        f"For {_listed(case.refused)}, which the model refuses (`{seen.kind}`): “{seen.failure}”"
        + (f" With the model’s words: “{seen.words}”" if seen.words else ""),
    ]
    fields = "".join(f"| `{name}` | {words} |\n" for name, words in seen.fields.items())
    return f"## {case.title}\n\n{''.join(map(_point, points))}\n| field | asks for |\n|---|---|\n{fields}"


def _listed(typed: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}` {f'`{text.strip()}`' if text else 'left empty'}" for name, text in typed.items())


def _point(text: str) -> str:
    lines = textwrap.wrap(text, 118, break_long_words=False, break_on_hyphens=False)
    return "- " + "\n  ".join(lines) + "\n"


def page(all_seen: Iterable[Seen]) -> str:
    listed = list(all_seen)
    return INTRODUCTION + "".join(map(row, listed)) + "\n" + "\n".join(map(section, listed))
