"""How does a process reach PostgreSQL, and how does it tell others that something changed?"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from selectors import EVENT_READ, DefaultSelector
from threading import Lock
from time import monotonic
from typing import Any

from psycopg import Connection, InterfaceError, OperationalError
from psycopg.conninfo import make_conninfo
from psycopg.errors import DiskFull, UndefinedTable
from psycopg.pq import ExecStatus
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from data.config import Refused, Role, settings

Row = dict[str, Any]
Conn = Connection[Row]

CHANNEL = "cityops"
PAYLOAD_BYTES = 7_000  # NOTIFY refuses 8,000
CHECK_SECONDS = 1.0

OUTAGE: tuple[type[Exception], ...] = (
    OperationalError, InterfaceError, PoolTimeout, PoolClosed, Refused, UndefinedTable,
)  # fmt: skip
"""What is raised when the database is away, busy, full, was never started or is still empty."""


def is_full(outage: Exception) -> bool:
    return isinstance(outage, DiskFull)


_KEEPALIVE = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_ZONE = "-c TimeZone=UTC -c jit=off"
_LIMITS = f"-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s {_ZONE}"


def conninfo(role: Role = "cityops_app", *, limits: str = _LIMITS) -> str:
    return make_conninfo(
        settings().dsn_for(role), connect_timeout=5, application_name=role, options=limits, **_KEEPALIVE
    )


_pools: dict[int, ConnectionPool[Conn]] = {}
_opening = Lock()


def pool() -> ConnectionPool[Conn]:
    """This process's connections, opened at first use: a fork begins with none."""
    with _opening:
        if os.getpid() not in _pools:
            _pools[os.getpid()] = _opened()
        return _pools[os.getpid()]


def _opened() -> ConnectionPool[Conn]:
    return ConnectionPool(
        conninfo(),
        min_size=1,
        max_size=20,
        timeout=5,
        max_idle=120,
        kwargs={"row_factory": dict_row, "autocommit": True},
        check=_check,
        open=True,
        name="cityops",
    )


def _check(conn: Conn) -> None:
    """Like the pool's own check, but a server that is frozen is not waited for."""
    asked, deadline = conn.pgconn, monotonic() + CHECK_SECONDS
    asked.send_query(b"")
    asked.flush()
    while asked.is_busy():
        if not _is_readable(asked.socket, deadline - monotonic()):
            conn.close()
            raise OperationalError("the database does not answer")
        asked.consume_input()
    while result := asked.get_result():
        if result.status != ExecStatus.EMPTY_QUERY:
            raise OperationalError(result.error_message.decode(errors="replace"))


def _is_readable(socket: int, seconds: float) -> bool:
    with DefaultSelector() as selector:
        selector.register(socket, EVENT_READ)
        return bool(selector.select(max(seconds, 0)))


def close() -> None:
    """Ends this process's pool; the next use opens another."""
    with _opening:
        ended = _pools.pop(os.getpid(), None)
    if ended is not None:
        ended.close(timeout=2)


@contextmanager
def read(*, wait: float | None = None) -> Iterator[Conn]:
    """A pooled connection in autocommit: every statement sees the newest commit. `wait`: seconds for it."""
    with pool().connection(wait) as conn:
        yield conn


@contextmanager
def transaction() -> Iterator[Conn]:
    """Everything inside is stored together, or nothing."""
    with pool().connection() as conn, conn.transaction():
        yield conn


@contextmanager
def snapshot() -> Iterator[Conn]:
    """Everything inside sees one moment, and can write nothing."""
    with pool().connection() as conn, conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield conn


def connect(role: Role = "cityops_app", *, limits: str = _LIMITS) -> Conn:
    """A connection of its own, in autocommit; whoever opens it closes it."""
    return Connection.connect(conninfo(role, limits=limits), autocommit=True, row_factory=dict_row)


def owner() -> Conn:
    """The owner's, for migrations and loading a city; without a statement timeout."""
    return connect("cityops_owner", limits=_ZONE)


def replay(at: datetime | None = None) -> Conn:
    """A session whose `city_now()` says `at`; simulation and history only."""
    conn = connect("cityops_replay", limits=_ZONE)
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


def notify(conn: Conn, kind: str, paths: Iterable[str]) -> None:
    """Wakes every hub at commit. Too many paths are cut to the tier above until they fit."""
    xid = conn.execute("SELECT pg_current_xact_id()::text AS xid").fetchone()
    assert xid is not None
    payload = _payload(kind, xid["xid"], sorted(set(paths)))
    conn.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))


def _payload(kind: str, xid: str, paths: list[str]) -> str:
    text = json.dumps({"kind": kind, "xid": xid, "paths": paths}, separators=(",", ":"))
    while len(text.encode()) > PAYLOAD_BYTES:
        deepest = max(path.count("/") for path in paths)
        paths = sorted({_above(path) if path.count("/") == deepest else path for path in paths})
        text = json.dumps({"kind": kind, "xid": xid, "paths": paths}, separators=(",", ":"))
    return text


def _above(path: str) -> str:
    """4201/420106/ → 4201/"""
    return path.rstrip("/").rpartition("/")[0] + "/" if path.count("/") > 1 else path
