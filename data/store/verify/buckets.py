"""Is every hour and day, of series and of folds, what its readings and its parts come to?"""

from collections.abc import Iterator

from psycopg import sql

from data.domain.proof import Break
from data.store.buckets import GRAINS
from data.store.verify import Moment, counted, look, readings
from data.store.verify.signs import NODE


def counts(now: Moment) -> dict[str, int]:
    return counted(
        now,
        sql.SQL(
            "SELECT (SELECT count(*) FROM rollup_hour) AS hours, (SELECT count(*) FROM rollup_day) AS days"
        ),
    )


def breaks(now: Moment) -> Iterator[Break | None]:
    yield look(now, "hour", _HOUR.format(readings=readings(now), node=NODE, kept=_KEPT))
    yield look(now, "day", _DAY.format(node=NODE))
    for grain in GRAINS:
        parts = {
            "table": sql.Identifier(f"rollup_{grain}"), "node": NODE, "kept": _KEPT, "rules": _RULES,
        }  # fmt: skip
        yield look(now, f"{grain}_value", _VALUE.format(**parts))
        yield look(now, f"{grain}_above", _ABOVE.format(**parts))
        yield look(now, f"{grain}_worst", _WORST.format(**parts))


# Left out are the days that wait to be made anew.
_KEPT = sql.SQL(
    "NOT EXISTS (SELECT FROM refill f WHERE f.id = b.id AND f.day = date_trunc('day', b.at, %(zone)s))"
)

# Readings that wait in the inbox are in no bucket yet. Where raw is gone, nothing can be said.
_HOUR = sql.SQL("""
WITH waiting AS (SELECT w.id, w.at FROM inbox b CROSS JOIN LATERAL unnest(b.ids, b.ats) w(id, at)),
raw AS (
  SELECT date_trunc('hour', r.at, %(zone)s) AS at, r.id, count(*) AS n, sum(r.value) AS sum,
         min(r.value) AS min, max(r.value) AS max, max(r.at) AS last_at,
         (max(ARRAY[extract(epoch FROM r.at)::float8, r.value]))[2] AS last
  FROM {readings} r
  WHERE NOT EXISTS (SELECT FROM waiting w WHERE w.id = r.id AND w.at = r.at) GROUP BY 1, 2),
stored AS (
  SELECT h.at, h.id, h.n, h.sum, h.min, h.max, h.last_at, h.last
  FROM rollup_hour h JOIN node n ON n.id = h.id AND n.leaf
  WHERE h.last_at IS NULL OR to_char(h.last_at AT TIME ZONE 'UTC', 'YYYYMM') = ANY(%(months)s)),
b AS (
  SELECT at, id, r.n, h.n AS had, r.sum, h.sum AS had_sum FROM raw r FULL JOIN stored h USING (at, id)
  WHERE (r.n, r.min, r.max, r.last_at, r.last) IS DISTINCT FROM (h.n, h.min, h.max, h.last_at, h.last)
     OR abs(r.sum - h.sum) > 1e-9 * r.n * greatest(abs(r.min), abs(r.max)))
SELECT {node} || ' hour ' || b.at || ': ' || coalesce(b.had, 0) || ' readings, sum ' || coalesce(b.had_sum, 0)
  || '; raw has ' || coalesce(b.n, 0) || ', sum ' || coalesce(b.sum, 0) AS place
FROM b JOIN node n USING (id) WHERE {kept}""")

# A day of a series is the sum of its hours, which raw has proven.
_DAY = sql.SQL("""
WITH hours AS (
  SELECT date_trunc('day', h.at, %(zone)s) AS at, h.id, sum(h.n) AS n, sum(h.sum) AS sum,
         min(h.min) AS min, max(h.max) AS max, max(h.last_at) AS last_at,
         (max(ARRAY[extract(epoch FROM h.last_at)::float8, h.last]))[2] AS last
  FROM rollup_hour h JOIN node n ON n.id = h.id AND n.leaf GROUP BY 1, 2),
stored AS (SELECT d.* FROM rollup_day d JOIN node n ON n.id = d.id AND n.leaf)
SELECT {node} || ' day ' || at || ': ' || coalesce(d.n, 0) || ' readings, sum ' || coalesce(d.sum, 0)
  || '; its hours have ' || coalesce(h.n, 0) || ', sum ' || coalesce(h.sum, 0) AS place
FROM hours h FULL JOIN stored d USING (at, id) JOIN node n USING (id)
WHERE (h.n, h.min, h.max, h.last_at, h.last) IS DISTINCT FROM (d.n, d.min, d.max, d.last_at, d.last)
   OR abs(h.sum - d.sum) > 1e-9 * h.n * greatest(abs(h.min), abs(h.max))""")

