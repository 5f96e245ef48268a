"""The demo endpoint over real HTTP, its model and its texts."""

import ast
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from contextlib import closing, suppress
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from conftest import KEY

from demo import companies, server, train
from demo.protocol import COLUMNS

DEMO = Path(server.__file__).parent
MODEL = companies.load()
TEXTS = {name: train.read_texts(name) for name in ("train", "unseen")}
EXAMPLES = json.loads((DEMO / "examples.json").read_text(encoding="utf-8"))
ROW = ["Contoso", "Commercial banking", "A bank with branches, savings accounts and mortgages."]
TABLE = {"ColumnNames": list(COLUMNS), "Values": [ROW]}
RECORD = dict(zip(COLUMNS, ROW, strict=True))
DISTANCES = [f"DistancesToClusterCenter no.{number}" for number in range(10)]


def body(source: object, parameters: object = None) -> dict[str, Any]:
    return {"Inputs": {"input1": source}, "GlobalParameters": parameters or {}}


def address(demo: server.Demo, query: str = "", path: str = "/execute") -> str:
    base = demo.url.partition("/execute")[0]
    return f"{base}{path}{'?' if query else ''}{query}"


def port_of(demo: server.Demo) -> int:
    return int(demo.url.split(":")[2].partition("/")[0])


def refused(reply: requests.Response, status: int, kind: str, cause: str | None = None) -> str:
    """Checks the one shape of errors; the message of the cause."""
    assert reply.status_code == status
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    error = reply.json()["error"]
    assert set(reply.json()) == {"error"}
    assert set(error) == {"code", "message", "details"}
    assert error["code"] == kind
    (detail,) = error["details"]
    assert set(detail) == {"code", "message"}
    assert cause in (None, detail["code"])
    assert "Traceback" not in reply.text
    return str(detail["message"])


# -- answers


def test_url_is_a_classic_scoring_url(demo: server.Demo) -> None:
    pattern = r"http://127\.0\.0\.1:\d+/workspaces/[0-9a-f]{32}/services/[0-9a-f]{32}/execute"
    assert re.fullmatch(pattern + r"\?api-version=2\.0&details=true", demo.url)


def test_table_with_details(demo: server.Demo, http: requests.Session) -> None:
    reply = http.post(demo.url, json=body(TABLE))
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert re.fullmatch(r"[0-9a-f]{32}", reply.headers["x-ms-request-id"])
    output = reply.json()["Results"]["output1"]
    assert output["type"] == "table"
    assert output["value"]["ColumnNames"] == [*COLUMNS, "Assignments", *DISTANCES]
    assert output["value"]["ColumnTypes"] == ["String"] * 3 + ["Int32"] + ["Double"] * 10
    (row,) = output["value"]["Values"]
    assert row[:3] == ROW
    cluster, distances = row[3], row[4:]
    assert MODEL.names[int(cluster)] == "Banks and insurers"
    assert [float(distance) for distance in distances] == MODEL.score(ROW[2])[1]
    assert int(cluster) == min(range(10), key=lambda number: float(distances[number]))


def test_table_without_details_has_values_only(demo: server.Demo, http: requests.Session) -> None:
    reply = http.post(address(demo, "api-version=2.0"), json=body(TABLE)).json()
    assert list(reply["Results"]["output1"]["value"]) == ["Values"]


def test_records_in_and_out(demo: server.Demo, http: requests.Session) -> None:
    reply = http.post(address(demo, "api-version=2.0&format=swagger"), json=body([RECORD, RECORD]))
    first, second = reply.json()["Results"]["output1"]
    assert first == second
    assert list(first) == [*COLUMNS, "Assignments", *DISTANCES]
    assert all(isinstance(value, str) for value in first.values())
    assert {name: first[name] for name in COLUMNS} == RECORD


