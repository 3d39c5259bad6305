"""Is what must be unique unique, whatever the indexes say?"""

from collections.abc import Iterator
from typing import LiteralString, NamedTuple

from psycopg import sql

from data.domain.proof import Break
from data.store.verify import Moment, look


class Key(NamedTuple):
    """In PostgreSQL's own words. `holds`: of which rows, if not of all."""

    table: LiteralString
    columns: LiteralString
    holds: LiteralString = ""


KEYS = (
    Key("asset", "code"), Key("audience", "incident, path, COALESCE(department, ''::text)"),
    Key("beat", "process"), Key("city", "one"), Key("class", "code, condition"), Key("decision", "id"),
    Key("department", "code"), Key("event", "id"), Key("event", "incident, n"), Key("inbox", "n"),
    Key("incident", "id"), Key("incident", "number"), Key("incident", "source, source_id"),
    Key("latest", "id"), Key("ledger", "feed, hour"), Key("migration", "number"), Key("node", "id"),
    Key("node", "place, sign, asset"),
    Key("place", "code"), Key("place", "path"), Key("refill", "tier, day, id"), Key("rollup_day", "at, id"),
    Key("rollup_hour", "at, id"), Key("sign", "code"), Key("sign_span", "id, during"),
    Key("sign_span", "id", "upper_inf(during)"), Key("source", "feed"),
    Key("span", "incident, n, lower(known)"), Key("verification", "n"), Key("warning", "id"),
)  # fmt: skip
READING = Key("reading", "id, at")


def counts(now: Moment) -> dict[str, int]:
    return {"keys": len(KEYS) + len(now.months)}


def breaks(now: Moment) -> Iterator[Break | None]:
    for key in KEYS:
        yield _twice(now, key.table, key)
    for name in now.months:
        yield _twice(now, name, READING)
    yield look(
        now, "unguarded", _UNGUARDED,
        tables=[key.table for key in (*KEYS, READING)], columns=[key.columns for key in (*KEYS, READING)],
        holds=[key.holds for key in (*KEYS, READING)],
    )  # fmt: skip


def _twice(now: Moment, table: str, key: Key) -> Break | None:
    query = sql.SQL(
        "SELECT {name} || ' ' || ROW({columns})::text || ' stands ' || count(*) || ' times' AS place"
        " FROM {table} WHERE {holds} GROUP BY {columns} HAVING count(*) > 1"
    ).format(
        name=sql.Literal(table),
        table=sql.Identifier(table),
        columns=sql.SQL(key.columns),
        holds=sql.SQL(key.holds or "true"),
    )
    with now.conn.transaction(force_rollback=True):
        now.conn.execute(_WITHOUT_INDEXES)
        return look(now, "twice", query)


# Until the transaction inside the other ends.
_WITHOUT_INDEXES = """
SELECT set_config('enable_indexscan', 'off', true), set_config('enable_indexonlyscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true)"""


# An index that is gone or not valid keeps nobody from writing twice.
_UNGUARDED = sql.SQL("""
SELECT k.tab || ' (' || k.columns || ')' AS place
FROM unnest(%(tables)s::text[], %(columns)s::text[], %(holds)s::text[]) k(tab, columns, holds)
WHERE NOT EXISTS (
  SELECT FROM pg_index i WHERE i.indrelid = to_regclass(k.tab) AND i.indisunique AND i.indisvalid
    AND i.indisready
    AND coalesce(pg_get_expr(i.indpred, i.indrelid), '') = k.holds
    AND k.columns = (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, true), ', ' ORDER BY n)
                     FROM generate_series(1, i.indnkeyatts) n))""")
