"""The demo endpoint's digits, faces and expressions over real HTTP, and its pictures.

Faces need OpenCV (`demo/requirements.txt`): without it their tests are left out with a word, and fail with CI=true.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from conftest import KEY
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from vectors_of import vectors_of

from demo import digits, digits_draw, digits_hf, digits_picture, expressions, faces, faces_azure, server, train_digits
from FlaskAppAML import faults, images
from FlaskAppAML.dialects import azureml, huggingface, raw
from FlaskAppAML.errors import EndpointError
from FlaskAppAML.results import Boxes, Images, Part, Scores
from FlaskAppAML.schema import Schema, Upload
from FlaskAppAML.wire import Reply, Request

DEMO = Path(server.__file__).parent
PICTURES = DEMO / "pictures"
MODEL = digits.load()
ASTRONAUT = (PICTURES / "astronaut.jpg").read_bytes()
FACE = (132, 49, 205, 123)  # where hers is, in pixels
TEMPLATE = {"dialect": "raw", "fields": [{"name": "image", "type": "image"}]}


@pytest.fixture
def opencv() -> None:
    if find_spec("cv2") is None:
        why = "OpenCV is missing: pip install -r demo/requirements.txt"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)


@pytest.fixture
def no_opencv(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "cv2", None)
    faces.loaded.cache_clear()
    yield
    faces.loaded.cache_clear()


def saved(image: Image.Image, kind: str = "PNG", **about: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **about)
    return out.getvalue()


def digit(number: int) -> Image.Image:
    with Image.open(PICTURES / f"digit-{number}.png") as image:
        image.load()
    return image


def said(reply: requests.Response) -> str:
    """The likeliest label."""
    assert reply.status_code == 200, reply.text
    return str(reply.json()[0]["label"])


def asked(http: requests.Session, request: Request) -> Reply:
    reply = http.request(request.method, request.url, data=request.body, headers=dict(request.headers))
    answered = Reply(reply.status_code, {k.lower(): v for k, v in reply.headers.items()}, reply.content)
    faults.check(answered)
    return answered


# -- Digits


@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_drawn_digit_is_read(demo: server.Demo, http: requests.Session, number: int, kind: str) -> None:
    headers = {"Content-Type": f"image/{kind.lower()}"}
    reply = http.post(demo.urls["digits"], data=saved(digit(number), kind), headers=headers)
    assert said(reply) == str(number)
    listed = reply.json()
    assert sorted(one["label"] for one in listed) == list(digits.LABELS)
    assert [one["score"] for one in listed] == sorted((one["score"] for one in listed), reverse=True)
    assert sum(one["score"] for one in listed) == pytest.approx(1)
    captured = vectors_of("huggingface")["hf_image_classification_ok"]["response"]["body"]
    assert {key for one in listed for key in one} == {key for one in captured for key in one}


def turned(image: Image.Image) -> bytes:
    """Lying on its side, with the word of Exif how to turn it."""
    exif = Image.Exif()
    exif[274] = 6
    return saved(image.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)


def on_nothing(image: Image.Image, ink: str) -> bytes:
    """As a canvas without a background gives it."""
    canvas = Image.new("RGBA", image.size, ink)
    canvas.putalpha(image.convert("L").point([255 - value for value in range(256)]))
    return saved(canvas)


def as_photo(image: Image.Image) -> bytes:
    """Blue ink on paper that is not white, with noise, a few specks, not sharp, and large."""
    dice = random.Random(3)
    paper, ink = Image.new("RGB", (1120, 1120), (214, 205, 190)), Image.new("RGB", (1120, 1120), (40, 50, 120))
    photo = Image.composite(paper, ink, image.convert("L").resize(paper.size))
    noise = Image.frombytes("L", (280, 280), dice.randbytes(280 * 280)).resize(paper.size)
    photo = Image.blend(photo, noise.convert("RGB"), 0.12).filter(ImageFilter.GaussianBlur(3))
    for _ in range(5):
        x, y = dice.randrange(30, 1080), dice.randrange(30, 1080)
        ImageDraw.Draw(photo).ellipse((x, y, x + 8, y + 8), fill=(60, 60, 60))
    return saved(photo, "JPEG", quality=70)


WAYS = {
    "white on black": lambda image: saved(image.convert("L").point([255 - value for value in range(256)])),
    "on nothing, black": lambda image: on_nothing(image, "black"),
    "on nothing, white": lambda image: on_nothing(image, "white"),
    "yellow on blue": lambda image: saved(
        Image.composite(
            Image.new("RGB", image.size, "navy"), Image.new("RGB", image.size, "yellow"), image.convert("L")
        )
    ),
    "in a corner of a large sheet": lambda image: saved(corner(image)),
    "28 pixels": lambda image: saved(image.resize((28, 28))),
    "few colours": lambda image: saved(image.convert("P"), "GIF"),
    "lying": turned,
    "photo": as_photo,
}


def corner(image: Image.Image) -> Image.Image:
    sheet = Image.new("L", (1000, 800), 255)
    sheet.paste(image.resize((140, 140)), (30, 620))
    return sheet


@pytest.mark.parametrize("way", WAYS)
def test_a_digit_is_read_however_it_is_shown(demo: server.Demo, http: requests.Session, way: str) -> None:
    read = [said(http.post(demo.urls["digits"], data=WAYS[way](digit(number)))) for number in range(10)]
    right = sum(one == str(number) for number, one in enumerate(read))
    assert right == 10, read


@pytest.mark.slow
@pytest.mark.parametrize("pen", [8, 16, 30])
def test_other_drawings_are_mostly_read(pen: int) -> None:
    """With pens and seeds that training did not see together."""
    dice = random.Random(1000 + pen)
    drawn = [(n % 10, digits_draw.drawn(n % 10, dice, pen)) for n in range(60)]
    found = [digits.best(MODEL.probabilities(digits_picture.pixels(digits_picture.opened(data)))) for _, data in drawn]
    assert sum(one == meant for one, (meant, _) in zip(found, drawn, strict=True)) >= 55


def test_printed_digits_are_mostly_read() -> None:
    """By a font, which training never saw."""
    found = []
    for number in range(10):
        image = Image.new("L", (200, 200), 255)
        ImageDraw.Draw(image).text((60, 30), str(number), font=ImageFont.load_default(120), fill=0)
        found.append(digits.best(MODEL.probabilities(digits_picture.pixels(image))))
    assert sum(one == number for number, one in enumerate(found)) >= 7


@pytest.mark.slow
def test_the_data_themselves_survive_being_made_a_picture() -> None:
    """A digit of the data set, drawn large, is mostly seen as what it was, though its 64 pixels are a blur then."""
    examples = train_digits.read_examples()[:200]
    right = 0
    for example in examples:
        small = Image.frombytes("L", (8, 8), bytes(255 - round(value * 255 / 16) for value in example.pixels))
        sheet = Image.new("L", (300, 300), 255)
        sheet.paste(small.resize((200, 200), Image.Resampling.BICUBIC), (50, 50))
        right += digits.best(MODEL.probabilities(digits_picture.pixels(sheet))) == example.digit
    assert right >= 170


def test_base64_and_top_k(demo: server.Demo, http: requests.Session) -> None:
    given = base64.b64encode(saved(digit(4))).decode()
    reply = http.post(demo.urls["digits"], json={"inputs": given, "parameters": {"top_k": 2}})
    assert said(reply) == "4"
    assert len(reply.json()) == 2


def test_the_address_may_say_the_task(demo: server.Demo, http: requests.Session) -> None:
    url = demo.urls["digits"] + "/pipeline/image-classification"
    assert said(http.post(url, data=saved(digit(3)))) == "3"
    assert huggingface.default_schema(url).options["task"] == "image-classification"


def test_digits_speak_with_the_dialect(demo: server.Demo, http: requests.Session) -> None:
    url = demo.urls["digits"] + "/pipeline/image-classification"
    assert huggingface.claims(urlsplit(url)) >= 0.5
    schema = huggingface.default_schema(url)
    upload = images.read(Upload(saved(digit(8)), "eight.png")).upload("eight.png")
    for values in ({"image": upload}, {"image": upload, "top_k": 3}):
        reply = asked(http, huggingface.encode(schema, url, [schema.parse(values, "json")]))
        (part,) = huggingface.decode(schema, reply, 1).parts
        assert isinstance(part, Scores)
        assert part.scores[0].label == "8"
        assert len(part.scores) == values.get("top_k", 10)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no picture"),
        (b"no picture", "no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
        (saved(Image.new("L", (50, 50), 255)), "nothing on the picture"),
        (saved(Image.new("RGBA", (50, 50), (0, 0, 0, 0))), "nothing on the picture"),
        (saved(Image.new("L", (1, 1), 0)), "nothing on the picture"),
        (saved(Image.new("L", (5000, 4001))), "more than 20,000,000 pixels"),
        (saved(digits_picture.opened(ASTRONAUT))[:5000], "no picture"),
    ],
)
def test_pictures_that_cannot_be_used(demo: server.Demo, http: requests.Session, data: bytes, words: str) -> None:
    reply = http.post(demo.urls["digits"], data=data, headers={"Content-Type": "image/png"})
    assert reply.status_code == 400
    assert words in reply.json()["error"]
    with pytest.raises(EndpointError) as caught:
        faults.check(Reply(reply.status_code, {}, reply.content))
    assert caught.value.kind == "bad_input"


@pytest.mark.parametrize(
    "body",
    [{}, [], "x", {"inputs": 5}, {"inputs": "%"}, {"inputs": "é"}, {"inputs": "aGk=", "parameters": {"top_k": 0}}],
)
def test_digit_bodies_that_do_not_fit(demo: server.Demo, http: requests.Session, body: Any) -> None:
    reply = http.post(demo.urls["digits"], json=body)
    assert (reply.status_code, reply.json()["error_type"]) == (422, "validation")


def test_any_picture_gets_an_answer(demo: server.Demo, http: requests.Session) -> None:
    """Noise, lines, single pixels, photos: some digit it is, or our sentence."""
    dice = random.Random(2)
    shown = [Image.frombytes("L", (w, h), dice.randbytes(w * h)) for w, h in ((1, 300), (300, 1), (64, 64), (256, 256))]
    dot, line = Image.new("L", (200, 200), 255), Image.new("L", (200, 200), 255)
    dot.putpixel((100, 100), 0)
    ImageDraw.Draw(line).line((0, 100, 199, 100), fill=0)
    for image in (*shown, dot, line, digits_picture.opened(ASTRONAUT), Image.new("CMYK", (20, 20), 90)):
        reply = http.post(demo.urls["digits"], data=saved(image, "JPEG" if image.mode == "CMYK" else "PNG"))
        assert reply.status_code in (200, 400), reply.text


def test_several_at_once_get_each_their_own(demo: server.Demo) -> None:
    def read(number: int) -> str:
        headers = {"Authorization": f"Bearer {KEY}"}
        return said(requests.post(demo.urls["digits"], data=saved(digit(number)), headers=headers, timeout=20))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, list(range(10)) * 2)) == [str(n) for n in range(10)] * 2


def test_other_models_of_that_address_are_left_to_the_reviews(demo: server.Demo, http: requests.Session) -> None:
    reply = http.post(demo.urls["digits"] + "x", json={"inputs": "x"})
    assert (reply.status_code, reply.json()["error"]) == (404, "Model digitsx does not exist")
    assert http.get(demo.urls["digits"]).status_code == 405


def test_without_pillow_it_is_said(
    demo: server.Demo, http: requests.Session, monkeypatch: pytest.MonkeyPatch, no_opencv: None
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    reply = http.post(demo.urls["digits"], data=saved_bytes())
    assert (reply.status_code, "Pillow" in reply.json()["error"]) == (503, True)


def saved_bytes() -> bytes:
    """Without Pillow."""
    return (PICTURES / "digit-1.png").read_bytes()


# -- The model of digits


@pytest.mark.slow
def test_figures_are_as_the_readme_says() -> None:
    examples = train_digits.read_examples()
    known, unseen = train_digits.split(examples)
    assert (len(known), len(unseen)) == (1437, 360)
    assert train_digits.right(MODEL, unseen) >= 335
    assert train_digits.right(MODEL, known) >= 1415
    about = (PICTURES / "README.md").read_text(encoding="utf-8")
    for line in train_digits.report(MODEL, examples).splitlines():
        assert line in about


def test_digits_by_hand() -> None:
    """One unit that sees the first pixel; it speaks for the digit 3."""
    hidden = [[1.0, *[0.0] * 63, -0.5]]
    output = [[float(number == 3) * 2, 0.0] for number in range(10)]
    model = digits.Digits(hidden, output)
    dark, light = [16.0, *[0.0] * 63], [8.0, *[0.0] * 63]
    assert digits.best(model.probabilities(dark)) == 3
    assert model.probabilities(light) == pytest.approx([0.1] * 10)
    with pytest.raises(ValueError, match="64 pixels"):
        model.probabilities([0.0] * 63)


def test_the_gradient_of_digits_leads_downhill() -> None:
    """One step by hand: one input, one unit, two digits alike before."""
    hidden, output = [[1.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]
    train_digits.step(hidden, output, [1.0], 0, 1.0)
    assert output == [[0.5, 0.5], [-0.5, -0.5]]
    assert hidden == [[1.0 - train_digits.SHRINK, 0.0]] or hidden == [[1.0, 0.0]]


def test_shifting_moves_ink_and_keeps_it() -> None:
    pixels = [0.0] * 64
    pixels[27] = 16.0  # the fourth of the fourth row
    assert train_digits.shifted(pixels, 0, 0)[27] == 1.0
    right = train_digits.shifted(pixels, 0.5, 0)
    assert (right[27], right[28], sum(right)) == (0.5, 0.5, 1.0)
    up = train_digits.shifted(pixels, 0, -0.25)
    assert (up[27], up[19], sum(up)) == (0.75, 0.25, 1.0)


@pytest.mark.slow
def test_the_shipped_digits_model_is_what_training_gives(capsys: pytest.CaptureFixture[str]) -> None:
    assert train_digits.main(["--check"]) == 0
    assert "unseen: " in capsys.readouterr().out


def test_training_writes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train_digits, "MODEL_FILE", tmp_path / "digits.json")
    monkeypatch.setattr(train_digits, "train", lambda _: MODEL)
    monkeypatch.setattr(train_digits, "DRAWINGS", 20)
    assert train_digits.main([]) == 0
    assert (tmp_path / "digits.json").read_bytes() == digits.MODEL_FILE.read_bytes()
    assert train_digits.main(["--check"]) == 0
    worse = digits.Digits(MODEL.hidden, MODEL.output[::-1])
    (tmp_path / "digits.json").write_text(train_digits.render(worse), encoding="utf-8")
    assert train_digits.main(["--check"]) == 1
    assert "unseen: " in capsys.readouterr().out


# -- How a picture becomes 64 pixels


def test_a_bar_of_ink_fills_the_height() -> None:
    """Wherever it stands; about as thick as lines are in the data."""
    image = Image.new("L", (400, 300), 255)
    ImageDraw.Draw(image).rectangle((50, 100, 70, 190), fill=0)
    found = digits_picture.pixels(image)
    rows = [found[i : i + 8] for i in range(0, 64, 8)]
    assert all(row == rows[0] for row in rows)
    assert rows[0][0] == rows[0][7] == 0
    assert max(rows[0]) == 16
    assert 0.2 < sum(found) / 1024 < 0.4


def test_pieces_hang_together_at_corners() -> None:
    ink = Image.new("L", (5, 4), 0)
    for place in ((0, 0), (1, 1), (4, 0), (4, 1), (0, 3)):
        ink.putpixel(place, 255)
    assert sorted(sorted(piece) for piece in digits_picture.pieces(ink)) == [[0, 6], [4, 9], [15]]


def test_otsu_by_hand() -> None:
    histogram = [0] * 256
    histogram[10], histogram[200] = 90, 10
    limit = digits_picture.threshold(histogram)
    assert 10 <= limit < 200
    assert digits_picture.contrast(histogram, limit) == 190


# -- Faces


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Shared area by united area."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, wide) * max(0.0, high)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def test_a_face_is_found(demo: server.Demo, http: requests.Session, opencv: None) -> None:
    reply = http.post(demo.urls["faces"], data=ASTRONAUT, headers={"Content-Type": "image/jpeg"})
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
    captured = vectors_of("azureml")["azureml_rawhttp_image_boxes_ok"]["response"]["body"]
    (box,), (shape,) = reply.json()["boxes"], captured["boxes"]
    assert list(box) == list(shape)
    assert list(box["box"]) == list(shape["box"])
    sides = [384 * box["box"][name] for name in ("topX", "topY", "bottomX", "bottomY")]
    assert overlap(tuple(sides), FACE) > 0.7
    assert (box["label"], 0.5 < box["score"] < 1) == ("face", True)


def test_faces_speak_with_the_dialect(demo: server.Demo, http: requests.Session, opencv: None) -> None:
    url = demo.urls["faces"]
    (where,) = azureml.schema_urls(url)
    schema = azureml.read_schema(url, http.get(where).json(), {})
    assert schema is not None
    picture = images.read(ASTRONAUT)
    (part,) = answered(http, azureml, schema, url, {"file": picture.upload("a.jpg")})
    assert isinstance(part, Boxes)
    assert part.units == "fraction"
    (box,) = images.in_pixels(picture, part)
    assert overlap((box.x0, box.y0, box.x1, box.y1), FACE) > 0.7
    drawn = Image.open(io.BytesIO(images.draw_boxes(picture, part)))
    assert drawn.size == (384, 384)
    cut = images.crop(picture, box)
    assert cut is not None
    assert 60 < cut.width < 90


def answered(http: requests.Session, dialect: Any, schema: Schema, url: str, values: dict[str, Any]) -> list[Part]:
    reply = asked(http, dialect.encode(schema, url, [schema.parse(values, "json")]))
    parts: list[Part] = dialect.decode(schema, reply, 1).parts
    return parts


def test_where_no_face_is_none_is_found(demo: server.Demo, http: requests.Session, opencv: None) -> None:
    for image in (Image.new("L", (200, 200), 128), Image.new("L", (1, 1)), digit(8)):
        assert http.post(demo.urls["faces"], data=saved(image)).json() == {"boxes": []}
        given = base64.b64encode(saved(image)).decode()
        assert http.post(demo.urls["expressions"], json={"image": given}).json()["found"] is False


def test_a_face_is_found_in_a_large_picture_too(demo: server.Demo, http: requests.Session, opencv: None) -> None:
    large = Image.open(io.BytesIO(ASTRONAUT)).resize((3000, 3000))
    (box,) = http.post(demo.urls["faces"], data=saved(large, "JPEG")).json()["boxes"]
    sides = [384 * box["box"][name] for name in ("topX", "topY", "bottomX", "bottomY")]
    assert overlap(tuple(sides), FACE) > 0.6


def test_several_threads_may_ask_for_the_first_face(opencv: None) -> None:
    """OpenCV takes itself out of the loaded modules while it is imported."""
    code = (
        "import sys, threading; from pathlib import Path; from demo import faces, faces_azure as service\n"
        "body, found = Path(sys.argv[1]).read_bytes(), []\n"
        "def ask(): found.append(int(service.answer('POST', service.SCORING, '', body, faces.cascades)[0]))\n"
        "threads = [threading.Thread(target=ask) for _ in range(8)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]; print(found)"
    )
    command = [sys.executable, "-c", code, str(PICTURES / "astronaut.jpg")]
    done = subprocess.run(command, cwd=DEMO.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([200] * 8)


def test_several_threads_may_ask_for_faces(demo: server.Demo, opencv: None) -> None:
    def count(_: int) -> int:
        headers = {"Authorization": f"Bearer {KEY}"}
        reply = requests.post(demo.urls["faces"], data=ASTRONAUT, headers=headers, timeout=20)
        return len(reply.json()["boxes"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(count, range(16))) == [1] * 16


def test_faces_describe_themselves_as_such_a_server_does(demo: server.Demo, http: requests.Session) -> None:
    root = demo.urls["faces"].removesuffix("/score")
    document = http.get(f"{root}/swagger.json").json()
    captured = vectors_of("azureml")["azureml_rawhttp_image_boxes_ok"]["schema_document"]
    assert document["definitions"]["ServiceInput"] == captured["definitions"]["ServiceInput"]
    assert document["paths"]["/score"]["post"]["operationId"] == captured["paths"]["/score"]["post"]["operationId"]
    assert requests.get(f"{root}/swagger.json", timeout=5).status_code == 401
    assert requests.get(f"{root}/", timeout=5).text == "Healthy"
    assert http.get(demo.urls["faces"]).status_code == 405
    assert http.get(f"{root}/other").status_code == 404


@pytest.mark.parametrize("data", [b"", b"zzz", saved(Image.new("L", (5000, 4001)))])
def test_faces_in_what_is_no_picture(demo: server.Demo, http: requests.Session, data: bytes, opencv: None) -> None:
    reply = http.post(demo.urls["faces"], data=data, headers={"Content-Type": "image/png"})
    assert (reply.status_code, list(reply.json())) == (400, ["error"])
    with pytest.raises(EndpointError) as caught:
        faults.check(Reply(reply.status_code, {}, reply.content))
    assert caught.value.kind == "bad_input"


def test_without_opencv_it_is_said(demo: server.Demo, http: requests.Session, no_opencv: None) -> None:
    given = base64.b64encode(ASTRONAUT).decode()
    for reply in (
        http.post(demo.urls["faces"], data=ASTRONAUT),
        http.post(demo.urls["expressions"], json={"image": given}),
    ):
        assert (reply.status_code, reply.json()) == (503, {"error": faces.WITHOUT_OPENCV})
    assert said(http.post(demo.urls["digits"], data=saved(digit(1)))) == "1"


# -- Expressions


def frowning() -> bytes:
    """The same face, its mouth smoothed away."""
    image = Image.open(io.BytesIO(ASTRONAUT))
    left, top, right, _ = FACE
    mouth = (left + 12, top + 48, right - 12, top + 68)
    image.paste(image.filter(ImageFilter.GaussianBlur(10)).crop(mouth), mouth)
    return saved(image, "JPEG", quality=95)


def test_a_smile_is_happy_and_none_is_neutral(demo: server.Demo, http: requests.Session, opencv: None) -> None:
    found = {}
    for name, data in (("smiles", ASTRONAUT), ("does not", frowning())):
        body = {"image": base64.b64encode(data).decode(), "model": "any", "img_name": "a.jpg"}
        reply = http.post(demo.urls["expressions"], json=body).json()
        (face,) = reply["faces"]
        found[name] = face["prediction"][0]["emotion"]
        assert sum(one["probability"] for one in face["prediction"]) == pytest.approx(1)
        assert [one["emotion"] for one in face["prediction"]] in (["happy", "neutral"], ["neutral", "happy"])
    assert found == {"smiles": "happy", "does not": "neutral"}


def test_expressions_have_the_shape_of_that_service(demo: server.Demo, http: requests.Session, opencv: None) -> None:
    reply = http.post(demo.urls["expressions"], json={"image": base64.b64encode(ASTRONAUT).decode()}).json()
    captured = vectors_of("raw")["emotion_faces_ok"]["response"]["body"]
    assert {key: type(value) for key, value in reply.items() if key != "note"} == {
        key: type(value) for key, value in captured.items()
    }
    assert reply["faces"][0].keys() == captured["faces"][0].keys()
    assert reply["note"].startswith("Tells only happy from neutral")
    whole, cut = (
        Image.open(io.BytesIO(base64.b64decode(data))) for data in (reply["image"], reply["faces"][0]["face"])
    )
    assert (whole.format, whole.size) == ("JPEG", (384, 384))
    assert 60 < cut.width < 90
    assert overlap((0, 0, *cut.size), (0, 0, 73, 74)) > 0.7


def test_expressions_speak_with_a_template(demo: server.Demo, http: requests.Session, opencv: None) -> None:
    schema = raw.read_schema(demo.urls["expressions"], TEMPLATE, {})
    assert schema is not None
    parts = answered(http, raw, schema, demo.urls["expressions"], {"image": Upload(ASTRONAUT, "a.jpg", "image/jpeg")})
    labels = [one.label for part in parts if isinstance(part, Scores) for one in part.scores]
    assert labels == ["happy", "neutral"]
    assert any(isinstance(part, Images) for part in parts)
    assert "Tells only happy" in json.dumps([part.document() for part in parts])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no", expressions.NO_JSON),
        (b"[]", expressions.NO_JSON),
        (b"{}", expressions.NO_JSON),
        (b'{"image": 5}', expressions.NO_JSON),
        (b"[" * 100_000, expressions.NO_JSON),
        (b'{"image": "zzz"}', expressions.NO_PICTURE),
        (b'{"image": "%%%"}', expressions.NO_PICTURE),
        ('{"image": "é"}'.encode(), expressions.NO_PICTURE),
        (b'{"image": ""}', expressions.NO_PICTURE),
        (b'{"image": "aGVsbG8="}', expressions.NO_PICTURE),
    ],
)
def test_expressions_refuse_in_that_service_s_words(
    demo: server.Demo, http: requests.Session, data: bytes, words: str, opencv: None
) -> None:
    reply = http.post(demo.urls["expressions"], data=data, headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()) == (200, {"error": words})
    with pytest.raises(EndpointError) as caught:
        faults.check(Reply(200, {"content-type": "application/json"}, reply.content))
    assert caught.value.kind == "bad_input"


def test_expressions_only_answer_to_post(demo: server.Demo, http: requests.Session) -> None:
    assert http.get(demo.urls["expressions"]).status_code == 405


# -- All of them


@pytest.mark.parametrize("name", ["digits", "faces", "expressions"])
def test_the_key_comes_first(demo: server.Demo, name: str) -> None:
    for key in ("", "Bearer wrong", f"Basic {KEY}"):
        reply = requests.post(demo.urls[name], data=ASTRONAUT, headers={"Authorization": key}, timeout=5)
        assert (reply.status_code, list(reply.json())) == (401, ["error"])
        assert KEY not in reply.text


@pytest.mark.parametrize("name", ["digits", "faces", "expressions"])
def test_a_body_too_large_is_refused_in_the_service_s_shape(
    demo: server.Demo, http: requests.Session, name: str
) -> None:
    reply = http.post(demo.urls[name], data=bytes(server.MAX_BODY + 1))
    assert (reply.status_code, list(reply.json())) == (413, ["error"])


def test_starting_loads_neither_pillow_nor_opencv() -> None:
    code = (
        "import sys; from demo.server import start\n"
        "with start('key') as demo: print([n for n in ('PIL', 'cv2', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=DEMO.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "module",
    [digits, digits_draw, digits_hf, digits_picture, expressions, faces, faces_azure],
    ids=lambda m: m.__name__,
)
def test_at_the_top_only_the_standard_library_is_imported(module: Any) -> None:
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    names = [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names | {"demo"}


def test_the_galleries_are_small_clean_and_explained() -> None:
    about = (PICTURES / "README.md").read_text(encoding="utf-8")
    files = sorted(path for path in PICTURES.iterdir() if path.suffix in (".jpg", ".png"))
    assert {path.name for path in files} >= {"astronaut.jpg", *(f"digit-{number}.png" for number in range(10))}
    assert sum(path.stat().st_size for path in files) < 250_000
    for path in files:
        assert path.name in about or path.name[:6] in about
        image = Image.open(io.BytesIO(path.read_bytes()))
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_the_drawn_digits_are_those_of_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixel by pixel; how well they are packed is Pillow's affair."""
    monkeypatch.setattr(digits_draw, "FOLDER", tmp_path)
    assert digits_draw.main() == 0
    for number in range(10):
        with Image.open(tmp_path / f"digit-{number}.png") as image:
            assert image.tobytes() == digit(number).tobytes()
