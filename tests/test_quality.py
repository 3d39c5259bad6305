"""How much of a day was reported?"""

from datetime import UTC, datetime, timedelta

from data.domain.quality import HOUR, Hour, presence

NOW = datetime(2026, 7, 8, 15, 42, tzinfo=UTC)
RUNNING = NOW.replace(minute=0)


def hours(*back: int, live: int = 2, expected: int = 2) -> list[Hour]:
    return [Hour(RUNNING - HOUR * n, live, expected) for n in back]


def test_the_running_hour_is_not_yet_due() -> None:
    found = presence(hours(*range(25)), 2, NOW)
    assert (found.present, found.due, found.gaps, found.share) == (48, 48, 0, 1.0)


def test_an_hour_without_a_row_owes_all_its_series() -> None:
    found = presence([*hours(*range(1, 11)), *hours(*range(14, 25))], 2, NOW)
    assert (found.present, found.due, found.gaps, found.longest) == (42, 48, 1, timedelta(hours=3))


def test_an_hour_in_which_somebody_spoke_is_no_gap() -> None:
    found = presence(hours(*range(1, 25), live=1), 2, NOW)
    assert (found.share, found.gaps, found.longest) == (0.5, 0, timedelta(0))


def test_nothing_expected_has_no_share() -> None:
    assert presence([], 0, NOW).share is None
