"""FlaskAppAML: a web page in front of a hosted model.

`create_app(settings)` is the one place where the parts are joined. `FlaskAppAML.app` is the WSGI application, built
from the environment when it is first asked for: `web.config` and Visual Studio name it so.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask

    from .answers import Answers, Forgetful
    from .redact import Redactor
    from .settings import Settings

    app: Flask

__version__ = "1.0.0"


def create_app(
    settings: Settings | None = None,
    *,
    local: bool = False,
    demo: bool = False,
    demos: Mapping[str, Settings] | None = None,
) -> Flask:
    """The application. Without `settings` it reads the environment and `.env`.

    `local` says that the server listens on loopback only, for its owner; `demo` that the endpoint is the one that
    came along, and `demos` are settings for each of its models. Raises SettingError.
    """
    from .endpoint import Endpoint
    from .jobs import Jobs
    from .redact import Redactor
    from .settings import read_environment
    from .web import assets, logs
    from .web.site import Site

    settings = settings or read_environment()
    redact = Redactor(settings.secrets())
    logs.configure(settings, redact)
    made = _flask(settings, redact)
    made.extensions["site"] = Site(
        settings=settings,
        models={one.name: Endpoint(one) for one in settings.each or (settings,) if not one.missing()},
        answers=_answers(settings, redact),
        assets=assets.Assets(settings),
        redact=redact,
        local=local,
        demo=demo,
        demos=dict(demos or {}),
    )
    # The site changes when its owner connects another endpoint; jobs go to the one of the moment.
    made.extensions["jobs"] = Jobs(settings, lambda name: made.extensions["site"].models.get(name), redact)
    _furnish(made)
    return made


def _furnish(made: Flask) -> None:
    """All pages and commands. Logs come first and then who may come in: requests pass them in this order."""
    from .cli import check
    from .cli_batch import command as batch
    from .web import (
        api,
        assets,
        batches,
        camera,
        connect,
        errors,
        guide,
        health,
        jobs,
        logs,
        metrics,
        originals,
        pages,
        security,
        stream,
    )
    from .worker import worker

    rooms = (logs, security, errors, assets, health, pages, stream, jobs, batches, camera, originals, connect)
    for room in (*rooms, api, guide, metrics):
        room.install(made)
    for command in (check, worker, batch):
        made.cli.add_command(command)


def _flask(settings: Settings, redact: Redactor) -> Flask:
    """Flask and Jinja, as all pages need them."""
    from flask import Flask
    from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader, StrictUndefined
    from werkzeug.middleware.proxy_fix import ProxyFix

    from .web.drawing import Pages, finalize
    from .web.security import guard

    made = Flask(__name__, static_folder=None)
    made.jinja_environment = Pages
    made.ensure_sync = lambda func: func  # type: ignore[method-assign] # nothing here is async, and asking costs
    limit = settings.max_request_bytes
    made.config.update(MAX_CONTENT_LENGTH=limit, MAX_FORM_MEMORY_SIZE=limit)
    drawing = {"autoescape": True, "finalize": finalize(redact), "undefined": StrictUndefined}
    made.jinja_options = {**drawing, "trim_blocks": True, "lstrip_blocks": True}
    if settings.templates_dir:
        # The owner's templates come first; `{% extends "original/layout.html" %}` reaches ours.
        ours = FileSystemLoader(Path(__file__).parent / "templates")
        theirs = FileSystemLoader(settings.templates_dir)
        made.jinja_env.loader = ChoiceLoader([theirs, ours, PrefixLoader({"original": ours})])
    hops = settings.proxy_hops
    inner = guard(made.wsgi_app, settings)
    outer = ProxyFix(inner, hops, hops, hops, hops, hops) if hops else inner
    made.wsgi_app = outer  # type: ignore[method-assign, assignment]
    return made


def _answers(settings: Settings, redact: Redactor) -> Answers | Forgetful:
    from .answers import Answers, Forgetful, forget

    folder = Path(settings.data_dir)
    if settings.answer_minutes:
        return Answers(folder, settings.answer_minutes, settings.timeout, redact)
    forget(folder)
    return Forgetful()


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .errors import SettingError

    try:
        globals()["app"] = create_app()
    except SettingError as error:
        raise SystemExit(f"FlaskAppAML cannot start:\n{error}") from None
    return globals()["app"]
