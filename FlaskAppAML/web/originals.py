"""The routes of the services that this app can stand in for, so that programs written for them keep working: a hotel
image tagger, a plant disease service, a face emotion service, and the list of a service with job tickets.

Each takes a picture, asks whatever model the settings name by the same core as the pages, and answers in the shape that
its clients know, errors too. What a model does not say (a face cut out, boxes drawn) is made here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from flask import Blueprint, Flask, Response, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from ..answers import answer_id
from ..endpoint import Endpoint
from ..errors import (
    AppError,
    BadResponse,
    InputRefused,
    InputTooLarge,
    MalformedRequest,
    PageNotFound,
    WrongInput,
)
from ..images import Picture, checked, crop, draw_boxes, in_pixels, read
from ..media import content_type_of
from ..prediction import Question
from ..results import Box, Boxes, Image, Images, Number, Part, Score, Scores, Table, Text, Vector, as_number, load
from ..schema import Field, Schema, Upload, unpacked
from ..schema.values import InvalidValue, Source
from ..score import score
from ..wire import dumps, read_json
from . import errors
from .predictions import facts_of, kept_document, wants_fresh
from .rate_limits import count_submission
from .site import jobs, site

NO_JSON = "failed to parse json, invalid format"
NO_PICTURE = "failed to process image, try another image"
JPEG = "image/jpeg"
MOST_LABELS = 5
MOST_FACES = 50  # that are cut out of one picture, those with the best scores
MOST_PIXELS = 20_000_000  # of all of them together: boxes may lie on each other

Shape = Callable[[AppError], tuple[dict[str, Any], int]]


def install(app: Flask) -> None:
    for service in (hotels, plants, emotions, tickets):
        app.register_blueprint(service)


def _service(name: str, shape: Shape, *, asks: bool = True) -> Blueprint:
    """Its routes stand below; `shape` says the body and the status of an error, `asks` whether they call a model."""
    service = Blueprint(name, __name__)
    if asks:
        service.before_request(count_submission)

    @service.errorhandler(Exception)
    def told(error: Exception) -> Response:
        known = errors.known(error)
        body, status = shape(known)
        return errors.told(known, _json(body, status))

    return service


def _words(error: AppError) -> str:
    """What happened and why, in one line."""
    document = errors.problem(error)
    wrong = [f"{name}: {said}" for name, said in document["fields"].items()]
    if error.detail and isinstance(error, WrongInput | PageNotFound):
        return error.detail
    return " ".join(dict.fromkeys([document["title"], document["detail"], *wrong]))


def _json(document: Any, status: int = 200) -> Response:
    return Response(dumps(site().redact.document(document)), status, content_type="application/json")


# Hotel image tagger: POST /<model>/api/v1.0/evaluate/returntags and /returnimage, multipart `file`


def _hotel_error(error: AppError) -> tuple[dict[str, Any], int]:
    return {"error": "Not found" if isinstance(error, PageNotFound) else _words(error)}, error.status


hotels = _service("hotels", _hotel_error)


@hotels.post("/<model>/api/v1.0/evaluate/returntags")
def returntags(model: str) -> Response:
    """`{"tags": [{"label", "score", "bbox"}]}`, three texts. A label without a place is one of the whole picture."""
    _choose(model)
    asked = _ask(_part("file"), request.form, "text")
    whole = (0.0, 0.0, float(asked.picture.width), float(asked.picture.height))
    labels = [Box(item.label, _share(item, part.full), *whole) for part in asked.scores for item in part.scores]
    return _json({"tags": [tag(box) for box in asked.boxes or labels]})


@hotels.post("/<model>/api/v1.0/evaluate/returnimage")
def returnimage(model: str) -> Response:
    """The picture with its boxes drawn, or the one that the model drew."""
    _choose(model)
    asked = _ask(_part("file"), request.form, "text")
    drawn = asked.images[0] if asked.images and not asked.boxes else None
    return Response(_redrawn(drawn) if drawn else jpeg(asked.picture, asked.boxes), content_type="image/jpeg")


@hotels.route("/<model>/api/v1.0/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def nothing_else(model: str, rest: str) -> Response:
    raise PageNotFound


def _choose(name: str) -> None:
    """Where there is one model, clients may call it what they like, but for the names of pages. Raises PageNotFound."""
    pages = {rule.rule.split("/")[1] for rule in current_app.url_map.iter_rules()}
    if name in (*site().models, *pages) or len(site().settings.models) > 1:
        site().choose(name)


def tag(box: Box) -> dict[str, str]:
    """As Python and NumPy print a number and an array: `0.98`, `[ 96.  12. 480. 300.]`, left, top, right, bottom."""
    sides = [f"{round(side)}." for side in (box.x0, box.y0, box.x1, box.y1)]
    width = max(map(len, sides))
    bbox = " ".join(side.rjust(width) for side in sides)
    return {"label": box.label, "score": "nan" if box.score is None else str(box.score), "bbox": f"[{bbox}]"}


def _redrawn(image: Image) -> bytes:
    """A picture from the endpoint is as strange as one from anybody. Raises BadResponse."""
    try:
        return read(unpacked(image.base64), site().model.settings.image_max_side, JPEG).data
    except InvalidValue as error:
        raise BadResponse("The picture in it could not be read.") from error


# Plant disease: POST /predict, multipart `image`


def _plant_error(error: AppError) -> tuple[dict[str, Any], int]:
    return {"message": _words(error)}, error.status


plants = _service("plants", _plant_error)


@plants.post("/predict")
def predict() -> Response:
    asked = _ask(_part("image"), request.form, "text")
    best = best_class(asked.parts)
    if best is None:
        raise BadResponse("It names no class.")
    return _json({"message": "image received!", "best_prediction": best})


def best_class(parts: list[Part]) -> int | None:
    """The best label where it is a whole number, else its index: among the numbers of a row, or among the labels in the
    order of the alphabet, which is how Keras numbers the folders that it learns from."""
    best = next((_winner(part) for part in parts if isinstance(part, Scores) and part.scores), None)
    if best is not None and (number := _whole(best)) is not None:
        return number
    for part in parts:
        match part:
            case Table(rows=[row]):
                names = [column.name for column in part.columns]
                if "best_prediction" in names or len(row) == 1:
                    return _whole(row[names.index("best_prediction") if "best_prediction" in names else 0])
                numbers = [number for number in map(as_number, row) if number is not None]
                if numbers and len(numbers) == len(row):
                    return numbers.index(max(numbers))
            case Vector():
                return part.values.index(max(part.values))
            case Number():
                return _whole(part.value)
            case Text():
                return _whole(part.text)
    listed = sorted({item.label for part in parts if isinstance(part, Scores) for item in part.scores})
    return None if best is None else listed.index(best)


def _winner(part: Scores) -> str:
    return next((item.label for item in part.scores if item.top), part.scores[0].label)


def _whole(value: Any) -> int | None:
    number = as_number(value)
    return int(number) if number is not None and number.is_integer() else None


# Face emotion: POST /predict_api and its two names, JSON with `image` in base64


def _emotion_error(error: AppError) -> tuple[dict[str, Any], int]:
    """The two failures that its clients know come with status 200, as from the service itself."""
    if isinstance(error, NotTheirJson):
        return {"error": NO_JSON}, 200
    if isinstance(error, WrongInput | InputRefused | InputTooLarge | PageNotFound):
        return {"error": NO_PICTURE}, 200
    return {"error": _words(error)}, error.status


class NotTheirJson(MalformedRequest):
    """No JSON object with a text under `image`."""


emotions = _service("emotions", _emotion_error)


@emotions.post("/predict_api")
@emotions.post("/predict_upload_api")
@emotions.post("/predict_img_only_api")
def predict_api() -> Response:
    """`{"found", "image", "faces": [{"face", "prediction": [{"emotion", "probability"}]}]}`, pictures in base64."""
    document = _document()
    named = document.get("model")
    if isinstance(named, str) and named in site().models:
        site().choose(named)
    try:
        upload = unpacked(document["image"])
    except InvalidValue as error:
        raise WrongInput(str(error)) from error
    asked = _ask(upload, {**document, **_own_model(site().model.schema, named)}, "json")
    faces = asked.faces()
    if not faces:
        return _json({"found": False})
    marked = next((image.base64 for image in asked.images_named("image")), "")
    return _json({"found": True, "image": marked or coded(jpeg(asked.picture, asked.boxes)), "faces": faces})


def _document() -> dict[str, Any]:
    """Whatever its content type: some clients send none. Raises NotTheirJson."""
    try:
        document = read_json(request.get_data())
    except BadResponse as error:
        raise NotTheirJson from error
    if not isinstance(document, dict) or not isinstance(document.get("image"), str):
        raise NotTheirJson
    return document


def _own_model(schema: Schema, named: Any) -> dict[str, Any]:
    """Of an endpoint that itself has several models, the one that is named, or the first."""
    choices: tuple[Any, ...] = next((f.choices for f in schema.fields if f.name == "model"), ())
    return {"model": named if named in choices else choices[0]} if choices else {}


# Image classification with job tickets: GET /info, GET and POST /classifications, GET /classifications/<id>


def _ticket_error(error: AppError) -> tuple[dict[str, Any], int]:
    return {"error": _words(error)}, error.status


tickets = _service("tickets", _ticket_error, asks=False)


@tickets.get("/info")
def info() -> Response:
    """The models, and the pictures among their examples, each once."""
    return _json({"models": [*site().models], "images": [example.name for example in _examples()]})


class Example(NamedTuple):
    """A picture to choose, by the name of its file: where it stands among a model's examples, counted from 1."""

    name: str
    model: Endpoint
    number: int
    field: str


