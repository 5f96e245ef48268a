"""Every error that FlaskAppAML raises on purpose, and what is said to people about each.

    AppError
    ├── SettingError       503  not_configured  a setting is wrong; stops the start
    ├── MalformedRequest   400  bad_input     the request could not be read
    ├── WrongInput         422  bad_input     fields need a change; nothing was sent
    ├── InvalidSheet       422  bad_input     a file cannot be read as a table
    ├── RequestTooLarge    413  too_large
    ├── SignInNeeded       401  auth          a password of ours is missing
    ├── Forbidden          403  forbidden     a form sent from another site
    ├── PageNotFound       404  not_found
    │   ├── AnswerGone                        its time is over
    │   ├── JobGone
    │   └── ModelGone                         what a file was for
    ├── MethodNotAllowed   405  unsupported
    │   └── UnsupportedMedia   415
    ├── RateLimited        429  rate_limited
    ├── NotConfigured      503  not_configured
    ├── NotReady           503  unreachable   what answers need is away
    ├── QueueFull          503  overload      as many jobs wait as may
    │   └── DraftsFull                        or files that nobody has started
    ├── JobsUnavailable    503  internal      their database is away
    │   └── DiskFull                          or has no room
    ├── InternalError      500  internal      a fault of ours
    └── EndpointError                         the hosted model gave no answer
        ├── InputRefused   422  bad_input
        ├── InputTooLarge  413  too_large
        ├── KeyRefused     502  auth
        ├── NoSuchEndpoint 502  not_found
        ├── Unsupported    502  unsupported
        ├── Overloaded     503  overload
        │   └── TooManyCalls                  our own limit or pause, not the endpoint's
        ├── Loading        503  loading
        ├── TimedOut       504  timeout
        ├── ModelFailed    502  model_error
        ├── BadResponse    502  bad_response
        ├── Redirected     502  redirect
        ├── ConnectionLost 502  network
        ├── Unreachable    502  unreachable
        └── TlsFailed      502  tls

`kind` is the word that programs match on, `status` the HTTP status of our own answer. `said`, `lead`, `turn` and
`again` are for people: what happened, what it means, whose turn it is, and whether trying again helps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

YOU = "Yours."
OWNER = "The owner of this app."


class Described(NamedTuple):
    """An operation that a service describes: its method, its path at the service, and what is said of it."""

    method: str
    path: str
    summary: str


class AppError(Exception):
    """The root. `detail` is a sentence of ours that is safe to show to anybody. `operations` are those that the service
    describes, where the address is none of them."""

    kind: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    said: ClassVar[str] = "something went wrong in this app."
    lead: ClassVar[str] = ""
    turn: str = OWNER
    again: str = "It may help once."
    operations: tuple[Described, ...] = ()

    def __init__(
        self,
        detail: str = "",
        *,
        fields: dict[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail or self.said)
        self.detail = detail
        self.fields = fields or {}
        self.retry_after = retry_after


class SettingError(AppError):
    """One or more settings are wrong; the message names each, a line apiece.

    It stops the start. Only what needs the endpoint's own description (`FORM`) can come up later, at a request.
    """

    kind, status = "not_configured", 503
    said = "a setting of this app is wrong."
    turn = "The owner of this app: change the setting and restart."
    again = "Not before that."


class InternalError(AppError):
    turn = "The owner of this app: the log has the details under the request id."


class MalformedRequest(AppError):
    kind, status = "bad_input", 400
    said = "the request could not be read."
    turn = YOU
    again = "Not unchanged; the answer would be the same."


class WrongInput(AppError):
    """`fields` maps each wrong field's name to the sentence to show beside it."""

    kind, status = "bad_input", 422
    said = "some fields need a change."
    turn = "Yours: change the fields that are named."
    again = "After the change."

    @property
    def words(self) -> str:
        """All that it says, in one line."""
        return " ".join(filter(None, [self.detail, *(f"{name}: {said}" for name, said in self.fields.items())]))


class InvalidSheet(AppError):
    """`detail` says what to do."""

    kind, status = "bad_input", 422
    said = "this file cannot be read as a table."
    turn = "Yours: mend the file, or save it in another format."
    again = "After the change."


class RequestTooLarge(AppError):
    kind, status = "too_large", 413
    said = "that is more than this app takes at once."
    turn = "Yours: send less."
    again = "With a smaller input."


class SignInNeeded(AppError):
    kind, status = "auth", 401
    said = "this app asks for a password."
    turn = "Yours: enter the password that the owner of this app gave out."
    again = "After signing in."


