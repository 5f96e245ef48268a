"""Pictures given with a form: kept beside the answer, used again, and refused with a sentence. The model is the demo
endpoint's reader of digits, over real HTTP."""

from __future__ import annotations

import base64
import io
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeApp
from flask import Flask
from flask.testing import FlaskClient
from house import check
from misbehaving import Misbehaving
from PIL import Image
from tensor_server import TensorServer
from werkzeug.test import TestResponse

from demo.server import Demo
from FlaskAppAML.answers import Answers
from FlaskAppAML.errors import SettingError, WrongInput
from FlaskAppAML.images import Picture, read, widget_for
from FlaskAppAML.images.tensors import numbers
from FlaskAppAML.redact import Redactor
from FlaskAppAML.schema import Field, Schema, Upload
from FlaskAppAML.schema.changes import customised
from FlaskAppAML.score import score

ID, OTHER = "0123456789abcdef" * 2, "f" * 32
ONCE = "ab" * 16
SECRET = "Taken at home, 52.1 N 4.3 E"
DIGITS = Path(__file__).resolve().parent.parent / "demo" / "pictures"
TWO_FIELDS = json.dumps(
    {"dialect": "raw", "fields": [{"name": "image", "type": "image"}, {"name": "note", "min_length": 3}]}
)


def digit(number: int, kind: str = "PNG", **about: Any) -> bytes:
    out = io.BytesIO()
    with Image.open(DIGITS / f"digit-{number}.png") as image:
        image.save(out, kind, **about)
    return out.getvalue()


def given(data: bytes, name: str = "digit.png") -> tuple[io.BytesIO, str]:
    return io.BytesIO(data), name


def said(page: str) -> str:
    found = re.search(r'id="answer"[^>]*>.*?<bdi>(.*?)</bdi>', page, re.DOTALL)
    return found[1] if found else ""


def again(page: str) -> dict[str, str]:
    """The tick that takes a picture again."""
    return next((a for a in check(page).all("input") if a.get("type") == "checkbox" and a["name"] == "image"), {})


@pytest.fixture
def digits(make_app: MakeApp, demo: Demo) -> Flask:
    return make_app(url=demo.urls["digits"], task="image-classification")


@pytest.fixture
def client(digits: Flask) -> FlaskClient:
    return digits.test_client()


def ask(client: FlaskClient, data: bytes, name: str = "digit.png", **more: Any) -> TestResponse:
    return client.post("/", data={"_once": ONCE, "image": given(data, name), **more})


# Kept


def test_the_picture_stands_beside_its_answer(client: FlaskClient) -> None:
    page = ask(client, digit(3)).text
    assert said(page) == "3"
    kept_as = again(page)["value"].removeprefix("kept:")
    kept = client.get(f"/answers/{kept_as}/picture")
    assert kept.status_code == 200
    assert (kept.content_type, kept.data[:4]) == ("image/png", b"\x89PNG")
    assert kept.headers["Cache-Control"] == "private, no-store"
    assert kept.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get(f"/answers/{kept_as}/picture?field=image").data == kept.data
    assert client.get(f"/answers/{kept_as}/picture?field=other").status_code == 404
    assert client.get(f"/answers/{OTHER}/picture").status_code == 404
    assert f"/answers/{kept_as}/picture?field=image" in page
    document = client.application.extensions["site"].answers.get(kept_as)
    assert document["picture"] == {"field": "image", "content_type": "image/png", "width": 280, "height": 280}
    assert again(client.get(f"/answers/{kept_as}").text) == again(page)


def test_the_same_picture_is_asked_about_again(client: FlaskClient) -> None:
    """As a browser without script sends the form: the box for a file is empty."""
    tick = again(ask(client, digit(7)).text)
    page = client.post("/", data={"_once": OTHER, "image": [tick["value"], given(b"", "")]}).text
    assert said(page) == "7"
    new = again(page)["value"]
    assert new != tick["value"]
    assert client.get(f"/answers/{new[5:]}/picture").status_code == 200
    page = client.post("/", data={"_once": "cd" * 16, "image": [tick["value"], given(digit(4))]}).text
    assert said(page) == "4", "a new file wins"


def test_a_picture_that_is_gone_is_asked_for(client: FlaskClient) -> None:
    page = client.post("/", data={"image": f"kept:{OTHER}"}).text
    assert "This picture is not kept here any longer. Choose it again." in page


