"""Kill -9, again and again, while jobs come in; then the books are read: what was accepted, what was stored, how often.

Each job asks for a name of its own, so that an answer can be told from another's. How often a result was stored is
counted by a trigger of the database, beside everything that the app says of itself.
"""

from __future__ import annotations

import json
import random
import re
import secrets
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import requests
from sqlalchemy import text

from FlaskAppAML.settings import Settings
from FlaskAppAML.store import Store

from .parts import Endpoint, Part, address, environment, free_port, postgres, redis_command, web, worker

DONE_WITHIN = 60.0  # seconds after the last restart
SENDERS = 4


@dataclass
class Books:
    """What a run came to."""

    kills: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    lost: int = 0
    failed: Counter[str] = field(default_factory=Counter)  # by the reason; they count as lost
    wrong: int = 0
    stored_twice: int = 0
    open: int = 0
    most_runs: int = 0  # of one job
    calls: int = 0
    seconds_to_end: float = 0.0

    def are_right(self) -> bool:
        return not (self.lost or self.wrong or self.stored_twice or self.open) and self.accepted > 0

    def __str__(self) -> str:
        kills = ", ".join(f"{count} of {name}" for name, count in self.kills.items())
        return (
            f"kill -9: {kills}. {self.accepted} accepted, {self.lost} lost, {self.open} not done, {self.wrong} with "
            f"another’s answer, {self.stored_twice} stored twice; {self.calls} calls of the model, a job "
            f"was begun {self.most_runs} times at most; all done {self.seconds_to_end:.1f} s after the last restart."
            + "".join(f"\n  {count} failed: {reason}" for reason, count in self.failed.items())
        )


class Senders:
    """Ask through the form, over and over; what got a ticket counts as accepted."""

    def __init__(self, web: Part, pause: float) -> None:
        self.accepted: dict[str, str] = {}  # ticket -> name
        self._url = address(web)
        self._pause = pause
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]

    def __enter__(self) -> Senders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _send(self) -> None:
        while not self._stop.wait(self._pause):
            name = secrets.token_hex(8)
            try:
                given = {"name": name, "_once": secrets.token_hex(16)}
                reply = requests.post(f"{self._url}/", given, allow_redirects=False, timeout=10)
            except requests.RequestException:
                continue  # no ticket: it may have been kept or not
            found = re.fullmatch(r"(?:http://[^/]+)?/jobs/([0-9a-f]{32})", reply.headers.get("Location", ""))
            if reply.status_code == 303 and found:
                self.accepted[found[1]] = name


def count_results(store: Store) -> None:
    """A trigger that notes every change to `succeeded`."""
    store.waiting()  # makes the tables
    noted = "INSERT INTO noted VALUES (NEW.id)"
    made = ["CREATE TABLE noted (id VARCHAR(32))"]
    if store._db.engine.dialect.name == "sqlite":
        made.append(
            f"CREATE TRIGGER note AFTER UPDATE OF state ON jobs WHEN NEW.state = 'succeeded' BEGIN {noted}; END"
        )
    else:
        made.append(f"CREATE FUNCTION note() RETURNS trigger AS $$ BEGIN {noted}; RETURN NEW; END $$ LANGUAGE plpgsql")
        made.append(
            "CREATE TRIGGER note AFTER UPDATE OF state ON jobs FOR EACH ROW "
            "WHEN (NEW.state = 'succeeded') EXECUTE FUNCTION note()"
        )
    with store._db.writing() as c:
        for statement in made:
            c.execute(text(statement))


def read_books(books: Books, store: Store, accepted: dict[str, str], model: Endpoint, started: float) -> Books:
    """Waits for the end, at most `DONE_WITHIN` from `started` (monotonic seconds), and counts."""
    while True:
        with store._db.reading() as c:
            rows = c.execute(text("SELECT id, state, runs FROM jobs")).all()
        states = {row.id: row.state for row in rows}
        books.open = sum(state in ("queued", "running") for state in states.values())
        if not books.open or time.monotonic() - started > DONE_WITHIN:
            break
        time.sleep(0.2)
    books.most_runs = max((row.runs for row in rows), default=0)
    books.seconds_to_end = time.monotonic() - started
    with store._db.reading() as c:
        books.stored_twice = len(c.execute(text("SELECT id FROM noted GROUP BY id HAVING COUNT(*) > 1")).all())
    books.accepted, books.calls = len(accepted), sum(model.calls.values())
    books.lost = sum(states.get(key) not in ("succeeded", "queued", "running") for key in accepted)
    for key, name in accepted.items():
        result = json.loads(store.read(key, "result") or b"{}")
        if states.get(key) == "failed":
            books.failed[f"{result['error']}: {result['detail']}"] += 1
        books.wrong += "prediction" in result and result["prediction"]["raw"] != {"answer": name}
    return books


def embedded(folder: Path, kills: int, lease: str = "", pause: tuple[float, float] = (0.3, 1.5)) -> Books:
    """Threads of the web processes and SQLite: all web processes at once are killed."""
    books, store = Books({"web": kills}), Store("", folder / "jobs.sqlite3", 3600)
    count_results(store)
    with Endpoint(0.3) as model:
        env = environment(folder, URL=model.url, ASYNC="true", JOB_WORKERS="4")
        part = web(env, folder / "web.log", 2, lease)
        part.start()
        try:
            with Senders(part, 0.4) as senders:
                for _ in range(kills):
                    time.sleep(random.uniform(*pause))
                    part.kill()
                    part.start()
                started = time.monotonic()
            return read_books(books, store, senders.accepted, model, started)
        finally:
            part.kill()


def mixed(folder: Path, kills: int, lease: str = "", pause: tuple[float, float] = (0.5, 2.5)) -> Books:
    """PostgreSQL, Redis that keeps nothing, RQ: web, one of three workers or Redis is killed, as it happens."""
    port = free_port()
    with ExitStack() as stack:
        url = stack.enter_context(postgres())
        model = stack.enter_context(Endpoint(0.3))
        store = Store(Settings.read({"DATABASE_URL": url}).database_url, Path(), 3600)
        count_results(store)
        addresses = {"DATABASE_URL": url, "REDIS_URL": f"redis://127.0.0.1:{port}/0"}
        env = environment(folder, URL=model.url, ASYNC="true", **addresses)
        redis = Part("redis", redis_command(port), env, folder / "redis.log", port)
        workers = [worker(env, folder / f"worker{number}.log", lease) for number in range(3)]
        front = web(env, folder / "web.log", 1, lease)
        parts = [redis, front, *workers]
        for part in parts:
            stack.callback(part.kill)
            part.start()
        books = Books({"web": 0, "worker": 0, "redis": 0})
        with Senders(front, 1.0) as senders:
            for number in range(kills):
                time.sleep(random.uniform(*pause))
                victim = [front, redis, random.choice(workers)][number % 3]
                victim.kill()
                books.kills[victim.name] += 1
                time.sleep(random.uniform(0, 1))
                victim.start()
            started = time.monotonic()
        return read_books(books, store, senders.accepted, model, started)
