"""When is the text of a time a time, and when may something have happened?"""

import re
from datetime import UTC, datetime, timedelta

from data.domain.refusal import Refusal

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?:([Zz])|([+-]\d\d:\d\d))?", re.ASCII
)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(minutes=2)
PAST = timedelta(hours=24)


def moment(text: str, *, field: str = "at") -> datetime:
    """RFC 3339 with an offset; a Refusal `no_zone` or `bad_time` for anything else."""
    found = rfc3339(text, field=field)
    try:
        found.astimezone(UTC)
    except OverflowError as wrong:
        raise bad_time(field) from wrong
    return found


def rfc3339(text: str, *, field: str = "at") -> datetime:
    """The same, though in UTC it may lie outside all years: it can be compared, not stored."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise bad_time(field)
    day, time, zulu, offset = match.groups()
    if not (zulu or offset):
        raise Refusal("no_zone", "时间缺少时区", "the time has no time zone", field=field)
    try:
        return datetime.fromisoformat(f"{day}T{time}{'+00:00' if zulu else offset}")
    except ValueError as wrong:
        raise bad_time(field) from wrong


def bad_time(field: str) -> Refusal:
    return Refusal(
        "bad_time", "不是 RFC 3339 时间", "not a time such as 2020-07-06T08:00:00+08:00", field=field
    )


def check_when(at: datetime, now: datetime, *, any_past: bool, field: str = "at") -> None:
    """Refuses what lies more than 2 min ahead, before 2000, or (without `any_past`) over 24 h back."""
    if at > now + AHEAD:
        raise Refusal("future", "时间在未来", "the time lies in the future", field=field)
    if at < EARLIEST:
        raise Refusal("too_old", "时间早于 2000 年", "the time lies before the year 2000", field=field)
    if not any_past and at < now - PAST:
        raise Refusal("too_old", "时间早于 24 小时前", "the time lies more than 24 h back", field=field)
