"""Which places are there, where do they lie, and which one is meant?"""

from collections.abc import Iterable
from typing import Any

from psycopg import sql

from data.db import Conn, Row
from data.domain.place import ancestors_of

_NAME = sql.SQL("jsonb_build_object('zh', name_zh, 'en', name_en) AS name")
_PLACE = sql.SQL(
    """code, tier, parent, path, jsonb_build_object('zh', name_zh, 'en', name_en) AS name,
    CASE WHEN centre IS NOT NULL THEN jsonb_build_array(centre[0], centre[1]) END AS centre,
    area AS area_km2, population, schematic"""
)


def find(conn: Conn, code: str) -> Row | None:
    """With its ancestors from the root down and its children in code order."""
    return conn.execute(
        sql.SQL(
            """WITH RECURSIVE here AS (SELECT * FROM place WHERE code = %s),
               up AS (SELECT p.* FROM place p JOIN here ON p.code = here.parent
                      UNION ALL SELECT p.* FROM place p JOIN up ON p.code = up.parent)
               SELECT {columns},
                 (SELECT coalesce(jsonb_agg(jsonb_build_object('code', u.code, 'name', {u_name})
                                            ORDER BY u.tier), '[]') FROM up u) AS ancestors,
                 (SELECT coalesce(jsonb_agg(jsonb_build_object(
                     'code', c.code, 'tier', c.tier, 'name', {c_name})
                                            ORDER BY c.code COLLATE "C"), '[]')
                  FROM place c WHERE c.parent = here.code) AS children
               FROM here"""
        ).format(columns=_PLACE, u_name=_name("u"), c_name=_name("c")),
        (code,),
    ).fetchone()


def _name(table: str) -> sql.Composed:
    return sql.SQL("jsonb_build_object('zh', {0}.name_zh, 'en', {0}.name_en)").format(sql.Identifier(table))


def by_code(conn: Conn, codes: Iterable[str]) -> dict[str, Row]:
    rows = conn.execute(
        "SELECT code, tier, path, district FROM place WHERE code = ANY(%s)", (list(set(codes)),)
    )
    return {row["code"]: row for row in rows}


def outlines(conn: Conn, code: str) -> list[Row]:
    """The place and its children with their outlines for drawing."""
    return conn.execute(
        sql.SQL("""SELECT code, tier, path, {}, schematic, outline FROM place
            WHERE (code = %(code)s OR parent = %(code)s) AND outline IS NOT NULL
            ORDER BY path""").format(_NAME),
        {"code": code},
    ).fetchall()


def geometry(conn: Conn, code: str) -> dict[str, Any] | None:
    row = conn.execute("SELECT geometry FROM place WHERE code = %s", (code,)).fetchone()
    return None if row is None else row["geometry"]


def search(conn: Conn, words: str, limit: int, after: str | None = None) -> list[Row]:
    """Every word must stand in code, names, pinyin or initials; higher tiers first, then by code."""
    patterns = [f"%{_escaped(word)}%" for word in words.lower().split()]
    return conn.execute(
        sql.SQL("""SELECT code, tier, parent, path, {} FROM place
            WHERE sought LIKE ALL (%(patterns)s::text[])
              AND (%(after)s::text IS NULL OR (tier, code COLLATE "C") >
                   (SELECT tier, code COLLATE "C" FROM place WHERE code = %(after)s))
            ORDER BY tier, code COLLATE "C" LIMIT %(limit)s""").format(_NAME),
        {"patterns": patterns, "after": after, "limit": limit},
    ).fetchall()


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# ── which cell holds a point ────────────────────────────────────────────────────────────────────
def cells_near(conn: Conn, box: tuple[float, float, float, float]) -> list[Row]:
    """Cells whose bounds meet the box, deepest first, real ones before schematic; `version` is the row's."""
    return conn.execute(
        """SELECT code, tier, path, district, schematic, xmin::text AS version FROM place
           WHERE bounds && box(point(%s, %s), point(%s, %s)) AND geometry IS NOT NULL
           ORDER BY tier DESC, schematic, code COLLATE "C" """,
        box,
    ).fetchall()


def real_cell_above(conn: Conn, path: str) -> Row | None:
    """The place's own real cell, or its nearest ancestor's."""
    return conn.execute(
        """SELECT code, tier, xmin::text AS version FROM place
           WHERE path = ANY(%s) AND geometry IS NOT NULL AND NOT schematic ORDER BY tier DESC LIMIT 1""",
        ([*ancestors_of(path), path],),
    ).fetchone()


def has_real_outline(conn: Conn) -> bool:
    """The root's cell is real, or all of its children's are."""
    row = conn.execute(
        """SELECT coalesce(bool_or(tier = 1 AND real), false)
                  OR coalesce(bool_and(real) FILTER (WHERE tier = 2), false) AS outlined
           FROM (SELECT tier, geometry IS NOT NULL AND NOT schematic AS real
                 FROM place WHERE tier <= 2) top"""
    ).fetchone()
    return row is not None and bool(row["outlined"])


def root(conn: Conn) -> Row:
    row = conn.execute("SELECT code, tier, path, district FROM place WHERE parent IS NULL").fetchone()
    assert row is not None
    return row
