"""Addresses that no static key can call, and what such services answer by way of a proxy."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from vectors_of import agrees, reply_of, vectors_of

from FlaskAppAML import faults
from FlaskAppAML.dialects import unreachable
from FlaskAppAML.errors import EndpointError
from FlaskAppAML.results import Result
from FlaskAppAML.results.shapes import generic


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/e/invocations", "SageMaker"),
        ("https://runtime.sagemaker.cn-north-1.amazonaws.com.cn/endpoints/e/invocations", "SageMaker"),
        ("https://RUNTIME.sagemaker.eu-west-1.amazonaws.com/endpoints/e/invocations", "SageMaker"),
        ("https://runtime-fips.sagemaker.us-east-1.amazonaws.com/endpoints/e/invocations", "SageMaker"),
        (
            "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/endpoints/1:predict",
            "Vertex",
        ),
        ("https://aiplatform.googleapis.com/v1/projects/p/locations/global/endpoints/1:predict", "Vertex"),
        ("https://1.us-central1-2.prediction.vertexai.goog/v1/projects/p/locations/l/endpoints/1:predict", "Vertex"),
    ],
)
def test_such_addresses_are_explained(url: str, word: str) -> None:
    said = unreachable.refusal(urlsplit(url))
    assert word in said
    assert "set URL to that" in said


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://127.0.0.1:8080/invocations",
        "https://x.execute-api.eu-west-1.amazonaws.com/prod/predict",
        "https://aiplatform.googleapis.com/v1/publishers/google/models/m:generateContent",
        "https://aiplatform.googleapis.com.evil.example/v1/projects/p/locations/l/endpoints/1:predict",
        "https://model.example/runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/e/invocations",
        "https://model.example/v1/projects/p/locations/l/endpoints/1:predict",
    ],
)
def test_all_others_are_not(url: str) -> None:
    assert unreachable.refusal(urlsplit(url)) == ""


def test_answers_of_a_container_behind_a_proxy_are_read_by_their_shape() -> None:
    vector = vectors_of("sagemaker")["sagemaker_csv_ok"]
    answer = reply_of(vector)
    faults.check(answer)
    raw = answer.json()
    assert agrees(vector["expected"], Result(generic(raw, "", 1), raw))


def test_a_failure_of_the_container_is_told() -> None:
    vector = vectors_of("sagemaker")["sagemaker_err_424"]
    with pytest.raises(EndpointError) as caught:
        faults.check(reply_of(vector))
    assert caught.value.kind == vector["expected"]["error"]["kind"]
    assert caught.value.upstream_status == 424
    assert vector["expected"]["error"]["message"] in caught.value.endpoint_text
