"""What hour, weekday and season is it where the city lies, and how much is usual then?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from data.work.simulate.chance import Floats, Ints

HOUR, DAY = 3600, 86_400
_FINE = 288  # five minutes


@dataclass(frozen=True, slots=True)
class Local:
    """Moments as the city's clocks show them."""

    hour: Floats
    rest: NDArray[np.bool_]
    """Saturday or Sunday."""
    yearday: Floats
    midnight: Ints
    """The last local midnight, in UTC seconds."""


def local(at: Ints, zone: str) -> Local:
    hours, where = np.unique(at // HOUR, return_inverse=True)
    offsets = np.array([offset_at(int(hour), zone) for hour in hours], dtype=np.int64)
    shown = at + offsets[where].reshape(at.shape)
    days = shown // DAY
    return Local(
        hour=(shown % DAY) / HOUR,
        rest=(days + 3) % 7 >= 5,  # 1970-01-01 was a Thursday
        yearday=(shown / DAY - 10_957) % 365.2425 + 1,  # 2000-01-01
        midnight=days * DAY - (shown - at),
    )


@lru_cache(maxsize=4096)
def offset_at(hour: int, zone: str) -> int:
    found = datetime.fromtimestamp(hour * HOUR, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return int(found.total_seconds()) if found else 0


class Shapes:
    """The named days of profiles.toml: 24 multiples of the mean for working days and for days of rest."""

    def __init__(self, rows: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
        self._work = {name: _smooth(row["work"]) for name, row in rows.items()}
        self._rest = {name: _smooth(row.get("rest", row["work"])) for name, row in rows.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._work

    def at(self, name: str, when: Local) -> Floats:
        place = when.hour * (_FINE / 24)
        return np.where(when.rest, _read(self._rest[name], place), _read(self._work[name], place))

    def so_far(self, name: str, when: Local) -> Floats:
        """The share of the day's whole that has come in since midnight."""
        place = when.hour * (_FINE / 24)
        work, rest = _sums(self._work[name]), _sums(self._rest[name])
        return np.where(when.rest, _read(rest, place), _read(work, place))


def season(when: Local, peak_day: float) -> Floats:
    """1 on the peak day, -1 half a year away."""
    return np.cos((when.yearday - peak_day) * (2 * np.pi / 365.2425))


def _smooth(hours: Sequence[float]) -> Floats:
    """Through the 24 values without corners (Catmull-Rom), closed at midnight; 289 points."""
    given = np.asarray(hours, dtype=np.float64)
    place = np.arange(_FINE + 1) * (24 / _FINE)
    knot, share = np.divmod(place, 1.0)
    before, here, after, beyond = (given[(knot.astype(int) + n) % 24] for n in (-1, 0, 1, 2))
    bend = 2 * before - 5 * here + 4 * after - beyond + share * (3 * (here - after) + beyond - before)
    return np.asarray(here + 0.5 * share * (after - before + share * bend))


def _sums(curve: Floats) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(np.maximum(0.0, curve[:-1]))])
    return np.asarray(total / total[-1])


def _read(curve: Floats, place: Floats) -> Floats:
    return np.interp(place, np.arange(len(curve)), curve)
