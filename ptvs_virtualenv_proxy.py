"""For IIS with FastCGI: starts the application inside its virtual environment. docs/deploy/iis.md has the settings.

IIS's FastCGI module runs wfastcgi in the computer's own Python, and wfastcgi calls what `WSGI_HANDLER` names:
`ptvs_virtualenv_proxy.get_venv_handler()`. From the environment this reads

- `WSGI_ALT_VIRTUALENV_HANDLER`: the application, `FlaskAppAML.app`, or something to call for it, `package.make_app()`;
- `WSGI_ALT_VIRTUALENV_ACTIVATE_THIS`: the python.exe of the virtual environment, or an `activate_this.py`;
- `WSGI_LOG`: the file for failures; without it they go to standard error.

It needs nothing but the standard library, because the packages are in the environment that it has yet to activate.
"""

from __future__ import annotations

import importlib
import os
import runpy
import site
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

SORRY = (
    b"This site could not start, or could not answer this request.\n"
    b"Its owner finds the reason in the file that the setting WSGI_LOG names.\n"
)


def get_venv_handler() -> Application:
    """The application, or one that answers 500 and tries again with each request until the application can start."""
    door = Door()
    door.open()
    return door


get_virtualenv_handler = get_venv_handler


class Door:
    """Stands before the application: whatever fails behind it is logged, and answered without its details."""

    def __init__(self) -> None:
        self._application: Application | None = None
        self._lock = threading.Lock()

    def open(self) -> Application | None:
        """Loads the application unless it is there already; None when it cannot start."""
        with self._lock:
            if self._application is None:
                try:
                    activate(os.environ.get("WSGI_ALT_VIRTUALENV_ACTIVATE_THIS", ""))
                    self._application = load(os.environ.get("WSGI_ALT_VIRTUALENV_HANDLER", ""))
                except (Exception, SystemExit):  # the app ends with a sentence when a setting is wrong
                    log("The application could not start.")
            return self._application

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        application = self.open()
        if application is None:
            return sorry(start_response)
        try:
            return application(environ, start_response)
        except Exception:
            log("The application failed.")
            return sorry(start_response, sys.exc_info())


def activate(named: str) -> None:
    """Puts the packages of the virtual environment first. Raises when there is none, or one of another Python."""
    if not named:
        return
    path = Path(named)
    if not path.is_file():
        raise FileNotFoundError(f"WSGI_ALT_VIRTUALENV_ACTIVATE_THIS names a file that is not there: {named}")
    if path.suffix == ".py":
        runpy.run_path(str(path))
        return
    prefix = path.parent.parent
    check_version(prefix)
    before = list(sys.path)
    site.addsitedir(sysconfig.get_path("purelib", "venv", {"base": str(prefix), "platbase": str(prefix)}))
    sys.path[:] = [entry for entry in sys.path if entry not in before] + before
    sys.prefix = sys.exec_prefix = str(prefix)
    os.environ["VIRTUAL_ENV"] = str(prefix)
    os.environ["PATH"] = os.pathsep.join([str(path.parent), os.environ.get("PATH", "")])


def check_version(prefix: Path) -> None:
    """Compiled packages fit one version of Python only, and would fail with a message that names another cause."""
    config = (prefix / "pyvenv.cfg").read_text("utf-8")
    given = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in config.splitlines())}
    made_with = (given.get("version") or given.get("version_info") or "").split(".")[:2]
    running = [str(number) for number in sys.version_info[:2]]
    if made_with != running:
        raise RuntimeError(f"{prefix} was made with Python {'.'.join(made_with)}, but IIS runs {'.'.join(running)}.")


def load(name: str) -> Application:
    """What `package.module.name` holds or, with `()` behind it, what it returns."""
    module, _, attribute = name.removesuffix("()").replace(":", ".").rpartition(".")
    if not module:
        raise ValueError(f"WSGI_ALT_VIRTUALENV_HANDLER must be such as FlaskAppAML.app, and is {name!r}.")
    found = getattr(importlib.import_module(module), attribute)
    application: Application = found() if name.endswith("()") else found
    if not callable(application):
        raise TypeError(f"WSGI_ALT_VIRTUALENV_HANDLER={name} is no WSGI application.")
    return application


def log(what: str) -> None:
    """The failure that is being handled, with its traceback: to `WSGI_LOG`, or where that cannot be written, stderr."""
    text = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {what}\n{traceback.format_exc()}\n"
    try:
        with open(os.environ["WSGI_LOG"], "a", encoding="utf-8") as file:
            file.write(text)
    except (KeyError, OSError):
        sys.stderr.write(text)


def sorry(start_response: StartResponse, failure: Any = None) -> Iterable[bytes]:
    """A plain 500 that says nothing about the inside."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(SORRY)))]
    start_response("500 Internal Server Error", headers, failure)
    return [SORRY]
