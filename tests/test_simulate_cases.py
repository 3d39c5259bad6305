"""Do simulated cases come as a city's cases do, and does every life keep to the table of steps?"""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from data.domain.incident import Act, State, due_at
from data.store.simulation import ClassRule, Ground
from data.work.simulate import cases as drawing
from data.work.simulate import lives
from data.work.simulate.profile import profiles
from data.work.simulate.rhythm import Shapes
from data.work.simulate.scenario import Scenario
from tests.simulated import DRY, ORDINARY, STORM, ZONE, stood

RULES = [
    ClassRule("E0506", "道路积水", 2, "urgent_hour"), ClassRule("E0110", "暴露生活垃圾", 4, "hour"),
    ClassRule("C0137", "路灯", 2, "work_day"), ClassRule("C0402", "行道树", 15, "work_day"),
    ClassRule("X1", "别的", None, None),
]  # fmt: skip


def draw_of(scenario: Scenario = ORDINARY, people: float = 12_300_000.0, seed: int = 7) -> drawing.Draw:
    paths = [f"1/1-{d}/1-{d}-{s}/1-{d}-{s}-{c}/" for d in range(3) for s in range(2) for c in range(3)]
    codes = [path.rstrip("/").split("/")[-1] for path in paths]
    names = {code: f"名{code}" for path in paths for code in path.rstrip("/").split("/")}
    ground = Ground(
        codes, paths, [1.0] * len(codes), names, RULES, frozenset({"water", "urban"}), people, None, ZONE
    )
    return drawing.Draw(ground, scenario, Shapes(profiles().day), seed)


def day_of(text: str, days: int = 1) -> tuple[datetime, datetime]:
    since = datetime.fromisoformat(f"{text}T00:00:00+08:00")
    return since, since + timedelta(days=days)


def test_a_city_of_wuhans_size_has_about_600_cases_a_day_and_a_village_a_few() -> None:
    week = day_of("2026-11-16", 7)
    assert 520 * 7 < len(draw_of().between(*week)) < 680 * 7
    assert 7 < len(draw_of(people=3_000.0).between(*week)) < 45


def test_most_cases_are_everyday_ones() -> None:
    grades = Counter(case.severity for case in draw_of().between(*day_of("2026-11-10", 14)))
    assert grades[None] > 6 * grades[4] > 18 * grades[3] > 0
    assert grades[3] > grades[2] and grades[1] == 0


def test_a_rainstorm_brings_waterlogged_roads() -> None:
    wet = Counter(case.rule.code for case in draw_of(STORM).between(*day_of("2020-07-06")))
    dry = Counter(
        case.rule.code
        for case in draw_of(DRY.model_copy(update={"cases": ()})).between(*day_of("2020-07-06"))
    )
    assert wet["E0506"] > 8 * max(1, dry["E0506"])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_a_case_can_be_drawn_again_from_its_id_alone(hours: int, seed: int) -> None:
    draw = draw_of(seed=seed)
    since = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    for case in draw.between(since, since + timedelta(hours=1)):
        assert draw.again(case.id) == case


OTHERS = [
    "", "12", "ordinary-day.7/x/E0110/0", "ordinary-day.7/12/E9999/0", "ordinary-day.7/12/E0110/x",
    "rainstorm.7/12/E0110/0", "ordinary-day.8/12/E0110/0",
]  # fmt: skip


def test_an_id_of_another_city_draws_nothing() -> None:
    assert [draw_of().again(id) for id in OTHERS] == [None] * len(OTHERS)


def test_every_life_is_legal_in_order_and_ends() -> None:
    draw = draw_of()
    ends: Counter[State] = Counter()
    acts: Counter[Act] = Counter()
    for case in draw.between(*day_of("2026-11-10", 7)):
        moves = lives.moves(draw, case)
        assert [case.at, *(move.at for move in moves)] == sorted([case.at, *(move.at for move in moves)])
        standing = stood(case, moves)
        assert not standing.is_open
        ends[standing.state] += 1
        acts.update(move.act for move in moves)
    assert set(ends) == {
        State.CLOSED, State.FORCED_CLOSE, State.NOT_ACCEPTED, State.CANCELLED, State.MERGED
    }  # fmt: skip
    assert ends[State.CLOSED] > 0.85 * ends.total()
    assert {Act.RETURN, Act.FAIL, Act.SUSPEND, Act.RESUME, Act.SUPERVISE, Act.VERIFY} <= set(acts)


def test_a_small_share_of_cases_takes_longer_than_its_limit() -> None:
    draw = draw_of()
    found = [case for case in draw.between(*day_of("2026-11-10", 7)) if case.rule.limit]
    late = [
        lives.moves(draw, case)[-1].at > due_at(case.at, case.rule.limit, case.rule.unit) for case in found
    ]  # type: ignore[operator]
    assert 0.02 < sum(late) / len(late) < 0.15


def test_who_gave_a_case_back_does_not_get_it_again() -> None:
    draw = draw_of()
    for case in draw.between(*day_of("2026-11-10", 14)):
        moves = lives.moves(draw, case)
        if case.rule.code == "E0506" and any(move.act is Act.RETURN for move in moves):
            first, second = (move.holder for move in moves if move.act is Act.DISPATCH)
            assert first != second
            return
    raise AssertionError("no case was given back in a fortnight")


def test_a_point_lies_in_its_cell() -> None:
    draw = draw_of()
    triangle = {"type": "Polygon", "coordinates": [[[114, 30], [114.01, 30], [114, 30.01], [114, 30]]]}
    for case in draw.between(*day_of("2026-11-10"))[:200]:
        point = draw.point(case, triangle)
        assert (
            point is not None and point[0] >= 114 and point[1] >= 30 and point[0] + point[1] <= 144.01 + 1e-6
        )
    assert draw.point(case, None) is None
