"""What may happen in a city: what is sent, what is done, what the worker does, how time passes?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from data import db
from data.commands import incidents, readings
from data.domain.reading import Fault
from data.domain.refusal import Refusal
from data.domain.report import Life
from data.work import fold, sweep
from tests.simulation.cases import FellDue, Moved, ToldTogether
from tests.simulation.model import Answer, Batch, Model, Parts
from tests.simulation.world import World


@dataclass
class Deed:
    """One call of the product. `attempts`: how often it was called until an answer came."""

    words: str
    attempts: int = field(default=0, init=False)
    size: int = field(default=1, init=False)  # rows it sends
    may_forget: bool = field(default=False, init=False)  # a series may change hands

    def call(self, world: World) -> Any:
        raise NotImplementedError

    def suppose(self, model: Model) -> Parts:
        """Nothing that was acknowledged changes."""
        yield
        return None

    def is_explained_by(self, answer: Any, supposed: Any) -> bool:
        return supposed is None or bool(answer == supposed)


# ── what is sent ────────────────────────────────────────────────────────────────────────────────
@dataclass
class Post(Deed):
    batch: Batch

    def __post_init__(self) -> None:
        self.size, self.may_forget = len(self.batch.rows), True

    def call(self, world: World) -> Any:
        batch = self.batch
        try:
            said = readings.post(
                [row.raw for row in batch.rows], feed=batch.feed, simulated=batch.simulated, patience=0
            )
        except Refusal as refusal:
            return refusal.code
        refused = tuple((row["row"], row["code"]) for row in said["rows"])
        assert said["received"] == len(batch.rows) == said["stored"] + said["same"] + said["rejected"]
        return Answer(said["stored"], said["same"], refused)

    def suppose(self, model: Model) -> Parts:
        return self.batch.suppose(model)

    def is_explained_by(self, answer: Any, supposed: Any) -> bool:
        if not isinstance(answer, Answer) or not isinstance(supposed, Answer):
            return bool(answer == supposed)
        return answer.is_explained_by(supposed, sent_again=self.attempts > 1)


@dataclass
class Load(Post):
    """History, or an import."""

    def call(self, world: World) -> Any:
        batch, refused = self.batch, list[Fault]()
        try:
            tally = readings.bulk(
                [row.raw for row in batch.rows], feed=batch.feed, simulated=batch.simulated,
                replace=batch.replace, refused=refused.append,
            )  # fmt: skip
        except Refusal as refusal:
            return refusal.code
        return Answer(tally.stored, tally.same, tuple(sorted((fault.row, fault.code) for fault in refused)))


@dataclass
class Report(Deed):
    """One, as a person sends it, or several, as an import does."""

    told: ToldTogether

    def __post_init__(self) -> None:
        self.size = len(self.told.all)

    def call(self, world: World) -> Any:
        reports = [told.report for told in self.told.all]
        if len(reports) > 1:
            return list(map(_said, incidents.live_through([Life(report) for report in reports])))
        try:
            return ["stored" if incidents.report(reports[0])["created"] else "same"]
        except Refusal as refusal:
            return [refusal.code]

    def suppose(self, model: Model) -> Parts:
        return self.told.suppose(model)

    def is_explained_by(self, answer: Any, supposed: Any) -> bool:
        if self.attempts > 1:
            supposed = ["same" if said == "stored" else said for said in supposed]
            answer = ["same" if said == "stored" else said for said in answer]
        return bool(answer == supposed)


def _said(outcome: incidents.Outcome) -> str:
    if isinstance(outcome, Refusal):
        return outcome.code
    return "stored" if outcome.created else "same"


@dataclass
class MoveOn(Deed):
    moved: Moved

    def call(self, world: World) -> Any:
        id_ = _case(world, self.moved.key)
        if self.attempts > 1 and self._was_mine(world, id_):
            return "stored"
        try:
            incidents.move(id_, self.moved.move, version=self.moved.version)
        except Refusal as refusal:
            return refusal.code
        return "stored"

    def _was_mine(self, world: World, id_: UUID) -> bool:
        """An act has no key: whoever lost the answer looks into the log before saying it again."""
        actor = self.moved.move.actor
        return bool(
            world.eye.execute("SELECT FROM event WHERE incident = %s AND actor = %s", (id_, actor)).fetchall()
        )

    def suppose(self, model: Model) -> Parts:
        return self.moved.suppose(model)


def _case(world: World, key: tuple[str, str]) -> UUID:
    row = world.eye.execute("SELECT id FROM incident WHERE source = %s AND source_id = %s", key).fetchone()
    assert row is not None
    return row["id"]


# ── what the worker does ────────────────────────────────────────────────────────────────────────
@dataclass
class Work(Deed):
    turn: Callable[[db.Conn], object]

    def call(self, world: World) -> Any:
        with db.read() as conn:
            return self.turn(conn)


@dataclass
class Overdue(Deed):
    fell_due: FellDue

    def call(self, world: World) -> Any:
        incidents.sweep_overdue()

    def suppose(self, model: Model) -> Parts:
        return self.fell_due.suppose(model)


def fast(world: World, dice: Random) -> Deed:
    limit = dice.choice([5_000, 5_000, 3])
    return Work(f"fast {limit}", lambda conn: fold.fast(conn, limit))


def slow(world: World, dice: Random) -> Deed:
    limit = dice.choice([5_000, 5_000, 3])
    return Work(f"slow {limit}", lambda conn: fold.slow(conn, limit))


def stale(world: World, dice: Random) -> Deed:
    return Work("stale", sweep.stale)


def refill(world: World, dice: Random) -> Deed:
    limit, politely = dice.choice([1, 2, 5, 100]), dice.random() < 0.3
    return Work(f"refill {limit}", lambda conn: readings.make_some_anew(limit, politely=politely))


def overdue(world: World, dice: Random) -> Deed:
    return Overdue("overdue", FellDue(world.now))
