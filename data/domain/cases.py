"""Which cases does somebody ask for?"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from data.domain.incident import OPEN, State
from data.domain.moment import moment
from data.domain.refusal import Refusal

FILTERS = ("state", "severity", "overdue", "class", "source", "source_id", "from", "to", "closed_from")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cases:
    """None = any. `[start, end)` on at, `closed_from` on the closing; a severity None in the list is 日常."""

    path: str
    only_open: bool = False
    states: tuple[str, ...] | None = None
    severities: tuple[int | None, ...] | None = None
    overdue: bool | None = None
    classes: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None
    source_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    closed_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class After:
    """Where a page ended; the next one begins with what is older."""

    at: datetime
    id: UUID

    def __str__(self) -> str:
        microseconds = (self.at - _EPOCH) // timedelta(microseconds=1)
        raw = microseconds.to_bytes(8, signed=True) + self.id.bytes
        return base64.urlsafe_b64encode(raw).decode()


def after(text: str) -> After:
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
        if len(raw) != 24:
            raise _bad("after")
        return After(
            _EPOCH + timedelta(microseconds=int.from_bytes(raw[:8], signed=True)), UUID(bytes=raw[8:])
        )
    except (ValueError, OverflowError, binascii.Error) as wrong:
        raise _bad("after") from wrong


def cases(path: str, filters: Mapping[str, str | None]) -> Cases:
    """The filters as they stand in an address; a Refusal names the one that is wrong."""
    states = _states(filters.get("state"))
    start, end = (_time(filters.get(name), name) for name in ("from", "to"))
    if start and end and end < start:
        raise Refusal("bad_value", "结束早于开始", "the window ends before it begins", field="to")
    return Cases(
        path,
        only_open=states == tuple(OPEN),
        states=states,
        severities=_severities(filters.get("severity")),
        overdue=_truth(filters.get("overdue")),
        classes=_list(filters.get("class")),
        sources=_list(filters.get("source")),
        source_id=filters.get("source_id") or None,
        start=start,
        end=end,
        closed_from=_time(filters.get("closed_from"), "closed_from"),
    )


def _list(text: str | None) -> tuple[str, ...] | None:
    return (text,) if text else None


def _states(text: str | None) -> tuple[str, ...] | None:
    if not text:
        return None
    words = set(text.split(","))
    known = {state.value for state in State}
    if not words <= known | {"open"}:
        raise _bad("state")
    wanted = words & known | ({state.value for state in OPEN} if "open" in words else set())
    return tuple(state.value for state in State if state.value in wanted)


def _severities(text: str | None) -> tuple[int | None, ...] | None:
    if not text:
        return None
    words = dict(zip(("1", "2", "3", "4", "none"), (1, 2, 3, 4, None), strict=True))
    try:
        return tuple(words[word] for word in text.split(","))
    except KeyError as unknown:
        raise _bad("severity") from unknown


def _truth(text: str | None) -> bool | None:
    if not text:
        return None
    if text not in ("true", "false"):
        raise _bad("overdue")
    return text == "true"


def _time(text: str | None, field: str) -> datetime | None:
    return None if not text else moment(in_address(text), field=field)


def in_address(text: str) -> str:
    """A plus that an address was given bare has become a space: `00:00:00 08:00`."""
    head, space, offset = text.rpartition(" ")
    return f"{head}+{offset}" if space and len(offset) == 5 and len(head) > 10 else text


def _bad(field: str) -> Refusal:
    return Refusal(
        "bad_value", f"{field} 的值无法理解", f"the value of {field} is not understood", field=field
    )
