"""Forms and answers against real model servers, which are started here: FastAPI and Cog within seconds in `make test`,
the others by `make test-servers` in environments of their own.

Each server stands behind a gate that counts what is asked; where a server does not ask for the key, the gate does.
What was seen is compared with `docs/endpoints.md`, or written there with WRITE=1.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import reduce
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from conftest import KEY
from playwright.sync_api import Browser, FilePayload, Page
from servers import environments
from servers.cases import CASES, FLOWERS, SPECIES, Case
from servers.page import INTRODUCTION, Seen, described, page, row, section
from servers.running import SERVERS, Running, running
from serving import served
from werkzeug.datastructures import FileStorage, MultiDict

import FlaskAppAML
from FlaskAppAML import connect
from FlaskAppAML.dialects import mlflow
from FlaskAppAML.endpoint import Endpoint
from FlaskAppAML.errors import EndpointError, InputRefused, KeyRefused
from FlaskAppAML.faults import check
from FlaskAppAML.results import Result, Table
from FlaskAppAML.score import score
from FlaskAppAML.settings import Settings
from FlaskAppAML.wire import Reply

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "endpoints.md"
WRITE = bool(os.environ.get("WRITE"))


def param(case: Case) -> Any:
    is_heavy = bool(SERVERS[case.server].environment)
    is_slow = is_heavy or case.title != "FastAPI, one flower"
    marks = [*([pytest.mark.servers] if is_heavy else []), *([pytest.mark.slow] if is_slow else [])]
    return pytest.param(case, id=case.title, marks=marks)


class Park:
    """The servers, each started when first asked for."""

    def __init__(self, ends: contextlib.ExitStack) -> None:
        self._ends = ends
        self._known: dict[str, Running] = {}
        self._failed: set[str] = set()  # one that does not start is not waited for again

    def __call__(self, name: str) -> Running:
        server = SERVERS[name]
        if server.environment and not environments.is_made(server.environment):
            missing = f"LOUD: {name} was not tried: its environment is not there; make test-servers makes it"
            pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
        assert name not in self._failed, f"{name} did not start before"
        if name not in self._known:
            self._failed.add(name)
            self._known[name] = self._ends.enter_context(running(server, KEY))
            self._failed.remove(name)
        return self._known[name]


@pytest.fixture(scope="module")
def park() -> Iterator[Park]:
    with contextlib.ExitStack() as ends:
        yield Park(ends)


@pytest.fixture(scope="module")
def all_seen() -> dict[str, Seen]:
    """What each case has shown."""
    return {}


def settings(run: Running, case: Case, folder: Path, **changes: Any) -> Settings:
    """URL and key; one sample request where the server describes nothing."""
    given = {"url": run.gate.url + case.path, "api_key": KEY, "schema": case.sample}
    return Settings(**{**given, "data_dir": str(folder), "rate_limit": "off", **changes})


def typed_row(endpoint: Endpoint, typed: Mapping[str, str]) -> dict[str, Any]:
    """A row as the form makes it. A list of fixed length has a box for each of its values."""
    kinds = {f.name: f.kind for f in endpoint.schema.fields}
    texts = [(k, w) for k, v in typed.items() if kinds[k] != "file" for w in (v.split() if kinds[k] == "list" else [v])]
    files = {k: FileStorage(BytesIO(v.encode()), "flowers.csv") for k, v in typed.items() if kinds[k] == "file"}
    form = endpoint.form_class()(MultiDict(texts), files=MultiDict(files))
    assert form.validate(), form.wrong()
    return form.row()


def direct(run: Running, case: Case, body: Any) -> requests.Response:
    """What the server says when it is asked without the app."""
    way = "files" if case.files else "data" if isinstance(body, bytes) else "json"
    headers = {"Authorization": f"Bearer {KEY}", **case.headers}
    return requests.post(run.direct + case.path, headers=headers, timeout=30, **{way: body})


def answer_in(case: Case, reply: Any) -> Any:
    """The model's own answer in a reply, without ids and times."""
    return reduce(lambda inside, step: inside[step], case.answer, reply)


def submit(on: Page, typed: Mapping[str, str]) -> None:
    """Fills in the fields and presses the button."""
    for name, text in typed.items():
        controls = on.locator(f"[name='{name}']")
        if controls.first.get_attribute("type") == "file":
            chosen: list[FilePayload] = [{"name": "flowers.csv", "mimeType": "text/csv", "buffer": text.encode()}]
            controls.set_input_files(chosen if text else [])
        elif controls.count() > 1:
            for number, word in enumerate(text.split()):
                controls.nth(number).fill(word)
        else:
            controls.fill(text)
    with on.expect_navigation():
        on.click("button.go")


