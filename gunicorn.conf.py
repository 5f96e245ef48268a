"""gunicorn's settings, read by itself from the folder it is started in: `gunicorn FlaskAppAML:app`.

Threads, because a submission spends its time waiting for the endpoint: a sync worker would hold one at a time.
Two workers at least, one for each core that App Service
counts in NUM_CORES; WEB_CONCURRENCY overrules that.
"""

import os
import sys
from typing import Any

from FlaskAppAML.errors import SettingError
from FlaskAppAML.settings import read_environment

# Of Python's switch interval. A thread that waits for the interpreter wakes up after each, to ask for it: a thousand of
# them, every 5 ms, leave the one that has it no time. So there are 20,000 of these wakings a second at most.
SECONDS_PER_THREAD = 50e-6

bind = f"0.0.0.0:{os.environ.get('PORT') or '8000'}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or max(2, int(os.environ.get("NUM_CORES") or 1)))
threads = 96
keepalive = 75
# App Service kills 5 s after SIGTERM, Docker after 10 s, and gunicorn waits so long even for a silent connection.
# A reload (SIGHUP) lets calls finish all the same. More: GUNICORN_CMD_ARGS=--graceful-timeout=28.
graceful_timeout = 4
timeout = 120
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - heartbeat files, as gunicorn advises
control_socket_disable = True


def on_starting(server: object) -> None:
    """A wrong setting stops the start here, once; in a worker it would only be started again and again."""
    try:
        read_environment()
    except SettingError as error:
        raise SystemExit(f"FlaskAppAML cannot start:\n{error}") from None


def post_worker_init(worker: Any) -> None:
    """Background jobs that a former process left are gone on with, in each process of its own."""
    sys.setswitchinterval(max(sys.getswitchinterval(), worker.cfg.threads * SECONDS_PER_THREAD))
    worker.wsgi.extensions["jobs"].resume()


def worker_exit(_: object, worker: Any) -> None:
    """A file of rows stops where it is, so that the next process goes on at once."""
    if hasattr(worker, "wsgi"):  # else it never began
        worker.wsgi.extensions["jobs"].end(1.0)