def test_several_rows_keep_their_order(demo: server.Demo, http: requests.Session) -> None:
    rows = [[company.title, company.category, company.text] for company in TEXTS["unseen"]]
    reply = http.post(demo.url, json=body({**TABLE, "Values": rows})).json()
    values = reply["Results"]["output1"]["value"]["Values"]
    assert [row[:3] for row in values] == rows
    assert [int(row[3]) for row in values] == [MODEL.score(row[2])[0] for row in rows]


def test_no_rows_give_no_rows(demo: server.Demo, http: requests.Session) -> None:
    reply = http.post(demo.url, json=body({**TABLE, "Values": []})).json()
    assert reply["Results"]["output1"]["value"]["Values"] == []


@pytest.mark.parametrize("names", [["Text", "id", "Title", "Category"], ["text", "ID", "title", "CATEGORY"]])
def test_columns_are_found_by_name(demo: server.Demo, http: requests.Session, names: list[str]) -> None:
    row = [ROW[2], "7", ROW[0], ROW[1]]
    table = http.post(demo.url, json=body({"ColumnNames": names, "Values": [row]})).json()
    record = http.post(demo.url, json=body([dict(zip(names, row, strict=True))])).json()
    assert table["Results"]["output1"]["value"]["Values"][0][:3] == ROW
    assert record == table


def test_numbers_become_text_as_they_were_written(demo: server.Demo, http: requests.Session) -> None:
    columns = json.dumps(COLUMNS)
    sent = f'{{"Inputs": {{"input1": {{"ColumnNames": {columns}, "Values": [[1.50, null, "7 oil"]]}}}}}}'
    reply = http.post(demo.url, data=sent, headers={"Content-Type": "application/json; charset=utf-8"})
    assert reply.json()["Results"]["output1"]["value"]["Values"][0][:3] == ["1.50", "", "7 oil"]


@pytest.mark.parametrize("text", ["", "?", "zzz qqq", "the of and", "株式会社"])
def test_a_text_without_a_known_word_is_refused(demo: server.Demo, http: requests.Session, text: str) -> None:
    """As the zero vector it would be nearer to every centre than any real text is."""
    reply = http.post(demo.url, json=body({**TABLE, "Values": [["", "", text]]}))
    assert reply.status_code == 400
    assert "no word that this model knows" in reply.text


def test_any_other_text_can_be_scored(demo: server.Demo, http: requests.Session) -> None:
    rows = [["", "", text] for text in ("ÆØÅ 株式会社 \ud800 \x00 &<> oil", "oil " * 100_000)]
    values = http.post(demo.url, json=body({**TABLE, "Values": rows})).json()
    values = values["Results"]["output1"]["value"]["Values"]
    assert [row[:3] for row in values] == rows
    assert MODEL.names[int(values[-1][3])] == "Oil and gas"


def test_connection_is_kept_and_answers_are_quick(demo: server.Demo) -> None:
    connection = HTTPConnection("127.0.0.1", port_of(demo), timeout=5)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    path, sent, times = demo.url.partition(str(port_of(demo)))[2], json.dumps(body(TABLE)), []
    with closing(connection):
        connection.connect()
        socket_of_the_first = connection.sock
        for _ in range(10):
            began = time.perf_counter()
            connection.request("POST", path, sent, headers)
            assert json.load(connection.getresponse())["Results"]
            times.append(time.perf_counter() - began)
        # http.client would have opened another one in silence.
        assert connection.sock is socket_of_the_first
    # A delayed acknowledgement alone would cost 40 ms, each time but the first.
    assert min(times[1:]) < 0.03


def test_connection_survives_errors(demo: server.Demo) -> None:
    connection = HTTPConnection("127.0.0.1", port_of(demo), timeout=5)
    path = demo.url.partition(str(port_of(demo)))[2]
    with closing(connection):
        connection.connect()
        socket_of_the_first = connection.sock
        for method, status in [("POST", 401), ("PUT", 405), ("GET", 405), ("HEAD", 405)] * 2:
            connection.request(method, path, b"x" * 9999)
            reply = connection.getresponse()
            assert (reply.status, bool(reply.read())) == (status, method != "HEAD")
        assert connection.sock is socket_of_the_first


