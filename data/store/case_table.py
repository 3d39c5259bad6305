"""How do cases leave as lines of a table?"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg import sql

from data.db import Conn
from data.domain.cases import After, Cases
from data.store.incidents import conditions

# `'` before what a spreadsheet would run, `="…"` around digits that are a name and no number.
_TEXT = """CASE WHEN ascii({0}) IN (61, 43, 45, 64, 9, 13) THEN '''' || {0}
  WHEN ascii({0}) BETWEEN 48 AND 57 AND {0} ~ '^(\\d{{12,}}|0\\d+)$' THEN '="' || {0} || '"' ELSE {0} END"""
_TIME = "replace({0}::text, ' ', 'T') || ':00'"  # the session's zone is UTC
_TRUTH = "CASE WHEN {0} THEN 'true' ELSE 'false' END"
_PLAIN = "{0}"
_HOLDER = """rtrim(concat(holder_place, '/', holder_department, '/', holder_seat), '/')"""

_WRITTEN = {
    **dict.fromkeys(("at", "known_at", "due"), _TIME),
    **dict.fromkeys(("overdue", "simulated"), _TRUTH),
    **dict.fromkeys(("id", "version", "severity", "stage", "placed", "state", "lon", "lat"), _PLAIN),
}
_COLUMNS = {"lon": "point[0]", "lat": "point[1]", "holder": _HOLDER}


def lines(
    conn: Conn, cases: Cases, columns: Sequence[str], as_of: datetime, limit: int, after: After | None
) -> tuple[list[bytes], After | None]:
    """Newest first by (at, id), each as a line of CSV without its end; and where the next ones begin. The
    first column is `id`."""
    wanted, values = conditions(cases, after)
    query = sql.SQL(
        "COPY (SELECT {cells}, %(as_of)s FROM incident WHERE {wanted}"
        " ORDER BY at DESC, id DESC LIMIT %(limit)s) TO STDOUT (FORMAT csv)"
    ).format(cells=sql.SQL(", ").join(_cell(name) for name in columns), wanted=wanted)
    given = values | {"as_of": as_of.isoformat(), "limit": limit}
    with conn.cursor() as cursor, cursor.copy(query, given) as copy:
        found = [bytes(line[:-1]) for line in copy]
    return found, _end(conn, found[-1]) if found else None


def _end(conn: Conn, line: bytes) -> After:
    last = UUID(line[:36].decode())
    row = conn.execute("SELECT at FROM incident WHERE id = %s", (last,)).fetchone()
    assert row is not None
    return After(row["at"], last)


def _cell(name: str) -> sql.SQL:
    column = _COLUMNS.get(name, name)
    return sql.SQL(_WRITTEN.get(name, _TEXT).format(column))
