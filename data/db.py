"""How does a process reach PostgreSQL, and how long does it wait for it?"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple, TypeVar

import orjson
from psycopg import Connection, InterfaceError, OperationalError
from psycopg.abc import RV, PQGen
from psycopg.conninfo import make_conninfo
from psycopg.errors import (
    AdminShutdown,
    DiskFull,
    NumericValueOutOfRange,
    SequenceGeneratorLimitExceeded,
    UndefinedTable,
    _WaitTimeout,
)
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import ConnectionPool

from data.config import Refused, Role, settings

set_json_loads(orjson.loads)

Row = dict[str, Any]
Conn = Connection[Row]
Found = TypeVar("Found")

CHANNEL = "cityops"
CHECK_SECONDS = 0.5
POOL_SECONDS = 2.0
STATEMENT_SECONDS = 30.0
SERVER_FIRST = 0.15  # the server may say itself that time is up: its connection then stays usable
ACTS = 4


class Late(OperationalError):
    """The database did not answer in the time that whoever asks has."""


OUTAGE: tuple[type[Exception], ...] = (OperationalError, InterfaceError, Refused, UndefinedTable)
"""What is raised when the database is away, busy, full, was never started or is still empty."""
SPENT: tuple[type[Exception], ...] = (SequenceGeneratorLimitExceeded, NumericValueOutOfRange)
"""What is raised when a counter has come to its end."""


def is_full(outage: Exception) -> bool:
    return isinstance(outage, DiskFull)


def is_broken(outage: BaseException) -> bool:
    """The connection ended while it was used: another one may do better at once."""
    if isinstance(outage, AdminShutdown | InterfaceError):
        return True
    return type(outage) is OperationalError and outage.sqlstate is None


def twice(ask: Callable[[], Found]) -> Found:
    """A question whose connection breaks is asked once more; never for anything that writes."""
    try:
        return ask()
    except OUTAGE as broken:
        if not is_broken(broken):
            raise
    return ask()


# ── how long somebody waits ─────────────────────────────────────────────────────────────────────
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Whatever the database and the line to it do, what is asked inside ends in time or raises Late."""
    outer, deadline = _deadline.get(), monotonic() + seconds
    token = _deadline.set(deadline if outer is None else min(outer, deadline))
    try:
        yield
    finally:
        _deadline.reset(token)


def left(most: float) -> float:
    """Seconds that whoever asks still has, at most so many."""
    deadline = _deadline.get()
    return most if deadline is None else max(0.0, min(most, deadline - monotonic()))


class Patient(Connection[Row]):
    """Waits no longer than `within` allows, and never much longer than a statement may take: a line that
    swallows bytes says nothing, for ever."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        most = left(STATEMENT_SECONDS + 10) + SERVER_FIRST
        if timeout is not None and timeout < most:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, most)
        except _WaitTimeout:
            self.close()
            raise Late("the database does not answer in time") from None


# ── connections ─────────────────────────────────────────────────────────────────────────────────
_KEEPALIVE = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_ZONE = "-c TimeZone=UTC -c jit=off"
_LIMITS = (
    f"-c statement_timeout={STATEMENT_SECONDS:g}s -c lock_timeout=5s"
    " -c idle_in_transaction_session_timeout=15s -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2"
    f" -c tcp_keepalives_count=3 {_ZONE}"
)
"""What a process leaves open when it is frozen or cut off ends by itself, its locks with it."""
_ALONE = f"{_LIMITS} -c max_parallel_workers_per_gather=0"
"""Many ask at once: nobody takes several cores for one answer."""


def conninfo(role: Role = "cityops_app", *, limits: str = _LIMITS) -> str:
    return make_conninfo(
        settings().dsn_for(role), connect_timeout=3, application_name=role, options=limits, **_KEEPALIVE
    )


class _Pools(NamedTuple):
    """`acts`: of their own, open from the beginning; however many read, a report gets through."""

    all: ConnectionPool[Patient]
    acts: ConnectionPool[Patient]


_pools: dict[int, _Pools] = {}
_opening = Lock()


def pools() -> _Pools:
    """This process's connections, opened at first use: a fork begins with none."""
    with _opening:
        if os.getpid() not in _pools:
            _pools[os.getpid()] = _Pools(
                _opened("cityops", (1, settings().connections - ACTS), _ALONE),
                _opened("cityops-acts", (ACTS, ACTS), f"{_ALONE} -c lock_timeout=2s"),
            )
        return _pools[os.getpid()]