# -- what is refused


@pytest.mark.parametrize("said", [None, "", "Bearer", "Bearer WRONG", KEY, f"Basic {KEY}", "Bearer \xff"])
def test_key_missing_or_wrong(demo: server.Demo, said: str | None) -> None:
    headers = {} if said is None else {"Authorization": said.encode("latin-1")}
    with requests.Session() as session:
        session.trust_env = False
        reply = session.post(demo.url, json=body(TABLE), headers=headers)
    assert reply.status_code == 401
    assert reply.json() == {
        "error": {
            "code": "Unauthorized",
            "message": "Request is unauthorized to access resource.",
            "details": [{"code": "ScoreRequestUnauthorized", "message": "Invalid credentials provided."}],
        }
    }


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        ("", "BadVersionCall"),
        ("details=true", "BadVersionCall"),
        ("api-version=1.0", "BadVersionCall"),
        ("api-version=", "BadVersionCall"),
        ("api-version=2.0&format=xml", "InvalidQueryParameter"),
    ],
)
def test_query(demo: server.Demo, http: requests.Session, query: str, cause: str) -> None:
    refused(http.post(address(demo, query), json=body(TABLE)), 400, "BadArgument", cause)


@pytest.mark.parametrize(
    "sent",
    [b"", b"{", b"\xff\xfe\xfd", b"[]", b'"text"', b"NaN", b'{"Inputs": NaN}', b"[" * 100_000],
)
def test_body_is_not_a_json_object(demo: server.Demo, http: requests.Session, sent: bytes) -> None:
    reply = http.post(demo.url, data=sent, headers={"Content-Type": "application/json"})
    refused(reply, 400, "BadArgument", "RequestBodyInvalid")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_content_type(demo: server.Demo, http: requests.Session, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    reply = http.post(demo.url, data=json.dumps(body(TABLE)).encode(), headers=headers)
    assert "application/json" in refused(reply, 400, "BadArgument", "RequestBodyInvalid")


@pytest.mark.parametrize(
    ("document", "cause"),
    [
        ({}, "MissingRequestInput"),
        ({"Inputs": None}, "MissingRequestInput"),
        ({"Inputs": {}, "GlobalParameters": {}}, "MissingRequestInput"),
        ({"Inputs": {"input9": TABLE}, "GlobalParameters": {}}, "InvalidInputNames"),
        ({"Inputs": {"input1": TABLE, "input2": TABLE}}, "InvalidInputNames"),
        ({"Inputs": {"input1": TABLE}, "GlobalParameters": []}, "RequestBodyInvalid"),
        ({"Inputs": {"input1": TABLE}, "GlobalParameters": None}, "RequestBodyInvalid"),
        ({"Inputs": {"input1": TABLE}, "GlobalParameters": {"k": "3"}}, "UnexpectedParameter"),
    ],
)
def test_envelope(demo: server.Demo, http: requests.Session, document: object, cause: str) -> None:
    refused(http.post(demo.url, json=document), 400, "BadArgument", cause)


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("text", "table or a list"),
        (None, "table or a list"),
        ({}, "ColumnNames"),
        ({"ColumnNames": "Title", "Values": []}, "ColumnNames"),
        ({"ColumnNames": [["Title"]], "Values": []}, "ColumnNames"),
        ({"ColumnNames": list(COLUMNS)}, "Values"),
        ({"ColumnNames": ["Title", "Text"], "Values": [["a", "b"]]}, "Category is missing"),
        ({"ColumnNames": [*COLUMNS, "Text"], "Values": [[*ROW, "b"]]}, "Text is there twice"),
        ({**TABLE, "Values": [ROW, ROW[:2]]}, "row 2"),
        ({**TABLE, "Values": [[*ROW, "more"]]}, "row 1"),
        ({**TABLE, "Values": [ROW, "abc"]}, "row 2"),
        ({**TABLE, "Values": [["a", "b", ["c"]]]}, "not text"),
        ({**TABLE, "Values": [["a", {"b": "c"}, "d"]]}, "not text"),
        ([ROW], "row 1"),
        ([RECORD, {"Title": "a", "Text": "b"}], "Category is missing"),
        ([{**RECORD, "Text": ["b"]}], "not text"),
    ],
)
def test_rows_that_do_not_fit(demo: server.Demo, http: requests.Session, source: object, named: str) -> None:
    reply = http.post(demo.url, json=body(source))
    assert named in refused(reply, 400, "BadArgument", "InputParseError")


