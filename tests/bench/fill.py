"""How does a city get its past? COPY for what was said, the product's own folding for what follows of it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import get_context
from typing import Any

from psycopg import Connection

from data import db
from data.domain.incident import due_at
from data.domain.place import DEEPEST_TIER
from data.store import buckets, fold, readings, refill
from data.store.columns import array
from tests.bench import bulk, cases, series
from tests.bench.cases import Spot, Town
from tests.bench.series import Leaf

FEED = "bench"
TOGETHER = 40  # series whose buckets are made in one transaction
WORKERS = 2
SMALL = 10_000  # cases

Told = Callable[[str], object]


@dataclass(frozen=True)
class Size:
    """`days` of so many cases and readings a day."""

    name: str
    days: int
    cases: int
    readings: int


def fill(size: Size, moment: datetime, told: Told) -> None:
    """Into the database that the settings name, which holds the city and nothing else."""
    with closing(db.owner()) as conn:
        _announce(conn, size, moment)
        with bulk.bare(conn, list(cases.TABLES)):
            _spread(size, partial(_cases, size, moment), [*range(size.days)], told, "cases")
            told("their keys and indexes")
        _spread(size, partial(_readings, size, moment), _leaves(conn), told, "readings")
        ids = [leaf.id for leaf in _leaves(conn)]
        _spread(size, partial(_buckets, size, moment, True), ids, told, "hours and days of the series")
        for tier in range(DEEPEST_TIER, 0, -1):
            _spread(size, partial(_buckets, size, moment, False), _folds(conn, tier), told, f"of tier {tier}")
        _newest(moment, ids)
        told("latest values")
        _book(conn)
        conn.execute("VACUUM (ANALYZE)")
        told("vacuum, statistics")


def _spread(
    size: Size, work: Callable[[Sequence[Any]], None], things: Sequence[Any], told: Told, what: str
) -> None:
    """Each process takes every n-th thing; for a small set it is not worth while."""
    if size.days * size.cases < SMALL or len(things) < WORKERS:
        work(things)
    else:
        with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
            list(pool.map(work, [things[n::WORKERS] for n in range(WORKERS)]))
    told(what)


def _announce(conn: Connection, size: Size, moment: datetime) -> None:
    """The feeds, the months, and what has been decided and warned of."""
    feeds = [(FEED, "sensing"), *((source, "society") for source in cases.SOURCES)]
    conn.cursor().executemany("INSERT INTO source (feed, kind) VALUES (%s, %s)", feeds)
    conn.execute("UPDATE node SET source = %s WHERE leaf", (FEED,))
    readings.months(conn, [moment - timedelta(days=back) for back in range(size.days + 2)])
    conn.execute(
        """INSERT INTO warning (id, kind, colour, path, issuer, source, valid)
           SELECT colour, '暴雨', colour, p.path, '气象台', %s, tstzrange(%s, NULL)
           FROM unnest(ARRAY['yellow', 'blue']) colour, place p WHERE p.parent IS NULL""",
        (FEED, moment - timedelta(hours=3)),
    )
    conn.execute(
        """INSERT INTO decision (id, track, place, level, by, reason, source, valid)
           SELECT gen_random_uuid(), '平急', code, '平', '值班长', '常态', %s, tstzrange(%s, NULL)
           FROM place WHERE parent IS NULL""",
        (FEED, moment - timedelta(days=size.days)),
    )


# ── cases ───────────────────────────────────────────────────────────────────────────────────────
def _cases(size: Size, moment: datetime, days: Sequence[int]) -> None:
    with closing(db.owner()) as conn:
        place = town(conn)
        for back in days:
            rows = cases.day(place, moment, back, size.cases)
            for table, columns in cases.TABLES.items():
                with conn.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                    copy.write(rows.text(table))


def town(conn: db.Conn) -> Town:
    """Cases happen in the deepest places, as many as their district has people."""
    here = conn.execute("SELECT root, timezone FROM city").fetchone()
    rows = conn.execute(
        """SELECT p.code, p.path, p.centre[0] AS lon, p.centre[1] AS lat,
                  coalesce(d.population, 1e5) / count(*) OVER (PARTITION BY p.district) AS weight
           FROM place p LEFT JOIN place d ON d.code = p.district
           WHERE NOT EXISTS (SELECT FROM place c WHERE c.parent = p.code) ORDER BY p.path"""
    ).fetchall()
    rules = conn.execute('SELECT DISTINCT ON (code) code, "limit", unit FROM class ORDER BY code, no')
    assert here is not None
    return Town(
        here["root"],
        [Spot(row["code"], row["path"], _short(row["lon"]), _short(row["lat"])) for row in rows],
        [row["weight"] for row in rows],
        {row["code"]: _hours(row["limit"], row["unit"]) for row in rules} or {"E0506": None},
        [row["code"] for row in conn.execute("SELECT code FROM department ORDER BY code")],
    )


def _short(degrees: float | None) -> float | None:
    return None if degrees is None else round(degrees, 6)


def _hours(limit: float | None, unit: str | None) -> float | None:
    start = datetime(2000, 1, 1)  # noqa: DTZ001  only a difference is wanted
    due = due_at(start, limit, unit)
    return None if due is None else (due - start) / timedelta(hours=1)


# ── signs ───────────────────────────────────────────────────────────────────────────────────────
def _leaves(conn: db.Conn) -> list[Leaf]:
    rows = conn.execute(
        """SELECT n.id, extract(epoch FROM s.period)::float8 AS period, n.lo[1] AS lo, n.hi[1] AS hi
           FROM node n JOIN sign s ON s.code = n.sign WHERE n.leaf ORDER BY n.id"""
    )
    return [
        Leaf(row["id"], row["period"], row["lo"] if row["hi"] is None else row["hi"], row["hi"] is None)
        for row in rows
    ]


def _folds(conn: db.Conn, tier: int) -> list[int]:
    rows = conn.execute("SELECT id FROM node WHERE NOT leaf AND tier = %s ORDER BY id", (tier,))
    return [row["id"] for row in rows]


def _readings(size: Size, moment: datetime, leaves: Sequence[Leaf]) -> None:
    """Months one by one, each in key order; in the last hour as often as the sign's period says."""
    until = int(moment.timestamp())
    since = until - size.days * 86_400
    with closing(db.owner()) as conn:
        coarse = series.steps(_leaves(conn), size.readings)
        fine = series.steps(_leaves(conn), float("inf"))
        for table, low, high in _months(conn):
            _copy(conn, table, leaves, coarse, (max(since, low), min(until - 3600, high)))
            _copy(conn, table, leaves, fine, (max(until - 3600, low), min(until, high)))


