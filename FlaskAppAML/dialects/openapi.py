"""Any service that describes itself in OpenAPI 3.0 or 3.1, Swagger 2.0 or JSON Schema, or by one sample request.

Sources: the OpenAPI and Swagger specifications; FastAPI serves `/openapi.json` (3.1), BentoML `/docs.json` (3.0) and
`/schema.json` (its own list of routes), LitServe an `/openapi.json` without a body. Which operation is meant says
`operations.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ..events import CONTENT_TYPE, Event
from ..reading.documents import example_of, field_from_property, fields_of_object, new_budget, with_examples
from ..reading.references import Budget, merged, resolve
from ..reading.samples import field_from_value, fields_of_values
from ..results import Result
from ..schema import Field, Row, Schema, plain, record, unique_names
from ..wire import Reply, Request
from . import pieces
from .bodies import as_json, bare, multipart, result_of, urlencoded, with_parameters
from .operations import DESCRIPTIONS, MOST_PATHS, SCORES, Operation, meant

MAX_ROWS = 1000  # where the body is a list of records, see `max_rows`
MOST_PARAMETERS = 200
ROWS = frozenset({"rows", "records", "instances", "data", "inputs", "samples", "examples", "dataframe_records"})
NEWS = frozenset({"message", "msg", "detail", "error", "status", "code", "ok", "success", "name", "version", "path"})
GENERIC_TITLES = frozenset({"FastAPI", "Swagger", "OpenAPI", "API", "Cog", "Endpoint Handler"})
DOUBT = "The service does not say what it takes."
BADGE = "[!["  # a picture in Markdown: such as BentoML's words about itself, in place of some about the model

DEFAULT_SCHEMA = Schema(
    (Field("body", kind="json", label="Body", help="The whole body of the request."),),
    envelope="value",
    dialect="openapi",
)


def claims(url: SplitResult) -> float:
    """Every address a little: it is for whoever nobody else knows."""
    return 0.2 if url.path.rstrip("/").rpartition("/")[2].lower().startswith(SCORES) else 0.1


def schema_urls(url: str) -> list[str]:
    """`/openapi.json`, the same one folder above the scoring path, BentoML's `/docs.json`, `/swagger.json`."""
    parts = urlsplit(url)
    last = parts.path.rpartition("/")[2].lower()
    folder = parts.path.rstrip("/").rpartition("/")[0]
    paths = ["/openapi.json", f"{folder}/openapi.json", "/docs.json", "/swagger.json"]
    if last in DESCRIPTIONS and last.endswith((".json", ".yaml")):
        paths.insert(0, parts.path)
    return [urlunsplit((parts.scheme, parts.netloc, path, "", "")) for path in list(dict.fromkeys(paths))[:3]]


# What the endpoint says about itself


def read_schema(url: str, document: Any, headers: Mapping[str, str]) -> Schema | None:
    """A Schema from OpenAPI, Swagger, BentoML's routes or JSON Schema; from any other object or list as one sample
    body. None from descriptions of other protocols, and where the description does not know the address.

    Raises SettingError where several operations of the description may be meant, BadResponse for one too large.
    """
    if isinstance(document, list):
        return _of_sample(document)
    if not isinstance(document, dict) or not document:
        return None
    if isinstance(document.get("paths"), dict) and ("openapi" in document or "swagger" in document):
        return _of_description(url, document)
    if isinstance(document.get("routes"), list) and document.get("type") == "service":
        return _of_routes(url, document)
    if _is_json_schema(document):
        return _of_json_schema(document)
    is_news = bool(headers) and document.keys() <= NEWS  # fetched, not given: a service that answers to every path
    return None if is_news or _is_foreign(document) else _of_sample(document)


def _is_json_schema(document: Mapping[str, Any]) -> bool:
    is_object = document.get("type") == "object" and isinstance(document.get("properties"), dict)
    is_array = document.get("type") == "array" and isinstance(document.get("items"), dict)
    return is_object or is_array or isinstance(document.get("$schema"), str)


def _is_foreign(document: Mapping[str, Any]) -> bool:
    """Descriptions of other protocols, raw templates, and what a service says when it has nothing to say."""
    if document.get("dialect") or "openapi" in document or "swagger" in document:
        return True
    is_server = {"name", "extensions"} <= document.keys() or {"name", "platform"} <= document.keys()
    is_status = document.keys() & {"model_version_status", "model_spec", "modelSpec", "cog_version"}
    return bool(is_server or is_status) or document.keys() <= {"detail", "error", "status", "code"}


