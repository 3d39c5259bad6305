"""Which states may a case be in, which acts move it from one to another, and until when must it be done?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from data.domain.refusal import Refusal


class State(StrEnum):
    REPORTED = "reported"
    PENDING_VERIFY = "pending_verify"
    PENDING_REGISTER = "pending_register"
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not_accepted"
    CANCELLED = "cancelled"
    MERGED = "merged"
    PENDING_DISPATCH = "pending_dispatch"
    DISPATCHED = "dispatched"
    RETURNED = "returned"
    PENDING_HANDLE = "pending_handle"
    HANDLING = "handling"
    SUSPENDED = "suspended"
    HANDLE_FINISH = "handle_finish"
    PENDING_CHECK = "pending_check"
    CHECKING = "checking"
    CHECK_PASS = "check_pass"
    CHECK_NOT_PASS = "check_not_pass"
    PENDING_CLOSE = "pending_close"
    CLOSED = "closed"
    FORCED_CLOSE = "forced_close"


class Act(StrEnum):
    REPORT = "report"
    VERIFY = "verify"
    REGISTER = "register"
    REJECT = "reject"
    CANCEL = "cancel"
    MERGE = "merge"
    UNMERGE = "unmerge"
    DISPATCH = "dispatch"
    RECEIVE = "receive"
    RETURN = "return"
    HANDLE = "handle"
    FINISH = "finish"
    CHECK = "check"
    PASS = "pass"
    FAIL = "fail"
    CLOSE = "close"
    FORCE_CLOSE = "force_close"
    REOPEN = "reopen"
    POSTPONE = "postpone"
    SUSPEND = "suspend"
    RESUME = "resume"
    APPROVE = "approve"
    REFUSE = "refuse"
    ESCALATE = "escalate"
    TAKE_OVER = "take_over"
    DELEGATE = "delegate"
    ADD_CO_HANDLER = "add_co_handler"
    SUPERVISE = "supervise"
    REPLY = "reply"
    APPEAL = "appeal"
    VISIT = "visit"
    NOTE = "note"
    PHOTO = "photo"
    ACKNOWLEDGE = "acknowledge"
    REGRADE = "regrade"
    FOLLOW_UP = "follow_up"
    UNMASK = "unmask"


_S, _A = State, Act

STAGE: dict[State, int] = {
    _S.REPORTED: 1,
    **dict.fromkeys(
        (_S.PENDING_VERIFY, _S.PENDING_REGISTER, _S.ACCEPTED, _S.NOT_ACCEPTED, _S.CANCELLED, _S.MERGED), 2
    ),
    **dict.fromkeys((_S.PENDING_DISPATCH, _S.DISPATCHED, _S.RETURNED), 3),
    **dict.fromkeys((_S.PENDING_HANDLE, _S.HANDLING, _S.SUSPENDED, _S.HANDLE_FINISH), 4),
    _S.PENDING_CHECK: 5,
    **dict.fromkeys(
        (_S.CHECKING, _S.CHECK_PASS, _S.CHECK_NOT_PASS, _S.PENDING_CLOSE, _S.CLOSED, _S.FORCED_CLOSE), 6
    ),
}
STAGES = range(1, 8)  # 7, appraisal, begins after closing and moves no state
SEVERITIES = range(1, 5)  # 1 特 … 4 般

CLOSED: frozenset[State] = frozenset({_S.CLOSED, _S.FORCED_CLOSE, _S.NOT_ACCEPTED, _S.CANCELLED, _S.MERGED})
OPEN: tuple[State, ...] = tuple(state for state in State if state not in CLOSED)


@dataclass(frozen=True, slots=True)
class Step:
    """A legal move. `start` None: the case begins. `needs` = fields that must be filled."""

    start: State | None
    act: Act
    end: State
    needs: frozenset[str] = frozenset()


def _from(starts: Iterable[State], act: Act, end: State | None, *needs: str) -> tuple[Step, ...]:
    """One row a start; without `end` the state stays."""
    return tuple(Step(start, act, end or start, frozenset(needs)) for start in starts)


_FILING = (_S.REPORTED, _S.PENDING_VERIFY, _S.PENDING_REGISTER)
_WORKING = (_S.PENDING_HANDLE, _S.HANDLING)
_ENDED = (_S.CLOSED, _S.FORCED_CLOSE)
_WITH_A_CENTRE = (_S.ACCEPTED, _S.PENDING_DISPATCH, _S.RETURNED)
_MOVABLE = tuple(state for state in OPEN if STAGE[state] <= 4)

STEPS: tuple[Step, ...] = (
    # a report begins at the beginning; an imported case where its file says it stands
    *(Step(None, _A.REPORT, state) for state in State),
    # 2 案卷建立
    *_from((_S.REPORTED,), _A.VERIFY, _S.PENDING_VERIFY),
    *_from((_S.PENDING_VERIFY,), _A.VERIFY, _S.PENDING_REGISTER),
    *_from((_S.REPORTED, _S.PENDING_REGISTER), _A.REGISTER, _S.ACCEPTED),
    *_from(_FILING, _A.REJECT, _S.NOT_ACCEPTED, "note"),
    *_from(_FILING, _A.CANCEL, _S.CANCELLED, "note"),
    *_from((*_FILING, _S.ACCEPTED, _S.PENDING_DISPATCH), _A.MERGE, _S.MERGED, "incident"),
    *_from((_S.MERGED,), _A.UNMERGE, _S.PENDING_REGISTER, "note"),
    # settled where it was found, without a task
    *_from((_S.REPORTED, _S.ACCEPTED), _A.CLOSE, _S.CLOSED),
    # 3 任务派遣
    *_from(_WITH_A_CENTRE, _A.DISPATCH, _S.DISPATCHED, "holder"),
    *_from((*_WITH_A_CENTRE, _S.DISPATCHED), _A.DELEGATE, _S.PENDING_DISPATCH, "holder"),
    *_from(_MOVABLE, _A.ESCALATE, _S.PENDING_DISPATCH, "note"),
    *_from(_MOVABLE, _A.TAKE_OVER, _S.PENDING_DISPATCH, "note"),
    *_from((_S.DISPATCHED,), _A.RECEIVE, _S.PENDING_HANDLE),
    *_from((_S.DISPATCHED, _S.PENDING_HANDLE), _A.RETURN, _S.RETURNED, "note"),
    *_from((_S.RETURNED,), _A.RETURN, _S.PENDING_REGISTER, "note"),
    # 4 任务处理; rework stays with the same department
    *_from((_S.PENDING_HANDLE, _S.CHECK_NOT_PASS), _A.HANDLE, _S.HANDLING),
    *_from((_S.HANDLING,), _A.FINISH, _S.HANDLE_FINISH),
    *_from(_WORKING, _A.SUSPEND, _S.SUSPENDED, "note", "time"),
    *_from((_S.SUSPENDED,), _A.RESUME, _S.HANDLING),
    *_from(_WORKING, _A.POSTPONE, None, "note", "time"),
    # 5 处理反馈: the department confirms, or sends its own people back
    *_from((_S.HANDLE_FINISH,), _A.APPROVE, _S.PENDING_CHECK),
    *_from((_S.HANDLE_FINISH,), _A.REFUSE, _S.HANDLING, "note"),
    *_from((_S.PENDING_CHECK,), _A.RETURN, _S.HANDLING, "note"),
    # 6 核查结案
    *_from((_S.PENDING_CHECK,), _A.CHECK, _S.CHECKING),
    *_from((_S.CHECKING,), _A.PASS, _S.CHECK_PASS),
    *_from((_S.CHECKING,), _A.FAIL, _S.CHECK_NOT_PASS, "note"),
    *_from((_S.CHECK_PASS,), _A.APPROVE, _S.PENDING_CLOSE),
    *_from((_S.CHECK_PASS, _S.PENDING_CLOSE), _A.CLOSE, _S.CLOSED),
    *_from((_S.PENDING_CLOSE,), _A.REFUSE, _S.CHECK_NOT_PASS, "note"),
    *_from(OPEN, _A.FORCE_CLOSE, _S.FORCED_CLOSE, "note"),
    # 7 综合评价; reopening files a new case that is linked, so this one stays as it is
    *_from(_ENDED, _A.REOPEN, None, "note"),
    *_from(_ENDED, _A.APPEAL, None, "note"),
    *_from(_ENDED, _A.VISIT, None, "note"),
    # whatever the state
    *_from(OPEN, _A.ADD_CO_HANDLER, None, "holder"),
    *_from(OPEN, _A.SUPERVISE, None, "note"),
    *_from(State, _A.REPLY, None, "note"),
    *_from(State, _A.NOTE, None, "note"),
    *_from(State, _A.PHOTO, None, "photo"),
    *_from(OPEN, _A.ACKNOWLEDGE, None),
    *_from(OPEN, _A.REGRADE, None, "severity"),
    *_from(OPEN, _A.FOLLOW_UP, None, "note"),
    *_from(State, _A.UNMASK, None, "note"),
)
BY_START_AND_ACT: dict[tuple[str, str], Step] = {
    (step.start, step.act): step for step in STEPS if step.start is not None
}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has to act: a seat of a department at a place; persons only act for it."""

    place: str
    department: str | None = None
    seat: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """One act on a case as somebody did it. `state` only of a report that begins elsewhere than reported."""

    act: Act
    at: datetime
    actor: str
    holder: Holder | None = None
    note: str = ""
    severity: int | None = None
    state: State | None = None
    payload: tuple[tuple[str, str | int | bool | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What the moves change on a case."""

    version: int
    state: State
    holder: Holder | None
    severity: int | None
    at: datetime  # of the last event

    @property
    def stage(self) -> int:
        return STAGE[self.state]

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def moves_span(self, other: "Standing") -> bool:
        """A span lasts while state, holder and severity stay."""
        return (self.state, self.holder, self.severity) != (other.state, other.holder, other.severity)


def begin(move: Move, severity: int | None) -> Standing:
    return Standing(1, move.state or State.REPORTED, move.holder, severity, move.at)


def advance(case: Standing, move: Move) -> Standing:
    """The case after the move; a Refusal for what the table does not allow or what is missing."""
    step = BY_START_AND_ACT.get((case.state, move.act))
    if step is None:
        raise _not_allowed(case.state, move.act)
    if "note" in step.needs and not move.note.strip():
        raise Refusal("missing_field", "需要填写说明", "this act needs a note", field="note")
    if "holder" in step.needs and move.holder is None:
        raise Refusal("missing_field", "需要指明承办方", "this act needs a holder", field="holder")
    if move.at < case.at:
        raise Refusal("too_old", "早于该案件的上一步", "earlier than the case's last event", field="at")
    severity = move.severity if move.act is Act.REGRADE else case.severity
    return Standing(case.version + 1, step.end, move.holder or case.holder, severity, move.at)


def acts_from(state: State) -> tuple[Step, ...]:
    return tuple(step for step in STEPS if step.start is state)


def _not_allowed(state: State, act: Act) -> Refusal:
    return Refusal(
        "not_allowed", f"状态 {state} 下不能执行 {act}", f"{act} is not possible in the state {state}",
        status=409, field="act",
    )  # fmt: skip


_HOURS_IN = {"hour": 1, "urgent_hour": 1, "work_hour": 1, "work_day": 24, "natural_day": 24}
"""Until clocks know shifts and holidays every unit counts as plain hours, a day of any kind as 24."""


def due_at(at: datetime, limit: float | None, unit: str | None) -> datetime | None:
    """None for a class without a limit, or whose limit lies beyond the calendar."""
    if limit is None or unit is None:
        return None
    try:
        return at + timedelta(hours=limit * _HOURS_IN[unit])
    except OverflowError:
        return None
