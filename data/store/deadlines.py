"""Which deadlines of open cases have passed, which come next, and where do the graver cases lie?"""

from psycopg import sql

from data.db import Conn, Row
from data.store.caseload import _NAMES
from data.store.rows import under

_CASE = """id, class, severity, state, stage, place, path, at, due, overdue, simulated,
  jsonb_build_object('place', holder_place, 'department', holder_department) AS holder"""


def nearest(conn: Conn, path: str, limit: int) -> list[Row]:
    """`limit` that are overdue, the gravest and then the oldest first, and `limit` that fall due next."""
    low, high = under(path)
    query = sql.SQL("""SELECT i.*, {names},
        (SELECT tier FROM place WHERE code = i.holder ->> 'place') AS holder_tier
      FROM (SELECT {case} FROM incident JOIN (
        (SELECT id FROM incident WHERE open AND overdue AND path >= %(low)s AND path < %(high)s
         ORDER BY severity NULLS LAST, due, id LIMIT %(limit)s)
        UNION ALL
        (SELECT id FROM incident
         WHERE open AND NOT overdue AND due IS NOT NULL AND path >= %(low)s AND path < %(high)s
         ORDER BY severity IS NULL, due, id LIMIT %(limit)s)) first USING (id)) i
      ORDER BY overdue DESC, CASE WHEN overdue THEN coalesce(severity, 5) ELSE (severity IS NULL)::int END,
               due, id""")
    return conn.execute(
        query.format(names=sql.SQL(_NAMES), case=sql.SQL(_CASE)),
        {"low": low, "high": high, "limit": limit},
        prepare=True,
    ).fetchall()


def graded(conn: Conn, path: str, limit: int) -> list[Row]:
    """Of the gravest open cases those with a point, or a centre of their place; the gravest first."""
    low, high = under(path)
    return conn.execute(
        """SELECT i.id, i.severity, i.overdue, i.due, i.at, i.state, i.simulated, i.class,
                  (coalesce(i.point, p.centre))[0] AS lon, (coalesce(i.point, p.centre))[1] AS lat,
                  c.name AS class_name
           FROM (SELECT id FROM incident
                 WHERE open AND severity IS NOT NULL AND path >= %s AND path < %s
                 ORDER BY severity, overdue DESC, due NULLS LAST, id LIMIT %s) first
           JOIN incident i USING (id) JOIN place p ON p.code = i.place
           LEFT JOIN (SELECT DISTINCT ON (code) code, jsonb_build_object('zh', name_zh, 'en', name_en) AS name
                      FROM class ORDER BY code, no) c ON c.code = i.class
           WHERE coalesce(i.point, p.centre) IS NOT NULL
           ORDER BY i.severity, i.overdue DESC, i.due NULLS LAST, i.id""",
        (low, high, limit),
        prepare=True,
        binary=True,
    ).fetchall()
