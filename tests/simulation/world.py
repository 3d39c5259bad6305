"""Where does a seed live: which database, which city, which clock, and how does it become empty again?"""

import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from psycopg import sql

from data import db
from data.commands import placing
from tests.simulation.crash import Mortal, Process, inhabited
from tests.simulation.model import Model, Series

CITY = Path(__file__).parent / "city"
ZONES = ("Asia/Shanghai", "America/New_York", "Asia/Kathmandu")
BEGINNINGS = tuple(
    datetime.fromisoformat(text).astimezone(UTC)
    for text in (
        "2023-12-31T15:20+00:00",  # the year ends: in Shanghai at 16:00
        "2024-02-28T14:40+00:00",  # a leap day comes
        "2024-03-10T05:10+00:00",  # in New York an hour is skipped at 07:00
        "2024-11-03T04:30+00:00",  # in New York an hour comes twice from 05:00
    )
)
_FILLED = (
    "latest", "sign_span", "rollup_hour", "rollup_day", "inbox", "refill", "audience", "span", "event",
    "incident", "ledger", "node", "source",
)  # fmt: skip
_WATCHED = ("reading", "node", "ledger", "incident", "event", "span", "audience", "latest")
# Every write is the newest transaction's or leaves a row less.
_MARKS = "SELECT " + ", ".join(
    f"(SELECT concat(count(*), ' ', max(xmin::text::bigint)) FROM {table}) AS {table}" for table in _WATCHED
)
_KEPT = ("node", "latest", "sign_span")


class Place(NamedTuple):
    code: str
    path: str
    tier: int
    west: float
    south: float
    east: float
    north: float

    @property
    def middle(self) -> tuple[float, float]:
        return (self.west + self.east) / 2, (self.south + self.north) / 2


class World:
    """One city in one database, seed after seed."""

    def __init__(self) -> None:
        self.eye = Mortal.connect(db.conninfo("cityops_replay"), autocommit=True, row_factory=db.dict_row)
        self.notes: list[tuple[str, list[str]]] = []
        self.eye.add_notify_handler(self._hear)
        self.eye.execute(f"LISTEN {db.CHANNEL}")
        self.seen: dict[str, list[dict[str, Any]]] = {}
        self.owner = db.owner()
        self.processes = (Process(), Process())
        self.places = _places(self.eye)
        self.signs = {row["code"]: row for row in self.eye.execute("SELECT * FROM sign")}
        self.measurable = _measurable(self.eye)
        self._keep()

    def _hear(self, note: Any) -> None:
        said = json.loads(note.payload)
        self.notes.append((said["kind"], said["paths"]))

    def _keep(self) -> None:
        for table in _KEPT:
            self.owner.execute(f"CREATE TABLE IF NOT EXISTS kept_{table} AS SELECT * FROM {table}")

    def begin(self, dice: Random) -> None:
        """Empty, at a moment of its own."""
        for process in self.processes:
            process.bury(for_good=False)
        self.zone = dice.choice(ZONES)
        self._empty(self.zone)
        placing._shapes.cache_clear()  # a statement more or less would move every crash after it
        self.marks: dict[str, str] = {}
        self.look()
        self.notes.clear()
        self.model = Model()
        self.turn_to(dice.choice(BEGINNINGS))

    def _empty(self, zone: str) -> None:
        months = self.owner.execute(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'reading'::regclass"
        ).fetchall()
        with self.owner.transaction():
            for month in months:
                self.owner.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(month["name"])))
            for table in _FILLED:
                self.owner.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            for table in _KEPT:
                self.owner.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
            self.owner.execute("UPDATE city SET timezone = %s", (zone,))

    def turn_to(self, now: datetime) -> None:
        self.now = Process.now = now
        self.eye.set_clock(now)

    def blocked(self, pid: int) -> bool:
        row = self.eye.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0 AS so", (pid,)).fetchone()
        return bool(row and row["so"])

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Asked again only when one of the tables it names has changed."""
        if query not in self.seen:
            self.seen[query] = self.eye.execute(query, prepare=True).fetchall()
        return self.seen[query]

    def look(self) -> set[str]:
        """Which tables have changed since the last look; whatever was told on the way is heard."""
        before, self.marks = self.marks, dict(self.eye.execute(_MARKS, prepare=True).fetchone() or {})
        changed = {table for table in _WATCHED if before.get(table) != self.marks[table]}
        self.seen = {query: rows for query, rows in self.seen.items() if not changed & _named(query)}
        return changed

    def close(self) -> None:
        for process in self.processes:
            process.leave()
        self.eye.close()
        self.owner.close()


@contextmanager
def world() -> Iterator[World]:
    """In the database that the settings name."""
    with closing(World()) as made, inhabited():
        Process.running = made.processes[0]
        yield made


@lru_cache
def _named(query: str) -> set[str]:
    return {table for table in _WATCHED if re.search(rf"\b{table}\b", query)}


def _places(conn: Mortal) -> dict[str, Place]:
    rows = conn.execute("SELECT code, path, tier, bounds FROM place ORDER BY path").fetchall()
    return {
        row["code"]: Place(row["code"], row["path"], row["tier"], *_bounds(row["bounds"])) for row in rows
    }


def _bounds(box: str) -> tuple[float, float, float, float]:
    """`(110.1,30.1),(110,30)`: the upper corner comes first."""
    east, north, west, south = (float(part.strip("()")) for part in box.split(","))
    return west, south, east, north


def _measurable(conn: Mortal) -> list[Series]:
    """Every series that readings may name, expected so far or not."""
    rows = conn.execute(
        "SELECT s.code, p.code AS place, '' AS asset FROM sign s JOIN place p ON p.tier = s.tier"
        " UNION ALL SELECT s.code, a.place, a.code FROM sign s JOIN asset a ON a.kind = s.kind"
        " ORDER BY 1, 2, 3"
    )
    return [(row["code"], row["place"], row["asset"]) for row in rows]
