"""When did a series say nothing?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Point = Mapping[str, Any]
"""`at`, and `quiet`: how long after the point before it."""


@dataclass(frozen=True, slots=True)
class Gap:
    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        return self.until - self.since


def gaps(
    points: Sequence[Point], stretch: Gap, *, step: timedelta, silence: timedelta, begun: bool = False
) -> list[Gap]:
    """Within `stretch` (which ends now): longer than `silence` without a point. A point stands for `step`.

    What lies before the first point is one only where the series had `begun` before the stretch.
    """
    ends = [(point["at"] - point["quiet"], point["at"]) for point in points if point["quiet"] is not None]
    ends += [(points[-1]["at"], stretch.until)] if points else []
    found = [Gap(before + step, after) for before, after in ends if after - before > silence]
    first = points[0]["at"] if points else stretch.until
    if begun and first - stretch.since > silence:
        found.insert(0, Gap(stretch.since, first))
    clipped = [Gap(max(gap.since, stretch.since), gap.until) for gap in found]
    return [gap for gap in clipped if gap.since < gap.until]
