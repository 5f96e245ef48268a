"""One small pure module per protocol: it claims addresses, reads descriptions, writes requests and reads answers.

A dialect never sends anything. To add one: a file here, a line in the register, samples for its test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from ..schema import Schema
from . import (
    aml_classic,
    azureml,
    cog,
    huggingface,
    mlflow,
    open_inference,
    openai,
    openapi,
    raw,
    tensorflow,
    torchserve,
)

# Whoever comes first is asked first about a document that several could read; `openapi` takes what nobody knows.
REGISTER: tuple[ModuleType, ...] = (
    raw,
    aml_classic,
    azureml,
    mlflow,
    tensorflow,
    open_inference,
    cog,
    huggingface,
    torchserve,
    openai,
    openapi,
)
SURE = 0.5  # from here on the address alone decides
MOST_QUESTIONS = 6


def name(dialect: ModuleType) -> str:
    return dialect.__name__.rpartition(".")[2]


BY_NAME = {name(dialect): dialect for dialect in REGISTER}
TASKS = tuple(dict.fromkeys(task for dialect in REGISTER for task in getattr(dialect, "TASKS", ())))


def claimed(url: str) -> ModuleType | None:
    """The dialect that `url` alone tells; None where the endpoint must be asked."""
    best = _by_claim(url)[0]
    return best if best.claims(urlsplit(url)) >= SURE else None


def _by_claim(url: str) -> list[ModuleType]:
    parts = urlsplit(url)
    return sorted(REGISTER, key=lambda dialect: -dialect.claims(parts))


def questions(url: str, dialect: ModuleType | None) -> list[str]:
    """The addresses to ask for a description, best first: those of the one dialect, or of all that may be meant."""
    asked = [dialect] if dialect else [d for d in _by_claim(url) if d.claims(urlsplit(url)) > 0]
    return list(dict.fromkeys(u for d in asked for u in d.schema_urls(url)))[:MOST_QUESTIONS]


def read(url: str, document: Any, headers: Mapping[str, str], dialect: ModuleType | None = None) -> Schema | None:
    """The schema that `document` (a description, a sample request, a template) gives, with its dialect's name.

    With `dialect` that one alone is asked. Raises SettingError for a template that is wrong.
    """
    for one in [dialect] if dialect else REGISTER:
        schema: Schema | None = one.read_schema(url, document, headers)
        if schema is not None and schema.fields:
            return replace(schema, dialect=name(one))
    return None


def default(url: str, dialect: ModuleType | None, task: str) -> Schema:
    """The schema where nothing is said: by the task, by the address, or by the protocol alone."""
    one = dialect or openapi
    found: Schema | None = one.schema_of_task(task) if task and hasattr(one, "schema_of_task") else None
    if found is None:
        found = one.default_schema(url) if hasattr(one, "default_schema") else one.DEFAULT_SCHEMA
    return replace(found, dialect=name(one))
