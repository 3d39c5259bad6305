"""How do cases stand now?"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import sql

from data.db import Conn, Row
from data.domain.cases import After, Cases
from data.domain.incident import Standing
from data.store.rows import insert, inside, under

INCIDENT = sql.SQL(
    """id, number, version, class, severity, state, stage, place, path, point[0] AS lon, point[1] AS lat,
    placed, at, known_at, due, overdue,
    CASE WHEN holder_place IS NOT NULL THEN jsonb_build_object(
        'place', holder_place, 'department', holder_department, 'seat', holder_seat) END AS holder,
    source, source_id, description, sign, asset, simulated"""
)


def find(conn: Conn, incident: UUID) -> Row | None:
    return conn.execute(_one("id = %s"), (incident,)).fetchone()


def lock(conn: Conn, incident: UUID) -> Row | None:
    """Until the transaction ends nobody else moves the case."""
    return conn.execute(_one("id = %s FOR UPDATE"), (incident,)).fetchone()


def by_source(conn: Conn, source: str, source_id: str) -> Row | None:
    return conn.execute(_one("source = %s AND source_id = %s"), (source, source_id)).fetchone()


def _one(condition: str) -> sql.Composed:
    return sql.SQL("SELECT {} FROM incident WHERE {}").format(INCIDENT, sql.SQL(condition))


def contents(conn: Conn, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    """Of cases already filed under (source, source_id): `{id, content}`, the fingerprint of the report."""
    rows = conn.execute(
        """SELECT i.source, i.source_id, i.id, e.payload ->> 'content' AS content
           FROM unnest(%s::text[], %s::text[]) k(source, source_id)
           JOIN incident i USING (source, source_id) JOIN event e ON e.incident = i.id AND e.n = 1""",
        ([source for source, _ in keys], [source_id for _, source_id in keys]),
    )
    return {(row["source"], row["source_id"]): row for row in rows}


def numbers(conn: Conn, count: int) -> list[int]:
    rows = conn.execute("SELECT nextval('incident_number') AS n FROM generate_series(1, %s)", (count,))
    return [row["n"] for row in rows]


def add(conn: Conn, rows: Sequence[Mapping[str, Any]]) -> set[UUID]:
    """The ids of those whose (source, source_id) was not taken."""
    return {row["id"] for row in insert(conn, "incident", rows, returning="id")}


def save(conn: Conn, incident: UUID, standing: Standing, *, overdue: bool) -> None:
    holder = standing.holder
    conn.execute(
        """UPDATE incident SET version = %(version)s, state = %(state)s, stage = %(stage)s, open = %(open)s,
                  severity = %(severity)s, overdue = %(overdue)s, holder_place = %(place)s,
                  holder_department = %(department)s, holder_seat = %(seat)s WHERE id = %(id)s""",
        {
            "id": incident, "version": standing.version, "state": standing.state, "stage": standing.stage,
            "open": standing.is_open, "severity": standing.severity, "overdue": overdue,
            "place": holder and holder.place, "department": holder and holder.department,
            "seat": holder and holder.seat,
        },
    )  # fmt: skip


def sweep_overdue(conn: Conn, limit: int = 1000) -> list[str]:
    """Marks open cases that are past due, the longest overdue first; answers their paths."""
    rows = conn.execute(
        """UPDATE incident SET overdue = true WHERE id IN (
             SELECT id FROM incident WHERE open AND NOT overdue AND due <= city_now()
             ORDER BY due LIMIT %s FOR UPDATE SKIP LOCKED)
           RETURNING path""",
        (limit,),
    )
    return [row["path"] for row in rows]


def page(conn: Conn, cases: Cases, limit: int, after: After | None = None) -> list[Row]:
    """Newest first by (at, id)."""
    wanted, values = conditions(cases, after)
    query = sql.SQL("SELECT {} FROM incident WHERE {} ORDER BY at DESC, id DESC LIMIT %(limit)s")
    return conn.execute(query.format(INCIDENT, wanted), values | {"limit": limit}, binary=True).fetchall()


def conditions(cases: Cases, after: After | None) -> tuple[sql.Composable, dict[str, Any]]:
    """Of those that come after `after`, newest first."""
    wanted, values = _where(cases)
    if after is None:
        return wanted, values
    later = sql.SQL("{} AND (at, id) < (%(after_at)s, %(after_id)s)").format(wanted)
    return later, values | {"after_at": after.at, "after_id": after.id}


def count(conn: Conn, cases: Cases, most: int) -> int:
    """No further than `most`: a list that long is not read to its end."""
    conditions, values = _where(cases)
    query = sql.SQL("SELECT count(*) AS n FROM (SELECT FROM incident WHERE {} LIMIT %(most)s) listed")
    row = conn.execute(query.format(conditions), values | {"most": most}).fetchone()
    assert row is not None
    return int(row["n"])


_KEYS = {
    "place": "nullif(split_part(path, '/', %(tier)s), '')",
    # No zone's hours begin in between, and a zone asked for every row costs more than all the rest.
    "hour": "date_bin('15 minutes', at, 'epoch')",
    "class": "class",
    "state": "state",
    "severity": "severity",
}
_NAMES = {
    "place": "SELECT code, name_zh, name_en FROM place",
    "class": "SELECT DISTINCT ON (code) code, name_zh, name_en FROM class ORDER BY code, no",
}
_NAMELESS = "SELECT NULL::text AS code, NULL::text AS name_zh, NULL::text AS name_en WHERE false"


def counts(conn: Conn, cases: Cases, by: str, *, tier: int, timezone: str) -> list[Row]:
    """`{key, name, n}` in the keys' order, what has no key last."""
    conditions, values = _where(cases)
    query = sql.SQL(
        """WITH parts AS (SELECT {key} AS part, count(*) AS n FROM incident WHERE {conditions} GROUP BY 1),
                counted AS (SELECT {whole} AS key, sum(n)::bigint AS n FROM parts GROUP BY 1),
                names AS ({names})
           SELECT key, n, CASE WHEN names.code IS NOT NULL
                          THEN jsonb_build_object('zh', name_zh, 'en', name_en) END AS name
           FROM counted LEFT JOIN names ON names.code = counted.key::text
           ORDER BY {order} NULLS LAST"""
    ).format(
        key=sql.SQL(_KEYS[by]),
        whole=sql.SQL("date_trunc('hour', part, %(timezone)s)" if by == "hour" else "part"),
        conditions=conditions,
        names=sql.SQL(_NAMES.get(by, _NAMELESS)),
        order=sql.SQL('key COLLATE "C"' if by in ("place", "class", "state") else "key"),
    )
    return conn.execute(query, values | {"tier": tier, "timezone": timezone}).fetchall()


