"""Which days are to be made anew from raw, and how?"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import NamedTuple

from data import db
from data.db import Conn, Row
from data.store import buckets, fold
from data.store.columns import Batch, array

LOADING = 74  # shared by whoever loads history

DAYS_OF_NEW = """
INSERT INTO refill (tier, day, id) SELECT DISTINCT n.tier, date_trunc('day', new.at, c.timezone), new.id
FROM new JOIN node n USING (id), city c ORDER BY 1, 2, 3"""
"""The days of the readings `new` (id, at). As it stands for who keeps others from making days anew."""
HELD_DAYS_OF_NEW = f"{DAYS_OF_NEW} ON CONFLICT (tier, day, id) DO UPDATE SET tier = excluded.tier"
"""A day that waits already is held until `new` stands: whoever made it anew now would not see them."""


@contextmanager
def held_back() -> Iterator[None]:
    """While more comes, no day is worth making; a loader that dies holds nothing back."""
    with closing(db.connect()) as conn:
        conn.execute("SELECT pg_advisory_lock_shared(%s, 0)", (LOADING,))
        yield


def is_held_back(conn: Conn) -> bool:
    row = conn.execute("SELECT NOT pg_try_advisory_xact_lock(%s, 0) AS held", (LOADING,)).fetchone()
    return bool(row and row["held"])


class Days(NamedTuple):
    """By column."""

    ids: list[int]
    days: list[datetime]

    def columns(self) -> tuple[str, str]:
        return array(self.ids), array(self.days)


def left(conn: Conn) -> int:
    """Days of nodes still to be made, those not counted that will be added by folding upwards."""
    row = conn.execute("SELECT count(*) AS n FROM refill").fetchone()
    return row["n"] if row else 0


# Locked in the order in which loaders hold them, so that nobody waits in a circle.
_TAKE = """
WITH chosen AS (
  SELECT o.tier, o.day, o.id FROM refill o WHERE o.tier = (SELECT max(tier) FROM refill)
  ORDER BY o.day DESC, o.id LIMIT %s),
held AS (
  SELECT r.tier, r.day, r.id FROM refill r JOIN chosen USING (tier, day, id)
  ORDER BY r.tier, r.day, r.id FOR UPDATE OF r)
DELETE FROM refill r USING held h JOIN node n ON n.id = h.id
WHERE r.tier = h.tier AND r.day = h.day AND r.id = h.id RETURNING r.id, r.day, n.leaf"""


def step(conn: Conn, limit: int) -> int:
    """Makes some days of nodes of the deepest tier and answers how many; the caller holds FAST and SLOW."""
    rows = conn.execute(_TAKE, (limit,)).fetchall()
    series, folds = _days(rows, leaf=True), _days(rows, leaf=False)
    if series.ids:
        buckets.refill_series(conn, *series.columns())
        _advance(conn, series.ids)
    if folds.ids:
        buckets.refill_folds(conn, *folds.columns())
    _rise(conn, _days(rows))
    fold.tell(conn, array(folds.ids + series.ids))
    return len(rows)


def _days(rows: Iterable[Row], leaf: bool | None = None) -> Days:
    kept = [row for row in rows if leaf is None or row["leaf"] is leaf]
    return Days([row["id"] for row in kept], [row["day"] for row in kept])


def _unique(ids: Sequence[int]) -> list[int]:
    return sorted(set(ids))


def _advance(conn: Conn, ids: Sequence[int]) -> None:
    """`latest` of series whose newest reading came without the inbox."""
    batch = newest(conn, _unique(ids))
    if batch.size:
        fold.fold(conn, batch)


def newest(conn: Conn, ids: Sequence[int]) -> Batch:
    """Of these series, where it is newer than `latest` or differs from it."""
    rows = conn.execute(
        "SELECT u.id, e.at, e.value FROM unnest(%s::bigint[]) u(id) JOIN latest l ON l.id = u.id"
        " CROSS JOIN LATERAL (SELECT at, value FROM reading e WHERE e.id = u.id ORDER BY at DESC LIMIT 1) e"
        " WHERE l.at IS NULL OR e.at > l.at OR (e.at = l.at AND e.value <> l.value)",
        (array(ids),),
    ).fetchall()
    return Batch.of(*([row[name] for row in rows] for name in ("id", "at", "value")))


def _rise(conn: Conn, days: Days) -> None:
    """The same days of the parents come next."""
    conn.execute(
        "INSERT INTO refill (tier, day, id) SELECT DISTINCT p.tier, u.day, p.id"
        " FROM unnest(%s::bigint[], %s::timestamptz[]) u(id, day) JOIN node n ON n.id = u.id"
        " JOIN node p ON p.id = n.parent ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING",
        days.columns(),
    )
