"""What `flask batch` says before it asks the model, where the result could not be kept; and where it was stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from conftest import MakeApp
from soak.rows import RowsEndpoint, csv_rows

from FlaskAppAML import batch, sheets


@pytest.fixture
def model() -> Iterator[RowsEndpoint]:
    with RowsEndpoint() as made:
        yield made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    found = tmp_path / "in.csv"
    found.write_bytes(b"".join(csv_rows(40)))
    return found


def run(make_app: MakeApp, model: RowsEndpoint, source: Path, target: Path) -> Result:
    settings = model.settings(source.parent / "data", max_rows=10, max_calls=2)
    return make_app(**settings).test_cli_runner().invoke(args=["batch", str(source), str(target)])


def test_the_file_itself_is_not_written_over(make_app: MakeApp, model: RowsEndpoint, source: Path) -> None:
    before = source.read_bytes()
    done = run(make_app, model, source, source.parent / ".." / source.parent.name / "in.csv")
    assert (done.exit_code, "OUT is IN" in done.output, source.read_bytes()) == (2, True, before)
    assert not model.calls


def test_a_folder_that_is_not_there_is_said(make_app: MakeApp, model: RowsEndpoint, source: Path) -> None:
    target = source.parent / "nowhere" / "out.csv"
    done = run(make_app, model, source, target)
    assert (done.exit_code, f"{target} cannot be written: No such file" in done.output) == (2, True)
    assert not model.calls


def test_more_rows_than_excel_takes_are_refused_before_they_are_paid_for(
    make_app: MakeApp, model: RowsEndpoint, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "MOST_XLSX_ROWS", 39)
    done = run(make_app, model, source, source.parent / "out.xlsx")
    assert (done.exit_code, "39 rows at most" in done.output) == (2, True)
    assert not model.calls
    assert run(make_app, model, source, source.parent / "out.csv").exit_code == 0


def test_a_file_that_was_stopped_is_not_done(
    make_app: MakeApp, model: RowsEndpoint, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is pressed after the first rows: a mock, as a signal would come whenever."""
    every = batch.run

    def stopped(*given: Any) -> Any:
        yield next(coming := every(*given))
        coming.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "run", stopped)
    done = run(make_app, model, source, source.parent / "out.csv")
    assert (done.exit_code, "were not asked about" in done.output) == (1, True)
    assert "10 of 10 rows have an answer" in done.output