def test_a_picture_outlives_a_mistake_in_another_field(make_app: MakeApp, demo: Demo) -> None:
    client = make_app(url=demo.urls["expressions"], schema=TWO_FIELDS).test_client()
    tick: dict[str, str] = {}
    for _ in range(2):
        wrong = client.post("/", data={"_once": ONCE, "image": given(digit(1)), "note": "x"})
        assert wrong.status_code == 422
        assert not tick or again(wrong.text) == tick, "a reload keeps it no second time"
        tick = again(wrong.text)
    assert client.get(f"/answers/{tick['value'][5:]}/picture").status_code == 200
    still = client.post("/", data={"image": tick["value"], "note": "y"})
    assert again(still.text)["value"] == tick["value"]
    assert "Choose a picture" not in still.text


def test_a_picture_outlives_a_failure_of_the_model(make_app: MakeApp) -> None:
    client = make_app(url="http://127.0.0.1:9/predict", schema=TWO_FIELDS, retries=0).test_client()
    page = client.post("/", data={"image": given(digit(1)), "note": "xyz"})
    assert page.status_code >= 500
    assert client.get(f"/answers/{again(page.text)['value'][5:]}/picture").status_code == 200


def test_where_nothing_is_kept_the_page_holds_the_picture(make_app: MakeApp, demo: Demo) -> None:
    app = make_app(url=demo.urls["digits"], task="image-classification", answer_minutes=0)
    client = app.test_client()
    page = ask(client, digit(5)).text
    assert said(page) == "5"
    tick = again(page)
    assert tick["value"].startswith("data:image/png;base64,")
    assert tick["value"] in [a["src"] for a in check(page).all("img")]
    page = client.post("/", data={"_once": OTHER, "image": [tick["value"], given(b"", "")]}).text
    assert said(page) == "5"
    assert not list(Path(app.extensions["site"].settings.data_dir).glob("answers*"))


# The file of answers


def picture(number: int = 1) -> Picture:
    return read(digit(number))


def answers_in(folder: Path) -> Answers:
    return Answers(folder, 15, 25.0, Redactor([]))


def rows(folder: Path, statement: str) -> list[Any]:
    connection = sqlite3.connect(folder / "answers.sqlite3")
    with connection:
        found = connection.execute(statement).fetchall()
    connection.close()
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Answers, "_sweep_later", lambda self: None)
    return tmp_path


def test_pictures_go_with_their_answers(folder: Path) -> None:
    answers = answers_in(folder)
    answers.once(ID, lambda: {"raw": 1} if answers.keep_picture(ID, "a", picture()) else {})
    answers.keep_picture(ID, "b", picture(2))
    answers.keep_picture(OTHER, "a", picture(3))
    assert answers.get_picture(ID) == answers.get_picture(ID, "a") == picture()
    assert answers.get_picture(ID, "b") == picture(2)
    assert answers.get_picture(ID, "c") is None
    assert answers.get_picture("../etc") is None
    rows(folder, f"UPDATE answers SET over = {time.time() - 1}")
    answers.sweep()
    assert answers.get_picture(ID) is None
    assert answers.get_picture(OTHER) == picture(3)
    answers.forget()
    assert rows(folder, "SELECT id FROM pictures") == []


def test_pictures_without_an_answer_go_in_their_time(folder: Path) -> None:
    answers = answers_in(folder)
    answers.keep_picture(OTHER, "a", picture())
    rows(folder, f"UPDATE pictures SET over = {time.time() - 1}")
    assert answers.get_picture(OTHER) is None
    answers.sweep()
    assert rows(folder, "SELECT id FROM pictures") == []


def test_the_oldest_pictures_go_when_the_file_gets_too_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = answers_in(folder)
    big = Picture(bytes(300_000), "a.png", "image/png", 1, 1)
    for i in range(6):
        answers.keep_picture(f"{i:032x}", "a", big)
    monkeypatch.setattr("FlaskAppAML.answers.MOST_BYTES", 1_000_000)
    monkeypatch.setattr("FlaskAppAML.answers.SWEPT_AT_ONCE", 1)
    answers.sweep()
    assert rows(folder, "SELECT id FROM pictures ORDER BY id") == [(f"{i:032x}",) for i in (3, 4, 5)]


# Tensors


@pytest.fixture(scope="module")
def tensors() -> Iterator[TensorServer]:
    with TensorServer() as server:
        yield server


@pytest.mark.parametrize("path", ["/v2/models/digits/infer", "/v1/models/digits:predict"])
@pytest.mark.parametrize("number", [0, 3, 8])
def test_a_tensor_that_is_a_picture_is_given_as_one(
    make_app: MakeApp, tensors: TensorServer, path: str, number: int
) -> None:
    client = make_app(url=tensors.url + path).test_client()
    page = client.get("/").text
    assert "A picture; the model gets it as 28 × 28 pixels, in grey." in page
    answer = client.post("/", data={"image": given(digit(number, "JPEG"), "digit.jpg")})
    assert answer.status_code == 200
    kept_as = again(answer.text)["value"].removeprefix("kept:")
    values = client.application.extensions["site"].answers.get(kept_as)["prediction"]["raw"]
    found = values["outputs"][0]["data"] if "outputs" in values else values["predictions"][0]
    assert found.index(max(found)) == number
    assert client.get(f"/answers/{kept_as}/picture").status_code == 200, "the picture is kept, not its numbers"
    in_json = client.post("/", data={"_json": json.dumps({"image": [[[0.5]] * 28] * 27})})
    assert in_json.status_code == 422
    assert "28 × 28 × 1" in in_json.text, "lists are taken too, by their shape"


