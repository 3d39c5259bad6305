"""What is one entry of a case's log, and how is it bound to the one before?"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Event:
    """n = the case's version after it; at = when it happened, known_at = when this platform learnt of it."""

    id: UUID
    incident: UUID
    n: int
    path: str
    district: str
    at: datetime
    known_at: datetime
    actor: str
    holder_place: str | None
    holder_department: str | None
    holder_seat: str | None
    tier: int
    act: str
    from_state: str | None
    to_state: str
    note: str
    payload: Mapping[str, Any]
    node: str


COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Event))


def chained(previous: str, event: Event) -> str:
    """`sha256:…` of the previous entry's hash ('' before the first) and this one's columns."""
    columns = {name: _plain(getattr(event, name)) for name in COLUMNS}
    text = json.dumps(columns, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256((previous + text).encode()).hexdigest()}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, UUID):
        return str(value)
    return value
