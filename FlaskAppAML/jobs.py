"""Background jobs: a question is taken in, gets a ticket at once, and its answer is there when the model is done.

What was taken in is on the disk before the ticket is given, and stays there until it has come to an end: succeeded,
failed or cancelled. Threads of the web process and `flask worker` run the same function, `Jobs.run_next`. Whoever dies
while running a job loses its lease, and the next one runs it again: a model may be called twice, an answer is kept
once.

With `REDIS_URL` RQ carries the ids of jobs to the workers. That is a bell and no more: all of Redis may be lost.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .endpoint import Endpoint
from .errors import (
    AppError,
    EndpointError,
    InternalError,
    JobGone,
    JobsUnavailable,
    SettingError,
    WrongInput,
)
from .images import Picture
from .outage import Outage
from .packing import pack, unpack
from .prediction import Document, Question
from .redact import Redactor
from .runs import Runs
from .settings import Settings

if TYPE_CHECKING:
    from .batch import Done
    from .store import Job, Progress, Store, Taken

FILE_NAME = "jobs.sqlite3"
KEPT_SECONDS = 86_400.0  # after the end, or ANSWER_MINUTES where that is longer
LOOK_SECONDS = 1.0  # how often an idle runner looks by itself
LONGEST_REST = 15.0  # of a runner whose database is away; each rest is twice as long as the one before
SWEEP_SECONDS = 60.0
RENEW_SECONDS = 10.0  # a third of the lease
MOST_BELLS = 100
MOST_DRAFTS = 50
MOST_DRAFT_FILES = 4  # of MAX_BATCH_BYTES, together
RING_SECONDS = 1.0  # that a ticket waits for Redis at the most

log = logging.getLogger(__name__)


class Jobs:
    """The one engine. `find` gives the endpoint of today for a model's name, or None; `redact` removes secrets from
    what is kept. Made at the start; nothing is opened before it is used."""

    def __init__(self, settings: Settings, find: Callable[[str], Endpoint | None], redact: Redactor) -> None:
        _check(settings)
        self._settings = settings
        self._find = find
        self._redact = redact
        self._path = Path(settings.data_dir) / FILE_NAME
        self._lock = threading.Lock()
        self._runners: list[threading.Thread] = []
        self._keeper: threading.Thread | None = None
        self._held: set[str] = set()
        self._called = threading.Semaphore(0)
        self._swept = 0.0
        self._redis_outage = Outage("Redis")
        self.ending = threading.Event()  # whoever runs jobs was asked to end

    # For those who ask

    @property
    def are_kept(self) -> bool:
        """Whether there may be jobs at all: where nothing is kept, there is nothing to come back for."""
        return self._settings.answer_minutes > 0

    def accept(self, id: str, model: str, question: Question, request_id: str) -> None:
        """On the disk when this returns. The same id again is the same job. Raises QueueFull, JobsUnavailable."""
        packed = {"rows": question.rows, "typed": question.typed, "dialect": question.schema.dialect}
        data = pack({**packed, "request_id": request_id})
        self._store.add(id, model, data, private=bool(question.secrets), most=self._settings.queue_max)
        self._wake(id)

    def look(self, id: str) -> Job:
        """Raises JobGone, JobsUnavailable."""
        if not self._may_hold(id) or (found := self._store.look(id)) is None:
            raise JobGone
        if found.state in ("queued", "running"):
            self._start()  # rows of a process that died wait, perhaps, and none came since
        return found

    def answer(self, id: str) -> Document | None:
        """The document of the answer, with `until`; None while there is none. Raises JobsUnavailable."""
        job = self._store.look(id) if self._may_hold(id) else None
        data = self._store.read(id, "result") if job and job.state == "succeeded" else None
        document = json.loads(data) if data else {}
        return {**document, "until": job.until} if job and "prediction" in document else None

    def picture(self, id: str, field: str = "") -> Picture | None:
        """The picture that the job's answer speaks of; None where there is none, or where `field` is another."""
        about = (self.answer(id) or {}).get("picture")
        if not about or field not in ("", about["field"]):
            return None
        data = base64.b64decode(about["data"])
        return Picture(data, "picture", about["content_type"], about["width"], about["height"])

    def failure(self, id: str) -> AppError:
        """Why the job failed."""
        record = json.loads(self._store.read(id, "result") or b"{}")
        if record.get("error") == WrongInput.__name__:
            return WrongInput(record["detail"])
        with suppress(KeyError):
            return EndpointError.revive(record)
        error = InternalError(record.get("detail", ""))
        error.turn = "The owner of this app: the log has the details under the id of the job."
        return error

    def cancel(self, id: str) -> None:
        self._store.cancel(id)

    def forget(self, id: str) -> None:
        """Ends it, and deletes whatever is kept of it."""
        self._store.cancel(id)
        self._store.forget(id)

    def retry(self, id: str) -> None:
        """Raises QueueFull."""
        if self._store.retry(id, self._settings.queue_max):
            self._wake(id)

    # Whole files, for those who ask

    def draft(self, id: str, model: str, file: BinaryIO) -> None:
        """Keeps a file of rows, on the disk when this returns, until it is begun or an hour has passed.

        Raises DraftsFull, JobsUnavailable."""
        from .store import PIECE_BYTES

        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        most_bytes = MOST_DRAFT_FILES * self._settings.max_batch_bytes
        self._store.draft(id, model, iter(partial(file.read, PIECE_BYTES), b""), size, MOST_DRAFTS, most_bytes)
        self._start()  # who sweeps

    def note(self, id: str, about: Document) -> None:
        """What is known of a draft, in place of what was; as JSON."""
        self._store.note(id, pack(about))

    def about(self, id: str) -> Document:
        """What was noted, or the answer's document once all rows are done. Raises JobGone."""
        noted, ended = self._store.read(id, "input"), self._store.read(id, "result")
        if not noted and not ended:
            raise JobGone
        found: Document = unpack(noted) if noted else json.loads(ended or b"")
        if "sheet" not in found:
            raise JobGone
        return found

    def begin(self, id: str, total: int) -> None:
        """A draft of so many rows takes its place in the line. The same again changes nothing. Raises QueueFull."""
        if self._store.begin(id, total, self._settings.queue_max):
            self._wake(id)

    def progress(self, id: str) -> Progress | None:
        """How far a file of rows is; None for other jobs and drafts."""
        return self._store.progress(id)

    def rows(self, id: str) -> Iterator[Done]:
        """Those that are done, in their order; more may come while these are read."""
        from .batch import unpacked

        return unpacked(self._store.pieces(id, "rows"))

    @property
    def _may_exist(self) -> bool:
        """So that a wrong link makes no database."""
        return bool(self._settings.database_url) or os.path.exists(self._path)  # False too where nobody may look

    def _may_hold(self, id: str) -> bool:
        return re.fullmatch(r"[0-9a-f]{32}", id) is not None and self._may_exist

    @cached_property
    def _store(self) -> Store:
        from .store import Store

        return Store(self._settings.database_url, self._path, max(KEPT_SECONDS, self._settings.answer_minutes * 60.0))

    @cached_property
    def _runs(self) -> Runs:
        return Runs(self._settings, self._find, self._redact, self._store, self.ending)

    def line(self) -> tuple[int, float]:
        """How many jobs wait, and for how many seconds the oldest of them has. Raises JobsUnavailable."""
        return self._store.line() if self._may_exist else (0, 0.0)

    def reach_database(self) -> None:
        """Raises JobsUnavailable."""
        self._store.waiting()

    def reach_redis(self) -> None:
        """Raises JobsUnavailable."""
        from redis import RedisError

        try:
            self._queue.connection.ping()
        except RedisError as error:
            raise JobsUnavailable from error

    # For those who run

    def resume(self) -> None:
        """Goes on with what a former process left, and gets ready where jobs are sure to come. Called by servers when
        they begin to serve, after their forks."""
        if self._may_exist or any(one.background for one in (self._settings, *self._settings.each)):
            self._start()

    def end(self, seconds: float = 0.0) -> None:
        """Nothing more is taken here. A file that is under way stops where it is, a question comes to its end; so long
        is waited for both. What is left then runs again elsewhere, when its lease is over."""
        self.ending.set()
        until = time.monotonic() + seconds
        for _ in self._runners:
            self._called.release()
        for runner in self._runners:
            runner.join(max(0.0, until - time.monotonic()))

    def work(self, files: bool | None = None) -> None:
        """Runs one job after the other until `ending`; the one that is under way then comes to its end. Only `files` of
        rows, or none of them."""
        pause = LOOK_SECONDS
        while not self.ending.is_set():
            try:
                if not self.run_next(files):
                    self._sweep()
                    self._called.acquire(timeout=LOOK_SECONDS)
                pause = LOOK_SECONDS
                continue
            except JobsUnavailable:
                pass  # it was logged, and will be there again
            except Exception as error:  # a runner must outlive whatever one job does
                log.error("unexpected error of a job", exc_info=error)
            _rest(pause, self.ending)
            pause = min(2 * pause, LONGEST_REST)

    def run_next(self, files: bool | None = None) -> bool:
        """Runs the oldest job that waits, of those that `work` says. Whether there was one. Raises JobsUnavailable."""
        job = self._store.take(secrets.token_hex(16), files)
        if job is None:
            return False
        with self._leased(job):
            started = time.perf_counter()
            word = self._runs.run(job)
        took = round((time.perf_counter() - started) * 1000, 1)
        log.info("job %s", word, extra={"facts": {"job": job.id, "model": job.model, "ms": took, "run": job.runs}})
        return True

    def ring_for_the_rest(self) -> None:
        """Rings for what waits unheard: Redis was away, or lost its bells, or a worker died. Raises JobsUnavailable."""
        waiting = self._store.waiting()
        with self._redis() as queue:
            for _ in range(min(waiting, MOST_BELLS) if waiting and not queue.count else 0):
                self._ring(queue)
        self._sweep()

    @contextmanager
    def _leased(self, job: Taken) -> Iterator[None]:
        """As long as this lasts the lease is renewed."""
        with self._lock:
            self._held.add(job.runner)
            if self._keeper is None:
                self._keeper = _thread("job-keeper", self._renew)
        try:
            yield
        finally:
            self._held.discard(job.runner)

    def _renew(self) -> None:
        while self._held or not self.ending.is_set():
            time.sleep(RENEW_SECONDS)
            held = list(self._held.copy())
            with suppress(JobsUnavailable):
                if held:
                    self._store.renew(held)
                self._sweep()  # a runner does so only when nothing waits

    def _sweep(self) -> None:
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._swept = time.monotonic()
            self._store.sweep()

    # Who is woken

    def _wake(self, id: str) -> None:
        if self._settings.redis_url:
            with self._redis() as queue:
                self._ring(queue, id)
        else:
            self._start()
            self._called.release()

    def _start(self) -> None:
        """Threads of this process, unless workers of their own do it all."""
        with self._lock:
            if self._settings.redis_url or self._runners:
                return
            self._runners = [
                _thread(f"job-{number}", lambda: self.work(files=False)) for number in range(self._settings.job_workers)
            ]
            if self._runners:  # a file takes its time, and must not hold up a question
                self._runners.append(_thread("job-files", lambda: self.work(files=True)))

    @cached_property
    def _queue(self) -> Any:
        return queue_of(self._settings.redis_url, socket_timeout=RING_SECONDS, socket_connect_timeout=RING_SECONDS)

    @contextmanager
    def _redis(self) -> Iterator[Any]:
        """Without it the row waits until a worker looks by itself."""
        from redis import RedisError

        try:
            yield self._queue
        except RedisError as error:
            self._redis_outage.begins(error)

    def _ring(self, queue: Any, id: str = "") -> None:
        """Without a limit of RQ's: whichever job is run has ours, and a file may take hours."""
        limits = {"job_timeout": -1, "result_ttl": 0, "failure_ttl": 60}
        queue.enqueue("FlaskAppAML.worker.rung", id, **limits)
        self._redis_outage.ends()


