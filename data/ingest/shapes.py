"""Which ground does each place cover?

The only file that knows shapely and geopandas. Real outlines stay as they are; the places of a parent that
have none share what is left of it as Voronoi cells: the same code gives the same cells, every time.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from data.domain.city import City, GeoJson, PlaceRow

Geometries = NDArray[np.object_]
Points = NDArray[np.float64]
Owner = NDArray[np.int_]
"""Of each child, which room it lives in."""
Home = list[PlaceRow]
"""The children that share one room."""

_POLYGONS = ("Polygon", "MultiPolygon")
_ROUNDS = 4  # of moving the seeds to the middle of their cells
_COARSEST = 0.1  # degrees: scattered islands never come down to so few vertices
_VERTICES = 60  # of a drawn polygon, about; the small siblings have fewer than the large
_SPREAD = np.array([0.7548776662466927, 0.5698402909980532])  # the R2 sequence: even in the plane


@dataclass(frozen=True, slots=True)
class Cell:
    """`geometry` = WKB, `drawing` = the same with about 60 vertices; both None in a city without outlines."""

    code: str
    geometry: bytes | None
    drawing: GeoJson | None
    lon: float | None
    lat: float | None
    schematic: bool


@dataclass(slots=True)
class _Map:
    squeeze: float
    """cos of the city's latitude: x · squeeze makes a degree as long east as north."""
    ground: dict[str, BaseGeometry] = field(default_factory=dict)
    drawn: dict[str, BaseGeometry] = field(default_factory=dict)
    real: set[str] = field(default_factory=set)


def cells(city: City) -> Iterator[Cell]:
    """One for every place, in the order of `city.places`."""
    children: dict[str | None, list[PlaceRow]] = defaultdict(list)
    for place in city.places:
        children[place.parent].append(place)
    map_ = _Map(_squeeze(city))
    _lay_real(city, children, map_)
    for tier in range(1, max(place.tier for place in city.places)):
        _lay_tier([place for place in city.places if place.tier == tier], children, map_)
    return _with_centres(city.places, map_)


def _squeeze(city: City) -> float:
    lats = [place.lat for place in city.places if place.lat is not None]
    lats += [shapely.centroid(shape(outline)).y for outline in city.outlines.values()]
    return float(np.cos(np.radians(np.mean(lats)))) if lats else 1.0


def _lay_real(city: City, children: dict[str | None, list[PlaceRow]], map_: _Map) -> None:
    """From the leaves up: a place without an outline whose children all have one is their union."""
    for place in reversed(city.places):
        outline = city.outlines.get(place.code)
        below = [map_.ground.get(child.code) for child in children[place.code]]
        if outline:
            map_.ground[place.code] = _scaled(np.array([shape(outline)]), map_.squeeze)[0]
        elif below and all(below):
            map_.ground[place.code] = _polygonal(shapely.union_all(below))
    map_.real = set(map_.ground)
    map_.drawn = dict(map_.ground)
    for siblings in children.values():
        _draw([place.code for place in siblings if place.code in map_.real], map_)


def _lay_tier(parents: list[PlaceRow], children: dict[str | None, list[PlaceRow]], map_: _Map) -> None:
    """Cells for the children without outline of all places of one tier at once."""
    homes, rooms = [], []
    for parent in parents:
        bare = [child for child in children[parent.code] if child.code not in map_.ground]
        room = _room(parent, children[parent.code], map_) if bare and parent.code in map_.ground else None
        if room:
            homes.append(bare)
            rooms.append(room)
    if not homes:
        return
    owner = np.repeat(np.arange(len(homes)), [len(home) for home in homes])
    codes = [child.code for home in homes for child in home]
    map_.ground.update(zip(codes, _voronoi(homes, np.array(rooms), owner, map_.squeeze), strict=True))
    for home in homes:
        _draw([child.code for child in home], map_)


def _room(parent: PlaceRow, below: list[PlaceRow], map_: _Map) -> BaseGeometry | None:
    """What the children with real outlines leave of the parent; None where that is nothing."""
    ground = map_.ground[parent.code]
    taken = [map_.ground[child.code] for child in below if child.code in map_.ground]
    if not taken:
        return ground
    room = _polygonal(shapely.difference(ground, shapely.union_all(taken)))
    return room if room.area > 1e-6 * ground.area else None


