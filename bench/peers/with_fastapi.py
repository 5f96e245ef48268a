"""The same page with FastAPI and one shared httpx client: `python -m bench.peers.with_fastapi PORT URL`."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
import uvicorn
from fastapi import FastAPI, Form
from fastapi.responses import HTMLResponse
from jinja2 import DictLoader, Environment

from bench.peers import API_KEY

LAYOUT = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{{ title }}</title><link rel="stylesheet" href="/static/site.css"></head>
<body>
<header><a href="/">Home</a></header>
<main>{% block content %}{% endblock %}</main>
</body>
</html>
"""
FORM = """{% extends "layout.html" %}
{% block content %}
<form method="post">
<label>Title <input name="title" minlength="2" maxlength="30" required></label>
<label>Category <input name="category" maxlength="30"></label>
<label>Text <textarea name="text" maxlength="1000" required></textarea></label>
<button>Submit</button>
</form>
{% endblock %}
"""
RESULT = """{% extends "layout.html" %}
{% block content %}
<h2>{{ title }}</h2><p>The cluster of your company is <strong>{{ cluster }}</strong>.</p><pre>{{ answer }}</pre>
{% endblock %}
"""

pages = Environment(
    loader=DictLoader({"layout.html": LAYOUT, "form.html": FORM, "result.html": RESULT}), autoescape=True
)
clients: list[httpx.AsyncClient] = []


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)
    async with httpx.AsyncClient(limits=limits, timeout=30) as client:
        clients.append(client)
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/", response_class=HTMLResponse)
async def home() -> str:
    return pages.get_template("form.html").render(title="Home")


@app.post("/", response_class=HTMLResponse)
async def submit(
    title: Annotated[str, Form(min_length=2, max_length=30)],
    text: Annotated[str, Form(min_length=1, max_length=1000)],
    category: Annotated[str, Form(max_length=30)] = "",
) -> str:
    values = [[title, category, text.lower()]]
    body = {
        "Inputs": {"input1": {"ColumnNames": ["Title", "Category", "Text"], "Values": values}},
        "GlobalParameters": {},
    }
    response = await clients[0].post(sys.argv[2], json=body, headers={"Authorization": f"Bearer {API_KEY}"})
    response.raise_for_status()
    answer = response.json()
    table = answer["Results"]["output1"]["value"]
    cluster = table["Values"][0][table["ColumnNames"].index("Assignments")]
    shown = json.dumps(answer, indent=2)
    return pages.get_template("result.html").render(title="Your cluster", cluster=cluster, answer=shown)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
