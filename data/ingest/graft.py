"""Where do imported places hang in the tree that stands, and which cannot?

A place that stands keeps its parent; what the file leaves out stays as it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from data.domain.city import PlaceRow
from data.domain.place import DEEPEST_TIER, path_of, tier_of
from data.ingest.files import Refused
from data.ingest.names import english
from data.ingest.recorded import Surveyed
from data.ingest.records import Record


@dataclass(slots=True)
class Graft:
    """`planted` by code, parents before children."""

    planted: dict[str, tuple[Surveyed, PlaceRow]] = field(default_factory=dict)
    same: int = 0
    refused: list[Refused] = field(default_factory=list)


def graft(surveyed: list[Surveyed], standing: Mapping[str, PlaceRow], *, speaks_chinese: bool) -> Graft:
    """`standing` holds at least every place and parent that the file names."""
    found = Graft()
    fresh: dict[str, Surveyed] = {}
    for one in surveyed:
        first = fresh.setdefault(one.record.values["code"], one)
        if first is one:
            continue
        if (first.record.values, first.geometry) == (one.record.values, one.geometry):
            found.same += 1
        else:
            detail = f"row {first.record.row} has the same code"
            found.refused.append(Refused(one.record.row, "code", "conflict", detail))
    _plant(found, fresh, standing, speaks_chinese)
    found.planted = dict(sorted(found.planted.items(), key=lambda item: item[1][1].path))
    return found


def _plant(found: Graft, fresh: dict[str, Surveyed], standing: Mapping[str, PlaceRow], chinese: bool) -> None:
    paths: dict[str, str | Refused] = {}
    parents = {code: one.record.values.get("parent") for code, one in fresh.items()}
    for code, one in fresh.items():
        path = _path(code, parents, standing, paths)
        if isinstance(path, Refused):
            found.refused.append(replace(path, row=one.record.row))
        else:
            found.planted[code] = one, _place(one.record, path, standing.get(code), chinese)


def _path(
    code: str,
    parents: dict[str, str | None],
    standing: Mapping[str, PlaceRow],
    paths: dict[str, str | Refused],
) -> str | Refused:
    """Walks up to a place that stands, then notes the paths of all that it walked."""
    trail: list[str] = []
    while code not in paths and code not in trail and code in parents and code not in standing:
        trail.append(code)
        code = parents[code] or ""
    above = _top(code, trail, parents, standing, paths)
    for walked in reversed(trail):
        above = _below(walked, above)
        paths[walked] = above
    return above


def _top(
    code: str,
    trail: list[str],
    parents: dict[str, str | None],
    standing: Mapping[str, PlaceRow],
    paths: dict[str, str | Refused],
) -> str | Refused:
    if code in paths:
        return paths[code]
    if code in trail:
        ring = [*trail[trail.index(code) :], code]
        return Refused(0, "parent", "bad_value", f"the parents go in a circle: {' → '.join(ring)}")
    if not code:
        return Refused(0, "parent", "missing_field", "a new place needs a parent")
    if code not in standing:
        return Refused(0, "parent", "unknown_place", f"no place has the code {code}")
    parent = parents.get(code)
    if parent not in (None, standing[code].parent):
        detail = f"{code} lies in {standing[code].parent or 'no other place'}; a place does not move"
        return Refused(0, "parent", "conflict", detail)
    return standing[code].path


def _below(code: str, above: str | Refused) -> str | Refused:
    if isinstance(above, Refused):
        return above
    if tier_of(above) == DEEPEST_TIER:
        return Refused(
            0, "parent", "wrong_tier", f"a tree has {DEEPEST_TIER} tiers, {code} would be one deeper"
        )
    return path_of(code, above)


def _place(record: Record, path: str, old: PlaceRow | None, chinese: bool) -> PlaceRow:
    given = {name: value for name, value in record.values.items() if value is not None}
    if old is not None:
        return replace(old, **_changes(given))
    # one name stands in for the other, the code for both
    zh = given.get("name_zh") or given.get("name_en") or given["code"]
    en = given.get("name_en") or (english(zh) if chinese else zh)
    return PlaceRow(**given | {"name_zh": zh, "name_en": en, "tier": tier_of(path), "path": path})


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in ("code", "parent")}
