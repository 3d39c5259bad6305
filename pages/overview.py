"""Overview: is this place all right, and if not, where?"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from components import overview as skeleton
from components import text
from data.domain.place import codes_in, tier_of
from data.domain.urgency import BAD, OPEN_STAGES, first, ranked, sorted_signs
from data.domain.verdict import judge
from data.live import Ask, Subject
from data.queries import city, overview, signs
from pages import _frame

Json = dict[str, Any]
Row = Mapping[str, Any]

SIGNS, MOST_GAPS = 14, 4  # on the first screen
CASES = 24  # streamed
ASSETS = 10
MODE = "平急"
GRADES = {1: "extreme", 2: "major", 3: "serious", 4: "minor", None: "routine"}


def state(subject: Subject, ask: Ask) -> dict[str, Any]:
    code = codes_in(subject.path)[-1]
    board, glance = signs.board(code), signs.summary(code)
    load = overview.workload(subject.path, tier_of(subject.path), CASES)
    below = children(overview.place(code), glance["children"], load["children"])
    units = city.city_row()["units"] if ask.lang == "en" else {}
    return {
        **coverage(board),
        **sign_lists(code, [said(sign, units) for sign in board["signs"]]),
        "text.quiet": quiet(board),
        **cases(load, ask.lang),
        **verdict(board, load["matrix"], below),
        **facts(overview.in_force(subject.path), ask.lang),
        "rows.children": below,
        "rows.assets": assets(subject.path, units) if len(below) <= skeleton.FEW else [],
        "layer.places": cells_of(below) or [{"id": code, "status": glance["status"]}],
        "layer.incidents": [point(row) for row in load["pressing"] if grave(row) and row["lon"] is not None],
    }


def said(row: Row, units: Mapping[str, str]) -> Json:
    """A unit that is a word, in English."""
    return {**row, "unit": units.get(row["unit"], row["unit"])}


# ── signs ───────────────────────────────────────────────────────────────────────────────────────
def coverage(board: Json) -> Json:
    """`silent` = series of signs that never reported here, `missing` = the others that do not report now."""
    live, expected = board["live"], board["expected"]
    silent = sum(sign["expected"] for sign in board["signs"] if sign["status"] == "none")
    missing = (expected or 0) - (live or 0) - silent
    parts = {"live": live, "stale": missing, "none": silent}
    return {
        "text.live": live,
        "text.expected": expected,
        "text.share": live / expected if expected else None,
        "text.coverage": {"live": live, "expected": expected} if expected else None,
        "text.missing": missing if expected else None,
        "text.silent": silent if expected else None,
        "text.newest": max((s["at"] for s in board["signs"] if s["expected"] and s["at"]), default=None),
        "rows.share": [{"id": name, "n": n} for name, n in parts.items() if n],
    }


def quiet(board: Json) -> str | None:
    """Why no sign is abnormal here, as the key of its words; none where some are."""
    own = [sign for sign in board["signs"] if sign["expected"]]
    if not own:
        return "not_measured"
    if not board["live"]:
        return "no_live"
    return None if any(sign["status"] in BAD for sign in own) else "calm"


def sign_lists(code: str, board: Sequence[Row]) -> Json:
    """The whole catalogue, worst first; of what is on screen spark, limit and the worst place below."""
    lists = sorted_signs(board)
    seen = dict(zip(("worst", "gaps", "rest"), first(lists, SIGNS, most_gaps=MOST_GAPS), strict=True))
    found = overview.details({sign["code"]: sign for part in seen.values() for sign in part}, code)
    return {
        "text.abnormal": len(lists.bad) if any(sign["live"] for sign in board) else None,
        "text.gaps": len(lists.gaps),
        "rows.levels": [{"id": word, "n": n} for word in BAD if (n := _count(lists.bad, word))],
        "rows.signs": [{"id": sign["code"], **sign} for sign in lists.everything],
        **{
            f"rows.{name}": [{"id": sign["code"], **found[sign["code"]]} for sign in part]
            for name, part in seen.items()
        },
    }


def _count(rows: Sequence[Row], status: str) -> int:
    return [row["status"] for row in rows].count(status)


# ── incidents ───────────────────────────────────────────────────────────────────────────────────
def cases(load: Json, lang: str) -> Json:
    """What somebody wrote in his own words is no part of an English state."""
    matrix, today = load["matrix"], load["today"]
    rows = [
        {"id": str(grade or "none"), "severity": grade, "cells": cells(matrix, grade)} for grade in GRADES
    ]
    grades = [{"id": row["id"], "severity": row["severity"], "n": row["cells"][-1]["n"]} for row in rows]
    return {
        "text.open": sum(row["n"] for row in matrix),
        "text.overdue": sum(row["overdue"] for row in matrix),
        **{f"text.{name}": value for name, value in today.items()},
        "rows.grades": [grade for grade in grades if grade["n"]],
        "rows.matrix": [*rows, {"id": "sum", "severity": None, "cells": cells(matrix, *GRADES)}],
        "rows.incidents": [
            {**row, "description": None if lang == "en" else row["description"]} for row in load["pressing"]
        ],
    }


def cells(matrix: Sequence[Row], *grades: int | None) -> list[Json]:
    """One a stage and their sum; `states` = how the list of cases is asked for them."""
    mine = [row for row in matrix if row["severity"] in grades]
    by_stage = [
        cell(stage, ",".join(states), [row for row in mine if row["stage"] == stage])
        for stage, states in OPEN_STAGES.items()
    ]
    return [*by_stage, cell(None, "open", mine)]


def cell(stage: int | None, states: str, rows: Sequence[Row]) -> Json:
    n, overdue = (sum(row[name] for row in rows) for name in ("n", "overdue"))
    return {"stage": stage, "states": states, "n": n, "overdue": overdue}


def grave(case: Row) -> bool:
    """特, 重, 较: the others would be mistaken for signs on a map."""
    return case["severity"] is not None and case["severity"] < 4


def point(case: Row) -> Json:
    asked = urlencode({"source": case["source"], "source_id": case["source_id"]})
    return {
        **{name: case[name] for name in ("id", "lon", "lat")},
        "mark": "severity",
        "code": case["severity"],
        "name": case["class_name"] or case["class"],
        "href": f"/incidents/{case['place']}?{asked}",
    }


# ── below ───────────────────────────────────────────────────────────────────────────────────────
def children(place: Row, glances: Sequence[Row], loads: Sequence[Row]) -> list[Row]:
    sign_of = {row["place"]: row for row in glances}
    load_of = {row["place"]: row for row in loads}
    rows = [child(row, sign_of[row["code"]], load_of.get(row["code"])) for row in place["children"]]
    return ranked([{**row, "short": short(row["name"], place["name"])} for row in rows])


def child(place: Row, glance: Row, load: Row | None) -> Json:
    kept = ("status", "abnormal", "live", "expected", "statuses")
    return {
        "id": place["code"],
        **place,
        **{name: glance[name] for name in kept},
        "open": load["open"] if load else 0,
        "overdue": load["overdue"] if load else 0,
        "severity": load["worst"] if load else None,
    }


def short(name: Mapping[str, str], above: Mapping[str, str]) -> dict[str, str]:
    """Without the name of the place above, where it begins with that."""
    return {lang: words.removeprefix(above[lang]).strip() or words for lang, words in name.items()}


def cells_of(below: Sequence[Row]) -> list[Json]:
    return [{"id": row["code"], "status": row["status"], "name": row["short"]} for row in below]


def assets(path: str, units: Mapping[str, str]) -> list[Json]:
    return [{"id": row["code"], **said(row, units)} for row in overview.posts(path, ASSETS)]


# ── the whole ───────────────────────────────────────────────────────────────────────────────────
def verdict(board: Json, matrix: Sequence[Row], below: Sequence[Row]) -> Json:
    own = [sign for sign in board["signs"] if sign["expected"]]
    counts = {
        **{status: _count(own, status) for status in BAD},
        **{
            name: sum(row["n"] for row in matrix if row["severity"] == grade)
            for grade, name in GRADES.items()
        },
        "overdue": sum(row["overdue"] for row in matrix),
    }
    found = judge(counts, live=board["live"] or 0, expected=board["expected"] or 0)
    why = [{"id": reason, "n": n} for reason, n in found.why]
    where = [
        row["name"] for row in below if row["status"] in BAD or row["severity"] in (1, 2) or row["overdue"]
    ]
    return {
        "text.verdict": {"level": found.level, "live": board["live"], "why": why},
        "text.where": where[:3] if why else [],
    }


def facts(force: Json, lang: str) -> Json:
    """Their words in the asked language, where they have some in it."""
    words = text.table(lang)
    return {
        "rows.warnings": [
            {**row, "id": str(row["id"]), "kind": words.get(f"overview_kind.{row['kind']}", row["kind"])}
            for row in force["warnings"]
        ],
        "rows.decisions": sorted(
            (decision(row, words) for row in force["decisions"]), key=lambda row: row["mode"]
        ),
    }


def decision(row: Row, words: Mapping[str, str]) -> Json:
    """`mode`: not a response level but the state of the city, 平 or 急."""
    mode = row["track"] == MODE
    level = words.get(f"overview_mode.{row['level']}", row["level"]) if mode else row["level"]
    return {
        **{name: row[name] for name in ("place", "since", "simulated")},
        "id": str(row["id"]),
        "mode": mode,
        "track": words.get(f"overview_track.{row['track']}", row["track"]),
        "level": level,
    }


_frame.register_page(
    __name__,
    name="overview",
    path="/overview/<place>",
    state=state,
    body=skeleton.body,
    kinds=("signs", "incidents", "city"),
)
