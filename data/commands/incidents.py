"""What may be done with cases: report, move on, live a whole life, fall overdue?"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from data import db
from data.commands import filing
from data.commands.filing import Case, Ground
from data.commands.shedding import refuse_when_short
from data.config.room import Room
from data.db import Conn
from data.domain.incident import Holder, Move, Standing, State, advance
from data.domain.moment import check_when
from data.domain.refusal import Refusal, unknown_place
from data.domain.report import Life, Report, check
from data.store import clock, events, incidents, news, places, sources, spans


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of one report: a new case, or the one that already stood."""

    id: UUID
    created: bool


def report(given: Report, *, actor: str = "local", any_past: bool = True) -> dict[str, Any]:
    """The incident with `created`. The same again is the same case; other content under its id is refused."""
    refuse_when_short(Room.REPORTS)
    with db.act() as conn:
        (outcome,) = _file(conn, [Life(given)], Terms(actor=actor, any_past=any_past))
        row = None if isinstance(outcome, Refusal) else incidents.find(conn, outcome.id)
    if isinstance(outcome, Refusal):
        raise outcome
    assert row is not None
    return {**row, "created": outcome.created}


@dataclass(frozen=True, slots=True)
class Terms:
    """How reports are taken. `as_it_happened`: known when each move happened; replay sessions alone may."""

    actor: str = "local"
    any_past: bool = True
    as_it_happened: bool = False
    kind: sources.Kind = "society"
    simulated: bool = False


def live_through(
    lives: Sequence[Life], terms: Terms | None = None, *, on: Conn | None = None
) -> list[Filed | Refusal]:
    """Many cases with all that became of them, event by event, in one transaction; outcomes in order.

    A few hundred at a time keep the transaction short. Sent again, they are the same cases.
    """
    terms = terms or Terms()
    refuse_when_short(Room.REPORTS)
    with _writing(on) as conn:
        if terms.as_it_happened and not clock.may_be_set(conn):
            raise PermissionError("only a replay session may say when something was known")
        return _file(conn, lives, terms)


@contextmanager
def _writing(on: Conn | None) -> Iterator[Conn]:
    if on is None:
        with db.act() as conn:
            yield conn
    else:
        with on.transaction():
            yield on


# ── reports become cases ────────────────────────────────────────────────────────────────────────
Outcome = Filed | Refusal
Key = tuple[str, str]


def _file(conn: Conn, lives: Sequence[Life], terms: Terms) -> list[Outcome]:
    """What is wrong in itself never reaches the database."""
    wrong = {n: refusal for n, life in enumerate(lives) if (refusal := _wrong(life.report)) is not None}
    sound = [life for n, life in enumerate(lives) if n not in wrong]
    filed = iter(_file_sound(conn, sound, terms) if sound else ())
    outcomes = [wrong[n] if n in wrong else next(filed) for n in range(len(lives))]
    _book(conn, lives, outcomes, terms)
    return outcomes


def _wrong(report: Report) -> Refusal | None:
    try:
        check(report)
    except Refusal as refusal:
        return refusal
    return None


def _file_sound(conn: Conn, lives: Sequence[Life], terms: Terms) -> list[Outcome]:
    ground = filing.ground(conn, lives, terms.kind, simulated=terms.simulated)
    keys = [_key(life) for life in lives]
    standing = incidents.contents(conn, keys)
    cases: dict[Key, Case] = {}
    refused: dict[int, Refusal] = {}
    for n, life in enumerate(lives):
        if _key(life) not in standing and _key(life) not in cases:
            drafted = _drafted(conn, life, ground, terms)
            if isinstance(drafted, Case):
                cases[_key(life)] = drafted
            else:
                refused[n] = drafted
    stored = _store(conn, list(cases.values()))
    standing = incidents.contents(conn, keys) if cases else standing
    return [refused.get(n) or _outcome(conn, life, standing, stored) for n, life in enumerate(lives)]


def _key(life: Life) -> Key:
    return life.report.source, life.report.source_id


def _drafted(conn: Conn, life: Life, ground: Ground, terms: Terms) -> Case | Refusal:
    try:
        return filing.case(
            conn, life, ground,
            actor=terms.actor, as_it_happened=terms.as_it_happened, any_past=terms.any_past,
        )  # fmt: skip
    except Refusal as refusal:
        return refusal


def _store(conn: Conn, cases: Sequence[Case]) -> set[UUID]:
    """The ids of the cases that are new; somebody else may have been first with the others."""
    for case, number in zip(cases, incidents.numbers(conn, len(cases)), strict=True):
        case.incident["number"] += f"{number:06d}"  # the day, then a number no other case has
    stored = incidents.add(conn, [case.incident for case in cases])
    new = [case for case in cases if case.incident["id"] in stored]
    events.append(conn, [event for case in new for event in case.events])
    spans.write(conn, [span for case in new for span in case.spans])
    spans.add_audience(conn, [seat for case in new for seat in case.audience])
    if new:
        news.tell(conn, "incidents", {case.incident["path"] for case in new})
    return stored


