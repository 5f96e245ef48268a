"""`flask check`: says what is in force and what is wrong, without calling the model; `--score` calls it once."""

from __future__ import annotations

import difflib
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from . import env_file, images, settings
from .endpoint import Endpoint
from .errors import AppError, BadResponse, KeyRefused, NoSuchEndpoint, SettingError, Unsupported, WrongInput
from .parsers import prefix_of
from .schema import Field, Row, Schema
from .schema.hints import hint
from .score import score
from .wire import dumps

MOST_OPERATIONS = 20
ALIKE = 0.8  # of difflib, from 0 to 1
OTHERS = ("ENV_FILE", "SERVER_HOST", "SERVER_PORT", "HTTP_PLATFORM_PORT", "PORT", "WEB_CONCURRENCY")

Say = Callable[[str], None]


@click.command("check")
@click.option("--score", "with_score", is_flag=True, help="Make one real call with an example input.")
@click.option("--form", "as_form", is_flag=True, help="Print a FORM file to start from, and nothing else.")
@with_appcontext
def check(with_score: bool, as_form: bool) -> None:
    """Say which settings, dialect and schema are in force, and what is wrong with them."""
    site = current_app.extensions["site"]
    if as_form and site.models:
        click.echo(starting_form(next(iter(site.models.values())).schema))
        return

    def say(line: str) -> None:
        click.echo(site.redact(line))

    _say_settings(site.settings, say)
    trouble = _warnings(site.settings) + [
        warning for one in site.settings.each for warning in _warnings_of_model(one, prefix_of(one.name))
    ]
    trouble += misspelled(env_file.names(env_file.read(settings.env_path())), os.environ, site.settings.models)
    if not site.models:
        say(f"\nNot configured: {', '.join(site.settings.missing())} missing. The page answers 503 until it is set")
        say("(on your own computer, runserver.py starts the demo endpoint instead).")
        sys.exit(1)
    healthy = not site.settings.missing()
    if not healthy:
        say(f"\nNot configured: {', '.join(site.settings.missing())} missing.")
    for endpoint in site.models.values():
        if len(site.models) > 1:
            say(f"\nModel     {endpoint.name}")
            _say_settings(endpoint.settings, say, site.settings)
        healthy = _say_model(endpoint, say, with_score=with_score) and healthy
    for warning in trouble:
        say(f"warning: {warning}")
    sys.exit(0 if healthy else 1)


def _say_model(endpoint: Endpoint, say: Say, *, with_score: bool) -> bool:
    """Whether nothing is wrong with it."""
    if not _say_schema(endpoint, say):
        return False
    are_fine = _say_examples(endpoint.schema, endpoint.examples, say)
    return (not with_score or _say_score(endpoint, say)) and are_fine


def _say_settings(given: settings.Settings, say: Say, behind: settings.Settings | None = None) -> None:
    """What differs from the defaults; of one of several models, from what holds for all."""
    host = {name: value for name, value in os.environ.items() if name == "WEBSITE_SITE_NAME"}
    usual = behind or settings.Settings.read(host)
    say("Settings of its own:" if behind else "Settings that differ from their defaults:")
    for row in settings.rows():
        value = getattr(given, row["attribute"])
        if value != getattr(usual, row["attribute"]) and not (behind and row["name"] in ("NAME", "MODELS")):
            say(f"  {row['name']:<20} {'(set, not shown)' if row['secret'] else value}")


def _say_schema(endpoint: Endpoint, say: Say) -> bool:
    say(f"\nEndpoint  {endpoint.host}")
    healthy = True
    if endpoint.reads_from_endpoint:
        try:
            endpoint.read_again()
        except AppError as error:
            healthy = isinstance(error, NoSuchEndpoint | BadResponse | KeyRefused | Unsupported)
            if error.operations:
                healthy = False
                say(f"Schema    {error.detail}")
                for one in error.operations[:MOST_OPERATIONS]:
                    say(f"  {one.method:<4} {one.path}  {one.summary}".rstrip())
                say("          Put the path of the one that is meant into URL.")
                if isinstance(error, SettingError):
                    return False
            elif healthy:
                to_whom = " to this key" if isinstance(error, KeyRefused) else ""
                say(f"Schema    the endpoint does not describe itself{to_whom}. Unless the form below fits, set")
                say("          SCHEMA to one sample request: see README, Your own endpoint.")
            else:
                say(f"Schema    could not be read from the endpoint: {error.said} {error.detail}")
    try:
        schema = endpoint.schema
    except AppError as error:  # FORM changes fields that the endpoint does not have
        say(f"Schema    {error.detail}")
        return False
    if schema.url and schema.url != endpoint.url:
        say(f"Sends to  {schema.url}")
    say(f"Dialect   {schema.dialect}")
    count, source = len(schema.fields), schema.source or "the protocol alone"
    say(f"Schema    {count} field{'s' * (count != 1)}, from {source}")
    for field in schema.fields:
        needed = "required" if field.required else "optional"
        needed = "fixed" if field.fixed is not None else "hidden" if field.hidden else needed
        say(f"  {field.name:<20} {field.kind:<8} {needed:<9} {hint(field)}".rstrip())
        if field.choices:
            say(f"  {'':<20} one of {', '.join(map(str, field.choices))}")
    return healthy


def starting_form(schema: Schema) -> str:
    """A `FORM` file that changes nothing yet: every field with what is most often changed."""
    about = {f.name: {"label": f.shown_label, "help": f.help, "order": order} for order, f in enumerate(schema.fields)}
    return dumps({"fields": about, "outputs": {}, "subject": schema.subject}, indent=2)