def _voronoi(homes: list[Home], rooms: Geometries, owner: Owner, squeeze: float) -> Geometries:
    seeds, fixed = _seeds(homes, rooms, squeeze)
    shapely.prepare(rooms)
    for _ in range(_ROUNDS):
        cut = _cut(seeds, rooms, owner)
        middles = shapely.centroid(cut)
        astray = ~shapely.contains_properly(rooms[owner], middles)
        middles[astray] = shapely.point_on_surface(cut[astray])
        seeds = np.where(fixed[:, None], seeds, shapely.get_coordinates(middles))
    return _cut(seeds, rooms, owner)


def _cut(seeds: Points, rooms: Geometries, owner: Owner) -> Geometries:
    """The part of its room that lies nearer to each seed than to any other seed of that room."""
    whole = np.array(rooms[owner])
    crowded = np.bincount(owner)[owner] > 1
    if not crowded.any():
        return whole
    hosts = np.unique(owner[crowded])
    flock_of = np.searchsorted(hosts, owner[crowded])
    flocks = shapely.multipoints(shapely.points(seeds[crowded]), indices=flock_of)
    parts = shapely.get_parts(shapely.voronoi_polygons(flocks, extend_to=rooms[hosts], ordered=True))
    whole[crowded] = _all_polygonal(shapely.intersection(parts, rooms[owner[crowded]]))
    return whole


def _seeds(homes: list[Home], rooms: Geometries, squeeze: float) -> tuple[Points, NDArray[np.bool_]]:
    """A place's own point where it has one inside; else a point of an even spread that its code begins."""
    seeds, fixed = [], []
    for home, room in zip(homes, rooms, strict=True):
        given = np.array([(_x(place, squeeze), _y(place)) for place in home])
        inside = shapely.contains_xy(room, given[:, 0], given[:, 1])
        _, first = np.unique(given, axis=0, return_index=True)
        own = inside & np.isin(np.arange(len(home)), first)
        given[~own] = _spread(room, int((~own).sum()), home[0].parent or "")
        seeds.append(given)
        fixed.append(own)
    return np.concatenate(seeds), np.concatenate(fixed)


def _x(place: PlaceRow, squeeze: float) -> float:
    return np.nan if place.lon is None else place.lon * squeeze


def _y(place: PlaceRow) -> float:
    return np.nan if place.lat is None else place.lat


def _spread(room: BaseGeometry, count: int, code: str) -> Points:
    start = np.frombuffer(hashlib.sha256(code.encode()).digest()[:16], dtype="<u8") / 2**64
    west, south, east, north = room.bounds
    found, number = np.empty((0, 2)), 0
    while len(found) < count:
        steps = np.arange(number, number + 4 * count + 16)[:, None]
        points = [west, south] + (start + steps * _SPREAD) % 1 * [east - west, north - south]
        found = np.concatenate([found, points[shapely.contains_xy(room, points[:, 0], points[:, 1])]])
        number += len(steps)
    return found[:count]


def _draw(codes: list[str], map_: _Map) -> None:
    """Siblings lose vertices together, so that their common borders stay common."""
    drawn = np.array([map_.ground[code] for code in codes], dtype=object)
    tolerance = 2e-4
    while tolerance < _COARSEST and len(drawn) and _are_crowded(drawn):
        drawn = shapely.coverage_simplify(drawn, tolerance)
        tolerance *= 1.5
    map_.drawn.update(zip(codes, drawn, strict=True))


def _are_crowded(drawn: Geometries) -> bool:
    counts = shapely.get_num_coordinates(drawn)
    return bool(np.quantile(counts, 0.25) > _VERTICES or counts.mean() > 2 * _VERTICES)


