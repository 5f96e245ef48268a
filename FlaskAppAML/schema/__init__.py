"""What is asked: a Schema is a tuple of fields with what the dialect must know to write them into a request body.

`fields` has a Field and the rules for its values, `uploads` the files among them, `alternatives` values that may have
one of several forms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..errors import WrongInput
from .alternatives import Alternative, meant
from .fields import (
    MOST_ROWS,
    MOST_VALUES,
    PICTURE_ENDINGS,
    PICTURE_WIDGETS,
    Field,
    Kind,
    Row,
    Send,
    parse_row,
    plain,
    record,
)
from .uploads import Upload, unpacked, without_files
from .values import Source

__all__ = [
    "MOST_ROWS",
    "MOST_VALUES",
    "PICTURE_ENDINGS",
    "PICTURE_WIDGETS",
    "Alternative",
    "Field",
    "Kind",
    "Row",
    "Schema",
    "Send",
    "Upload",
    "meant",
    "parse_row",
    "plain",
    "record",
    "unique_names",
    "unpacked",
    "without_files",
]


@dataclass(frozen=True, eq=False)
class Schema:
    """What one endpoint asks for.

    `dialect` names the protocol, `envelope` is that dialect's word for the body's form, `url` is where to send it when
    that is not the address that was given, and `options` holds what the dialect alone understands. `subject` is the
    name of the field that the answer speaks of ("Contoso Bank is closest to ..."), `source` says in words where all
    this was read. `streams` says that the answer can come in pieces. Two schemas are the same only when they are one
    object: a form is built once for each.
    """

    fields: tuple[Field, ...]
    envelope: str = ""
    title: str = ""
    description: str = ""
    subject: str = ""
    source: str = ""
    dialect: str = ""
    url: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    streams: bool = False
    _by_name: dict[str, Field] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._by_name.update({f.name: f for f in self.fields})

    def __getitem__(self, name: str) -> Field:
        return self._by_name[name]

    @cached_property
    def pictures(self) -> tuple[Field, ...]:
        """The fields that may hold pictures, or lists of them."""
        return tuple(f for f in self.fields if f.takes_pictures or (f.items is not None and f.items.takes_pictures))

    def visible(self) -> list[Field]:
        return [f for f in self.fields if not f.hidden and f.fixed is None]

    def parse(self, values: Mapping[str, Any], source: Source) -> Row:
        """A whole row, by name. Raises WrongInput that names every wrong field."""
        row, wrong = parse_row(self.fields, values, source)
        if wrong:
            raise WrongInput(fields=wrong)
        return row

    def by_wire_name(self, messages: Mapping[str, str]) -> dict[str, str]:
        """What a service says of its fields, by the names that they have here."""
        return {f.name: messages[f.wire_name] for f in self.fields if f.wire_name in messages}

    def secrets(self, row: Mapping[str, Any]) -> list[str]:
        """The secret values of a row: what must not be shown, kept or logged."""
        return [word for f in self.fields for word in _secret_words(f, row.get(f.name))]


def _secret_words(f: Field, value: Any) -> Iterator[str]:
    """Those inside lists, rows and objects too."""
    if isinstance(value, list) and f.fields:
        yield from (word for row in value for inner in f.fields for word in _secret_words(inner, row.get(inner.name)))
    elif isinstance(value, list):
        item = f.items or Field(f.name)
        yield from (word for one in value for word in _secret_words(replace(item, secret=item.secret or f.secret), one))
    elif isinstance(value, dict):
        yield from _secret_words(f, [*value.values()])
    elif f.secret and value not in (None, ""):
        yield str(value)


def unique_names(found: Iterable[Field]) -> tuple[Field, ...]:
    """Columns of several inputs may share a name; such a field is called after its input too: `input1.Title`.

    A name that stands twice in one input is counted: `input1.Title`, `input1.Title (2)`.
    """
    listed = list(found)
    often = Counter(f.name for f in listed)
    used: Counter[str] = Counter()
    taken = {f.name for f in listed if often[f.name] == 1}
    unique = []
    for f in listed:
        if often[f.name] == 1:
            unique.append(f)
            continue
        first = _with_input(f)
        used[first] += 1
        name = first if used[first] == 1 else f"{first} ({used[first]})"
        while name in taken:
            used[first] += 1
            name = f"{first} ({used[first]})"
        taken.add(name)
        label = f.label or (f"{f.name} ({f.input or 'all'})" if first != f.name else "")
        unique.append(replace(f, label=label, name=name))
    return tuple(unique)


def _with_input(f: Field) -> str:
    outer = f.input or ("GlobalParameters" if f.parameter else "")
    return f"{outer}.{f.name}" if outer else f.name
