"""How much room is left on the database's disk, and what is no longer taken for want of it?"""

import os
from contextlib import suppress
from enum import IntEnum
from pathlib import Path

from data import config

MB = 1 << 20


class Room(IntEnum):
    """Each step refuses what it is called after, and what the steps before it refuse; LOW only says so."""

    AMPLE = 0
    LOW = 1
    READINGS = 2
    REPORTS = 3
    ACTS = 4

    @property
    def word(self) -> str:
        return self.name.lower()


_BELOW = {Room.LOW: 3.0, Room.READINGS: 2.0, Room.REPORTS: 1.25, Room.ACTS: 0.5}
"""A step begins when less is left than so many reserves."""
_CALM = 0.25  # reserves that must be left above that for the step to end

_known: dict[Path, Path] = {}
_said: dict[Path, Room] = {}


def room() -> Room:
    """Ample where the disk cannot be seen: a server of somebody else says by itself that it is full."""
    reserve, place = reserved(), directory()
    if place is None or not reserve:
        return Room.AMPLE
    before = _said.get(place, Room.AMPLE)
    try:
        now = step(left(place, reserve) / reserve, before)
    except OSError:  # the directory is gone: others say that
        return before
    _said[place] = now
    return now


def step(reserves: float, before: Room) -> Room:
    begun = _steps(reserves)
    return begun if begun > before else min(before, _steps(reserves - _CALM))


def _steps(reserves: float) -> Room:
    return max((step for step, limit in _BELOW.items() if reserves < limit), default=Room.AMPLE)


def left(place: Path, reserve: int) -> int:
    """Bytes beside a whole reserve; what is missing of it has to come back first."""
    return free(place) - max(0, reserve - allocated(reserve_file(place)))


def free(place: Path) -> int:
    """Bytes that the database may still take."""
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def allocated(path: Path) -> int:
    try:
        return path.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def reserve_file(place: Path) -> Path:
    """Beside the database's directory."""
    return place.with_name("reserve")


def reserved() -> int:
    """Bytes of CITYOPS_RESERVE_MB."""
    return config.settings().reserve_mb * MB


def directory() -> Path | None:
    """Of our own database, once it has been started."""
    said = config.settings()
    if not said.embedded:
        return None
    with suppress(config.Refused):  # a pointer that cannot be read is the start's to refuse
        if said.home not in _known and (kept := config.read_json(config.database_file(said.home))):
            _known[said.home] = Path(kept["directory"])
    return _known.get(said.home)
