"""What the documents say is what the code does."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from FlaskAppAML import __version__
from FlaskAppAML.settings import rows

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", ["docs/settings.md", ".env.example"])
def test_the_settings_docs_are_made_from_the_table(generate: ModuleType, path: str) -> None:
    assert (ROOT / path).read_text("utf-8") == generate.PAGES[path](), "run: make docs"


SHOWN = ("SECRET_KEY", "DATABASE_URL")  # what stands in their place is no secret


def test_no_secret_has_a_default() -> None:
    assert all(not row["default"] for row in rows() if row["secret"] and row["name"] not in SHOWN)


def test_every_link_between_documents_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "demo").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_python_file_named_in_the_architecture_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    for name in re.findall(r"`([\w/]+\.py)`", text):
        assert (ROOT / name).exists() or (ROOT / "FlaskAppAML" / name).exists(), name


def test_the_version_is_said_once_everywhere() -> None:
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_runtime_txt_is_one_line_without_its_end() -> None:
    """Oryx reads the version from it as it stands."""
    assert re.fullmatch(rb"python-3\.\d+", (ROOT / "runtime.txt").read_bytes())


def test_every_requirement_is_pinned() -> None:
    for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines():
        assert line.startswith("#") or re.match(r"[\w.-]+==[\w.]+(; .+)?$", line), line


def test_nothing_secret_or_local_is_tracked() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not [name for name in listed.splitlines() if name == ".env" or name.startswith(("env/", "instance/"))]
