"""Is a point in a cell, and how far is it from one?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, shape

from data.domain.geometry import METRES_A_DEGREE, Shape, around

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]}
RING = {
    "type": "Polygon",
    "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]], [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]]],
}
ISLANDS = {
    "type": "MultiPolygon",
    "coordinates": [RING["coordinates"], [[[20, 0], [21, 0], [20.5, 1], [20, 0]]]],
}


@pytest.mark.parametrize(
    ("geometry", "point", "inside"),
    [
        (SQUARE, (5, 5), True),
        (SQUARE, (11, 5), False),
        (RING, (5, 5), False),
        (RING, (3.9, 5), True),
        (ISLANDS, (20.5, 0.5), True),
        (ISLANDS, (15, 0.5), False),
        ({"type": "Point", "coordinates": [5, 5]}, (5, 5), False),
    ],
)
def test_holes_and_islands_count(geometry: dict, point: tuple[float, float], inside: bool) -> None:
    assert Shape(geometry).holds(*point) is inside


def test_a_point_inside_is_no_distance_away() -> None:
    assert Shape(SQUARE).metres_to(5, 5) == 0


def test_the_distance_is_the_shortest_way_to_an_edge() -> None:
    assert Shape(SQUARE).metres_to(5, -0.01) == pytest.approx(0.01 * METRES_A_DEGREE, rel=1e-6)
    assert Shape(RING).metres_to(5, 5) == pytest.approx(METRES_A_DEGREE * math.cos(math.radians(5)), rel=1e-3)


def test_a_box_around_a_point_holds_everything_so_near() -> None:
    west, south, east, north = around(114.3, 30.5, 500)
    assert (north - south) * METRES_A_DEGREE == pytest.approx(1000)
    assert (east - west) * METRES_A_DEGREE * math.cos(math.radians(30.5)) == pytest.approx(1000)


def test_a_shape_without_an_edge_is_endlessly_far() -> None:
    assert Shape({}).metres_to(0, 0) == math.inf


numbers = st.floats(-1, 1, allow_nan=False, width=32)


@given(
    st.lists(st.floats(0.125, 1, width=32), min_size=3, max_size=90),
    st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20),
)
def test_it_agrees_with_a_second_library(radii: list[float], points: list[tuple[float, float]]) -> None:
    """A star around the origin, with any number of points of any length."""
    turns = [2 * math.pi * n / len(radii) for n in range(len(radii))]
    ring = [[r * math.cos(turn), r * math.sin(turn)] for r, turn in zip(radii, turns, strict=True)]
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    ours, theirs = Shape(geometry), shape(geometry)
    for x, y in points:
        if theirs.boundary.distance(Point(x, y)) > 1e-9:
            assert ours.holds(x, y) == theirs.contains(Point(x, y))
