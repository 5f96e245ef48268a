"""Which operation of an OpenAPI or Swagger description is meant: by the path of the address, else by its name.

Not a dialect: a part of `openapi.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from ..errors import Described, SettingError
from ..reading.references import resolve

MOST_PATHS = 2_000
MOST_SAID = 3  # paths in a sentence
LONGEST_SUMMARY = 160
PATH = re.compile(r"/[!-~]{1,300}")
METHODS = ("post", "put", "patch", "get")
# Ours for what is no model: it is never guessed, and what would stop the service is not even taken when asked for.
NO_MODEL = re.compile(
    r"(shutdown|health\w*|live\w*|ready\w*|ping|metrics|load|unload|cancel|train\w*|version|info|docs|explain|login|"
    r"logout|token|auth\w*|register|signup|upload|feedback|status|repository)",
    re.IGNORECASE,
)
STOPS = re.compile(r"/(shutdown|load|unload|cancel)/?$|/repository(/|$)", re.IGNORECASE)
SCORES = ("predict", "score", "infer", "invocations", "execute", "classify", "generate", "detect", "analy", "model")
DESCRIPTIONS = ("openapi.json", "docs.json", "swagger.json", "schema.json", "openapi.yaml", "docs", "redoc")


class Operation(NamedTuple):
    """One operation of a description: `path` as it stands there, `base` what the servers put before it."""

    base: str
    path: str
    method: str
    about: Mapping[str, Any]
    shared: Mapping[str, Any]  # the path's own object, whose parameters hold for all its operations


def meant(url: str, document: Mapping[str, Any]) -> tuple[Operation | None, str]:
    """The operation, and the address for it: on the origin that was given, whatever `servers` say. None where the
    description does not know the address.

    Raises SettingError, with the operations, where several may be meant.
    """
    parts = urlsplit(url)
    given = parts.path.rstrip("/")
    listed = list(_operations(document))
    exact, inside = _at(listed, given)
    if exact or inside:
        best = min(exact, key=lambda o: METHODS.index(o.method)) if exact else inside[0]
        is_slash_only = exact and "{" not in best.path and best.base + best.path != parts.path
        path = best.base + best.path if is_slash_only else parts.path
        return best, urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
    best_of_all = _likeliest(listed) if _is_whole(listed, given) else None
    if best_of_all is None:
        return None, ""
    path = best_of_all.base + best_of_all.path
    return best_of_all, urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def elsewhere(url: str, document: Any, folder: str = "") -> tuple[Described, ...]:
    """The operations that could be models, likeliest first, of a description that has none at this address; () where
    it has one or may mean all of them, or is no OpenAPI at all.

    `folder` is where the description stands: a gateway may put it before every path without telling the service.
    """
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        return ()
    listed = list(_operations(document))
    given = urlsplit(url).path.rstrip("/")
    if any(_at(listed, given)) or _is_whole(listed, given):
        return ()
    found = described(_models(listed))
    is_behind = given.startswith(f"{folder}/") and not any(one.path.startswith(f"{folder}/") for one in found)
    return tuple(one._replace(path=folder + one.path) for one in found) if is_behind else found


def described(operations: list[Operation]) -> tuple[Described, ...]:
    """For people, each path once; not what could stand in no address."""
    found = [Described(o.method.upper(), o.base + o.path, _summary(o.about)) for o in operations]
    return tuple({one.path: one for one in found if PATH.fullmatch(one.path)}.values())


def said_of(operations: tuple[Described, ...]) -> str:
    """Their paths as the end of a sentence."""
    first = [one.path for one in operations[:MOST_SAID]]
    if len(operations) > MOST_SAID:
        first.append(f"{len(operations) - MOST_SAID} more")
    return " and ".join(part for part in (", ".join(first[:-1]), first[-1]) if part)


def _summary(about: Mapping[str, Any]) -> str:
    """The first line of what is said of it."""
    texts = (about.get("summary"), about.get("description"))
    said = next((text.strip() for text in texts if isinstance(text, str) and text.strip()), "")
    line = said.partition("\n")[0].strip()
    return line if len(line) <= LONGEST_SUMMARY else f"{line[:LONGEST_SUMMARY]}…"


def _at(listed: list[Operation], given: str) -> tuple[list[Operation], list[Operation]]:
    """The operations of this very path, and those that a gateway may have put behind another one, longest first.

    What a service says by GET at its root is no model: KServe and LitServe say there that they live.
    """
    exact = [o for o in listed if _fits(o.base + o.path, given) and (given or o.method != "get")]
    inside = [o for o in listed if not o.base and o.path.strip("/") and _fits_behind(o.path, given)]
    return exact, sorted(inside, key=lambda o: -len(o.path))


def _is_whole(listed: list[Operation], given: str) -> bool:
    """Whether the address is that of the whole service, or of its description."""
    bases = {o.base for o in listed} | {""}
    folder, _, last = given.rpartition("/")
    return given in bases or (last.lower() in DESCRIPTIONS and folder in bases)


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    bases = _bases(document)
    for path, item in list(document["paths"].items())[:MOST_PATHS]:
        shared = resolve(item, document)
        for method in METHODS:
            about = shared.get(method)
            if isinstance(about, dict) and not STOPS.search(path):
                for base in bases:
                    yield Operation(base, path.partition("?")[0], method, about, shared)


def _bases(document: Mapping[str, Any]) -> list[str]:
    """What stands before every path: `servers` of OpenAPI 3, of which only the paths are taken; `basePath` of 2."""
    servers = document.get("servers")
    given = [s.get("url") for s in servers[:10] if isinstance(s, dict)] if isinstance(servers, list) else []
    given.append(document.get("basePath"))
    bases = [_path_of(one) for one in given if isinstance(one, str)]
    return list(dict.fromkeys([*bases, ""]))


def _path_of(text: str) -> str:
    try:
        path = urlsplit(text).path.rstrip("/")
    except ValueError:
        return ""
    return path if "{" not in path and path.startswith("/") else ""


def _fits(template: str, path: str) -> bool:
    """Whether a path is one of a template: `/models/{name}/predict`. A slash at the end is none."""
    wanted, steps = template.rstrip("/").split("/"), path.split("/")
    return len(wanted) == len(steps) and all(
        (want == step) or ("{" in want and step != "" and _fits_step(want, step))
        for want, step in zip(wanted, steps, strict=True)
    )


def _fits_step(want: str, step: str) -> bool:
    """`{model}:predict` fits `iris:predict`."""
    before, _, rest = want.partition("{")
    after = rest.partition("}")[2]
    return "{" not in after and step.startswith(before) and step.endswith(after) and len(step) > len(before + after)


def _fits_behind(template: str, path: str) -> bool:
    """Behind a gateway that puts something before every path."""
    count = template.strip("/").count("/") + 1
    steps = path.split("/")
    return len(steps) > count + 1 and _fits(template, "/" + "/".join(steps[-count:])) and not template.startswith("/{")


def _likeliest(listed: list[Operation]) -> Operation | None:
    """The one operation that is named like a model's. Raises SettingError where several are, or need a name first."""
    models = _models(listed)
    first = [o for o in models if _rank(o) == _rank(models[0]) or "{" in models[0].path]
    if len(first) > 1:
        paths = ", ".join(o.base + o.path for o in first[:8])
        error = SettingError(f"The endpoint has several operations: {paths}. Put the one that is meant behind URL.")
        error.operations = described(models)
        raise error
    return next(iter(first), None)


def _models(listed: list[Operation]) -> list[Operation]:
    """The operations that could be models, likeliest first: by POST, with no name that says otherwise."""
    posts = [o for o in listed if o.method == "post" and o.base == listed[0].base]
    models = [o for o in posts if not any(NO_MODEL.fullmatch(step) for step in re.split(r"[/:_-]", o.path))]
    return sorted(models, key=_rank)


def _rank(operation: Operation) -> tuple[bool, int]:
    """Whether its path has parameters to fill in, and how early its name stands among those of models."""
    words = f"{operation.path} {operation.about.get('operationId', '')}".lower()
    named = next((number for number, word in enumerate(SCORES) if word in words), len(SCORES))
    return "{" in operation.path, named
