"""Sign: how bad is it here, since when, is that usual, can it be trusted, and what came of it?"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from components import sign as skeleton
from components import sign_chart, text
from components.sign_chart import Line, Picture
from data.domain.gap import Gap, gaps
from data.domain.place import codes_in
from data.domain.quality import Hour, presence
from data.domain.refusal import Refusal
from data.domain.rights import Viewer
from data.domain.sign import WORDS
from data.domain.stretch import STEPS, WINDOWS, Stretch, grains, stretch
from data.domain.threshold import thresholds
from data.domain.urgency import BAD
from data.live import Ask, Subject
from data.queries import city, places, sign_page
from pages import _frame

Json = dict[str, Any]
Row = Mapping[str, Any]

MOST_BESIDE = 6
WEEK, DAY, HOUR = timedelta(days=7), timedelta(days=1), timedelta(hours=1)
DIGITS = 4
NO_POINT: list[Row] = []


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
    measured = any(row["leaf"] for row in (sign, *beside))
    seen = stretch(
        ask.get("window"), ask.get("grain"), period=_span(sign["period"]), measured=measured, now=sign["now"]
    )
    course = sign_page.course(sign, beside, seen)
    picture = drawn(sign, beside, course, seen, zone=ZoneInfo(facts["timezone"]), lang=ask.lang, names=_names(stand, here))
    if seen.refused:
        notes.append({"id": "grain", "kind": f"no_{seen.refused}", "grain": seen.grain})
    return {
        "text.simulated": sign["simulated"],
        "text.why": why(sign, picture),
        "text.beside": {"n": len(beside), "most": MOST_BESIDE},
        "rows.head": [head(sign, here, stand)],
        "rows.notes": notes,
        **controls(sign, here, beside, seen, measured=measured),
        **around(stand, [row["code"] for row in beside], sign),
        **known(sign, facts),
        "rows.legend": legend(picture),
        "rows.incidents": sign_page.incidents(code, subject.path, sign["now"]),
        "rows.quality": quality(sign, course["hours"]),
        "chart.series": sign_chart.figure(picture, text.speaker(ask.lang)) if _is_drawn(picture) else None,
    }


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


def _two(row: Row, of: str) -> dict[str, str]:
    return {"zh": row[f"{of}_zh"], "en": row[f"{of}_en"]}


def _names(stand: Row, here: str) -> dict[str, Row]:
    return {row["code"]: row["name"] for part in ("above", "siblings") for row in stand[part]}


# ── beside it ───────────────────────────────────────────────────────────────────────────────────
def others(sign: Row, here: str, given: str | None) -> tuple[list[Row], list[Json]]:
    """The series to be drawn beside, and in words why the others are not."""
    asked = list(dict.fromkeys(code for code in (given or "").split(",") if code and code != here))
    found = sign_page.beside(sign["code"], asked[:MOST_BESIDE])
    notes = [{"id": code, "kind": "not_measured", "code": code} for code in asked[:MOST_BESIDE] if code not in found]
    if asked[MOST_BESIDE:]:
        notes.append({"id": "many", "kind": "too_many", "most": MOST_BESIDE})
    rows = [found[code] for code in asked if code in found]
    kind = sign["simulated"] if sign["at"] is not None else rows and rows[0]["simulated"]
    notes += [
        {"id": row["code"], "kind": "simulated_over_real" if row["simulated"] else "real_over_simulated", "name": row["name"]}
        for row in rows
        if row["simulated"] != kind
    ]
    return [row for row in rows if row["simulated"] == kind], notes


def controls(sign: Row, here: str, beside: Sequence[Row], seen: Stretch, *, measured: bool) -> Json:
    """Every way to see it otherwise is an address."""
    base = f"/sign/{sign['code']}/{here}"
    codes = ",".join(row["code"] for row in beside) or None
    asked = {"window": seen.window, "grain": seen.grain, "with": codes}
    able = {window: grains(window, measured=measured) for window in WINDOWS}
    return {
        "rows.windows": [
            {"id": name, "kind": "window", "path": base, "on": name == seen.window, "asked": {**asked, "window": name, "grain": seen.grain if seen.grain in able[name] else None}}
            for name in WINDOWS
        ],
        "rows.grains": [
            {"id": name, "kind": "grain", "path": base, "on": name == seen.grain, "asked": {**asked, "grain": name}}
            for name in STEPS
            if name in able[seen.window]
        ],
        "rows.export": [export(sign, seen)] if sign["id"] is not None else [],
        "rows.export_children": [
            {"id": "csv", "path": f"/api/v1/signs/{sign['code']}/children", "asked": {"place": here, "format": "csv"}}
        ],
    }  # fmt: skip


def export(sign: Row, seen: Stretch) -> Json:
    asked = {
        "place": sign["shown"], "from": seen.since.isoformat(), "to": seen.until.isoformat(),
        "grain": seen.grain if sign["leaf"] or seen.grain != "raw" else "hour", "format": "csv",
    }  # fmt: skip
    return {"id": "csv", "path": f"/api/v1/signs/{sign['code']}/series", "asked": asked}


# ── its standing ────────────────────────────────────────────────────────────────────────────────
def head(sign: Row, here: str, stand: Row) -> Json:
    held = None if sign["held"] is None or sign["id"] is None else WORDS[sign["held"]]
    kept = ("code", "name", "value", "unit", "at", "status", "live", "expected", "shown", "leaf", "fold_space", "simulated")
    return {
        "id": sign["code"],
        **{name: sign[name] for name in kept},
        "lent": sign["shown"] is not None and sign["shown"] != here,
        "held": held,
        "since": sign["since"],
        "where": None if sign["leaf"] else extreme(sign, stand),
        "measured_in": next(
            ({"code": row["code"], "name": row["name"]} for row in reversed(stand["above"]) if row["status"]), None
        ),
    }  # fmt: skip


def extreme(sign: Row, stand: Row) -> Json | None:
    """The asset, else the child, that the value was taken from."""
    rows = [row for row in stand["posts"] or stand["children"] if row["live"] and row["value"] is not None]
    pick = {"max": max, "min": min}.get(sign["fold_space"])
    ranked = [row for row in stand["assets"] or stand["children"] if row["live"] and row["value"] is not None]
    found = pick(rows, key=lambda row: row["value"]) if pick and rows else ranked[0] if ranked else None
    if found is None or sign["fold_space"] not in ("max", "min", "worst", "none"):
        return None
    return {"code": found.get("place", found["code"]), "name": found["name"], "value": found["value"]}


def around(stand: Row, beside: Sequence[str], sign: Row) -> Json:
    children = [row for row in stand["children"] if row["expected"]]
    assets = [{"id": row["code"], **row, "unit": sign["unit"], "spark": _short(row["spark"])} for row in stand["assets"]]
    ranked = [{"id": row["code"], **row, "unit": sign["unit"], "spark": _short(row["spark"])} for row in children]
    groups = {"above": stand["above"], "siblings": stand["siblings"], "children": children, "posts": stand["posts"]}
    return {
        "rows.children": [{"id": row["code"], "name": row["name"], "status": row["status"]} for row in stand["children"]],
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
    return None if spark is None else [None if value is None else float(f"{value:.{DIGITS}g}") for value in spark]


def scale(rows: Sequence[Row], sign: Row) -> Json | None:
    """One for all small pictures, with the first limit where it does not squeeze them."""
    values = [value for row in rows for value in row["spark"] or () if value is not None]
    if not values:
        return None
    low, high = min(values), max(values)
    low = 0.0 if 0 <= low < 0.5 * high else low
    level, limit = next(iter(limits_of(sign)), (None, None))
    near = limit is not None and max(high, limit) - min(low, limit) <= 3 * (high - low)
    return {
        "low": min(low, limit) if near and limit is not None else low,
        "high": max(high, limit) if near and limit is not None else high,
        "level": level if near else None,
        "limit": limit if near else None,
        "unit": sign["unit"],
    }


# ── what is known of it ─────────────────────────────────────────────────────────────────────────
def known(sign: Row, facts: Row) -> Json:
    domain = next((row for row in facts["domains"] if row["code"] == sign["domain"]), None)
    levels = limit_rows(sign)
    rows = [
        {"id": "domain", "name": _two(domain, "name") if domain else sign["domain"]},
        {"id": "unit", "unit": sign["unit"], "period": sign["period"]},
        {"id": "measured", "tier": sign["tier"], "kind": sign["kind"], "expected": sign["expected"]},
        {"id": "direction", "direction": sign["direction"]},
        {"id": "limits", "levels": levels},
        {"id": "hold", "slack": sign["slack"] or None, "hysteresis": sign["hysteresis"], "unit": sign["unit"], "hold": sign["hold"]},
        {"id": "freshness", "span": sign["freshness"]},
        {"id": "fold", "time": sign["fold_time"], "space": sign["fold_space"], "weight": sign["weight"], "weighted": sign["weighted"]},
        {"id": "owner", "name": sign["department"]},
        {"id": "source", "text": sign["source"] or None},
    ]  # fmt: skip
    unweighted = sign["fold_space"] == "mean" and sign["weight"] != "1" and not sign["weighted"]
    flags = {
        "no_baseline": any(level["need"] == "baseline" for level in levels),
        "no_capacity": any(level["need"] == "capacity" for level in levels),
        "unweighted": unweighted,
        "illustrative": sign["illustrative"],
    }
    return {"rows.facts": rows, "rows.flags": [{"id": name} for name, true in flags.items() if true]}


def limit_rows(sign: Row) -> list[Json]:
    """Of each level its ends in the sign's unit; `need` = what lacks to know them."""
    cells = (sign["t1"], sign["t2"], sign["t3"])
    levels = thresholds(sign["direction"], *cells)
    found = []
    for number, (word, cell, level) in enumerate(zip(reversed(BAD), cells, levels, strict=True)):
        if level is None:
            continue
        low, high = (ends[number] if ends else None for ends in (sign["lo"], sign["hi"]))
        if level.measure == "absolute":
            low, high = level.low, level.high
        need = level.measure.value if low is None and high is None else None
        found.append({"id": word, "low": low, "high": high, "cell": cell.strip(), "need": need})
    return found


