"""`/metrics`, for Prometheus, where `prometheus-client` is installed (requirements-scale.txt); else there is no such
page.

Several processes of one machine are added up when `PROMETHEUS_MULTIPROC_DIR` names a folder that is empty at the start,
as that library wants it; else each tells of itself alone.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, request

from ..errors import JobsUnavailable
from .site import jobs, site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry, Metric

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60)  # edges of the histograms
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"


def install(app: Flask) -> None:
    if find_spec("prometheus_client") is None:
        return
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

    own = CollectorRegistry()
    requests = Counter("flaskappaml_requests", "Requests answered.", ["route", "status"], registry=own)
    seconds = Histogram("flaskappaml_request_seconds", "Time to answer.", ["route"], registry=own, buckets=SECONDS)
    endpoint = Histogram("flaskappaml_endpoint_seconds", "Time of the model.", ["model"], registry=own, buckets=SECONDS)
    errors = Counter("flaskappaml_errors", "Requests that failed, by kind.", ["kind"], registry=own)
    retries = Counter("flaskappaml_retries", "Further tries of a call.", ["model"], registry=own)

    @app.after_request
    def count(response: Response) -> Response:
        route = request.endpoint or "none"
        facts: dict[str, Any] = g.get("facts", {})
        requests.labels(route, response.status_code).inc()
        seconds.labels(route).observe(time.perf_counter() - g.get("started", time.perf_counter()))
        chosen = site().chosen
        if chosen is not None and "endpoint_ms" in facts:
            endpoint.labels(chosen.name).observe(facts["endpoint_ms"] / 1000)
        if chosen is not None and facts.get("tries", 1) > 1:
            retries.labels(chosen.name).inc(facts["tries"] - 1)
        if "kind" in facts:
            errors.labels(facts["kind"]).inc()
        return response

    @app.get("/metrics")
    def metrics() -> Response:
        now = CollectorRegistry()
        now.register(Now())
        return Response(generate_latest(_all(own)) + generate_latest(now), content_type=CONTENT_TYPE_LATEST)


def _all(own: CollectorRegistry) -> CollectorRegistry:
    """What every process of this machine counted, where they share a folder."""
    if MULTIPROCESS not in os.environ:
        return own
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    every = CollectorRegistry()
    MultiProcessCollector(every)  # type: ignore[no-untyped-call]
    return every


class Now:
    """What is not counted but looked at, by the process that is asked."""

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        paused = GaugeMetricFamily("flaskappaml_paused", "Whether calls pause now, in this process.", labels=["model"])
        for name, model in site().models.items():
            paused.add_metric([name], float(model.client.is_paused))
        yield paused
        with suppress(JobsUnavailable):  # then it says nothing of jobs; /ready says why
            count, oldest = jobs().line()
            yield GaugeMetricFamily("flaskappaml_jobs_waiting", "Background jobs in the line.", count)
            yield GaugeMetricFamily("flaskappaml_jobs_oldest_seconds", "Age of the oldest of them.", oldest)
