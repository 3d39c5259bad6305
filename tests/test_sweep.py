"""Does time that passes show: stale, held, overdue?"""

import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import db
from data.domain.hold import Held, Moment, course, settled, step
from data.domain.sign import Status
from data.work import fold, sweep
from tests.plain_fold import mismatches
from tests.test_fold import NOW, a_reading, post


@contextmanager
def later(minutes: float) -> Iterator[db.Conn]:
    with closing(db.replay(NOW + timedelta(minutes=minutes))) as conn:
        yield conn


@pytest.fixture
def folder_conn(measured: str) -> Iterator[db.Conn]:
    """Folds at NOW, however late in the run that is."""
    with later(0) as conn:
        yield conn


def latest(conn: db.Conn, sign: str, place: str) -> tuple[int, str, float | None]:
    row = conn.execute(
        "SELECT l.live, status_of(l.live, l.rank, l.at) AS status, l.value FROM latest l JOIN node USING (id)"
        " WHERE sign = %s AND place = %s AND asset = ''",
        (sign, place),
    ).fetchone()
    assert row is not None
    return row["live"], Status(row["status"]).word, row["value"]


def spans(conn: db.Conn, sign: str, place: str) -> list[tuple[str, float | None, float | None]]:
    """(status, from, to) in minutes after NOW."""
    rows = conn.execute(
        "SELECT status, lower(during) AS since, upper(during) AS until FROM sign_span JOIN node USING (id)"
        " WHERE sign = %s AND place = %s AND asset = '' ORDER BY lower(during) NULLS FIRST",
        (sign, place),
    )
    return [(Status(row["status"]).word, _minutes(row["since"]), _minutes(row["until"])) for row in rows]


def _minutes(at: datetime | None) -> float | None:
    return None if at is None else (at - NOW) / timedelta(minutes=1)


def test_a_silent_series_goes_stale_and_its_folds_keep_to_the_live_ones(folder_conn: db.Conn) -> None:
    post([a_reading("BARRIER", "A1", minutes=10, value=5), a_reading("BARRIER", "A2", minutes=0, value=3)])
    fold.drain(folder_conn)
    assert latest(folder_conn, "BARRIER", "A") == (2, "normal", 8.0)
    with later(10) as conn:
        assert sweep.stale(conn) == 1
        assert latest(conn, "BARRIER", "A1") == (0, "stale", 5.0)
        assert latest(conn, "BARRIER", "C") == (1, "normal", 3.0)
        assert mismatches(conn, NOW + timedelta(minutes=10)) == []
    with later(20) as conn:
        assert sweep.stale(conn) == 1
        assert latest(conn, "BARRIER", "C") == (0, "stale", 8.0)
        assert mismatches(conn, NOW + timedelta(minutes=20)) == []
        assert sweep.stale(conn) == 0


def test_what_goes_stale_is_told(folder_conn: db.Conn) -> None:
    import json

    post([a_reading("BARRIER", "A1", minutes=10, value=5)])
    fold.drain(folder_conn)
    with db.listen() as ear, later(10) as conn:
        sweep.stale(conn)
        note = next(ear.notifies(timeout=2, stop_after=1))
    assert json.loads(note.payload)["paths"] == ["C/A/A1/"]


def test_a_status_rises_after_its_hold_falls_past_the_hysteresis_and_is_silent_at_its_time(
    folder_conn: db.Conn,
) -> None:
    """HELD: limits 40, 60, 80, hysteresis 5, hold 10 min, freshness 1 h."""
    course = ((50, 50.0), (45, 50.0), (40, 50.0), (35, 36.0), (30, 34.0), (25, 90.0), (20, 30.0))
    for minutes, value in course:
        post([a_reading("HELD", "A1", minutes=minutes, value=value)])
        fold.fast(folder_conn)
    with later(45) as conn:
        sweep.stale(conn)
    expected = [
        ("none", None, -50), ("normal", -50, -40), ("attention", -40, -30), ("normal", -30, 40),
        ("stale", 40, None),
    ]  # fmt: skip
    assert spans(folder_conn, "HELD", "A1") == expected
    assert spans(folder_conn, "HELD", "C") == expected


def test_one_post_of_many_readings_holds_what_they_held_one_by_one(folder_conn: db.Conn) -> None:
    rows = [
        a_reading("HELD", "A1", minutes=m, value=v)
        for m, v in ((30, 50.0), (25, 50.0), (20, 50.0), (15, 10.0))
    ]
    post(rows)
    fold.fast(folder_conn)
    assert spans(folder_conn, "HELD", "A1") == [
        ("none", None, -30), ("normal", -30, -20), ("attention", -20, -15), ("normal", -15, None),
    ]  # fmt: skip


MOMENTS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 3), st.integers(0, 1)),
    min_size=1,
    max_size=30,
    unique_by=lambda m: m[0],
).map(sorted)


@given(moments=MOMENTS, hold=st.sampled_from([0, 5, 60]))
def test_turns_rise_in_time_and_never_repeat_a_status(moments: list[tuple[int, int, int]], hold: int) -> None:
    course_of = [
        Moment(NOW + timedelta(minutes=m), rank, min(rank + ease, 3), NOW + timedelta(minutes=m + 15))
        for m, rank, ease in moments
    ]
    held, turns = course(
        Held(), course_of, expires=None, hold=timedelta(minutes=hold), now=NOW + timedelta(minutes=320)
    )
    kept = settled(turns, None)
    assert all(one.at < after.at for one, after in itertools.pairwise(kept))
    assert kept[-1].status == held.status == Status.STALE
    if hold == 0:
        assert max(turn.status for turn in turns if turn.status < Status.STALE) == max(
            rank for _, rank, _ in moments
        )


@given(ranks=st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_without_hold_and_hysteresis_the_held_status_is_the_rank(ranks: list[int]) -> None:
    held = Held()
    for minute, rank in enumerate(ranks):
        held = step(held, rank=rank, eased=rank, at=NOW + timedelta(minutes=minute), hold=timedelta(0))
        assert held == Held(rank)
