"""What does a hall have to see of a place at once?"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from data import db
from data.domain.cases import Cases
from data.domain.sign import WORDS
from data.store import deadlines, events, incidents, sources, spread

Json = dict[str, Any]


def below(place: str, signs: Sequence[str]) -> list[Json]:
    """A row for each sign and child that measures it: `{sign, place, value, at, simulated, status}`."""
    with db.read() as conn:
        return [{**row, "status": WORDS[row["status"]]} for row in spread.below(conn, place, signs)]


def reported(path: str, midnight: datetime, timezone: str) -> Json:
    """`{hour, class}`, each `{key, name, n}`: by hour since the midnight before, by class since this one."""
    before = midnight - timedelta(days=1)
    with db.read() as conn:
        return {
            by: incidents.counts(conn, Cases(path, start=since), by, tier=1, timezone=timezone)
            for by, since in (("hour", before), ("class", midnight))
        }


def feeds() -> list[Json]:
    """`{feed, kind, simulated, last_at}`, without their ledgers."""
    with db.read() as conn:
        return sources.known(conn)


def cases(path: str, tier: int, *, clocks: int, points: int, acts: int) -> Json:
    """`{matrix, children, clocks, points, acts}`: open cases by severity and stage and by the places of the
    tier below, deadlines passed and next, the graver cases and where, the newest acts."""
    with db.read() as conn:
        matrix, children = incidents.open_load(conn, path, tier + 1)
        return {
            "matrix": matrix,
            "children": children,
            "clocks": deadlines.nearest(conn, path, clocks),
            "points": deadlines.graded(conn, path, points),
            "acts": events.recent(conn, path, acts),
        }
