"""Do the life cycle's rows hold together?"""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.domain.incident import (
    CLOSED,
    OPEN,
    STAGE,
    STEPS,
    Act,
    Holder,
    Move,
    State,
    Step,
    advance,
    begin,
    due_at,
)
from data.domain.refusal import Refusal

NOON = datetime(2020, 7, 6, 4, tzinfo=UTC)
FILLED = {"holder": Holder("9901"), "note": "why", "severity": 2}
MOVES = [step for step in STEPS if step.start is not None]


def a_case(state: State = State.REPORTED):
    return begin(Move(Act.REPORT, NOON, "ana", Holder("99"), state=state), severity=3)


@pytest.mark.parametrize("step", MOVES, ids=lambda step: f"{step.start}-{step.act}")
def test_every_step_leads_where_the_table_says(step: Step) -> None:
    after = advance(a_case(step.start), Move(step.act, NOON, "ana", **FILLED))
    assert (after.state, after.version, after.stage) == (step.end, 2, STAGE[step.end])


def test_of_two_rows_none_begins_in_the_same_state_with_the_same_act() -> None:
    assert max(Counter((step.start, step.act) for step in MOVES).values()) == 1


def test_every_state_has_a_stage_and_is_open_or_ended() -> None:
    assert set(STAGE) == set(State) == set(OPEN) | CLOSED
    assert not set(OPEN) & CLOSED
    assert {"closed", "forced_close", "not_accepted", "cancelled", "merged"} == CLOSED
    assert STAGE[State.MERGED] == 2


def test_every_act_stands_in_the_table() -> None:
    assert {step.act for step in STEPS} == set(Act)


def test_every_state_can_be_reached_by_acts_and_every_open_one_can_end() -> None:
    reached = {State.REPORTED}
    while more := {step.end for step in MOVES if step.start in reached} - reached:
        reached |= more
    assert reached == set(State)
    assert all(any(step.start is state and step.end in CLOSED for step in MOVES) for state in OPEN)


def test_an_act_that_the_table_lacks_is_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        advance(a_case(), Move(Act.PASS, NOON, "ana"))
    assert (refusal.value.code, refusal.value.status) == ("not_allowed", 409)


@pytest.mark.parametrize("step", [s for s in MOVES if "note" in s.needs], ids=lambda s: f"{s.start}-{s.act}")
def test_a_return_or_an_end_without_a_reason_is_refused(step: Step) -> None:
    with pytest.raises(Refusal) as refusal:
        advance(a_case(step.start), Move(step.act, NOON, "ana", Holder("9901"), note=" "))
    assert (refusal.value.code, refusal.value.field) == ("missing_field", "note")


def test_dispatching_to_nobody_is_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        advance(a_case(State.ACCEPTED), Move(Act.DISPATCH, NOON, "ana"))
    assert refusal.value.field == "holder"


def test_a_move_before_the_last_event_is_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        advance(a_case(), Move(Act.VERIFY, NOON - timedelta(seconds=1), "ana"))
    assert refusal.value.code == "too_old"


def test_after_a_return_only_a_new_dispatch_leads_on() -> None:
    onward = {
        step.act for step in MOVES if step.start is State.RETURNED and step.end not in (State.RETURNED,)
    }
    assert not onward & {Act.RECEIVE, Act.HANDLE, Act.FINISH, Act.CHECK, Act.PASS, Act.CLOSE}


def test_the_holder_stays_until_another_is_named() -> None:
    after = advance(a_case(), Move(Act.VERIFY, NOON, "ana"))
    assert after.holder == Holder("99")
    assert advance(after, Move(Act.VERIFY, NOON, "ana", Holder("9901"))).holder == Holder("9901")


@pytest.mark.parametrize(
    ("limit", "unit", "hours"),
    [
        (2, "hour", 2),
        (2, "urgent_hour", 2),
        (4, "work_hour", 4),
        (5, "work_day", 120),
        (1, "natural_day", 24),
    ],
)
def test_a_limit_counts_in_plain_hours(limit: float, unit: str, hours: int) -> None:
    assert due_at(NOON, limit, unit) == NOON + timedelta(hours=hours)


def test_without_a_limit_nothing_falls_due() -> None:
    assert due_at(NOON, None, None) is None
    assert due_at(NOON, 1e12, "natural_day") is None


@given(st.lists(st.sampled_from(sorted(Act)), max_size=40))
def test_no_order_of_acts_reaches_a_state_that_the_table_does_not_name(acts: list[str]) -> None:
    case = a_case()
    for n, act in enumerate(acts):
        try:
            after = advance(case, Move(Act(act), NOON + timedelta(minutes=n), "ana", **FILLED))
        except Refusal:
            continue
        assert (case.state, act, after.state) in {(step.start, step.act, step.end) for step in STEPS}
        assert after.version == case.version + 1
        case = after
