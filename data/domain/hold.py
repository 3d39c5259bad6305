"""When does the status that is held give way to the one its value has now?"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from data.domain.sign import Status


class Held(NamedTuple):
    """`pending`: a higher status that has not lasted long enough yet, and since when it stands."""

    status: int = Status.NONE
    pending: int | None = None
    since: datetime | None = None


class Moment(NamedTuple):
    """A value's rank by its limits, and by the same limits eased by the sign's hysteresis."""

    at: datetime
    rank: int
    eased: int
    expires: datetime


class Turn(NamedTuple):
    status: int
    at: datetime


def step(held: Held, *, rank: int, eased: int, at: datetime, hold: timedelta) -> Held:
    """A rise must last `hold`; a fall must pass the hysteresis; stale and none count as normal."""
    base = held.status if held.status <= Status.ALARM else Status.NORMAL
    if rank <= base:
        return Held(min(base, eased))
    level = rank if held.pending is None else min(held.pending, rank)
    since = held.since or at
    if at - since < hold:
        return Held(base, level, since)
    return Held(level) if level == rank else Held(level, rank, at)


def course(
    held: Held, moments: Iterable[Moment], *, expires: datetime | None, hold: timedelta, now: datetime
) -> tuple[Held, list[Turn]]:
    """What one series goes through, reading by reading, silences in between included.

    `expires`: of the last reading before.
    """
    turns: list[Turn] = []
    for moment in moments:
        if expires is not None and expires < moment.at:
            held = _turn(turns, held, Held(Status.STALE), expires)
        stepped = step(held, rank=moment.rank, eased=moment.eased, at=moment.at, hold=hold)
        held = _turn(turns, held, stepped, moment.at)
        expires = moment.expires
    if expires is not None and expires <= now:
        held = _turn(turns, held, Held(Status.STALE), expires)
    return held, turns


def _turn(turns: list[Turn], before: Held, after: Held, at: datetime) -> Held:
    if after.status != before.status:
        turns.append(Turn(after.status, at))
    return after


def settled(turns: Iterable[Turn], since: datetime | None) -> list[Turn]:
    """The same with rising times, none before `since`; what would last no time is left out."""
    kept: list[Turn] = []
    for turn in turns:
        floor = kept[-1].at if kept else since
        at = turn.at if floor is None else max(turn.at, floor)
        if kept and kept[-1].at == at:
            kept.pop()
        kept.append(Turn(turn.status, at))
    return kept
