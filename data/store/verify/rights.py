"""Can the application change what has happened?"""

from collections.abc import Iterator

from psycopg import sql

from data.domain.proof import Break
from data.store.verify import Moment, counted, look

ROLES = ["cityops_app", "cityops_replay"]
LOGS = ["event"]


def counts(now: Moment) -> dict[str, int]:
    return counted(now, sql.SQL("SELECT count(*) AS roles FROM pg_roles WHERE rolname LIKE 'cityops%%'"))


def breaks(now: Moment) -> Iterator[Break | None]:
    yield look(now, "may", _MAY, roles=ROLES, logs=LOGS)
    yield look(now, "owns", _OWNS, roles=ROLES)
    yield look(now, "is", _IS, roles=ROLES)


_MAY = sql.SQL("""
SELECT r.role || ' may ' || lower(w.what) || ' ' || t.log AS place
FROM unnest(%(roles)s::text[]) r(role) JOIN pg_roles ON rolname = role CROSS
  JOIN unnest(%(logs)s::text[]) t(log)
CROSS JOIN unnest('{{UPDATE,DELETE,TRUNCATE,TRIGGER}}'::text[]) w(what)
WHERE has_table_privilege(r.role, t.log, w.what)
   OR (w.what = 'UPDATE' AND has_any_column_privilege(r.role, t.log, w.what))""").format()

_OWNS = sql.SQL("""
SELECT r.rolname || ' owns ' || pg_describe_object(d.classid, d.objid, d.objsubid) AS place
FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
WHERE d.deptype = 'o' AND d.refclassid = 'pg_authid'::regclass AND r.rolname = ANY(%(roles)s)
  AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))""")

_IS = sql.SQL("""
SELECT r.rolname || ' can act as ' || coalesce(o.rolname, 'a superuser') AS place
FROM pg_roles r LEFT JOIN pg_roles o ON o.rolname = 'cityops_owner' AND pg_has_role(r.oid, o.oid, 'member')
  AND NOT r.rolsuper
WHERE r.rolname = ANY(%(roles)s) AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR o.oid
  IS NOT NULL)""")