@pytest.mark.parametrize("path", ["/nothing", "/execute/", "/jobs"])
def test_unknown_paths(demo: server.Demo, http: requests.Session, path: str) -> None:
    refused(http.post(address(demo, "api-version=2.0", path), json=body(TABLE)), 404, "NotFound")
    refused(http.get(address(demo, path=path)), 404, "NotFound")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/execute", "POST"),
        ("PUT", "/execute", "POST"),
        ("DELETE", "/execute", "POST"),
        ("OPTIONS", "/execute", "POST"),
        ("POST", "/swagger.json", "GET, HEAD"),
    ],
)
def test_methods(demo: server.Demo, http: requests.Session, method: str, path: str, allowed: str) -> None:
    reply = http.request(method, address(demo, "api-version=2.0", path))
    refused(reply, 405, "MethodNotAllowed")
    assert reply.headers["Allow"] == allowed


def test_unknown_method(demo: server.Demo, http: requests.Session) -> None:
    refused(http.request("BREW", demo.url), 501, "NotImplemented")


@pytest.mark.parametrize("surplus", [1, 20 * 1024 * 1024])
def test_oversize(demo: server.Demo, http: requests.Session, surplus: int) -> None:
    reply = http.post(demo.url, data=b" " * (server.MAX_BODY + surplus))
    refused(reply, 413, reply.json()["error"]["code"])
    assert reply.headers["Connection"] == "close"


def test_largest_body_is_read(demo: server.Demo, http: requests.Session) -> None:
    sent = json.dumps(body(TABLE)).encode().ljust(server.MAX_BODY)
    reply = http.post(demo.url, data=sent, headers={"Content-Type": "application/json"})
    assert reply.status_code == 200


def test_chunked_body(demo: server.Demo, http: requests.Session) -> None:
    refused(http.post(demo.url, data=iter([b"{", b"}"])), 411, "LengthRequired")


def raw(demo: server.Demo, sent: bytes, end: bool = False) -> bytes:
    """All that comes back on a bare connection."""
    url = urlsplit(demo.url)
    with socket.create_connection(("127.0.0.1", port_of(demo)), timeout=5) as connection:
        connection.sendall(sent.replace(b"PATH", f"{url.path}?{url.query}".encode()))
        if end:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("length", ["-1", "+5", "1_0", "five", "\xb2", "9" * 5000])
def test_odd_length(demo: server.Demo, length: str) -> None:
    sent = f"POST PATH HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode("latin-1")
    status = raw(demo, sent, end=True).partition(b"\r\n")[0]
    assert status == b"HTTP/1.1 400 Bad Request"


def test_two_lengths(demo: server.Demo) -> None:
    sent = b"POST PATH HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"
    assert raw(demo, sent, end=True).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"G " * 40_000])
def test_no_http(demo: server.Demo, sent: bytes) -> None:
    answer = raw(demo, sent, end=True)
    assert json.loads(answer[answer.index(b"{") :])["error"]["details"]


