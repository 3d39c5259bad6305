"""Incidents: what is late, what is open, and where?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from components import incidents as skeleton
from data.domain.cases import FILTERS, cases, in_address
from data.live import Ask, Subject
from data.queries import caselist
from pages import _frame

Json = dict[str, Any]
Asked = Mapping[str, str]

FIRST = 100  # streamed; the rest is asked of the API
ANY = "all"
TIMES = frozenset({"from", "to", "closed_from"})
SPLIT = frozenset({"state", "overdue", "from", "to", "closed_from"})
"""What tells one tab from another; the other filters narrow each of them."""


def state(subject: Subject, ask: Ask) -> Json:
    asked = wanted(ask)
    found = caselist.first(cases(subject.path, asked), FIRST)
    names = found["names"]
    return {
        "text.asked": asked,
        "text.total": {"n": found["total"], "more": found["total"] == caselist.COUNTED},
        "text.next": found["next"],
        "text.midnight": found["tallies"]["midnight"],
        "text.choices": {
            "class": [{"code": code, "name": name} for code, name in names["class"].items()],
            "source": list(names["source"]),
        },
        "text.departments": names["department"],
        "rows.tabs": tabs(found["tallies"], asked),
        "rows.incidents": [row(item, ask.lang) for item in found["items"]],
    }


def wanted(ask: Ask) -> dict[str, str]:
    """The filters as the API takes them. What is open is asked for where nothing else says which states."""
    given = {name: value for name in FILTERS if (value := ask.get(name))}
    if given.get("state") == ANY:
        del given["state"]
    elif not given.keys() & {"state", "source_id", "closed_from"}:
        given["state"] = "open"
    return {name: in_address(value) if name in TIMES else value for name, value in given.items()}


def tabs(tallies: Mapping[str, Any], asked: Asked) -> list[Json]:
    """`query`: what the tab puts into the address, and how it differs from what the API is asked."""
    midnight: datetime = tallies["midnight"]
    today = midnight.isoformat()
    rows = [
        ("open", {}, {"state": "open"}),
        ("overdue", {"overdue": "true"}, {"state": "open", "overdue": "true"}),
        ("reported", {"state": ANY, "from": today}, {"from": today}),
        ("closed", {"closed_from": today}, {"closed_from": today}),
    ]
    mine = {name: value for name, value in asked.items() if name in SPLIT}
    return [
        {"id": name, "n": tallies[name], "query": query, "current": same(mine, split)}
        for name, query, split in rows
    ]


def same(mine: Asked, other: Asked) -> bool:
    """The same moment may be written in two ways."""
    return mine.keys() == other.keys() and cases("", mine) == cases("", other)


def row(item: Mapping[str, Any], lang: str) -> Json:
    """What somebody wrote in his own words is no part of an English state: the browser asks for it."""
    return {**item, "description": None if lang == "en" else item["description"]}


_frame.register_page(
    __name__,
    name="incidents",
    path="/incidents/<place>",
    state=state,
    body=skeleton.body,
    kinds=("incidents", "city"),
    filters=FILTERS,
)
