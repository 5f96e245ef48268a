"""Triton takes and gives FP16 in its binary form only: what went over the wire, and what must not."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY
from vectors_of import agrees, reply_of, url_of, vectors_of

from FlaskAppAML import faults
from FlaskAppAML.dialects import open_inference
from FlaskAppAML.endpoint import Endpoint
from FlaskAppAML.errors import BadResponse, WrongInput
from FlaskAppAML.schema import Schema
from FlaskAppAML.settings import Settings

(VECTOR,) = vectors_of("open_inference, binary").values()
REPLY = reply_of(VECTOR)
HEAD = "inference-header-content-length"


def schema_of(**changes: Any) -> Schema:
    schema = open_inference.read_schema(url_of(VECTOR), {**VECTOR["schema_document"], **changes}, {})
    assert schema is not None
    return schema


def rows(*flowers: list[float]) -> list[dict[str, Any]]:
    return [{"lengths": flower} for flower in flowers]


def parted(body: bytes, headers: Mapping[str, str]) -> tuple[Any, bytes]:
    """The JSON, and the values behind it."""
    at = int(headers["Inference-Header-Content-Length"])
    return json.loads(body[:at]), body[at:]


def test_halves_go_as_they_went_to_triton() -> None:
    flowers = [list(row.values()) for row in VECTOR["inputs"]["rows"]]
    request = open_inference.encode(schema_of(), url_of(VECTOR), rows(*flowers))
    assert parted(request.body, request.headers) == parted(
        base64.b64decode(VECTOR["request"]["body"]["$base64"]), VECTOR["request"]["headers"]
    )
    assert request.headers["Content-Type"] == VECTOR["request"]["headers"]["Content-Type"]


def test_halves_come_as_triton_sent_them() -> None:
    faults.check(REPLY)
    result = open_inference.decode(schema_of(), REPLY, 2)
    assert agrees(VECTOR["expected"], result)
    species, shares = result.raw["outputs"]
    assert shares["data"][:3] == VECTOR["expected"]["rows"]["rows"][0][1:]
    assert species["data"] == ["setosa", "virginica"]


def test_a_number_beyond_a_half_is_not_sent() -> None:
    with pytest.raises(WrongInput) as raised:
        open_inference.encode(schema_of(), "", rows([65520, 0, 0, 0]))
    assert raised.value.fields == {"lengths": "Use numbers from -65504 to 65504."}


def test_a_server_that_names_no_platform_gets_json() -> None:
    """KServe and MLServer take FP16 in JSON."""
    request = open_inference.encode(schema_of(platform=""), "", rows([1, 2, 3, 4]))
    assert b'"data": [1, 2, 3, 4]' in request.body
    assert HEAD not in {name.lower() for name in request.headers}


def test_single_precision_stays_json() -> None:
    """Outputs of FP16 alone are asked for in binary, by a request that is none."""
    (tensor,) = VECTOR["schema_document"]["inputs"]
    request = open_inference.encode(schema_of(inputs=[{**tensor, "datatype": "FP32"}]), "", rows([1, 2, 3, 4]))
    assert b'"data": [1, 2, 3, 4]' in request.body
    assert b'{"name": "probabilities", "parameters": {"binary_data": true}}' in request.body
    assert request.headers == {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (REPLY.headers[HEAD], REPLY.body[:-1]),
        (REPLY.headers[HEAD], REPLY.body.replace(b'"binary_data_size":12', b'"binary_data_size":11')),
        (REPLY.headers[HEAD], REPLY.body.replace(b'"binary_data_size":12', b'"binary_data_size":-2')),
        ("0", REPLY.body),
        ("9" * 10, REPLY.body),
        ("-1", REPLY.body),
        ("twelve", REPLY.body),
    ],
)
def test_damaged_lengths_are_no_answer(head: str, body: bytes) -> None:
    with pytest.raises(BadResponse):
        open_inference.decode(schema_of(), replace(REPLY, headers={HEAD: head}, body=body), 2)


def test_a_key_in_the_json_before_the_values_is_not_kept(tmp_path: Path) -> None:
    endpoint = Endpoint(Settings(url=url_of(VECTOR), api_key=KEY, data_dir=str(tmp_path)))
    echo = REPLY.body.replace(b'"half"', b'"%s"' % KEY.encode())
    assert KEY.encode() in echo
    assert KEY.encode() not in endpoint.without_secrets(replace(REPLY, body=echo)).body
    assert endpoint.without_secrets(REPLY).body == REPLY.body


def test_other_json_before_binary_values_is_shown_as_it_is() -> None:
    for body in (b"[1, 2]", b'{"outputs": [{"name": "x", "datatype": "FP32", "parameters": {"binary_data_size": 4}}]}'):
        reply = replace(REPLY, headers={HEAD: str(len(body))}, body=body + struct.pack("<f", 1))
        assert open_inference.decode(schema_of(), reply, 1).parts
