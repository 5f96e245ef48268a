"""A textbook wrapper, as samples of 2017 were: Flask's own server, WTForms, urllib with a new connection for each call,
the answer's JSON indented in a page with Bootstrap's classes. `python -m bench.peers.original PORT URL`
"""

from __future__ import annotations

import json
import logging
import sys
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

from flask import Flask, render_template, request
from jinja2 import DictLoader
from wtforms import Form, StringField, SubmitField, TextAreaField
from wtforms.validators import DataRequired, Length

from bench.peers import API_KEY

LAYOUT = """<!DOCTYPE html>
<html>
<head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1.0">
    <title>{{ title }} - My Flask Application</title>
    <link rel="stylesheet" type="text/css" href="/static/content/bootstrap.min.css" />
    <link rel="stylesheet" type="text/css" href="/static/content/site.css" />
    <script src="/static/scripts/modernizr-2.6.2.js"></script>
</head>
<body>
    <div class="navbar navbar-inverse navbar-fixed-top">
        <div class="container">
            <div class="navbar-header">
                <button type="button" class="navbar-toggle" data-toggle="collapse" data-target=".navbar-collapse">
                    <span class="icon-bar"></span><span class="icon-bar"></span><span class="icon-bar"></span>
                </button>
                <a href="{{ url_for('home') }}" class="navbar-brand">Application name</a>
            </div>
            <div class="navbar-collapse collapse">
                <ul class="nav navbar-nav">
                    <li><a href="{{ url_for('home') }}">Home</a></li>
                    <li><a href="{{ url_for('about') }}">About</a></li>
                </ul>
            </div>
        </div>
    </div>
    <div class="container body-content">
        {% block content %}{% endblock %}
        <hr />
        <footer><p>&copy; {{ year }} - My Flask Application</p></footer>
    </div>
    <script src="/static/scripts/jquery-1.10.2.js"></script>
    <script src="/static/scripts/bootstrap.js"></script>
    <script src="/static/scripts/respond.js"></script>
    {% block scripts %}{% endblock %}
</body>
</html>
"""

FORM = """{% extends "layout.html" %}
{% block content %}
<div class="jumbotron"><h1>Company cluster</h1><p class="lead">Which companies is yours most like?</p></div>
<form action="" method="post" name="submission">
    {% for field in (form.title, form.category, form.text) %}
    <div class="form-group">
        {{ field.label }}: {{ field(class="form-control") }}
        {% for error in field.errors %}<span class="text-danger">[{{ error }}]</span>{% endfor %}
    </div>
    {% endfor %}
    {{ form.submit(class="btn btn-primary") }}
</form>
{% endblock %}
"""

RESULT = """{% extends "layout.html" %}
{% block content %}
<h2>{{ title }}</h2>
<p>The cluster of your company is <strong>{{ cluster }}</strong>.</p>
<pre>{{ answer }}</pre>
<p><a href="{{ url_for('home') }}" class="btn btn-default">Again</a></p>
{% endblock %}
"""


class SubmissionForm(Form):
    title = StringField("Title", [DataRequired(), Length(min=2, max=30)])
    category = StringField("Category", [Length(max=30)])
    text = TextAreaField("Text", [DataRequired(), Length(min=1, max=1000)])
    submit = SubmitField("Submit")


app = Flask("original", static_folder=None)
app.jinja_loader = DictLoader({"layout.html": LAYOUT, "form.html": FORM, "result.html": RESULT})
app.config["URL"] = sys.argv[2] if len(sys.argv) > 2 else ""


@app.route("/", methods=["GET", "POST"])
def home() -> str:
    form = SubmissionForm(request.form)
    if request.method == "POST" and form.validate():
        return result(form)
    return render_template("form.html", title="Home", year=datetime.now().year, form=form)


@app.route("/about")
def about() -> str:
    return render_template("layout.html", title="About", year=datetime.now().year)


def result(form: Any) -> str:
    values = [[form.title.data, form.category.data, form.text.data.lower()]]
    data = {
        "Inputs": {"input1": {"ColumnNames": ["Title", "Category", "Text"], "Values": values}},
        "GlobalParameters": {},
    }
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + API_KEY}
    call = urllib.request.Request(app.config["URL"], json.dumps(data).encode(), headers)  # noqa: S310
    try:
        with urllib.request.urlopen(call) as response:  # noqa: S310
            answer = json.loads(response.read())
    except urllib.error.HTTPError as error:
        return f"The request failed with status code: {error.code}"
    table = answer["Results"]["output1"]["value"]
    cluster = table["Values"][0][table["ColumnNames"].index("Assignments")]
    return render_template(
        "result.html",
        title="Your cluster",
        year=datetime.now().year,
        cluster=cluster,
        answer=json.dumps(answer, indent=4, sort_keys=True),
    )


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # ours does not log in this comparison either
    app.run("127.0.0.1", int(sys.argv[1]), threaded=True)