class Forbidden(AppError):
    kind, status = "forbidden", 403
    said = "this form was sent from another site."
    turn = "Yours: open the form here and send it from this page."
    again = "From this site."


class PageNotFound(AppError):
    kind, status = "not_found", 404
    said = "there is no such page here."
    lead = "Check the address, or start from the form."
    turn = "Yours: check the address, or start from the form."
    again = "With another address."


class AnswerGone(PageNotFound):
    said = "this answer is no longer kept."
    lead = "Answers are kept for a while only, or the link is not whole. Ask the model again."


class JobGone(PageNotFound):
    said = "there is no such job any more."
    lead = "Jobs are kept for a day after their end, or the link is not whole. Ask the model again."


class ModelGone(PageNotFound):
    said = "the model that this file is for is no longer here."
    lead = "The file was not started, and goes by itself. Another model may take it: send it there."


class MethodNotAllowed(AppError):
    kind, status = "unsupported", 405
    said = "this address does not take that kind of request."
    turn = YOU
    again = "With another method."


class UnsupportedMedia(MethodNotAllowed):
    status = 415
    said = "the body is of a type that this address does not take."
    again = "With another Content-Type."


class RateLimited(AppError):
    kind, status = "rate_limited", 429
    said = "that was a lot of questions in a short time."
    turn = "Yours: wait a little."
    again = "After the pause."


class NotConfigured(AppError):
    kind, status = "not_configured", 503
    said = "no endpoint is set yet."
    turn = "The owner of this app: set URL and API_KEY and restart."
    again = "Not before that."


class NotReady(AppError):
    kind, status = "unreachable", 503
    said = "this app is up, but cannot reach all that it needs for an answer."
    turn = "The owner of this app: see that what is named is up."
    again = "Yes, after a while."


class QueueFull(AppError):
    kind, status = "overload", 503
    said = "too many jobs are waiting already."
    lead = "This one was not taken in, and nothing was sent."
    turn = "Yours: wait a little, then ask again."
    again = "Yes, after a pause."


class DraftsFull(QueueFull):
    said = "too many files are waiting for their start."


class JobsUnavailable(AppError):
    status = 503
    said = "background jobs cannot be reached at the moment."
    lead = "The database that keeps them does not answer. Jobs that were taken in before are not lost."
    turn = "Yours: wait a little. If it stays, tell the owner of this app."
    again = "Yes, after a pause."


class DiskFull(JobsUnavailable):
    said = "the disk of this app is full."
    lead = "Jobs that were taken in before are not lost: they go on when there is room."
    turn = "The owner of this app: make room where DATA_DIR lies, and TMPDIR."


class EndpointError(AppError):
    """The endpoint gave no answer that can be shown.

    `another_try` is set where the error is raised: whether the same call may be tried once more by itself.
    `endpoint_text` is what the endpoint wrote about it; `says_why` tells whether visitors may read it. `code` is the
    service's own word for the failure, `upstream_status` its HTTP status, `model_status` that of the model behind a
    gateway. `fields` has what it says of single inputs, by their names at the endpoint. `body` is for the log alone.
    """

    says_why: ClassVar[bool] = False
    status = 502

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after: float | None = None,
        another_try: bool = False,
        upstream_status: int | None = None,
        model_status: int | None = None,
        fields: dict[str, str] | None = None,
        code: str = "",
        endpoint_text: str = "",
        body: bytes = b"",
        seconds: float = 0.0,
        tries: int = 1,
    ) -> None:
        super().__init__(detail, fields=fields, retry_after=retry_after)
        self.another_try = another_try
        self.upstream_status = upstream_status
        self.model_status = model_status
        self.code = code
        self.endpoint_text = endpoint_text
        self.body = body
        self.seconds = seconds
        self.tries = tries

    def record(self) -> dict[str, Any]:
        """What is kept of a failure, so that a reload shows it again instead of calling the model again."""
        names = ("detail", "retry_after", "upstream_status", "model_status", "fields", "code", "seconds", "tries")
        kept = {name: getattr(self, name) for name in names}
        return {"error": type(self).__name__, **kept, "endpoint_text": self.endpoint_text}

    def pass_through(self, clean: Callable[[str], str]) -> None:
        """Every text in it that is the endpoint's."""
        self.code, self.endpoint_text = clean(self.code), clean(self.endpoint_text)
        self.fields = {clean(name): clean(said) for name, said in self.fields.items()}
        self.body = clean(self.body.decode("utf-8", "replace")).encode("utf-8", "replace")

    @staticmethod
    def revive(record: dict[str, Any]) -> EndpointError:
        """The error that `record()` described."""
        kept = {name: value for name, value in record.items() if name != "error"}
        return ENDPOINT_ERRORS[record["error"]](**kept)


