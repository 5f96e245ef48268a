"""Starts FlaskAppAML: `python runserver.py [--host H] [--port P]`. Visual Studio and IIS run this file too.

Listening on this computer only, without a `URL` to call, it starts the demo endpoint as well and uses that.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
from copy import copy
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from waitress import create_server
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.utilities import RequestEntityTooLarge

from FlaskAppAML import create_app
from FlaskAppAML.errors import SettingError
from FlaskAppAML.settings import Settings, read_environment

ROOT = Path(__file__).resolve().parent
LOOPBACK = ("127.0.0.1", "localhost", "::1")
HOSTED = ("HTTP_PLATFORM_PORT", "WEBSITE_SITE_NAME")
THREADS = 96
DEMO_PORT = 5556
SPARE_BYTES = 1024**2  # a body a little too large gets the app's own page; a huge one is not even read
PICTURES = ROOT / "demo" / "pictures"
DEMO = {
    "title": "Company clusters",
    "description": "Describe a company, and the model says which of ten groups of companies it is most like, "
    "and how far it is from each.",
    "form": str(ROOT / "demo" / "form.json"),
    "examples": str(ROOT / "demo" / "examples.json"),
}
NOTHING = {"description": "", "form": "", "examples": ""}
MEASURED = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
PICTURE = {"type": "image", "label": "Picture"}
OTHER_DEMOS = {
    "iris_v2": {"title": "Irises by Open Inference"},
    "iris_mlflow": {
        "title": "Irises by MLflow",  # which describes no fields, so there is a sample
        "schema": json.dumps({"dataframe_split": {"columns": MEASURED, "data": [[5.1, 3.5, 1.4, 0.2]]}}),
    },
    "reviews": {"title": "Reviews by Hugging Face"},
    "digits": {
        "title": "Digits in pictures",
        "description": "Say which digit is written in a picture.",
        "task": "image-classification",
        "form": str(ROOT / "demo" / "digits_form.json"),
        "examples": str(PICTURES / "digits.json"),
    },
    "faces": {
        "title": "Faces in pictures",
        "description": "Find the faces in a picture that look into the camera.",
        "schema": json.dumps({"dialect": "raw", "fields": [{**PICTURE, "name": "picture", "send": "body"}]}),
        "examples": str(PICTURES / "faces.json"),
    },
    "expressions": {
        "title": "Expressions of faces",
        "description": "Tell happy faces from neutral ones, by whether a smile is found. It knows nothing else.",
        "schema": json.dumps({"dialect": "raw", "fields": [{**PICTURE, "name": "image"}]}),
        "examples": str(PICTURES / "expressions.json"),
    },
}
BY_OPENCV = ("faces", "expressions")


def main() -> None:
    """Reads the settings and serves until it is stopped. A wrong setting ends it with a sentence."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        serve(options.host, options.port)
    except SettingError as error:
        sys.exit(f"FlaskAppAML cannot start:\n{error}")
    except OSError as error:
        sys.exit(
            f"FlaskAppAML cannot listen on {options.host}:{options.port}: {error.strerror}.\n"
            "Use another port: SERVER_PORT=5600 make run, or python runserver.py --port 5600."
        )
    except KeyboardInterrupt:
        pass


def _options() -> argparse.Namespace:
    names = ("SERVER_PORT", "HTTP_PLATFORM_PORT", "PORT")
    given = next((os.environ[name] for name in names if os.environ.get(name)), "5555")
    parser = argparse.ArgumentParser(description="Start FlaskAppAML.")
    parser.add_argument("--host", default=os.environ.get("SERVER_HOST") or "127.0.0.1")
    parser.add_argument("--port", type=int, default=given, help="default: 5555")
    return parser.parse_args()


def serve(host: str, port: int) -> None:
    """Raises SettingError, and OSError when the port is taken."""
    settings = read_environment()
    local = host in LOOPBACK and not settings.proxy_hops and not any(os.environ.get(name) for name in HOSTED)
    with_demo = local and not settings.url and not settings.models
    demos = start_demo(settings) if with_demo else {}
    app = create_app(demos.get("companies", settings), local=local, demo=with_demo, demos=demos)
    HTTPChannel.parser_class = _parser(settings)
    # waitress would remove forwarded headers; the app must see them to know that a request is not local.
    server = create_server(
        app,
        host=host,
        port=port,
        threads=THREADS,
        ident=None,
        clear_untrusted_proxy_headers=False,
        asyncore_use_poll=True,  # select ends with the descriptor 1024; where there is no poll, this is ignored
        max_request_body_size=max(settings.max_request_bytes, settings.max_batch_bytes) + SPARE_BYTES,
    )
    print(f"FlaskAppAML: http://{'localhost' if local else host}:{port}", flush=True)
    if with_demo:
        print("URL is not set, so answers come from the demo endpoint on this computer.", flush=True)
        if missing := [name for name in BY_OPENCV if name not in demos]:
            print(f"It has no {' and no '.join(missing)}: pip install -r demo/requirements.txt", flush=True)
    app.extensions["jobs"].resume()
    server.run()
    app.extensions["jobs"].end(1.0)


def _parser(settings: Settings) -> type[Any]:
    """waitress's own, which reads bodies to their end before the app is asked: large ones for files of rows alone."""

    class Parser(HTTPRequestParser):
        def parse_header(self, header_plus: bytes) -> None:
            super().parse_header(header_plus)
            if not str(self.path).endswith(("/batch", "/batches")):
                limits = copy(self.__dict__["adj"])
                limits.max_request_body_size = settings.max_request_bytes + SPARE_BYTES
                self.adj: Any = limits

        def received(self, data: bytes) -> int:
            taken: int = super().received(data)
            if isinstance(self.error, RequestEntityTooLarge):
                self.error.body = "That is more than this app takes at once. Go back, and send less."
            return taken

    return Parser


def start_demo(settings: Settings) -> dict[str, Settings]:
    """Starts the demo endpoint in this process, with a key of its own: settings for each of its models that can run."""
    from demo.server import start

    key = secrets.token_urlsafe(24)
    try:
        demo = start(key, DEMO_PORT)  # the same address each time, so that the copy of its description is found again
    except OSError:
        demo = start(key)
    of_endpoint = {"api_key": key, "auth": "bearer", "headers": {}, "dialect": "", "task": "", "schema": ""}
    own: dict[str, Any] = {name: getattr(settings, name) or value for name, value in DEMO.items()}
    others: dict[str, dict[str, Any]] = {name: {**NOTHING, **about} for name, about in OTHER_DEMOS.items()}
    has_opencv = find_spec("cv2") is not None
    of_model = {"companies": own} | {name: others[name] for name in others if has_opencv or name not in BY_OPENCV}
    return {
        name: replace(settings, url=demo.urls[name], **{**of_endpoint, **about}) for name, about in of_model.items()
    }


if __name__ == "__main__":
    main()
