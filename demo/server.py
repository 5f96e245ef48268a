"""The demo endpoint over HTTP, with nothing but the standard library, on 127.0.0.1 only.

`start(key)` runs it in a thread:

    with start("secret") as demo:
        requests.post(demo.url, json=body, headers={"Authorization": "Bearer secret"})

Six models answer, each in the shape of a service that people have; all want the same key.

    POST /workspaces/.../execute   companies, Azure ML Studio (classic); also GET .../swagger.json
    POST /v2/models/iris/infer     irises, Open Inference; also GET /v2, /v2/models/iris, .../ready, /v2/health/...
    POST /invocations              irises, MLflow; also GET /ping, /health, /version, /openapi.json
    POST /models/reviews           reviews, Hugging Face
    POST /models/digits            handwritten digits, Hugging Face; also .../pipeline/image-classification
    POST /faces/score              faces, Azure Machine Learning; also GET /faces/swagger.json, /faces/
    POST /predict_api              expressions of faces, a protocol of its own
"""

import hmac
import json
import logging
import os
import socket
import socketserver
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import ModuleType, TracebackType
from typing import Any

from demo import (
    companies,
    digits,
    digits_hf,
    expressions,
    faces,
    faces_azure,
    iris,
    iris_mlflow,
    iris_v2,
    protocol,
    reviews,
    reviews_hf,
)
from demo.answer import Answer
from demo.protocol import ProtocolError

HOST = "127.0.0.1"
MAX_BODY = 4 * 1024 * 1024
MAX_DRAIN = 64 * 1024 * 1024
PATIENCE = 30.0
PIECE = 64 * 1024
# Made up once and kept, so that a noted URL still holds after a restart on the same port.
BASE = "/workspaces/4b7d0c5e91f24a3a8e6d27c1b05f93ad/services/e2916f0a7c3d4b58b1f40d8862ac75fe"
QUERY = f"api-version={protocol.API_VERSION}&details=true"
HELLO = "FlaskAppAML's demo endpoint: POST companies to /workspaces/.../execute, get their clusters.\n"
JSON = "application/json; charset=utf-8"
# The services beside the classic one, each a module of pure functions. The first that owns a path has it, and
# reviews_hf owns all that the others of its kind leave.
SERVICES = (iris_v2, iris_mlflow, digits_hf, reviews_hf, faces_azure, expressions)

log = logging.getLogger(__name__)


class UnreadError(ProtocolError):
    """A refusal that leaves the body unread, after which the connection is of no use."""


class NotAllowedError(ProtocolError):
    """405, with the methods that are allowed."""

    def __init__(self, method: str, methods: tuple[str, ...]) -> None:
        status = HTTPStatus.METHOD_NOT_ALLOWED
        super().__init__(status, own(status), ("MethodNotAllowed", f"This address does not answer to {method}."))
        self.methods = methods


def unread(status: HTTPStatus, message: str) -> UnreadError:
    """A refusal of the message as such, for which the protocol mostly has no code of its own."""
    if status is HTTPStatus.BAD_REQUEST:
        plain = protocol.invalid("RequestBodyInvalid", message)
        return UnreadError(plain.status, plain.kind, plain.cause)
    return UnreadError(status, own(status), (own(status)[0], message))


def failed() -> ProtocolError:
    """500: a fault of ours, about which the log says more."""
    kind = ("InternalError", "Execution encountered an internal error.")
    return ProtocolError(HTTPStatus.INTERNAL_SERVER_ERROR, kind, ("UnknownError", "The demo endpoint failed."))


def own(status: HTTPStatus) -> tuple[str, str]:
    """Code and message made of a status: `LengthRequired`, "Length Required."."""
    return status.phrase.title().replace(" ", ""), f"{status.phrase}."


def service_of(path: str) -> ModuleType | None:
    """The service that answers at the path; None for the classic one, which also refuses what belongs to nobody."""
    return next((service for service in SERVICES if service.owns(path)), None)


