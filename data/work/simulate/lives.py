"""What becomes of a case, act by act, from its report to its end?"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import exp, log

from data.domain.incident import Act, Holder, Move, due_at
from data.domain.report import Life, Report
from data.work.simulate.cases import Case, Draw

# Where in a case's time its acts fall, and how long after the one before at most.
_COURSE = {
    Act.VERIFY: (0.03, timedelta(minutes=25)),
    Act.REGISTER: (0.07, timedelta(minutes=40)),
    Act.DISPATCH: (0.12, timedelta(minutes=45)),
    Act.RECEIVE: (0.18, timedelta(hours=2)),
    Act.HANDLE: (0.26, timedelta(hours=8)),
    Act.FINISH: (0.8, timedelta(days=30)),
    Act.APPROVE: (0.86, timedelta(hours=6)),
    Act.CHECK: (0.92, timedelta(hours=8)),
    Act.PASS: (0.96, timedelta(hours=3)),
    Act.CLOSE: (1.0, timedelta(hours=6)),
}
_HALFWAY, _SPREAD = 0.5, 0.42  # a case takes half its limit in the median; about 5 in 100 exceed it
_UNLIMITED = 24.0

# Shares of the fates, in the order they are drawn.
_FATES = (
    ("rejected", 0.045), ("merged", 0.03), ("cancelled", 0.01), ("settled", 0.33), ("returned", 0.03),
    ("rework", 0.035), ("suspended", 0.01), ("forced", 0.004),
)  # fmt: skip

_NOTES = {
    Act.REJECT: "不属于城市管理受理范围，已告知",
    Act.CANCEL: "重复误报，作废",
    Act.MERGE: "与同一地点在办案件重复，合并办理",
    Act.RETURN: "不属于本单位职责范围，退回重新派遣",
    Act.FAIL: "现场核查：问题未完全解决，返工",
    Act.SUSPEND: "涉及工程施工，申请挂账",
    Act.SUPERVISE: "已超期，请尽快处置并反馈",
    Act.FORCE_CLOSE: "长期无法联系责任主体，经批准强制结案",
}


@dataclass(frozen=True, slots=True)
class _Seats:
    """Who acts at which step."""

    centre: Holder
    handler: Holder
    other: Holder


def life(draw: Draw, case: Case, point: tuple[float, float] | None, until: datetime) -> Life:
    """The case as it stands at `until`."""
    report = Report(
        source=case.source.feed, source_id=case.id, kind=case.rule.code, at=case.at, severity=case.severity,
        place=draw.ground.codes[case.place], lon=point and point[0], lat=point and point[1],
        description=draw.words(case),
    )  # fmt: skip
    return Life(report, tuple(move for move in moves(draw, case) if move.at <= until))


def moves(draw: Draw, case: Case) -> list[Move]:
    """All acts after the report, in order; the n-th makes the case's version n + 2."""
    luck = draw.luck(case.id, 24, "life")
    seats = _seats(draw, case)
    limit = due_at(case.at, case.rule.limit, case.rule.unit) or case.at + timedelta(hours=_UNLIMITED)
    steps = list(_steps(_fate(luck[0], limit - case.at), case, luck[1]))
    times = _times(steps, case, limit - case.at, luck[2:])
    found = list(_acts(steps, times, seats))
    return _supervised(found, limit, seats)


def _fate(luck: float, limit: timedelta) -> str:
    """Only what may take days is ever put off."""
    for fate, share in _FATES:
        if luck < share:
            return "ordinary" if fate == "suspended" and limit < timedelta(days=1) else fate
        luck -= share
    return "ordinary"


def _steps(fate: str, case: Case, luck: float) -> Iterator[Act]:
    if luck < case.source.verified:
        yield from (Act.VERIFY, Act.VERIFY)
    if fate in _EARLY:
        yield _EARLY[fate]
        return
    yield Act.REGISTER
    if fate == "settled":
        yield Act.CLOSE
        return
    yield from _handling(fate)


_EARLY = {"rejected": Act.REJECT, "merged": Act.MERGE, "cancelled": Act.CANCEL}


