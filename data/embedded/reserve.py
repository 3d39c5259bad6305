"""What is given up so that a database can start again on a full disk?"""

import logging
import os
from pathlib import Path

from data.config import room

_STARTING = 64 * room.MB  # with less PostgreSQL may be unable to end its recovery

_log = logging.getLogger("cityops")


def keep(place: Path) -> None:
    """The reserve of the database in `place`: whole as soon as half as much again is left beside it."""
    size, path = room.reserved(), room.reserve_file(place)
    missing = size - room.allocated(path)
    had = path.stat().st_size if path.exists() else 0
    if had > size:
        os.truncate(path, size)
    elif 0 < missing <= room.free(place) - size // 2:
        _allocate(path, size)
        if had < size:
            _log.info("%d MB are kept in reserve for a full disk", size // room.MB)


def _allocate(path: Path, size: int) -> None:
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(file, 0, size)
    finally:
        os.close(file)


def give_up(place: Path) -> bool:
    """Whether there was one, on a disk so full that the database may have died of it."""
    path = room.reserve_file(place)
    if not is_full(place) or not room.allocated(path):
        return False
    os.truncate(path, 0)
    return True


def is_full(place: Path) -> bool:
    try:
        return room.free(place) < max(room.reserved(), _STARTING)
    except OSError:
        return False
