"""What of a place should be looked at first, and what has been decided and warned of?"""

from collections.abc import Mapping
from typing import Any

from data import db
from data.db import Row
from data.domain.refusal import unknown_place
from data.domain.sign import WORDS
from data.domain.urgency import limit_shown
from data.store import caseload, decisions, focus, incidents, places

Json = dict[str, Any]


def details(signs: Mapping[str, Mapping[str, Any]], place: str) -> dict[str, Json]:
    """`signs`: by code, as the board gives them. `{spark, limit, worst}`: 24 hour values, the limit that
    counts now, the child or asset where it is worst."""
    if not signs:
        return {}
    with db.read() as conn:
        rows = focus.details(conn, {code: sign["from"] or place for code, sign in signs.items()})
    return {code: _detail(signs[code], row) for code, row in rows.items()}


def _detail(sign: Mapping[str, Any], row: Row) -> Json:
    worst = {"place": row["worst_place"], "name": row["worst_name"], "value": row["worst_value"]}
    limit = limit_shown(sign["status"], row["direction"], row["lo"], row["hi"], sign["value"])
    return {"spark": row["spark"], "limit": limit, "worst": worst if row["worst_name"] else None}


def place(code: str) -> Json:
    """With `children`, each `{code, tier, name}`, in code order."""
    with db.read() as conn:
        found = places.find(conn, code)
    if found is None:
        raise unknown_place(code)
    return found


def children(code: str) -> list[Json]:
    return list(place(code)["children"])


def workload(path: str, tier: int, limit: int) -> Json:
    """`{pressing, matrix, children, today}`: the open cases that come first, all of them by severity and
    stage and by the places of the tier below, and how many came and went."""
    with db.read() as conn:
        matrix, children = incidents.open_load(conn, path, tier + 1)
        return {
            "pressing": [{**row, "id": str(row["id"])} for row in caseload.pressing(conn, path, limit)],
            "matrix": matrix,
            "children": children,
            "today": caseload.today(conn, path),
        }


def in_force(path: str) -> Json:
    """`{warnings, decisions}`; of a track only the decision nearest to the place."""
    with db.read() as conn:
        nearest = {row["track"]: row for row in decisions.in_force(conn, path)}
        return {"warnings": decisions.warnings_over(conn, path), "decisions": list(nearest.values())}


def posts(path: str, limit: int) -> list[Json]:
    """Assets at or below the place, each with its worst sign; the worst first."""
    with db.read() as conn:
        rows = focus.posts(conn, path, limit)
    return [{**row, "status": None if row["status"] is None else WORDS[row["status"]]} for row in rows]