def _handling(fate: str) -> Iterator[Act]:
    yield Act.DISPATCH
    if fate == "returned":
        yield from (Act.RETURN, Act.DISPATCH)
    yield from (Act.RECEIVE, Act.HANDLE)
    if fate == "suspended":
        yield from (Act.SUSPEND, Act.RESUME)
    if fate == "forced":
        yield Act.FORCE_CLOSE
        return
    yield from (Act.FINISH, Act.APPROVE, Act.CHECK)
    if fate == "rework":
        yield from (Act.FAIL, Act.HANDLE, Act.FINISH, Act.APPROVE, Act.CHECK)
    yield from (Act.PASS, Act.CLOSE)


def _times(steps: list[Act], case: Case, limit: timedelta, luck: list[float]) -> list[datetime]:
    """In the case's own time, with a share of luck at each step."""
    whole = limit * (_HALFWAY * _lognormal(luck[0]) * case.haste)
    whole = max(whole, timedelta(minutes=12))
    found = [case.at]
    for number, act in enumerate(steps):
        before = _COURSE.get(steps[number - 1], (0.0, whole))[0] if number else 0.0
        share, longest = _COURSE.get(act, (before + 0.05, timedelta(days=2)))
        part = max(share - before, 0.03) * (0.5 + luck[1 + number % (len(luck) - 1)])
        pause = timedelta(days=4) if act is Act.RESUME else min(whole * part, longest)
        found.append(found[-1] + max(pause, timedelta(seconds=20)))
    return [at.replace(microsecond=0) for at in found[1:]]


def _lognormal(luck: float) -> float:
    """By the logistic curve's inverse, close enough to a normal one."""
    chance = min(max(luck, 0.004), 0.997)
    return exp(_SPREAD * log(chance / (1 - chance)) / 1.7)


def _seats(draw: Draw, case: Case) -> _Seats:
    path = draw.ground.paths[case.place].rstrip("/").split("/")
    district = path[min(1, len(path) - 1)]
    street = path[min(2, len(path) - 1)]
    known = draw.habits.handler_of(case.rule.code)
    department = known.department if known and known.department in draw.ground.departments else None
    handler = Holder(district, department) if department else Holder(street)
    other = Holder(district, "urban" if "urban" in draw.ground.departments else None)
    return _Seats(Holder(district), handler, other)


_ACTORS = {
    Act.VERIFY: "collector", Act.REGISTER: "acceptor", Act.REJECT: "acceptor", Act.CANCEL: "acceptor",
    Act.MERGE: "acceptor", Act.DISPATCH: "dispatcher", Act.SUPERVISE: "supervisor", Act.CHECK: "inspector",
    Act.PASS: "inspector", Act.FAIL: "inspector", Act.CLOSE: "acceptor", Act.FORCE_CLOSE: "supervisor",
}  # fmt: skip


def _acts(steps: list[Act], times: list[datetime], seats: _Seats) -> Iterator[Move]:
    for act, at in zip(steps, times, strict=True):
        yield _move(act, at, seats)
        if act is Act.RETURN:  # whoever gave it back does not get it again
            seats = replace(seats, handler=seats.other)


def _move(act: Act, at: datetime, seats: _Seats) -> Move:
    holder = {
        Act.DISPATCH: seats.handler,
        Act.RETURN: seats.centre,
        Act.APPROVE: seats.centre,
        Act.FAIL: seats.handler,
    }.get(act)
    payload = (("until", (at + timedelta(days=4)).isoformat()),) if act is Act.SUSPEND else ()
    return Move(act, at, _ACTORS.get(act, "handler"), holder, _NOTES.get(act, ""), payload=payload)


def _supervised(found: list[Move], limit: datetime, seats: _Seats) -> list[Move]:
    """Half an hour past its limit an open case is urged once."""
    at = limit + timedelta(minutes=30)
    if found and found[-1].at > at:
        urge = _move(Act.SUPERVISE, at.replace(microsecond=0), seats)
        after = next(n for n, move in enumerate(found) if move.at > at)
        return [*found[:after], urge, *found[after:]]
    return found
