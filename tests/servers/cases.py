"""What is asked of each server, and what must come of it."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from servers.iris import COLUMNS, REFUSAL

FLOWER = dict(zip(COLUMNS, ("5.1", "3.5", "1.4", "0.2"), strict=True))  # as typed
FLOWERS = (FLOWER, {**FLOWER, "petal_length": "4.5", "petal_width": "1.5"}, dict.fromkeys(COLUMNS, "6.5"))
SPECIES = ("setosa", "versicolor", "virginica")  # what the model says of these
NO_IRIS = {"petal_length": "9"}
NUMBERS: dict[str, Any] = {name: float(value) for name, value in FLOWER.items()}
LIMITED = "a number above 0, at most 10"
INCLUSIVE = "a number from 0 to 10"
CHOICE = "one of species, probabilities; optional, by default species"


@dataclass(frozen=True)
class Case:
    """One way to ask a server.

    `server` and `path` are where, `sample` the request given as SCHEMA ("" for none). The form must have exactly
    `fields`, in these words, from `dialect` and `source`; `typed` is filled in, and `body` is the same as the server's
    documentation has it. `answer` picks the model's answer out of a reply. `wrong` is a field with a value that must
    not be sent, `refused` what the model itself refuses, as which `kind` of failure and in which `words` of the page.
    `rows` says that one request takes several, and `files` that `body` is sent as parts of a form, as files are. Bytes
    are sent as they are, with `headers`.
    """

    server: str
    path: str
    dialect: str
    source: str
    fields: Mapping[str, str]
    body: Any
    name: str = ""
    sample: str = ""
    typed: Mapping[str, str] = field(default_factory=lambda: FLOWER)
    answer: tuple[str | int, ...] = ()
    wrong: tuple[str, str] = ("sepal_length", "five")
    refused: Mapping[str, str] = field(default_factory=lambda: NO_IRIS)
    kind: str = "model_error"
    words: str = "the model failed while working on this."
    rows: bool = False
    files: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.server}, {self.name}" if self.name else self.server


def _four(words: str, **others: str) -> dict[str, str]:
    return {**dict.fromkeys(COLUMNS, words), **others}


ONE = json.dumps(NUMBERS)
NONE = json.dumps({**NUMBERS, "petal_length": 9})
TABLE = "5.1,3.5,1.4,0.2\n"
NO_TABLE = "5.1,3.5,9,0.2\n"
TENSOR = {"inputs": [{"name": "lengths", "datatype": "FP64", "shape": [1, 4], "data": list(NUMBERS.values())}]}
FRAME = '{"dataframe_split": {"columns": ["%s"], "data": [[5.1, 3.5, 1.4, 0.2]]}}' % '", "'.join(COLUMNS)  # noqa: UP031
RECORDS = {"dataframe_records": [NUMBERS]}
SAMPLED = Case(
    "MLflow",
    "/invocations",
    "mlflow",
    "a sample request",
    _four("a number"),
    RECORDS,
    name="with a sample request",
    sample=FRAME,
    answer=("predictions",),
    rows=True,
)
DECLARED = Case(
    "MLServer",
    "/v2/models/flower/infer",
    "open_inference",
    "the endpoint’s metadata",
    {"lengths": "4 numbers"},
    TENSOR,
    name="a model whose tensor is declared",
    typed={"lengths": "5.1 3.5 1.4 0.2"},
    answer=("outputs", 0, "data"),
    wrong=("lengths", "5.1 3.5 1.4 red"),
    refused={"lengths": "5.1 3.5 9 0.2"},
    rows=True,
)
HALVES = {"name": "lengths", "datatype": "FP16", "shape": [1, 4], "parameters": {"binary_data_size": 8}}
HALVES_HEAD = json.dumps({"inputs": [HALVES], "outputs": [{"name": "species"}]}).encode()
V1 = replace(
    DECLARED,
    server="KServe",
    path="/v1/models/flower:predict",
    dialect="tensorflow",
    body={"instances": [list(NUMBERS.values())]},
    name="version 1",
    answer=("predictions",),
    kind="bad_input",
    words=REFUSAL,
)
V2 = replace(
    V1,
    path="/v2/models/flower/infer",
    dialect="open_inference",
    body=TENSOR,
    name="version 2",
    answer=("outputs", 0, "data"),
)
TRITON = replace(DECLARED, server="Triton", name="two outputs")
LIT = Case(
    "LitServe",
    "/predict",
    "openapi",
    "a sample request",
    _four("a number"),
    NUMBERS,
    name="with a sample request",
    sample=ONE,
)
CASES = (
    Case(
        "FastAPI",
        "/classify",
        "openapi",
        "the endpoint’s OpenAPI description",
        _four(LIMITED, answer=CHOICE, note="a text of at most 40 characters; optional"),
        NUMBERS,
        name="one flower",
        wrong=("petal_width", "10.5"),
        kind="bad_input",
        words=REFUSAL,
    ),
    Case(
        "FastAPI",
        "/flowers",
        "openapi",
        "the endpoint’s OpenAPI description",
        _four(LIMITED),
        [NUMBERS],
        name="a list of flowers",
        wrong=("petal_width", "0"),
        kind="bad_input",
        words=REFUSAL,
        rows=True,
    ),
    Case(
        "FastAPI",
        "/file",
        "openapi",
        "the endpoint’s OpenAPI description",
        {"table": "a file"},
        {"table": TABLE},
        name="a file",
        typed={"table": TABLE},
        wrong=("table", ""),
        refused={"table": NO_TABLE},
        kind="bad_input",
        words=REFUSAL,
        files=True,
    ),
    Case(
        "Cog",
        "/predictions",
        "cog",
        "the endpoint’s openapi.json",
        _four(INCLUSIVE, petal_width=f"{INCLUSIVE}; optional, by default 0.2", answer=CHOICE),
        {"input": NUMBERS},
        answer=("output",),
        wrong=("sepal_width", "-1"),
    ),
    Case(
        "Cog for files",
        "/predictions",
        "cog",
        "the endpoint’s openapi.json",
        {"table": "a file"},
        {"input": {"table": f"data:text/csv;base64,{base64.b64encode(TABLE.encode()).decode()}"}},
        typed={"table": TABLE},
        answer=("output",),
        wrong=("table", ""),
        refused={"table": NO_TABLE},
    ),
    Case(
        "Azure ML",
        "/score",
        "azureml",
        "the endpoint’s swagger.json",
        _four("a number"),
        {"data": [NUMBERS]},
        rows=True,
    ),
    SAMPLED,
    replace(
        SAMPLED,
        source="the endpoint’s OpenAPI description",
        fields={"body": "JSON"},
        name="nothing given",
        sample="",
        typed={"body": ONE},
        wrong=("body", '{"sepal_length": 5.1'),
        refused={"body": NONE},
        rows=False,
    ),
    replace(SAMPLED, server="MLflow without a signature"),
    DECLARED,
    replace(
        DECLARED,
        path="/v2/models/silent/infer",
        source="a sample request",
        name="a model that declares nothing",
        sample=json.dumps(TENSOR),
    ),
    Case(
        "MLServer",
        "/v2/models/signed/infer",
        "open_inference",
        "the endpoint’s metadata",
        _four("a number"),
        {
            "inputs": [
                {"name": name, "datatype": "FP64", "shape": [1, 1], "data": [value]} for name, value in NUMBERS.items()
            ]
        },
        name="a model that MLflow saved",
        answer=("outputs", 0, "data"),
        rows=True,
    ),
    Case(
        "BentoML",
        "/classify",
        "openapi",
        "the endpoint’s OpenAPI description",
        _four(LIMITED, petal_width=f"{LIMITED}; optional, by default 0.2", answer=CHOICE),
        NUMBERS,
        wrong=("sepal_width", "0"),
        kind="bad_input",
        words=REFUSAL,
    ),
    LIT,
    replace(
        LIT,
        source="the endpoint’s OpenAPI description",
        fields={"body": "JSON"},
        name="nothing given",
        sample="",
        typed={"body": ONE},
        wrong=("body", "setosa"),
        refused={"body": NONE},
    ),
    V1,
    replace(
        V1,
        path="/v1/models/silent:predict",
        source="a sample request",
        fields={"instance": "4 numbers"},
        name="version 1, a model that declares nothing",
        sample=json.dumps(V1.body),
        typed={"instance": "5.1 3.5 1.4 0.2"},
        wrong=("instance", "5.1 3.5 1.4 red"),
        refused={"instance": "5.1 3.5 9 0.2"},
        kind=DECLARED.kind,
        words=DECLARED.words,
    ),
    V2,
    replace(V2, path="/v2/models/shares/infer", name="version 2, an output for each column", answer=("outputs",)),
    TRITON,
    replace(
        TRITON,
        path="/v2/models/columns/infer",
        fields=_four("a number"),
        body={
            "inputs": [
                {"name": name, "datatype": "FP64", "shape": [1, 1], "data": [value]} for name, value in NUMBERS.items()
            ]
        },
        name="a tensor for each length",
        typed=FLOWER,
        wrong=("sepal_length", "five"),
        refused=NO_IRIS,
    ),
    replace(
        TRITON,
        path="/v2/models/half/infer",
        body=HALVES_HEAD + struct.pack("<4e", *NUMBERS.values()),
        headers={"Inference-Header-Content-Length": str(len(HALVES_HEAD))},
        name="FP16",
    ),
)
