"""The dialect of templates, against the exchanges of the original services and against templates that are wrong."""

from __future__ import annotations

import contextlib
import json
import random
import re
from decimal import Decimal
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from test_documents import anything
from vectors_of import agrees, refused, reply_of, url_of, vectors_of

from FlaskAppAML.dialects import raw
from FlaskAppAML.errors import AppError, BadResponse, ModelFailed, SettingError
from FlaskAppAML.results import Scores
from FlaskAppAML.schema import Schema, Upload
from FlaskAppAML.wire import Reply, Request

VECTORS = vectors_of("raw")
HOST = "https://model.example"
PNG = b"\x89PNG\r\n\x1a\n"
PICTURE = Upload(PNG, "hotel.jpg", "image/jpeg")
PAGE = (Path(__file__).parent.parent / "docs" / "raw.md").read_text("utf-8")


def documented() -> dict[str, dict[str, Any]]:
    """The templates of docs/raw.md, by the heading that they stand under."""
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    found = {section.partition("\n")[0]: re.findall(r"```json\n(.*?)```", section, re.DOTALL) for section in sections}
    return {heading: json.loads(blocks[0]) for heading, blocks in found.items() if blocks}


TEMPLATES = documented()
HEADINGS = {
    "hotel": "Hotel image tagger",
    "tickets": "Image classification with job tickets",
    "plants": "Plant disease",
    "emotion": "Face emotion",
}


def schema_from(template: Any, url: str = f"{HOST}/predict") -> Schema:
    schema = raw.read_schema(url, template, {})
    assert schema is not None
    return schema


def template(*fields: Any, **more: Any) -> dict[str, Any]:
    return {"dialect": "raw", "fields": list(fields) or [{"name": "x"}], **more}


def sent(schema: Schema, **row: Any) -> Request:
    return raw.encode(schema, f"{HOST}/predict", [row])


def reply(body: Any) -> Reply:
    return Reply(200, {"content-type": "application/json"}, json.dumps(body).encode())


def part_of(request: Request) -> tuple[Any, Any, Any]:
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    (_, part) = message_from_bytes(head + request.body).walk()
    return part.get_param("name", header="content-disposition"), part.get_filename(), part.get_payload(decode=True)


# The original services


def test_every_sample_is_that_of_a_documented_template() -> None:
    assert len(VECTORS) == 9
    assert list(TEMPLATES) == ["A template", *HEADINGS.values()]


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_an_answer_of_an_original_service_is_decoded(vector: dict[str, Any]) -> None:
    heading = HEADINGS[vector["name"].partition("_")[0]]
    schema, answer, expected = schema_from(TEMPLATES[heading]), reply_of(vector), vector["expected"]
    if refused(vector):
        return
    if "job" in expected:
        assert raw.poll(schema, answer, Request(url_of(vector), method="GET")) == Request(url_of(vector), method="GET")
        return
    assert raw.poll(schema, answer) is None
    if "returnimage" not in vector["request"]["path"]:
        assert agrees(expected, raw.decode(schema, answer, 1))
    else:
        assert agrees(expected, raw.decode(schema_from({**TEMPLATES[heading], "answer": ""}), answer, 1))


def test_the_hotel_tagger_gets_its_picture_as_a_part() -> None:
    schema = schema_from(TEMPLATES["Hotel image tagger"])
    assert [(f.name, f.kind, f.accept) for f in schema.fields] == [("image", "file", "image/*")]
    request = sent(schema, image=PICTURE)
    assert part_of(request) == ("file", "hotel.jpg", PNG)
    assert request.url == f"{HOST}/predict"


def test_the_plant_service_gets_its_picture_as_a_part() -> None:
    assert part_of(sent(schema_from(TEMPLATES["Plant disease"]), image=PICTURE)) == ("image", "hotel.jpg", PNG)


def test_the_emotion_service_gets_base64_in_json() -> None:
    schema = schema_from(TEMPLATES["Face emotion"])
    row = schema.parse({"image": PICTURE, "model": "mobilenetv2"}, "json")
    body = json.loads(sent(schema, **row).body)
    assert body["image"] == PICTURE.base64()
    assert body["model"] == "mobilenetv2"


