"""Which cases stand in a list, under which names, and how many are there in each of the usual ones?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from data import db
from data.db import Conn, Row
from data.domain.cases import After, Cases
from data.domain.place import codes_in, tier_of
from data.store import caselist, incidents

Json = dict[str, Any]
Names = Mapping[str, Mapping[str, Any]]

COUNTED = 10_000


def first(cases: Cases, limit: int) -> Json:
    """`{items, next, total, tallies, names}`. An item is the API's with names of class, holder, sign, asset
    and of the places on its path below the list's own; `total` is no more than COUNTED; `names` = {kind:
    {code: name}} of the classes, departments and sources that there are."""
    with db.read() as conn:
        found = incidents.page(conn, cases, limit + 1)
        names = _names(conn, found[:limit])
        total = len(found) if len(found) <= limit else incidents.count(conn, cases, COUNTED)
        tallies = caselist.tallies(conn, cases.path)
    items = [_item(row, names, tier_of(cases.path)) for row in found[:limit]]
    return {
        "items": items,
        "next": str(After(items[-1]["at"], found[limit - 1]["id"])) if found[limit:] else None,
        "total": total,
        "tallies": tallies,
        "names": {kind: names[kind] for kind in ("class", "department", "source")},
    }


def _names(conn: Conn, rows: Sequence[Row]) -> Names:
    holders = {row["holder"]["place"] for row in rows if row["holder"]}
    found: dict[str, dict[str, Any]] = {
        kind: {} for kind in ("class", "department", "source", "place", "sign", "asset")
    }
    for row in caselist.names(
        conn,
        places=holders.union(*(codes_in(row["path"]) for row in rows)),
        signs=_said(row["sign"] for row in rows),
        assets=_said(row["asset"] for row in rows),
    ):
        found[row["kind"]][row["code"]] = {"zh": row["zh"], "en": row["en"]}
    return found


def _said(codes: Iterable[str | None]) -> set[str]:
    return {code for code in codes if code}


def _item(row: Row, names: Names, tier: int) -> Json:
    return {
        **row,
        "id": str(row["id"]),
        "class_name": names["class"].get(row["class"]),
        "places": [{"code": code, "name": names["place"][code]} for code in codes_in(row["path"])[tier:]],
        "holder_name": row["holder"]
        and {
            "place": names["place"].get(row["holder"]["place"]),
            "department": names["department"].get(row["holder"]["department"]),
        },
        "sign_name": names["sign"].get(row["sign"]),
        "asset_name": names["asset"].get(row["asset"]),
    }
