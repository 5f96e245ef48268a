"""The forms that one value may have (`oneOf` and `anyOf` of JSON Schema), each with fields of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .fields import Field, Row, parse_row, plain, record
from .strict_json import quoted
from .values import InvalidValue, shown


@dataclass(frozen=True)
class Alternative:
    """One of the forms that a value may have: an object of these fields, or else what its only field asks for.

    Whoever parses gets JSON that is ready to be sent. There are no files and no secrets in it.
    """

    label: str
    fields: tuple[Field, ...]
    is_object: bool = True
    help: str = ""

    def read(self, value: Any) -> Any:
        """Raises InvalidValue for what is not of this form, such as an object with another name in it."""
        if not self.is_object:
            (only,) = self.fields
            if only.fixed is not None and not _is_same(value, only.fixed):
                raise InvalidValue(f"Send {shown(only.fixed)}.")
            return plain(only, only.parse(value, "json"))
        if not isinstance(value, dict):
            raise InvalidValue("Send an object, in curly brackets.")
        known = {f.name: f for f in self.fields}
        for name, one in value.items():
            if name not in known:
                raise InvalidValue(f"There is no {quoted(name)} in {self.label}.")
            fixed = known[name].fixed
            if fixed is not None and not _is_same(one, fixed):
                raise InvalidValue(f"{known[name].shown_label}: send {shown(fixed)}.")
        row, wrong = parse_row(self.fields, value, "json")
        if wrong:
            raise InvalidValue(" ".join(f"{known[name].shown_label}: {said}" for name, said in wrong.items()))
        return record(self.fields, row)

    def made_of(self, row: Row) -> Any:
        """The JSON of what stands in the fields that people see."""
        whole = {f.name: row.get(f.name, f.fixed) for f in self.fields}
        return record(self.fields, whole) if self.is_object else plain(self.fields[0], whole[self.fields[0].name])

    def is_named_in(self, value: Any) -> bool:
        """Whether the value bears what is always the same in this one, such as `"kind": "circle"`."""
        if not self.is_object or not isinstance(value, dict):
            return False
        fixed = [f for f in self.fields if f.fixed is not None]
        return bool(fixed) and all(_is_same(value.get(f.name), f.fixed) for f in fixed)

    def outline(self) -> Any:
        """Its names, and what is always the same, with null for the rest."""
        return {f.name: f.fixed for f in self.fields} if self.is_object else self.fields[0].fixed

    def shown_fields(self) -> list[Field]:
        return [f for f in self.fields if not f.hidden and f.fixed is None]


def _is_same(one: Any, other: Any) -> bool:
    """In JSON true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def meant(alternatives: tuple[Alternative, ...], value: Any) -> int | None:
    """The place of the alternative that a value of JSON is of, or comes nearest to; None for null."""
    if value is None:
        return None

    def nearness(one: Alternative) -> tuple[bool, bool, int]:
        try:
            one.read(value)
            fits = True
        except InvalidValue:
            fits = False
        same = len({f.name for f in one.fields} & set(value)) if one.is_object and isinstance(value, dict) else 0
        return fits, one.is_named_in(value), same

    nearest = [nearness(one) for one in alternatives]
    return nearest.index(max(nearest))