class InputRefused(EndpointError):
    kind, status = "bad_input", 422
    said = "the endpoint did not accept this input."
    lead = "It passed the checks of this form, but the model’s service found fault with it."
    turn = "Yours: change the input."
    again = "After a change; unchanged, the answer would be the same."
    says_why = True


class InputTooLarge(EndpointError):
    kind, status = "too_large", 413
    said = "the input is too large for the endpoint."
    turn = "Yours: shorten the input."
    again = "With less."
    says_why = True


class KeyRefused(EndpointError):
    kind = "auth"
    said = "the endpoint refused this app’s key."
    lead = "There is nothing wrong with what you typed. The endpoint does not accept the key that this app holds."
    turn = "The owner of this app: renew the setting API_KEY and restart."
    again = "Not before that; the answer would be the same."


class NoSuchEndpoint(EndpointError):
    kind = "not_found"
    said = "there is no model at the endpoint’s address."
    lead = "There is nothing wrong with what you typed. The service answered that it knows nothing at this address."
    turn = "The owner of this app: check the setting URL. The model may have been moved or removed."
    again = "Not before that."


class Unsupported(EndpointError):
    kind = "unsupported"
    said = "the endpoint does not take this kind of request."
    turn = "The owner of this app: check the setting URL; it must be the scoring address."
    again = "Not before that."


class Overloaded(EndpointError):
    kind, status = "overload", 503
    said = "the endpoint is overloaded."
    lead = "It turned the question away because it has too much to do. Nothing was lost."
    turn = "Yours: wait a little, then ask again."
    again = "Yes, after a pause."


class TooManyCalls(Overloaded):
    """Our own limit: too many calls wait for this endpoint, or it failed so often that calls pause."""

    said = "this app is holding back calls to the endpoint."


class Loading(EndpointError):
    kind, status = "loading", 503
    said = "the model is still being loaded."
    lead = "The service is up, but its model is not ready yet. This can take a minute or two."
    turn = "Yours: wait a little, then ask again."
    again = "Yes, in a minute or so."


class TimedOut(EndpointError):
    kind, status = "timeout", 504
    said = "the endpoint took too long."
    lead = "It gave up before it had an answer."
    turn = "Yours: ask again. If it happens twice, tell the owner of this app."
    again = "It may help. The model may still be running, so asking again may cost a second call."


class ModelFailed(EndpointError):
    kind = "model_error"
    said = "the model failed while working on this."
    lead = "The question reached it. Either it cannot cope with this input, or something in it is broken."
    turn = "The owner of this app: the details are in the log."
    again = "Once; if it fails again, with another input."


class BadResponse(EndpointError):
    kind = "bad_response"
    said = "the endpoint’s answer could not be read."
    turn = "The owner of this app: check the setting URL, and the endpoint."
    again = "Once; if it fails again, tell the owner."


class Redirected(EndpointError):
    kind = "redirect"
    said = "the endpoint points to another address, and the key must not follow."
    turn = "The owner of this app: put the address meant into the setting URL."
    again = "Not before that."


class ConnectionLost(EndpointError):
    kind = "network"
    said = "the connection to the endpoint was lost."
    turn = "Yours: ask again."
    again = "It may help. The model may have run, so asking again may cost a second call."


class Unreachable(EndpointError):
    kind = "unreachable"
    said = "the endpoint cannot be reached."
    turn = "The owner of this app: check the setting URL, and that the endpoint is up."
    again = "Yes, after a while."


class TlsFailed(EndpointError):
    kind = "tls"
    said = "there is no secure connection to the endpoint."
    turn = "The owner of this app: check the endpoint’s certificate and the setting URL."
    again = "Not before that. The key was not sent."


ENDPOINT_ERRORS: dict[str, type[EndpointError]] = {
    error.__name__: error
    for error in (
        InputRefused,
        InputTooLarge,
        KeyRefused,
        NoSuchEndpoint,
        Unsupported,
        Overloaded,
        TooManyCalls,
        Loading,
        TimedOut,
        ModelFailed,
        BadResponse,
        Redirected,
        ConnectionLost,
        Unreachable,
        TlsFailed,
    )
}
