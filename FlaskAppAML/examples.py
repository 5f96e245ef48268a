"""Examples to click: the owner's `EXAMPLES`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import SettingError
from .media import content_type_of
from .schema import PICTURE_ENDINGS, Field, Upload

SHAPE = 'EXAMPLES must hold a JSON list of {"name": ..., "inputs": {...}}'
LONGEST_PATH = 1000
ITS_PICTURE = ""  # in place of a name: the first field that takes a picture


@dataclass(frozen=True)
class Example:
    """A name to click, and values by field name. Of a file that is a data URL, or a path from `folder` on."""

    name: str
    inputs: dict[str, Any]
    folder: Path = field(default=Path(), compare=False)

    def values(self, fields: Iterable[Field]) -> dict[str, Any]:
        """Its inputs, with the files that they name. Raises SettingError for one that cannot be read."""
        listed = list(fields)
        first = next((f.name for f in listed if f.takes_pictures), ITS_PICTURE)
        found = {name or first: value for name, value in self.inputs.items()}
        files = {f.name for f in listed if f.is_upload}
        return {name: self._file(value) if name in files else value for name, value in found.items()}

    def _file(self, value: Any) -> Any:
        """What is no path of a file stays: a data URL, base64, or the numbers of a picture."""
        if not isinstance(value, str) or len(value) > LONGEST_PATH or not (self.folder / value).is_file():
            return value
        path = self.folder / value
        try:
            return Upload(path.read_bytes(), path.name, content_type_of(path.name))
        except OSError as error:
            raise SettingError(f"EXAMPLES names a file that cannot be read: {path} ({error}).") from None


def read_examples(path: str) -> list[Example]:
    """From one JSON file, or from each `*.json` and each picture of a folder in the order of their names. Raises
    SettingError."""
    if not path:
        return []
    place = Path(path)
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    found: list[Example] = []
    for file in files:
        if file.suffix.lower() in PICTURE_ENDINGS:
            found.append(Example(file.stem, {ITS_PICTURE: file.name}, file.parent))
        elif file.suffix == ".json" or file == place:
            found += _read(file)
    return found


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
    return [Example(item["name"], item["inputs"], file.parent) for item in listed]
