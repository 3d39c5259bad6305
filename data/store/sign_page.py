"""What do the rows say about one sign: how it is defined, where measured, how it went, what it caused?"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg import sql

from data.db import Conn, Row
from data.store.rows import under

# The place's own series or fold, else of a shared sign the nearest above that has a value.
_WHOLE = """
SELECT s.code, s.name_zh, s.name_en, s.domain, s.unit, s.tier, s.kind, s.direction, s.t1, s.t2, s.t3,
       s.hysteresis, s.fold_time, s.fold_space, s.weight, s.weighted, s.shared, s.source, s.illustrative,
       extract(epoch FROM s.period)::float8 AS period, extract(epoch FROM s.hold)::float8 AS hold,
       extract(epoch FROM s.freshness)::float8 AS freshness,
       d.name_zh AS department_zh, d.name_en AS department_en, city_now() AS now,
       n.id, n.shown, n.leaf, n.lo, n.hi, n.slack, n.capacity, n.expected, n.live, n.value, n.at, n.feed,
       coalesce(n.simulated, false) AS simulated, n.status, o.status AS held,
       CASE WHEN isfinite(lower(o.during)) THEN lower(o.during) END AS since
FROM sign s LEFT JOIN department d ON d.code = s.department
LEFT JOIN LATERAL (
  SELECT n.id, n.place AS shown, n.leaf, n.lo, n.hi, n.slack, n.capacity, n.expected, l.live, l.value, l.at,
         l.source AS feed, l.simulated, status_of(l.live, l.rank, l.at) AS status
  FROM node n JOIN latest l ON l.id = n.id
  WHERE n.sign = s.code AND n.asset = '' AND n.expected > 0
    AND (n.place = %(place)s OR s.shared AND n.place = ANY(%(above)s) AND l.value IS NOT NULL)
  ORDER BY n.tier DESC LIMIT 1) n ON true
