"""Which classes of incidents does the city know, and how long may they take?"""

from data.db import Conn, Row


def rules(conn: Conn) -> dict[str, Row]:
    """The first row of every class: `{code, limit, unit, name}`; empty for a city that takes any class."""
    rows = conn.execute(
        """SELECT DISTINCT ON (code) code, "limit", unit, illustrative,
                  jsonb_build_object('zh', name_zh, 'en', name_en) AS name
           FROM class ORDER BY code, no"""
    )
    return {row["code"]: row for row in rows}


def rule(conn: Conn, code: str) -> Row | None:
    return conn.execute(
        'SELECT code, "limit", unit FROM class WHERE code = %s ORDER BY no LIMIT 1', (code,)
    ).fetchone()


def are_listed(conn: Conn) -> bool:
    row = conn.execute("SELECT EXISTS (SELECT FROM class) AS listed").fetchone()
    return row is not None and bool(row["listed"])
