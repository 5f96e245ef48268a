"""TensorFlow Serving's REST API, which KServe (protocol version 1), OpenVINO Model Server and Vertex AI speak too.

Sources: TensorFlow Serving documentation, "RESTful API"; KServe documentation, "V1 Protocol"; OpenVINO Model Server
documentation, "TensorFlow Serving compatible RESTful API" (its metadata is in camelCase); Vertex AI REST reference,
"endpoints.predict" (`parameters`, and Google's own fields beside `predictions`). A body has `instances`, a value or an
object of tensors for each row, or `inputs`, the tensors of all rows; an answer has `predictions` or `outputs`.
`:classify` and `:regress` take `examples` and answer with `results` (`result` in the reference's text). Binary values
are `{"b64": "..."}`, both ways. Sizes of a shape are strings in metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ..errors import WrongInput
from ..results import Result
from ..results.shapes import generic
from ..schema import Field, Kind, Row, Schema, Upload, record, unique_names
from ..wire import Reply, Request, dumps
from . import frames, open_inference, tensors
from .frames import Frame

MODEL = re.compile(
    r"(?P<model>(?P<base>.*)/v1/models/(?P<name>[^/:]+)(?:/(?:versions|labels)/[^/:]+)?)(?::(?P<verb>\w+))?/?"
)
VERTEX = re.compile(r"/v1(?:beta1)?/projects/[^/]+/locations/[^/]+/endpoints/[^/:]+:(?:predict|rawPredict)")
VERBS = ("predict", "classify", "regress")
ROWS = ("instances", "inputs", "examples")
BESIDE_ROWS = frozenset({"signature_name", "parameters", "context"})
MAX_ROWS = 1000

KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("DT_HALF", "DT_BFLOAT16", "DT_FLOAT", "DT_DOUBLE"), "number"),
    **dict.fromkeys((f"DT_{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)), "integer"),
    "DT_BOOL": "boolean",
    "DT_STRING": "text",
}
BINARY = re.compile(
    r"_bytes$|b64|(?:image|img|audio|jpe?g|png|encoded)(?!.*(?:_id|name|url|path|text)$)", re.IGNORECASE
)

DEFAULT_SCHEMA = Schema(
    (
        Field(
            "instance",
            "json",
            label="Instance",
            help=(
                "What the model takes for one row, as JSON: a number, a list of numbers, or an object of tensors. The "
                "service does not describe it: with one sample request in SCHEMA this becomes a form."
            ),
        ),
    ),
    envelope="instances",
    dialect="tensorflow",
    options={"frame": Frame("values", ("instances",)), "doubt": "The service does not say what its model takes."},
)


def claims(url: SplitResult) -> float:
    if (url.hostname or "").endswith("aiplatform.googleapis.com") or VERTEX.fullmatch(url.path):
        return 1.0
    found = MODEL.fullmatch(url.path)
    if found is None or found["verb"] not in (None, *VERBS):
        return 0.0
    return 1.0 if found["verb"] else 0.7


def schema_urls(url: str) -> list[str]:
    """`.../metadata` of the model, and where KServe, which has none, describes it. Vertex AI has neither."""
    parts = urlsplit(url)
    found = MODEL.fullmatch(parts.path)
    paths = (f"{found['model']}/metadata", f"{found['base']}/v2/models/{found['name']}") if found else ()
    return [urlunsplit((parts.scheme, parts.netloc, path, "", "")) for path in paths]


# What the endpoint says about itself


def read_schema(url: str, document: Any, headers: Mapping[str, str]) -> Schema | None:
    """A Schema from a model's metadata or from one sample request body; None from anything else."""
    if not isinstance(document, dict):
        return None
    is_version_2 = isinstance(document.get("name"), str) and "platform" in document
    read = _read_metadata if "metadata" in document else _read_version_2 if is_version_2 else _read_sample
    schema = read(url, document)
    return schema and replace(schema, url=_scoring_url(url), dialect="tensorflow")


def _scoring_url(url: str) -> str:
    """Where the given address names the model alone, `:predict` of it."""
    parts = urlsplit(url)
    found = MODEL.fullmatch(parts.path)
    if found is None or found["verb"]:
        return ""
    return urlunsplit((parts.scheme, parts.netloc, f"{found['model']}:predict", parts.query, ""))


def _verb(url: str) -> str:
    return urlsplit(url).path.rstrip("/").rpartition(":")[2]


def _named(node: Any, name: str) -> Any:
    """A member by its name in snake_case or in camelCase."""
    first, *rest = name.split("_")
    members = node if isinstance(node, dict) else {}
    return members.get(name, members.get(first + "".join(word.capitalize() for word in rest)))


