"""Which limits does a sign have in a place, and what lacks to know them?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.domain.sign import Status
from data.domain.threshold import Measure, Threshold, thresholds

LEVELS = (Status.ATTENTION, Status.WARNING, Status.ALARM)
Ends = Sequence[float | None] | None


@dataclass(frozen=True, slots=True)
class Limit:
    """The ends of one level in the sign's unit; `need`: the measure that nobody knows, so that it has none.

    `cell`: as the city's folder writes it, `1.3x`. `outside`: bad beyond the ends, not at them.
    """

    status: str
    low: float | None
    high: float | None
    cell: str
    need: str | None
    outside: bool


def limits_of(sign: Mapping[str, Any]) -> list[Limit]:
    """The mildest first. `lo` and `hi` are the series' resolved ends, or None where it has no series."""
    cells = [str(sign[name]).strip() for name in ("t1", "t2", "t3")]
    levels = thresholds(sign["direction"], cells[0], cells[1], cells[2])
    rows = zip(LEVELS, cells, levels, strict=True)
    return [
        _limit(status, cell, level, lo=sign["lo"], hi=sign["hi"])
        for status, cell, level in rows
        if level is not None
    ]


def _limit(status: Status, cell: str, level: Threshold, *, lo: Ends, hi: Ends) -> Limit:
    at = LEVELS.index(status)
    low, high = (ends[at] if ends else None for ends in (lo, hi))
    if level.measure is Measure.ABSOLUTE:
        low, high = level.low, level.high
    need = None if (low, high) != (None, None) else level.measure.value
    return Limit(status.word, low, high, cell, need, level.outside)


def drawn(limits: Sequence[Limit]) -> list[tuple[str, float]]:
    """(status word, value) of every end that is known."""
    return [
        (limit.status, value) for limit in limits for value in (limit.low, limit.high) if value is not None
    ]
