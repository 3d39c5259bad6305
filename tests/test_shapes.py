"""The places of a city cover their parent's ground, each its own, the same every time."""

from dataclasses import replace
from pathlib import Path

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import mapping, shape

from data.domain.city import City, GeoJson, PlaceRow
from data.domain.place import path_of
from data.ingest import shapes
from data.ingest.folder import read_folder

TINY = read_folder(Path(__file__).parent / "city")
BAY: GeoJson = {  # a square with a bay cut out of it
    "type": "Polygon",
    "coordinates": [[[10, 50], [11, 50], [11, 51], [10.6, 51], [10.5, 50.2], [10.4, 51], [10, 51], [10, 50]]],
}


def a_city(*children: tuple[float, float] | None, outlines: dict[str, GeoJson] | None = None) -> City:
    """A root `R` with children `0`, `1`, …; a child with a point is placed there."""
    root = PlaceRow("R", None, 1, path_of("R"), "R", "R")
    below = [
        PlaceRow(str(n), "R", 2, path_of(str(n), "R/"), str(n), str(n), *(point or (None, None)))
        for n, point in enumerate(children)
    ]
    return City(
        "R",
        "R",
        "R",
        "UTC",
        ("en",),
        (),
        (root, *below),
        outlines={"R": BAY} if outlines is None else outlines,
    )


def grounds(city: City) -> dict[str, shapely.Geometry]:
    return {cell.code: shapely.from_wkb(cell.geometry) for cell in shapes.cells(city) if cell.geometry}


def assert_tiled(parent: shapely.Geometry, children: list[shapely.Geometry]) -> None:
    assert sum(child.area for child in children) == pytest.approx(parent.area, rel=1e-6)
    assert shapely.union_all(children).area == pytest.approx(parent.area, rel=1e-6)


POINTS = st.one_of(st.none(), st.tuples(st.floats(9.9, 11.1), st.floats(49.9, 51.1)))


@settings(max_examples=60, deadline=None)
@given(st.lists(POINTS, min_size=1, max_size=12))
def test_children_tile_their_parent_whatever_their_points(points: list[tuple[float, float] | None]) -> None:
    found = grounds(a_city(*points))
    children = [found[str(n)] for n in range(len(points))]
    assert_tiled(found["R"], children)
    assert all(child.is_valid and child.geom_type in {"Polygon", "MultiPolygon"} for child in children)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(10.01, 10.39), st.floats(50.01, 50.99)), min_size=1, max_size=8, unique=True)
)
def test_a_cell_holds_the_point_of_its_own_place(points: list[tuple[float, float]]) -> None:
    found = grounds(a_city(*points, None))
    near = [shapely.distance(found[str(n)], shapely.Point(point)) for n, point in enumerate(points)]
    assert max(near) < 1e-9


def test_two_places_on_one_point_get_a_cell_each() -> None:
    found = grounds(a_city((10.2, 50.5), (10.2, 50.5)))
    assert found["0"].area > 0 < found["1"].area
    assert_tiled(found["R"], [found["0"], found["1"]])


def test_the_same_city_gives_the_same_cells() -> None:
    assert list(shapes.cells(TINY)) == list(shapes.cells(TINY))


def test_every_place_gets_one_cell_in_the_order_of_the_city() -> None:
    assert [cell.code for cell in shapes.cells(TINY)] == [place.code for place in TINY.places]


def test_real_ground_is_told_from_schematic() -> None:
    schematic = {cell.code: cell.schematic for cell in shapes.cells(TINY)}
    assert not any(schematic[code] for code in ("99", "9901", "9902"))
    assert all(schematic[place.code] for place in TINY.places if place.tier > 2)


def test_a_place_without_outline_is_the_union_of_children_that_all_have_one() -> None:
    found = grounds(TINY)
    assert_tiled(found["99"], [found["9901"], found["9902"]])


