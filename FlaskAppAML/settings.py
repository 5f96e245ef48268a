"""The table of settings. `.env.example` and `docs/settings.md` are made from it; nothing else reads the environment.

A setting is a field of `Settings` with its default, its parser and its help. A secret has no default, can be given as
`NAME_FILE` (the path of a file that holds it), and is never part of a `repr`.
"""

from __future__ import annotations

import io
import os
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values, find_dotenv

from .errors import SettingError
from .parsers import (
    ROOT,
    SHORTEST_SECRET,
    auth_style,
    colour,
    count,
    database_url,
    existing_path,
    folder,
    header_map,
    http_url,
    model_names,
    name,
    names,
    one_line,
    one_of,
    origins,
    passphrase,
    positive,
    prefix_of,
    rate,
    redis_url,
    schema_source,
    seconds,
    secret,
    size,
    switch,
    text,
    word,
)

KEY_VAULT = "@Microsoft.KeyVault("
SCHEMES = frozenset({"bearer", "basic", "apikey", "digest", "token"})  # words of the header, not of the secret
SHORTEST_PART = 6  # of a header's value, or of user:password; shorter ones would take ordinary words out of pages
CARRIES_A_SECRET = re.compile(r"auth|key|token|secret|cookie|password|signature|code|credential", re.IGNORECASE)

T = TypeVar("T")


def setting(
    default: T, meaning: str, parse: Callable[[str], T], *, is_secret: bool = False, shown: str = "", called: str = ""
) -> T:
    """A row: `shown` is what the docs print as the default where the value itself would not tell, `called` its name
    where Python has that word for itself."""
    about = {"meaning": meaning, "parse": parse, "secret": is_secret, "shown": shown, "called": called}
    value: T = (
        field(default_factory=lambda: default, metadata=about, repr=not is_secret)
        if isinstance(default, dict)
        else field(default=default, metadata=about, repr=not is_secret)
    )
    return value


def data_dir_default(environ: Mapping[str, str]) -> str:
    return "/home/data" if environ.get("WEBSITE_SITE_NAME") else str(ROOT / "instance")


