"""Who tells the city something while the bench looks on: cases in this process or over HTTP, and readings?"""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple

import requests

from data import db
from data.commands import incidents
from data.domain.report import Report
from tests.bench import cases, fill
from tests.bench.cases import Town
from tests.conftest import LiveServer


class Told(NamedTuple):
    """`at`: Unix seconds when it was committed, or over HTTP when it was sent."""

    path: str
    at: float
    answered: float


@dataclass
class Caller:
    """New cases all over the town, none the same."""

    town: Town
    seed: int = 1

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._numbers = count(time.time_ns())

    @classmethod
    def here(cls) -> "Caller":
        with closing(db.connect()) as conn:
            return cls(fill.town(conn))

    def report(self) -> Report:
        spot = self._chance.choices(self.town.spots, self.town.weights)[0]
        return Report(
            source=cases.SOURCES[0],
            source_id=f"told-{next(self._numbers)}",
            kind=self._chance.choice(list(self.town.limits)),
            severity=self._chance.choices(cases.SEVERITIES, cases.GRADES)[0],
            place=spot.code,
            description="市民反映，请核实处理",
            at=datetime.now(UTC),
        )

    def commit(self) -> Told:
        row = incidents.report(self.report())
        now = time.time()
        return Told(row["path"], now, now)

    def post(self, server: LiveServer, session: requests.Session) -> Told:
        given = self.report()
        sent = time.time()
        body = {
            "source": given.source, "source_id": given.source_id, "class": given.kind,
            "severity": given.severity, "place": given.place, "description": given.description,
            "at": given.at.isoformat(),
        }  # fmt: skip
        answer = session.post(
            f"{server.url}/api/v1/incidents",
            json=body,
            headers={"Authorization": f"Bearer {server.token}"},
            timeout=30,
        )
        answer.raise_for_status()
        return Told(answer.json()["path"], sent, time.time())


def paced(seconds: float, times: int) -> Iterator[int]:
    """So many turns evenly over the time, however long each takes."""
    start = time.monotonic()
    for n in range(times):
        time.sleep(max(0.0, start + n * seconds / times - time.monotonic()))
        yield n


def storm(server: LiveServer, caller: Caller, seconds: float, a_minute: int) -> list[Told]:
    """In the order in which they were answered."""
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=16))
    with ThreadPoolExecutor(16) as pool:
        turns = paced(seconds, int(seconds * a_minute / 60))
        under_way = [pool.submit(caller.post, server, session) for _ in turns]
        return sorted((one.result() for one in under_way), key=lambda told: told.answered)


@dataclass
class Gauge:
    """A series whose value the wall shows, and which always rises."""

    sign: str
    place: str
    asset: str
    value: float

    def post(self, server: LiveServer) -> float:
        """When it was sent."""
        self.value = round(self.value * 1.03 + 1e-3, 3)
        sent = time.time()
        of = {"asset": self.asset} if self.asset else {"place": self.place}
        row = {"sign": self.sign, "at": datetime.now(UTC).isoformat(), "value": self.value, **of}
        server.post(f"readings?source={fill.FEED}", [row])
        return sent


def gauge(shown: Sequence[str]) -> Gauge:
    """Of the signs shown the first whose value in the whole city is one series' own."""
    with closing(db.connect()) as conn:
        row = conn.execute(
            """SELECT n.sign, n.place, n.asset, l.value
               FROM unnest(%s::text[]) WITH ORDINALITY shown(sign, no) JOIN sign s ON s.code = shown.sign
               JOIN node n ON n.sign = s.code AND n.leaf AND (s.fold_space = 'max' OR n.parent IS NULL)
               JOIN latest l ON l.id = n.id WHERE l.live > 0 AND l.value > 0
               ORDER BY shown.no, l.value DESC LIMIT 1""",
            (list(shown),),
        ).fetchone()
    assert row is not None, "no sign on the wall is one series' own"
    return Gauge(**row)


def shown_signs(state: dict[str, Any]) -> list[str]:
    listed = [row["id"] for row in state["rows.signs"] or []]
    return listed + [sign["id"] for row in state["rows.domains"] or [] for sign in row["signs"][:2]]
