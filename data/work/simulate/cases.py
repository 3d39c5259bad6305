"""Which cases happen when and where, and who sees them first?"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from data.domain.geometry import Shape, rings
from data.store.simulation import ClassRule, Ground
from data.work.simulate import rhythm
from data.work.simulate.chance import Floats, Ints, key, keys, poisson, uniform
from data.work.simulate.rhythm import Shapes
from data.work.simulate.scenario import Scenario

FILE = Path(__file__).parents[2] / "seed" / "cases.toml"
SLOT = 600
_TRIES = 40


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Part):
    feed: str
    kind: Literal["sensing", "government", "society"]
    share: float
    actor: str
    verified: float


class Habit(_Part):
    """How cases of a class come."""

    weight: float = 1.0
    day: str | None = None
    severity: tuple[float, float, float, float] | None = None
    words: tuple[str, ...] = ()


class Handler(_Part):
    classes: tuple[str, ...]
    department: str | None = None
    street: bool = False


class Habits(_Part):
    """All that cases.toml says; its head explains it."""

    million: float
    least: float
    source: tuple[Source, ...]
    rule: Habit
    handler: tuple[Handler, ...]
    classes: Annotated[dict[str, Habit], Field(alias="class")]

    def of(self, code: str) -> Habit:
        return self.classes.get(code, self.rule)

    def handler_of(self, code: str) -> Handler | None:
        return next((found for found in self.handler if code.startswith(found.classes)), None)


@lru_cache(maxsize=1)
def habits(path: Path = FILE) -> Habits:
    return Habits.model_validate(tomllib.loads(path.read_text("utf-8")))


@dataclass(frozen=True, slots=True)
class Case:
    """One case as it was drawn; by its `id` it can be drawn again: `ordinary-day.7/2979210/E0406/0`."""

    id: str
    rule: ClassRule
    at: datetime
    place: int  # its number among the ground's places
    source: Source
    severity: int | None
    haste: float
    """How many times longer than usual everything takes."""


class Draw:
    """All cases of a city under a scenario."""

    def __init__(self, ground: Ground, scenario: Scenario, shapes: Shapes, seed: int) -> None:
        self.ground = ground
        self.scenario = scenario
        self.shapes = shapes
        self.seed = seed
        self.tag = f"{scenario.name}.{seed}"
        self.habits = habits()
        self.rules = ground.classes or [ClassRule(code, code, None, None) for code in self.habits.classes]
        self._numbers = {rule.code: number for number, rule in enumerate(self.rules)}
        self._keys = keys(seed, "cases", [rule.code for rule in self.rules])
        self._rates = self._a_slot()
        self._bounds = np.cumsum(ground.weights) / np.sum(ground.weights)

    def _a_slot(self) -> Floats:
        """The mean number of cases of each class in a slot."""
        weights = np.array([self.habits.of(rule.code).weight for rule in self.rules])
        a_day = self.ground.cases_a_day
        if a_day is None:
            a_day = max(self.habits.least, self.habits.million * self.ground.people / 1e6)
        return np.asarray(a_day * weights / max(weights.sum(), 1e-9) * SLOT / rhythm.DAY)

    # ── which ───────────────────────────────────────────────────────────────────────────────────
    def between(self, since: datetime, until: datetime) -> list[Case]:
        """Reported in (since, until], in the order of time."""
        slots = np.arange(_slot(since), _slot(until) + 1, dtype=np.int64)
        found = [case for case in self._in_slots(slots) if since < case.at <= until]
        return sorted(found, key=lambda case: (case.at, case.id))

    def _in_slots(self, slots: Ints) -> Iterator[Case]:
        counts = poisson(self._keys[:, None], slots[None, :], self._means(slots)).astype(int)
        for number, column in zip(*np.nonzero(counts), strict=True):
            for nth in range(counts[number, column]):
                yield self._case(int(slots[column]), int(number), nth)

    def _means(self, slots: Ints) -> Floats:
        when = rhythm.local(slots * SLOT + SLOT // 2, self.ground.zone)
        rows = [
            rate * self.shapes.at(self._day(rule), when) * self.scenario.times(rule.code, slots * SLOT)
            for rate, rule in zip(self._rates, self.rules, strict=True)
        ]
        return np.asarray(np.maximum(0.0, np.array(rows)))

    def _day(self, rule: ClassRule) -> str:
        return self.habits.of(rule.code).day or self.habits.rule.day or "flat"

    def again(self, id: str) -> Case | None:
        """The case of that id; none of another scenario's, or when the city has no such class any more."""
        tag, _, rest = id.partition("/")
        slot, _, rest = rest.partition("/")
        code, _, nth = rest.rpartition("/")
        if tag != self.tag or code not in self._numbers or not (slot.isdecimal() and nth.isdecimal()):
            return None
        return self._case(int(slot), self._numbers[code], int(nth))

    def _case(self, slot: int, number: int, nth: int) -> Case:
        rule = self.rules[number]
        id = f"{self.tag}/{slot}/{rule.code}/{nth}"
        luck = self.luck(id, 5)
        at = datetime.fromtimestamp(slot * SLOT + int(luck[0] * SLOT), UTC)
        habit = self.habits.of(rule.code)
        shares = np.array(habit.severity or self.habits.rule.severity, dtype=np.float64)
        grade = int(np.searchsorted(np.cumsum(shares) / shares.sum(), luck[1], side="right"))
        crowd = float(self.scenario.times(rule.code, np.array([slot * SLOT]))[0])
        return Case(
            id=id, rule=rule, at=at, place=int(np.searchsorted(self._bounds, luck[2], side="right")),
            source=self._source(luck[3]), severity=None if grade == 0 else 5 - min(grade, 3),
            haste=max(1.0, crowd) ** 0.25,
        )  # fmt: skip

    def _source(self, luck: float) -> Source:
        shares = np.cumsum([source.share for source in self.habits.source])
        return self.habits.source[int(np.searchsorted(shares / shares[-1], luck, side="right"))]

    def luck(self, id: str, count: int, of: str = "case") -> list[float]:
        """Numbers of this case alone."""
        own = np.array([key(self.seed, of, id)], dtype=np.uint64)
        return [float(value) for value in uniform(own, np.arange(count, dtype=np.int64))]

    # ── words and points ────────────────────────────────────────────────────────────────────────
    def words(self, case: Case) -> str:
        choices = self.habits.of(case.rule.code).words or self.habits.rule.words
        named = self.ground.names_above(case.place)
        (luck,) = self.luck(case.id, 1, "words")
        return choices[int(luck * len(choices))].format_map(named | {"class": case.rule.name})

    def point(self, case: Case, geometry: Mapping[str, Any] | None) -> tuple[float, float] | None:
        """Somewhere inside the cell; its centre when forty tries miss a sliver; none without geometry."""
        if geometry is None:
            return None
        shape = Shape(geometry)
        ring = next(rings(geometry), ())
        if len(ring) < 4:
            return None
        west, south, east, north = _box(ring)
        luck = self.luck(case.id, 2 * _TRIES, "point")
        for n in range(_TRIES):
            lon = round(west + luck[2 * n] * (east - west), 6)
            lat = round(south + luck[2 * n + 1] * (north - south), 6)
            if shape.holds(lon, lat):
                return lon, lat
        return None


def _slot(at: datetime) -> int:
    return int(at.timestamp()) // SLOT


def _box(ring: Sequence[Sequence[float]]) -> tuple[float, float, float, float]:
    lons, lats = [point[0] for point in ring], [point[1] for point in ring]
    return min(lons), min(lats), max(lons), max(lats)
