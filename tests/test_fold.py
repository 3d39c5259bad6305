"""Are value and coverage of every place the fold of what was measured, whatever order it came in?"""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import db
from data.commands import readings
from data.store import readings as store
from data.store.columns import Batch
from data.work import fold, sweep
from tests import measured_city
from tests.plain_fold import mismatches

NOW = datetime.now(UTC)
MEASURING = {"2": "A B", "3": "A1 A2 B1", "4": "A1x A1y B2y", "5": "A1x0 A1y0 A1y1 B1x0"}
SERIES = [
    (sign["code"], place)
    for sign in measured_city.signs() if sign["tier"]
    for place in MEASURING[sign["tier"]].split()
]  # fmt: skip
METERS = [
    (sign["code"], code) for sign in measured_city.signs() for code, kind, _ in measured_city.assets()
    if sign["kind"] == kind
]  # fmt: skip


def a_reading(
    sign: str, place: str = "", *, asset: str = "", minutes: float = 0, value: float = 1.0
) -> dict[str, object]:
    """`minutes` before now."""
    where = {"asset": asset} if asset else {"place": place}
    return {"sign": sign, **where, "at": (NOW - timedelta(minutes=minutes)).isoformat(), "value": value}


def post(rows: list[dict[str, object]], **more: object) -> dict[str, object]:
    return readings.post(rows, patience=0, **more)  # type: ignore[arg-type]


def wrong(conn: db.Conn) -> list[str]:
    """Once all is folded and swept."""
    fold.drain(conn)
    sweep.stale(conn)
    return mismatches(conn, datetime.now(UTC))


WHERE = st.one_of(
    st.sampled_from(SERIES).map(lambda s: {"sign": s[0], "place": s[1]}),
    st.sampled_from(METERS).map(lambda s: {"sign": s[0], "asset": s[1]}),
)
# Within minutes, hours and days; the same times often, so that keys meet.
MINUTES = st.one_of(st.integers(0, 14), st.integers(16, 200), st.sampled_from([600, 1440, 1441, 2880]))
VALUES = st.one_of(st.integers(-20, 120).map(float), st.sampled_from([0.1, 39.5, 1e6, -0.25]))
READINGS = st.builds(lambda where, ago, value: {**where, "ago": ago, "value": value}, WHERE, MINUTES, VALUES)
BATCHES = st.lists(st.lists(READINGS, min_size=1, max_size=40), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches=BATCHES, folds=st.lists(st.sampled_from(["fast", "slow", "none"]), min_size=6, max_size=6))
def test_every_bucket_and_latest_is_what_raw_says(
    folder_conn: db.Conn, batches: list, folds: list[str]
) -> None:
    """Examples go on on one database: what an earlier one left behind is part of the next."""
    for batch, lane in zip(batches, folds, strict=False):
        rows = [
            {**{k: v for k, v in row.items() if k != "ago"}, "at": NOW - timedelta(minutes=row["ago"])}
            for row in batch
        ]
        answer = post(rows)
        assert answer["received"] == answer["stored"] + answer["same"] + answer["rejected"] == len(rows)
        if lane != "none":
            fold.fast(folder_conn)
        if lane == "slow":
            fold.slow(folder_conn)
    assert wrong(folder_conn) == []


@pytest.mark.parametrize("replace", [False, True])
def test_history_in_bulk_folds_to_the_same(folder_conn: db.Conn, replace: bool) -> None:
    post([a_reading("BARRIER", "A1", minutes=3, value=7)])
    rows = [
        a_reading(sign, place, minutes=minutes, value=(minutes * 7 + number) % 90)
        for number, (sign, place) in enumerate(SERIES)
        for minutes in (3, 9, 70, 71, 1500)
    ]
    tally = readings.bulk(rows, feed="api", replace=replace)
    assert (tally.received, tally.rejected) == (len(rows), 0 if replace else 1)
    assert wrong(folder_conn) == []
    again = readings.bulk(rows, feed="api", replace=replace)
    assert again.same == tally.received - tally.rejected
    assert wrong(folder_conn) == []


def test_a_day_that_is_made_anew_waits_for_who_still_loads_it(folder_conn: db.Conn) -> None:
    """Two imports of one day: the first makes it anew while the second is not committed yet."""
    node = folder_conn.execute("SELECT id FROM node WHERE sign = 'BARRIER' AND place = 'A1'").fetchone()
    assert node is not None
    times = [NOW - timedelta(days=40, minutes=minutes) for minutes in range(2)]
    store.months(folder_conn, times)
    first, second = (Batch.of([node["id"]], [at], [7.0]) for at in times)
    store.load(folder_conn, first)
    making = threading.Thread(target=readings.make_anew)
    with folder_conn.transaction():
        store.load(folder_conn, second)
        making.start()
        making.join(0.3)
        assert making.is_alive()
    making.join()
    assert wrong(folder_conn) == []


