"""The API on a bare Flask server, with a database of its own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

NOW = datetime.now(UTC).replace(microsecond=0)
V1 = "/api/v1"


@pytest.fixture(scope="session")
def server(home: object) -> Flask:
    from data import api

    server = Flask("bare", static_folder=None)
    server.add_url_rule("/<path:anything>", "pages", lambda anything: "a page")  # as Dash's catch-all
    api.mount(server)
    return server


@pytest.fixture
def client(fresh: str, server: Flask) -> FlaskClient:
    return server.test_client()


@pytest.fixture(scope="module")
def shared(fresh_module: str, server: Flask) -> FlaskClient:
    """For tests that store nothing."""
    return server.test_client()


@pytest.fixture
def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def report(client: FlaskClient, bearer: dict[str, str]) -> Callable[..., Any]:
    return partial(sent, client, bearer)


@pytest.fixture
def bad_report(shared: FlaskClient, bearer: dict[str, str]) -> Callable[..., Any]:
    """One of which nothing is stored."""
    return partial(sent, shared, bearer)


def sent(client: FlaskClient, headers: dict[str, str], **changes: object) -> Any:
    return client.post(f"{V1}/incidents", json=a_report(**changes), headers=headers)


def a_report(**changes: object) -> dict[str, object]:
    given = {
        "source": "hotline", "source_id": "1", "class": "E0506", "severity": 3, "place": "9901-1-1-1",
        "description": "积水", "at": (NOW - timedelta(hours=1)).isoformat(),
    }  # fmt: skip
    return {name: value for name, value in {**given, **changes}.items() if value is not ...}


def is_problem(answer: Any, status: int, code: str) -> bool:
    body = answer.get_json(force=True)
    assert answer.content_type == "application/problem+json", answer.data
    assert set(body) >= {"type", "title", "status", "detail", "code", "errors", "request"}
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    return True
