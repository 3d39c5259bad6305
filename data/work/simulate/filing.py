"""How do drawn cases, warnings and decisions get into the city's books?"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID, uuid5

from data import db
from data.commands.incidents import Filed, Terms, live_through
from data.db import Conn
from data.store import news, sources
from data.store import simulation as store
from data.work.simulate import lives
from data.work.simulate.cases import Case
from data.work.simulate.world import World

AT_ONCE = 60  # cases a transaction
_NAMES = UUID("6f6f1f0e-5d0c-5d3e-9c0b-7f0a4a7c2b11")
_DUTY, _SKY = "sim-duty", "sim-weather"

Standing = dict[str, UUID]
"""Ids of the cases by their draw."""


def report(
    world: World, cases: Sequence[Case], until: datetime, *, on: Conn | None = None
) -> Iterator[Standing]:
    """The cases and what became of them by `until`; on a replay session known as it happened."""
    for source in world.draw.habits.source:
        mine = [case for case in cases if case.source is source]
        terms = Terms(as_it_happened=on is not None, kind=source.kind, simulated=True, actor=source.actor)
        for start in range(0, len(mine), AT_ONCE):
            yield _report(world, mine[start : start + AT_ONCE], until, terms, on)


def _report(world: World, cases: Sequence[Case], until: datetime, terms: Terms, on: Conn | None) -> Standing:
    codes = [world.draw.ground.codes[case.place] for case in cases]
    with db.read() as conn:
        cells = store.geometries(conn, codes)
    told = [
        lives.life(world.draw, case, world.draw.point(case, cells.get(code)), until)
        for case, code in zip(cases, codes, strict=True)
    ]
    outcomes = live_through(told, terms, on=on)
    # what the city refuses (its folder has changed since the draw) stands in the ledger, with the reason
    return {
        case.id: outcome.id
        for case, outcome in zip(cases, outcomes, strict=True)
        if isinstance(outcome, Filed)
    }


# ── warnings and decisions ──────────────────────────────────────────────────────────────────────
def announce(conn: Conn, world: World, since: datetime, until: datetime) -> list[datetime]:
    """Writes the scenario's warnings and decisions that changed in (since, until]; answers when they did."""
    changed = [at for at in _changes(world) if since < at <= until]
    if not changed:
        return []
    with conn.transaction():
        for feed in (_DUTY, _SKY):
            sources.know(conn, feed, "government", simulated=True)
        _warn(conn, world, until)
        _decide(conn, world, until)
        news.tell(conn, "city", [world.path])
    return changed


def _changes(world: World) -> Iterator[datetime]:
    for warned in world.scenario.warning:
        yield from (warned.issued, warned.lifted)
    for decided in world.scenario.decision:
        yield decided.at
    if world.scenario.until:
        yield world.scenario.until


def _warn(conn: Conn, world: World, until: datetime) -> None:
    for one in world.scenario.warning:
        if one.issued <= until:
            id = uuid5(_NAMES, f"{world.root} {one.kind} {one.colour} {one.issued.isoformat()}")
            lifted = one.lifted if one.lifted <= until else None
            row = {"id": f"sim-{id.hex[:12]}", "path": world.path, "source": _SKY, "lifted": lifted}
            store.warn(conn, one.model_dump(include={"kind", "colour", "issuer", "issued"}) | row)


def _ends(world: World, track: str) -> list[datetime]:
    """When a standing level of the track gives way: at the next one, and when the scenario is over."""
    over = [world.scenario.until] if world.scenario.until else []
    return [one.at for one in world.scenario.decision if one.track == track] + over


def _decide(conn: Conn, world: World, until: datetime) -> None:
    for one in sorted(world.scenario.decision, key=lambda one: one.at):
        if one.at <= until:
            id = uuid5(_NAMES, f"{world.root} {one.track} {one.level} {one.at.isoformat()}")
            after = [at for at in _ends(world, one.track) if one.at < at <= until]
            row = {"id": id, "place": world.root, "source": _DUTY, "until": min(after, default=None)}
            store.decide(conn, one.model_dump(include={"track", "level", "by", "reason", "at"}) | row)
