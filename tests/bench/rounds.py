"""What is one thing to another when they are measured in turn, and which rounds did somebody else spoil?"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psutil

MOST_OTHERS = 0.15  # of the machine: more, and the round does not count
MOST_STOLEN = 0.03
LOOK = 0.3  # seconds before a round in which we do nothing
TRIES = 3  # rounds begun for each that is wanted

Measured = Mapping[str, Any]
"""A figure by name, or all samples of one."""


@dataclass
class Rounds:
    """The figures of each clean round by name; spoiled ones are kept apart."""

    clean: list[Measured] = field(default_factory=list)
    spoiled: list[Measured] = field(default_factory=list)
    wanted: int = 0

    @property
    def enough(self) -> bool:
        return len(self.clean) >= self.wanted

    def best(self) -> Sequence[Measured]:
        """The clean ones; where there are too few of them, all, and the report says so."""
        return self.clean if self.enough else [*self.clean, *self.spoiled]

    def of(self, name: str) -> list[Any]:
        return [one[name] for one in self.best() if name in one]

    def all(self, name: str) -> list[float]:
        return [one for samples in self.of(name) for one in samples]

    def median(self, name: str) -> float:
        return median(self.of(name))

    def ratio(self, ours: str, others: str) -> float:
        """The median of the ratios, not the ratio of the medians."""
        return median(one[ours] / one[others] for one in self.best())

    def difference(self, ours: str, others: str) -> float:
        return median(one[ours] - one[others] for one in self.best())

    def told(self) -> str:
        left_out = f", {len(self.spoiled)} spoiled" if self.spoiled else ""
        return f"{len(self.clean)} rounds{left_out}" + ("" if self.enough else " AND COUNTED")


def run(once: Callable[[], Measured], wanted: int) -> Rounds:
    """Until so many clean rounds stand, or three times as many were tried."""
    done = Rounds(wanted=wanted)
    while not done.enough and len(done.clean) + len(done.spoiled) < TRIES * wanted:
        before = others_before()
        watch = Watch()
        figures = once()
        spoiled = before > MOST_OTHERS or watch.stolen() > MOST_STOLEN or watch.others() > MOST_OTHERS
        (done.spoiled if spoiled else done.clean).append(figures)
    return done


def others_before() -> float:
    """How much of the machine works while we rest; our own server and browsers are idle then."""
    watch = Watch()
    time.sleep(LOOK)
    return watch.others()


class Watch:
    """Since it was made: the share of the machine that was stolen, or used by processes not of the bench."""

    def __init__(self) -> None:
        self._cpu = psutil.cpu_times()
        self._own = {process: _seconds(process) for process in own()}

    def stolen(self) -> float:
        now = psutil.cpu_times()
        return (now.steal - self._cpu.steal) / max(_whole(now) - _whole(self._cpu), 1e-9)

    def others(self) -> float:
        now = psutil.cpu_times()
        whole = max(_whole(now) - _whole(self._cpu), 1e-9)
        busy = whole - (now.idle - self._cpu.idle) - (now.iowait - self._cpu.iowait)
        ours = sum(_seconds(process) - self._own.get(process, 0.0) for process in own())
        return max(0.0, busy - ours) / whole


def _whole(times: object) -> float:
    """guest is part of user."""
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    return sum(getattr(times, name, 0.0) for name in names)


ROOTS: list[int] = []
"""Processes that are ours besides this one's children: the database's."""


def own() -> Iterable[psutil.Process]:
    for root in [psutil.Process(), *(psutil.Process(pid) for pid in ROOTS if psutil.pid_exists(pid))]:
        yield root
        yield from root.children(recursive=True)


def _seconds(process: psutil.Process) -> float:
    """With those of its children that have ended."""
    try:
        return sum(process.cpu_times()[:4])
    except psutil.NoSuchProcess:
        return 0.0


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


class Clock:
    """Sums of wall and CPU time by name, over the repeats of one round."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)

    def time(self, name: str, act: Callable[[], object]) -> None:
        started = time.perf_counter()
        act()
        self.times[name].append((time.perf_counter() - started) * 1000)

    def medians(self) -> dict[str, float]:
        return {name: median(found) for name, found in self.times.items()}
