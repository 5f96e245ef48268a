"""Pictures that are drawn for a download are counted as submissions are, and apart from them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from conftest import MakeApp

PICTURE = (Path(__file__).parent.parent / "demo/pictures/astronaut.jpg").read_bytes()
SCHEMA = json.dumps({"dialect": "raw", "fields": [{"name": "picture", "type": "image", "send": "body"}]})
FOUND = [{"label": "face", "score": 0.9, "box": {"xmin": 131, "ymin": 49, "xmax": 205, "ymax": 122}}]


class Handler(BaseHTTPRequestHandler):
    """Finds the same face in every picture."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps(FOUND).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/detect"
        server.shutdown()


def test_pictures_are_drawn_within_the_limit_and_cost_no_submission(make_app: MakeApp, url: str) -> None:
    client = make_app(url=url, schema=SCHEMA, rate_limit="3/hour").test_client()

    def submit() -> int:
        sent = client.post("/", data={"picture": (io.BytesIO(PICTURE), "a.jpg")})
        addresses.extend(re.findall(r'href="([^"]+\.png)[^"]*"', sent.text))
        return sent.status_code

    addresses: list[str] = []
    assert submit() == 200
    statuses = [client.get(addresses[0]).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert client.get(f"/answers/{'0' * 32}.png").status_code == 404  # nothing would be drawn
    assert [submit() for _ in range(3)] == [200, 200, 429]
