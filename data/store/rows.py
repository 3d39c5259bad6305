"""How do many rows go into a table in one statement?"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from psycopg import sql

from data.db import Conn, Row
from data.domain.place import tier_of


def insert(conn: Conn, table: str, rows: Sequence[Mapping[str, Any]], returning: str = "") -> list[Row]:
    """Rows whose key is taken are left out; answers `returning` of those that were not.

    Every row has the first one's columns; the others take their defaults.
    """
    if not rows:
        return []
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in rows[0])
    query = sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {columns} FROM"
        " jsonb_populate_recordset(NULL::{table}, %s::jsonb) ON CONFLICT DO NOTHING"
    ).format(table=sql.Identifier(table), columns=columns)
    if returning:
        query += sql.SQL(" RETURNING {}").format(sql.Identifier(returning))
    done = conn.execute(query, (orjson.dumps(rows).decode(),))
    return done.fetchall() if returning else []


def under(path: str) -> tuple[str, str]:
    """The bounds of a subtree in byte order: `4201/` to `42010`, as 0 follows /."""
    return path, f"{path[:-1]}0"


def inside(path: str) -> sql.SQL:
    """What lies between `low` and `high`, the bounds of a subtree. Under the root lies everything, and a
    prepared plan that knew neither bound would take it for little."""
    return sql.SQL("true" if tier_of(path) == 1 else "path >= %(low)s AND path < %(high)s")
