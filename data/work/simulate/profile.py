"""How does a sign behave: at which level, by which rhythm, with which answer to rain?"""

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from math import floor, log10
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from data.ingest.durations import duration
from data.store.simulation import Sign

FILE = Path(__file__).parents[2] / "seed" / "profiles.toml"
Mode = Literal["level", "count", "running", "fallen", "warnings", "responses", "worst", "points", "rise"]


def _as_seconds(value: object) -> object:
    return int(duration(value).total_seconds()) if isinstance(value, str) else value


Seconds = Annotated[int, BeforeValidator(_as_seconds)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rain(_Part):
    gain: float
    times: bool = False
    above: float = 0.0
    lag: Seconds = 0
    tail: Seconds = 1800


class Part(_Part):
    """Another sign this one is made of."""

    sign: str
    points: tuple[tuple[float, float], ...] = ()
    reached: float = 0.0
    span: Seconds = 3600
    times: float = 1.0


class Profile(_Part):
    """The words of profiles.toml; its head explains them."""

    feed: str
    mode: Mode = "level"
    level: float | str = 0.0
    alternative: float = 0.0
    million: float | None = None
    top: float | None = None
    add: bool = False
    season: tuple[float, float] = (0.0, 1.0)
    day: str = "flat"
    swing: float = 1.0
    noise: float = 0.05
    wander: Seconds = 7200
    jitter: float = 0.0
    spread: float = 0.0
    common: float = 0.3
    counted: bool = False
    stay: Seconds = 3600
    span: Seconds = 3600
    rain: Rain | None = None
    uneven: float = 0.25
    parts: tuple[Part, ...] = ()
    decimals: int = 0
    min: float | None = None
    max: float | None = None
    trouble: bool | None = None
    every: Seconds = 600


class Profiles(_Part):
    """All that profiles.toml says."""

    feeds: dict[str, Literal["sensing", "government", "society"]]
    counted: frozenset[str]
    times: frozenset[str]
    percent: frozenset[str]
    feed: str
    day: dict[str, dict[str, tuple[float, ...]]]
    sign: dict[str, Profile]

    def of(self, sign: Sign) -> Profile:
        """The sign's own, or one by rule."""
        return self.sign.get(sign.code) or self._by_rule(sign)

    def counts(self, unit: str) -> bool:
        """Whether its values are whole numbers: `件`, `起/h`."""
        what, _, time = unit.partition("/")
        return what in self.counted and time in self.times

    def _by_rule(self, sign: Sign) -> Profile:
        percent = sign.unit in self.percent
        counted = self.counts(sign.unit) and float(sign.t1 or 0).is_integer()
        found = _level_by_rule(sign, percent)
        if counted and isinstance(found["level"], str) and sign.direction == "H" and (sign.t1 or 0) <= 10:
            found |= {"mode": "count", "level": 0.01 * (sign.t1 or 1), "stay": 7200}
        limits = {"min": 0.0 if counted or percent else None, "max": 100.0 if percent else None}
        usual = {"noise": 0.04, "spread": 0.05, "decimals": 0 if counted else _decimals(sign.t1)}
        return Profile(feed=self.feed, **usual | limits | found)


def _decimals(limit: float | None) -> int:
    """Three figures of the first limit, two places where it has none."""
    return 2 if not limit else min(max(2 - floor(log10(abs(limit))), 0), 9)


def _level_by_rule(sign: Sign, percent: bool) -> dict[str, Any]:
    """Well on the normal side of the first limit, whatever that limit is."""
    if sign.direction == "H":
        return {"level": "55% t1", "alternative": 60.0 if percent else 20.0}
    if sign.direction == "L" and percent and sign.t1 is not None and sign.t1 < 100:
        return {"top": 100.0, "level": 0.45 * (100 - sign.t1), "noise": 0.12}
    if sign.direction == "L":
        return {"level": "250% t1", "alternative": 80.0 if percent else 50.0}
    if sign.direction == "B" and sign.width:
        return {"level": "middle", "add": True, "noise": 0.08 * sign.width, "spread": 0.03 * sign.width}
    if sign.direction == "B":
        return {"level": "middle", "alternative": 50.0, "noise": 0.01, "spread": 0.005}
    return {"level": 60.0 if percent else 100.0}


@lru_cache(maxsize=1)
def profiles(path: Path = FILE) -> Profiles:
    said = tomllib.loads(path.read_text("utf-8"))
    signs = {code: Profile.model_validate(_renamed(row)) for code, row in said["sign"].items()}
    return Profiles(feeds=said["feeds"], day=said["day"], sign=signs, **said["rule"])


def _renamed(row: Mapping[str, Any]) -> dict[str, Any]:
    """`or` is no name in Python."""
    return {"alternative" if name == "or" else name: value for name, value in row.items()}


_SHARE = re.compile(r"([\d.]+)% (t1|capacity)")


def share_of(level: str) -> tuple[float, str] | None:
    """`55% t1` → (0.55, "t1")."""
    match = _SHARE.fullmatch(level)
    return (float(match[1]) / 100, match[2]) if match else None


def period_of(sign: Sign, profile: Profile) -> timedelta:
    """An event's readings come as often as its profile says, and often enough to stay fresh."""
    if sign.period is not None:
        return sign.period
    return min(timedelta(seconds=profile.every), sign.freshness / 3)
