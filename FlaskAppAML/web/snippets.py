"""Calls as programs write them: curl, Python and JavaScript, ready to be copied and run.

A token stands as `$TOKEN` and the endpoint's key as `$API_KEY`, in the environment of whoever runs them; neither is in
the text itself.
"""

from __future__ import annotations

import pprint
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from ..schema import Field, Row, Schema, Upload, plain
from ..settings import Settings
from ..wire import dumps
from .openapi import bodied

Snippets = dict[str, str]  # by language

TOKEN = {"Authorization": "Bearer $TOKEN"}
WIDTH = 88  # of Python
LONGEST = 20_000  # characters of a body
NOT_PYTHON = re.compile(r"\b(?:true|false|null)\b|\\[u/]")  # where JSON is no literal of Python
VARIABLE = re.compile(r"\$([A-Z][A-Z0-9_]*)$")  # at the end of a text: one of the environment

PYTHON = """\
{imports}answer = requests.{call}(
{lines}
    timeout=60,
)
print(answer.status_code, answer.text)"""
JAVASCRIPT = """\
{before}const answer = await fetch({address}, {{
  method: "POST",
{lines}
}});
console.log(answer.status, await answer.json());"""


def of_call(address: str, schema: Schema, row: Row, *, is_locked: bool) -> Snippets:
    """A call of our API at `address` with one row: as JSON, or as multipart where there are files.

    Of a file only its name stands there, of a secret only what it is.
    """
    values = {f.name: _value(f, row[f.name]) for f in schema.visible() if row.get(f.name) is not None}
    files = {name: value.name for name, value in row.items() if isinstance(value, Upload) and name in values}
    token = TOKEN if is_locked else {}
    if not files:
        return _json_call(address, bodied(schema, values), token)
    texts = {name: _text(value) for name, value in values.items() if name not in files}
    return _multipart_call(address, texts, files, token)


def _value(f: Field, value: Any) -> Any:
    return f"<{f.shown_label}>" if f.secret else plain(f, value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)


def _json_call(address: str, body: Any, token: Mapping[str, str]) -> Snippets:
    text = dumps(body, indent=2)
    literal = pprint.pformat(body, width=WIDTH, sort_dicts=False) if NOT_PYTHON.search(text) else text
    headers = {"Content-Type": "application/json", **token}
    script = [f"headers: {_script_headers(headers)},", f"body: JSON.stringify({text}),"]
    return {
        "curl": _curl(address, [*_curl_headers(headers), f"-d {shlex.quote(text)}"]),
        "Python": _python("post", [repr(address), f"json={literal}", *_python_headers(token)]),
        "JavaScript": JAVASCRIPT.format(before="", address=dumps(address), lines=_lines(script, 2)),
    }


def _multipart_call(
    address: str, texts: Mapping[str, str], files: Mapping[str, str], token: Mapping[str, str]
) -> Snippets:
    """Values as text, as the page sends them."""
    parts = [f"-F {shlex.quote(f'{name}=@{file}')}" for name, file in files.items()]
    parts += [f"--form-string {shlex.quote(f'{name}={text}')}" for name, text in texts.items()]
    opened = ", ".join(f'{name!r}: open({file!r}, "rb")' for name, file in files.items())
    data = [f"data={pprint.pformat(dict(texts), width=WIDTH, sort_dicts=False)}"] if texts else []
    form = ["const form = new FormData();"]
    form += [f"form.append({dumps(name)}, input.files[0]); // of an <input type=file>" for name in files]
    form += [f"form.append({dumps(name)}, {dumps(text)});" for name, text in texts.items()]
    script = [f"headers: {_script_headers(token)},"] * bool(token) + ["body: form,"]
    return {
        "curl": _curl(address, [*_curl_headers(token), *parts]),
        "Python": _python("post", [repr(address), f"files={{{opened}}}", *data, *_python_headers(token)]),
        "JavaScript": JAVASCRIPT.format(before="\n".join([*form, ""]), address=dumps(address), lines=_lines(script, 2)),
    }


