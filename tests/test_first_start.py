"""What is said between the first start and the first city? Come again, never an error, never "unknown"."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from flask.testing import FlaskClient

from data import db, live
from data.store import migrations
from tests.api.conftest import V1, a_report, is_problem
from tests.conftest import Postgres, pointed_at

OF_A_PLACE = [
    "places/99", "assets?place=99", "signs?place=99", "signs/W2/children?place=99",
    "signs/W2/series?place=99", "incidents?place=99", "incidents/counts?place=99&by=hour",
    "state/overview/99", "state/sign/W2/99", "state/wall/99", "state/sources",
]  # fmt: skip
READING = {"sign": "W1", "place": "9901-1", "at": "2026-01-01T00:00:00Z", "value": 1}


@pytest.fixture(params=["empty", "without a city", "half migrated"])
def young(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[str]:
    name = request.param.replace(" ", "_")
    with closing(postgres.admin()) as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER cityops_owner")
    with pointed_at(postgres, name):
        if name == "without_a_city":
            with db.owner() as conn:
                migrations.migrate(conn)
        elif name == "half_migrated":
            with db.owner() as conn:
                conn.execute("CREATE TABLE migration (number integer)")
        yield name
        live.stop()
    with closing(postgres.admin()) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def client(young: str, flask_app: Any) -> FlaskClient:
    return flask_app.test_client()  # type: ignore[no-any-return]


def test_whoever_asks_is_told_to_come_again(client: FlaskClient, young: str) -> None:
    for path in OF_A_PLACE:
        answer = client.get(f"{V1}/{path}")
        assert answer.status_code == 503, (path, answer.data)
        assert is_problem(answer, 503, "no_city" if young == "without_a_city" else "busy")
        assert int(answer.headers["Retry-After"]) > 0


def test_whoever_reports_is_told_to_come_again(client: FlaskClient, token: str) -> None:
    for noun, body in (("readings", [READING]), ("incidents", a_report())):
        answer = client.post(f"{V1}/{noun}", json=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0, answer.data


def test_the_machine_and_the_pages_say_how_it_stands(client: FlaskClient, young: str) -> None:
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["database"], ready.get_json()["city"]) == (503, True, None)
    assert ready.get_json()["schema"] is (young == "without_a_city")
    assert client.get("/healthz").status_code == client.get("/metrics").status_code == 200
    for path in ("/", "/overview/99", "/sources", "/wall/99"):
        assert client.get(path).status_code in (200, 503), path
