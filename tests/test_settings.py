"""Settings: each parser, and sentences that name what is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from FlaskAppAML import parsers
from FlaskAppAML import settings as settings_module
from FlaskAppAML.errors import SettingError
from FlaskAppAML.parsers import ROOT
from FlaskAppAML.settings import Settings, read_environment

SECRET = "s3cret-of-mine"

GOOD: list[tuple[str, str, Any]] = [
    ("URL", "https://h.example/a?b=c&d=%20", "https://h.example/a?b=c&d=%20"),
    ("URL", "  http://[::1]:8080/x ", "http://[::1]:8080/x"),
    ("API_KEY", "a b cdefg", "a b cdefg"),
    ("AUTH", "basic", "basic"),
    ("AUTH", "none", "none"),
    ("AUTH", "header:X-Api-Key", "header:X-Api-Key"),
    ("AUTH", "query:subscription-key", "query:subscription-key"),
    ("HEADERS", '{"x-team": "blue", "x-empty": ""}', {"x-team": "blue", "x-empty": ""}),
    ("HEADERS", "{}", {}),
    ("SCHEMA", '{"Inputs": {}}', '{"Inputs": {}}'),
    ("FORM", "demo/form.json", str(ROOT / "demo" / "form.json")),
    ("FORM", str(ROOT / "demo" / "form.json"), str(ROOT / "demo" / "form.json")),
    ("TEMPLATES_DIR", "demo", str(ROOT / "demo")),
    ("NAME", "plants-2_b", "plants-2_b"),
    ("TITLE", "Ünï <b>", "Ünï <b>"),
    ("ACCENT", "#005f73", "#005f73"),
    ("ACCENT", "#FfF", "#FfF"),
    ("TIMEOUT", "25", 25.0),
    ("TIMEOUT", "2.5", 2.5),
    ("CONNECT_TIMEOUT", "86400", 86400.0),
    ("RETRIES", "0", 0),
    ("MAX_CALLS", "1", 1),
    ("MAX_REQUEST_BYTES", "1048576", 1048576),
    ("MAX_REQUEST_BYTES", "16 MiB", 16 * 1024**2),
    ("MAX_RESPONSE_BYTES", "500kB", 500_000),
    ("MAX_RESPONSE_BYTES", "1GB", 10**9),
    ("PASSWORD", "eight ch", "eight ch"),
    ("RATE_LIMIT", "off", "off"),
    ("RATE_LIMIT", "5/second", "5/second"),
    ("FRAME_ANCESTORS", "'self' https://intranet.example", "'self' https://intranet.example"),
    ("TRUSTED_HOSTS", "a.example, b.example  c.example,", ("a.example", "b.example", "c.example")),
    ("PROXY_HOPS", "2", 2),
    ("DATA_DIR", "elsewhere", str(ROOT / "elsewhere")),
    ("DATA_DIR", "/var/data", "/var/data"),
    ("ANSWER_MINUTES", "0", 0),
    ("SHOW_RAW", "False", False),
    ("SHOW_RAW", "on", True),
    ("SHOW_RAW", "0", False),
    ("LOG_LEVEL", "DEBUG", "debug"),
    ("LOG_FORMAT", "json", "json"),
]

BAD: list[tuple[str, str]] = [
    ("URL", "ftp://h/x"),
    ("URL", "h.example/x"),
    ("URL", "https://"),
    ("URL", "https://user:pass@h/x"),
    ("URL", "https://h/x#part"),
    ("URL", "https://h/a b"),
    ("URL", "https://h/a\tb"),
    ("URL", "https://h/\xe9"),
    ("URL", "https://h:port/x"),
    ("URL", "https://h:99999/x"),
    ("URL", "https://[::1/x"),
    ("API_KEY", "abc"),
    ("API_KEY", "two\nlines"),
    ("API_KEY", "ключ-ключ"),
    ("AUTH", "digest"),
    ("AUTH", "header:"),
    ("AUTH", "header:a b"),
    ("HEADERS", "x: y"),
    ("HEADERS", '["x"]'),
    ("HEADERS", '{"x": 5}'),
    ("HEADERS", '{"x y": "z"}'),
    ("HEADERS", '{"x": "a\\r\\nb: c"}'),
    ("FORM", "no/such/file.json"),
    pytest.param(
        "FORM",
        '{"fields": {"title": {"help": "' + "x" * 300 + '"}}}',
    ),  # type: ignore[list-item]
    ("NAME", "Plants"),
    ("NAME", "../x"),
    ("ACCENT", "red"),
    ("ACCENT", "#12345"),
    ("ACCENT", "#fff;}"),
    ("TIMEOUT", "0"),
    ("TIMEOUT", "-1"),
    ("TIMEOUT", "nan"),
    ("TIMEOUT", "1e3"),
    ("TIMEOUT", "٣"),
    ("CONNECT_TIMEOUT", "86401"),
    ("RETRIES", "-1"),
    ("RETRIES", "two"),
    ("MAX_CALLS", "0"),
    ("MAX_REQUEST_BYTES", "0"),
    ("MAX_REQUEST_BYTES", "16 TB"),
    ("MAX_REQUEST_BYTES", "1.5 MB"),
    ("PASSWORD", "1234567"),
    ("SECRET_KEY", "short"),
    ("RATE_LIMIT", "0/minute"),
    ("RATE_LIMIT", "60"),
    ("FRAME_ANCESTORS", "'self'; script-src *"),
    ("FRAME_ANCESTORS", "a\nb"),
    ("PROXY_HOPS", "true"),
    ("SHOW_RAW", "maybe"),
    ("LOG_LEVEL", "loud"),
    ("LOG_FORMAT", "xml"),
]


@pytest.mark.parametrize(("name", "given", "value"), GOOD)
def test_a_good_value_is_read(name: str, given: str, value: Any) -> None:
    got = getattr(Settings.read({name: given}), name.lower())
    assert got == value
    assert type(got) is type(value)


def message(environ: dict[str, str]) -> str:
    with pytest.raises(SettingError) as caught:
        Settings.read(environ)
    return str(caught.value)


@pytest.mark.parametrize(("name", "given"), BAD)
def test_a_bad_value_is_named_in_a_sentence(name: str, given: str) -> None:
    said = message({name: given})
    assert re.fullmatch(rf"{name} (must|has|is|names|cannot) [^\n]{{5,}}\.", said), said
    if name in ("API_KEY", "PASSWORD", "SECRET_KEY"):
        assert given not in said


@pytest.mark.parametrize("given", ["https://h:port/x", "https://h:99999/x", "https://[::1/x"])
def test_a_message_speaks_no_python(given: str) -> None:
    assert "http_url" not in message({"URL": given})


def test_several_wrong_settings_are_all_named_a_line_apiece() -> None:
    lines = message({"URL": "x", "TIMEOUT": "x", "SHOW_RAW": "x", "RETRIES": "1"}).splitlines()
    assert [line.split()[0] for line in lines] == ["URL", "TIMEOUT", "SHOW_RAW"]


@pytest.mark.parametrize("empty", ["", "   ", "\t\n"])
def test_an_empty_setting_is_an_unset_one(empty: str) -> None:
    nothing = Settings.read({})
    assert Settings.read(dict.fromkeys((row.name.upper() for row in fields(Settings)), empty)) == nothing


def test_the_defaults_are_valid_values() -> None:
    """Each default, written out, would be read again as itself."""
    for row in fields(Settings):
        default = getattr(Settings.read({}), row.name)
        if isinstance(default, str | int | float) and default != "":
            assert row.metadata["parse"](f"{default:g}" if isinstance(default, float) else str(default)) == default


@pytest.mark.parametrize(
    ("environ", "folder"), [({}, str(ROOT / "instance")), ({"WEBSITE_SITE_NAME": "app"}, "/home/data")]
)
def test_data_lie_where_the_host_keeps_them(environ: dict[str, str], folder: str) -> None:
    assert Settings.read(environ).data_dir == folder


# Secrets


@pytest.mark.parametrize("name", ["API_KEY", "PASSWORD", "SECRET_KEY"])
def test_a_secret_can_lie_in_a_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    assert getattr(Settings.read({f"{name}_FILE": str(file)}), name.lower()) == SECRET


def test_headers_can_lie_in_a_file_too(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text('{"x-key": "v"}')
    assert Settings.read({"HEADERS_FILE": str(file)}).headers == {"x-key": "v"}


def test_only_secrets_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "title").write_text("From a file")
    assert Settings.read({"TITLE_FILE": str(tmp_path / "title")}).title == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "API_KEY cannot be read from API_KEY_FILE="),
        (b"\xff\xfe\xff", "API_KEY cannot be read"),
        (b"abc", "at least 8"),
    ],
    ids=["missing", "not UTF-8", "too short"],
)
def test_a_secret_file_that_is_wrong_is_named(content: bytes | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    assert said in message({"API_KEY_FILE": str(tmp_path / "key")})


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET)
    said = message({"API_KEY": "other-key", "API_KEY_FILE": str(tmp_path / "key")})
    assert said == "API_KEY is given twice, also as API_KEY_FILE."


@pytest.mark.parametrize("by_file", [False, True], ids=["value", "file"])
def test_an_unresolved_key_vault_reference_is_explained(by_file: bool, tmp_path: Path) -> None:
    reference = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/k)"
    (tmp_path / "key").write_text(reference)
    environ = {"API_KEY_FILE": str(tmp_path / "key")} if by_file else {"API_KEY": reference}
    assert message(environ).startswith("API_KEY is an unresolved Key Vault reference: ")
    assert message({"URL": reference}).startswith("URL is an unresolved Key Vault reference: ")


def test_no_secret_is_seen_in_a_repr() -> None:
    environ = {"API_KEY": SECRET, "PASSWORD": f"{SECRET}-2", "SECRET_KEY": f"{SECRET}-3", "TITLE": "seen"}
    settings = Settings.read({**environ, "HEADERS": f'{{"x": "{SECRET}-4"}}'})
    assert SECRET not in repr(settings)
    assert "seen" in repr(settings)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, ["URL", "API_KEY"]),
        ({"url": "http://h"}, ["API_KEY"]),
        ({"api_key": SECRET}, ["URL"]),
        ({"auth": "none"}, ["URL"]),
        ({"url": "http://h", "auth": "none"}, []),
        ({"url": "http://h", "api_key": SECRET, "auth": "query:k"}, []),
    ],
)
def test_what_is_missing_is_named(given: dict[str, str], missing: list[str]) -> None:
    assert Settings(**given).missing() == missing  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "secrets"),
    [
        ({}, set()),
        ({"api_key": "a:long:pass"}, {"a:long:pass"}),
        ({"api_key": "user:long:pass", "auth": "basic"}, {"user:long:pass", "long:pass"}),
        ({"api_key": "u:long-1", "auth": "basic"}, {"u:long-1", "long-1"}),
        ({"password": "password-1", "secret_key": "password-2"}, {"password-1", "password-2"}),
        ({"headers": {"X-Api-Key": "one-11", "x-team": "marketing", "x-token": "abc"}}, {"one-11"}),
        ({"headers": {"Cookie": "a=session-1; b=2"}}, {"a=session-1; b=2", "session-1"}),
        ({"headers": {"Authorization": "Bearer tok-98765"}}, {"Bearer tok-98765", "tok-98765"}),
    ],
)
def test_every_secret_is_listed_for_removal(given: dict[str, Any], secrets: set[str]) -> None:
    assert set(Settings(**given).secrets()) == secrets


# .env


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A root without `.env`, and an environment without our settings."""
    for row in fields(Settings):
        monkeypatch.delenv(row.name.upper(), raising=False)
        monkeypatch.delenv(f"{row.name.upper()}_FILE", raising=False)
    for module in (parsers, settings_module):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path


