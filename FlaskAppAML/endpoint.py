"""Endpoint: settings, schema, dialect and client of one model, ready to score."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from types import ModuleType
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from . import dialects, forms, images
from .cache import Cache
from .client import Client
from .description import Description, read_form_file
from .dialects.unreachable import refusal
from .errors import BadResponse, NotConfigured, SettingError
from .examples import read_examples
from .images import Picture
from .redact import Redactor
from .results import Output, read_outputs
from .schema import Schema
from .schema.values import InvalidValue
from .settings import Settings
from .wire import Reply, dumps, is_plain_ascii


class Endpoint:
    """One model. Made at start without any call; the schema is read when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        missing = settings.missing()
        if missing:
            raise NotConfigured(f"Missing: {', '.join(missing)}.")
        _check(settings)
        self.settings = settings
        self.examples = read_examples(settings.examples)
        self._example_pictures: dict[tuple[Schema, int, str, int], Picture | None] = {}
        self.url = settings.url
        self.client = Client(settings)
        self.cache = Cache(settings.cache_seconds) if settings.cache_seconds else None
        # Until when (monotonic seconds) nothing is asked for in pieces that refused them.
        self.whole_until: WeakKeyDictionary[Schema, float] = WeakKeyDictionary()
        self._redact = Redactor(settings.secrets())
        changes = read_form_file(settings.form)
        self.outputs: dict[str, Output] = read_outputs(changes)
        self._description = Description(settings, self.client, changes, self._redact)

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def title(self) -> str:
        return self.settings.title or (self.name if self.name != "model" else "FlaskAppAML")

    @property
    def description(self) -> str:
        return self.settings.description or self.schema.description

    @cached_property
    def host(self) -> str:
        """Where answers come from, as the page says it."""
        return urlsplit(self.url).netloc

    @property
    def schema(self) -> Schema:
        return self._description.schema()

    def example_picture(self, number: int, field: str, max_side: int) -> Picture | None:
        """The picture of an example, counted from 1: that of a field, or the first. Written anew, and made once. None
        where there is none that can be read."""
        schema = self.schema
        if not 0 < number <= len(self.examples) or field not in ("", *(f.name for f in schema.pictures)):
            return None  # what anybody asks for is not remembered
        key = (schema, number, field, max_side)
        if key not in self._example_pictures:
            values = self.examples[number - 1].values(schema.fields)
            found = None
            with suppress(InvalidValue):
                for f in schema.pictures:
                    if f.name in values and field in ("", f.name) and found is None:
                        found = images.checked(f, f.parse(values[f.name], "json"), max_side)
            self._example_pictures[key] = found if isinstance(found, Picture) else None
        return self._example_pictures[key]

    @property
    def known_schema(self) -> Schema | None:
        """The schema, where it is known already: for what must not ask the endpoint."""
        return self._description.known

    @staticmethod
    def dialect(schema: Schema) -> ModuleType:
        return dialects.BY_NAME[schema.dialect]

    @classmethod
    def max_rows(cls, schema: Schema) -> int:
        """How many rows one call takes."""
        dialect = cls.dialect(schema)
        return int(dialect.max_rows(schema)) if hasattr(dialect, "max_rows") else int(dialect.MAX_ROWS)

    def streams(self, schema: Schema) -> bool:
        """Whether answers are asked for in pieces."""
        return schema.streams and self.settings.stream_timeout > 0

    def without_secrets(self, reply: Reply) -> Reply:
        """The reply as everything after this may see it: an endpoint can answer with the key that it was sent."""
        is_plain = b"\\" not in reply.body and is_plain_ascii(reply.body, reply.headers.get("content-type", ""))
        if is_plain and not self._redact.stands_in(reply.body.decode("ascii")):
            return reply  # nothing is escaped in it, so what is not to be seen is not there
        try:
            document = reply.json()
        except BadResponse:
            return self._text_without_secrets(reply)
        if not self._redact.stands_in(dumps(document)):
            return reply
        clean = dumps(self._redact.document(document)).encode("utf-8", "surrogatepass")
        return replace(reply, body=clean, headers={**reply.headers, "content-type": "application/json"})

    def _text_without_secrets(self, reply: Reply) -> Reply:
        """What is no JSON: a text, or bytes, such as a file, or JSON with the values of tensors behind it."""
        try:
            text, encoding = reply.body.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            text, encoding = reply.body.decode("latin-1"), "latin-1"
        return replace(reply, body=self._redact(text).encode(encoding))

    @property
    def doubt(self) -> str:
        """Why the schema may not be the endpoint's own, in a sentence; "" when it is."""
        return self._description.doubt or str(self.schema.options.get("doubt", ""))

    @property
    def reads_from_endpoint(self) -> bool:
        """Whether the schema is asked for, and not given as `SCHEMA` text or file."""
        return self._description.is_asked_for

    def form_class(self) -> type[forms.SchemaForm]:
        """The form for today's schema, built once per schema."""
        return forms.form_class(self.schema)

    def read_again(self) -> Schema:
        """Asks the endpoint anew, whatever is kept: the model may be another. Raises EndpointError or SettingError."""
        if self.cache:
            self.cache.clear()
        return self._description.read_again()


def _check(settings: Settings) -> None:
    """Raises SettingError for what only the dialects can tell to be wrong."""
    if refused := refusal(urlsplit(settings.url)):
        raise SettingError(f"URL: {refused}")
    if settings.dialect and settings.dialect not in dialects.BY_NAME:
        raise SettingError(f"DIALECT must be one of {', '.join(dialects.BY_NAME)}.")
    if settings.task and settings.task not in dialects.TASKS:
        raise SettingError(f"TASK must be one of {', '.join(dialects.TASKS)}.")