@dataclass(frozen=True)
class Settings:
    """All settings, typed. `Settings.read(environ)` makes them; tests may call the class itself."""

    # The endpoint
    url: str = setting("", "The scoring endpoint’s address.", http_url)
    api_key: str = setting(
        "",
        "The endpoint’s key, of 8 characters or more: a shorter one could not be kept out of pages.",
        secret,
        is_secret=True,
    )
    auth: str = setting(
        "bearer",
        "How the key is sent: `bearer`, `basic` (`API_KEY` is `user:password`), `none`, `header:NAME`, `query:NAME`.",
        auth_style,
    )
    headers: dict[str, str] = setting(
        {},
        'Further headers for the endpoint, as JSON: `{"azureml-model-deployment": "blue"}`.',
        header_map,
        is_secret=True,
    )
    dialect: str = setting(
        "",
        "The protocol, where neither the address nor the endpoint tells it: `aml_classic`, `azureml`, `mlflow`, "
        "`tensorflow`, `open_inference`, `huggingface`, `torchserve`, `openai`, `cog`, `openapi` or `raw`.",
        word,
        shown="found out",
    )
    task: str = setting(
        "",
        "What the model does, where its protocol cannot say: `text-classification`, `image-classification`, ...",
        word,
    )
    schema: str = setting(
        "",
        "What the endpoint expects, where it does not say so itself: path, URL or text of an OpenAPI, Swagger or JSON "
        "Schema document, of a `raw` template, or of ONE sample request body.",
        schema_source,
        shown="asked of the endpoint",
    )
    form: str = setting("", "Path of a JSON file with the owner’s changes to fields and outputs.", existing_path)

    models: tuple[str, ...] = setting(
        (),
        "Names of several models, such as `emotion,plants`: each takes any of its settings with its name in front "
        "(`EMOTION_URL`, `EMOTION_API_KEY`, `EMOTION_TITLE`, ...).",
        model_names,
        shown="one",
    )

    # How it presents itself
    name: str = setting("model", "The model’s name for programs.", name)
    title: str = setting("", "The name at the head of every page.", text, shown="FlaskAppAML")
    description: str = setting("", "One or two sentences beside the empty form and on the page About.", text)
    logo: str = setting("", "Path of a picture (SVG, PNG, JPEG, WebP) shown beside the title.", existing_path)
    accent: str = setting("", "One colour for what can be pressed or followed, such as `#005f73`.", colour)
    footer: str = setting("", "A sentence at the foot of every page.", text)
    examples: str = setting(
        "", "Path of a JSON file with examples to click, or of a folder of such files and of pictures.", existing_path
    )
    templates_dir: str = setting(
        "", "A folder whose templates come before ours (`layout.html`, `form.html`, `result.html`, ...).", existing_path
    )

    # Limits of one call
    timeout: float = setting(25.0, "Seconds for the whole call: look-up, connection, every try, last byte.", seconds)
    connect_timeout: float = setting(5.0, "Seconds to connect, the TLS handshake included.", seconds)
    stream_timeout: int = setting(
        300,
        "Seconds for the whole of an answer that comes in pieces, whose pauses may be as long as `TIMEOUT`; 0 asks for "
        "answers in one piece.",
        count,
    )
    retries: int = setting(2, "Further tries where one is safe.", count)
    max_calls: int = setting(64, "Calls at once to the endpoint, per process; a few more wait.", positive)
    max_request_bytes: int = setting(
        16 * 1024**2, "The most that one request to this app may hold.", size, shown="16 MiB"
    )
    max_batch_bytes: int = setting(
        512 * 1024**2, "The most that a file of rows may hold, on the page `/batch`.", size, shown="512 MiB"
    )
    max_rows: int = setting(500, "Rows of a file that go out in one body, where the protocol takes several.", positive)
    max_response_bytes: int = setting(
        32 * 1024**2, "The most that is read of an endpoint’s answer, packed or unpacked.", size, shown="32 MiB"
    )
    background: bool = setting(
        False,
        "Whether the form gives a ticket at once and the model answers in the background; for slow models. Called "
        "`ASYNC`, or with the model’s name in front: `PLANTS_ASYNC`.",
        switch,
        called="ASYNC",
    )
    job_workers: int = setting(
        2, "Background jobs at once in each web process; 0 leaves them to `flask worker`, as `REDIS_URL` does.", count
    )
    job_timeout: float = setting(900.0, "Seconds for a background job, in place of `TIMEOUT`.", seconds)
    queue_max: int = setting(1000, "Background jobs that may wait; the next one is told to come later.", positive)
    cache_seconds: int = setting(
        0,
        "Seconds for which an equal input is answered from memory, per process, and the model not called; 0 for never.",
        count,
    )
    image_max_side: int = setting(
        2048, "Pixels: pictures are shrunk until neither side is longer, before they are sent.", positive
    )

    # Who may use it
    password: str = setting(
        "",
        "One shared password for the whole app. Set it wherever strangers can reach the page.",
        passphrase,
        is_secret=True,
    )
    rate_limit: str = setting(
        "60/minute",
        "Submissions per client, then 429; `off` for none. The key pays for every call. As many pictures are drawn for "
        "downloads. Each process counts for itself, with `REDIS_URL` all of them together.",
        rate,
    )
    camera: str = setting(
        "600/minute",
        "Frames per client on the page `/camera`, counted like submissions and apart from them: each is a call that "
        "the key pays for, too. `off`: no such page.",
        rate,
    )
    connect_page: str = setting(
        "local",
        "Who has the page `/connect`, where another endpoint is tried and chosen: `local` is whoever sits at the "
        "computer that `runserver.py` runs on, `off` nobody.",
        one_of("local", "off"),
    )
    api: bool = setting(
        True, "Whether programs may ask, under `/api/v1`, and the page `/api` says how.", switch, shown="on"
    )
    cors_origins: tuple[str, ...] = setting(
        (), "Sites whose pages may call the API, such as `https://intranet.example.com`; `*` for all.", origins
    )
    frame_ancestors: str = setting("'self'", "Who may show this app in a frame (CSP).", one_line)
    trusted_hosts: tuple[str, ...] = setting(
        (), "Host names that requests may ask for, separated by commas.", names, shown="any"
    )
    proxy_hops: int = setting(
        0,
        "How many proxies of yours stand before the app and set `X-Forwarded-*`. What they do not set of these they "
        "should remove: it would be believed whoever sent it.",
        count,
    )
    secret_key: str = setting(
        "",
        "Signs the sign-in cookie. Needed with `PASSWORD` when several machines serve the app.",
        passphrase,
        is_secret=True,
        shown="made once, kept in `DATA_DIR`",
    )

    # What is kept and logged
    data_dir: str = setting(
        "",
        "What must outlive a request: recent answers, the schema’s copy.",
        folder,
        shown="`instance/`; `/home/data` on App Service",
    )
    answer_minutes: int = setting(
        15,
        "How long an answer can be downloaded and opened by its link, that of a background job a day at least; "
        "0 writes nothing to disk, and there are no background jobs.",
        count,
    )
    database_url: str = setting(
        "",
        "Where background jobs are kept: PostgreSQL, where workers run on other machines. Needs "
        "`requirements-scale.txt`.",
        database_url,
        is_secret=True,
        shown="SQLite in `DATA_DIR`",
    )
    redis_url: str = setting(
        "",
        "Redis, which wakes each `flask worker` at once; the web processes run no jobs themselves then. Rate limits "
        "are counted there. Needs `requirements-scale.txt`.",
        redis_url,
        is_secret=True,
    )
    show_raw: bool = setting(True, "Whether the raw JSON of an answer is shown.", switch)
    log_level: str = setting(
        "info", "`debug`, `info`, `warning` or `error`.", one_of("debug", "info", "warning", "error")
    )
    log_format: str = setting("text", "`text` or `json`, one line per request.", one_of("text", "json"))

    # Of `MODELS`: the settings of each. No row of the table.
    each: tuple[Settings, ...] = field(default=(), repr=False)

    @staticmethod
    def read(environ: Mapping[str, str]) -> Settings:
        """The settings that `environ` gives. Raises SettingError that names every wrong one."""
        values: dict[str, Any] = {"data_dir": data_dir_default(environ)}
        in_front = f"{prefix_of(environ.get('NAME') or 'model')}ASYNC"  # of the one model too, as of each of several
        environ = {"ASYNC": environ.get(in_front, ""), **environ}
        wrong: list[str] = []
        for row in _table():
            try:
                given = _given(environ, _name_of(row), row.metadata["secret"])
                if given:
                    values[row.name] = row.metadata["parse"](given)
            except ValueError as error:
                wrong.append(f"{_name_of(row)} {_plain(error, row.metadata['parse'])}.")
        if wrong:
            raise SettingError("\n".join(wrong))
        whole = Settings(**values)
        each: list[Settings] = []
        for one in whole.models:
            try:
                each.append(_of_model(environ, whole, one))
            except SettingError as error:
                wrong.append(error.detail)
        if wrong:
            raise SettingError("\n".join(wrong))
        return replace(whole, each=tuple(each))

    def missing(self) -> list[str]:
        """The settings without which no answer can be given."""
        if self.models:
            return [f"{prefix_of(one.name)}{name}" for one in self.each for name in one.missing()]
        key_needed = self.auth != "none" and not self.api_key
        return ["URL"] * (not self.url) + ["API_KEY"] * key_needed

    def secrets(self) -> tuple[str, ...]:
        """Every value that must never be seen: the key, our own secrets, headers that carry one."""
        carried = [value for name, value in self.headers.items() if CARRIES_A_SECRET.search(name)]
        parts = [part for value in carried for part in re.split(r"[\s=;,]+", value) if part.lower() not in SCHEMES]
        password = self.api_key.partition(":")[2] if self.auth == "basic" else ""
        of_models = [secret for one in self.each for secret in one.secrets()]
        of_stores = [secret for url in (self.database_url, self.redis_url) for secret in _passwords(url)]
        known = [self.api_key, password, self.password, self.secret_key, *carried, *parts, *of_stores, *of_models]
        return tuple({s for s in known if len(s) >= SHORTEST_PART})


