"""What has a client sent of its request?"""

import socket
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

from gunicorn.http import RequestParser
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.unreader import IterUnreader
from gunicorn.workers.gthread import TConn

from data.config import settings
from data.domain.peer import counted, is_within, sender
from data.serve import refused
from data.serve.answering import Answering
from data.serve.caps import Stage

HEAD_BYTES = 32_768
HEAD_SECONDS = 5.0
BODY_BYTES = 9 << 20  # with the frames of its pieces; the most that an address takes is less
GRACE_SECONDS, BYTES_PER_SECOND = 20.0, 16_000
BLOCK = 65_536


def due(since: float, done: int) -> float:
    """Until when a body may go on of which so many bytes have come since then."""
    return since + GRACE_SECONDS + done / BYTES_PER_SECOND


class Parsed(RequestParser):  # type: ignore[misc]
    """The loop reads the head; a thread is given what was found, and puts the pieces of a body together."""

    def __next__(self) -> Any:
        if self.mesg is None:
            return super().__next__()
        if isinstance(self.mesg.body.reader, ChunkedReader):
            whole = self.mesg.body.read()
            self.mesg.body = Body(LengthReader(IterUnreader([whole]), len(whole)))
        return self.mesg

    def finish_body(self, *_limits: Any, **_more: Any) -> bool:
        """What the application left unread is thrown away with the request."""
        return True


class Connection(TConn):  # type: ignore[misc]
    """`own`: whose it is, None a proxy's of ours; `address`: with whom it is counted now."""

    def __init__(self, cfg: Any, accepted: socket.socket, peer: Any, server: Any) -> None:
        super().__init__(cfg, Answering(accepted), peer, server)
        self.initialized = self.data_ready = True
        self._peer = peer
        self.own = None if is_within(peer[0], settings().proxy) else counted(peer[0])
        self.address = self.own
        self.stage = Stage.UNFINISHED
        self.watched: Callable[..., None] | None = None
        self.answering = self.keep = False
        self.discarded = 0
        self.received = bytearray()
        self._end = 0
        self.begin()

    def begin(self) -> None:
        """The next request, of which a part may be here already."""
        del self.received[: self._end]
        self.parser: Any = None
        self.request: Any = None
        self._head = self._end = self._piece = self.judged = 0
        self.begin_waiting()

    def begin_waiting(self) -> None:
        self._since = monotonic()
        self.deadline = self._since + HEAD_SECONDS

    @property
    def is_begun(self) -> bool:
        return self.stage is Stage.UNFINISHED and bool(self.received)

    @property
    def due(self) -> float:
        return self.sock.due if self.sock.owed else self.deadline

    def receive(self) -> bool:
        """False where the client has gone."""
        try:
            data = self.sock.recv(BLOCK)
        except BlockingIOError:
            return True
        self.received += data
        return bool(data)

    def read_head(self) -> Any:
        """The request, once its head is here. Raises what is wrong with it."""
        end = self.received.find(b"\r\n\r\n") + 4
        if end < 4 and self.received.count(b"\n") != self.received.count(b"\r\n"):
            end = len(self.received)  # gunicorn refuses a bare LF
        if max(end, len(self.received) if end < 4 else 0) > HEAD_BYTES:
            raise refused.head()
        if end < 4:
            return None
        self._head = self._end = end
        self._piece = end - 2
        self.parser = Parsed(self.cfg, self._blocks(), self._peer)
        self.request = next(self.parser)
        self._since = monotonic()
        return self.request

    def sender(self) -> str:
        """With whom the request is counted; the application is told the whole address."""
        forwarded = ",".join(value for name, value in self.request.headers if name == "X-FORWARDED-FOR")
        found = sender(self._peer[0], forwarded, settings().proxy)
        self.client = (found, *self._peer[1:])
        return counted(found)

    def body_is_here(self) -> bool:
        self.deadline = due(self._since, len(self.received) - self._head)
        reader = self.request.body.reader
        length = self._pieces_end() - self._head if isinstance(reader, ChunkedReader) else reader.length
        if length > BODY_BYTES:
            raise refused.body()
        self._end = self._head + length
        return len(self.received) >= self._end

    def _pieces_end(self) -> int:
        """Where the last piece ends, as far as is known: beyond what is here while one is still to come."""
        here = self.received
        while (eol := here.find(b"\r\n", self._piece + 2)) >= 0:
            size = _size(bytes(here[self._piece : eol]))
            if size is None:
                return len(here)  # gunicorn refuses it
            if size == 0:
                end = here.find(b"\r\n\r\n", eol)
                return end + 4 if end >= 0 else self._more_than(eol)
            self._piece = eol + 2 + size
        return max(self._piece + 2, self._more_than(self._piece))

    def _more_than(self, at: int) -> int:
        """A line that does not end is what gunicorn refuses too."""
        return len(self.received) + (len(self.received) - at < HEAD_BYTES)

    def _blocks(self) -> Iterator[bytes]:
        yield bytes(self.received[: self._head])
        for at in range(self._head, self._end, BLOCK):
            yield bytes(self.received[at : min(at + BLOCK, self._end)])


def _size(line: bytes) -> int | None:
    """Of the piece that begins so, after the end of the line before it."""
    digits = line.removeprefix(b"\r\n").partition(b";")[0]
    try:
        size = int(digits, 16)
    except ValueError:
        return None
    return size if line.startswith(b"\r\n") and size >= 0 else None
