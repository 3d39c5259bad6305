"""Which stretch of time does a chart of a sign show, and how finely?"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from data.domain.refusal import Refusal

WINDOWS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "14d": timedelta(days=14)}
STEPS = {"raw": timedelta(0), "hour": timedelta(hours=1), "day": timedelta(days=1)}
DAY = timedelta(days=1)
BINS = 288
"""Steps of a stretch of raw readings, each drawn by two of them at the most: under 600 points."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """`[since, until)`; `refused`: the grain that was asked for and cannot be had."""

    window: str
    grain: str
    since: datetime
    until: datetime
    refused: str | None = None

    @property
    def step(self) -> timedelta:
        return STEPS[self.grain]

    @property
    def bin(self) -> timedelta:
        return (self.until - self.since) / BINS


def stretch(
    window: str | None,
    grain: str | None,
    *,
    period: timedelta | None,
    measured: bool,
    readable: bool,
    now: datetime,
) -> Stretch:
    """What is not asked for is chosen by the sign's period: of a daily one a day shows nothing.

    `measured`: the series itself has readings; `readable`: it or one drawn beside it.
    """
    _check("window", window, WINDOWS)
    _check("grain", grain, STEPS)
    slow = period is not None and period >= DAY
    name = window or ("14d" if slow else "24h")
    able = grains(name, readable=readable)
    until = _next(now, timedelta(minutes=5) if name == "24h" else timedelta(hours=1))
    chosen = grain if grain in able else _grain(name, slow=slow, measured=measured)
    refused = grain if grain is not None and grain not in able else None
    return Stretch(name, chosen, until - WINDOWS[name], until, refused)


def grains(window: str, *, readable: bool) -> list[str]:
    """A fold has no readings of its own; a day of days is one point."""
    return [grain for grain in STEPS if (readable or grain != "raw") and (window != "24h" or grain != "day")]


def _grain(window: str, *, slow: bool, measured: bool) -> str:
    if measured and (slow or window == "24h"):
        return "raw"
    return "day" if slow and window != "24h" else "hour"


def _check(field: str, given: str | None, known: dict[str, timedelta]) -> None:
    if given is not None and given not in known:
        raise Refusal(
            "bad_value",
            f"{field} 只能是 {'、'.join(known)}",
            f"{field} is one of {', '.join(known)}",
            field=field,
        )


def _next(now: datetime, step: timedelta) -> datetime:
    """The end moves by whole steps, so that a state asked twice is the same state."""
    epoch = datetime(2000, 1, 1, tzinfo=UTC)
    return epoch + -((epoch - now) // step) * step