# Since when the rules are what they are: older buckets were folded by others, and stay as they were shown.
_RULES = sql.SQL("""
rule AS MATERIALIZED (
  SELECT n.id, n.sign, n.place, n.asset, n.leaf, n.parent, n.w, n.expected, n.lo, n.hi, s.direction,
         s.fold_space, coalesce(w.at, '-infinity') AS ways,
         greatest(n.stated + interval '10 min', w.at) AS every
  FROM node n JOIN sign s ON s.code = n.sign
  LEFT JOIN (SELECT code, max(upper(valid)) + interval '10 min' AS at FROM sign_was GROUP BY code) w
    ON w.code = s.code)
""")

_VALUE = sql.SQL("""
WITH {rules}
SELECT coalesce({node}, 'series ' || b.id) || ' ' || b.at || ': value ' || coalesce(b.value::text, 'none')
  || ', rank ' || b.rank || ', live ' || b.live || ' of ' || b.expected AS place
FROM {table} b LEFT JOIN rule n USING (id)
WHERE n.id IS NULL
   OR n.leaf AND (b.live <> 1 OR b.w IS NULL OR b.value IS DISTINCT FROM
     CASE b.fold WHEN 'mean' THEN b.sum / b.n WHEN 'sum' THEN b.sum WHEN 'max' THEN b.max
       WHEN 'min' THEN b.min WHEN 'last' THEN b.last END)
   OR b.at > n.every AND {kept} AND (
     b.expected <> n.expected
     OR n.leaf AND b.w <> n.w
     OR (n.leaf OR n.fold_space NOT IN ('worst', 'none'))
       AND b.rank <> rank_of(n.direction, n.lo, n.hi, b.value))""")

_ABOVE = sql.SQL("""
WITH {rules},
child AS (
  SELECT t.parent AS id, c.at, c.live, c.rank, coalesce(c.w, t.w) AS w, coalesce(c.lo, c.value) AS lo,
         coalesce(c.hi, c.value) AS hi, coalesce(c.wv, coalesce(c.w, t.w) * c.value) AS wv
  FROM {table} c JOIN node t ON t.id = c.id WHERE t.parent IS NOT NULL),
f AS (
  SELECT id, at, sum(live) AS live, max(rank) AS rank, sum(w) AS w, sum(wv) AS wv, sum(abs(wv)) AS size,
         min(lo) AS lo, max(hi) AS hi
  FROM child GROUP BY 1, 2),
d AS (
  SELECT b.id, b.at, b.live, b.rank, b.w, b.wv, b.lo, b.hi, b.value, n.ways, n.fold_space,
         CASE n.fold_space WHEN 'sum' THEN b.wv WHEN 'mean' THEN b.wv / nullif(b.w, 0) WHEN 'max' THEN b.hi
           WHEN 'min' THEN b.lo WHEN 'worst' THEN b.value END AS due
  FROM {table} b JOIN rule n ON n.id = b.id AND NOT n.leaf),
b AS (
  SELECT id, at, d.value, d.live AS had, f.live, f.wv FROM f FULL JOIN d USING (id, at)
  WHERE (f.live, f.lo, f.hi) IS DISTINCT FROM (d.live, d.lo, d.hi)
     OR (f.w IS NULL, f.wv IS NULL) <> (d.w IS NULL, d.wv IS NULL)
     OR abs(f.w - d.w) > 1e-9 * f.w OR abs(f.wv - d.wv) > 1e-9 * f.size
     OR d.at > d.ways AND (d.value IS DISTINCT FROM d.due
       OR d.fold_space IN ('worst', 'none') AND d.rank <> f.rank))
SELECT {node} || ' ' || b.at || ': ' || coalesce(b.value::text, 'nothing') || ' of ' || coalesce(b.had, 0)
  || ', not the fold of its parts: sum ' || coalesce(b.wv::text, 'nothing') || ' of ' || coalesce(b.live, 0)
  AS place
FROM b JOIN node n USING (id) WHERE {kept}""")

_WORST = sql.SQL("""
WITH {rules},
f AS (
  SELECT t.parent AS id, c.at,
         (array_agg(c.value ORDER BY c.rank DESC, beyond_of(q.direction, q.lo, q.hi, c.value) DESC,
                    c.value DESC))[1] AS value
  FROM rule q JOIN node t ON t.parent = q.id JOIN {table} c ON c.id = t.id
  WHERE q.fold_space = 'worst' AND c.at > q.every GROUP BY 1, 2)
SELECT {node} || ' ' || b.at || ': ' || coalesce(b.value::text, 'none') || ' is not its worst part, '
  || f.value AS place
FROM f JOIN {table} b USING (id, at) JOIN node n USING (id)
WHERE f.value IS DISTINCT FROM b.value AND {kept}""")
