"""One sign in one place: how does it stand, how did it come there, beside whom, and what came of it?"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from data import db
from data.db import Conn, Row
from data.domain.place import codes_in
from data.domain.refusal import unknown_place, unknown_sign
from data.domain.sign import WORDS, WORST_FIRST, Status
from data.domain.stretch import Stretch
from data.queries.signs import sparks
from data.store import places, sign_page, signs

Json = dict[str, Any]

SPARK = timedelta(hours=24)
LISTED = 12  # assets
WEEK, HOUR = timedelta(days=7), timedelta(hours=1)
CASES, RECENT = 6, timedelta(days=14)


def check(sign: str) -> None:
    with db.read() as conn:
        if signs.find(conn, sign) is None:
            raise unknown_sign(sign, status=404)


def below(place: str) -> dict[str, Json]:
    """The names of the children by their codes, in order."""
    with db.read() as conn:
        found = places.find(conn, place)
    if found is None:
        raise unknown_place(place)
    return {child["code"]: child["name"] for child in found["children"]}


def standing(sign: str, path: str) -> Json:
    """`{sign, children, siblings, above, assets, counted}`; children and assets worst first, with sparks."""
    codes = codes_in(path)
    with db.read() as conn:
        whole = sign_page.whole(conn, sign, codes[-1], codes[:-1])
        if whole is None:
            raise unknown_sign(sign, status=404)
        kin = sign_page.relatives(conn, sign, codes[-2:], codes[:-1])
        posts = sign_page.assets(conn, sign, path) if whole["kind"] else []
        children = _ranked([row for row in kin if row["parent"] == codes[-1]], whole["direction"])
        listed = _ranked(posts, whole["direction"])[:LISTED]
        ids = [row["id"] for row in (*children, *listed) if row["id"] is not None]
        lines = sparks(conn, ids)
    siblings = [
        row for row in kin if len(codes) > 1 and row["parent"] == codes[-2] and row["code"] != codes[-1]
    ]
    return {
        "sign": whole,
        "children": [_row(row, lines) for row in children],
        "siblings": [_row(row, {}) for row in siblings],
        "above": [_row(row, {}) for row in kin if row["code"] in codes[:-1]],
        "assets": [_row(row, lines) for row in listed],
        "posts": [_row(row, {}) for row in posts],
    }


def _ranked(rows: Sequence[Row], direction: str) -> list[Row]:
    def standing(row: Row) -> tuple[int, float, str]:
        status = Status(row["status"]) if row["id"] is not None else Status.NONE
        value = row["value"] if row["value"] is not None else float("-inf")
        return WORST_FIRST.index(status), value if direction == "L" else -value, row["code"]

    return sorted(rows, key=standing)


def _row(row: Row, lines: Mapping[int, list[float | None]]) -> Json:
    """`status` is null where the sign is not measured."""
    shown = ("code", "name", "value", "at", "simulated")
    return {
        **{name: row[name] for name in shown},
        **{name: row[name] for name in ("place", "where") if name in row},
        "status": None if row["id"] is None else WORDS[row["status"]],
        "live": row["live"] or 0,
        "expected": row["expected"] or 0,
        "spark": lines.get(row["id"]),
    }


# ── over time ───────────────────────────────────────────────────────────────────────────────────
def beside(sign: str, codes: Sequence[str]) -> dict[str, Row]:
    """The series of the sign that these codes of places and assets name; the others are not in it."""
    if not codes:
        return {}
    with db.read() as conn:
        return {row["code"]: row for row in sign_page.series_of(conn, sign, codes)}


def course(whole: Mapping[str, Any], others: Sequence[Mapping[str, Any]], seen: Stretch) -> Json:
    """`{points: {id: rows}, hours: rows}`: of `whole` from a week before the stretch on, of others within it.

    A fold asked for raw answers by hours. `hours` are those of `whole`, of a day at the least.
    """
    if whole["id"] is None and not others:
        return {"points": {}, "hours": []}
    coarse = "day" if seen.grain == "day" else "hour"
    fine = [
        row["id"] for row in (whole, *others) if seen.grain == "raw" and row["leaf"] and row["id"] is not None
    ]
    early = [(whole["id"], seen.since - WEEK)] if whole["id"] is not None else []
    late = [(row["id"], seen.since) for row in others if row["id"] not in fine]
    with db.read() as conn:
        rows = sign_page.buckets(conn, coarse, [*early, *late], seen.until)
        points = {id: list(own) for id, own in groupby(rows, key=lambda row: row["id"])}
        hours = points.get(whole["id"], []) if coarse == "hour" else _hours(conn, whole)
        points |= _readings(conn, fine, seen, timedelta(seconds=whole["freshness"]))
    return {"points": points, "hours": hours}


def _readings(conn: Conn, ids: Sequence[int], seen: Stretch, silence: timedelta) -> dict[int, list[Row]]:
    if not ids:
        return {}
    rows = sign_page.raw(conn, ids, seen.since, seen.until, step=seen.bin, silence=silence)
    found = {id: list(own) for id, own in groupby(rows, key=lambda row: row["id"])}
    return {id: found.get(id, []) for id in ids}


def _hours(conn: Conn, whole: Mapping[str, Any]) -> list[Row]:
    if whole["id"] is None:
        return []
    since = whole["now"] - SPARK - HOUR
    return sign_page.buckets(conn, "hour", [(whole["id"], since)], whole["now"])


def incidents(sign: str, path: str, now: datetime) -> list[Row]:
    """The newest cases of the last days that name the sign."""
    with db.read() as conn:
        return sign_page.incidents(conn, sign, path, since=now - RECENT, limit=CASES)
