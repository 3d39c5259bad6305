"""The same figures once more, straight from raw readings, series by series, without the product's SQL."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
Key = tuple[str, str, str]  # sign, place, asset


@dataclass(frozen=True)
class Leaf:
    key: Key
    weight: float
    above: tuple[str, ...]  # places, nearest first; an asset's own place is the first


class Plain:
    """Everything that can be said about a city at `now`, from its raw readings."""

    def __init__(self, conn: Any, now: datetime) -> None:
        self.now = now
        self.signs = {row["code"]: row for row in conn.execute("SELECT * FROM sign")}
        self.places = {row["code"]: row for row in conn.execute("SELECT * FROM place")}
        self.zone = ZoneInfo(conn.execute("SELECT timezone FROM city").fetchone()["timezone"])
        self.nodes = {
            (row["sign"], row["place"], row["asset"]): row
            for row in conn.execute("SELECT id, sign, place, asset, leaf, expected, lo, hi FROM node")
        }
        self.leaves = [self._leaf(key) for key, row in self.nodes.items() if row["leaf"]]
        keys = {row["id"]: key for key, row in self.nodes.items()}
        self.readings: dict[Key, list[tuple[datetime, float]]] = defaultdict(list)
        for row in conn.execute("SELECT id, at, value FROM reading ORDER BY id, at"):
            self.readings[keys[row["id"]]].append((row["at"], row["value"]))

    def _leaf(self, key: Key) -> Leaf:
        sign, place, asset = key
        above = [place] if asset else []
        while (place := self.places[place]["parent"]) is not None:
            above.append(place)
        kind = self.signs[sign]
        column = kind["weight"]
        weighs = kind["weighted"] and column != "1" and not asset
        return Leaf(key, self.places[key[1]][column] if weighs else 1.0, tuple(above))

    def below(self) -> dict[Key, list[Leaf]]:
        """The series under each fold."""
        found: dict[Key, list[Leaf]] = defaultdict(list)
        for leaf in self.leaves:
            for place in leaf.above:
                found[leaf.key[0], place, ""].append(leaf)
        return found

    def start(self, grain: str, at: datetime) -> datetime:
        local = at.astimezone(self.zone).replace(minute=0, second=0, microsecond=0)
        begun = local if grain == "hour" else local.replace(hour=0)
        return begun.astimezone(UTC)  # of an hour that comes twice, each is one

    def buckets(self, grain: str) -> dict[tuple[Key, datetime], Row]:
        rows: dict[tuple[Key, datetime], Row] = {}
        measured: dict[tuple[Key, datetime], list[tuple[float, float]]] = defaultdict(list)
        for leaf in self.leaves:
            groups: dict[datetime, list[float]] = defaultdict(list)
            for at, value in self.readings[leaf.key]:
                groups[self.start(grain, at)].append(value)
            for at, values in groups.items():
                rows[leaf.key, at] = row = self._of_time(leaf.key, values)
                for place in leaf.above:
                    measured[(leaf.key[0], place, ""), at].append((row["value"], leaf.weight, row["rank"]))
        for (key, at), inputs in measured.items():
            rows[key, at] = {**self._of_space(key, inputs), "live": len(inputs)}
        return rows

    def _of_time(self, key: Key, values: list[float]) -> Row:
        total = math.fsum(values)
        value = {
            "mean": total / len(values), "sum": total, "max": max(values), "min": min(values),
            "last": values[-1],
        }[self.signs[key[0]]["fold_time"]]  # fmt: skip
        return {
            "n": len(values), "sum": total, "min": min(values), "max": max(values), "last": values[-1],
            "live": 1,
            "value": value, "rank": self.rank(key, value),
        }  # fmt: skip

    def _of_space(self, key: Key, inputs: list[tuple[float, float, int]]) -> Row:
        sign = self.signs[key[0]]
        values = [value for value, _, _ in inputs]
        rank = max(rank for _, _, rank in inputs)
        whole = math.fsum(weight for _, weight, _ in inputs)
        value = {
            "sum": lambda: math.fsum(values),
            "mean": lambda: math.fsum(v * w for v, w, _ in inputs) / whole,
            "max": lambda: max(values),
            "min": lambda: min(values),
            "worst": lambda: max(inputs, key=lambda one: (one[2], self._beyond(sign, key, one[0]), one[0]))[
                0
            ],
            "none": lambda: None,
        }[sign["fold_space"]]()
        keeps = sign["fold_space"] in ("worst", "none")
        return {
            "value": value, "lo": min(values), "hi": max(values), "w": whole,
            "rank": rank if keeps else self.rank(key, value),
        }  # fmt: skip

    def _beyond(self, sign: Row, key: Key, value: float) -> float:
        if sign["direction"] == "L":
            return -value
        if sign["direction"] == "B":
            node = self.nodes[key]
            return max(node["lo"][0] - value, value - node["hi"][0])
        return value

    def rank(self, key: Key, value: float) -> int:
        node, way = self.nodes[key], self.signs[key[0]]["direction"]
        over: Callable[[int], bool] = {
            "H": lambda n: node["hi"][n] is not None and value >= node["hi"][n],
            "L": lambda n: node["lo"][n] is not None and value < node["lo"][n],
            "B": lambda n: (
                (node["lo"][n] is not None and value < node["lo"][n])
                or (node["hi"][n] is not None and value > node["hi"][n])
            ),
            "N": lambda n: False,
        }[way]
        return max((n + 1 for n in range(3) if over(n)), default=0)

    def latest(self) -> dict[Key, Row]:
        rows: dict[Key, Row] = {}
        for leaf in self.leaves:
            if self.readings[leaf.key]:
                at, value = self.readings[leaf.key][-1]
                expires = at + self.signs[leaf.key[0]]["freshness"]
                rows[leaf.key] = {
                    "at": at, "expires": expires, "value": value, "live": int(expires > self.now),
                    "rank": self.rank(leaf.key, value),
                }  # fmt: skip
        for key, leaves in self.below().items():
            heard = [(leaf, rows[leaf.key]) for leaf in leaves if leaf.key in rows]
            if heard:
                rows[key] = self._fold(key, heard)
        return rows

    def _fold(self, key: Key, heard: list[tuple[Leaf, Row]]) -> Row:
        live = [(leaf, row) for leaf, row in heard if row["live"]]
        pick = min if live else max
        used = live or heard
        inputs = [(row["value"], leaf.weight, row["rank"]) for leaf, row in used]
        return {
            **self._of_space(key, inputs), "live": len(live), "at": pick(row["at"] for _, row in used),
            "expires": pick(row["expires"] for _, row in used),
        }  # fmt: skip


def mismatches(conn: Any, now: datetime) -> list[str]:
    """Everything derived that is not what raw says; empty is what is hoped for."""
    plain = Plain(conn, now)
    keys = {row["id"]: key for key, row in plain.nodes.items()}
    found = [*_expected(plain)]
    for grain, query in _BUCKETS.items():
        stored = {(keys[row["id"]], row["at"]): row for row in conn.execute(query)}
        found += _differences(grain, plain.buckets(grain), stored)
    stored = {keys[row["id"]]: row for row in conn.execute("SELECT * FROM latest WHERE at IS NOT NULL")}
    return found + _differences("latest", plain.latest(), stored) + _spans(conn, keys)


_BUCKETS = {"hour": "SELECT * FROM rollup_hour", "day": "SELECT * FROM rollup_day"}


def _expected(plain: Plain) -> Iterator[str]:
    below = plain.below()
    for key, row in plain.nodes.items():
        count = 1 if row["leaf"] else len(below[key])
        if row["expected"] != count:
            yield f"node {key}: expected {row['expected']}, series below {count}"
    yield from (f"no node {key}" for key in below.keys() - plain.nodes.keys())


def _differences(what: str, plain: dict[Any, Row], stored: dict[Any, Row]) -> list[str]:
    found = [f"{what} {key}: missing" for key in plain.keys() - stored.keys()]
    found += [f"{what} {key}: of nothing" for key in stored.keys() - plain.keys()]
    for key in plain.keys() & stored.keys():
        found += [
            f"{what} {key}: {name} is {stored[key][name]}, raw says {value}"
            for name, value in plain[key].items()
            if not _same(stored[key][name], value)
        ]
    return found


def _same(stored: object, value: object) -> bool:
    if isinstance(stored, float) and isinstance(value, float):
        return math.isclose(stored, value, rel_tol=1e-9, abs_tol=1e-9)
    return stored == value


def _spans(conn: Any, keys: dict[int, Key]) -> list[str]:
    """One open span a node, held by `latest`; none overlap."""
    rows: Iterable[Row] = conn.execute(
        """SELECT l.id, l.held, count(s.id) FILTER (WHERE upper_inf(s.during)) AS open,
                  max(s.status) FILTER (WHERE upper_inf(s.during)) AS status
           FROM latest l LEFT JOIN sign_span s USING (id) GROUP BY l.id, l.held
           HAVING count(s.id) FILTER (WHERE upper_inf(s.during)) <> 1
               OR l.held <> max(s.status) FILTER (WHERE upper_inf(s.during))"""
    )
    found = [
        f"span {keys[row['id']]}: held {row['held']}, open {row['open']} of {row['status']}" for row in rows
    ]
    overlaps = conn.execute(
        "SELECT a.id FROM sign_span a JOIN sign_span b ON a.id = b.id AND a.during && b.during"
        " AND a.during <> b.during"
    )
    return found + [f"span {keys[row['id']]}: two at one time" for row in overlaps]