def _with_centres(places: Iterable[PlaceRow], map_: _Map) -> Iterator[Cell]:
    codes = list(map_.ground)
    grounds = _scaled(np.array(list(map_.ground.values()), dtype=object), 1 / map_.squeeze)
    drawn = _scaled(np.array([map_.drawn[code] for code in codes], dtype=object), 1 / map_.squeeze)
    inner = shapely.get_coordinates(shapely.point_on_surface(grounds))
    wkb = shapely.to_wkb(grounds)
    laid = {code: position for position, code in enumerate(codes)}
    centres: dict[str | None, tuple[float | None, float | None]] = {}
    for place in places:
        at = laid.get(place.code)
        centre: tuple[float | None, float | None] = centres.get(place.parent, (None, None))
        if at is not None:
            centre = float(inner[at][0]), float(inner[at][1])
        if place.lon is not None and place.lat is not None:
            centre = place.lon, place.lat
        centres[place.code] = centre
        schematic = at is not None and place.code not in map_.real
        shown = None if at is None else _geojson(drawn[at])
        yield Cell(place.code, None if at is None else wkb[at], shown, *centre, schematic)


def _geojson(geometry: BaseGeometry) -> GeoJson:
    return dict(mapping(shapely.set_precision(geometry, 1e-6, mode="pointwise")))


def _scaled(geometries: Geometries, factor: float) -> Geometries:
    scaled: Geometries = shapely.transform(geometries, lambda points: points * [factor, 1])
    return scaled


def _polygonal(geometry: BaseGeometry) -> BaseGeometry:
    """Without the points and lines that cutting may leave."""
    if geometry.geom_type in _POLYGONS:
        return geometry
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type in _POLYGONS]
    return shapely.union_all(parts) if parts else shapely.Polygon()


def _all_polygonal(geometries: Geometries) -> Geometries:
    mixed = ~np.isin(shapely.get_type_id(geometries), (3, 6))
    geometries[mixed] = [_polygonal(geometry) for geometry in geometries[mixed]]
    return geometries


def wrong_with(geometry: Any) -> str | None:
    """Why this GeoJSON geometry is no outline, in words."""
    if not isinstance(geometry, dict) or geometry.get("type") not in _POLYGONS:
        return "an outline is a Polygon or a MultiPolygon"
    try:
        rings = _rings(geometry)
        points = np.concatenate([np.asarray(ring, dtype=float)[:, :2] for ring in rings])
    except (KeyError, TypeError, ValueError, IndexError):
        return "the coordinates are no rings of points"
    if any(len(ring) < 4 or ring[0] != ring[-1] for ring in rings):
        return "a ring is not closed: it has at least four points and ends where it begins"
    if not (np.isfinite(points).all() and (abs(points) <= [180, 90]).all()):
        return "a point lies outside longitude -180 to 180 and latitude -90 to 90"
    outline = shape(geometry)
    if not outline.is_valid:
        return f"the polygon crosses itself or is broken: {shapely.is_valid_reason(outline)}"
    return None if outline.area > 0 else "the polygon covers no ground"


def _rings(geometry: GeoJson) -> list[Any]:
    coordinates = geometry["coordinates"]
    polygons = [coordinates] if geometry["type"] == "Polygon" else coordinates
    return [ring for polygon in polygons for ring in polygon]


def are_apart(one: GeoJson, other: GeoJson) -> bool:
    """True of neighbours that only touch."""
    return not shapely.relate_pattern(shape(one), shape(other), "T********")


def repair(geometry: GeoJson) -> GeoJson | None:
    """The same ground as valid polygons; None where nothing is left that covers any."""
    try:
        made = _polygonal(shapely.make_valid(shape(geometry), method="structure"))
    except (shapely.errors.GEOSException, KeyError, TypeError, ValueError, IndexError):
        return None
    return dict(mapping(made)) if made.area > 0 else None


def read_geometry_file(path: Path) -> Iterator[tuple[dict[str, Any], GeoJson | None]]:
    """(properties, geometry in WGS84) of each feature of a GeoJSON or GeoPackage file, `.gz` too."""
    import geopandas

    source = f"/vsigzip/{path.resolve()}" if path.suffix == ".gz" else path
    frame = geopandas.read_file(source)
    if frame.crs is not None and not frame.crs.equals("EPSG:4326", ignore_axis_order=True):
        frame = frame.to_crs("EPSG:4326")
    properties = frame.drop(columns=frame.geometry.name).to_dict("records")
    for row, geometry in zip(properties, frame.geometry, strict=True):
        yield row, None if geometry is None or geometry.is_empty else dict(mapping(geometry))


def geojson(wkb: bytes) -> GeoJson:
    """Rounded to about 10 cm."""
    return _geojson(shapely.from_wkb(wkb))
