"""What does somebody say has happened?"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from data.domain.incident import SEVERITIES, Act, Holder, Move, State
from data.domain.refusal import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A place, a point or both. `state`, `due`, `closed` and `clocks` only of an imported case."""

    source: str
    source_id: str
    kind: str  # the class's code
    at: datetime
    severity: int | None = None
    place: str | None = None
    lon: float | None = None
    lat: float | None = None
    asset: str | None = None
    sign: str | None = None
    description: str = ""
    state: State | None = None
    due: datetime | None = None
    closed: datetime | None = None
    clocks: bool = True

    @property
    def point(self) -> tuple[float, float] | None:
        return None if self.lon is None or self.lat is None else (self.lon, self.lat)

    @property
    def content(self) -> str:
        """The same for the same report sent again."""
        said = [
            self.kind, self.severity, self.place, self.lon, self.lat, self.asset, self.sign, self.description,
            self.at.astimezone(UTC).isoformat(),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Life:
    """A report and what became of it, in order."""

    report: Report
    moves: tuple[Move, ...] = ()


_LENGTHS = {
    "source": 80,
    "source_id": 200,
    "kind": 80,
    "description": 4000,
    "asset": 40,
    "sign": 40,
    "place": 40,
}
_NEEDED = ("source", "source_id", "kind")
FIELD = {"kind": "class"}
"""Our name → the API's, where `class` is a word of the language."""


def check(report: Report) -> None:
    """Refuses a report whose own words cannot be right, whatever the city is."""
    for name, length in _LENGTHS.items():
        _check_text(FIELD.get(name, name), getattr(report, name), length, needed=name in _NEEDED)
    if report.severity is not None and report.severity not in SEVERITIES:
        raise _bad("severity")
    _check_point(report)
    if report.closed is not None:
        _check_end(report, report.closed)


def _check_text(field: str, text: str | None, length: int, *, needed: bool) -> None:
    if needed and not (text or "").strip():
        raise Refusal("missing_field", f"缺少 {field}", f"{field} is missing", field=field)
    if text and (len(text) > length or "\0" in text):
        raise _bad(field)


def _check_point(report: Report) -> None:
    if (report.lon is None) != (report.lat is None):
        absent = "lon" if report.lon is None else "lat"
        raise Refusal("missing_field", f"缺少 {absent}", f"{absent} is missing", field=absent)
    if report.place is None and report.point is None:
        raise Refusal("missing_field", "缺少地方或坐标", "a place or a point is needed", field="place")
    if report.point is not None:
        for field, value, limit in (("lon", report.lon, 180.0), ("lat", report.lat, 90.0)):
            if value is None or not -limit <= value <= limit:
                raise _bad(field)


def _check_end(report: Report, closed: datetime) -> None:
    if closed < report.at:
        raise Refusal("bad_value", "结束早于上报", "it ended before it was reported", field="closed")
    if report.state is not None and report.state not in ENDINGS:
        raise Refusal(
            "bad_value", "已结束的案件状态不符", "a case with an end is in no open state", field="state"
        )


def _bad(field: str) -> Refusal:
    return Refusal("bad_value", f"{field} 的值不可用", f"the value of {field} cannot be used", field=field)


ENDINGS: dict[State, Act] = {
    State.CLOSED: Act.CLOSE,
    State.FORCED_CLOSE: Act.FORCE_CLOSE,
    State.NOT_ACCEPTED: Act.REJECT,
    State.CANCELLED: Act.CANCEL,
    State.MERGED: Act.MERGE,
}


def first_moves(report: Report, actor: str, holder: Holder | None) -> list[Move]:
    """The report itself and, of an imported case that is over, its end."""
    begun = State.REPORTED if report.closed is not None else report.state
    moves = [Move(Act.REPORT, report.at, actor, holder, state=begun)]
    if report.closed is not None:
        act = ENDINGS[report.state or State.CLOSED]
        moves.append(Move(act, report.closed, actor, note="imported"))
    return moves
