"""The Open Inference Protocol (version 2): Triton, MLServer, KServe, OpenVINO Model Server, TorchServe.

Sources: kserve/open-inference-protocol, `inference_rest.md`; MLServer documentation, "Content Types" (`content_type`
pd, np, str, base64, hg_json, hg_jsonlist in `parameters`); Triton documentation, "Classification Extension" (strings
"value:index:label") and "Binary Tensor Data Extension"; the replies of MLServer 1.7, KServe 0.21 and Triton 2.51. A
body is `{"inputs": [{"name", "shape", "datatype", "data"}]}`, an answer `{"outputs": [...]}` of the same; `data` is
flat, row-major. The description is the model's own address, without `/infer`; it may be empty, and its names may differ
from those in answers.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ..errors import BadResponse, WrongInput
from ..results import Column, Part, Result, Table
from ..results.shapes import generic, scores
from ..schema import Field, Kind, Row, Schema, Upload, unique_names
from ..wire import MOST_VALUES, Reply, Request, dumps, read_json
from . import tensors

MODEL = re.compile(r"(?P<model>.*/v2/models/[^/]+(?:/versions/[^/]+)?)(?P<verb>/infer)?/?")
MAX_ROWS = 1000

KINDS: Mapping[str, Kind] = {
    "BOOL": "boolean",
    **dict.fromkeys((f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)), "integer"),
    **dict.fromkeys(("FP16", "BF16", "FP32", "FP64"), "number"),
    "BYTES": "text",
}
CLASS = re.compile(
    r"(?P<score>[-+]?(?:\d{1,40}(?:\.\d{0,40})?(?:e[-+]?\d{1,3})?|nan|inf)):\d{1,9}(?::(?P<label>.*))?", re.S
)
FILES = re.compile(r"base64|image/|audio/|video/|application/octet-stream|pillow_image")
TYPES: Mapping[str, str] = {"integer": "integer", "number": "number", "boolean": "boolean"}
MOST_COLUMNS = 1000
MOST_SPREAD = 16  # numbers of one row that are shown as a row; more are looked at as one thing
LONGEST_NAME = 200
JSON_TYPES = ("hg_json", "hg_jsonlist")
HALF, BINARY_SIZE, HEAD_SIZE = "FP16", "binary_data_size", "Inference-Header-Content-Length"

BODY = Field(
    "body",
    "json",
    label="Request",
    help=(
        'The whole request as JSON: {"inputs": [{"name", "shape", "datatype", "data"}]}. The service does not say '
        "which tensors it takes: with one sample request in SCHEMA this becomes a form."
    ),
)
DOUBT = "The service does not say which tensors its model takes."
DEFAULT_SCHEMA = Schema((BODY,), envelope="body", dialect="open_inference", options={"max_rows": 1, "doubt": DOUBT})


def claims(url: SplitResult) -> float:
    found = MODEL.fullmatch(url.path)
    if found:
        return 1.0 if found["verb"] else 0.9
    return 0.4 if re.search(r"/v2/?$", url.path) else 0.0


def schema_urls(url: str) -> list[str]:
    """The model's own address. Without a model's name there is nothing to ask."""
    return [_address(url, found["model"])] if (found := MODEL.fullmatch(urlsplit(url).path)) else []


def _scoring_url(url: str) -> str:
    """Where the given address names the model alone, `/infer` of it."""
    found = MODEL.fullmatch(urlsplit(url).path)
    return _address(url, f"{found['model']}/infer") if found and not found["verb"] else ""


def _address(url: str, path: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


# What the endpoint says about itself


def read_schema(url: str, document: Any, headers: Mapping[str, str]) -> Schema | None:
    """A Schema from a model's metadata or from one sample request body; None from anything else."""
    if not isinstance(document, dict):
        return None
    listed = document.get("inputs")
    nodes = [node for node in listed if isinstance(node, dict)] if isinstance(listed, list) else []
    is_metadata = isinstance(document.get("name"), str) and bool({"platform", "versions", "outputs"} & document.keys())
    if (
        not isinstance(listed, list | None)
        or len(nodes) != len(listed or [])
        or not all(isinstance(node.get("name"), str) for node in nodes)
    ):
        return None
    to = _scoring_url(url)
    if nodes and all("datatype" in node and isinstance(node.get("data"), list) for node in nodes):
        return replace(_read_sample(document, nodes), url=to)
    if nodes and all("datatype" in node and "shape" in node for node in nodes):
        return replace(_read_metadata(document, nodes), url=to)
    if not nodes and is_metadata and "inputs" in document:
        return replace(DEFAULT_SCHEMA, url=to, source="the endpoint’s metadata")
    return None


