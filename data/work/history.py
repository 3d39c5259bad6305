"""How far do the simulated days before today stand, and what brings the rest in?"""

import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from threading import Event

import structlog

from data import config, db
from data.commands import readings
from data.config.room import Room, room
from data.db import Conn
from data.domain.refusal import Refusal
from data.store import clock, refill
from data.store import simulation as store
from data.work import apart
from data.work.simulate import filing, past, world
from data.work.simulate.past import Window
from data.work.simulate.world import World

DAYS = timedelta(days=14)
FINEST = 900  # seconds: no series is finer in history
MOST = 3_000_000  # readings
LOADER = 81
BEHIND = timedelta(minutes=2)  # the living city speaks for itself
KNOWN_WITHIN = timedelta(hours=1)

log = structlog.get_logger(__name__)


def wanted() -> bool:
    """Whether the demo runs and days are missing: at the first start, or because the city stood still."""
    if not config.settings().demo:
        return False
    with db.read() as conn:
        city = store.city(conn)
        return city is not None and ((city["history"] or 0.0) < 1.0 or _stood_still(conn, city["now"]))


def _stood_still(conn: Conn, now: datetime) -> bool:
    """Whether an hour of the last days has no reading of the simulator's."""
    hours = store.spoken_hours(conn, now - DAYS, now)
    return hours < int(DAYS / timedelta(hours=1)) - 1


def run() -> None:
    """Loads what is missing, the newest day first; whatever stands is left as it is."""
    with closing(db.replay()) as conn:
        if not store.alone(conn, LOADER):
            return
        now = clock.city_now(conn)
        here = world.load(conn)
        days = past.windows(now - DAYS, now - BEHIND, here.zone)[::-1]
        plan = _Plan(conn, here, days)
        filing.announce(conn, here, now - DAYS, now)
        for day in days:
            plan.bring(day, now)
        plan.finish()


class _Plan:
    """Days to come, how fine their readings are, and how much of it is done."""

    def __init__(self, conn: Conn, here: World, days: list[Window]) -> None:
        self._conn = conn
        self._here = here
        self._parent = os.getppid()
        self._coarsest = _coarsest(here, days)
        self._whole = max(1, sum(past.planned(here, day, self._coarsest) for day in days))
        self._done = 0
        self._say(0.0)

    def bring(self, day: Window, now: datetime) -> None:
        self._cases(day, now)
        fresh = False
        with refill.held_back():
            for batch in past.made(self._here, day, self._coarsest):
                self._check_parent()
                if not past.stands(self._conn, batch):
                    past.store_batch(self._conn, batch, day.until)
                    fresh = True
                self._done += len(batch)
                self._say(min(0.99, self._done / self._whole))
        if fresh:
            readings.make_anew(lambda left: self._check_parent())

    def _cases(self, day: Window, now: datetime) -> None:
        """All that became of the day's cases until now."""
        cases = self._here.draw.between(day.since, min(day.until, now - KNOWN_WITHIN))
        if not cases or store.counted_cases(self._conn, day.since, day.until) >= len(cases):
            return
        db.set_now(self._conn, now)
        for _ in filing.report(self._here, cases, now, on=self._conn):
            self._check_parent()

    def finish(self) -> None:
        self._say(1.0)
        log.info("history stands", readings=self._done)

    def _say(self, share: float) -> None:
        with db.transaction() as conn:
            store.set_history(conn, share)

    def _check_parent(self) -> None:
        """A loader whose worker has died makes room for the next one's."""
        if os.getppid() != self._parent:
            sys.exit(1)


def _coarsest(here: World, days: list[Window]) -> int:
    found = FINEST
    while sum(past.planned(here, day, found) for day in days) > MOST:
        found *= 2
    return found


def keep(stop: Event, turned: Callable[[], object]) -> None:
    """In the worker: a process of its own loads what is missing; ended early, it is started again."""
    done = not wanted()
    while not stop.is_set():
        if not done and room() < Room.LOW:
            done = apart.run(__name__, stop, turned) == 0
        turned()
        stop.wait(5.0)


if __name__ == "__main__":
    os.nice(10)
    started = time.monotonic()
    try:
        run()
    except Refusal as refused:
        sys.exit(str(refused))
    log.info("history loaded", seconds=round(time.monotonic() - started))
