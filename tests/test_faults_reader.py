"""The one reader of failures: which kind a reply stands for, and what is kept of what it says."""

from __future__ import annotations

import codecs
import json
import time
from email.utils import formatdate
from typing import Any

import pytest

from FlaskAppAML.errors import EndpointError
from FlaskAppAML.faults import check
from FlaskAppAML.wire import Reply


def failure(status: int, body: Any = None, **headers: str) -> EndpointError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(EndpointError) as caught:
        check(Reply(status, named, raw, seconds=1.5, tries=2))
    return caught.value


def is_answer(body: bytes, status: int = 200) -> bool:
    check(Reply(status, {}, body))
    return True


@pytest.mark.parametrize(
    ("status", "kind", "another_try"),
    [
        (400, "bad_input", False),
        (401, "auth", False),
        (402, "unsupported", False),
        (403, "auth", False),
        (404, "not_found", False),
        (405, "unsupported", False),
        (408, "timeout", True),
        (409, "overload", False),
        (410, "not_found", False),
        (413, "too_large", False),
        (415, "unsupported", False),
        (418, "unsupported", False),
        (422, "bad_input", False),
        (424, "model_error", False),
        (429, "overload", True),
        (500, "model_error", False),
        (501, "unsupported", False),
        (502, "model_error", True),
        (503, "overload", True),
        (504, "timeout", True),
        (599, "model_error", False),
        (102, "model_error", False),
    ],
)
def test_a_status_has_its_kind(status: int, kind: str, another_try: bool) -> None:
    error = failure(status, b"<h1>no JSON</h1>")
    assert (error.kind, error.another_try, error.upstream_status) == (kind, another_try, status)
    assert (error.endpoint_text, error.code) == ("", "")
    assert (error.seconds, error.tries, error.body) == (1.5, 2, b"<h1>no JSON</h1>")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, {"error": "Model x is currently loading", "estimated_time": 20.0}, "loading"),
        (503, {"estimated_time": 20.0}, "loading"),
        (503, {"error": {"message": "The replica is still loading"}}, "loading"),
        (503, {"detail": "setup not finished"}, "loading"),
        (503, {"detail": "too busy"}, "overload"),
        (200, {"error": "Model x is currently loading", "estimated_time": 20.0}, "loading"),
        (200, {"error": {"code": "BadArgument", "message": "m"}}, "bad_input"),
        (200, {"error": {"code": "InternalError", "details": [{"code": "MissingInput"}]}}, "bad_input"),
        (200, {"error": {"code": "ModelCrashed", "message": "m"}}, "model_error"),
        (200, {"error": "it broke"}, "model_error"),
        (200, {"error": ["it", "broke"]}, "model_error"),
        (200, b' \r\n{"error": "it broke"}', "model_error"),
        (204, b"", "bad_response"),
        (205, b"x", "bad_response"),
        (200, b"", "bad_response"),
        (200, b" \n", "bad_response"),
        pytest.param(
            200,
            codecs.BOM_UTF8 + b'{"error": "it broke"}',
            "model_error",
        ),
        pytest.param(
            200,
            '{"error": "it broke"}'.encode("utf-16"),
            "model_error",
        ),
        pytest.param(
            200,
            {"input": "x" * 3000, "error": "it broke"},
            "model_error",
        ),
    ],
)
def test_a_body_can_say_more_than_the_status(status: int, body: Any, kind: str) -> None:
    assert failure(status, body).kind == kind


@pytest.mark.parametrize(
    "body",
    [
        b'{"Results": {"output1": 1}, "error": "only a warning"}',
        b'{"error": null, "predictions": [1]}',
        b'{"error": "", "predictions": [1]}',
        b'{"error": false}',
        b'{"Results": {"value": {"Values": [["error"]]}}}',
        b'[{"error": "in a row"}]',
        b'{"error": cut',
        b"3",
        b"null",
    ],
)
def test_an_answer_that_only_mentions_errors_is_an_answer(body: bytes) -> None:
    """What is no JSON is for the dialect to refuse."""
    assert is_answer(body)
    assert is_answer(body, 201)


