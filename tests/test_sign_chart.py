"""Does the picture of a sign draw what is there, and nothing that is not?"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import sign_chart, text
from components.sign_chart import Line, Picture
from components.sign_scale import apart, scaled
from data.domain.gap import Gap

UNTIL = datetime(2026, 7, 8, 8, tzinfo=UTC)
SINCE = UNTIL - timedelta(hours=24)
LIMITS = (("attention", 10.0), ("warning", 15.0), ("alarm", 27.0))


def line(name: str, *values: float | None) -> Line:
    return Line(name, [(SINCE + timedelta(hours=n), value) for n, value in enumerate(values)])


def drawn(lang: str = "zh", **more: object) -> dict[str, object]:
    base: dict[str, object] = {
        "title": "积水深度", "unit": "cm", "since": SINCE, "until": UNTIL, "zone": ZoneInfo("Asia/Shanghai"),
        "status": "alarm", "main": line("现在", 1, 2, None, 34), "limits": LIMITS,
    }  # fmt: skip
    return sign_chart.figure(Picture(**base | more), text.speaker(lang))  # type: ignore[arg-type]


def words(figure: dict[str, object]) -> list[str]:
    return [note["text"] for note in figure["layout"]["annotations"]]  # type: ignore[index]


def test_a_gap_stays_a_gap_and_only_the_last_point_has_a_colour() -> None:
    main, last = drawn()["data"][-2:]  # type: ignore[index]
    assert main["y"] == [1, 2, None, 34] and main["connectgaps"] is False and main["line"]["color"] == "$ink"
    assert (last["y"], last["marker"]["color"]) == ([34], "$red")
    assert drawn(status="normal")["data"][-1]["marker"]["color"] == "$ink"  # type: ignore[index]


def test_times_are_the_citys() -> None:
    assert drawn()["data"][-2]["x"][0] == "2026-07-07T16:00:00"  # type: ignore[index]


def test_limits_stand_at_the_left_by_mark_and_word() -> None:
    figure = drawn()
    assert [shape["y0"] for shape in figure["layout"]["shapes"]] == [10, 15, 27]  # type: ignore[index]
    assert {"◆", "▲", "●", "关注 10", "预警 15", "报警 27"} <= set(words(figure))
    marks = [note for note in figure["layout"]["annotations"] if note["text"] in "◆▲●"]  # type: ignore[index]
    assert all(note["x"] == 0 and note["font"]["color"] in ("$red", "$orange", "$blue") for note in marks)


def test_a_silence_is_hatched_and_has_its_length() -> None:
    silent = Gap(SINCE + timedelta(hours=5), SINCE + timedelta(hours=6, minutes=10))
    brief = Gap(SINCE + timedelta(hours=9), SINCE + timedelta(hours=9, minutes=20))
    figure = drawn(gaps=[silent, brief], lang="en")
    hatched = [trace for trace in figure["data"] if trace.get("fillpattern")]  # type: ignore[union-attr]
    assert len(hatched) == 1 and len(hatched[0]["x"]) == 12
    assert [one for one in words(figure) if "silent" in one] == [] and words(
        drawn(gaps=[Gap(SINCE, SINCE + timedelta(hours=2))])
    )[-1] == "断报 2\u2009时"


def test_those_beside_have_the_same_ink_another_dash_and_their_name_at_the_end() -> None:
    figure = drawn(
        beside=[line("东岸区", 3, 4), line("西岸区", 3, 4)], yesterday=line("昨天", 1), week=line("上周", 2)
    )
    traces = {trace.get("name"): trace["line"] for trace in figure["data"] if trace.get("name")}  # type: ignore[union-attr]
    assert traces["东岸区"]["color"] == traces["西岸区"]["color"] == traces["现在"]["color"] == "$ink"
    dashes = [one["dash"] for one in traces.values()]
    assert len(set(dashes)) == len(dashes) and (traces["昨天"]["dash"], traces["上周"]["dash"]) == (
        "dash",
        "dot",
    )
    ends = [note for note in figure["layout"]["annotations"] if note["text"] in ("东岸区", "西岸区")]  # type: ignore[index]
    assert len(ends) == 2 and ends[0]["y"] != ends[1]["y"]


@pytest.mark.parametrize(
    "seconds, zh",
    [
        (300, "5\u2009分"),
        (4200, "1\u2009时 10\u2009分"),
        (3600, "1\u2009时"),
        (200_000, "2\u2009天"),
        (90_000, "25\u2009时"),
    ],
)
def test_a_length_is_written_as_pages_write_it(seconds: int, zh: str) -> None:
    assert sign_chart.span(timedelta(seconds=seconds), text.speaker("zh")) == zh


def test_a_limit_far_away_does_not_flatten_the_course_but_is_named() -> None:
    scale = scaled([18.1, 18.3], [("attention", 25.0), ("alarm", 29.7)])
    assert scale.on == [] and [value for _, value in scale.above] == [25.0, 29.7] and scale.high < 20
    assert "关注 25 ↑ 图外" in words(drawn(main=line("现在", 18.1, 18.3), limits=[("attention", 25.0)]))


def test_a_flat_course_is_seen_against_its_nearest_limit() -> None:
    assert [value for _, value in scaled([0.0, 0.0], LIMITS).on] == [10, 15, 27]


@given(
    st.lists(st.floats(-1e6, 1e6), max_size=30),
    st.lists(st.tuples(st.sampled_from(["alarm", "warning"]), st.floats(-1e6, 1e6)), max_size=6),
)
def test_every_value_lies_on_the_scale_and_no_limit_is_lost(
    values: list[float], limits: list[tuple[str, float]]
) -> None:
    scale = scaled(values, limits)
    assert scale.low < scale.high and all(scale.low <= value <= scale.high for value in values)
    assert sorted([*scale.on, *scale.above, *scale.under]) == sorted(limits)


@given(st.lists(st.floats(-100, 100), max_size=6))
def test_names_keep_their_order_and_their_distance(values: list[float]) -> None:
    heights = sorted(apart(values, 2.0))
    assert all(after - before >= 2.0 - 1e-9 for before, after in pairwise(heights))
