"""Does the simulated city behave like a city, always in the same way, and break like one?"""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.domain.refusal import Refusal
from data.work.simulate import scenario as scenarios
from data.work.simulate import series
from data.work.simulate.profile import profiles
from data.work.simulate.series import Due, Series
from data.work.simulate.values import Model
from tests.simulated import (
    DAY,
    DRY,
    ORDINARY,
    STORM,
    STORMY,
    ZONE,
    at,
    during,
    means,
    model_of,
    rows_of,
    sign_of,
)


# ── always the same ─────────────────────────────────────────────────────────────────────────────
@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 2 * DAY - 1), max_size=12), st.sampled_from(["TR01", "WX11", "PS01", "MI11"]))
def test_in_however_many_ticks_the_same_readings_are_made(cuts: list[int], code: str) -> None:
    model = model_of(STORM, code)
    one, (since, until) = model.series[code], STORMY
    whole = one.due(since, until)
    ends = [since, *sorted(since + cut for cut in cuts), until]
    pieces = [one.due(a, b) for a, b in pairwise(ends)]
    found = {
        (int(w), int(a)): v
        for piece in pieces
        for w, a, v in zip(piece.who, piece.at, model.readings(one, piece), strict=True)
    }
    expected = dict(
        zip(zip(whole.who.tolist(), whole.at.tolist(), strict=True), model.readings(one, whole), strict=True)
    )
    assert sum(map(len, pieces)) == len(whole)
    assert found == expected


def test_history_is_the_living_city_seen_less_often() -> None:
    model = model_of(ORDINARY, "UT12")
    one, until = model.series["UT12"], at("2026-11-24T12:00")
    live, past = one.due(until - DAY, until), one.due(until - DAY, until, coarsest=900)
    said = dict(zip(zip(live.who, live.at, strict=True), model.readings(one, live), strict=True))
    assert len(past) == len(live) // 15
    assert all(
        said[key] == value
        for key, value in zip(zip(past.who, past.at, strict=True), model.readings(one, past), strict=True)
    )


def test_another_seed_is_another_city() -> None:
    window = at("2026-11-24T00:00"), at("2026-11-24T12:00")
    (_, one), (_, other) = (during(model_of(ORDINARY, "TR01", seed=s), "TR01", *window) for s in (7, 8))
    assert len(one) != len(other) or (one != other).any()


# ── like a city ─────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def fortnight() -> dict[str, tuple[Series, Due, np.ndarray]]:
    model = model_of(ORDINARY)
    since, until = at("2026-11-10T00:00"), at("2026-11-24T00:00")
    return {code: (model.series[code], *during(model, code, since, until, 900)) for code in model.series}


def test_no_sign_leaves_its_physical_limits(fortnight: dict[str, tuple[Series, Due, np.ndarray]]) -> None:
    for code, (one, _, values) in fortnight.items():
        assert np.isfinite(values).all(), code
        if one.sign.unit == "%" and code not in {"TR07", "EC01", "EC02"}:
            assert ((values >= 0) & (values <= 100)).all(), code
        if profiles().counts(one.sign.unit):
            assert (values == np.rint(values)).all() and (values >= 0).all(), code


def test_an_ordinary_day_is_calm_and_not_dead(
    fortnight: dict[str, tuple[Series, Due, np.ndarray]],
) -> None:
    ranks: Counter[int] = Counter()
    for code, (one, due, values) in fortnight.items():
        if code not in {"EN07", "DG01", "DG02"}:  # their first limit is 100 %
            ranks.update(rank_of(one, due, values).tolist())
    total = ranks.total()
    assert 0.0005 < ranks[1] / total < 0.02
    assert 0 < ranks[2] / total < 0.003
    assert ranks[3] / total < 0.0005


def rank_of(one: Series, due: Due, values: np.ndarray) -> np.ndarray:
    value, lo, hi = values[:, None], one.lo[due.who], one.hi[due.who]
    with np.errstate(invalid="ignore"):
        crossed = {"H": value >= hi, "L": value <= lo, "B": (value < lo) | (value > hi), "N": lo != lo}
        return np.asarray(crossed[one.sign.direction].sum(axis=1) * (one.sign.direction != "N"))


