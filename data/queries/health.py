"""Can the city be asked, and does its worker live?"""

from typing import Any

from data import db
from data.store import house, migrations

PATIENCE = 0.8
_UNKNOWN = {"city": None, "worker_at": None, "history": None}
AWAY: dict[str, Any] = {"database": False, "schema": False, **_UNKNOWN}


def readiness() -> dict[str, Any]:
    """`{database, schema, city, worker_at, history}`; schema = whether it is the code's."""
    try:
        with db.within(PATIENCE), db.read() as conn:
            if migrations.version(conn) != migrations.wanted():
                return {"database": True, "schema": False, **_UNKNOWN}
            return {"database": True, "schema": True, **house.standing(conn)}
    except db.OUTAGE:
        return AWAY


def lateness() -> dict[str, float | int | None]:
    """`{worker_age, held_back}`: seconds since the worker's last beat, and how many transactions have begun
    since the oldest that is still open: so much of the log nobody may rely on yet."""
    with db.within(PATIENCE), db.read() as conn:
        return house.lateness(conn)
