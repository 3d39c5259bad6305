"""Is a place answered with what lies around and in it, and found by its names?"""

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import V1, is_problem


def test_a_place_knows_what_is_above_and_below(shared: FlaskClient) -> None:
    place = shared.get(f"{V1}/places/9901-1").get_json()
    assert set(place) == {
        "code", "tier", "parent", "path", "name", "centre", "area_km2", "population", "schematic",
        "ancestors", "children",
    }  # fmt: skip
    assert (place["tier"], place["parent"], place["path"]) == (3, "9901", "99/9901/9901-1/")
    assert place["ancestors"] == [
        {"code": "99", "name": {"zh": "临江市", "en": "Linjiang"}},
        {"code": "9901", "name": {"zh": "东岸区", "en": "East Bank District"}},
    ]
    assert [(child["code"], child["tier"]) for child in place["children"]] == [
        ("9901-1-1", 4),
        ("9901-1-2", 4),
    ]
    assert set(place["children"][0]) == {"code", "tier", "name"}
    assert place["population"] == 50000 and place["schematic"] is True


def test_the_root_has_no_parent_and_a_grid_no_children(shared: FlaskClient) -> None:
    root, grid = (shared.get(f"{V1}/places/{code}").get_json() for code in ("99", "9901-1-1-1"))
    assert (root["parent"], root["ancestors"], grid["children"]) == (None, [], [])


def test_geometry_comes_when_asked(shared: FlaskClient) -> None:
    place = shared.get(f"{V1}/places/9901?geometry=1").get_json()
    assert place["geometry"]["type"] in ("Polygon", "MultiPolygon") and place["schematic"] is False


@pytest.mark.parametrize("code", ["nowhere", "99%2F", "%00", "a b", "99'--"])
def test_an_unknown_place_is_404(shared: FlaskClient, code: str) -> None:
    assert shared.get(f"{V1}/places/{code}").status_code == 404


def test_the_code_that_is_unknown_is_named(shared: FlaskClient) -> None:
    assert is_problem(shared.get(f"{V1}/places/nowhere"), 404, "unknown_place")


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("东岸", "9901"),
        ("East", "9901"),
        ("dongan", "9901"),
        ("9902-1", "9902-1"),
        ("柳林", "9902-1"),
        ("江安 网格", "9901-1-1-1"),
    ],
)
def test_a_place_is_found_by_name_pinyin_and_code(shared: FlaskClient, words: str, first: str) -> None:
    found = shared.get(f"{V1}/places", query_string={"q": words}).get_json()
    assert found["items"][0]["code"] == first


@pytest.mark.parametrize("words", ["%", "_", "\\", "100%"])
def test_signs_of_a_pattern_are_plain_letters(shared: FlaskClient, words: str) -> None:
    assert shared.get(f"{V1}/places", query_string={"q": words}).get_json()["items"] == []


def test_a_search_is_paged(shared: FlaskClient) -> None:
    codes, after = [], None
    while True:
        query = {"q": "99", "limit": 3, **({"after": after} if after else {})}
        found = shared.get(f"{V1}/places", query_string=query).get_json()
        codes += [item["code"] for item in found["items"]]
        after = found["next"]
        if after is None:
            break
    assert len(codes) == len(set(codes)) == 20


@pytest.mark.parametrize("query", ["", "q=", "q=x&limit=501", "q=x&x=1", "q=%00"])
def test_a_bad_search_is_422(shared: FlaskClient, query: str) -> None:
    assert shared.get(f"{V1}/places?{query}").status_code == 422


def test_assets_lie_at_or_below_a_place(shared: FlaskClient) -> None:
    found = shared.get(f"{V1}/assets?place=9901").get_json()
    assert [item["code"] for item in found["items"]] == ["air-1", "flood-1", "flood-2"] and found[
        "next"
    ] is None
    assert found["items"][1] == {
        "code": "flood-1", "kind": "flood_monitor", "place": "9901-1-1", "lon": 110.015, "lat": 30.02,
        "name": {"zh": "江安积水监测点", "en": found["items"][1]["name"]["en"]}, "department": "water",
        "simulated": True,
    }  # fmt: skip


def test_assets_are_asked_by_kind_and_page(shared: FlaskClient) -> None:
    first = shared.get(f"{V1}/assets?place=99&kind=flood_monitor&limit=2").get_json()
    rest = shared.get(f"{V1}/assets?place=99&kind=flood_monitor&after={first['next']}").get_json()
    assert [item["code"] for item in first["items"] + rest["items"]] == ["flood-1", "flood-2", "flood-3"]


@pytest.mark.parametrize(("query", "code"), [("", "missing_field"), ("place=nowhere", "unknown_place")])
def test_assets_of_no_place_are_422(shared: FlaskClient, query: str, code: str) -> None:
    assert is_problem(shared.get(f"{V1}/assets?{query}"), 422, code)