def _copy(
    conn: db.Conn, table: str, leaves: Sequence[Leaf], every: dict[int, int], during: tuple[int, int]
) -> None:
    for start in range(0, len(leaves) if during[0] < during[1] else 0, 200):
        rows = series.table(leaves[start : start + 200], every, *during)
        copying = f"COPY {table} (id, at, value, received_at) FROM STDIN (FORMAT BINARY)"
        with conn.cursor().copy(copying) as copy:
            copy.write(rows)


def _months(conn: db.Conn) -> list[tuple[str, int, int]]:
    rows = conn.execute(
        """SELECT relname AS name, extract(epoch FROM low)::bigint AS low,
                  extract(epoch FROM (low AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC')::bigint
                    AS high
           FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid,
                to_timestamp(right(relname, 6) || '01 +00', 'YYYYMMDD TZH') low
           WHERE inhparent = 'reading'::regclass ORDER BY 1"""
    )
    return [(row["name"], row["low"], row["high"]) for row in rows]


def _buckets(size: Size, moment: datetime, of_series: bool, ids: Sequence[int]) -> None:
    make = buckets.refill_series if of_series else buckets.refill_folds
    with closing(db.owner()) as conn:
        days = _days(conn, size, moment)
        for start in range(0, len(ids), TOGETHER):
            some = ids[start : start + TOGETHER]
            with conn.transaction():
                fold.settle(conn)
                make(conn, array(id for id in some for _ in days), array(days * len(some)))


def _days(conn: db.Conn, size: Size, moment: datetime) -> list[datetime]:
    """Starts of the city's days."""
    rows = conn.execute(
        """SELECT day AT TIME ZONE timezone AS day FROM city, generate_series(
             date_trunc('day', (%s - %s * interval '1 day') AT TIME ZONE timezone), %s AT TIME ZONE timezone,
             interval '1 day') day""",
        (moment, size.days, moment),
    )
    return [row["day"] for row in rows]


def _newest(moment: datetime, ids: Sequence[int]) -> None:
    """As the folding process would at the moment."""
    with closing(db.replay(moment)) as conn, conn.transaction():
        fold.lock(conn, fold.FAST)
        fold.fold(conn, refill.newest(conn, ids))


def _book(conn: db.Conn) -> None:
    """What the feeds have sent, hour by hour, and when the first and the last came."""
    conn.execute(
        """INSERT INTO ledger (feed, hour, received, stored, same, rejected)
           SELECT feed, hour, sum(n), sum(n), 0, 0 FROM (
             SELECT source AS feed, date_trunc('hour', at, 'UTC') AS hour, count(*) AS n
             FROM incident GROUP BY 1, 2
             UNION ALL
             SELECT %s, date_trunc('hour', h.at, 'UTC'), sum(h.n)
             FROM rollup_hour h JOIN node n ON n.id = h.id WHERE n.leaf GROUP BY 2) said GROUP BY 1, 2""",
        (FEED,),
    )
    conn.execute(
        """UPDATE source s SET first_at = l.first, last_at = l.last
           FROM (SELECT feed, min(hour) AS first, max(hour) + interval '1 hour' AS last
                 FROM ledger GROUP BY 1) l
           WHERE l.feed = s.feed"""
    )
    conn.execute("SELECT setval('incident_number', 900000)")
    conn.execute("UPDATE city SET history = 1")