def test_the_environment_comes_before_the_env_file(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_environment() == replace(Settings(), data_dir=str(clean / "instance"))
    (clean / ".env").write_text(f"TITLE='From # the file'\nNAME=file\nTIMEOUT=3\nAPI_KEY={SECRET}\nFOOTER\n")
    monkeypatch.setenv("NAME", "environment")
    monkeypatch.setenv("TIMEOUT", "")
    settings = read_environment()
    assert (settings.title, settings.name, settings.api_key) == ("From # the file", "environment", SECRET)
    assert settings.timeout == 25.0, "set empty in the environment is unset"


def test_the_env_file_leaves_the_environment_alone(clean: Path) -> None:
    (clean / ".env").write_text("TITLE=From the file\n")
    assert read_environment().title == "From the file"
    assert "TITLE" not in os.environ


def test_paths_are_meant_from_the_folder_of_the_app(clean: Path) -> None:
    (clean / "form.json").write_text("{}")
    (clean / ".env").write_text("FORM=form.json\nDATA_DIR=data\n")
    settings = read_environment()
    assert (settings.form, settings.data_dir) == (str(clean / "form.json"), str(clean / "data"))


@pytest.mark.parametrize("other", [False, True], ids=[".env", "ENV_FILE"])
def test_the_flask_command_reads_what_the_server_reads(other: bool, tmp_path: Path) -> None:
    """`flask` has put `.env` into the environment by then, in its own way."""
    (tmp_path / ".env").write_text("URL=http://localhost/env\nAPI_KEY=abc-${HOME}-defgh\n")
    (tmp_path / "other").write_text("URL=http://localhost/other\nAPI_KEY=12345678${HOME}\n")
    environ = {k: v for k, v in os.environ.items() if k not in ("URL", "API_KEY")} | {"PYTHONPATH": str(ROOT)}
    environ |= {"ENV_FILE": str(tmp_path / ("other" if other else ".env"))}
    code = "from FlaskAppAML.settings import read_environment as r; print(r().url, r().api_key)"
    script = f"import click; click.echo(); exec({code!r})"
    command = [sys.executable, "-m", "flask", "--app", "FlaskAppAML", "shell"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, input=script, capture_output=True, text=True, check=False)
    expected = "http://localhost/other 12345678${HOME}" if other else "http://localhost/env abc-${HOME}-defgh"
    assert expected in done.stdout, done.stderr
