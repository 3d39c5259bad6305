"""What becomes of readings that somebody sends?"""

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from data import db
from data.commands.intake import Outcome, Sender, Way, know, take_in
from data.commands.shedding import refuse_when_short
from data.config.room import Room
from data.domain import reading as domain
from data.domain.reading import Fault
from data.domain.refusal import Refusal, no_city
from data.store import clock, fold, inbox, readings, refill
from data.store.sources import Kind, Tally

POSTED = Way(readings.put, 5_000)
LOADED = Way(readings.load, 20_000)
REPLACED = Way(readings.load, 5_000, replace=True)
SHOWN = 1_000  # refused rows in an answer
PATIENCE = 0.5


def post(
    rows: Sequence[object],
    *,
    feed: str = "api",
    kind: Kind = "sensing",
    simulated: bool = False,
    lang: str = "zh",
    patience: float = PATIENCE,
) -> dict[str, Any]:
    """Rows `{sign, place | asset, at, value}`; anything else than a dict counts as broken.

    Returns once `latest` holds them, at the latest `patience` seconds after they are stored.
    """
    _refuse_for_now()
    sender = Sender(feed, kind, simulated)
    know(sender)
    outcome = take_in(sender, enumerate(rows), POSTED)
    _await_fold(outcome.boxes, patience)
    return _answer(outcome, lang)


def _refuse_for_now() -> None:
    """Before anything is looked at, so that whoever sends it again loses nothing."""
    refuse_when_short(Room.READINGS)
    with db.read() as conn:
        if clock.here(conn) is None:
            raise no_city()
        waiting = inbox.waiting(conn)
    if waiting > inbox.FULL:
        raise Refusal(
            "busy", f"{waiting} 个读数正在等待汇总，请稍后再发",
            f"{waiting} readings wait to be folded; send again later", status=503, retry_after=5,
        )  # fmt: skip


def _await_fold(boxes: list[int], patience: float) -> None:
    deadline = time.monotonic() + patience
    with db.read() as conn:
        while boxes and time.monotonic() < deadline and not inbox.are_fast(conn, boxes):
            time.sleep(0.01)


def _answer(outcome: Outcome, lang: str) -> dict[str, Any]:
    tally = outcome.tally()
    shown = sorted(outcome.faults, key=lambda fault: fault.row)[:SHOWN]
    return {
        "received": tally.received, "stored": tally.stored, "same": tally.same, "rejected": tally.rejected,
        "rows": [{**fault._asdict(), "detail": domain.detail(fault.code, lang)} for fault in shown],
    }  # fmt: skip


def bulk(
    rows: Iterable[object],
    *,
    feed: str,
    kind: Kind = "sensing",
    simulated: bool = False,
    replace: bool = False,
    refused: Callable[[Fault], object] = lambda fault: None,
    progress: Callable[[int], object] = lambda count: None,
    folding: Callable[[int], object] = lambda left: None,
) -> Tally:
    """History and imports: stored in pieces, then every day that was touched is made anew, once.

    Repeatable by key; `replace` lets another value for a stored key count. `refused` is told each fault (its
    row counts from 0 over all rows), `progress` how many rows were taken in since it was last told, `folding`
    how many days are left to make.
    """
    sender = Sender(feed, kind, simulated)
    know(sender)
    way = REPLACED if replace else LOADED
    total = Tally()
    numbered = enumerate(rows)
    with refill.held_back():
        while chunk := list(islice(numbered, LOADED.size)):
            outcome = take_in(sender, chunk, way)
            for fault in outcome.faults:
                refused(fault)
            progress(len(chunk))
            total = total.plus(outcome.tally())
    make_anew(folding)
    return total


class Anew(NamedTuple):
    """How many days of nodes were made, and how many to try next so that nobody waits long for the locks."""

    made: int
    limit: int


def make_anew(told: Callable[[int], object] = lambda left: None) -> None:
    """Until no day waits for it; `told` how many do."""
    done = Anew(0, 100)
    while (done := make_some_anew(done.limit)).made:
        with db.read() as conn:
            told(refill.left(conn))


def make_some_anew(limit: int, *, aim: float = 0.25, politely: bool = False) -> Anew:
    """One transaction's worth, aiming at so many seconds; politely: none while somebody still loads."""
    with db.transaction() as conn:
        if politely and (not refill.left(conn) or refill.is_held_back(conn)):
            return Anew(0, limit)
        fold.lock(conn, fold.FAST, fold.SLOW)
        started = time.monotonic()
        count = refill.step(conn, limit)
    pace = aim / max(time.monotonic() - started, 0.001)
    return Anew(count, int(min(max(limit * min(pace, 2), 10), 2_000)))