def _outcome(conn: Conn, life: Life, standing: Mapping[Key, Mapping[str, Any]], stored: set[UUID]) -> Outcome:
    found = standing[_key(life)]
    if found["content"] != life.report.content:
        return _conflict(incidents.find(conn, found["id"]))
    created = found["id"] in stored
    stored.discard(found["id"])  # the same report twice in one batch: the second is the same
    return Filed(found["id"], created)


def _conflict(current: Mapping[str, Any] | None) -> Refusal:
    return Refusal(
        "conflict", "同一来源编号已有不同内容", "this source and source_id already stand with other content",
        status=409, current=current,
    )  # fmt: skip


def _book(conn: Conn, lives: Sequence[Life], outcomes: Sequence[Outcome], terms: Terms) -> None:
    """One line of the ledger a source and hour, in one order: two batches never wait for each other."""
    said: dict[tuple[str, datetime | None], list[Outcome]] = defaultdict(list)
    for life, outcome in zip(lives, outcomes, strict=True):
        at = life.report.at.replace(minute=0, second=0, microsecond=0) if terms.as_it_happened else None
        if not isinstance(outcome, Refusal) or outcome.field != "source":
            said[life.report.source, at].append(outcome)
    for (feed, hour), group in sorted(said.items(), key=lambda item: (item[0][0], str(item[0][1]))):
        sources.know(conn, feed, terms.kind, simulated=terms.simulated)
        sources.book(conn, feed, _tally(group), hour)


def _tally(outcomes: Sequence[Outcome]) -> sources.Tally:
    filed = [outcome for outcome in outcomes if isinstance(outcome, Filed)]
    reasons = Counter(outcome.code for outcome in outcomes if isinstance(outcome, Refusal))
    stored = sum(outcome.created for outcome in filed)
    return sources.Tally(stored, len(filed) - stored, reasons.total(), reasons)


# ── a case moves on ─────────────────────────────────────────────────────────────────────────────
def move(
    incident: UUID, given: Move, *, version: int | None = None, on: Conn | None = None
) -> dict[str, Any]:
    """One act on a standing case; refused on an old version, or where the table of steps has no such move."""
    refuse_when_short(Room.ACTS)
    with _writing(on) as conn:
        row = incidents.lock(conn, incident)
        if row is None:
            raise unknown_incident(str(incident))
        if version is not None and version != row["version"]:
            raise _stale(row)
        check_when(given.at, clock.city_now(conn), any_past=True)
        _advance(conn, row, given)
        news.tell(conn, "incidents", [row["path"]])
        moved = incidents.find(conn, incident)
    assert moved is not None
    return moved


def _advance(conn: Conn, row: Mapping[str, Any], given: Move) -> None:
    last = events.last(conn, row["id"])
    before = standing_of(row, last["at"])
    after = advance(before, given)
    here = clock.here(conn)
    assert here is not None
    place = _holder_place(conn, after.holder) or {"tier": row["path"].count("/"), "path": row["path"]}
    event = filing.event_of(
        row["id"], row["path"], given, (before, after),
        known_at=here["now"], tier=place["tier"], node=here["root"], payload=dict(given.payload),
    )  # fmt: skip
    events.append(conn, [event], last["hash"])
    overdue = row["overdue"]  # of a case that was over: as it ended
    if before.is_open or after.is_open:
        overdue = row["due"] is not None and row["due"] <= (here["now"] if after.is_open else given.at)
    incidents.save(conn, row["id"], after, overdue=overdue)
    if after.moves_span(before):
        spans.close(conn, row["id"], given.at)
        spans.write(conn, [filing.span_of(row["id"], row["path"], after, here["now"], None)])
    department = after.holder.department if after.holder else None
    spans.add_audience(conn, [filing.seat(row["id"], place["path"], department, here["now"])])


def standing_of(row: Mapping[str, Any], at: datetime) -> Standing:
    holder = None if row["holder"] is None else Holder(**row["holder"])
    return Standing(row["version"], State(row["state"]), holder, row["severity"], at)


def _holder_place(conn: Conn, holder: Holder | None) -> Mapping[str, Any] | None:
    if holder is None:
        return None
    place = places.by_code(conn, [holder.place]).get(holder.place)
    if place is None:
        raise unknown_place(holder.place)
    return place


def unknown_incident(given: str) -> Refusal:
    return Refusal(
        "unknown_incident",
        f"没有编号为 {given} 的案件",
        f"no incident has the id {given}",
        status=404,
        field="id",
    )


def _stale(row: Mapping[str, Any]) -> Refusal:
    return Refusal(
        "conflict",
        "案件已被他人更新",
        "somebody else has moved this case",
        status=409,
        current=row,
        field="version",
    )


def sweep_overdue(limit: int = 1000) -> list[str]:
    """Marks what has fallen due and tells the screens; answers the paths."""
    with db.transaction() as conn:
        paths = incidents.sweep_overdue(conn, limit)
        if paths:
            news.tell(conn, "incidents", paths)
    return paths