def limits_of(sign: Row) -> list[tuple[str, float]]:
    """(status word, value), the mildest first."""
    return [(row["id"], value) for row in limit_rows(sign) for value in (row["low"], row["high"]) if value is not None]


def quality(sign: Row, hours: Sequence[Row]) -> list[Json]:
    """Nothing where hours say nothing: of a sign that comes once a day, or as things happen."""
    if sign["id"] is None:
        return [{"id": "reported", "share": None, "why": "unmeasured"}]
    silent = {"id": "silent", "n": (sign["expected"] or 0) - (sign["live"] or 0), "expected": sign["expected"]}
    if sign["period"] is None or timedelta(seconds=sign["period"]) > HOUR:
        return [{"id": "reported", "share": None, "why": "slow" if sign["period"] else "event"}, silent]
    found = presence([Hour(row["at"], row["live"], row["expected"]) for row in hours], sign["expected"], sign["now"])
    return [
        {"id": "reported", "share": found.share, "present": found.present, "due": found.due, "why": None},
        {"id": "gaps", "n": found.gaps, "longest": found.longest.total_seconds() if found.gaps else None},
        silent,
    ]


# ── its course ──────────────────────────────────────────────────────────────────────────────────
def drawn(
    sign: Row, beside: Sequence[Row], course: Row, seen: Stretch, *, zone: ZoneInfo, lang: str, names: Mapping[str, Row]
) -> Picture:
    say, own = text.speaker(lang), course["points"].get(sign["id"], NO_POINT)
    buckets = course["hours"] if seen.grain == "raw" and sign["leaf"] else own
    silent = _silences(sign, own, course["hours"], seen)
    here = [row for row in own if row["at"] >= seen.since]
    comparable = seen.grain != "raw" or not sign["leaf"] or sign["fold_time"] != "sum"
    title = text.name(sign["name"], lang)
    lent = names.get(sign["shown"])
    return Picture(
        title=title if lent is None or sign["id"] is None else f"{title} · {text.name(lent, lang)}",
        unit=sign["unit"], since=seen.since, until=seen.until, zone=zone, status=sign["status"],
        main=Line(say("sign.now"), _broken([(row["at"], row["value"]) for row in here], silent)),
        yesterday=_shifted(say("time.yesterday"), buckets, DAY, seen) if comparable and seen.window == "24h" else None,
        week=_shifted(say("time.last_week"), buckets, WEEK, seen) if comparable else None,
        beside=[Line(text.name(row["name"], lang), _beside(course["points"].get(row["id"], NO_POINT), sign, row, seen)) for row in beside],
        band=_band(here, say) if sign["fold_space"] == "none" and not sign["leaf"] else None,
        gaps=silent, limits=limits_of(sign), centre=sign["direction"] == "B",
    )  # fmt: skip


