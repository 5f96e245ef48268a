"""Writes `.env.example` and `docs/settings.md` from the table of settings: `make docs`. A test compares."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from FlaskAppAML.settings import rows  # noqa: E402

INTRODUCTION = """# Settings

Given as environment variables or in a file `.env` beside `runserver.py` (`ENV_FILE` names another); the environment
wins. Changing a setting and restarting is all it takes to point the app at another endpoint. A wrong value stops the
start with a sentence that names it. A secret has no default and can be given as `NAME_FILE`, the path of a file that
holds it (Docker and Kubernetes secrets). On App Service a setting may be a Key Vault reference,
`@Microsoft.KeyVault(...)`; when App Service could not resolve one, the app says so at the start.

`flask check` says which settings are in force, without calling the model. What `FORM` and `EXAMPLES` may hold stands in
[form.md](form.md).

Where it listens is not a matter of the app but of its server: `runserver.py` takes `--host` and `--port`, else
`SERVER_HOST`, and `SERVER_PORT`, `HTTP_PLATFORM_PORT` or `PORT`, else localhost:5555. gunicorn takes `PORT`, else 8000,
and `WEB_CONCURRENCY` for the number of processes.

| setting | default | meaning |
|---|---|---|
"""

ENV_INTRODUCTION = """# Copy to `.env` and change what you need; everything else keeps its default. Never commit `.env`.
# Made from the table in FlaskAppAML/settings.py by `make docs`; docs/settings.md says more.
"""


def settings_page() -> str:
    lines = []
    for row in rows():
        default = row["default"] or "–"
        shown = default if row["shown"] or default == "–" else f"`{default}`"
        secret = " **Secret.**" if row["secret"] else ""
        meaning = row["meaning"].replace("|", "\\|")
        lines.append(f"| `{row['name']}` | {shown} | {meaning}{secret} |\n")
    return INTRODUCTION + "".join(lines)


def env_example() -> str:
    parts = [ENV_INTRODUCTION]
    for row in rows():
        default = "" if row["shown"] else row["default"]
        parts.append(f"\n# {row['meaning'].replace('`', '')}\n")
        parts.append(f"{'' if row['name'] in ('URL', 'API_KEY') else '# '}{row['name']}={default}\n")
    return "".join(parts)


PAGES = {"docs/settings.md": settings_page, ".env.example": env_example}

if __name__ == "__main__":
    for path, make in PAGES.items():
        (ROOT / path).write_text(make(), "utf-8")