def test_a_replaced_value_counts_everywhere_even_while_the_old_one_waits(folder_conn: db.Conn) -> None:
    post([a_reading("BARRIER", "A1", minutes=3, value=7), a_reading("BARRIER", "A2", minutes=3, value=1)])
    fold.fast(folder_conn)
    post([a_reading("BARRIER", "A1", minutes=4, value=5)])
    tally = readings.bulk(
        [a_reading("BARRIER", "A1", minutes=m, value=v) for m, v in ((3, 70.0), (4, 50.0))],
        feed="api",
        replace=True,
    )
    assert tally.stored == 2
    assert wrong(folder_conn) == []
    value = folder_conn.execute(
        "SELECT value FROM latest JOIN node USING (id) WHERE sign = 'BARRIER' AND place = 'C'"
    ).fetchone()
    assert value == {"value": 71.0}


def test_of_a_key_given_twice_the_last_value_replaces_however_often_it_is_sent(folder_conn: db.Conn) -> None:
    post([a_reading("BARRIER", "A1", minutes=3, value=7)])
    rows = [a_reading("BARRIER", "A1", minutes=3, value=value) for value in (8, 9)]
    for _ in range(3):
        readings.bulk(rows, feed="api", replace=True)
        assert folder_conn.execute("SELECT value FROM reading").fetchall() == [{"value": 9.0}]
    assert wrong(folder_conn) == []


def test_a_late_reading_moves_no_latest_but_its_bucket(folder_conn: db.Conn) -> None:
    post([a_reading("BARRIER", "A1", minutes=1, value=7)])
    fold.drain(folder_conn)
    post([a_reading("BARRIER", "A1", minutes=61, value=100)])
    assert wrong(folder_conn) == []
    row = folder_conn.execute(
        "SELECT value FROM latest JOIN node USING (id) WHERE sign = 'BARRIER' AND place = 'A1'"
    ).fetchone()
    assert row == {"value": 7.0}


def test_a_day_is_the_citys_day(folder_conn: db.Conn) -> None:
    """16:30 UTC is half past midnight of the next day in Shanghai."""
    at = datetime(2024, 3, 5, 16, 30, tzinfo=UTC)
    readings.bulk([{"sign": "BARRIER", "place": "A1", "at": at, "value": 3}], feed="api")
    days = folder_conn.execute("SELECT DISTINCT at FROM rollup_day").fetchall()
    assert days == [{"at": datetime(2024, 3, 5, 16, tzinfo=UTC)}]


def test_a_fold_tells_the_places_it_changed(folder_conn: db.Conn) -> None:
    import json

    with db.listen() as ear:
        post([a_reading("BARRIER", "A1", value=7)])
        fold.fast(folder_conn)
        note = next(ear.notifies(timeout=2, stop_after=1))
    payload = json.loads(note.payload)
    assert (payload["kind"], payload["paths"]) == ("signs", ["C/A/A1/"])


def test_what_is_sent_again_changes_nothing(folder_conn: db.Conn) -> None:
    rows = [a_reading(sign, place, minutes=4, value=50) for sign, place in SERIES]
    post(rows)
    fold.drain(folder_conn)
    before = _everything(folder_conn)
    answer = post(rows)
    fold.drain(folder_conn)
    assert answer["same"] == len(rows)
    assert _everything(folder_conn) == before


def _everything(conn: db.Conn) -> list[object]:
    return [
        conn.execute(query).fetchall()
        for query in (
            "SELECT * FROM latest ORDER BY id",
            "SELECT * FROM rollup_hour ORDER BY at, id",
            "SELECT * FROM rollup_day ORDER BY at, id",
            "SELECT * FROM sign_span ORDER BY id, during",
        )
    ]


@pytest.mark.parametrize(
    ("limit", "count", "seconds", "following"),
    [
        (5_000, 0, 0.0, fold.LIMIT),
        (5_000, 5_000, 0.4, 6_250),
        (5_000, 5_000, 0.05, 10_000),
        (20_000, 20_000, 0.5, 20_000),
        (40_000, 40_000, 0.25, fold.MOST),
        (40_000, 40_000, 4.0, fold.LIMIT),
    ],
)
def test_a_fold_takes_as_many_as_were_last_folded_in_half_a_second_and_at_most_doubles(
    limit: int, count: int, seconds: float, following: int
) -> None:
    assert fold._pace(limit, count, seconds) == following
