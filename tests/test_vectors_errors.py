"""Every failure among the real exchanges, whatever its dialect, through the one reader."""

from __future__ import annotations

from typing import Any

import pytest
from vectors_of import reply_of, vectors_of

from FlaskAppAML.errors import EndpointError, InputTooLarge
from FlaskAppAML.faults import check

FAILURES = {name: vector for name, vector in vectors_of("").items() if "error" in vector["expected"]}
# Messages of ours rather than the endpoint's: a count of fields, or one shortened.
OWN_WORDS = frozenset({"coglet_err_422", "oip_err_datatype_422"})


def raised(vector: dict[str, Any]) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        check(reply_of(vector))
    return caught.value


every_failure = pytest.mark.parametrize("vector", FAILURES.values(), ids=FAILURES)


def test_all_samples_are_there() -> None:
    assert len(FAILURES) >= 46


@every_failure
def test_a_failure_has_its_kind_status_and_code(vector: dict[str, Any]) -> None:
    error, expected = raised(vector), vector["expected"]["error"]
    is_method = expected["upstream_status"] in (405, 415)
    kind = expected["kind"]
    assert error.kind == (("unsupported" if is_method else "bad_input") if kind == "bad_request" else kind)
    assert error.upstream_status == expected["upstream_status"]
    assert error.code == expected.get("code", error.code)
    assert error.code != str(error.upstream_status)


@every_failure
def test_the_models_own_status_is_said(vector: dict[str, Any]) -> None:
    model_status = vector["expected"]["error"].get("model_status")
    assert ("own status was" in raised(vector).detail) is (model_status is not None)
    assert model_status is None or f" {model_status}." in raised(vector).detail


@every_failure
def test_a_failure_keeps_what_the_endpoint_said(vector: dict[str, Any]) -> None:
    """Where the documentation gives a message without a body, there is nothing to read it from."""
    error, message = raised(vector), vector["expected"]["error"]["message"]
    if vector["response"]["body"] != {"$text": ""} and vector["name"] not in OWN_WORDS:
        assert message in error.endpoint_text
    assert "Traceback" not in error.endpoint_text
    assert "site-packages" not in error.endpoint_text


@every_failure
def test_a_failure_names_the_fields_that_are_wrong(vector: dict[str, Any]) -> None:
    expected = {
        name: "Missing." if said == "missing" else said for name, said in vector["expected"]["error"]["fields"].items()
    }
    found = raised(vector).fields
    assert expected.items() <= found.items()
    assert not found or expected or vector["name"] == "mlflow_schema_probe"


@every_failure
def test_a_failure_says_whether_another_try_is_allowed(vector: dict[str, Any]) -> None:
    """409 is a model that is busy for as long as a call takes: waiting is better than asking again."""
    expected = vector["expected"]["error"]["retryable"] and vector["response"]["status"] != 409
    assert raised(vector).another_try is expected


@pytest.mark.parametrize(
    ("detail", "fields"),
    [
        ([{"loc": ["body", "age"], "msg": "needed"}], {"age": "needed"}),
        ([{"loc": ["body", "address", "street"], "msg": "needed"}], {"address.street": "needed"}),
        ([{"loc": ["body", "items", 3, "n"], "msg": "no"}], {"items[3].n": "no"}),
        ([{"loc": ["body", 7, "age"], "msg": "no"}], {"age": "no"}),
        ([{"loc": ["body", "input", "age"], "msg": "no"}], {"age": "no"}),
        ([{"loc": ["body", "input"], "msg": "no"}], {"input": "no"}),
        ([{"loc": ["age"], "msg": "no"}], {"age": "no"}),
        ([{"loc": ["query", "q"], "msg": "a\nb"}, {"loc": ["query", "q"], "msg": "c"}], {"q": "a b"}),
        ([{"loc": ["body"], "msg": "no"}], {}),
        ([{"loc": [], "msg": "no"}, {"loc": "body", "msg": "no"}, {"loc": None}, {"msg": 5}, 5, None], {}),
        ([{"loc": [None, {}, ["x"]], "msg": "no"}, {"loc": [True, "a"], "msg": ["no"]}], {}),
        ("text", {}),
        ({"loc": ["body", "a"]}, {}),
    ],
)
def test_fields_of_validation_errors(detail: Any, fields: dict[str, str]) -> None:
    vector = {"response": {"status": 422, "body": {"detail": detail}}}
    assert raised(vector).fields == fields


@pytest.mark.parametrize("given", ["abc", "0", "99999", "", "200"])
def test_a_gateway_that_says_no_status_of_the_model_means_that_it_failed(given: str) -> None:
    headers = {"ms-azureml-model-error-statuscode": given}
    assert raised({"response": {"status": 424, "headers": headers, "body": {}}}).kind == "model_error"


@pytest.mark.parametrize(
    ("body", "is_failure"),
    [
        ({"status": "failed", "output": None, "error": None}, True),
        ({"status": "canceled", "error": "stopped", "output": [1]}, True),
        ({"status": "failed", "count": 3}, False),
        ({"status": ["failed"], "error": None}, False),
        ({"error": "a warning", "predictions": [1]}, False),
        ({"error": "a warning", "prediction": 0}, False),
        ({"error": "broken", "predictions": []}, True),
        ({"error": "broken", "result": "failed"}, True),
        ({"error": 0.25}, False),
    ],
)
def test_a_body_with_an_answer_is_no_failure(body: Any, is_failure: bool) -> None:
    vector = {"response": {"status": 200, "body": body}}
    if is_failure:
        assert raised(vector).kind == "model_error"
    else:
        check(reply_of(vector))


def test_an_input_that_is_too_long_is_said_to_be() -> None:
    body = {"error": {"message": "too many tokens", "type": "invalid_request_error", "code": "context_length_exceeded"}}
    assert isinstance(raised({"response": {"status": 400, "body": body}}), InputTooLarge)


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("backpressure\n(1)", "text/plain", "backpressure (1)"),
        ("not JSON", "application/json", "not JSON"),
        ("<h1>Bad</h1>", "text/plain", ""),
        ("Bad", "text/html", ""),
        ("x" * 50_000, "text/plain", ""),
        ("Traceback (most recent call last):\n  File\nno line that says it", "text/plain", ""),
        ("Traceback (most recent call last):\n  File 'x'\na.b.KeyError: 'age'\n", "text/plain", "'age'"),
    ],
)
def test_plain_text_is_read_and_pages_are_not(body: str, content_type: str, text: str) -> None:
    vector = {"response": {"status": 500, "headers": {"Content-Type": content_type}, "body": {"$text": body}}}
    assert raised(vector).endpoint_text == text
