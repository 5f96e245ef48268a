"""Web or worker as ever or, with `HASTY=2` in the environment, with a lease of two seconds: for tests without time."""

from __future__ import annotations

import os
import sys

from FlaskAppAML import jobs, store


def main() -> None:
    if os.environ.get("HASTY"):
        store.LEASE_SECONDS = float(os.environ["HASTY"])
        jobs.RENEW_SECONDS = store.LEASE_SECONDS / 3
    what, *rest = sys.argv[1:]
    if what == "web":
        from gunicorn.app.wsgiapp import run

        sys.argv = ["gunicorn", *rest]
        run()
    else:
        from flask.cli import main as flask

        sys.argv = ["flask", "--app", "app", "worker"]
        flask()


if __name__ == "__main__":
    main()
