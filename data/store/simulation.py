"""What does the simulator need to know of the city, and how far has its history come?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from data.db import Conn, Row
from data.domain.threshold import Threshold, thresholds
from data.store.refill import HELD_DAYS_OF_NEW


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign to the simulator. `t1` = its first limit, `width` = its band's, where they are numbers."""

    code: str
    unit: str
    period: timedelta | None
    freshness: timedelta
    direction: str
    fold_space: str
    t1: float | None
    by_asset: bool
    width: float | None = None


def _width(band: Threshold | None) -> float | None:
    return band.high - band.low if band and band.high is not None and band.low is not None else None


@dataclass(frozen=True, slots=True)
class ClassRule:
    """A class of cases by its first row."""

    code: str
    name: str
    limit: float | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Ground:
    """What the simulator's cases stand on; codes, paths and weights are the deepest places'."""

    codes: list[str]
    paths: list[str]
    weights: list[float]
    names: dict[str, str]
    classes: list[ClassRule]
    departments: frozenset[str]
    people: float
    cases_a_day: float | None
    zone: str

    def names_above(self, place: int) -> dict[str, str]:
        """What its words may call a place: `{district}`, `{street}`, `{community}`, the deepest there is."""
        codes = self.paths[place].rstrip("/").split("/")
        tiers = {"city": 0, "district": 1, "street": 2, "community": 3}
        return {word: self.names[codes[min(tier, len(codes) - 1)]] for word, tier in tiers.items()}


def city(conn: Conn) -> Row | None:
    """`{root, name_zh, timezone, demo, loaded_at, history, now, people}`."""
    return conn.execute(
        """SELECT c.root, c.name_zh, c.timezone, c.demo, c.hash, c.loaded_at, c.history, city_now() AS now,
                  p.path, p.population AS people
           FROM city c JOIN place p ON p.code = c.root"""
    ).fetchone()


def signs(conn: Conn) -> list[Sign]:
    rows = conn.execute(
        """SELECT code, unit, extract(epoch FROM period)::float8 AS period,
                  extract(epoch FROM freshness)::float8 AS freshness, direction, fold_space, t1, kind
           FROM sign ORDER BY no"""
    )
    return [_sign(row) for row in rows]


def _sign(row: Row) -> Sign:
    (first, _, _) = thresholds(row["direction"], row["t1"], "", "")
    plain = first.limits(capacity=None, baseline=None) if first else None
    return Sign(
        code=row["code"],
        unit=row["unit"],
        period=None if row["period"] is None else timedelta(seconds=row["period"]),
        freshness=timedelta(seconds=row["freshness"]),
        direction=row["direction"],
        fold_space=row["fold_space"],
        t1=(plain.high if row["direction"] == "H" else plain.low) if plain else None,
        by_asset=row["kind"] is not None,
        width=_width(plain),
    )


def series(conn: Conn) -> list[Row]:
    """The expected series that no real source holds, with where they lie and when they spoke last."""
    return conn.execute(
        """SELECT n.id, n.sign, n.place, n.asset, p.path, p.district, n.capacity, n.lo, n.hi,
                  (coalesce(a.point, p.centre))[0] AS lon, extract(epoch FROM l.at)::float8 AS last
           FROM node n JOIN place p ON p.code = n.place JOIN sign g ON g.code = n.sign
           LEFT JOIN asset a ON a.code = n.asset LEFT JOIN latest l ON l.id = n.id
           LEFT JOIN source s ON s.feed = n.source
           WHERE n.leaf AND n.until > city_now() AND coalesce(s.simulated, true)
           ORDER BY g.no, p.path, n.asset"""
    ).fetchall()


def people(conn: Conn) -> dict[str, float]:
    """Inhabitants by place; where the figure lacks, an equal share of what is left of the place above's."""
    rows = conn.execute("SELECT code, parent, population FROM place ORDER BY path").fetchall()
    found: dict[str, float] = {}
    siblings: dict[str | None, list[Row]] = {}
    for row in rows:
        siblings.setdefault(row["parent"], []).append(row)
    for row in rows:
        if row["code"] not in found:
            _share(siblings[row["parent"]], found)
    return found


def _share(rows: Sequence[Row], found: dict[str, float]) -> None:
    parent = rows[0]["parent"]
    known = sum(row["population"] or 0.0 for row in rows)
    unknown = sum(row["population"] is None for row in rows)
    whole = found[parent] if parent is not None else 300_000.0  # a root of which nothing is known
    rest = max(whole - known, whole * 0.02) / max(unknown, 1)
    for row in rows:
        found[row["code"]] = rest if row["population"] is None else float(row["population"])


def load(conn: Conn, ids: Sequence[int], ats: Sequence[int], values: Sequence[float]) -> tuple[int, int]:
    """Readings of the past by UTC second; their days are made anew later.

    Answers how many were new, and for how many another value stands.
    """
    row = conn.execute(_LOAD, (ids, ats, values), prepare=True).fetchone()
    new = row["n"] if row else 0
    if new == len(ids):
        return new, 0
    row = conn.execute(_OTHER, (ids, ats, values)).fetchone()
    return new, row["n"] if row else 0


