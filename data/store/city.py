"""How does a city folder become rows, and what did the rows say before?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from data.db import Conn
from data.domain.city import City, PlaceRow, SignRow
from data.domain.sign import Leaf
from data.store import fold, nodes
from data.store.series import GROWTH

WITH_HISTORY = frozenset({"place", "sign", "class"})
GROUND = frozenset({"centre", "geometry", "outline", "bounds", "schematic"})


def loaded(conn: Conn) -> dict[str, Any] | None:
    """The one row of the city; None before the first load."""
    return conn.execute("SELECT * FROM city").fetchone()


def facts(conn: Conn) -> dict[str, Any] | None:
    """The same without the base layer, names and domains in two languages."""
    return conn.execute(
        """SELECT root, jsonb_build_object('zh', name_zh, 'en', name_en) AS name, timezone, languages,
                  domains, units, demo, hash, loaded_at, history FROM city"""
    ).fetchone()


def base(conn: Conn) -> dict[str, Any] | None:
    row = conn.execute("SELECT base FROM city").fetchone()
    return None if row is None else row["base"]


def load(conn: Conn, city: City, cells: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes everything the folder names, as the owner, in the caller's transaction.

    `cells`: by place code `centre` (lon, lat), `geometry`, `outline`, `bounds`, `schematic`, `sought`.
    Rows that change are kept in `…_was`; new series count from now on, at a first load since ever.
    """
    first = loaded(conn) is None
    if first:
        _city(conn, city)
    write_places(conn, [_place(city, row, cells.get(row.code, {})) for row in city.places])
    write(conn, "department", ["code"], [_columns(row, _DEPARTMENT) for row in city.departments])
    write(conn, "sign", ["code"], _signs(city))
    write(conn, "class", ["code", "condition"], [_columns(row, _CLASS) for row in city.classes], prune=True)
    write_assets(conn, [_asset(row) for row in city.assets])
    _series(conn, expected(city), since="-infinity" if first else "now")
    if not first:
        _city(conn, city)


def _city(conn: Conn, city: City) -> None:
    domains = [{"code": row.code, "name_zh": row.name_zh, "name_en": row.name_en} for row in city.domains]
    conn.execute(
        """INSERT INTO city (root, name_zh, name_en, timezone, languages, domains, units, base, demo, hash)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (one) DO UPDATE SET name_zh = excluded.name_zh, name_en = excluded.name_en,
             languages = excluded.languages, domains = excluded.domains, units = excluded.units,
             base = excluded.base,
             demo = excluded.demo, hash = excluded.hash, loaded_at = now()""",
        (
            city.root, city.name_zh, city.name_en, city.timezone, list(city.languages), Jsonb(domains),
            Jsonb(city.units), Jsonb(city.base) if city.base else None, Jsonb(city.demo), city.hash,
        ),
    )  # fmt: skip


_DEPARTMENT = {"code": "code", "place": "place", "name_zh": "name_zh", "name_en": "name_en"}
_CLASS = {
    "code": "code", "condition": "condition", "no": "number", "name_zh": "name_zh", "name_en": "name_en",
    "limit": "limit", "unit": "unit", "stage": "stage", "source": "source", "illustrative": "illustrative",
}  # fmt: skip
_SIGN = (
    "code", "name_zh", "name_en", "domain", "unit", "period", "tier", "kind", "direction", "t1", "t2", "t3",
    "hysteresis", "hold", "freshness", "fold_time", "fold_space", "weight", "shared", "department", "source",
    "illustrative",
)  # fmt: skip


def _columns(row: object, columns: Mapping[str, str]) -> dict[str, Any]:
    return {column: getattr(row, name) for column, name in columns.items()}


def _place(city: City, row: PlaceRow, cell: Mapping[str, Any]) -> dict[str, Any]:
    steps = row.path.rstrip("/").split("/")
    return {
        "code": row.code, "parent": row.parent, "tier": row.tier, "path": row.path,
        "district": steps[1] if len(steps) > 1 else city.root, "name_zh": row.name_zh, "name_en": row.name_en,
        "centre": cell.get("centre"), "geometry": cell.get("geometry"), "outline": cell.get("outline"),
        "bounds": cell.get("bounds"), "population": row.population, "area": row.area_km2,
        "schematic": cell.get("schematic", True), "sought": cell.get("sought", row.code.lower()),
    }  # fmt: skip


def _signs(city: City) -> list[dict[str, Any]]:
    return [
        {"no": number, "weighted": _is_weighted(city, row), **{name: getattr(row, name) for name in _SIGN}}
        for number, row in enumerate(city.signs)
    ]


def _is_weighted(city: City, row: SignRow) -> bool:
    """Only a mean weighs; one place of the tier without the figure makes all weigh 1 (未加权)."""
    if row.weight == "1" or row.fold_space != "mean" or row.kind is not None:
        return False
    figure = "population" if row.weight == "population" else "area_km2"
    return all(getattr(place, figure) for place in city.places if place.tier == row.tier)


def _asset(row: Any) -> dict[str, Any]:
    point = None if row.lon is None or row.lat is None else (row.lon, row.lat)
    return {
        "code": row.code, "kind": row.kind, "place": row.place, "point": point, "name_zh": row.name_zh,
        "name_en": row.name_en, "department": row.department or None, "schematic": row.illustrative,
    }  # fmt: skip


