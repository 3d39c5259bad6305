"""Can the city be asked, and does its worker live?"""

from typing import Any

from data import db
from data.store import house, migrations

PATIENCE = 1.0
_UNKNOWN = {"city": None, "worker_at": None, "history": None}
AWAY: dict[str, Any] = {"database": False, "schema": False, **_UNKNOWN}


def readiness() -> dict[str, Any]:
    """`{database, schema, city, worker_at, history}`; schema = whether it is the code's."""
    try:
        with db.read(wait=PATIENCE) as conn, conn.transaction():
            house.hurry(conn, PATIENCE)
            if migrations.version(conn) != migrations.wanted():
                return {"database": True, "schema": False, **_UNKNOWN}
            return {"database": True, "schema": True, **house.standing(conn)}
    except db.OUTAGE:
        return AWAY
