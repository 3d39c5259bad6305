"""Which columns has each table of a city folder, and what may stand in a cell?"""

from datetime import timedelta

from data.ingest.durations import duration
from data.ingest.rows import (
    Column,
    code,
    latitude,
    longitude,
    not_negative,
    one_of,
    positive,
    short_text,
    yes,
)


def _tier(text: str) -> int:
    return int(one_of("1", "2", "3", "4", "5")(text))


def _period(text: str) -> tuple[str, timedelta | None]:
    if text == "event":
        return text, None
    length = duration(text)
    if not length:
        raise ValueError("a period is longer than nothing")
    return text, length


def _hysteresis(text: str) -> str:
    not_negative(text.removesuffix("%"))
    return text


_NAMES = (Column("name_zh", short_text), Column("name_en", short_text))
_POINT = (Column("lon", longitude, empty=None), Column("lat", latitude, empty=None))
_CODE = Column("code", code, needed=True)

PLACES = (
    _CODE,
    Column("parent", code, empty=None),
    *_NAMES,
    *_POINT,
    Column("population", not_negative, empty=None),
    Column("area_km2", positive, empty=None),
)

SIGNS = (
    _CODE,
    *_NAMES,
    Column("domain", code, needed=True),
    Column("unit", short_text),
    Column("period", _period, needed=True),
    Column("tier", _tier, empty=None),
    Column("kind", code, empty=None),
    Column("direction", one_of("H", "L", "B", "N"), needed=True),
    Column("t1"),
    Column("t2"),
    Column("t3"),
    Column("hysteresis", _hysteresis),
    Column("hold", duration, empty=None),
    Column("freshness", duration, empty=None),
    Column("fold_time", one_of("mean", "sum", "max", "min", "last"), needed=True),
    Column("fold_space", one_of("sum", "mean", "max", "min", "worst", "none"), needed=True),
    Column("weight", one_of("1", "population", "area"), empty="1"),
    Column("shared", yes, empty=False),
    Column("department", code),
    Column("source"),
    Column("illustrative", yes, empty=False),
)

ASSETS = (
    _CODE,
    Column("kind", code, needed=True),
    Column("place", code, needed=True),
    *_NAMES,
    *_POINT,
    Column("department", code),
    Column("illustrative", yes, empty=False),
)

SERIES = (
    Column("sign", code, needed=True),
    Column("place", code, empty=None),
    Column("asset", code, empty=None),
    Column("capacity", positive, empty=None),
)

CLASSES = (
    Column("code", short_text, needed=True),
    *_NAMES,
    Column("condition"),
    Column("limit", positive, empty=None),
    Column("unit", one_of("hour", "urgent_hour", "work_hour", "work_day", "natural_day")),
    Column("stage", one_of("handle", "total")),
    Column("source"),
    Column("illustrative", yes, empty=False),
)

DEPARTMENTS = (_CODE, Column("place", code, needed=True), *_NAMES)

__all__ = ["ASSETS", "CLASSES", "DEPARTMENTS", "PLACES", "SERIES", "SIGNS"]
