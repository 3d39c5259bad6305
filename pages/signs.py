"""Signs: how are all the vital signs of this place, at one look?"""

from collections.abc import Mapping, Sequence
from typing import Any

from components import signs as skeleton
from data.domain.refusal import Refusal
from data.domain.urgency import BAD
from data.live import Ask, Subject
from data.queries import city, sign_page, signs
from pages import _frame

Json = dict[str, Any]
Row = Mapping[str, Any]

ALWAYS = ("all", "abnormal", "stale", "none")
STATES = (*ALWAYS, "lent", "unmeasured")
SHOWN = ("code", "name", "domain", "unit", "value", "at", "status", "live", "expected", "from", "simulated")
DIGITS = 4


def state(subject: Subject, ask: Ask) -> Json:
    wanted = _wanted(ask.get("state"))
    facts, (board, lines) = city.city_row(), signs.traced(subject.text)
    units = facts["units"] if ask.lang == "en" else {}
    every = [cell(sign, lines.get(sign["code"]), units) for sign in board["signs"]]
    shown = [row for row in every if wanted in ("all", row["state"])]
    return {
        "text.live": board["live"],
        "text.expected": board["expected"],
        "text.share": board["live"] / board["expected"] if board["expected"] else None,
        "text.state": wanted,
        "rows.states": states(every, wanted),
        "rows.levels": [
            {"id": word, "n": n} for word in (*BAD, "stale", "none") if (n := _level(every, word))
        ],
        "rows.domains": domains(facts["domains"], shown),
        "rows.signs": shown,
        "rows.children": below(subject.text),
    }


def _wanted(given: str | None) -> str:
    if given is not None and given not in STATES:
        raise Refusal(
            "bad_value", f"没有状态筛选 {given}", f"there is no filter of state {given}", field="state"
        )
    return given or "all"


def cell(sign: Row, spark: Sequence[float | None] | None, units: Mapping[str, str]) -> Json:
    return {
        "id": sign["code"],
        **{name: sign[name] for name in SHOWN},
        "unit": units.get(sign["unit"], sign["unit"]),
        "state": state_of(sign),
        "spark": None if spark is None else [_short(value) for value in spark],
    }


def state_of(sign: Row) -> str:
    """A value lent from above is never one of the place's own, and no gap of it."""
    if sign["from"]:
        return "lent"
    if not sign["expected"]:
        return "unmeasured"
    return "abnormal" if sign["status"] in BAD else str(sign["status"])


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")


def states(every: Sequence[Row], wanted: str) -> list[Json]:
    """The first four always, so that nobody looks for a button that went away."""
    counted = {name: sum(row["state"] == name for row in every) for name in STATES} | {"all": len(every)}
    return [
        {"id": name, "n": counted[name], "on": name == wanted}
        for name in STATES
        if name in ALWAYS or counted[name] or name == wanted
    ]


def _level(every: Sequence[Row], word: str) -> int:
    return sum(row["status"] == word and bool(row["expected"]) for row in every)


def domains(named: Sequence[Row], shown: Sequence[Row]) -> list[Json]:
    """In the city's order; one without a sign to show is left out."""
    names = {row["code"]: {"zh": row["name_zh"], "en": row["name_en"]} for row in named}
    names |= {
        row["domain"]: {"zh": row["domain"], "en": row["domain"]}
        for row in shown
        if row["domain"] not in names
    }
    found = [
        domain(code, name, [row for row in shown if row["domain"] == code]) for code, name in names.items()
    ]
    return [row for row in found if row["n"]]


def domain(code: str, name: Row, own: Sequence[Row]) -> Json:
    return {
        "id": code,
        "name": name,
        "n": len(own),
        "abnormal": sum(row["state"] == "abnormal" for row in own),
    }


def below(place: str) -> list[Json]:
    """For the strip: each child with its worst status, in code order."""
    glances = {row["place"]: row for row in signs.summary(place)["children"]}
    return [
        {"id": code, "name": name, "status": glances[code]["status"] if glances[code]["expected"] else None}
        for code, name in sign_page.below(place).items()
    ]


_frame.register_page(
    __name__,
    name="signs",
    path="/signs/<place>",
    state=state,
    body=skeleton.body,
    kinds=("signs", "city"),
    filters=("state",),
)
