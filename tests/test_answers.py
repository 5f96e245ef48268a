"""Kept answers: made once whatever happens at the same time, kept for their time, and never with a secret."""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from FlaskAppAML import answers as answers_module
from FlaskAppAML.answers import Answers, Forgetful, answer_id
from FlaskAppAML.redact import Redactor

ID = "0123456789abcdef" * 2
ONCE = "f" * 32
SECRET = "s3cret/of+mine"

Document = dict[str, Any]


class Maker:
    """Counts how often it is called."""

    def __init__(self, seconds: float = 0.0, **document: Any) -> None:
        self.calls = 0
        self._seconds = seconds
        self._document = document or {"raw": 1}

    def __call__(self) -> Document:
        self.calls += 1
        time.sleep(self._seconds)
        return dict(self._document)


def kept_in(folder: Path, minutes: int = 15, patience: float = 25.0) -> Answers:
    return Answers(folder, minutes, patience, Redactor([SECRET]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "answers"


@pytest.fixture(autouse=True)
def no_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeping is called by the tests themselves."""
    monkeypatch.setattr(Answers, "_sweep_later", lambda self: None)


def execute(folder: Path, statement: str, *values: Any) -> list[Any]:
    """As another process writes, or a crash leaves, what is kept."""
    connection = sqlite3.connect(folder / answers_module.FILE_NAMES[0])
    with connection:
        rows = connection.execute(statement, values).fetchall()
    connection.close()
    return rows


def over(folder: Path, seconds_ago: float, id: str = ID) -> None:
    """As if the row's time had been over for so long."""
    execute(folder, "UPDATE answers SET over = ? WHERE id = ?", time.time() - seconds_ago, id)


def claimed(folder: Path, maker: str, seconds_left: float) -> None:
    """A row whose document is being made, by `maker`."""
    kept_in(folder).once("e" * 32, Maker())
    execute(folder, "INSERT INTO answers VALUES (?, ?, ?, NULL)", ID, maker, time.time() + seconds_left)


def a_dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


# Once


@pytest.mark.parametrize("keeper", ["disk", "memory"])
def test_the_same_id_in_many_threads_is_made_once(keeper: str, folder: Path) -> None:
    answers = kept_in(folder) if keeper == "disk" else Forgetful()
    make = Maker(0.2, raw=[1, "é"])
    with ThreadPoolExecutor(8) as pool:
        documents = list(pool.map(lambda _: answers.once(ID, make), range(8)))
    assert make.calls == 1
    assert all(document["raw"] == [1, "é"] for document in documents)
    assert {document["at"] for document in documents} == {documents[0]["at"]}


def _in_a_process(folder: str, start: Any, found: Any) -> None:
    """What a second worker does: the same id at the same moment."""

    def make() -> Document:
        time.sleep(0.3)
        return {"raw": os.getpid()}

    start.wait()
    found.put(Answers(Path(folder), 15, 25.0, Redactor([])).once(ID, make)["raw"])


def test_the_same_id_in_two_processes_is_made_once(folder: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    start, found = spawn.Barrier(2), spawn.SimpleQueue()
    workers = [spawn.Process(target=_in_a_process, args=(str(folder), start, found)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    pids = {worker.pid for worker in workers}
    assert [worker.exitcode for worker in workers] == [0, 0]
    for worker in workers:
        worker.close()
    made_by = {found.get() for _ in range(2)}
    found.close()
    assert len(made_by) == 1
    assert made_by <= pids


def test_different_ids_are_made_at_the_same_time(folder: Path) -> None:
    answers, all_at_once = kept_in(folder), threading.Barrier(8)

    def make() -> Document:
        return {"raw": all_at_once.wait(20)}

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda i: answers.once(f"{i:032x}", make)["raw"], range(8)))
    assert sorted(made) == list(range(8))


@pytest.mark.parametrize("keeper", ["disk", "memory"])
def test_a_call_that_breaks_leaves_the_id_free(keeper: str, folder: Path) -> None:
    answers = kept_in(folder) if keeper == "disk" else Forgetful()

    def broken() -> Document:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        answers.once(ID, broken)
    started = time.monotonic()
    assert answers.once(ID, Maker(raw=2))["raw"] == 2
    assert time.monotonic() - started < 5


# For how long


def test_an_answer_can_be_opened_again_until_its_time_is_over(folder: Path) -> None:
    answers, make = kept_in(folder), Maker()
    made = answers.once(ID, make)
    assert made["until"] - made["at"] == 15 * 60
    assert kept_in(folder).get(ID) == answers.once(ID, make) == made
    over(folder, 1)
    assert answers.get(ID) is None
    assert answers.once(ID, make)["at"] > made["at"]
    assert make.calls == 2


def test_a_failure_is_served_again_for_a_minute_and_never_opened(folder: Path) -> None:
    answers, make = kept_in(folder), Maker(error={"error": "TimedOut"})
    answers.once(ID, make)
    assert answers.once(ID, make)["error"] == {"error": "TimedOut"}
    assert make.calls == 1
    assert answers.get(ID) is None
    ((until,),) = execute(folder, "SELECT over FROM answers")
    assert 55 < until - time.time() <= 60
    over(folder, 1)
    answers.once(ID, make)
    assert make.calls == 2


def test_what_a_crash_left_is_taken_over_at_once(folder: Path) -> None:
    claimed(folder, f"{platform.node()}:{a_dead_process()}", 25)
    make = Maker()
    started = time.monotonic()
    assert kept_in(folder).get(ID) is None
    assert kept_in(folder).once(ID, make)["raw"] == 1
    assert (make.calls, time.monotonic() - started < 5) == (1, True)


def test_what_another_machine_left_is_taken_over_after_its_time(folder: Path) -> None:
    claimed(folder, "elsewhere:1", 0.3)
    make = Maker()
    assert kept_in(folder).once(ID, make)["raw"] == 1
    assert make.calls == 1


def test_an_unfinished_row_is_waited_for_as_long_as_a_call_may_take(folder: Path) -> None:
    claimed(folder, "elsewhere:1", 25)
    whole = {"at": time.time(), "until": time.time() + 60, "raw": "of the other one"}
    fill = "UPDATE answers SET document = ? WHERE id = ?"
    writer = threading.Timer(0.2, lambda: execute(folder, fill, json.dumps(whole), ID))
    writer.start()
    make = Maker()
    assert kept_in(folder).once(ID, make) == whole
    writer.join()
    assert make.calls == 0


def test_nobody_waits_for_ever(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "GRACE_SECONDS", 0.1)
    claimed(folder, "elsewhere:1", 1000)
    document = kept_in(folder, patience=0.2).once(ID, Maker())
    assert (document["raw"], document["until"]) == (1, None)


def test_memory_forgets_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "DOUBLE_CLICK_SECONDS", 0.2)
    answers, make = Forgetful(), Maker()
    assert answers.once(ID, make)["until"] is None
    assert answers.once(ID, make)["raw"] == 1
    assert make.calls == 1
    assert answers.get(ID) is None
    time.sleep(0.3)
    answers.once(ID, make)
    assert make.calls == 2


# Folders


@pytest.mark.parametrize("below", ["", "answers", "a/b"])
def test_without_a_folder_the_answer_is_given_all_the_same(below: str, tmp_path: Path) -> None:
    """A file stands where the folder should be; permissions would not stop root."""
    (tmp_path / "data").write_text("a file")
    answers, make = kept_in(tmp_path / "data" / below), Maker()
    assert answers.once(ID, make)["raw"] == 1
    document = answers.once(ID, make)  # from memory: a double click still sends once
    assert document["until"] is None
    assert make.calls == 1
    assert answers.get(ID) is None
    answers.sweep()


@pytest.fixture
def dangling(tmp_path: Path) -> Iterator[Path]:
    """A link to a disk that is not there; in the end it is, which ends whoever still waits for it."""
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    yield tmp_path / "data"
    (tmp_path / "disk").mkdir()


def test_a_link_to_a_disk_that_is_gone_does_not_hold_up_the_answer(dangling: Path) -> None:
    done: list[Document] = []
    worker = threading.Thread(target=lambda: done.append(kept_in(dangling / "answers").once(ID, Maker())), daemon=True)
    worker.start()
    worker.join(0.5)
    assert done


@pytest.mark.parametrize("id", ["", "x", ID.upper(), ID + "0", ID[:-1], f"../{ID[3:]}", ID + "\n", "é" * 32, "/" * 32])
def test_an_odd_id_opens_nothing(id: str, folder: Path) -> None:
    answers = kept_in(folder)
    answers.once(ID, Maker())
    assert answers.get(id) is None


@pytest.mark.parametrize(
    "content", [b"no database at all, but longer than a header" * 9, b"SQLite format 3\0" + b"x" * 5000]
)
def test_a_file_that_is_no_database_is_made_anew(content: bytes, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / answers_module.FILE_NAMES[0]).write_bytes(content)
    answers = kept_in(folder)
    assert answers.get(ID) is None
    assert answers.once(ID, Maker())["until"]
    assert answers.get(ID) is not None


def test_a_disk_that_fills_up_keeps_nothing_and_loses_no_answer(folder: Path) -> None:
    answers = kept_in(folder)
    answers.once("e" * 32, Maker())
    answers._file._open().execute("PRAGMA max_page_count = 10")
    document = answers.once(ID, Maker(raw="x" * 100_000))
    assert (document["raw"], document["until"]) == ("x" * 100_000, None)
    assert answers.get(ID) is None
    assert answers.once("d" * 32, Maker())["raw"] == 1


def test_a_fork_opens_the_file_for_itself(folder: Path) -> None:
    """gunicorn with `--preload` makes the app first and the workers then."""
    answers = kept_in(folder)
    answers.once("e" * 32, Maker())
    if not hasattr(os, "fork"):
        pytest.skip("Windows has no fork")
    child = os.fork()
    if child == 0:
        os._exit(0 if answers.once(ID, Maker())["until"] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert answers.get(ID) is not None


def test_nothing_secret_is_on_disk(folder: Path) -> None:
    document = {"raw": {"echo": [f"Bearer {SECRET}"]}, "request": f"?key={quote(SECRET, safe='')}"}
    answers = kept_in(folder)
    answers.once(ID, lambda: document)
    for file in folder.iterdir():
        assert b"s3cret" not in file.read_bytes()
    kept = answers.get(ID)
    assert kept is not None
    assert kept["raw"]["echo"] == ["Bearer [secret removed]"]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_nobody_else_may_read_what_is_kept(folder: Path) -> None:
    answers = kept_in(folder)
    for one in (ID, ONCE):  # the first one makes the folder
        answers.once(one, Maker())
    assert [path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())] == [0] * 4


def test_a_secret_of_digits_leaves_the_file_readable(folder: Path) -> None:
    answers = Answers(folder, 15, 25.0, Redactor(["12345678"]))
    answers.once(ID, lambda: {"raw": 0.12345678})
    assert answers.get(ID) is not None


def test_awkward_values_are_kept(folder: Path) -> None:
    raw = {"big": 2**63, "é": "😀\x00<", "deep": [[None, True, 1.5]]}
    answers = kept_in(folder)
    answers.once(ID, lambda: {"raw": raw})
    kept = answers.get(ID)
    assert kept is not None
    assert kept["raw"] == raw


def test_lone_surrogates_do_not_stop_an_answer_from_being_kept(folder: Path) -> None:
    answers = kept_in(folder)
    answers.once(ID, lambda: {"raw": "\ud800"})
    kept = answers.get(ID)
    assert kept is not None
    assert kept["raw"] == "?"


# Sweeping


def test_sweeping_deletes_what_is_over_and_nothing_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "SWEPT_AT_ONCE", 2)
    answers = kept_in(folder)
    for i in range(9):
        answers.once(f"{i:032x}", Maker())
    for i in (0, 1, 2, 4):
        over(folder, 1, f"{i:032x}")
    answers.sweep()
    assert [row[0] for row in execute(folder, "SELECT id FROM answers ORDER BY id")] == [
        f"{i:032x}" for i in (3, *range(5, 9))
    ]


def test_sweeping_keeps_the_newest_within_the_limit_of_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "SWEPT_AT_ONCE", 1)
    answers = kept_in(folder)
    for i in range(6):
        answers.once(f"{i:032x}", Maker(raw="x" * 100_000))
    monkeypatch.setattr(answers_module, "MOST_BYTES", 350_000)
    answers.sweep()
    assert [row[0] for row in execute(folder, "SELECT id FROM answers ORDER BY id")] == [f"{i:032x}" for i in (3, 4, 5)]
    assert (folder / answers_module.FILE_NAMES[0]).stat().st_size < 450_000


def test_without_minutes_everything_goes(folder: Path) -> None:
    answers = kept_in(folder)
    answers.once(ID, Maker())
    answers_module.forget(folder)
    assert list(folder.iterdir()) == []


# Ids


def test_an_id_belongs_to_the_form_and_the_input() -> None:
    assert answer_id(ONCE, {"a": 1}) == answer_id(ONCE, {"a": 1})
    ids = {
        answer_id(ONCE, {"a": 1}),
        answer_id(ONCE, {"a": "1"}),
        answer_id(ONCE, {"a": 2}),
        answer_id("e" * 32, {"a": 1}),
    }
    assert len(ids) == 4
    assert all(len(one) == 32 and int(one, 16) for one in ids)
    assert answer_id(ONCE, {"a": "\ud800"})


@pytest.mark.parametrize("once", ["", "short", ONCE.upper(), ONCE + "0", "../" + ONCE[3:], ONCE + "\n"])
def test_without_a_good_random_id_every_call_is_its_own(once: str) -> None:
    ids: Callable[[], str] = lambda: answer_id(once, {"a": 1})  # noqa: E731
    assert ids() != ids()
