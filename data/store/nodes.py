"""Which series are measured, and which folds stand above them?"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from data.db import Conn
from data.domain.refusal import Refusal
from data.domain.sign import Leaf, Limits, leaf_weight, limits, whole_capacity
from data.domain.threshold import Thresholds, thresholds

PER_DISTRICT = 10_000_000


def head(district: str) -> int:
    """The number in front of a district's node ids: its code, or one made from a code that is no number."""
    if district.isdecimal() and len(district) <= 10:
        return int(district)
    return 10**10 + int.from_bytes(hashlib.sha256(district.encode()).digest()[:4], "big")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place as series need it."""

    code: str
    path: str
    tier: int
    district: str
    population: float | None
    area: float | None

    def above(self) -> list[str]:
        """Codes of the places above, root first."""
        return self.path.rstrip("/").split("/")[:-1]


@dataclass(frozen=True, slots=True)
class Kind:
    """A sign as series need it."""

    code: str
    no: int
    levels: Thresholds
    hysteresis: str
    weight: str
    weighted: bool


@dataclass(slots=True)
class Node:
    kind: Kind
    spot: Spot
    asset: str
    leaf: bool
    w: float = 1.0
    capacity: float | None = None
    below: list["Node"] = field(default_factory=list)
    expected: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.kind.code, self.spot.code, self.asset)

    @property
    def tier(self) -> int:
        return self.spot.tier + (self.asset != "")


def spots(conn: Conn) -> dict[str, Spot]:
    rows = conn.execute("SELECT code, path, tier, district, population, area FROM place")
    return {row["code"]: Spot(**row) for row in rows}


def kinds(conn: Conn) -> dict[str, Kind]:
    rows = conn.execute("SELECT code, no, direction, t1, t2, t3, hysteresis, weight, weighted FROM sign")
    return {
        row["code"]: Kind(
            row["code"], row["no"], thresholds(row["direction"], row["t1"], row["t2"], row["t3"]),
            row["hysteresis"], row["weight"], row["weighted"],
        )
        for row in rows
    }  # fmt: skip


def grow(leaves: Iterable[Leaf], spots: dict[str, Spot], kinds: dict[str, Kind]) -> list[Node]:
    """Every leaf and every fold above it, in place order, with weights, capacities and what is expected."""
    nodes: dict[tuple[str, str, str], Node] = {}
    for leaf in leaves:
        _plant(nodes, leaf, spots, kinds[leaf.sign])
    ordered = sorted(nodes.values(), key=lambda node: (node.spot.path, node.kind.no, node.asset))
    for node in sorted(ordered, key=lambda node: -node.tier):
        if node.leaf:
            node.expected = 1
        else:
            node.expected = sum(child.expected for child in node.below)
            node.capacity = whole_capacity(child.capacity for child in node.below)
    return ordered


def _plant(nodes: dict[tuple[str, str, str], Node], leaf: Leaf, spots: dict[str, Spot], kind: Kind) -> None:
    spot = spots[leaf.place]
    node = Node(kind, spot, leaf.asset, True, _weight(kind, spot, leaf.asset), leaf.capacity)
    nodes[node.key] = node
    above = [*spot.above(), spot.code] if leaf.asset else spot.above()
    for code in reversed(above):
        key = (kind.code, code, "")
        known = key in nodes
        parent = nodes.setdefault(key, Node(kind, spots[code], "", False))
        parent.below.append(node)
        if known:
            return
        node = parent


def _weight(kind: Kind, spot: Spot, asset: str) -> float:
    if not kind.weighted:
        return 1.0
    found = leaf_weight(kind.weight, {"population": spot.population, "area": spot.area}, is_asset=asset != "")
    return 1.0 if found is None else found


def write(conn: Conn, nodes: list[Node], *, since: str = "-infinity") -> int:
    """Adds the nodes that are missing and corrects those that stand; answers how many are new.

    Ids are allotted in place order, after the highest of the district.
    """
    standing = {
        (row["sign"], row["place"], row["asset"]): row["id"]
        for row in conn.execute("SELECT sign, place, asset, id FROM node")
    }
    ids = _allot(nodes, standing)
    fresh = [node for node in nodes if node.key not in standing]
    _copy(conn, fresh, ids, since)
    _correct(conn, [node for node in nodes if node.key in standing], ids)
    return len(fresh)


def _allot(nodes: list[Node], standing: dict[tuple[str, str, str], int]) -> dict[tuple[str, str, str], int]:
    top: dict[int, int] = defaultdict(int)
    for number in standing.values():
        top[number // PER_DISTRICT] = max(top[number // PER_DISTRICT], number % PER_DISTRICT)
    ids = dict(standing)
    for district, group in groupby(nodes, key=lambda node: node.spot.district):
        front = head(district)
        for node in group:
            if node.key not in ids:
                top[front] += 1
                ids[node.key] = front * PER_DISTRICT + top[front]
        if top[front] >= PER_DISTRICT:
            raise _too_many(district)
    return ids


def _too_many(district: str) -> Refusal:
    return Refusal(
        "too_many", f"区 {district} 的序列超过 {PER_DISTRICT - 1:,} 个，请拆分该区",
        f"the district {district} has more than {PER_DISTRICT - 1:,} series; divide it",
    )  # fmt: skip


_COLUMNS = "id, sign, place, asset, parent, anc, tier, leaf, w, expected, capacity, lo, hi, slack, since"


def _copy(conn: Conn, nodes: list[Node], ids: dict[tuple[str, str, str], int], since: str) -> None:
    with conn.cursor().copy(f"COPY node ({_COLUMNS}) FROM STDIN") as copy:
        for node in sorted(nodes, key=lambda node: node.tier):
            copy.write_row((*_row(node, ids), since))
    conn.execute(
        """WITH new AS (INSERT INTO latest (id) SELECT id FROM node ON CONFLICT DO NOTHING RETURNING id, held)
           INSERT INTO sign_span (id, status, during)
           SELECT id, held, tstzrange(nullif(since, '-infinity'), NULL) FROM new JOIN node USING (id)"""
    )


def _row(node: Node, ids: dict[tuple[str, str, str], int]) -> tuple[Any, ...]:
    code = node.kind.code
    places = [*node.spot.above(), node.spot.code] if node.asset else node.spot.above()
    anc = [ids[code, place, ""] for place in places]
    found = _limits(node)
    return (
        ids[node.key], code, node.spot.code, node.asset, anc[-1] if anc else None, anc, node.tier, node.leaf,
        node.w, node.expected, node.capacity, list(found.lo), list(found.hi), found.slack,
    )  # fmt: skip


def _limits(node: Node) -> Limits:
    return limits(node.kind.levels, node.kind.hysteresis, capacity=node.capacity)


def _correct(conn: Conn, nodes: list[Node], ids: dict[tuple[str, str, str], int]) -> None:
    conn.cursor().executemany(
        """UPDATE node SET w = %s, expected = %s, capacity = %s, lo = %s, hi = %s, slack = %s,
                  until = 'infinity', stated = city_now()
           WHERE id = %s AND (w, expected, capacity, lo, hi, slack, until)
             IS DISTINCT FROM (%s, %s, %s, %s, %s, %s, 'infinity')""",
        [(*values, ids[node.key], *values) for node in nodes for values in [_changing(node)]],
    )


def _changing(node: Node) -> tuple[Any, ...]:
    found = _limits(node)
    return (node.w, node.expected, node.capacity, list(found.lo), list(found.hi), found.slack)


def standing_leaves(conn: Conn) -> list[Leaf]:
    """The series in force, with their capacities."""
    rows = conn.execute("SELECT sign, place, asset, capacity FROM node WHERE leaf AND until > city_now()")
    return [Leaf(**row) for row in rows]


def end(conn: Conn, leaves: Sequence[Leaf]) -> None:
    """These series are expected no longer, from now on."""
    conn.execute(
        """UPDATE node n SET until = city_now(), expected = 0, stated = city_now()
           FROM unnest(%s::text[], %s::text[], %s::text[]) l(sign, place, asset)
           WHERE n.leaf AND n.sign = l.sign AND n.place = l.place AND n.asset = l.asset""",
        ([leaf.sign for leaf in leaves], [leaf.place for leaf in leaves], [leaf.asset for leaf in leaves]),
    )
    conn.execute(
        """UPDATE node p SET expected = 0, stated = city_now()
           WHERE NOT p.leaf AND p.expected > 0 AND NOT EXISTS
             (SELECT FROM node l WHERE l.leaf AND l.until = 'infinity' AND p.id = ANY(l.anc))"""
    )
