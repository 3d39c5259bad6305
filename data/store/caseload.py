"""Which open cases press most, and how many came and went today?"""

from datetime import timedelta

from psycopg import sql

from data.db import Conn, Row
from data.store import clock
from data.store.incidents import INCIDENT
from data.store.rows import inside, under

_NAMES = """
  (SELECT jsonb_build_object('zh', p.name_zh, 'en', p.name_en) FROM place p
   WHERE p.code = i.place) AS place_name,
  (SELECT jsonb_build_object('zh', c.name_zh, 'en', c.name_en) FROM class c WHERE c.code = i.class
   ORDER BY c.no LIMIT 1) AS class_name,
  coalesce(
    (SELECT jsonb_build_object('zh', d.name_zh, 'en', d.name_en) FROM department d
     WHERE d.code = i.holder ->> 'department'),
    (SELECT jsonb_build_object('zh', p.name_zh, 'en', p.name_en) FROM place p
     WHERE p.code = i.holder ->> 'place')) AS holder_name"""


def pressing(conn: Conn, path: str, limit: int) -> list[Row]:
    """Open cases as the API gives them, with names: overdue first, then the gravest, then the next due."""
    low, high = under(path)
    return conn.execute(
        sql.SQL("""SELECT i.*, {names} FROM (SELECT {incident} FROM incident JOIN (
              SELECT id FROM incident WHERE open AND path >= %(low)s AND path < %(high)s
              ORDER BY overdue DESC, severity NULLS LAST, due NULLS LAST, id LIMIT %(limit)s) first
              USING (id)) i
            ORDER BY overdue DESC, severity NULLS LAST, due NULLS LAST, id""").format(
            names=sql.SQL(_NAMES), incident=INCIDENT
        ),
        {"low": low, "high": high, "limit": limit},
    ).fetchall()


def today(conn: Conn, path: str) -> Row:
    """`{midnight, reported, reported_before, closed, closed_before, longest}`: since midnight on the city's
    clock, and on the day before; `longest` = when the case was due that is overdue for the longest.

    The times are given as values: the planner knows how little of the past they leave."""
    low, high = under(path)
    midnight = clock.midnight(conn)
    row = conn.execute(
        sql.SQL("""WITH came AS (
             SELECT count(*) FILTER (WHERE at >= %(day)s) AS reported,
                    count(*) FILTER (WHERE at < %(day)s) AS reported_before
             FROM incident WHERE at >= %(before)s AND {inside}),
           went AS (
             SELECT count(*) FILTER (WHERE at >= %(day)s) AS closed,
                    count(*) FILTER (WHERE at < %(day)s) AS closed_before
             FROM event WHERE at >= %(before)s AND {inside}
               AND to_state IN ('closed', 'forced_close') AND from_state IS DISTINCT FROM to_state)
           SELECT %(day)s AS midnight, came.*, went.*,
                  (SELECT min(due) FROM incident WHERE open AND overdue AND {inside}) AS longest
           FROM came, went""").format(inside=inside(path)),
        {"low": low, "high": high, "day": midnight, "before": midnight - timedelta(days=1)},
    ).fetchone()
    assert row is not None
    return row
