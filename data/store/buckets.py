"""What did each series and each fold come to, hour by hour and day by day?

Days and hours are the city's. Whoever writes here holds SLOW.
"""

from psycopg import sql

from data.db import Conn
from data.domain.place import DEEPEST_TIER
from data.store.columns import Batch
from data.store.fold import CHILDREN, RANK, VALUE

GRAINS = ("hour", "day")


def zone(conn: Conn) -> str:
    row = conn.execute("SELECT timezone FROM city").fetchone()
    assert row is not None
    return str(row["timezone"])


def add(conn: Conn, batch: Batch) -> str:
    """New readings into the buckets of their series and of all above; day folds take days, not hours.

    Answers the series, each once a day.
    """
    names = {"ids": batch.ids, "ats": batch.ats, "values": batch.values, "zone": zone(conn)}
    ids = ""
    for grain in GRAINS:
        touched = conn.execute(_ADD[grain], names, prepare=True).fetchone()
        assert touched is not None
        ids = touched["ids"]
        for tier in range(DEEPEST_TIER, 0, -1):
            conn.execute(_ABOVE[grain], {**names, **touched, "tier": tier}, prepare=True)
    return ids


def refill_series(conn: Conn, ids: str, days: str) -> None:
    """Makes the days of these series anew from raw, less what the inbox will still bring."""
    names = {"ids": ids, "days": days, "zone": zone(conn)}
    for grain in GRAINS:
        conn.execute(_CLEAR[grain], names)
        conn.execute(_FROM_RAW[grain], names)


def refill_folds(conn: Conn, ids: str, days: str) -> None:
    """Makes the days of these folds anew from their children's."""
    names = {"ids": ids, "days": days, "zone": zone(conn)}
    for grain in GRAINS:
        conn.execute(_CLEAR[grain], names)
        conn.execute(_FROM_CHILDREN[grain], names)


# OFFSET 0: a value is computed once, not wherever its rank looks at it.
_SERIES = """
INSERT INTO {table} AS r (at, id, n, live, expected, rank, sum, min, max, last, last_at, value, w, fold)
SELECT g.at, g.id, m.n, 1, n.expected, rank_of(s.direction, n.lo, n.hi, v.value), m.sum, m.min, m.max, m.last,
       m.last_at, v.value, n.w, s.fold_time
FROM (SELECT date_trunc({grain}, u.at, %(zone)s) AS at, u.id, count(*) AS n,
             sum(u.value) AS sum, min(u.value) AS min, max(u.value) AS max,
             (array_agg(u.value ORDER BY u.at DESC))[1] AS last, max(u.at) AS last_at
      FROM {readings} GROUP BY 1, 2 ORDER BY 1, 2) g
JOIN node n ON n.id = g.id JOIN sign s ON s.code = n.sign
{standing}
CROSS JOIN LATERAL (SELECT CASE s.fold_time WHEN 'mean' THEN m.sum / m.n WHEN 'sum' THEN m.sum
                    WHEN 'max' THEN m.max WHEN 'min' THEN m.min ELSE m.last END AS value OFFSET 0) v
ON CONFLICT (at, id) DO UPDATE SET n = excluded.n, expected = excluded.expected, rank = excluded.rank,
  sum = excluded.sum, min = excluded.min, max = excluded.max,
  last = excluded.last, last_at = excluded.last_at,
  value = excluded.value, w = excluded.w, fold = excluded.fold"""

_TOLD = f"""
WITH made AS ({_SERIES} RETURNING r.id, r.at)
SELECT array_agg(id)::text AS ids, array_agg(at)::text AS ats FROM made"""  # noqa: S608

_GIVEN = sql.SQL("unnest(%(ids)s::bigint[], %(ats)s::timestamptz[], %(values)s::float8[]) u(id, at, value)")
_WITH_STANDING = """
LEFT JOIN LATERAL (SELECT * FROM {table} o WHERE o.at = g.at AND o.id = g.id OFFSET 0) o ON true
CROSS JOIN LATERAL (SELECT g.n + coalesce(o.n, 0) AS n, g.sum + coalesce(o.sum, 0) AS sum,
  least(g.min, o.min) AS min,
  greatest(g.max, o.max) AS max, CASE WHEN o.last_at > g.last_at THEN o.last ELSE g.last END AS last,
  greatest(g.last_at, o.last_at) AS last_at OFFSET 0) m"""
