"""What does a hall have to see of a place at once?"""

from collections.abc import Sequence
from typing import Any

from data import db
from data.domain.sign import WORDS
from data.store import deadlines, events, incidents, sources, spread

Json = dict[str, Any]


def below(place: str, signs: Sequence[str]) -> list[Json]:
    """A row for each sign and child that measures it: `{sign, place, value, at, status, …}`."""
    with db.read() as conn:
        return [{**row, "status": WORDS[row["status"]]} for row in spread.below(conn, place, signs)]


def load(path: str, tier: int) -> Json:
    """`{matrix, children}`: open cases by severity and stage, and by the places of the tier below."""
    with db.read() as conn:
        return {
            "matrix": incidents.open_matrix(conn, path),
            "children": incidents.open_by_child(conn, path, tier + 1),
        }


def feeds() -> list[Json]:
    """`{feed, kind, simulated, last_at}`, without their ledgers."""
    with db.read() as conn:
        return sources.known(conn)


def cases(path: str, *, clocks: int, points: int, acts: int) -> Json:
    """`{clocks, points, acts}`: deadlines passed and next, the graver cases and where, the newest acts."""
    with db.read() as conn:
        return {
            "clocks": deadlines.nearest(conn, path, clocks),
            "points": deadlines.graded(conn, path, points),
            "acts": events.recent(conn, path, acts),
        }
