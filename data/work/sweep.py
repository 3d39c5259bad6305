"""What changes because time passes and nothing is heard?"""

from contextlib import closing
from threading import Event
from time import monotonic

from data import db
from data.commands import incidents
from data.store import fold, readings
from data.work.fold import Turn

EVERY = 2.5
MONTHS_EVERY = 3_600.0
CHUNK = 5_000


def stale(conn: db.Conn) -> int:
    """Series whose time is up become stale, piece by piece; answers how many."""
    total = 0
    while swept := _piece(conn):
        total += swept
        if swept < CHUNK:
            break
    return total


def _piece(conn: db.Conn) -> int:
    with conn.transaction():
        fold.lock(conn, fold.FAST)
        return fold.sweep(conn, CHUNK)


def keep_stale(stop: Event, turned: Turn) -> None:
    with closing(db.connect()) as conn:
        while not stop.is_set():
            turned()
            stale(conn)
            stop.wait(EVERY)


def keep_overdue(stop: Event, turned: Turn) -> None:
    while not stop.is_set():
        turned()
        if not incidents.sweep_overdue():
            stop.wait(EVERY)


def keep_months(stop: Event, turned: Turn) -> None:
    """The month that begins next stands long before its first reading."""
    due = 0.0
    while not stop.is_set():
        turned()
        if monotonic() >= due:
            with db.read() as conn:
                readings.ahead(conn)
            due = monotonic() + MONTHS_EVERY
        stop.wait(EVERY)
