"""How does recorded data come in: readings, incidents, places and assets from a file by its mapping?

Every batch is a transaction of its own, and a file sent again stores nothing twice.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from data import db
from data.commands import incidents as cases
from data.commands import survey
from data.commands.incidents import Terms
from data.commands.pace import batches, counted_down, watched
from data.commands.readings import bulk
from data.domain.incident import Move, State
from data.domain.reading import FIELD_OF, FIELDS, Fault, detail
from data.domain.refusal import Refusal
from data.domain.report import ENDINGS, FIELD, Life, Report
from data.ingest.files import Refused, Table
from data.ingest.recorded import opened
from data.ingest.records import Reader, Record
from data.ingest.refused import Summary
from data.store import sources

_CASES = 400  # with their events and spans well under 2 s

_REGISTER = Terms(kind="government")


def places(
    file: Path, mapping: Path | None = None, *, replace: bool = False, progress: bool = False
) -> Summary:
    """A place is what its last import says, so that `replace` says nothing more."""
    return survey.places(file, mapping, progress)


def assets(
    file: Path, mapping: Path | None = None, *, replace: bool = False, progress: bool = False
) -> Summary:
    """The same of assets."""
    return survey.assets(file, mapping, progress)


# ── readings ────────────────────────────────────────────────────────────────────────────────────
def readings(
    file: Path, mapping: Path | None = None, *, replace: bool = False, progress: bool = False
) -> Summary:
    """Each value a reading; returns when all are folded. `replace`: another value for a stored key counts."""
    with (
        Summary(file, "values") as summary,
        opened(file, mapping, "readings") as (table, reader, columns),
        counted_down(progress) as folding,
    ):
        fed = _Fed(watched(table, progress), reader, summary)
        tally = bulk(
            fed, feed=columns.source, replace=replace,
            refused=fed.refused, progress=fed.taken, folding=folding,
        )  # fmt: skip
        summary.stored, summary.same = tally.stored, tally.same
        _book(columns.source, "sensing", fed.wrong)
    return summary


class _Fed:
    """The values of a file as they are taken in, each known by its row and column until it is settled."""

    def __init__(self, table: Table, reader: Reader, summary: Summary) -> None:
        self._table, self._reader, self._summary = table, reader, summary
        self._waiting: list[tuple[int, str]] = []
        self._settled = 0
        self.wrong: Counter[str] = Counter()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for row in self._table.rows:
            for one in (row,) if isinstance(row, Refused) else self._reader.readings(row):
                if isinstance(one, Refused):
                    self._summary.refuse(one)
                    self.wrong[one.code] += 1
                else:
                    self._waiting.append((one.row, one.field))
                    yield {name: getattr(one, name) for name in FIELDS}

    def taken(self, count: int) -> None:
        self._settled += count
        del self._waiting[:count]

    def refused(self, fault: Fault) -> None:
        row, column = self._waiting[fault.row - self._settled]
        field = FIELD_OF.get(fault.code, column) if column == "value" else column
        self._summary.refuse(Refused(row, field, fault.code, detail(fault.code, "en")))


# ── incidents ───────────────────────────────────────────────────────────────────────────────────
def incidents(
    file: Path, mapping: Path | None = None, *, replace: bool = False, progress: bool = False
) -> Summary:
    """Each row a case that lives through what the row says of it; a log is never rewritten."""
    if replace:
        raise Refusal(
            "bad_value", "案件日志不可改写", "a case's log is never rewritten: --replace is for readings"
        )
    with Summary(file) as summary, opened(file, mapping, "incidents") as (table, reader, columns):
        told = _records(watched(table, progress), reader)
        for batch in batches(told, _CASES):
            _file(batch, columns.source, summary)
    return summary


def _records(table: Table, reader: Reader) -> Iterator[Record | Refused]:
    for row in table.rows:
        yield row if isinstance(row, Refused) else reader.record(row)


def _file(batch: Sequence[Record | Refused], source: str, summary: Summary) -> None:
    records = [one for one in batch if isinstance(one, Record)]
    outcomes = iter(cases.live_through([_life(one.values, source) for one in records], _REGISTER))
    wrong = [one for one in batch if isinstance(one, Refused)]
    _book(source, "government", Counter(one.code for one in wrong))
    for one in batch:
        outcome = one if isinstance(one, Refused) else next(outcomes)
        if isinstance(outcome, Refused):
            summary.refuse(outcome)
        elif isinstance(outcome, Refusal):
            summary.refuse(Refused(one.row, outcome.field or "", outcome.code, outcome.en))
        else:
            summary.stored += outcome.created
            summary.same += not outcome.created


def _life(values: Mapping[str, Any], source: str) -> Life:
    """The end of a case that ends before it begins is its beginning; what the file said is kept."""
    said = {name: values[name] for name in _SAID if values.get(name) is not None}
    ours = {ours: said.pop(theirs) for ours, theirs in FIELD.items() if theirs in said}
    closed, act = said.get("closed"), ENDINGS.get(said.get("state", State.CLOSED))
    if closed is None or act is None or closed >= said["at"]:
        return Life(Report(source=source, **ours, **said))
    end = Move(act, said["at"], "local", note="imported", payload=(("closed", closed.isoformat()),))
    begun = {name: value for name, value in said.items() if name not in ("state", "closed")}
    return Life(Report(source=source, **ours, **begun), (end,))


_SAID = (
    "source_id", "class", "at", "severity", "place", "lon", "lat", "asset", "sign", "description", "state",
    "due", "closed", "clocks",
)  # fmt: skip


def _book(source: str, kind: sources.Kind, wrong: Mapping[str, int]) -> None:
    """What no mapping could turn into ours stands in the ledger too."""
    if wrong:
        with db.transaction() as conn:
            sources.know(conn, source, kind)
            sources.book(conn, source, sources.Tally(rejected=sum(wrong.values()), reasons=wrong))
