"""Do limits say how bad a value is, whatever they are shares of?"""

import pytest

from data.domain.sign import Leaf, Status, at_a_glance, limits, whole_capacity
from data.domain.threshold import thresholds
from data.store import nodes


def test_a_share_becomes_a_limit_in_the_signs_unit() -> None:
    found = limits(thresholds("H", "70%", "85%", "100%"), "5%", capacity=200)
    assert found.hi == pytest.approx((140, 170, 200)) and found.slack == pytest.approx(7)


def test_without_capacity_there_is_no_limit() -> None:
    assert limits(thresholds("H", "70%", "85%", "100%"), "5%", capacity=None).hi == (None, None, None)


def test_without_a_baseline_there_is_no_limit() -> None:
    found = limits(thresholds("H", "1.3x", "1.6x", "2x"), "5%", capacity=100)
    assert found.hi == (None, None, None) and found.slack == 0


def test_a_band_has_two_ends_and_its_slack_is_a_share_of_its_width() -> None:
    found = limits(thresholds("B", "1.5..3", "", ""), "10%", capacity=None)
    assert (found.lo[0], found.hi[0]) == (1.5, 3) and found.slack == pytest.approx(0.15)


def test_a_whole_has_a_capacity_only_when_every_part_has_one() -> None:
    assert whole_capacity([10, 20]) == 30
    assert whole_capacity([10, None]) is None


SPOTS = {
    code: nodes.Spot(code, path, path.count("/"), district, population, None)
    for code, path, district, population in [
        ("X", "X/", "X", None), ("D1", "X/D1/", "D1", 100), ("D2", "X/D2/", "D2", 300),
        ("S1", "X/D1/S1/", "D1", 40),
    ]
}  # fmt: skip
KIND = nodes.Kind("A1", 0, thresholds("H", "70%", "", ""), "", "population", True)


def test_every_place_above_a_leaf_has_a_fold_that_expects_it() -> None:
    grown = nodes.grow([Leaf("A1", "D1", capacity=10), Leaf("A1", "D2", capacity=20)], SPOTS, {"A1": KIND})
    assert [(node.spot.code, node.leaf, node.expected, node.w, node.capacity) for node in grown] == [
        ("X", False, 2, 1.0, 30),
        ("D1", True, 1, 100, 10),
        ("D2", True, 1, 300, 20),
    ]


def test_an_assets_place_folds_it_and_is_folded_in_turn() -> None:
    leaves = [Leaf("A1", "S1", "M1"), Leaf("A1", "S1", "M2"), Leaf("A1", "D2", "M3")]
    grown = {(node.spot.code, node.asset): node for node in nodes.grow(leaves, SPOTS, {"A1": KIND})}
    assert {key: node.expected for key, node in grown.items()} == {
        ("X", ""): 3, ("D1", ""): 2, ("S1", ""): 2, ("S1", "M1"): 1, ("S1", "M2"): 1,
        ("D2", ""): 1, ("D2", "M3"): 1,
    }  # fmt: skip
    assert grown["S1", "M1"].tier == 4 and grown["S1", "M1"].w == 1


def test_ids_of_two_districts_never_meet() -> None:
    assert nodes.head("420106") * nodes.PER_DISTRICT > nodes.head("4201") * nodes.PER_DISTRICT
    heads = {nodes.head(code) for code in ("B01", "B02", "4201", "420106", "9999999999")}
    assert len(heads) == 5


@pytest.mark.parametrize(
    "statuses, live, word",
    [
        ([Status.NORMAL], 100, "normal"),
        ([Status.NORMAL, Status.STALE], 95, "normal"),
        ([Status.NORMAL, Status.STALE], 89, "stale"),
        ([Status.STALE, Status.ATTENTION], 20, "attention"),
        ([Status.NORMAL, Status.NONE], 12, "none"),
        ([Status.STALE], 0, "stale"),
        ([], 0, "none"),
    ],
)
def test_a_place_is_as_bad_as_its_worst_sign_and_old_only_when_much_is(
    statuses: list[Status], live: int, word: str
) -> None:
    assert at_a_glance(statuses, live, 100).word == word
