"""Descriptions as people write them: JSON, else YAML (1.2, of the kinds that JSON has).

YAML is built from PyYAML's events: nothing that a document can say makes anything but plain values.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import BadResponse
from ..wire import DEEPEST, read_json

MOST_TEXT = 2 * 1024**2  # characters


def read_text(text: str) -> Any:
    """The object or list that stands there, up to 2 MB.

    Dates, and words such as `no`, stay text; every key is text. Raises BadResponse.
    """
    if len(text) > MOST_TEXT:
        raise BadResponse("It is larger than 2 MB.")
    try:
        return read_json(text.removeprefix("\ufeff").encode("utf-8", "replace"))
    except BadResponse as error:
        if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[", "<", ""):
            raise BadResponse(error.detail.replace("The answer", "It")) from None
    return _read_yaml(text.removeprefix("\ufeff"))


def _read_yaml(text: str) -> Any:
    """An alias, which lets a few lines stand for gigabytes, is refused."""
    import yaml  # only who writes YAML needs it

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    root: list[Any] = []
    stack: list[tuple[Any, list[str]]] = [(root, [])]
    try:
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None) is not None:
                raise BadResponse("It holds YAML aliases or tags, which this app does not read.")
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                stack.pop()
            elif isinstance(event, yaml.ScalarEvent):
                _put(stack[-1], event.value if event.style else _plain_scalar(event.value), event.value)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                made: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                _put(stack[-1], made, None)
                stack.append((made, []))
                if len(stack) > DEEPEST:
                    raise BadResponse("It is nested too deeply.")
    except (yaml.YAMLError, ValueError):
        raise BadResponse("It is neither JSON nor YAML.") from None
    if len(root) != 1 or not isinstance(root[0], dict | list):
        raise BadResponse("It is neither JSON nor YAML with an object in it.")
    return root[0]


def _put(holder: tuple[Any, list[str]], value: Any, word: str | None) -> None:
    """Into the list, or into the mapping under the key that came before: keys and values take turns."""
    made, key = holder
    if isinstance(made, list):
        made.append(value)
    elif key:
        made[key.pop()] = value
    elif word is None:
        raise ValueError("a key that is no text")
    else:
        key.append(word)


_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,399})(?:(\.[0-9]{0,400})?([eE][+-]?[0-9]{1,4})?)", re.ASCII)


def _plain_scalar(word: str) -> Any:
    """A scalar without quotes, by YAML 1.2's core schema without what JSON does not have."""
    if word in ("", "~", "null", "Null", "NULL"):
        return None
    if word in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return word.lower() == "true"
    found = _NUMBER.fullmatch(word)
    if not found:
        return word
    number = float(word) if found[1] or found[2] else int(word)
    return word if number in (float("inf"), float("-inf")) else number
