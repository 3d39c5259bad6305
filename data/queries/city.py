"""Which city is this, what is in force in it, and does the house itself run?"""

from datetime import datetime
from typing import Any

from data import db
from data.domain.refusal import no_city
from data.store import city, classes, decisions, house


def city_row() -> dict[str, Any]:
    """Everything but the base layer: `{root, name, timezone, languages, domains, demo, hash, history}`."""
    with db.read() as conn:
        found = city.facts(conn)
    if found is None:
        raise no_city()
    return found


def base_layer() -> dict[str, Any] | None:
    """Rivers and lakes, schematic, as GeoJSON."""
    with db.read() as conn:
        return city.base(conn)


def class_names() -> dict[str, dict[str, str]]:
    with db.read() as conn:
        return {code: row["name"] for code, row in classes.rules(conn).items()}


def decisions_in_force(path: str) -> list[dict[str, Any]]:
    """For the place or one above it: `{id, track, place, level, by, reason, since, simulated}`."""
    with db.read() as conn:
        return decisions.in_force(conn, path)


def warnings_in_force(path: str) -> list[dict[str, Any]]:
    """Over the place, around or within it: `{id, kind, colour, path, issuer, since, until, simulated}`."""
    with db.read() as conn:
        return decisions.warnings_over(conn, path)


def worker_at() -> datetime | None:
    """When the worker's heart last beat."""
    with db.read() as conn:
        at: datetime | None = house.standing(conn)["worker_at"]
    return at
