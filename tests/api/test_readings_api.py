"""Are readings taken by the array and by the line, and is each refused row named?"""

from datetime import timedelta

import orjson
import pytest
from flask.testing import FlaskClient

from data import db
from tests.api.conftest import NOW, V1, is_problem

pytestmark = pytest.mark.usefixtures("impatient")


def a_reading(**changes: object) -> dict[str, object]:
    given = {"sign": "W2", "asset": "flood-1", "at": (NOW - timedelta(minutes=5)).isoformat(), "value": 3.5}
    return {**given, **changes}


def post(
    client: FlaskClient, headers: dict[str, str], body: bytes, kind: str = "application/json", query: str = ""
):
    return client.post(f"{V1}/readings{query}", data=body, content_type=kind, headers=headers)


def stored() -> int:
    with db.read() as conn:
        return conn.execute("SELECT count(*) AS n FROM reading").fetchone()["n"]


def test_an_array_is_stored_and_again_the_same(client: FlaskClient, bearer: dict[str, str]) -> None:
    body = orjson.dumps([a_reading(), a_reading(asset="flood-2")])
    first, again = (post(client, bearer, body, query="?source=gauges") for _ in range(2))
    assert first.get_json() == {"received": 2, "stored": 2, "same": 0, "rejected": 0, "rows": []}
    assert (again.status_code, again.get_json()["same"]) == (200, 2)
    (feed,) = client.get(f"{V1}/sources").get_json()["items"]
    assert (feed["feed"], feed["received"], feed["stored"], feed["same"]) == ("gauges", 4, 2, 2)


def test_a_broken_line_is_one_refused_row(client: FlaskClient, bearer: dict[str, str]) -> None:
    lines = [orjson.dumps(a_reading()), b'{"sign": "W2"', b"null", orjson.dumps(a_reading(asset="flood-2"))]
    answer = post(client, bearer, b"\n".join(lines) + b"\n", "application/x-ndjson")
    assert answer.status_code == 200
    found = answer.get_json()
    assert (found["received"], found["stored"], found["rejected"]) == (4, 2, 2)
    assert [(row["row"], row["code"]) for row in found["rows"]] == [(1, "bad_json"), (2, "bad_json")]
    assert set(found["rows"][0]) == {"row", "sign", "place", "code", "detail"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sign": "XX"}, "unknown_sign"),
        ({"asset": "nothing"}, "unknown_asset"), ({"value": "3"}, "bad_value"),
        ({"value": None}, "bad_value"),
        ({"value": True}, "bad_value"), ({"at": "2020-01-01T00:00:00"}, "no_zone"),
        ({"at": "3000-01-01T00:00:00Z"}, "future"), ({"at": "1999-01-01T00:00:00Z"}, "too_old"),
        ({"place": "9901"}, "extra_field"),
        ({"colour": 1}, "extra_field"), ({"sign": "a\0b"}, "unknown_sign"),
    ],
)  # fmt: skip
def test_a_bad_reading_is_422_with_its_row_and_nothing_is_stored(
    shared: FlaskClient, bearer: dict[str, str], changes: dict[str, object], code: str
) -> None:
    answer = post(shared, bearer, orjson.dumps([a_reading(**changes)]))
    assert is_problem(answer, 422, code)
    found = answer.get_json(force=True)
    assert (found["received"], found["stored"], found["rejected"]) == (1, 0, 1)
    assert [(row["row"], row["code"]) for row in found["rows"]] == [(0, code)]
    assert stored() == 0


@pytest.mark.parametrize("body", [b"null", b"{}", b"[]", b"1", b'"x"'])
def test_no_readings_at_all_is_422(shared: FlaskClient, bearer: dict[str, str], body: bytes) -> None:
    answer = post(shared, bearer, body)
    assert is_problem(answer, 422, "bad_value") and answer.get_json(force=True)["received"] == 0


@pytest.mark.parametrize(
    "body", [b"", b"[", b"[{]", b"[NaN]", b'[{"value": 1e999}]', b"[" * 100_000, b'["\\ud800"]', b"\xff"]
)
def test_a_broken_array_is_400_as_a_whole(shared: FlaskClient, bearer: dict[str, str], body: bytes) -> None:
    assert is_problem(post(shared, bearer, body), 400, "bad_json")


def test_too_large_is_413_another_type_415_and_no_token_401(
    shared: FlaskClient, bearer: dict[str, str]
) -> None:
    assert is_problem(post(shared, bearer, b"[" + b" " * 10_000_000 + b"]"), 413, "too_large")
    assert is_problem(post(shared, bearer, b"[]", "text/csv"), 415, "unsupported_media_type")
    assert is_problem(post(shared, {}, b"[]"), 401, "no_token")
    assert is_problem(post(shared, bearer, b"[]", query="?source="), 422, "bad_value")
    assert is_problem(post(shared, bearer, b"[]", query="?sauce=x"), 422, "extra_field")
