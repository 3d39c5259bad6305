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
    points: Sequence[Point], since: datetime, now: datetime, *, step: timedelta, silence: timedelta
) -> list[Gap]:
    """Within `[since, now]`: longer than `silence` from one point to the next. A point stands for `step`.

    Points before `since` only tell whether the stretch begins with a gap; nothing before the first point is one.
    """
    inner = [
        Gap(point["at"] - point["quiet"] + step, point["at"])
        for point in points
        if point["quiet"] is not None and point["quiet"] > silence
    ]
    last = [Gap(points[-1]["at"] + step, now)] if points and now - points[-1]["at"] > silence else []
    clipped = [Gap(max(gap.since, since), gap.until) for gap in (*inner, *last)]
    return [gap for gap in clipped if gap.since < gap.until]