def _of_sample(sample: Any) -> Schema | None:
    source = "a sample request"
    if isinstance(sample, list) and sample and all(isinstance(row, dict) and row for row in sample):
        fields = field_from_value("rows", sample).fields
        return Schema(with_named(fields, sample[0]), "records", source=source, dialect="openapi")
    if isinstance(sample, list):
        return Schema((field_from_value("body", sample),), "value", source=source, dialect="openapi")
    key = next(iter(sample)) if len(sample) == 1 else ""
    rows = sample.get(key)
    if key in ROWS and isinstance(rows, list) and rows and all(isinstance(row, dict) and row for row in rows):
        fields = field_from_value(key, rows).fields
        return Schema(with_named(fields, rows[0]), "records", source=source, dialect="openapi", options={"key": key})
    fields = unique_names(fields_of_values(sample))
    return Schema(fields, "record", source=source, dialect="openapi") if fields else None


def with_named(fields: Iterable[Field], sample: Any) -> tuple[Field, ...]:
    return unique_names(with_examples(fields, sample))


def _of_json_schema(document: Mapping[str, Any]) -> Schema:
    """A plain JSON Schema describes the body."""
    made = _of_json(document, document, None)
    title, description = _words(document)
    return replace(made, title=title, description=description, source="a JSON Schema")


def _words(about: Mapping[str, Any]) -> tuple[str, str]:
    title, description = about.get("title", about.get("summary")), about.get("description")
    return (
        title[:200] if isinstance(title, str) and title not in GENERIC_TITLES else "",
        description[:2000] if isinstance(description, str) and BADGE not in description else "",
    )


def _is_made(summary: str, operation: Mapping[str, Any]) -> bool:
    """Whether a summary is the name of a function in other letters, as FastAPI makes it where nobody wrote one."""
    made_of = re.sub(r"\W+", "_", summary).lower()
    return str(operation.get("operationId", "")).lower().startswith(f"{made_of}_")


def _of_routes(url: str, document: Mapping[str, Any]) -> Schema | None:
    """BentoML's `/schema.json`: each route with the schema of its input; files among it travel in multipart."""
    found = [r for r in document["routes"][:MOST_PATHS] if isinstance(r, dict) and isinstance(r.get("route"), str)]
    paths = {
        route["route"]: {"post": {"requestBody": {"content": _content_of_route(route)}, "summary": route.get("name")}}
        for route in found
    }
    schema = _of_description(url, {"openapi": "3.0.2", "info": {"title": document.get("name")}, "paths": paths})
    return replace(schema, source="the endpoint’s schema.json") if schema else None


def _content_of_route(route: Mapping[str, Any]) -> dict[str, Any]:
    node = route.get("input")
    fields = fields_of_object(node, {})
    has_files = any(f.kind == "file" or (f.items is not None and f.items.kind == "file") for f in fields)
    return {"multipart/form-data" if has_files else "application/json": {"schema": node}}


def _of_description(url: str, document: Mapping[str, Any]) -> Schema | None:
    operation, address = meant(url, document)
    if operation is None:
        return None
    parameters, body = _parameters(operation, document, address)
    made = _of_body(operation, document, body, is_in_address=bool(parameters))
    fields = unique_names([*made.fields, *_apart(parameters, made.fields)])
    title, description = _words(operation.about)
    own = "" if _is_made(title, operation.about) else title
    info = document.get("info")
    whole = _words(info) if isinstance(info, dict) else ("", "")
    name = "swagger.json" if "swagger" in document else "OpenAPI description"
    options = {**made.options, **({"method": operation.method.upper()} if operation.method != "post" else {})}
    return replace(
        made,
        fields=fields,
        title=own or whole[0] or title,
        description=description or own or whole[1],
        source=f"the endpoint’s {name}",
        dialect="openapi",
        url="" if address == url else address,
        options=options,
        streams=_answers_in_pieces(operation, document),
    )


def _answers_in_pieces(operation: Operation, document: Mapping[str, Any]) -> bool:
    """Whether the good answer is described as a stream of events."""
    content = resolve(resolve(operation.about.get("responses"), document).get("200"), document).get("content")
    produces = operation.about.get("produces")
    named = [*(content if isinstance(content, dict) else ()), *(produces if isinstance(produces, list) else ())]
    return any(str(kind).lower().startswith(CONTENT_TYPE) for kind in named)


def _apart(parameters: list[Field], fields: Iterable[Field]) -> list[Field]:
    """A parameter of the address may have the name of one of the body."""
    taken = {f.name for f in fields}
    return [replace(f, name=f"{f.name} (address)", label=f.label or f.name) if f.name in taken else f
            for f in parameters]  # fmt: skip


# Parameters of the address