def test_a_ticket_is_followed_until_its_answer_is_there() -> None:
    schema = schema_from(TEMPLATES["Image classification with job tickets"], f"{HOST}/classifications")
    row = {name: schema[name].example or schema[name].choices[0] for name in ("model", "image")}
    assert parse(sent(schema, **row)) == row
    first = raw.poll(schema, reply({"id": "a b/c"}))
    assert first == Request(f"{HOST}/classifications/a%20b%2Fc", method="GET", headers={})
    assert raw.poll(schema, reply({"task_status": "started", "data": None}), first) is first
    done = reply({"task_status": "finished", "data": [["goldfinch", 98.1], ["house finch", 0.9]]})
    assert raw.poll(schema, done, first) is None
    (part,) = raw.decode(schema, done, 1).parts
    assert isinstance(part, Scores)
    assert (part.scores[0].label, part.measure) == ("goldfinch", "Percent")
    with pytest.raises(ModelFailed, match="The job failed"):
        raw.poll(schema, reply({"task_status": "failed", "data": None}), first)


def parse(request: Request) -> dict[str, Any]:
    return dict(pair.split("=") for pair in request.body.decode().replace("%2F", "/").split("&"))


# Where values go


def test_the_template_of_the_page_sends_what_the_page_says() -> None:
    schema = schema_from(TEMPLATES["A template"])
    row = schema.parse({"area": "80", "heating": "gas", "photo": PICTURE}, "text")
    request = sent(schema, **row)
    assert request.url.endswith("?currency=EUR")
    assert json.loads(request.body) == {"house": {"area": 80, "heating": "gas"}, "photos": [PICTURE.base64()]}


def test_values_go_where_the_template_says() -> None:
    schema = schema_from(
        template(
            {"name": "age", "type": "integer", "send": "json:/inputs/0/age"},
            {"name": "n", "type": "number", "send": "json:/inputs/1"},
            {"name": "a/b", "type": "json"},
            {"name": "deep", "send": "json:/options/x~1y", "required": False},
            {"name": "top", "type": "integer", "send": "query:top_k", "default": 3},
            {"name": "version", "fixed": "v1", "send": "json:/version"},
            headers={"X-Model": "iris"},
            method="PUT",
        )
    )
    row = schema.parse({"age": "36", "n": "0.10", "a/b": '{"0": 1}', "deep": ""}, "text")
    request = sent(schema, **row)
    assert json.loads(request.body) == {"inputs": [{"age": 36}, 0.1], "a/b": {"0": 1}, "version": "v1"}
    assert (request.url, request.method) == (f"{HOST}/predict?top_k=3", "PUT")
    assert request.headers == {"Content-Type": "application/json", "X-Model": "iris"}


@pytest.mark.parametrize(
    ("field", "value", "body", "content_type"),
    [
        ({"name": "x", "send": "json:"}, "a", b'"a"', "application/json"),
        ({"name": "x", "type": "list", "items": "number", "send": "json:"}, [1, 2], b"[1, 2]", "application/json"),
        ({"name": "x", "type": "image", "send": "body"}, PICTURE, PNG, "image/jpeg"),
        ({"name": "x", "send": "body"}, "hé", "hé".encode(), "text/plain; charset=utf-8"),
        ({"name": "x", "send": "form:y"}, "a b", b"y=a+b", "application/x-www-form-urlencoded"),
        ({"name": "x", "type": "image", "encoding": "data_url"}, PICTURE,
         json.dumps({"x": PICTURE.data_url()}).encode(), "application/json"),
        ({"name": "x", "type": "rows", "fields": [{"name": "a", "type": "integer"}]}, [{"a": 1}],
         b'{"x": [{"a": 1}]}', "application/json"),
    ],
)  # fmt: skip
def test_every_way_to_send(field: dict[str, Any], value: Any, body: bytes, content_type: str) -> None:
    schema = schema_from(template(field))
    request = sent(schema, x=schema["x"].parse(value, "json"))
    assert (request.body, request.headers["Content-Type"]) == (body, content_type)


def test_get_sends_all_in_the_query() -> None:
    schema = schema_from(template({"name": "q", "send": "query:text"}, method="GET", url="/v2/ask?k=1"))
    request = sent(schema, q="a&b")
    assert (request.method, request.url, request.body) == ("GET", f"{HOST}/v2/ask?k=1&text=a%26b", b"")


