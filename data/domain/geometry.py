"""Does a cell hold a point, and how far from its edge does the point lie?"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

METRES_A_DEGREE = 111_195.0  # of latitude, on a sphere of 6,371 km
_BANDS = 64

Position = Sequence[float]
Edge = tuple[float, float, float, float]


class Shape:
    """A GeoJSON Polygon or MultiPolygon, holes included, made ready for many questions."""

    def __init__(self, geometry: Mapping[str, Any]) -> None:
        self._edges = tuple(_edges(geometry))
        lats = [lat for edge in self._edges for lat in (edge[1], edge[3])]
        self._south, north = min(lats, default=0.0), max(lats, default=0.0)
        self._height = (north - self._south) / _BANDS or 1.0
        self._bands: dict[int, list[Edge]] = defaultdict(list)
        for edge in self._edges:
            low, high = sorted((self._band(edge[1]), self._band(edge[3])))
            for band in range(low, high + 1):
                self._bands[band].append(edge)

    def holds(self, lon: float, lat: float) -> bool:
        """By counting the edges east of the point: holes and islands in holes come out right."""
        inside = False
        for x1, y1, x2, y2 in self._bands.get(self._band(lat), ()):
            if (y1 > lat) != (y2 > lat) and lon < x1 + (lat - y1) / (y2 - y1) * (x2 - x1):
                inside = not inside
        return inside

    def metres_to(self, lon: float, lat: float) -> float:
        """0 inside; good for the few kilometres around a city's edge."""
        if self.holds(lon, lat):
            return 0.0
        squeeze = math.cos(math.radians(lat))
        return METRES_A_DEGREE * min(
            (_to_segment(edge, lon, lat, squeeze) for edge in self._edges), default=math.inf
        )

    def _band(self, lat: float) -> int:
        return math.floor((lat - self._south) / self._height)


def _edges(geometry: Mapping[str, Any]) -> Iterator[Edge]:
    for ring in rings(geometry):
        for (x1, y1, *_), (x2, y2, *_) in pairwise(ring):
            yield x1, y1, x2, y2


def rings(geometry: Mapping[str, Any]) -> Iterator[Sequence[Position]]:
    """Outer rings and holes alike; none for a geometry without an area."""
    match geometry.get("type"):
        case "Polygon":
            yield from geometry["coordinates"]
        case "MultiPolygon":
            for polygon in geometry["coordinates"]:
                yield from polygon


def _to_segment(edge: Edge, lon: float, lat: float, squeeze: float) -> float:
    """In degrees of latitude."""
    x1, y1 = (edge[0] - lon) * squeeze, edge[1] - lat
    x2, y2 = (edge[2] - lon) * squeeze, edge[3] - lat
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy
    along = 0.0 if length == 0 else min(1.0, max(0.0, -(x1 * dx + y1 * dy) / length))
    return math.hypot(x1 + along * dx, y1 + along * dy)


def around(lon: float, lat: float, metres: float) -> tuple[float, float, float, float]:
    """(west, south, east, north) of a box that holds every point within so many metres."""
    height = metres / METRES_A_DEGREE
    width = height / max(0.01, math.cos(math.radians(lat)))
    return lon - width, lat - height, lon + width, lat + height
