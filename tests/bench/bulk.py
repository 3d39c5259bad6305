"""How do a million rows get into a table that has keys and indexes? Without them; they are made anew."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from data.db import Conn

MEMORY = "SET maintenance_work_mem = '768MB'"


@contextmanager
def bare(conn: Conn, tables: Sequence[str]) -> Iterator[None]:
    """The owner's connection. Keys and indexes come back exactly as they were defined."""
    keys = conn.execute(
        """SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname) AS dropped,
                  format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname,
                         pg_get_constraintdef(oid)) AS made
           FROM pg_constraint WHERE conrelid = ANY(%(tables)s::regclass[]) AND contype IN ('p', 'u', 'f')
              OR confrelid = ANY(%(tables)s::regclass[]) AND contype = 'f'
           ORDER BY contype = 'f', conname""",
        {"tables": list(tables)},
    ).fetchall()
    for key in reversed(keys):
        conn.execute(key["dropped"])
    indexes = conn.execute(
        "SELECT format('DROP INDEX %%s', indexrelid::regclass) AS dropped,"
        " pg_get_indexdef(indexrelid) AS made FROM pg_index"
        " WHERE indrelid = ANY(%s::regclass[]) ORDER BY 1",
        (list(tables),),
    ).fetchall()
    for index in indexes:
        conn.execute(index["dropped"])
    yield
    conn.execute(MEMORY)
    for one in (*keys, *indexes):
        conn.execute(one["made"])
