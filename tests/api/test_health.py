"""Does the machine say how it is, and does it say so when the database is away?"""

from datetime import UTC, datetime

from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from data import db
from data.config import build
from tests.api.conftest import V1, is_problem
from tests.conftest import environment

AWAY = "postgresql://cityops_app@/nothing?host=/nowhere"


def test_it_is_up(shared: FlaskClient) -> None:
    assert shared.get("/healthz").get_json() == {"up": True}


def test_it_is_ready_with_schema_and_city(client: FlaskClient) -> None:
    at = datetime.now(UTC)
    with db.transaction() as conn:
        conn.execute("INSERT INTO beat (process, at, build) VALUES ('worker', %s, 'x')", (at,))
    answer = client.get("/readyz")
    assert answer.status_code == 200
    found = answer.get_json()
    assert datetime.fromisoformat(found.pop("worker_at")) == at
    assert found == {
        "ready": True, "build": build(), "database": True, "schema": True, "city": "99", "history": None,
    }  # fmt: skip


def test_another_schema_is_not_ready(client: FlaskClient) -> None:
    with db.owner() as conn:
        conn.execute("INSERT INTO migration (number) VALUES (9999)")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["schema"]) == (503, False)


def test_without_a_database_it_says_so(server, home) -> None:
    client = server.test_client()
    with environment(CITYOPS_DSN=AWAY, CITYOPS_OWNER_DSN=AWAY):
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
        assert (answer.status_code, answer.get_json()["database"]) == (503, False)
        assert client.get("/metrics").status_code == 200
        busy = client.get(f"{V1}/places/99")
        assert is_problem(busy, 503, "busy") and int(busy.headers["Retry-After"]) > 0


def test_metrics_are_what_prometheus_reads(client: FlaskClient) -> None:
    with db.transaction() as conn:
        conn.execute("INSERT INTO source (feed, last_at) VALUES ('api', now() - interval '30 s')")
        conn.execute("INSERT INTO beat (process, at, build) VALUES ('worker', now(), 'x')")
    text = client.get("/metrics").get_data(as_text=True)
    found = {family.name: family for family in text_string_to_metric_families(text)}
    assert {
        "cityops_state_computations", "cityops_streams", "cityops_viewers", "cityops_feed_lag_seconds",
        "cityops_worker_age_seconds",
    } <= set(found)  # fmt: skip
    (lag,) = found["cityops_feed_lag_seconds"].samples
    assert lag.labels == {"feed": "api"} and 30 <= lag.value < 60
    assert 0 <= found["cityops_worker_age_seconds"].samples[0].value < 30
