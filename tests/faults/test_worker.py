"""Does a worker that hangs, wakes or is two do everything once, and is what it needs there in time?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import orjson
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from data import db
from data.commands import readings
from data.store import inbox
from data.store import readings as store
from data.work import fold, sweep
from data.work.worker import LEADER, LEASE
from tests.api.conftest import a_report
from tests.conftest import ROOT, LiveServer, Postgres
from tests.faults.invariants import sound
from tests.waiting import frozen, until

PROMISE = 2.0  # seconds until what is posted is answered
CLOCKS_STOP = 15.0  # seconds without a beat
STORED = "SELECT count(*)::int FROM reading"
FOLDED = "SELECT coalesce(sum(n), 0)::int FROM rollup_hour JOIN node USING (id) WHERE leaf"
SLOW = [pytest.mark.slow, pytest.mark.timeout(900)]
Tell = Callable[[str, object], None]


def now() -> datetime:
    return datetime.now(UTC)


def value(query: str, *values: object) -> Any:
    with db.read() as conn:
        row = conn.execute(query.encode(), values or None).fetchone()
    assert row is not None
    return next(iter(row.values()))


def is_folded() -> bool:
    return value("SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM refill)") == 0


# ── rows 4, 7: it hangs, it is two ──────────────────────────────────────────────────────────────
@contextmanager
def another_worker(server: LiveServer) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-m", "flask", "--app", "app", "worker"]
    worker = subprocess.Popen(words, env=server.environment, cwd=ROOT)
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(15)


@contextmanager
def told_overdue() -> Iterator[Callable[[], int]]:
    """How often the screens were told of cases since."""
    heard: list[dict[str, Any]] = []
    with closing(db.listen()) as ear:

        def count() -> int:
            heard.extend(orjson.loads(note.payload) for note in ear.notifies(timeout=0.05))
            return sum(news["kind"] == "incidents" for news in heard)

        yield count


FILED = 2  # the reports of falls_due


def falls_due(server: LiveServer, seconds: float, source_id: str) -> str:
    """A case that will be overdue so many seconds from now."""
    first = dict(server.post("incidents", a_report(source_id=f"{source_id} before")))  # type: ignore[call-overload]
    limit = datetime.fromisoformat(first["due"]) - datetime.fromisoformat(first["at"])
    at = now() - limit + timedelta(seconds=seconds)
    return str(dict(server.post("incidents", a_report(source_id=source_id, at=at.isoformat())))["id"])  # type: ignore[call-overload]


def is_overdue(case: str) -> bool:
    return bool(value("SELECT overdue FROM incident WHERE id = %s", case))


def age(server: LiveServer) -> float:
    text = requests.get(f"{server.url}/metrics", timeout=5).text
    found = {family.name: family for family in text_string_to_metric_families(text)}
    return float(found["cityops_worker_age_seconds"].samples[0].value)


def beat_at(server: LiveServer) -> datetime:
    said = requests.get(f"{server.url}/api/v1/state/overview/99", timeout=5).json()
    return datetime.fromisoformat(said["worker_at"])


def flood(server: LiveServer, count: int, *, ago: float) -> None:
    start = now() - timedelta(seconds=ago)
    rows = [
        {"sign": "W2", "asset": "flood-1", "at": (start + timedelta(milliseconds=n)).isoformat(), "value": n}
        for n in range(count)
    ]
    assert dict(server.post("readings", rows))["stored"] == count  # type: ignore[call-overload]


@pytest.mark.parametrize("seconds", [4, pytest.param(120, marks=SLOW)])
def test_a_worker_that_hangs_is_seen_and_does_what_was_late_once(
    live_module: LiveServer, seconds: int, record_property: Tell
) -> None:
    live_server, stood = live_module, value(STORED)
    until(lambda: age(live_server) < 6, 10, "the worker beats")
    worker = live_server.worker
    assert worker is not None
    with told_overdue() as told, frozen(worker.pid):
        case = falls_due(live_server, 3, f"hang {seconds}")
        until(lambda: told() == FILED, 5, "both reports are told")
        before = beat_at(live_server)
        time.sleep(seconds / 2)
        began = time.monotonic()
        flood(live_server, 40, ago=60)
        took = time.monotonic() - began
        record_property("readings stored while nobody folds", f"{took:.1f} s")
        assert took < 2 * PROMISE
        time.sleep(seconds / 2)
        assert age(live_server) > seconds - 1
        assert beat_at(live_server) == before
        assert not is_overdue(case) and told() == FILED and not is_folded()
        os.kill(worker.pid, signal.SIGCONT)
        began = time.monotonic()
        until(lambda: is_overdue(case) and is_folded(), CLOCKS_STOP, "what was late is done")
        record_property(
            f"worker stopped for {seconds} s: all done after", f"{time.monotonic() - began:.1f} s"
        )
        until(lambda: beat_at(live_server) > before, CLOCKS_STOP, "it beats again")
        time.sleep(sweep.EVERY)
        assert told() == FILED + 1
    assert value(FOLDED) == value(STORED) == stood + 40
    sound()


@pytest.mark.parametrize(
    "lost", [pytest.param(way, marks=SLOW) for way in ("its connection is ended", "its lease is over")]
)
def test_a_leader_that_is_paused_and_wakes_does_nothing_that_another_has_done(
    live_module: LiveServer, postgres: Postgres, fresh_module: str, lost: str, record_property: Tell
) -> None:
    live_server, stood = live_module, value(STORED)
    until(lambda: age(live_server) < 6, 10, "the first leads")
    paused = live_server.worker
    assert paused is not None
    with another_worker(live_server), told_overdue() as told:
        first = seat(postgres, fresh_module)
        flood(live_server, 300, ago=300)
        began = time.monotonic()
        with frozen(paused.pid):
            case = falls_due(live_server, 4, f"two {lost}")
            if lost == "its connection is ended":
                with closing(postgres.admin()) as admin:
                    admin.execute("SELECT pg_terminate_backend(%s)", (first,))
            until(lambda: seat(postgres, fresh_module) not in (None, first), 30, "the second leads")
            record_property(
                f"leader paused, {lost}: another leads after", f"{time.monotonic() - began:.1f} s"
            )
            assert time.monotonic() - began < 2 * LEASE
            flood(live_server, 300, ago=200)
            until(lambda: is_overdue(case) and is_folded(), 30, "the second does it")
            second = seat(postgres, fresh_module)
        for ago in (100, 50):  # both are awake
            flood(live_server, 300, ago=ago)
            time.sleep(1)
        until(is_folded, 30, "all is folded")
        assert seat(postgres, fresh_module) == second
        assert told() == FILED + 1
    assert value(FOLDED) == value(STORED) == stood + 1_200
    sound()


def seat(postgres: Postgres, database: str) -> int | None:
    """The backend of whoever leads."""
    with closing(postgres.admin(database)) as admin:
        rows = admin.execute(
            "SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE d.datname = current_database() AND l.locktype = 'advisory' AND granted AND classid = %s",
            (LEADER,),
        ).fetchall()
    assert len(rows) <= 1
    return int(str(rows[0][0])) if rows else None


# ── row 35: months ──────────────────────────────────────────────────────────────────────────────
MOMENTS = (
    "2026-10-24T23:59:59Z", "2025-12-23T23:59:59Z", "2025-12-24T00:00:00Z", "2025-12-31T23:59:59Z",
    "2026-01-01T00:00:00Z", "2024-02-21T12:00:00Z", "2024-02-22T00:00:00Z", "2024-02-29T23:59:50Z",
    "2023-02-21T23:59:59Z", "2023-02-28T23:59:59Z",
)  # fmt: skip


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_month_stands_seven_days_before_it_begins(fresh_module: str, moment: str) -> None:
    """Whenever the worker last looked, at most a day before."""
    at = datetime.fromisoformat(moment)
    with closing(db.replay(at - timedelta(days=1))) as conn:
        store.ahead(conn)
        for ahead in (timedelta(0), timedelta(days=7)):
            name = f"reading_{at + ahead:%Y%m}"
            assert conn.execute("SELECT to_regclass(%s) AS name", (name,)).fetchone() == {"name": name}


def test_the_worker_makes_the_month_when_it_starts(fresh: str) -> None:
    stop, names = Event(), [f"reading_{now() + timedelta(days=days):%Y%m}" for days in (0, 8)]
    assert [value("SELECT to_regclass(%s)", name) for name in names] == [None] * 2
    sweep.keep_months(stop, stop.set)
    assert [value("SELECT to_regclass(%s)", name) for name in names] == names


def test_a_new_month_waits_for_nobody_and_nobody_waits_for_it(fresh: str) -> None:
    reader, writer, maker = db.connect(), db.connect(), db.connect()
    with closing(reader), closing(writer), closing(maker), reader.transaction(), writer.transaction():
        reader.execute("SELECT count(*) FROM reading")
        writer.execute("DELETE FROM reading WHERE id = 0")
        maker.execute("SET lock_timeout = '500ms'")
        with maker.transaction():
            maker.execute("SELECT reading_month('2010-05-05')")
            with db.read() as other:
                other.execute("SET lock_timeout = '500ms'")
                other.execute("SELECT count(*) FROM reading")


def test_a_reading_in_a_month_that_nobody_made_is_taken(fresh: str) -> None:
    row = {"sign": "W2", "asset": "flood-1", "at": "2012-02-29T23:59:59Z", "value": 3}
    assert readings.post([row], patience=0)["stored"] == 1
    with closing(db.connect()) as conn:
        fold.drain(conn)
    assert value("SELECT tableoid::regclass::text FROM reading") == "reading_201202"
    sound()


# ── row 36: late, early ─────────────────────────────────────────────────────────────────────────
def test_a_late_reading_makes_its_hour_and_day_anew_and_one_from_the_future_is_refused(fresh: str) -> None:
    def at(**ago: float) -> str:
        return (now() - timedelta(**ago)).isoformat()

    def posted(*given: tuple[str, float]) -> dict[str, Any]:
        rows = [{"sign": "W2", "asset": "flood-1", "at": when, "value": depth} for when, depth in given]
        return readings.post(rows, patience=0)

    late = (now() - timedelta(days=3)).replace(minute=30, second=0, microsecond=0)
    with closing(db.connect()) as conn:
        assert posted((at(minutes=1), 5), (late.isoformat(), 7))["stored"] == 2
        fold.drain(conn)
        answer = posted(
            (at(minutes=-3), 99), ("1970-01-01T00:00:00Z", 99), ("9999-12-31T23:59:59Z", 99),
            ((late + timedelta(minutes=1)).isoformat(), 30), (at(minutes=-1), 6),
        )  # fmt: skip
        assert [row["code"] for row in answer["rows"]] == ["future", "too_old", "future"]
        fold.drain(conn)
    assert value("SELECT value FROM latest JOIN node USING (id) WHERE asset = 'flood-1'") == 6
    bucket = (
        "SELECT r.value FROM rollup_{} r JOIN node USING (id) WHERE asset = 'flood-1' ORDER BY r.at LIMIT 1"
    )
    assert [value(bucket.format(grain)) for grain in ("hour", "day")] == [30, 30]
    sound()


# ── the inbox ───────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("most", [60, pytest.param(inbox.FULL, marks=SLOW)])
def test_a_full_inbox_takes_nothing_says_so_and_recovers_by_itself(
    app_client: Any, token: str, most: int, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "FULL", most)

    def posted(first: int, count: int) -> Any:
        start = now() - timedelta(days=20)
        rows = [
            {"sign": "W2", "asset": "flood-1", "at": (start + timedelta(seconds=n)).isoformat(), "value": n}
            for n in range(first, first + count)
        ]
        headers = {"Authorization": f"Bearer {token}"}
        return app_client.post("/api/v1/readings", json=rows, headers=headers)

    for first in range(0, most + 1, 5_000):
        assert posted(first, min(5_000, most + 1 - first)).status_code == 200
    ledger = value("SELECT sum(received)::int FROM ledger")
    full = posted(most + 1, 10)
    assert (full.status_code, full.get_json(force=True)["code"]) == (503, "busy")
    assert int(full.headers["Retry-After"]) > 0
    assert (value("SELECT count(*)::int FROM reading"), ledger) == (most + 1, most + 1)
    assert value("SELECT sum(received)::int FROM ledger") == ledger
    with closing(db.connect()) as conn:
        while fold.fast(conn) or fold.slow(conn):
            pass
    assert posted(most + 1, 10).status_code == 200
    with closing(db.connect()) as conn:
        fold.drain(conn)
    sound()


def test_what_a_frozen_worker_holds_is_given_back_by_the_server(fresh: str) -> None:
    with closing(db.connect()) as conn:
        limits = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        said = [next(iter(dict(conn.execute(f"SHOW {name}").fetchone() or {}).values())) for name in limits]
    assert said == ["30s", "5s", "15s"]
