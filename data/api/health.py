"""Is this process up, is the city ready, and how do things run?"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from data import live
from data.api.problem import answer
from data.config import build, room
from data.queries import health, sources
from data.queries.outage import OUTAGE

PATIENCE = 2.0  # seconds for what the database says of itself
machine = Blueprint("machine", __name__)


@machine.get("/healthz")
def up() -> Response:
    return answer({"up": True})


@machine.get("/readyz")
def ready() -> Response:
    found = readiness()
    return answer(found, 200 if found["ready"] else 503)


def readiness() -> dict[str, Any]:
    """Ready = the database answers soon, its schema is the code's, a city is loaded."""
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
        yield from _of_the_disk()
        try:
            with live.within(PATIENCE):
                found = list(_from_database())
            yield from found
        except OUTAGE:
            yield GaugeMetricFamily("cityops_database_up", "Does the database answer?", value=0)


def _of_the_disk() -> Iterator[Metric]:
    place = room.directory()
    with suppress(OSError):
        if place is not None:
            yield GaugeMetricFamily("cityops_disk_free_bytes", "The database's room", value=room.free(place))
    words = "What the disk is short for: 0 nothing, 1 said, 2 readings, 3 reports, 4 acts are refused"
    yield GaugeMetricFamily("cityops_room", words, value=room.room())


def _from_database() -> Iterator[Metric]:
    lags = GaugeMetricFamily("cityops_feed_lag_seconds", "Since a feed last spoke", labels=["feed"])
    for feed, lag in sources.lags().items():
        lags.add_metric([feed], lag)
    yield lags
    late = health.lateness()
    age = float("nan") if late["worker_age"] is None else late["worker_age"]
    yield GaugeMetricFamily("cityops_worker_age_seconds", "Since the worker's heart last beat", value=age)
    yield GaugeMetricFamily(
        "cityops_held_back_transactions",
        "Begun since the oldest that is still open",
        value=late["held_back"],
    )
    yield GaugeMetricFamily("cityops_database_up", "Does the database answer?", value=1)
