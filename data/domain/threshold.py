"""What do the cells t1, t2 and t3 of a sign mean?"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Literal

Direction = Literal["H", "L", "B", "N"]

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)"
_SHARE = re.compile(rf"({_NUMBER})%")
_MULTIPLE = re.compile(rf"({_NUMBER})x")
_BAND = re.compile(rf"({_NUMBER})?\.\.({_NUMBER})?")
_DEVIATION = re.compile(rf"±({_NUMBER})%")
_PLAIN = re.compile(_NUMBER)


class BadThreshold(ValueError):
    """The words say what is wrong with the cell."""


class Measure(StrEnum):
    """What a cell's figures are figures of."""

    ABSOLUTE = "absolute"
    CAPACITY = "capacity"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Threshold:
    """Bad at or above `high`, bad below `low`; of a band (`outside`) bad only beyond its ends.

    The figures are in the sign's unit (absolute) or shares of one: `70%` of capacity is 0.7,
    `1.3x` the baseline is 1.3, `±10%` of it is 0.9 and 1.1.
    """

    measure: Measure
    low: float | None = None
    high: float | None = None
    outside: bool = False

    def limits(self, *, capacity: float | None, baseline: float | None) -> "Threshold | None":
        """The same in the sign's unit; none where the capacity or the baseline is unknown."""
        if self.measure is Measure.ABSOLUTE:
            return self
        whole = capacity if self.measure is Measure.CAPACITY else baseline
        if whole is None:
            return None
        low = None if self.low is None else self.low * whole
        high = None if self.high is None else self.high * whole
        if low is not None and high is not None and low > high:  # a baseline below zero turns the band
            low, high = high, low
        return Threshold(Measure.ABSOLUTE, low, high, self.outside)


Thresholds = tuple[Threshold | None, Threshold | None, Threshold | None]
"""Attention, warning, alarm; none where the cell is empty."""


def thresholds(direction: Direction, t1: str, t2: str, t3: str) -> Thresholds:
    return (threshold(direction, t1), threshold(direction, t2), threshold(direction, t3))


def threshold(direction: Direction, cell: str) -> Threshold | None:
    """None of an empty cell; BadThreshold of one that the direction does not take."""
    cell = cell.strip()
    if not cell:
        return None
    return _PARSERS[direction](cell)


def _high(cell: str) -> Threshold:
    measure, figure = _figure(cell)
    return Threshold(measure, high=figure)


def _low(cell: str) -> Threshold:
    measure, figure = _figure(cell)
    return Threshold(measure, low=figure)


def _figure(cell: str) -> tuple[Measure, float]:
    if match := _SHARE.fullmatch(cell):
        return Measure.CAPACITY, float(match[1]) / 100
    if match := _MULTIPLE.fullmatch(cell):
        return Measure.BASELINE, float(match[1])
    if _PLAIN.fullmatch(cell) and math.isfinite(float(cell)):
        return Measure.ABSOLUTE, float(cell)
    raise BadThreshold(f"'{cell}' is not a number, a share such as 70% or a multiple such as 1.3x")


def _band(cell: str) -> Threshold:
    if match := _DEVIATION.fullmatch(cell):
        share = float(match[1]) / 100
        if share < 0:
            raise BadThreshold(f"'{cell}' is a deviation below zero")
        return Threshold(Measure.BASELINE, 1 - share, 1 + share, outside=True)
    match = _BAND.fullmatch(cell)
    if match is None or not (match[1] or match[2]):
        raise BadThreshold(f"'{cell}' is not a band such as 1.5..3 or a deviation such as ±10%")
    low, high = (float(end) if end else None for end in match.groups())
    if low is not None and high is not None and low > high:
        raise BadThreshold(f"the band '{cell}' ends below its beginning")
    return Threshold(Measure.ABSOLUTE, low, high, outside=True)


def _neutral(cell: str) -> Threshold:
    raise BadThreshold(f"a sign without direction (N) takes no threshold, here is '{cell}'")


_PARSERS: dict[Direction, Callable[[str], Threshold]] = {"H": _high, "L": _low, "B": _band, "N": _neutral}


def are_ordered(levels: Thresholds) -> bool:
    """True while every next level is no milder than the one before, as far as they can be compared."""
    given = [level for level in levels if level is not None]
    return all(_is_as_bad(worse, milder) for milder, worse in pairwise(given))


def _is_as_bad(worse: Threshold, milder: Threshold) -> bool:
    if worse.measure is not milder.measure:
        return True
    high_holds = milder.high is None or worse.high is None or worse.high >= milder.high
    low_holds = milder.low is None or worse.low is None or worse.low <= milder.low
    return high_holds and low_holds
