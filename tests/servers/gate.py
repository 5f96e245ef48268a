"""A gateway as hosting services put one before a model server: it checks the key, counts, and passes on every byte."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from io import BufferedIOBase
from types import TracebackType

REFUSED = b'{"error": "the key is wrong"}'
UNAUTHORIZED = (
    b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(REFUSED), REFUSED)
)


class Gate:
    """Stands at `url` before the server at `port` of this machine. With a `key` it lets in only those who bring it as
    a bearer; without one the server itself is trusted to. `calls` holds the method and path of each request."""

    def __init__(self, port: int, key: str = "") -> None:
        self.calls: list[str] = []
        gate = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    gate._talk(self.request, self.rfile)

        self._port, self._key = port, key
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Gate:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def scored(self) -> int:
        """How many requests came that were more than a look at a description."""
        return sum(not call.startswith("GET ") for call in self.calls)

    def _talk(self, client: socket.socket, received: BufferedIOBase) -> None:
        """One connection, which may carry several requests. What the server says goes back as it comes."""
        with socket.create_connection(("127.0.0.1", self._port), 60) as server:
            threading.Thread(target=_pass_back, args=(server, client), daemon=True).start()
            while head := _head(received):
                lines = head.decode("latin-1").split("\r\n")
                self.calls.append(lines[0].rpartition(" ")[0])
                about = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
                body = received.read(int(about.get("content-length", 0)))
                if self._key and about.get("authorization") != f"Bearer {self._key}":
                    client.sendall(UNAUTHORIZED)
                    break
                server.sendall(head + body)


def _head(received: BufferedIOBase) -> bytes:
    """The request line and the headers with the empty line behind them; b"" when the connection has ended."""
    lines = []
    while line := received.readline(65_536):
        lines.append(line)
        if line == b"\r\n":
            return b"".join(lines)
    return b""


def _pass_back(server: socket.socket, client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := server.recv(65_536):
            client.sendall(piece)
        client.shutdown(socket.SHUT_RDWR)
