"""Proxies on the way out: those that `HTTP_PROXY` and `HTTPS_PROXY` name are gone through, and learn no key that they
need not know."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from conftest import COMPANY, KEY, MakeApp

from demo.server import Demo
from FlaskAppAML.client import Client
from FlaskAppAML.errors import EndpointError
from FlaskAppAML.settings import Settings
from FlaskAppAML.wire import Request


class Proxy(socketserver.ThreadingTCPServer):
    """Passes requests on (RFC 9112, 3.2): absolute targets for http, tunnels for https. `heads` is what it was told."""

    daemon_threads = allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.heads: list[str] = []
        self.refuses = False
        self.url = f"http://us%40er:pa%20ss@127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class Passing(socketserver.BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        head = self.request.recv(65536)
        method, target = head.split()[:2] if head else (b"", b"")
        self.server.heads.append(head.decode())
        if self.server.refuses:
            self.request.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        if self.server.refuses or not head:
            return
        host = target if method == b"CONNECT" else target.split(b"/")[2]
        name, _, port = host.decode().rpartition(":")
        with socket.create_connection((name, int(port)), 5) as inner:
            back = threading.Thread(target=pour, args=(inner, self.request), daemon=True)
            back.start()
            if method == b"CONNECT":
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                pour(self.request, inner)
            else:
                while head:
                    inner.sendall(head.replace(b" http://" + host, b" ", 1))
                    head = self.request.recv(65536)
                    self.server.heads += [head.decode()] if head else []
                inner.shutdown(socket.SHUT_WR)
            back.join(5)


def pour(source: socket.socket, into: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            into.sendall(piece)
        into.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with Proxy() as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, server.url)
            monkeypatch.setenv(name.lower(), server.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield server
        server.shutdown()


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A TLS server that answers every request with the same JSON; its CA is trusted."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    plain, _ = listening.accept()
                    plain.settimeout(5)
                    with context.wrap_socket(plain, server_side=True) as door:
                        while door.recv(65536):
                            door.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                except OSError:
                    continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}/score"
        over.set()
        thread.join(10)


def client(url: str) -> Client:
    return Client(Settings(url=url, api_key=KEY, timeout=5))


def test_a_call_goes_through_the_proxy(proxy: Proxy, demo: Demo, make_app: MakeApp) -> None:
    answer = make_app(url=demo.url).test_client().post("/", data=COMPANY)
    assert "Contoso Bank is closest to" in answer.text
    asked, scored = proxy.heads
    assert asked.startswith(f"GET http://127.0.0.1:{demo.url.split(':')[2].split('/')[0]}/")
    assert scored.startswith(f"POST {demo.url} HTTP/1.1\r\nHost: {demo.url.split('/')[2]}\r\n")
    assert "Proxy-Authorization: Basic dXNAZXI6cGEgc3M=" in scored.title().replace(
        "Dxnazxi6Cgegc3M=", "dXNAZXI6cGEgc3M="
    )


def test_a_tunnel_keeps_the_key_from_the_proxy(proxy: Proxy, secure: str) -> None:
    calls = client(secure)
    for _ in range(2):
        assert calls.send(Request(secure, b"{}")).body == b"{}"
    (head,) = proxy.heads  # the connection is kept
    assert head.startswith(f"CONNECT {secure.split('/')[2]} HTTP/1.")
    assert KEY not in head
    assert "uthorization: Bearer" not in head


def test_no_proxy_goes_by(proxy: Proxy, demo: Demo, secure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert client(secure).send(Request(secure, b"{}")).status == 200
    assert client(demo.url).fetch(demo.url.split("/execute")[0] + "/swagger.json", 5, 2**20).status == 200
    assert proxy.heads == []


def test_a_proxy_that_refuses_is_told_apart(proxy: Proxy, secure: str) -> None:
    proxy.refuses = True
    with pytest.raises(EndpointError) as caught:
        client(secure).send(Request(secure, b"{}"))
    assert "proxy" in caught.value.detail
    assert caught.value.kind == "unreachable"


def test_a_proxy_that_is_not_there_is_unreachable(secure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(EndpointError) as caught:
            client(secure).send(Request(secure, b"{}"))
    assert caught.value.kind == "unreachable"
