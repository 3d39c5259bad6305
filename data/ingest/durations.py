"""How long is `5min`?"""

import re
from datetime import timedelta

# a month is 30 days, a quarter 91, a year 365: lengths to wait for, not dates on a calendar
_UNITS = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "mo": timedelta(days=30),
    "q": timedelta(days=91),
    "y": timedelta(days=365),
}
_CELL = re.compile(r"(\d{1,6})(s|min|h|d|w|mo|q|y)")


def duration(cell: str) -> timedelta:
    """ValueError in words, unless the cell is a whole number and a unit: `30s 5min 1h 1d 1w 1mo 1q 1y`."""
    match = _CELL.fullmatch(cell)
    if match is None:
        raise ValueError(f"'{cell}' is not a duration such as 30s, 5min, 1h, 1d, 1w, 1mo, 1q or 1y")
    return int(match[1]) * _UNITS[match[2]]
