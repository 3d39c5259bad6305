"""When is the whole database proven without anybody asking for it?"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from threading import Event

import structlog

from data import config, db
from data.commands import verify
from data.config.room import Room, room
from data.config.setting import ROOT
from data.domain.quiet import is_due
from data.store import clock, verifications

BEGINNING = 300.0  # seconds in which a worker that has only begun has other things to do
EVERY = 20.0
AGAIN = 3600.0  # seconds after a run that came to no end

log = structlog.get_logger(__name__)


def keep(stop: Event, turned: Callable[[], object], *, beginning: float = BEGINNING) -> None:
    """In a process of its own, so that nothing else waits for it; one at a time."""
    ready = time.monotonic() + beginning
    while not stop.is_set():
        turned()
        if time.monotonic() >= ready and room() < Room.LOW and _is_due() and not _proven(stop, turned):
            ready = time.monotonic() + AGAIN
        stop.wait(EVERY)


def _is_due() -> bool:
    with db.read() as conn:
        here, last = clock.here(conn), verifications.last(conn)
    return here is not None and is_due(here["now"], last["at"] if last else None, here["timezone"])


def _proven(stop: Event, turned: Callable[[], object]) -> bool:
    """Whether a result stands now."""
    child = subprocess.Popen([sys.executable, "-m", __name__], cwd=ROOT, env=config.child_environment())
    try:
        while child.poll() is None and not stop.is_set():
            turned()
            stop.wait(0.5)
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait(3)
    return child.returncode == 0


def run() -> bool:
    """Whether a result stands; another's run counts as one."""
    try:
        verdict = verify.prove(wait=False)
    except db.OUTAGE as away:
        log.warning("not verified", reason=str(away).strip())
        return False
    for proof in verdict.proofs if verdict else ():
        (log.info if proof.ok else log.error)("verified", proof=str(proof))
    return verdict is None or verify.keep(verdict) is None


if __name__ == "__main__":
    os.nice(10)
    sys.exit(not run())
