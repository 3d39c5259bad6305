"""How does a report, with whatever became of it, turn into rows?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from data.commands.placing import Spot, spot
from data.db import Conn
from data.domain.event import Event
from data.domain.identity import uuid7
from data.domain.incident import Act, Holder, Move, Standing, advance, begin, due_at
from data.domain.moment import AHEAD, check_when
from data.domain.place import codes_in, district_of
from data.domain.refusal import Refusal, no_city, unknown_place, unknown_sign
from data.domain.report import Life, Report, first_moves
from data.store import classes, clock, mentions, places, sources


@dataclass(frozen=True, slots=True)
class Ground:
    """What the city knows, read once for many reports."""

    now: datetime
    root: str
    zone: ZoneInfo
    places: Mapping[str, Mapping[str, Any]]
    classes: Mapping[str, Mapping[str, Any]]
    assets: frozenset[str]
    signs: frozenset[str]
    simulated: Mapping[str, bool]  # by source


def ground(conn: Conn, lives: Sequence[Life], kind: sources.Kind, *, simulated: bool) -> Ground:
    here = clock.here(conn)
    if here is None:
        raise no_city()
    reports = [life.report for life in lives]
    feeds = sorted({report.source for report in reports})
    return Ground(
        now=here["now"],
        root=here["root"],
        zone=ZoneInfo(here["timezone"]),
        places=places.by_code(conn, _places_named(lives)),
        classes=classes.rules(conn),
        assets=mentions.assets(conn, [report.asset for report in reports if report.asset]),
        signs=mentions.signs(conn, [report.sign for report in reports if report.sign]),
        simulated={feed: sources.know(conn, feed, kind, simulated=simulated)["simulated"] for feed in feeds},
    )


def _places_named(lives: Sequence[Life]) -> Iterable[str]:
    for life in lives:
        if life.report.place is not None:
            yield life.report.place
        yield from (move.holder.place for move in life.moves if move.holder is not None)


@dataclass(frozen=True, slots=True)
class Case:
    """The rows of one case."""

    incident: dict[str, Any]
    events: list[Event]
    spans: list[dict[str, Any]]
    audience: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Draft:
    id: UUID
    report: Report
    spot: Spot
    due: datetime | None
    standings: list[Standing]
    moves: list[Move]


def case(conn: Conn, life: Life, ground: Ground, *, actor: str, as_it_happened: bool, any_past: bool) -> Case:
    """A Refusal says what is wrong with the report or with a move."""
    report = life.report
    check_when(report.at, ground.now, any_past=any_past)
    _check_names(report, ground)
    where = spot(conn, report, ground.places)
    moves = [*first_moves(report, actor, _platform(where)), *life.moves]
    draft = _Draft(uuid7(report.at), report, where, _due(report, ground), _standings(moves, report), moves)
    if moves[-1].at > ground.now + AHEAD:
        raise Refusal("future", "时间在未来", "the time lies in the future", field="closed")
    known = [move.at if as_it_happened else ground.now for move in moves]
    return Case(
        _incident(draft, ground, known[0]),
        _events(draft, ground, known),
        _spans(draft, known),
        _audience(draft, ground, known),
    )


def _check_names(report: Report, ground: Ground) -> None:
    if ground.classes and report.kind not in ground.classes:
        raise Refusal(
            "unknown_class", f"没有类别 {report.kind}", f"no class has the code {report.kind}", field="class"
        )
    if report.asset is not None and report.asset not in ground.assets:
        raise Refusal(
            "unknown_asset", f"没有代码为 {report.asset} 的部件", f"no asset has the code {report.asset}",
            field="asset",
        )  # fmt: skip
    if report.sign is not None and report.sign not in ground.signs:
        raise unknown_sign(report.sign)


def _platform(where: Spot) -> Holder:
    """A new case waits at the district's centre; above the districts at the root's."""
    return Holder(district_of(where.path))


def _due(report: Report, ground: Ground) -> datetime | None:
    rule = ground.classes.get(report.kind)
    if report.due is not None or rule is None or not report.clocks:
        return report.due
    return due_at(report.at, rule["limit"], rule["unit"])


def _standings(moves: Sequence[Move], report: Report) -> list[Standing]:
    standings = [begin(moves[0], report.severity)]
    for move in moves[1:]:
        standings.append(advance(standings[-1], move))
    return standings


def _incident(draft: _Draft, ground: Ground, known_at: datetime) -> dict[str, Any]:
    report, where, last = draft.report, draft.spot, draft.standings[-1]
    until = ground.now if last.is_open else _ended(draft.standings)
    return {
        "id": draft.id, "number": f"{report.at.astimezone(ground.zone):%Y%m%d}",
        "version": last.version, "class": report.kind,
        "severity": last.severity, "state": last.state, "stage": last.stage, "place": where.code,
        "path": where.path, "district": where.district,
        "point": None if report.point is None else "({},{})".format(*report.point),
        "placed": where.placed, "at": report.at, "known_at": known_at, "due": draft.due,
        "overdue": draft.due is not None and draft.due <= until, "open": last.is_open,
        **holder_columns(last.holder), "source": report.source, "source_id": report.source_id,
        "description": report.description, "sign": report.sign, "asset": report.asset,
        "simulated": ground.simulated[report.source],
    }  # fmt: skip


def _ended(standings: Sequence[Standing]) -> datetime:
    """When a case that is over came to its end; what is said of it afterwards makes it no later."""
    at = standings[-1].at
    for standing in reversed(standings):
        if standing.is_open:
            break
        at = standing.at
    return at


def holder_columns(holder: Holder | None) -> dict[str, str | None]:
    return {
        "holder_place": holder.place if holder else None,
        "holder_department": holder.department if holder else None,
        "holder_seat": holder.seat if holder else None,
    }


def _events(draft: _Draft, ground: Ground, known: Sequence[datetime]) -> list[Event]:
    befores = [None, *draft.standings]
    steps = zip(draft.moves, befores, draft.standings, known, strict=False)
    return [
        event_of(
            draft.id, draft.spot.path, move, (before, after),
            known_at=known_at, tier=_tier(after.holder, draft.spot, ground), node=ground.root,
            payload=_said(draft) if before is None else dict(move.payload),
        )
        for move, before, after, known_at in steps
    ]  # fmt: skip


def event_of(
    incident: UUID,
    path: str,
    move: Move,
    change: tuple[Standing | None, Standing],
    *,
    known_at: datetime,
    tier: int,
    node: str,
    payload: Mapping[str, Any],
) -> Event:
    before, after = change
    return Event(
        id=uuid7(known_at), incident=incident, n=after.version, path=path, district=district_of(path),
        at=move.at, known_at=known_at, actor=move.actor, **holder_columns(after.holder), tier=tier,
        act=move.act, from_state=before.state if before else None, to_state=after.state,
        note=move.note, payload={**payload, **_regraded(move, after)}, node=node,
    )  # fmt: skip


def _regraded(move: Move, after: Standing) -> dict[str, Any]:
    """Only in its events does a case keep how grave it once was."""
    return {"severity": after.severity} if move.act is Act.REGRADE else {}


def _said(draft: _Draft) -> dict[str, Any]:
    """The facts of the case at its beginning, without words that may name people."""
    report = draft.report
    return {
        "class": report.kind, "severity": report.severity, "place": draft.spot.code,
        "placed": draft.spot.placed, "lon": _number(report.lon), "lat": _number(report.lat),
        "asset": report.asset,
        "sign": report.sign, "due": draft.due and draft.due.isoformat(), "source": report.source,
        "source_id": report.source_id, "content": report.content,
    }  # fmt: skip


def _number(value: float | None) -> float | None:
    """JSON in the database knows no -0.0, and the log must read as it was written."""
    return None if value is None else value + 0.0


def _tier(holder: Holder | None, where: Spot, ground: Ground) -> int:
    """The holder's; a platform's place lies on the case's own path."""
    if holder is None:
        return where.tier
    codes = codes_in(where.path)
    if holder.place in codes:
        return codes.index(holder.place) + 1
    return int(_place(holder, ground)["tier"])


