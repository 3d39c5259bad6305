"""How do bytes reach a thousand browsers from one thread, without one slow reader holding up the others?"""

import selectors
import socket
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Thread
from time import monotonic

from structlog import get_logger

MOST_PENDING = 1 << 20
BEAT_SECONDS = 2.0
FAREWELL_SECONDS = 1.0

log = get_logger(__name__)


class Viewer:
    """One browser's socket and what it has not taken yet."""

    def __init__(self, sock: socket.socket, left: Callable[["Viewer"], None]) -> None:
        self.sock = sock
        self.left = left
        self.pending: deque[memoryview] = deque()
        self.bytes = 0
        self.gone = False


class Writer:
    """All sockets belong to its thread; others only hand it calls, which it makes in the order given."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._calls: deque[Callable[[], None]] = deque()
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._viewers: set[Viewer] = set()
        self._running = True
        self._thread = Thread(target=self._run, name="live-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, farewell: bytes) -> None:
        """Says goodbye to everyone and closes; what a socket does not take within a second is lost."""
        self._call(lambda: self._end(farewell))
        if self._thread.is_alive():
            self._thread.join(FAREWELL_SECONDS + BEAT_SECONDS)
        self._wake.close()

    def adopt(self, viewer: Viewer, first: bytes) -> None:
        self._call(lambda: self._take(viewer, first))

    def send(self, viewers: Iterable[Viewer], message: bytes) -> None:
        to = tuple(viewers)
        self._call(lambda: self._spread(to, message))

    def _call(self, call: Callable[[], None]) -> None:
        self._calls.append(call)
        with suppress(OSError):  # full: it is awake; closed: it has ended
            self._wake.send(b"\0")

    def _run(self) -> None:
        due = monotonic() + BEAT_SECONDS
        while self._running:
            for ready, mask in self._selector.select(max(0.0, due - monotonic())):
                self._serve(ready.data, mask)
            while self._calls:
                self._calls.popleft()()
            if monotonic() >= due:
                due = monotonic() + BEAT_SECONDS
                self._beat()
        self._selector.close()
        self._woken.close()

    def _serve(self, viewer: Viewer | None, mask: int) -> None:
        if viewer is None:
            with suppress(BlockingIOError):
                while self._woken.recv(4096):
                    pass
        elif mask & selectors.EVENT_READ and _has_left(viewer.sock):
            self._drop(viewer)
        elif mask & selectors.EVENT_WRITE:
            self._flush(viewer)

    def _take(self, viewer: Viewer, first: bytes) -> None:
        self._viewers.add(viewer)
        self._selector.register(viewer.sock, selectors.EVENT_READ, viewer)
        self._spread((viewer,), first)

    def _spread(self, viewers: tuple[Viewer, ...], message: bytes) -> None:
        for viewer in viewers:
            if viewer.gone:
                continue
            viewer.pending.append(memoryview(message))
            viewer.bytes += len(message)
            if viewer.bytes == len(message):
                self._flush(viewer)
            elif viewer.bytes > MOST_PENDING:
                log.info("live.too_slow", pending=viewer.bytes)
                self._drop(viewer)

    def _flush(self, viewer: Viewer) -> None:
        try:
            while viewer.pending:
                sent = viewer.sock.send(viewer.pending[0])
                viewer.bytes -= sent
                rest = viewer.pending.popleft()[sent:]
                if rest:
                    viewer.pending.appendleft(rest)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(viewer)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if viewer.pending else 0)
        if self._selector.get_key(viewer.sock).events != wanted:
            self._selector.modify(viewer.sock, wanted, viewer)

    def _drop(self, viewer: Viewer) -> None:
        if viewer.gone:
            return
        viewer.gone = True
        self._viewers.discard(viewer)
        self._selector.unregister(viewer.sock)
        viewer.sock.close()
        viewer.left(viewer)

    def _end(self, farewell: bytes) -> None:
        self._running = False
        for viewer in tuple(self._viewers):
            with suppress(OSError):
                if not viewer.pending:
                    viewer.sock.send(farewell)
                viewer.sock.shutdown(socket.SHUT_WR)
            self._drop(viewer)


def _has_left(sock: socket.socket) -> bool:
    """A browser says nothing on a stream: an end or an error is all there is to read."""
    try:
        return not sock.recv(4096)
    except BlockingIOError:
        return False
    except OSError:
        return True
