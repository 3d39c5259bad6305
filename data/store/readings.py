"""How are readings stored, once for each series and time?"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from data.db import Conn, Row
from data.store import inbox
from data.store.columns import Batch
from data.store.refill import DAYS_OF_NEW, HELD_DAYS_OF_NEW


class Put(NamedTuple):
    """How many are stored now and, where not all are, their keys; `box` = the batch's number in the inbox."""

    size: int
    keys: set[tuple[int, datetime]] | None
    box: int | None


def months(conn: Conn, ats: Iterable[datetime]) -> None:
    """Makes the months of these times that are missing; before a transaction: until its end nobody else could
    make one."""
    months = {(at.year, at.month) for at in (at.astimezone(UTC) for at in ats)}
    for year, month in sorted(months):
        conn.execute("SELECT reading_month(%s)", (datetime(year, month, 1, tzinfo=UTC),))


def ahead(conn: Conn) -> None:
    """Makes this month and, from nine days before its first on, the next."""
    conn.execute("SELECT reading_month(city_now()), reading_month(city_now() + interval '9 days')")


_INSERT = """
INSERT INTO reading (id, at, value, received_at)
SELECT DISTINCT ON (u.id, u.at) u.id, u.at, u.value, city_now()
FROM unnest(%s::bigint[], %s::timestamptz[], %s::float8[]) WITH ORDINALITY u(id, at, value, no)
ORDER BY u.id, u.at, u.no ON CONFLICT DO NOTHING RETURNING id, at, value"""

_ANSWER = """count(*) AS size, CASE WHEN count(*) < %s THEN array_agg(id) END AS ids,
  CASE WHEN count(*) < %s THEN array_agg(at) END AS ats"""

_WITH_BOX = f"""
WITH new AS ({_INSERT}),
box AS (INSERT INTO inbox (size, ids, ats, vals)
        SELECT count(*), array_agg(id), array_agg(at), array_agg(value) FROM new
        HAVING count(*) > 0 RETURNING n)
SELECT (SELECT n FROM box) AS n, {_ANSWER} FROM new"""  # noqa: S608

_WITH_DAYS = f"""
WITH new AS ({_INSERT}),
days AS ({HELD_DAYS_OF_NEW})
SELECT NULL::bigint AS n, {_ANSWER} FROM new"""  # noqa: S608


def put(conn: Conn, batch: Batch) -> Put:
    """In key order, with the inbox row the folding process takes; of a key given twice the first counts."""
    return _put(conn.execute(_WITH_BOX, (*batch, batch.size), prepare=True).fetchone())


def load(conn: Conn, batch: Batch) -> Put:
    """The same for history: whole days are made anew afterwards, nothing goes through the inbox."""
    return _put(conn.execute(_WITH_DAYS, (*batch, batch.size), prepare=True).fetchone())


def _put(row: Row | None) -> Put:
    assert row is not None
    keys = (
        None
        if row["ids"] is None and row["size"]
        else set(zip(row["ids"] or [], row["ats"] or [], strict=True))
    )
    return Put(row["size"], keys, row["n"])


def values(conn: Conn, batch: Batch) -> dict[tuple[int, datetime], float]:
    """What stands for these keys."""
    rows = conn.execute(
        "SELECT e.id, e.at, e.value FROM unnest(%s::bigint[], %s::timestamptz[]) u(id, at)"
        " CROSS JOIN LATERAL (SELECT * FROM reading e WHERE e.id = u.id AND e.at = u.at OFFSET 0) e",
        (batch.ids, batch.ats),
    )
    return {(row["id"], row["at"]): row["value"] for row in rows}


def replace(conn: Conn, batch: Batch) -> None:
    """Gives standing keys another value, everywhere; the caller holds FAST and SLOW."""
    conn.execute(
        "UPDATE reading e SET value = u.value, received_at = city_now()"
        " FROM unnest(%s::bigint[], %s::timestamptz[], %s::float8[]) u(id, at, value)"
        " WHERE e.id = u.id AND e.at = u.at",
        batch[:3],
    )
    inbox.correct(conn, batch)
    conn.execute(_WAIT, (batch.ids, batch.ats))


# Nobody makes a day anew meanwhile, since the caller holds SLOW: what waits already need not be held.
_WAIT = f"""
WITH new AS (SELECT * FROM unnest(%s::bigint[], %s::timestamptz[]) u(id, at))
{DAYS_OF_NEW} ON CONFLICT DO NOTHING"""  # noqa: S608


def now(conn: Conn) -> datetime:
    row = conn.execute("SELECT city_now() AS now").fetchone()
    assert row is not None
    return row["now"]  # type: ignore[no-any-return]
