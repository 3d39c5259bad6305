"""Which rows does a day of made-up cases come to? One seed, one day, whatever stands before it."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from data.domain.place import codes_in, district_of

SEED = 4201
TABLES = {
    "incident": (
        "id, number, version, class, severity, state, stage, place, path, district, point, placed, at,"
        " known_at, due, overdue, open, holder_place, holder_department, source, source_id, description"
    ),
    "event": (
        "id, incident, n, path, district, at, known_at, actor, holder_place, holder_department, tier, act,"
        " from_state, to_state, note, payload, node, hash"
    ),
    "span": ("incident, n, state, path, district, holder_place, holder_department, severity, during, known"),
    "audience": "incident, path, department, since",
}
WORKED = (
    ("report", "reported", 1), ("register", "accepted", 2), ("dispatch", "dispatched", 3),
    ("receive", "pending_handle", 4), ("handle", "handling", 4), ("finish", "handle_finish", 4),
    ("approve", "pending_check", 5), ("check", "checking", 6), ("pass", "check_pass", 6),
    ("close", "closed", 6),
)  # fmt: skip
SETTLED = (("report", "reported", 1), ("close", "closed", 6))
REFUSED = (("report", "reported", 1), ("reject", "not_accepted", 2))
LIVES = (WORKED, SETTLED, REFUSED)
OFTEN = (0.45, 0.45, 0.10)
ENDS = frozenset({"closed", "not_accepted"})
SEVERITIES, GRADES = (None, 4, 3, 2, 1), (0.62, 0.24, 0.10, 0.03, 0.01)
SOURCES = ("bench-calls", "bench-grid", "bench-police")
HOURS = 2.2  # a step of a case that is worked on, in the mean
LONGEST = timedelta(days=7)
NOTES = {"reject": "不属于受理范围"}
DAY = timedelta(days=1)
NULL = r"\N"


@dataclass(frozen=True)
class Spot:
    code: str
    path: str
    lon: float | None
    lat: float | None


@dataclass(frozen=True)
class Town:
    """What of a city its cases need. `limits`: by class code, hours or none."""

    root: str
    spots: Sequence[Spot]
    weights: Sequence[float]
    limits: dict[str, float | None]
    departments: Sequence[str]


@dataclass
class Rows:
    """Lines for COPY by table."""

    lines: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in TABLES})

    def text(self, table: str) -> str:
        return "".join(self.lines[table])


@dataclass(frozen=True)
class Drawn:
    """One case before it has rows."""

    id: str
    number: str
    at: datetime
    spot: Spot
    kind: str
    severity: int | None
    source: str
    department: str
    steps: Sequence[tuple[str, str, int]]
    times: list[datetime]
    due: datetime | None
    dice: str  # hex digits for ids


def day(town: Town, moment: datetime, back: int, count: int) -> Rows:
    """The cases of the `back`-th day before the moment, as they stand at the moment."""
    rows = Rows()
    for case in drawn(town, moment, back, count):
        _write(rows.lines, town, case, moment)
    return rows


def drawn(town: Town, moment: datetime, back: int, count: int) -> Iterator[Drawn]:
    chance = np.random.default_rng([SEED, back])
    since, width = moment - (back + 1) * DAY, 20 * (len(WORKED) + 1)
    seconds = (np.sort(chance.random(count)) * DAY.total_seconds()).tolist()
    places = chance.choice(len(town.spots), count, p=np.asarray(town.weights) / sum(town.weights)).tolist()
    kinds, classes = chance.integers(len(town.limits), size=count).tolist(), list(town.limits)
    lives = chance.choice(len(LIVES), count, p=OFTEN).tolist()
    grades = chance.choice(len(SEVERITIES), count, p=GRADES).tolist()
    others = chance.integers(1 << 30, size=(count, 2)).tolist()
    gaps = (chance.exponential(HOURS * 3600, size=(count, len(WORKED))) + 1).cumsum(axis=1).tolist()
    dice = chance.bytes(count * width // 2).hex()
    for n in range(count):
        at = since + timedelta(seconds=seconds[n])
        kind, mine = classes[kinds[n]], dice[n * width : (n + 1) * width]
        limit, steps = town.limits[kind], LIVES[lives[n]]
        yield Drawn(
            id=uuid7(at, mine[:20]),
            number=f"{at:%Y%m%d}{(back + 1) * 1_000_000 + n}",
            at=at,
            spot=town.spots[places[n]],
            kind=kind,
            severity=SEVERITIES[grades[n]],
            source=SOURCES[others[n][0] % len(SOURCES)],
            department=town.departments[others[n][1] % len(town.departments)] if town.departments else "",
            steps=steps,
            times=_times(at, gaps[n][: len(steps) - 1], moment),
            due=None if limit is None else at + timedelta(hours=limit),
            dice=mine[20:],
        )


def _times(at: datetime, after: list[float], moment: datetime) -> list[datetime]:
    """Of the steps that have been taken by the moment; two that are cut do not fall on one time."""
    most = LONGEST.total_seconds()
    times = [at, *(at + timedelta(seconds=min(one, most + n)) for n, one in enumerate(after))]
    return [time for time in times if time <= moment]


def uuid7(at: datetime, dice: str) -> str:
    """Like data.domain.identity, from given chance: 20 hex digits."""
    ms = f"{int(at.timestamp() * 1000):012x}"
    variant = "89ab"[int(dice[19], 16) & 3]
    return f"{ms[:8]}-{ms[8:]}-7{dice[:3]}-{variant}{dice[3:6]}-{dice[6:18]}"


# ── rows ────────────────────────────────────────────────────────────────────────────────────────
def _write(lines: dict[str, list[str]], town: Town, case: Drawn, moment: datetime) -> None:
    district = district_of(case.spot.path)
    lines["incident"].append(_incident(case, district, moment))
    lines["event"] += _events(town, case, district)
    lines["span"] += _spans(case, district)
    lines["audience"] += _audience(case)


def _held(case: Drawn, n: int) -> str:
    """The department that holds the case after its n-th step: from the third on, if it is worked on."""
    return case.department if case.steps is WORKED and n >= 2 else ""


def _incident(case: Drawn, district: str, moment: datetime) -> str:
    _, state, stage = case.steps[len(case.times) - 1]
    is_open, spot, at = state not in ENDS, case.spot, case.at.isoformat()
    late = case.due is not None and case.due <= (moment if is_open else case.times[-1])
    point = NULL if spot.lon is None else f"({spot.lon},{spot.lat})"
    return (
        f"{case.id}\t{case.number}\t{len(case.times)}\t{case.kind}\t{case.severity or NULL}\t{state}\t{stage}"
        f"\t{spot.code}\t{spot.path}\t{district}\t{point}\tgiven\t{at}\t{at}"
        f"\t{case.due.isoformat() if case.due else NULL}\t{late}\t{is_open}\t{district}"
        f"\t{_held(case, len(case.times) - 1) or NULL}\t{case.source}\t{case.number}\t{_words(case)}\n"
    )


def _words(case: Drawn) -> str:
    return f"{case.kind} 市民反映，请核实处理"


def _events(town: Town, case: Drawn, district: str) -> Iterator[str]:
    """The hash is of the text that data.domain.event makes of an entry, put together here for speed."""
    path, tier = case.spot.path, min(2, case.spot.path.count("/"))
    last, before = "", None
    for n, at in enumerate(case.times):
        act, state, _ = case.steps[n]
        when = f"{at.isoformat(timespec='microseconds')[:26]}Z"
        id, held = uuid7(at, case.dice[n * 20 : n * 20 + 20]), _held(case, n)
        note, payload = NOTES.get(act, ""), "{}" if n else _payload(case)
        text = (
            f'{{"act":"{act}","actor":"bench","at":"{when}","district":"{district}",'
            f'"from_state":{_quoted(before)},"holder_department":{_quoted(held)},"holder_place":"{district}",'
            f'"holder_seat":null,"id":"{id}","incident":"{case.id}","known_at":"{when}","n":{n + 1},'
            f'"node":"{town.root}","note":"{note}","path":"{path}","payload":{payload},"tier":{tier},'
            f'"to_state":"{state}"}}'
        )
        last = f"sha256:{hashlib.sha256((last + text).encode()).hexdigest()}"
        yield (
            f"{id}\t{case.id}\t{n + 1}\t{path}\t{district}\t{when}\t{when}\tbench\t{district}"
            f"\t{held or NULL}\t{tier}\t{act}\t{before or NULL}\t{state}\t{note}\t{payload}\t{town.root}"
            f"\t{last}\n"
        )
        before = state


def _quoted(text: str | None) -> str:
    return f'"{text}"' if text else "null"


def _payload(case: Drawn) -> str:
    spot = case.spot
    content = [
        case.kind, case.severity, spot.code, spot.lon, spot.lat, None, None, _words(case),
        case.at.isoformat(),
    ]  # fmt: skip
    said = {
        "asset": None, "class": case.kind,
        "content": hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest(),
        "due": case.due and case.due.isoformat(), "lat": spot.lat, "lon": spot.lon, "place": spot.code,
        "placed": "given", "severity": case.severity, "sign": None, "source": case.source,
        "source_id": case.number,
    }  # fmt: skip
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False)


def _spans(case: Drawn, district: str) -> Iterator[str]:
    """Every step here moves the state: one span a step."""
    whens = [time.isoformat() for time in case.times]
    for n, (since, until) in enumerate(zip(whens, [*whens[1:], ""], strict=True)):
        yield (
            f"{case.id}\t{n + 1}\t{case.steps[n][1]}\t{case.spot.path}\t{district}\t{district}"
            f"\t{_held(case, n) or NULL}\t{case.severity or NULL}\t[{since},{until})\t[{since},)\n"
        )


def _audience(case: Drawn) -> Iterator[str]:
    codes = codes_in(case.spot.path)
    above = f"{codes[0]}/{codes[1]}/" if len(codes) > 1 else case.spot.path
    seats = {(case.spot.path, ""): 0, (above, ""): 0}
    if len(case.times) > 2 and (held := _held(case, 2)):
        seats[above, held] = 2
    for (path, department), n in seats.items():
        yield f"{case.id}\t{path}\t{department or NULL}\t{case.times[n].isoformat()}\n"
