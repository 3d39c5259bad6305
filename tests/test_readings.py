"""Is every reading taken in once, or refused with its reason?"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import db
from data.commands import intake, readings
from data.domain.reading import Fault, Reading, read
from data.domain.refusal import Refusal
from data.store import inbox
from data.work import fold
from tests.test_fold import NOW, a_reading, post, wrong

GOOD = {"sign": "BARRIER", "place": "A1", "at": "2026-01-01T00:00:00+08:00", "value": 1.5}


def codes(rows: list[object]) -> list[tuple[int, str]]:
    return [(row["row"], row["code"]) for row in post(rows)["rows"]]  # type: ignore[arg-type]


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (None, "bad_json"),
        ([], "bad_json"),
        ("x", "bad_json"),
        (without("sign"), "missing_field"),
        (without("place"), "missing_field"),
        (without("value"), "missing_field"),
        ({}, "missing_field"),
        (GOOD | {"unit": "m"}, "extra_field"),
        (GOOD | {"asset": "m1"}, "extra_field"),
        (GOOD | {"sign": "XX"}, "unknown_sign"),
        (GOOD | {"sign": "a\0b"}, "unknown_sign"),
        (GOOD | {"sign": 7}, "unknown_sign"),
        (GOOD | {"place": "Z"}, "unknown_place"),
        (GOOD | {"place": "A\0"}, "unknown_place"),
        (without("place") | {"asset": "m99"}, "unknown_asset"),
        (GOOD | {"place": "A"}, "wrong_tier"),
        (without("place") | {"asset": "m1"}, "wrong_tier"),
        ({"sign": "S02", "asset": "pump", "at": GOOD["at"], "value": 1}, "wrong_tier"),
        (GOOD | {"value": "1"}, "bad_value"),
        (GOOD | {"value": None}, "bad_value"),
        (GOOD | {"value": True}, "bad_value"),
        (GOOD | {"value": float("nan")}, "bad_value"),
        (GOOD | {"value": float("inf")}, "bad_value"),
        (GOOD | {"value": 1e308}, "bad_value"),
        (GOOD | {"value": 5e-324}, "bad_value"),
        (GOOD | {"value": 10**400}, "bad_value"),
        (GOOD | {"at": "yesterday"}, "bad_time"),
        (GOOD | {"at": 1700000000}, "bad_time"),
        (GOOD | {"at": "2026-13-01T00:00:00Z"}, "bad_time"),
        (GOOD | {"at": "2026-01-01T00:00:00"}, "no_zone"),
        (GOOD | {"at": "3000-01-01T00:00:00Z"}, "future"),
        (GOOD | {"at": "9999-12-31T23:59:59-23:59"}, "future"),
        (GOOD | {"at": "1999-12-31T23:59:59Z"}, "too_old"),
        (GOOD | {"at": "0001-01-01T00:00:00+23:59"}, "too_old"),
    ],
)
def test_a_wrong_row_is_refused_by_name_and_the_others_are_stored(
    measured: str, row: object, code: str
) -> None:
    answer = post([GOOD, row, a_reading("BARRIER", "A2", value=2)])  # type: ignore[list-item]
    assert (answer["received"], answer["stored"], answer["rejected"]) == (3, 2, 1)
    assert [(found["row"], found["code"]) for found in answer["rows"]] == [(1, code)]  # type: ignore[attr-defined]


@given(
    raw=st.dictionaries(
        st.sampled_from(["sign", "place", "asset", "at", "value", "x"]),
        st.from_type(object) | st.text() | st.none() | st.floats(),
    )
)
def test_anything_at_all_is_a_reading_or_a_fault(raw: dict[str, object]) -> None:
    assert isinstance(read(0, raw, now=NOW), (Reading, Fault))


@pytest.mark.parametrize(
    "text", ["2026-01-01T00:00:00Z", "2026-01-01t00:00:00.123456z", "2026-01-01 08:00:00+08:00"]
)
def test_rfc_3339_is_understood(text: str) -> None:
    found = read(0, GOOD | {"at": text}, now=NOW)
    assert isinstance(found, Reading)
    assert found.at.replace(microsecond=0) == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_reading_two_minutes_ahead_is_the_last_that_is_taken(measured: str) -> None:
    now = datetime.now(UTC)
    rows = [GOOD | {"at": (now + timedelta(seconds=s)).isoformat()} for s in (100, 130)]
    assert codes(rows) == [(1, "future")]


def test_the_same_again_is_the_same_and_another_value_is_a_conflict(measured: str) -> None:
    other = GOOD | {"value": 9}
    first = post([GOOD, GOOD, other])
    assert (first["stored"], first["same"], first["rejected"]) == (1, 1, 1)
    second = post([GOOD, other])
    assert (second["stored"], second["same"]) == (0, 1)
    assert [(row["row"], row["code"]) for row in second["rows"]] == [(1, "conflict")]  # type: ignore[attr-defined]


def test_refusals_are_in_the_readers_language(measured: str) -> None:
    english = post([None], lang="en")["rows"]  # type: ignore[list-item]
    chinese = post([None], lang="zh")["rows"]  # type: ignore[list-item]
    assert english[0]["detail"].isascii() and not chinese[0]["detail"].isascii()  # type: ignore[index]


def test_a_thousand_refused_rows_are_named(measured: str) -> None:
    answer = post([None] * 1_500)  # type: ignore[list-item]
    assert answer["rejected"] == 1_500
    assert [row["row"] for row in answer["rows"]] == list(range(1_000))  # type: ignore[attr-defined]


def test_the_ledger_balances_and_says_why(folder_conn: db.Conn) -> None:
    post([GOOD, GOOD, None, GOOD | {"value": "x"}, GOOD | {"value": 2}], feed="f")  # type: ignore[list-item]
    post([None] * 3, feed="f")  # type: ignore[list-item]
    rows = folder_conn.execute(
        "SELECT sum(received) AS received, sum(stored) AS stored, sum(same) AS same,"
        "   sum(rejected) AS rejected"
        " FROM ledger WHERE feed = 'f'"
    ).fetchone()
    assert rows == {"received": 8, "stored": 1, "same": 1, "rejected": 6}
    reasons = folder_conn.execute("SELECT reasons FROM ledger WHERE feed = 'f' ORDER BY hour").fetchall()
    assert sum(row["reasons"]["bad_json"] for row in reasons) == 4
    source = folder_conn.execute("SELECT kind, simulated, last_at FROM source WHERE feed = 'f'").fetchone()
    assert source is not None and source["last_at"] is not None


def test_a_series_that_nobody_expected_is_added_from_its_first_reading_on(folder_conn: db.Conn) -> None:
    before = _expected(folder_conn, "CAPACITY", "C")
    answer = post(
        [a_reading("CAPACITY", "B2", minutes=5, value=3), a_reading("CAPACITY", "B2", minutes=9, value=3)]
    )
    assert answer["stored"] == 2
    assert _expected(folder_conn, "CAPACITY", "C") == before + 1
    since = folder_conn.execute("SELECT since FROM node WHERE sign = 'CAPACITY' AND place = 'B2'").fetchone()
    assert since == {"since": NOW - timedelta(minutes=9)}
    assert wrong(folder_conn) == []


def _expected(conn: db.Conn, sign: str, place: str) -> int:
    row = conn.execute(
        "SELECT expected FROM node WHERE sign = %s AND place = %s AND asset = ''", (sign, place)
    ).fetchone()
    assert row is not None
    return int(row["expected"])


def test_a_second_real_source_of_a_series_is_refused(measured: str) -> None:
    post([a_reading("BARRIER", "A1", minutes=5)], feed="one")
    answer = post([a_reading("BARRIER", "A1", minutes=4), a_reading("BARRIER", "A2", minutes=4)], feed="two")
    assert answer["stored"] == 1
    assert [(row["row"], row["code"]) for row in answer["rows"]] == [(0, "claimed")]  # type: ignore[attr-defined]


def test_a_feed_is_simulated_or_real(measured: str) -> None:
    post([a_reading("BARRIER", "A1")], feed="sim", simulated=True)
    with pytest.raises(Refusal, match="simulated data"):
        post([a_reading("BARRIER", "A2")], feed="sim")


@pytest.mark.parametrize("folded", [True, False])
def test_the_first_real_reading_ends_the_simulated_series(folder_conn: db.Conn, folded: bool) -> None:
    simulated = [
        a_reading("BARRIER", place, minutes=minutes, value=100)
        for place in ("A1", "A2") for minutes in (1, 70, 1500)
    ]  # fmt: skip
    post(simulated, feed="sim", simulated=True)
    if folded:
        fold.drain(folder_conn)
    post([a_reading("BARRIER", "A1", minutes=2, value=7)], feed="real")
    assert wrong(folder_conn) == []
    rows = folder_conn.execute(
        "SELECT place, count(*) AS n, sum(value) AS sum FROM reading JOIN node USING (id)"
        " GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert rows == [{"place": "A1", "n": 1, "sum": 7.0}, {"place": "A2", "n": 3, "sum": 300.0}]
    whole = folder_conn.execute(
        "SELECT n.place, l.source, l.simulated FROM latest l JOIN node n USING (id)"
        " WHERE n.sign = 'BARRIER' AND l.at IS NOT NULL ORDER BY n.place"
    ).fetchall()
    assert [(row["place"], row["source"], row["simulated"]) for row in whole] == [
        ("A", "several", True), ("A1", "real", False), ("A2", "sim", True), ("C", "several", True),
    ]  # fmt: skip


def test_a_real_reading_that_the_simulator_forestalls_takes_the_series_over_all_the_same(
    folder_conn: db.Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The series was nobody's when it was looked up, and the simulator's when it was to be stored."""
    sort = intake._sort

    def forestalled(sender: intake.Sender, *found: object) -> object:
        sorted_ = sort(sender, *found)  # type: ignore[arg-type]
        if sender.feed != "sim":
            post([a_reading("BARRIER", "A1", minutes=2, value=9)], feed="sim", simulated=True)
        return sorted_

    monkeypatch.setattr(intake, "_sort", forestalled)
    answer = post([a_reading("BARRIER", "A1", value=7), a_reading("BARRIER", "A2", value=1)])
    assert (answer["stored"], answer["rejected"]) == (2, 0)
    assert wrong(folder_conn) == []
    stored = folder_conn.execute("SELECT value FROM reading ORDER BY value").fetchall()
    assert stored == [{"value": 1.0}, {"value": 7.0}]


