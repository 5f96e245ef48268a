"""JSON Lines -> rows: an object a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from ..errors import InvalidSheet
from ..schema.strict_json import read_strict
from ..schema.values import InvalidValue
from ..wire import MOST_VALUES
from .sheet import LONGEST_ROW
from .texts import opened


def lines(file: BinaryIO, encoding: str) -> Iterator[tuple[int, str]]:
    """The number of each line that is not empty, and its text. Raises InvalidSheet."""
    with opened(file, encoding) as text:
        number = 0
        while line := text.readline(LONGEST_ROW + 1):
            number += 1
            if len(line) > LONGEST_ROW:
                raise InvalidSheet(
                    f"Line {number:,} is too long: at most {LONGEST_ROW:,} characters. Write one object a line."
                )
            if line.strip():
                yield number, line


def read(line: str) -> dict[str, Any]:
    """Raises InvalidValue."""
    if line.count(",") + line.count("[") + line.count("{") > MOST_VALUES:
        raise InvalidValue(f"This line holds more than {MOST_VALUES:,} values.")
    try:
        value = read_strict(line.strip())
    except InvalidValue as error:
        raise InvalidValue(str(error).replace(" in line 1, column", " in column")) from None
    if not isinstance(value, dict):
        raise InvalidValue('This line is no object. Write one object a line, such as {"name": "value"}.')
    return value
