"""Who watches what, which of it is old, and who computes it anew?"""

import atexit
import os
from datetime import UTC, datetime
from threading import Condition, Lock, Thread
from time import monotonic

from psycopg import OperationalError
from structlog import get_logger

from data import config
from data.db import OUTAGE
from data.domain.refusal import Refusal
from data.live.answers import Answer, compute
from data.live.events import event, now
from data.live.listener import Listener
from data.live.pulse import Pulses, overlap
from data.live.registry import Ask, Page, Subject
from data.live.stream import Key, Stream
from data.live.writer import Viewer, Writer

PAUSE_SECONDS = 0.25
AGAIN_SECONDS = 5.0
KEPT_SECONDS = 60.0
CATCH_UP_SECONDS = 1.0
COMPUTERS = 4
MOST_STREAMS = 2_000

log = get_logger(__name__)


class Hub:
    """One a process; its threads start with it."""

    def __init__(self) -> None:
        self._pulses = Pulses()
        self._streams: dict[Key, Stream] = {}
        self._dirty: dict[Stream, None] = {}
        self._changed = Condition()
        self._running = True
        self._told_up = True
        self._down_since: datetime | None = None
        self.writer = Writer(self._beat)
        self.listener = Listener(self)
        self._computers = [
            Thread(target=self._compute, name=f"live-{n}", daemon=True) for n in range(COMPUTERS)
        ]

    def start(self) -> None:
        self.writer.start()
        self.listener.start()
        for thread in self._computers:
            thread.start()

    def stop(self) -> None:
        self._running = False
        with self._changed:
            self._changed.notify_all()
        self.listener.stop()
        self.writer.stop(event("bye", 0, {"reason": "stopped"}))

    # what others ask of it

    def check_database(self) -> None:
        """Says at once what the pool would say after its time-out; afterwards all earlier news is heard."""
        if not self.listener.caught_up(CATCH_UP_SECONDS) and not self.listener.up:
            raise OperationalError("the database does not answer")

    def answer(self, page: Page, subject: Subject, ask: Ask) -> tuple[Answer, int]:
        """The state and its stream's number."""
        stream = self._streams.get((page.name, subject.text, ask))
        made = compute(page, subject, ask, self._pulses.of(page.kinds, subject.path))
        return made, stream.seq if stream else 0

    def find(self, page: Page, subject_text: str, ask: Ask) -> Stream | None:
        return self._streams.get((page.name, subject_text, ask))

    def stream(self, page: Page, subject: Subject, ask: Ask) -> Stream:
        """With a state that is true now, ready to be joined."""
        stream = self._stream(page, subject, ask)
        stream.want()
        if stream.stale or stream.answer is None:
            self._renew(stream)
        return stream

    def first_words(self, stream: Stream, etag: str) -> bytes:
        """The caller holds the stream's lock."""
        return stream.hello(etag, self.listener.up) + (b"" if self.listener.up else self._source(False))

    @property
    def streams(self) -> int:
        return len(self._streams)

    @property
    def viewers(self) -> int:
        return sum(len(stream.viewers) for stream in tuple(self._streams.values()))

    # what the listener says

    def connected(self, snapshot: str) -> None:
        self._pulses.restart(snapshot)
        self._mark(tuple(self._streams.values()))

    def heard(self, kind: str, paths: list[str], xid: str) -> None:
        for path in paths:
            self._pulses.hear(kind, path, xid)
        streams = tuple(self._streams.values())
        self._mark(
            tuple(
                stream
                for stream in streams
                if kind in stream.page.kinds and any(overlap(stream.subject.path, path) for path in paths)
            )
        )

    def lost(self) -> None:
        self._pulses.lose()
        self.turned()

    def turned(self) -> None:
        """The database went away or came back."""
        if not self._running:
            return
        self._told_up = up = self.listener.up
        self._down_since = None if up else (self._down_since or datetime.now(UTC))
        self.writer.send(self._everybody(), self._source(up))

    # computing

    def _stream(self, page: Page, subject: Subject, ask: Ask) -> Stream:
        with self._changed:
            key = (page.name, subject.text, ask)
            if key not in self._streams:
                if len(self._streams) >= MOST_STREAMS:
                    raise Refusal("busy", "实时通道已满", "too many live streams", status=429, retry_after=10)
                self._streams[key] = Stream(page, subject, ask)
            return self._streams[key]

    def _mark(self, streams: tuple[Stream, ...]) -> None:
        with self._changed:
            for stream in streams:
                stream.stale = True
                if stream.watched:
                    self._dirty[stream] = None
            self._changed.notify_all()

    def _compute(self) -> None:
        while (stream := self._next()) is not None:
            try:
                self._renew(stream)
            except Exception as failed:
                self._later(stream, failed)
            with self._changed:
                stream.computing = False
                self._changed.notify()

    def _next(self) -> Stream | None:
        with self._changed:
            while self._running:
                waiting = [stream for stream in self._dirty if not stream.computing]
                stream = min(waiting, key=lambda one: one.due, default=None)
                if stream is not None and stream.due <= monotonic():
                    del self._dirty[stream]
                    stream.computing = True
                    stream.due = monotonic() + PAUSE_SECONDS
                    return stream
                self._changed.wait(None if stream is None else max(0.0, stream.due - monotonic()))
        return None

    def _renew(self, stream: Stream) -> None:
        with stream.turn:
            if not stream.stale:
                return
            pulse = self._pulses.of(stream.page.kinds, stream.subject.path)
            stream.stale = False
            try:
                answer = compute(stream.page, stream.subject, stream.ask, pulse)
            except BaseException:
                stream.stale = True
                raise
            stream.tell(answer, self.writer)

    def _later(self, stream: Stream, failed: Exception) -> None:
        """The old picture stays; what can be computed again is."""
        if isinstance(failed, OUTAGE):
            log.warning("live.state_failed", page=stream.page.name, reason=str(failed).strip())
        else:
            log.error(
                "live.state_failed", page=stream.page.name, subject=stream.subject.text, exc_info=failed
            )
        with self._changed:
            stream.due = monotonic() + AGAIN_SECONDS
            self._dirty[stream] = None

    # the writer's heartbeat

    def _beat(self) -> None:
        self._evict()
        if self.listener.up is not self._told_up:
            self.turned()
        worker_at = self.listener.worker_at
        for stream in tuple(self._streams.values()):
            with stream.lock:
                words = {"now": now(), "seq": stream.seq, "worker_at": worker_at}
                self.writer.send(stream.viewers, event("hb", stream.seq, words))

    def _source(self, up: bool) -> bytes:
        return event("source", 0, {"db": up, "since": self._down_since})

    def _everybody(self) -> list[Viewer]:
        return [viewer for stream in tuple(self._streams.values()) for viewer in tuple(stream.viewers)]

    def _evict(self) -> None:
        old = monotonic() - KEPT_SECONDS
        with self._changed:
            for key, stream in tuple(self._streams.items()):
                if not stream.watched and stream.idle_since < old:
                    del self._streams[key]
                    self._dirty.pop(stream, None)


_lock = Lock()
_hubs: dict[tuple[int, str | None], Hub] = {}


def hub() -> Hub:
    """This process's, started at its first use (so never before a fork); another database has another."""
    key = (os.getpid(), config.settings().dsn)
    with _lock:
        if key not in _hubs:
            _forget()
            _hubs[key] = Hub()
            _hubs[key].start()
        return _hubs[key]


def stop() -> None:
    with _lock:
        _forget()


def running() -> Hub | None:
    return _hubs.get((os.getpid(), config.settings().dsn))


def _forget() -> None:
    for (pid, _), old in tuple(_hubs.items()):
        if pid == os.getpid():
            old.stop()
    _hubs.clear()


atexit.register(stop)
