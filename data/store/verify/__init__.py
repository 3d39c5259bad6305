"""In which one moment is a database proven, and which places does a clause name?

A clause is a query whose rows are what is broken, each with one column `place`.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from psycopg import sql
from psycopg.errors import DataError, InternalError, IoError, UndefinedFile

from data import db
from data.db import Conn
from data.domain.proof import SHOWN, Break
from data.store.leader import LEADER, LEASE

ALONE = 83  # who verifies

UNREADABLE = (DataError, InternalError, IoError, UndefinedFile)
"""What is raised where pages or values are not what was written."""


@dataclass(frozen=True)
class Moment:
    """The snapshot, its time, the city's timezone and the tables in which readings lie, month by month."""

    conn: Conn
    at: datetime
    zone: str
    months: list[str]

    @cached_property
    def raw(self) -> dict[str, list[int]]:
        """How many readings there are of which ids, counted once: `{ids, sizes}`."""
        query = sql.SQL(
            "SELECT coalesce(array_agg(id), '{{}}') AS ids, coalesce(array_agg(n), '{{}}') AS sizes"
            " FROM (SELECT id, count(*) AS n FROM {} r GROUP BY id) r"
        ).format(readings(self))
        row = self.conn.execute(query).fetchone()
        assert row is not None
        return row


@contextmanager
def moment(*, wait: bool) -> Iterator[Moment | None]:
    """One snapshot that locks nobody out and writes nothing; not `wait`: None while somebody else verifies.

    Readings are read month by month, of the months that there are at that moment: their parent is held by
    nothing, and one that is attached meanwhile is none of them.
    """
    with closing(db.unhurried()) as conn:
        if not _alone(conn, wait):
            yield None
            return
        with conn.transaction():
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield moment_of(conn)


def moment_of(conn: Conn) -> Moment:
    """What this transaction sees."""
    conn.execute(_PLAINLY)
    row = conn.execute("SELECT city_now() AS at, (SELECT min(timezone) FROM city) AS zone").fetchone()
    assert row is not None
    return Moment(conn, row["at"], row["zone"], _months(conn))


# Memory is bounded, other cores stay free; fresh tables have no statistics, and a nested loop over what is
# taken for a few rows would never end.
_PLAINLY = """
SELECT set_config('work_mem', '48MB', true), set_config('hash_mem_multiplier', '1', true),
       set_config('enable_nestloop', 'off', true),
       set_config('max_parallel_workers_per_gather', '0', true),
       set_config('idle_in_transaction_session_timeout', '10min', true)"""


def _alone(conn: Conn, wait: bool) -> bool:
    if wait:
        conn.execute("SELECT pg_advisory_lock(%s, 0)", (ALONE,))
        return True
    row = conn.execute("SELECT pg_try_advisory_lock(%s, 0) AS ours", (ALONE,)).fetchone()
    return bool(row and row["ours"])


def _months(conn: Conn) -> list[str]:
    rows = conn.execute(
        "SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'reading'::regclass ORDER BY 1"
    )
    return [row["name"] for row in rows]


# Until when everything that time brings about has been seen to: no worker, nothing.
LED = sql.SQL("""
led AS (
  SELECT %(now)s - interval '2 min' AS seen FROM pg_locks k JOIN pg_stat_activity a USING (pid)
  WHERE k.locktype = 'advisory' AND (k.classid, k.objid) = ({leader}, 0) AND k.granted
    AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND a.backend_start < %(now)s - interval '2 min'
    AND EXISTS (SELECT FROM beat WHERE process = 'worker' AND at > %(now)s - {lease} * interval '1 s'))
""").format(leader=LEADER, lease=LEASE)


def readings(now: Moment) -> sql.SQL | sql.Composed:
    """All months as one."""
    if not now.months:
        return sql.SQL(
            "(SELECT NULL::bigint AS id, NULL::timestamptz AS at, NULL::float8 AS value WHERE false)"
        )
    tables = [sql.SQL("SELECT id, at, value FROM {}").format(sql.Identifier(name)) for name in now.months]
    return sql.SQL("({})").format(sql.SQL(" UNION ALL ").join(tables))


def names(now: Moment) -> dict[str, Any]:
    """What clauses may name: `%(zone)s`, `%(now)s`, `%(months)s`."""
    months = [name.removeprefix("reading_") for name in now.months]
    return {"zone": now.zone, "now": now.at, "months": months}


def look(now: Moment, clause: str, query: sql.SQL | sql.Composed, **more: Any) -> Break | None:
    """The first places the query answers, and how many there are."""
    whole = sql.SQL("SELECT place, count(*) OVER () AS n FROM ({}) broken ORDER BY place LIMIT {}")
    rows = now.conn.execute(whole.format(query, SHOWN), {**names(now), **more}).fetchall()
    return Break(clause, rows[0]["n"], [row["place"] for row in rows]) if rows else None


def counted(now: Moment, query: sql.SQL | sql.Composed) -> dict[str, int]:
    """Its one row."""
    row = now.conn.execute(query, names(now)).fetchone()
    assert row is not None
    return dict(row)
