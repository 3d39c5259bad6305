"""A place is its code, and stands where its path says."""

from hypothesis import given
from hypothesis import strategies as st

from data.domain import place

CODES = st.lists(st.from_regex(place.CODE, fullmatch=True), min_size=1, max_size=5)


def path(codes: list[str]) -> str:
    found = ""
    for code in codes:
        found = place.path_of(code, found)
    return found


@given(CODES)
def test_a_path_says_its_codes_and_its_tier(codes: list[str]) -> None:
    assert place.codes_in(path(codes)) == tuple(codes)
    assert place.tier_of(path(codes)) == len(codes)
    assert place.code_of(path(codes)) == codes[-1]
    assert place.parent_of(path(codes)) == (path(codes[:-1]) or None)
    assert place.ancestors_of(path(codes)) == tuple(path(codes[:depth]) for depth in range(1, len(codes)))


def test_a_sibling_whose_code_begins_alike_does_not_lie_under_a_place() -> None:
    assert place.lies_under("4201/420106/", "4201/420106/")
    assert not place.lies_under("4201/4201060/", "4201/420106/")


def test_what_stands_above_the_districts_belongs_to_the_root() -> None:
    assert place.district_of("4201/") == "4201"
    assert place.district_of("4201/420106/420106001/") == "420106"


def test_codes_are_short_and_plain() -> None:
    assert place.is_code("B02-07_1.4")
    assert not any(place.is_code(text) for text in ("", "a/b", "a" * 41, "武昌", "a b", "a\n"))
