"""Are the cases that a place counts and lists those that it has, whichever index answers?"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from data import db
from data.domain.cases import Cases
from data.store import caselist, caseload, deadlines, events, incidents
from tests.bench import sets
from tests.bench.fill import Size
from tests.conftest import CITY, Postgres, pointed_at
from tests.test_wiring import TIERS

SIZE = Size("caseload", 3, 120, 400)
MIDNIGHT = sets.MOMENT.astimezone(ZoneInfo("Asia/Shanghai")).replace(hour=0, minute=0)
DAY = timedelta(days=1)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def conn(postgres: Postgres) -> Iterator[db.Conn]:
    sets.make(postgres, SIZE, sets.MOMENT, CITY)
    with pointed_at(postgres, SIZE.name), closing(db.replay(sets.MOMENT)) as conn:
        yield conn
    sets.drop(postgres, SIZE.name)


@pytest.fixture(params=TIERS.values())
def path(conn: db.Conn, request: pytest.FixtureRequest) -> str:
    row = conn.execute("SELECT path FROM place WHERE code = %s", (request.param,)).fetchone()
    assert row is not None
    return str(row["path"])


def cases(conn: db.Conn, path: str) -> list[Row]:
    rows = conn.execute(
        """SELECT i.*, coalesce(i.point, p.centre) IS NOT NULL AS drawn FROM incident i
           JOIN place p ON p.code = i.place WHERE starts_with(i.path, %s)""",
        (path,),
    ).fetchall()
    ended = conn.execute("SELECT incident, at FROM event WHERE to_state = 'closed'").fetchall()
    at = {row["incident"]: row["at"] for row in ended}
    return [{**row, "closed": at.get(row["id"])} for row in rows]


def since(rows: list[Row], name: str, low: datetime, high: datetime | None = None) -> int:
    return sum(
        row[name] is not None and low <= row[name] and (high is None or row[name] < high) for row in rows
    )


def late_first(row: Row) -> tuple[Any, ...]:
    return not row["overdue"], row["severity"] or 5, row["due"] is None, row["due"] or 0, row["id"]


def test_today_counts_what_came_and_went(conn: db.Conn, path: str) -> None:
    rows, found = cases(conn, path), caseload.today(conn, path)
    late = [row["due"] for row in rows if row["open"] and row["overdue"]]
    assert found == {
        "midnight": MIDNIGHT,
        "reported": since(rows, "at", MIDNIGHT),
        "reported_before": since(rows, "at", MIDNIGHT - DAY, MIDNIGHT),
        "closed": since(rows, "closed", MIDNIGHT),
        "closed_before": since(rows, "closed", MIDNIGHT - DAY, MIDNIGHT),
        "longest": min(late, default=None),
    }


def test_the_tabs_count_the_same(conn: db.Conn, path: str) -> None:
    rows = cases(conn, path)
    assert caselist.tallies(conn, path) == {
        "midnight": MIDNIGHT,
        "open": sum(row["open"] for row in rows),
        "overdue": sum(row["open"] and row["overdue"] for row in rows),
        "reported": since(rows, "at", MIDNIGHT),
        "closed": since(rows, "closed", MIDNIGHT),
    }


def test_what_presses_is_late_then_grave_then_due(conn: db.Conn, path: str) -> None:
    wanted = sorted((row for row in cases(conn, path) if row["open"]), key=late_first)[:24]
    found = caseload.pressing(conn, path, 24)
    assert [row["id"] for row in found] == [row["id"] for row in wanted]
    assert all(row["place_name"] and row["number"] for row in found)


def test_the_nearest_deadlines_are_those_passed_and_those_to_come(conn: db.Conn, path: str) -> None:
    rows = [row for row in cases(conn, path) if row["open"] and row["due"] is not None]
    late = [row for row in rows if row["overdue"]]
    to_come = [row for row in rows if not row["overdue"]]
    late.sort(key=lambda row: (row["severity"] or 5, row["due"], row["id"]))
    to_come.sort(key=lambda row: (row["severity"] is None, row["due"], row["id"]))
    found = [row["id"] for row in deadlines.nearest(conn, path, 4)]
    assert found == [row["id"] for row in (*late[:4], *to_come[:4])]


def test_the_graver_cases_come_the_gravest_first(conn: db.Conn, path: str) -> None:
    rows = [row for row in cases(conn, path) if row["open"] and row["severity"] is not None]
    rows.sort(
        key=lambda row: (row["severity"], not row["overdue"], row["due"] is None, row["due"] or 0, row["id"])
    )
    found = deadlines.graded(conn, path, 5)
    assert [row["id"] for row in found] == [row["id"] for row in rows[:5] if row["drawn"]]
    assert any(row["drawn"] for row in rows) or not found


def test_the_newest_acts_come_the_newest_first(conn: db.Conn, path: str) -> None:
    rows = conn.execute(
        "SELECT id FROM event WHERE starts_with(path, %s) ORDER BY at DESC, seq DESC LIMIT 6", (path,)
    ).fetchall()
    assert [row["id"] for row in events.recent(conn, path, 6)] == [row["id"] for row in rows]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_hours_are_those_of_the_zone(conn: db.Conn, zone: str) -> None:
    rows = cases(conn, "99/")
    found = incidents.counts(conn, Cases("99/"), "hour", tier=2, timezone=zone)
    hours = Counter(
        row["at"].astimezone(ZoneInfo(zone)).replace(minute=0, second=0, microsecond=0) for row in rows
    )
    assert {row["key"]: row["n"] for row in found} == hours
    assert [row["key"] for row in found] == sorted(hours)
