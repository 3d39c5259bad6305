"""Do reports come in once and whole, and do lists and counts answer as the contract says?"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from data import db
from tests.api.conftest import NOW, V1, a_report, is_problem

FIELDS = {
    "id", "number", "version", "class", "severity", "state", "stage", "place", "path", "lon", "lat", "placed",
    "at", "known_at", "due", "overdue", "holder", "source", "source_id", "description", "sign", "asset",
    "simulated",
}  # fmt: skip
Report = Callable[..., Any]


def get(client: FlaskClient, path: str) -> Any:
    answer = client.get(f"{V1}/{path}")
    assert answer.status_code == 200, answer.data
    return answer.get_json()


def test_a_report_is_created_and_found_where_its_location_says(client: FlaskClient, report: Report) -> None:
    answer = report()
    case = answer.get_json()
    assert answer.status_code == 201
    assert set(case) == FIELDS | {"created"} and case["created"] is True
    assert set(case["holder"]) == {"place", "department", "seat"}
    found = client.get(answer.headers["Location"]).get_json()
    assert found == {name: value for name, value in case.items() if name != "created"}
    assert answer.headers["Location"].endswith(f"{V1}/incidents/{case['id']}")


def test_the_same_again_is_200_with_the_same_id(report: Report) -> None:
    first, again = report(), report()
    assert (again.status_code, again.get_json()["created"]) == (200, False)
    assert again.get_json()["id"] == first.get_json()["id"]


def test_the_same_moment_in_another_zone_is_the_same_report(report: Report) -> None:
    first = report(at="2020-07-06T08:00:00+08:00")
    assert report(at="2020-07-06T00:00:00Z").get_json()["id"] == first.get_json()["id"]


def test_other_content_is_409_with_the_current_case(report: Report) -> None:
    first = report()
    answer = report(severity=1)
    assert is_problem(answer, 409, "conflict")
    assert answer.get_json(force=True)["current"]["id"] == first.get_json()["id"]


def test_an_incident_in_a_grid_counts_in_its_five_places_and_in_no_sibling(
    client: FlaskClient, report: Report
) -> None:
    report()
    for place in ("99", "9901", "9901-1", "9901-1-1", "9901-1-1-1"):
        assert get(client, f"incidents/counts?place={place}&by=state")["total"] == 1
    for place in ("9902", "9901-2", "9901-1-2", "9901-1-1-2"):
        assert get(client, f"incidents/counts?place={place}&by=state")["total"] == 0


def test_a_list_is_newest_first_and_paged_by_next(client: FlaskClient, report: Report) -> None:
    for number in range(5):
        report(source_id=str(number), at=(NOW - timedelta(hours=number)).isoformat())
    first = get(client, "incidents?place=99&limit=2")
    assert set(first) == {"place", "items", "limit", "next"} and first["limit"] == 2
    assert [item["source_id"] for item in first["items"]] == ["0", "1"]
    rest = get(client, f"incidents?place=99&after={first['next']}")
    assert [item["source_id"] for item in rest["items"]] == ["2", "3", "4"] and rest["next"] is None


def test_filters_narrow_a_list(client: FlaskClient, report: Report) -> None:
    report(source_id="1", severity=1)
    report(source_id="2", severity=None, **{"class": "E0110"})
    for query, found in {
        "severity=1": ["1"], "severity=none": ["2"], "severity=1,none": ["1", "2"], "class=E0110": ["2"],
        "state=open": ["1", "2"], "state=closed": [], "overdue=false": ["1", "2"], "overdue=true": [],
        "source=hotline&source_id=2": ["2"], "source=other": [], "to=2020-01-01T00:00:00Z": [],
        "from=2020-01-01T00:00:00%2B08:00": ["1", "2"], "from=2020-01-01T00:00:00+08:00": ["1", "2"],
    }.items():  # fmt: skip
        items = get(client, f"incidents?place=99&{query}")["items"]
        assert sorted(item["source_id"] for item in items) == found, query


def test_counts_by_place_name_children_and_what_lies_above_has_no_key(
    client: FlaskClient, report: Report
) -> None:
    for number, place in enumerate(("99", "9901-1-1-1", "9901-1-1-2", "9901", "9902-1")):
        report(source_id=str(number), place=place)
    found = get(client, "incidents/counts?place=99&by=place")
    assert set(found) == {"place", "by", "from", "to", "total", "items"} and found["total"] == 5
    assert [(item["key"], item["n"]) for item in found["items"]] == [("9901", 3), ("9902", 1), (None, 1)]
    assert found["items"][0]["name"] == {"zh": "东岸区", "en": "East Bank District"}
    assert found["items"][-1]["name"] is None
    deeper = get(client, "incidents/counts?place=99&by=place&tier=5")
    assert [(item["key"], item["n"]) for item in deeper["items"]] == [
        ("9901-1-1-1", 1), ("9901-1-1-2", 1), (None, 3),
    ]  # fmt: skip
    assert get(client, "incidents/counts?place=9901-1-1-1&by=place")["items"] == [
        {"key": None, "name": None, "n": 1}
    ]


def test_counts_by_hour_begin_at_the_citys_hours(client: FlaskClient, report: Report) -> None:
    report(source_id="1", at="2020-07-05T23:59:59Z")
    report(source_id="2", at="2020-07-06T00:00:00Z")
    found = get(client, "incidents/counts?place=99&by=hour")
    assert [item["key"] for item in found["items"]] == [
        "2020-07-06T07:00:00+08:00",
        "2020-07-06T08:00:00+08:00",
    ]


def test_counts_by_class_state_and_severity(client: FlaskClient, report: Report) -> None:
    report(source_id="1")
    report(source_id="2", severity=None, **{"class": "C0101"})
    by_class = get(client, "incidents/counts?place=99&by=class")["items"]
    assert by_class == [
        {"key": "C0101", "n": 1, "name": {"zh": "上水井盖", "en": "Water-supply manhole cover"}},
        {"key": "E0506", "n": 1, "name": {"zh": "道路积水", "en": "Waterlogged road"}},
    ]
    assert get(client, "incidents/counts?place=99&by=state")["items"] == [
        {"key": "reported", "n": 2, "name": None}
    ]
    assert get(client, "incidents/counts?place=99&by=severity&severity=none")["items"] == [
        {"key": None, "n": 1, "name": None}
    ]


BAD = [
    ({"class": "E0000"}, 422, "unknown_class"), ({"place": "nowhere"}, 422, "unknown_place"),
    ({"place": ..., "lon": 0, "lat": 0}, 422, "outside"), ({"place": ...}, 422, "missing_field"),
    ({"lon": 110.01}, 422, "missing_field"), ({"asset": "x"}, 422, "unknown_asset"),
    ({"sign": "x"}, 422, "unknown_sign"), ({"severity": 0}, 422, "bad_value"),
    ({"severity": "3"}, 422, "bad_value"), ({"severity": True}, 422, "bad_value"),
    ({"severity": 2.0}, 422, "bad_value"), ({"severity": 10**30}, 422, "bad_value"),
    ({"lon": "110", "lat": 30}, 422, "bad_value"), ({"lon": 1e300, "lat": 30}, 422, "bad_value"),
    ({"at": "2020-07-06T00:00:00"}, 422, "no_zone"), ({"at": "3000-01-01T00:00:00Z"}, 422, "future"),
    ({"at": "1999-12-31T00:00:00Z"}, 422, "too_old"), ({"at": 1594000000}, 422, "bad_value"),
    ({"at": "soon"}, 422, "bad_time"), ({"at": "10000-01-01T00:00:00Z"}, 422, "bad_time"),
    ({"description": "a\0b"}, 422, "bad_value"), ({"source_id": "\0"}, 422, "bad_value"),
    ({"description": "x" * 4001}, 422, "bad_value"), ({"description": None}, 422, "bad_value"),
    ({"source": ""}, 422, "missing_field"), ({"source_id": ...}, 422, "missing_field"),
    ({"class": ...}, 422, "missing_field"), ({"at": ...}, 422, "missing_field"),
    ({"description": ...}, 422, "missing_field"), ({"colour": "red"}, 422, "extra_field"),
    ({"state": "closed"}, 422, "extra_field"), ({"place": 9901}, 422, "bad_value"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "status", "code"), BAD, ids=str)
def test_a_bad_report_has_its_clear_answer_and_nothing_is_stored(
    bad_report: Report, changes: dict[str, object], status: int, code: str
) -> None:
    assert is_problem(bad_report(**changes), status, code)
    with db.read() as conn:
        assert conn.execute("SELECT count(*) AS n FROM incident").fetchone() == {"n": 0}


RAW = [
    (b"", 400, "bad_json"), (b'{"source": "x"', 400, "bad_json"), (b"[" * 100_000, 400, "bad_json"),
    (b'{"a":' * 5_000, 400, "bad_json"),
    (b'{"lon": NaN}', 400, "bad_json"), (b'{"lon": 1e999}', 400, "bad_json"),
    (b'{"description": "\\ud800"}', 400, "bad_json"), (b"\xff\xfe", 400, "bad_json"),
    (b"null", 422, "bad_value"), (b"[]", 422, "bad_value"),
    (b'"x"', 422, "bad_value"), (b"{}", 422, "missing_field"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "status", "code"), RAW, ids=lambda value: str(value)[:24])
def test_a_body_that_is_no_report_is_refused(
    shared: FlaskClient, bearer: dict[str, str], raw: bytes, status: int, code: str
) -> None:
    answer = shared.post(f"{V1}/incidents", data=raw, content_type="application/json", headers=bearer)
    assert is_problem(answer, status, code)


def test_ten_megabytes_are_drained_and_refused(shared: FlaskClient, bearer: dict[str, str]) -> None:
    body = b'{"description": "' + b"x" * 10_000_000 + b'"}'
    answer = shared.post(f"{V1}/incidents", data=body, content_type="application/json", headers=bearer)
    assert is_problem(answer, 413, "too_large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_another_content_type_is_415(shared: FlaskClient, bearer: dict[str, str], kind: str) -> None:
    answer = shared.post(f"{V1}/incidents", data=b"{}", content_type=kind, headers=bearer)
    assert is_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 422, "missing_field"),
        ("place=nowhere", 422, "unknown_place"), ("place=99&limit=0", 422, "bad_value"),
        ("place=99&limit=501", 422, "bad_value"), ("place=99&limit=x", 422, "bad_value"),
        ("place=99&colour=red", 422, "extra_field"), ("place=99&after=zzz", 422, "bad_value"),
        ("place=99&state=handled", 422, "bad_value"), ("place=99&severity=5", 422, "bad_value"),
        ("place=99&overdue=1", 422, "bad_value"), ("place=99&from=2020", 422, "bad_time"),
        ("place=99&from=2020-01-01T00:00:00", 422, "no_zone"), ("place=99&place=9901", 422, "bad_value"),
        ("place=99&source=%00", 422, "bad_value"), ("place=99&lang=fr", 422, "bad_value"),
        ("place=99&at=2020-01-01T00:00:00Z", 422, "extra_field"), ("place=99&format=xml", 422, "bad_value"),
        ("place=99&from=2021-01-01T00:00:00Z&to=2020-01-01T00:00:00Z", 422, "bad_value"),
    ],
)  # fmt: skip
def test_a_bad_question_is_refused_by_name(shared: FlaskClient, query: str, status: int, code: str) -> None:
    assert is_problem(shared.get(f"{V1}/incidents?{query}"), status, code)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("place=99", "missing_field"),
        ("place=99&by=colour", "bad_value"), ("place=99&by=place&tier=6", "bad_value"),
        ("place=9901&by=place&tier=2", "bad_value"), ("place=99&by=state&tier=2", "bad_value"),
        ("place=99&by=state&limit=5", "extra_field"),
    ],
)  # fmt: skip
def test_a_bad_count_is_refused_by_name(shared: FlaskClient, query: str, code: str) -> None:
    assert is_problem(shared.get(f"{V1}/incidents/counts?{query}"), 422, code)


@pytest.mark.parametrize("text", ["x", "0190a000-0000-7000-8000-000000000000", "{0}", "-1"])
def test_an_unknown_case_is_404(shared: FlaskClient, text: str) -> None:
    assert is_problem(shared.get(f"{V1}/incidents/{text}"), 404, "unknown_incident")


def test_a_refusal_speaks_the_readers_language(shared: FlaskClient) -> None:
    zh, en = (
        shared.get(f"{V1}/incidents?place=nowhere&lang={lang}").get_json(force=True)["detail"]
        for lang in ("zh", "en")
    )
    assert zh == "没有代码为 nowhere 的地方"
    assert en == "no place has the code nowhere"


def test_reporting_without_the_token_is_401(client: FlaskClient) -> None:
    answer = client.post(f"{V1}/incidents", json=a_report())
    assert is_problem(answer, 401, "no_token") and answer.headers["WWW-Authenticate"] == "Bearer"
