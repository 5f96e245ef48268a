"""The picture models of the demo as `make run` offers them: their settings, example pictures and answers."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from house import check

import FlaskAppAML
import runserver
from demo import faces_draw, server
from FlaskAppAML import images
from FlaskAppAML.endpoint import Endpoint
from FlaskAppAML.results import Boxes, Part, Scores
from FlaskAppAML.score import score
from FlaskAppAML.settings import Settings

PICTURES = Path(runserver.ROOT) / "demo" / "pictures"
HAS_OPENCV = importlib.util.find_spec("cv2") is not None
EXPECTED: dict[str, dict[str, str | int]] = {
    "digits": {f"digit-{i}.png": str(i) for i in range(10)},
    "faces": {"astronaut.jpg": 1, "astronaut-twice.jpg": 2, "face-happy.png": 1, "digit-8.png": 0},
    "expressions": {
        "astronaut.jpg": "happy",
        "astronaut-twice.jpg": "happy happy",
        "face-happy.png": "happy",
        "face-neutral.png": "neutral",
        "digit-8.png": "",
    },
}
CASES = [(model, file) for model, files in EXPECTED.items() for file in files]


@pytest.fixture(scope="module", autouse=True)
def endpoint_of_the_demo() -> Iterator[None]:
    """One for all, at a port of its own."""
    with server.start("a-key-of-the-gallery") as running, pytest.MonkeyPatch.context() as patch:

        def start(key: str, port: int = 0) -> server.Demo:
            running._server.key = key
            return running

        patch.setattr(server, "start", start)
        yield


@pytest.fixture
def demos(tmp_path: Path) -> dict[str, Settings]:
    return runserver.start_demo(Settings(data_dir=str(tmp_path)))


def listed(model: str) -> dict[str, str]:
    """File by name, of the gallery."""
    examples = json.loads((PICTURES / f"{model}.json").read_text("utf-8"))
    return {file: example["name"] for example in examples for file in example["inputs"].values()}


@pytest.mark.parametrize("model", EXPECTED)
def test_a_gallery_names_pictures_that_are_there_and_told_of(model: str) -> None:
    told = (PICTURES / "README.md").read_text("utf-8")
    assert listed(model).keys() == EXPECTED[model].keys()
    for file in listed(model):
        assert (PICTURES / file).is_file()
        assert f"`{file}`" in told or file.startswith("digit-"), f"{file}: source and licence"


def test_the_drawings_are_those_that_the_program_draws() -> None:
    from PIL import Image, ImageChops

    for name, smiles in (("happy", True), ("neutral", False)):
        with Image.open(PICTURES / f"face-{name}.png") as kept:
            difference = ImageChops.difference(kept.convert("RGB"), faces_draw.face(smiles))
            assert max(high for _, high in difference.getextrema()) <= 8  # type: ignore[misc]


@pytest.mark.parametrize(("model", "file"), CASES)
def test_an_example_is_answered_rightly(demos: dict[str, Settings], model: str, file: str) -> None:
    if model in runserver.BY_OPENCV and not HAS_OPENCV:
        pytest.skip("LOUD: no OpenCV, so faces were not looked for")
    endpoint = Endpoint(demos[model])
    assert not endpoint.doubt
    example = next(one for one in endpoint.examples if one.name == listed(model)[file])
    (name,) = example.inputs
    upload = images.read((PICTURES / file).read_bytes()).upload(file)
    schema = endpoint.schema
    parts = score(endpoint, schema, [schema.parse({name: upload}, "json")]).result.parts
    assert said(parts) == EXPECTED[model][file]


def said(parts: list[Part]) -> str | int:
    for part in parts:
        if isinstance(part, Boxes):
            return len(part.boxes)
    return " ".join(part.scores[0].label for part in parts if isinstance(part, Scores))


@pytest.mark.parametrize(
    ("model", "file", "words"),
    [
        ("digits", "digit-4.png", "Most likely 4"),
        ("faces", "astronaut-twice.jpg", "Two boxes"),
        ("expressions", "astronaut.jpg", "Most likely happy"),
    ],
)
def test_a_picture_is_tried_on_connect(demos: dict[str, Settings], model: str, file: str, words: str) -> None:
    if model not in demos:
        pytest.skip("LOUD: no OpenCV, so faces were not looked for")
    client = FlaskAppAML.create_app(demos["companies"], local=True, demo=True, demos=demos).test_client()
    page = client.get(f"/connect?demo={model}", base_url="http://localhost").text
    values = {name: value for name, value in check(page).values().items() if name.startswith("connect-")}
    given = {**values, "connect-schema": demos[model].schema, "connect-task": demos[model].task, "do": "try"}
    field = "picture" if model == "faces" else "image"
    tried = client.post("/connect", data={**given, field: (PICTURES / file).open("rb")}, base_url="http://localhost")
    assert words in " ".join(" ".join(check(tried.text).texts["h2"]).split())


def test_without_opencv_there_are_digits_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "cv2" else plain(name, package)

    monkeypatch.setattr(runserver, "find_spec", without)
    demos = runserver.start_demo(Settings(data_dir=str(tmp_path)))
    assert "digits" in demos
    assert not set(runserver.BY_OPENCV) & set(demos)
