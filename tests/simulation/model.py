"""What should be there, and what should have been answered? The city once more, in plain Python.

An operation is a generator: it changes the model, yields wherever the product ends one transaction and begins
another, and returns the answer. So two that ran at once are explained by one of the orders of their parts.
"""

from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.simulation.cases import Case

Series = tuple[str, str, str]  # sign, place, asset
Hour = tuple[str, datetime]  # feed, its hour
Parts = Generator[None, None, Any]


class Row(NamedTuple):
    """A reading as it is sent; `fault`: what is wrong with it in itself."""

    raw: object
    series: Series
    at: datetime
    value: float
    fault: str | None = None


Numbered = list[tuple[int, Row]]


class Answer(NamedTuple):
    stored: int = 0
    same: int = 0
    refused: tuple[tuple[int, str], ...] = ()  # row, code

    def is_explained_by(self, other: "Answer", *, sent_again: bool) -> bool:
        """What an attempt stored whose answer was lost, the next one finds there."""
        if not sent_again:
            return self == other
        return self.refused == other.refused and self.stored + self.same == other.stored + other.same


@dataclass
class Model:
    readings: dict[Series, dict[datetime, float]] = field(default_factory=lambda: defaultdict(dict))
    owner: dict[Series, str] = field(default_factory=dict)
    feeds: dict[str, bool] = field(default_factory=dict)  # simulated?
    ledger: dict[Hour, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    cases: dict[tuple[str, str], Case] = field(default_factory=dict)

    def book(
        self, feed: str, now: datetime, *, stored: int = 0, same: int = 0, refused: Iterable[str] = ()
    ) -> None:
        booked = Counter(refused) + Counter(stored=stored, same=same)
        if booked:
            self.ledger[feed, now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)] += booked


@dataclass(frozen=True)
class Batch:
    """Readings that one feed sends in one request."""

    feed: str
    simulated: bool
    rows: Sequence[Row]
    now: datetime
    replace: bool = False

    def suppose(self, model: Model) -> Parts:
        if model.feeds.setdefault(self.feed, self.simulated) != self.simulated:
            return "claimed"
        yield
        faults = [(n, row.fault) for n, row in enumerate(self.rows) if row.fault is not None]
        sound = [(n, row) for n, row in enumerate(self.rows) if row.fault is None]
        own, taken, claimed = self._sorted(model, sound)
        faults += [(n, "claimed") for n, _ in claimed]
        yield
        model.book(self.feed, self.now, refused=[str(code) for _, code in faults])
        stored = same = 0
        for rows, taking in ((own, False), (taken, True)):
            if rows:
                yield
                if not taking:  # the simulator may have been first since they were sorted
                    late = [(n, row) for n, row in rows if self._takes(model, row)]
                    rows = [one for one in rows if one not in late]
                    taken += late
                done = self._stored(model, rows, taking=taking)
                stored, same, faults = stored + done.stored, same + done.same, [*faults, *done.refused]
        return Answer(stored, same, tuple(sorted(faults)))

    def _sorted(self, model: Model, rows: Numbered) -> tuple[Numbered, Numbered, Numbered]:
        """Its own or nobody's; the simulator's, which a real feed takes over; another's."""
        own, taken, claimed = [], [], []
        for n, row in rows:
            if model.owner.get(row.series) in (None, self.feed):
                own.append((n, row))
            elif self._takes(model, row):
                taken.append((n, row))
            else:
                claimed.append((n, row))
        return own, taken, claimed

    def _takes(self, model: Model, row: Row) -> bool:
        owner = model.owner.get(row.series)
        return not self.simulated and owner is not None and model.feeds[owner]

    def _stored(self, model: Model, rows: Numbered, *, taking: bool) -> Answer:
        """One transaction."""
        for series in {row.series for _, row in rows}:
            owner = model.owner.get(series)
            if taking and owner is not None and model.feeds[owner]:
                model.readings[series] = {}
                model.owner[series] = self.feed
            model.owner.setdefault(series, self.feed)
        mine = [(n, row) for n, row in rows if model.owner[row.series] == self.feed]
        refused = [(n, "claimed") for n, row in rows if model.owner[row.series] != self.feed]
        stored = same = 0
        for n, row in mine:
            times = model.readings[row.series]
            if row.at not in times or (self.replace and times[row.at] != row.value):
                times[row.at] = row.value
                stored += 1
            elif times[row.at] == row.value:
                same += 1
            else:
                refused.append((n, "conflict"))
        model.book(self.feed, self.now, stored=stored, same=same, refused=[code for _, code in refused])
        return Answer(stored, same, tuple(sorted(refused)))
