"""What does a hall have to see of a place at once?"""

from collections.abc import Sequence
from typing import Any

from data import db
from data.domain.sign import WORDS
from data.store import deadlines, events, spread

Json = dict[str, Any]


def below(place: str, signs: Sequence[str]) -> list[Json]:
    """A row for each sign and child that measures it: `{sign, place, value, at, status, …}`."""
    with db.read() as conn:
        return [{**row, "status": WORDS[row["status"]]} for row in spread.below(conn, place, signs)]


def cases(path: str, *, clocks: int, points: int, acts: int) -> Json:
    """`{clocks, points, acts}`: deadlines passed and next, the graver cases and where, the newest acts."""
    with db.read() as conn:
        return {
            "clocks": deadlines.nearest(conn, path, clocks),
            "points": deadlines.graded(conn, path, points),
            "acts": events.recent(conn, path, acts),
        }
