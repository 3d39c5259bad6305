"""Is everything as it must be after each step, whatever has gone wrong in it?"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from data.commands.verify import prove
from tests.plain_fold import Plain, Row, _same, mismatches
from tests.simulation.cases import stood
from tests.simulation.model import Model
from tests.simulation.world import World

Complaints = Iterator[str]


# ── against what was acknowledged ───────────────────────────────────────────────────────────────
def readings(world: World, model: Model) -> Complaints:
    stored = {
        ((row["sign"], row["place"], row["asset"]), row["at"]): row["value"]
        for row in world.rows("SELECT sign, place, asset, at, value FROM reading JOIN node USING (id)")
    }
    meant = {(s, at): value for s, times in model.readings.items() for at, value in times.items()}
    yield from _differences("reading", meant, stored)
    sources = world.rows("SELECT sign, place, asset, source FROM node WHERE source IS NOT NULL")
    held = {(row["sign"], row["place"], row["asset"]): row["source"] for row in sources}
    yield from _differences("the source of", model.owner, held)


def ledger(world: World, model: Model, *, again: int = 0) -> Complaints:
    """`again`: rows that may have come more than once, and are then counted so."""
    rows = world.rows("SELECT * FROM ledger")
    for row in rows:
        meant = model.ledger.get((row["feed"], row["hour"]), Counter())
        said = Counter({"stored": row["stored"], "same": row["same"], **row["reasons"]})
        where = f"ledger of {row['feed']} at {row['hour']:%H:%M}"
        if row["received"] != said.total():
            yield f"{where}: received {row['received']}, but {said.total()} in all"
        if again and said >= meant and said.total() <= meant.total() + again:
            model.ledger[row["feed"], row["hour"]] = said
        elif +said != +meant:
            yield f"{where}: {dict(+said)} is booked, {dict(+meant)} happened"
    hours = {(row["feed"], row["hour"]) for row in rows}
    yield from (f"ledger: nothing is booked of {hour}" for hour in model.ledger.keys() - hours)


INCIDENTS = "SELECT * FROM incident"


def cases(world: World, model: Model) -> Complaints:
    rows = {(row["source"], row["source_id"]): row for row in world.rows(INCIDENTS)}
    yield from _differences("case", dict.fromkeys(model.cases, 1), dict.fromkeys(rows, 1))
    events = _by_case(world, "SELECT * FROM event ORDER BY incident, n")
    spans = _by_case(world, "SELECT * FROM span WHERE upper_inf(known) ORDER BY incident, n")
    seats = _by_case(world, "SELECT * FROM audience")
    for key in model.cases.keys() & rows.keys():
        case, row = model.cases[key], rows[key]
        last = case.last
        yield from _differences(
            f"case {key[1]}",
            {
                "stand": (last.n, last.end, last.holder.place, last.severity, case.overdue, case.is_open),
                "place": (case.place, case.path, case.due),
                "log": [entry[:-1] for entry in case.log],
                "spans": case.spans(),
                "audience": case.audience,
            },
            {
                "stand": tuple(
                    row[c] for c in ("version", "state", "holder_place", "severity", "overdue", "open")
                ),
                "place": (row["place"], row["path"], row["due"]),
                "log": [stood(event) for event in events.get(row["id"], ())],
                "spans": [_span(span) for span in spans.get(row["id"], ())],
                "audience": {(seat["path"], seat["department"]) for seat in seats.get(row["id"], ())},
            },
        )


def _by_case(world: World, query: str) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in world.rows(query):
        found.setdefault(row["incident"], []).append(row)
    return found


def _span(row: Row) -> tuple[int, str, datetime | None, datetime | None]:
    during = row["during"]
    return row["n"], row["state"], during.lower, during.upper


def _differences(what: str, meant: dict[Any, Any], stored: dict[Any, Any]) -> Complaints:
    if meant == stored:
        return
    for key in sorted(meant.keys() | stored.keys(), key=str):
        if meant.get(key) != stored.get(key):
            yield f"{what} {key}: {stored.get(key, 'nothing')} stands, {meant.get(key, 'nothing')} should"


# ── of what is derived ──────────────────────────────────────────────────────────────────────────
class Latest:
    """`latest` from one step to the next."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rows = self._read()
        self.plain = Plain(world.eye, world.now)

    def _read(self) -> dict[int, Row]:
        return {row["id"]: row for row in self.world.rows(_LATEST)}

    def check(self, taken_over: bool) -> Complaints:
        before, self.rows = self.rows, self._read()
        if before == self.rows:
            return
        changed = [row for id_, row in self.rows.items() if before.get(id_) != row]
        yield from self._told(changed, before)
        if not taken_over:
            yield from self._back(before)
        yield from self._parents()

    def _told(self, changed: list[Row], before: dict[int, Row]) -> Complaints:
        paths = [path for kind, told in self.world.notes if kind == "signs" for path in told]
        for row in changed:
            was = before.get(row["id"])
            if was is not None and not _covered(row["path"], paths):
                yield f"latest {_name(row)} has changed and nobody was told: {paths}"

    def _back(self, before: dict[int, Row]) -> Complaints:
        for id_, row in self.rows.items():
            was = before.get(id_)
            if row["leaf"] and was and was["at"] and (row["at"] is None or row["at"] < was["at"]):
                yield f"latest {_name(row)} went back from {was['at']} to {row['at']}"

    def _parents(self) -> Complaints:
        """Whatever has or has not been folded yet, a parent is the fold of the series as they stand."""
        nodes = {(row["sign"], row["place"], row["asset"]): row for row in self.rows.values()}
        if nodes.keys() != self.plain.nodes.keys():
            self.plain = Plain(self.world.eye, self.world.now)
        for key, leaves in self.plain.below().items():
            heard = [(leaf, nodes[leaf.key]) for leaf in leaves if nodes[leaf.key]["at"] is not None]
            stored = nodes[key]
            meant = self.plain._fold(key, heard) if heard else {"at": None, "value": None}
            for name, value in meant.items():
                if not _same(stored[name], value):
                    yield f"latest {_name(stored)}: {name} is {stored[name]}, its series make {value}"


_LATEST = """
SELECT l.id, l.live, l.rank, l.at, l.expires, l.value, l.w, l.lo, l.hi, n.sign, n.place, n.asset, n.leaf,
       p.path FROM latest l JOIN node n USING (id) JOIN place p ON p.code = n.place"""


def _name(row: Row) -> str:
    return f"{row['sign']} at {row['asset'] or row['place']}"


def _covered(path: str, paths: list[str]) -> bool:
    return any(path.startswith(told) or told.startswith(path) for told in paths)


def told_cases(world: World, before: dict[Any, Row], after: dict[Any, Row]) -> Complaints:
    paths = [path for kind, told in world.notes if kind == "incidents" for path in told]
    for id_, row in after.items():
        if before.get(id_) != row and not _covered(row["path"], paths):
            yield f"case {row['source_id']} has changed and nobody was told: {paths}"


def folded(world: World) -> Complaints:
    """Once nothing waits: everything derived is what raw says."""
    for table in ("inbox", "refill"):
        (row,) = world.rows(f"SELECT count(*) AS n FROM {table}")
        if row["n"]:
            yield f"{table}: {row['n']} still wait"
    yield from mismatches(world.eye, world.now)


def verified() -> Complaints:
    """What `flask verify` says, whatever still waits."""
    verdict = prove()
    assert verdict is not None
    yield from (str(proof) for proof in verdict.proofs if not proof.ok)