def _passwords(url: str) -> tuple[str, ...]:
    """The password inside an address, as it is written there and as it is meant."""
    found = url.partition("://")[2].partition("/")[0].rpartition("@")[0].partition(":")[2]
    return tuple(one for one in (found, unquote(found)) if len(one) >= SHORTEST_SECRET)


# What belongs to one model alone: another one's would be wrong for it.
OF_ONE_MODEL = ("URL", "DIALECT", "TASK", "SCHEMA", "FORM", "TITLE", "DESCRIPTION", "EXAMPLES", "MODELS", "NAME")
ITS_SECRETS = ("API_KEY", "HEADERS")


def _of_model(environ: Mapping[str, str], whole: Settings, model: str) -> Settings:
    """The settings of one of several models: its own, and behind them what holds for all.

    A key that is given for all goes along only where it belongs: to the host of `URL`, or to all when there is none.
    Raises SettingError that names the wrong ones as they were given.
    """
    prefix = prefix_of(model)
    own = {key.removeprefix(prefix): value for key, value in environ.items() if key.startswith(prefix)}
    is_of_all = not whole.url or _home(own.get("URL", "")) == _home(whole.url)
    apart = OF_ONE_MODEL if is_of_all else (*OF_ONE_MODEL, *ITS_SECRETS)
    left_out = {*apart, *(f"{name}_FILE" for name in apart)}
    given_itself = [name for name in ITS_SECRETS if name in own or f"{name}_FILE" in own]
    left_out |= {f"{name}{end}" for name in given_itself for end in ("", "_FILE")}
    shared = {key: value for key, value in environ.items() if key not in left_out}
    try:
        return Settings.read({**shared, **own, "NAME": model, "MODELS": ""})
    except SettingError as error:
        raise SettingError("\n".join(f"{prefix}{line}" for line in error.detail.split("\n"))) from None


