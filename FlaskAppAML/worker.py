"""`flask worker`: runs background jobs in a process of its own, any number of them, on any machine that reaches the
database. With `REDIS_URL` it is a worker of RQ, which hears of a job at once."""

from __future__ import annotations

import logging
import signal
import threading
import time
from contextlib import suppress
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from .errors import JobGone, JobsUnavailable
from .jobs import LOOK_SECONDS, Jobs, queue_of

LONGEST_WAIT = 2.0  # seconds between two tries to reach Redis

log = logging.getLogger(__name__)


@click.command("worker")
@with_appcontext
def worker() -> None:
    """Run background jobs, one at a time, until this is stopped."""
    jobs: Jobs = current_app.extensions["jobs"]
    settings = current_app.extensions["site"].settings
    if settings.missing():
        raise click.ClickException(f"{', '.join(settings.missing())} missing: a worker needs the settings of the web.")
    click.echo("Worker: waits for jobs.")
    if settings.redis_url:
        threading.Thread(target=_watch, args=(jobs,), daemon=True).start()
        work_for_redis(settings.redis_url)
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: jobs.ending.set())
    jobs.work()


def rung(id: str) -> None:
    """What RQ calls at each ring: whichever job is the oldest has its turn. `id` is for those who read RQ's lists."""
    jobs: Jobs = current_app.extensions["jobs"]
    try:
        if not jobs.run_next() and id:
            jobs.look(id)
    except JobGone:
        log.warning("job %s is not in the database of this worker: deleted, or DATABASE_URL is not that of the web", id)
    except JobsUnavailable:
        log.warning("the bell of job %s was not answered; it will be rung again", id)


def work_for_redis(redis_url: str) -> None:
    """A worker of RQ in this process: a work-horse of its own would be one more that can die, and it knows neither the
    endpoint's connections nor its form. RQ's ends when Redis does; then another one begins."""
    from redis import RedisError
    from rq import SimpleWorker
    from rq.exceptions import StopRequested

    asked_to_end = threading.Event()

    class Patient(SimpleWorker):
        max_connection_wait_time = LONGEST_WAIT

        def request_stop(self, number: int, frame: Any) -> None:
            asked_to_end.set()
            current_app.extensions["jobs"].ending.set()
            with suppress(RedisError):  # which would end the job that runs
                super().request_stop(number, frame)  # type: ignore[no-untyped-call]

    queue = queue_of(redis_url)
    while not asked_to_end.is_set():
        with suppress(RedisError, StopRequested):
            Patient([queue], connection=queue.connection, serializer=queue.serializer).work(logging_level="WARNING")
            asked_to_end.wait(LONGEST_WAIT)


def _watch(jobs: Jobs) -> None:
    """Rings again for jobs that nobody heard of."""
    while True:
        time.sleep(LOOK_SECONDS)
        try:
            jobs.ring_for_the_rest()
        except JobsUnavailable:
            pass  # it was logged
        except Exception as error:  # without this thread a lost bell would stay lost
            log.error("unexpected error", exc_info=error)
