"""What of its answer has a client not taken yet?"""

import errno
import select
import socket
from collections import deque
from contextlib import suppress
from math import inf
from time import monotonic
from typing import Any

PENDING_BYTES = 1 << 20
PART_SECONDS, PART_BYTES = 20.0, 320_000  # what a client must take in which time, again and again


class Answering(socket.socket):
    """Keeps up to a megabyte for a client that is slow to take it; only beyond that the sender waits.

    A thread writes until it is done, then the loop does: never both.
    """

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(fileno=accepted.detach())
        super().setblocking(False)
        self._pending: deque[memoryview] = deque()
        self.owed = 0
        self._taken = 0
        self._since = inf

    @property
    def due(self) -> float:
        return self._since + PART_SECONDS

    def setblocking(self, _flag: bool) -> None:
        """gunicorn would have it wait."""

    def close(self) -> None:
        """What nobody took is not kept until the collector finds it."""
        self._pending.clear()
        super().close()

    def sendall(self, data: Any, _flags: int = 0) -> None:
        self._pending.append(memoryview(data))
        self.owed += len(data)
        self.flush()
        while self.owed > PENDING_BYTES:
            if monotonic() > self.due:
                raise BrokenPipeError(errno.EPIPE, "the client takes its answer too slowly")
            waiting = select.poll()
            waiting.register(self, select.POLLOUT)
            waiting.poll(1_000)
            self.flush()

    def flush(self) -> None:
        with suppress(BlockingIOError):
            while self._pending:
                self._sent(self.send(self._pending[0]))
        if not self._pending:
            self._since = inf
        elif self._since == inf or self._taken >= PART_BYTES:
            self._since, self._taken = monotonic(), 0

    def _sent(self, sent: int) -> None:
        self.owed -= sent
        self._taken += sent
        rest = self._pending.popleft()[sent:]
        if rest:
            self._pending.appendleft(rest)