def test_the_simulator_does_not_speak_for_a_real_series(measured: str) -> None:
    post([a_reading("BARRIER", "A1", minutes=2, value=7)], feed="real")
    answer = post([a_reading("BARRIER", "A1", minutes=1, value=100)], feed="sim", simulated=True)
    assert [row["code"] for row in answer["rows"]] == ["claimed"]  # type: ignore[attr-defined]


def test_nothing_is_taken_in_while_too_much_waits(measured: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "FULL", 1)
    post([a_reading("BARRIER", "A1", minutes=5), a_reading("BARRIER", "A1", minutes=6)])
    with pytest.raises(Refusal) as refusal:
        post([a_reading("BARRIER", "A1", minutes=4)])
    assert (refusal.value.code, refusal.value.status) == ("busy", 503)


def test_months_of_many_years_come_into_being(folder_conn: db.Conn) -> None:
    rows = [GOOD | {"at": f"{year}-01-31T23:30:00-12:00", "value": year} for year in (2000, 2013, 2025)]
    assert post(rows)["stored"] == 3
    assert wrong(folder_conn) == []


def test_a_post_returns_as_soon_as_its_readings_are_folded(folder_conn: db.Conn) -> None:
    import threading
    import time

    stop = threading.Event()
    lane = threading.Thread(target=fold.keep_fast, args=(stop, lambda: None))
    lane.start()
    try:
        time.sleep(0.3)
        started = time.monotonic()
        readings.post([a_reading("BARRIER", "A1", value=7)], patience=5)
        took = time.monotonic() - started
    finally:
        stop.set()
        lane.join()
    row = folder_conn.execute(
        "SELECT value FROM latest JOIN node USING (id) WHERE sign = 'BARRIER' AND place = 'C'"
    ).fetchone()
    assert row == {"value": 7.0}
    assert took < 2
