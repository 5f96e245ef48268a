"""A model server that answers in pieces, as a test says: a real one, on a socket."""

from __future__ import annotations

import contextlib
import json
import socketserver
import ssl
import threading
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any

HEAD = "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n{more}\r\n"
EVENTS = "text/event-stream; charset=utf-8"


class Streaming:
    """What it sends is `pieces`: bytes go out at once as a chunk each, a number is a pause in seconds, and "open" lets
    it wait until `go_on` is set. `requests` holds the body and headers of each call; `cut_off` is set when whoever
    asked goes away before the end, and `under_way` counts the answers that have begun and not ended.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.pieces: list[bytes | float | str] = []
        self.kind, self.more, self.ends = EVENTS, "", True
        self.status = "200 OK"
        self.requests: list[tuple[Any, dict[str, str]]] = []
        self.go_on, self.cut_off = threading.Event(), threading.Event()
        self.under_way = 0
        self._lock = threading.Lock()
        whole = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    while whole._answer(self):
                        pass

        socketserver.ThreadingTCPServer.daemon_threads = True
        socketserver.ThreadingTCPServer.request_queue_size = 256
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}/v1/chat/completions"

    def __enter__(self) -> Streaming:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()

    def at(self, path: str) -> str:
        return self.url.replace("/v1/chat/completions", path)

    def reset(self, *pieces: bytes | float | str, kind: str = EVENTS, more: str = "", ends: bool = True) -> None:
        self.pieces, self.kind, self.more, self.ends, self.status = list(pieces), kind, more, ends, "200 OK"
        self.requests.clear()
        self.go_on.clear()
        self.cut_off.clear()

    def _answer(self, handler: socketserver.StreamRequestHandler) -> bool:
        """One request of a kept connection; False when there is no further one."""
        first = handler.rfile.readline()
        if not first:
            return False
        lines = iter(handler.rfile.readline, b"\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.decode("latin-1").partition(":") for line in lines)}
        body = handler.rfile.read(int(headers.get("content-length", 0)))
        if first.startswith(b"GET"):
            handler.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return True
        self.requests.append((json.loads(body) if body else None, headers))
        with self._counted():
            handler.wfile.write(HEAD.format(status=self.status, kind=self.kind, more=self.more).encode())
            try:
                for piece in list(self.pieces):
                    self._send(handler, piece)
                if self.ends:
                    handler.wfile.write(b"0\r\n\r\n")
            except OSError:
                self.cut_off.set()
                raise
        return self.ends

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self.under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self.under_way -= 1

    def _send(self, handler: socketserver.StreamRequestHandler, piece: bytes | float | str) -> None:
        if isinstance(piece, bytes):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            return
        handler.connection.settimeout(piece if isinstance(piece, float) else 0.05)
        while not self.go_on.is_set() or isinstance(piece, float):
            try:
                if not handler.connection.recv(1):
                    raise ConnectionResetError
            except TimeoutError:
                if isinstance(piece, float):
                    break
        handler.connection.settimeout(None)


def said(*texts: str, finish: str | None = "stop") -> list[bytes]:
    """A chat's answer in OpenAI's events, a chunk for each text."""
    found = [event({"choices": [{"index": 0, "delta": {"content": text}}]}) for text in texts]
    if finish:
        found.append(event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}))
        found.append(b"data: [DONE]\n\n")
    return found


def event(data: Any, name: str = "") -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def packed(pieces: list[bytes]) -> list[bytes]:
    """Each piece in gzip, flushed so that it can be read at once."""
    pack = zlib.compressobj(wbits=31)
    return [*(pack.compress(piece) + pack.flush(zlib.Z_SYNC_FLUSH) for piece in pieces), pack.flush()]