def form_file(folder: Path, **about: Any) -> str:
    (folder / "form.json").write_text(json.dumps({"fields": {"x": about}}))
    return str(folder / "form.json")


@pytest.mark.parametrize(("about", "white"), [({}, 1), ({"maximum": 16}, 16), ({"kind": "list", "maximum": 255}, 255)])
def test_the_owner_says_that_numbers_are_a_picture(about: dict[str, Any], white: int) -> None:
    listed = Field("x", "list", items=Field("item", "number"), min_items=64, max_items=64)
    f = customised(Schema((listed,)), {"fields": {"x": {"widget": "draw", **about}}}).fields[0]
    found = numbers(f, read(digit(1)))
    assert len(found) == 64
    assert max(found) == white


def test_a_picture_is_not_made_of_what_is_none(make_app: MakeApp, tmp_path: Path) -> None:
    schema = json.dumps({"dialect": "raw", "fields": [{"name": "x", "type": "json"}]})
    with pytest.raises(SettingError, match="FORM asks for a picture for the field x, whose shape is that of none"):
        make_app(url="http://127.0.0.1:9/x", schema=schema, form=form_file(tmp_path, widget="picture"))


@pytest.mark.parametrize(
    ("shape", "row", "datatype", "widget"),
    [
        ((-1, 28, 28, 1), (28, 28, 1), "FP32", "draw"),
        ((-1, 3, 224, 224), (3, 224, 224), "FP32", "picture"),
        ((1, 224, 224, 3), (224, 224, 3), "UINT8", "picture"),
        ((-1, -1, -1, 3), (-1, -1, 3), "DT_FLOAT", "picture"),
        ((-1, 28, 28), (28, 28), "DT_UINT8", "draw"),
        ((28, 28, 1), (28, 28, 1), "FP32", "draw"),
        ((-1, 28, 28, 1), (28, 28, 1), "INT8", ""),  # signed, so what is black?
        ((-1, 28, 28, 1), (28, 28, 1), "BOOL", ""),
        ((-1, 784), (784,), "FP32", ""),  # numbers in a row are mostly no picture
        ((-1, 128, 64), (128, 64), "FP32", ""),  # a sequence of vectors
        ((-1, 10, 10), (10, 10), "FP32", ""),
        ((-1, 100, 3), (100, 3), "FP32", ""),  # points in space
        ((-1, 4, 4, 3), (4, 4, 3), "FP32", ""),
        ((2, 28, 28, 1), (2, 28, 28, 1), "FP32", ""),
        ((-1, 10, 28, 28, 1), (10, 28, 28, 1), "FP32", ""),
    ],
)
def test_only_what_is_surely_a_picture_is_taken_for_one(
    shape: tuple[int, ...], row: tuple[int, ...], datatype: str, widget: str
) -> None:
    assert widget_for(shape, row, datatype) == widget


# As the endpoint wants it


def photo(side: int = 300) -> bytes:
    """Lying on its side, with where it was taken."""
    about = Image.Exif()
    about[274], about[0x010E] = 6, SECRET
    return photo_of(side, exif=about)


