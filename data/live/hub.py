"""Who watches what, which of it is old, and is the database there?"""

import atexit
import os
from datetime import datetime
from threading import Lock
from time import monotonic

from data import config
from data.config.room import room
from data.db import Late, left
from data.domain.refusal import Refusal
from data.live import clock
from data.live.answers import Answer, compute
from data.live.computing import Computers
from data.live.events import event, now
from data.live.listener import Listener
from data.live.pulse import Pulses, overlap
from data.live.registry import Ask, Page, Subject
from data.live.stream import Key, Stream
from data.live.writer import Writer

KEPT_SECONDS = 60.0
CATCH_UP_SECONDS = 0.6
MOST_STREAMS = 2_000


class Hub:
    """One a process; its threads start with it."""

    def __init__(self) -> None:
        self._pulses = Pulses()
        self._streams: dict[Key, Stream] = {}
        self._lock = Lock()
        self._running = True
        self._told_up = True
        self._down_since: datetime | None = None
        self.writer = Writer(self._beat)
        self.listener = Listener(self)
        self._computers = Computers(self._pulse, self.writer, self._tell_source)

    def start(self) -> None:
        self.writer.start()
        self.listener.start()
        self._computers.start()

    def stop(self) -> None:
        self._running = False
        self._computers.stop()
        self.listener.stop()
        self.writer.stop(event("bye", 0, {"reason": "stopped"}))

    # what others ask of it

    def check_database(self) -> None:
        """Says soon what the pool would say after its time-out; of a database that is there all earlier news
        has been heard, unless it is slow."""
        if not self.listener.caught_up(left(CATCH_UP_SECONDS)) and not self.listener.up:
            raise Late("the database does not answer")

    def answer(self, page: Page, subject: Subject, ask: Ask) -> tuple[Answer, int]:
        """The state and its stream's number; who watches the same is told no less."""
        stream = self._streams.get((page.name, subject.text, ask))
        pulse = self._pulses.of(page.kinds, subject.path)
        if stream is None:
            return compute(page, subject, ask, pulse), 0
        made = compute(page, subject, ask, pulse, stream.is_behind)
        stream.tell(made, self.writer)
        return made, stream.seq

    def find(self, page: Page, subject_text: str, ask: Ask) -> Stream | None:
        return self._streams.get((page.name, subject_text, ask))

    def stream(self, page: Page, subject: Subject, ask: Ask) -> Stream:
        """Ready to be joined, with a state that is true now; or the last one, and the word that it is old."""
        stream = self._stream(page, subject, ask)
        stream.want()
        self.listener.begun(left(CATCH_UP_SECONDS))  # what is made before it is made again
        self._computers.freshen(stream)
        return stream

    def _stream(self, page: Page, subject: Subject, ask: Ask) -> Stream:
        with self._lock:
            key = (page.name, subject.text, ask)
            if key not in self._streams:
                if len(self._streams) >= MOST_STREAMS:
                    raise Refusal("busy", "实时通道已满", "too many live streams", status=429, retry_after=10)
                self._streams[key] = Stream(page, subject, ask)
            return self._streams[key]

    def _pulse(self, stream: Stream) -> str | None:
        return self._pulses.of(stream.page.kinds, stream.subject.path)

    def first_words(self, stream: Stream, etag: str) -> bytes:
        """The caller holds the stream's lock."""
        fine = self.listener.up and not stream.failed
        return stream.hello(etag, fine) + (b"" if fine else self._source(stream))

    @property
    def streams(self) -> int:
        return len(self._streams)

    @property
    def viewers(self) -> int:
        return sum(len(stream.viewers) for stream in tuple(self._streams.values()))

    # what the listener says

    def connected(self, snapshot: str) -> None:
        self._pulses.restart(snapshot)
        self._computers.mark(tuple(self._streams.values()))

    def heard(self, kind: str, paths: list[str], xid: str) -> None:
        for path in paths:
            self._pulses.hear(kind, path, xid)
        self._computers.mark(
            stream
            for stream in tuple(self._streams.values())
            if kind in stream.page.kinds and any(overlap(stream.subject.path, path) for path in paths)
        )

    def missed(self) -> None:
        """What it was about nobody knows."""
        self.connected(f"missed {os.getpid()} {monotonic()}")

    def deaf(self) -> None:
        self._pulses.lose()

    def turned(self) -> None:
        """The database went away or came back."""
        if not self._running:
            return
        self._told_up = up = self.listener.up
        self._down_since = None if up else (self._down_since or clock.now())
        for stream in tuple(self._streams.values()):
            self._tell_source(stream)

    # the writer's heartbeat

    def _beat(self) -> None:
        self._evict()
        self._computers.see_stuck(tuple(self._streams.values()))
        if self.listener.up is not self._told_up:
            self.turned()
        worker_at, free = self.listener.worker_at, room().word
        for stream in tuple(self._streams.values()):
            with stream.lock:
                words = {"now": now(), "seq": stream.seq, "worker_at": worker_at, "room": free}
                self.writer.send(stream.viewers, event("hb", stream.seq, words))

    def _tell_source(self, stream: Stream) -> None:
        with stream.lock:
            self.writer.send(stream.viewers, self._source(stream))

    def _source(self, stream: Stream) -> bytes:
        return stream.source(self.listener.up, self._down_since)

    def _evict(self) -> None:
        old = monotonic() - KEPT_SECONDS
        with self._lock:
            for key, stream in tuple(self._streams.items()):
                if not stream.watched and stream.idle_since < old:
                    del self._streams[key]
                    self._computers.forget(stream)


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
