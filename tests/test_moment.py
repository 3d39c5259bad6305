"""Which texts are times, and which times are taken?"""

from datetime import UTC, datetime, timedelta

import pytest

from data.domain.cases import after, cases
from data.domain.moment import check_when, moment
from data.domain.refusal import Refusal

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2020-07-06T08:00:00+08:00", datetime(2020, 7, 6, tzinfo=UTC)),
        ("2020-07-06T00:00:00Z", datetime(2020, 7, 6, tzinfo=UTC)),
        ("2020-07-06t00:00:00.5z", datetime(2020, 7, 6, 0, 0, 0, 500000, tzinfo=UTC)),
        ("2020-07-05T23:30:00-00:30", datetime(2020, 7, 6, tzinfo=UTC)),
    ],
)
def test_a_time_with_an_offset_is_a_moment(text: str, at: datetime) -> None:
    assert moment(text) == at


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2020-07-06T08:00:00", "no_zone"), ("2020-07-06", "bad_time"), ("yesterday", "bad_time"),
        ("", "bad_time"), ("2020-02-30T00:00:00Z", "bad_time"), ("2020-07-06T25:00:00Z", "bad_time"),
        ("1594000000", "bad_time"), ("9999-12-31T23:59:59-23:00", "bad_time"),
        ("10000-01-01T00:00:00Z", "bad_time"), ("２０２０-07-06T00:00:00Z", "bad_time"),
        ("0001-01-01T00:00:00+23:00", "bad_time"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_name(text: str, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        moment(text)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("at", "any_past", "code"),
    [
        (NOW + timedelta(minutes=2), False, None),
        (NOW + timedelta(minutes=2, seconds=1), True, "future"),
        (NOW - timedelta(hours=24), False, None),
        (NOW - timedelta(hours=24, seconds=1), False, "too_old"),
        (NOW - timedelta(hours=25), True, None),
        (datetime(2000, 1, 1, tzinfo=UTC), True, None),
        (datetime(1999, 12, 31, 23, 59, tzinfo=UTC), True, "too_old"),
    ],
)
def test_what_may_be_reported_when(at: datetime, any_past: bool, code: str | None) -> None:
    try:
        check_when(at, NOW, any_past=any_past)
    except Refusal as refusal:
        assert refusal.code == code
    else:
        assert code is None


def test_an_address_with_a_bare_plus_is_understood() -> None:
    assert cases("99/", {"from": "2020-07-06T08:00:00 08:00"}).start == datetime(2020, 7, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "filters",
    [
        {"state": "handled"}, {"severity": "5"}, {"severity": "1,,2"}, {"overdue": "maybe"},
        {"from": "2020-07-06T00:00:00Z", "to": "2020-07-05T00:00:00Z"}, {"from": "2020"},
    ],
)  # fmt: skip
def test_a_filter_that_means_nothing_is_refused(filters: dict[str, str]) -> None:
    with pytest.raises(Refusal):
        cases("99/", filters)


@pytest.mark.parametrize("text", ["", "x", "!!!!", "AAAA", "A" * 32 + "é", "A" * 33])
def test_an_end_of_page_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        after(text)