_ALONE = sql.SQL("CROSS JOIN LATERAL (SELECT g.*) m")

_AFTER = {
    "hour": sql.SQL("d.at + interval '1 hour'"),
    "day": sql.SQL("((d.at AT TIME ZONE %(zone)s + interval '1 day') AT TIME ZONE %(zone)s)"),
}
_DAYS = sql.SQL("""
  (SELECT d.id, d.at AS low, {after} AS high
   FROM unnest(%(ids)s::bigint[], %(days)s::timestamptz[]) d(id, at))
""").format(after=_AFTER["day"])
# One statement sees raw and inbox at one moment: a reading is in both or in neither.
_RAW = sql.SQL("""
  (SELECT e.id, e.at, e.value FROM {days} k CROSS JOIN LATERAL
     (SELECT * FROM reading e WHERE e.id = k.id AND e.at >= k.low AND e.at < k.high OFFSET 0) e
   LEFT JOIN (SELECT DISTINCT w.id, w.at FROM inbox b, unnest(b.ids, b.ats) w(id, at)
              WHERE b.ids && %(ids)s::bigint[]) w ON w.id = e.id AND w.at = e.at
   WHERE w.id IS NULL) u""").format(days=_DAYS)

_FOLDS = """
INSERT INTO {table} AS r (at, id, live, expected, rank, value, w, wv, lo, hi)
SELECT x.at, k.id, x.live, q.expected, {rank}, v.value, x.w, x.wv, x.lo, x.hi
FROM {folds} k JOIN node q ON q.id = k.id JOIN sign s ON s.code = q.sign
CROSS JOIN LATERAL (
  SELECT c.at, {children}
  FROM (SELECT b.*, t.w AS weight FROM node t CROSS JOIN LATERAL
          (SELECT at, live, rank, value, w, wv, lo, hi FROM {table} b
           WHERE b.id = t.id AND b.at >= k.low AND b.at < k.high OFFSET 0) b WHERE t.parent = k.id) c
  GROUP BY c.at) x
CROSS JOIN LATERAL (SELECT {value} AS value OFFSET 0) v
ORDER BY 1, 2
ON CONFLICT (at, id) DO UPDATE SET live = excluded.live, expected = excluded.expected, rank = excluded.rank,
  value = excluded.value, w = excluded.w, wv = excluded.wv, lo = excluded.lo, hi = excluded.hi
WHERE (r.live, r.expected, r.rank, r.value, r.w, r.wv, r.lo, r.hi) IS DISTINCT FROM (excluded.live,
  excluded.expected, excluded.rank, excluded.value, excluded.w, excluded.wv, excluded.lo, excluded.hi)"""

_TOUCHED = """
  (SELECT d.id, d.at AS low, {after} AS high
   FROM (SELECT DISTINCT n.anc[%(tier)s] AS id, u.at
         FROM unnest(%(ids)s::bigint[], %(ats)s::timestamptz[]) u(id, at) JOIN node n ON n.id = u.id
         WHERE cardinality(n.anc) >= %(tier)s) d)"""


def _made(text: str, **parts: sql.Composable) -> dict[str, bytes]:
    return {
        grain: sql.SQL(text)
        .format(table=sql.Identifier(f"rollup_{grain}"), grain=sql.Literal(grain), **_of_grain(grain, parts))
        .as_bytes(None)
        for grain in GRAINS
    }


def _of_grain(grain: str, parts: dict[str, sql.Composable]) -> dict[str, sql.Composable]:
    names = {
        "table": sql.Identifier(f"rollup_{grain}"), "grain": sql.Literal(grain), "after": _AFTER[grain],
    }  # fmt: skip
    return {name: part.format(**names) if isinstance(part, sql.SQL) else part for name, part in parts.items()}


_ADD = _made(_TOLD, readings=_GIVEN, standing=sql.SQL(_WITH_STANDING))
_FROM_RAW = _made(_SERIES, readings=_RAW, standing=_ALONE)
_ABOVE = _made(_FOLDS, folds=sql.SQL(_TOUCHED), children=CHILDREN, value=VALUE, rank=RANK)
_FROM_CHILDREN = _made(_FOLDS, folds=_DAYS, children=CHILDREN, value=VALUE, rank=RANK)
_CLEAR = _made(
    "DELETE FROM {table} r USING {days} k WHERE r.id = k.id AND r.at >= k.low AND r.at < k.high", days=_DAYS
)
