"""From where to where does a scale go, and which limits lie on it?"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Limit = tuple[str, float]
"""(status word, value)"""

FLAT = 12  # a limit that would squeeze the course into less than this part of the height is only named
FAR = 3  # times the height that the nearer ones need, and it is far


@dataclass(frozen=True, slots=True)
class Scale:
    """`on`: the limits that lie on it; `above` and `under`: those beyond its ends."""

    low: float
    high: float
    on: Sequence[Limit]
    above: Sequence[Limit]
    under: Sequence[Limit]


def scaled(values: Sequence[float], limits: Sequence[Limit], *, centre: bool = False) -> Scale:
    """`centre`: 0 is no natural end of what is measured."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    on = _near(low, high, limits, all_of_them=not values)
    low, high = min(low, *(value for _, value in on), low), max(high, *(value for _, value in on), high)
    if 0 <= low < 0.5 * high and not centre:
        low = 0.0
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    low, high = low if low == 0.0 else low - room, high + room
    off = [limit for limit in limits if limit not in on]
    above = [limit for limit in off if limit[1] > high]
    return Scale(low, high, on, above, [limit for limit in off if limit not in above])


def _near(low: float, high: float, limits: Sequence[Limit], *, all_of_them: bool) -> list[Limit]:
    """The nearest first; a course without height takes the nearest in any case."""
    own = high - low
    on: list[Limit] = []
    for limit in sorted(limits, key=lambda limit: max(low - limit[1], limit[1] - high, 0.0)):
        wide = max(high, limit[1]) - min(low, limit[1])
        must = all_of_them or (own == 0 and not on)
        if not must and wide > FLAT * own and wide > FAR * (high - low):
            break
        low, high = min(low, limit[1]), max(high, limit[1])
        on.append(limit)
    return on


def apart(values: Sequence[float], least: float) -> list[float]:
    """In the same order, no two nearer than `least`."""
    heights = list(values)
    order = sorted(range(len(values)), key=lambda at: values[at])
    for before, after in pairwise(order):
        heights[after] = max(heights[after], heights[before] + least)
    return heights