@pytest.mark.parametrize("detail", [{}, {"estimated_time": 30}])
def test_loading_in_a_200_may_be_tried_again(detail: dict[str, Any]) -> None:
    assert failure(200, {"error": "Model is loading", **detail}).another_try


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 2.5 ", 2.5),
        ("0", 0.0),
        ("86400", 86400.0),
        ("99999999999999999999", None),
        ("1e999", None),
        ("inf", None),
        ("-5", None),
        ("٧", None),
        ("soon", None),
        ("Mon, 99 Foo 2020 99:99:99 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 +9999", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        pytest.param(formatdate(time.time() + 3600, usegmt=True), pytest.approx(3600, abs=3000), id="in an hour"),
    ],
)
def test_retry_after_is_seconds_from_now(header: str, seconds: Any) -> None:
    got = failure(503, None, retry_after=header).retry_after
    if header.startswith("Fri, 31 Dec"):
        assert got is None or got > 1e9
    else:
        assert got == seconds


@pytest.mark.parametrize(
    ("estimate", "seconds"),
    [(20.5, 20.5), (0, 0.0), (1e9, None), (-1, None), (True, None), ("20", None), (None, None), ([1], None)],
)
def test_an_estimated_time_is_a_retry_after(estimate: Any, seconds: float | None) -> None:
    assert failure(503, {"error": "is loading", "estimated_time": estimate}).retry_after == seconds


def test_the_header_comes_before_the_estimate() -> None:
    assert failure(503, {"estimated_time": 20}, retry_after="3").retry_after == 3.0


def test_an_estimate_that_is_no_number_is_none() -> None:
    assert failure(503, b'{"estimated_time": NaN}').retry_after is None


@pytest.mark.parametrize(
    ("body", "text", "code"),
    [
        (
            {"error": {"code": "A", "message": "One.", "details": [{"code": "B", "message": "Two."}]}},
            "One. Two.",
            "B",
        ),
        ({"error": {"code": "A", "message": "One.", "details": [{"message": "One."}]}}, "One.", "A"),
        ({"error": {"code": "A", "details": ["x", 5, None]}}, "", "A"),
        ({"error_code": "BAD_REQUEST", "message": "m"}, "m", "BAD_REQUEST"),
        ({"error": "plain"}, "plain", ""),
        ({"detail": "plain"}, "plain", ""),
        ({"detail": [{"loc": ["body", "x"], "msg": "needed", "type": "missing"}]}, "needed", "missing"),
        ({"error": {"code": 42, "message": 5}}, "", "42"),
        ({"error": {"code": ["x"], "message": {"a": 1}}}, "", ""),
        ([{"error": "The petal is longer than the sepal."}], "The petal is longer than the sepal.", ""),  # BentoML 1.4
        ([{"message": "one"}, {"message": "of several"}], "", ""),
        ("text", "text", ""),
        (None, "", ""),
    ],
)
def test_the_text_is_every_message_once_and_the_code_is_the_particular_one(body: Any, text: str, code: str) -> None:
    error = failure(400, body)
    assert (error.endpoint_text, error.code) == (text, code)


def test_a_text_is_one_line() -> None:
    long = {"code": "c\n" * 500, "message": "a\r\n\tb " * 500, "details": [{"message": "x" * 5000}] * 9}
    error = failure(400, {"error": long})
    assert error.endpoint_text.startswith("a b a b")
    assert not set("\r\n\t") & set(error.endpoint_text + error.code)


def test_a_huge_or_deep_body_costs_no_time() -> None:
    started = time.thread_time()
    for body in (b'{"error": "' + b"x" * 20_000_000 + b'"}', b'{"error":' * 50_000, b"[" * 90_000):
        assert failure(500, body).kind == "model_error"
    assert time.thread_time() - started < 1


def test_a_failure_can_be_kept_and_revived() -> None:
    error = failure(429, {"error": {"code": "c", "message": "m"}}, retry_after="90")
    again = EndpointError.revive(json.loads(json.dumps(error.record())))
    assert type(again) is type(error)
    assert again.record() == error.record()
    assert again.body == b"", "the raw body is for the log alone"
