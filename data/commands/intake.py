"""How does a batch of readings get to its series, and what of it is refused?"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from data import db
from data.commands.shedding import refuse_when_short
from data.config.room import Room
from data.domain import reading as domain
from data.domain.reading import Fault, Reading
from data.domain.refusal import Refusal
from data.store import inbox, readings, series, sources
from data.store.columns import Batch
from data.store.sources import Kind, Tally

TAKEN_AT_ONCE = 25  # series taken over from the simulator in one transaction


class Sender(NamedTuple):
    feed: str
    kind: Kind = "sensing"
    simulated: bool = False


class Way(NamedTuple):
    """How readings are stored, how many a transaction, and whether they may change what stands."""

    put: Callable[[db.Conn, Batch], readings.Put]
    size: int
    replace: bool = False


class Known(NamedTuple):
    """A reading and its series."""

    reading: Reading
    id: int

    @property
    def key(self) -> tuple[int, datetime]:
        return (self.id, self.reading.at)


@dataclass(slots=True)
class Outcome:
    """received = stored + same + len(faults); `replaced`: of the stored; `boxes`: inbox rows to wait for."""

    stored: int = 0
    same: int = 0
    replaced: int = 0
    faults: list[Fault] = field(default_factory=list)
    boxes: list[int] = field(default_factory=list)
    overtaken: list[Known] = field(default_factory=list)

    def tally(self) -> Tally:
        codes = Counter(fault.code for fault in self.faults)
        return Tally(self.stored, self.same, len(self.faults), codes, self.replaced)

    def add(self, other: "Outcome") -> None:
        self.stored += other.stored
        self.same += other.same
        self.replaced += other.replaced
        self.faults += other.faults
        self.boxes += other.boxes
        self.overtaken += other.overtaken


def know(sender: Sender) -> None:
    """A feed is simulated or real, never both."""
    with db.transaction() as conn:
        known = sources.know(conn, sender.feed, sender.kind, simulated=sender.simulated)
    if known["simulated"] != sender.simulated:
        raise Refusal(
            "claimed",
            f"来源 {sender.feed} 已用于{'模拟' if known['simulated'] else '真实'}数据",
            f"the source {sender.feed} is one of {'simulated' if known['simulated'] else 'real'} data",
            field="source",
        )


def take_in(sender: Sender, rows: Iterable[tuple[int, object]], way: Way) -> Outcome:
    """Numbered rows, in transactions of the way's size; whatever is refused is named and booked."""
    faults: list[Fault] = []
    own, simulated = _sort(sender, _with_series(_read(rows, faults)), faults)
    with db.read() as conn:
        readings.months(conn, (known.reading.at for known in own + simulated))
    total = Outcome(faults=faults)
    if faults:
        _book(sender, total)
    for piece in _pieces(own, way.size):
        total.add(_store(sender, piece, way))
    for piece in _by_series(simulated + total.overtaken, way.size):
        total.add(_store(sender, piece, way, taking=True))
    return total


# ── from rows to readings of series ─────────────────────────────────────────────────────────────
def _read(rows: Iterable[tuple[int, object]], faults: list[Fault]) -> list[Reading]:
    with db.read() as conn:
        now = readings.now(conn)
        found = _without(faults, [domain.read(row, raw, now=now) for row, raw in rows])
        book = series.book(conn, found)
    return _without(faults, [domain.place(reading, book) for reading in found])


def _without(faults: list[Fault], found: list[Reading | Fault]) -> list[Reading]:
    faults += [one for one in found if isinstance(one, Fault)]
    return [one for one in found if isinstance(one, Reading)]


def _with_series(found: list[Reading]) -> list[tuple[Reading, series.Series]]:
    """A series that nobody expected is added, from its first reading on."""
    if not found:
        return []
    keys = [series.key(reading) for reading in found]
    with db.read() as conn:
        known = series.find(conn, keys)
    since: dict[series.Key, datetime] = {}
    for key, reading in zip(keys, found, strict=True):
        if key not in known:
            since[key] = min(since.get(key, reading.at), reading.at)
    if since:
        with db.transaction() as conn:
            series.add(conn, since)
            known |= series.find(conn, since)
    return [(reading, known[key]) for key, reading in zip(keys, found, strict=True)]