# ── rows of any table, with what they said before ───────────────────────────────────────────────
def write_places(conn: Conn, rows: Sequence[Mapping[str, Any]]) -> int:
    """A schematic cell never takes the place of a real one that was imported."""
    real = {row["code"] for row in conn.execute("SELECT code FROM place WHERE NOT schematic")}
    drawn = [row for row in rows if row["code"] not in real or not row["schematic"]]
    named = [
        {name: value for name, value in row.items() if name not in GROUND}
        for row in rows
        if row["code"] in real and row["schematic"]
    ]
    return write(conn, "place", ["code"], drawn) + write(conn, "place", ["code"], named)


def write_assets(conn: Conn, rows: Sequence[Mapping[str, Any]]) -> int:
    """`path` and `district` are the place's own."""
    homes = {row["code"]: row for row in conn.execute("SELECT code, path, district FROM place")}
    placed = [
        {**row, "path": homes[row["place"]]["path"], "district": homes[row["place"]]["district"]}
        for row in rows
    ]
    return write(conn, "asset", ["code"], placed)


def write(
    conn: Conn, table: str, key: Sequence[str], rows: Sequence[Mapping[str, Any]], *, prune: bool = False
) -> int:
    """Adds or changes rows by key; answers how many changed. What changes is first kept in `…_was`."""
    if not rows:
        return 0
    stage = _stage(conn, table, rows)
    names = {
        "table": sql.Identifier(table), "was": sql.Identifier(f"{table}_was"), "stage": stage,
        "on": sql.SQL(" AND ").join(sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in key),
        "old": _row("t", rows[0]), "new": _row("s", rows[0]), "key": _list(key), "columns": _list(rows[0]),
        "set": sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(n)) for n in rows[0]),
    }  # fmt: skip
    if table in WITH_HISTORY:
        conn.execute(sql.SQL(_KEEP).format(**names))
    if prune:
        conn.execute(
            sql.SQL("DELETE FROM {table} t WHERE NOT EXISTS (SELECT FROM {stage} s WHERE {on})").format(
                **names
            )
        )
    done = conn.execute(sql.SQL(_UPSERT).format(**names))
    conn.execute(sql.SQL("DROP TABLE {stage}").format(**names))
    return done.rowcount


_KEEP = """INSERT INTO {was} SELECT t.*, tstzrange(coalesce((SELECT max(upper(w.valid)) FROM {was} w
             WHERE w.code = t.code), '-infinity'), city_now()) FROM {table} t JOIN {stage} s ON {on}
           WHERE {old} IS DISTINCT FROM {new}"""
_UPSERT = """INSERT INTO {table} ({columns}) SELECT s.* FROM {stage} s
             WHERE NOT EXISTS (SELECT FROM {table} t WHERE {on} AND {old} IS NOT DISTINCT FROM {new})
             ON CONFLICT ({key}) DO UPDATE SET {set}"""


def _stage(conn: Conn, table: str, rows: Sequence[Mapping[str, Any]]) -> sql.Identifier:
    stage = sql.Identifier(f"stage_{table}")
    columns = _list(rows[0])
    conn.execute(
        sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0").format(
            stage, columns, sql.Identifier(table)
        )
    )
    with conn.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN").format(stage, columns)) as copy:
        for row in rows:
            copy.write_row([_cell(value) for value in row.values()])
    return stage


def _cell(value: Any) -> Any:
    """A dict is JSON; two numbers are a point, four a box."""
    if isinstance(value, dict):
        return Jsonb(value)
    if isinstance(value, tuple):
        west, south, *rest = value
        return f"({west},{south}),({rest[0]},{rest[1]})" if rest else f"({west},{south})"
    return value


def _list(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _row(alias: str, names: Iterable[str]) -> sql.Composed:
    """Points and boxes have no plain equality, so rows are compared as text."""
    cells = (sql.SQL("{}.{}::text").format(sql.Identifier(alias), sql.Identifier(name)) for name in names)
    return sql.SQL("ROW({})").format(sql.SQL(", ").join(cells))


# ── what is expected ────────────────────────────────────────────────────────────────────────────
def expected(city: City) -> list[Leaf]:
    """The series of series.csv; of a sign without any there, all places of its tier or assets of its kind."""
    homes = {asset.code: asset.place for asset in city.assets}
    named = [
        Leaf(row.sign, homes[row.asset] if row.asset else row.place or "", row.asset or "", row.capacity)
        for row in city.series
    ]
    listed = {leaf.sign for leaf in named}
    return named + [
        leaf for sign in city.signs if sign.code not in listed for leaf in _everywhere(city, sign)
    ]


def _everywhere(city: City, sign: SignRow) -> list[Leaf]:
    if sign.kind is not None:
        return [Leaf(sign.code, asset.place, asset.code) for asset in city.assets if asset.kind == sign.kind]
    return [Leaf(sign.code, place.code) for place in city.places if place.tier == sign.tier]


def _series(conn: Conn, wanted: list[Leaf], *, since: str) -> None:
    fold.lock(conn, GROWTH, fold.FAST)
    keys = {(leaf.sign, leaf.place, leaf.asset) for leaf in wanted}
    standing = nodes.standing_leaves(conn)
    gone = [leaf for leaf in standing if (leaf.sign, leaf.place, leaf.asset) not in keys]
    grown = nodes.grow(wanted, nodes.spots(conn), nodes.kinds(conn))
    nodes.write(conn, grown, since=since)
    if gone:
        nodes.end(conn, gone)
    if standing:
        fold.restate(conn)