def queue_of(redis_url: str, **options: Any) -> Any:
    """RQ's queue. JSON, since a pickle from Redis could run anything here."""
    from redis import Redis
    from rq import Queue
    from rq.serializers import JSONSerializer

    return Queue("flaskappaml", connection=Redis.from_url(redis_url, **options), serializer=JSONSerializer)


def _check(settings: Settings) -> None:
    """Raises SettingError for what would only come up with the first job."""
    needed = {"redis_url": "rq", "database_url": "psycopg"}
    for name, library in needed.items():
        value = getattr(settings, name)
        if value and not value.startswith("sqlite") and find_spec(library) is None:
            raise SettingError(f"{name.upper()} needs what requirements-scale.txt names; install that.")
    if not settings.answer_minutes and any(one.background for one in (settings, *settings.each)):
        raise SettingError("ASYNC needs ANSWER_MINUTES above 0: what comes in the background has to be kept.")


def _thread(name: str, run: Callable[[], None]) -> threading.Thread:
    made = threading.Thread(target=run, name=name, daemon=True)
    made.start()
    return made


def _rest(seconds: float, stop: threading.Event) -> None:
    """Or until `stop`, about. Not by `stop.wait`, which a handler of a signal in the same thread must not meet."""
    until = time.monotonic() + seconds
    while not stop.is_set() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_SECONDS))
