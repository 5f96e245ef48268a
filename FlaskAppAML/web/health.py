"""`/health`: the process is up. It never asks the model: a model that is down must not restart this app."""

from __future__ import annotations

from flask import Flask, Response, jsonify


def install(app: Flask) -> None:
    @app.get("/health")
    def health() -> Response:
        return jsonify(status="ok")
