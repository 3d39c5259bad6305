"""Of the readings expected in the last day, how many came, and how often did nobody speak?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

HOUR = timedelta(hours=1)
HOURS = 24


@dataclass(frozen=True, slots=True)
class Hour:
    """`live` of the `expected` series had a reading in the hour that begins at `at`."""

    at: datetime
    live: int
    expected: int


@dataclass(frozen=True, slots=True)
class Presence:
    """`present` of `due` hours of series; `gaps`: stretches of whole hours in which nobody spoke."""

    present: int
    due: int
    gaps: int
    longest: timedelta

    @property
    def share(self) -> float | None:
        return self.present / self.due if self.due else None


def presence(hours: Sequence[Hour], expected: int, now: datetime) -> Presence:
    """Of the 24 whole hours before the running one; an hour without a row owes `expected`."""
    running = now.replace(minute=0, second=0, microsecond=0)
    known = {hour.at: hour for hour in hours}
    asked = [running - HOUR * back for back in range(HOURS, 0, -1)]
    day = [known.get(at, Hour(at, 0, expected)) for at in asked]
    silent = [len(list(run)) for live, run in groupby(day, key=lambda hour: hour.live > 0) if not live]
    return Presence(
        sum(hour.live for hour in day),
        sum(hour.expected for hour in day),
        len(silent),
        HOUR * max(silent, default=0),
    )
