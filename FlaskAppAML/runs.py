"""What becomes of a job that was taken: its question or its file is scored, and its end is kept.

`Runs.run` is all of it. Who runs it, when, and who may look at it, `jobs.py` says.
"""

from __future__ import annotations

import json
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from weakref import WeakKeyDictionary

from .endpoint import Endpoint
from .errors import (
    AppError,
    DiskFull,
    EndpointError,
    InternalError,
    JobGone,
    JobsUnavailable,
    Loading,
    NotConfigured,
    Overloaded,
    WrongInput,
)
from .packing import unpack
from .prediction import Document, Question, scored_document
from .redact import Redactor
from .schema import Row
from .settings import Settings
from .wire import dumps

if TYPE_CHECKING:
    from .batch import Done, Pace
    from .store import Progress, Store, Taken

LOOK_SECONDS = 1.0
INSIST_SECONDS = 60.0  # that a result in hand waits for a database that is away
MOST_RUNS = 10  # whoever ran it died each time, so it may be its fault; 5 can be chance where processes die often
FIRST_PAUSE = 2.0  # before a job is tried again; each further pause is twice as long
LONGEST_PAUSE = 60.0
MOST_SEARCHED = 100_000
LOGGED_BODY = 2000

log = logging.getLogger(__name__)
T = TypeVar("T")


class Runs:
    """For the jobs of one store. `find` gives the endpoint of today for a model's name, or None; `redact` removes
    secrets from what is kept; a file stops at `ending`."""

    def __init__(
        self,
        settings: Settings,
        find: Callable[[str], Endpoint | None],
        redact: Redactor,
        store: Store,
        ending: threading.Event,
    ) -> None:
        self._settings, self._find, self._redact, self._store, self._ending = settings, find, redact, store, ending
        self._lock = threading.Lock()
        self._slow: dict[str, tuple[Endpoint, Endpoint]] = {}
        self._paces: WeakKeyDictionary[Endpoint, Pace] = WeakKeyDictionary()

    def run(self, job: Taken) -> str:
        """What became of it, in a word. Raises JobsUnavailable where that could not be kept."""
        outcome = self._outcome(job)
        return _insist(lambda: self._settle(job, outcome))

    def _outcome(self, job: Taken) -> Document | AppError | float:
        """The answer, or why there is none, or in how many seconds it should be tried again."""
        try:
            if job.runs > MOST_RUNS:
                raise InternalError(
                    f"{MOST_RUNS} times in a row whatever ran this job was ended before it was done: by too little "
                    "memory, perhaps, or because the server was restarted. It is not run again by itself."
                )
            endpoint = self._endpoint(job.model)
            packed = unpack(self._store.read(job.id, "input") or b"{}")
            if "sheet" in packed:
                return self._all_rows(job, endpoint, packed)
            if "rows" not in packed:
                raise JobGone  # cancelled this moment, or brought to its end by another
            with _if_it_still_fits():
                rows = _fitting(endpoint, packed)
            question = Question(endpoint.schema, rows, packed["typed"])
            document = scored_document(endpoint, job.id, question, packed["request_id"])
            return document | {"picture": _with_data(question)}
        except EndpointError as error:
            return self._later(job, _pause(error, job.seconds), error)
        except NotConfigured as error:  # here, perhaps, and not where others run it
            return self._later(job, LONGEST_PAUSE, InternalError(error.detail))
        except DiskFull:
            return LONGEST_PAUSE
        except JobsUnavailable:
            return FIRST_PAUSE
        except WrongInput as error:  # as the dialect finds, and not the form: a tensor of another shape
            return error
        except AppError as error:
            return InternalError(error.detail)
        except Exception as error:
            log.error("unexpected error of job %s", job.id, exc_info=error)
            return InternalError()

    def _all_rows(self, job: Taken, endpoint: Endpoint, about: Document) -> Document | AppError | float:
        """A whole file, from where a former run left off. Each body is kept as soon as all before it are. An endpoint
        that is away was waited for by then, for as long as may be."""
        from . import batch, sheets

        plan, schema = batch.Plan.revive(about), endpoint.schema
        if endpoint.doubt and about["dialect"] != schema.dialect:
            raise Loading("What it asks for is not known at the moment.")
        with _if_it_still_fits():
            batch.check(plan, schema)
        at = self._store.progress(job.id)
        if at is None:
            raise JobGone
        names: list[str] = json.loads(at.names)
        with self._lock:
            pace = self._paces.setdefault(endpoint, batch.Pace(batch.calls_at_once(endpoint)))
        with self._file(job.id) as file:
            rows = sheets.rows(file, plan.sheet, at.done)
            coming = batch.run(endpoint, schema, plan, rows, pace, lambda: self._may_go_on(job))
            try:
                with closing(coming):
                    for done in coming:
                        names = batch.with_names(names, done)
                        at = self._kept(job, at, done, names)
            except batch.Stopped:
                return 0.0  # where it is still ours, it goes on elsewhere
            except EndpointError as error:
                return error
        seen = batch.summary(names, batch.unpacked(self._store.pieces(job.id, "rows")))
        return {**about, "done": at.done, "failed": at.failed, "names": names, "seen": seen}

    def _kept(self, job: Taken, at: Progress, done: list[Done], names: list[str]) -> Progress:
        """How far it is with these. Raises JobGone where somebody cancelled it, or another one runs it."""
        from . import batch
        from .store import pieces_of

        data = batch.packed(done, self._clean)
        to = replace(
            at,
            done=at.done + len(done),
            failed=at.failed + sum(bool(row.error) for row in done),
            pieces=at.pieces + pieces_of(data),
            names=json.dumps(names),
        )
        if not _insist(lambda: self._store.advance(job, data, to)):
            raise JobGone
        return to

    def _may_go_on(self, job: Taken) -> bool:
        with suppress(JobsUnavailable):
            return not self._ending.is_set() and self._store.is_ours(job)
        return True

    def _clean(self, document: Any) -> Any:
        """Without secrets of the settings."""
        return self._redact.document(document) if self._redact.stands_in(dumps(document)) else document

    def _later(self, job: Taken, pause: float | None, error: AppError) -> float | AppError:
        """The pause, where it would end within `JOB_TIMEOUT`; else the error."""
        return pause if pause is not None and job.seconds + pause < self._settings.job_timeout else error

    def _settle(self, job: Taken, outcome: Document | AppError | float) -> str:
        """What became of it, in a word."""
        if isinstance(outcome, float):
            self._store.put_back(job, outcome)
            return "put back"
        if isinstance(outcome, AppError):
            if not self._store.fail(job, self._as_json(_record(outcome))):
                return "dropped"
            self._note(job, outcome)
            return "failed"
        return "succeeded" if self._store.succeed(job.id, self._as_json(outcome)) else "dropped"

    def _note(self, job: Taken, error: AppError) -> None:
        """What the endpoint said of it goes to the log and nowhere else."""
        body = getattr(error, "body", b"")[:MOST_SEARCHED].decode("utf-8", "replace")
        facts = {"job": job.id, "kind": error.kind, "detail": error.detail, "said": self._redact(body)[:LOGGED_BODY]}
        log.warning("no answer", extra={"facts": {name: value for name, value in facts.items() if value}})

    def _as_json(self, document: Document) -> bytes:
        """Without secrets of the settings."""
        text = dumps(document)
        if self._redact.stands_in(text):
            text = dumps(self._redact.document(document))
        return text.encode("utf-8", "replace")

    def _endpoint(self, model: str) -> Endpoint:
        """The model's endpoint with the time limit of jobs, and calls of its own. Raises NotConfigured."""
        found = self._find(model)
        if found is None:
            raise NotConfigured(f"There is no model {model} any more.")
        with self._lock:
            known = self._slow.get(model)
            if known is None or known[0] is not found:
                settings = replace(found.settings, timeout=found.settings.job_timeout, cache_seconds=0)
                slow = Endpoint(settings)
                known = self._slow[model] = found, slow
        return known[1]

    @contextmanager
    def _file(self, id: str) -> Iterator[BinaryIO]:
        """The file as it came, for as long as this lasts. Raises DiskFull."""
        with tempfile.TemporaryFile() as copy:
            for piece in self._store.pieces(id, "file"):
                _write(copy, piece)
            copy.seek(0)
            yield copy


