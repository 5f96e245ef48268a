"""A model that takes many rows in a body, as MLflow does, and counts how often it was asked about each."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

from .parts import Model

SAMPLE = '{"dataframe_split": {"columns": ["number", "name"], "data": [[1, "example"]]}}'
REFUSED = "no"  # a name that the model does not take


class RowsEndpoint(Model):
    """Its answer to each row is twice its number. A body with the name `no` in it is refused with 400. The next
    `overloads` calls are turned away with 429. `most` calls at once are taken, or any number."""

    path = "/invocations"
    about: ClassVar[dict[str, str]] = {"schema": SAMPLE, "dialect": "mlflow"}

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.seconds = seconds
        self.status = 0  # of every answer; 0: as it should be
        self.overloads = 0
        self.refuse_from = 0  # the number of the first call whose key is refused
        self.most = 0
        self.max_calls = 64  # the setting of who asks
        self.rows: Counter[int] = Counter()
        self.calls = 0
        self.most_rows = 0
        self.first = self.last = 0.0  # when the first call came, and the last one was answered: monotonic seconds

    def answer(self, body: bytes) -> tuple[int, Any]:
        with self.lock:
            self.first = self.first or time.monotonic()
            self.calls += 1
            self.begins()
            too_many = self.overloads > 0 or 0 < self.most < self.at_once
            self.overloads = max(0, self.overloads - 1)
        status, answer = (429, {"error": "too many"}) if too_many else self._answer(body)
        with self.lock:
            self.at_once -= 1
            self.last = time.monotonic()
        return status, answer

    def _answer(self, body: bytes) -> tuple[int, Any]:
        data = json.loads(body)["dataframe_split"]["data"]
        with self.lock:
            self.most_rows = max(self.most_rows, len(data))
            self.rows.update(row[0] for row in data)
        time.sleep(self.seconds)
        if 0 < self.refuse_from <= self.calls:
            return 401, {}
        if self.status:
            return self.status, {"error_code": "BAD_REQUEST", "message": "It does not work."}
        if any(row[1] == REFUSED for row in data):
            return 400, {"error_code": "BAD_REQUEST", "message": "This name is not taken."}
        return 200, {"predictions": [row[0] * 2 for row in data]}


def csv_rows(count: int, wrong: frozenset[int] = frozenset(), refused: frozenset[int] = frozenset()) -> Iterator[bytes]:
    """A CSV file of so many rows, numbered from 0; of the `wrong` ones the number is none."""
    yield b"number,name,comment\n"
    for i in range(count):
        yield f"{'x' if i in wrong else i},{REFUSED if i in refused else f'n{i}'},kept {i}\n".encode()