@pytest.mark.parametrize("case", [param(case) for case in CASES])
def test_from_the_description_to_the_answer(
    case: Case, park: Park, chromium: Browser, all_seen: dict[str, Seen], tmp_path: Path
) -> None:
    """The form fits; what Chromium fills in brings the model's own answer; a wrong value is never sent; and what the
    model refuses is told as what it is. All of it stands in docs/endpoints.md."""
    run = park(case.server)
    app = FlaskAppAML.create_app(settings(run, case, tmp_path))
    endpoint: Endpoint = next(iter(app.extensions["site"].models.values()))
    schema = endpoint.schema
    assert (schema.dialect, schema.source) == (case.dialect, case.source)
    fields = {f.name: described(f) for f in schema.fields}
    assert fields == dict(case.fields)
    with served(app) as url, contextlib.closing(chromium.new_page()) as on:
        on.set_default_timeout(15_000)
        on.goto(url)
        said, wrong, failure = in_the_browser(on, run, case)
    error = refusal(endpoint, case)
    seen = Seen(
        case=case,
        server=f"{run.server.package} {run.version}",
        checks_key=run.server.checks_key,
        dialect=schema.dialect,
        source=schema.source,
        doubt=endpoint.doubt,
        fields=fields,
        said=said,
        wrong=wrong,
        kind=error.kind,
        failure=failure,
        words=error.endpoint_text if error.says_why else "",
    )
    all_seen[case.title] = seen
    if not WRITE:
        written = DOCUMENT.read_text("utf-8")
        assert row(seen) in written, "make test-servers WRITE=1"
        assert section(seen) in written, "make test-servers WRITE=1"


def in_the_browser(on: Page, run: Running, case: Case) -> tuple[str, str, str]:
    """The sentences of the answer, of a wrong value, and of what the model refuses."""
    before = run.gate.scored
    submit(on, case.typed)
    assert run.gate.scored == before + 1
    said = on.inner_text("h2.said")
    got = answer_in(case, json.loads(on.text_content("#response") or ""))
    assert got == answer_in(case, direct(run, case, case.body).json())
    assert SPECIES[0] in json.dumps(got)
    assert SPECIES[0] in said

    submit(on, dict([case.wrong]))
    wrong = on.inner_text(".error >> nth=0")
    assert run.gate.scored == before + 1, "a wrong value reached the server"

    submit(on, {**case.typed, **case.refused})
    assert run.gate.scored == before + 2
    assert case.words in on.inner_text("main")
    return said, wrong, on.inner_text("h2.said")


def refusal(endpoint: Endpoint, case: Case) -> EndpointError:
    """What is raised for a value that the form lets through and the model does not."""
    with pytest.raises(EndpointError) as raised:
        score(endpoint, endpoint.schema, [typed_row(endpoint, {**case.typed, **case.refused})])
    assert raised.value.kind == case.kind
    return raised.value


@pytest.mark.parametrize("case", [param(case) for case in CASES if case.rows])
def test_several_rows_go_in_one_request(case: Case, park: Park, tmp_path: Path) -> None:
    run = park(case.server)
    endpoint = Endpoint(settings(run, case, tmp_path))
    (name, *others) = case.fields
    rows = [flower if others else {name: " ".join(flower.values())} for flower in FLOWERS]
    before = run.gate.scored
    scored = score(endpoint, endpoint.schema, [typed_row(endpoint, typed) for typed in rows])
    assert run.gate.scored == before + 1
    assert species_in(scored.result) == list(SPECIES)


def species_in(result: Result) -> list[Any]:
    (table,) = [part for part in result.parts if isinstance(part, Table)]
    return [next(cell for cell in row if cell in SPECIES) for row in table.rows]


@pytest.mark.parametrize("case", [param(case) for case in {case.server: case for case in CASES}.values()])
def test_another_key_is_refused(case: Case, park: Park, tmp_path: Path) -> None:
    """By the server itself or by the gate; and it is said to be the key."""
    run = park(case.server)
    with_key = Endpoint(settings(run, case, tmp_path / "one"))
    row = typed_row(with_key, case.typed)
    other = Endpoint(settings(run, case, tmp_path / "two", api_key="another-key-altogether"))
    with pytest.raises(KeyRefused):
        score(other, with_key.schema, [row])


@pytest.mark.parametrize("case", [param(case) for case in CASES if case.title == "MLflow, nothing given"])
def test_a_signature_is_read_from_what_mlflow_says_of_an_empty_frame(case: Case, park: Park) -> None:
    reply = direct(park(case.server), case, {"dataframe_split": {"columns": [], "data": []}})
    with pytest.raises(InputRefused) as raised:
        check(Reply(reply.status_code, {"content-type": "application/json"}, reply.content))
    columns = mlflow.columns_of_error(raised.value.endpoint_text)
    assert [(f.name, f.kind, f.required) for f in columns] == [(n, "number", True) for n in FLOWERS[0]]
    assert set(raised.value.fields) == set(FLOWERS[0])


@pytest.mark.parametrize("case", [param(case) for case in CASES if case.title == "MLflow, nothing given"])
def test_the_owner_can_ask_mlflow_for_its_columns(case: Case, park: Park, tmp_path: Path) -> None:
    run = park(case.server)
    before = run.gate.scored
    schema = connect.columns(Endpoint(settings(run, case, tmp_path / "one")))
    assert run.gate.scored == before + 1
    told = Endpoint(settings(run, case, tmp_path / "two", schema=schema))
    assert [(f.name, f.kind, f.required) for f in told.schema.fields] == [(n, "number", True) for n in FLOWERS[0]]
    rows = [typed_row(told, typed) for typed in FLOWERS]
    assert species_in(score(told, told.schema, rows).result) == list(SPECIES)


def test_the_page_holds_every_server_once(all_seen: dict[str, Seen]) -> None:
    if WRITE:
        assert len(all_seen) == len(CASES), "the page is written when every server was seen, in one process"
        DOCUMENT.write_text(page(all_seen[case.title] for case in CASES), "utf-8")
    written = DOCUMENT.read_text("utf-8")
    headings = [line.removeprefix("## ") for line in written.splitlines() if line.startswith("## ")]
    assert headings == [case.title for case in CASES]
    assert written.startswith(INTRODUCTION)
