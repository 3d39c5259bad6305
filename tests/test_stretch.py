"""Which stretch of time is shown, and how finely?"""

from datetime import UTC, datetime, timedelta

import pytest

from data.domain.refusal import Refusal
from data.domain.stretch import Stretch, stretch

NOW = datetime(2026, 7, 8, 15, 42, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def shown(window: str | None = None, grain: str | None = None, **more: object) -> Stretch:
    how = {"period": timedelta(minutes=5), "measured": False, "readable": False, "now": NOW} | more
    return stretch(window, grain, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "window, more, grain",
    [
        (None, {}, "hour"),
        (None, {"measured": True, "readable": True}, "raw"),
        (None, {"readable": True}, "hour"),
        ("7d", {}, "hour"),
        ("14d", {"measured": True, "readable": True}, "hour"),
        ("14d", {"period": DAY}, "day"),
    ],
)
def test_what_is_not_asked_is_chosen(window: str | None, more: dict[str, object], grain: str) -> None:
    assert (shown(window, **more).grain, shown(window, **more).refused) == (grain, None)


def test_a_sign_that_comes_once_a_day_opens_with_two_weeks() -> None:
    assert (shown(period=30 * DAY).window, shown().window) == ("14d", "24h")


def test_what_cannot_be_had_is_shown_otherwise_and_said() -> None:
    assert (shown(grain="raw").grain, shown(grain="raw").refused) == ("hour", "raw")
    assert (shown("24h", "day").grain, shown("24h", "day").refused) == ("hour", "day")
    assert shown("7d", "day").refused is None and shown(grain="raw", readable=True).grain == "raw"


@pytest.mark.parametrize("asked", [{"window": "1y"}, {"grain": "minute"}])
def test_an_unknown_word_is_refused(asked: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refusal:
        shown(**asked)
    assert refusal.value.code == "bad_value" and refusal.value.field == next(iter(asked))


def test_the_end_moves_by_whole_steps_and_never_before_now() -> None:
    assert shown().until == NOW.replace(minute=45, second=0)
    assert shown("7d").until == NOW.replace(hour=16, minute=0, second=0)
    assert shown(now=NOW.replace(minute=45, second=0)).until == NOW.replace(minute=45, second=0)
    assert shown("7d").until - shown("7d").since == 7 * DAY