def _examples() -> list[Example]:
    """Each name once."""
    found: dict[str, Example] = {}
    for model in site().models.values():
        for number, example in enumerate(model.examples, 1):
            for field, value in example.inputs.items():
                if name := _file_name(value):
                    found.setdefault(name, Example(name, model, number, field))
    return [*found.values()]


@tickets.get("/classifications")
def choose() -> str:
    """Models and pictures to choose from."""
    models = [model for model in site().models.values() if picture_field(model.schema)]
    return render_template("classifications.html", models=models, examples=_examples())


@tickets.post("/classifications")
def classify() -> Response | BaseResponse:
    """A ticket for `model` and `image`: the job's page for browsers, its id for programs."""
    count_submission()
    given = request.get_json(silent=True) if request.is_json else request.form
    wanted: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    site().choose(_one_of("model", wanted, site().models))
    named = {example.name: example for example in _examples()}
    question = _picked(named[_one_of("image", wanted, named)])
    ticket = answer_id("", [])
    jobs().accept(ticket, site().model.name, question, g.request_id)
    if errors.wants_json() or request.is_json:
        answer = _json({"id": ticket, "job_id": ticket, "task_status": "queued"}, 202)
        answer.headers["Location"] = f"{request.script_root}/classifications/{ticket}"
        return answer
    return redirect(f"{request.script_root}/jobs/{ticket}", 303)


