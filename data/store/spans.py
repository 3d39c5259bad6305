"""From when until when was a case in which state, and whom does it concern?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from data.db import Conn
from data.store.rows import insert


def write(conn: Conn, spans: Sequence[Mapping[str, Any]]) -> None:
    insert(conn, "span", spans)


def close(conn: Conn, incident: UUID, at: datetime) -> None:
    """Ends the open span. One that lasts no time becomes an empty range, which no question ever meets."""
    conn.execute(
        "UPDATE span SET during = tstzrange(lower(during), greatest(lower(during), %s))"
        " WHERE incident = %s AND upper_inf(during) AND NOT isempty(during) AND upper_inf(known)",
        (at, incident),
    )


def add_audience(conn: Conn, seats: Sequence[Mapping[str, Any]]) -> None:
    """Each seat once a case; `since` is the first time."""
    insert(conn, "audience", seats)
