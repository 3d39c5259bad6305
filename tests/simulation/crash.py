"""What does PostgreSQL see of a process: statements one after another, and at any of them its end?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from psycopg import Connection
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import dict_row

from data import db


class Lost(BaseException):
    """The process is no more. No `except Exception` of the product outlives it."""


class Process:
    """Connections of its own, and a statement before which it ends.

    It stands in for the product's pool: `with process.connection() as conn`.
    """

    now: datetime
    running: "Process"  # the one whose code is being executed
    between: Callable[["Process"], None]  # told before every statement

    def __init__(self) -> None:
        self.idle: list[Mortal] = []
        self.used: list[Mortal] = []
        self.statements = 0
        self.ends_before: int | None = None
        self.lost = False

    @contextmanager
    def connection(self) -> Iterator["Mortal"]:
        conn = self.open()
        try:
            yield conn
        finally:
            self.take_back(conn)

    def open(self) -> "Mortal":
        conn = self.idle.pop() if self.idle else _backend(self)
        self.used.append(conn)
        conn.set_clock(self.now)
        return conn

    def take_back(self, conn: "Mortal") -> None:
        if not self.lost and conn in self.used:
            self.used.remove(conn)
            self.idle.append(conn)

    def statement(self) -> None:
        """The next one is about to be sent."""
        Process.between(self)
        self.statements += 1
        if self.lost or self.statements == self.ends_before:
            self.lost = True
            raise Lost

    def begin(self, ends_before: int | None) -> None:
        self.statements, self.ends_before = 0, ends_before

    def bury(self, *, for_good: bool) -> None:
        """What was not committed is gone; `for_good`: the socket closes, as that of a killed process."""
        for conn in [*self.used, *self.idle]:
            if not conn.abandon(for_good=for_good):
                conn.end()
        self.idle = [conn for conn in [*self.used, *self.idle] if not conn.closed]
        self.used = []
        self.statements, self.ends_before, self.lost = 0, None, False

    def leave(self) -> None:
        for conn in [*self.used, *self.idle]:
            conn.end()


class Mortal(Connection[dict[str, Any]]):
    """Every round trip to the server is a statement: BEGIN, a query, COMMIT."""

    process: Process | None = None
    clock: datetime | None = None

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        if self.process is None:
            return super().wait(gen, *args, **kwargs)
        self.process.statement()
        return WAITING[-1](self, gen) if WAITING else super().wait(gen, *args, **kwargs)

    def wait_alone(self, gen: Any) -> Any:
        return super().wait(gen)

    def set_clock(self, now: datetime) -> None:
        if self.clock != now:
            said = [now.isoformat().encode()]
            self.pgconn.exec_params(b"SELECT set_config('app.now', $1, false)", said)
            self.clock = now

    def close(self) -> None:
        """The session ends; its backend serves the next one: a new one takes as long as a whole step."""
        if self.process is None:
            super().close()
        elif not self.process.lost:
            self.pgconn.exec_(b"SELECT pg_advisory_unlock_all()")
            self.process.take_back(self)

    def abandon(self, *, for_good: bool) -> bool:
        """What the server does when its client vanishes; False where it takes a closed socket."""
        busy = self.pgconn.pipeline_status != PipelineStatus.OFF
        if for_good or busy or self.pgconn.transaction_status == TransactionStatus.ACTIVE:
            return False
        self.pgconn.exec_(b"ROLLBACK")
        self.pgconn.exec_(b"SELECT pg_advisory_unlock_all()")
        self._num_transactions = 0  # the client's own count of what it had begun
        return True

    def end(self) -> None:
        super().close()


WAITING: list[Callable[[Mortal, Any], Any]] = []
"""How to wait for an answer while several processes take turns."""


# Plans are made once: here a statement that is planned anew costs more than one that is planned badly.
_LIMITS = f"{db._LIMITS} -c plan_cache_mode=force_generic_plan"


def _backend(process: Process) -> Mortal:
    conn = Mortal.connect(
        db.conninfo("cityops_replay", limits=_LIMITS), autocommit=True, row_factory=dict_row
    )
    conn.prepared_max, conn.prepare_threshold = 500, 1
    conn.process = process
    return conn


@contextmanager
def inhabited() -> Iterator[None]:
    """The product's connections are those of the process that is running; its clock is the simulation's."""
    Process.between = lambda process: None
    with (
        patch.object(db, "pools", lambda: SimpleNamespace(all=Process.running, acts=Process.running)),
        patch.object(db, "_borrowed", lambda process: process.connection()),
        patch.object(db, "connect", lambda *args, **kwargs: Process.running.open()),
        patch.object(db, "unhurried", lambda *args: Process.running.open()),
    ):
        yield
