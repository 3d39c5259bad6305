"""A GCJ-02 point comes back to where it is on the globe."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.ingest.crs import Crs, from_gcj02, to_gcj02, to_wgs84

LON = st.floats(74, 134)
LAT = st.floats(4, 53)


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    east = (one[0] - other[0]) * math.cos(math.radians(one[1]))
    return math.hypot(east, one[1] - other[1]) * 111_195


@given(LON, LAT)
def test_the_way_back_undoes_the_way_there(lon: float, lat: float) -> None:
    assert metres(from_gcj02(*to_gcj02(lon, lat)), (lon, lat)) < 0.001


@given(LON, LAT)
def test_it_agrees_with_a_second_library_within_a_metre(lon: float, lat: float) -> None:
    transform = pytest.importorskip("coord_convert.transform")
    assert metres(from_gcj02(lon, lat), transform.gcj2wgs(lon, lat)) < 1


def test_a_point_of_wuhan_is_shifted_by_some_hundred_metres() -> None:
    assert 300 < metres(to_gcj02(114.305, 30.593), (114.305, 30.593)) < 800


@pytest.mark.parametrize("point", [(-122.4, 37.8), (2.35, 48.86), (151.2, -33.9)])
def test_points_outside_china_stay(point: tuple[float, float]) -> None:
    assert from_gcj02(*point) == point == to_gcj02(*point)


@pytest.mark.parametrize("crs", [Crs.WGS84, Crs.CGCS2000])
def test_wgs84_and_cgcs2000_count_as_equal(crs: Crs) -> None:
    assert to_wgs84(crs)(114.305, 30.593) == (114.305, 30.593)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="BD09"):
        Crs("BD09")
