"""The dialect of TorchServe, against documented exchanges (`vectors/`) and against what is broken."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from vectors_of import agrees, refused, reply_of, url_of, vectors_of

from FlaskAppAML.dialects import torchserve
from FlaskAppAML.errors import BadResponse
from FlaskAppAML.results import Images, Scores, Text
from FlaskAppAML.schema import Schema, Upload
from FlaskAppAML.wire import Reply

VECTORS = vectors_of("torchserve")
every_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
URL = "http://127.0.0.1:8080/predictions/resnet-18"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(30)


def schema_of(task: str) -> Schema:
    schema = torchserve.schema_of_task(task)
    assert schema is not None
    return schema


def decoded(body: bytes, kind: str | None = "application/json") -> list[Any]:
    headers = {} if kind is None else {"content-type": kind}
    return torchserve.decode(torchserve.DEFAULT_SCHEMA, Reply(200, headers, body), 1).parts


def test_all_samples_are_there() -> None:
    assert len(VECTORS) == 2


@every_vector
def test_a_file_is_the_whole_body(vector: dict[str, Any]) -> None:
    """The samples leave the bytes out, and curl's `-T` names no type; ours is the one of the picture."""
    picture = Upload(PNG, vector["inputs"]["image"]["$file"], "image/png")
    for schema, name in ((schema_of("image-classification"), "image"), (torchserve.DEFAULT_SCHEMA, "file")):
        request = torchserve.encode(schema, url_of(vector), [{name: picture}])
        assert (request.method, request.url, request.body) == ("POST", url_of(vector), PNG)
        assert request.headers == {"Content-Type": "image/png"}


@every_vector
def test_a_sample_is_decoded_as_documented(vector: dict[str, Any]) -> None:
    if error := refused(vector):
        assert error.code == vector["expected"]["error"]["code"]
    else:
        assert agrees(vector["expected"], torchserve.decode(torchserve.DEFAULT_SCHEMA, reply_of(vector), 1))


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        (URL, True),
        (f"{URL}/1.0", True),
        ("https://host/base/predictions/x", False),
        ("https://host/predictions", False),
        ("https://host/predictions/", False),
        ("https://host/predictions/a/b/c", False),
    ],
)
def test_addresses(url: str, is_ours: bool) -> None:
    assert (torchserve.claims(urlsplit(url)) >= 0.5) is is_ours


def test_nothing_is_asked_of_the_endpoint() -> None:
    assert torchserve.schema_urls(URL) == []


def test_tasks() -> None:
    assert [f.kind for f in schema_of("text-classification").fields] == ["text"]
    assert [f.kind for f in schema_of("tabular-regression").fields] == ["json"]
    assert torchserve.schema_of_task("fortune-telling") is None


def test_a_text_is_the_whole_body() -> None:
    request = torchserve.encode(schema_of("text-classification"), URL, [{"text": "naïve \ud800"}])
    assert request.body == "naïve ?".encode()
    assert request.headers["Content-Type"].startswith("text/plain")


def test_json_is_the_whole_body() -> None:
    request = torchserve.encode(schema_of("tabular-classification"), URL, [{"body": {"a": [1, 2]}}])
    assert (json.loads(request.body), request.headers["Content-Type"]) == ({"a": [1, 2]}, "application/json")


def test_a_sample_is_sent_as_it_was_shown() -> None:
    document = {"data": "text", "target": 3}
    schema = torchserve.read_schema(URL, document, {})
    assert schema is not None
    request = torchserve.encode(schema, URL, [{"data": "text", "target": 3}])
    assert json.loads(request.body) == document


@pytest.mark.parametrize("document", [None, [], "x", 3, {}, {"openapi": "3.0.1"}, {"paths": {}}])
def test_what_is_no_sample_is_left(document: Any) -> None:
    assert torchserve.read_schema(URL, document, {}) is None


def test_samples_of_other_addresses_are_left() -> None:
    assert torchserve.read_schema("http://host/score", {"data": "x"}, {}) is None


def test_nothing_given_is_no_crash() -> None:
    for schema in (torchserve.DEFAULT_SCHEMA, schema_of("text-classification")):
        assert torchserve.encode(schema, URL, []).body == b"null"


# Answers


def test_labels() -> None:
    (part,) = decoded(b'{"tabby": 0.6, "tiger_cat": 0.3, "lynx": 0.1}')
    assert isinstance(part, Scores)
    assert [s.label for s in part.scores] == ["tabby", "tiger_cat", "lynx"]


@pytest.mark.parametrize("kind", [None, "", "text/plain", "text/plain; charset=utf-8"])
def test_a_bare_text(kind: str | None) -> None:
    (part,) = decoded("Déjà vu\n".encode(), kind)
    assert isinstance(part, Text)
    assert part.text == "Déjà vu"


def test_a_picture() -> None:
    (part,) = decoded(PNG, "image/png")
    assert isinstance(part, Images)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "text/plain"),
        (b" \n", "text/plain"),
        (b"<html>Sign in</html>", "text/html"),
        (b"<html>Sign in</html>", "text/plain"),
        (b'{"cut": ', "text/plain"),
        (b"\xff\xfe\x00", "text/plain"),
        (b"noise", "application/json"),
        (b"noise", "application/octet-stream"),
        (b"noise", "image/png"),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(BadResponse):
        decoded(body, kind)


@pytest.mark.parametrize("body", [b"null", b"[]", b"{}", b"0", b'""', b"[[[]]]", b'{"class": null}', b"[NaN]"])
def test_no_answer_breaks_the_reader(body: bytes) -> None:
    decoded(body)
