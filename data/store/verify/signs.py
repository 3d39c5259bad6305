"""Is what every sign says now, at every place, the fold of the newest readings below it?"""

from collections.abc import Iterator

from psycopg import sql

from data.domain.proof import Break
from data.store.verify import LED, Moment, counted, look, readings


def counts(now: Moment) -> dict[str, int]:
    others = sql.SQL(
        "SELECT (SELECT count(*) FROM node WHERE leaf) AS series,"
        " (SELECT count(*) FROM node WHERE NOT leaf) AS folds,"
        " (SELECT count(*) FROM sign_span) AS sign_spans"
    )
    return {"readings": sum(now.raw["sizes"]), **counted(now, others)}


def breaks(now: Moment) -> Iterator[Break | None]:
    yield look(now, "tree", _TREE)
    yield look(now, "expected", _EXPECTED)
    yield look(now, "latest", _LATEST.format(readings=readings(now), node=NODE))
    yield look(now, "latest_above", _ABOVE)
    yield look(now, "live", _LIVE)
    yield look(now, "held", _HELD)
    yield look(now, "sign_span", _SPANS)


NODE = sql.SQL("n.sign || ' ' || n.place || CASE WHEN n.asset <> '' THEN ' ' || n.asset ELSE '' END")

# Every node hangs below the one of the place above, an asset's below its own place's, and knows all above it.
_TREE = sql.SQL("""
SELECT {node} || ' does not hang below ' || coalesce(w.place, 'nothing') AS place
FROM node n JOIN place p ON p.code = n.place LEFT JOIN node w
  ON w.sign = n.sign AND w.asset = '' AND w.place = CASE WHEN n.asset <> '' THEN n.place ELSE p.parent END
WHERE n.parent IS DISTINCT FROM w.id OR n.anc <> CASE WHEN w.id IS NULL THEN '{{}}' ELSE w.anc || w.id END
   OR n.tier <> p.tier + (n.asset <> '')::int""").format(node=NODE)

_EXPECTED = sql.SQL("""
WITH below AS (SELECT a.id, count(*) AS n FROM node l CROSS JOIN LATERAL unnest(l.anc || l.id) a(id)
               WHERE l.leaf AND l.until = 'infinity' GROUP BY 1)
SELECT {node} || ' expects ' || n.expected || ', series below: ' || coalesce(b.n, 0) AS place
FROM node n LEFT JOIN below b USING (id) WHERE n.expected <> coalesce(b.n, 0)""").format(node=NODE)

# Series that wait for the fold are left out.
_LATEST = sql.SQL("""
WITH waiting AS (SELECT DISTINCT unnest(ids) AS id FROM inbox WHERE NOT fast UNION SELECT id FROM refill),
newest AS (
  SELECT id, max(at) AS at, (max(ARRAY[extract(epoch FROM at)::float8, value]))[2] AS value
  FROM {readings} r GROUP BY id),
due AS (
  SELECT n.id, n.sign, n.place, n.asset, w.at, w.value, w.at + s.freshness AS expires,
         CASE WHEN w.at IS NULL THEN 0 ELSE rank_of(s.direction, n.lo, n.hi, w.value) END AS rank,
         CASE WHEN w.at IS NOT NULL THEN n.source END AS source,
         w.at IS NOT NULL AND coalesce(o.simulated, false) AS simulated
  FROM node n JOIN sign s ON s.code = n.sign LEFT JOIN newest w ON w.id = n.id
  LEFT JOIN source o ON o.feed = n.source
  WHERE n.leaf AND NOT EXISTS (SELECT FROM waiting b WHERE b.id = n.id))
SELECT {node} || CASE
  WHEN l.id IS NULL THEN ' has no latest'
  WHEN (l.at, l.value) IS DISTINCT FROM (n.at, n.value) THEN
    ' is ' || coalesce(l.value || ' of ' || l.at, 'nothing')
    || ', its newest reading ' || coalesce(n.value || ' of ' || n.at, 'nothing')
  WHEN l.expires IS DISTINCT FROM n.expires THEN ' expires ' || coalesce(l.expires::text, 'never')
  WHEN l.rank <> n.rank THEN ' has rank ' || l.rank || ' at ' || coalesce(n.value::text, 'nothing')
  ELSE ' is of ' || coalesce(l.source, 'no feed') END AS place
FROM due n LEFT JOIN latest l USING (id)
WHERE (l.id, l.at, l.value, l.expires, l.rank, l.source, l.simulated)
  IS DISTINCT FROM (n.id, n.at, n.value, n.expires, n.rank, n.source, n.simulated)""")

