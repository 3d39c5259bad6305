"""Which readings has the folding process still to take?"""

from collections.abc import Sequence

from data.db import Conn
from data.store.columns import Batch, array

CHANNEL = "inbox"
FULL = 200_000  # readings waiting; beyond it nothing is taken in


def waiting(conn: Conn) -> int:
    row = conn.execute("SELECT coalesce(sum(size), 0)::bigint AS n FROM inbox").fetchone()
    return row["n"] if row else 0


def slow_waiting(conn: Conn) -> int:
    row = conn.execute("SELECT coalesce(sum(size), 0)::bigint AS n FROM inbox WHERE fast").fetchone()
    return row["n"] if row else 0


def are_fast(conn: Conn, numbers: Sequence[int]) -> bool:
    """True once `latest` holds these batches."""
    row = conn.execute(
        "SELECT NOT EXISTS (SELECT FROM inbox WHERE n = ANY(%s) AND NOT fast) AS done", (numbers,)
    )
    found = row.fetchone()
    return bool(found and found["done"])


_OLDEST = """(SELECT n FROM (SELECT n, sum(size) OVER (ORDER BY n) - size AS before FROM
                (SELECT n, size FROM inbox WHERE fast = %(fast)s ORDER BY n LIMIT 500) o) x
             WHERE before < %(limit)s)"""


_TAKE_FAST = f"UPDATE inbox SET fast = true WHERE n IN {_OLDEST} RETURNING ids, ats, vals"  # noqa: S608
_TAKE_SLOW = f"DELETE FROM inbox WHERE n IN {_OLDEST} RETURNING ids, ats, vals"  # noqa: S608
_JOINED = """WITH taken AS ({}) SELECT array_agg(u.id)::text AS ids, array_agg(u.at)::text AS ats,
  array_agg(u.val)::text AS values, count(*) AS size
  FROM taken t, unnest(t.ids, t.ats, t.vals) u(id, at, val)"""


def take_fast(conn: Conn, limit: int) -> Batch:
    """Marks the oldest batches; the caller holds FAST."""
    return _taken(conn, _JOINED.format(_TAKE_FAST), {"fast": False, "limit": limit})


def take_slow(conn: Conn, limit: int) -> Batch:
    """Takes the oldest batches that `latest` holds out of the box; the caller holds SLOW."""
    return _taken(conn, _JOINED.format(_TAKE_SLOW), {"fast": True, "limit": limit})


def _taken(conn: Conn, query: str, names: dict[str, object]) -> Batch:
    row = conn.execute(query, names, prepare=True).fetchone()
    assert row is not None
    return Batch(row["ids"], row["ats"], row["values"], row["size"])


def wake(conn: Conn) -> None:
    conn.execute("SELECT pg_notify(%s, '')", (CHANNEL,))


def strip(conn: Conn, ids: Sequence[int]) -> None:
    """Leaves out all that waits of these series; the caller holds FAST and SLOW."""
    conn.execute(
        """UPDATE inbox b SET ids = k.ids, ats = k.ats, vals = k.vals, size = cardinality(k.ids)
           FROM inbox o CROSS JOIN LATERAL (
             SELECT coalesce(array_agg(u.id ORDER BY u.no), '{}') AS ids,
                    coalesce(array_agg(u.at ORDER BY u.no), '{}') AS ats,
                    coalesce(array_agg(u.val ORDER BY u.no), '{}') AS vals
             FROM unnest(o.ids, o.ats, o.vals) WITH ORDINALITY u(id, at, val, no)
             WHERE u.id <> ALL(%(ids)s::bigint[])) k
           WHERE o.n = b.n AND o.ids && %(ids)s::bigint[]""",
        {"ids": array(ids)},
    )


def correct(conn: Conn, batch: Batch) -> None:
    """Gives what waits of these keys its new value; the caller holds FAST and SLOW."""
    conn.execute(
        """UPDATE inbox b SET vals = k.vals
           FROM inbox o CROSS JOIN LATERAL (
             SELECT array_agg(coalesce(c.value, u.val) ORDER BY u.no) AS vals
             FROM unnest(o.ids, o.ats, o.vals) WITH ORDINALITY u(id, at, val, no)
             LEFT JOIN unnest(%(ids)s::bigint[], %(ats)s::timestamptz[], %(values)s::float8[])
               c(id, at, value) ON c.id = u.id AND c.at = u.at) k
           WHERE o.n = b.n AND o.ids && %(ids)s::bigint[]""",
        {"ids": batch.ids, "ats": batch.ats, "values": batch.values},
    )
