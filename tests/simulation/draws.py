"""Which readings, reports and moves come next? Ordinary ones, late ones, the same again, and nonsense."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from data.domain.incident import STEPS, Act, Holder, Move, State
from data.domain.report import Report as Said
from tests.simulation.cases import Moved, Told, ToldTogether
from tests.simulation.model import Batch, Row, Series
from tests.simulation.steps import Deed, Load, MoveOn, Post, Report
from tests.simulation.world import World

FEEDS = {"api": False, "meter": False, "simulator": True}
MINUTE = timedelta(minutes=1)


# ── readings ────────────────────────────────────────────────────────────────────────────────────
def post(world: World, dice: Random) -> Deed:
    feed = dice.choices(list(FEEDS), [5, 2, 4])[0]
    simulated = FEEDS[feed] if dice.random() < 0.98 else not FEEDS[feed]
    rows = _rows(world, dice, feed, dice.choice([1, 1, 2, 5, 12]))
    return Post(f"post {len(rows)} of {feed}", Batch(feed, simulated, rows, world.now))


def load(world: World, dice: Random) -> Deed:
    feed, replace = dice.choice(list(FEEDS)), dice.random() < 0.5
    rows = _rows(world, dice, feed, dice.choice([1, 4, 15]))
    words = f"{'replace' if replace else 'load'} {len(rows)} of {feed}"
    return Load(words, Batch(feed, FEEDS[feed], rows, world.now, replace))


def _rows(world: World, dice: Random, feed: str, count: int) -> list[Row]:
    rows: list[Row] = []
    while len(rows) < count:
        if rows and dice.random() < 0.1:
            rows.append(_again(dice, dice.choice(rows)))
        else:
            rows.append(_row(world, dice, feed))
    return rows


def _again(dice: Random, row: Row) -> Row:
    """The same key in one batch: the same value or another."""
    if row.fault is not None:
        return row
    return _good(row.series, row.at, dice.choice([row.value, row.value + 1]))


def _row(world: World, dice: Random, feed: str) -> Row:
    series = _series(world, dice, feed)
    times = sorted(world.model.readings.get(series, ()))
    roll = dice.random()
    if roll < 0.1:
        return _bad(world, dice, series)
    at = dice.choice(times) if times and roll < 0.3 else _when(world, dice)
    standing = world.model.readings[series].get(at)
    value = standing if standing is not None and dice.random() < 0.6 else float(dice.randrange(0, 120, 5))
    return _good(series, at, value)


def _series(world: World, dice: Random, feed: str) -> Series:
    """Mostly the feed's own or nobody's."""
    series = dice.choice(world.measurable)
    for _ in range(4):
        owner = world.model.owner.get(series)
        if owner in (None, feed) or dice.random() < 0.1:
            break
        series = dice.choice(world.measurable)
    return series


def _when(world: World, dice: Random) -> datetime:
    """Round minutes, so that times meet again."""
    now = world.now.replace(second=0, microsecond=0)
    late = dice.choices(
        [
            timedelta(0), dice.randrange(1, 15) * MINUTE, dice.randrange(1, 24) * 30 * MINUTE,
            timedelta(days=dice.randrange(1, 4), minutes=dice.randrange(0, 60, 5)),
            -min(2 * MINUTE, timedelta(seconds=dice.randrange(1, 121))), timedelta(days=400),
        ],
        [4, 6, 4, 2, 1, 0.3],
    )[0]  # fmt: skip
    return now - late


def _good(series: Series, at: datetime, value: float) -> Row:
    sign, place, asset = series
    where = {"asset": asset} if asset else {"place": place}
    return Row({"sign": sign, **where, "at": at.isoformat(), "value": value}, series, at, value)


def _bad(world: World, dice: Random, series: Series) -> Row:
    good = _good(series, world.now - MINUTE, 50.0)
    ahead = world.now + timedelta(seconds=dice.choice([121, 600, 90_000]))
    changed: dict[str, dict[str, Any]] = {
        "future": {"at": ahead.isoformat()},
        "too_old": {"at": "1999-12-31T23:59:59Z"},
        "no_zone": {"at": "2024-01-01T00:00:00"},
        "bad_time": {"at": "yesterday"},
        "bad_value": {"value": dice.choice([float("nan"), float("inf"), "5", True, None, 1e-300])},
        "unknown_sign": {"sign": "NOWHERE"},
        "extra_field": {"unit": "m"},
        "wrong_tier": {"sign": "NONE" if series[0] != "NONE" else "SUM"},
    }
    fault = dice.choice(sorted(changed))
    assert isinstance(good.raw, dict)
    return good._replace(raw=good.raw | changed[fault], fault=fault)


# ── reports ─────────────────────────────────────────────────────────────────────────────────────
def report(world: World, dice: Random) -> Deed:
    all_told = [_any_told(world, dice) for _ in range(dice.choice([1, 1, 1, 3]))]
    if len(all_told) > 1 and dice.random() < 0.5:
        first = all_told[0].report
        all_told.append(dice.choice([all_told[0], _told(world, dice, first.source_id, first.source)]))
    return Report(f"report {' '.join(told.report.source_id for told in all_told)}", ToldTogether(all_told))


def _any_told(world: World, dice: Random) -> Told:
    known = sorted(world.model.cases)
    if known and dice.random() < 0.35:
        return _told_again(world, dice, dice.choice(known))
    return _told(world, dice, f"{dice.randrange(10**6)}")


def _told_again(world: World, dice: Random, key: tuple[str, str]) -> Told:
    case = world.model.cases[key]
    if dice.random() < 0.6:
        return Told(case.report, case.place, case.path, world.now)
    return _told(world, dice, key[1], key[0])


def _told(world: World, dice: Random, source_id: str, source: str | None = None) -> Told:
    place = dice.choice(list(world.places.values()))
    where, lies, fault = _where(world, dice, place.code)
    at = world.now - dice.choice([1, 45, 119, 121, 600, 5000, 10**6]) * MINUTE
    said: dict[str, Any] = {
        "source": source or dice.choice(["hotline", "patrol"]), "source_id": source_id, "at": at,
        "kind": dice.choice(["E1", "E1", "E2", "E3"]), "severity": dice.choice([None, 1, 2, 3, 4]),
        "description": f"words {dice.randrange(1000)}", **where,
    }  # fmt: skip
    if dice.random() < 0.12:
        fault, change = dice.choice(_WRONG_REPORTS)
        said |= change
    elif dice.random() < 0.05:
        fault = "future"
        said["at"] = world.now + 3 * MINUTE
    return Told(Said(**said), lies, world.places[lies].path, world.now, fault)


_WRONG_REPORTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("unknown_class", {"kind": "E9"}),
    ("unknown_place", {"place": "Z", "lon": None, "lat": None}),
    ("missing_field", {"place": None, "lon": None, "lat": None}),
    ("bad_value", {"severity": 7}),
)


def _where(world: World, dice: Random, code: str) -> tuple[dict[str, Any], str, str | None]:
    """What the report says, where the case lies, and what is wrong with it."""
    lon, lat = world.places[code].middle
    lon, lat = lon + 0.001, lat + 0.001
    how = dice.randrange(6)
    if how == 0:
        return {"place": code, "lon": lon, "lat": lat}, code, None
    if how == 1:
        return {"lon": lon, "lat": lat}, _deepest(world, lon, lat), None
    if how == 2:
        return {"lon": lon, "lat": 29.997}, _deepest(world, lon, 30.0), None  # 334 m outside
    if how == 3:
        return {"lon": lon, "lat": 29.9}, "C", "outside"
    return {"place": code}, code, None


def _deepest(world: World, lon: float, lat: float) -> str:
    holding = [
        place for place in world.places.values()
        if place.west <= lon <= place.east and place.south <= lat <= place.north
    ]  # fmt: skip
    return max(holding, key=lambda place: place.tier).code


# ── moves ───────────────────────────────────────────────────────────────────────────────────────
def move(world: World, dice: Random) -> Deed:
    """Mostly along the table of steps; sometimes anything."""
    if not world.model.cases:
        return report(world, dice)
    key = dice.choice(sorted(world.model.cases))
    last = world.model.cases[key].last
    possible = [step.act for step in STEPS if step.start == State(last.end)]
    act = dice.choice(possible) if dice.random() < 0.9 else dice.choice(list(Act))
    version = dice.choices([last.n, None, last.n - 1], [8, 1, 1])[0]
    paths = {code: place.path for code, place in world.places.items()}
    given = Move(
        act, _moved_at(world, dice, last.at), f"officer {dice.randrange(10**9)}", _holder(world, dice),
        note=dice.choice(["seen", "seen", "seen", ""]), severity=dice.choice([None, 1, 2, 3, 4]),
    )  # fmt: skip
    return MoveOn(f"{act} {key[1]}", Moved(key, given, version, world.now, paths))


def _moved_at(world: World, dice: Random, last: datetime) -> datetime:
    roll = dice.random()
    if roll < 0.75:
        return world.now
    if roll < 0.85:
        return world.now + timedelta(seconds=dice.choice([100, 121]))
    return last + dice.choice([timedelta(0), timedelta(0), -MINUTE])


def _holder(world: World, dice: Random) -> Holder | None:
    if dice.random() < 0.4:
        return None
    place = dice.choice([*world.places, *world.places, "Z"])
    return Holder(place, dice.choice([None, "water", "police"]))
