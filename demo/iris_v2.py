"""The irises by the Open Inference Protocol, as pure functions of bodies.

Shapes: kserve/open-inference-protocol, "inference_rest"; a failure is `{"error": "..."}` there. The tensors are one per
column, as MLServer shows a model that has a signature.
"""

from collections.abc import Sequence
from http import HTTPStatus
from itertools import chain
from typing import Any

from demo.answer import Answer, number, ok, read_json
from demo.iris import COLUMNS, Iris

NAME, VERSION = "iris", "1"
NUMBERS = ("FP64", "FP32", "INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16", "UINT8")
ROOT = "/v2"
MODELS = (f"{ROOT}/models/{NAME}", f"{ROOT}/models/{NAME}/versions/{VERSION}")


class RequestError(Exception):
    """The body does not fit; the message says why."""


def owns(path: str) -> bool:
    """Whether this service answers at the path."""
    return path == ROOT or path.startswith(f"{ROOT}/")


def needs_key(path: str) -> bool:
    """Descriptions and health are for everybody."""
    return path.endswith("/infer")


def refusal(status: HTTPStatus, message: str) -> Answer:
    """Any failure."""
    return Answer(status, {"error": message})


def unauthorized(said: str) -> Answer:
    """401. The protocol knows no keys; this is what a gateway in front of such a server may say."""
    return refusal(HTTPStatus.UNAUTHORIZED, "Unauthorized")


def answer(method: str, path: str, kind: str, body: bytes, model: Iris) -> Answer:
    """Every answer of the service, failures too."""
    model_path = next((prefix for prefix in reversed(MODELS) if path.startswith(prefix)), "")
    infers = bool(model_path) and path == f"{model_path}/infer"
    described = description(path, model_path, model)
    if not infers and described is None:
        return refusal(HTTPStatus.NOT_FOUND, f"There is no {path} here.")
    if method != ("POST" if infers else "GET"):
        return refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} does not answer to {method}.")
    if not infers:
        return ok(described)
    try:
        return ok(infer(read_json(body), model))
    except (ValueError, RequestError) as error:
        return refusal(HTTPStatus.BAD_REQUEST, str(error))


def description(path: str, model_path: str, model: Iris) -> dict[str, Any] | None:
    """What a GET tells; None where there is nothing."""
    plain: dict[str, dict[str, Any]] = {
        ROOT: {"name": "demo", "version": "1", "extensions": []},
        f"{ROOT}/health/live": {"live": True},
        f"{ROOT}/health/ready": {"ready": True},
    }
    if path in plain:
        return plain[path]
    if model_path and path == model_path:
        return metadata(model)
    return {"name": NAME, "ready": True} if model_path and path == f"{model_path}/ready" else None


def metadata(model: Iris) -> dict[str, Any]:
    """The tensors; -1 is the number of flowers."""
    return {
        "name": NAME,
        "versions": [VERSION],
        "platform": "python",
        "inputs": [{"name": name, "datatype": "FP64", "shape": [-1, 1]} for name in COLUMNS],
        "outputs": [
            {"name": "species", "datatype": "BYTES", "shape": [-1, 1]},
            {"name": "probability", "datatype": "FP64", "shape": [-1, len(model.species)]},
        ],
    }


def infer(document: Any, model: Iris) -> dict[str, Any]:
    """The body of a 200. Raises RequestError, ValueError."""
    if not isinstance(document, dict):
        raise RequestError("The body must be a JSON object.")
    found = [model.probabilities(row) for row in zip(*read_columns(document.get("inputs")), strict=True)]
    names: list[str | float] = [model.best(probabilities) for probabilities in found]
    outputs = [
        tensor("species", "BYTES", [len(found), 1], names) | {"parameters": {"content_type": "str"}},
        tensor("probability", "FP64", [len(found), len(model.species)], list(chain.from_iterable(found))),
    ]
    wanted = read_wanted(document.get("outputs"), [output["name"] for output in outputs])
    head = {"model_name": NAME, "model_version": VERSION}
    given = {"id": document["id"]} if isinstance(document.get("id"), str) else {}
    return {**head, **given, "outputs": [output for output in outputs if output["name"] in wanted]}


def tensor(name: str, datatype: str, shape: list[int], data: Sequence[str | float]) -> dict[str, Any]:
    """One output, its data flat."""
    return {"name": name, "datatype": datatype, "shape": shape, "data": list(data)}


def read_wanted(asked: Any, names: list[str]) -> list[str]:
    """The outputs that the caller asks for; all of them when it asks for none. Raises RequestError."""
    if asked is None or asked == []:
        return names
    if not isinstance(asked, list) or not all(isinstance(one, dict) for one in asked):
        raise RequestError("outputs must be a list of objects.")
    unknown = [one.get("name") for one in asked if one.get("name") not in names]
    if unknown:
        raise RequestError(f"There is no output {str(unknown[0])[:50]}, only {', '.join(names)}.")
    return [one["name"] for one in asked]


def read_columns(inputs: Any) -> list[list[float]]:
    """The values of each column, in the order of COLUMNS. Raises RequestError."""
    if not isinstance(inputs, list) or not all(isinstance(one, dict) for one in inputs):
        raise RequestError("The body needs inputs, a list of tensors.")
    by_name = {one.get("name"): one for one in inputs if isinstance(one.get("name"), str)}
    missing = [name for name in COLUMNS if name not in by_name]
    if missing:
        raise RequestError(f"There is no tensor {', '.join(missing)} among the inputs.")
    columns = [read_values(name, by_name[name]) for name in COLUMNS]
    if len({len(column) for column in columns}) > 1:
        raise RequestError("The tensors must hold one value for each flower, and equally many.")
    return columns


def read_values(name: str, given: dict[str, Any]) -> list[float]:
    """The numbers of a tensor of shape [n] or [n, 1], flat or nested. Raises RequestError."""
    datatype, shape, data = given.get("datatype"), given.get("shape"), given.get("data")
    if datatype not in NUMBERS:
        raise RequestError(f"The tensor {name} must be of a datatype of numbers, such as FP64.")
    if not isinstance(shape, list) or len(shape) not in (1, 2) or shape[1:] not in ([], [1]):
        raise RequestError(f"The tensor {name} must have the shape [n, 1].")
    if not isinstance(data, list) or shape[0] != len(data):
        raise RequestError(f"The data of the tensor {name} do not fit its shape.")
    try:
        return [number(one[0] if isinstance(one, list) and len(one) == 1 else one) for one in data]
    except ValueError as error:
        raise RequestError(f"In the tensor {name}, {error}.") from None
