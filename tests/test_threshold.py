"""The cells t1, t2, t3 of a sign mean what CONTRACTS §3 says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.domain.threshold import (
    BadThreshold,
    Direction,
    Measure,
    Threshold,
    are_ordered,
    threshold,
    thresholds,
)

READ = [
    ("H", "25.00", Threshold(Measure.ABSOLUTE, high=25.0)),
    ("L", "-5", Threshold(Measure.ABSOLUTE, low=-5.0)),
    ("H", "70%", Threshold(Measure.CAPACITY, high=0.7)),
    ("L", "15%", Threshold(Measure.CAPACITY, low=0.15)),
    ("H", "1.3x", Threshold(Measure.BASELINE, high=1.3)),
    ("B", "1.5..3.0", Threshold(Measure.ABSOLUTE, 1.5, 3.0, outside=True)),
    ("B", "..37", Threshold(Measure.ABSOLUTE, None, 37.0, outside=True)),
    ("B", "0..", Threshold(Measure.ABSOLUTE, 0.0, None, outside=True)),
    ("B", "±10%", Threshold(Measure.BASELINE, 0.9, 1.1, outside=True)),
]


@pytest.mark.parametrize(("direction", "cell", "meant"), READ)
def test_a_cell_is_read(direction: Direction, cell: str, meant: Threshold) -> None:
    assert threshold(direction, cell) == meant


@pytest.mark.parametrize("direction", ["H", "L", "B", "N"])
def test_an_empty_cell_is_no_threshold(direction: Direction) -> None:
    assert threshold(direction, "  ") is None


REFUSED = [("H", "a lot"), ("H", "1..2"), ("H", "nan"), ("H", "1e9"), ("L", "±5%"), ("B", "5"), ("B", ".."),
           ("B", "3..1"), ("B", "±-5%"), ("N", "5")]  # fmt: skip


@pytest.mark.parametrize(("direction", "cell"), REFUSED)
def test_a_cell_that_the_direction_does_not_take_is_refused(direction: Direction, cell: str) -> None:
    with pytest.raises(BadThreshold, match=r".+"):
        threshold(direction, cell)


def test_a_share_needs_the_capacity_and_a_multiple_the_baseline() -> None:
    share, multiple = threshold("H", "70%"), threshold("H", "1.5x")
    assert share and multiple
    assert share.limits(capacity=None, baseline=10) is None
    assert multiple.limits(capacity=10, baseline=None) is None
    assert share.limits(capacity=200, baseline=None) == Threshold(Measure.ABSOLUTE, high=140)
    assert multiple.limits(capacity=None, baseline=10) == Threshold(Measure.ABSOLUTE, high=15)


def test_a_band_around_a_baseline_below_zero_keeps_its_ends_in_order() -> None:
    band = threshold("B", "±10%")
    assert band
    found = band.limits(capacity=None, baseline=-100)
    assert found and found.low == pytest.approx(-110) and found.high == pytest.approx(-90)


@given(st.lists(st.integers(-1000, 1000), min_size=3, max_size=3))
def test_levels_are_ordered_when_they_get_worse(levels: list[int]) -> None:
    rising = thresholds("H", *map(str, sorted(levels)))
    falling = thresholds("L", *map(str, sorted(levels, reverse=True)))
    assert are_ordered(rising) and are_ordered(falling)
    if levels != sorted(levels):
        assert not are_ordered(thresholds("H", *map(str, levels)))


def test_gaps_between_levels_are_passed_over() -> None:
    assert are_ordered(thresholds("H", "3", "", "5"))
    assert not are_ordered(thresholds("H", "5", "", "3"))
