"""Which series does a reading belong to, and whose is it?"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg.rows import tuple_row

from data.db import Conn
from data.domain.reading import Book, Measured, Reading
from data.domain.sign import Leaf
from data.store import fold, holds, inbox, nodes
from data.store.columns import array, codes

INTAKE = 76  # shared by everyone who takes readings in, alone for who takes a series over
GROWTH = 75  # who adds series


class Series(NamedTuple):
    id: int
    source: str | None
    simulated: bool


Key = tuple[str, str, str]


def key(reading: Reading) -> Key:
    return reading[1:4]


def book(conn: Conn, readings: Sequence[Reading]) -> Book:
    """What these readings name, as far as the city knows it."""
    places = codes({reading.place for reading in readings})
    assets = codes({reading.asset for reading in readings})
    signs = conn.execute("SELECT code, tier, kind FROM sign")
    tiers = conn.execute("SELECT code, tier FROM place WHERE code = ANY(%s::text[])", (places,))
    kinds = conn.execute("SELECT code, kind, place FROM asset WHERE code = ANY(%s::text[])", (assets,))
    return Book(
        {row["code"]: Measured(row["tier"], row["kind"]) for row in signs},
        {row["code"]: row["tier"] for row in tiers},
        {row["code"]: (row["kind"], row["place"]) for row in kinds},
    )


def find(conn: Conn, keys: Iterable[Key]) -> dict[Key, Series]:
    """The series in force."""
    signs, places, assets = zip(*set(keys), strict=True)
    rows = conn.cursor(row_factory=tuple_row).execute(
        "SELECT n.sign, n.place, n.asset, n.id, n.source, coalesce(o.simulated, false) AS simulated"
        " FROM unnest(%s::text[], %s::text[], %s::text[]) k(sign, place, asset)"
        " JOIN node n ON n.place = k.place AND n.sign = k.sign AND n.asset = k.asset"
        " LEFT JOIN source o ON o.feed = n.source WHERE n.leaf AND n.until = 'infinity'",
        (codes(signs), codes(places), codes(assets)),
    )
    return {row[:3]: Series(*row[3:]) for row in rows}


def add(conn: Conn, since: Mapping[Key, datetime]) -> None:
    """New series, expected from these times on, with the folds above that are missing."""
    fold.lock(conn, GROWTH, fold.FAST)
    signs = {sign for sign, _, _ in since}
    new = [Leaf(*names) for names in since]
    standing = [leaf for leaf in nodes.standing_leaves(conn) if leaf.sign in signs]
    known = {(leaf.sign, leaf.place, leaf.asset) for leaf in standing}
    leaves = [*standing, *(leaf for leaf in new if (leaf.sign, leaf.place, leaf.asset) not in known)]
    kinds = {code: kind for code, kind in nodes.kinds(conn).items() if code in signs}
    nodes.write(conn, nodes.grow(leaves, nodes.spots(conn), kinds), since=min(since.values()).isoformat())
    conn.cursor().executemany(
        "UPDATE node SET since = %s WHERE sign = %s AND place = %s AND asset = %s"
        " AND source IS NULL AND leaf",
        [(at, *names) for names, at in since.items() if names not in known],
    )
    fold.refold(conn, [one.id for one in find(conn, since).values()])  # limits above may be others now


def begin_intake(conn: Conn, *, alone: bool = False) -> None:
    """Until the transaction ends no series changes hands; alone: nobody else stores or folds at all."""
    if alone:
        fold.lock(conn, fold.FAST, fold.SLOW, INTAKE)
    else:
        conn.execute("SELECT pg_advisory_xact_lock_shared(%s, 0)", (INTAKE,))


def claim(conn: Conn, feed: str, ids: Sequence[int]) -> dict[int, bool]:
    """Gives series without a source to this feed; answers those that are another's: is it simulated?"""
    foreign = _foreign(conn, feed, ids)
    if None in foreign.values():
        conn.execute(
            "UPDATE node n SET source = %s FROM (SELECT id FROM node WHERE id = ANY(%s::bigint[])"
            "   AND source IS NULL ORDER BY id FOR NO KEY UPDATE) f WHERE n.id = f.id AND n.source IS NULL",
            (feed, array(ids)),
        )
        foreign = _foreign(conn, feed, ids)
    return {id: bool(simulated) for id, simulated in foreign.items()}


def _foreign(conn: Conn, feed: str, ids: Sequence[int]) -> dict[int, bool | None]:
    """Those that are not this feed's: is whose they are simulated? None: nobody's."""
    rows = conn.execute(
        "SELECT n.id, o.simulated FROM node n LEFT JOIN source o ON o.feed = n.source"
        " WHERE n.id = ANY(%s::bigint[]) AND n.source IS DISTINCT FROM %s",
        (array(ids), feed),
    )
    return {row["id"]: row["simulated"] for row in rows}


def take_over(conn: Conn, feed: str, ids: Sequence[int]) -> dict[str, int]:
    """The first real reading ends a simulated series: nothing of it remains, and its folds follow.

    Answers how many readings of which feed are gone. The caller stores alone.
    """
    rows = conn.execute(
        "SELECT n.id, n.source FROM node n JOIN source o ON o.feed = n.source"
        " WHERE n.id = ANY(%s) AND o.simulated",
        (ids,),
    )
    before = {row["id"]: row["source"] for row in rows}
    taken = list(before)
    gone: Counter[str] = Counter()
    if taken:
        conn.execute("UPDATE node SET source = %s WHERE id = ANY(%s)", (feed, taken))
        inbox.strip(conn, taken)
        for id, count in _forget(conn, taken).items():
            gone[before[id]] += count
        fold.settle(conn)
        fold.refold(conn, taken)
    return gone


def _forget(conn: Conn, ids: Sequence[int]) -> dict[int, int]:
    """Answers how many readings each of them had."""
    conn.execute(
        "INSERT INTO refill (tier, day, id) SELECT DISTINCT p.tier, d.at, p.id FROM rollup_day d"
        " JOIN node n ON n.id = d.id JOIN node p ON p.id = n.parent WHERE d.id = ANY(%s)"
        " ON CONFLICT DO NOTHING",
        (ids,),
    )
    gone = conn.execute(
        "WITH gone AS (DELETE FROM reading WHERE id = ANY(%s) RETURNING id)"
        " SELECT id, count(*) AS n FROM gone GROUP BY id",
        (ids,),
    ).fetchall()
    for table in (
        "DELETE FROM rollup_hour WHERE id = ANY(%s)",
        "DELETE FROM rollup_day WHERE id = ANY(%s)",
        "UPDATE latest SET live = 0, rank = 0, at = NULL, expires = NULL, value = NULL, w = NULL, wv = NULL,"
        " lo = NULL, hi = NULL, source = NULL, simulated = false WHERE id = ANY(%s)",
    ):
        conn.execute(table, (ids,))
    holds.forget(conn, ids)
    return {row["id"]: row["n"] for row in gone}