def _say_examples(schema: Schema, examples: list[Any], say: Say) -> bool:
    wrong = []
    for number, example in enumerate(examples, 1):
        inputs = example.values(schema.fields)
        unknown = [name for name in inputs if name not in {field.name for field in schema.fields}]
        wrong += [f"Example {number} ({example.name}): there is no field {name}." for name in unknown]
        try:
            images.checked_row(schema, schema.parse(inputs, "json"), images.MAX_SIDE)
        except WrongInput as error:
            wrong += [f"Example {number} ({example.name}), {name}: {said}" for name, said in error.fields.items()]
    for line in wrong:
        say(f"warning: {line}")
    return not wrong


def _warnings(given: settings.Settings) -> list[str]:
    found = []
    if not given.password:
        found.append("PASSWORD is not set: whoever reaches the page can use the endpoint, and its key pays.")
    if given.rate_limit == "off":
        found.append("RATE_LIMIT is off: one client can use up the endpoint.")
    if not _can_write(given.data_dir):
        found.append("DATA_DIR cannot be written: answers have no link and no download.")
    found += _warnings_of_jobs(given)
    return found if given.each else found + _warnings_of_model(given)


def _warnings_of_jobs(given: settings.Settings) -> list[str]:
    found = []
    is_on_postgresql = given.database_url.startswith("postgresql")
    if given.redis_url and not is_on_postgresql:
        found.append("REDIS_URL without PostgreSQL in DATABASE_URL: workers on another machine find no jobs.")
    if os.environ.get("WEBSITE_SITE_NAME") and not is_on_postgresql and given.answer_minutes:
        found.append("DATA_DIR is a shared disk here, which SQLite may not lock: for background jobs set DATABASE_URL.")
    if not (given.redis_url or given.job_workers):
        found.append("JOB_WORKERS is 0: background jobs wait until flask worker runs.")
    return found


def _warnings_of_model(given: settings.Settings, prefix: str = "") -> list[str]:
    found: list[str] = []
    if given.url.startswith("http://") and not any(h in given.url for h in ("//localhost", "//127.0.0.1", "//[::1]")):
        found.append(f"{prefix}URL begins with http://: the key travels unencrypted.")
    if given.timeout > 220:
        found.append(f"{prefix}TIMEOUT is above 220 s: App Service ends requests after 230 s.")
    return found


def misspelled(in_file: Iterable[str], environ: Iterable[str], models: Iterable[str]) -> list[str]:
    """Warnings of names that are no settings but look like one: any in `.env`, in the environment those alone that
    begin with a model’s name."""
    prefixes = [prefix_of(model) for model in models]
    given = [*in_file, *(name for name in environ if name.startswith(tuple(prefixes)))]
    return [warning for name in dict.fromkeys(given) if (warning := _misspelled(name, prefixes))]


def _misspelled(name: str, prefixes: list[str]) -> str:
    known = [row["name"] for row in settings.rows()]
    known += [f"{row['name']}_FILE" for row in settings.rows() if row["secret"]]
    prefix = next((one for one in prefixes if name.startswith(one)), "")
    own = name.removeprefix(prefix)
    if own in known or name in OTHERS:
        return ""
    end = next((one for one in ("URL", "API_KEY", "SCHEMA", "DIALECT") if own.endswith(f"_{one}")), "")
    if end and re.fullmatch(r"[A-Z][A-Z0-9_]*", own):
        model = own.removesuffix(f"_{end}").lower()
        return f"{name} is not read: MODELS names no model {model}. Is {end} meant, or MODELS={model}?"
    alike = difflib.get_close_matches(own.upper(), known, 1, ALIKE)
    return f"{name} is not read. Is {prefix}{alike[0]} meant?" if alike else ""


def _can_write(folder: str) -> bool:
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _say_score(endpoint: Endpoint, say: Say) -> bool:
    try:
        fields = endpoint.schema.fields
        row = example_row(endpoint.schema, endpoint.examples[0].values(fields) if endpoint.examples else {})
        started = time.monotonic()
        scored = score(endpoint, endpoint.schema, [row])
    except AppError as error:
        say(f"\nScore     failed: {error.said} {error.detail} {getattr(error, 'endpoint_text', '')}".rstrip())
        for name, message in error.fields.items():
            say(f"  {name}: {message}")
        say(f"          {error.turn}")
        return False
    say(f"\nScore     {scored.result.said} ({time.monotonic() - started:.2f} s)")
    return True


def example_row(schema: Schema, inputs: dict[str, Any]) -> Row:
    """A checked row from the owner's first example or, without one, from what the schema gives. Raises WrongInput."""
    if inputs:
        return schema.parse(inputs, "json")
    return schema.parse({f.name: _sample(f) for f in schema.fields}, "json")


def _sample(field: Field) -> Any:
    if field.choices:
        return field.choices[0]
    given = field.example if field.example not in (None, "") else field.default
    if given is not None:
        return given
    if not field.required:
        return None
    if field.alternatives:
        first = field.alternatives[0]
        return first.made_of({one.name: _sample(one) for one in first.shown_fields()})
    plain: dict[str, Any] = {
        "text": "example".ljust(field.min_length, "e"),
        "boolean": False,
        "date": "2000-01-01",
        "month": "2000-01",
        "week": "2000-W01",
        "time": "12:00:00",
        "datetime": "2000-01-01T12:00:00Z",
        "list": [_sample(field.items)] * max(1, field.min_items) if field.items else [],
        "rows": [{column.name: _sample(column) for column in field.fields}],
        "json": {},
    }
    return plain.get(field.kind, int(field.minimum or 0)) if field.kind != "file" else None