def test_the_owners_words_and_limits_hold() -> None:
    about = {"name": "age", "type": "integer", "label": "Age", "unit": "years", "minimum": 18, "help": "In full."}
    schema = schema_from(template(about, {"name": "c", "choices": ["a", "b"]}, title="Loans", subject="c"))
    age = schema["age"]
    assert (age.label, age.unit, age.minimum, age.help) == ("Age", "years", Decimal(18), "In full.")
    assert (schema.title, schema.subject, schema["c"].choices, schema.dialect) == ("Loans", "c", ("a", "b"), "raw")


# Wrong templates


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (template(metod="GET"), "the template says metod"),
        (template(method="DELETE"), "the method must be one of POST"),
        ({"dialect": "raw"}, "fields must be a list"),
        (template("x"), "field 1 must be an object"),
        (template({"type": "text"}), "field 1 has no name"),
        (template({"name": "x"}, {"name": "x", "send": "json:/y"}), "two fields have the same name"),
        (template({"name": "x", "type": "picture"}), "the type of x must be one of"),
        (template({"name": "x", "typ": "text"}), "the field x says typ"),
        (template({"name": "x", "send": "header:y"}), "x is sent as 'header:y'"),
        (template({"name": "x", "send": "body:y"}), "x is sent as 'body:y'"),
        (template({"name": "x", "send": 3}), "send of x must be a text"),
        (template({"name": "x", "send": "json:y"}), "send of x must be a JSON Pointer"),
        (template({"name": "x", "send": "json:/y"}, {"name": "z", "send": "json:/y/z"}), "to the same place, json:/y"),
        (template({"name": "x", "send": "json:/y"}, {"name": "z", "send": "json:/y"}), "to the same place, json:/y"),
        (template({"name": "x"}, {"name": "z", "send": "part:z"}), "cannot be sent as json and part"),
        (template({"name": "x", "send": "body"}, {"name": "z", "send": "body"}), "only one field can be the body"),
        (template({"name": "x"}, method="GET"), "with GET every field is sent in the query"),
        (template({"name": "x", "type": "file", "send": "query:x"}), "x is a file, which is not sent in a query"),
        (template({"name": "x", "minimum": "a"}), "SCHEMA gives the field x a wrong minimum"),
        (template({"name": "x", "minimum": 1}), "but it is text"),
        (template({"name": "x", "pattern": "(a+)+"}), "pattern that is not understood or too slow"),
        (template({"name": "x", "type": "rows"}), "the rows of x need fields"),
        (template({"name": "x", "type": "list", "items": "rows"}), "the items of x must be single values"),
        (template({"name": "x", "encoding": "hex"}), "the encoding of x"),
        (template(answer="data"), "answer must be a JSON Pointer"),
        (template(answer="/a" * 60), "answer must be a JSON Pointer"),
        (template(url="https://elsewhere.example/x"), "url must be on the same server"),
        (template(url="//elsewhere.example/x"), "url must be on the same server"),
        (template(url="https://[x"), "url must be on the same server"),
        (template(headers=[]), "headers must be an object"),
        (template(headers={"X": "a\r\nY: b"}), "a name or value that HTTP does not allow"),
        (template(headers={"Authorization": "Bearer x"}), "keys belong into API_KEY and AUTH"),
        (template(headers={"Content-Type": "text/csv"}), "only where one field is sent as the body"),
        (template(poll="x"), "poll must be an object"),
        (template(poll={"uri": "x"}), "poll says uri"),
        (template(poll={}), "poll needs a url"),
        (template(poll={"url": "/jobs"}), "needs a place of the ticket in braces"),
        (template(poll={"url": "/jobs/{id}"}), "needs a place of the ticket in braces"),
        (template(poll={"url": "/jobs/{/id}", "done": "finished"}), "done of poll must be a list of texts"),
        (template(subject="y"), "the subject y is no field"),
        (template(title=3), "title must be a text"),
    ],
    ids=range(41),
)
def test_a_wrong_template_is_explained(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError) as caught:
        raw.read_schema(f"{HOST}/predict", wrong, {})
    assert said in str(caught.value)
    assert str(caught.value).startswith("SCHEMA ")


