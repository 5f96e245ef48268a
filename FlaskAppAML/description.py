"""What the endpoint says about itself: read once, kept in `DATA_DIR`, asked again while it could not be read."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import dialects, images
from .client import Client, origin
from .dialects import operations
from .errors import BadResponse, EndpointError, NoSuchEndpoint, SettingError
from .parsers import ROOT
from .reading.json_or_yaml import read_text
from .redact import Redactor
from .schema import PICTURE_WIDGETS, Schema
from .schema.changes import check_form, customised
from .settings import Settings
from .wire import dumps, read_json

SECONDS = 4.0  # for all questions together
MOST_BYTES = 2 * 1024**2
ASK_AGAIN_SECONDS = 30.0
LOOK_AT_COPY_SECONDS = 2.0
READ_ANEW_SECONDS = 3600.0  # where DATA_DIR cannot be written
MOST_FIELDS = 1000
KEPT_HEADERS = ("server", "content-type")  # what tells a dialect who speaks

log = logging.getLogger(__name__)


class Description:
    """The schema of one endpoint. Made without any call; the first `schema()` asks."""

    def __init__(self, settings: Settings, client: Client, changes: Mapping[str, Any], redact: Redactor) -> None:
        self._redact = redact
        self._settings = settings
        self._client = client
        self._dialect = dialects.BY_NAME.get(settings.dialect) or dialects.claimed(settings.url)
        self._changes = changes
        self._lock = threading.Lock()
        self._schema: Schema | None = None
        self._next_look = 0.0
        self._copy = Path(settings.data_dir) / f"schema-{_digest(settings)}.json"
        self._copy_time = 0.0
        self._wrong = ""  # what the owner must set before the description can be read
        self.doubt = ""
        is_given = bool(settings.schema) and not settings.schema.startswith(("http://", "https://"))
        self._questions = [settings.schema] if settings.schema else dialects.questions(settings.url, self._dialect)
        self.is_asked_for = bool(self._questions) and not is_given
        if not self.is_asked_for:
            self._schema = self._given(load_given(settings.schema)) if is_given else self._default()
            self._next_look = float("inf")

    def schema(self) -> Schema:
        """The newest known schema. Waits for the endpoint at most once, and no longer than 4 s."""
        now = time.monotonic()
        if self._schema is not None and now < self._next_look:
            return self._schema
        if self._wrong and now < self._next_look:
            raise SettingError(self._wrong)
        if not self._lock.acquire(blocking=self._schema is None):
            return self._schema or self._default()  # another thread is asking; nobody else waits for it
        try:
            if time.monotonic() >= self._next_look:
                self._look()
            elif self._wrong and self._schema is None:
                raise SettingError(self._wrong)
        finally:
            self._lock.release()
        return self._schema or self._default()

    @property
    def known(self) -> Schema | None:
        """What is known already, without asking; None before anybody needed it."""
        return self._schema

    def read_again(self) -> Schema:
        """Asks the endpoint anew, whatever is kept. Raises EndpointError or SettingError."""
        if not self.is_asked_for:
            return self.schema()
        self._schema, found = self._ask()
        self.doubt = self._wrong = ""
        self._keep(found)
        return self._schema

    def _look(self) -> None:
        """The copy on disk when it is new, else the endpoint when it has not answered yet."""
        if self._take_copy():
            self._next_look = time.monotonic() + LOOK_AT_COPY_SECONDS
            return
        try:
            self.read_again()
            was_kept = self._copy_time > 0
            self._next_look = time.monotonic() + (LOOK_AT_COPY_SECONDS if was_kept else READ_ANEW_SECONDS)
        except EndpointError as error:
            self._schema = self._schema or self._default()
            self.doubt = self._why(error)
            self._next_look = time.monotonic() + ASK_AGAIN_SECONDS
            log.info("the endpoint did not describe itself: %s %s", error.said, error.detail)
        except SettingError as error:
            if self._schema is None:
                self._wrong, self._next_look = error.detail, time.monotonic() + ASK_AGAIN_SECONDS
            raise

    def _take_copy(self) -> bool:
        try:
            changed = self._copy.stat().st_mtime
            if changed != self._copy_time:
                kept = json.loads(self._copy.read_text("utf-8"))
                self._schema = self._read(kept["document"], kept["headers"])
                self._copy_time, self.doubt = changed, ""
        except (OSError, ValueError, KeyError, TypeError, EndpointError):
            return False
        return self._schema is not None

    def _ask(self) -> tuple[Schema, dict[str, Any]]:
        """The first description that says what is expected, and what of it is kept. By GET, and never the address
        that scores."""
        until = time.monotonic() + SECONDS
        failure: EndpointError | None = None
        for url in self._questions:
            try:
                reply = self._client.fetch(url, max(0.1, until - time.monotonic()), MOST_BYTES)
                document = self._without_secrets(_document(reply.body, reply.headers.get("content-type", "")))
                headers = {key: reply.headers[key] for key in KEPT_HEADERS if key in reply.headers}
                schema = self._read(document, headers, urlsplit(url).path.rpartition("/")[0])
                return schema, {"headers": headers, "document": document}
            except EndpointError as error:
                failure = _graver(failure, error)
            if time.monotonic() >= until:
                break
        raise failure or NoSuchEndpoint("It says nowhere what it expects.")

    def _without_secrets(self, document: Any) -> Any:
        """A description without secrets (the key went along with the question) and without lone surrogates."""
        return json.loads(dumps(self._redact.document(document)).encode("utf-8", "replace"))

    def _read(self, document: Any, headers: Mapping[str, str], folder: str = "") -> Schema:
        schema = dialects.read(self._settings.url, document, headers, self._dialect)
        # Some services (Ray Serve's plain deployments) run the model at every path: this is an answer then.
        is_answer = schema and (schema.dialect, schema.source) == ("openapi", "a sample request")
        if schema is None or (is_answer and not self._settings.schema):
            raise self._unread(document, folder)
        return self._customised(schema)

    def _customised(self, schema: Schema) -> Schema:
        changed = customised(self._checked(schema), self._changes)
        for f in changed.fields:
            if f.widget in PICTURE_WIDGETS and f.kind != "file" and not images.layout_of(images.shape_of(f)):
                raise SettingError(f"FORM asks for a picture for the field {f.name}, whose shape is that of none.")
        return changed

    def _unread(self, document: Any, folder: str) -> EndpointError:
        """Why a description gives no fields: it is of other addresses, or of none."""
        found = operations.elsewhere(self._settings.url, document, folder)
        if not found:
            return BadResponse("Its description names no fields.")
        path = urlsplit(self._settings.url).path
        error = NoSuchEndpoint(f"The service describes itself, and has no {path}: it has {operations.said_of(found)}.")
        error.operations = found
        return error

    def _given(self, document: Any) -> Schema:
        """`SCHEMA` as it was given: what the address tells comes first, then whoever can read it."""
        forced = dialects.BY_NAME.get(self._settings.dialect)
        is_template = isinstance(document, dict) and document.get("dialect") == "raw"
        first = forced or (None if is_template else self._dialect)
        schema = dialects.read(self._settings.url, document, {}, first)
        if schema is None and not forced:
            schema = dialects.read(self._settings.url, document, {})
        if schema is None:
            unread = self._unread(document, "")
            error = SettingError(
                f"SCHEMA: {unread.detail}"
                if unread.operations
                else "SCHEMA is neither a description (OpenAPI, Swagger, JSON Schema) nor a sample request body"
                + (f" of the dialect {forced and dialects.name(forced)}." if forced else ".")
            )
            error.operations = unread.operations
            raise error
        try:
            return self._customised(schema)
        except BadResponse as error:
            raise SettingError(f"SCHEMA: {error.detail}") from None

    def _checked(self, schema: Schema) -> Schema:
        if len(schema.fields) > MOST_FIELDS:
            raise BadResponse(f"Its description names more than {MOST_FIELDS:,} fields.")
        if schema.url and origin(schema.url) != origin(self._settings.url):
            raise BadResponse("Its description names another host; the key goes to the one of URL alone.")
        return schema

    def _default(self) -> Schema:
        schema = dialects.default(self._settings.url, self._dialect, self._settings.task)
        known = {f.name for f in schema.fields}
        about = {name: change for name, change in self._changes.get("fields", {}).items() if name in known}
        return customised(schema, {**self._changes, "fields": about})

    def _why(self, error: EndpointError) -> str:
        """Why the form may not fit, for visitors."""
        fallback = self._default()
        is_company = fallback.dialect == "aml_classic"
        guess = "these are the fields of the company service and may not fit" if is_company else "this form is a guess"
        if error.operations:
            return f"{error.detail} So {guess}."
        if isinstance(error, NoSuchEndpoint | BadResponse):
            return str(fallback.options.get("doubt") or f"The endpoint does not say what it expects; {guess}.")
        return f"The endpoint could not be asked what it expects; until it can, {guess}."

    def _keep(self, found: Mapping[str, Any]) -> None:
        """By an atomic rename, so that another worker reads the old copy or the new one, never half of it."""
        try:
            self._copy.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._copy.parent) as folder:  # leaves nothing behind on a full disk
                draft = Path(folder) / "draft"
                draft.write_bytes(dumps(found).encode("utf-8", "replace"))
                os.replace(draft, self._copy)
            self._copy_time = self._copy.stat().st_mtime
        except OSError as error:
            log.warning("the endpoint's description could not be kept in DATA_DIR: %s", error)


def _digest(settings: Settings) -> str:
    known_by = f"{settings.url}\n{settings.schema}\n{settings.dialect}"
    return hashlib.sha256(known_by.encode()).hexdigest()[:16]


def _graver(one: EndpointError | None, other: EndpointError) -> EndpointError:
    """Of several questions' failures the one that tells most: which addresses there are tells most of all, that there
    is nothing at this one least."""
    if one is None or other.operations:
        return other
    return other if isinstance(one, NoSuchEndpoint) and not one.operations else one


def _document(body: bytes, content_type: str) -> Any:
    """JSON, or YAML. Raises BadResponse."""
    try:
        return read_json(body, content_type)
    except BadResponse:
        if b"<html" in body[:1000].lower():
            raise
    return read_text(body.decode("utf-8", "replace"))


def load_given(given: str) -> Any:
    """`SCHEMA` as text or as a path; JSON or YAML. Raises SettingError."""
    text = given
    if not given.lstrip().startswith(("{", "[")) and "\n" not in given.strip():
        path = Path(given) if Path(given).is_absolute() else ROOT / given
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError, ValueError):
            raise SettingError(f"SCHEMA names a file that cannot be read: {given[:200]}") from None
    try:
        return read_text(text)
    except BadResponse as error:
        raise SettingError(f"SCHEMA is neither JSON nor YAML. {error.detail}".strip()) from None


def read_form_file(path: str) -> dict[str, Any]:
    """The owner's `FORM` file; {} without one. Raises SettingError."""
    if not path:
        return {}
    try:
        changes = json.loads(Path(path).read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SettingError(f"FORM names a file that is not JSON: {path} ({error}).") from None
    if not isinstance(changes, dict) or set(changes) - {"fields", "outputs", "subject"}:
        raise SettingError("FORM must hold a JSON object with fields, outputs or subject, and nothing else.")
    check_form(changes)
    return changes
