"""Endpoint: settings, schema, dialect and client of one model, ready to score."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import dialects, forms
from .client import Client
from .errors import BadResponse, EndpointError, NoSuchEndpoint, NotConfigured, SettingError
from .redact import Redactor
from .results import Output, read_outputs
from .schema import Schema, check_form
from .settings import ROOT, Settings
from .wire import Reply, dumps, read_json

DESCRIPTION_SECONDS = 4.0
DESCRIPTION_BYTES = 2 * 1024**2
ASK_AGAIN_SECONDS = 30.0
LOOK_AT_COPY_SECONDS = 2.0
READ_ANEW_SECONDS = 3600.0  # where DATA_DIR cannot be written
MOST_FIELDS = 1000

log = logging.getLogger(__name__)


class Endpoint:
    """One model. Made at start without any call; the schema is read when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        missing = settings.missing()
        if missing:
            raise NotConfigured(f"Missing: {', '.join(missing)}.")
        self.settings = settings
        self.url = settings.url
        self.client = Client(settings)
        self.dialect = dialects.find(settings.url)
        self._redact = Redactor(settings.secrets())
        changes = read_form_file(settings.form)
        self.outputs: dict[str, Output] = read_outputs(changes)
        self._description = Description(settings, self.client, self.dialect, changes, self._redact)

    @cached_property
    def host(self) -> str:
        """Where answers come from, as the page says it."""
        return urlsplit(self.url).netloc

    @property
    def schema(self) -> Schema:
        return self._description.schema()

    def without_secrets(self, reply: Reply) -> Reply:
        """The reply as everything after this may see it: an endpoint can answer with the key that it was sent."""
        try:
            document = reply.json()
        except BadResponse:
            return reply
        if not self._redact.stands_in(dumps(document)):
            return reply
        clean = dumps(self._redact.document(document)).encode("utf-8", "surrogatepass")
        return replace(reply, body=clean, headers={**reply.headers, "content-type": "application/json"})

    @property
    def doubt(self) -> str:
        """Why the schema may not be the endpoint's own, in a sentence; "" when it is."""
        return self._description.doubt

    @property
    def reads_from_endpoint(self) -> bool:
        """Whether the schema is asked for, and not given as `SCHEMA` text or file."""
        return self._description.is_asked_for

    def form_class(self) -> type[forms.SchemaForm]:
        """The form for today's schema, built once per schema."""
        return forms.form_class(self.schema)

    def read_again(self) -> Schema:
        """Asks the endpoint anew, whatever is kept. Raises EndpointError or SettingError."""
        return self._description.read_again()


class Description:
    """What the endpoint says about itself: read once, kept in `DATA_DIR`, asked again while it could not be read."""

    def __init__(
        self, settings: Settings, client: Client, dialect: Any, changes: Mapping[str, Any], redact: Redactor
    ) -> None:
        self._redact = redact
        self._settings = settings
        self._client = client
        self._dialect = dialect
        self._changes = changes
        self._lock = threading.Lock()
        self._schema: Schema | None = None
        self._next_look = 0.0
        self._copy = Path(settings.data_dir) / f"schema-{_digest(settings)}.json"
        self._copy_time = 0.0
        self.doubt = ""
        self.is_asked_for = not settings.schema or settings.schema.startswith(("http://", "https://"))
        if not self.is_asked_for:
            self._schema = self._read(load_given(settings.schema))
            self._next_look = float("inf")

    def schema(self) -> Schema:
        """The newest known schema. Waits for the endpoint at most once, and no longer than 4 s."""
        now = time.monotonic()
        if self._schema is not None and now < self._next_look:
            return self._schema
        if not self._lock.acquire(blocking=self._schema is None):
            return self._schema or self._default()  # another thread is asking; nobody else waits for it
        try:
            if self._schema is None or time.monotonic() >= self._next_look:
                self._look()
        finally:
            self._lock.release()
        return self._schema or self._default()

    def read_again(self) -> Schema:
        if not self.is_asked_for:
            return self.schema()
        document = self._fetch()
        self._schema = self._read(document)
        self.doubt = ""
        self._keep(document)
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
            self.doubt = _why(error)
            self._next_look = time.monotonic() + ASK_AGAIN_SECONDS
            log.info("the endpoint did not describe itself: %s %s", error.said, error.detail)

    def _take_copy(self) -> bool:
        try:
            changed = self._copy.stat().st_mtime
            if changed != self._copy_time:
                self._schema = self._read(json.loads(self._copy.read_text("utf-8")))
                self._copy_time, self.doubt = changed, ""
        except (OSError, ValueError, BadResponse):
            return False
        return self._schema is not None

    def _fetch(self) -> Any:
        given = self._settings.schema
        failure: EndpointError = NoSuchEndpoint("It says nowhere what it expects.")
        for url in [given] if given else self._dialect.schema_urls(self._settings.url):
            try:
                reply = self._client.fetch(url, DESCRIPTION_SECONDS, DESCRIPTION_BYTES)
                return self._plain(reply.json())
            except EndpointError as error:
                failure = error
        raise failure

    def _plain(self, document: Any) -> Any:
        """A description without secrets (the key went along with the question) and without lone surrogates."""
        return json.loads(dumps(self._redact.document(document)).encode("utf-8", "replace"))

    def _read(self, document: Any) -> Schema:
        schema: Schema | None = self._dialect.read_schema(self._settings.url, document, {})
        if schema is not None and len(schema.fields) > MOST_FIELDS:
            raise BadResponse(f"Its description names more than {MOST_FIELDS:,} fields.")
        if schema is not None:
            return schema.customised(self._changes)
        if not self.is_asked_for:
            raise SettingError(
                "SCHEMA is neither a swagger.json of the service nor a sample request body with its Inputs."
            )
        raise BadResponse("Its description names no fields.")

    def _default(self) -> Schema:
        schema: Schema = self._dialect.DEFAULT_SCHEMA
        known = {f.name for f in schema.fields}
        about = {name: change for name, change in self._changes.get("fields", {}).items() if name in known}
        return schema.customised({**self._changes, "fields": about})

    def _keep(self, document: Any) -> None:
        """By an atomic rename, so that another worker reads the old copy or the new one, never half of it."""
        try:
            self._copy.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._copy.parent) as folder:  # leaves nothing behind on a full disk
                draft = Path(folder) / "draft"
                draft.write_bytes(dumps(document).encode("utf-8", "replace"))
                os.replace(draft, self._copy)
            self._copy_time = self._copy.stat().st_mtime
        except OSError as error:
            log.warning("the endpoint's description could not be kept in DATA_DIR: %s", error)


def _digest(settings: Settings) -> str:
    return hashlib.sha256(f"{settings.url}\n{settings.schema}".encode()).hexdigest()[:16]


def _why(error: EndpointError) -> str:
    if isinstance(error, NoSuchEndpoint | BadResponse):
        return "The endpoint does not say what it expects; these are the fields of the company service and may not fit."
    return "The endpoint could not be asked what it expects; until it can, these are the fields of the company service."


def load_given(given: str) -> Any:
    """`SCHEMA` as text or as a path. Raises SettingError."""
    text = given
    if not given.lstrip().startswith(("{", "[")):
        path = Path(given) if Path(given).is_absolute() else ROOT / given
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError, ValueError):
            raise SettingError(f"SCHEMA names a file that cannot be read: {given[:200]}") from None
    try:
        return read_json(text.encode())
    except BadResponse:
        raise SettingError("SCHEMA is not JSON.") from None


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