def _parameters(operation: Operation, document: Mapping[str, Any], address: str) -> tuple[list[Field], list[Any]]:
    """The fields that go into the address, and Swagger 2's parameters that go into the body."""
    listed: dict[tuple[str, str], dict[str, Any]] = {}
    for holder in (operation.shared, operation.about):
        given = holder.get("parameters")
        for node in given[:MOST_PARAMETERS] if isinstance(given, list) else []:
            about = resolve(node, document)
            if isinstance(about.get("name"), str) and isinstance(about.get("in"), str):
                listed[about["name"], about["in"]] = about
    keys = _key_names(document)
    fields, budget = [], new_budget()
    for (name, place), about in listed.items():
        is_open = f"{{{name}}}" in urlsplit(address).path
        if (place == "query" and name not in keys) or (place == "path" and is_open):
            fields.append(_parameter(name, about, document, budget))
    return fields, [about for (_, place), about in listed.items() if place in ("body", "formData")]


def _parameter(name: str, about: Mapping[str, Any], document: Mapping[str, Any], budget: Budget) -> Field:
    content = about.get("content")
    media = resolve(next(iter(content.values()), None), document) if isinstance(content, dict) else {}
    node = about.get("schema", media.get("schema"))
    whole = merged(node if isinstance(node, dict) else about, document, budget)
    for key in ("description", "example", "examples", "deprecated"):
        whole.setdefault(key, about.get(key))
    whole.pop("required", None)
    is_required = about.get("required") is True
    f = field_from_property(
        name, whole, required=is_required, document=document, budget=budget, parameter=True, send="query"
    )
    return replace(f, send="query", kind="text" if f.kind == "file" else f.kind)


def _key_names(document: Mapping[str, Any]) -> set[str]:
    """Parameters that carry a key: the client adds it."""
    components = document.get("components")
    schemes = (components if isinstance(components, dict) else {}).get("securitySchemes")
    schemes = schemes if isinstance(schemes, dict) else document.get("securityDefinitions")
    found = (resolve(one, document) for one in schemes.values()) if isinstance(schemes, dict) else iter(())
    return {str(one.get("name")) for one in found if one.get("type") == "apiKey"}


# Bodies


def _of_body(
    operation: Operation, document: Mapping[str, Any], given: list[Any], *, is_in_address: bool = False
) -> Schema:
    """The body's fields and form: JSON where it is taken, else multipart, a form, or the bare bytes of a file.

    Where no body is described, there is none if all is in the address; LitServe describes neither, and takes a body.
    """
    if given:
        return _of_swagger(operation, document, given)
    body = resolve(operation.about.get("requestBody"), document)
    content = body.get("content")
    listed = content.items() if isinstance(content, dict) else ()
    media = {str(key).partition(";")[0].strip().lower(): resolve(about, document) for key, about in listed}
    if not media:
        has_none = operation.method == "get" or is_in_address
        return Schema((), "none") if has_none else replace(DEFAULT_SCHEMA, options={"doubt": DOUBT})
    kind = _best_media(media)
    about = media[kind]
    sample = example_of(about)
    if kind.endswith("json"):
        return _of_json(about.get("schema"), document, sample)
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        fields = with_named(fields_of_object(about.get("schema"), document), sample)
        return _of_form(fields, is_multipart=kind.startswith("multipart"))
    return _of_bytes(kind, about, document, is_required=body.get("required") is not False)


def _best_media(media: Mapping[str, Any]) -> str:
    """JSON first, unless it says nothing while another says something."""
    order = ("application/json", "multipart/form-data", "application/x-www-form-urlencoded")
    known = [kind for kind in order if kind in media] or [kind for kind in media if kind.endswith("json")]
    telling = [kind for kind in known if media[kind].get("schema") or media[kind].get("example")]
    return next(iter([*telling, *known, *media]))


def _of_swagger(operation: Operation, document: Mapping[str, Any], given: list[Any]) -> Schema:
    """Swagger 2 has its body among the parameters: one `in: body`, or parts `in: formData`."""
    whole = next((about for about in given if about["in"] == "body"), None)
    if whole is not None:
        return _of_json(whole.get("schema"), document, None)
    fields, budget = [], new_budget()
    for about in given:
        f = field_from_property(
            about["name"],
            {key: value for key, value in about.items() if key != "required"},
            required=about.get("required") is True,
            document=document,
            budget=budget,
        )
        fields.append(f)
    consumes = operation.about.get("consumes", document.get("consumes"))
    wants_form = isinstance(consumes, list) and "multipart/form-data" not in consumes
    has_files = any(f.kind == "file" for f in fields)
    return _of_form(unique_names(fields), is_multipart=has_files or not wants_form)


