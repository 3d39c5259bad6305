"""In which place does a reported case lie?"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from data.db import Conn
from data.domain.geometry import Shape, around
from data.domain.refusal import Refusal, unknown_place
from data.domain.report import Report
from data.store import places

NEAR_M = 500.0
_SHAPES = 512


@dataclass(frozen=True, slots=True)
class Spot:
    code: str
    path: str
    district: str
    tier: int
    placed: str


class Shapes:
    """Cells that were asked for lately, each as its row stood then."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Shape] = {}

    def of(self, conn: Conn, cell: Mapping[str, Any]) -> Shape:
        key = (cell["code"], cell["version"])
        if key not in self._kept:
            if len(self._kept) >= _SHAPES:
                self._kept = {}
            self._kept[key] = Shape(places.geometry(conn, cell["code"]) or {})
        return self._kept[key]


@lru_cache(maxsize=1)
def _shapes() -> Shapes:
    return Shapes()


def spot(conn: Conn, report: Report, known: Mapping[str, Mapping[str, Any]]) -> Spot:
    """`known` = the places by code that reports name; one that is given stands, if the point is near."""
    if report.place is not None:
        place = known.get(report.place)
        if place is None:
            raise unknown_place(report.place)
        if report.point is not None:
            _check_near(conn, place["path"], report.point)
        return _spot(place, "given")
    assert report.point is not None
    cell = _cell_at(conn, report.point)
    if cell is not None:
        return _spot(cell, "schematic" if cell["schematic"] else "point")
    if places.has_real_outline(conn):
        raise _outside()
    return _spot(places.root(conn), "schematic")


def _spot(place: Mapping[str, Any], placed: str) -> Spot:
    return Spot(place["code"], place["path"], place["district"], place["tier"], placed)


def _check_near(conn: Conn, path: str, point: tuple[float, float]) -> None:
    cell = places.real_cell_above(conn, path)
    if cell is not None and _shapes().of(conn, cell).metres_to(*point) > NEAR_M:
        raise _outside()


def _cell_at(conn: Conn, point: tuple[float, float]) -> Mapping[str, Any] | None:
    """The deepest cell that holds the point, else the nearest within 500 m (of equals the deepest)."""
    near = places.cells_near(conn, around(*point, NEAR_M))
    for cell in near:  # deepest first
        if _shapes().of(conn, cell).holds(*point):
            return cell
    away = [(round(_shapes().of(conn, cell).metres_to(*point)), n) for n, cell in enumerate(near)]
    metres, nearest = min(away, default=(NEAR_M + 1, 0))
    return near[nearest] if metres <= NEAR_M else None


def _outside() -> Refusal:
    return Refusal(
        "outside", "坐标在该地方之外 500 米以上", "the point lies more than 500 m outside", field="lon"
    )
