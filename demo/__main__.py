"""`python -m demo [--port 5556] [--key KEY]`: the demo endpoint alone, in the foreground."""

import argparse
import secrets
import signal
import sys
from collections.abc import Sequence
from threading import Event

from demo.server import start

PORT = 5556


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until Ctrl-C or SIGTERM and returns 0; returns 1 when the port is taken.

    Prints settings that can be pasted into `.env`.
    """
    asked = parse(arguments)
    key = asked.key or secrets.token_urlsafe(24)
    done = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    try:
        demo = start(key, asked.port)
    except (OSError, OverflowError) as error:
        print(f"Port {asked.port} cannot be used: {error}", file=sys.stderr)
        return 1
    with demo:
        print(
            f"URL={demo.url}\nAPI_KEY={key}\nFORM=demo/form.json\nEXAMPLES=demo/examples.json",
            flush=True,
        )
        # In steps: on Windows an endless wait would not notice Ctrl-C.
        while not done.wait(0.5):
            continue
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Serve the demo endpoint alone.")
    parser.add_argument("--port", type=int, default=PORT, help=f"0 takes a free one; default {PORT}")
    parser.add_argument("--key", help="what callers must send; default: a random one")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
