"""What has been proven of a database, and what of it is broken?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

SHOWN = 5  # places named of one clause

INVARIANTS = {
    "I3": "the events of every case form a chain",
    "I4": "every case is the fold of its events",
    "I6": "all values are the fold of their readings",
    "I7": "the ledger balances",
    "I11": "the application cannot change the log",
    "keys": "what must be unique is",
    "pages": "tables and indexes are whole on disk",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Break:
    """One clause of an invariant that does not hold; `where` names the first of `n` places."""

    clause: str
    n: int
    where: Sequence[str]

    def __str__(self) -> str:
        more = f" and {self.n - len(self.where)} more" if self.n > len(self.where) else ""
        return f"{self.clause} ({self.n}): {'; '.join(self.where)}{more}"


@dataclass(slots=True)
class Places:
    """Counts the places of a clause and keeps the first of them."""

    n: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, place: str) -> None:
        self.n += 1
        if len(self.first) < SHOWN:
            self.first.append(place)


@dataclass(frozen=True, slots=True)
class Proof:
    """`counts`: how much was looked at. `missing`: why it could not be looked at."""

    invariant: str
    counts: Mapping[str, int]
    breaks: Sequence[Break] = ()
    missing: str = ""

    @property
    def ok(self) -> bool:
        return not self.breaks and not self.missing

    def __str__(self) -> str:
        if self.breaks:
            rest = f" | not all was looked at: {self.missing}" if self.missing else ""
            return f"BROKEN {self.invariant:<5} {' | '.join(map(str, self.breaks))}{rest}"
        if self.missing:
            return f"NOT RUN {self.invariant:<5} {self.missing}"
        counted = ", ".join(f"{n:,} {what.replace('_', ' ')}" for what, n in self.counts.items())
        return f"ok     {self.invariant:<5} {INVARIANTS[self.invariant]}: {counted}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that was proven of one moment."""

    at: datetime
    seconds: float
    deep: bool
    proofs: Sequence[Proof]

    @property
    def ok(self) -> bool:
        return all(proof.ok for proof in self.proofs)

    def said(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "ok": self.ok, "at": self.at, "seconds": round(self.seconds, 3), "deep": self.deep,
            "proofs": [asdict(proof) for proof in self.proofs],
        }  # fmt: skip


def proof(invariant: str, counts: Mapping[str, int], breaks: Iterable[Break | None]) -> Proof:
    return Proof(invariant, counts, [one for one in breaks if one is not None])
