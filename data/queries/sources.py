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


def lags() -> dict[str, float]:
    """Seconds since each feed last spoke."""
    with db.read() as conn:
        return sources.lags(conn)
