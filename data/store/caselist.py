"""How many cases stand in the usual lists, and what is everything in one called?"""

from collections.abc import Collection

from psycopg import sql

from data.db import Conn, Row
from data.store import clock
from data.store.rows import inside, under


def tallies(conn: Conn, path: str) -> Row:
    """`{midnight, open, overdue, reported, closed}`: the last two since midnight on the city's clock."""
    low, high = under(path)
    row = conn.execute(
        sql.SQL("""WITH work AS (SELECT count(*) AS open, count(*) FILTER (WHERE overdue) AS overdue
                      FROM incident WHERE open AND {inside}),
             came AS (SELECT count(*) AS reported FROM incident
                      WHERE at >= %(day)s AND {inside}),
             went AS (SELECT count(*) AS closed FROM event
                      WHERE at >= %(day)s AND {inside}
                      AND to_state IN ('closed', 'forced_close') AND from_state IS DISTINCT FROM to_state)
           SELECT %(day)s AS midnight, * FROM work, came, went""").format(inside=inside(path)),
        {"low": low, "high": high, "day": clock.midnight(conn)},
    ).fetchone()
    assert row is not None
    return row


def names(
    conn: Conn, *, places: Collection[str], signs: Collection[str], assets: Collection[str]
) -> list[Row]:
    """`{kind, code, zh, en}` of these, and all classes, departments and feeds with cases."""
    return conn.execute(
        """SELECT kind, code, zh, en
           FROM (SELECT * FROM (SELECT DISTINCT ON (code) 'class' AS kind, code, name_zh AS zh, name_en AS en
                                FROM class ORDER BY code, no) first
             UNION ALL SELECT 'department', code, name_zh, name_en FROM department
             UNION ALL SELECT 'place', code, name_zh, name_en FROM place WHERE code = ANY(%(places)s)
             UNION ALL SELECT 'sign', code, name_zh, name_en FROM sign WHERE code = ANY(%(signs)s)
             UNION ALL SELECT 'asset', code, name_zh, name_en FROM asset WHERE code = ANY(%(assets)s)
             UNION ALL SELECT 'source', feed, NULL, NULL FROM source
                       WHERE EXISTS (SELECT FROM incident WHERE incident.source = feed)) named
           ORDER BY kind, code COLLATE "C" """,
        {"places": list(places), "signs": list(signs), "assets": list(assets)},
    ).fetchall()
