"""Examples to click: the owner's `EXAMPLES`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import SettingError

SHAPE = 'EXAMPLES must hold a JSON list of {"name": ..., "inputs": {...}}'


@dataclass(frozen=True)
class Example:
    """A name to click, and values by field name."""

    name: str
    inputs: dict[str, Any]


def read_examples(path: str) -> list[Example]:
    """From one JSON file, or from each `*.json` of a folder in the order of their names. Raises SettingError."""
    if not path:
        return []
    place = Path(path)
    files = sorted(place.glob("*.json")) if place.is_dir() else [place]
    return [example for file in files for example in _read(file)]


def _read(file: Path) -> list[Example]:
    try:
        found = json.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SettingError(f"EXAMPLES names a file that is not JSON: {file} ({error}).") from None
    listed = found if isinstance(found, list) else [found]
    for item in listed:
        if (
            not isinstance(item, dict)
            or not isinstance(item.get("name"), str)
            or not isinstance(item.get("inputs"), dict)
        ):
            raise SettingError(f"{SHAPE}; {file.name} does not.")
    return [Example(item["name"], item["inputs"]) for item in listed]