def _sort(
    sender: Sender, found: list[tuple[Reading, series.Series]], faults: list[Fault]
) -> tuple[list[Known], list[Known]]:
    """Readings of the sender's own series, and of those that only the simulator has held so far."""
    own, simulated = [], []
    for reading, one in found:
        if one.source is None or one.source == sender.feed:
            own.append(Known(reading, one.id))
        elif one.simulated and not sender.simulated:
            simulated.append(Known(reading, one.id))
        else:
            faults.append(domain.fault(reading, "claimed"))
    return own, simulated


def _pieces(rows: list[Known], size: int) -> Iterator[list[Known]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _by_series(rows: list[Known], size: int) -> Iterator[list[Known]]:
    ids = sorted({known.id for known in rows})
    for start in range(0, len(ids), TAKEN_AT_ONCE):
        some = set(ids[start : start + TAKEN_AT_ONCE])
        yield from _pieces([known for known in rows if known.id in some], size)


# ── one transaction ─────────────────────────────────────────────────────────────────────────────
def _store(sender: Sender, rows: list[Known], way: Way, *, taking: bool = False) -> Outcome:
    refuse_when_short(Room.READINGS)
    outcome = Outcome()
    with db.transaction() as conn:
        series.begin_intake(conn, alone=taking or way.replace)
        gone = series.take_over(conn, sender.feed, list({known.id for known in rows})) if taking else {}
        own = _claimed(conn, sender, rows, outcome)
        done = way.put(conn, _batch(own))
        if done.box is not None:
            outcome.boxes.append(done.box)
        outcome.stored += done.size
        if done.keys is not None:
            _classify(conn, own, done.keys, outcome, replace=way.replace)
        inbox.wake(conn)
        _close_books(conn, sender.feed, outcome, gone)
    return outcome


def _close_books(conn: db.Conn, own: str, outcome: Outcome, gone: Mapping[str, int]) -> None:
    """In the order of feeds, as everybody who books more than one."""
    for feed in sorted({own, *gone}):
        if feed in gone:
            sources.book_removed(conn, feed, gone[feed])
        if feed == own:
            sources.book(conn, feed, outcome.tally())


def _claimed(conn: db.Conn, sender: Sender, rows: list[Known], outcome: Outcome) -> list[Known]:
    """Without those that another feed claimed since we looked; only a real one keeps them from a real one."""
    foreign = series.claim(conn, sender.feed, list({known.id for known in rows}))
    for known in rows if foreign else ():
        if known.id in foreign and foreign[known.id] and not sender.simulated:
            outcome.overtaken.append(known)
        elif known.id in foreign:
            outcome.faults.append(domain.fault(known.reading, "claimed"))
    return [known for known in rows if known.id not in foreign] if foreign else rows


def _batch(rows: Iterable[Known]) -> Batch:
    found = list(rows)
    return Batch.of(
        [known.id for known in found],
        [known.reading.at for known in found],
        [known.reading.value for known in found],
    )


def _classify(
    conn: db.Conn, rows: list[Known], stored: set[tuple[int, datetime]], outcome: Outcome, *, replace: bool
) -> None:
    standing = readings.values(conn, _batch(rows))
    other = []
    for known in rows:
        if known.key in stored:
            stored.remove(known.key)
        elif standing[known.key] == known.reading.value:
            outcome.same += 1
        else:
            other.append(known)
            if replace:
                standing[known.key] = known.reading.value  # for what the same rows say of this key later on
    if not replace:
        outcome.faults += [domain.fault(known.reading, "conflict") for known in other]
    elif other:
        readings.replace(conn, _batch({known.key: known for known in other}.values()))
        outcome.stored += len(other)
        outcome.replaced += len(other)


def _book(sender: Sender, outcome: Outcome) -> None:
    with db.transaction() as conn:
        sources.book(conn, sender.feed, outcome.tally())
