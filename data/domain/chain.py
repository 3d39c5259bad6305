"""Do the events of every case form a chain: none missing, none changed, each a legal move?"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from data.domain.event import Event, chained
from data.domain.incident import BY_START_AND_ACT, STEPS, Act
from data.domain.proof import Break, Places, Proof, proof

_BEGINNINGS = {str(step.end) for step in STEPS if step.start is None}


@dataclass(frozen=True, slots=True)
class Link:
    """An event with the hash beside it, and the version of its case's row (None: no such case)."""

    event: Event
    hash: str
    version: int | None


@dataclass(slots=True)
class _Found:
    events: int = 0
    cases: int = 0
    broken: dict[str, Places] = field(default_factory=lambda: defaultdict(Places))


def check(links: Iterable[Link]) -> Proof:
    """Links by case and n."""
    found = _Found()
    for _, links_of_one in groupby(links, key=lambda link: link.event.incident):
        found.cases += 1
        for clause, place in _of_one(links_of_one, found):
            found.broken[clause].add(place)
    breaks = [Break(clause, places.n, places.first) for clause, places in found.broken.items()]
    return proof("I3", {"events": found.events, "cases": found.cases}, breaks)


def _of_one(links: Iterable[Link], found: _Found) -> Iterator[tuple[str, str]]:
    before: Link | None = None
    link = None
    for link in links:
        found.events += 1
        where = f"incident {link.event.incident} event {link.event.n}"
        due = before.event.n + 1 if before else 1
        if link.event.n != due:
            yield "gap", f"{where} follows {due - 1}"
        if chained(before.hash if before else "", link.event) != link.hash:
            yield "hash", f"{where} does not hash to {link.hash[:19]}…"
        if wrong := _step(before.event if before else None, link.event):
            yield "step", f"{where}: {wrong}"
        before = link
    if link is not None and link.event.n != link.version:
        yield "version", f"incident {link.event.incident}: {link.event.n} events, version {link.version}"


def _step(before: Event | None, event: Event) -> str | None:
    """Why the table of steps has no such move."""
    if before is None:
        begins = event.act == Act.REPORT and event.from_state is None and event.to_state in _BEGINNINGS
        return None if begins else f"begins with {event.act} to {event.to_state}"
    if event.from_state != before.to_state:
        return f"from {event.from_state}, but the event before led to {before.to_state}"
    step = BY_START_AND_ACT.get((before.to_state, event.act))
    if step is None or step.end != event.to_state:
        return f"{event.act} does not lead from {before.to_state} to {event.to_state}"
    if "note" in step.needs and not event.note.strip():
        return f"{event.act} needs a note"
    return None
