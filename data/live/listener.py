"""What did other processes change, is the database there, and when did the worker last say it lives?"""

import selectors
import socket
from contextlib import closing, suppress
from datetime import datetime
from threading import Event, Lock, Thread
from time import monotonic
from typing import Protocol

import orjson
import psycopg
from structlog import get_logger

from data import config, db
from data.live import clock
from data.live.missed import Missed

RETRY_SECONDS = 0.5
ASK_SECONDS = 1.0
FROZEN_SECONDS = 5.0
START = "SELECT pg_current_snapshot()::text AS snapshot, last_value AS news FROM news"
ASK = (
    "SELECT now() AS now, last_value AS news, (SELECT at FROM beat WHERE process = 'worker') AS worker_at"
    " FROM news"
)

log = get_logger(__name__)


class Ears(Protocol):
    def connected(self, snapshot: str) -> None: ...
    def heard(self, kind: str, paths: list[str], xid: str) -> None: ...
    def missed(self) -> None: ...
    def deaf(self) -> None: ...
    def turned(self) -> None: ...


class Listener:
    """The one LISTEN of a process. It asks the database something at every news and every second: the answer
    carries all news of earlier commits, says how many there were, and its absence shows a database that is
    frozen or a line that swallows. A connection that ends is no news while another one can be had."""

    def __init__(self, ears: Ears) -> None:
        self.worker_at: datetime | None = None
        self._ears = ears
        self._connected = Event()
        self._begun = Event()
        self._there = False
        self._answered = monotonic()
        self._missed = Missed(0, 0.0)
        self._lock = Lock()
        self._waiting: list[Event] = []
        self._stopping = False
        self._reason = ""
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        self._thread = Thread(target=self._run, name="live-listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._prod()
        if self._thread.is_alive():
            self._thread.join(ASK_SECONDS)
        self._wake.close()

    @property
    def up(self) -> bool:
        return self._there and monotonic() - self._answered < FROZEN_SECONDS

    def begun(self, seconds: float) -> None:
        """Waits for the first connection, or the first word that there is none."""
        self._begun.wait(seconds)

    def caught_up(self, seconds: float) -> bool:
        """True when the news of everything committed before this call has been heard."""
        deadline = monotonic() + seconds
        if not self._connected.wait(seconds):
            return False
        done = Event()
        with self._lock:
            self._waiting.append(done)
        self._prod()
        return done.wait(max(0.0, deadline - monotonic()))

    def _prod(self) -> None:
        with suppress(OSError):  # full: it is awake; closed: it has ended
            self._wake.send(b"\0")

    def _run(self) -> None:
        while not self._stopping:
            try:
                with db.within(FROZEN_SECONDS):
                    conn = db.listen()
                with closing(conn):
                    self._listen(conn)
            except (psycopg.Error, config.Refused, OSError) as lost:
                self._lose(str(lost).strip())
        self._woken.close()

    def _lose(self, reason: str) -> None:
        """Told only when the next try fails too."""
        self._ears.deaf()
        self._begun.set()
        if self._connected.is_set():
            self._connected.clear()
            return
        self._say(reason)
        if self._there:
            self._there = False
            self._ears.turned()
        self._pause()

    def _say(self, reason: str) -> None:
        """Once, not at every try."""
        if reason != self._reason:
            log.warning("live.database_lost", reason=reason)
        self._reason = reason

    def _pause(self) -> None:
        if not self._stopping:
            Event().wait(RETRY_SECONDS)

    def _listen(self, conn: db.Conn) -> None:
        conn.add_notify_handler(self._note)
        with db.within(FROZEN_SECONDS):
            start = _one(conn, START)
        self._missed = Missed(start["news"], monotonic())
        self._ears.connected(start["snapshot"])
        self._begun.set()
        with selectors.DefaultSelector() as selector:
            selector.register(conn.fileno(), selectors.EVENT_READ, lambda: None)
            selector.register(self._woken, selectors.EVENT_READ, self._drain)
            while not self._stopping:
                self._ask(conn)
                for ready, _ in selector.select(ASK_SECONDS):
                    ready.data()

    def _ask(self, conn: db.Conn) -> None:
        with self._lock:
            waiting = tuple(self._waiting)
        with db.within(FROZEN_SECONDS):
            said = _one(conn, ASK)
        clock.hear(said["now"])
        self.worker_at = said["worker_at"]
        self._answered = monotonic()
        if self._missed.look(said["news"], self._answered):
            log.warning("live.news_missed", newest=said["news"])
            self._ears.missed()
        self._connected.set()
        if not self._there:
            self._there, self._reason = True, ""
            self._ears.turned()
        with self._lock:
            self._waiting = self._waiting[len(waiting) :]
        for done in waiting:
            done.set()

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass

    def _note(self, note: psycopg.Notify) -> None:
        try:
            news = orjson.loads(note.payload)
            self._missed.hear(news["n"])
            self._ears.heard(news["kind"], news["paths"], news["xid"])
        except (ValueError, KeyError, TypeError):
            log.error("live.strange_news", payload=note.payload[:200])


def _one(conn: db.Conn, query: str) -> db.Row:
    row = conn.execute(query).fetchone()
    assert row is not None
    return dict(row)
