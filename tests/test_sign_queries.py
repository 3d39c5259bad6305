"""Do the questions about signs get the answers of the contract, at every tier?"""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from data import db
from data.commands import readings
from data.domain.refusal import Refusal
from data.queries import signs
from data.store import focus
from data.work import fold
from tests import measured_city
from tests.plain_fold import Plain
from tests.test_fold import METERS, NOW, SERIES, a_reading, post, wrong

CELL = {
    "code", "name", "domain", "unit", "tier", "kind", "weight", "value", "at", "expires", "status", "live",
    "expected", "from", "source", "simulated",
}  # fmt: skip
PLACES = ["C", "A", "B", "A1", "A2", "B2", "A1x", "B2y", "A1x0", "A1y1"]


@pytest.fixture
def filled(folder_conn: db.Conn) -> db.Conn:
    for number, minutes in enumerate((40, 20, 3)):
        rows = [
            a_reading(sign, place, minutes=minutes, value=5 * n % 90 + number)
            for n, (sign, place) in enumerate(SERIES)
        ]
        rows += [
            a_reading(sign, asset=asset, minutes=minutes, value=11 * n % 90)
            for n, (sign, asset) in enumerate(METERS)
        ]
        post(rows)
    assert wrong(folder_conn) == []
    return folder_conn


def row_of(board: dict[str, Any], code: str) -> dict[str, Any]:
    return next(row for row in board["signs"] if row["code"] == code)


@pytest.mark.parametrize("place", PLACES)
def test_a_board_is_the_whole_catalogue_with_what_raw_says(filled: db.Conn, place: str) -> None:
    plain = Plain(filled, datetime.now(UTC))
    latest, below = plain.latest(), plain.below()
    board = signs.board(place)
    assert [row["code"] for row in board["signs"]] == [sign["code"] for sign in measured_city.signs()]
    for row in board["signs"]:
        assert row.keys() == CELL
        key = (row["code"], place, "")
        measured = len(below.get(key, [])) or (key in plain.nodes and plain.nodes[key]["leaf"])
        assert row["expected"] == int(measured)
        if not measured:
            assert row["live"] == 0
        elif key in latest:
            assert row["value"] == (
                pytest.approx(latest[key]["value"]) if latest[key]["value"] is not None else None
            )
            assert (row["live"], row["from"], row["at"]) == (latest[key]["live"], None, latest[key]["at"])
    assert board["live"] == sum(row["live"] for row in board["signs"])
    assert board["expected"] == sum(row["expected"] for row in board["signs"])


def test_below_the_tier_a_shared_sign_shows_the_nearest_value_above_by_name(filled: db.Conn) -> None:
    street, grid = row_of(signs.board("A1"), "HELD"), row_of(signs.board("A1x0"), "HELD")
    assert grid["from"] == "A1" and street["from"] is None
    assert (grid["live"], grid["expected"], street["expected"]) == (0, 0, 1)
    same = ("value", "at", "expires", "status", "source", "simulated")
    assert [grid[name] for name in same] == [street[name] for name in same]


def test_a_street_that_said_nothing_leaves_its_grids_to_the_next_above(filled: db.Conn) -> None:
    assert row_of(signs.board("A3x0"), "HELD")["from"] == "A"
    assert row_of(signs.board("A3"), "HELD") | {"status": "none", "from": None, "expected": 1} == row_of(
        signs.board("A3"), "HELD"
    )


def test_a_sign_that_is_not_shared_is_not_shown_below(filled: db.Conn) -> None:
    row = row_of(signs.board("A1x0"), "BARRIER")
    assert (row["value"], row["from"], row["status"], row["expected"]) == (None, None, "none", 0)


def test_nothing_expected_is_no_coverage(measured: str) -> None:
    from data.store import nodes

    with db.owner() as conn:
        nodes.end(conn, nodes.standing_leaves(conn))
        conn.execute("UPDATE node SET expected = 0")
    board = signs.board("A1x0")
    assert (board["live"], board["expected"]) == (None, None)


def test_with_fold_none_the_value_is_null_and_the_status_the_worst_below(filled: db.Conn) -> None:
    sign = next(one for one in measured_city.signs() if one["fold_space"] == "none" and one["tier"] == "3")
    good, bad = {"H": (10, 85), "L": (85, 10), "B": (50, 95)}[sign["direction"]]
    code, at = sign["code"], datetime.now(UTC).isoformat()
    post([{"sign": code, "place": p, "at": at, "value": v} for p, v in (("A1", good), ("A2", bad))])
    assert wrong(filled) == []
    row = row_of(signs.board("A"), code)
    assert (row["value"], row["status"]) == (None, "alarm")


def test_children_have_a_row_each_in_code_order(filled: db.Conn) -> None:
    answer = signs.children("BARRIER", "A")
    assert answer["place"] == "A"
    assert [row["place"] for row in answer["items"]] == [f"A{n}" for n in range(1, 9)]
    assert all(row.keys() == CELL | {"place"} for row in answer["items"])
    assert answer["items"][0]["name"] == {"zh": "地A1", "en": "Place A1"}
    for row in answer["items"]:
        own = row_of(signs.board(row["place"]), "BARRIER")
        assert {**row, "name": None, "place": None} == {**own, "name": None, "place": None}


def test_children_below_the_tier_are_lent_a_shared_value(filled: db.Conn) -> None:
    for row in signs.children("HELD", "A1")["items"]:
        own = row_of(signs.board(row["place"]), "HELD")
        assert {**row, "name": None, "place": None} == {**own, "name": None, "place": None}
        assert row["from"] == "A1"


