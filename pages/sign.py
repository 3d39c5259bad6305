"""Sign: how bad is it here, since when, is that usual, can it be trusted, and what came of it?"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from components import sign as skeleton
from components import sign_chart, sign_facts, text
from components.sign_course import Course, is_drawn, legend, picture
from data.domain.limit import drawn, limits_of
from data.domain.rights import Viewer
from data.domain.sign import WORDS
from data.domain.stretch import WINDOWS, Stretch, grains, stretch
from data.live import Ask, Subject
from data.queries import city, places, sign_page
from pages import _frame

Json = dict[str, Any]
Row = Mapping[str, Any]

MOST_BESIDE = 6
DIGITS = 4
SQUEEZED = 3  # times its own height


def subject(subject_text: str, viewer: Viewer) -> Subject:
    """`WX11/420106`."""
    code, _, place = subject_text.partition("/")
    found = places.seen(viewer, place)
    sign_page.check(code)
    return Subject(subject_text, found["path"])


def state(subject: Subject, ask: Ask) -> Json:
    code, here = subject.text.split("/")
    facts, stand = city.city_row(), sign_page.standing(code, subject.path)
    sign = named(stand["sign"], facts["units"] if ask.lang == "en" else {})
    beside, notes = others(sign, here, ask.get("with"))
    seen = asked_stretch(sign, beside, ask)
    course = Course(sign, beside, **sign_page.course(sign, beside, seen), seen=seen)
    drawing = picture(
        course, title=title(sign, stand, ask.lang), zone=ZoneInfo(facts["timezone"]), lang=ask.lang
    )
    shown = is_drawn(drawing)
    return {
        "text.simulated": sign["simulated"],
        "text.why": why(sign, is_drawn=shown),
        "text.beside": {"n": len(beside), "most": MOST_BESIDE},
        "rows.head": [head(sign, here, stand)],
        "rows.notes": [*notes, *refused(seen)],
        **controls(sign, here, beside, seen),
        **around(stand, [row["code"] for row in beside], sign),
        "rows.facts": sign_facts.definition(sign, domain(sign, facts)),
        "rows.flags": sign_facts.flags(sign),
        "rows.legend": legend(drawing, course),
        "rows.incidents": sign_page.incidents(code, subject.path, sign["now"]),
        "rows.quality": sign_facts.quality(sign, course.hours),
        "chart.series": sign_chart.figure(drawing, text.speaker(ask.lang)) if shown else None,
    }


def asked_stretch(sign: Row, beside: Sequence[Row], ask: Ask) -> Stretch:
    return stretch(
        ask.get("window"), ask.get("grain"), period=_span(sign["period"]), measured=sign["leaf"],
        readable=_readable(sign, beside), now=sign["now"],
    )  # fmt: skip


def _readable(sign: Row, beside: Sequence[Row]) -> bool:
    return any(row["leaf"] for row in (sign, *beside))


def refused(seen: Stretch) -> list[Json]:
    return [note(f"no_{seen.refused}", grain=seen.grain)] if seen.refused else []


def title(sign: Row, stand: Row, lang: str) -> str:
    """What is lent from above says so in a picture that is taken away."""
    names = [sign["name"], *(row["name"] for row in stand["above"] if row["code"] == sign["shown"])]
    return " · ".join(text.name(name, lang) for name in names)


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def named(sign: Row, units: Mapping[str, str]) -> Json:
    status = None if sign["id"] is None else WORDS[sign["status"]]
    return {
        **sign,
        "name": _two(sign, "name"),
        "department": _two(sign, "department") if sign["department_zh"] else None,
        "unit": units.get(sign["unit"], sign["unit"]),
        "status": status,
        "leaf": bool(sign["leaf"]),
    }


def domain(sign: Row, facts: Row) -> dict[str, str] | str:
    found = next((row for row in facts["domains"] if row["code"] == sign["domain"]), None)
    return _two(found, "name") if found else sign["domain"]


def _two(row: Row, of: str) -> dict[str, str]:
    return {"zh": row[f"{of}_zh"], "en": row[f"{of}_en"]}


# ── beside it ───────────────────────────────────────────────────────────────────────────────────
def others(sign: Row, here: str, given: str | None) -> tuple[list[Row], list[Json]]:
    """The series to be drawn beside, and in words why the others are not."""
    asked = list(dict.fromkeys(code for code in (given or "").split(",") if code and code != here))
    found = sign_page.beside(sign["code"], asked[:MOST_BESIDE])
    rows = [found[code] for code in asked if code in found]
    kind = next((row["simulated"] for row in (sign, *rows) if row["at"] is not None), False)
    mixed = [row for row in rows if row["at"] is not None and row["simulated"] != kind]
    notes = [note("not_measured", code) for code in asked[:MOST_BESIDE] if code not in found]
    notes += [
        note(
            "simulated_over_real" if row["simulated"] else "real_over_simulated",
            row["code"],
            name=row["name"],
        )
        for row in mixed
    ]
    notes += [note("too_many", most=MOST_BESIDE)] if asked[MOST_BESIDE:] else []
    return [row for row in rows if row not in mixed], notes


def note(kind: str, code: str = "", **fill: Any) -> Json:
    return {"id": f"{kind} {code}", "kind": kind, "code": code, **fill}


def controls(sign: Row, here: str, beside: Sequence[Row], seen: Stretch) -> Json:
    """Every way to see it otherwise is an address; nothing to see, no ways."""
    base, code = f"/sign/{sign['code']}/{here}", sign["code"]
    asked = {"window": seen.window, "grain": seen.grain, "with": ",".join(row["code"] for row in beside)}
    able = {window: grains(window, readable=_readable(sign, beside)) for window in WINDOWS}
    if sign["id"] is None and not beside:
        able = {}
    csv = {"id": "csv", "path": f"/api/v1/signs/{code}/children", "asked": {"place": here, "format": "csv"}}
    return {
        "rows.windows": [
            way("window", name, base, chosen=seen.window, asked=asked | _without(seen.grain, able[name]))
            for name in able
        ],
        "rows.grains": [
            way("grain", name, base, chosen=seen.grain, asked=asked) for name in able.get(seen.window, ())
        ],
        "rows.export": [export(sign, seen)] if sign["id"] is not None else [],
        "rows.export_children": [csv],
    }


def _without(grain: str, able: Sequence[str]) -> Json:
    """A grain that the other window does not have is chosen anew there."""
    return {} if grain in able else {"grain": ""}


def way(kind: str, name: str, path: str, *, chosen: str, asked: Json) -> Json:
    return {"id": name, "kind": kind, "path": path, "on": name == chosen, "asked": {**asked, kind: name}}


def export(sign: Row, seen: Stretch) -> Json:
    asked = {
        "place": sign["shown"], "from": seen.since.isoformat(), "to": seen.until.isoformat(),
        "grain": seen.grain if sign["leaf"] or seen.grain != "raw" else "hour", "format": "csv",
    }  # fmt: skip
    return {"id": "csv", "path": f"/api/v1/signs/{sign['code']}/series", "asked": asked}


# ── its standing ────────────────────────────────────────────────────────────────────────────────
def head(sign: Row, here: str, stand: Row) -> Json:
    above = [row for row in reversed(stand["above"]) if row["status"]]
    held = None if sign["held"] is None or sign["id"] is None else WORDS[sign["held"]]
    kept = (
        "code",
        "name",
        "value",
        "unit",
        "at",
        "status",
        "live",
        "expected",
        "shown",
        "leaf",
        "fold_space",
        "simulated",
    )
    return {
        "id": sign["code"],
        **{name: sign[name] for name in kept},
        "lent": sign["shown"] is not None and sign["shown"] != here,
        "held": held,
        "since": sign["since"],
        "where": None if sign["leaf"] else extreme(sign, stand),
        "measured_in": next(({"code": row["code"], "name": row["name"]} for row in above), None),
    }  # fmt: skip


def extreme(sign: Row, stand: Row) -> Json | None:
    """The one asset, else the one child, that the value was taken from; none where several are as far."""
    rows = [row for row in stand["posts"] or stand["children"] if row["live"] and row["value"] is not None]
    pick = {"max": max, "min": min}.get(sign["fold_space"])
    if pick is None or not rows:
        return None
    end = pick(row["value"] for row in rows)
    found = [row for row in rows if row["value"] == end]
    row = found[0]
    return {"code": row.get("place", row["code"]), "name": row["name"]} if len(found) == 1 else None


def around(stand: Row, beside: Sequence[str], sign: Row) -> Json:
    children = [row for row in stand["children"] if row["expected"]]
    assets = [
        {"id": row["code"], **row, "unit": sign["unit"], "spark": _short(row["spark"])}
        for row in stand["assets"]
    ]
    ranked = [
        {"id": row["code"], **row, "unit": sign["unit"], "spark": _short(row["spark"])} for row in children
    ]
    groups = {
        "above": stand["above"],
        "siblings": stand["siblings"],
        "children": children,
        "posts": stand["posts"],
    }
    return {
        "rows.children": [
            {"id": row["code"], "name": row["name"], "status": row["status"]} for row in stand["children"]
        ],
        "rows.ranked": ranked,
        "rows.assets": assets,
        "text.assets": {"n": len(stand["posts"]), "shown": len(assets)} if assets else None,
        "text.scale": scale(ranked, sign),
        "rows.choices": [
            {"id": row["code"], "name": row["name"], "group": group, "on": row["code"] in beside}
            for group, rows in groups.items()
            for row in rows
            if row["expected"]
        ],
    }


def _short(spark: Sequence[float | None] | None) -> list[float | None] | None:
    return (
        None
        if spark is None
        else [None if value is None else float(f"{value:.{DIGITS}g}") for value in spark]
    )


def scale(rows: Sequence[Row], sign: Row) -> Json | None:
    """One for all small pictures, with the first limit where it does not squeeze them."""
    values = [value for row in rows for value in row["spark"] or () if value is not None]
    if not values:
        return None
    low, high = min(values), max(values)
    low = 0.0 if 0 <= low < 0.5 * high else low
    first = next(iter(drawn(limits_of(sign))), None)
    if (
        first is not None
        and low < high
        and max(high, first[1]) - min(low, first[1]) > SQUEEZED * (high - low)
    ):
        first = None
    level, limit = first or (None, None)
    ends = [low, high, *([] if limit is None else [limit])]
    return {"low": min(ends), "high": max(ends), "level": level, "limit": limit, "unit": sign["unit"]}


def why(sign: Row, *, is_drawn: bool) -> str | None:
    """No picture: what lacks, as the key of its words."""
    if is_drawn:
        return None
    if sign["id"] is None:
        return "why_unmeasured"
    return "why_never" if sign["at"] is None else "why_silent"


_frame.register_page(
    __name__,
    name="sign",
    path="/sign/<code>/<place>",
    state=state,
    body=skeleton.body,
    kinds=("signs", "incidents", "city"),
    filters=("window", "grain", "with"),
    subject=subject,
)
