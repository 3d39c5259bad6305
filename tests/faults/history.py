"""What did clients send, what were they answered, and does the database hold exactly that? (I1, I2)

Clients write readings and reports at once and log every call. A call without an answer is unknown: it is said
again, word for word, until it is answered. Whatever was answered is then compared with what is stored.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, takewhile
from random import Random
from threading import Event, Thread
from time import monotonic
from typing import Any, Literal, NamedTuple

import requests

from tests.faults.house import House

Key = tuple[str, ...] | tuple[str, str, datetime]  # (source, source_id) or (sign, asset or place, at)
Outcome = Literal["ok", "refused", "unknown"]
READINGS, REPORTS = "history-sensors", "history-hotline"
SERIES = (
    ("W2", "asset", "flood-1"), ("W2", "asset", "flood-2"), ("W2", "asset", "flood-3"),
    ("W3", "asset", "air-1"), ("W1", "place", "9901-1"), ("W1", "place", "9902-1"),
    ("U1", "place", "9901-2"), ("P1", "place", "9901"), ("S1", "place", "9902-1-1"),
)  # fmt: skip
PLACES = ("99", "9901", "9901-1", "9901-1-2", "9901-1-1-3", "9902-1-1-1")
CLASSES = ("C0101", "E0110", "E0506", "E9901")
AGAIN = 0.05  # seconds before an unknown call is repeated


class Row(NamedTuple):
    """One reading or report: under which key what should then stand."""

    key: Key
    value: object


class Call(NamedTuple):
    client: int
    began: float
    ended: float
    rows: tuple[Row, ...]
    outcomes: tuple[Outcome, ...]  # by row
    status: int | None  # None: no answer
    said: str

    def __str__(self) -> str:
        rows = ", ".join(
            f"{row.key} = {row.value} {said}" for row, said in zip(self.rows, self.outcomes, strict=True)
        )
        return f"{self.began:9.3f}–{self.ended:9.3f} client {self.client}: {self.status} {rows} {self.said}"


@dataclass
class History:
    seed: int
    began: float = field(default_factory=monotonic)
    calls: list[Call] = field(default_factory=list)
    rounds: int = 0

    @property
    def answers(self) -> Counter[int | None]:
        return Counter(call.status for call in self.calls)

    def acknowledged(self) -> int:
        """Calls of which something was taken."""
        return sum("ok" in call.outcomes for call in self.calls)

    def unanswered(self) -> list[Key]:
        """Of which nobody knows to this day what became."""
        last = {
            row.key: outcome
            for call in self.calls
            for row, outcome in zip(call.rows, call.outcomes, strict=True)
        }
        return [key for key, outcome in last.items() if outcome == "unknown"]

    def ok_after(self, moment: float) -> float | None:
        """When the first call that began after the moment was acknowledged, both by time.monotonic()."""
        since = moment - self.began
        later = takewhile(lambda call: call.ended > since, reversed(self.calls))
        ended = [call.ended for call in later if call.began > since and "ok" in call.outcomes]
        return min(ended) + self.began if ended else None


# ── clients ─────────────────────────────────────────────────────────────────────────────────────
class Write(NamedTuple):
    path: str
    body: Any
    rows: tuple[Row, ...]


class Client(Thread):
    def __init__(self, number: int, url: str, house: House, history: History, pause: float) -> None:
        super().__init__(name=f"client {number}", daemon=True)
        self.number, self.url, self.pause, self.history = number, url, pause, history
        self.random = Random(f"{history.seed}/{history.rounds}/{number}")
        self.stopping, self.giving_up = Event(), Event()
        self._headers, self._session = house.bearer, requests.Session()
        self._taken: list[Write] = []
        self._last, self._numbers = datetime.now(UTC), count()

    def run(self) -> None:
        with self._session:
            while not self.stopping.wait(self.pause):
                write = self._write()
                while self._say(write) == "unknown" and not self.giving_up.wait(AGAIN):
                    pass

    def _say(self, write: Write) -> Outcome:
        began = monotonic()
        try:
            answer = self._session.post(
                f"{self.url}/api/v1/{write.path}", json=write.body, headers=self._headers, timeout=(2, 8)
            )
        except requests.RequestException as silence:
            call = self._call(write, began, ["unknown"] * len(write.rows), None, type(silence).__name__)
        else:
            call = self._call(write, began, _outcomes(write, answer), answer.status_code, answer.text[:300])
        self.history.calls.append(call)
        if "ok" in call.outcomes:
            self._taken.append(write)
        return "unknown" if "unknown" in call.outcomes else call.outcomes[0]

    def _call(
        self, write: Write, began: float, outcomes: Sequence[Outcome], status: int | None, said: str
    ) -> Call:
        start = self.history.began
        said = "" if status and status < 400 else said
        return Call(
            self.number, began - start, monotonic() - start, write.rows, tuple(outcomes), status, said
        )

    # ── what it says ────────────────────────────────────────────────────────────────────────────
    def _write(self) -> Write:
        """Mostly something new; sometimes what was said before, sometimes what must be refused."""
        chance = self.random.random()
        if chance < 0.05 and self._taken:
            return self.random.choice(self._taken)
        if chance < 0.10 and self._taken:
            return _contradicted(self.random.choice(self._taken))
        return self._report() if chance < 0.35 else self._readings()

    def _readings(self) -> Write:
        rows, body = [], []
        for sign, kind, code in self.random.sample(SERIES, self.random.randint(1, 4)):
            at, value = self._moment(), round(self.random.uniform(0, 40), 3)
            wrong = self.random.random() < 0.05
            at += timedelta(hours=1) * wrong  # a reading from the future
            rows.append(Row((sign, code, at), value))
            body.append({"sign": sign, kind: code, "at": at.isoformat(), "value": value})
        return Write(f"readings?source={READINGS}", body, tuple(rows))

    def _report(self) -> Write:
        number = f"{self.history.seed}-{self.history.rounds}-{self.number}-{next(self._numbers)}"
        wrong = self.random.random() < 0.05
        body = {
            "source": REPORTS, "source_id": number,
            "class": "nosuch" if wrong else self.random.choice(CLASSES),
            "severity": self.random.choice((None, 1, 2, 3, 4)), "place": self.random.choice(PLACES),
            "description": f"路面积水 {self.random.randrange(10**6)}", "at": self._moment().isoformat(),
        }  # fmt: skip
        return Write("incidents", body, (_row_of(body),))

    def _moment(self) -> datetime:
        """No other client and no earlier call has it: the last two digits are the client's."""
        now = max(datetime.now(UTC), self._last + timedelta(microseconds=100))
        self._last = now.replace(microsecond=now.microsecond // 100 * 100)
        return self._last + timedelta(microseconds=self.number)


def _row_of(report: Mapping[str, Any]) -> Row:
    value = tuple(report[name] for name in ("class", "severity", "place", "description"))
    return Row((report["source"], report["source_id"]), (*value, datetime.fromisoformat(report["at"])))


def _contradicted(write: Write) -> Write:
    """The same keys with something else in them."""
    if isinstance(write.body, dict):
        body = {**write.body, "description": write.body["description"] + "，又及"}
        return Write(write.path, body, (_row_of(body),))
    body = [{**one, "value": one["value"] + 1} for one in write.body]
    return Write(write.path, body, tuple(Row(row.key, row.value + 1) for row in write.rows))  # type: ignore[operator]


def _outcomes(write: Write, answer: requests.Response) -> list[Outcome]:
    """5xx and 429 promise nothing: what was said may be stored."""
    if answer.status_code >= 500 or answer.status_code == 429:
        return ["unknown"] * len(write.rows)
    if "readings" not in write.path:
        return ["ok" if answer.status_code < 300 else "refused"]
    refused = {row["row"] for row in answer.json().get("rows", [])} if answer.status_code < 300 else range(10)
    return ["refused" if n in refused else "ok" for n in range(len(write.rows))]


@contextmanager
def writing(
    house: House,
    *,
    seed: int = 0,
    history: History | None = None,
    clients: int = 6,
    pause: float = 0.0,
    url: str | None = None,
    patience: float = 60.0,
) -> Iterator[History]:
    """Clients that write while the block runs; at its end until all that is unknown is answered.

    `history`: what was written to this house before, to go on with: the check is of all of a house.
    """
    history = history or History(seed)
    history.rounds += 1
    threads = [Client(n, url or house.url, house, history, pause) for n in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield history
    finally:
        deadline = monotonic() + patience
        for thread in threads:
            thread.stopping.set()
        for thread in threads:
            thread.join(max(deadline - monotonic(), 0))
            thread.giving_up.set()
            thread.join(15)
    assert not [thread.name for thread in threads if thread.is_alive()], "a client still waits"
    assert not (left := history.unanswered()), f"seed {history.seed}: never answered: {left[:9]}"


# ── what became of it ───────────────────────────────────────────────────────────────────────────
class Broken(NamedTuple):
    key: Key
    what: str
    calls: tuple[Call, ...]


def check(house: House, history: History) -> None:
    """Every 2xx exists exactly once with its values, every 4xx left nothing, nobody's rows are there."""
    assert history.acknowledged(), "nothing was acknowledged"
    found = stored(house)
    broken = compare(history, found)
    assert not broken, told(history.seed, broken)
    booked = "SELECT feed, sum(stored)::int FROM ledger WHERE feed = ANY(%s) AND stored > 0 GROUP BY feed"
    ledger = Counter(dict(house.sql(booked, [READINGS, REPORTS])))
    kept = Counter(READINGS if len(key) == 3 else REPORTS for key in found)
    assert ledger == kept, f"seed {history.seed}: the ledger says {ledger} stored, there are {kept}"


def stored(house: House) -> dict[Key, list[object]]:
    found: dict[Key, list[object]] = defaultdict(list)
    readings = """SELECT n.sign, coalesce(nullif(n.asset, ''), n.place), r.at, r.value
                  FROM reading r JOIN node n USING (id) WHERE n.source = %s"""
    for sign, code, at, value in house.sql(readings, READINGS):
        found[sign, code, at].append(value)
    reports = """SELECT source, source_id, i.class, severity, i.place, description, i.at, count(e.n)
                 FROM incident i LEFT JOIN event e ON e.incident = i.id WHERE source = %s GROUP BY i.id"""
    for source, number, *value, events in house.sql(reports, REPORTS):
        found[source, number].append(tuple(value) if events == 1 else f"{tuple(value)} with {events} events")
    return found


def compare(history: History, found: Mapping[Key, Sequence[object]]) -> list[Broken]:
    """What is broken, the shortest histories first."""
    calls: dict[Key, list[Call]] = defaultdict(list)
    said: dict[Key, list[tuple[object, Outcome]]] = defaultdict(list)
    for call in history.calls:
        for row, outcome in zip(call.rows, call.outcomes, strict=True):
            calls[row.key].append(call)
            said[row.key].append((row.value, outcome))
    broken = [
        Broken(key, what, tuple(sorted(calls[key], key=lambda call: call.began)))
        for key in said.keys() | found.keys()
        if (what := _wrong(said.get(key, []), list(found.get(key, []))))
    ]
    return sorted(broken, key=lambda one: len(one.calls))


def _wrong(said: Sequence[tuple[object, Outcome]], found: list[object]) -> str:
    taken = {value for value, outcome in said if outcome == "ok"}
    possible = taken or {value for value, outcome in said if outcome == "unknown"}
    if len(taken) > 1:
        return f"two values were acknowledged: {taken}"
    if taken and not found:
        return f"{taken} was acknowledged and is lost"
    if len(found) > 1:
        return f"it is stored {len(found)} times: {found}"
    if found and found[0] not in possible:
        return f"{found[0]} is stored, " + (
            "nobody sent it" if not said else f"not one of {possible or 'nothing'}"
        )
    return ""


def told(seed: int, broken: Sequence[Broken], most: int = 3) -> str:
    lines = [f"seed {seed}: {len(broken)} keys are broken; the shortest histories:"]
    for one in broken[:most]:
        lines += [f"{one.key}: {one.what}", *(f"  {call}" for call in one.calls)]
    return "\n".join(lines)
