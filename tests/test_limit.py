"""Which limits does a sign have, and what lacks to know them?"""

import pytest

from data.domain.limit import Limit, drawn, limits_of


def of(direction: str, *cells: str, lo: object = None, hi: object = None) -> list[Limit]:
    cells = (*cells, "", "", "")[:3]
    return limits_of(
        {"direction": direction, **dict(zip(("t1", "t2", "t3"), cells, strict=True)), "lo": lo, "hi": hi}
    )


def test_absolute_limits_are_known_without_a_series() -> None:
    assert drawn(of("H", "10", "15", "27")) == [("attention", 10), ("warning", 15), ("alarm", 27)]
    assert drawn(of("B", "0..35", "..37")) == [("attention", 0), ("attention", 35), ("warning", 37)]


@pytest.mark.parametrize("cell, need", [("70%", "capacity"), ("1.3x", "baseline")])
def test_a_limit_that_hangs_on_an_unknown_measure_says_on_which(cell: str, need: str) -> None:
    (limit,) = of("H", cell, lo=[None] * 3, hi=[None] * 3)
    assert (limit.need, limit.high, limit.cell) == (need, None, cell) and drawn([limit]) == []


def test_a_share_of_a_known_capacity_is_a_limit() -> None:
    (limit,) = of("H", "70%", lo=[None] * 3, hi=[1400, None, None])
    assert (limit.need, limit.high) == (None, 1400)


def test_a_level_that_the_folder_leaves_empty_is_none() -> None:
    assert [limit.status for limit in of("L", "90")] == ["attention"] and of("N") == []