def _read_metadata(url: str, document: Mapping[str, Any]) -> Schema | None:
    signatures = _named(_named(document.get("metadata"), "signature_def"), "signature_def")
    signature = _signature(url, signatures if isinstance(signatures, dict) else {})
    if signature is None:
        return None
    source = "the endpoint’s metadata"
    if _verb(url) in ("classify", "regress"):
        # The one tensor holds whole records (tf.Example), whose columns no metadata names.
        example = replace(DEFAULT_SCHEMA.fields[0], name="example", label="Example")
        return _schema(Frame("values", ("examples",)), [example], signature, source)
    inputs = _named(signatures[signature], "inputs")
    named = {str(name): node for name, node in (inputs if isinstance(inputs, dict) else {}).items()}
    if not named:
        return None
    shapes = {name: _shape(node) for name, node in list(named.items())[: tensors.MOST_TENSORS]}
    known = [shape for shape in shapes.values() if shape is not None]
    rows = tensors.has_rows(known) or not known
    fields = [_field_of_tensor(name, named[name], shape, rows) for name, shape in shapes.items()]
    form = "one" if not rows else "values" if len(fields) == 1 else "records"
    frame = Frame(form, ("instances" if rows else "inputs",))
    return _schema(frame, fields, signature, source, **(tensors.one_at_a_time(known) if known else {}))


def _read_version_2(url: str, document: Mapping[str, Any]) -> Schema | None:
    """KServe's own runtimes hand `instances` of version 1 and the only tensor of version 2 to the same model."""
    found = open_inference.read_schema("", document, {}) if MODEL.fullmatch(urlsplit(url).path) else None
    if found is None or len(found.fields) != 1 or not found.options.get("batch") or found.fields[0].kind == "file":
        return None
    one = {"max_rows": 1} if "max_rows" in found.options else {}
    return _schema(Frame("values", ("instances",)), list(found.fields), "serving_default", found.source, **one)


def _signature(url: str, signatures: Mapping[str, Any]) -> str | None:
    """The signature's name: of those for the address's verb, `serving_default`, else the first."""
    usable = {str(name): node for name, node in signatures.items() if isinstance(_named(node, "inputs"), dict)}
    verb = _verb(url) if _verb(url) in VERBS else "predict"
    fitting = [n for n, node in usable.items() if str(_named(node, "method_name") or verb).endswith(verb)] or list(
        usable
    )
    return "serving_default" if "serving_default" in fitting else next(iter(fitting), None)


def _schema(frame: Frame, fields: list[Field], signature: str, source: str, **options: Any) -> Schema:
    about = {"frame": frame, **options, **({"signature": signature} if signature != "serving_default" else {})}
    return Schema(unique_names(fields), frame.path[0], source=source, options=about)


def _shape(node: Any) -> tuple[int, ...] | None:
    """None where the rank is unknown."""
    about = _named(node, "tensor_shape")
    dimensions = _named(about, "dim")
    if _named(about, "unknown_rank") is True or not isinstance(dimensions, list | None):
        return None
    return tensors.sizes([_named(size, "size") for size in dimensions or []])


def _field_of_tensor(name: str, node: Any, shape: tuple[int, ...] | None, rows: bool) -> Field:
    datatype = str(_named(node, "dtype") or "")
    if shape is None:
        return Field(name, "json", name, datatype=datatype)
    row = shape[1:] if rows else shape
    kind = KINDS.get(datatype, "json")
    if kind == "text" and BINARY.search(name) and row in ((), (1,)):
        return tensors.field_of(name, "file", row, shape, datatype=datatype, send="base64", accept=_accept(name))
    bits = re.fullmatch(r"DT_(U?)INT(\d+)", datatype)
    low, high = tensors.whole(int(bits[2]), signed=not bits[1]) if bits else (None, None)
    return tensors.field_of(name, kind, row, shape, datatype=datatype, minimum=low, maximum=high)


def _accept(name: str) -> str:
    word = name.lower()
    return "audio/*" if "audio" in word else "image/*" if re.search("im(age|g)|jpe?g|png", word) else ""


def _read_sample(url: str, sample: Mapping[str, Any]) -> Schema | None:
    given = [key for key in ROWS if key in sample]
    is_ours = claims(urlsplit(url)) >= 0.5
    if len(given) != 1 or (not is_ours and not _is_plainly_ours(url, given[0], sample)):
        return None
    envelope = given[0]
    found = _frame_of_sample(envelope, sample[envelope])
    if found is None:
        return None
    frame, columns = found
    signature = sample.get("signature_name")
    fields = [*columns, *frames.as_parameters(sample.get("parameters"), "parameters")]
    options = {"max_rows": 1} if frame.form == "one" else {}
    named = signature if isinstance(signature, str) and signature else "serving_default"
    return _schema(frame, fields, named, "a sample request", **options)


