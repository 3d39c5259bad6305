"""How does `latest` follow the readings, at every place above?

Only who holds FAST writes `latest`, only who holds SLOW writes buckets: no two ever fold one parent.
"""

from collections.abc import Sequence

from psycopg import sql

from data.db import Conn
from data.domain.place import DEEPEST_TIER
from data.domain.sign import Status
from data.store import holds, news
from data.store.columns import Batch, array

FAST = 78
SLOW = 79

# What the children of a fold q of sign s come to. A series' own wv, lo and hi are null, in `latest` its w
# too; a bucket's w is the weight it had then.
CHILDREN = sql.SQL("""
  coalesce(sum(c.live), 0)::integer AS live, max(c.rank) AS rank,
  sum(coalesce(c.w, c.weight)) AS w, sum(coalesce(c.wv, coalesce(c.w, c.weight) * c.value)) AS wv,
  min(coalesce(c.lo, c.value)) AS lo, max(coalesce(c.hi, c.value)) AS hi,
  (array_agg(c.value ORDER BY c.rank DESC, beyond_of(s.direction, q.lo, q.hi, c.value) DESC, c.value DESC)
    FILTER (WHERE s.fold_space = 'worst'))[1] AS worst""")
VALUE = sql.SQL("""
  CASE s.fold_space WHEN 'sum' THEN x.wv WHEN 'mean' THEN x.wv / nullif(x.w, 0)
    WHEN 'max' THEN x.hi WHEN 'min' THEN x.lo WHEN 'worst' THEN x.worst END""")
RANK = sql.SQL("""
  CASE WHEN s.fold_space IN ('worst', 'none') THEN coalesce(x.rank, 0::smallint)
    ELSE rank_of(s.direction, q.lo, q.hi, v.value) END""")


def lock(conn: Conn, *lanes: int) -> None:
    """Until the transaction ends; always FAST before SLOW, each as its own statement."""
    for lane in lanes:
        conn.execute("SELECT pg_advisory_xact_lock(%s, 0)", (lane,))


def settle(conn: Conn) -> None:
    """Fresh rows have no statistics: nested loops over indexes, planned once, until the transaction ends."""
    conn.execute(
        "SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),"
        " set_config('enable_seqscan', 'off', true), set_config('join_collapse_limit', '1', true),"
        " set_config('plan_cache_mode', 'force_generic_plan', true)"
    )


def fold(conn: Conn, batch: Batch) -> None:
    """Into `latest` and everything above, with spans and NOTIFY; the caller holds FAST."""
    settle(conn)
    changes = holds.of_series(conn, batch)
    refold(conn, _advance(conn, batch), changes)


def refold(conn: Conn, ids: Sequence[int], changes: Sequence[holds.Change] = ()) -> None:
    """The folds above these series, which have changed."""
    column = array(ids)
    _rise(conn, column)
    holds.write(conn, [*changes, *holds.of_folds(conn, ids)])
    tell(conn, column)


def _rise(conn: Conn, ids: str) -> None:
    for tier in range(DEEPEST_TIER, 0, -1):
        conn.execute(_ABOVE, {"tier": tier, "ids": ids}, prepare=True)


def restate(conn: Conn) -> None:
    """All of `latest`, after limits, weights or ways of folding have changed; the caller holds FAST."""
    rows = conn.execute("SELECT id FROM node WHERE leaf").fetchall()
    column = array(row["id"] for row in rows)
    conn.execute(_RESTATE)
    _rise(conn, column)
    holds.write(conn, holds.of_all(conn))
    tell(conn, column)


_RESTATE = """
UPDATE latest l SET rank = x.rank, expires = x.expires, live = x.live
FROM (SELECT l.id, rank_of(s.direction, n.lo, n.hi, l.value) AS rank, l.at + s.freshness AS expires,
             (l.at + s.freshness > city_now())::integer AS live
      FROM latest l JOIN node n USING (id) JOIN sign s ON s.code = n.sign WHERE n.leaf AND l.at IS NOT NULL) x
WHERE x.id = l.id AND (l.rank, l.expires, l.live) IS DISTINCT FROM (x.rank, x.expires, x.live)"""


