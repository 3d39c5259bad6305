"""How does a city behave of which nobody measures anything? Seeded, so that it always behaves the same."""

from datetime import datetime

from data.work.simulate.live import Living, live
from data.work.simulate.run import run

__all__ = ["Living", "live", "run", "tick"]


def tick(now: datetime) -> None:
    """One tick from what stands in the database."""
    Living().tick(now)
