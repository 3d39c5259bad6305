"""Does the reader see first what presses most?"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.domain.urgency import BAD, GAPS, OPEN_STAGES, first, limit_shown, ranked, sorted_signs

SIGNS = st.lists(
    st.fixed_dictionaries(
        {
            "status": st.sampled_from((*BAD, *GAPS, "normal")),
            "expected": st.integers(0, 2),
            "from": st.none(),
        }
    ),
    max_size=40,
)


def a_child(**changes: Any) -> dict[str, Any]:
    return {"status": "normal", "abnormal": 0, "severity": None, "overdue": 0, "open": 0, **changes}


def test_own_abnormal_signs_come_before_silence_health_and_what_is_lent() -> None:
    signs = [
        {"status": "normal", "expected": 1, "from": None},
        {"status": "none", "expected": 0, "from": None},
        {"status": "alarm", "expected": 0, "from": "4201"},
        {"status": "stale", "expected": 1, "from": None},
        {"status": "attention", "expected": 1, "from": None},
        {"status": "alarm", "expected": 1, "from": None},
    ]
    order = [(sign["status"], sign["from"]) for sign in sorted_signs(signs).everything]
    assert order == [
        ("alarm", None), ("attention", None), ("stale", None), ("normal", None),
        ("alarm", "4201"), ("none", None),
    ]  # fmt: skip


@given(SIGNS, st.integers(4, 20))
def test_what_is_shown_fits_and_loses_no_alarm_to_a_healthy_sign(signs: list[dict], room: int) -> None:
    lists = sorted_signs(signs)
    assert len(lists.everything) == len(signs)
    bad, gaps, rest = first(lists, room, most_gaps=4)
    assert len(bad) + len(gaps) + len(rest) <= room
    assert not rest or len(bad) == len(lists.bad)
    assert len(gaps) >= min(2, len(lists.gaps))


def test_children_stand_by_their_worst_sign_then_by_how_many() -> None:
    children = [
        a_child(name="busy", open=9, overdue=3),
        a_child(name="one alarm", status="alarm", abnormal=1),
        a_child(name="stale", status="stale", open=1),
        a_child(name="two alarms", status="alarm", abnormal=2),
        a_child(name="grave case", severity=1, open=1),
    ]
    assert [row["name"] for row in ranked(children)] == [
        "two alarms",
        "one alarm",
        "grave case",
        "busy",
        "stale",
    ]


@pytest.mark.parametrize(
    ("status", "direction", "lo", "hi", "value", "shown"),
    [
        ("alarm", "H", (None,) * 3, (10, 15, 27), 34, 27),
        ("normal", "H", (None,) * 3, (10, 15, 27), 3, 10),
        ("warning", "L", (25, 20, 15), (None,) * 3, 18, 20),
        ("alarm", "H", (None,) * 3, (90, None, None), 99, 90),
        ("attention", "B", (0, None, None), (35, 37, 40), 36, 35),
        ("attention", "B", (0, None, None), (35, 37, 40), -2, 0),
        ("normal", "N", (None,) * 3, (None,) * 3, 5, None),
    ],
)
def test_the_limit_shown_is_the_one_that_was_crossed(
    status: str, direction: str, lo: tuple, hi: tuple, value: float, shown: float | None
) -> None:
    assert limit_shown(status, direction, lo, hi, value) == shown


def test_every_open_state_has_its_column() -> None:
    assert list(OPEN_STAGES) == [1, 2, 3, 4, 5, 6]
    assert OPEN_STAGES[5] == ("pending_check",)
