"""How do recorded places and assets come into a city that stands?"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from data import db
from data.commands.city import shape_of, sought
from data.commands.pace import batches, watched
from data.commands.shedding import refuse_when_short
from data.config.room import Room
from data.domain.city import PlaceRow
from data.domain.place import district_of
from data.ingest.files import Refused
from data.ingest.graft import Graft, graft
from data.ingest.recorded import Surveyed, ground, opened, point_of, sound, surveyed
from data.ingest.records import Record
from data.ingest.refused import Summary
from data.store import city as store
from data.store import news, survey

_BATCH = 200  # rows with outlines in one transaction
_BARE = {"geometry": None, "outline": None, "bounds": None, "schematic": True}


def places(file: Path, mapping: Path | None, progress: bool) -> Summary:
    """Adds places under those that stand, or changes these; what they said before is kept."""
    with Summary(file) as summary, opened(file, mapping, "places") as (table, reader, columns):
        told = surveyed(watched(table, progress), reader, columns.crs)
        found = list(_accepted(map(sound, told), summary))
        with db.read() as conn:
            codes = {code for one in found for code in _named(one.record)}
            city = store.loaded(conn)
            chinese = city is None or "zh" in city["languages"]
            tree = graft(found, survey.places(conn, codes), speaks_chinese=chinese)
        _settle(tree, summary)
        _store(_place_rows(tree), store.write_places, lambda row: row["path"], summary)
    return summary


def _accepted(told: Iterable[Surveyed | Refused], summary: Summary) -> Iterator[Surveyed]:
    for one in told:
        if isinstance(one, Refused):
            summary.refuse(one)
        else:
            yield one


def _named(record: Record) -> Iterator[str]:
    yield record.values["code"]
    if record.values.get("parent"):
        yield record.values["parent"]


def _settle(tree: Graft, summary: Summary) -> None:
    summary.same += tree.same
    for refused in tree.refused:
        summary.refuse(refused)


def _place_rows(tree: Graft) -> list[dict[str, Any]]:
    planted = [place for _, place in tree.planted.values()]
    drawn = {code: one.geometry for code, (one, _) in tree.planted.items() if one.geometry}
    bare = [_without_old_centre(*tree.planted[code]) for code in drawn]
    cells = {cell.code: shape_of(cell) for cell in ground(bare, drawn)} if drawn else {}
    words = sought(planted)
    with db.read() as conn:
        standing = survey.drawings(conn, [*tree.planted, *{place.parent or "" for place in planted}])
    return [_place_row(place, cells, standing) | {"sought": words[place.code]} for place in planted]


def _without_old_centre(one: Surveyed, place: PlaceRow) -> PlaceRow:
    return replace(place, lon=one.record.values.get("lon"), lat=one.record.values.get("lat"))


def _place_row(place: PlaceRow, cells: Mapping[str, Any], standing: Mapping[str, Any]) -> dict[str, Any]:
    centre = standing.get(place.parent or "", {}).get("centre")
    if place.lon is not None:
        centre = (place.lon, place.lat)
    shape = {"centre": centre} | _BARE | standing.get(place.code, {}) | cells.get(place.code, {})
    if place.lon is not None and place.code not in cells:
        shape["centre"] = centre
    return {
        "code": place.code, "parent": place.parent, "tier": place.tier, "path": place.path,
        "district": district_of(place.path), "name_zh": place.name_zh, "name_en": place.name_en,
        "population": place.population, "area": place.area_km2, **shape,
    }  # fmt: skip


def _store(
    rows: Sequence[dict[str, Any]],
    write: Callable[[db.Conn, Sequence[Mapping[str, Any]]], int],
    paths: Callable[[dict[str, Any]], str],
    summary: Summary,
) -> None:
    for batch in batches(rows, _BATCH):
        refuse_when_short(Room.REPORTS)
        with db.transaction() as conn:
            changed = write(conn, batch)
            if changed:
                news.tell(conn, "city", map(paths, batch))
        summary.stored += changed
        summary.same += len(batch) - changed


def assets(file: Path, mapping: Path | None, progress: bool) -> Summary:
    """Adds assets, or changes them; one that is measured keeps its kind and place."""
    with Summary(file) as summary, opened(file, mapping, "assets") as (table, reader, columns):
        found = list(_accepted(surveyed(watched(table, progress), reader, columns.crs), summary))
        with db.read() as conn:
            standing = survey.assets(conn, [one.record.values["code"] for one in found])
            homes = survey.places(
                conn,
                {one.record.values.get("place") or "" for one in found}
                | {row["place"] for row in standing.values()},
            )
        rows: dict[str, dict[str, Any]] = {}
        for one in found:
            row = _asset_row(one, standing, homes)
            if isinstance(row, Refused):
                summary.refuse(row)
            elif (first := rows.setdefault(row["code"], row)) is not row:
                _twice(one.record, first == row, summary)
        _store(list(rows.values()), store.write_assets, lambda row: homes[row["place"]].path, summary)
    return summary


def _twice(record: Record, is_same: bool, summary: Summary) -> None:
    if is_same:
        summary.same += 1
    else:
        summary.refuse(Refused(record.row, "code", "conflict", "another row of the file has the same code"))


def _asset_row(
    one: Surveyed, standing: Mapping[str, Any], homes: Mapping[str, PlaceRow]
) -> dict[str, Any] | Refused:
    given = {name: value for name, value in one.record.values.items() if value is not None}
    old = dict(standing.get(given["code"], {}))
    is_measured = old.pop("measured", False)
    for name in ("kind", "place"):
        if name not in given and name not in old:
            return Refused(one.record.row, name, "missing_field", "a new asset needs it")
        if is_measured and given.get(name, old[name]) != old[name]:
            return Refused(one.record.row, name, "conflict", f"it is measured as {old[name]}")
    if given.get("place", old.get("place")) not in homes:
        return Refused(one.record.row, "place", "unknown_place", f"no place has the code {given['place']}")
    point = point_of(one.geometry) if one.geometry else None
    if one.geometry and not point:
        return Refused(one.record.row, "geometry", "bad_value", "an asset is a point")
    if "lon" in given:
        point = given["lon"], given["lat"]
    return _asset(given, old, point)


def _asset(given: dict[str, Any], old: dict[str, Any], point: tuple[float, float] | None) -> dict[str, Any]:
    """One name stands in for the other, the code for both."""
    zh = given.get("name_zh") or old.get("name_zh") or given.get("name_en") or given["code"]
    row = {"name_zh": zh, "name_en": zh, "point": None, "department": None, "schematic": False}
    row |= old | {name: value for name, value in given.items() if name not in ("lon", "lat")}
    return row | ({"point": point} if point else {})
