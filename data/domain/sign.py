"""How bad is a value, and which series of a sign are expected where?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from data.domain.threshold import Thresholds


class Status(IntEnum):
    """What a sign's cell shows; the order is the one people look in."""

    NORMAL = 0
    ATTENTION = 1
    WARNING = 2
    ALARM = 3
    STALE = 4
    NONE = 5

    @property
    def word(self) -> str:
        return WORDS[self]


WORDS = tuple(status.name.lower() for status in Status)
ABNORMAL = frozenset({Status.ATTENTION, Status.WARNING, Status.ALARM})


WORST_FIRST = (
    Status.ALARM, Status.WARNING, Status.ATTENTION, Status.STALE, Status.NORMAL, Status.NONE,
)  # fmt: skip
ENOUGH = 0.9
"""The share of what is expected that must report before a calm place is called normal (illustrative)."""


def at_a_glance(statuses: Iterable[Status], live: int, expected: int) -> Status:
    """A whole place in one mark; a few silent series among many are told by its coverage, not by the mark."""
    held = set(statuses)
    worst = min(held, key=WORST_FIRST.index, default=Status.NONE)
    if worst not in (Status.STALE, Status.NORMAL):
        return worst
    if live >= ENOUGH * expected:
        return Status.NORMAL
    return Status.STALE if Status.STALE in held else Status.NONE


@dataclass(frozen=True, slots=True)
class Limits:
    """The three levels in the sign's unit; None where a level has no such end or its measure is unknown."""

    lo: tuple[float | None, float | None, float | None]
    hi: tuple[float | None, float | None, float | None]
    slack: float = 0.0


def limits(
    levels: Thresholds, hysteresis: str, *, capacity: float | None, baseline: float | None = None
) -> Limits:
    found = [level and level.limits(capacity=capacity, baseline=baseline) for level in levels]
    lo = tuple(level.low if level else None for level in found)
    hi = tuple(level.high if level else None for level in found)
    return Limits(lo, hi, _slack(hysteresis, lo[0], hi[0]))  # type: ignore[arg-type]


def _slack(cell: str, lo: float | None, hi: float | None) -> float:
    """`5%` of the first level (of a band's width), or a number in the sign's unit."""
    cell = cell.strip()
    if not cell:
        return 0.0
    if not cell.endswith("%"):
        return float(cell)
    first = hi - lo if lo is not None and hi is not None else abs(hi if hi is not None else lo or 0.0)
    return first * float(cell[:-1]) / 100


@dataclass(frozen=True, slots=True)
class Leaf:
    """One expected series: a sign at a place, or at an asset standing in that place."""

    sign: str
    place: str
    asset: str = ""
    capacity: float | None = None


def whole_capacity(below: Iterable[float | None]) -> float | None:
    """A fold's capacity is the sum of those below; unknown as soon as one is."""
    known = list(below)
    return None if not known or None in known else float(sum(c for c in known if c is not None))


def leaf_weight(weight: str, place: Mapping[str, float | None], *, is_asset: bool) -> float | None:
    """A place weighs its population or area, an asset 1; None where the figure lacks."""
    if weight == "1" or is_asset:
        return 1.0
    return place[weight]