def test_short_body_is_told(demo: server.Demo) -> None:
    sent = b"POST PATH HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"
    assert raw(demo, sent, end=True).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST PATH HT", b"POST PATH HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"],
    ids=["silent", "half a line", "half a body"],
)
def test_stalling_client_is_dropped(demo: server.Demo, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    assert server.Handler.timeout == 30
    monkeypatch.setattr(server.Handler, "timeout", 0.2)
    assert raw(demo, sent) == b""


def test_trickling_client_is_dropped(demo: server.Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.Handler, "timeout", 0.3)
    with socket.create_connection(("127.0.0.1", port_of(demo)), timeout=5) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n")
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() < began + 3:
                connection.sendall(b"x")
                time.sleep(0.05)
    assert time.monotonic() < began + 2


def test_expect_continue(demo: server.Demo) -> None:
    url, sent = urlsplit(demo.url), json.dumps(body(TABLE)).encode()
    head = f"POST {url.path}?{url.query} HTTP/1.1\r\nAuthorization: Bearer {KEY}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n"
    with socket.create_connection(("127.0.0.1", port_of(demo)), timeout=5) as connection:
        connection.sendall(head.encode() + b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(sent)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_expect_continue_of_an_unwelcome_body(demo: server.Demo) -> None:
    sent = b"POST PATH HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
    assert raw(demo, sent, end=True).startswith(b"HTTP/1.1 413 ")


def test_client_that_sends_all_before_it_reads_is_told_too(demo: server.Demo) -> None:
    length = 2 * server.MAX_BODY
    sent = f"POST PATH HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode() + b" " * length
    assert raw(demo, sent).startswith(b"HTTP/1.1 413 ")


def test_own_fault_is_500_without_details(
    demo: server.Demo,
    http: requests.Session,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(companies.Model, "score", lambda *_: 1 / 0)
    refused(http.post(demo.url, json=body(TABLE)), 500, "InternalError")
    assert "ZeroDivisionError" in caplog.text


# -- descriptions


def test_swagger_needs_no_key(demo: server.Demo) -> None:
    with requests.Session() as session:
        session.trust_env = False
        reply = session.get(address(demo, "api-version=2.0", "/swagger.json"))
    document = reply.json()
    assert document["swagger"] == "2.0"
    url = f"{document['schemes'][0]}://{document['host']}{document['basePath']}"
    assert demo.url.startswith(url + "/execute?")
    ((path, operations),) = document["paths"].items()
    assert path == "/execute?api-version=2.0&format=swagger"
    assert operations["post"]["operationId"] == "execute"
    definitions = document["definitions"]
    assert list(definitions["ExecutionInputsItem"]["properties"]) == list(COLUMNS)
    outputs = definitions["ExecutionOutputsItem"]["properties"]
    assert list(outputs) == [*COLUMNS, "Assignments", *DISTANCES]
    pointers = set(re.findall(r'"#/definitions/(\w+)"', reply.text))
    assert pointers == set(definitions) - {"ExecutionRequest"} | {"ExecutionRequest"}


def test_swagger_example_can_be_sent(demo: server.Demo, http: requests.Session) -> None:
    document = http.get(address(demo, "api-version=2.0", "/swagger.json")).json()
    example = document["definitions"]["ExecutionRequest"]["example"]
    url = address(demo) + document["paths"].popitem()[0].removeprefix("/execute")
    assert http.post(url, json=example).status_code == 200


def test_hello_and_head(demo: server.Demo, http: requests.Session) -> None:
    root = demo.url.partition("/workspaces")[0] + "/"
    hello = http.get(root)
    assert hello.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert hello.text.count("\n") == 1
    assert "demo endpoint" in hello.text
    head = raw(demo, b"HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert f"\r\nContent-Length: {len(hello.content)}\r\n".encode() in head
    assert head.endswith(b"\r\n\r\n")


# -- starting and stopping


def test_close_ends_kept_connections_and_frees_the_port() -> None:
    demo = server.start(KEY)
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {KEY}"
        assert session.post(demo.url, json=body(TABLE)).status_code == 200
        demo.close()
        demo.close()
        with pytest.raises(requests.ConnectionError):
            session.post(demo.url, json=body(TABLE))
        with server.start(KEY, port_of(demo)) as again:
            assert again.url == demo.url
            assert session.post(demo.url, json=body(TABLE)).status_code == 200


def test_port_taken_and_no_key(demo: server.Demo) -> None:
    with pytest.raises(OSError, match="in use"):
        server.start(KEY, port_of(demo))
    with pytest.raises(ValueError, match="key"):
        server.start("")


def alone(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "demo", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=DEMO.parent, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_alone_in_the_foreground(http: requests.Session, number: signal.Signals) -> None:
    with alone("--port", "0") as process:
        assert process.stdout
        lines = [process.stdout.readline().rstrip("\n") for _ in range(4)]
        settings = dict(line.split("=", 1) for line in lines)
        assert list(settings) == ["URL", "API_KEY", "FORM", "EXAMPLES"]
        assert all((DEMO.parent / settings[name]).is_file() for name in ("FORM", "EXAMPLES"))
        headers = {"Authorization": f"Bearer {settings['API_KEY']}"}
        assert http.post(settings["URL"], json=body(TABLE), headers=headers).status_code == 200
        process.send_signal(number)
        assert process.communicate(timeout=5) == ("", "")
    assert process.returncode == 0


def test_alone_on_a_taken_port(demo: server.Demo) -> None:
    port = str(port_of(demo))
    with alone("--port", port) as process:
        out, err = process.communicate(timeout=5)
    assert (process.returncode, out, err.count("\n")) == (1, "", 1)
    assert port in err


def test_scoring_needs_the_standard_library_only() -> None:
    for name in ("__init__", "__main__", "companies", "protocol", "server"):
        tree = ast.parse((DEMO / f"{name}.py").read_text(encoding="utf-8"))
        nodes = list(ast.walk(tree))
        names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        imports = [node for node in nodes if isinstance(node, ast.Import)]
        names += [alias.name for node in imports for alias in node.names]
        roots = {found.partition(".")[0] for found in names}
        assert roots <= sys.stdlib_module_names | {"demo"}


# -- the texts


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def test_texts_are_enough_and_apart() -> None:
    counts = {name: Counter(one.industry for one in found) for name, found in TEXTS.items()}
    assert set(counts["train"]) == set(counts["unseen"]) == set(MODEL.names)
    assert len(counts["train"]) == 10
    assert min(counts["train"].values()) >= 25
    assert set(counts["unseen"].values()) == {6}
    titles = [company.title for found in TEXTS.values() for company in found]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", list(TEXTS))
def test_lengths_fit_the_form(name: str) -> None:
    header = (DEMO / "texts" / f"{name}.tsv").read_text(encoding="utf-8").partition("\n")[0]
    assert header == "industry\ttitle\tcategory\ttext"
    for company in TEXTS[name]:
        assert 2 <= len(company.title) <= 30, company
        assert 2 <= len(company.category) <= 30, company
        assert len(company.text) <= 1000, company
        assert 30 <= len(company.text.split()) <= 55, company


def test_each_text_has_its_own_words() -> None:
    found = defaultdict(set)
    for company in TEXTS["train"] + TEXTS["unseen"]:
        run = words(company.text)
        for at in range(len(run) - 5):
            found[" ".join(run[at : at + 6])].add(company.title)
    assert {run: titles for run, titles in found.items() if len(titles) > 3} == {}


# -- the model


def test_terms() -> None:
    found = companies.terms("The BANK's 24 loans, and_its savings!")
    assert found[:3] == ["bank", "loans", "savings"]
    assert found[3:] == ["bank loans", "loans savings", "bank loans savings"]
    assert companies.terms("") == companies.terms("the of 7 .") == []


def test_distances_are_euclidean() -> None:
    """One known term is a unit vector along one axis: the distance can be had by hand."""
    term = "mortgages"
    _, distances = MODEL.score(term)
    for cluster, distance in enumerate(distances):
        centre = {word: places[cluster] for word, places in MODEL.centres.items()}
        centre[term] -= 1
        assert distance == pytest.approx(sum(place**2 for place in centre.values()) ** 0.5)


def test_model_file_is_small_and_readable() -> None:
    text = companies.MODEL_FILE.read_text(encoding="utf-8")
    assert len(text.encode()) <= 600_000
    assert max(map(len, text.splitlines())) < 400
    document = json.loads(text)
    assert document["scikit_learn"] == version("scikit-learn")
    assert document["seed"] == train.SEED
    assert all(round(place, 5) == place for row in document["terms"].values() for place in row)


@pytest.mark.slow
def test_shipped_file_is_what_training_gives() -> None:
    assert train.differences(train.train(TEXTS["train"]), MODEL) == []


def test_check_notices_another_file() -> None:
    trained = train.train(TEXTS["train"])
    other = companies.load()
    other.idf["bank"] += 0.01
    assert train.differences(trained, other) == ["The weights of 'bank' differ."]
    assert train.differences(trained._replace(names=["x"] * 10), MODEL) != []


def test_purity_by_hand() -> None:
    some = [train.Company(industry, "", "", "") for industry in "aabbb"]
    assert train.purity(some, [0, 0, 1, 1, 1]) == 1
    assert train.purity(some, [0, 0, 0, 1, 1]) == 0.8
    assert train.rightly_named(some, [0, 0, 0, 1, 1], ["b", "b"]) == 0.6


def test_every_industry_has_a_cluster() -> None:
    clusters = train.assign(MODEL, TEXTS["train"])
    assert train.majorities(TEXTS["train"], clusters) == list(MODEL.names)
    assert len(set(MODEL.names)) == 10


def test_figures_are_as_the_readme_says() -> None:
    """The floor leaves room for a revised corpus; the README must then say the new figures."""
    clusters = train.assign(MODEL, TEXTS["unseen"])
    assert train.purity(TEXTS["unseen"], clusters) >= 0.95
    assert train.rightly_named(TEXTS["unseen"], clusters, MODEL.names) >= 0.95
    for line in train.report(MODEL).splitlines():
        assert line in (DEMO / "README.md").read_text(encoding="utf-8")


# -- form and examples


def test_form_names_the_clusters() -> None:
    form = json.loads((DEMO / "form.json").read_text(encoding="utf-8"))
    assert form["subject"] == "title"
    assert list(form["fields"]) == ["title", "category", "text"]
    assert all(set(field) == {"label", "help"} for field in form["fields"].values())
    assert list(form["outputs"]) == ["Assignments"]
    assert form["outputs"]["Assignments"]["label"] == "Cluster"
    values = form["outputs"]["Assignments"]["values"]
    assert values == {str(number): name for number, name in enumerate(MODEL.names)}


@pytest.mark.slow
def test_training_writes_these_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module, name in ((train, "MODEL_FILE"), (train, "FORM_FILE")):
        copy = tmp_path / getattr(module, name).name
        copy.write_bytes(getattr(module, name).read_bytes())
        monkeypatch.setattr(module, name, copy)
    assert train.main([]) == 0
    assert train.main(["--check"]) == 0
    assert "unseen: 60 texts" in capsys.readouterr().out
    assert (tmp_path / "form.json").read_bytes() == (DEMO / "form.json").read_bytes()


@pytest.mark.parametrize(
    ("example", "industry"),
    list(
        zip(
            EXAMPLES,
            [
                "Banks and insurers",
                "Airlines and aerospace",
                "Food and drink",
                "Software and online",
            ],
            strict=True,
        )
    ),
    ids=[example["name"] for example in EXAMPLES],
)
def test_examples_fall_into_their_clusters(
    demo: server.Demo, http: requests.Session, example: dict[str, Any], industry: str
) -> None:
    inputs = example["inputs"]
    assert list(inputs) == ["title", "category", "text"]
    assert inputs["title"] == example["name"]
    assert 2 <= len(inputs["category"]) <= 30
    assert 35 <= len(inputs["text"].split()) <= 50
    reply = http.post(address(demo, "api-version=2.0&format=swagger"), json=body([inputs]))
    (record,) = reply.json()["Results"]["output1"]
    assert MODEL.names[int(record["Assignments"])] == industry
