"""How do cases leave as lines of a table?"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg import sql

from data.db import Conn
from data.domain.cases import After, Cases
from data.domain.spreadsheet import FORMULA, HARMLESS, LONG, NO_DIGIT
from data.store.incidents import conditions

# As `spreadsheet.cell`. What most begin with comes first, a search in the text last.
TEXT = f"""CASE WHEN {{0}} >= '{HARMLESS}' COLLATE "C" THEN {{0}}
  WHEN ascii({{0}}) IN ({", ".join(str(ord(sign)) for sign in FORMULA)}) THEN '''' || {{0}}
  WHEN (length({{0}}) >= {LONG} OR {{0}} LIKE '0_%%') AND {{0}} !~ '{NO_DIGIT}' THEN '="' || {{0}} || '"'
  ELSE {{0}} END"""
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
_ID = 36  # characters; a time has not always as many, so that it is asked for


def lines(
    conn: Conn, cases: Cases, columns: Sequence[str], as_of: datetime, limit: int, after: After | None
) -> tuple[list[bytes], After | None]:
    """Newest first by (at, id), each as a line of CSV without its end; and where the next ones begin."""
    wanted, values = conditions(cases, after)
    query = sql.SQL(
        "COPY (SELECT id, {cells}, %(as_of)s FROM incident WHERE {wanted}"
        " ORDER BY at DESC, id DESC LIMIT %(limit)s) TO STDOUT (FORMAT csv)"
    ).format(cells=sql.SQL(", ").join(_cell(name) for name in columns), wanted=wanted)
    given = values | {"as_of": as_of.isoformat(), "limit": limit}
    found, last = [], b""
    with conn.cursor() as cursor, cursor.copy(query, given) as copy:
        for line in copy:
            found.append(bytes(line[_ID + 1 : -1]))
            last = bytes(line[:_ID])
    return found, _after(conn, UUID(last.decode())) if found else None


def _after(conn: Conn, last: UUID) -> After:
    row = conn.execute("SELECT at FROM incident WHERE id = %s", (last,)).fetchone()
    assert row is not None
    return After(row["at"], last)


def _cell(name: str) -> sql.SQL:
    column = _COLUMNS.get(name, name)
    return sql.SQL(_WRITTEN.get(name, TEXT).format(column))
