"""How a field looks: by which control it is drawn, and what stands in it.

`look` is the word for the control in `templates/fields.html`. `written` is the way back from `Field.parse`: a value as
it stands in the box.
"""

from __future__ import annotations

import csv
import io
import math
import re
from decimal import Decimal
from typing import Any

from ..schema import Field, Upload
from ..schema.values import InvalidValue, digits, in_utc, is_number, shown
from ..wire import dumps

TEXTAREA_FROM = 140
RADIO_UP_TO = 5
SELECT_UP_TO = 50
BOXES_UP_TO = 32
MOST_STEPS = 200  # of a slider
LONG_TEXT = re.compile(r"text|body|comment|description|message|prompt|review", re.IGNORECASE)


# Which control


def look_of(spec: Field) -> str:
    """The word by which `fields.html` draws it."""
    if spec.is_upload:
        return "file"
    if spec.secret:
        return "secret"
    if spec.choices or spec.kind == "boolean":
        return _look_of_choices(spec)
    if spec.kind == "list":
        if is_ticked(spec):
            return "ticks"
        return "boxes" if spec.is_vector and spec.min_items <= BOXES_UP_TO and spec.widget != "textarea" else "lines"
    if spec.kind == "json" and spec.alternatives:
        return "either"
    if spec.kind in ("integer", "number"):
        return "slider" if slider_step(spec) else "number"
    if spec.kind == "text":
        return "long" if _is_long(spec) else "line"
    return {"json": "code", "rows": "rows"}.get(spec.kind, spec.kind)


def _look_of_choices(spec: Field) -> str:
    """A yes or no with a default is a pair of buttons too: an empty tick box and one left out look the same in what a
    browser sends, and where the default is yes they must not."""
    count = len(choices_of(spec))
    if spec.widget == "radio":
        return "radio"
    if count > SELECT_UP_TO and spec.widget != "select":
        return "datalist"
    is_answered = not spec.may_be_left_out or spec.default is not None
    return "radio" if count <= RADIO_UP_TO and is_answered and spec.widget != "select" else "select"


def is_ticked(spec: Field) -> bool:
    """Whether it is a list out of a list of choices."""
    choices = spec.items.choices if spec.kind == "list" and spec.items else ()
    return 0 < len(choices) <= SELECT_UP_TO


def _is_long(spec: Field) -> bool:
    if spec.widget:
        return spec.widget == "textarea"
    if spec.format or spec.pattern:
        return (spec.max_length or 0) > TEXTAREA_FROM
    if spec.max_length is not None:
        return spec.max_length > TEXTAREA_FROM
    return bool(LONG_TEXT.search(spec.wire_name))


def script_kind(spec: Field, look: str) -> str:
    """How the script reads and writes it as JSON."""
    kinds = {"radio": "choice", "select": "choice", "ticks": "choices", "datalist": "listed", "code": "json"}
    kinds |= {
        "boxes": "numbers",
        "slider": "number",
        "number": "number",
        "file": "own",
        "secret": "own",
        "rows": "rows",
        "either": "either",
    }
    if look != "lines":
        return kinds.get(look, "text")
    item = spec.items.kind if spec.items else "text"
    if item == "list":
        return "matrix"
    return {"integer": "numbers", "number": "numbers", "rows": "json", "json": "json"}.get(item, "texts")


# The scripts that few forms need, by the kind of field that does.
SCRIPTS = {"rows": "rows.js", "numbers": "rows.js", "matrix": "rows.js", "either": "alternatives.js"}


def slider_step(spec: Field) -> str:
    """The step of the slider beside a number's box; "" where the range is open, or too wide to be hit."""
    least = spec.minimum if spec.minimum is not None else spec.above
    most = spec.maximum if spec.maximum is not None else spec.below
    if least is None or most is None or least >= most or spec.widget == "text":
        return ""
    span = most - least
    step = spec.multiple_of or Decimal(1)
    if spec.kind == "number" and not spec.multiple_of:
        size = math.floor(span.log10()) - 2
        step = next(nice for nice in (Decimal(n).scaleb(size) for n in (1, 2, 5, 10)) if span / nice <= MOST_STEPS / 2)
    return digits(step) if step > 0 and 1 < span / step <= MOST_STEPS else ""


