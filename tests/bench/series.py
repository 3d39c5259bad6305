"""Which readings does each series of a city have in a stretch of days? A value depends on its key alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EPOCH = 946_684_800  # PostgreSQL's: 2000-01-01, in Unix seconds
LATE = 2_000_000  # µs from a reading to its arrival
SELDOM = 21_600  # seconds between readings of a sign that has no period
WIDTH = np.dtype(
    [("n", ">i2"), ("l1", ">i4"), ("id", ">i8"), ("l2", ">i4"), ("at", ">i8"), ("l3", ">i4"),
     ("value", ">f8"), ("l4", ">i4"), ("received", ">i8")]
)  # fmt: skip
HEAD, TAIL = b"PGCOPY\n\xff\r\n\x00" + bytes(8), b"\xff\xff"


@dataclass(frozen=True)
class Leaf:
    """`limit`: of attention, None where there is none; `low`: it is bad below."""

    id: int
    period: float | None
    limit: float | None
    low: bool


def steps(leaves: Sequence[Leaf], a_day: float) -> dict[int, int]:
    """Seconds between two readings by series: its period, or coarser to come to `a_day`; a day at most."""
    natural = np.minimum([leaf.period or SELDOM for leaf in leaves], 86_400)
    low, high = 1.0, 86_400.0
    for _ in range(50):
        middle = (low + high) / 2
        many = (86_400 / np.maximum(natural, middle)).sum() > a_day
        low, high = (middle, high) if many else (low, middle)
    return {
        leaf.id: int(min(max(one, round(high)), 86_400)) for leaf, one in zip(leaves, natural, strict=True)
    }


def table(leaves: Sequence[Leaf], every: dict[int, int], since: int, until: int) -> bytes:
    """For a binary COPY of `[since, until)` in key order; times are Unix seconds."""
    return HEAD + b"".join(_rows(leaf, every[leaf.id], since, until).tobytes() for leaf in leaves) + TAIL


def _rows(leaf: Leaf, step: int, since: int, until: int) -> np.ndarray:
    phase = leaf.id % step
    turns = np.arange(-(-(since - phase) // step), -(-(until - phase) // step))
    rows = np.zeros(len(turns), WIDTH)
    seconds = turns * step + phase
    rows["n"], rows["l1"], rows["l2"], rows["l3"], rows["l4"] = 4, 8, 8, 8, 8
    rows["id"], rows["value"] = leaf.id, values(leaf, seconds)
    rows["at"] = (seconds - EPOCH) * 1_000_000
    rows["received"] = rows["at"] + LATE
    return rows


def values(leaf: Leaf, seconds: np.ndarray) -> np.ndarray:
    """A day's rhythm and noise, well within the limit; of every fiftieth series beyond it."""
    daily = 1 + 0.15 * np.sin(2 * np.pi * (seconds % 86_400) / 86_400 + leaf.id % 7)
    noise = 1 + 0.1 * (_dice(leaf.id * 12.9898 + seconds * 0.0078233) - 0.5)
    level = 100.0 if leaf.limit is None else abs(leaf.limit) or 1.0
    share = 1.35 if leaf.low else 0.6
    if leaf.id % 50 == 0:
        share = 1 / share
    return np.round(level * share * daily * noise, 3)


def _dice(given: np.ndarray) -> np.ndarray:
    return np.modf(np.abs(np.sin(given) * 43_758.5453))[0]