LEFT JOIN sign_span o ON o.id = n.id AND upper_inf(o.during)
WHERE s.code = %(sign)s"""

_NODE = """n.id, n.leaf, n.expected, l.live, l.value, l.at, coalesce(l.simulated, false) AS simulated,
  status_of(l.live, l.rank, l.at) AS status"""


def whole(conn: Conn, sign: str, place: str, above: Sequence[str]) -> Row | None:
    """The definition with its owner, and what is shown of it in the place; `id` is null where nothing is."""
    asked = {"sign": sign, "place": place, "above": list(above)}
    return conn.execute(_WHOLE, asked, prepare=True).fetchone()


def relatives(conn: Conn, sign: str, parents: Sequence[str], codes: Sequence[str]) -> list[Row]:
    """The children of `parents`, and the places `codes`; `id` is null where the sign is not measured."""
    return conn.execute(
        f"""SELECT p.code, p.parent, jsonb_build_object('zh', p.name_zh, 'en', p.name_en) AS name, {_NODE}
            FROM place p LEFT JOIN (node n JOIN latest l ON l.id = n.id)
              ON n.place = p.code AND n.sign = %s AND n.asset = '' AND n.expected > 0
            WHERE p.parent = ANY(%s) OR p.code = ANY(%s) ORDER BY p.tier, p.code""",  # noqa: S608
        (sign, list(parents), list(codes)),
        prepare=True,
    ).fetchall()


def assets(conn: Conn, sign: str, path: str) -> list[Row]:
    """The assets at or below the place that measure the sign, in code order; `where` names their place."""
    return conn.execute(
        f"""SELECT a.code, a.place, jsonb_build_object('zh', a.name_zh, 'en', a.name_en) AS name,
                   jsonb_build_object('zh', p.name_zh, 'en', p.name_en) AS where, {_NODE}
            FROM asset a JOIN place p ON p.code = a.place
            JOIN node n ON n.asset = a.code AND n.asset <> '' AND n.sign = %s AND n.until = 'infinity'
            JOIN latest l ON l.id = n.id
            WHERE a.path >= %s AND a.path < %s ORDER BY a.code""",  # noqa: S608
        (sign, *under(path)),
        prepare=True,
    ).fetchall()


def series_of(conn: Conn, sign: str, codes: Sequence[str]) -> list[Row]:
    """The series and folds of these places and assets; what does not measure the sign is left out."""
    return conn.execute(
        f"""SELECT coalesce(nullif(n.asset, ''), n.place) AS code, n.leaf AND n.asset <> '' AS is_asset,
                   CASE WHEN n.asset = '' THEN jsonb_build_object('zh', p.name_zh, 'en', p.name_en)
                        ELSE jsonb_build_object('zh', a.name_zh, 'en', a.name_en) END AS name, {_NODE}
            FROM node n JOIN latest l ON l.id = n.id JOIN place p ON p.code = n.place
            LEFT JOIN asset a ON a.code = n.asset
            WHERE n.sign = %(sign)s AND n.expected > 0
              AND (n.asset = '' AND n.place = ANY(%(codes)s)
                   OR n.asset <> '' AND n.asset = ANY(%(codes)s))""",  # noqa: S608
        {"sign": sign, "codes": list(codes)},
        prepare=True,
    ).fetchall()


_BUCKETS = """
SELECT u.id, b.* FROM unnest(%(ids)s::bigint[], %(since)s::timestamptz[]) u(id, since)
CROSS JOIN LATERAL (
  SELECT at, value, coalesce(min, lo) AS low, coalesce(max, hi) AS high, live, expected,
         at - lag(at) OVER (ORDER BY at) AS quiet
  FROM rollup_hour WHERE id = u.id AND at >= u.since AND at < %(until)s ORDER BY at) b"""
_OF_GRAIN = {"hour": _BUCKETS, "day": _BUCKETS.replace("rollup_hour", "rollup_day")}


def buckets(conn: Conn, grain: str, since: Sequence[tuple[int, datetime]], until: datetime) -> list[Row]:
    """Of several nodes, each since a time of its own; `quiet` = how long after the bucket before."""
    ids, times = [id for id, _ in since], [at for _, at in since]
    return conn.execute(
        _OF_GRAIN[grain], {"ids": ids, "since": times, "until": until}, prepare=True
    ).fetchall()


def raw(
    conn: Conn, ids: Sequence[int], since: datetime, until: datetime, *, step: timedelta, silence: timedelta
) -> list[Row]:
    """Of each step the lowest and the highest reading, and both ends of each silence."""
    return conn.execute(
        """SELECT u.id, x.at, x.value, x.quiet FROM unnest(%(ids)s::bigint[]) u(id) CROSS JOIN LATERAL (
             SELECT *, row_number() OVER (PARTITION BY bin ORDER BY value, at) AS up,
                       row_number() OVER (PARTITION BY bin ORDER BY value DESC, at DESC) AS down
             FROM (SELECT at, value, date_bin(%(step)s, at, %(since)s) AS bin,
                          at - lag(at) OVER (ORDER BY at) AS quiet, lead(at) OVER (ORDER BY at) AS next
                   FROM reading WHERE id = u.id AND at >= %(since)s AND at < %(until)s) r) x
           WHERE up = 1 OR down = 1 OR quiet > %(silence)s OR next - at > %(silence)s OR next IS NULL
           ORDER BY u.id, x.at""",
        {"ids": list(ids), "since": since, "until": until, "step": step, "silence": silence},
        prepare=True,
    ).fetchall()


_CASES = sql.SQL("""
SELECT i.id::text, i.number, i.class, i.severity, i.state, i.at, i.due, i.open, i.overdue, i.place, i.source,
       i.source_id, i.simulated, jsonb_build_object('zh', p.name_zh, 'en', p.name_en) AS place_name,
       (SELECT jsonb_build_object('zh', c.name_zh, 'en', c.name_en) FROM class c WHERE c.code = i.class
        ORDER BY c.no LIMIT 1) AS class_name
FROM incident i JOIN place p ON p.code = i.place
WHERE i.sign = %(sign)s AND i.path >= %(low)s AND i.path < %(high)s AND i.at >= %(since)s
ORDER BY i.open DESC, i.at DESC, i.id LIMIT %(limit)s""")


def incidents(conn: Conn, sign: str, path: str, *, since: datetime, limit: int) -> list[Row]:
    """The cases that name the sign, open ones first, then the newest."""
    low, high = under(path)
    asked = {"sign": sign, "low": low, "high": high, "since": since, "limit": limit}
    return conn.execute(_CASES, asked, prepare=True).fetchall()
