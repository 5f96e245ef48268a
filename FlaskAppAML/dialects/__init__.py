"""One small pure module per protocol: it claims addresses, reads descriptions, writes requests and reads answers.

A dialect never sends anything. `find` picks one from the scoring URL.
"""

from __future__ import annotations

from types import ModuleType
from urllib.parse import urlsplit

from . import aml_classic

REGISTER: tuple[ModuleType, ...] = (aml_classic,)


def find(url: str) -> ModuleType:
    """The dialect that claims `url` most strongly; the first of the register when none does."""
    return max(REGISTER, key=lambda dialect: dialect.claims(urlsplit(url)))


def name(dialect: ModuleType) -> str:
    return dialect.__name__.rpartition(".")[2]
