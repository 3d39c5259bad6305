"""What has happened to cases, in which order, and what is new since somebody last looked?"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import sql

from data.db import Conn, Row
from data.domain.event import COLUMNS, Event, chained
from data.store.rows import insert, under

_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, (*COLUMNS, "hash")))
START = ("0", 0)
"""Before the first event."""


def append(conn: Conn, events: Sequence[Event], last: str = "") -> None:
    """One case's events in order or several cases' whole lives; `last` = the hash they continue."""
    insert(conn, "event", [_columns(event) | {"hash": hash_} for event, hash_ in _chain(events, last)])


def _columns(event: Event) -> dict[str, Any]:
    """Unlike `asdict` without copying what lies within."""
    return {name: getattr(event, name) for name in COLUMNS}


def _chain(events: Sequence[Event], last: str) -> list[tuple[Event, str]]:
    bound: list[tuple[Event, str]] = []
    hashes: dict[UUID, str] = {}
    for event in events:
        hashes[event.incident] = chained(hashes.get(event.incident, last), event)
        bound.append((event, hashes[event.incident]))
    return bound


def of(conn: Conn, incident: UUID) -> list[Row]:
    return conn.execute(
        sql.SQL("SELECT {} FROM event WHERE incident = %s ORDER BY n").format(_COLUMNS),
        (incident,),
    ).fetchall()


def last(conn: Conn, incident: UUID) -> Row:
    """Its time and hash; every case has one."""
    row = conn.execute(
        "SELECT at, hash FROM event WHERE incident = %s ORDER BY n DESC LIMIT 1", (incident,)
    ).fetchone()
    assert row is not None
    return row


def since(conn: Conn, last: tuple[str, int] = START, limit: int = 1000) -> list[Row]:
    """What was committed after `(xid, seq)`, in that order; loses nothing to writers that commit late."""
    return conn.execute(
        sql.SQL(
            """SELECT xid::text AS xid, seq, {} FROM event
               WHERE (xid, seq) > (%s::xid8, %s) AND xid < pg_snapshot_xmin(pg_current_snapshot())
               ORDER BY xid, seq LIMIT %s"""
        ).format(_COLUMNS),
        (*last, limit),
    ).fetchall()


def recent(conn: Conn, path: str, limit: int) -> list[Row]:
    """The newest acts in a subtree, the newest first, each with its case's path and class."""
    return conn.execute(
        """SELECT e.id, e.at, e.act, i.path, i.severity, i.class, i.simulated,
                  (SELECT jsonb_build_object('zh', c.name_zh, 'en', c.name_en) FROM class c
                   WHERE c.code = i.class ORDER BY c.no LIMIT 1) AS class_name
           FROM (SELECT id FROM event WHERE path >= %s AND path < %s
                 ORDER BY at DESC, seq DESC LIMIT %s) newest
           JOIN event e USING (id) JOIN incident i ON i.id = e.incident
           ORDER BY e.at DESC, e.seq DESC""",
        (*under(path), limit),
        prepare=True,
    ).fetchall()