def test_assets_of_a_sign_are_those_at_or_below(filled: db.Conn) -> None:
    code = METERS[0][0]
    assert [row["asset"] for row in signs.assets_of(code, "A1")["items"]] == ["m1", "m2", "m3", "m4"]
    assert [row["asset"] for row in signs.assets_of(code, "C")["items"]] == [f"m{n}" for n in range(1, 8)]
    assert all(row["from"] is None and row["expected"] == 1 for row in signs.assets_of(code, "C")["items"])


def test_raw_is_the_default_of_a_measured_series_and_hour_of_a_fold(filled: db.Conn) -> None:
    raw = signs.series("BARRIER", place="A1")
    assert (raw["grain"], raw["asset"], raw["unit"]) == ("raw", None, "m")
    assert [point["at"] for point in raw["points"]] == [NOW - timedelta(minutes=m) for m in (40, 20, 3)]
    assert raw["points"][0].keys() == {"at", "value", "received_at"}
    fold = signs.series("BARRIER", place="A")
    assert fold["grain"] == "hour"
    for point in fold["points"]:
        assert list(point) == ["at", "value", "n", "sum", "min", "max", "last", "live", "expected"]
        assert (point["n"], point["sum"], point["last"]) == (None, None, None)
        assert point["min"] <= point["max"] and point["expected"] == 8


def test_a_window_holds_its_beginning_and_not_its_end(filled: db.Conn) -> None:
    since, until = NOW - timedelta(minutes=40), NOW - timedelta(minutes=3)
    points = signs.series("BARRIER", place="A1", since=since, until=until)["points"]
    assert [point["at"] for point in points] == [since, NOW - timedelta(minutes=20)]


def test_an_assets_series_is_its_own(filled: db.Conn) -> None:
    code = METERS[0][0]
    answer = signs.series(code, asset="m1", grain="hour")
    assert (answer["asset"], answer["place"]) == ("m1", "A1x0")
    assert sum(point["n"] for point in answer["points"]) == 3


@pytest.mark.parametrize("grain", ["raw", "hour", "day"])
def test_below_the_measuring_tier_there_are_no_points(filled: db.Conn, grain: Any) -> None:
    assert signs.series("BARRIER", place="A1x0", grain=grain)["points"] == []


@pytest.mark.parametrize(
    ("ask", "code", "status"),
    [
        (lambda: signs.series("BARRIER", place="A", grain="raw"), "wrong_tier", 422),
        (lambda: signs.series("XX", place="A"), "unknown_sign", 404),
        (lambda: signs.series("BARRIER", place="ZZ"), "unknown_place", 422),
        (lambda: signs.series("BARRIER", asset="ZZ"), "unknown_asset", 422),
        (lambda: signs.series("BARRIER"), "missing_field", 422),
        (lambda: signs.children("XX", "A"), "unknown_sign", 404),
        (lambda: signs.board("ZZ"), "unknown_place", 422),
        (lambda: signs.summary("ZZ"), "unknown_place", 422),
    ],
)
def test_what_cannot_be_answered_is_refused(measured: str, ask: Any, code: str, status: int) -> None:
    with pytest.raises(Refusal) as refusal:
        ask()
    assert (refusal.value.code, refusal.value.status) == (code, status)


def test_more_than_20000_points_are_too_many(measured: str) -> None:
    rows = [
        {"sign": "BARRIER", "place": "A1", "at": NOW - timedelta(seconds=n), "value": n}
        for n in range(20_001)
    ]
    readings.bulk(rows, feed="api")
    with pytest.raises(Refusal, match="more than 20000"):
        signs.series("BARRIER", place="A1")
    assert len(signs.series("BARRIER", place="A1", until=NOW)["points"]) == 20_000


def test_sparks_have_a_place_for_every_hour(filled: db.Conn) -> None:
    post([a_reading("BARRIER", "A1", minutes=5 * 60, value=50)])
    assert wrong(filled) == []
    line = signs.traced("A")[1]["BARRIER"]
    assert len(line) == 24 and line.count(None) in (21, 22)
    assert line[-1] is not None or line[-2] is not None
    assert signs.traced("A1x0")[1]["HELD"] == signs.traced("A1")[1]["HELD"]


@pytest.mark.parametrize("place", PLACES)
def test_a_summary_counts_the_board_and_those_of_the_children(filled: db.Conn, place: str) -> None:
    summary = signs.summary(place)
    for one in [summary, *summary["children"]]:
        board = signs.board(one["place"])
        own = [row for row in board["signs"] if row["expected"]]
        words = [row["status"] for row in own]
        assert one["statuses"] == {word: words.count(word) for word in one["statuses"]}
        assert one["abnormal"] == sum(word in ("attention", "warning", "alarm") for word in words)
        assert (one["live"], one["expected"]) == (board["live"] or 0, board["expected"] or 0)
    worst = [
        word
        for word in ("alarm", "warning", "attention", "stale", "normal", "none")
        if summary["statuses"][word]
    ]
    assert summary["status"] == (worst[0] if worst else "none")


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Kolkata", "Asia/Kathmandu"])
def test_the_running_hour_of_the_citys_clock_comes_last(fresh: str, zone: str) -> None:
    with db.owner() as conn:
        conn.execute("UPDATE city SET timezone = %s", (zone,))
    now = datetime.now(UTC)
    row = {"sign": "W2", "asset": "flood-1", "at": now.isoformat(), "value": 7.0}
    assert readings.post([row], feed="test", patience=0.0)["stored"] == 1
    with closing(db.connect()) as conn:
        fold.drain(conn)
    assert signs.traced("99")[1]["W2"][-1] == 7.0
    with db.read() as conn:
        assert focus.details(conn, {"W2": "99"})["W2"]["spark"][-1] == 7.0
