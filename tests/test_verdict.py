"""Is a place called what its signs and cases say it is?"""

from hypothesis import given
from hypothesis import strategies as st

from data.domain.verdict import COVERAGE_WANTED, MOST_REASONS, TROUBLE, WATCH, judge

COUNTS = st.dictionaries(st.sampled_from((*TROUBLE, *WATCH[:-1], "minor", "routine")), st.integers(0, 9))


def test_nothing_abnormal_is_calm() -> None:
    assert judge({"minor": 3, "routine": 40}, live=100, expected=100).level == "calm"


def test_an_alarm_or_a_major_case_is_trouble_and_hides_lesser_reasons() -> None:
    found = judge({"alarm": 3, "major": 1, "warning": 9, "overdue": 5}, live=100, expected=100)
    assert (found.level, found.why) == ("trouble", (("alarm", 3), ("major", 1)))


def test_a_warning_an_overdue_case_or_silence_is_a_thing_to_watch() -> None:
    assert judge({"warning": 2, "overdue": 1}, live=100, expected=100).why == (("warning", 2), ("overdue", 1))
    assert judge({}, live=96, expected=100).why == (("missing", 4),)
    assert judge({}, live=97, expected=100).level == "calm"


def test_where_nothing_reports_nobody_calls_it_calm() -> None:
    assert judge({}, live=0, expected=12).level == "none"
    assert judge({"overdue": 2}, live=0, expected=12).level == "watch"


def test_a_place_without_series_is_judged_by_its_cases() -> None:
    assert judge({}, live=0, expected=0).level == "calm"


@given(COUNTS, st.integers(0, 50), st.integers(0, 50))
def test_the_reasons_are_counts_that_are_there(counts: dict[str, int], live: int, more: int) -> None:
    expected = live + more
    found = judge(counts, live=live, expected=expected)
    assert len(found.why) <= MOST_REASONS
    assert all(n == (more if reason == "missing" else counts[reason]) > 0 for reason, n in found.why)
    assert (found.level in ("trouble", "watch")) == bool(found.why)
    assert (found.level == "trouble") == any(counts.get(reason) for reason in TROUBLE)
    assert ("missing", more) not in found.why or live < COVERAGE_WANTED * expected
