"""Which cases are there, how many, and how does one stand?"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from data import db
from data.domain.cases import After, Cases, after
from data.domain.place import tier_of
from data.domain.refusal import Refusal
from data.domain.rights import Viewer
from data.queries.places import check_seen
from data.store import case_table, clock, incidents

BY = ("place", "hour", "class", "state", "severity")
_BATCH = 5_000


def page(place: str, cases: Cases, *, limit: int = 100, since: str | None = None) -> dict[str, Any]:
    """Newest first; `since` = the `next` of the page before. `cases.path` must be one the viewer may see."""
    start = None if since is None else after(since)
    with db.read() as conn:
        found = incidents.page(conn, cases, limit + 1, start)
    return {
        "place": place,
        "items": found[:limit],
        "limit": limit,
        "next": str(_end(found[:limit])) if found[limit:] else None,
    }


def _end(rows: list[dict[str, Any]]) -> After:
    return After(rows[-1]["at"], rows[-1]["id"])


def lines(cases: Cases, columns: Sequence[str], as_of: datetime) -> Iterator[list[bytes]]:
    """All of them as CSV, newest first, in batches that hold no connection while a slow reader takes them."""
    start: After | None = None
    while True:
        with db.read() as conn:
            found, start = case_table.lines(conn, cases, columns, as_of, _BATCH, start)
        if start is None:
            return
        yield found


def counts(
    place: dict[str, Any],
    cases: Cases,
    by: str,
    *,
    tier: int | None = None,
    window: tuple[Any, Any] = (None, None),
) -> dict[str, Any]:
    """`by=place`: by child, or by the places of a deeper `tier`."""
    if tier is not None and (by != "place" or not place["tier"] < tier <= 5):
        raise Refusal(
            "bad_value",
            "tier 只能是更低的层级",
            "tier must be deeper than the place, with by=place",
            field="tier",
        )
    with db.read() as conn:
        here = clock.here(conn)
        assert here is not None
        rows = incidents.counts(conn, cases, by, tier=tier or place["tier"] + 1, timezone=here["timezone"])
    items = [{"key": row["key"], "name": row["name"], "n": row["n"]} for row in rows]
    if by == "hour":
        zone = ZoneInfo(here["timezone"])
        items = [{**item, "key": item["key"].astimezone(zone)} for item in items]
    return {
        "place": place["code"], "by": by, "from": cases.start, "to": cases.end,
        "total": sum(item["n"] for item in items), "items": items,
    }  # fmt: skip


def one(viewer: Viewer, text: str) -> dict[str, Any]:
    found = None
    if (incident := _uuid(text)) is not None:
        with db.read() as conn:
            found = incidents.find(conn, incident)
    if found is None:
        raise Refusal(
            "unknown_incident", f"没有编号为 {text} 的案件", f"no incident has the id {text}",
            status=404, field="id",
        )  # fmt: skip
    check_seen(viewer, found["path"])
    return found


def _uuid(text: str) -> UUID | None:
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


def open_matrix(path: str) -> list[dict[str, Any]]:
    """Open cases by severity and stage: `{severity, stage, n, overdue}`."""
    with db.read() as conn:
        return incidents.open_load(conn, path, tier_of(path) + 1)[0]
