"""When is the whole database proven without anybody asking for it?"""

import os
import sys
import time
from collections.abc import Callable
from enum import IntEnum
from threading import Event

import structlog

from data import db
from data.commands import verify
from data.config.room import Room, room
from data.domain.quiet import is_due
from data.store import clock, verifications
from data.work import apart

BEGINNING = 300.0  # seconds in which a worker that has only begun has other things to do
EVERY = 20.0
LATER = 300.0  # seconds after a run that left it to somebody else, whose result may come
AGAIN = 3600.0  # seconds after a run that came to no end

log = structlog.get_logger(__name__)


class Outcome(IntEnum):
    """Of a run, as the exit code of its process; any other is that of none that stands."""

    STANDS = 0
    NONE = 1
    LEFT = 3  # to somebody else who verifies


def keep(stop: Event, turned: Callable[[], object], *, beginning: float = BEGINNING) -> None:
    """In a process of its own, so that nothing else waits for it; one at a time."""
    ready = time.monotonic() + beginning
    while not stop.is_set():
        turned()
        if time.monotonic() >= ready and room() < Room.LOW and _is_due():
            ready = time.monotonic() + _pause(apart.run(__name__, stop, turned))
        stop.wait(EVERY)


def _pause(code: int) -> float:
    return LATER if code == Outcome.LEFT else 0.0 if code == Outcome.STANDS else AGAIN


def _is_due() -> bool:
    with db.read() as conn:
        here, last = clock.here(conn), verifications.last(conn)
    return here is not None and is_due(here["now"], last["at"] if last else None, here["timezone"])


def run() -> Outcome:
    try:
        verdict = verify.prove(wait=False)
    except db.OUTAGE as away:
        log.warning("not verified", reason=str(away).strip())
        return Outcome.NONE
    if verdict is None:
        return Outcome.LEFT
    for proof in verdict.proofs:
        (log.info if proof.ok else log.error)("verified", proof=str(proof))
    return Outcome.NONE if verify.keep(verdict) else Outcome.STANDS


if __name__ == "__main__":
    os.nice(10)
    sys.exit(run())
