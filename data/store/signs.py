"""What do the signs of a place say, now and over time?"""

from collections.abc import Sequence
from datetime import datetime

from data.db import Conn, Row

CATALOGUE = """s.code, s.no, s.name_zh, s.name_en, s.domain, s.unit, s.tier, s.kind,
  CASE WHEN s.weighted THEN s.weight ELSE '1' END AS weight, s.shared"""

# A node's row as it is shown; live and expected are its own.
_SHOWN = """n.id, n.place AS shown, n.expected, l.live, l.value, l.at, l.expires, l.source, l.simulated,
  status_of(l.live, l.rank, l.at) AS status"""


def find(conn: Conn, code: str) -> Row | None:
    return conn.execute("SELECT * FROM sign WHERE code = %s", (code,)).fetchone()


def now(conn: Conn) -> datetime:
    row = conn.execute("SELECT city_now() AS now").fetchone()
    assert row is not None
    return row["now"]  # type: ignore[no-any-return]


def board(conn: Conn, place: str, above: Sequence[str]) -> list[Row]:
    """The whole catalogue; what is not measured here has the nearest value above if it is shared, else nulls.

    `above`: codes of the places above.
    """
    return conn.execute(
        f"""WITH near AS (
              SELECT DISTINCT ON (n.sign) n.sign, {_SHOWN}
              FROM node n JOIN latest l ON l.id = n.id
              WHERE n.asset = '' AND n.expected > 0 AND (n.place = %(place)s
                OR n.place = ANY(%(above)s) AND l.value IS NOT NULL
                   AND n.sign IN (SELECT code FROM sign WHERE shared))
              ORDER BY n.sign, n.tier DESC)
            SELECT {CATALOGUE}, near.* FROM sign s LEFT JOIN near ON near.sign = s.code ORDER BY s.no""",  # noqa: S608
        {"place": place, "above": list(above)},
        prepare=True,
        binary=True,
    ).fetchall()


def children(conn: Conn, sign: str, place: str) -> list[Row]:
    """The places below with their own row of the sign, in code order; nulls where it is not measured."""
    return conn.execute(
        f"""SELECT p.code AS place, p.name_zh AS place_zh, p.name_en AS place_en, {_SHOWN}
            FROM place p LEFT JOIN (node n JOIN latest l ON l.id = n.id)
              ON n.place = p.code AND n.sign = %s AND n.asset = '' AND n.expected > 0
            WHERE p.parent = %s ORDER BY p.code COLLATE "C" """,  # noqa: S608
        (sign, place),
        prepare=True,
    ).fetchall()


def assets(conn: Conn, sign: str, path: str) -> list[Row]:
    """The assets that measure the sign in a subtree, in code order."""
    return conn.execute(
        f"""SELECT a.code AS asset, a.name_zh AS asset_zh, a.name_en AS asset_en, a.place,
                   a.point[0] AS lon, a.point[1] AS lat, {_SHOWN}
            FROM asset a
            JOIN node n ON n.asset = a.code AND n.asset <> '' AND n.sign = %s AND n.until = 'infinity'
            JOIN latest l ON l.id = n.id
            WHERE a.path >= %s AND a.path < %s ORDER BY a.code COLLATE "C" """,  # noqa: S608
        (sign, path, f"{path[:-1]}0"),
        prepare=True,
    ).fetchall()


def node(conn: Conn, sign: str, place: str, asset: str) -> Row | None:
    return conn.execute(
        "SELECT n.id, n.leaf, l.simulated FROM node n JOIN latest l ON l.id = n.id"
        " WHERE n.sign = %s AND n.place = %s AND n.asset = %s",
        (sign, place, asset),
    ).fetchone()


def raw(conn: Conn, id: int, since: datetime, until: datetime, *, limit: int) -> list[Row]:
    return conn.execute(
        "SELECT at, value, received_at FROM reading WHERE id = %s AND at >= %s AND at < %s"
        " ORDER BY at LIMIT %s",
        (id, since, until, limit),
    ).fetchall()


_HOURS = """SELECT at, value, n, sum, coalesce(min, lo) AS min, coalesce(max, hi) AS max, last, live, expected
            FROM rollup_hour WHERE id = %s AND at >= %s AND at < %s ORDER BY at LIMIT %s"""
_BUCKETS = {"hour": _HOURS, "day": _HOURS.replace("rollup_hour", "rollup_day")}


def buckets(conn: Conn, grain: str, id: int, since: datetime, until: datetime, *, limit: int) -> list[Row]:
    """n, sum and last are null in a fold, whose min and max are those of the values folded."""
    return conn.execute(_BUCKETS[grain], (id, since, until, limit)).fetchall()


def hours(conn: Conn, ids: Sequence[int], count: int) -> list[Row]:
    """`{id, steps, values}` of several nodes over the last hours, the running one included: how many hours
    after the first of them, and what the value was; nulls of one that had none."""
    return conn.execute(
        """SELECT u.id, b.* FROM city c CROSS JOIN LATERAL (
             SELECT date_trunc('hour', city_now(), c.timezone) - %(back)s * interval '1 hour' AS first) h
           CROSS JOIN unnest(%(ids)s::bigint[]) u(id) CROSS JOIN LATERAL (
             SELECT array_agg(floor(date_part('epoch', at - h.first) / 3600)::integer) AS steps,
                    array_agg(value) AS values
             FROM rollup_hour WHERE id = u.id AND at >= h.first AND value IS NOT NULL) b""",
        {"ids": list(ids), "back": count - 1},
        prepare=True,
        binary=True,
    ).fetchall()


def counts(conn: Conn, place: str) -> list[Row]:
    """For the place and each place below it: how many signs hold which status, and their coverage.

    A place where nothing is measured has one row with status null.
    """
    return conn.execute(
        """SELECT p.code AS place, z.status, count(n.id) AS n,
                  coalesce(sum(z.live), 0)::integer AS live, coalesce(sum(n.expected), 0)::integer AS expected
           FROM place p LEFT JOIN node n ON n.place = p.code AND n.asset = '' AND n.expected > 0
           LEFT JOIN LATERAL (SELECT l.live, status_of(l.live, l.rank, l.at) AS status
                              FROM latest l WHERE l.id = n.id) z ON true
           WHERE p.code = %(place)s OR p.parent = %(place)s GROUP BY 1, 2 ORDER BY p.code COLLATE "C" """,
        {"place": place},
        prepare=True,
    ).fetchall()