def photo_of(side: int, **about: Any) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((side, side // 2)).convert("RGB").save(out, "JPEG", **about)
    return out.getvalue()


def sent(misbehaving: Misbehaving) -> bytes:
    return misbehaving.calls("ok")[-1].body


def asks_for(make_app: MakeApp, misbehaving: Misbehaving, more: dict[str, Any] | None = None, **about: str) -> Flask:
    field = {"name": "image", "type": "image", **about}
    template = {"dialect": "raw", "fields": [field]}
    return make_app(url=misbehaving.url("ok"), schema=json.dumps(template), **(more or {}))


@pytest.mark.parametrize(
    ("about", "find"),
    [
        ({"send": "body"}, lambda body: body),
        ({"send": "part:file"}, lambda body: body[body.index(b"\xff\xd8") : body.rindex(b"\xff\xd9") + 2]),
        ({}, lambda body: base64.b64decode(json.loads(body)["image"])),
        ({"encoding": "data_url"}, lambda body: base64.b64decode(json.loads(body)["image"].partition("base64,")[2])),
    ],
)
def test_it_is_sent_as_the_endpoint_wants_it(
    make_app: MakeApp, misbehaving: Misbehaving, about: dict[str, str], find: Callable[[bytes], bytes]
) -> None:
    client = asks_for(make_app, misbehaving, {"image_max_side": 200}, **about).test_client()
    name = "a photo.png"  # it is none
    assert client.post("/", data={"image": given(photo(), name)}).status_code == 200
    body = sent(misbehaving)
    with Image.open(io.BytesIO(find(body))) as image:
        assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (100, 200), {})
    assert SECRET.encode() not in body
    if about.get("send", "").startswith("part"):
        assert b'filename="a photo.jpg"\r\nContent-Type: image/jpeg' in body


@pytest.mark.parametrize(("accept", "kind"), [("image/png", "PNG"), ("image/jpeg", "JPEG"), ("image/*", "JPEG")])
def test_the_type_is_one_that_the_endpoint_takes(
    make_app: MakeApp, misbehaving: Misbehaving, accept: str, kind: str
) -> None:
    client = asks_for(make_app, misbehaving, send="body", accept=accept).test_client()
    for data in (photo(), digit(3) if accept != "image/*" else photo(500)):
        assert client.post("/", data={"image": given(data)}).status_code == 200
        with Image.open(io.BytesIO(sent(misbehaving))) as image:
            assert image.format == kind


@pytest.mark.parametrize(
    ("kind", "name", "data"),
    [
        ("audio", "a.wav", b"RIFF\x24\0\0\0WAVEfmt " + bytes(24)),
        ("file", "a.pdf", b"%PDF-1.7\n"),
        ("file", "photo.jpg", photo_of(40, comment=b"as it is")),  # who takes any file gets just this one
    ],
)
def test_other_files_pass_as_they_are(
    make_app: MakeApp, misbehaving: Misbehaving, kind: str, name: str, data: bytes
) -> None:
    client = asks_for(make_app, misbehaving, type=kind, send="body").test_client()
    answer = client.post("/", data={"image": given(data, name)})
    assert answer.status_code == 200
    assert sent(misbehaving) == data
    assert not again(answer.text), "pictures alone are kept"


def test_a_field_of_pictures_and_others_has_pictures_read(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    client = asks_for(make_app, misbehaving, type="file", send="body", accept="image/*,.pdf").test_client()
    client.post("/", data={"image": given(b"%PDF-1.7\n", "a.pdf")})
    assert sent(misbehaving) == b"%PDF-1.7\n"
    client.post("/", data={"image": given(photo(), "a.jpg")})
    assert SECRET.encode() not in sent(misbehaving)


def test_without_a_form_the_same_rule_holds(make_app: MakeApp, misbehaving: Misbehaving) -> None:
    """Whoever scores comes by the same check, a program or a file of rows."""
    endpoint = asks_for(make_app, misbehaving, send="body").extensions["site"].models["model"]
    row = endpoint.schema.parse({"image": base64.b64encode(photo()).decode()}, "json")
    scored = score(endpoint, endpoint.schema, [row])
    assert (scored.rows[0]["image"].width, SECRET.encode() in sent(misbehaving)) == (150, False)
    before = len(misbehaving.calls("ok"))
    with pytest.raises(WrongInput) as caught:
        score(endpoint, endpoint.schema, [{"image": Upload(b"<svg/>", "a.png", "image/png")}])
    assert caught.value.fields == {"image": "SVG is not taken, because it can hold script. Save the picture as PNG."}
    assert len(misbehaving.calls("ok")) == before


# Examples


def test_a_folder_of_pictures_is_a_gallery(make_app: MakeApp, demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "eight.png").write_bytes(digit(8))
    (tmp_path / "broken.png").write_bytes(b"<svg/>")
    (tmp_path / "more.json").write_text(
        json.dumps([{"name": "A two", "inputs": {"image": read(digit(2)).data_url(), "top_k": 3}}])
    )
    app = make_app(url=demo.urls["digits"], task="image-classification", examples=str(tmp_path))
    client = app.test_client()
    page = client.get("/").text
    assert [a["src"] for a in check(page).all("img")] == ["/examples/1", "/examples/2", "/examples/3"]
    assert [client.get(f"/examples/{i}").status_code for i in range(5)] == [404, 404, 200, 200, 404]
    for number, name in ((2, "8"), (3, "2")):
        tick = again(client.get(f"/?example={number}").text)
        assert tick["value"] == f"example:{number}"
        assert said(client.post("/", data={"image": [tick["value"], given(b"", "")]}).text) == name
    assert not again(client.get("/?example=1").text)
    assert client.post("/", data={"image": "example:1"}).status_code == 422
    assert client.post("/", data={"image": "example:99"}).status_code == 422