_OPEN = """
SELECT grouping(stage) = 1 AS below, severity, stage, nullif(split_part(path, '/', %(tier)s), '') AS place,
       count(*) AS n, count(*) FILTER (WHERE overdue) AS overdue, min(severity) AS worst
FROM incident WHERE open AND {inside} GROUP BY GROUPING SETS ((severity, stage), (4))
ORDER BY severity NULLS LAST, stage, place"""


def open_load(conn: Conn, path: str, tier: int) -> tuple[list[Row], list[Row]]:
    """Open cases by severity and stage: `{severity, stage, n, overdue}`, and by the place of that tier:
    `{place, open, overdue, worst}`; place None for those above."""
    low, high = under(path)
    rows = conn.execute(
        sql.SQL(_OPEN).format(inside=inside(path)), {"tier": tier, "low": low, "high": high}, prepare=True
    ).fetchall()
    kept = ("severity", "stage", "n", "overdue")
    matrix = [{name: row[name] for name in kept} for row in rows if not row["below"]]
    return matrix, [
        {"place": row["place"], "open": row["n"], "overdue": row["overdue"], "worst": row["worst"]}
        for row in rows
        if row["below"]
    ]


_CLOSED_FROM = """id IN (
    SELECT incident FROM event WHERE at >= %(closed_from)s AND path >= %(low)s AND path < %(high)s
    AND to_state IN ('closed', 'forced_close') AND from_state IS DISTINCT FROM to_state)"""


def _where(cases: Cases) -> tuple[sql.Composable, dict[str, Any]]:
    low, high = under(cases.path)
    values: dict[str, Any] = {
        "low": low, "high": high, "states": _list(cases.states), "overdue": cases.overdue,
        "severities": _list(s for s in cases.severities or () if s is not None),
        "classes": _list(cases.classes), "sources": _list(cases.sources), "source_id": cases.source_id,
        "start": cases.start, "end": cases.end, "closed_from": cases.closed_from,
    }  # fmt: skip
    asked = {
        "open": cases.only_open,
        "state = ANY(%(states)s)": cases.states is not None and not cases.only_open,
        _severity(cases): cases.severities is not None,
        "overdue = %(overdue)s": cases.overdue is not None,
        "class = ANY(%(classes)s)": cases.classes is not None,
        "source = ANY(%(sources)s)": cases.sources is not None,
        "source_id = %(source_id)s": cases.source_id is not None,
        "at >= %(start)s": cases.start is not None,
        "at < %(end)s": cases.end is not None,
        _CLOSED_FROM: cases.closed_from is not None,
    }
    parts = [inside(cases.path), *(sql.SQL(part) for part, wanted in asked.items() if wanted)]
    return sql.SQL(" AND ").join(parts), values


def _severity(cases: Cases) -> str:
    if None not in (cases.severities or ()):
        return "severity = ANY(%(severities)s)"
    return "(severity IS NULL OR severity = ANY(%(severities)s))"


def _list(values: Any) -> list[Any] | None:
    return None if values is None else list(values)
