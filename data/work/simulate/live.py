"""What happens in the living city right now?"""

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from uuid import UUID

import numpy as np
import structlog
from numpy.typing import NDArray

from data import config, db
from data.commands import incidents, readings
from data.config.room import Room, room
from data.domain.incident import Act, Move, State, advance, begin
from data.domain.refusal import Refusal
from data.store import clock
from data.store import simulation as store
from data.work.simulate import filing, lives, past, world
from data.work.simulate.cases import Case
from data.work.simulate.chance import Floats
from data.work.simulate.series import Due, Series
from data.work.simulate.world import World

BACK = timedelta(hours=1)  # cases of the last hour are caught up; what lies further back is history
AGAIN = timedelta(minutes=1)
ANEW = 600.0  # seconds

log = structlog.get_logger(__name__)


@dataclass(order=True, slots=True)
class _Next:
    """The next act of a case that is not over."""

    at: datetime
    id: UUID
    version: int = field(compare=False)
    moves: list[Move] = field(compare=False)


class Living:
    """The city from one tick to the next; all it must know after a restart stands in the database."""

    def __init__(self) -> None:
        with db.read() as conn:
            self.world: World = world.load(conn)
        self._last = {series.sign.code: series.last.copy() for series in self.world.series}
        self._until: datetime | None = None
        self._queue: list[_Next] = []
        self._known: set[str] = set()
        self._looked_at = datetime.min.replace(tzinfo=UTC)

    def tick(self, now: datetime) -> None:
        """Everything that has happened since the last tick."""
        self._speak(now)
        self._announce(now)
        self._report(now)
        if now - self._looked_at >= AGAIN:
            self._look(now)
        self._move_on(now)
        self._until = now

    # ── readings ────────────────────────────────────────────────────────────────────────────────
    def _speak(self, now: datetime) -> None:
        feeds: dict[str, list[Series]] = {}
        for series in self.world.series:
            feeds.setdefault(series.feed, []).append(series)
        for feed, group in feeds.items():
            self._send(feed, group, int(now.timestamp()))

    def _send(self, feed: str, group: list[Series], now: int) -> None:
        """The feed tries again at the next tick when the city is busy."""
        rows, after = [], {}
        for series in group:
            due, seen = self._due(series, now)
            rows += past.rows(series, due, self.world.model.readings(series, due))
            after[series.sign.code] = seen
        if not rows:
            return
        kind = self.world.profiles.feeds[feed.removeprefix("sim-")]
        try:
            readings.post(rows, feed=feed, kind=kind, simulated=True, patience=0.0)
        except Refusal as busy:
            log.warning("feed waits", feed=feed, why=busy.en)
            return
        self._last |= after

    def _due(self, series: Series, now: int) -> tuple[Due, Floats]:
        feeds = self.world.scenario.feeds
        until = now - series.lateness(feeds)
        last = self._last[series.sign.code]
        fresh = until - max(int(series.sign.freshness.total_seconds()), series.period)
        due = series.due(np.maximum(np.nan_to_num(last, nan=fresh), fresh), until)
        due = due.only(series.speaks(due, feeds))
        silent = np.isnan(last)
        if silent.any():
            due = _joined(_firsts(due, silent), series.last_words(until, feeds, silent))
        seen = last.copy()
        np.fmax.at(seen, due.who, due.at.astype(np.float64))
        return due, seen

    # ── warnings, decisions, cases ──────────────────────────────────────────────────────────────
    def _announce(self, now: datetime) -> None:
        since = self._until or datetime.min.replace(tzinfo=UTC)
        with db.read() as conn:
            filing.announce(conn, self.world, since, now)

    def _report(self, now: datetime) -> None:
        since = max(self._until or now - BACK, now - BACK)
        cases = self.world.draw.between(since, now)
        by_id = {case.id: case for case in cases}
        for standing in filing.report(self.world, cases, now):
            for draw, id in standing.items():
                self._follow(by_id[draw], id, now=now)

    def _follow(self, case: Case, id: UUID, *, now: datetime) -> None:
        moves = lives.moves(self.world.draw, case)
        self._known.add(case.id)
        self._wait(id, 1 + sum(move.at <= now for move in moves), moves)

    def _wait(self, id: UUID, version: int, moves: list[Move]) -> None:
        if version <= len(moves):
            heapq.heappush(self._queue, _Next(moves[version - 1].at, id, version, moves))

    def _look(self, now: datetime) -> None:
        """Cases that are open and not followed yet: those of history, and all of them after a restart."""
        with db.read() as conn:
            rows = store.open_cases(conn, [source.feed for source in self.world.draw.habits.source])
        for row in rows:
            if row["source_id"] not in self._known:
                self._known.add(row["source_id"])
                case = self.world.draw.again(row["source_id"])
                if case is not None and _is_untouched(self.world, case, row["version"], row["state"]):
                    self._wait(row["id"], row["version"], lives.moves(self.world.draw, case))
        self._looked_at = now

    def _move_on(self, now: datetime) -> None:
        while self._queue and self._queue[0].at <= now:
            one = heapq.heappop(self._queue)
            try:
                incidents.move(one.id, one.moves[one.version - 1], version=one.version)
            except Refusal as refusal:  # somebody has taken the case in hand: it is theirs
                log.info("case left alone", incident=str(one.id), why=refusal.en)
                continue
            self._wait(one.id, one.version + 1, one.moves)


def _joined(one: Due, other: Due) -> Due:
    return Due(np.concatenate([one.who, other.who]), np.concatenate([one.at, other.at]))


def _firsts(due: Due, silent: NDArray[np.bool_]) -> Due:
    """Of series that have never spoken nothing yet: `last_words` says what is theirs."""
    return due.only(~silent[due.who])


def _is_untouched(world: World, case: Case, version: int, state: str) -> bool:
    """Whether the case stands where its life would have it."""
    moves = lives.moves(world.draw, case)
    if not 1 <= version <= len(moves):
        return False
    standing = begin(Move(Act.REPORT, case.at, case.source.actor), case.severity)
    for move in moves[: version - 1]:
        standing = advance(standing, move)
    return standing.state is State(state)


# ── in the worker ───────────────────────────────────────────────────────────────────────────────
def live(stop: Event, turned: Callable[[], object]) -> None:
    """A tick every CITYOPS_DEMO_TICK seconds; now and then it is looked up which series are still ours."""
    while not stop.is_set():
        city, anew = Living(), time.monotonic() + ANEW
        while time.monotonic() < anew and not stop.is_set():
            turned()
            if room() < Room.LOW:
                with db.read() as conn:
                    now = clock.city_now(conn)
                city.tick(now)
            stop.wait(config.settings().demo_tick)