def _place(holder: Holder, ground: Ground) -> Mapping[str, Any]:
    place = ground.places.get(holder.place)
    if place is None:
        raise unknown_place(holder.place)
    return place


def _spans(draft: _Draft, known: Sequence[datetime]) -> list[dict[str, Any]]:
    """One a change of state, holder or severity; each ends where the next begins."""
    firsts = [
        n for n, after in enumerate(draft.standings) if n == 0 or after.moves_span(draft.standings[n - 1])
    ]
    ends = [draft.moves[n].at for n in firsts[1:]]
    return [
        span_of(draft.id, draft.spot.path, draft.standings[n], known[n], end)
        for n, end in zip(firsts, [*ends, None], strict=True)
    ]


def span_of(
    incident: UUID, path: str, standing: Standing, known_at: datetime, end: datetime | None
) -> dict[str, Any]:
    until = "" if end is None else end.isoformat()
    return {
        "incident": incident, "n": standing.version, "state": standing.state, "path": path,
        "district": district_of(path), **holder_columns(standing.holder), "severity": standing.severity,
        "during": f"[{standing.at.isoformat()},{until})", "known": f"[{known_at.isoformat()},)",
    }  # fmt: skip


def _audience(draft: _Draft, ground: Ground, known: Sequence[datetime]) -> list[dict[str, Any]]:
    """The case's place and every seat that ever held it."""
    seats: dict[tuple[str, str | None], datetime] = {(draft.spot.path, None): known[0]}
    for after, known_at in zip(draft.standings, known, strict=True):
        if after.holder is not None:
            seats.setdefault(
                (_holder_path(after.holder, draft.spot, ground), after.holder.department), known_at
            )
    return [seat(draft.id, path, department, since) for (path, department), since in seats.items()]


def seat(incident: UUID, path: str, department: str | None, since: datetime) -> dict[str, Any]:
    return {"incident": incident, "path": path, "department": department, "since": since}


def _holder_path(holder: Holder, where: Spot, ground: Ground) -> str:
    codes = codes_in(where.path)
    if holder.place in codes:
        return "".join(f"{code}/" for code in codes[: codes.index(holder.place) + 1])
    return str(_place(holder, ground)["path"])
