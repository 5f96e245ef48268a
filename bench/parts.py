"""What each part of one submission costs: `python -m bench.parts` prints processor time in µs.

Everything runs in this process and thread, against the stub: there is no server in front and nothing beside it.
"""

from __future__ import annotations

import io
import logging
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

from flask import Flask, g, request
from werkzeug.datastructures import MultiDict

from bench import servers, stub
from bench.report import markdown
from FlaskAppAML import create_app
from FlaskAppAML.answers import answer_id
from FlaskAppAML.prediction import Question
from FlaskAppAML.results import presentation
from FlaskAppAML.settings import Settings
from FlaskAppAML.web import model_page, view
from FlaskAppAML.web.predictions import scored_document
from FlaskAppAML.web.site import Site

TURNS = 600
WARM_UP = 60

TYPED = dict(zip(("title", "category", "text"), stub.ROW, strict=True))

Part = tuple[str, Callable[[], object]]


def settings(url: str, folder: str, **changed: Any) -> Settings:
    values: dict[str, Any] = {"rate_limit": "off", "log_level": "warning", **changed}
    return Settings(url=url, api_key="k" * 32, data_dir=folder, **values)


def environ(path: str = "/", body: bytes = b"") -> dict[str, Any]:
    """A WSGI environment as gunicorn makes it, with what browsers send."""
    return {
        "REQUEST_METHOD": "POST" if body else "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "RAW_URI": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_ACCEPT": "text/html",
        "HTTP_USER_AGENT": "bench",
        "CONTENT_TYPE": "application/x-www-form-urlencoded" if body else "",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def submission() -> bytes:
    """A body as the page sends it, each with an id of its own."""
    return urlencode({"_once": secrets.token_hex(16), **TYPED}).encode()


def call(app: Flask, path: str, body: bytes = b"") -> bytes:
    """One request to the application. Raises RuntimeError for any answer but 200."""
    said: list[str] = []

    def start_response(status: str, headers: object, error: object = None) -> Callable[[bytes], object]:
        said.append(status)
        return said.append  # type: ignore[return-value]

    whole = b"".join(app.wsgi_app(environ(path, body), start_response))
    if said[0][:3] != "200":
        raise RuntimeError(f"{path} answered {said[0]}")
    return whole


def submit(app: Flask) -> bytes:
    page = call(app, "/", submission())
    if stub.WORD.encode() not in page:
        raise RuntimeError("the page holds no answer")
    return page


# Parts


def bare() -> Flask:
    """Flask alone: an empty view, and one that reads the form."""
    app = Flask("bare", static_folder=None)
    app.add_url_rule("/empty", "empty", lambda: "")
    app.add_url_rule("/form", "form", lambda: request.form.get("title", ""), methods=["POST"])
    return app


def parts(app: Flask) -> Iterable[Part]:
    """In the order of a submission. Needs an open request of `app`."""
    site: Site = app.extensions["site"]
    endpoint = site.model
    schema = endpoint.schema
    dialect = endpoint.dialect(schema)
    body = submission()
    form = endpoint.form_class()(MultiDict(TYPED))
    form.validate()
    row = form.row()
    sent = dialect.encode(schema, endpoint.url, [row])
    reply = endpoint.client.send(sent)
    document = scored_document(secrets.token_hex(16), Question.of(form))
    kept = site.answers.once(secrets.token_hex(16), lambda: document)
    line = logging.getLogger("FlaskAppAML.requests")

    def bind() -> object:
        made = endpoint.form_class()(MultiDict(TYPED))
        return made.validate() and made.row()

    def understand() -> object:
        fresh = type(reply)(reply.status, reply.headers, reply.body)
        return presentation.present(dialect.decode(schema, fresh, 1), endpoint.outputs, TYPED["title"])

    def score() -> object:
        return scored_document("0" * 32, Question.of(form))

    def log_line() -> None:
        line.setLevel(logging.INFO)
        facts = {"status": 200, "ms": 1.5, "client": "127.0.0.1", "id": "0" * 32, "endpoint_ms": 1.0, "tries": 1}
        line.info("%s %s", "POST", "/", extra={"facts": facts})
        line.setLevel(logging.WARNING)

    plain = bare()
    yield "Flask: dispatch of an empty view", lambda: call(plain, "/empty")
    yield "Flask: the same, reading a posted form", lambda: call(plain, "/form", body)
    yield "ours: /health (dispatch, our hooks, headers)", lambda: call(app, "/health")
    yield "form: bind, validate, row", bind
    yield "request: encode", lambda: dialect.encode(schema, endpoint.url, [row])
    yield "the call: client.send", lambda: endpoint.client.send(sent)
    yield "answer: decode and present", understand
    yield "document: encode, call, decode, present and its own making", score
    yield (
        "keeping: id and file (answers.once)",
        lambda: site.answers.once(answer_id(secrets.token_hex(16), row), lambda: document),
    )
    yield "page: ready the document (view.Answer)", lambda: view.Answer(kept)
    yield "page: form and answer", lambda: model_page.form_page(form, answer=view.Answer(kept))
    yield "page: empty form", lambda: model_page.form_page(endpoint.form_class()())
    yield "whole submission", lambda: submit(app)
    yield "logging: one line", log_line


# Timing


def measured() -> list[tuple[str, float]]:
    """Every part with its µs. The parts take turns, so that each finds the caches as the others leave them, as it is in
    a real submission; in a loop of its own a part looks a third cheaper."""
    os.sched_setaffinity(0, {servers.SERVER_CORE})
    with (
        servers.files() as folder,
        servers.started_stub() as endpoint,
        silenced(),
    ):
        app = create_app(settings(servers.scoring_url(endpoint), folder))
        with app.test_request_context("/", method="POST"):
            g.request_id = secrets.token_hex(16)
            listed = list(parts(app))
            return medians(listed)


def medians(listed: list[Part]) -> list[tuple[str, float]]:
    costs: list[list[float]] = [[] for _ in listed]
    for turn in range(WARM_UP + TURNS):
        for (_, work), found in zip(listed, costs, strict=True):
            began = time.thread_time()
            work()
            if turn >= WARM_UP:
                found.append((time.thread_time() - began) * 1e6)
    return [(name, statistics.median(found)) for (name, _), found in zip(listed, costs, strict=True)]


class silenced:
    """Lines of the log go where they cost a write and are not seen."""

    def __enter__(self) -> None:
        self._before, sys.stderr = sys.stderr, open(os.devnull, "w")

    def __exit__(self, *_: object) -> None:
        sys.stderr.close()
        sys.stderr = self._before


def table(found: Iterable[tuple[str, float]]) -> str:
    return markdown(("part", "µs"), [(name, f"{cost:,.0f}") for name, cost in found])


def in_a_process() -> str:
    """The table, from a fresh process: what ran before would show in it."""
    done = subprocess.run([sys.executable, "-m", "bench.parts"], cwd=servers.ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout.strip()


if __name__ == "__main__":
    print(table(measured()))
