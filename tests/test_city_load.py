"""Does a folder become rows once, change what changed, and remember what it said before?"""

import shutil
from pathlib import Path

import pytest

from data import db
from data.commands import city
from data.domain.refusal import Refusal
from data.ingest.folder import read_folder
from tests.conftest import CITY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CITY, tmp_path / "city"))


def change(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def rows(query: str) -> list[db.Row]:
    with db.read() as conn:
        return conn.execute(query).fetchall()  # type: ignore[arg-type]


def test_every_row_of_the_folder_is_in_the_database(fresh: str) -> None:
    read = read_folder(CITY)
    for table, wanted in [
        ("place", read.places), ("sign", read.signs), ("asset", read.assets), ("class", read.classes),
        ("department", read.departments),
    ]:  # fmt: skip
        assert rows(f"SELECT count(*) AS n FROM {table}") == [{"n": len(wanted)}]


def test_every_node_counts_the_leaves_at_or_below_it(fresh: str) -> None:
    found = rows(
        """SELECT p.id, p.expected, 
             (SELECT count(*) FROM node l WHERE l.leaf AND (l.id = p.id OR p.id = ANY(l.anc))) AS counted
           FROM node p"""
    )
    assert found and all(row["expected"] == row["counted"] for row in found)


def test_ids_are_in_place_order_and_carry_the_district(fresh: str) -> None:
    found = rows(
        """SELECT n.id, p.path, p.district FROM node n JOIN place p ON p.code = n.place
           ORDER BY p.district, n.id"""
    )
    for district in {row["district"] for row in found}:
        paths = [row["path"] for row in found if row["district"] == district]
        assert paths == sorted(paths)


def test_loading_the_same_folder_again_changes_nothing(fresh: str) -> None:
    assert list(city.init(CITY)) == ["city: unchanged"]


def test_a_changed_name_keeps_the_old_one_with_its_time(fresh: str, folder: Path) -> None:
    first = read_folder(folder).signs[0]
    change(folder, "signs.csv", first.name_zh, "新名")
    list(city.init(folder))
    assert rows(f"SELECT name_zh FROM sign WHERE code = '{first.code}'") == [{"name_zh": "新名"}]
    was = rows("SELECT code, name_zh, upper(valid) <= now() AS over FROM sign_was")
    assert was == [{"code": first.code, "name_zh": first.name_zh, "over": True}]
    assert rows("SELECT count(*) AS n FROM place_was") == [{"n": 0}]


def test_a_new_place_is_expected_from_now_on(fresh: str, folder: Path) -> None:
    read = read_folder(folder)
    street = next(place for place in read.places if place.tier == 3)
    with open(folder / "places.csv", "a", encoding="utf-8") as file:
        header = (folder / "places.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
        cells = {"code": "NEW1", "parent": street.parent or "", "name_zh": "新区", "name_en": "New"}
        file.write(",".join(cells.get(name, "") for name in header) + "\n")
    before = rows("SELECT max(id) AS top FROM node")[0]["top"]
    list(city.init(folder))
    fresh_nodes = rows("SELECT since > now() - interval '1 minute' AS new FROM node WHERE place = 'NEW1'")
    assert fresh_nodes and all(row["new"] for row in fresh_nodes)
    assert before is not None


def test_another_city_on_the_same_home_is_refused_in_words(fresh: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "city.toml").write_text(
        'root = "Z"\nname_zh = "他城"\nname_en = "Other"\ntimezone = "UTC"\nlanguages = ["zh", "en"]\n'
    )
    (other / "places.csv").write_text(
        "code,parent,name_zh,name_en,lon,lat,population,area_km2\nZ,,他城,Other,,,,\n"
    )
    with pytest.raises(Refusal, match="set another CITYOPS_HOME"):
        list(city.init(other))


def test_a_place_is_found_by_name_pinyin_and_code(fresh: str) -> None:
    words = rows("SELECT sought, code, name_zh FROM place WHERE tier = 2 ORDER BY code LIMIT 1")[0]
    assert words["code"].lower() in words["sought"] and words["name_zh"] in words["sought"]


def test_an_imported_border_outlives_the_next_load(fresh: str, folder: Path) -> None:
    street = next(place for place in read_folder(folder).places if place.tier == 4)
    with db.transaction() as conn:
        conn.execute(
            "UPDATE place SET schematic = false, bounds = '((1,1),(0,0))' WHERE code = %s", (street.code,)
        )
    change(folder, "places.csv", street.name_zh, "新社区")
    list(city.init(folder))
    found = rows(f"SELECT name_zh, schematic, bounds::text AS bounds FROM place WHERE code = '{street.code}'")
    assert found == [{"name_zh": "新社区", "schematic": False, "bounds": "(1,1),(0,0)"}]


def test_a_series_that_leaves_the_folder_is_expected_no_longer(fresh: str, folder: Path) -> None:
    gone = read_folder(folder).series[0]
    text = (folder / "series.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "series.csv").write_text("".join([text[0], *text[2:]]), encoding="utf-8")
    list(city.init(folder))
    root = rows(f"SELECT expected FROM node WHERE sign = '{gone.sign}' AND parent IS NULL")
    ended = rows(
        f"SELECT until < 'infinity' AS ended FROM node WHERE sign = '{gone.sign}' AND place = '{gone.place}'"
    )
    assert root == [{"expected": len(text) - 2}] and ended == [{"ended": True}]