@tickets.get("/classifications/<id>")
def classification(id: str) -> Response:
    """`{"task_status", "data"}`, `data` being the best five as `[label, percent]`."""
    state = jobs().look(id).state
    status = {"running": "started", "succeeded": "finished", "cancelled": "failed"}.get(state, state)
    if state != "succeeded":
        return _json({"task_status": status, "data": None})
    parts = map(load, kept_document(id)["prediction"]["outputs"])
    scores = next((part for part in parts if isinstance(part, Scores)), Scores([]))
    best = [[item.label, round(100 * (_share(item, scores.full) or 0), 2)] for item in scores.scores[:MOST_LABELS]]
    return _json({"task_status": status, "data": best})


def _one_of(name: str, given: Mapping[str, Any], known: Iterable[str]) -> str:
    """Raises WrongInput."""
    listed, value = [*known], given.get(name)
    if value not in listed:
        raise WrongInput(f"Choose {name} from: {', '.join(listed) or 'none there are'}.")
    return str(value)


def _picked(example: Example) -> Question:
    """Raises PageNotFound when the model takes no picture, WrongInput."""
    endpoint = site().model
    taking = picture_field(endpoint.schema)
    if taking is None:
        raise PageNotFound("This model takes no picture.")
    picture = example.model.example_picture(example.number, example.field, endpoint.settings.image_max_side)
    if picture is None:
        raise WrongInput("This picture cannot be read.")
    row = endpoint.schema.parse({taking.name: picture.upload(example.name)}, "json")
    return Question(endpoint.schema, [row], {})


def _file_name(value: Any) -> str:
    """Of a picture; "" for any other value."""
    name = value.name if isinstance(value, Upload) else value
    is_picture = isinstance(name, str) and len(name) < 260 and content_type_of(name).startswith("image/")
    return name.replace("\\", "/").rpartition("/")[2] if is_picture else ""


