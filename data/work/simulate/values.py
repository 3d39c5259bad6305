"""What does a series read at a moment? The same answer whenever it is asked."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from data.work.simulate import rhythm
from data.work.simulate.chance import Floats, Ints, drift, normal, poisson, uniform
from data.work.simulate.profile import Part, Profile, Profiles, Rain, share_of
from data.work.simulate.rhythm import HOUR, Local, Shapes
from data.work.simulate.scenario import Scenario
from data.work.simulate.series import Due, Series
from data.work.simulate.weather import Response, Sky, Weather

_GRADES = {"blue": 1.0, "yellow": 2.0, "orange": 3.0, "red": 4.0}
_LEVELS = {"IV": 1.0, "III": 2.0, "II": 3.0, "I": 4.0}
_ZERO = np.zeros(1, dtype=np.int64)
_MANY = 40  # series of one sign: of more than so many no more are in trouble at once


class Model:
    """All series of a city under a scenario."""

    def __init__(
        self, series: Mapping[str, Series], scenario: Scenario, profiles: Profiles, seed: int
    ) -> None:
        self.series = series
        self.scenario = scenario
        self.weather = Weather(scenario, seed)
        self.shapes = Shapes(profiles.day)
        self._modes: dict[str, Callable[[Series, Due], Floats]] = {
            "level": self._level, "count": self._count, "running": self._running, "fallen": self._fallen,
            "warnings": self._warnings, "responses": self._responses, "worst": self._worst,
            "points": self._points, "rise": self._rise,
        }  # fmt: skip

    def readings(self, series: Series, due: Due) -> Floats:
        """Rounded and within the sign's physical limits."""
        profile = series.profile
        found = self._raw(series, due)
        if _may_be_troubled(series):
            found = self._troubled(series, due, found)
        found = np.round(found, profile.decimals)
        low = 0.0 if profile.min is None and not profile.add and profile.mode != "rise" else profile.min
        return np.clip(found, low, profile.max) + 0.0  # no negative zero

    def _raw(self, series: Series, due: Due) -> Floats:
        if len(due) == 0:
            return np.zeros(0)
        return self._modes[series.profile.mode](series, due)

    # ── levels ──────────────────────────────────────────────────────────────────────────────────
    def _level(self, series: Series, due: Due) -> Floats:
        profile, when = series.profile, rhythm.local(due.at, series.zone)
        found = self._usual(series, due, when) if not profile.add else self._added(series, due, when)
        told = self.scenario.told(series.sign.code, due.at)
        if told is not None:
            found = np.where(np.isnan(told), found, told)
        found = self._rained(series, due, found)
        if profile.top is None:
            return found
        return profile.top - np.maximum(0.0, found)

    def _usual(self, series: Series, due: Due, when: Local) -> Floats:
        """Season, day and chance as shares of the level."""
        profile = series.profile
        height, peak = profile.season
        day = 1.0 + profile.swing * (self.shapes.at(profile.day, when) - 1.0)
        around = (1.0 + height * rhythm.season(when, peak)) * np.maximum(0.0, day)
        return _levels(series)[due.who] * around * np.maximum(0.0, 1.0 + self._chance(series, due))

    def _added(self, series: Series, due: Due, when: Local) -> Floats:
        """The same in the sign's unit."""
        profile = series.profile
        height, peak = profile.season
        day = profile.swing * self.shapes.at(profile.day, when) if profile.day != "flat" else 0.0
        found = _levels(series)[due.who] + height * rhythm.season(when, peak) + day
        return np.asarray(found + self._chance(series, due))

    def _chance(self, series: Series, due: Due) -> Floats:
        """A place's constant lean, the wander that it shares with its district and city, and jitter."""
        profile, who = series.profile, due.who
        found = np.zeros(len(due))
        if profile.spread:
            found += profile.spread * 0.6 * normal(series.district, _ZERO)[who]
            found += profile.spread * 0.8 * normal(series.own, _ZERO)[who]
        if profile.noise:
            found += profile.noise * self._wander(series, due)
        if profile.jitter:
            found += profile.jitter * normal(series.own[who], due.at)
        return found

    def _wander(self, series: Series, due: Due) -> Floats:
        profile, who = series.profile, due.who
        city = profile.common
        district = own = (1.0 - city) / 2
        found = np.sqrt(city) * drift(series.city[who], due.at, profile.wander * 2)
        found += np.sqrt(district) * drift(series.district[who], due.at, profile.wander)
        found += np.sqrt(own) * drift(series.own[who] + np.uint64(7), due.at, profile.wander)
        return np.asarray(found)

    # ── rain ────────────────────────────────────────────────────────────────────────────────────
    def _sky(self, series: Series, due: Due) -> Sky:
        return self.weather.sky(series.wetness[due.who], series.east[due.who])

    def _rained(self, series: Series, due: Due, dry: Floats) -> Floats:
        rain = series.profile.rain
        if rain is None:
            return dry
        effect = self._effect(series, due, rain)
        if not rain.times:
            return dry + effect
        # A loss saturates: what is 30 % down in a downpour is not below zero in a cloudburst.
        return dry * (1.0 + effect if rain.gain > 0 else np.exp(effect))

    def _effect(self, series: Series, due: Due, rain: Rain) -> Floats:
        answer = self.weather.response(
            self._sky(series, due), due.at, Response(rain.above, rain.lag, rain.tail)
        )
        uneven = np.exp(series.profile.uneven * (normal(series.own, _ZERO + 2) - series.profile.uneven / 2))
        return answer * uneven[due.who] * (rain.gain * self.scenario.answer(series.sign.code))

    def _fallen(self, series: Series, due: Due) -> Floats:
        return self.weather.fallen(self._sky(series, due), due.at, series.profile.span)

    # ── counts ──────────────────────────────────────────────────────────────────────────────────
    def _count(self, series: Series, due: Due) -> Floats:
        """Kept for `stay` seconds: what is broken stays broken for a while."""
        stay = series.profile.stay
        phase = (uniform(series.own, _ZERO + 3) * stay).astype(np.int64)[due.who]
        block = (due.at + phase) // stay
        mean = self._mean(series, Due(due.who, block * stay - phase + stay // 2))
        return poisson(series.own[due.who] + np.uint64(11), block, mean)

    def _mean(self, series: Series, due: Due) -> Floats:
        profile, when = series.profile, rhythm.local(due.at, series.zone)
        day = np.maximum(0.0, 1.0 + profile.swing * (self.shapes.at(profile.day, when) - 1.0))
        return np.maximum(0.0, self._rained(series, due, _levels(series)[due.who] * day))

    def _running(self, series: Series, due: Due) -> Floats:
        """What has come in since midnight."""
        when = rhythm.local(due.at, series.zone)
        if not series.profile.counted:
            day = Due(due.who, when.midnight)
            whole = _levels(series)[due.who] * np.maximum(0.0, 1.0 + self._chance(series, day))
            return whole * self.shapes.so_far(series.profile.day, when)
        total = np.zeros(len(due))
        for hour in range(25):
            start = when.midnight + hour * HOUR
            mean = self._mean(series, Due(due.who, start)) / 24
            total += np.where(start + HOUR <= due.at, poisson(series.own[due.who], start // HOUR, mean), 0.0)
        return total

    # ── made of others ──────────────────────────────────────────────────────────────────────────
    def _warnings(self, series: Series, due: Due) -> Floats:
        found = np.zeros(len(due))
        for one in self.scenario.warning:
            holds = (due.at >= one.issued.timestamp()) & (due.at < one.lifted.timestamp())
            found = np.where(holds, np.maximum(found, _GRADES[one.colour]), found)
        return found

    def _responses(self, series: Series, due: Due) -> Floats:
        """The highest level in force over all tracks; one that is no Roman number counts nothing."""
        found = np.zeros(len(due))
        for track in {one.track for one in self.scenario.decision}:
            level = np.zeros(len(due))
            for one in sorted(self.scenario.decision, key=lambda one: one.at):
                if one.track == track:
                    level = np.where(due.at >= one.at.timestamp(), _LEVELS.get(one.level, 0.0), level)
            found = np.maximum(found, level)
        return found

    def _worst(self, series: Series, due: Due) -> Floats:
        """An index: each part's value on its own scale, the highest counts."""
        found = [self._scaled(series, due, part) for part in series.profile.parts if part.sign in self.series]
        return np.asarray(np.max(found, axis=0)) if found else self._level(series, due)

    def _scaled(self, series: Series, due: Due, part: Part) -> Floats:
        values, index = zip(*part.points, strict=True)
        other = self.series[part.sign]
        return np.asarray(np.interp(self._raw(_at_spots_of(series, other), due), values, index))

    def _points(self, series: Series, due: Due) -> Floats:
        """How many series of the part lie below the place and have reached the value."""
        (part,) = series.profile.parts
        other = self.series.get(part.sign)
        total = np.zeros(len(due))
        if other is None:
            return total
        for number, path in enumerate(series.paths):
            below = np.flatnonzero([spot.startswith(path) for spot in other.paths])
            mine = np.flatnonzero(due.who == number)
            if len(below) and len(mine):
                total[mine] = self._reached(other, below, due.at[mine], part)
        return total

    def _reached(self, other: Series, below: Ints, at: Ints, part: Part) -> Floats:
        who = np.repeat(below, len(at))
        values = self._raw(other, Due(who, np.tile(at, len(below))))
        reached = values.reshape(len(below), len(at)) >= part.reached
        return np.asarray(reached.sum(axis=0), dtype=np.float64)

    def _rise(self, series: Series, due: Due) -> Floats:
        """How fast the part has risen over its span."""
        (part,) = series.profile.parts
        other = self.series.get(part.sign)
        if other is None:
            return np.zeros(len(due))
        spots = _at_spots_of(series, other)
        before = self._raw(spots, Due(due.who, due.at - part.span))
        return np.asarray((self._raw(spots, due) - before) * part.times)

    # ── trouble ─────────────────────────────────────────────────────────────────────────────────
    def _troubled(self, series: Series, due: Due, calm: Floats) -> Floats:
        """Now and then a series goes beyond a limit for some hours and comes back."""
        length = max(4 * HOUR, 8 * series.period)
        keys = series.keyed("trouble", series.places, series.assets)[due.who]
        phase = (uniform(keys, _ZERO - 1) * length).astype(np.int64)
        block, rest = np.divmod(due.at + phase, length)
        falls = uniform(keys, block * 2) < self.scenario.trouble * min(1.0, _MANY / series.count)
        if not falls.any():
            return calm
        day = self.shapes.at(series.profile.day, rhythm.local(due.at, series.zone))
        height = np.sin(np.pi * rest / length) ** 2 * np.clip(day, 0.0, 1.0)
        wanted = _beyond(series, due.who, uniform(keys, block * 2 + 1))
        return np.where(falls & ~np.isnan(wanted), calm + height * (wanted - calm), calm)


def _may_be_troubled(series: Series) -> bool:
    """A limit of the whole city's sum is far beyond what one place of many can reach."""
    sign, profile = series.sign, series.profile
    if profile.trouble is not None or profile.mode not in ("level", "count", "running"):
        return bool(profile.trouble)
    return not (sign.fold_space == "sum" and sign.t1 is not None and sign.t1 > 5)


def _beyond(series: Series, who: Ints, luck: Floats) -> Floats:
    """Mostly a little beyond the first limit, seldom beyond the second; nan without limits."""
    ends = series.lo if series.sign.direction == "L" else series.hi
    step = np.where(luck < 0.86, 0, 1)
    first = np.take_along_axis(ends[who], step[:, None], axis=1)[:, 0]
    after = np.take_along_axis(ends[who], step[:, None] + 1, axis=1)[:, 0]
    after = np.where(np.isnan(after), first * (0.9 if series.sign.direction == "L" else 1.1), after)
    return first + (after - first) * (0.05 + 0.3 * ((luck * 7.3) % 1.0))


def _levels(series: Series) -> Floats:
    """The usual level of each series."""
    profile = series.profile
    if profile.million is not None and not series.sign.by_asset:
        return profile.million * series.people / 1e6
    if not isinstance(profile.level, str):
        return np.full(series.count, float(profile.level))
    return _by_limit(series, profile)


def _by_limit(series: Series, profile: Profile) -> Floats:
    if profile.level == "middle":
        found = (series.lo[:, 0] + series.hi[:, 0]) / 2
        one_end = np.where(np.isnan(series.lo[:, 0]), series.hi[:, 0] - 1, series.lo[:, 0] + 1)
        found = np.where(np.isnan(found), one_end, found)
    else:
        share, measure = share_of(str(profile.level)) or (1.0, "capacity")
        ends = series.lo if series.sign.direction == "L" else series.hi
        found = share * (series.capacity if measure == "capacity" else ends[:, 0])
        if series.sign.fold_space == "sum" and series.sign.direction == "H" and series.sign.t1 is not None:
            found = found * series.people / series.people.sum()  # the limit is the whole city's
    return np.where(np.isnan(found), profile.alternative, found)


def _at_spots_of(series: Series, other: Series) -> Series:
    """The other sign's series as they would stand at the spots of this one."""
    return replace(series, sign=other.sign, profile=other.profile)
