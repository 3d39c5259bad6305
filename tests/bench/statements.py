"""Which statements does a piece of the product send, and how long do they take on a bare connection?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, Cursor, sql


@dataclass(frozen=True)
class Statement:
    query: bytes
    values: Any
    prepare: bool | None


def recorded(act: Callable[[], object]) -> list[Statement]:
    """In the order in which the cursors of this process sent them; what sets a connection up is left out."""
    sent: list[Statement] = []
    with _listening(sent):
        act()
    return [one for one in sent if not one.query.startswith(b"SET ")]


@contextmanager
def _listening(sent: list[Statement]) -> Iterator[None]:
    real = Cursor.execute

    def execute(self: Any, query: Any, params: Any = None, *, prepare: Any = None, binary: Any = None) -> Any:
        sent.append(Statement(_bytes(query), params, prepare))
        return real(self, query, params, prepare=prepare, binary=binary)

    Cursor.execute = execute  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Cursor.execute = real  # type: ignore[method-assign]


def _bytes(query: Any) -> bytes:
    if isinstance(query, sql.Composable):
        return query.as_bytes(None)
    return query.encode() if isinstance(query, str) else bytes(query)


def bare(conninfo: str) -> Connection[tuple[Any, ...]]:
    return psycopg.connect(conninfo, autocommit=True)


def send(conn: Connection[tuple[Any, ...]], statements: list[Statement]) -> None:
    """Every value is fetched, nothing is done with it."""
    for one in statements:
        conn.execute(one.query, one.values, prepare=one.prepare).fetchall()