@pytest.mark.parametrize(
    "document", [None, [], {}, {"fields": []}, {"dialect": "openapi"}, "raw", {"openapi": "3.0.0"}]
)
def test_other_documents_are_left_to_others(document: Any) -> None:
    assert raw.read_schema(HOST, document, {}) is None
    assert raw.schema_urls(HOST) == []


# Tickets that mislead

JOBS = template(poll={"url": "{/next}", "status": "/state", "done": ["DONE"], "failed": ["BROKEN"], "answer": "/data"})


@pytest.mark.parametrize(
    ("ticket", "url"),
    [
        ({"next": "/jobs/1"}, f"{HOST}/jobs/1"),
        ({"next": f"{HOST}/jobs/1", "state": "queued"}, f"{HOST}/jobs/1"),
        ({"next": "jobs/1"}, f"{HOST}/jobs/1"),
        ({"state": "done"}, None),
        ({"state": "Done", "next": "/jobs/1"}, None),
        ({"data": [1]}, None),
    ],
)
def test_a_ticket_may_hold_a_whole_address(ticket: dict[str, Any], url: str | None) -> None:
    following = raw.poll(schema_from(JOBS), reply(ticket))
    assert (following.url if following else None) == url


@pytest.mark.parametrize(
    "next_",
    [
        "https://elsewhere.example/1",
        "//elsewhere.example/1",
        "http://model.example/1",
        "https://[x",
        "https://model.example:444/",
    ],
)
def test_a_ticket_never_leads_to_another_server(next_: str) -> None:
    with pytest.raises(BadResponse, match="another server"):
        raw.poll(schema_from(JOBS), reply({"next": next_}))


@pytest.mark.parametrize(
    "ticket", [{}, [], 3, {"next": ""}, {"next": None}, {"next": ["/a"]}, {"next": "a" * 5000}, {"next": ".."}]
)
def test_a_ticket_that_leads_nowhere_is_no_answer(ticket: Any) -> None:
    with pytest.raises(BadResponse, match="does not say where"):
        raw.poll(schema_from(JOBS), reply(ticket))


def test_without_a_poll_every_reply_is_final() -> None:
    assert raw.poll(schema_from(template()), reply({"id": 1})) is None
    assert raw.poll(schema_from(JOBS), Reply(200, {}, PNG)) is None


# Answers


def test_the_answer_stands_where_the_template_says() -> None:
    schema = schema_from(template(answer="/data/0"))
    (part,) = raw.decode(schema, reply({"data": [{"a": 0.9, "b": 0.1}], "x": 1}), 1).parts
    assert isinstance(part, Scores)
    bodies: list[Any] = [{}, {"data": []}, {"data": [None]}, [], 3]
    for body in bodies:
        with pytest.raises(BadResponse, match="holds nothing at /data/0"):
            raw.decode(schema, reply(body), 1)


def test_without_a_template_the_body_is_typed_as_json() -> None:
    request = raw.encode(raw.DEFAULT_SCHEMA, HOST, [{"body": {"a": [1]}}])
    assert (request.url, json.loads(request.body)) == (HOST, {"a": [1]})
    assert raw.decode(raw.DEFAULT_SCHEMA, reply({"a": 1}), 1).raw == {"a": 1}


@pytest.mark.parametrize("seed", range(5))
def test_any_json_makes_a_schema_a_result_or_one_of_our_errors(seed: int) -> None:
    dice = random.Random(seed)
    known = ["method", "url", "headers", "answer", "poll", "title", "subject"]
    about = ["type", "send", "label", "minimum", "choices", "items", "fields", "encoding", "default", "fixed", "widget"]
    for _ in range(200):
        field = {"name": "x", dice.choice(about): anything(dice), dice.choice(about): anything(dice)}
        given = template(dice.choice([field, anything(dice)]), **{dice.choice(known): anything(dice)})
        body = json.loads(json.dumps(anything(dice)))
        with contextlib.suppress(AppError):
            raw.read_schema(f"{HOST}/predict", given, {})
        with contextlib.suppress(AppError):
            raw.poll(schema_from(JOBS), reply(body))
        with contextlib.suppress(AppError):
            raw.decode(schema_from(JOBS), reply(body), 1)