def _silences(sign: Row, points: Sequence[Row], hours: Sequence[Row], seen: Stretch) -> list[Gap]:
    step = seen.step if seen.grain != "raw" or sign["leaf"] else HOUR
    begun = any(row["at"] + HOUR <= seen.since for row in hours)
    silence = max(timedelta(seconds=sign["freshness"]), step)
    return gaps(points, Gap(seen.since, sign["now"]), step=step, silence=silence, begun=begun)


def _broken(points: Sequence[sign_chart.Point], silent: Sequence[Gap]) -> list[sign_chart.Point]:
    """A silence is no line from one end to the other."""
    holes: list[sign_chart.Point] = [(gap.since + gap.length / 2, None) for gap in silent]
    return sorted([*points, *holes], key=lambda point: point[0])


def _beside(points: Sequence[Row], sign: Row, row: Row, seen: Stretch) -> list[sign_chart.Point]:
    step = seen.step if seen.grain != "raw" or row["leaf"] else HOUR
    silence = max(timedelta(seconds=sign["freshness"]), step)
    silent = gaps(points, Gap(seen.since, sign["now"]), step=step, silence=silence)
    return _broken([(point["at"], point["value"]) for point in points], silent)


def _shifted(name: str, buckets: Sequence[Row], back: timedelta, seen: Stretch) -> Line | None:
    """As it was then, laid under the same hours; beside readings an hour stands at its middle."""
    middle = HOUR / 2 if seen.grain == "raw" else timedelta(0)
    moved = [(row["at"] + back + middle, row) for row in buckets]
    points = [(at, row["value"]) for at, row in moved if seen.since <= at < seen.until and row["value"] is not None]
    return Line(name, points) if len(points) > 1 else None


def _band(rows: Sequence[Row], say: Any) -> tuple[Line, Line] | None:
    edges = [[(row["at"], row[end]) for row in rows if row[end] is not None] for end in ("low", "high")]
    return (Line(say("sign.lowest"), edges[0]), Line(say("sign.highest"), edges[1])) if all(edges) else None


def _is_drawn(picture: Picture) -> bool:
    lines = (picture.main, *picture.beside, *(picture.band or ()))
    return any(value is not None for line in lines for _, value in line.points)


def why(sign: Row, picture: Picture) -> str | None:
    """No picture: what lacks, as the key of its words."""
    if _is_drawn(picture):
        return None
    if sign["id"] is None:
        return "why_unmeasured"
    return "why_never" if sign["at"] is None else "why_silent"


def legend(picture: Picture) -> list[Json]:
    there = {
        "now": any(value is not None for _, value in picture.main.points), "yesterday": picture.yesterday,
        "week": picture.week, "band": picture.band, "gap": picture.gaps,
    }  # fmt: skip
    return [{"id": name} for name, true in there.items() if true] if _is_drawn(picture) else []


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
