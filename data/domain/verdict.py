"""Is a place all right, and what does that rest on?"""

from collections.abc import Mapping
from dataclasses import dataclass

COVERAGE_WANTED = 0.97
"""Fewer series than this share reporting is a thing to watch."""

TROUBLE = ("alarm", "extreme", "major")
WATCH = ("warning", "attention", "serious", "overdue", "missing")
MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """`level`: trouble, watch, calm, or none where nothing reports. `why`: its reasons, gravest first."""

    level: str
    why: tuple[tuple[str, int], ...] = ()


def judge(counts: Mapping[str, int], *, live: int, expected: int) -> Verdict:
    """`counts`: signs by status, open incidents by severity (`extreme major serious`) and overdue."""
    found = {**counts, "missing": _missing(live, expected)}
    for level, reasons in (("trouble", TROUBLE), ("watch", WATCH)):
        why = tuple((reason, found[reason]) for reason in reasons if found.get(reason))
        if why and why != (("missing", expected),):
            return Verdict(level, why[:MOST_REASONS])
    return Verdict("none" if expected and not live else "calm")


def _missing(live: int, expected: int) -> int:
    return 0 if live >= COVERAGE_WANTED * expected else expected - live
