"""When are readings folded: into `latest` at once, into hours and days within seconds?"""

import time
from collections.abc import Callable
from contextlib import closing
from threading import Event

from data import db
from data.commands import readings
from data.store import buckets, fold, inbox

LIMIT = 5_000  # readings a transaction, or as many as were last folded in AIM
MOST = 40_000
AIM = 0.5  # seconds; a transaction must end within two
SHORTEST_PAUSE = 0.025
SLOW_EVERY = 4.0  # seconds, or as soon as MANY wait
MANY = 40_000

Turn = Callable[[], object]


def fast(conn: db.Conn, limit: int = LIMIT) -> int:
    """One transaction of the fast lane; answers how many readings `latest` now holds."""
    with conn.transaction():
        fold.lock(conn, fold.FAST)
        batch = inbox.take_fast(conn, limit)
        if batch.size:
            fold.fold(conn, batch)
    return batch.size


def slow(conn: db.Conn, limit: int = LIMIT) -> int:
    """One transaction of the slow lane; answers how many readings went into the buckets."""
    with conn.transaction():
        fold.lock(conn, fold.SLOW)
        batch = inbox.take_slow(conn, limit)
        if batch.size:
            fold.settle(conn)
            fold.tell(conn, buckets.add(conn, batch))
    return batch.size


def drain(conn: db.Conn) -> None:
    """Folds all that waits, both lanes and the days to be made anew."""
    while fast(conn):
        pass
    while slow(conn):
        pass
    readings.make_anew()


def keep_fast(stop: Event, turned: Turn) -> None:
    """The longer a fold takes, the longer the pause after it; none while much comes."""
    limit = LIMIT
    with closing(db.connect()) as conn, closing(db.listen(inbox.CHANNEL)) as ear:
        while not stop.is_set():
            turned()
            started = time.monotonic()
            count = fast(conn, limit)
            took = time.monotonic() - started
            limit = _pace(limit, count, took)
            if count >= LIMIT:
                continue
            if count:
                stop.wait(max(SHORTEST_PAUSE, 3 * took))
            else:
                hear(ear, 1.0)


def _pace(limit: int, count: int, seconds: float) -> int:
    """How many readings the next transaction takes: the more at once, the less work each of them is. Never
    more than twice as many as this one might, for not all cost the same."""
    return int(min(max(LIMIT, count * AIM / max(seconds, 0.001)), 2 * limit, MOST))


def hear(ear: db.Conn, seconds: float) -> None:
    """Until somebody has put readings into the inbox, or the time is up."""
    for _ in ear.notifies(timeout=seconds, stop_after=1):
        pass


def keep_slow(stop: Event, turned: Turn) -> None:
    """In between, days that an import or a load left to be made anew."""
    last, limit = 0.0, 100
    with closing(db.connect()) as conn:
        while not stop.is_set():
            turned()
            waiting = inbox.slow_waiting(conn)
            if waiting >= MANY or (waiting and time.monotonic() - last >= SLOW_EVERY):
                _fold_slowly(conn, stop, turned)
                last = time.monotonic()
            done = readings.make_some_anew(limit, politely=True)
            limit = done.limit
            if not done.made:
                stop.wait(0.25)


def _fold_slowly(conn: db.Conn, stop: Event, turned: Turn) -> None:
    """Until less waits than is worth a transaction."""
    count = limit = LIMIT
    while count >= LIMIT and not stop.is_set():
        started = time.monotonic()
        count = slow(conn, limit)
        limit = _pace(limit, count, time.monotonic() - started)
        turned()
