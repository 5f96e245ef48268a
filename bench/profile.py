"""Where the time of a submission goes: `python -m bench.profile [count]` runs that many under cProfile."""

from __future__ import annotations

import cProfile
import pstats
import sys

from bench import parts, servers
from FlaskAppAML import create_app

SHOWN = 45


def profile(count: int) -> pstats.Stats:
    with servers.files() as folder, servers.started_stub() as endpoint:
        app = create_app(parts.settings(servers.scoring_url(endpoint), folder))
        for _ in range(50):
            parts.submit(app)
        watch = cProfile.Profile()
        watch.enable()
        for _ in range(count):
            parts.submit(app)
        watch.disable()
    return pstats.Stats(watch)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    found = profile(count)
    for order in ("tottime", "cumtime"):
        found.strip_dirs().sort_stats(order).print_stats(SHOWN)


if __name__ == "__main__":
    main()
