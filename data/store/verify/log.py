"""What stands in the log of every case, case by case?"""

from collections.abc import Iterator

from psycopg import sql

from data.domain.chain import Link
from data.domain.event import COLUMNS, Event
from data.store.verify import Moment

AT_ONCE = 5_000  # events in memory

_COLUMNS = sql.SQL(", ").join(sql.Identifier("e", name) for name in (*COLUMNS, "hash"))


def links(now: Moment) -> Iterator[Link]:
    """By case and n, a few thousand at a time."""
    query = sql.SQL(
        "SELECT {}, i.version FROM event e LEFT JOIN incident i ON i.id = e.incident ORDER BY e.incident, e.n"
    ).format(_COLUMNS)
    with now.conn.cursor("links") as cursor:
        cursor.itersize = AT_ONCE
        for row in cursor.execute(query):
            version: int | None = row.pop("version")
            stands: str = row.pop("hash")
            yield Link(Event(**row), stands, version)
