"""How is a place, sign by sign, and how did each come to be so?"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Literal

from data import db
from data.db import Conn, Row
from data.domain.moment import bad_time
from data.domain.place import codes_in
from data.domain.refusal import Refusal, unknown_place, unknown_sign
from data.domain.sign import ABNORMAL, WORDS, Status, at_a_glance
from data.store import assets, places, signs

Grain = Literal["raw", "hour", "day"]
Json = dict[str, Any]
Line = list[float | None]

SPARK = 24  # hours
MOST_POINTS = 20_000


# From the one to look at first: what is silent comes before what is well.
def board(place: str) -> Json:
    """The whole catalogue for one place; the outer pair is the coverage."""
    with db.read() as conn:
        return _board(conn, place)[0]


def traced(place: str) -> tuple[Json, dict[str, Line]]:
    """The board, and of every sign that has ever had the value shown there its last hours."""
    with db.read() as conn:
        found, nodes = _board(conn, place)
        lines = sparks(conn, list(nodes.values()))
    return found, {code: lines[id] for code, id in nodes.items()}


def _board(conn: Conn, place: str) -> tuple[Json, dict[str, int]]:
    """And the nodes, by sign, whose values are shown."""
    rows = signs.board(conn, place, _codes(conn, place)[:-1])
    items = [_sign(row, place) for row in rows]
    expected = sum(item["expected"] for item in items)
    found = {
        "place": place,
        "at": signs.now(conn),
        "live": sum(item["live"] for item in items) if expected else None,
        "expected": expected or None,
        "signs": items,
    }
    return found, {row["code"]: row["id"] for row in rows if row["at"] is not None}


def _codes(conn: Conn, place: str) -> tuple[str, ...]:
    """From the root down, the place itself last."""
    found = places.by_code(conn, [place]).get(place)
    if found is None:
        raise unknown_place(place)
    return codes_in(found["path"])


def _sign(row: Row, place: str) -> Json:
    return {"code": row["code"], "name": _name(row, "name"), **_facts(row), **_values(row, place)}


def _name(row: Row, of: str) -> dict[str, str]:
    return {"zh": row[f"{of}_zh"], "en": row[f"{of}_en"]}


def _facts(sign: Row) -> Json:
    return {name: sign[name] for name in ("domain", "unit", "tier", "kind", "weight")}


def _values(row: Row, place: str) -> Json:
    """live and expected are the place's own: 0 where the value shown is one from above."""
    measured = row["id"] is not None
    own = measured and row["shown"] == place
    return {
        "value": row["value"],
        "at": row["at"],
        "expires": row["expires"],
        "status": WORDS[row["status"] if measured else Status.NONE],
        "live": row["live"] if own else 0,
        "expected": row["expected"] if own else 0,
        "from": row["shown"] if measured and not own else None,
        "source": row["source"],
        "simulated": bool(row["simulated"]),
    }


def children(sign: str, place: str) -> Json:
    """One row a child; `code` is the sign's, `place` and `name` are the child's."""
    with db.read() as conn:
        known = _known(conn, sign)
        codes = _codes(conn, place)
        rows = signs.children(conn, sign, place)
        lent = _lent(conn, known, codes) if any(row["id"] is None for row in rows) else None
    return {"place": place, "items": [_child(known, row, lent) for row in rows]}


def _known(conn: Conn, sign: str) -> Row:
    found = signs.find(conn, sign)
    if found is None:
        raise unknown_sign(sign, status=404)
    return {**found, "weight": found["weight"] if found["weighted"] else "1"}


def _lent(conn: Conn, sign: Row, codes: Sequence[str]) -> Row | None:
    """What places below show of a shared sign that they do not measure."""
    row = next(row for row in signs.board(conn, codes[-1], codes[:-1]) if row["code"] == sign["code"])
    return row if sign["shared"] and row["value"] is not None else None


def _child(sign: Row, row: Row, lent: Row | None) -> Json:
    shown = row if row["id"] is not None or lent is None else lent
    return {
        "code": sign["code"], "place": row["place"], "name": _name(row, "place"), **_facts(sign),
        **_values(shown, row["place"]),
    }  # fmt: skip


def assets_of(sign: str, place: str) -> Json:
    """One row for each asset at or below the place that measures the sign; `name` is the asset's."""
    with db.read() as conn:
        known = _known(conn, sign)
        path = "/".join(_codes(conn, place)) + "/"
        rows = signs.assets(conn, sign, path)
    return {"place": place, "items": [_asset(known, row) for row in rows]}


