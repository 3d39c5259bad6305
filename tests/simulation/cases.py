"""What should have become of each report and each move? Cases once more, as a fold of what was done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from data.domain.incident import CLOSED, STEPS, Act, Holder, Move, State
from data.domain.report import Report

if TYPE_CHECKING:
    from tests.simulation.model import Model, Parts

END = {(step.start, step.act): step for step in STEPS}
HOURS = {"E1": 2, "E2": 24}
"""Until when each class of the city must be done."""


class Entry(NamedTuple):
    """One line of a case's log, and how the case stands after it."""

    n: int
    act: str
    start: str | None
    end: str
    at: datetime
    actor: str
    holder: Holder
    severity: int | None


@dataclass
class Case:
    report: Report
    place: str
    path: str
    due: datetime | None
    log: list[Entry]
    audience: set[tuple[str, str | None]] = field(default_factory=set)
    overdue: bool = False

    @property
    def last(self) -> Entry:
        return self.log[-1]

    @property
    def is_open(self) -> bool:
        return self.last.end not in CLOSED

    def is_due(self, now: datetime) -> bool:
        return self.due is not None and self.due <= (now if self.is_open else self.last.at)

    def spans(self) -> list[tuple[int, str, datetime | None, datetime | None]]:
        """(n, state, from, to): as long as state, holder and severity stay; without times if none passed."""
        firsts = [
            entry for before, entry in zip([None, *self.log], self.log, strict=False)
            if before is None or _kept(before) != _kept(entry)
        ]  # fmt: skip
        ends = [entry.at for entry in firsts[1:]]
        return [
            (one.n, one.end, None if one.at == end else one.at, None if one.at == end else end)
            for one, end in zip(firsts, [*ends, None], strict=True)
        ]


def _kept(entry: Entry) -> tuple[object, ...]:
    return entry.end, entry.holder, entry.severity


@dataclass(frozen=True)
class Told:
    """A report that somebody sends. `place`, `path`: where it lies; `fault`: why it is refused in itself."""

    report: Report
    place: str
    path: str
    now: datetime
    fault: str | None = None

    def say(self, model: "Model") -> str:
        source = self.report.source
        said = self._said(model, (source, self.report.source_id))
        model.feeds.setdefault(source, False)
        model.book(
            source, self.now, stored=said == "stored", same=said == "same",
            refused=[said] if said not in ("stored", "same") else [],
        )  # fmt: skip
        return said

    def _said(self, model: "Model", key: tuple[str, str]) -> str:
        standing = model.cases.get(key)
        if self.fault in IN_ITSELF:
            return str(self.fault)
        if standing is not None:
            return "same" if standing.report.content == self.report.content else "conflict"
        if self.fault is not None:
            return self.fault
        model.cases[key] = self._case()
        return "stored"

    def _case(self) -> Case:
        report, district = self.report, self.path.split("/")[min(1, self.path.count("/") - 1)]
        hours = HOURS.get(report.kind)
        due = None if hours is None else report.at + timedelta(hours=hours)
        holder = Holder(district)
        entry = Entry(1, "report", None, "reported", report.at, "local", holder, report.severity)
        case = Case(report, self.place, self.path, due, [entry])
        case.audience = {
            (self.path, None),
            (self.path[: self.path.index(district) + len(district) + 1], None),
        }
        case.overdue = case.is_due(self.now)
        return case


@dataclass(frozen=True)
class ToldTogether:
    """Reports that come in one batch, and are stored together or not at all."""

    all: Sequence[Told]

    def suppose(self, model: "Model") -> "Parts":
        yield
        return [told.say(model) for told in self.all]


IN_ITSELF = frozenset({"missing_field", "bad_value"})
"""Refused before anybody looks whether the case stands."""


@dataclass(frozen=True)
class Moved:
    """An act on a standing case by somebody who saw it as `version`."""

    key: tuple[str, str]
    move: Move
    version: int | None
    now: datetime
    paths: Mapping[str, str]

    def suppose(self, model: "Model") -> "Parts":
        yield
        case = model.cases[self.key]
        return self._refused(case) or self._advance(case)

    def _refused(self, case: Case) -> str | None:
        move, last = self.move, case.last
        step = END.get((State(last.end), move.act))
        holder = move.holder
        wrongs = {
            "conflict": self.version is not None and self.version != last.n,
            "future": move.at > self.now + timedelta(minutes=2),
            "not_allowed": step is None,
            "missing_field": step is not None
            and (("note" in step.needs and not move.note) or ("holder" in step.needs and holder is None)),
            "too_old": move.at < last.at,
            "unknown_place": holder is not None and holder.place not in self.paths,
        }
        return next((code for code, is_so in wrongs.items() if is_so), None)

    def _advance(self, case: Case) -> str:
        move, last = self.move, case.last
        end = END[State(last.end), move.act].end
        holder = move.holder or last.holder
        severity = move.severity if move.act is Act.REGRADE else last.severity
        case.log.append(Entry(last.n + 1, move.act, last.end, end, move.at, move.actor, holder, severity))
        case.audience.add((self.paths[holder.place], holder.department))
        if last.end not in CLOSED or case.is_open:
            case.overdue = case.is_due(self.now)  # of a case that was over: as it ended
        return "stored"


@dataclass(frozen=True)
class FellDue:
    """The sweep of cases that are late."""

    now: datetime

    def suppose(self, model: "Model") -> "Parts":
        yield
        late = [case for case in model.cases.values() if case.is_open and case.is_due(self.now)]
        for case in late:
            case.overdue = True
        return None


def stood(row: Mapping[str, Any]) -> tuple[object, ...]:
    """An event's row as the model keeps it."""
    holder = Holder(row["holder_place"], row["holder_department"], row["holder_seat"])
    return (
        row["n"],
        row["act"],
        row["from_state"],
        row["to_state"],
        row["at"].astimezone(UTC),
        row["actor"],
        holder,
    )
