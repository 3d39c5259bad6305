"""Which news was the last one that concerned a place, from above, below or itself?"""

from collections.abc import Iterable
from itertools import count
from threading import Lock

from data.domain.place import ancestors_of

Heard = tuple[int, str]


class Pulses:
    """Number of arrival and transaction of the newest news by (kind, path). Arrival decides: an older
    transaction may commit later. None before the first connection, when nothing is known."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._arrivals = count(1)
        self._start: Heard | None = None
        self._at: dict[tuple[str, str], Heard] = {}
        self._below: dict[tuple[str, str], Heard] = {}

    def restart(self, snapshot: str) -> None:
        """News may have been missed: everything counts as new."""
        with self._lock:
            self._start = (next(self._arrivals), snapshot)
            self._at.clear()
            self._below.clear()

    def lose(self) -> None:
        with self._lock:
            self._start = None

    def hear(self, kind: str, path: str, xid: str) -> None:
        with self._lock:
            news = (next(self._arrivals), xid)
            self._at[kind, path] = news
            for above in (*ancestors_of(path), path):
                self._below[kind, above] = news

    def of(self, kinds: Iterable[str], path: str) -> str | None:
        with self._lock:
            if self._start is None:
                return None
            found = [self._start]
            for kind in kinds:
                found += [self._at[kind, above] for above in ancestors_of(path) if (kind, above) in self._at]
                found += [self._below[kind, path]] if (kind, path) in self._below else []
            return max(found)[1]


def overlap(one: str, other: str) -> bool:
    """One lies under the other, or they are the same."""
    return one.startswith(other) or other.startswith(one)
