"""The worked example of CONTRIBUTING.md is a dialect: taken from the page, registered, and scored with."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import KEY, MakeApp
from hostile import anything, survives_answer, survives_description

from FlaskAppAML import dialects

PAGE = Path(__file__).resolve().parent.parent / "CONTRIBUTING.md"
CODE = next(code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL) if "claims" in code)
NAME = "FlaskAppAML.dialects.ollama"
WORDS = ("models", "name", "response", "error", "model")


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The dialect as a module beside the others, and its line in the register."""
    module = ModuleType(NAME)
    module.__package__ = "FlaskAppAML.dialects"
    monkeypatch.setitem(sys.modules, NAME, module)
    exec(compile(CODE, str(PAGE), "exec"), module.__dict__)
    monkeypatch.setattr(dialects, "REGISTER", (module, *dialects.REGISTER))
    monkeypatch.setattr(dialects, "BY_NAME", {**dialects.BY_NAME, "ollama": module})
    return module


class Ollama(BaseHTTPRequestHandler):
    """A server that answers as the protocol says; `asked` is what came in."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str, Any]]

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer({"models": [{"name": "llama3:8b"}, {"name": "mistral:7b"}]} if self.path == "/api/tags" else None)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, self.headers["Authorization"], body))
        self._answer({"model": body["model"], "response": "Blue, as a rule.", "done": True})

    def _answer(self, said: Any) -> None:
        body = json.dumps(said).encode()
        self.send_response(404 if said is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[tuple[str, list[Any]]]:
    asked: list[Any] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Ollama,), {"asked": asked})) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/api/generate", asked
        running.shutdown()
        thread.join()


def test_the_example_is_short() -> None:
    assert len(CODE.splitlines()) <= 60


def test_the_example_scores(ollama: ModuleType, server: tuple[str, list[Any]], make_app: MakeApp) -> None:
    url, asked = server
    client = make_app(url=url).test_client()
    page = client.get("/").get_data(as_text=True)
    assert "mistral:7b" in page
    assert asked == []  # a form alone asks nothing of the model
    answer = client.post("/", data={"model": "1", "prompt": "What colour is the sky?"}, follow_redirects=True)
    assert answer.status_code == 200
    assert "Blue, as a rule." in answer.get_data(as_text=True)
    body = {"model": "mistral:7b", "prompt": "What colour is the sky?", "stream": False}
    assert asked == [("/api/generate", f"Bearer {KEY}", body)]


def test_the_example_takes_whatever_comes(ollama: ModuleType) -> None:
    url = "http://localhost:11434/api/generate"
    assert ollama.claims(urlsplit(url)) >= dialects.SURE
    for seed in range(200):
        survives_description(ollama, url, anything(seed, WORDS))
        survives_answer(ollama, ollama.DEFAULT_SCHEMA, anything(seed, WORDS), 1)
