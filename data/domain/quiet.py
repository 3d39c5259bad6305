"""Is this the hour at which a city can spare the strength to look itself over?"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

FROM, UNTIL = time(3, 30), time(5)
LONGEST = timedelta(hours=24)


def is_due(now: datetime, last: datetime | None, zone: str) -> bool:
    """Once in the quiet hours of every night, and whenever the last time is longer ago than a day."""
    if last is None or now - last > LONGEST:
        return True
    here = now.astimezone(ZoneInfo(zone))
    quiet = datetime.combine(here.date(), FROM, here.tzinfo)
    return here.time() >= FROM and here.time() < UNTIL and last < quiet