_LOAD = f"""
WITH new AS (
  INSERT INTO reading (id, at, value, received_at)
  SELECT u.id, to_timestamp(u.at), u.value, city_now()
  FROM unnest(%s::bigint[], %s::bigint[], %s::float8[]) u(id, at, value)
  ORDER BY 1, 2 ON CONFLICT DO NOTHING RETURNING id, at),
days AS ({HELD_DAYS_OF_NEW})
SELECT count(*) AS n FROM new"""  # noqa: S608
_OTHER = """
SELECT count(*) AS n FROM unnest(%s::bigint[], %s::bigint[], %s::float8[]) u(id, at, value)
CROSS JOIN LATERAL (SELECT value FROM reading r WHERE r.id = u.id AND r.at = to_timestamp(u.at) OFFSET 0) e
WHERE e.value <> u.value"""


def has(conn: Conn, ids: Sequence[int], ats: Sequence[int]) -> list[bool]:
    """Whether each of these readings stands."""
    rows = conn.execute(
        """SELECT e.id IS NOT NULL AS there
           FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY u(id, at, no)
           LEFT JOIN LATERAL
             (SELECT id FROM reading r WHERE r.id = u.id AND r.at = to_timestamp(u.at) OFFSET 0) e ON true
           ORDER BY u.no""",
        (ids, ats),
    )
    return [row["there"] for row in rows]


def set_history(conn: Conn, share: float) -> None:
    conn.execute("UPDATE city SET history = %s WHERE history IS DISTINCT FROM %s::real", (share, share))


def ground(conn: Conn) -> Ground:
    """Where cases happen, of which classes, and who may handle them."""
    here = city(conn)
    assert here is not None
    rows = conn.execute(
        """SELECT p.code, p.path FROM place p
           WHERE NOT EXISTS (SELECT FROM place c WHERE c.parent = p.code) ORDER BY p.path"""
    ).fetchall()
    known = people(conn)
    names = conn.execute("SELECT code, name_zh FROM place").fetchall()
    classes = conn.execute(
        """SELECT DISTINCT ON (code) code, name_zh, "limit", unit FROM class ORDER BY code, no"""
    )
    return Ground(
        codes=[row["code"] for row in rows],
        paths=[row["path"] for row in rows],
        weights=[known[row["code"]] for row in rows],
        names={row["code"]: row["name_zh"] for row in names},
        classes=[ClassRule(row["code"], row["name_zh"], row["limit"], row["unit"]) for row in classes],
        departments=frozenset(row["code"] for row in conn.execute("SELECT code FROM department")),
        people=known[here["root"]],
        cases_a_day=here["demo"].get("incidents_a_day"),
        zone=here["timezone"],
    )


def spoken_hours(conn: Conn, since: datetime, until: datetime) -> int:
    """In how many hours a simulated series below the root has had readings."""
    row = conn.execute(
        """SELECT count(DISTINCT r.at) AS n FROM city c JOIN node n ON n.place = c.root AND n.asset = ''
           JOIN sign g ON g.code = n.sign AND g.period <= '1 hour'
           CROSS JOIN LATERAL
             (SELECT at FROM rollup_hour h WHERE h.id = n.id AND h.at >= %s AND h.at < %s OFFSET 0) r""",
        (since, until),
    ).fetchone()
    return row["n"] if row else 0


def alone(conn: Conn, number: int) -> bool:
    """True for one session at a time, until it ends."""
    row = conn.execute("SELECT pg_try_advisory_lock(%s, 0) AS mine", (number,)).fetchone()
    return bool(row and row["mine"])


def geometries(conn: Conn, codes: Sequence[str]) -> dict[str, Any]:
    rows = conn.execute(
        "SELECT code, geometry FROM place WHERE code = ANY(%s) AND geometry IS NOT NULL", (list(codes),)
    )
    return {row["code"]: row["geometry"] for row in rows}


def open_cases(conn: Conn, feeds: Sequence[str]) -> list[Row]:
    """Simulated cases that are not over: `{id, source, source_id, version, state}`."""
    return conn.execute(
        """SELECT id, source, source_id, version, state FROM incident
           WHERE open AND simulated AND source = ANY(%s) ORDER BY at""",
        (list(feeds),),
    ).fetchall()


def counted_cases(conn: Conn, since: datetime, until: datetime) -> int:
    row = conn.execute(
        "SELECT count(*) AS n FROM incident WHERE simulated AND at > %s AND at <= %s", (since, until)
    ).fetchone()
    return row["n"] if row else 0


def decide(conn: Conn, row: dict[str, Any]) -> None:
    """A decision and how long it held; one of the track that stood before ends with it."""
    conn.execute(
        """UPDATE decision SET valid = tstzrange(lower(valid), %(at)s)
           WHERE track = %(track)s AND place = %(place)s AND source = %(source)s AND id <> %(id)s
             AND lower(valid) < %(at)s AND (upper_inf(valid) OR upper(valid) > %(at)s)""",
        row,
    )
    conn.execute(
        """INSERT INTO decision (id, track, place, level, by, reason, source, valid)
           VALUES (%(id)s, %(track)s, %(place)s, %(level)s, %(by)s, %(reason)s, %(source)s,
                   tstzrange(%(at)s, %(until)s)) ON CONFLICT (id) DO UPDATE SET valid = excluded.valid""",
        row,
    )


def warn(conn: Conn, row: dict[str, Any]) -> None:
    """A warning from its issue on; once it is lifted, until then."""
    conn.execute(
        """INSERT INTO warning AS w (id, kind, colour, path, issuer, source, valid)
           VALUES (%(id)s, %(kind)s, %(colour)s, %(path)s, %(issuer)s, %(source)s,
                   tstzrange(%(issued)s, %(lifted)s))
           ON CONFLICT (id) DO UPDATE SET valid = excluded.valid
             WHERE w.valid IS DISTINCT FROM excluded.valid""",
        row,
    )
