"""What has been decided and what has been warned of, and does it still hold?"""

from data.db import Conn, Row
from data.domain.place import ancestors_of
from data.store.rows import under


def in_force(conn: Conn, path: str) -> list[Row]:
    """Decisions for the place or one above it."""
    return conn.execute(
        """SELECT d.id, d.track, d.place, d.level, d.by, d.reason, lower(d.valid) AS since, s.simulated
           FROM decision d JOIN place p ON p.code = d.place JOIN source s ON s.feed = d.source
           WHERE p.path = ANY(%s) AND d.valid @> city_now() ORDER BY d.track, p.tier, since""",
        ([*ancestors_of(path), path],),
    ).fetchall()


def warnings_over(conn: Conn, path: str) -> list[Row]:
    """Warnings for the place, one above it or one below it, the gravest first."""
    low, high = under(path)
    return conn.execute(
        """SELECT w.id, w.kind, w.colour, w.path, w.issuer, lower(w.valid) AS since,
                  CASE WHEN NOT upper_inf(w.valid) THEN upper(w.valid) END AS until, s.simulated
           FROM warning w JOIN source s ON s.feed = w.source
           WHERE w.valid @> city_now()
             AND (w.path = ANY(%(above)s) OR (w.path >= %(low)s AND w.path < %(high)s))
           ORDER BY array_position(ARRAY['red', 'orange', 'yellow', 'blue'], w.colour), w.kind, w.path""",
        {"above": list(ancestors_of(path)), "low": low, "high": high},
    ).fetchall()
