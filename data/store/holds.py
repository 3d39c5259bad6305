"""Which status does each series and each fold hold, and from when until when did it hold the others?"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from data.db import Conn, Row
from data.domain.hold import Held, Moment, Turn, course, settled, step
from data.domain.sign import Status
from data.store.columns import Batch, array


class Change(NamedTuple):
    """What a node holds after a fold; `turns` in rising time, the last one open."""

    id: int
    held: Held
    turns: Sequence[Turn]
    since: datetime | None  # of the open span; None: since ever


_SINCE = "(SELECT lower(o.during) FROM sign_span o WHERE o.id = x.id AND upper_inf(o.during)) AS since"

_OF_SERIES = f"""
SELECT x.*, {_SINCE} FROM (
  SELECT f.id, f.at, f.at + s.freshness AS expires, l.expires AS before, r.rank,
         rank_of(s.direction, n.lo, n.hi, f.value, n.slack) AS eased,
         l.held, l.pending, l.pending_since, s.hold, city_now() AS now,
         bool_or(r.rank <> l.held OR l.pending IS NOT NULL OR f.at + s.freshness <= city_now()
                 OR l.expires < f.at) OVER own OR count(*) OVER own > 1 AS moves
  FROM unnest(%s::bigint[], %s::timestamptz[], %s::float8[]) f(id, at, value)
  JOIN latest l ON l.id = f.id JOIN node n ON n.id = f.id JOIN sign s ON s.code = n.sign
  CROSS JOIN LATERAL (SELECT rank_of(s.direction, n.lo, n.hi, f.value) AS rank OFFSET 0) r
  WHERE l.at IS NULL OR f.at > l.at OR (f.at = l.at AND f.value <> l.value)
  WINDOW own AS (PARTITION BY f.id)
) x WHERE moves ORDER BY id, at"""  # noqa: S608

_AS_THEY_ARE = f"""
SELECT x.*, {_SINCE} FROM (
  SELECT a.id, a.at, l.rank, greatest(l.rank, rank_of(s.direction, q.lo, q.hi, l.value, q.slack)) AS eased,
         status_of(l.live, l.rank, l.at) AS status, l.held, l.pending, l.pending_since, s.hold
  FROM {{}} a JOIN latest l ON l.id = a.id JOIN node q ON q.id = a.id JOIN sign s ON s.code = q.sign
) x WHERE held <> status OR pending IS NOT NULL ORDER BY id"""  # noqa: S608

_OF_FOLDS = _AS_THEY_ARE.format(
    """(SELECT y.id, coalesce(max(CASE WHEN c.live > 0 THEN c.at ELSE c.expires END), city_now()) AS at
        FROM unnest(%s::bigint[]) u(id) JOIN node n ON n.id = u.id JOIN latest c ON c.id = u.id
        CROSS JOIN LATERAL unnest(n.anc) y(id) GROUP BY y.id)"""
)
_OF_ALL = _AS_THEY_ARE.format("(SELECT id, city_now() AS at FROM node)")


def of_series(conn: Conn, batch: Batch) -> list[Change]:
    """What these readings change; to be asked before `latest` holds them."""
    rows = conn.execute(_OF_SERIES, batch[:3], prepare=True)
    return [_course(list(own)) for _, own in groupby(rows, key=lambda row: row["id"])]


def _course(rows: list[Row]) -> Change:
    first = rows[0]
    moments = [Moment(row["at"], row["rank"], row["eased"], row["expires"]) for row in rows]
    before = first["before"] if first["held"] < Status.STALE else None
    held, turns = course(_held(first), moments, expires=before, hold=first["hold"], now=first["now"])
    return Change(first["id"], held, settled(turns, first["since"]), first["since"])


def of_folds(conn: Conn, ids: Sequence[int]) -> list[Change]:
    """What has changed in the folds above these series; to be asked after `latest` holds it."""
    return [_step(row) for row in conn.execute(_OF_FOLDS, (array(ids),), prepare=True)]


def of_all(conn: Conn) -> list[Change]:
    """What every node holds from now on."""
    return [_step(row) for row in conn.execute(_OF_ALL)]


def _step(row: Row) -> Change:
    before = _held(row)
    after = Held(row["status"])
    at = row["at"]
    if row["status"] < Status.STALE:
        after = step(before, rank=row["rank"], eased=row["eased"], at=at, hold=row["hold"])
    turns = [Turn(after.status, at)] if after.status != before.status else []
    return Change(row["id"], after, settled(turns, row["since"]), row["since"])


def _held(row: Row) -> Held:
    return Held(row["held"], row["pending"], row["pending_since"])


def turned(conn: Conn, ids: Sequence[int], ats: Sequence[datetime], status: Status) -> list[Change]:
    """These series come to hold a status at these times, at once."""
    rows = conn.execute(
        f"SELECT x.*, {_SINCE} FROM unnest(%s::bigint[], %s::timestamptz[]) x(id, at)"  # noqa: S608
        " JOIN latest l ON l.id = x.id AND l.held <> %s",
        (array(ids), array(ats), status),
        prepare=True,
    )
    return [
        Change(row["id"], Held(status), settled([Turn(status, row["at"])], row["since"]), row["since"])
        for row in rows
    ]


def write(conn: Conn, changes: Iterable[Change]) -> None:
    """Into `latest` and `sign_span`: one open span a node."""
    changes = list(changes)
    if not changes:
        return
    _hold(conn, changes)
    turning = [change for change in changes if change.turns]
    if turning:
        _close(conn, turning)
        _open(conn, turning)


def _hold(conn: Conn, changes: list[Change]) -> None:
    conn.execute(
        "UPDATE latest l SET held = h.held, pending = h.pending, pending_since = h.since"
        " FROM unnest(%s::bigint[], %s::smallint[], %s::smallint[], %s::timestamptz[])"
        "   h(id, held, pending, since)"
        " WHERE l.id = h.id AND (l.held, l.pending, l.pending_since)"
        "   IS DISTINCT FROM (h.held, h.pending, h.since)",
        (
            array(change.id for change in changes),
            array(int(change.held.status) for change in changes),
            array(change.held.pending for change in changes),
            array(change.held.since for change in changes),
        ),
        prepare=True,
    )


def _close(conn: Conn, changes: list[Change]) -> None:
    """The open span ends where the first turn begins; one that would last no time goes."""
    conn.execute(
        "DELETE FROM sign_span WHERE id = ANY(%s::bigint[]) AND upper_inf(during)",
        (array(change.id for change in changes if change.turns[0].at == change.since),),
        prepare=True,
    )
    conn.execute(
        "UPDATE sign_span s SET during = tstzrange(lower(s.during), c.at)"
        " FROM unnest(%s::bigint[], %s::timestamptz[]) c(id, at) WHERE s.id = c.id AND upper_inf(s.during)",
        (array(change.id for change in changes), array(change.turns[0].at for change in changes)),
        prepare=True,
    )


def _open(conn: Conn, changes: list[Change]) -> None:
    rows = [
        (change.id, int(turn.status), turn.at, after.at if after else None)
        for change in changes
        for turn, after in zip(change.turns, [*change.turns[1:], None], strict=True)
    ]
    conn.execute(
        "INSERT INTO sign_span (id, status, during) SELECT id, status, tstzrange(since, until)"
        " FROM unnest(%s::bigint[], %s::smallint[], %s::timestamptz[], %s::timestamptz[])"
        "   s(id, status, since, until)",
        tuple(array(column) for column in zip(*rows, strict=True)),
        prepare=True,
    )


def forget(conn: Conn, ids: Sequence[int]) -> None:
    """These series hold nothing and never did."""
    conn.execute("DELETE FROM sign_span WHERE id = ANY(%s)", (ids,))
    conn.execute(
        "INSERT INTO sign_span (id, status, during)"
        " SELECT id, %s, tstzrange(nullif(since, '-infinity'), NULL) FROM node WHERE id = ANY(%s)",
        (Status.NONE, ids),
    )
    conn.execute(
        "UPDATE latest SET held = %s, pending = NULL, pending_since = NULL WHERE id = ANY(%s)",
        (Status.NONE, ids),
    )