def test_the_street_is_fuller_at_eight_than_at_three_and_on_monday_than_on_sunday() -> None:
    model = model_of(ORDINARY, "TR01")
    monday, sunday = (
        means(model, "TR01", at(f"{d}T00:00"), at(f"{d}T23:59")) for d in ("2026-11-23", "2026-11-22")
    )
    assert monday[8] > 3 * monday[3]
    assert monday[8] > 1.3 * sunday[8]


def test_neighbours_are_more_alike_than_strangers() -> None:
    model = model_of(ORDINARY, "TR10", districts=8)
    due, values = during(model, "TR10", at("2026-11-10T00:00"), at("2026-11-24T00:00"), 900)
    lines = np.array([values[due.who == n][:1340] for n in range(16)])
    alike = np.corrcoef(lines)
    near = np.mean([alike[2 * d, 2 * d + 1] for d in range(8)])
    far = np.mean([alike[2 * d, (2 * d + 4) % 16] for d in range(8)])
    assert near > far


def test_the_index_of_the_air_is_its_worst_part() -> None:
    model = model_of(ORDINARY, "EN01", "EN02", "EN03", "EN04")
    due, index = during(model, "EN01", at("2026-11-20T00:00"), at("2026-11-21T00:00"))
    parts = {part.sign: part.points for part in model.series["EN01"].profile.parts}
    scaled = [
        np.interp(model._raw(model.series[code], due), *zip(*points, strict=True))
        for code, points in parts.items()
    ]
    assert np.abs(np.max(scaled, axis=0) - index).max() <= 0.5


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["H", "L", "B", "N"]), st.floats(0.01, 1e6), st.sampled_from(["%", "m", "件", ""]),
    st.sampled_from(["sum", "mean", "max"]), st.booleans(),
)  # fmt: skip
def test_a_sign_without_a_profile_stays_on_its_normal_side(
    direction: str, limit: float, unit: str, fold: str, whole: bool
) -> None:
    limit = round(limit) + 1.0 if whole else limit
    limit = min(limit, 95.0) if unit == "%" else limit
    cell = f"{limit}..{limit * 2}" if direction == "B" else "" if direction == "N" else str(limit)
    cells = {
        "code": "X1", "unit": unit, "period": "5min", "freshness": "15min", "direction": direction,
        "fold_space": fold, "t1": cell, "t2": "", "t3": "", "kind": "",
    }  # fmt: skip
    rows = list(rows_of(cells))
    people = {str(row["place"]): 1.0 for row in rows}
    found = series.gather(rows, [sign_of(cells)], profiles(), series.Setting(people, 1, ZONE))
    model = Model(found, ORDINARY.model_copy(update={"trouble": 0.0}), profiles(), 1)
    due, values = during(model, "X1", at("2026-11-23T00:00"), at("2026-11-24T00:00"))
    assert (rank_of(found["X1"], due, values) == 0).mean() > 0.97


# ── rain ────────────────────────────────────────────────────────────────────────────────────────
def test_every_place_of_the_rainstorm_has_its_250_to_394_mm() -> None:
    model = model_of(STORM, "WX03", districts=20)
    due, values = during(model, "WX03", *STORMY)
    most = np.array([values[due.who == n].max() for n in range(40)])
    assert most.min() >= 245 and most.max() <= 394
    assert most.max() - most.min() > 60


@pytest.mark.parametrize("code, factor", [("WX11", 100.0), ("SV01", 1.3), ("UT09", 3.0), ("WX12", 3.0)])
def test_rain_drives_depth_calls_and_failures_up(code: str, factor: float) -> None:
    wet, dry = (means(model_of(scenario, code), code, *STORMY)[24:34] for scenario in (STORM, DRY))
    assert wet.max() > factor * max(dry.max(), 0.01)


def test_rain_drives_speed_down() -> None:
    wet, dry = (means(model_of(scenario, "TR02"), "TR02", *STORMY)[27:32] for scenario in (STORM, DRY))
    assert (wet < 0.9 * dry).all()


def test_what_follows_rain_follows_it_with_a_lag() -> None:
    model = model_of(STORM, "WX11")
    due, depth = during(model, "WX11", *STORMY, 60)
    one = model.series["WX11"]
    grid = np.arange(*STORMY, 60)
    hardest = grid[np.argmax(model.weather.rain(grid))]
    for n in range(one.count):
        deepest = due.at[due.who == n][np.argmax(depth[due.who == n])]
        assert 0 < deepest - hardest < 3 * 3600


