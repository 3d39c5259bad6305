"""Which feeds speak, and what became of what they sent?"""

from itertools import groupby
from typing import Any

from data import db
from data.store import sources


def feeds(hours: int | None = None) -> dict[str, Any]:
    """The whole ledger a feed; with `hours` its last hours too."""
    with db.read() as conn:
        items = sources.all_of(conn)
        lines = sources.hours(conn, hours) if hours else []
    if hours:
        by_feed = {
            feed: [{name: row[name] for name in row if name != "feed"} for row in rows]
            for feed, rows in groupby(lines, key=lambda row: row["feed"])
        }
        items = [{**item, "hours": by_feed.get(item["feed"], [])} for item in items]
    return {"items": items}


def ledger(hours: int) -> list[dict[str, Any]]:
    """A feed a row, by name: `day` = what it sent in the last hours, `hours` = received by full hour
    (None where nothing came), `rate` = the mean of its hours so far, `reasons` = refused by code."""
    with db.read() as conn:
        return [_line(row, hours) for row in sources.recent(conn, hours)]


def _line(row: dict[str, Any], hours: int) -> dict[str, Any]:
    names = ("received", "stored", "same", "rejected")
    received = row.pop("by_hour")
    return {
        **{name: row[name] for name in ("feed", "kind", "simulated", "first_at", "last_at", "reasons")},
        "day": {name: row[name] for name in names},
        "hours": received,
        "rate": round(row["received"] / heard) if (heard := sum(n is not None for n in received)) else 0,
    }


def lags() -> dict[str, float]:
    """Seconds since each feed last spoke."""
    with db.read() as conn:
        return sources.lags(conn)