# What all of them do


class Asked(NamedTuple):
    """The picture as it was sent, and the parts of the answer."""

    picture: Picture
    parts: list[Part]

    @property
    def boxes(self) -> list[Box]:
        """In pixels of the picture."""
        return [box for part in self.parts if isinstance(part, Boxes) for box in in_pixels(self.picture, part)]

    @property
    def scores(self) -> list[Scores]:
        return [part for part in self.parts if isinstance(part, Scores) and part.scores]

    @property
    def images(self) -> list[Image]:
        return [image for part in self.parts if isinstance(part, Images) for image in part.images]

    def images_named(self, name: str, row: int | None = None) -> list[Image]:
        """Of the parts whose path in the answer ends so."""
        listed = [part for part in self.parts if isinstance(part, Images) and part.row == row]
        return [image for part in listed if part.name.rpartition(".")[2] == name for image in part.images]

    def faces(self) -> list[dict[str, Any]]:
        """One for each place; without places, one for each list of labels, which is about the picture that came with
        it, or else about the whole picture."""
        places: dict[tuple[float, ...], list[Box]] = {}
        for box in sorted(self.boxes, key=lambda box: -(box.score or 0)):
            places.setdefault((box.x0, box.y0, box.x1, box.y1), []).append(box)
        faces, left = [], MOST_PIXELS
        for boxes in [*places.values()][:MOST_FACES]:
            cut = crop(self.picture, boxes[0]) if left > 0 else None
            left -= cut.width * cut.height if cut else 0
            if cut and left >= 0:
                faces.append({"face": coded(jpeg(cut)), "prediction": _moods(boxes)})
        if places:
            return faces
        whole = ""
        for part in self.scores[:MOST_FACES]:
            face = next((image.base64 for image in self.images_named("face", part.row)), "")
            if not face and (left := left - self.picture.width * self.picture.height) >= 0:
                face = whole = whole or coded(jpeg(self.picture))
            if face:
                faces.append({"face": face, "prediction": _moods(part.scores, part.full)})
        return faces


def _moods(found: Iterable[Box | Score], full: float | None = None) -> list[dict[str, Any]]:
    return [{"emotion": one.label, "probability": _share(one, full)} for one in found]


def _share(one: Box | Score, full: float | None) -> float | None:
    """Of percent too, a share of one."""
    return one.score and one.score / (full or 1.0)


def _part(name: str) -> Upload:
    """The file of a multipart body. Raises WrongInput."""
    given = request.files.get(name)
    if given is None:
        raise WrongInput(f"Send the picture as the part {name} of multipart/form-data.")
    return Upload(given.read(), given.filename or "picture")


def _ask(given: Upload, others: Mapping[str, Any], source: Source) -> Asked:
    """Scores the picture by the model of this request, with what was given for its other fields.

    Raises PageNotFound when the model takes no picture, WrongInput, EndpointError.
    """
    endpoint = site().model
    schema = endpoint.schema
    taking = picture_field(schema)
    if taking is None:
        raise PageNotFound("This model takes no picture.")
    try:
        found = checked(taking, given, endpoint.settings.image_max_side)
        picture = found if isinstance(found, Picture) else read(given, endpoint.settings.image_max_side)
    except InvalidValue as error:
        raise WrongInput(str(error)) from error
    names = {f.name for f in schema.fields}
    values = {name: value for name, value in others.items() if name in names}
    row = schema.parse({**values, taking.name: picture.upload(given.name)}, source)
    scored = score(endpoint, schema, [row], fresh=wants_fresh())
    g.facts = facts_of(scored)
    return Asked(picture, scored.result.parts)


def picture_field(schema: Schema) -> Field | None:
    """The first that asks for a picture, or failing that for any file."""
    given = [f for f in schema.fields if f.is_upload and f.fixed is None]
    pictures = [f for f in given if f.takes_pictures]
    return next(iter(pictures or [f for f in given if not f.accept]), None)


def jpeg(picture: Picture, boxes: Iterable[Box] = ()) -> bytes:
    """The picture as these clients expect one, with boxes drawn on it."""
    boxes = [*boxes]
    if not boxes and picture.content_type == JPEG:
        return picture.data
    return read(draw_boxes(picture, Boxes("", boxes)), max(picture.width, picture.height), JPEG).data


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
