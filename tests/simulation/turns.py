"""What happens when two processes work at once, each statement of either being a moment of its own?"""

import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from random import Random
from select import select
from typing import Any

from greenlet import getcurrent, greenlet
from psycopg.pq import TransactionStatus
from psycopg.waiting import Ready, Wait

from tests.simulation import crash
from tests.simulation.crash import Mortal, Process

GLANCE = 0.004  # seconds before anybody asks whether a statement waits for a lock
PATIENCE = 5.0

Do = Callable[[], Any]


class Stuck(AssertionError):
    """Everybody waits for a lock of somebody else."""


class Turns:
    """One thread: whoever is about to send a statement, or waits for a lock, hands over by the dice."""

    def __init__(self, dice: Random, blocked: Callable[[int], bool]) -> None:
        self.dice = dice
        self.blocked = blocked
        self.waiting: set[Process] = set()

    def take(self, parts: Sequence[tuple[Process, Do]]) -> list[Any]:
        """The answers, in the order of the parts."""
        self.stage = getcurrent()
        answers: dict[Process, Any] = {}
        acts = {process: greenlet(self._act(answers, process, do)) for process, do in parts}
        with self._directing():
            while live := [process for process, act in acts.items() if not act.dead]:
                process = self.dice.choice(self._free(live))
                Process.running = process
                acts[process].switch()
        return [answers[process] for process, _ in parts]

    def _act(
        self, answers: dict[Process, Any], process: Process, do: Callable[[], Any]
    ) -> Callable[[], None]:
        def act() -> None:
            answers[process] = do()
            self.waiting.clear()

        return act

    def _free(self, live: list[Process]) -> list[Process]:
        if free := [process for process in live if process not in self.waiting]:
            self.since = time.monotonic()
            return free
        if time.monotonic() - self.since > PATIENCE:
            raise Stuck("all wait for each other's locks")
        return live

    @contextmanager
    def _directing(self) -> Any:
        self.since = time.monotonic()
        before = Process.between
        Process.between = lambda process: self.stage.switch()
        crash.WAITING.append(self._wait)
        try:
            yield
        finally:
            crash.WAITING.pop()
            Process.between = before

    def _wait(self, conn: Mortal, gen: Any) -> Any:
        try:
            wanted = next(gen)
            while True:
                ready = _ready(conn, wanted)
                if ready == Ready.NONE and self.blocked(conn.pgconn.backend_pid):
                    self.waiting.add(conn.process)
                    self.stage.switch()
                else:
                    self.waiting.discard(conn.process)
                    wanted = gen.send(ready)
        except StopIteration as done:
            return done.value
        finally:
            self.waiting.discard(conn.process)
            if conn.pgconn.transaction_status == TransactionStatus.IDLE:
                self.waiting.clear()  # a transaction has ended: its locks are free


def _ready(conn: Mortal, wanted: Wait) -> Ready:
    socket = [conn.pgconn.socket]
    to_read, to_write = (socket if wanted & kind else [] for kind in (Wait.R, Wait.W))
    readable, writable, _ = select(to_read, to_write, [], GLANCE)
    return Ready((Ready.R if readable else 0) | (Ready.W if writable else 0))