class Server(ThreadingHTTPServer):
    """Listens, and remembers the open connections, so that closing ends them too."""

    # On Windows the option lets two programs share a port; elsewhere it allows a quick restart.
    allow_reuse_address = os.name != "nt"
    request_queue_size = 128

    def __init__(self, key: str, port: int) -> None:
        self.key = key
        self.model = companies.load()
        irises = iris.load()
        self.models: dict[ModuleType, Any] = {
            iris_v2: irises,
            iris_mlflow: irises,
            reviews_hf: reviews.load(),
            digits_hf: digits.load(),
            faces_azure: faces.cascades,  # called by the first picture: OpenCV is large, and may be missing
            expressions: faces.cascades,
        }
        self.open: set[socket.socket] = set()
        self.lock = Lock()
        super().__init__((HOST, port), Handler)

    def server_bind(self) -> None:
        """Binds without HTTPServer's look-up of the host's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.socket.getsockname()[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Starts the connection's thread."""
        with self.lock:
            self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Ends a connection."""
        with self.lock:
            self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours and is not worth the usual traceback."""
        log.debug("connection lost", exc_info=True)

    def hang_up(self) -> None:
        """Ends connections that are kept alive; their threads then see the end and finish."""
        with self.lock:
            for connection in self.open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """One connection. Every answer is one buffered write."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "demo"
    sys_version = ""
    timeout = PATIENCE
    wbufsize = PIECE
    # Without this an answer may wait some 40 ms for the client's acknowledgement.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Every method comes here; what a path answers to is in `route`."""
        try:
            self.route(self.read_body())
        except ProtocolError as refusal:
            self.refuse(refusal)
        except OSError:
            # The client went away, or (TimeoutError) did not send what it announced.
            self.close_connection = True
        except Exception:
            log.exception("the demo endpoint failed")
            self.close_connection = True
            self.refuse(failed())

    do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST

    def route(self, body: bytes) -> None:
        """Answers by path. Raises ProtocolError."""
        path, _, query = self.path.partition("?")
        service = service_of(path)
        if service is not None:
            self.send_answer(self.served(service, path, body))
        elif path == f"{BASE}/execute":
            self.allow("POST")
            self.execute(query, body)
        elif path == f"{BASE}/swagger.json":
            self.allow("GET", "HEAD")
            self.send_json(protocol.swagger(f"{HOST}:{self.server.server_port}", BASE, self.server.model))
        elif path == "/":
            self.allow("GET", "HEAD")
            self.send(HTTPStatus.OK, "text/plain; charset=utf-8", HELLO.encode())
        else:
            raise protocol.not_found()

    def served(self, service: ModuleType, path: str, body: bytes) -> Answer:
        """What one of the services beside the classic one answers."""
        if service.needs_key(path) and not self.has_key():
            refused: Answer = service.unauthorized(self.headers.get("Authorization", ""))
            return refused
        kind = self.headers.get_content_type()
        answered: Answer = service.answer(self.command, path, kind, body, self.server.models[service])
        return answered

    def has_key(self) -> bool:
        """Whether the caller sent our key; compared in a time that tells nothing of it."""
        said = self.headers.get("Authorization", "").encode("latin-1", "replace")
        return hmac.compare_digest(said, f"Bearer {self.server.key}".encode())

    def execute(self, query: str, body: bytes) -> None:
        """Scores. The key comes first: who has none learns nothing else. Raises ProtocolError."""
        if not self.has_key():
            raise protocol.unauthorized()
        asked = protocol.read_query(query)
        if self.headers.get_content_type() != "application/json":
            raise protocol.invalid("RequestBodyInvalid", "The content type must be application/json.")
        self.send_json(protocol.answer(protocol.read_rows(body), asked, self.server.model))

    def allow(self, *methods: str) -> None:
        """Raises ProtocolError when the method is not among them."""
        if self.command not in methods:
            raise NotAllowedError(self.command, methods)

    def read_body(self) -> bytes:
        """The body, empty where none is announced.

        Raises ProtocolError when it is chunked, too long or shorter than announced, TimeoutError
        when it takes too long.
        """
        if "Transfer-Encoding" in self.headers:
            raise unread(HTTPStatus.LENGTH_REQUIRED, "Send the body with a Content-Length, not in chunks.")
        length = self.announced()
        if length > MAX_BODY:
            raise unread(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body may have at most {MAX_BODY} bytes.")
        self.go_on()
        body = b"".join(self.pieces(length))
        if len(body) < length:
            raise unread(HTTPStatus.BAD_REQUEST, "The body ended before its Content-Length.")
        return body

    def announced(self) -> int:
        """The Content-Length. Raises ProtocolError when it is no number, or when there are two."""
        said = set(self.headers.get_all("Content-Length", ["0"]))
        length = said.pop()
        # isdigit() alone would let other scripts' digits pass; ten digits are far above the cap.
        if said or not (length.isascii() and length.isdigit()) or len(length) > 10:
            raise unread(HTTPStatus.BAD_REQUEST, "The Content-Length is not a number.")
        return int(length)

    def pieces(self, length: int) -> Iterator[bytes]:
        """Yields up to `length` bytes. Raises TimeoutError when that outlasts our patience."""
        ends = time.monotonic() + (self.timeout or PATIENCE)
        while length > 0 and (piece := self.rfile.read1(min(length, PIECE))):
            length -= len(piece)
            yield piece
            self.connection.settimeout(max(0.001, ends - time.monotonic()))
        self.connection.settimeout(self.timeout)

    def handle_expect_100(self) -> bool:
        """Leaves "100 Continue" to `read_body`, which knows whether the body is welcome."""
        return True

    def go_on(self) -> None:
        """Says "100 Continue" where the client waits for it, at once in spite of our buffering."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(HTTPStatus.CONTINUE)
            self.end_headers()
            self.wfile.flush()

    def refuse(self, refusal: ProtocolError) -> None:
        """Sends an error; after one that left a body unread, ends the connection gently."""
        if isinstance(refusal, UnreadError):
            self.close_connection = True
        service = service_of(getattr(self, "path", "").partition("?")[0])  # a broken request line has no path
        if service is None:
            extra = {"Allow": ", ".join(refusal.methods)} if isinstance(refusal, NotAllowedError) else {}
            self.send_json(refusal.body(), refusal.status, extra)
        else:
            self.send_answer(service.refusal(refusal.status, refusal.cause[1]))
        if isinstance(refusal, UnreadError):
            self.drain()

    def drain(self) -> None:
        """Reads on for a while: closing with bytes unread is a reset, which loses the answer."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            deque(self.pieces(MAX_DRAIN), maxlen=0)

    def send_answer(self, answer: Answer) -> None:
        """Sends what a service beside the classic one answers."""
        self.send(answer.status, answer.kind, answer.data())

    def send_json(self, body: object, status: HTTPStatus = HTTPStatus.OK, extra: dict[str, str] | None = None) -> None:
        """Sends a body as JSON."""
        self.send(status, JSON, json.dumps(body).encode(), extra)

    def send(self, status: HTTPStatus, kind: str, body: bytes, extra: dict[str, str] | None = None) -> None:
        """Sends head and body in one write, with an id in x-ms-request-id as the service did."""
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "x-ms-request-id": uuid.uuid4().hex,
        }
        for name, value in {**headers, **(extra or {})}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)
        self.wfile.flush()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Gives our shape to what the base class refuses: no HTTP, an unknown method."""
        status = HTTPStatus(code)
        self.close_connection = True
        self.refuse(unread(status, f"{message or status.phrase}."))

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps quiet: calls stand in the log at level debug only."""
        log.debug(format, *args)


