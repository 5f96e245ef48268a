"""An app on a socket, as `runserver.py` serves it, for as long as a test needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from waitress import create_server


@contextmanager
def served(app: Flask, threads: int = 8) -> Iterator[str]:
    """The address it listens on, without a slash at its end. Sockets of its own (`map`): by default all servers of a
    process share one loop's, and one that is closed ends the others."""
    own: dict[str, Any] = {"map": {}, "asyncore_use_poll": True, "clear_untrusted_proxy_headers": False}
    server = create_server(app, host="127.0.0.1", port=0, threads=threads, **own)
    runner = threading.Thread(target=server.run, daemon=True)
    runner.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()
        runner.join(5)
        app.extensions["jobs"].end()
