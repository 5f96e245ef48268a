"""`flask batch`: a file in, a file out, and the failed rows beside it."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from conftest import MakeApp
from soak.parts import ROOT, environment
from soak.rows import SAMPLE, RowsEndpoint, csv_rows

FLAT_KB = 200_000  # over the process when idle


@pytest.fixture
def model() -> Iterator[RowsEndpoint]:
    with RowsEndpoint() as made:
        yield made


def run(make_app: MakeApp, model: RowsEndpoint, source: Path, target: Path, *more: str) -> Result:
    settings = model.settings(source.parent / "data", max_calls=model.max_calls)
    return make_app(**settings).test_cli_runner().invoke(args=["batch", str(source), str(target), *more])


def table(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text("utf-8-sig").splitlines()))


def test_a_file_comes_back_with_its_answers(make_app: MakeApp, model: RowsEndpoint, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(b"".join(csv_rows(1100)))
    done = run(make_app, model, source, target)
    assert done.exit_code == 0, done.output
    rows = table(target)
    assert rows[0] == ["number", "name", "comment", "prediction", "error"]
    assert rows[1:] == [[str(i), f"n{i}", f"kept {i}", str(2 * i), ""] for i in range(1100)]
    assert "number -> number" in done.output
    assert "not sent: comment" in done.output
    assert not (tmp_path / "out.csv.failed.csv").exists()


def test_failed_rows_come_in_a_file_that_can_be_sent_again(
    make_app: MakeApp, model: RowsEndpoint, tmp_path: Path
) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(b"".join(csv_rows(20, wrong=frozenset({3}), refused=frozenset({9}))))
    done = run(make_app, model, source, target)
    assert done.exit_code == 1
    failed = tmp_path / "out.csv.failed.csv"
    heads, *rows = table(failed)
    assert (heads, [row[2] for row in rows]) == (["number", "name", "comment", "error"], ["kept 3", "kept 9"])
    assert "This name is not taken." in rows[1][3]
    failed.write_text(failed.read_text("utf-8-sig").replace("x,n3", "3,n3").replace(",no,", ",n9,"))
    again = run(make_app, model, failed, target)
    assert again.exit_code == 0, again.output
    assert table(target)[0] == ["number", "name", "comment", "prediction", "error"]
    assert [row[3:] for row in table(target)[1:]] == [["6", ""], ["18", ""]]


def test_a_missing_column_and_a_wrong_model_are_told_before_anything_is_sent(
    make_app: MakeApp, model: RowsEndpoint, tmp_path: Path
) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(b"number,colour\n1,red\n")
    done = run(make_app, model, source, target)
    assert (done.exit_code, "no column for name" in done.output) == (2, True)
    other = run(make_app, model, source, target, "--model", "nobody")
    assert (other.exit_code, "no model nobody" in other.output) == (2, True)
    assert not model.calls
    assert not target.exists()


def test_what_is_done_is_written_when_the_endpoint_goes(make_app: MakeApp, model: RowsEndpoint, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(b"".join(csv_rows(2000)))
    model.refuse_from, model.max_calls = 3, 2  # one call at a time, or the first rows may be the refused ones
    done = run(make_app, model, source, target)
    assert done.exit_code == 2
    assert 0 < len(table(target)) - 1 < 2000
    assert "key" in done.output


@pytest.mark.slow
def test_a_million_rows_take_flat_memory(model: RowsEndpoint, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    peaks = []
    for count in (1_000, 1_000_000):
        with source.open("wb") as file:
            file.writelines(csv_rows(count))
        code = (
            "import resource, sys; from flask.cli import main\n"
            "try: main()\n"
            "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        env = environment(tmp_path / "data", URL=model.url, SCHEMA=SAMPLE, DIALECT="mlflow")
        started = time.monotonic()
        command = [sys.executable, "-c", code, "--app", "app", "batch", str(source), str(target)]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
        print(f"{count:,} rows: {time.monotonic() - started:.1f} s, {peaks[-1] / 1000:.0f} MB", os.linesep)
    assert peaks[1] - peaks[0] < FLAT_KB
    with target.open(encoding="utf-8-sig", newline="") as file:
        assert all(row[3] == str(2 * i) for i, row in enumerate(list(csv.reader(file))[1:]))