# Of its live children, or where none is, of all that ever spoke.
_ABOVE = sql.SQL("""
WITH child AS (
  SELECT t.parent AS id, b.live, b.rank, b.at, b.expires, b.value, b.source, b.simulated,
         coalesce(b.w, t.w) AS w, coalesce(b.wv, t.w * b.value) AS wv,
         coalesce(b.lo, b.value) AS lo, coalesce(b.hi, b.value) AS hi,
         bool_or(b.live > 0) OVER (PARTITION BY t.parent) AS any_live
  FROM node t JOIN latest b USING (id)
  WHERE t.parent IS NOT NULL AND t.until = 'infinity' AND b.at IS NOT NULL),
fold AS (
  SELECT c.id, sum(c.live) AS live, max(c.rank) AS rank, sum(c.w) AS w, sum(c.wv) AS wv,
         sum(abs(c.wv)) AS size, min(c.lo) AS lo, max(c.hi) AS hi, bool_or(c.simulated) AS simulated,
         CASE WHEN bool_or(c.any_live) THEN min(c.at) ELSE max(c.at) END AS at,
         CASE WHEN bool_or(c.any_live) THEN min(c.expires) ELSE max(c.expires) END AS expires,
         CASE WHEN count(DISTINCT c.source) > 1 THEN 'several' ELSE min(c.source) END AS source,
         (array_agg(c.value ORDER BY c.rank DESC, beyond_of(s.direction, q.lo, q.hi, c.value) DESC,
                    c.value DESC))[1] AS worst
  FROM child c JOIN node q ON q.id = c.id JOIN sign s ON s.code = q.sign
  WHERE (c.live > 0) = c.any_live GROUP BY c.id),
due AS (
  SELECT n.id, n.sign, n.place, n.asset, s.fold_space, f.w, f.wv, f.size, f.lo, f.hi, f.at, f.expires,
         f.source, f.worst, coalesce(f.live, 0) AS live, coalesce(f.simulated, false) AS simulated,
         CASE WHEN s.fold_space IN ('worst', 'none') THEN coalesce(f.rank, 0)
              ELSE rank_of(s.direction, n.lo, n.hi, l.value) END AS rank,
         CASE s.fold_space WHEN 'sum' THEN l.wv WHEN 'mean' THEN l.wv / nullif(l.w, 0) WHEN 'max' THEN l.hi
           WHEN 'min' THEN l.lo WHEN 'worst' THEN f.worst END AS value
  FROM node n JOIN sign s ON s.code = n.sign LEFT JOIN latest l ON l.id = n.id LEFT JOIN fold f ON f.id = n.id
  WHERE NOT n.leaf)
SELECT {node} || ' is ' || coalesce(l.value::text, 'nothing') || ' of ' || coalesce(l.live, 0)
  || ' live, not the fold of its parts: ' || coalesce(n.value::text, 'nothing') || ' of ' || n.live
  || ', sum ' || coalesce(n.wv::text, 'nothing') AS place
FROM due n LEFT JOIN latest l USING (id)
WHERE (l.id, l.live, l.at, l.expires, l.lo, l.hi, l.source, l.simulated, l.value, l.rank)
    IS DISTINCT FROM (n.id, n.live, n.at, n.expires, n.lo, n.hi, n.source, n.simulated, n.value, n.rank)
  OR (l.w IS NULL, l.wv IS NULL) <> (n.w IS NULL, n.wv IS NULL)
  OR abs(l.w - n.w) > 1e-9 * n.w OR abs(l.wv - n.wv) > 1e-9 * n.size""").format(node=NODE)

# Dead before its time, or alive although a worker had time enough to see that it is not.
_LIVE = sql.SQL("""
WITH {led}
SELECT {node} || CASE WHEN l.live = 0 THEN ' is not live, expires '
  ELSE ' is ' || l.live || ' times live, expires ' END || coalesce(l.expires::text, 'never') AS place
FROM node n JOIN latest l USING (id)
WHERE n.leaf AND CASE l.live WHEN 0 THEN l.expires > %(now)s
  WHEN 1 THEN l.expires IS NULL OR l.expires < (SELECT seen FROM led) ELSE true END
""").format(led=LED, node=NODE)

_HELD = sql.SQL("""
SELECT {node} || ' holds ' || l.held || CASE WHEN o.status IS NULL THEN ', no span is open'
  WHEN o.status <> l.held THEN ', its open span is ' || o.status
  ELSE ' with ' || l.live || ' live, of ' || coalesce(l.at::text, 'never') END AS place
FROM node n JOIN latest l USING (id) LEFT JOIN sign_span o ON o.id = n.id AND upper_inf(o.during)
WHERE o.status IS DISTINCT FROM l.held
   OR CASE WHEN l.live > 0 THEN l.held > 3 ELSE l.held <> status_of(l.live, l.rank, l.at) END""").format(
    node=NODE
)

_SPANS = sql.SQL("""
SELECT {node} || ' has spans that ' || CASE
  WHEN s.open > 1 THEN 'are open twice'
  WHEN isempty(s.during) THEN 'last no time'
  WHEN lower(s.during) < s.ended THEN 'overlap at ' || lower(s.during)
  ELSE 'leave a gap before ' || coalesce(lower(s.during)::text, 'ever') END AS place
FROM (SELECT id, during, lag(upper(during)) OVER own AS ended, row_number() OVER own AS no,
             count(*) FILTER (WHERE upper_inf(during)) OVER (PARTITION BY id) AS open
      FROM sign_span WINDOW own AS (PARTITION BY id ORDER BY lower(during) NULLS FIRST, upper(during))) s
JOIN node n USING (id)
WHERE s.open > 1 OR isempty(s.during) OR (s.no > 1 AND lower(s.during) IS DISTINCT FROM s.ended)
""").format(node=NODE)
