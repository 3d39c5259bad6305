"""Which feeds are there, and what became of all that they sent?"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from psycopg.types.json import Jsonb

from data.db import Conn, Row

Kind = Literal["sensing", "government", "society"]


@dataclass(frozen=True, slots=True)
class Tally:
    """received = stored + same + rejected; `reasons` counts the rejected by code.

    `replaced`: those of the stored that took the place of another value.
    """

    stored: int = 0
    same: int = 0
    rejected: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    replaced: int = 0

    @property
    def received(self) -> int:
        return self.stored + self.same + self.rejected

    def plus(self, other: "Tally") -> "Tally":
        reasons = Counter(self.reasons) + Counter(other.reasons)
        return Tally(
            self.stored + other.stored, self.same + other.same, self.rejected + other.rejected, reasons,
            self.replaced + other.replaced,
        )  # fmt: skip


def know(conn: Conn, feed: str, kind: Kind = "sensing", *, simulated: bool = False) -> Row:
    """The feed's row, made at its first word; kind and simulated stay what they were then."""
    conn.execute(
        "INSERT INTO source (feed, kind, simulated) VALUES (%s, %s, %s) ON CONFLICT (feed) DO NOTHING",
        (feed, kind, simulated),
    )
    row = conn.execute("SELECT * FROM source WHERE feed = %s", (feed,)).fetchone()
    assert row is not None
    return row


def book(conn: Conn, feed: str, tally: Tally, at: datetime | None = None) -> None:
    """Into the ledger of the hour of `at` (now); the feed is known. Last in its transaction: it locks."""
    conn.execute(
        """INSERT INTO ledger AS l (feed, hour, received, stored, same, rejected, reasons, replaced)
           VALUES (%(feed)s, date_trunc('hour', coalesce(%(at)s, city_now()), 'UTC'),
                   %(received)s, %(stored)s, %(same)s, %(rejected)s, %(reasons)s, %(replaced)s)
           ON CONFLICT (feed, hour) DO UPDATE SET
             received = l.received + excluded.received, stored = l.stored + excluded.stored,
             same = l.same + excluded.same, rejected = l.rejected + excluded.rejected,
             replaced = l.replaced + excluded.replaced,
             reasons = l.reasons || (SELECT coalesce(jsonb_object_agg(key, value::bigint
                         + coalesce((l.reasons ->> key)::bigint, 0)), '{}')
                         FROM jsonb_each_text(excluded.reasons))""",
        {
            "feed": feed, "at": at, "received": tally.received, "stored": tally.stored, "same": tally.same,
            "rejected": tally.rejected, "reasons": Jsonb(dict(tally.reasons)), "replaced": tally.replaced,
        },
    )  # fmt: skip
    conn.execute(
        """UPDATE source SET first_at = least(first_at, coalesce(%(at)s, city_now())),
                             last_at = greatest(last_at, coalesce(%(at)s, city_now()))
           WHERE feed = %(feed)s""",
        {"feed": feed, "at": at},
    )


def book_removed(conn: Conn, feed: str, count: int) -> None:
    """Readings of this feed that are no more. Last in its transaction: it locks."""
    conn.execute(
        """INSERT INTO ledger AS l (feed, hour, received, stored, same, rejected, removed)
           VALUES (%s, date_trunc('hour', city_now(), 'UTC'), 0, 0, 0, 0, %s)
           ON CONFLICT (feed, hour) DO UPDATE SET removed = l.removed + excluded.removed""",
        (feed, count),
    )


def all_of(conn: Conn) -> list[Row]:
    return conn.execute(
        """SELECT s.feed, s.kind, s.simulated, s.first_at, s.last_at,
                  coalesce(sum(l.received), 0)::bigint AS received,
                  coalesce(sum(l.stored), 0)::bigint AS stored, coalesce(sum(l.same), 0)::bigint AS same,
                  coalesce(sum(l.rejected), 0)::bigint AS rejected
           FROM source s LEFT JOIN ledger l USING (feed) GROUP BY s.feed ORDER BY s.feed"""
    ).fetchall()


def known(conn: Conn) -> list[Row]:
    return conn.execute("SELECT feed, kind, simulated, last_at FROM source ORDER BY feed").fetchall()


def hours(conn: Conn, count: int) -> list[Row]:
    """The ledger's last hours by feed, oldest first."""
    return conn.execute(
        """SELECT feed, hour, received, stored, same, rejected FROM ledger
           WHERE hour > city_now() - %s ORDER BY feed, hour""",
        (timedelta(hours=count),),
    ).fetchall()


def recent(conn: Conn, count: int) -> list[Row]:
    """By feed over the last hours, this one included: the ledger's sums, `by_hour` received, `reasons`."""
    return conn.execute(
        """WITH hour AS (
             SELECT generate_series(now - %(back)s * interval '1 hour', now, interval '1 hour') AS hour
             FROM date_trunc('hour', city_now(), 'UTC') now),
           line AS MATERIALIZED (
             SELECT l.* FROM source s CROSS JOIN LATERAL (
               SELECT * FROM ledger WHERE feed = s.feed AND hour >= (SELECT min(hour) FROM hour) OFFSET 0) l),
           why AS (
             SELECT feed, jsonb_object_agg(key, n) AS reasons FROM (
               SELECT feed, key, sum(value::bigint) AS n
               FROM line JOIN hour USING (hour), jsonb_each_text(reasons) GROUP BY feed, key) r
             GROUP BY feed)
           SELECT s.feed, s.kind, s.simulated, s.first_at, s.last_at, coalesce(w.reasons, '{}') AS reasons,
                  coalesce(sum(l.received), 0)::bigint AS received,
                  coalesce(sum(l.stored), 0)::bigint AS stored, coalesce(sum(l.same), 0)::bigint AS same,
                  coalesce(sum(l.rejected), 0)::bigint AS rejected,
                  array_agg(l.received ORDER BY h.hour) AS by_hour
           FROM source s CROSS JOIN hour h LEFT JOIN line l ON l.feed = s.feed AND l.hour = h.hour
           LEFT JOIN why w ON w.feed = s.feed GROUP BY s.feed, w.reasons ORDER BY s.feed""",
        {"back": count - 1},
    ).fetchall()


def lags(conn: Conn) -> dict[str, float]:
    """Seconds since a feed last spoke."""
    rows = conn.execute(
        "SELECT feed, extract(epoch FROM now() - last_at)::float8 AS lag FROM source"
        " WHERE last_at IS NOT NULL"
    )
    return {row["feed"]: row["lag"] for row in rows}
