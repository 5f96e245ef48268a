"""gunicorn's settings, read by itself from the folder it is started in: `gunicorn FlaskAppAML:app`.

Threads, because a submission spends its time waiting for the endpoint: a sync worker would hold one at a time.
For hundreds of slow calls at once see docs/operations.md.
"""

import os

from FlaskAppAML.errors import SettingError
from FlaskAppAML.settings import read_environment

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 96
keepalive = 75
graceful_timeout = 30
timeout = 120
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - heartbeat files, as gunicorn advises
control_socket_disable = True


def on_starting(server: object) -> None:
    """A wrong setting stops the start here, once; in a worker it would only be started again and again."""
    try:
        read_environment()
    except SettingError as error:
        raise SystemExit(f"FlaskAppAML cannot start:\n{error}") from None
