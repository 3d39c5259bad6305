"""Who computes a stream anew when it is old, and what is told when it cannot be done?"""

from collections.abc import Callable, Iterable
from threading import Condition, Thread
from time import monotonic

from structlog import get_logger

from data.db import OUTAGE, Late, left, within
from data.domain.refusal import Refusal
from data.live import clock
from data.live.answers import compute
from data.live.stream import Failure, Sender, Stream

PAUSE_SECONDS = 0.25  # between two computations on average: after a rest the second comes at once
AGAIN_SECONDS = 2.0
HURRY_SECONDS = 1.5  # who has a last picture sees it rather than wait longer
PATIENT_SECONDS = 5.0  # the first picture
COMPUTE_SECONDS = 4.0  # nobody waits
THREADS = 4
TRIERS = 2  # of them for pages that have just failed: what else there is to do waits for none of those

log = get_logger(__name__)


class Computers:
    """`pulse`: what a stream's state would be kept under; `tell_source`: says whether its picture is true."""

    def __init__(
        self, pulse: Callable[[Stream], str | None], sender: Sender, tell_source: Callable[[Stream], None]
    ) -> None:
        self._pulse = pulse
        self._sender = sender
        self._tell_source = tell_source
        self._dirty: dict[Stream, None] = {}
        self._changed = Condition()
        self._failing: set[str] = set()  # pages
        self._trying = 0
        self._running = True
        self._threads = [Thread(target=self._run, name=f"live-{n}", daemon=True) for n in range(THREADS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._running = False
        with self._changed:
            self._changed.notify_all()

    # what is old

    def mark(self, streams: Iterable[Stream]) -> None:
        with self._changed:
            for stream in streams:
                stream.stale = True
                if stream.watched:
                    self._dirty[stream] = None
            self._changed.notify_all()

    def forget(self, stream: Stream) -> None:
        with self._changed:
            self._dirty.pop(stream, None)

    def freshen(self, stream: Stream) -> None:
        """Somebody comes: now, or as soon as can be; without a picture yet whatever is wrong is raised."""
        if stream.answer is None:
            with within(PATIENT_SECONDS):
                self._renew(stream)
            return
        with within(HURRY_SECONDS):
            stream.wait(left(HURRY_SECONDS))
            if stream.stale:
                self._try(stream, HURRY_SECONDS)

    # computing

    def _run(self) -> None:
        while (stream := self._next()) is not None:
            try:
                self._try(stream, COMPUTE_SECONDS)
            except Refusal as gone:  # its place, say, is no more: whoever asks again is told
                log.info("live.state_refused", page=stream.page.name, reason=str(gone))
            with self._changed:
                self._trying -= stream.tried
                stream.computing = stream.tried = False
                self._changed.notify()

    def _next(self) -> Stream | None:
        with self._changed:
            while self._running:
                stream = min(filter(self._may, self._dirty), key=lambda one: one.due, default=None)
                if stream is not None and stream.due <= monotonic():
                    del self._dirty[stream]
                    stream.computing, stream.tried = True, stream.page.name in self._failing
                    self._trying += stream.tried
                    stream.due = max(stream.due, monotonic() - PAUSE_SECONDS) + PAUSE_SECONDS
                    return stream
                self._changed.wait(None if stream is None else max(0.0, stream.due - monotonic()))
        return None

    def _may(self, stream: Stream) -> bool:
        return not stream.computing and (self._trying < TRIERS or stream.page.name not in self._failing)

    def _try(self, stream: Stream, seconds: float) -> None:
        try:
            with within(seconds):
                self._renew(stream)
        except Refusal:
            raise
        except Exception as failed:
            self._fail(stream, failed)

    def _renew(self, stream: Stream) -> None:
        if not stream.turn.acquire(timeout=left(COMPUTE_SECONDS)):
            raise Late("somebody else is still computing it")
        try:
            if stream.stale:
                self._renewed(stream)
        finally:
            stream.turn.release()

    def _renewed(self, stream: Stream) -> None:
        stream.stale = False  # before the look at the pulse: what comes between the two is computed again
        try:
            pulse = self._pulse(stream)
            answer = compute(stream.page, stream.subject, stream.ask, pulse, stream.is_behind)
        except BaseException:
            stream.stale = True
            raise
        stream.tell(answer, self._sender)
        self._failing.discard(stream.page.name)
        if stream.failed is not None:
            stream.failed = None
            self._tell_source(stream)

    # what cannot be computed

    def _fail(self, stream: Stream, failed: Exception) -> None:
        """The old picture stays and says that it is old, and with it others that wait for the database."""
        ours = not isinstance(failed, OUTAGE)
        if ours:
            names = {"page": stream.page.name, "subject": stream.subject.text}
            log.error("live.state_failed", exc_info=failed, **names)
        else:
            log.warning("live.state_failed", page=stream.page.name, reason=str(failed).strip())
        with self._changed:
            self._failing.add(stream.page.name)
            stream.due = monotonic() + AGAIN_SECONDS
            if stream.watched:
                self._dirty[stream] = None
            alike = [] if ours else [one for one in self._dirty if one.page is stream.page]
            self._changed.notify_all()
        for one in {stream, *alike}:
            self._tell_old(one, ours)

    def see_stuck(self, streams: Iterable[Stream]) -> None:
        """A computation that does not end is a mistake of ours; its stream has nothing new to say."""
        late = monotonic() - COMPUTE_SECONDS - 1
        for stream in streams:
            if stream.computing and stream.failed is None and stream.due < late:
                self._tell_old(stream, ours=True)

    def _tell_old(self, stream: Stream, ours: bool) -> None:
        if stream.failed is None or stream.failed.ours is not ours:
            stream.failed = Failure(stream.failed.since if stream.failed else clock.now(), ours)
            self._tell_source(stream)