def _read_metadata(document: Mapping[str, Any], nodes: list[dict[str, Any]]) -> Schema:
    shapes = [tensors.sizes(node["shape"]) or (-1,) for node in nodes[: tensors.MOST_TENSORS]]
    batch = tensors.has_rows(shapes)
    fields = [_field_of_tensor(node, shape, batch) for node, shape in zip(nodes, shapes, strict=False)]
    content_type = _content_type(document)
    options = {
        "batch": batch,
        "parameters": {"content_type": content_type} if content_type else {},
        **_halves(document, nodes),
        "classified": [o["name"] for o in _tensors(document.get("outputs")) if o.get("datatype") != "BYTES"],
        **tensors.one_at_a_time(shapes),
    }
    return _schema(nodes, fields, "the endpoint’s metadata", options)


def _halves(document: Mapping[str, Any], nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """Triton neither takes nor gives FP16 in JSON, so those tensors go in its binary form, and its outputs are asked
    for so. It and OpenVINO Model Server, which knows that form too, are who names a platform."""
    outputs = _tensors(document.get("outputs"))
    asked = any(output.get("datatype") == HALF for output in outputs)
    if not document.get("platform") or not (asked or any(node["datatype"] == HALF for node in nodes)):
        return {}
    listed = [
        {"name": o["name"], **({"parameters": {"binary_data": True}} if o.get("datatype") == HALF else {})}
        for o in outputs
    ]
    return {"binary": True, "outputs": listed if asked else []}


def _read_sample(document: Mapping[str, Any], nodes: list[dict[str, Any]]) -> Schema:
    """The first row of each tensor is the example. Its shape is that of one row, unless it is one list of numbers."""
    nodes = nodes[: tensors.MOST_TENSORS]
    shapes = [tensors.sizes(node.get("shape")) or (len(node["data"]),) for node in nodes]
    firsts = {shape[0] if shape else -1 for shape in shapes}
    is_one_list = len(shapes) == 1 and len(shapes[0]) == 1 and shapes[0][0] > 1 and nodes[0]["datatype"] != "BYTES"
    batch = len(firsts) == 1 and firsts != {-1} and not is_one_list
    wanted = [(-1, *shape[1:]) if batch else shape for shape in shapes]
    fields = [
        _with_example(_field_of_tensor(node, shape, batch), node["data"])
        for node, shape in zip(nodes, wanted, strict=True)
    ]
    asked = _tensors(document.get("outputs"))
    given = document.get("parameters")
    options = {
        "batch": batch,
        "parameters": given if isinstance(given, dict) else {},
        "outputs": asked,
        "classified": [
            o["name"] for o in asked if isinstance(o.get("parameters"), dict) and "classification" in o["parameters"]
        ],
        **({} if batch else {"max_rows": 1}),
    }
    return _schema(nodes, fields, "a sample request", options)


def _schema(nodes: list[dict[str, Any]], fields: list[Field], source: str, options: Mapping[str, Any]) -> Schema:
    types = {node["name"]: _content_type(node) for node in nodes}
    about = {**options, "content_types": {name: word for name, word in types.items() if word}}
    return Schema(unique_names(fields), "tensors", source=source, dialect="open_inference", options=about)


def _tensors(listed: Any) -> list[dict[str, Any]]:
    nodes = listed[: tensors.MOST_TENSORS] if isinstance(listed, list) else []
    return [node for node in nodes if isinstance(node, dict) and isinstance(node.get("name"), str)]


def _content_type(node: Mapping[str, Any]) -> str:
    parameters = node.get("parameters")
    word = parameters.get("content_type") if isinstance(parameters, dict) else None
    return word if isinstance(word, str) else ""


def _field_of_tensor(node: Mapping[str, Any], shape: tuple[int, ...], batch: bool) -> Field:
    datatype, content_type = str(node["datatype"]), _content_type(node)
    row = shape[1:] if batch else shape
    kind = KINDS.get(datatype, "json")
    if kind == "text" and FILES.match(content_type) and row in ((), (1,)):
        accept = (
            f"{content_type.partition('/')[0]}/*" if content_type.startswith(("image/", "audio/", "video/")) else ""
        )
        accept = "image/*" if content_type == "pillow_image" else accept
        return tensors.field_of(node["name"], "file", row, shape, datatype=datatype, send="base64", accept=accept)
    bits = re.fullmatch(r"(U?)INT(\d+)", datatype)
    low, high = tensors.whole(int(bits[2]), signed=not bits[1]) if bits and kind == "integer" else (None, None)
    return tensors.field_of(node["name"], kind, row, shape, datatype=datatype, minimum=low, maximum=high)


def _with_example(f: Field, data: list[Any]) -> Field:
    first: Any = data[0] if data else None
    if f.kind == "list" and not isinstance(first, list):
        first = data[: f.max_items or 1]
    while f.kind not in ("list", "json") and isinstance(first, list):
        first = first[0] if first else None
    return f if f.kind in ("json", "file") else replace(f, example=first)


# Request


def max_rows(schema: Schema) -> int:
    """How many rows one body takes."""
    return int(schema.options.get("max_rows", MAX_ROWS))


def encode(schema: Schema, url: str, rows: Iterable[Row]) -> Request:
    """A tensor for each field, its values flat and row-major. Raises WrongInput for a row that has not the shape of the
    tensor or of the rows before, and for several rows where the model takes one."""
    listed = list(rows)
    to = schema.url or _scoring_url(url) or url
    if len(listed) > 1 and not schema.options.get("batch"):
        raise WrongInput("This model takes one row at a time.")
    if schema.envelope == "body":
        value = listed[0].get(schema.fields[0].name) if listed else None
        return Request(url=to, body=dumps(value).encode("utf-8", "replace"))
    body: dict[str, Any] = {}
    if schema.options["parameters"]:
        body["parameters"] = schema.options["parameters"]
    given = [f for f in schema.fields if any(row.get(f.name) is not None for row in listed)]
    body["inputs"] = [_tensor(schema, f, [row.get(f.name) for row in listed]) for f in given]
    if schema.options.get("outputs"):
        body["outputs"] = schema.options["outputs"]
    behind = b"".join(_taken_out(tensor) for tensor in body["inputs"]) if schema.options.get("binary") else b""
    head = dumps(body).encode("utf-8", "replace")
    if not behind:
        return Request(url=to, body=head)
    headers = {"Content-Type": "application/octet-stream", HEAD_SIZE: str(len(head))}
    return Request(url=to, body=head + behind, headers=headers)


def _taken_out(tensor: dict[str, Any]) -> bytes:
    """The values of an FP16 tensor as bytes, little-endian, and in their place how many; b"" of every other."""
    if tensor["datatype"] != HALF:
        return b""
    data = tensor.pop("data")
    try:
        packed = struct.pack(f"<{len(data)}e", *map(float, data))
    except OverflowError:
        raise WrongInput(fields={tensor["name"]: "Use numbers from -65504 to 65504."}) from None
    tensor["parameters"] = {**tensor.get("parameters", {}), BINARY_SIZE: len(packed)}
    return packed


def _tensor(schema: Schema, f: Field, values: list[Any]) -> dict[str, Any]:
    batch = bool(schema.options["batch"])
    row = f.shape[1:] if batch else f.shape
    shape: tuple[int, ...] = ()
    data: list[Any] = []
    for i, value in enumerate(values):
        if value is None:
            raise WrongInput(fields={f.name: "Fill this in for every row, or for none."})
        found, flat = tensors.fitted(f, row, value.base64() if isinstance(value, Upload) else value)
        if i and found != shape:
            raise WrongInput(fields={f.name: "All rows must have lists of the same length here."})
        shape = found
        data += flat
    tensor = {"name": f.wire_name, "shape": [len(values), *shape] if batch else list(shape), "datatype": f.datatype}
    word = schema.options["content_types"].get(f.wire_name)
    about = {"parameters": {"content_type": word}} if word else {}
    return {**tensor, **about, "data": data}


# Answer


def decode(schema: Schema, reply: Reply, n_rows: int) -> Result:
    """One table of all outputs that have a row for each row; the others one by one. Raises BadResponse."""
    raw = _put_in(reply) if HEAD_SIZE.lower() in reply.headers else reply.json()
    outputs = _tensors(raw.get("outputs")) if isinstance(raw, dict) else []
    if not outputs or not all("data" in output for output in outputs):
        return Result(generic(raw, "", n_rows), raw)
    classified = frozenset(schema.options.get("classified", ()))
    parts: list[Part] = []
    grids: list[Table] = []
    for output in outputs:
        special = _classes(output, classified) or _json_texts(output, n_rows)
        grid = None if special else _grid(output)
        if grid is None:
            parts += special or generic(_nested(output), output["name"], n_rows)
        elif grids and len(grids[0].rows) != len(grid.rows):
            parts.append(grid)
        else:
            grids.append(grid)
    return Result([*_joined(grids, n_rows), *parts], raw)


def _put_in(reply: Reply) -> Any:
    """The JSON before binary tensors, with the values of those of FP16, the only ones that are asked for."""
    size = reply.headers[HEAD_SIZE.lower()]
    at = int(size) if re.fullmatch("[0-9]{1,10}", size) else len(reply.body)
    raw = read_json(reply.body[:at])
    for output in _tensors(raw.get("outputs")) if isinstance(raw, dict) else []:
        parameters = output.get("parameters")
        length = parameters.get(BINARY_SIZE) if isinstance(parameters, dict) else None
        if output.get("datatype") == HALF and type(length) is int:
            packed = reply.body[at : at + max(0, length)]
            if len(packed) != length or length % 2 or length > 2 * MOST_VALUES:
                raise BadResponse("The answer holds fewer or more binary values than it says, or too many.")
            output["data"] = list(struct.unpack(f"<{length // 2}e", packed))
            at += length
    return raw


def _nested(output: Mapping[str, Any]) -> Any:
    """The values cut by the shape, or as they came where that does not fit."""
    data, shape = output["data"], tensors.sizes(output.get("shape"))
    if not isinstance(data, list) or not shape or any(isinstance(item, list) for item in data):
        return data
    return tensors.nested(data, shape) or data


def _grid(output: Mapping[str, Any]) -> Table | None:
    """An output of one or two dimensions as rows, its columns called after it; None for every other."""
    rows = _nested(output)
    if not isinstance(rows, list) or not rows:
        return None
    listed = [row if isinstance(row, list) else [row] for row in rows]
    width = len(listed[0])
    if not 0 < width <= MOST_COLUMNS or any(len(row) != width for row in listed):
        return None
    if any(isinstance(cell, list | dict) for row in listed for cell in row):
        return None
    name, kind = output["name"][:LONGEST_NAME], TYPES.get(KINDS.get(str(output.get("datatype")), "text"), "string")
    names = [name] if width == 1 else [f"{name}[{i}]" for i in range(width)]
    return Table(name, [Column(column, kind) for column in names], listed)


def _joined(grids: list[Table], n_rows: int) -> list[Part]:
    """The outputs side by side. One alone is looked at for what it is: an embedding, a text."""
    if len(grids) == 1:
        (grid,) = grids
        cells = grid.rows[0] if len(grid.rows) == 1 else []
        is_special = len(cells) > MOST_SPREAD or (len(cells) == 1 and isinstance(cells[0], str))
        return generic(cells, grid.name, n_rows) if is_special else [grid]
    if not grids:
        return []
    rows = [[cell for row in together for cell in row] for together in zip(*(g.rows for g in grids), strict=True)]
    return [Table("", [column for grid in grids for column in grid.columns], rows)]


def _classes(output: Mapping[str, Any], classified: frozenset[str]) -> list[Part]:
    """Triton's classification: "value:index:label" for the best classes of each row."""
    if output.get("datatype") != "BYTES" or output["name"] not in classified:
        return []
    rows = _nested(output)
    if not isinstance(rows, list) or not rows:
        return []
    rows = rows if all(isinstance(row, list) for row in rows) else [rows]
    read = [[CLASS.fullmatch(cell) if isinstance(cell, str) else None for cell in row] for row in rows]
    if not read[0] or not all(all(row) for row in read):
        return []
    parts = [
        scores(((m["label"] or m[0].split(":")[1], float(m["score"])) for m in row if m), output["name"])
        for row in read
    ]
    return [replace(part, row=i) for i, part in enumerate(parts)] if len(parts) > 1 else [*parts]


def _json_texts(output: Mapping[str, Any], n_rows: int) -> list[Part]:
    """MLServer's Hugging Face runtime answers with JSON in texts."""
    data = output["data"]
    if _content_type(output) not in JSON_TYPES or not isinstance(data, list):
        return []
    try:
        read = [read_json(text.encode("utf-8", "replace")) for text in data if isinstance(text, str)]
    except BadResponse:
        return []
    return generic(read[0] if len(read) == 1 else read, output["name"], n_rows) if read else []
