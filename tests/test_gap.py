"""When is a silence a gap?"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from data.domain.gap import Gap, gaps

T = datetime(2026, 7, 8, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def points(*minutes: int) -> list[dict[str, object]]:
    times = [T + MINUTE * at for at in minutes]
    return [{"at": at, "quiet": at - times[n - 1] if n else None} for n, at in enumerate(times)]


def found(*minutes: int, until: int = 60, **more: object) -> list[tuple[int, int]]:
    stretch = Gap(T, T + MINUTE * until)
    how = {"step": timedelta(0), "silence": 15 * MINUTE} | more
    return [
        ((gap.since - T) // MINUTE, (gap.until - T) // MINUTE)
        for gap in gaps(points(*minutes), stretch, **how)
    ]  # type: ignore[arg-type]


def test_longer_than_the_freshness_is_a_gap_and_as_long_is_none() -> None:
    assert found(0, 15, 31, 46, 60) == [(15, 31)]


def test_a_series_that_stopped_has_a_gap_until_now() -> None:
    assert found(0, 10) == [(10, 60)]


def test_a_bucket_stands_for_its_whole_hour() -> None:
    hours = {"step": HOUR, "silence": HOUR, "until": 300}
    assert found(0, 60, 180, 240, **hours) == [(120, 180)]  # type: ignore[arg-type]


def test_before_the_first_point_is_a_gap_only_of_a_series_that_had_begun() -> None:
    assert found(30, 45, 60) == []
    assert found(30, 45, 60, begun=True) == [(0, 30)]
    assert found(begun=True) == [(0, 60)] and found() == []


def test_what_lies_before_the_stretch_is_cut_off() -> None:
    assert found(-120, -100, 5, 20, 35, 50) == [(0, 5)]


@given(st.lists(st.integers(-100, 60), unique=True, min_size=1).map(sorted))
def test_gaps_lie_within_the_stretch_and_never_meet(minutes: list[int]) -> None:
    spans = found(*minutes, begun=True)
    assert all(0 <= since < until <= 60 for since, until in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert not any(since < minute < until for minute in minutes for since, until in spans)
