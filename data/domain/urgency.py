"""What of a place should be looked at first?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.domain.incident import OPEN, STAGE
from data.domain.sign import ABNORMAL, Status

Row = Mapping[str, Any]
Limits = Sequence[float | None]

BAD = tuple(status.word for status in sorted(ABNORMAL, reverse=True))
"""alarm, warning, attention"""

OPEN_STAGES = {
    stage: tuple(state.value for state in OPEN if STAGE[state] == stage)
    for stage in sorted({STAGE[state] for state in OPEN})
}
"""The stages an open case can be in, and its states there."""

GAPS = (Status.STALE.word, Status.NONE.word)
_LEVEL = {Status.ALARM.word: 2, Status.WARNING.word: 1}


@dataclass(frozen=True, slots=True)
class Lists:
    """The signs of a place by what they ask of the reader; `rest` = what is well, then what is lent."""

    bad: list[Row]
    gaps: list[Row]
    rest: list[Row]
    unmeasured: list[Row]

    @property
    def everything(self) -> list[Row]:
        return [*self.bad, *self.gaps, *self.rest, *self.unmeasured]


def sorted_signs(signs: Sequence[Row]) -> Lists:
    """Each list worst first, then in the catalogue's order. A value lent from above is never one's own."""
    own = [sign for sign in signs if sign["expected"]]
    return Lists(
        bad=sorted((sign for sign in own if sign["status"] in BAD), key=_gravity),
        gaps=sorted((sign for sign in own if sign["status"] in GAPS), key=_gravity),
        rest=[
            *(sign for sign in own if sign["status"] == Status.NORMAL.word),
            *sorted((sign for sign in signs if sign["from"]), key=_gravity),
        ],
        unmeasured=[sign for sign in signs if not sign["expected"] and not sign["from"]],
    )


def _gravity(row: Row) -> int:
    """alarm 0, warning 1, attention 2, all others after them"""
    return BAD.index(row["status"]) if row["status"] in BAD else len(BAD) + (row["status"] == GAPS[1])


def first(lists: Lists, room: int, *, most_gaps: int) -> tuple[list[Row], list[Row], list[Row]]:
    """What of bad, gaps and rest fits: the worst first, two gaps in any case, and the rest fills up."""
    bad = lists.bad[: room - min(2, len(lists.gaps))]
    left = room - len(bad)
    gaps = lists.gaps[: min(left, max(most_gaps, left - 1 - len(lists.rest)))]
    return bad, gaps, lists.rest[: max(0, left - 1 - len(gaps))]


def ranked(children: Sequence[Row]) -> list[Row]:
    """The worst first, then by the number of abnormal signs, then by the cases."""
    return sorted(children, key=_standing)


def _standing(row: Row) -> tuple[int, ...]:
    gravity = min(_gravity(row), len(BAD))
    return (gravity, -row["abnormal"], row["severity"] or 5, -row["overdue"], -row["open"])


def limit_shown(status: str, direction: str, low: Limits, high: Limits, value: float | None) -> float | None:
    """The limit that was crossed; of a normal sign the first one."""
    level = _LEVEL.get(status, 0)
    below = direction == "L" or (direction == "B" and _nearer_low(value, low[level], high[level]))
    sides = low if below else high
    return next((sides[at] for at in range(level, -1, -1) if sides[at] is not None), None)


def _nearer_low(value: float | None, low: float | None, high: float | None) -> bool:
    if low is None or value is None:
        return False
    return high is None or value - low < high - value
