"""How much may one address have and do at once?"""

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from enum import Enum, auto
from math import inf
from typing import Generic, TypeVar

Thing = TypeVar("Thing")

ROUNDING = 1e-6


class Stage(Enum):
    """Where a connection stands: before the door, in a request, between two, or refused and about to end."""

    WAITING = auto()
    UNFINISHED = auto()
    IDLE = auto()
    LEAVING = auto()


class Presence:
    """How many connections an address has at each stage. None, a proxy's own, has no limit."""

    def __init__(self, most: Mapping[Stage, int]) -> None:
        self._most = most
        self._held: Counter[tuple[str | None, Stage]] = Counter()

    def enter(self, address: str | None, stage: Stage) -> bool:
        """Counted in either case; False where it is one too many."""
        self._held[address, stage] += 1
        return address is None or self._held[address, stage] <= self._most[stage]

    def is_full(self, address: str | None, stage: Stage) -> bool:
        return address is not None and self._held[address, stage] >= self._most[stage]

    def leave(self, address: str | None, stage: Stage) -> None:
        self._held[address, stage] -= 1
        if not self._held[address, stage]:
            del self._held[address, stage]


class Turns(Generic[Thing]):
    """So many threads of one address at once; what else it asks waits for one of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._busy: Counter[str | None] = Counter()
        self._queued: dict[str | None, deque[Thing]] = defaultdict(deque)

    def take(self, address: str | None, thing: Thing) -> bool:
        """False: it waits."""
        if self._busy[address] >= self._most:
            self._queued[address].append(thing)
            return False
        self._busy[address] += 1
        return True

    def give(self, address: str | None) -> Thing | None:
        """Whose turn it is now."""
        if queued := self._queued.pop(address, None):
            following = queued.popleft()
            if queued:
                self._queued[address] = queued
            return following
        self._busy[address] -= 1
        if not self._busy[address]:
            del self._busy[address]
        return None


class Rate:
    """A second's worth at once, then as many a second."""

    def __init__(self, per_second: int) -> None:
        self._step = 1 / per_second if per_second else inf
        self._free: dict[str | None, float] = {}  # when its last one is paid for; the oldest user first

    def take(self, address: str | None, now: float) -> bool:
        before = max(self._free.pop(address, now), now)
        allowed = before + self._step <= now + 1 + ROUNDING
        self._free[address] = before + self._step if allowed else before
        while self._free[oldest := next(iter(self._free))] < now:
            del self._free[oldest]
        return allowed
