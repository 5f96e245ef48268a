"""The house of docs/architecture.md: a module imports only from a lower level, and below `web/` nothing knows Flask."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "FlaskAppAML"

# Rooms by level. A folder is one room; inside it modules import each other, but never in a circle.
LEVELS = {
    "errors": 0,
    "parsers": 0.05,
    "settings": 0.1,
    "redact": 0.1,
    "slots": 0.1,
    "outage": 0.1,
    "wire": 0.1,
    "media": 0.1,
    "events": 0.1,  # answers in pieces
    "env_file": 1,
    "curl": 1,
    "schema": 1,  # what is asked
    "company": 1.1,
    "reading": 1.1,  # what services say about themselves
    "results": 1.2,  # what is answered
    "images": 1.3,
    "sheets": 1.3,  # files of rows
    "answers": 1.5,
    "cache": 1.5,
    "examples": 1.5,
    "faults": 1.5,
    "connection": 1.5,
    "client": 2,
    "dialects": 2,
    "forms": 2,
    "description": 2.7,
    "endpoint": 3,
    "score": 4,
    "prediction": 4.5,
    "connect": 5,
    "packing": 1.5,
    "database": 1,
    "store": 1.5,
    "batch": 4.7,
    "runs": 4.9,
    "jobs": 5,
    "web": 6,
    "cli": 7,
    "cli_batch": 7,
    "worker": 7,
    "__init__": 8,
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_rooms(path: Path) -> set[str]:
    """The rooms of ours that a module imports, wherever in it the import stands."""
    found = set()
    depth = len(path.relative_to(PACKAGE).parts) - 1
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            inside = path.relative_to(PACKAGE).parts[: max(0, depth + 1 - node.level)]
            names = [*inside, *(node.module or "").split(".")] if node.module else list(inside)
            names = [name for name in names if name]
            found |= {names[0]} if names else {alias.name for alias in node.names}
    return found - {"__version__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_lower_levels(path: Path) -> None:
    here = room(path)
    for other in imported_rooms(path):
        assert other == here or LEVELS[other] < LEVELS[here], f"{here} must not import {other}"


def imported_modules(path: Path) -> set[Path]:
    """The modules of ours that a module needs to be loaded."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            places = [base / alias.name for alias in node.names] + [base]
            found |= {one for place in places for one in (place.with_suffix(".py"), place / "__init__.py")}
    return {one for one in found if one in MODULES and one != path}


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {path: imported_modules(path) for path in MODULES if path.parent.name != "FlaskAppAML"}
    graph |= {path: imported_modules(path) for path in MODULES if path.parent.name == "FlaskAppAML"}
    # A folder's own page is loaded with each of its modules, which is no circle while it is loaded first.
    order = TopologicalSorter(
        {
            path: {one for one in needs if one.parent != path.parent or one.stem != "__init__"}
            for path, needs in graph.items()
        }
    )
    order.prepare()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_upper_rooms_know_flask(path: Path) -> None:
    text = path.read_text("utf-8")
    knows = any(line.strip().startswith(("import flask", "from flask", "from werkzeug")) for line in text.splitlines())
    assert not knows or LEVELS[room(path)] >= 6


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_connection_opens_sockets(path: Path) -> None:
    assert "socket" not in packages(path) or path.name == "connection.py"


def packages(path: Path) -> set[str]:
    """The first names of all modules that are imported by their whole names."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in names}


def test_the_demo_imports_nothing_of_ours() -> None:
    assert [path.name for path in (ROOT / "demo").rglob("*.py") if "FlaskAppAML" in packages(path)] == []


def test_the_plain_app_starts_without_heavy_libraries() -> None:
    """Optional parts cost nothing until they are switched on."""
    code = (
        "import sys, FlaskAppAML; from FlaskAppAML.settings import Settings;"
        "FlaskAppAML.create_app(Settings(url='http://127.0.0.1:9/x', api_key='abcdefgh'));"
        "heavy = ('sqlalchemy', 'redis', 'rq', 'PIL', 'sklearn', 'numpy', 'xlsxwriter', 'python_calamine', 'demo');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("name", "home"), [("sync_playwright", "browsers.py"), ("create_server", "serving.py")])
def test_one_module_of_the_tests_starts_chromium_and_one_serves_apps(name: str, home: str) -> None:
    """A second Playwright in a process hangs, and servers left open end those that come after them."""
    importing = re.compile(rf"^from .* import .*\b{name}\b", re.MULTILINE)
    found = [path.name for path in (ROOT / "tests").rglob("*.py") if importing.search(path.read_text("utf-8"))]
    assert found == [home]