def _opened(name: str, sizes: tuple[int, int], limits: str) -> ConnectionPool[Patient]:
    return ConnectionPool(
        conninfo(limits=limits),
        connection_class=Patient,
        min_size=sizes[0],
        max_size=sizes[1],
        max_idle=120,
        max_lifetime=86_400,
        reconnect_timeout=2,  # then whoever asks next tries anew, without the pool's growing pauses
        kwargs={"row_factory": dict_row, "autocommit": True},
        open=True,
        name=name,
    )


@contextmanager
def _borrowed(pool: ConnectionPool[Patient]) -> Iterator[Patient]:
    conn = _sound(pool)
    try:
        with conn:
            yield conn
    finally:
        pool.putconn(conn)


def _sound(pool: ConnectionPool[Patient]) -> Patient:
    """Without the pool's own pauses: after a restart of the database all of them are dead at once."""
    deadline = monotonic() + left(POOL_SECONDS)
    while True:
        conn = pool.getconn(timeout=deadline - monotonic())
        try:
            _limit(conn)
        except OUTAGE:
            conn.close()
            pool.putconn(conn)
        except BaseException:
            pool.putconn(conn)
            raise
        else:
            return conn


def _limit(conn: Patient) -> None:
    """Proves that the connection answers, and tells the server how long whoever asks waits."""
    milliseconds = max(1, round(left(STATEMENT_SECONDS) * 1000))
    with within(CHECK_SECONDS):
        conn.execute(f"SET statement_timeout = {milliseconds}", prepare=False)


def close() -> None:
    """Ends this process's pools; the next use opens others."""
    with _opening:
        ended = _pools.pop(os.getpid(), ())
    for pool in ended:
        pool.close(timeout=2)


@contextmanager
def read() -> Iterator[Conn]:
    """A pooled connection in autocommit: every statement sees the newest commit; or the moment's."""
    if held := _held.get():
        yield held
    else:
        with _borrowed(pools().all) as conn:
            yield conn


@contextmanager
def transaction() -> Iterator[Conn]:
    """Everything inside is stored together, or nothing."""
    with _borrowed(pools().all) as conn, conn.transaction():
        yield conn


@contextmanager
def act() -> Iterator[Conn]:
    """The same for what a person does: on connections that nobody else can take away."""
    with _borrowed(pools().acts) as conn, conn.transaction():
        yield conn


_held: ContextVar[Conn | None] = ContextVar("held", default=None)


@contextmanager
def moment() -> Iterator[None]:
    """Every `read` inside sees the same one, and can write nothing."""
    with _borrowed(pools().all) as conn, conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        token = _held.set(conn)
        try:
            yield
        finally:
            _held.reset(token)


def connect(role: Role = "cityops_app", *, limits: str = _LIMITS) -> Conn:
    """A connection of its own, in autocommit; whoever opens it closes it."""
    return Patient.connect(conninfo(role, limits=limits), autocommit=True, row_factory=dict_row)


def unhurried(role: Role = "cityops_app") -> Conn:
    """A connection of its own that nothing ends but who opened it; in UTC."""
    return Connection.connect(conninfo(role, limits=_ZONE), autocommit=True, row_factory=dict_row)


def owner() -> Conn:
    """The owner's, for migrations and loading a city; without a statement timeout."""
    return unhurried("cityops_owner")


def replay(at: datetime | None = None) -> Conn:
    """A session whose `city_now()` says `at`; simulation and history only."""
    conn = unhurried("cityops_replay")
    if at is not None:
        set_now(conn, at)
    return conn


def set_now(conn: Conn, at: datetime) -> None:
    conn.execute("SELECT set_config('app.now', %s, false)", (at.isoformat(),))


def listen(*channels: str) -> Conn:
    """A connection that waits for the given channels."""
    conn = connect(limits=_ZONE)
    for channel in channels or (CHANNEL,):
        conn.execute(f'LISTEN "{channel}"')
    return conn
