"""Which things stand in a place?"""

from psycopg import sql

from data.db import Conn, Row
from data.store.rows import under

_ASSET = sql.SQL(
    """code, kind, jsonb_build_object('zh', name_zh, 'en', name_en) AS name, place,
    point[0] AS lon, point[1] AS lat, department, schematic AS simulated"""
)


def page(conn: Conn, path: str, *, kind: str | None = None, after: str = "", limit: int = 100) -> list[Row]:
    """At or below the place, in code order."""
    low, high = under(path)
    return conn.execute(
        sql.SQL("""SELECT {} FROM asset
            WHERE path >= %(low)s AND path < %(high)s AND (%(kind)s::text IS NULL OR kind = %(kind)s)
              AND code COLLATE "C" > %(after)s
            ORDER BY code COLLATE "C" LIMIT %(limit)s""").format(_ASSET),
        {"low": low, "high": high, "kind": kind, "after": after, "limit": limit},
    ).fetchall()


def find(conn: Conn, code: str) -> Row | None:
    return conn.execute(
        sql.SQL("SELECT {}, path, facts FROM asset WHERE code = %s").format(_ASSET), (code,)
    ).fetchone()
