"""Writes what is made from something else: `make docs`. Tests compare.

`.env.example` and `docs/settings.md` come from the table of settings, Visual Studio's project from git's list of files.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePosixPath
from xml.sax.saxutils import quoteattr

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from FlaskAppAML.settings import rows  # noqa: E402

INTRODUCTION = """# Settings

Given as environment variables or in a file `.env` beside `runserver.py` (`ENV_FILE` names another); the environment
wins. Changing a setting and restarting is all it takes to point the app at another endpoint. A wrong value stops the
start with a sentence that names it. A secret has no default and can be given as `NAME_FILE`, the path of a file that
holds it (Docker and Kubernetes secrets). On App Service a setting may be a Key Vault reference,
`@Microsoft.KeyVault(...)`; when App Service could not resolve one, the app says so at the start.

`flask check` says which settings are in force and which names in `.env` are nearly settings, without calling the model.
What `FORM` and `EXAMPLES` may hold stands in [form.md](form.md).

Where it listens is not a matter of the app but of its server: `runserver.py` takes `--host` and `--port`, else
`SERVER_HOST`, and `SERVER_PORT`, `HTTP_PLATFORM_PORT` or `PORT`, else localhost:5555. gunicorn takes `PORT`, else 8000,
and `WEB_CONCURRENCY` for the number of processes.

| setting | default | meaning |
|---|---|---|
"""

ENV_INTRODUCTION = """# Copy to `.env` and change what you need; everything else keeps its default. Never commit `.env`.
# Made from the table in FlaskAppAML/settings.py by `make docs`; docs/settings.md says more.
"""

VISUAL_STUDIO = ("FlaskAppAML.pyproj", "FlaskAppAML.sln")  # these do not list themselves

# Visual Studio: F5 runs runserver.py and opens the browser. The GUIDs say "Python", "web" and "Flask" to it.
PYPROJ = """<?xml version="1.0" encoding="utf-8"?>
<!-- Made by `make docs` from what git lists; edit docs/generate.py instead. -->
<Project DefaultTargets="Build" ToolsVersion="4.0" xmlns="http://schemas.microsoft.com/developer/msbuild/2003">
  <PropertyGroup>
    <Configuration Condition=" '$(Configuration)' == '' ">Debug</Configuration>
    <SchemaVersion>2.0</SchemaVersion>
    <ProjectGuid>{7d0c6a5e-3b0f-4c52-9a4e-5f1e8c2b9d31}</ProjectGuid>
    <ProjectTypeGuids>{789894c7-04a9-4a11-a6b5-3f4435165112};{1b580a1a-fdb3-4b32-83e1-6407eb2722e6};\
{349c5851-65df-11da-9384-00065b846f21};{888888a0-9f3d-457c-b088-3a5042f75d52}</ProjectTypeGuids>
    <Name>FlaskAppAML</Name>
    <RootNamespace>FlaskAppAML</RootNamespace>
    <ProjectHome>.</ProjectHome>
    <StartupFile>runserver.py</StartupFile>
    <SearchPath>
    </SearchPath>
    <WorkingDirectory>.</WorkingDirectory>
    <OutputPath>.</OutputPath>
    <LaunchProvider>Web launcher</LaunchProvider>
    <WebBrowserUrl>http://localhost:5555</WebBrowserUrl>
    <WebBrowserPort>5555</WebBrowserPort>
    <SuppressCollectPythonCloudServiceFiles>true</SuppressCollectPythonCloudServiceFiles>
    <PythonWsgiHandler>FlaskAppAML.app</PythonWsgiHandler>
    <VisualStudioVersion Condition="'$(VisualStudioVersion)' == ''">10.0</VisualStudioVersion>
    <VSToolsPath Condition="'$(VSToolsPath)' == ''">\
$(MSBuildExtensionsPath32)\\Microsoft\\VisualStudio\\v$(VisualStudioVersion)</VSToolsPath>
  </PropertyGroup>
  <PropertyGroup Condition=" '$(Configuration)' == 'Debug' ">
    <DebugSymbols>true</DebugSymbols>
    <EnableUnmanagedDebugging>false</EnableUnmanagedDebugging>
  </PropertyGroup>
  <PropertyGroup Condition=" '$(Configuration)' == 'Release' ">
    <DebugSymbols>true</DebugSymbols>
    <EnableUnmanagedDebugging>false</EnableUnmanagedDebugging>
  </PropertyGroup>
  <ItemGroup>
@FILES@  </ItemGroup>
  <ItemGroup>
@FOLDERS@  </ItemGroup>
  <Import Project="$(VSToolsPath)\\Python Tools\\Microsoft.PythonTools.Web.targets" />
</Project>
"""


def settings_page() -> str:
    lines = []
    for row in rows():
        default = row["default"] or "–"
        shown = default if row["shown"] or default == "–" else f"`{default}`"
        secret = " **Secret.**" if row["secret"] else ""
        meaning = row["meaning"].replace("|", "\\|")
        lines.append(f"| `{row['name']}` | {shown} | {meaning}{secret} |\n")
    return INTRODUCTION + "".join(lines)


def env_example() -> str:
    parts = [ENV_INTRODUCTION]
    for row in rows():
        default = "" if row["shown"] else row["default"]
        parts.append(f"\n# {row['meaning'].replace('`', '')}\n")
        parts.append(f"{'' if row['name'] in ('URL', 'API_KEY') else '# '}{row['name']}={default}\n")
    return "".join(parts)


def project_files() -> list[str]:
    """What belongs to the project: tracked, or new and not ignored; and still there."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603
    names = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    return sorted(names.difference(VISUAL_STUDIO))


def pyproj() -> str:
    """Visual Studio's project: every file of ours, and no other."""
    names = project_files()
    folders = {str(folder) for name in names for folder in PurePosixPath(name).parents if str(folder) != "."}
    files = "".join(_item("Compile" if name.endswith(".py") else "Content", name) for name in names)
    return PYPROJ.replace("@FILES@", files).replace(
        "@FOLDERS@", "".join(_item("Folder", f"{folder}/") for folder in sorted(folders))
    )


def _item(kind: str, path: str) -> str:
    windows = path.replace("/", "\\")
    return f"    <{kind} Include={quoteattr(windows)} />\n"


PAGES = {"docs/settings.md": settings_page, ".env.example": env_example, "FlaskAppAML.pyproj": pyproj}

if __name__ == "__main__":
    for path, make in PAGES.items():
        (ROOT / path).write_text(make(), "utf-8")
