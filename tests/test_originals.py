"""Programs written for the original services, run against this app on a socket.

Each client below does what the service's own clients do, with `requests`. Behind the app are the demo's picture models;
where the model of the original service cannot run here (hotels by Faster R-CNN, leaves by Keras, emotions by
MobileNet), a server on a socket answers with what the vectors hold.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from conftest import KEY
from PIL import Image, ImageChops
from serving import serving
from tensor_server import TensorServer
from vectors_of import body_of, vectors_of

import FlaskAppAML
from demo.server import Demo
from FlaskAppAML.results import Box, Boxes, Column, Number, Part, Score, Scores, Table, Text, Vector
from FlaskAppAML.settings import Settings
from FlaskAppAML.web.originals import NO_JSON, NO_PICTURE, best_class, tag

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "demo" / "pictures"
ASTRONAUT = (PICTURES / "astronaut.jpg").read_bytes()
DIGIT = (PICTURES / "digit-7.png").read_bytes()
FACE = (132, 49, 205, 123)  # where hers is, in pixels
TIME = 20
BODY = {"dialect": "raw", "fields": [{"name": "picture", "type": "image", "send": "body"}]}
IN_JSON = {"dialect": "raw", "fields": [{"name": "image", "type": "image"}]}
IN_PART = {"dialect": "raw", "fields": [{"name": "picture", "type": "image", "send": "part:file"}]}

Serve = Callable[..., str]
needs_opencv = pytest.mark.skipif(
    find_spec("cv2") is None and not os.environ.get("CI"), reason="LOUD: no OpenCV, so no face was looked for"
)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """`serve(URL=..., TASK=...)`: the address of an app with these settings, on a socket."""
    folders = (str(tmp_path / f"data{number}") for number in count())

    def start(**environ: str) -> str:
        given = {"API_KEY": KEY, "RATE_LIMIT": "off", "DATA_DIR": next(folders), **environ}
        return on_socket(FlaskAppAML.create_app(Settings.read(given)))

    with serving() as on_socket:
        yield start


@pytest.fixture
def several(serve: Serve, demo: Demo) -> str:
    return serve(**of_the_demo(demo), COMPANIES_URL=demo.url, MODELS="digits,faces,expressions,companies")


def of_the_demo(demo: Demo) -> dict[str, str]:
    return {
        "DIGITS_URL": demo.urls["digits"],
        "DIGITS_TASK": "image-classification",
        "DIGITS_EXAMPLES": str(PICTURES / "digits.json"),
        "FACES_URL": demo.urls["faces"],
        "FACES_SCHEMA": json.dumps(BODY),
        "FACES_EXAMPLES": str(PICTURES / "faces.json"),
        "EXPRESSIONS_URL": demo.urls["expressions"],
        "EXPRESSIONS_SCHEMA": json.dumps(IN_JSON),
    }


class Replay:
    """A model server with one answer; `seen` has the headers and the body of every request."""

    def __init__(self, body: bytes, kind: str = "application/json", status: int = 200) -> None:
        replay = self
        self.seen: list[tuple[Message, bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                replay.seen.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/score"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def replay() -> Iterator[Callable[..., Replay]]:
    running: list[Replay] = []

    def start(body: Any, kind: str = "application/json", status: int = 200) -> Replay:
        running.append(Replay(body if isinstance(body, bytes) else json.dumps(body).encode(), kind, status))
        return running[-1]

    yield start
    for one in running:
        one.close()


def vector_body(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(body_of(vectors_of("raw")[name]["response"]["body"]))
    return body


# The clients, as people wrote them


def hotel_tags(server: str, name: str, picture: bytes) -> list[tuple[str, float, list[float]]]:
    reply = requests.post(
        f"{server}/{name}/api/v1.0/evaluate/returntags",
        files={"file": ("hotel.jpg", picture, "image/jpeg")},
        timeout=TIME,
    )
    reply.raise_for_status()
    found = []
    for one in reply.json()["tags"]:
        left, top, right, bottom = one["bbox"].strip("[]").split()
        found.append((one["label"], float(one["score"]), [float(left), float(top), float(right), float(bottom)]))
    return found


def hotel_picture(server: str, name: str, picture: bytes) -> Image.Image:
    reply = requests.post(f"{server}/{name}/api/v1.0/evaluate/returnimage", files={"file": picture}, timeout=TIME)
    reply.raise_for_status()
    assert reply.headers["Content-Type"] == "image/jpeg"
    image = Image.open(io.BytesIO(reply.content))
    assert image.format == "JPEG"
    return image


def plant(server: str, picture: bytes) -> int:
    reply = requests.post(f"{server}/predict", files={"image": ("test_image.JPG", picture)}, timeout=TIME)
    answer = reply.json()
    assert reply.status_code == 200
    assert list(answer) == ["message", "best_prediction"]
    assert answer["message"] == "image received!"
    return int(answer["best_prediction"])


def emotions(server: str, picture: bytes, path: str = "/predict_api", **more: str) -> dict[str, Any]:
    body = json.dumps({"image": base64.b64encode(picture).decode(), **more})
    reply = requests.post(server + path, data=body, headers={"Content-Type": "application/json"}, timeout=TIME)
    answer: dict[str, Any] = reply.json()
    return answer


def opened(data: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(data, validate=True)))


# Hotel image tagger


@needs_opencv
def test_a_hotel_client_gets_its_tags(several: str) -> None:
    ((label, score, box),) = hotel_tags(several, "faces", ASTRONAUT)
    assert (label, 0.5 < score < 1) == ("face", True)
    assert all(abs(side - hers) < 12 for side, hers in zip(box, FACE, strict=True))


@needs_opencv
def test_a_hotel_client_gets_the_picture_with_its_boxes(several: str) -> None:
    marked = hotel_picture(several, "faces", ASTRONAUT)
    plain = Image.open(io.BytesIO(ASTRONAUT))
    assert marked.size == plain.size == (384, 384)
    changed = ImageChops.difference(marked.convert("L"), plain.convert("L")).point([255 * (i > 60) for i in range(256)])
    left, top, right, bottom = changed.getbbox() or (0, 0, 0, 0)
    assert all(abs(a - b) < 12 for a, b in zip((left, right, bottom), (FACE[0], FACE[2], FACE[3]), strict=True))
    assert FACE[1] - 30 < top < FACE[1]  # the label stands above the face
    assert changed.crop((FACE[0] + 15, FACE[1] + 15, FACE[2] - 15, FACE[3] - 15)).getbbox() is None


def test_tags_are_written_as_the_service_wrote_them(serve: Serve, replay: Callable[..., Replay]) -> None:
    """The service itself behind the app: what it says comes out as it came in."""
    said = vector_body("hotel_cntk_tags_ok")
    model = replay(said)
    server = serve(URL=model.url, SCHEMA=json.dumps({**IN_PART, "answer": "/tags"}))
    files = {"file": ("hotel.jpg", picture_of(500, 400), "image/jpeg")}
    reply = requests.post(f"{server}/hotelidentifier/api/v1.0/evaluate/returntags", files=files, timeout=TIME)
    assert (reply.status_code, reply.json()) == (200, said)
    headers, body = model.seen[0]
    assert headers["Authorization"] == f"Bearer {KEY}"
    message = BytesParser().parsebytes(b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body)
    parts = [(part.get_param("name", header="content-disposition"), part.get_filename()) for part in message.walk()]
    assert parts[1:] == [("file", "hotel.jpg")]


def test_a_picture_that_the_model_drew_is_handed_on(serve: Serve, replay: Callable[..., Replay]) -> None:
    model = replay(picture_of(64, 48, "PNG"), "image/jpg")
    server = serve(URL=model.url, SCHEMA=json.dumps(IN_PART))
    assert hotel_picture(server, "hotelidentifier", ASTRONAUT).size == (64, 48)


def test_a_picture_from_the_model_that_cannot_be_read_is_its_fault(serve: Serve, replay: Callable[..., Replay]) -> None:
    model = replay(b"\xff\xd8\xff\xe0 and nothing more", "image/jpg")
    server = serve(URL=model.url, SCHEMA=json.dumps(IN_PART))
    reply = requests.post(f"{server}/x/api/v1.0/evaluate/returnimage", files={"file": ASTRONAUT}, timeout=TIME)
    assert (reply.status_code, list(reply.json())) == (502, ["error"])


def test_labels_without_places_are_tags_of_the_whole_picture(several: str) -> None:
    found = hotel_tags(several, "digits", DIGIT)
    assert found[0][0] == "7"
    assert len(found) == 10
    assert {tuple(box) for _, _, box in found} == {(0, 0, 280, 280)}
    assert hotel_picture(several, "digits", DIGIT).size == (280, 280)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box("pool", 0.98, 96, 12, 480, 300), {"label": "pool", "score": "0.98", "bbox": "[ 96.  12. 480. 300.]"}),
        (Box("", None, 0.4, 1.6, 10, 9), {"label": "", "score": "nan", "bbox": "[ 0.  2. 10.  9.]"}),
        (Box("x", 1.0, 0, 1, 2, 3), {"label": "x", "score": "1.0", "bbox": "[0. 1. 2. 3.]"}),
    ],
)
def test_a_tag_is_three_texts(box: Box, expected: dict[str, str]) -> None:
    assert tag(box) == expected


def test_scores_in_percent_are_shares_of_one(serve: Serve, replay: Callable[..., Replay]) -> None:
    model = replay([["goldfinch", 98.0], ["canary", 2.0]])
    server = serve(URL=model.url, SCHEMA=json.dumps(IN_PART))
    assert [score for _, score, _ in hotel_tags(server, "x", ASTRONAUT)] == [0.98, 0.02]
    prediction = emotions(server, ASTRONAUT)["faces"][0]["prediction"]
    assert prediction[0] == {"emotion": "goldfinch", "probability": 0.98}


def test_one_model_may_be_called_anything_but_a_page(serve: Serve, demo: Demo) -> None:
    server = serve(URL=demo.urls["digits"], TASK="image-classification", NAME="seven")
    for name in ("hotelidentifier", "seven", "v1"):
        assert hotel_tags(server, name, DIGIT)[0][0] == "7"
    for name in ("about", "models", "answers", "predict", "health", "static"):
        assert not_found(server, name)


def test_of_several_models_one_must_be_named(several: str) -> None:
    assert hotel_tags(several, "digits", DIGIT)[0][0] == "7"
    for name in ("hotelidentifier", "about", "companies"):  # which takes no picture
        assert not_found(several, name)


def not_found(server: str, name: str, path: str = "evaluate/returntags") -> bool:
    reply = requests.post(f"{server}/{name}/api/v1.0/{path}", files={"file": DIGIT}, timeout=TIME)
    expected = vectors_of("raw")["hotel_cntk_err_404"]["response"]
    assert (reply.status_code, reply.json()) == (expected["status"], expected["body"])
    return reply.headers["Content-Type"] == "application/json"


def test_what_else_the_hotel_client_asks_for_is_not_there(several: str) -> None:
    assert not_found(several, "hotelidentifier", "nope")
    assert not_found(several, "digits", "evaluate/")
    reply = requests.get(f"{several}/digits/api/v1.0/evaluate/returntags", timeout=TIME)
    assert (reply.status_code, reply.json()) == (404, {"error": "Not found"})


# Plant disease


def test_a_plant_client_gets_the_label_that_is_a_number(several: str) -> None:
    assert [plant(several, (PICTURES / f"digit-{i}.png").read_bytes()) for i in range(10)] == [*range(10)]


def test_a_plant_client_gets_what_the_service_itself_says(serve: Serve, replay: Callable[..., Replay]) -> None:
    said = vector_body("plants_keras_ok")
    server = serve(URL=replay(said).url, SCHEMA=json.dumps(IN_PART))
    assert plant(server, ASTRONAUT) == said["best_prediction"]


def scores(*labels: str, top: int = 0) -> Scores:
    return Scores([Score(label, 1 / (i + 2), top=i == top) for i, label in enumerate(labels)])


def row(*values: Any) -> Table:
    return Table("prediction", [Column(f"prediction[{i}]", "number") for i in range(len(values))], [[*values]])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([scores("7", "9")], 7),
        ([scores("3.0", "9")], 3),
        ([scores("rust", "blight", "healthy")], 2),
        ([scores("rust", "blight", "healthy", top=1)], 0),
        ([scores("prediction[10]", "prediction[2]"), row(*[0.05] * 10, 0.5)], 10),
        ([row(0.1, 0.7, 0.2)], 1),
        ([row(4)], 4),
        ([Vector([-5.0, 2.5, 1.0])], 1),
        ([Number(6.0)], 6),
        ([Number(6.5)], None),
        ([Text("12")], 12),
        ([Text("rust")], None),
        ([Boxes("", [])], None),
        ([Scores([])], None),
        ([Table("", [], [])], None),
        ([row("x", 5)], None),
        ([], None),
    ],
)
def test_the_best_class_is_a_whole_number(parts: list[Part], expected: int | None) -> None:
    assert best_class(parts) == expected


def test_the_owner_may_turn_labels_into_numbers(serve: Serve, replay: Callable[..., Replay], tmp_path: Path) -> None:
    form = tmp_path / "form.json"
    form.write_text(json.dumps({"outputs": {"scores": {"values": {"leaf rust": "3", "healthy": "5"}}}}))
    model = replay([{"label": "leaf rust", "score": 0.8}, {"label": "healthy", "score": 0.2}])
    settings = {"URL": model.url, "SCHEMA": json.dumps(IN_PART)}
    assert plant(serve(**settings, FORM=str(form)), ASTRONAUT) == 3
    assert plant(serve(**settings), ASTRONAUT) == 1


def test_a_model_that_takes_tensors_gets_the_numbers_of_the_picture(serve: Serve) -> None:
    with TensorServer() as model:
        for path in ("/v2/models/digits/infer", "/v1/models/digits:predict"):
            assert plant(serve(URL=model.url + path), DIGIT) == 7


def test_what_names_no_class_is_told(serve: Serve, replay: Callable[..., Replay]) -> None:
    server = serve(URL=replay({"caption": "A leaf."}).url, SCHEMA=json.dumps(IN_PART))
    reply = requests.post(f"{server}/predict", files={"image": ASTRONAUT}, timeout=TIME)
    assert (reply.status_code, reply.json()) == (
        502,
        {"message": "The endpoint’s answer could not be read. It names no class."},
    )


# Face emotion


@needs_opencv
@pytest.mark.parametrize("path", ["/predict_api", "/predict_upload_api", "/predict_img_only_api"])
def test_an_emotion_client_gets_its_faces(several: str, path: str) -> None:
    answer = emotions(several, ASTRONAUT, path, model="expressions", img_name="a.jpg")
    assert set(answer) == {"image", "found", "faces"}
    assert answer["found"] is True
    (face,) = answer["faces"]
    assert list(face) == ["face", "prediction"]
    assert [one["emotion"] for one in face["prediction"]] == ["happy", "neutral"]
    assert sum(one["probability"] for one in face["prediction"]) == pytest.approx(1)
    assert opened(answer["image"]).size == (384, 384)
    assert 60 < opened(face["face"]).width < 90


@needs_opencv
def test_of_several_faces_each_has_its_own(several: str) -> None:
    answer = emotions(several, (PICTURES / "astronaut-twice.jpg").read_bytes(), model="expressions")
    assert len({face["face"] for face in answer["faces"]}) == 2
    assert [face["prediction"][0]["emotion"] for face in answer["faces"]] == ["happy", "happy"]


@needs_opencv
def test_where_the_model_gives_only_boxes_we_cut_and_draw(several: str) -> None:
    answer = emotions(several, (PICTURES / "astronaut-twice.jpg").read_bytes(), model="faces")
    assert answer["found"] is True
    drawn = opened(answer["image"])
    assert (drawn.format, drawn.size) == ("JPEG", (640, 384))
    with Image.open(PICTURES / "astronaut-twice.jpg") as plain:
        assert ImageChops.difference(drawn.convert("RGB"), plain).getextrema()[0][1] > 60  # type: ignore[index]
    assert len(answer["faces"]) == 2
    for face in answer["faces"]:
        ((emotion, probability),) = [(one["emotion"], one["probability"]) for one in face["prediction"]]
        assert (emotion, 0.5 < probability < 1) == ("face", True)
        assert 60 < opened(face["face"]).width < 90
        assert opened(face["face"]).format == "JPEG"


@needs_opencv
@pytest.mark.parametrize("model", ["faces", "expressions"])
def test_where_no_face_is_only_that_is_said(several: str, model: str) -> None:
    assert emotions(several, DIGIT, model=model) == vector_body("emotion_faces_none")


def test_an_unknown_model_means_the_first(several: str) -> None:
    for named in ({}, {"model": "mobilenetv2"}, {"model": "digits"}):
        (face,) = emotions(several, DIGIT, **named)["faces"]
        assert face["prediction"][0]["emotion"] == "7"
        assert opened(face["face"]).size == (280, 280)


def test_an_emotion_client_gets_what_the_service_itself_says(serve: Serve, replay: Callable[..., Replay]) -> None:
    said = vector_body("emotion_faces_ok")
    model = replay(said)
    template = {**IN_JSON, "fields": [*IN_JSON["fields"], {"name": "model", "choices": ["mobilenetv2", "vgg16"]}]}
    server = serve(URL=model.url, SCHEMA=json.dumps(template))
    assert emotions(server, ASTRONAUT, model="vgg16") == said
    assert emotions(server, ASTRONAUT, model="unknown") == emotions(server, ASTRONAUT) == said
    assert [json.loads(body)["model"] for _, body in model.seen] == ["vgg16", "mobilenetv2", "mobilenetv2"]


def test_what_the_service_refuses_is_told_in_its_words(serve: Serve, replay: Callable[..., Replay]) -> None:
    refused = vector_body("emotion_err_in_body")
    server = serve(URL=replay(refused).url, SCHEMA=json.dumps(IN_JSON))
    assert emotions(server, ASTRONAUT) == refused


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", NO_JSON),
        (b"no", NO_JSON),
        (b"[]", NO_JSON),
        (b"{}", NO_JSON),
        (b'{"image": 5}', NO_JSON),
        (b'{"image": null}', NO_JSON),
        (b"[" * 100_000, NO_JSON),
        (b'{"image": "zzz"}', NO_PICTURE),
        (b'{"image": ""}', NO_PICTURE),
        ('{"image": "é"}'.encode(), NO_PICTURE),
        (b'{"image": "aGVsbG8="}', NO_PICTURE),
        (json.dumps({"image": base64.b64encode(b"<svg/>").decode()}).encode(), NO_PICTURE),
        (json.dumps({"image": base64.b64encode(ASTRONAUT[:2000]).decode()}).encode(), NO_PICTURE),
    ],
)
def test_what_cannot_be_read_is_told_in_the_two_known_sentences(several: str, body: bytes, said: str) -> None:
    reply = requests.post(f"{several}/predict_api", data=body, timeout=TIME)
    assert (reply.status_code, reply.json()) == (200, {"error": said})


def test_a_data_url_and_another_content_type_will_do(several: str) -> None:
    body = json.dumps({"image": "data:image/png;base64," + base64.b64encode(DIGIT).decode()})
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        reply = requests.post(f"{several}/predict_api", data=body, headers={"Content-Type": kind}, timeout=TIME)
        assert reply.json()["found"] is True


# Image classification with job tickets


def test_info_lists_models_and_pictures(several: str) -> None:
    reply = requests.get(f"{several}/info", timeout=TIME)
    digits = [f"digit-{i}.png" for i in range(10)]
    assert reply.json() == {
        "models": ["digits", "faces", "expressions", "companies"],
        "images": [*digits, "astronaut.jpg", "astronaut-twice.jpg", "face-happy.png"],
    }


def test_without_examples_there_are_no_pictures(serve: Serve, demo: Demo) -> None:
    server = serve(URL=demo.url, EXAMPLES=str(ROOT / "demo" / "examples.json"))
    assert requests.get(f"{server}/info", timeout=TIME).json() == {"models": ["model"], "images": []}


# What holds for all of them


def every_route(server: str, picture: bytes = DIGIT, **about: Any) -> dict[str, requests.Response]:
    """One request to each kind of route."""
    hotel = f"{server}/digits/api/v1.0/evaluate"
    coded = json.dumps({"image": base64.b64encode(picture).decode()})
    return {
        "tags": requests.post(f"{hotel}/returntags", files={"file": picture}, timeout=TIME, **about),
        "image": requests.post(f"{hotel}/returnimage", files={"file": picture}, timeout=TIME, **about),
        "plant": requests.post(f"{server}/predict", files={"image": picture}, timeout=TIME, **about),
        "emotion": requests.post(f"{server}/predict_api", data=coded, timeout=TIME, **about),
    }


KEYS = {"tags": "error", "image": "error", "plant": "message", "emotion": "error"}


def assert_own_shapes(replies: dict[str, requests.Response], status: int, words: str) -> None:
    for name, reply in replies.items():
        assert reply.status_code == status, (name, reply.text)
        assert reply.headers["Content-Type"] == "application/json"
        assert reply.headers["Cache-Control"] == "no-store"
        assert list(reply.json()) == [KEYS[name]]
        assert re.search(words, reply.json()[KEYS[name]]), reply.text
        assert KEY not in reply.text


def test_a_model_that_takes_no_picture_is_told_in_their_shapes(serve: Serve, demo: Demo) -> None:
    replies = every_route(serve(URL=demo.url))
    assert {name: (reply.status_code, reply.json()) for name, reply in replies.items()} == {
        "tags": (404, {"error": "Not found"}),
        "image": (404, {"error": "Not found"}),
        "plant": (404, {"message": "This model takes no picture."}),
        "emotion": (200, {"error": NO_PICTURE}),
    }


def test_without_an_endpoint_it_is_told_in_their_shapes(serve: Serve) -> None:
    assert_own_shapes(every_route(serve(API_KEY="")), 503, "^No endpoint is set yet. Missing: URL")


def test_an_endpoint_that_is_down_is_told_in_their_shapes(serve: Serve) -> None:
    server = serve(URL="http://127.0.0.1:9/score", SCHEMA=json.dumps(BODY), RETRIES="0")
    assert_own_shapes(every_route(server), 502, "^The endpoint cannot be reached. It does not")


def test_an_endpoint_that_fails_does_not_say_more_than_on_the_pages(
    serve: Serve, replay: Callable[..., Replay]
) -> None:
    model = replay({"error": f"stack trace of {KEY}"}, status=500)
    server = serve(URL=model.url, SCHEMA=json.dumps(BODY), RETRIES="0")
    assert_own_shapes(every_route(server), 502, "^(?!.*stack trace)")


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG is not taken"),
        (ASTRONAUT[:2000], "cut off or damaged"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_what_is_no_picture_is_told_in_their_shapes(several: str, picture: bytes, words: str) -> None:
    replies = every_route(several, picture)
    assert replies.pop("emotion").json() == {"error": NO_PICTURE}
    assert_own_shapes(replies, 422, words)


def test_another_field_that_the_model_needs_is_named(serve: Serve, replay: Callable[..., Replay]) -> None:
    template = {**IN_PART, "fields": [*IN_PART["fields"], {"name": "hotel", "send": "part:hotel"}]}
    model = replay({"tags": []})
    server = serve(URL=model.url, SCHEMA=json.dumps(template))
    address = f"{server}/x/api/v1.0/evaluate/returntags"
    reply = requests.post(address, files={"file": DIGIT}, timeout=TIME)
    assert (reply.status_code, reply.json()) == (422, {"error": "Some fields need a change. hotel: Fill this in."})
    reply = requests.post(address, files={"file": DIGIT}, data={"hotel": "Ritz", "another": "x"}, timeout=TIME)
    assert (reply.status_code, reply.json()) == (200, {"tags": []})
    assert b"Ritz" in model.seen[0][1]
    assert len(model.seen) == 1


def test_a_missing_part_is_named(several: str) -> None:
    for path, name in (("/digits/api/v1.0/evaluate/returntags", "file"), ("/predict", "image")):
        for given in ({"files": {"other": DIGIT}}, {"data": b"x"}):
            reply = requests.post(several + path, timeout=TIME, **given)
            assert reply.status_code == 422
            assert f"the part {name}" in reply.text


def test_a_request_that_is_too_large_is_told_in_their_shapes(serve: Serve, demo: Demo) -> None:
    server = serve(URL=demo.urls["digits"], TASK="image-classification", MAX_REQUEST_BYTES="2000")
    assert_own_shapes(every_route(server, DIGIT), 413, "more than this app takes")


def test_the_rate_limit_counts_for_them_too(serve: Serve, demo: Demo) -> None:
    server = serve(URL=demo.urls["digits"], TASK="image-classification", RATE_LIMIT="1/minute")
    assert requests.get(f"{server}/info", timeout=TIME).ok  # asks no model
    assert plant(server, DIGIT) == 7
    replies = every_route(server)
    assert_own_shapes(replies, 429, "1 per 1 minute")
    assert all(int(reply.headers["Retry-After"]) > 0 for reply in replies.values())


def test_the_password_is_asked_of_them_too(serve: Serve, demo: Demo) -> None:
    server = serve(URL=demo.urls["digits"], TASK="image-classification", PASSWORD="open-sesame")
    assert_own_shapes(every_route(server), 401, "password")
    assert requests.get(f"{server}/info", timeout=TIME).status_code == 401
    assert all(reply.ok for reply in every_route(server, auth=("anybody", "open-sesame")).values())


def test_a_page_of_another_site_may_not_send_and_a_program_may(several: str) -> None:
    assert_own_shapes(every_route(several, headers={"Origin": "https://elsewhere.example"}), 403, "another site")
    assert all(reply.ok for reply in every_route(several).values())


def test_pictures_are_shrunk_and_cleaned_before_they_are_sent(serve: Serve, replay: Callable[..., Replay]) -> None:
    exif = Image.Exif()
    exif[270] = "a secret place"
    model = replay([[0.25, 0.75]])
    server = serve(URL=model.url, SCHEMA=json.dumps(BODY), IMAGE_MAX_SIDE="100")
    assert plant(server, picture_of(400, 200, exif=exif)) == 1
    sent = Image.open(io.BytesIO(model.seen[0][1]))
    assert (sent.size, sent.format) == ((100, 50), "JPEG")
    assert hotel_picture(server, "x", picture_of(400, 200)).size == (100, 50)
    assert b"secret" not in model.seen[0][1]


def test_each_request_is_one_call(serve: Serve, replay: Callable[..., Replay]) -> None:
    model = replay([[0.25, 0.75]])
    server = serve(URL=model.url, SCHEMA=json.dumps(BODY))
    every_route(server)
    assert len(model.seen) == 4


def picture_of(width: int, height: int, kind: str = "JPEG", **about: Any) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, kind, **about)
    return out.getvalue()


# docs/originals.md


@needs_opencv
@pytest.mark.skipif(shutil.which("curl") is None, reason="LOUD: no curl, so docs/originals.md was not run")
def test_the_page_says_what_really_comes(serve: Serve, demo: Demo, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "originals.md").read_text("utf-8")
    settings = dict(re.findall(r"^    ([A-Z_]+)=(.+)$", page, re.MULTILINE))
    root = demo.urls["digits"].partition("/models/")[0]
    here = {name: value.strip("'").replace("http://127.0.0.1:5556", root) for name, value in settings.items()}
    server = serve(**{**here, "API_KEY": KEY})
    examples = re.findall(r"```sh\n(.+?)```\n(?:\n```json\n(.+?)```)?", page, re.DOTALL)
    assert len(examples) == 6
    for command, expected in examples:
        line = command.replace("http://localhost:5555", server).replace("marked.jpg", str(tmp_path / "marked.jpg"))
        done = subprocess.run(["/bin/sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
        if expected:
            assert _shortened(json.loads(done.stdout)) == json.loads(expected), command
    assert (tmp_path / "marked.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def _shortened(value: Any) -> Any:
    """As the page prints it: of pictures the beginning alone, of ids none of it."""
    if isinstance(value, dict):
        return {name: _shortened(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_shortened(one) for one in value]
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value):
        return "0f…"
    return f"{value[:8]}..." if isinstance(value, str) and len(value) > 1000 else value