def _write(copy: BinaryIO, piece: bytes) -> None:
    """Raises DiskFull."""
    try:
        copy.write(piece)
        copy.flush()
    except OSError as error:
        log.warning("%s has no room for a file of rows: %s", tempfile.gettempdir(), error.strerror)
        raise DiskFull from error


def _insist(settle: Callable[[], T]) -> T:
    """A database that is away for a moment must not cost an answer that was paid for. Raises JobsUnavailable."""
    until = time.monotonic() + INSIST_SECONDS
    while True:
        try:
            return settle()
        except JobsUnavailable:
            if time.monotonic() > until:
                raise
            time.sleep(LOOK_SECONDS)


def _pause(error: EndpointError, seconds: float) -> float | None:
    """In how many seconds a job that was begun so long ago should be tried again; None when that would not help, or
    when the model may have run."""
    if not (error.another_try or isinstance(error, Overloaded | Loading)):
        return None
    return max(error.retry_after or 0.0, min(max(FIRST_PAUSE, seconds), LONGEST_PAUSE))


def _with_data(question: Question) -> Document | None:
    """The first picture goes with the answer, as the input does not outlive the job."""
    about = question.first_picture()
    return {**about, "data": question.pictures[about["field"]].base64()} if about else None


def _record(error: AppError) -> Document:
    if isinstance(error, EndpointError):
        return error.record()
    return {"error": type(error).__name__, "detail": error.words if isinstance(error, WrongInput) else error.detail}


@contextmanager
def _if_it_still_fits() -> Iterator[None]:
    """What is wrong now was not when it was taken in. Raises InternalError."""
    try:
        yield
    except WrongInput as error:
        raise InternalError(f"The model asks for something else than when this was taken in. {error.words}") from error


def _fitting(endpoint: Endpoint, packed: Document) -> list[Row]:
    """The rows as they were checked or, where the model asks for other things by now, checked anew. Raises WrongInput,
    and Loading where the form is a guess: the endpoint may be away, and say more when it is back."""
    schema, rows = endpoint.schema, packed["rows"]
    names = {f.name for f in schema.fields}
    if packed["dialect"] == schema.dialect and all(row.keys() == names for row in rows):
        return list(rows)
    if endpoint.doubt:
        raise Loading("What it asks for is not known at the moment.")
    return [schema.parse(row, "json") for row in rows]
