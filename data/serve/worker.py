"""Who is given a thread? A request that is here as a whole; slow clients cost a socket and nothing more."""

import errno
import os
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE
from time import monotonic
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from data.config import settings
from data.domain.refusal import Refusal
from data.serve import refused
from data.serve.caps import Presence, Rate, Stage, Turns
from data.serve.connection import Connection

AT_ONCE = 64
LOOK_SECONDS = 0.25
WAITING_SECONDS = 1.0
LEAVING_SECONDS = 2.0
TELL_SECONDS = 10.0
LEAVING_BYTES = 32 << 20
MOST_WAITING = 512
BIG_BYTES, HELD_BYTES = 1 << 20, 32 << 20  # from here on it is asked what an address has sent in all
READING = frozenset({"GET", "HEAD", "OPTIONS"})
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Step = Callable[[Connection], None]


class Worker(ThreadWorker):  # type: ignore[misc]
    """Its loop receives, refuses, and sends what a client was slow to take."""

    def init_process(self) -> None:
        caps = settings().caps
        most = dict.fromkeys((Stage.UNFINISHED, Stage.IDLE), caps.unfinished)
        self._present = Presence(most | dict.fromkeys((Stage.WAITING, Stage.LEAVING), MOST_WAITING))
        self._writes = Rate(caps.writes)
        self._turns: Turns[Connection] = Turns(max(1, self.cfg.threads // 2))
        self._connections: set[Connection] = set()
        self._outside: dict[str | None, dict[Connection, None]] = defaultdict(dict)
        self._spare = os.open(os.devnull, os.O_RDONLY)
        self._looked = self._told = 0.0
        self._refused: Counter[str] = Counter()
        super().init_process()

    # a client comes

    def accept(self, listener: Any) -> None:
        for _ in range(AT_ONCE):
            try:
                accepted, peer = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as wrong:
                if wrong.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                return self._turn_away(listener)
            self._welcome(Connection(self.cfg, accepted, peer, listener.getsockname()))

    def _turn_away(self, listener: Any) -> None:
        """No file is left but the spare one, and that perhaps neither."""
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        with suppress(OSError), listener.accept()[0] as accepted:
            accepted.setblocking(False)
            accepted.sendall(refused.answer(refused.files()))
            accepted.shutdown(socket.SHUT_WR)
        try:
            self._spare = os.open(os.devnull, os.O_RDONLY)
        except OSError:
            time.sleep(LOOK_SECONDS)

    def _welcome(self, conn: Connection) -> None:
        self.nr_conns += 1
        self._connections.add(conn)
        if self._present.enter(conn.address, conn.stage):
            self._watch(conn, EVENT_READ, self._more)
        else:
            self._keep_outside(conn)

    def _keep_outside(self, conn: Connection) -> None:
        """A burst is let in within a moment; who still has too many open then is refused."""
        self._unwatch(conn)
        conn.deadline = monotonic() + WAITING_SECONDS
        if self._move(conn, Stage.WAITING):
            self._outside[conn.address][conn] = None
        else:
            self._drop(conn)

    def _let_in(self, address: str | None) -> None:
        while address in self._outside and not self._present.is_full(address, Stage.UNFINISHED):
            conn = next(iter(self._outside[address]))
            self._move(conn, Stage.UNFINISHED)
            conn.begin_waiting()
            self.method_queue.defer(self._take, self._go_on, conn)

    # a client sends

    def _more(self, conn: Connection) -> None:
        if not conn.receive():
            self._drop(conn)
        elif conn.stage is Stage.LEAVING:
            self._discard(conn)
        elif conn.stage is Stage.IDLE and not self._move(conn, Stage.UNFINISHED):
            self._keep_outside(conn)
        else:
            self._go_on(conn)

    def _go_on(self, conn: Connection) -> None:
        try:
            self._admit(conn)
        except Refusal as refusal:
            self._refuse(conn, refusal)
        except OSError:
            raise
        except Exception as wrong:
            self.handle_error(None, conn.sock, conn.client, wrong)
            self._part(conn)

    def _admit(self, conn: Connection) -> None:
        self._watch(conn, EVENT_READ, self._more)
        if conn.request is None:
            if (request := conn.read_head()) is None:
                return
            address = conn.sender()
            if request.method not in READING and not self._writes.take(address, monotonic()):
                raise refused.writes()
            if not self._put(conn, address, Stage.UNFINISHED):
                return self._keep_outside(conn)
        if conn.body_is_here():
            self._enqueue(conn)
        else:
            self._expect(conn)

    def _expect(self, conn: Connection) -> None:
        if len(conn.received) > conn.judged + BIG_BYTES:
            conn.judged = len(conn.received)
            if self._held(conn.address) > HELD_BYTES:
                raise refused.connections()
        if conn.request._expected_100_continue:
            conn.request._expected_100_continue = False
            conn.sock.sendall(CONTINUE)

    def _held(self, address: str | None) -> int:
        return sum(len(conn.received) for conn in self._connections if conn.address == address)

    # a client is refused

    def _refuse(self, conn: Connection, refusal: Refusal) -> None:
        self._refused[refusal.code] += 1
        first_line = bytes(conn.received.partition(b"\r\n")[0])
        self._part(conn, refused.answer(refusal, first_line))

    def _part(self, conn: Connection, last_words: bytes = b"") -> None:
        """What still comes is thrown away, else what is on its way to the client would be lost."""
        conn.discarded, conn.deadline = 0, monotonic() + LEAVING_SECONDS
        if not self._move(conn, Stage.LEAVING):
            return self._drop(conn)
        self._watch(conn, EVENT_READ, self._more)
        conn.sock.sendall(last_words)
        conn.sock.shutdown(socket.SHUT_WR)
        self._discard(conn)

    def _discard(self, conn: Connection) -> None:
        conn.discarded += len(conn.received)
        conn.received.clear()
        if conn.discarded > LEAVING_BYTES:
            self._drop(conn)

    # a request is answered

    def _enqueue(self, conn: Connection) -> None:
        """Half of the threads are kept for other addresses."""
        self._unwatch(conn)
        conn.answering = True
        if self._present.is_full(conn.own, Stage.IDLE):
            conn.request.force_close()
        if self._turns.take(conn.address, conn):
            self.enqueue_req(conn)

    def finish_request(self, conn: Connection, future: "Future[bool]") -> None:
        if (following := self._turns.give(conn.address)) is not None:
            self.enqueue_req(following)
        conn.answering = False
        done = not future.cancelled() and future.exception() is None
        conn.keep = done and future.result() and self.alive
        if conn.sock.fileno() < 0:  # it is a stream now
            self._drop(conn)
        else:
            self._take(self._flush, conn)

    def _flush(self, conn: Connection) -> None:
        conn.sock.flush()
        if conn.sock.owed:
            self._watch(conn, EVENT_WRITE, self._flush)
        elif not conn.keep:
            self._part(conn)
        else:
            self._rest(conn)

    def _rest(self, conn: Connection) -> None:
        """Until its next request it is nobody's but its own: a proxy serves another client with it."""
        conn.begin()
        if conn.received:
            self._put(conn, conn.own, Stage.UNFINISHED)
            return self._go_on(conn)
        conn.deadline = monotonic() + self.cfg.keepalive
        if self._put(conn, conn.own, Stage.IDLE):
            self._watch(conn, EVENT_READ, self._more)
        else:
            self._part(conn)

    # where a connection stands

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(min(timeout, LOOK_SECONDS) if self._outside else timeout)

    def murder_pending(self) -> None:
        """gunicorn calls this in every turn of its loop."""
        if (now := monotonic()) < self._looked + LOOK_SECONDS:
            return
        self._looked = now
        self._tell_refused(now)
        for conn in tuple(self._connections):
            if not conn.answering and (now > conn.due or not (self.alive or conn.is_begun)):
                self._take(self._end, conn)

    def _end(self, conn: Connection) -> None:
        """Its time is over. Who has said nothing is told nothing."""
        if conn.stage is Stage.WAITING:
            conn.receive()
        if not conn.received or conn.sock.owed:
            self._drop(conn)
        else:
            self._refuse(conn, refused.connections() if conn.stage is Stage.WAITING else refused.slow())

    def _tell_refused(self, now: float) -> None:
        if self._refused and now > self._told + TELL_SECONDS:
            self.log.warning("refused before they reached the application: %s", dict(self._refused))
            self._refused.clear()
            self._told = now

    def _move(self, conn: Connection, stage: Stage) -> bool:
        return self._put(conn, conn.address, stage)

    def _put(self, conn: Connection, address: str | None, stage: Stage) -> bool:
        before, after = (conn.address, conn.stage), (address, stage)
        if before == after:
            return True
        conn.address, conn.stage = after
        fits = self._present.enter(*after)
        self._leave(conn, *before)
        return fits

    def _leave(self, conn: Connection, address: str | None, stage: Stage) -> None:
        self._present.leave(address, stage)
        if stage is Stage.WAITING and address in self._outside:
            self._outside[address].pop(conn, None)
            if not self._outside[address]:
                del self._outside[address]
        elif stage is Stage.UNFINISHED:
            self._let_in(address)

    def _watch(self, conn: Connection, events: int, step: Step) -> None:
        if conn.watched != step:
            put = self.poller.register if conn.watched is None else self.poller.modify
            put(conn.sock, events, partial(self._take, step, conn))
            conn.watched = step

    def _unwatch(self, conn: Connection) -> None:
        if conn.watched is not None:
            self.poller.unregister(conn.sock)
            conn.watched = None

    def _take(self, step: Step, conn: Connection, _sock: Any = None) -> None:
        """Whatever a client does to its connection ends that one alone."""
        try:
            if conn in self._connections:
                step(conn)
        except OSError:
            self._drop(conn)

    def _drop(self, conn: Connection) -> None:
        if conn in self._connections:
            self._connections.remove(conn)
            self._unwatch(conn)
            self.nr_conns -= 1
            self._leave(conn, conn.address, conn.stage)
            conn.parser = conn.request = None
            conn.received.clear()
            conn.close()
