"""Does the API keep its contract, sentence by sentence? What tests/api leaves out."""

import csv
import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from data import db, live
from data.commands import readings
from data.store import inbox
from data.work import fold
from tests.api.conftest import V1, is_problem, sent
from tests.siblings import SIBLINGS
from tests.test_folder import PLACES

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def this_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading of a minute ago is a minute old, however long the run has taken so far."""
    monkeypatch.setattr(sys.modules[__name__], "NOW", datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def client(app_client: FlaskClient) -> Iterator[FlaskClient]:
    yield app_client
    live.stop()


@pytest.fixture
def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def report(client: FlaskClient, bearer: dict[str, str]) -> Callable[..., Any]:
    return partial(sent, client, bearer)


def get(client: FlaskClient, path: str, **query: object) -> Json:
    answer = client.get(f"{V1}/{path}", query_string=query)
    assert answer.status_code == 200, answer.data
    assert answer.content_type == "application/json"
    return answer.get_json()  # type: ignore[no-any-return]


def taken(*rows: Json, feed: str = "gauges") -> None:
    """Posted and folded."""
    found = readings.post(rows, feed=feed, patience=0)
    assert found["rejected"] == 0, found
    with closing(db.connect()) as conn:
        fold.drain(conn)


def rain(sign: str = "W2", asset: str = "flood-1", *, ago: timedelta, value: float = 1.0) -> Json:
    return {"sign": sign, "asset": asset, "at": (NOW - ago).isoformat(), "value": value}


# ── what every address has in common ────────────────────────────────────────────────────────────
ADDRESSES = [
    "places/99", "places?q=x", "assets?place=99", "signs?place=99", "signs/W2/children?place=99",
    "signs/W2/series?place=99", "incidents?place=99", "incidents/counts?place=99&by=hour", "sources",
    "incidents/0190a000-0000-7000-8000-000000000000",
    "state/overview/99", "state/signs/99", "state/sign/W2/99", "state/incidents/99", "state/wall/99",
    "state/sources",
]  # fmt: skip


@pytest.mark.parametrize("path", ADDRESSES)
def test_an_unknown_parameter_is_refused_by_its_name(fresh_module: str, flask_app: Any, path: str) -> None:
    for lang, words in (("zh", "没有"), ("en", "there is no")):
        answer = flask_app.test_client().get(
            f"{V1}/{path}{'&' if '?' in path else '?'}colour=red&lang={lang}"
        )
        assert is_problem(answer, 422, "extra_field")
        found = answer.get_json(force=True)
        assert [(one["field"], one["code"]) for one in found["errors"]] == [("colour", "extra_field")]
        assert words in found["detail"]
    live.stop()


def test_no_two_refusals_have_the_same_request(client: FlaskClient) -> None:
    seen = {client.get(f"{V1}/places/x").get_json(force=True)["request"] for _ in range(3)}
    assert len(seen) == 3


def test_a_busy_city_says_when_to_come_again(
    client: FlaskClient, bearer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "FULL", -1)
    answer = client.post(f"{V1}/readings", json=[rain(ago=HOUR)], headers=bearer)
    assert is_problem(answer, 503, "busy") and int(answer.headers["Retry-After"]) > 0


def test_what_a_refused_reading_names_stands_in_the_errors_too(
    client: FlaskClient, bearer: dict[str, str]
) -> None:
    rows = [{**rain(ago=HOUR), "sign": "XX"}, {**rain(ago=HOUR), "value": "1"}]
    found = client.post(f"{V1}/readings", json=rows, headers=bearer).get_json(force=True)
    assert [(one["row"], one["field"], one["code"]) for one in found["errors"]] == [
        (0, "sign", "unknown_sign"),
        (1, "value", "bad_value"),
    ]


# ── places ──────────────────────────────────────────────────────────────────────────────────────
def test_children_are_in_code_order_everywhere(siblings: str, clone: Any, flask_app: Any) -> None:
    with clone(siblings):
        client = flask_app.test_client()
        assert [one["code"] for one in get(client, "places/R")["children"]] == sorted(SIBLINGS)
        children = get(client, "signs/S/children", place="R")["items"]
        assert [one["place"] for one in children] == sorted(SIBLINGS)
        state = get(client, "state/overview/R")["state"]
        assert [one["id"] for one in state["rows.children"]] == sorted(SIBLINGS)
        live.stop()


def test_a_city_without_signs_and_classes_covers_nothing_and_takes_any_class(
    tmp_path: Path, make_template: Callable[..., str], clone: Any, flask_app: Any, bearer: dict[str, str]
) -> None:
    (tmp_path / "city.toml").write_text(
        'root = "Q"\nname_en = "Q"\ntimezone = "UTC"\nlanguages = ["en"]\n', encoding="utf-8"
    )
    (tmp_path / "places.csv").write_text(f"{PLACES}Q,,,Q\n", encoding="utf-8")
    with clone(make_template("bare_city", tmp_path)):
        client = flask_app.test_client()
        board = get(client, "signs", place="Q")
        assert (board["live"], board["expected"], board["signs"]) == (None, None, [])
        answer = sent(client, bearer, place=..., lon=0.0, lat=0.0, **{"class": "Any / 任何"})
        assert answer.status_code == 201, answer.data
        assert (answer.get_json()["placed"], answer.get_json()["place"]) == ("schematic", "Q")
        state = get(client, "state/overview/Q")["state"]
        assert (state["text.live"], state["text.expected"], state["text.open"]) == (None, None, 1)
        live.stop()


# ── signs and series ────────────────────────────────────────────────────────────────────────────
def test_a_sign_says_whose_value_it_shows(client: FlaskClient) -> None:
    taken({"sign": "W1", "place": "9901-1", "at": (NOW - 5 * HOUR / 60).isoformat(), "value": 30.0})
    measured, below, above = (
        next(one for one in get(client, "signs", place=place)["signs"] if one["code"] == "W1")
        for place in ("9901-1", "9901-1-1-1", "99")
    )
    assert (measured["value"], measured["live"], measured["expected"], measured["from"]) == (30, 1, 1, None)
    assert (below["value"], below["live"], below["expected"], below["from"]) == (30, 0, 0, "9901-1")
    assert (above["value"], above["live"], above["from"]) == (30, 1, None) and above["expected"] > 1
    assert measured["source"] == above["source"] == "gauges" and above["simulated"] is False


def test_the_outer_pair_is_the_sum_of_the_signs(client: FlaskClient) -> None:
    taken(rain(ago=HOUR / 60), rain(asset="flood-2", ago=HOUR / 60))
    for place in ("99", "9901", "9901-1-1", "9902-1-1-3"):
        board = get(client, "signs", place=place)
        assert (board["expected"] or 0) == sum(one["expected"] for one in board["signs"])
        assert (board["live"] or 0) == sum(one["live"] for one in board["signs"])
        assert (board["live"] is None) == (board["expected"] is None)


def test_a_fold_of_several_sources_says_so_and_is_simulated_as_soon_as_one_is(client: FlaskClient) -> None:
    taken(rain(ago=HOUR / 60, value=3))
    readings.post([rain(asset="flood-2", ago=HOUR / 60, value=5)], feed="toy", simulated=True, patience=0)
    with closing(db.connect()) as conn:
        fold.drain(conn)
    row = next(one for one in get(client, "signs", place="99")["signs"] if one["code"] == "W2")
    assert (row["value"], row["source"], row["simulated"], row["live"]) == (5, "several", True, 2)
    assert get(client, "signs/W2/series", place="99")["simulated"] is True
    assert get(client, "signs/W2/series", asset="flood-1")["simulated"] is False


def test_a_series_is_the_last_day_of_raw_where_measured_and_of_hours_in_a_fold(client: FlaskClient) -> None:
    taken(*(rain(ago=ago, value=n) for n, ago in enumerate((26 * HOUR, 23 * HOUR, 2 * HOUR, HOUR))))
    raw = get(client, "signs/W2/series", asset="flood-1")
    assert (raw["grain"], raw["place"], raw["asset"], raw["unit"]) == ("raw", "9901-1-1", "flood-1", "cm")
    assert [point["value"] for point in raw["points"]] == [1, 2, 3]
    assert all(set(point) == {"at", "value", "received_at"} for point in raw["points"])
    since, until = (datetime.fromisoformat(raw[name]) for name in ("from", "to"))
    assert until - since == timedelta(hours=24) and abs(until - datetime.now(UTC)) < timedelta(minutes=2)
    hours = get(client, "signs/W2/series", place="99")
    assert hours["grain"] == "hour" and len(hours["points"]) == 3
    for point in hours["points"]:
        assert set(point) == {"at", "value", "n", "sum", "min", "max", "last", "live", "expected"}
        assert (point["n"], point["sum"], point["last"], point["live"]) == (None, None, None, 1)
        assert point["min"] == point["max"] == point["value"]
    assert [point["at"] for point in hours["points"]] == sorted(point["at"] for point in hours["points"])


def test_a_bucket_of_a_measured_series_says_what_was_read(client: FlaskClient) -> None:
    start = NOW.replace(minute=0, second=0) - 2 * HOUR
    for minute, value in enumerate((3.0, 1.0, 2.0)):
        taken({**rain(ago=HOUR), "at": (start + timedelta(minutes=minute)).isoformat(), "value": value})
    (point,) = get(client, "signs/W2/series", asset="flood-1", grain="hour")["points"]
    assert datetime.fromisoformat(point.pop("at")) == start
    assert point == {
        "value": 3, "n": 3, "sum": 6, "min": 1, "max": 3, "last": 2, "live": 1, "expected": 1,
    }  # fmt: skip


def test_a_window_holds_its_beginning_and_not_its_end(client: FlaskClient) -> None:
    first, last = NOW - 2 * HOUR, NOW - HOUR
    taken(rain(ago=2 * HOUR), rain(ago=HOUR))
    found = get(
        client, "signs/W2/series", asset="flood-1", **{"from": first.isoformat(), "to": last.isoformat()}
    )
    assert [datetime.fromisoformat(point["at"]) for point in found["points"]] == [first]
    assert (datetime.fromisoformat(found["from"]), datetime.fromisoformat(found["to"])) == (first, last)


def test_below_the_measuring_tier_points_are_empty(client: FlaskClient) -> None:
    for grain in (None, "raw", "hour", "day"):
        query = {} if grain is None else {"grain": grain}
        found = get(client, "signs/W1/series", place="9901-1-1-1", **query)
        assert found["points"] == [] and found["grain"] == (grain or "hour")
    assert is_problem(client.get(f"{V1}/signs/W1/series?place=99&grain=raw"), 422, "wrong_tier")


def test_a_sign_that_does_not_fold_in_space_has_no_value_and_its_worst_status(client: FlaskClient) -> None:
    taken(
        {"sign": "W3", "asset": "air-1", "at": (NOW - HOUR / 6).isoformat(), "value": 120.0},
        {"sign": "W3", "asset": "air-2", "at": (NOW - HOUR / 6).isoformat(), "value": 30.0},
    )
    row = next(one for one in get(client, "signs", place="99")["signs"] if one["code"] == "W3")
    assert (row["value"], row["status"], row["live"]) == (None, "attention", 2)
    (point,) = get(client, "signs/W3/series", place="99")["points"]
    assert (point["value"], point["min"], point["max"]) == (None, 30, 120)


def test_more_than_twenty_thousand_points_are_too_many(client: FlaskClient) -> None:
    readings.bulk((rain(ago=timedelta(seconds=n), value=1) for n in range(20_001)), feed="gauges")
    assert is_problem(client.get(f"{V1}/signs/W2/series?asset=flood-1"), 422, "too_many")
    since = (NOW - timedelta(seconds=20_000)).isoformat()
    found = client.get(
        f"{V1}/signs/W2/series", query_string={"asset": "flood-1", "from": since, "to": NOW.isoformat()}
    )
    assert len(found.get_json()["points"]) == 20_000


# ── incidents ───────────────────────────────────────────────────────────────────────────────────
def test_pages_hold_each_case_once_while_new_ones_arrive(client: FlaskClient, report: Any) -> None:
    """Many at one moment, so that only the id tells them apart."""
    for number in range(12):
        report(source_id=f"old{number}", at=(NOW - HOUR * (number // 4)).isoformat())
    seen: list[str] = []
    after: str | None = None
    for turn in range(20):
        query = {"place": "99", "limit": 5, **({"after": after} if after else {})}
        page = get(client, "incidents", **query)
        seen += [one["source_id"] for one in page["items"]]
        report(source_id=f"new{turn}", at=NOW.isoformat())
        report(source_id=f"late{turn}", at=(NOW - HOUR).isoformat())
        if (after := page["next"]) is None:
            break
    assert len(seen) == len(set(seen))
    assert {one for one in seen if one.startswith("old")} == {f"old{number}" for number in range(12)}


def test_lists_are_newest_first_by_time_and_id(client: FlaskClient, report: Any) -> None:
    for number in range(9):
        report(source_id=str(number), at=(NOW - HOUR * (number % 3)).isoformat())
    items = get(client, "incidents", place="99")["items"]
    keys = [(one["at"], one["id"]) for one in items]
    assert keys == sorted(keys, reverse=True)


def test_counts_under_filters_are_the_length_of_the_list(client: FlaskClient, report: Any) -> None:
    for number in range(12):
        report(
            source_id=str(number),
            severity=(1, 2, None)[number % 3],
            at=(NOW - HOUR * number).isoformat(),
            **{"class": ("E0506", "E0110")[number % 2]},
        )
    for query in (
        {"severity": "1,none"}, {"class": "E0506"}, {"source": "hotline"}, {"state": "open"},
        {"source_id": "3"}, {"overdue": "true"}, {"overdue": "false"},
        {"from": (NOW - 6 * HOUR).isoformat(), "to": (NOW - 2 * HOUR).isoformat()},
    ):  # fmt: skip
        items = get(client, "incidents", place="99", limit=500, **query)["items"]
        for by in ("place", "hour", "class", "state", "severity"):
            found = get(client, "incidents/counts", place="99", by=by, **query)
            assert found["total"] == sum(one["n"] for one in found["items"]) == len(items), (by, query)


@pytest.mark.parametrize(
    ("changes", "placed"),
    [
        ({"place": "9901-1-1-1"}, "given"),
        ({"place": ..., "lon": 110.02, "lat": 30.03}, "schematic"),
        ({"place": "9901-1-1-1", "lon": 110.02, "lat": 30.03}, "given"),
    ],
)
def test_an_incident_says_how_it_was_placed(report: Any, changes: Json, placed: str) -> None:
    assert report(**changes).get_json()["placed"] == placed


def test_a_report_may_name_its_asset_and_sign_and_what_is_null_is_as_absent(report: Any) -> None:
    first = report(asset="flood-1", sign="W2", severity=None, lon=None, lat=None).get_json()
    assert (first["asset"], first["sign"], first["severity"], first["lon"]) == ("flood-1", "W2", None, None)
    assert report(asset="flood-1", sign="W2", severity=...).status_code == 200


# ── tables ──────────────────────────────────────────────────────────────────────────────────────
TABLES = {
    "incidents?place=9901": ("items", "incidents_9901_"),
    "signs?place=9901": ("signs", "signs_9901_"),
    "signs/W2/children?place=9901": ("items", "children-W2_9901_"),
    "sources?": ("items", "sources_99_"),
    "signs/W2/series?asset=flood-1&": ("points", "series-W2_flood-1_"),
}


@pytest.mark.parametrize("path", TABLES)
def test_a_table_has_the_columns_and_rows_of_the_answer(client: FlaskClient, report: Any, path: str) -> None:
    report(description='=1+1, "quoted"\n第二行')
    taken(rain(ago=HOUR / 60), rain(ago=HOUR / 30, value=2))
    where, name = TABLES[path]
    items = client.get(f"{V1}/{path}").get_json()[where]
    answer = client.get(f"{V1}/{path}{'' if path.endswith(('?', '&')) else '&'}format=csv")
    assert answer.data.startswith(b"\xef\xbb\xbf") and answer.mimetype == "text/csv"
    assert re.search(rf'filename="?{re.escape(name)}[^"]*\d{{8}}T', answer.headers["Content-Disposition"])
    text = answer.data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert text.endswith("\r\n") and len(rows) == len(items) > 0
    fields = [part for field in items[0] for part in _columns(field)]
    header = list(rows[0])
    assert [column for column in header if column in fields] == fields
    assert {"place", "as_of", "simulated"} <= set(header)
    for row, item in zip(rows, items, strict=True):
        assert row["place"] and datetime.fromisoformat(row["as_of"]) and row["simulated"] in ("true", "false")
        for field in ("value", "n", "received", "severity"):
            if field in item:
                assert (float(row[field]) if row[field] else None) == item[field]


def _columns(field: str) -> tuple[str, ...]:
    return ("name_zh", "name_en") if field == "name" else (field,)


# ── state ───────────────────────────────────────────────────────────────────────────────────────
def test_a_state_is_new_as_soon_as_something_is_stored(client: FlaskClient, report: Any) -> None:
    first = client.get(f"{V1}/state/overview/9901")
    tag = first.headers["ETag"]
    assert client.get(f"{V1}/state/overview/9901", headers={"If-None-Match": tag}).status_code == 304
    report()
    changed = client.get(f"{V1}/state/overview/9901", headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["ETag"] != tag
    beside = client.get(f"{V1}/state/overview/9902")
    report(source_id="2")
    same = client.get(f"{V1}/state/overview/9902", headers={"If-None-Match": beside.headers["ETag"]})
    assert same.status_code == 304