class Demo:
    """A running demo endpoint; a context manager that closes it.

    `url` is the scoring address of the companies, `urls` has that of every model and protocol.
    """

    def __init__(self, key: str, port: int) -> None:
        self._server = Server(key, port)
        root = f"http://{HOST}:{self._server.server_port}"
        self.url = f"{root}{BASE}/execute?{QUERY}"
        self.urls = {
            "companies": self.url,
            "iris_v2": f"{root}{iris_v2.MODELS[0]}/infer",
            "iris_mlflow": f"{root}{iris_mlflow.SCORING}",
            "reviews": f"{root}{reviews_hf.ROOT}{reviews_hf.NAME}",
            "digits": f"{root}{digits_hf.PATH}",
            "faces": f"{root}{faces_azure.SCORING}",
            "expressions": f"{root}{expressions.PATH}",
        }
        # Closing waits for one round of polling.
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), name="demo endpoint", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops listening and ends the open connections. May be called again."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server.hang_up()

    def __enter__(self) -> "Demo":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def start(key: str, port: int = 0) -> Demo:
    """Starts the endpoint in a daemon thread, on a free port unless one is given.

    `key` is what callers must send as `Authorization: Bearer <key>`; `.url` of the result is the
    scoring URL of the companies, `.urls` those of all models.
    Raises OSError when the port is taken, ValueError when the key is empty.
    """
    if not key:
        raise ValueError("the demo endpoint needs a key")
    return Demo(key, port)
