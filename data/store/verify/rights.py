"""Can the application change what has happened?"""

from collections.abc import Iterator

from psycopg import sql

from data.domain.proof import Break
from data.store.verify import Moment, counted, look

LOGS = ["event"]


def counts(now: Moment) -> dict[str, int]:
    return counted(now, sql.SQL("SELECT count(*) AS roles FROM {} r").format(_ROLES))


def breaks(now: Moment) -> Iterator[Break | None]:
    yield look(now, "may", _MAY, logs=LOGS)
    yield look(now, "owns", _OWNS)
    yield look(now, "is", _IS, logs=LOGS)


# As whom the application acts: its own roles, and the one it is told to use.
_ROLES = sql.SQL("(SELECT * FROM pg_roles WHERE rolname IN ('cityops_app', 'cityops_replay', session_user))")

_MAY = sql.SQL("""
SELECT r.rolname || ' may ' || lower(w.what) || ' ' || t.log AS place
FROM {roles} r CROSS JOIN unnest(%(logs)s::text[]) t(log)
CROSS JOIN unnest('{{UPDATE,DELETE,TRUNCATE,TRIGGER}}'::text[]) w(what)
WHERE has_table_privilege(r.oid, t.log, w.what)
   OR (w.what = 'UPDATE' AND has_any_column_privilege(r.oid, t.log, w.what))""").format(roles=_ROLES)

_OWNS = sql.SQL("""
SELECT r.rolname || ' owns ' || pg_describe_object(d.classid, d.objid, d.objsubid) AS place
FROM pg_shdepend d JOIN {roles} r ON r.oid = d.refobjid
WHERE d.deptype = 'o' AND d.refclassid = 'pg_authid'::regclass
  AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))""").format(roles=_ROLES)

_IS = sql.SQL("""
SELECT r.rolname || ' can act as ' || coalesce(o.rolname, 'a superuser') AS place
FROM {roles} r LEFT JOIN pg_roles o ON NOT r.rolsuper AND pg_has_role(r.oid, o.oid, 'member')
  AND o.oid IN (SELECT relowner FROM pg_class WHERE oid = ANY(%(logs)s::regclass[]))
WHERE r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR o.oid IS NOT NULL""").format(roles=_ROLES)