def test_real_children_keep_their_outline_and_the_others_share_the_rest() -> None:
    real: GeoJson = {
        "type": "Polygon",
        "coordinates": [[[10, 50], [10.3, 50], [10.3, 50.3], [10, 50.3], [10, 50]]],
    }
    found = grounds(a_city(None, None, None, outlines={"R": BAY, "1": real}))
    assert found["1"].equals_exact(shapely.normalize(shape(real)), 1e-9) or found["1"].equals(shape(real))
    assert_tiled(found["R"], [found[code] for code in "012"])


def test_where_real_children_leave_nothing_the_others_have_a_centre_only() -> None:
    cells = {cell.code: cell for cell in shapes.cells(a_city(None, None, outlines={"R": BAY, "0": BAY}))}
    assert cells["1"].geometry is None and cells["1"].drawing is None
    assert cells["1"].lon == cells["R"].lon


def test_a_city_without_any_outline_has_centres_only() -> None:
    cells = list(shapes.cells(a_city((10.2, 50.5), None, outlines={})))
    assert [cell.geometry for cell in cells] == [None, None, None]
    assert [(cell.lon, cell.lat) for cell in cells] == [(None, None), (10.2, 50.5), (None, None)]
    assert not any(cell.schematic for cell in cells)


def test_a_place_stands_where_its_row_says_else_inside_its_ground() -> None:
    found = grounds(TINY)
    for cell, place in zip(shapes.cells(TINY), TINY.places, strict=True):
        assert found[cell.code].covers(shapely.Point(cell.lon, cell.lat))
        assert place.lon is None or (cell.lon, cell.lat) == (place.lon, place.lat)


def test_a_drawing_has_few_vertices_and_keeps_the_shape() -> None:
    ring = shapely.Point(10, 50).buffer(1, quad_segs=500)
    (cell,) = shapes.cells(a_city(outlines={"R": mapping(ring)}))
    drawn = shape(cell.drawing)
    assert shapely.get_num_coordinates(drawn) <= 61 < shapely.get_num_coordinates(ring)
    assert drawn.symmetric_difference(ring).area < 0.02 * ring.area


def test_names_and_numbers_of_a_place_do_not_move_its_cell() -> None:
    renamed = replace(
        TINY, places=tuple(replace(place, name_zh="x", population=None) for place in TINY.places)
    )
    assert list(shapes.cells(renamed)) == list(shapes.cells(TINY))


BOWTIE: GeoJson = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}


def test_a_polygon_that_crosses_itself_is_called_so_and_repaired() -> None:
    assert "crosses itself" in str(shapes.wrong_with(BOWTIE))
    repaired = shapes.repair(BOWTIE)
    assert repaired and shapes.wrong_with(repaired) is None
    assert shape(repaired).area == pytest.approx(0.5)


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0], [0, 0]]]},
        {"type": "Polygon", "coordinates": [["x"]]},
        {"type": "Polygon"},
    ],
)
def test_what_covers_no_ground_cannot_be_repaired(geometry: GeoJson) -> None:
    assert shapes.repair(geometry) is None


def test_geopackages_come_back_in_wgs84(tmp_path: Path) -> None:
    import geopandas

    square = shapely.box(114.3, 30.5, 114.4, 30.6)
    frame = geopandas.GeoDataFrame({"code": ["A"]}, geometry=[square], crs="EPSG:4326").to_crs("EPSG:4547")
    frame.to_file(tmp_path / "places.gpkg")
    ((properties, geometry),) = shapes.read_geometry_file(tmp_path / "places.gpkg")
    assert properties == {"code": "A"} and geometry
    assert shape(geometry).symmetric_difference(square).area < 1e-9


def test_real_community_polygons_are_sound_or_repaired(real_data: Path) -> None:
    path = real_data / "geo/wuhan_974_community_polygons_whhp.geojson.gz"
    geometries = [geometry for _, geometry in shapes.read_geometry_file(path)]
    assert len(geometries) == 974 and None not in geometries
    mended = [shapes.repair(one) if one and shapes.wrong_with(one) else one for one in geometries]
    assert not [words for one in mended if (words := shapes.wrong_with(one))]
