"""How do days that are over come in: readings, cases, warnings and decisions, as they happened?"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from data import db
from data.commands.shedding import refuse_when_short
from data.config.room import Room
from data.db import Conn
from data.store import readings, sources
from data.store import series as claims
from data.store import simulation as store
from data.store.sources import Tally
from data.work.simulate.chance import Floats
from data.work.simulate.series import Due, Series
from data.work.simulate.world import World

AT_ONCE = 12_000  # readings a transaction
_PROBES = 48


@dataclass(frozen=True, slots=True)
class Window:
    """(since, until] within one local day."""

    since: datetime
    until: datetime

    @property
    def seconds(self) -> tuple[int, int]:
        return int(self.since.timestamp()), int(self.until.timestamp())


def windows(since: datetime, until: datetime, zone: str) -> list[Window]:
    """Local days, oldest first, the ends cut; the same days whoever asks, so that a stopped load goes on."""
    found = []
    while since < until:
        local = since.astimezone(ZoneInfo(zone))
        midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), local.tzinfo)
        found.append(Window(since, min(until, midnight.astimezone(UTC))))
        since = found[-1].until
    return found


@dataclass(slots=True)
class Batch:
    """Readings of some signs of one feed in one window."""

    feed: str
    kind: sources.Kind
    parts: list[tuple[Series, Due, Floats]] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(len(due) for _, due, _ in self.parts)

    @property
    def columns(self) -> tuple[list[int], list[int], list[float]]:
        ids = np.concatenate([series.ids[due.who] for series, due, _ in self.parts])
        ats = np.concatenate([due.at for _, due, _ in self.parts])
        values = np.concatenate([values for _, _, values in self.parts])
        return ids.tolist(), ats.tolist(), values.tolist()


def made(world: World, window: Window, coarsest: int) -> Iterator[Batch]:
    """All readings that arrive in the window, in batches of about AT_ONCE."""
    kinds = world.profiles.feeds
    ordered = sorted(world.series, key=lambda series: series.feed)
    for feed, group in groupby(ordered, key=lambda series: series.feed):
        batch = Batch(feed, kinds[feed.removeprefix("sim-")])
        for series in group:
            for part in _parts(world, series, window, coarsest):
                batch.parts.append(part)
                if len(batch) >= AT_ONCE:
                    yield batch
                    batch = Batch(feed, batch.kind)
        if batch.parts:
            yield batch


def _parts(
    world: World, series: Series, window: Window, coarsest: int
) -> Iterator[tuple[Series, Due, Floats]]:
    feeds = world.scenario.feeds
    late = series.lateness(feeds)
    since, until = (second - late for second in window.seconds)
    due = series.due(since, until, coarsest=coarsest)
    due = due.only(series.speaks(due, feeds))
    for start in range(0, len(due), AT_ONCE):
        piece = Due(due.who[start : start + AT_ONCE], due.at[start : start + AT_ONCE])
        yield series, piece, world.model.readings(series, piece)


def planned(world: World, window: Window, coarsest: int) -> int:
    """About how many readings that will be."""
    since, until = window.seconds
    return sum(series.count * (until - since) // max(series.period, coarsest) for series in world.series)


# ── into the database ───────────────────────────────────────────────────────────────────────────
def store_batch(conn: Conn, batch: Batch, at: datetime) -> Tally:
    """One transaction as of `at`; what stands already stays."""
    refuse_when_short(Room.LOW)
    ids, ats, values = batch.columns
    db.set_now(conn, at)
    readings.months(conn, {datetime.fromtimestamp(second, UTC) for second in set(ats)})
    with conn.transaction():
        sources.know(conn, batch.feed, batch.kind, simulated=True)
        claims.begin_intake(conn)
        foreign = claims.claim(conn, batch.feed, sorted(set(ids)))
        if foreign:
            kept = [n for n, id in enumerate(ids) if id not in foreign]
            ids, ats, values = [ids[n] for n in kept], [ats[n] for n in kept], [values[n] for n in kept]
        tally = _tally(len(ids), *store.load(conn, ids, ats, values))
        sources.book(conn, batch.feed, tally, at)
    return tally


def _tally(given: int, new: int, other: int) -> Tally:
    return Tally(new, given - new - other, other, {"conflict": other} if other else {})


def stands(conn: Conn, batch: Batch) -> bool:
    """Whether readings spread over the whole batch are there already."""
    ids, ats, _ = batch.columns
    order = np.argsort(np.array(ats), kind="stable")
    some = order[np.linspace(0, len(order) - 1, min(_PROBES, len(order))).astype(int)]
    return all(store.has(conn, [ids[n] for n in some], [ats[n] for n in some]))


class Digest:
    """sha256 over lines `sign,place,asset,at,value`, by the time of arrival and then by series."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self.count = 0

    def add(self, world: World, batches: list[Batch]) -> None:
        lines = sorted(line for batch in batches for line in _lines(world, batch))
        self.count += len(lines)
        for _, line in lines:
            self._sha.update(line.encode())

    @property
    def text(self) -> str:
        return self._sha.hexdigest()


def _lines(world: World, batch: Batch) -> Iterator[tuple[int, str]]:
    for series, due, values in batch.parts:
        late = series.lateness(world.scenario.feeds)
        names = _names(series)
        for who, at, value in zip(due.who.tolist(), due.at.tolist(), values.tolist(), strict=True):
            when = datetime.fromtimestamp(at, UTC)
            yield at + late, f"{names[who]},{when:%Y-%m-%dT%H:%M:%SZ},{value!r}\n"


def _names(series: Series) -> list[str]:
    return [
        f"{series.sign.code},{place},{asset}"
        for place, asset in zip(series.places, series.assets, strict=True)
    ]


def rows(series: Series, due: Due, values: Floats) -> list[dict[str, Any]]:
    """As the API takes them."""
    return [
        {
            "sign": series.sign.code,
            **({"asset": series.assets[who]} if series.assets[who] else {"place": series.places[who]}),
            "at": datetime.fromtimestamp(at, UTC),
            "value": value,
        }
        for who, at, value in zip(due.who.tolist(), due.at.tolist(), values.tolist(), strict=True)
    ]
