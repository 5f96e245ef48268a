"""Settings written out: into `.env`, and as the Azure CLI, Docker and Compose want them.

`.env` belongs to its owner: every line that is not changed stays as it is, comments and quotes included. What was
written is read again by python-dotenv before it takes the place of the file.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from .errors import SettingError

PLAIN = re.compile(r"[\w.:/@%+,=&?~-]*", re.ASCII)
LINE_END = re.compile(r"\r\n|\n|\r")
LONGEST = 30_000  # characters of a value; whole environments end at 128 kB on some systems

Changes = Mapping[str, str | None]


def read(path: Path) -> str:
    """The text of the file, "" when there is none. Raises SettingError."""
    try:
        return path.read_bytes().decode("utf-8-sig") if path.exists() else ""
    except UnicodeDecodeError:
        raise SettingError(f"{path} is not in UTF-8; save it anew as UTF-8.") from None
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}.") from None


def names(text: str) -> list[str]:
    """The names that are given a value there."""
    return [name for name, value in _values(text).items() if value]


def changed(text: str, changes: Changes, retired: tuple[str, ...] = ()) -> str:
    """The text of `.env` with these values by name; None takes a line out. Of the names `retired` the lines become
    comments. Raises SettingError for what a `.env` cannot hold.
    """
    for name, value in changes.items():
        _check(name, value or "")
    bindings = list(parse_stream(io.StringIO(text)))
    last = {binding.key: i for i, binding in enumerate(bindings)}  # of several lines the last one counts
    end = next(iter(LINE_END.findall(text)), "\n")
    pieces = []
    for i, binding in enumerate(bindings):
        value = changes.get(binding.key or "")
        if binding.key in retired:
            pieces.append(_as_comment(binding))
        elif binding.key not in changes:
            pieces.append(binding.original.string)
        elif value is not None and last[binding.key] == i:
            pieces += [_space_before(binding), _line(binding.key or "", value), end]
        else:
            pieces.append(_space_before(binding))
    whole = "".join(pieces)
    new = [(name, value) for name, value in changes.items() if value is not None and name not in last]
    if new and whole and not LINE_END.search(whole[-1]):
        whole += end
    whole += "".join(f"{_line(name, value)}{end}" for name, value in new)
    _check_result(text, whole, changes, retired)
    return whole


def _check(name: str, value: str) -> None:
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]", value):
        raise SettingError(f"{name} must be one line to stand in .env.")
    if len(value) > LONGEST:
        raise SettingError(f"{name} is too long for a setting. Save it as a file and give its path.")


def _check_result(before: str, after: str, changes: Changes, retired: tuple[str, ...]) -> None:
    """Raises SettingError when any value would be read otherwise than it is meant."""
    wanted = {name: value for name, value in _values(before).items() if name not in changes and name not in retired}
    wanted |= {name: value for name, value in changes.items() if value is not None}
    if _values(after) != wanted:
        raise SettingError("There is something in .env that this page cannot change safely. Change it by hand.")


def _values(text: str) -> dict[str, str | None]:
    return dict(dotenv_values(stream=io.StringIO(text), interpolate=False))


def _space_before(binding: Binding) -> str:
    """python-dotenv counts blank lines to what comes after them."""
    original = binding.original.string
    return original[: len(original) - len(original.lstrip())]


def _as_comment(binding: Binding) -> str:
    """The lines of a setting, one or several, each behind a #."""
    lines = binding.original.string.splitlines(keepends=True)
    return "".join(f"# {line}" if line.strip() else line for line in lines)


def _line(name: str, value: str) -> str:
    return f"{name}={quoted(value)}"


def quoted(value: str) -> str:
    """As python-dotenv reads it back, word for word. What needs no quotes gets none: Docker would keep them."""
    if PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def write(path: Path, text: str) -> None:
    """By an atomic rename, readable for nobody else. A link stays a link. Raises SettingError."""
    place = Path(os.path.realpath(path))
    if place.exists() and not place.is_file():
        raise SettingError(f"{path} is no file that could be written.")
    draft = ""
    try:
        descriptor, draft = tempfile.mkstemp(dir=place.parent, prefix=".env-")  # with mode 0600
        with open(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, place)
    except OSError as error:
        with suppress(OSError):
            if draft:
                os.unlink(draft)
        raise SettingError(f"{path} cannot be written: {error.strerror}. Copy the settings instead.") from None


# For other places


def blocks(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """The settings as they are to be pasted, each with the name of the place."""
    written: dict[str, Callable[[Mapping[str, str]], str]] = {
        ".env": _as_env,
        "Azure CLI": _as_azure,
        "Docker": _as_docker,
        "Docker Compose": _as_compose,
    }
    return [(place, write_out(values)) for place, write_out in written.items()]


def _as_env(values: Mapping[str, str]) -> str:
    return "\n".join(_line(name, value) for name, value in values.items())


def _as_azure(values: Mapping[str, str]) -> str:
    pairs = _pairs(values, "  ")
    return f"az webapp config appsettings set --resource-group my-group --name my-app --settings \\\n{pairs}"


def _as_docker(values: Mapping[str, str]) -> str:
    return f"docker run -p 8000:8000 \\\n{_pairs(values, '  -e ')} \\\n  flaskappaml"


def _pairs(values: Mapping[str, str], before: str) -> str:
    return " \\\n".join(before + shlex.quote(f"{name}={value}") for name, value in values.items())


def _as_compose(values: Mapping[str, str]) -> str:
    """JSON's strings are YAML's in double quotes; Compose would put variables in place of a single $."""
    lines = [
        f"      {name}: {json.dumps(value, ensure_ascii=False)}".replace("$", "$$") for name, value in values.items()
    ]
    return "\n".join(["services:", "  app:", "    image: flaskappaml", "    environment:", *lines])