def _is_plainly_ours(url: str, envelope: str, sample: Mapping[str, Any]) -> bool:
    """At an address that says nothing: `inputs` is a word of other protocols too, and MLflow knows `instances`."""
    if set(sample) - BESIDE_ROWS - {envelope} or urlsplit(url).path.rstrip("/").endswith("/invocations"):
        return False
    value = sample[envelope]
    return envelope == "instances" or (envelope == "inputs" and frames.is_columns(value))


def _frame_of_sample(envelope: str, value: Any) -> tuple[Frame, list[Field]] | None:
    """A sample's tensors; a binary one is a file."""
    name = envelope.removesuffix("s")
    if envelope == "inputs" and isinstance(value, dict) and not frames.is_columns(value):
        found = [_file(key) if _is_b64(cell) else frames.column_field(key, [cell]) for key, cell in value.items()]
        return (Frame("one", ("inputs",)), found) if found else None
    if isinstance(value, list) and value and _is_b64(value[0]):
        return Frame("values", (envelope,)), [_file(name)]
    found_frame = frames.read(value, (envelope,), name)
    if found_frame is None or not isinstance(value, list) or not isinstance(value[0], dict):
        return found_frame
    frame, columns = found_frame
    binary = [key for key, cell in value[0].items() if _is_b64(cell)]
    kept = [f for f in columns if not (f.place and f.place[0] in binary)]
    return frame, [*kept, *(_file(key) for key in binary)]


def _is_b64(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"}


def _file(name: str) -> Field:
    return Field(name, "file", name, send="base64", accept=_accept(name))


# Request


def max_rows(schema: Schema) -> int:
    """How many rows one body takes."""
    return int(schema.options.get("max_rows", MAX_ROWS))


def encode(schema: Schema, url: str, rows: Iterable[Row]) -> Request:
    """`rows` by field name as `instances`, or as `inputs` where the model's tensors have no size for rows.

    Raises WrongInput for a tensor of the wrong shape.
    """
    listed = list(rows)
    frame: Frame = schema.options["frame"]
    fields = [f for f in schema.fields if not f.parameter]
    typed = [{f.name: _value(f, row.get(f.name), frame.form == "one") for f in fields} for row in listed]
    body: dict[str, Any] = {}
    if "signature" in schema.options:
        body["signature_name"] = schema.options["signature"]
    if frame.form == "one":
        if len(typed) > 1:
            raise WrongInput("This model takes one row at a time.")
        frames.put(body, frame, record(fields, typed[0] if typed else {}))
    else:
        frames.put(body, frame, frames.write(frame, fields, typed))
    body.update(record((f for f in schema.fields if f.parameter), listed[0] if listed else {}))
    return Request(url=schema.url or _scoring_url(url) or url, body=dumps(body).encode("utf-8", "replace"))


def _value(f: Field, value: Any, whole: bool) -> Any:
    """One row of a tensor: a file in base64, what has a declared shape in just that shape."""
    row = f.shape if whole else f.shape[1:]
    if isinstance(value, Upload):
        coded = {"b64": value.base64()}
        return [coded] if row == (1,) else coded
    if value is None or not row:
        return value
    shape, flat = tensors.fitted(f, row, value)
    return tensors.nested(flat, shape)


# Answer


def decode(schema: Schema, reply: Reply, n_rows: int) -> Result:
    """`predictions`, `outputs` or `results`, or the whole answer where there are none of them. Raises BadResponse."""
    raw = reply.json()
    answer = _without_b64(raw) if b'"b64"' in reply.body else raw
    for key, name in (
        ("predictions", "prediction"),
        ("outputs", "output"),
        ("results", "result"),
        ("result", "result"),
    ):
        if isinstance(answer, dict) and key in answer:
            return Result(generic(answer[key], name, n_rows), raw)
    return Result(generic(answer, "", n_rows), raw)


def _without_b64(value: Any) -> Any:
    """Binary values as the base64 text itself. `wire.read_json` bounds the depth."""
    if _is_b64(value):
        return value["b64"]
    if isinstance(value, dict):
        return {key: _without_b64(item) for key, item in value.items()}
    return [_without_b64(item) for item in value] if isinstance(value, list) else value
