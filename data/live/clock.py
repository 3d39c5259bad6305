"""What time is it, by the one clock there is: the database's?"""

from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import NamedTuple

SLOWER = 0.999  # until we no longer are ahead: time on a screen never goes back
SET = timedelta(seconds=1)  # further off, somebody has set the database's clock


class _Heard(NamedTuple):
    at: datetime
    then: float
    rate: float = 1.0

    def now(self) -> datetime:
        return self.at + timedelta(seconds=self.rate * (monotonic() - self.then))


_heard: _Heard | None = None


def hear(at: datetime) -> None:
    """The database has just said what time it is."""
    global _heard
    ours = None if _heard is None else _heard.now()
    if ours is not None and timedelta(0) < ours - at < SET:
        _heard = _Heard(ours, monotonic(), SLOWER)
    else:
        _heard = _Heard(at, monotonic())


def now() -> datetime:
    """As the database last said, and what has passed since; before it ever spoke, this machine's guess."""
    return datetime.now(UTC) if _heard is None else _heard.now()
