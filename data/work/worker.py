"""What runs behind the pages, and which of several workers runs it?"""

import signal
import time
from collections.abc import Callable
from contextlib import closing
from threading import Event, Thread

import structlog

from data import config, db
from data.store.leader import LEADER, LEASE
from data.work import fold, nightly, sweep

BEAT_EVERY = 5.0
HUNG = 30.0  # a duty that has not come round for so long keeps the worker from saying that it lives
GRACE = 4.0
BEAT = (
    "INSERT INTO beat (process, at, build) VALUES ('worker', now(), %s)"
    " ON CONFLICT (process) DO UPDATE SET at = excluded.at, build = excluded.build"
)

log = structlog.get_logger(__name__)

Keep = Callable[[Event, Callable[[], object]], None]


class Duty:
    """One thing done over and over in a thread of its own; after a failure it begins anew."""

    def __init__(self, name: str, keep: Keep, stop: Event) -> None:
        self.name = name
        self.turned_at = time.monotonic()
        self._keep = keep
        self._stop = stop
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        pause = 0.5
        while not self._stop.is_set():
            try:
                self._keep(self._stop, self._turned)
                pause = 0.5
            except Exception as failed:  # the database may be away for a while; whatever it was, it is told
                tell("duty failed", failed, duty=self.name)
                self._stop.wait(pause)
                pause = min(pause * 2, 10)

    def _turned(self) -> None:
        self.turned_at = time.monotonic()

    @property
    def is_hung(self) -> bool:
        return time.monotonic() - self.turned_at > HUNG

    def join(self, seconds: float) -> None:
        self._thread.join(max(seconds, 0))


def tell(what: str, failed: Exception, **more: object) -> None:
    """A database that is away is a line; a mistake of ours is shown whole."""
    if isinstance(failed, db.OUTAGE):
        log.warning(what, reason=str(failed).strip(), **more)
    else:
        log.error(what, exc_info=failed, **more)


def run() -> None:
    """Until SIGTERM or SIGINT; a worker that is not the leader waits to become it."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    work(stop)


def work(stop: Event) -> None:
    while not stop.is_set():
        try:
            _lead(stop)
        except Exception as failed:  # the seat is lost with its connection; another try takes it again
            tell("leadership lost", failed)
            stop.wait(1)
    db.close()


def _lead(stop: Event) -> None:
    with closing(db.connect()) as seat:
        seat.execute(f"SET idle_session_timeout = '{LEASE:g}s'")
        while not _is_taken(seat):
            if stop.wait(1):
                return
        ended = Event()
        duties = [Duty(name, keep, ended) for name, keep in duties_of_a_leader().items()]
        try:
            _beat_until(stop, seat, duties)
        finally:
            ended.set()
            deadline = time.monotonic() + GRACE
            for duty in duties:
                duty.join(deadline - time.monotonic())


def _is_taken(seat: db.Conn) -> bool:
    row = seat.execute("SELECT pg_try_advisory_lock(%s, 0) AS ours", (LEADER,)).fetchone()
    return bool(row and row["ours"])


def duties_of_a_leader() -> dict[str, Keep]:
    duties: dict[str, Keep] = {
        "fast": fold.keep_fast,
        "slow": fold.keep_slow,
        "stale": sweep.keep_stale,
        "overdue": sweep.keep_overdue,
        "months": sweep.keep_months,
        "verify": nightly.keep,
    }
    if config.settings().demo:
        duties["simulate"] = _simulate
        duties["history"] = _history
    return duties


def _simulate(stop: Event, turned: Callable[[], object]) -> None:
    from data.work import simulate

    simulate.live(stop, turned)


def _history(stop: Event, turned: Callable[[], object]) -> None:
    from data.work import history

    history.keep(stop, turned)


def _beat_until(stop: Event, seat: db.Conn, duties: list[Duty]) -> None:
    """On the leader's own connection: when it is gone, so is the lead. A hung duty keeps the seat, mutely."""
    while True:
        with db.within(BEAT_EVERY):
            if any(duty.is_hung for duty in duties):
                seat.execute("SELECT")
            else:
                seat.execute(BEAT, (config.build(),))
        if stop.wait(BEAT_EVERY):
            return