def of_file(address: str, *, is_locked: bool) -> Snippets:
    """A call of our API at `address` with a file of rows, which is read while it is sent."""
    headers = {"Content-Type": "text/csv", **(TOKEN if is_locked else {})}
    script = [f"headers: {_script_headers(headers)},", "body: input.files[0], // of an <input type=file>"]
    return {
        "curl": _curl(address, [*_curl_headers(headers), "-T cases.csv -X POST"]),
        "Python": _python("post", [repr(address), 'data=open("cases.csv", "rb")', *_python_headers(headers)]),
        "JavaScript": JAVASCRIPT.format(before="", address=dumps(address), lines=_lines(script, 2)),
    }


def of_endpoint(settings: Settings, request: Mapping[str, str]) -> Snippets:
    """The call of the endpoint itself, for its owner: `request` is that of a kept answer. {} where its body was no
    JSON, or is not to be seen. What `HEADERS` holds stands as variables too."""
    body = request["body"]
    if not body.startswith(("{", "[")) or len(body) > LONGEST:
        return {}
    style, _, name = settings.auth.partition(":")
    url = "/".join(settings.url.split("/", 3)[:3]) + request["target"]
    if style == "query":
        url += f"{'&' if '?' in url else '?'}{name}=$API_KEY"
    headers = {"Content-Type": "application/json"}
    headers |= {"bearer": {"Authorization": "Bearer $API_KEY"}, "header": {name: "$API_KEY"}}.get(style, {})
    headers |= {header: f"${re.sub('[^A-Z0-9]+', '_', header.upper())}" for header in settings.headers}
    curl = [f"-X {request['method']}", *['-u "$API_KEY"'] * (style == "basic"), *_curl_headers(headers)]
    sender = ['auth=tuple(os.environ["API_KEY"].split(":", 1))'] * (style == "basic")
    lines = [repr(request["method"]), _python_text(url), f"data={body!r}.encode()", *_python_headers(headers), *sender]
    return {"curl": _curl(url, [*curl, f"-d {shlex.quote(body)}"]), "Python": _python("request", lines)}


# Each language's ways


def _lines(lines: Iterable[str], margin: int) -> str:
    return "\n".join(f"{' ' * margin}{line}".replace("\n", "\n" + " " * margin) for line in lines)


def _curl(address: str, arguments: list[str]) -> str:
    return " \\\n  ".join([f"curl {_shell(address)}", *arguments])


def _curl_headers(headers: Mapping[str, str]) -> list[str]:
    return [f"-H {_shell(f'{name}: {value}')}" for name, value in headers.items()]


def _shell(text: str) -> str:
    """One word of a shell; a variable at its end is one there too."""
    found = VARIABLE.search(text)
    return f'{shlex.quote(text[: found.start()])}"{found[0]}"' if found else shlex.quote(text)


def _python(call: str, lines: Iterable[str]) -> str:
    arguments = _lines((f"{line}," for line in lines), 4)
    imports = "import os\n\nimport requests\n\n" if "os.environ" in arguments else "import requests\n\n"
    return PYTHON.format(imports=imports, call=call, lines=arguments)


def _python_headers(headers: Mapping[str, str]) -> list[str]:
    pairs = ", ".join(f"{name!r}: {_python_text(value)}" for name, value in headers.items())
    return [f"headers={{{pairs}}}"] if pairs else []


def _python_text(text: str) -> str:
    found = VARIABLE.search(text)
    if found is None:
        return repr(text)
    return " + ".join([*[repr(text[: found.start()])] * (found.start() > 0), f'os.environ["{found[1]}"]'])


def _script_headers(headers: Mapping[str, str]) -> str:
    pairs = ", ".join(f"{dumps(name)}: `{value.replace('$TOKEN', '${TOKEN}')}`" for name, value in headers.items())
    return f"{{ {pairs} }}"
