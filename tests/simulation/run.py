"""What does a seed do, step by step, and is the city right after each?"""

from collections.abc import Callable, Collection, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, combinations
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from data import db
from data.work import fold, sweep
from tests.simulation import checks, draws, steps
from tests.simulation.crash import Lost, Process
from tests.simulation.model import Model
from tests.simulation.steps import Deed, Work
from tests.simulation.turns import Turns
from tests.simulation.world import World

STEPS = 60
DRAWS: dict[Callable[[World, Random], Deed], int] = {
    draws.post: 26, draws.load: 4, draws.report: 7, draws.move: 13,
    steps.fast: 16, steps.slow: 10, steps.refill: 8, steps.stale: 6, steps.overdue: 3,
}  # fmt: skip
WAIT, SETTLE, VERIFY = 10, 3, 2
ALL = WAIT + SETTLE + VERIFY + sum(DRAWS.values())


@dataclass(frozen=True)
class Failure:
    seed: int
    step: int
    complaints: Sequence[str]
    told: Sequence[str]  # the steps, in words

    @property
    def kind(self) -> str:
        """What it is about, whatever the figures: the first words of the first complaint."""
        return " ".join(self.complaints[0].split()[:2])


def run(
    world: World, seed: int, numbers: Collection[int] | int = STEPS, *, settled: bool = True
) -> Failure | None:
    """The steps of a seed in order, or only those with these numbers; at the end nothing waits any more."""
    numbers = range(numbers) if isinstance(numbers, int) else sorted(numbers)
    world.begin(Random(seed))
    life = Life(world)
    for number in numbers:
        complaints = list(life.step(Random(f"{seed}/{number}"), last=number == numbers[-1] and settled))
        if complaints:
            return Failure(seed, number, complaints, life.told)
    return None


