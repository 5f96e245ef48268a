"""Apps on sockets, as `runserver.py` serves them, for as long as a test needs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from flask import Flask
from waitress import create_server, wasyncore

Serve = Callable[[Flask], str]


@contextmanager
def served(app: Flask, threads: int = 8) -> Iterator[str]:
    """The address it listens on, without a slash at its end. Sockets of its own (`map`): by default all servers of a
    process share one loop's, and one that is closed ends the others."""
    own: dict[str, Any] = {"map": {}, "asyncore_use_poll": True, "clear_untrusted_proxy_headers": False}
    server = create_server(app, host="127.0.0.1", port=0, threads=threads, **own)
    runner = threading.Thread(target=server.run, daemon=True)
    runner.start()

    def end() -> None:
        """In the loop's own thread: it would wait on sockets that another one closed."""
        wasyncore.close_all(server._map)
        server.pull_trigger = lambda: None  # who is still at work would write to a closed file, or to its successor

    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.task_dispatcher.shutdown(timeout=1)
        server.trigger.pull_trigger(end)
        runner.join(5)
        assert not runner.is_alive(), "the server does not end"
        if jobs := app.extensions.get("jobs"):
            jobs.end()


@contextmanager
def serving() -> Iterator[Serve]:
    """`serve(app)`: its address. All of them end together."""
    with ExitStack() as running:
        yield lambda app: running.enter_context(served(app))
