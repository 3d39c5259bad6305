"""What happens in a scenario: rain, warnings, decisions, more cases, feeds that fail?"""

import tomllib
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.domain.refusal import Refusal
from data.work.simulate.chance import Floats, Ints

FOLDER = Path(__file__).parents[2] / "seed" / "scenarios"
DAY = 86_400
Share = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(ge=0, le=1_000_000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Phase(_Part):
    """`since` before `until`, where both are given."""

    since: AwareDatetime
    until: AwareDatetime

    @model_validator(mode="after")
    def _is_a_while(self) -> "Phase":
        if self.since >= self.until:
            raise ValueError("since is not before until")
        return self

    def holds(self, at: Ints) -> Any:
        return (at >= _seconds(self.since)) & (at < _seconds(self.until))


class Showers(_Part):
    """Days without a storm: the chance of one light shower a day, its mm and its hours in the mean."""

    chance: Share = 0.0
    mm: Level = 3.0
    hours: float = Field(default=2.0, ge=0.1, le=24)


class Rain(_Part):
    """`curve`: mm/h in the mean of the city. The driest place has `least` of it, the wettest `most`."""

    curve: tuple[tuple[AwareDatetime, Level], ...] = ()
    least: Level = 0.7
    most: Level = 1.3


class Curve(_Part):
    """A sign whose level is told by the scenario instead of by its profile."""

    sign: str
    points: tuple[tuple[AwareDatetime, float], ...] = Field(min_length=2)


class Warned(_Part):
    kind: str
    colour: Literal["red", "orange", "yellow", "blue"]
    issuer: str
    issued: AwareDatetime
    lifted: AwareDatetime


class Decided(_Part):
    """A level is in force until the track's next decision; `level` "" ends the track."""

    track: str
    level: str
    by: str
    reason: str
    at: AwareDatetime


class Cases(Phase):
    """In this phase the classes that begin so come `times` as often."""

    classes: tuple[str, ...]
    times: Level


class Late(_Part):
    feed: str
    periods: int = Field(ge=1, le=20)


class Lost(Phase):
    feed: str


class Feeds(_Part):
    """`silent`: share of the series that fall silent for a while; `never`: of those that never report."""

    silent: Share = 0.0
    never: Share = 0.0
    late: tuple[Late, ...] = ()
    lost: tuple[Lost, ...] = ()


class Scenario(_Part):
    name: str = ""
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    trouble: Share = 0.003
    """Share of the series that are beyond a limit at any time without any cause of the scenario."""
    shower: Showers = Showers()
    rains: Rain = Rain()
    strength: dict[str, Level] = {}
    """By sign: times the profile's answer to rain; `default` for the others."""
    curve: tuple[Curve, ...] = ()
    cases: tuple[Cases, ...] = ()
    warning: tuple[Warned, ...] = ()
    decision: tuple[Decided, ...] = ()
    feeds: Feeds = Feeds()

    @property
    def spread(self) -> tuple[float, float]:
        return self.rains.least, self.rains.most

    @property
    def showers(self) -> tuple[float, float, float]:
        return self.shower.chance, self.shower.mm, self.shower.hours

    @cached_property
    def _rain(self) -> tuple[Floats, Floats]:
        return _points(self.rains.curve)

    def rain(self, at: Ints) -> Floats:
        times, levels = self._rain
        if len(times) == 0:
            return np.zeros(at.shape)
        return np.interp(at, times, levels, left=0.0, right=0.0)

    @property
    def wet(self) -> tuple[int, int] | None:
        """The curve's time in UTC seconds."""
        times, _ = self._rain
        return None if len(times) == 0 else (int(times[0]), int(times[-1]))

    def told(self, sign: str, at: Ints) -> Floats | None:
        """The sign's level where the scenario tells it; nan outside the curve's time."""
        for curve in self.curve:
            if curve.sign == sign:
                times, levels = _points(curve.points)
                return np.interp(at, times, levels, left=np.nan, right=np.nan)
        return None

    def answer(self, sign: str) -> float:
        return self.strength.get(sign, self.strength.get("default", 1.0))

    def times(self, code: str, at: Ints) -> Floats:
        """How many times as often cases of the class come."""
        found = np.ones(at.shape)
        for phase in self.cases:
            if code.startswith(phase.classes):
                found *= np.where(phase.holds(at), phase.times, 1.0)
        return found

    def at_day(self, since: datetime, until: datetime) -> "Scenario":
        """Moved by whole days to begin on the day of `since`, unless it plays in the window anyway."""
        if self.since is None or self.until is None or (self.since < until and since < self.until):
            return self
        days = (since - self.since) // timedelta(days=1)
        return self.model_validate(_moved(self.model_dump(), timedelta(days=days)))


def _points(rows: tuple[tuple[datetime, float], ...]) -> tuple[Floats, Floats]:
    return (
        np.array([_seconds(at) for at, _ in rows], dtype=np.float64),
        np.array([level for _, level in rows], dtype=np.float64),
    )


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _moved(value: Any, by: timedelta) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC) + by
    if isinstance(value, dict):
        return {name: _moved(part, by) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(_moved(part, by) for part in value)
    return value


def read(name: str) -> Scenario:
    """By name (`rainstorm`) or by the path of a TOML file; a Refusal says what is wrong with it."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.toml")))
        raise Refusal(
            "unknown_scenario", f"没有情景 {name}；现有 {known}", f"no scenario {name}; there are {known}"
        )
    try:
        return Scenario.model_validate({"name": path.stem} | tomllib.loads(path.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError, UnicodeDecodeError) as wrong:
        raise Refusal(
            "bad_scenario", f"情景 {path.name} 有误：{wrong}", f"scenario {path.name}: {wrong}"
        ) from wrong
