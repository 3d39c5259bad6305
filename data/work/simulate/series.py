"""Which series does the simulator speak for, and at which moments does each of them speak?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from data.db import Row
from data.store.simulation import Sign
from data.work.simulate.chance import Floats, Ints, Keys, keys, uniform
from data.work.simulate.profile import Profile, Profiles, period_of
from data.work.simulate.rhythm import DAY, HOUR, offset_at
from data.work.simulate.scenario import Feeds
from data.work.simulate.weather import ranks

MORNING = 6 * HOUR
SILENT_HOURS = 6 * HOUR


@dataclass(frozen=True, slots=True)
class Due:
    """Readings to be made: which series (by number), at which UTC second."""

    who: Ints
    at: Ints

    def __len__(self) -> int:
        return len(self.at)

    def only(self, kept: NDArray[np.bool_]) -> "Due":
        return Due(self.who[kept], self.at[kept])


@dataclass(frozen=True)
class Series:
    """All series of one sign, column by column."""

    sign: Sign
    profile: Profile
    seed: int
    ids: Ints
    places: list[str]
    assets: list[str]
    paths: list[str]
    districts: list[str]
    lo: Floats
    hi: Floats
    capacity: Floats
    people: Floats
    east: Floats
    last: Floats
    """The newest reading's UTC second; nan where there is none."""
    zone: str

    @property
    def feed(self) -> str:
        return f"sim-{self.profile.feed}"

    @property
    def count(self) -> int:
        return len(self.ids)

    @cached_property
    def own(self) -> Keys:
        return self.keyed("own", self.places, self.assets)

    @cached_property
    def district(self) -> Keys:
        return self.keyed("district", self.districts, "")

    @cached_property
    def city(self) -> Keys:
        return self.keyed("city", [""] * self.count, "")

    def keyed(self, *columns: list[str] | str) -> Keys:
        return keys(self.seed, self.sign.code, *columns)

    @cached_property
    def wetness(self) -> Floats:
        """0–1: how much of a rain this spot gets; the same for every sign of the spot."""
        return ranks(keys(self.seed, "wet", self.districts), keys(self.seed, "wet", self.places))

    # ── moments ─────────────────────────────────────────────────────────────────────────────────
    @cached_property
    def period(self) -> int:
        return max(1, int(period_of(self.sign, self.profile).total_seconds()))

    @cached_property
    def offset(self) -> Ints:
        """Seconds after the period's beginning: spread out, and with every seed the same."""
        luck = uniform(keys(self.sign.code, self.places, self.assets), np.zeros(1, dtype=np.int64))
        if self.period >= DAY:
            return ((MORNING - offset_at(0, self.zone)) % DAY + luck * HOUR).astype(np.int64)
        return (luck * min(self.period, HOUR // 4)).astype(np.int64)

    def due(self, since: Floats | int, until: int, *, coarsest: int = 1) -> Due:
        """In (since, until], at most once in `coarsest` seconds; `since` for all or for each."""
        step = self.period * max(1, -(-coarsest // self.period))
        first = np.floor((np.broadcast_to(since, self.count) - self.offset) / step).astype(np.int64) + 1
        last = np.floor((until - self.offset) / step).astype(np.int64)
        counts = np.maximum(0, last - first + 1)
        who = np.repeat(np.arange(self.count), counts)
        nth = np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts)
        return Due(who, (first[who] + nth) * step + self.offset[who])

    def speaks(self, due: Due, feeds: Feeds) -> NDArray[np.bool_]:
        """Without those that never report, those that are silent for a while and feeds that are lost."""
        kept = ~self._never(feeds)[due.who]
        if feeds.silent:
            block = self._silence
            kept &= uniform(self._quiet[due.who], (due.at + block // 3) // block) >= feeds.silent
        for lost in feeds.lost:
            if lost.feed == self.profile.feed:
                kept &= ~lost.holds(due.at)
        return kept

    def last_words(self, until: int, feeds: Feeds, whose: NDArray[np.bool_]) -> Due:
        """The newest reading of each of these, also of those that are silent now."""
        block, asked = self._silence, whose.copy()
        found = [Due(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))]
        for back, coarsest in ((self.period, 1), (3 * block, block // 12), (20 * block, block // 4)):
            due = self.due(until - max(back, self.period), until, coarsest=coarsest)
            due = due.only(asked[due.who])
            due = due.only(self.speaks(due, feeds))
            found.append(due.only(np.diff(due.who, append=-1) != 0))
            asked[found[-1].who] = False
        return Due(np.concatenate([due.who for due in found]), np.concatenate([due.at for due in found]))

    def lateness(self, feeds: Feeds) -> int:
        """How long after its moment a reading arrives."""
        return sum(late.periods * self.period for late in feeds.late if late.feed == self.profile.feed)

    def _never(self, feeds: Feeds) -> NDArray[np.bool_]:
        """Of assets alone: a place whose sign is nowhere measured would not be in the catalogue."""
        spots = keys(self.seed, "never", self.assets)
        luck = uniform(spots, np.zeros(1, dtype=np.int64))
        return np.asarray((luck < feeds.never) & (np.array(self.assets) != ""), dtype=np.bool_)

    @cached_property
    def _quiet(self) -> Keys:
        return self.keyed("quiet", self.places, self.assets)

    @property
    def _silence(self) -> int:
        return max(SILENT_HOURS, 6 * int(self.sign.freshness.total_seconds()))


@dataclass(frozen=True, slots=True)
class Setting:
    """What all series of a city share."""

    people: Mapping[str, float]
    seed: int
    zone: str


def gather(
    rows: Iterable[Row], signs: Iterable[Sign], profiles: Profiles, setting: Setting
) -> dict[str, Series]:
    """By sign, from rows in the order of the signs."""
    known = {sign.code: sign for sign in signs}
    placed = _placed(list(rows))
    return {
        code: _series(list(group), known[code], profiles.of(known[code]), setting)
        for code, group in groupby(placed, key=lambda row: str(row["sign"]))
    }


def _placed(rows: list[Row]) -> list[Row]:
    """With `east`: 0–1 from the city's west to its east, the middle where nobody knows."""
    known = [row["lon"] for row in rows if row["lon"] is not None] or [0.0]
    west, width = min(known), max(max(known) - min(known), 1e-6)
    return [{**row, "east": 0.5 if row["lon"] is None else (row["lon"] - west) / width} for row in rows]


def _series(rows: list[Row], sign: Sign, profile: Profile, setting: Setting) -> Series:
    def column(name: str) -> Floats:
        return np.array([_number(row[name]) for row in rows], dtype=np.float64)

    return Series(
        sign=sign, profile=profile, seed=setting.seed, zone=setting.zone,
        ids=np.array([row["id"] for row in rows], dtype=np.int64),
        places=[row["place"] for row in rows], assets=[row["asset"] for row in rows],
        paths=[row["path"] for row in rows], districts=[row["district"] for row in rows],
        lo=np.array([[_number(v) for v in row["lo"]] for row in rows], dtype=np.float64),
        hi=np.array([[_number(v) for v in row["hi"]] for row in rows], dtype=np.float64),
        capacity=column("capacity"), east=column("east"), last=column("last"),
        people=np.array([setting.people[row["place"]] for row in rows], dtype=np.float64),
    )  # fmt: skip


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