def tell(conn: Conn, ids: str) -> None:
    """NOTIFY with the places of these nodes."""
    rows = conn.execute(
        "SELECT p.path FROM (SELECT DISTINCT n.place FROM unnest(%s::bigint[]) u(id)"
        "   JOIN node n ON n.id = u.id) x"
        " JOIN place p ON p.code = x.place",
        (ids,),
        prepare=True,
    ).fetchall()
    if rows:
        news.tell(conn, "signs", [row["path"] for row in rows])


_ADVANCE = """
UPDATE latest l SET value = f.value, at = f.at, expires = f.at + s.freshness,
       rank = rank_of(s.direction, n.lo, n.hi, f.value), live = (f.at + s.freshness > city_now())::integer,
       source = n.source, simulated = coalesce(o.simulated, false)
FROM (SELECT DISTINCT ON (id) id, at, value FROM unnest(%s::bigint[], %s::timestamptz[], %s::float8[])
        u(id, at, value) ORDER BY id, at DESC) f
JOIN node n ON n.id = f.id JOIN sign s ON s.code = n.sign LEFT JOIN source o ON o.feed = n.source
WHERE l.id = f.id AND (l.at IS NULL OR f.at > l.at OR (f.at = l.at AND f.value <> l.value)) RETURNING l.id"""


def _advance(conn: Conn, batch: Batch) -> list[int]:
    """The series that moved; a late reading moves none."""
    return [row["id"] for row in conn.execute(_ADVANCE, batch[:3], prepare=True)]


_ABOVE = (
    sql.SQL("""
UPDATE latest p SET live = y.live, rank = y.rank, at = y.at, expires = y.expires, value = y.value, w = y.w,
       wv = y.wv, lo = y.lo, hi = y.hi, source = y.source, simulated = y.simulated
FROM (
  SELECT k.id, x.live, {rank} AS rank, x.at, x.expires, v.value, x.w, x.wv, x.lo, x.hi, x.source, x.simulated
  FROM (SELECT DISTINCT n.anc[%(tier)s] AS id FROM unnest(%(ids)s::bigint[]) u(id) JOIN node n ON n.id = u.id
        WHERE cardinality(n.anc) >= %(tier)s) k
  JOIN node q ON q.id = k.id JOIN sign s ON s.code = q.sign
  CROSS JOIN LATERAL (
    SELECT {children},
           CASE WHEN max(c.live) > 0 THEN min(c.at) ELSE max(c.at) END AS at,
           CASE WHEN max(c.live) > 0 THEN min(c.expires) ELSE max(c.expires) END AS expires,
           CASE WHEN min(c.source) = max(c.source) THEN min(c.source)
                WHEN min(c.source) IS NOT NULL THEN 'several' END AS source,
           coalesce(bool_or(c.simulated), false) AS simulated
    FROM (SELECT b.live, b.rank, b.at, b.expires, b.value, b.w, b.wv, b.lo, b.hi, b.source, b.simulated,
                 t.w AS weight, max(b.live) OVER () > 0 AS any_live
          FROM node t JOIN latest b ON b.id = t.id
          WHERE t.parent = k.id AND t.until = 'infinity' AND b.at IS NOT NULL) c
    WHERE (c.live > 0) = c.any_live) x
  CROSS JOIN LATERAL (SELECT {value} AS value OFFSET 0) v
) y
WHERE p.id = y.id AND (p.live, p.rank, p.at, p.expires, p.value, p.w, p.wv, p.lo, p.hi, p.source, p.simulated)
  IS DISTINCT FROM (y.live, y.rank, y.at, y.expires, y.value, y.w, y.wv, y.lo, y.hi, y.source, y.simulated)
""")
    .format(children=CHILDREN, value=VALUE, rank=RANK)
    .as_bytes(None)
)


def sweep(conn: Conn, limit: int = 5_000) -> int:
    """Series whose time is up become stale, and their folds with them; the caller holds FAST."""
    rows = conn.execute(
        "UPDATE latest l SET live = 0 FROM (SELECT l.id FROM latest l JOIN node n ON n.id = l.id"
        "   WHERE l.live > 0 AND l.expires <= city_now() AND n.leaf LIMIT %s) x"
        " WHERE l.id = x.id RETURNING l.id, l.expires",
        (limit,),
        prepare=True,
    ).fetchall()
    ids = [row["id"] for row in rows]
    if ids:
        settle(conn)
        refold(conn, ids, holds.turned(conn, ids, [row["expires"] for row in rows], Status.STALE))
    return len(ids)
