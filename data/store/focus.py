"""Where below a place is a sign worst, what is its limit, and how did it come there?"""

from collections.abc import Mapping

from data.db import Conn, Row
from data.store.rows import under

_DETAILS = """
SELECT n.sign, s.direction, n.lo, n.hi,
       worst.place AS worst_place, worst.value AS worst_value,
       CASE WHEN worst.asset = '' THEN jsonb_build_object('zh', p.name_zh, 'en', p.name_en)
            WHEN worst.asset <> '' THEN jsonb_build_object('zh', a.name_zh, 'en', a.name_en)
       END AS worst_name,
       (SELECT array_agg(b.value ORDER BY hour) FROM generate_series(first, now, interval '1 hour') hour
        LEFT JOIN (SELECT at, value FROM rollup_hour WHERE id = n.id AND at BETWEEN first AND now OFFSET 0) b
          ON b.at = hour) AS spark
FROM city_now() now CROSS JOIN LATERAL (
  SELECT date_trunc('hour', now, timezone) - interval '23 hours' AS first FROM city) h
CROSS JOIN unnest(%s::text[], %s::text[]) asked(sign, place)
JOIN node n ON n.sign = asked.sign AND n.place = asked.place AND n.asset = ''
JOIN sign s ON s.code = n.sign
LEFT JOIN LATERAL (
  SELECT c.place, c.asset, l.value FROM node c JOIN latest l ON l.id = c.id
  WHERE c.parent = n.id AND l.live > 0
  ORDER BY l.rank DESC, CASE s.direction WHEN 'L' THEN -l.value ELSE l.value END DESC NULLS LAST, c.id
  LIMIT 1) worst ON true
LEFT JOIN place p ON p.code = worst.place LEFT JOIN asset a ON a.code = worst.asset
"""


def details(conn: Conn, shown: Mapping[str, str]) -> dict[str, Row]:
    """`shown`: sign → the place whose value is shown. The spark: 24 hour values, the running hour last."""
    rows = conn.execute(_DETAILS, (list(shown), list(shown.values())), prepare=True)
    return {row["sign"]: row for row in rows}


def posts(conn: Conn, path: str, limit: int) -> list[Row]:
    """The assets at or below a place, the one with the worst sign first, each with that sign."""
    low, high = under(path)
    return conn.execute(
        """SELECT a.code, a.kind, a.place, jsonb_build_object('zh', a.name_zh, 'en', a.name_en) AS name,
                  w.sign, jsonb_build_object('zh', s.name_zh, 'en', s.name_en) AS sign_name, s.unit,
                  w.value, w.at, w.status, coalesce(w.simulated, false) AS simulated
           FROM asset a LEFT JOIN LATERAL (
             SELECT n.sign, l.value, l.at, status_of(l.live, l.rank, l.at) AS status, l.simulated
             FROM node n JOIN latest l ON l.id = n.id
             WHERE n.asset = a.code AND n.asset <> '' AND n.until = 'infinity'
             ORDER BY l.live > 0 DESC, l.rank DESC, n.id LIMIT 1) w ON true
           LEFT JOIN sign s ON s.code = w.sign
           WHERE a.path >= %(low)s AND a.path < %(high)s
           ORDER BY w.status BETWEEN 1 AND 3 DESC NULLS LAST, w.status DESC NULLS LAST, a.code
           LIMIT %(limit)s""",
        {"low": low, "high": high, "limit": limit},
    ).fetchall()