# Choices, which go by their position, so that 1 and "1" keep their JSON type


def choices_of(spec: Field) -> list[tuple[Any, str]]:
    """Each choice with the words for it, yes and no too."""
    if spec.kind == "boolean" and not spec.choices:
        return [(True, "Yes"), (False, "No")]
    return spec.labelled_choices()


def position_of(spec: Field, value: Any) -> str:
    """Of a choice in its list; 1, 1.0 and true are three. "" for what is not there."""
    if spec.kind == "boolean" and not spec.choices:
        return {True: "0", False: "1"}.get(value, "") if isinstance(value, bool) else ""
    place: int | None = None
    if isinstance(value, Decimal) or is_number(value):
        place = spec.choice_index.numbers.get(value)
    elif isinstance(value, str | bool):
        place = spec.choice_index.typed.get((type(value), value))
    return "" if place is None else str(place)


def choice_at(spec: Field, position: str) -> Any:
    """Raises InvalidValue."""
    choices = spec.choices or (True, False)
    is_position = re.fullmatch(r"0|[1-9][0-9]{0,5}", position, re.ASCII)
    if not is_position or int(position) >= len(choices):
        raise InvalidValue("Choose one of the list.")
    return choices[int(position)]


# What stands around it and in it


def heading(name: str) -> str:
    """The name of an object as the heading of its fields: `generation_config` is "Generation config"."""
    return name.replace("_", " ").strip().capitalize() if re.fullmatch("[a-z][a-z0-9_]*", name) else name


def written(spec: Field, value: Any) -> str:
    """A value as it stands in the field's box, such that `spec.parse` reads it as the same again."""
    if value is None or isinstance(value, Upload):
        return ""
    if isinstance(value, str) and spec.kind != "json":
        return in_utc(value) if spec.kind == "datetime" else value
    if spec.kind == "list" and isinstance(value, list):
        return _written_list(spec, value)
    if spec.kind == "rows" and isinstance(value, list):
        return _written_rows(spec, value)
    if spec.kind == "json" or isinstance(value, list | dict):
        return dumps(value, indent=2)
    if spec.choices:
        position = position_of(spec, value)
        return spec.label_of(int(position)) if position else shown(value)
    return digits(value) if isinstance(value, Decimal) else shown(value)


def _written_list(spec: Field, value: list[Any]) -> str:
    item = spec.items or Field(spec.name)
    if item.kind in ("rows", "json") or any(isinstance(one, dict) for one in value):
        return dumps(value, indent=2)
    between = ", " if item.kind in ("integer", "number") else "\n"
    return between.join(written(item, one) for one in value)


def _written_rows(spec: Field, value: list[Any]) -> str:
    """For a spreadsheet: tabs, and a first line with the names of the columns."""
    columns = spec.shown_fields()
    if not all(isinstance(row, dict) for row in value):
        return dumps(value, indent=2)
    sheet = io.StringIO()
    writer = csv.writer(sheet, delimiter="\t", lineterminator="\n")
    writer.writerow([c.name for c in columns])
    writer.writerows([written(c, row.get(c.name)) for c in columns] for row in value)
    return sheet.getvalue()


def example_of(spec: Field) -> str:
    """In words, where it is short and nothing stands in the box already."""
    is_said = spec.example not in (None, "") and spec.default is None and not spec.choices and not spec.secret
    if not is_said or spec.kind in ("boolean", "file", "rows"):
        return ""
    said = written(spec, spec.example)
    return f"For example: {said}" if len(said) <= 60 and "\n" not in said else ""
