"""How do hundreds of screens fare at once, in one thread and without a browser?"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import cycle, pairwise
from threading import Event, Thread
from time import monotonic
from typing import Any, Self
from urllib.parse import urlsplit

from tests.faults.screen import Frame, Screen

OVERVIEW = {"page": "overview", "subject": "99"}
WATCH = 0.25
DIM = {"silent", "down", "failed"}
SHOWN = 8.0  # seconds within which a picture that is no longer true says so


def addresses(people: int, each: int = 50) -> list[str]:
    """So many people at their machines, `each` behind one address of 127.0.0.0/8: caps count by peer."""
    return [f"127.9.{n // each // 250}.{n // each % 250 + 1}" for n in range(people)]


class Screens:
    """`with Screens(url, addresses(50)) as screens:` one screen an address, the asks in turn.
    `watched`: a leaf that holds a number which only rises."""

    def __init__(
        self, url: str, addresses: Sequence[str], *asks: Mapping[str, str], watched: str = ""
    ) -> None:
        where = urlsplit(url)
        self._where = (where.hostname or "", where.port or 80)
        self._given = list(zip(addresses, cycle(asks or (OVERVIEW,)), strict=False))
        self._watched = watched
        self._thread = Thread(target=lambda: asyncio.run(self._run()), name="screens", daemon=True)
        self._runs = Event()
        self.all: list[Screen] = []

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._runs.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    def __iter__(self) -> Iterator[Screen]:
        return iter(self.all)

    async def _run(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        self.all = [Screen(self._where, ask, address, self._watched) for address, ask in self._given]
        looking = [asyncio.create_task(screen.look()) for screen in self.all]
        self._runs.set()
        while not self._ended.is_set():
            for screen in self.all:
                screen.watch()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), WATCH)
        for task in looking:
            task.cancel()
        for screen in self.all:
            screen.leave()
        await asyncio.gather(*looking, return_exceptions=True)

    # ── what they show ──────────────────────────────────────────────────────────────────────────
    def states(self) -> list[dict[str, Any]]:
        return [screen.model for screen in self.all]

    def modes(self) -> list[str]:
        return [screen.mode for screen in self.all]

    def are(self, *modes: str) -> bool:
        return all(screen.mode in modes for screen in self.all)

    @property
    def frames(self) -> list[Frame]:
        return sorted((frame for one in self.all for frame in tuple(one.frames)), key=lambda frame: frame.at)

    @property
    def reconnects(self) -> list[float]:
        """When streams were opened, but each screen's first."""
        return sorted(at for screen in self.all for at in tuple(screen.hellos)[1:])

    @property
    def tries(self) -> list[float]:
        """When a stream was asked for, in vain or not."""
        return sorted(at for screen in self.all for at in tuple(screen.tries))


def peak(times: Iterable[float], span: float = 1.0) -> int:
    """The most within any second."""
    most, within = 0, deque[float]()
    for at in sorted(times):
        within.append(at)
        while within[0] <= at - span:
            within.popleft()
        most = max(most, len(within))
    return most


# ── I10: a screen never goes back in time and never shows stale as normal ───────────────────────
def never_back(screens: Screens) -> list[str]:
    """What broke I10, in words."""
    return [fault for screen in screens for fault in [*_went_back(screen), *_hid_its_age(screen)]]


def astray(screens: Screens) -> list[str]:
    """What the server said before its turn or after it, where nobody disturbs the line."""
    return [
        f"{screen.address}: {frame.name} {frame.seq} of {frame.now}, frame {number}"
        for screen in screens
        for number, frame in enumerate(screen.frames)
        if frame.astray
    ]


def _went_back(screen: Screen) -> Iterator[str]:
    taken = [frame for frame in screen.frames if frame.taken]
    for before, after in pairwise(frame for frame in taken if frame.name in ("hello", "hb")):
        if after.now < before.now:
            yield f"{screen.address}: {after.name} of {after.now} after {before.now}"
    for before, after in pairwise(frame for frame in taken if frame.name in ("hello", "diff")):
        if after.name == "diff" and after.seq != before.seq + 1:
            yield f"{screen.address}: change {after.seq} after {before.seq}"
    values = [frame.value for frame in taken if frame.value is not None]
    if screen.watched and not values:
        yield f"{screen.address}: {screen.watched} was never shown"
    for before_value, after_value in pairwise(values):
        if after_value < before_value:
            yield f"{screen.address}: {screen.watched} fell from {before_value} to {after_value}"


def _hid_its_age(screen: Screen) -> Iterator[str]:
    """Between two words of the server that lie far apart the screen said that its picture is old, in time."""
    words = [frame.at for frame in screen.frames if frame.taken and frame.name in ("hello", "hb", "polled")]
    for before, after in pairwise([*words, monotonic()] if words else []):
        if after - before > SHOWN and not _said(screen, before + SHOWN, after) <= DIM:
            yield f"{screen.address}: shown as normal for {after - before:.1f} s without a word"


def _said(screen: Screen, since: float, until: float) -> set[str]:
    """Its modes in that time; the first began before it."""
    first = [mode.mode for mode in screen.modes if mode.at <= since][-1:] or ["nothing"]
    return {*first, *(mode.mode for mode in screen.modes if since < mode.at < until)}
