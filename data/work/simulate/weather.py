"""When does it rain, where how hard, and what has run together since?

Rain falls on the whole city by one curve; a place has its share of it and its moment, so that
everything a place needs is the city's curve, moved and scaled.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data.work.simulate.chance import Floats, Ints, Keys, drift, key, uniform
from data.work.simulate.rhythm import DAY, HOUR
from data.work.simulate.scenario import Scenario

STEP = 300
_BURST = 25 * 60  # seconds from one burst of a rain to the next
_CROSSING = 40 * 60  # seconds a front takes from the city's west to its east


@dataclass(frozen=True, slots=True)
class Response:
    """How something follows rain: what exceeds `above` mm/h, from `lag` on, fading with `tail` seconds."""

    above: float
    lag: int
    tail: int


@dataclass(frozen=True, slots=True)
class Sky:
    """Shape (series, 1) each: a series' share of the rain, how late the front comes, and what is shared."""

    share: Floats
    late: Ints


class Weather:
    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self._key = np.array([key(seed, "showers", scenario.name)], dtype=np.uint64)

    def sky(self, chances: Floats, east: Floats) -> Sky:
        """`chances` 0–1 ranks the places from driest to wettest, `east` 0–1 from west to east."""
        least, most = self.scenario.spread
        late = np.rint(np.clip(east, 0, 1) * _CROSSING / STEP).astype(np.int64) * STEP
        return Sky(least + (most - least) * chances, late)

    def rain(self, at: Ints) -> Floats:
        """mm/h in the mean of the city."""
        return self._bursts(at) * self._evenly + self._showers(at)

    def _bursts(self, at: Ints) -> Floats:
        return self.scenario.rain(at) * (1.0 + 0.3 * drift(self._key + np.uint64(1), at, _BURST))

    @cached_property
    def _evenly(self) -> float:
        """Bursts move rain about, they make none: the sum stays the curve's."""
        span = self.scenario.wet
        if span is None:
            return 1.0
        grid = np.arange(*span, STEP, dtype=np.int64)
        return float(self.scenario.rain(grid).sum() / max(self._bursts(grid).sum(), 1e-9))

    def fallen(self, sky: Sky, at: Ints, span: int) -> Floats:
        """mm within the last `span` seconds."""
        grid, curve = self._curve(int(at.min()) - _CROSSING - span, int(at.max()))
        steps = np.concatenate([[0.0], (curve[1:] + curve[:-1]) * (STEP / HOUR / 2)])
        window = _trailing_sum(steps, span // STEP)
        return np.asarray(sky.share * np.maximum(0.0, np.interp(at - sky.late, grid, window)))

    def response(self, sky: Sky, at: Ints, how: Response) -> Floats:
        """Rain's effect in mm/h, after its lag and fading."""
        reach = how.lag + 6 * how.tail
        grid, curve = self._curve(int(at.min()) - _CROSSING - reach, int(at.max()))
        kernel = _kernel(how)
        over = np.maximum(0.0, curve - how.above)
        if not over.any():
            return np.zeros(np.broadcast(sky.share, at).shape)
        flow = np.convolve(over, kernel)[: len(over)]
        return np.asarray(sky.share * np.maximum(0.0, np.interp(at - sky.late, grid, flow)))

    def _curve(self, since: int, until: int) -> tuple[Ints, Floats]:
        grid = np.arange(since // STEP - 1, until // STEP + 2, dtype=np.int64) * STEP
        return grid, self.rain(grid)

    def _showers(self, at: Ints) -> Floats:
        """At most one light shower a day, on some days."""
        chance, mm, hours = self.scenario.showers
        total = np.zeros(at.shape)
        if chance <= 0:
            return total
        for back in (0, 1):
            day = at // DAY - back
            falls, begins, size = (uniform(self._key, day * 4 + n) for n in range(3))
            length = hours * HOUR * (0.5 + size)
            share = (at - day * DAY - begins * DAY) / length
            peak = 2 * mm * (0.4 + size) / (length / HOUR)
            wet = (falls < chance) & (share > 0) & (share < 1)
            total += np.where(wet, peak * np.sin(np.pi * np.clip(share, 0, 1)) ** 2, 0.0)
        return total


def _kernel(how: Response) -> Floats:
    """Weights of the past, newest first, summing to 1: nothing before the lag, then a rise and a fade."""
    ages = np.arange((how.lag + 6 * how.tail) // STEP + 1) * STEP - how.lag
    tail = max(how.tail, STEP)
    weights = np.where(ages >= 0, (1 - np.exp(-(ages + STEP) / (tail / 3))) * np.exp(-ages / tail), 0.0)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _trailing_sum(steps: Floats, count: int) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(steps)])
    ends = np.arange(1, len(total))
    return np.asarray(total[ends] - total[np.maximum(0, ends - count)])


def ranks(city: Keys, own: Keys) -> Floats:
    """0–1 for each series: mostly its district's luck, a little its own."""
    zero = np.zeros(1, dtype=np.int64)
    return np.clip(0.75 * uniform(city, zero) + 0.25 * uniform(own, zero), 0.0, 1.0)
