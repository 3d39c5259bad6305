"""Can anything that is sent bring a 5xx, cost much, or leave half of itself behind?"""

import json
import time
from collections import Counter
from contextlib import closing
from itertools import islice
from typing import Any

import psutil
import pytest
from flask.testing import FlaskClient

from data import db
from data.work import fold
from tests.faults import hostile
from tests.faults.invariants import sound

SECONDS = 1.0  # a request's time at most
MEGABYTES = 30
SLOW = [pytest.mark.slow, pytest.mark.timeout(1_800)]


@pytest.fixture
def client(fresh: str, flask_app: Any, token: str, impatient: None) -> FlaskClient:
    client: FlaskClient = flask_app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def sent(client: FlaskClient, given: hostile.Request) -> Any:
    body = {} if given.body is None else {"data": given.body, "content_type": given.kind}
    return client.open(
        given.path, method=given.method, query_string=given.query, headers=given.headers, **body
    )


@pytest.mark.parametrize("count", [1_000, pytest.param(20_000, marks=SLOW)])
def test_no_request_brings_a_5xx_and_none_is_stored_by_halves(
    client: FlaskClient, record_property: Any, count: int
) -> None:
    said: Counter[int] = Counter()
    stored = created = 0
    for given in islice(hostile.requests(seed=count), count):
        answer = sent(client, given)
        said[answer.status_code // 100] += 1
        assert answer.status_code in (501, 507) or answer.status_code < 500, (given, answer.data[:500])
        if given.method == "POST" and answer.status_code < 300:
            told = answer.get_json(force=True)
            stored += told.get("stored", 0)
            created += told.get("created", False)
    record_property("hostile requests, answered 2xx / 3xx / 4xx", f"{said[2]} / {said[3]} / {said[4]}")
    assert (stored, created) == counted()
    assert said[2] and said[4]
    with closing(db.connect()) as conn:
        fold.drain(conn)
    sound()


def counted() -> tuple[int, int]:
    """Readings and cases there are; each case whole, with its event, its span and its audience."""
    with closing(db.connect()) as conn:
        row = conn.execute(
            "SELECT (SELECT count(*) FROM reading) AS readings, (SELECT count(*) FROM incident) AS incidents,"
            " (SELECT count(*) FROM incident i WHERE EXISTS (SELECT FROM event e WHERE e.incident = i.id)"
            "   AND EXISTS (SELECT FROM span s WHERE s.incident = i.id)"
            "   AND EXISTS (SELECT FROM audience a WHERE a.incident = i.id)) AS whole,"
            " (SELECT coalesce(sum(size), 0) FROM inbox) AS waiting"
        ).fetchone()
    assert row is not None
    assert row["whole"] == row["incidents"]
    assert row["waiting"] == row["readings"]
    return row["readings"], row["incidents"]


MANY_KEYS = b"{" + b",".join(b'"k%d":1' % n for n in range(600_000)) + b"}"
LARGE = {
    "eight megabytes of one text": b'["' + b"x" * 8_000_000 + b'"]',
    "a depth bomb": b"[" * 4_000_000 + b"]" * 4_000_000,
    "a million keys": MANY_KEYS[: 8 * 1024 * 1024],
    "six hundred thousand keys": b"[" + MANY_KEYS + b"]",
    "a million numbers": b"[" + b"1," * 1_000_000 + b"1]",
    "a hundred thousand empty objects": b"[" + b"{}," * 100_000 + b"{}]",
    "numbers that are none": b"[" + b"1e999," * 1_000_000 + b"1e999]",
}


@pytest.mark.parametrize("noun", ["readings", "incidents"])
@pytest.mark.parametrize("what", LARGE)
def test_a_large_body_is_refused_quickly_and_costs_no_memory_for_long(
    client: FlaskClient, noun: str, what: str
) -> None:
    client.get("/api/v1/places/99")
    before, begun = psutil.Process().memory_info().rss, time.process_time()
    answer = client.post(f"/api/v1/{noun}", data=LARGE[what], content_type="application/json")
    took = time.process_time() - begun
    grown = (psutil.Process().memory_info().rss - before) / 2**20
    assert answer.status_code in (400, 413, 422), answer.data[:300]
    assert json.loads(answer.data)["detail"]
    assert grown <= 2 * MEGABYTES
    assert took <= 2 * SECONDS