def _asset(sign: Row, row: Row) -> Json:
    return {
        "code": sign["code"], "asset": row["asset"], "place": row["place"], "name": _name(row, "asset"),
        "lon": row["lon"], "lat": row["lat"], **_facts(sign), **_values(row, row["shown"]),
    }  # fmt: skip


# ── over time ───────────────────────────────────────────────────────────────────────────────────
def series(
    sign: str,
    *,
    place: str | None = None,
    asset: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    grain: Grain | None = None,
) -> Json:
    """Points of `[since, until)`, by default the last 24 h; raw of a measured series, else hour."""
    with db.read() as conn:
        known = _known(conn, sign)
        where = _where(conn, place, asset)
        node = signs.node(conn, sign, where, asset or "")
        until = until or signs.now(conn)
        since = since or _day_before(until)
        grain = grain or ("raw" if node and node["leaf"] else "hour")
        points = _points(conn, node, grain, since, until)
    return {
        "sign": sign, "place": where, "asset": asset, "grain": grain, "from": since, "to": until,
        "unit": known["unit"], "simulated": bool(node and node["simulated"]), "points": points,
    }  # fmt: skip


def _day_before(until: datetime) -> datetime:
    try:
        return until - timedelta(hours=24)
    except OverflowError as wrong:
        raise bad_time("to") from wrong


def _where(conn: Conn, place: str | None, asset: str | None) -> str:
    """The place that is asked, or the asset's."""
    if (place is None) == (asset is None):
        raise Refusal(
            "missing_field", "需要 place 或 asset 之一", "one of place and asset is needed", field="place"
        )
    if place is not None:
        return _codes(conn, place)[-1]
    found = assets.find(conn, asset or "")
    if found is None:
        raise Refusal(
            "unknown_asset", f"没有代码为 {asset} 的部件", f"no asset has the code {asset}", field="asset"
        )
    return str(found["place"])


def _points(conn: Conn, node: Row | None, grain: Grain, since: datetime, until: datetime) -> list[Row]:
    if node is None:
        return []
    if grain != "raw":
        rows = signs.buckets(conn, grain, node["id"], since, until, limit=MOST_POINTS + 1)
    elif node["leaf"]:
        rows = signs.raw(conn, node["id"], since, until, limit=MOST_POINTS + 1)
    else:
        raise Refusal("wrong_tier", "汇总值没有原始读数", "a fold has no raw readings", field="grain")
    if len(rows) > MOST_POINTS:
        raise Refusal(
            "too_many", f"超过 {MOST_POINTS} 个点，请缩短时段或改用更粗的粒度",
            f"more than {MOST_POINTS} points: ask for less time or a coarser grain", field="grain",
        )  # fmt: skip
    return rows


def sparks(conn: Conn, ids: Sequence[int]) -> dict[int, Line]:
    """24 hour values of each node, the running hour last, gaps as None."""
    lines: dict[int, Line] = {id: [None] * SPARK for id in ids}
    for row in signs.hours(conn, ids, SPARK):
        line = lines[row["id"]]
        for step, value in zip(row["steps"] or (), row["values"] or (), strict=True):
            if step < SPARK:
                line[step] = value
    return lines


# ── at a glance ─────────────────────────────────────────────────────────────────────────────────
def summary(place: str) -> Json:
    """How many signs of the place hold which status, and the same of each child."""
    with db.read() as conn:
        rows = signs.counts(conn, place)
    by_place = {code: list(own) for code, own in groupby(rows, key=lambda row: row["place"])}
    own = by_place.pop(place, None)
    if own is None:
        raise unknown_place(place)
    below = [{"place": code, **_glance(found)} for code, found in by_place.items()]
    return {"place": place, **_glance(own), "children": below}


def _glance(found: Sequence[Row]) -> Json:
    by_status = dict.fromkeys(Status, 0)
    for row in found:
        if row["status"] is not None:
            by_status[Status(row["status"])] += row["n"]
    live, expected = (sum(row[name] for row in found) for name in ("live", "expected"))
    return {
        "status": at_a_glance([status for status, n in by_status.items() if n], live, expected).word,
        "abnormal": sum(by_status[status] for status in ABNORMAL),
        "live": live,
        "expected": expected,
        "statuses": {status.word: n for status, n in by_status.items()},
    }
