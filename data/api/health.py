"""Is this process up, is the city ready, and how do things run?"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from data import live
from data.api.problem import answer
from data.config import build
from data.queries import health, sources
from data.queries.outage import OUTAGE

machine = Blueprint("machine", __name__)


@machine.get("/healthz")
def up() -> Response:
    return answer({"up": True})


@machine.get("/readyz")
def ready() -> Response:
    found = readiness()
    return answer(found, 200 if found["ready"] else 503)


def readiness() -> dict[str, Any]:
    """Ready = the database answers within 1 s, its schema is the code's, a city is loaded."""
    found = health.readiness()
    whole = found["database"] and found["schema"] and found["city"] is not None
    return {"ready": whole, "build": build(), **found}


@machine.get("/metrics")
def metrics() -> Response:
    registry = CollectorRegistry()
    registry.register(_House())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _House(Collector):
    """Asked anew each time, so that no number is older than the question."""

    def collect(self) -> Iterator[Metric]:
        yield from live.metrics()
        try:
            yield from _from_database()
        except OUTAGE:
            yield GaugeMetricFamily("cityops_database_up", "Does the database answer?", value=0)


def _from_database() -> Iterator[Metric]:
    lags = GaugeMetricFamily("cityops_feed_lag_seconds", "Since a feed last spoke", labels=["feed"])
    for feed, lag in sources.lags().items():
        lags.add_metric([feed], lag)
    yield lags
    worker_at = health.readiness()["worker_at"]
    age = float("nan") if worker_at is None else (datetime.now(UTC) - worker_at).total_seconds()
    yield GaugeMetricFamily("cityops_worker_age_seconds", "Since the worker's heart last beat", value=age)
    yield GaugeMetricFamily("cityops_database_up", "Does the database answer?", value=1)
