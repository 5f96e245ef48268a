"""`/health`: the process is up. `/ready`: it can reach what an answer needs.

Neither ever asks a model: a model that is down must not restart this app, and even a GET can run a paid one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial

from flask import Flask, Response, current_app, jsonify

from ..errors import AppError, NotConfigured, NotReady
from ..jobs import Jobs
from ..wire import dumps
from .errors import problem, told
from .site import site

REACH_SECONDS = 2.0
KNOWN_SECONDS = 5.0  # for so long nothing is asked again, however many probes and strangers come by

Check = Callable[[], None]


def install(app: Flask) -> None:
    known = Known()

    @app.get("/health")
    def health() -> Response:
        return jsonify(status="ok")

    @app.get("/ready")
    def ready() -> Response:
        try:
            if missing := site().settings.missing():
                raise NotConfigured(f"Missing: {', '.join(missing)}.")
            known.check()
        except AppError as error:
            return told(error, Response(dumps(problem(error)), error.status, content_type="application/problem+json"))
        return jsonify(status="ready")


class Known:
    """What was found a moment ago. Only one request at a time looks; those that come meanwhile wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._away: list[str] = []

    def check(self) -> None:
        """Raises NotReady."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._away = away(checks())
                self._until = time.monotonic() + KNOWN_SECONDS
        if self._away:
            raise NotReady(" ".join(self._away), retry_after=KNOWN_SECONDS)


def checks() -> dict[str, Check]:
    """What an answer needs, under the name that visitors may read. Each raises AppError where it is away."""
    settings, models = site().settings, site().models
    jobs: Jobs = current_app.extensions["jobs"]
    found: dict[str, Check] = {
        f"The endpoint of {name}" if len(models) > 1 else "The endpoint": partial(model.client.reach, REACH_SECONDS)
        for name, model in models.items()
    }
    if settings.database_url:
        found["The database"] = jobs.reach_database
    if settings.redis_url:
        found["Redis"] = jobs.reach_redis
    return found


def away(wanted: dict[str, Check]) -> list[str]:
    """A sentence for each that was not reached in time. All at once, each in a thread of its own: a database that
    hangs keeps its thread for longer than anybody waits."""
    reached = {name: Future[None]() for name in wanted}
    for name, check in wanted.items():
        threading.Thread(target=_reach, args=(check, reached[name]), daemon=True, name="ready").start()
    wait(reached.values(), REACH_SECONDS + 0.5)
    return [said for name, future in reached.items() if (said := _said(name, future))]


def _reach(check: Check, reached: Future[None]) -> None:
    try:
        check()
    except BaseException as error:  # whatever it was is told by who waits
        reached.set_exception(error)
    else:
        reached.set_result(None)


def _said(name: str, reached: Future[None]) -> str:
    if not reached.done():
        return f"{name} did not answer within {REACH_SECONDS:g} seconds."
    error = reached.exception()
    if error is None:
        return ""
    why = error.detail if isinstance(error, AppError) else ""  # what libraries say is not for everybody
    return f"{name} cannot be reached. {why}".strip()
