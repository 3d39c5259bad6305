"""A city folder is right as a whole, or every mistake is named with file, line and column."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from data.domain.city import City
from data.ingest.folder import folder_hash, read_folder
from data.ingest.rows import FolderError, Mistake

TINY = Path(__file__).parent / "city"
PLACES = "code,parent,name_zh,name_en\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "city"))


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with nothing but its city.toml."""
    text = 'root = "A"\nname_en = "A"\ntimezone = "UTC"\nlanguages = ["en"]\n'
    (tmp_path / "city.toml").write_text(text, encoding="utf-8")
    return tmp_path


def mistakes(folder: Path) -> tuple[Mistake, ...]:
    with pytest.raises(FolderError) as caught:
        read_folder(folder)
    return caught.value.mistakes


def changed(folder: Path, file: str, old: str, new: str) -> int:
    """The line in which it was changed."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def places_of(folder: Path, rows: str) -> None:
    (folder / "places.csv").write_text(PLACES + rows, encoding="utf-8")


def test_a_folder_with_city_toml_and_places_alone_loads(bare: Path) -> None:
    places_of(bare, "A,,,A\nB,A,,B\n")
    city = read_folder(bare)
    assert [(place.code, place.tier, place.path) for place in city.places] == [
        ("A", 1, "A/"),
        ("B", 2, "A/B/"),
    ]
    assert city.signs == city.assets == city.series == city.classes == city.departments == ()
    assert city.base is None and city.outlines == {}


def test_the_tiny_city_has_five_tiers_and_every_kind_of_fold() -> None:
    city = read_folder(TINY)
    assert {place.tier for place in city.places} == {1, 2, 3, 4, 5}
    assert {sign.fold_space for sign in city.signs} == {"sum", "mean", "max", "min", "worst", "none"}
    assert {sign.fold_time for sign in city.signs} == {"mean", "sum", "max", "min", "last"}
    assert {asset.kind for asset in city.assets} == {"flood_monitor", "air_station"}


def test_parents_stand_before_children_and_children_in_code_order() -> None:
    codes = [place.code for place in read_folder(TINY).places]
    assert codes[:5] == ["99", "9901", "9901-1", "9901-1-1", "9901-1-1-1"]
    assert codes.index("9901-2") < codes.index("9902")


def test_places_may_be_split_over_files(folder: Path) -> None:
    whole = read_folder(folder)
    lines = (folder / "places.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "places").mkdir()
    (folder / "places" / "east.csv").write_text("".join([lines[0], *lines[5:]]), encoding="utf-8")
    (folder / "places.csv").write_text("".join(lines[:5]), encoding="utf-8")
    assert read_folder(folder).places == whole.places


def test_what_a_sign_leaves_out_goes_by_rule() -> None:
    depth, air = read_folder(TINY).signs[1:3]
    assert (depth.freshness, depth.hysteresis) == (timedelta(minutes=3), "0")
    assert (air.freshness, air.hysteresis) == (timedelta(hours=3), "5%")


def test_hold_is_one_period_unless_given(folder: Path) -> None:
    changed(folder, "signs.csv", ",,0s,,mean,mean", ",,,,mean,mean")
    assert read_folder(folder).signs[0].hold == timedelta(minutes=10)


def test_later_rows_of_a_class_take_its_names_and_the_first_stays_first() -> None:
    first, second = read_folder(TINY).classes[:2]
    assert (first.number, first.limit, second.number, second.limit) == (1, 2.0, 2, 4.0)
    assert second.name_en == "Water-supply manhole cover"


def test_a_chinese_name_without_english_is_spelt_in_pinyin() -> None:
    names = {place.name_zh: place.name_en for place in read_folder(TINY).places}
    assert names["江安社区"] == "Jiang'an Community"
    assert names["长桥街道"] == "Changqiao Subdistrict"
    assert names["柳林镇"] == "Liulin Town"


def test_grids_by_rule_are_ordinary_places(folder: Path) -> None:
    text = (folder / "city.toml").read_text(encoding="utf-8")
    rule = 'per_community = 2\nname_zh = "{community}{number}号"\nname_en = "{community} {number}"\n'
    (folder / "city.toml").write_text(f"{text}\n[grids]\n{rule}", encoding="utf-8")
    places = (folder / "places.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "places.csv").write_text(
        "".join(row for row in places if "9902-1-1-" not in row), encoding="utf-8"
    )
    changed(folder, "assets.csv", "9902-1-1-1", "9902-1-1")
    grids = [place for place in read_folder(folder).places if place.parent == "9902-1-1"]
    assert [grid.path for grid in grids] == [f"99/9902/9902-1/9902-1-1/9902-1-1{n}/" for n in ("001", "002")]
    assert [grid.name_en for grid in grids] == ["Liulin Village 1", "Liulin Village 2"]


CELLS = [
    ("places.csv", "code,parent,", "code,parent,colour,", "colour", "unknown column"),
    ("places.csv", "code,parent,", "parent,", "code", "missing"),
    ("places.csv", "9902-1-1-3,", "9902/3,", "code", "is no code"),
    ("places.csv", "9902-1-1-3,", "9902-1-1-2,", "code", "stands already"),
    ("places.csv", "9902-1-1-3,9902-1-1", "9902-1-1-3,9909", "parent", "there is no place '9909'"),
    ("places.csv", "9902-1-1-3,9902-1-1", "9902-1-1-3,", "parent", "second root"),
    ("places.csv", "9902-1-1-3,9902-1-1", "9902-1-1-3,9902-1-1-2", "parent", "one deeper"),
    ("places.csv", "110.075,30.05", "210.075,30.05", "lon", "longitude"),
    ("places.csv", "110.075,30.05", ",30.05", "lon", "together"),
    ("places.csv", "30000,55", "NaN,55", "population", "not a number"),
    ("places.csv", "30000,55", "30000,0", "area_km2", "above zero"),
    ("signs.csv", ",10min,3,", ",10 minutes,3,", "period", "not a duration"),
    ("signs.csv", ",10min,3,", ",0min,3,", "period", "longer than nothing"),
    ("signs.csv", ",10min,3,", ",event,3,", "freshness", "how long"),
    ("signs.csv", ",10min,3,", ",10min,6,", "tier", "none of 1, 2"),
    ("signs.csv", ",10min,3,", ",10min,,", "tier", "exactly one of tier and kind"),
    ("signs.csv", ",3,,B,", ",3,bridge,B,", "tier", "exactly one of tier and kind"),
    ("signs.csv", ",3,,B,", ",3,,X,", "direction", "none of H, L, B, N"),
    ("signs.csv", "0..35,..37", "35,..37", "t1", "not a band"),
    ("signs.csv", "H,10,15,27", "H,10,15,12", "t1", "from mild to bad"),
    ("signs.csv", "0.20,0.16,0.14", "0.14,0.16,0.20", "t1", "from mild to bad"),
    ("signs.csv", "1.5x,2x,3x", "1.5y,2x,3x", "t1", "not a number, a share"),
    ("signs.csv", "1,1,water", "1,yes,water", "shared", "neither 1 nor empty"),
    ("signs.csv", "1,1,water", "1,1,fire", "department", "there is no department 'fire'"),
    ("signs.csv", "Water depth,WX", "Water depth,ZZ", "domain", "there is no domain 'ZZ'"),
    ("signs.csv", "max,max,1", "max,median,1", "fold_space", "none of sum"),
    ("signs.csv", "W2,", "W1,", "code", "stands already in line 2"),
    ("assets.csv", "9901-1-1,江安积", "9909,江安积", "place", "there is no place '9909'"),
    ("assets.csv", "110.015,", "110.O15,", "lon", "not a number"),
    ("series.csv", "P1,9901", "P9,9901", "sign", "there is no sign 'P9'"),
    ("series.csv", "P1,9901", "P1,9909", "place", "there is no place '9909'"),
    ("series.csv", "P1,9901,,", "P1,,air-9,", "asset", "there is no asset 'air-9'"),
    ("series.csv", "P1,9901,,", "P1,9901,air-1,", "place", "exactly one of place and asset"),
    ("series.csv", "P1,9901,,", "P1,9901-1,,", "place", "measured at tier 2"),
    ("series.csv", "P1,9901,,", "P1,,air-1,", "asset", "measured by places of tier 2"),
    ("series.csv", "P1,9901,,", "W2,9901,,", "place", "measured by assets of kind flood_monitor"),
    ("series.csv", "P1,9901,,", "W2,,air-1,", "asset", "air-1 is air_station"),
    ("series.csv", "P1,9902", "P1,9901", "sign", "stands already in line 2"),
    ("series.csv", ",2000", ",-5", "capacity", "above zero"),
    ("classes.csv", "2,urgent_hour", "2,day", "unit", "none of hour"),
    ("classes.csv", "2,urgent_hour", "2,", "unit", "a limit needs its unit"),
    ("classes.csv", "urgent_hour,handle", "urgent_hour,all", "stage", "none of handle, total"),
    ("classes.csv", "C0101,,,破损", "C0101,雨水井盖,,破损", "name_zh", "the same class is called"),
    ("departments.csv", "water,99", "water,98", "place", "there is no place '98'"),
]


@pytest.mark.parametrize(("file", "old", "new", "column", "words"), CELLS)
def test_a_mistake_is_named_with_its_line_and_column(
    folder: Path, file: str, old: str, new: str, column: str, words: str
) -> None:
    line = changed(folder, file, old, new)
    found = [one for one in mistakes(folder) if one.file == file and one.column == column]
    assert any(words in one.detail and one.line == line for one in found), mistakes(folder)


KEYS = [
    ('root = "99"', 'root = "98"', "root", "no place without a parent"),
    ('root = "99"', 'rot = "99"', "rot", "unknown key"),
    ('root = "99"', "", "root", "missing"),
    ("Asia/Shanghai", "Asia/Wuhan", "timezone", "no time zone"),
    ('["zh", "en"]', '["fr"]', "languages.0", "'zh' or 'en'"),
]


@pytest.mark.parametrize(("old", "new", "key", "words"), KEYS)
def test_a_mistake_in_city_toml_is_named_with_its_key(
    folder: Path, old: str, new: str, key: str, words: str
) -> None:
    changed(folder, "city.toml", old, new)
    assert any(one.column == key and words in one.detail for one in mistakes(folder)), mistakes(folder)


def test_broken_toml_is_named_with_its_line(folder: Path) -> None:
    line = changed(folder, "city.toml", 'name_en = "Linjiang"', 'name_en = "Linjiang')
    assert (mistakes(folder)[0].file, mistakes(folder)[0].line) == ("city.toml", line)


def test_a_base_layer_that_crosses_itself_is_refused(folder: Path) -> None:
    changed(folder, "base.geojson", "[110.052, 30.0], [110.052, 30.1]", "[110.052, 30.1], [110.052, 30.0]")
    assert "crosses itself" in mistakes(folder)[0].detail


def test_depth_bombs_are_refused(folder: Path) -> None:
    (folder / "geometry.geojson").write_text('{"features":' + "[" * 200_000)
    (folder / "city.toml").write_text("a = " + "[" * 200_000)
    assert {one.file for one in mistakes(folder)} >= {"geometry.geojson", "city.toml"}


def test_parents_in_a_circle_are_named_once_each(bare: Path) -> None:
    places_of(bare, "A,,,A\nB,D,,B\nC,B,,C\nD,C,,D\nE,D,,E\n")
    found = mistakes(bare)
    assert [one.line for one in found] == [3, 4, 5]
    assert "B → D → C → B" in found[0].detail


def test_everything_wrong_is_said_at_once(folder: Path) -> None:
    changed(folder, "places.csv", "30000,55", "many,55")
    changed(folder, "signs.csv", "H,10,15,27", "H,10,15,12")
    changed(folder, "city.toml", "Asia/Shanghai", "Asia/Wuhan")
    assert {one.file for one in mistakes(folder)} == {"places.csv", "signs.csv", "city.toml"}


def test_text_that_is_not_utf_8_is_refused(folder: Path) -> None:
    (folder / "departments.csv").write_bytes("code,place,name_zh\npolice,99,公安局\n".encode("gbk"))
    assert any(one.file == "departments.csv" and one.line == 2 for one in mistakes(folder))


def test_a_nul_is_refused(folder: Path) -> None:
    line = changed(folder, "departments.csv", "Police", "Pol\0ice")
    assert mistakes(folder)[0] == Mistake("departments.csv", line, "", "there is a NUL in the text")


def test_a_misspelt_table_is_not_passed_over(folder: Path) -> None:
    (folder / "signs.csv").rename(folder / "sign.csv")
    assert any(one.file == "sign.csv" and "no such table" in one.detail for one in mistakes(folder))


def test_a_line_with_too_many_cells_is_refused(folder: Path) -> None:
    line = changed(folder, "departments.csv", "Police", "Police,1,2")
    assert mistakes(folder)[0].line == line


def test_the_hash_changes_with_any_content_and_with_nothing_else(folder: Path) -> None:
    before = folder_hash(folder)
    (folder / "notes.txt").write_text("not a table")
    assert folder_hash(folder) == before == read_folder(folder).hash
    changed(folder, "departments.csv", "Police", "police")
    assert folder_hash(folder) != before


OUTLINES = [
    ("[110.05, 30.0], [110.05, 30.1], [110.0", "[110.05, 30.1], [110.05, 30.0], [110.0", "crosses itself"),
    ("[110.0, 30.1], [110.0, 30.0]]]", "[110.0, 30.1]]]", "not closed"),
    ("[110.05, 30.1], [110.0,", "[190.05, 30.1], [110.0,", "longitude"),
    ('{"code": "9901"}', '{"code": "9909"}', "there is no place '9909'"),
    ('{"code": "9901"}', '{"code": "9902"}', "has an outline already"),
    ('{"code": "9901"}', '{"id": "9901"}', "the property 'code' is missing"),
    ('"type": "Polygon", "coordinates"', '"type": "Point", "coordinates"', "a Polygon or a MultiPolygon"),
    ('"coordinates": [[[110.0, 30.0]', '"coordinates": [[["x", 30.0]', "no rings of points"),
]


@pytest.mark.parametrize(("old", "new", "words"), OUTLINES)
def test_an_outline_that_is_broken_is_refused_in_words(folder: Path, old: str, new: str, words: str) -> None:
    changed(folder, "geometry.geojson", old, new)
    found = [one for one in mistakes(folder) if one.file == "geometry.geojson"]
    assert any(words in one.detail for one in found), found


def test_an_outline_apart_from_the_place_above_it_is_refused(folder: Path) -> None:
    line = changed(folder, "geometry.geojson", '{"code": "9902"}', '{"code": "9901-1"}')
    found = mistakes(folder)[0]
    assert (found.file, found.line, found.column) == ("geometry.geojson", line, "code")
    assert "outside the outline" in found.detail


@pytest.fixture(scope="module")
def tiny() -> Iterator[City]:
    yield read_folder(TINY)


def test_units_in_hanzi_have_an_english_word(tiny: City) -> None:
    assert tiny.units["人"] == "people"