def _of_json(node: Any, document: Mapping[str, Any], sample: Any) -> Schema:
    """A record, a list of records, a list of them in an object, or any other value."""
    about = merged(node, document)
    items = merged(about.get("items"), document)
    if about.get("type") == "array" and items.get("properties") and not about.get("prefixItems"):
        first = next(iter(sample), None) if isinstance(sample, list) else None
        return Schema(with_named(fields_of_object(items, document), first), "records", dialect="openapi")
    rows = _rows_inside(about, document)
    if rows:
        key, inner = rows
        return Schema(
            unique_names(fields_of_object(inner, document)), "records", dialect="openapi", options={"key": key}
        )
    fields = with_named(fields_of_object(about, document), sample) if not about.get("oneOf") else ()
    if fields:
        return Schema(fields, "record", dialect="openapi")
    if not about and isinstance(sample, dict | list):
        return _of_sample(sample) or DEFAULT_SCHEMA
    if not about or (about.get("type") == "object" and sample is None):
        return replace(DEFAULT_SCHEMA, fields=(replace(DEFAULT_SCHEMA.fields[0], example=example_of(about)),))
    f = field_from_property("body", about, required=True, document=document)
    return Schema((with_examples([f], {"body": sample})[0],), "value", dialect="openapi")


def _rows_inside(about: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """`{"rows": [{...}, ...]}`: the key and the schema of a row."""
    properties = about.get("properties")
    if not isinstance(properties, dict) or len(properties) != 1 or properties.keys() - ROWS:
        return None
    key, node = next(iter(properties.items()))
    inner = merged(node, document)
    items = merged(inner.get("items"), document)
    return (key, items) if inner.get("type") == "array" and items.get("properties") else None


def _of_form(fields: Iterable[Field], *, is_multipart: bool) -> Schema:
    if not is_multipart:
        return Schema(tuple(fields), "form", dialect="openapi")
    return Schema(tuple(_as_part(f) for f in fields), "multipart", dialect="openapi")


def _as_part(f: Field) -> Field:
    if f.kind == "file":
        return replace(f, send="part", help="" if f.help.startswith("The file is sent as ") else f.help)
    return replace(f, items=replace(f.items, send="part")) if f.items is not None and f.items.kind == "file" else f


def _of_bytes(kind: str, about: Mapping[str, Any], document: Mapping[str, Any], *, is_required: bool) -> Schema:
    """The bare bytes of a file, or a bare text."""
    label, help_ = _words(merged(about.get("schema"), document))
    if kind.startswith("text/"):
        f = Field("body", label=label, help=help_, required=is_required, send="body", widget="textarea")
        return Schema((f,), "body", dialect="openapi", options={"content_type": kind})
    accept = kind if re.fullmatch(r"(image|audio|video)/[\w.+*-]+", kind) else ""
    f = Field("file", kind="file", label=label, help=help_, required=is_required, send="body", accept=accept)
    return Schema((f,), "body", dialect="openapi")


# Request


def max_rows(schema: Schema) -> int:
    """How many rows one body takes: a thousand where it is a list of records, else one."""
    return MAX_ROWS if schema.envelope == "records" else 1


def encode(schema: Schema, url: str, rows: Iterable[Row]) -> Request:
    """The request for `rows` by field name: several only where the body is a list of records."""
    listed = list(rows)
    row = listed[0] if listed else {}
    fields = [f for f in schema.fields if f.send != "query"]
    apart = [f for f in schema.fields if f.send == "query"]
    body, content_type = _body(schema, fields, listed, row)
    address = with_parameters(schema.url or url, apart, row)
    method = str(schema.options.get("method", "POST"))
    return Request(address, body, method, {"Content-Type": content_type} if content_type else {})


def _body(schema: Schema, fields: list[Field], rows: list[Row], row: Row) -> tuple[bytes, str]:
    if schema.envelope == "none":
        return b"", ""
    if schema.envelope == "multipart":
        return multipart(fields, row)
    if schema.envelope == "form":
        return urlencoded(fields, row)
    if schema.envelope == "body":
        return bare(row.get(fields[0].name), str(schema.options.get("content_type", "application/octet-stream")))
    if schema.envelope == "value":
        return as_json(plain(fields[0], row.get(fields[0].name)))
    if schema.envelope == "records":
        records = [record(fields, one) for one in rows]
        return as_json({schema.options["key"]: records} if "key" in schema.options else records)
    return as_json(record(fields, row))


# Answer


def decode(schema: Schema, reply: Reply, n_rows: int) -> Result:
    """Whatever the service answers, by its shape. Raises BadResponse for what can be read as nothing."""
    return result_of(reply, n_rows if schema.envelope == "records" else 0)


# Answer in pieces


def in_pieces(request: Request) -> Request:
    return pieces.wanting_events(request)


def chunks(schema: Schema, event: Event) -> str:
    """The text that one event adds. Raises the error that it stands for."""
    return pieces.chunk(event)


def whole(schema: Schema, events: list[Event]) -> Any:
    """The text of all events, or what they say."""
    return pieces.whole(events)
