"""What becomes of one cell of a recorded file: text, number, code, point, yes or no, time?

A local time that the clocks show twice is the first of the two. One that they skip is no time of a reading;
of a case it is read as if the clocks had not been set yet: 02:30 becomes 03:30.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

from data.domain.incident import State
from data.domain.place import is_code

Kind = Literal["readings", "incidents", "places", "assets"]

_BROKEN = re.compile("[\0\ud800-\udfff]")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:?\d\d)?")
_YES = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class BadCell(ValueError):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def bad(detail: str) -> BadCell:
    return BadCell("bad_value", detail)


def is_null(cell: Any, null: frozenset[str]) -> bool:
    if isinstance(cell, str):
        cell = cell.strip()
        return not cell or cell in null
    return (
        cell is None or cell != cell or (bool(null) and isinstance(cell, int | float) and text(cell) in null)
    )


def text(cell: Any) -> str:
    """A whole number has no point: 19525.0 is 19525."""
    if isinstance(cell, str):
        if _BROKEN.search(cell):
            raise bad("this is no text: a NUL or a byte of another encoding stands in it")
        return cell.strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, int | Decimal):
        return str(cell)
    raise bad(f"a {type(cell).__name__} is neither text nor a number")


def number(cell: Any) -> float:
    if isinstance(cell, bool):
        raise bad("yes or no is not a number")
    try:
        found = float(cell)
    except (ValueError, TypeError, OverflowError):
        raise bad(f"'{text(cell)[:80]}' is not a number") from None
    if not math.isfinite(found) or (isinstance(cell, str) and "_" in cell):
        raise bad(f"'{text(cell)[:80]}' is not a number")
    return found


def _short(cell: Any) -> str:
    return _text_up_to(80, cell)


def _long(cell: Any) -> str:
    return _text_up_to(4_000, cell)


def _text_up_to(most: int, cell: Any) -> str:
    found = text(cell)
    if len(found) > most:
        raise bad(f"{len(found)} characters, {most} are the most")
    return found


def _code(cell: Any) -> str:
    found = text(cell)
    if not is_code(found):
        raise bad(f"'{found[:80]}' is no code: up to 40 of A-Z a-z 0-9 . _ -")
    return found


def _within(low: float, high: float) -> Callable[[Any], float]:
    def parse(cell: Any) -> float:
        found = number(cell)
        if not low <= found <= high:
            raise bad(f"{found} is not within {low:g} to {high:g}")
        return found

    return parse


def _whole(cell: Any) -> int:
    found = number(cell)
    if not found.is_integer():
        raise bad(f"{found} is no whole number")
    return int(found)


def _state(cell: Any) -> State:
    try:
        return State(text(cell))
    except ValueError:
        raise bad(f"'{text(cell)[:80]}' is no state of a case") from None


def _people(cell: Any) -> int:
    return round(_within(0, 2_000_000_000)(cell))


def _severity(cell: Any) -> int:
    found = _whole(cell)
    if found not in (1, 2, 3, 4):
        raise bad(f"{found} is no severity: 1 is worst, 4 mildest")
    return found


def _yes(cell: Any) -> bool:
    found = text(cell).lower()
    if found not in _YES:
        raise bad(f"'{found[:80]}' is neither true nor false")
    return _YES[found]


# ── time ────────────────────────────────────────────────────────────────────────────────────────
def clock(form: str | None, zone: tzinfo | None, *, skips: bool) -> Callable[[Any], datetime]:
    """Reads times written so; without a form RFC 3339. A time's own offset stands before the zone.

    `skips`: a time that the clocks skipped is refused.
    """

    @lru_cache(maxsize=4_096)
    def read(written: str) -> datetime:
        return _moment(_parsed(written, form), zone, skips)

    def parse(cell: Any) -> datetime:
        if isinstance(cell, datetime):
            return _moment(cell, zone, skips)
        if isinstance(cell, date):
            return _moment(datetime.combine(cell, time()), zone, skips)
        return read(text(cell))

    return parse


def _parsed(written: str, form: str | None) -> datetime:
    try:
        if form is not None:
            return datetime.strptime(written, form)  # noqa: DTZ007 (_moment gives it the zone)
        if _RFC_3339.fullmatch(written):
            return datetime.fromisoformat(written.upper())
    except ValueError:
        pass
    wanted = form or "RFC 3339 such as 2020-07-06T08:00:00+08:00"
    raise BadCell("bad_time", f"'{written[:80]}' is no time of the form {wanted}")


def _moment(found: datetime, zone: tzinfo | None, skips: bool) -> datetime:
    try:
        if found.tzinfo is not None:
            return found.astimezone(UTC)
        if zone is None:
            raise BadCell("no_zone", f"{found.isoformat()} says no offset and the mapping no timezone")
        moment = found.replace(tzinfo=zone).astimezone(UTC)
        shown = moment.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise BadCell("bad_time", f"{found.isoformat()} is no time that can be kept") from None
    if skips and shown != found:
        raise BadCell("bad_time", f"{found.isoformat()} was skipped when the clocks of {zone} went forward")
    return moment


# ── the fields of each kind ─────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Field:
    """`parse` None: a time, read by the mapping's clock."""

    name: str
    parse: Callable[[Any], Any] | None
    needed: bool = False


_LON = Field("lon", _within(-180, 180))
_LAT = Field("lat", _within(-90, 90))
_NAMES = (Field("name_zh", _short), Field("name_en", _short))

FIELDS: dict[Kind, tuple[Field, ...]] = {
    "readings": (
        Field("at", None, needed=True),
        Field("place", _short),
        Field("asset", _short),
        Field("sign", _short),
        Field("value", number),
    ),
    "incidents": (
        Field("class", _short, needed=True),
        Field("at", None, needed=True),
        Field("place", _short),
        _LON,
        _LAT,
        Field("source_id", _short),
        Field("severity", _severity),
        Field("description", _long),
        Field("state", _state),
        Field("due", None),
        Field("closed", None),
        Field("clocks", _yes),
        Field("sign", _short),
        Field("asset", _short),
    ),
    "places": (
        Field("code", _code, needed=True),
        Field("parent", _short),
        *_NAMES,
        _LON,
        _LAT,
        Field("population", _people),
        Field("area_km2", _within(0, math.inf)),
    ),
    "assets": (
        Field("code", _code, needed=True),
        Field("kind", _code),
        Field("place", _short),
        *_NAMES,
        _LON,
        _LAT,
        Field("department", _short),
    ),
}