class Life:
    """Every step draws from dice of its own, so that others may be left out."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.latest = checks.Latest(world)
        self.told: list[str] = []
        self.cases = self._cases()

    def step(self, dice: Random, *, last: bool = False) -> Iterator[str]:
        try:
            yield from self._step(dice)
            if last:
                yield from chain(self._settle(), self._verify())
            self.world.notes.clear()
        except Exception as error:
            yield f"{type(error).__name__} was raised: {error}"

    def _step(self, dice: Random) -> Iterator[str]:
        roll = dice.randrange(ALL)
        if roll < WAIT:
            return self._wait(dice)
        if roll < WAIT + SETTLE:
            return self._settle()
        if roll < WAIT + SETTLE + VERIFY:
            return self._verify()
        return self._do(dice)

    def _tell(self, words: str) -> None:
        self.told.append(f"{self.world.now:%Y-%m-%d %H:%M:%S}  {words}")

    # ── time ────────────────────────────────────────────────────────────────────────────────────
    def _wait(self, dice: Random) -> Iterator[str]:
        until = _later(self.world.now, ZoneInfo(self.world.zone), dice)
        self._tell(f"until {until:%m-%d %H:%M:%S}")
        self.world.turn_to(until)
        yield from ()

    # ── deeds ───────────────────────────────────────────────────────────────────────────────────
    def _do(self, dice: Random) -> Iterator[str]:
        draw, other = dice.choices(list(DRAWS), list(DRAWS.values()), k=2)
        deeds = [draw(self.world, dice)]
        if dice.random() < 0.25:  # two of a kind are the likeliest to be in each other's way
            deeds.append(dice.choice([draw, other])(self.world, dice))
        fates = [Fate.drawn(dice) for _ in deeds]
        self._tell(" beside ".join(f"{one.words}{fate}" for one, fate in zip(deeds, fates, strict=True)))
        parts = [
            (process, Attempts(self.world, process, deed, fate))
            for process, deed, fate in zip(self.world.processes, deeds, fates, strict=False)
        ]
        if len(parts) == 1:
            Process.running = parts[0][0]
            answers = [parts[0][1]()]
        else:
            answers = Turns(dice, self.world.blocked).take(parts)
        yield from self._judged(deeds, answers)

    def _judged(self, deeds: Sequence[Deed], answers: Sequence[Any]) -> Iterator[str]:
        if not self.world.look() and all(isinstance(deed, Work) for deed in deeds):
            return
        complaints: list[str] = []
        for model, supposed in self._explanations(deeds):
            found = list(self._against(model, deeds, answers, supposed))
            complaints = complaints or found
            if not found:
                self.world.model = model
                break
        else:
            yield from complaints
        yield from self.latest.check(taken_over=any(deed.may_forget for deed in deeds))
        before, self.cases = self.cases, self._cases()
        yield from checks.told_cases(self.world, before, self.cases)

    def _explanations(self, deeds: Sequence[Deed]) -> Iterator[tuple[Model, list[Any]]]:
        """The model after these deeds, and their answers: for two, in every order of their parts."""
        acting = [deed for deed in deeds if not isinstance(deed, Work)]
        if len(acting) < 2:
            yield self.world.model, [_through(deed.suppose(self.world.model)) for deed in deeds]
            return
        for order in _orders():
            model = deepcopy(self.world.model)
            yield model, _interleaved([deed.suppose(model) for deed in deeds], order)

    def _against(
        self, model: Model, deeds: Sequence[Deed], answers: Sequence[Any], supposed: Sequence[Any]
    ) -> Iterator[str]:
        for deed, answer, meant in zip(deeds, answers, supposed, strict=True):
            if answer is not LOST and not deed.is_explained_by(answer, meant):
                yield f"answer to {deed.words}: {answer}, should be {meant}"
        again = sum((deed.attempts - 1) * deed.size for deed in deeds)
        yield from checks.readings(self.world, model)
        yield from checks.cases(self.world, model)
        yield from checks.ledger(self.world, model, again=again)

    def _cases(self) -> dict[Any, Any]:
        return {row["id"]: row for row in self.world.rows(checks.INCIDENTS)}

    # ── looking closer ──────────────────────────────────────────────────────────────────
    def _settle(self) -> Iterator[str]:
        self._tell("settle")
        Process.running = self.world.processes[0]
        with db.read() as conn:
            fold.drain(conn)
            sweep.stale(conn)
        self.world.look()
        yield from self.latest.check(taken_over=False)
        yield from checks.folded(self.world)

    def _verify(self) -> Iterator[str]:
        self._tell("verify")
        Process.running = self.world.processes[0]
        yield from checks.verified()


LOST = object()


@dataclass
class Fate:
    """Before which statement the process ends, attempt by attempt; whether an answer is lost on its way."""

    ends: list[int]
    answer_lost: bool
    for_good: bool
    given_up: bool  # a worker that ends leaves its turn to the next

    @classmethod
    def drawn(cls, dice: Random) -> "Fate":
        ends = [dice.randint(1, 24) for _ in range(dice.choices([0, 1, 2], [75, 20, 5])[0])]
        return cls(ends, dice.random() < 0.04, dice.random() < 0.03, dice.random() < 0.5)

    def __str__(self) -> str:
        ends = "".join(f", ends before statement {n}" for n in self.ends)
        return ends + (", its answer is lost" if self.answer_lost else "")


@dataclass
class Attempts:
    """Until an answer came: whoever hears none sends the same again."""

    world: World
    process: Process
    deed: Deed
    fate: Fate

    def __call__(self) -> Any:
        for ends_before in [*self.fate.ends, None]:
            self.deed.attempts += 1
            self.process.begin(ends_before)
            try:
                answer = self.deed.call(self.world)
            except Lost:
                self.process.bury(for_good=self.fate.for_good)
                if isinstance(self.deed, Work) and self.fate.given_up:
                    return LOST
                continue
            if not (self.fate.answer_lost and self.deed.attempts == 1):
                break
        self.process.begin(None)
        return answer


def _later(now: datetime, zone: ZoneInfo, dice: Random) -> datetime:
    """Seconds to days; now and then just before or after midnight or the month's end."""
    local = now.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    month = (midnight.replace(day=28) + timedelta(days=4)).replace(day=1)
    choices = [
        now + timedelta(seconds=dice.randrange(1, 60)),
        now + timedelta(minutes=dice.randrange(1, 25)),
        now + timedelta(hours=dice.randrange(1, 6)),
        now + timedelta(days=dice.randrange(1, 3), seconds=dice.randrange(3600)),
        midnight + timedelta(days=1, seconds=dice.randrange(-5, 5)),
        month + timedelta(seconds=dice.randrange(-5, 5)),
    ]
    until = dice.choices(choices, [30, 40, 15, 3, 8, 1])[0].astimezone(now.tzinfo)
    return max(until, now + timedelta(seconds=1))


def _through(parts: Any) -> Any:
    while True:
        try:
            next(parts)
        except StopIteration as done:
            return done.value


PARTS = 5  # of a post that takes series over


def _orders() -> Iterator[Sequence[int]]:
    """Every way of mixing the parts of two, first one after the other."""
    for second in chain([range(PARTS, 2 * PARTS)], combinations(range(2 * PARTS), PARTS)):
        yield [int(n in second) for n in range(2 * PARTS)]


def _interleaved(parts: Sequence[Any], order: Sequence[int]) -> list[Any]:
    answers: list[Any] = [None, None]
    done = [False, False]
    for which in [*order, 0, 1]:
        if not done[which]:
            try:
                next(parts[which])
            except StopIteration as end:
                answers[which], done[which] = end.value, True
    return answers
