"""What of a place's cases does a wall show?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from data.domain.place import codes_in, tier_of
from data.domain.urgency import BAD, OPEN_STAGES, Lists
from data.domain.verdict import judge
from data.queries import wall

Json = dict[str, Any]
Row = Mapping[str, Any]

CLASSES, HOURS = 6, 24
GRADES = (1, 2, 3, 4, None)
GRADED = {"extreme": 1, "major": 2, "serious": 3}


def cases(load: Json, path: str) -> Json:
    matrix = load["matrix"]
    return {
        "text.open": sum(row["n"] for row in matrix),
        "text.overdue": sum(row["overdue"] for row in matrix),
        "rows.matrix": [grade_row(matrix, grade) for grade in GRADES],
        "rows.clocks": [clock(row, path) for row in load["clocks"]],
        "layer.incidents": [{**row, "id": str(row["id"])} for row in load["points"]],
        "rows.acts": [act(row, path) for row in load["acts"]],
    }


def grade_row(matrix: Sequence[Row], grade: int | None) -> Json:
    mine = [row for row in matrix if row["severity"] == grade]
    return {
        "id": str(grade or "none"),
        "severity": grade,
        "stages": [sum(row["n"] for row in mine if row["stage"] == stage) for stage in OPEN_STAGES],
        "n": sum(row["n"] for row in mine),
        "overdue": sum(row["overdue"] for row in mine),
    }


def clock(case: Row, path: str) -> Json:
    kept = (
        "severity", "class", "class_name", "state", "at", "due", "overdue", "place_name", "holder_name",
        "holder_tier", "simulated",
    )  # fmt: skip
    return {"id": str(case["id"]), **{name: case[name] for name in kept}, "where": where(case, path)}


def where(case: Row, path: str) -> str | None:
    """The place just below this one in which the case lies."""
    return next(iter(codes_in(case["path"])[tier_of(path) :]), None)


def act(row: Row, path: str) -> Json:
    kept = ("at", "act", "class", "class_name", "simulated")
    return {"id": str(row["id"]), **{name: row[name] for name in kept}, "where": where(row, path)}


def verdict(board: Json, lists: Lists, matrix: Sequence[Row]) -> Json:
    counts = {
        **{status: sum(sign["status"] == status for sign in lists.bad) for status in BAD},
        **{
            name: sum(row["n"] for row in matrix if row["severity"] == grade)
            for name, grade in GRADED.items()
        },
        "overdue": sum(row["overdue"] for row in matrix),
    }
    found = judge(counts, live=board["live"] or 0, expected=board["expected"] or 0)
    why = [{"id": reason, "n": n} for reason, n in found.why]
    return {"text.verdict": {"level": found.level, "live": board["live"], "why": why}}


def today(path: str, now: datetime) -> Json:
    """Reports hour by hour beside those of yesterday, and what they are about; `now` on the city's clock."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = midnight - timedelta(days=1)
    found = wall.reported(path, midnight, str(now.tzinfo))
    keys = [row["key"].astimezone(now.tzinfo) for row in found["hour"]]
    came: Counter[tuple[date, int]] = Counter()
    for key, row in zip(keys, found["hour"], strict=True):
        came[key.date(), key.hour] += row["n"]  # an hour that comes twice is one
    so_far = [came[midnight.date(), hour] for hour in range(now.hour + 1)]
    before = [came[yesterday.date(), hour] for hour in range(HOURS)]
    top = sorted(found["class"], key=lambda row: (-row["n"], row["key"]))[:CLASSES]
    return {
        "text.reported": sum(so_far),
        "text.reported_before": sum(before),
        "rows.hours": [
            {"id": f"{hour:02}", "n": so_far[hour] if hour < len(so_far) else None, "before": before[hour]}
            for hour in range(HOURS)
        ],
        "rows.classes": [{"id": row["key"], "name": row["name"] or row["key"], "n": row["n"]} for row in top],
    }


def blank_if(unheard: bool, said: Json) -> Json:
    """While no feed has ever spoken the number of cases is not nought but unknown."""
    if not unheard:
        return said
    for name in ("open", "overdue", "reported", "reported_before"):
        said[f"text.{name}"] = None
    for row in said["rows.matrix"]:
        row.update(stages=[None] * len(OPEN_STAGES), n=None, overdue=None)
    for row in said["rows.hours"]:
        row.update(n=None, before=None)
    for row in said["rows.children"]:
        row.update(open=None, overdue=None)
    return said
