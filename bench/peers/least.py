"""The least that a Flask app in this place can do, as a floor for ours: the form is read and not checked, the call goes
over a connection that each thread keeps, and the page is the bare values. Nothing is kept, bounded, redacted or laid
out. `gunicorn bench.peers.least:app`, with URL in the environment
"""

from __future__ import annotations

import http.client
import json
import os
import threading
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, request
from jinja2 import Environment

from bench.peers import API_KEY

ADDRESS = urlsplit(os.environ["URL"])
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {API_KEY}"}
PAGE = Environment(autoescape=True).from_string(
    "<!doctype html><title>Answer</title><dl>{% for name, value in row %}<dt>{{ name }}<dd>{{ value }}{% endfor %}</dl>"
)

app = Flask("least", static_folder=None)
kept = threading.local()


@app.get("/")
def form() -> str:
    return "<!doctype html><title>Form</title>"


@app.post("/")
def submit() -> str:
    row = [request.form[name] for name in ("title", "category", "text")]
    table = called({"Inputs": {"input1": {"ColumnNames": ["Title", "Category", "Text"], "Values": [row]}}})
    return PAGE.render(row=zip(table["ColumnNames"], table["Values"][0], strict=True))


def called(inputs: object) -> dict[str, Any]:
    if not hasattr(kept, "connection"):
        kept.connection = http.client.HTTPConnection(ADDRESS.netloc)
    kept.connection.request("POST", ADDRESS.path, json.dumps(inputs), HEADERS)
    answer = json.loads(kept.connection.getresponse().read())
    table: dict[str, Any] = answer["Results"]["output1"]["value"]
    return table