def _home(url: str) -> tuple[str, str]:
    """Scheme, host and port: a key for https goes to no http. Empty for what is no address; its parser says so."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()


def _table() -> list[Any]:
    return [row for row in fields(Settings) if row.metadata]


def _name_of(row: Any) -> str:
    return row.metadata["called"] or str(row.name.upper())


def _given(environ: Mapping[str, str], key: str, is_secret: bool) -> str:
    value = environ.get(key, "").strip()
    if key == "NAME" and value == platform.node():
        return ""  # WSL sets NAME to the computer's name
    path = environ.get(f"{key}_FILE", "").strip() if is_secret else ""
    if value and path:
        raise ValueError(f"is given twice, also as {key}_FILE")
    if path:
        try:
            value = Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ValueError(f"cannot be read from {key}_FILE={path}") from None
    if value.startswith(KEY_VAULT):
        raise ValueError(
            "is an unresolved Key Vault reference: App Service could not fetch the secret. Check that the app has a "
            "managed identity which may read secrets in that vault, and that the name in the reference exists"
        )
    return value


def _plain(error: ValueError, parse: Callable[[str], Any]) -> str:
    """Our parsers speak for themselves; `float('x')` does not."""
    words = str(error)
    return words if words.startswith(("must", "is", "has", "names", "cannot")) else f"is not a valid {parse.__name__}"


def env_path() -> Path:
    """The file `.env` beside `runserver.py`; `ENV_FILE` names another."""
    return Path(os.environ.get("ENV_FILE") or ROOT / ".env")


def read_environment(instead: str | None = None) -> Settings:
    """From the process's environment and, behind it, `.env`; or the text that may come `instead` of that file."""
    path, stream = (env_path(), None) if instead is None else (None, io.StringIO(instead))
    try:
        found = dotenv_values(path, stream, interpolate=False, encoding="utf-8-sig")
        from_file = {k: v for k, v in found.items() if v}
    except UnicodeDecodeError:
        raise SettingError(f"{path} is not in UTF-8; save it anew as UTF-8.") from None
    by_flask = _loaded_by_flask()
    return Settings.read({**from_file, **{k: v for k, v in os.environ.items() if by_flask.get(k) != v}})


def _loaded_by_flask() -> Mapping[str, str | None]:
    """What the command `flask` has put into the environment: it reads `.env` before us, whatever `ENV_FILE` says, and
    in another way, with `${...}` replaced."""
    if os.environ.get("FLASK_RUN_FROM_CLI") != "true":
        return {}
    path = find_dotenv(".env", usecwd=True)
    return dotenv_values(path, encoding="utf-8") if path else {}


def rows() -> list[dict[str, Any]]:
    """The table for the docs: name, default (as printed), meaning, secret."""
    table = []
    for row in _table():
        default = "" if row.default is MISSING else row.default
        shown = row.metadata["shown"] or _printed(default)
        table.append({"name": _name_of(row), "attribute": row.name, "default": shown, **row.metadata})
    return table


def _printed(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    return str(default or "") if not isinstance(default, int) else str(default)
