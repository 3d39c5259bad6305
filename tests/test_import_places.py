"""Recorded places and assets come into the tree that stands, their ground sound and in WGS84."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import mapping, shape

from data import db
from data.commands import imports
from data.domain.city import PlaceRow
from data.domain.refusal import Refusal
from data.ingest.crs import to_gcj02
from data.ingest.files import Refused
from data.ingest.graft import graft
from data.ingest.recorded import Surveyed
from data.ingest.records import Record
from tests import real_cities
from tests.real_cities import COMMUNITIES, MAPPINGS, copied, refused_rows

SQUARE = [[110.01, 30.01], [110.03, 30.01], [110.03, 30.03], [110.01, 30.03], [110.01, 30.01]]
BOW_TIE = [[110.01, 30.01], [110.03, 30.03], [110.03, 30.01], [110.01, 30.03], [110.01, 30.01]]
FLAT = [[110.01, 30.01], [110.03, 30.03], [110.01, 30.01], [110.01, 30.01]]


def a_feature(code: str | None, ring: list[list[float]] | None, **properties: object) -> dict[str, Any]:
    geometry = ring and {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"code": code} | properties, "geometry": geometry}


def brought_in(folder: Path, *features: dict[str, Any], mapping: str = ""):
    (folder / "m.toml").write_text(mapping, encoding="utf-8")
    path = folder / "places.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}), encoding="utf-8")
    return imports.places(path, (folder / "m.toml") if mapping else None)


def place(code: str) -> dict[str, Any] | None:
    with db.read() as conn:
        return conn.execute(
            "SELECT *, centre[0] AS lon, centre[1] AS lat FROM place WHERE code = %s", (code,)
        ).fetchone()


# ── 974 real polygons ───────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def communities(real_data: Path, make_template, clone, tmp_path_factory) -> Iterator[tuple[Any, Path]]:
    folder = tmp_path_factory.mktemp("communities")
    districts = [{"code": "420103", "parent": "4201", "name_en": "Jianghan"}]
    city = real_cities.city_folder(folder / "city", "4201", "Asia/Shanghai", places=districts)
    with clone(make_template("communities_city", city)):
        file = copied(real_data, COMMUNITIES, folder)
        yield imports.places(file, MAPPINGS / "communities.toml"), file


def test_every_polygon_is_stored_or_refused_by_name(communities, real_data: Path) -> None:
    summary, _ = communities
    features = json.loads(gzip.decompress((real_data / COMMUNITIES).read_bytes()))["features"]
    refused = refused_rows(summary) if summary.rejected else []
    assert summary.received == len(features) == 974
    assert summary.stored == 974 - len(refused)
    with db.read() as conn:
        stored = conn.execute(
            "SELECT code, geometry, schematic FROM place WHERE parent = '420103'"
        ).fetchall()
    assert {row["code"] for row in stored} == {
        f"C{feature['properties']['FID_1']}"
        for number, feature in enumerate(features)
        if str(number) not in {row["row"] for row in refused}
    }
    given = {f"C{one['properties']['FID_1']}": shape(one["geometry"]).buffer(0) for one in features}
    for row in stored:
        ground = shape(row["geometry"])
        assert ground.is_valid and not row["schematic"]
        assert ground.symmetric_difference(given[row["code"]]).area < 1e-3 * ground.area


def test_what_a_polygon_gives_is_its_centre_its_bounds_and_a_drawing(communities) -> None:
    with db.read() as conn:
        rows = conn.execute(
            """SELECT geometry, outline, centre[0] AS lon, centre[1] AS lat, (bounds[0])[0] AS east,
                      (bounds[1])[1] AS south, population FROM place WHERE parent = '420103'"""
        ).fetchall()
    corners = [(len(json.dumps(row["outline"])), len(json.dumps(row["geometry"]))) for row in rows]
    assert sum(drawn for drawn, _ in corners) < 0.5 * sum(whole for _, whole in corners)
    assert all(shape(row["outline"]).is_valid for row in rows)
    for row in rows:
        ground = shape(row["geometry"])
        assert ground.buffer(1e-6).contains(shapely.Point(row["lon"], row["lat"]))
        assert (row["south"], row["east"]) == pytest.approx((ground.bounds[1], ground.bounds[2]))
        assert row["population"] > 0


def test_the_same_polygons_again_change_nothing(communities) -> None:
    _, file = communities
    summary = imports.places(file, MAPPINGS / "communities.toml")
    assert (summary.stored, summary.same, summary.rejected) == (0, 974, 0)
    with db.read() as conn:
        assert conn.execute("SELECT count(*) AS n FROM place_was").fetchone() == {"n": 0}


def test_an_imported_community_is_a_place_of_the_api(communities) -> None:
    found = real_cities.an_api().get("places/C7", geometry=1)
    assert (found["tier"], found["path"], found["schematic"]) == (3, "4201/420103/C7/", False)
    assert found["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert [one["code"] for one in found["ancestors"]] == ["4201", "420103"]


# ── one place at a time ─────────────────────────────────────────────────────────────────────────
def test_a_place_that_stands_gets_real_ground_and_keeps_all_else(fresh: str, tmp_path: Path) -> None:
    before = place("9901-1")
    assert before and before["schematic"]
    assert brought_in(tmp_path, a_feature("9901-1", SQUARE)).stored == 1
    after = place("9901-1")
    assert after and not after["schematic"]
    assert shape(after["geometry"]).equals(shape({"type": "Polygon", "coordinates": [SQUARE]}))
    for name in ("name_zh", "name_en", "parent", "path", "tier", "population", "sought"):
        assert after[name] == before[name]
    with db.read() as conn:
        was = conn.execute("SELECT schematic, geometry, upper(valid) AS until FROM place_was").fetchone()
    assert was and (was["schematic"], was["geometry"]) == (True, before["geometry"]) and was["until"]


def test_new_places_hang_below_those_that_stand_and_below_each_other(fresh: str, tmp_path: Path) -> None:
    rows = [
        a_feature("N-1-1", None, parent="N-1", name_zh="新村社区"),
        a_feature("N-1", SQUARE, parent="9901", name_zh="新桥街道", name_en="Newbridge", population=12),
    ]
    assert brought_in(tmp_path, *rows).stored == 2
    street, community = place("N-1"), place("N-1-1")
    assert street and community
    assert (street["tier"], street["path"], street["district"]) == (3, "99/9901/N-1/", "9901")
    assert (street["name_en"], street["population"]) == ("Newbridge", 12)
    assert (community["tier"], community["path"]) == (4, "99/9901/N-1/N-1-1/")
    assert (community["schematic"], community["geometry"]) == (True, None)
    assert "xincunshequ" in community["sought"] and community["name_en"].isascii()


def test_a_polygon_that_crosses_itself_is_repaired(fresh: str, tmp_path: Path) -> None:
    assert brought_in(tmp_path, a_feature("9901-1", BOW_TIE)).stored == 1
    found = place("9901-1")
    assert found and shape(found["geometry"]).is_valid and shape(found["geometry"]).area > 1e-5


@pytest.mark.parametrize(
    "feature, field, code",
    [
        (a_feature("9901-1", FLAT), "geometry", "bad_value"),
        (a_feature("new", SQUARE), "parent", "missing_field"),
        (a_feature("new", SQUARE, parent="nowhere"), "parent", "unknown_place"),
        (a_feature("new", SQUARE, parent="new"), "parent", "bad_value"),
        (a_feature("new", SQUARE, parent="9901-1-1-1"), "parent", "wrong_tier"),
        (a_feature("9901-1", SQUARE, parent="9902"), "parent", "conflict"),
        (a_feature("new place", SQUARE, parent="9901"), "code", "bad_value"),
        (a_feature(None, SQUARE, parent="9901"), "code", "missing_field"),
        (a_feature("new", SQUARE, parent="9901", population=-1), "population", "bad_value"),
    ],
)
def test_a_place_that_cannot_be_is_named_and_the_others_stored(
    fresh: str, tmp_path: Path, feature: dict[str, Any], field: str, code: str
) -> None:
    summary = brought_in(tmp_path, feature, a_feature("good", SQUARE, parent="9902"))
    assert (summary.received, summary.stored, summary.rejected) == (2, 1, 1)
    (refused,) = refused_rows(summary)
    assert (refused["row"], refused["field"], refused["code"]) == ("0", field, code)
    assert place("new") is None


def test_a_code_given_twice_is_the_same_or_a_conflict(fresh: str, tmp_path: Path) -> None:
    one = a_feature("new", SQUARE, parent="9901")
    summary = brought_in(tmp_path, one, one, a_feature("new", BOW_TIE, parent="9901"))
    assert (summary.stored, summary.same, dict(summary.reasons)) == (1, 1, {"conflict": 1})


def test_ground_in_gcj02_comes_to_lie_where_it_is(fresh: str, tmp_path: Path) -> None:
    shifted = [list(to_gcj02(*point)) for point in SQUARE]
    text = 'crs = "GCJ02"\n[columns]\ncode = "code"\n'
    assert brought_in(tmp_path, a_feature("9901-1", shifted), mapping=text).stored == 1
    found = place("9901-1")
    assert found is not None
    assert shape(found["geometry"]).hausdorff_distance(shapely.Polygon(SQUARE)) < 2e-6


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4490", "EPSG:4547"])
def test_a_geopackage_of_any_declared_system_comes_to_lie_where_it_is(
    fresh: str, tmp_path: Path, crs: str
) -> None:
    frame = geopandas.GeoDataFrame(
        {"street": ["9901-1"], "people": [7]}, geometry=[shapely.Polygon(SQUARE)], crs="EPSG:4326"
    )
    frame.to_crs(crs).to_file(tmp_path / "streets.gpkg")
    (tmp_path / "m.toml").write_text('[columns]\ncode = "street"\npopulation = "people"\n', encoding="utf-8")
    summary = imports.places(tmp_path / "streets.gpkg", tmp_path / "m.toml")
    assert (summary.stored, summary.rejected) == (1, 0)
    found = place("9901-1")
    assert found is not None and found["population"] == 7
    assert shape(found["geometry"]).hausdorff_distance(shapely.Polygon(SQUARE)) < 2e-6


def test_places_of_a_table_have_points(fresh: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        "code,parent,name_zh,lon,lat\nnew,9901,新街,110.02,30.02\n", encoding="utf-8"
    )
    assert imports.places(tmp_path / "p.csv").stored == 1
    found = place("new")
    assert found and (found["lon"], found["lat"], found["schematic"]) == (110.02, 30.02, True)


def test_a_point_inside_imported_ground_finds_it(fresh: str, tmp_path: Path) -> None:
    brought_in(tmp_path, a_feature("new", SQUARE, parent="9901-1-1"))
    (tmp_path / "c.csv").write_text(
        "class,at,lon,lat,source_id\nE0506,2020-07-06T08:00:00+08:00,110.02,30.02,1\n", encoding="utf-8"
    )
    assert imports.incidents(tmp_path / "c.csv").stored == 1
    with db.read() as conn:
        assert conn.execute("SELECT place, placed FROM incident").fetchone() == {
            "place": "new",
            "placed": "point",
        }


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.geojson", "{"),
        ("a.geojson", "<OGRVRTDataSource/>"),
        ("a.gpkg", "no database"),
        ("a.kml", "<kml/>"),
    ],
)
def test_a_file_that_holds_no_features_says_so(fresh: str, tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(Refusal) as refusal:
        imports.places(tmp_path / name)
    assert refusal.value.code == "bad_file"


# ── the tree ────────────────────────────────────────────────────────────────────────────────────
STANDING = {
    "99": PlaceRow("99", None, 1, "99/", "市", "City"),
    "9901": PlaceRow("9901", "99", 2, "99/9901/", "区", "D"),
}
CODES = ["99", "9901", *"abcdefgh"]


@given(st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from([None, *CODES])), max_size=12))
@settings(max_examples=300, deadline=None)
def test_whatever_is_planted_hangs_on_the_root_and_the_rest_is_named(
    pairs: list[tuple[str, str | None]],
) -> None:
    records = [Record(row, {"code": code, "parent": parent}) for row, (code, parent) in enumerate(pairs)]
    found = graft([Surveyed(record, None) for record in records], STANDING, speaks_chinese=True)
    assert len(found.planted) + found.same + len(found.refused) == len(records)
    tree = STANDING | {code: place for code, (_, place) in found.planted.items()}
    for code, place in tree.items():
        above = tree[place.parent].path if place.parent else ""
        assert place.path == f"{above}{code}/" and place.tier == place.path.count("/") <= 5
    assert {refused.row for refused in found.refused} <= {record.row for record in records}


def test_a_circle_is_named_by_its_codes() -> None:
    records = [Record(0, {"code": "a", "parent": "b"}), Record(1, {"code": "b", "parent": "a"})]
    found = graft([Surveyed(record, None) for record in records], STANDING, speaks_chinese=True)
    assert [refused.row for refused in found.refused] == [0, 1]
    assert found.refused[0] == Refused(0, "parent", "bad_value", "the parents go in a circle: a → b → a")


# ── assets ──────────────────────────────────────────────────────────────────────────────────────
def assets(folder: Path, *rows: str):
    (folder / "a.csv").write_text("\n".join(("code,kind,place,name_zh,lon,lat", *rows)), encoding="utf-8")
    return imports.assets(folder / "a.csv")


def asset(code: str) -> dict[str, Any] | None:
    with db.read() as conn:
        return conn.execute("SELECT * FROM asset WHERE code = %s", (code,)).fetchone()


def test_assets_are_added_and_changed(fresh: str, tmp_path: Path) -> None:
    new, moved = "lamp-1,lamp,9901-1,路灯,110.02,30.02", "flood-1,,,,110.5,30.5"
    summary = assets(tmp_path, new, moved)
    assert (summary.stored, summary.rejected) == (2, 0)
    lamp, flood = asset("lamp-1"), asset("flood-1")
    assert lamp and flood
    assert (lamp["path"], lamp["district"], lamp["name_zh"]) == ("99/9901/9901-1/", "9901", "路灯")
    assert (flood["kind"], flood["name_zh"]) == ("flood_monitor", "江安积水监测点")
    assert assets(tmp_path, new, moved).same == 2


@pytest.mark.parametrize(
    "row, field, code",
    [
        ("lamp-1,lamp,9999,,,", "place", "unknown_place"),
        ("lamp-1,lamp,,,,", "place", "missing_field"),
        ("lamp-1,,9901-1,,,", "kind", "missing_field"),
        ("flood-1,lamp,9901-1-1,,,", "kind", "conflict"),
        ("flood-1,flood_monitor,9902,,,", "place", "conflict"),
        ("lamp-1,lamp,9901-1,,110.0,", "lat", "missing_field"),
        ("lamp-1,lamp,9901-1,,190.0,30", "lon", "bad_value"),
    ],
)
def test_an_asset_that_cannot_be_is_named(
    fresh: str, tmp_path: Path, row: str, field: str, code: str
) -> None:
    summary = assets(tmp_path, row)
    (refused,) = refused_rows(summary)
    assert (refused["row"], refused["field"], refused["code"]) == ("0", field, code)
    assert summary.stored == 0


def test_assets_of_a_geojson_file_stand_at_their_points(fresh: str, tmp_path: Path) -> None:
    point = {"type": "Point", "coordinates": [110.02, 30.02]}
    feature = {
        "type": "Feature",
        "properties": {"code": "lamp-1", "kind": "lamp", "place": "9901-1"},
        "geometry": point,
    }
    polygon = {
        **feature,
        "properties": {"code": "park", "kind": "park", "place": "9901"},
        "geometry": mapping(shapely.box(110, 30, 111, 31)),
    }
    (tmp_path / "a.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [feature, polygon]}), encoding="utf-8"
    )
    summary = imports.assets(tmp_path / "a.geojson")
    assert (summary.stored, dict(summary.reasons)) == (1, {"bad_value": 1})
    found = asset("lamp-1")
    assert found and found["point"] == "(110.02,30.02)"
