"""The files that other machines read: parsed, and compared with what they name."""

from __future__ import annotations

import configparser
import itertools
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from FlaskAppAML.settings import rows

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MSBUILD = "{http://schemas.microsoft.com/developer/msbuild/2003}"
APP_SERVICE_OWN = {"SCM_DO_BUILD_DURING_DEPLOYMENT"}


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8-sig")


# GitHub


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_no_more_than_it_says_and_its_actions_are_pinned(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert set(job["permissions"].items()) <= {("contents", "read"), ("id-token", "write")}
        assert job["timeout-minutes"] <= 30
    for used in re.findall(r"uses: (.+)", path.read_text("utf-8")):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


def test_both_workflows_run_what_contributors_run() -> None:
    assert [path.name for path in WORKFLOWS] == ["azure.yml", "ci.yml"]
    for path in WORKFLOWS:
        steps = yaml.safe_load(path.read_text("utf-8"))["jobs"]["test"]["steps"]
        assert ".ci/run" in [step.get("run") for step in steps]


def test_the_deployment_waits_for_the_tests() -> None:
    deploy = yaml.safe_load(text(".github/workflows/azure.yml"))["jobs"]["deploy"]
    assert deploy["needs"] == "test"


@pytest.mark.parametrize(
    "tool", [["zizmor", "--offline"], ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"]]
)
def test_the_linters_of_workflows_find_nothing(tool: list[str]) -> None:
    command = [str(Path(sys.executable).parent / tool[0]), *tool[1:], *map(str, WORKFLOWS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


# Azure


@pytest.fixture(scope="module")
def template() -> Any:
    return json.loads(text("azuredeploy.json"))


def expressions(node: Any) -> list[str]:
    """Every `[...]` of an ARM template."""
    if isinstance(node, dict):
        return [found for value in node.values() for found in expressions(value)]
    if isinstance(node, list):
        return [found for value in node for found in expressions(value)]
    return [node] if isinstance(node, str) and node.startswith("[") else []


def test_the_template_names_only_what_it_declares(template: Any) -> None:
    known = {"concat", "newGuid", "parameters", "reference", "resourceGroup", "resourceId", "uniqueString", "variables"}
    used: dict[str, set[str]] = {"parameters": set(), "variables": set()}
    for expression in expressions(template):
        outside = re.sub(r"'[^']*'", "", expression)
        assert outside.endswith("]"), expression
        assert "'" not in outside, f"a quotation mark too many: {expression}"
        assert outside.count("(") == outside.count(")"), expression
        assert set(re.findall(r"(\w+)\(", outside)) <= known, expression
        for kind, names in used.items():
            names |= set(re.findall(rf"{kind}\('(\w+)'\)", expression))
    assert used == {kind: set(template[kind]) for kind in used}


def test_the_template_keeps_secrets_secret(template: Any) -> None:
    secure = {name for name, about in template["parameters"].items() if about["type"] == "securestring"}
    assert secure == {"apiKey", "password", "secretKey"}
    assert {template["parameters"][name]["defaultValue"] for name in secure} == {"", "[newGuid()]"}
    assert not [name for name in secure if f"'{name}'" in json.dumps(template["outputs"])]
    for about in template["parameters"].values():
        assert about["metadata"]["description"].endswith(".")


def test_the_template_makes_a_closed_and_watched_site(template: Any) -> None:
    site = next(each for each in template["resources"] if each["type"] == "Microsoft.Web/sites")
    config = site["properties"]["siteConfig"]
    assert site["properties"]["httpsOnly"] is True
    assert (config["minTlsVersion"], config["scmMinTlsVersion"], config["ftpsState"]) == ("1.2", "1.2", "Disabled")
    assert config["healthCheckPath"] == "/health"
    ours = {row["name"] for row in rows()}
    names = [setting["name"] for setting in config["appSettings"]]
    assert set(names) - APP_SERVICE_OWN <= ours
    assert len(names) == len(set(names))


def test_the_template_offers_the_versions_that_ci_tests(template: Any) -> None:
    matrix = yaml.safe_load(text(".github/workflows/ci.yml"))["jobs"]["test"]["strategy"]["matrix"]
    version = template["parameters"]["pythonVersion"]
    assert version["allowedValues"] == matrix["python"]
    assert text("runtime.txt") == f"python-{version['defaultValue']}"


def test_the_settings_of_the_page_exist() -> None:
    named = set(re.findall(r"^    setting ['\"](\w+)=", text("docs/deploy/azure-app-service.md"), re.MULTILINE))
    assert {"URL", "API_KEY", "SECRET_KEY", "PROXY_HOPS"} <= named
    assert named - APP_SERVICE_OWN <= {row["name"] for row in rows()}


def test_app_service_takes_us_for_flask() -> None:
    """Oryx looks for `*/wsgi.py` first (Django), then for application.py, then for app.py."""
    assert not list(ROOT.glob("FlaskAppAML/wsgi.py"))
    assert not (ROOT / "application.py").exists()
    assert (ROOT / "app.py").exists()


@pytest.mark.parametrize(
    ("environ", "workers", "port"),
    [
        ({}, 2, 8000),
        ({"NUM_CORES": "1"}, 2, 8000),
        ({"NUM_CORES": "4", "PORT": "8181"}, 4, 8181),
        ({"NUM_CORES": "4", "WEB_CONCURRENCY": "1"}, 1, 8000),
    ],
)
def test_gunicorn_takes_workers_and_port_from_the_instance(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], workers: int, port: int
) -> None:
    for name in ("NUM_CORES", "WEB_CONCURRENCY", "PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    given = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    assert (given["workers"], given["bind"]) == (workers, f"0.0.0.0:{port}")


# Windows


def test_kudu_runs_a_script_that_is_there() -> None:
    deployment = configparser.ConfigParser()
    deployment.read(ROOT / ".deployment")
    assert (ROOT / deployment["config"]["command"]).is_file()


def test_deploy_cmd_is_written_as_windows_reads_it() -> None:
    """cmd.exe loses its way in a file without carriage returns, and reads it in another code page than ours."""
    raw = (ROOT / "deploy.cmd").read_bytes()
    assert raw.isascii()
    assert raw.count(b"\n") == raw.count(b"\r\n")
    script = raw.decode("ascii")
    labels = set(re.findall(r"^:(\w+)", script, re.MULTILINE))
    assert set(re.findall(r"goto (\w+)", script)) == labels
    for line in script.splitlines():
        assert line.count('"') % 2 == 0, line


def test_every_failure_of_deploy_cmd_is_explained() -> None:
    """Before each line that may fail there is a sentence for it that is its own."""
    script = (ROOT / "deploy.cmd").read_text("ascii")
    said = [line for line in script.splitlines() if 'set "PROBLEM=' in line or "goto failed" in line]
    assert "goto failed" in said[-1]
    for before, line in itertools.pairwise(said):
        assert "goto failed" not in line or 'set "PROBLEM=' in before, line


def test_web_config_runs_http_platform_handler_and_holds_fastcgi_ready() -> None:
    web = ElementTree.fromstring(text("web.config")).find("system.webServer")
    assert web is not None
    assert [each.get("modules") for each in web.findall("handlers/add")] == ["httpPlatformHandler"]
    assert web.find("httpPlatform") is not None
    comment = text("web.config").rpartition("<!--")[2].partition("-->")[0]
    fastcgi = ElementTree.fromstring(f"<x>{comment[comment.index('<appSettings>') :]}</x>")
    assert [each.get("modules") for each in fastcgi.findall("handlers/add")] == ["FastCgiModule"]
    given = {each.get("key"): each.get("value") for each in fastcgi.findall("appSettings/add")}
    assert given["WSGI_HANDLER"] == "ptvs_virtualenv_proxy.get_venv_handler()"
    assert given["WSGI_ALT_VIRTUALENV_HANDLER"] == "FlaskAppAML.app"


def test_iis_hands_out_none_of_the_private_folders() -> None:
    web = ElementTree.fromstring(text("web.config"))
    hidden = {each.get("segment") for each in web.iter("add") if each.get("segment")}
    assert hidden == {".env", "env", "instance", "logs"}


# Visual Studio


def test_the_project_lists_every_file_and_no_other() -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    there = {name for name in listed if name and (ROOT / name).is_file()}
    project = ElementTree.fromstring(text("FlaskAppAML.pyproj"))
    named = [
        each.attrib["Include"].replace("\\", "/")
        for kind in ("Compile", "Content")
        for each in project.iter(f"{MSBUILD}{kind}")
    ]
    assert len(named) == len(set(named))
    assert set(named) == there - {"FlaskAppAML.pyproj", "FlaskAppAML.sln"}, "run: make docs"


def test_the_project_is_made_by_make_docs() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "generate.py"))["PAGES"]["FlaskAppAML.pyproj"]()
    assert text("FlaskAppAML.pyproj") == made, "run: make docs"


def test_f5_runs_runserver_and_opens_the_browser() -> None:
    project = ElementTree.fromstring(text("FlaskAppAML.pyproj"))
    given = {each.tag.removeprefix(MSBUILD): (each.text or "").strip() for each in project.iter()}
    assert (ROOT / given["StartupFile"]).name == "runserver.py"
    assert (given["LaunchProvider"], given["WebBrowserUrl"]) == ("Web launcher", "http://localhost:5555")
    assert given["PythonWsgiHandler"] == "FlaskAppAML.app"


def test_the_solution_names_the_project() -> None:
    raw = (ROOT / "FlaskAppAML.sln").read_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n")
    project = ElementTree.fromstring(text("FlaskAppAML.pyproj"))
    guid = next(project.iter(f"{MSBUILD}ProjectGuid")).text or ""
    solution = text("FlaskAppAML.sln")
    assert f'"FlaskAppAML.pyproj", "{guid.upper()}"' in solution
    assert set(re.findall(r"(\{[0-9A-F-]{36}\})\.", solution)) == {guid.upper()}


def test_visual_studio_code_starts_what_is_there() -> None:
    starts = json.loads(text(".vscode/launch.json"))["configurations"]
    programs = [start["program"].replace("${workspaceFolder}", str(ROOT)) for start in starts if "program" in start]
    assert programs == [str(ROOT / "runserver.py")]
    said = re.compile(starts[0]["serverReadyAction"]["pattern"])
    assert said.search("FlaskAppAML: http://localhost:5555")
