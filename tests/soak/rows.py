"""A model that takes many rows in a body, as MLflow does, and counts how often it was asked about each."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from .parts import KEY

SAMPLE = '{"dataframe_split": {"columns": ["number", "name"], "data": [[1, "example"]]}}'
REFUSED = "no"  # a name that the model does not take


class RowsEndpoint:
    """Its answer to each row is twice its number. A body with the name `no` in it is refused with 400. The next
    `overloads` calls are turned away with 429. `most` calls at once are taken, or any number."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.status = 0  # of every answer; 0: as it should be
        self.overloads = 0
        self.refuse_from = 0  # the number of the first call whose key is refused
        self.most = 0
        self.max_calls = 64  # the setting of who asks
        self.rows: Counter[int] = Counter()
        self.calls = 0
        self.most_rows = 0
        self.at_once = self.most_at_once = 0
        self.first = self.last = 0.0  # when the first call came, and the last one was answered: monotonic seconds
        lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # an answer in one packet

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    outer.first = outer.first or time.monotonic()
                    outer.calls += 1
                    outer.at_once += 1
                    outer.most_at_once = max(outer.most_at_once, outer.at_once)
                    too_many = outer.overloads > 0 or 0 < outer.most < outer.at_once
                    outer.overloads = max(0, outer.overloads - 1)
                status, answer = outer._answer(body, lock) if not too_many else (429, {"error": "too many"})
                with lock:
                    outer.at_once -= 1
                    outer.last = time.monotonic()
                said = json.dumps(answer).encode()
                with suppress(OSError):  # who asked may be dead
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/invocations"

    def _answer(self, body: bytes, lock: threading.Lock) -> tuple[int, Any]:
        data = json.loads(body)["dataframe_split"]["data"]
        with lock:
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

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def settings(self, data_dir: Path, **more: Any) -> dict[str, Any]:
        """For `Settings(**...)`."""
        given = {"url": self.url, "api_key": KEY, "schema": SAMPLE, "data_dir": str(data_dir), "rate_limit": "off"}
        return {**given, "dialect": "mlflow", **more}


def csv_rows(count: int, wrong: frozenset[int] = frozenset(), refused: frozenset[int] = frozenset()) -> Iterator[bytes]:
    """A CSV file of so many rows, numbered from 0; of the `wrong` ones the number is none."""
    yield b"number,name,comment\n"
    for i in range(count):
        yield f"{'x' if i in wrong else i},{REFUSED if i in refused else f'n{i}'},kept {i}\n".encode()