def test_the_river_of_the_rainstorm_is_told_and_stays_below_its_warning_level() -> None:
    model = model_of(STORM, "WX07")
    _, level = during(model, "WX07", at("2020-07-06T04:00"), at("2020-07-06T06:00"))
    assert np.abs(level - 26.79).max() < 0.15
    assert level.max() < 27.30


def test_waterlogged_points_are_the_monitors_that_are_under_water() -> None:
    model = model_of(STORM, "WX10", "WX11")
    due, points = during(model, "WX10", at("2020-07-06T03:00"), at("2020-07-06T05:00"))
    monitors = model.series["WX11"]
    for n, moment, value in zip(due.who[::7], due.at[::7], points[::7], strict=True):
        below = [k for k, path in enumerate(monitors.paths) if path.startswith(model.series["WX10"].paths[n])]
        depths = model._raw(monitors, Due(np.array(below), np.full(len(below), moment)))
        assert value == (depths >= 10).sum()


# ── feeds that fail ─────────────────────────────────────────────────────────────────────────────
def test_some_series_are_silent_some_assets_never_speak_and_one_feed_is_late() -> None:
    model = model_of(ORDINARY, "UT12", "TR09", districts=200)
    until = at("2026-11-24T12:00")
    gas, bus = model.series["UT12"], model.series["TR09"]
    due = gas.due(until - 5 * DAY, until, coarsest=900)
    feeds = ORDINARY.feeds.model_copy(update={"never": 0.02})
    heard = gas.speaks(due, feeds)
    assert 0.005 < 1 - heard.mean() < 0.04
    never = set(range(gas.count)) - set(due.who[heard].tolist())
    assert 0 < len(never) < 30
    assert gas.lateness(ORDINARY.feeds) == 0
    assert bus.lateness(ORDINARY.feeds) == 2 * bus.period


def test_a_feed_that_is_lost_says_nothing_until_it_is_back() -> None:
    model = model_of(STORM, "TR10")
    one = model.series["TR10"]
    due = one.due(at("2020-07-06T02:00"), at("2020-07-06T09:00"))
    heard = due.at[one.speaks(due, STORM.feeds)]
    assert not ((heard >= at("2020-07-06T03:40")) & (heard < at("2020-07-06T07:20"))).any()
    assert heard.max() > at("2020-07-06T08:00")


def test_the_first_tick_has_a_last_word_for_every_series_that_ever_spoke() -> None:
    model = model_of(ORDINARY, "UT12", districts=200)
    one, until = model.series["UT12"], at("2026-11-24T12:00")
    words = one.last_words(until, ORDINARY.feeds, np.ones(one.count, dtype=bool))
    assert len(set(words.who.tolist())) == len(words) >= one.count - 10
    assert (until - words.at < 60).mean() > 0.95
    assert (until - words.at > 3600).any()


# ── scenarios ───────────────────────────────────────────────────────────────────────────────────
def test_an_unknown_scenario_is_refused_with_those_there_are() -> None:
    with pytest.raises(Refusal, match=r"there are .*ordinary-day, rainstorm"):
        scenarios.read("tornado")


@pytest.mark.parametrize("text", ["rain = 3", "[[lost]]", "trouble = 2", "feeds = {silent = -1}", "= ="])
def test_a_scenario_with_a_mistake_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(Refusal, match="mine"):
        scenarios.read(str(tmp_path / "mine.toml"))


def test_a_phase_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        '[[feeds.lost]]\nfeed = "air"\nsince = 2020-07-06T05:00:00+08:00\nuntil = 2020-07-06T04:00:00+08:00'
    )
    with pytest.raises(Refusal, match="since is not before until"):
        scenarios.read(str(tmp_path / "mine.toml"))


def test_a_scenario_played_on_another_day_keeps_its_hours() -> None:
    day = datetime.fromisoformat("2026-11-20T09:30:00+08:00")
    moved = STORM.at_day(day, day + timedelta(days=2))
    assert moved.since == datetime.fromisoformat("2026-11-20T00:00:00+08:00")
    assert moved.decision[0].at - moved.since == STORM.decision[0].at - STORM.since
    assert STORM.at_day(STORM.since + timedelta(hours=5), STORM.until) is STORM
